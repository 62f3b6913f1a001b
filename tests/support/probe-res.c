/* SPDX-License-Identifier: MIT
 * The resolver's functions, one call a run, and their whole answer as text:
 *   probe-res query|search|nquery|nsearch NAME TYPE [SIZE]
 *   probe-res querydomain|nquerydomain NAME.DOMAIN TYPE [SIZE]   (cut at the first dot)
 *   probe-res send|nsend NAME TYPE [SIZE]
 *   probe-res __query ...                                        (the older name of each)
 * TYPE is a number, SIZE that of the answer's buffer. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_TRIED = 1 << 16 };

static unsigned char answer[SIZE_MAX_TRIED];

/* The function of that name, as a program finds it that was linked to it. */
#define OLDER(name) ((__typeof__(&name))older(#name))

static void *older(const char *name)
{
    char full[64];
    snprintf(full, sizeof(full), "__%s", name);
    void *function = dlsym(RTLD_DEFAULT, full);
    if (!function)
        errx(2, "%s: not found", full);
    return function;
}

static int call(const char *function, const char *name, int type, int size)
{
    bool old = strncmp(function, "__", 2) == 0;
    char first[256];
    unsigned char query[512];
    struct __res_state state = {0};
    size_t first_len = strcspn(name, ".");
    const char *rest = name[first_len] ? name + first_len + 1 : NULL;
    snprintf(first, sizeof(first), "%.*s", (int)first_len, name);
    function += old ? 2 : 0;
    if (res_ninit(&state) != 0)
        errx(2, "res_ninit");
    if (!strcmp(function, "query"))
        return (old ? OLDER(res_query) : res_query)(name, ns_c_in, type, answer, size);
    if (!strcmp(function, "search"))
        return (old ? OLDER(res_search) : res_search)(name, ns_c_in, type, answer, size);
    if (!strcmp(function, "querydomain"))
        return (old ? OLDER(res_querydomain) : res_querydomain)(first, rest, ns_c_in, type, answer,
                                                                size);
    if (!strcmp(function, "nquery"))
        return (old ? OLDER(res_nquery) : res_nquery)(&state, name, ns_c_in, type, answer, size);
    if (!strcmp(function, "nsearch"))
        return (old ? OLDER(res_nsearch) : res_nsearch)(&state, name, ns_c_in, type, answer, size);
    if (!strcmp(function, "nquerydomain"))
        return (old ? OLDER(res_nquerydomain) : res_nquerydomain)(&state, first, rest, ns_c_in,
                                                                  type, answer, size);
    int len =
        res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof(query));
    if (len < 0)
        errx(2, "res_nmkquery");
    if (!strcmp(function, "send"))
        return (old ? OLDER(res_send) : res_send)(query, len, answer, size);
    if (!strcmp(function, "nsend"))
        return (old ? OLDER(res_nsend) : res_nsend)(&state, query, len, answer, size);
    errx(2, "%s: unknown function", function);
}

/* libresolv has one, but what is tested here is in libc. */
static unsigned get16(const unsigned char *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static void print_record(const unsigned char *record, const unsigned char *data, unsigned len)
{
    char text[NS_MAXDNAME];
    unsigned type = get16(record);
    if ((type == ns_t_a && len == 4) || (type == ns_t_aaaa && len == 16)) {
        inet_ntop(type == ns_t_a ? AF_INET : AF_INET6, data, text, sizeof(text));
        printf(" %s", text);
    } else if (type == ns_t_ptr || type == ns_t_mx) {
        unsigned before = type == ns_t_mx ? 2 : 0;
        if (dn_expand(answer, data + len, data + before, text, sizeof(text)) >= 0)
            printf(" %s", text);
    } else {
        printf(" type=%u length=%u", type, len);
    }
}

static void print_answer(int len)
{
    const unsigned char *at = answer + NS_HFIXEDSZ, *end = answer + len;
    unsigned count = get16(answer + 6);
    printf("rcode=%u tc=%u ad=%u answers=%u:", answer[3] & 15u, answer[2] >> 1 & 1u,
           answer[3] >> 5 & 1u, count);
    int skip = dn_skipname(at, end);
    at += (skip < 0 ? 0 : skip) + NS_QFIXEDSZ;
    while (skip >= 0 && count-- > 0 && at < end) {
        skip = dn_skipname(at, end);
        if (skip < 0 || end - at < skip + NS_RRFIXEDSZ)
            break;
        at += skip;
        unsigned data_len = get16(at + 8);
        if (end - at < (long)(NS_RRFIXEDSZ + data_len))
            break;
        print_record(at, at + NS_RRFIXEDSZ, data_len);
        at += NS_RRFIXEDSZ + data_len;
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    if (argc < 4)
        errx(2, "usage: probe-res FUNCTION NAME TYPE [SIZE]");
    int size = argc > 4 ? atoi(argv[4]) : SIZE_MAX_TRIED;
    h_errno = 0;
    int len = call(argv[1], argv[2], atoi(argv[3]), size);
    if (len < 0) {
        printf("-1 h_errno=%d\n", h_errno);
        return 0;
    }
    printf("%d octets, ", len);
    print_answer(len < size ? len : size);
    return 0;
}
