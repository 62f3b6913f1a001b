/* SPDX-License-Identifier: MIT
 * What the suites share: octets and text in a short notation, memory that ends at a page nobody may
 * touch, and main's work. */
#ifndef SOCKSIFY_TESTS_UNIT_SUPPORT_H
#define SOCKSIFY_TESTS_UNIT_SUPPORT_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct octets {
    size_t len;
    uint8_t at[1024];
};

static inline void octets_add(struct octets *to, const void *bytes, size_t len)
{
    ck_assert_uint_le(len, sizeof(to->at) - to->len);
    if (len > 0)
        memcpy(to->at + to->len, bytes, len);
    to->len += len;
}

/* "01 75*255 00": octets in hexadecimal, *N for N times. */
static inline struct octets octets(const char *hex)
{
    struct octets out = {0};
    while (*hex) {
        char *end;
        uint8_t octet = (uint8_t)strtoul(hex, &end, 16);
        unsigned long times = 1;
        ck_assert_msg(end > hex && end <= hex + 2, "no octet: %s", hex);
        if (*end == '*')
            times = strtoul(end + 1, &end, 10);
        while (times-- > 0)
            octets_add(&out, &octet, 1);
        hex = end + strspn(end, " ");
    }
    return out;
}

struct spelled {
    size_t len;
    char text[1024]; /* NUL-terminated */
};

/* "x*63.test": text, with *N for N times the character before it. */
static inline struct spelled spelled(const char *text)
{
    struct spelled out = {0};
    while (*text) {
        char c = *text++;
        unsigned long times = 1;
        if (*text == '*') {
            char *end;
            times = strtoul(text + 1, &end, 10);
            text = end;
        }
        ck_assert_uint_lt(times, sizeof(out.text) - out.len);
        memset(out.text + out.len, c, times);
        out.len += times;
    }
    return out;
}

/* A copy of len octets that ends flush against a page that cannot be touched: one octet of
 * over-read is a crash. The next call reuses the place. */
static inline void *guarded(const void *bytes, size_t len)
{
    static uint8_t *end;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!end) {
        uint8_t *pages =
            mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(pages, MAP_FAILED);
        ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
        end = pages + page;
    }
    ck_assert_uint_le(len, page);
    if (len > 0)
        memcpy(end - len, bytes, len);
    return end - len;
}

/* Run a suite; what main returns. */
static inline int run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}

#endif
