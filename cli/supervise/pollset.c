/* SPDX-License-Identifier: MIT
 * A set is an array of struct pollfd, the same everywhere, or three of bits in words as long as the
 * caller's; a time is two words, whose length depends on the call, too. */
#include "cli/supervise/pollset.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* What a descriptor is asked for in each of the sets of select(2), and what counts as that. */
static const struct {
    short events;
    short answers;
} kinds[] = {
    {POLLIN | POLLRDNORM | POLLRDBAND, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR},
    {POLLOUT | POLLWRNORM | POLLWRBAND, POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR},
    {POLLPRI, POLLPRI},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* --- Times --- */

/* The time that a call has by a pointer, which the kernel updates. */
struct time_place {
    uint64_t at; /* 0: for ever */
    size_t word; /* octets */
    int64_t per_second;
};

static struct time_place time_place(const struct call *call)
{
    bool is_select = call->kind == CALL_SELECT;
    bool is_poll = call->kind == CALL_PPOLL || call->kind == CALL_PPOLL_TIME64;
    bool is_long =
        !call->is_compat || call->kind == CALL_PPOLL_TIME64 || call->kind == CALL_PSELECT_TIME64;
    return (struct time_place){
        .at = call->args[is_poll ? 2 : 4],
        .word = is_long ? sizeof(int64_t) : sizeof(int32_t),
        .per_second = is_select ? 1000000 : 1000000000,
    };
}

static int64_t read_word(const uint8_t *from, size_t word)
{
    int32_t narrow;
    int64_t wide;
    if (word == sizeof(narrow)) {
        memcpy(&narrow, from, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, from, sizeof(wide));
    return wide;
}

static void write_word(uint8_t *into, size_t word, int64_t value)
{
    int32_t narrow = (int32_t)value;
    if (word == sizeof(narrow))
        memcpy(into, &narrow, sizeof(narrow));
    else
        memcpy(into, &value, sizeof(value));
}

/* Rounded up, as a wait may be longer than it was asked for, and never shorter. */
static bool read_time(const struct caller *caller, const struct call *call, int64_t *timeout_ms)
{
    struct time_place place = time_place(call);
    uint8_t words[2 * sizeof(int64_t)];
    if (call->kind == CALL_POLL) {
        int asked = (int)call->args[2];
        *timeout_ms = asked < 0 ? -1 : asked;
        return true;
    }
    *timeout_ms = -1;
    if (place.at == 0)
        return true;
    if (caller_read(caller, place.at, words, 2 * place.word) != 0)
        return false;
    int64_t seconds = read_word(words, place.word);
    int64_t parts = read_word(words + place.word, place.word);
    if (seconds < 0 || parts < 0 || parts >= place.per_second)
        return false;
    int64_t part_ms = place.per_second / 1000;
    if (seconds < INT_MAX) /* more is for ever */
        *timeout_ms = seconds * 1000 + (parts + part_ms - 1) / part_ms;
    return true;
}

static int write_time(const struct caller *caller, const struct call *call, int64_t left_ms)
{
    struct time_place place = time_place(call);
    uint8_t words[2 * sizeof(int64_t)];
    if (call->kind == CALL_POLL || place.at == 0 || left_ms < 0)
        return 0;
    write_word(words, place.word, left_ms / 1000);
    write_word(words + place.word, place.word, left_ms % 1000 * (place.per_second / 1000));
    return caller_write(caller, place.at, words, 2 * place.word);
}

/* --- Masks --- */

/* An address or a size. */
static int read_long(const struct caller *caller, const struct call *call, uint64_t at,
                     uint64_t *value)
{
    uint32_t narrow = 0;
    if (!call->is_compat)
        return caller_read(caller, at, value, sizeof(*value));
    int error = caller_read(caller, at, &narrow, sizeof(narrow));
    *value = narrow;
    return error;
}

/* The mask is the same for all: 64 signals, the first in the lowest bit. pselect6(2) has a pointer
 * to it in memory. */
static bool read_mask(const struct caller *caller, const struct call *call, uint64_t *let_in)
{
    uint64_t at = 0;
    uint64_t blocked;
    *let_in = 0;
    if (call->kind == CALL_PPOLL || call->kind == CALL_PPOLL_TIME64)
        at = call->args[3];
    else if ((call->kind == CALL_PSELECT || call->kind == CALL_PSELECT_TIME64) &&
             call->args[5] != 0 && read_long(caller, call, call->args[5], &at) != 0)
        return false;
    if (at == 0)
        return true;
    if (caller_read(caller, at, &blocked, sizeof(blocked)) != 0)
        return false;
    *let_in = ~blocked;
    return true;
}

/* --- select --- */

/* Octets of a set of bits: the kernel reads and writes whole words. */
static size_t bits_len(const struct call *call, int limit)
{
    size_t word = call->is_compat ? sizeof(uint32_t) : sizeof(uint64_t);
    return ((size_t)limit + 8 * word - 1) / (8 * word) * word;
}

/* The octet of a descriptor. Words are of little-endian machines, so their length is no matter. */
static size_t octet(int number)
{
    return (size_t)number / 8;
}

static uint8_t bit(int number)
{
    return (uint8_t)(1U << (number % 8));
}

static bool read_select(const struct caller *caller, const struct call *call, struct pollset *set)
{
    uint8_t bits[KINDS][POLLSET_MAX / 8] = {{0}};
    int limit = (int)call->args[0];
    if (limit < 0 || limit > POLLSET_MAX)
        return false;
    for (size_t kind = 0; kind < KINDS; kind++) {
        uint64_t at = call->args[1 + kind];
        if (at != 0 && caller_read(caller, at, bits[kind], bits_len(call, limit)) != 0)
            return false;
    }
    set->limit = limit;
    set->count = 0;
    for (int number = 0; number < limit; number++) {
        short events = 0;
        for (size_t kind = 0; kind < KINDS; kind++)
            if (bits[kind][octet(number)] & bit(number))
                events = (short)(events | kinds[kind].events);
        if (events != 0)
            set->entries[set->count++] = (struct pollfd){.fd = number, .events = events};
    }
    return true;
}

static int write_select(const struct caller *caller, const struct call *call,
                        const struct pollset *set, int64_t *value)
{
    int error = 0;
    *value = 0;
    for (size_t kind = 0; error == 0 && kind < KINDS; kind++) {
        uint8_t bits[POLLSET_MAX / 8] = {0};
        for (const struct pollfd *entry = set->entries; entry < set->entries + set->count; entry++)
            if ((entry->events & kinds[kind].events) && (entry->revents & kinds[kind].answers)) {
                bits[octet(entry->fd)] |= bit(entry->fd);
                ++*value;
            }
        if (call->args[1 + kind] != 0)
            error = caller_write(caller, call->args[1 + kind], bits, bits_len(call, set->limit));
    }
    return error;
}

/* --- poll --- */

static bool read_poll(const struct caller *caller, const struct call *call, struct pollset *set)
{
    set->count = (unsigned)call->args[1];
    return set->count <= POLLSET_MAX && caller_read(caller, call->args[0], set->entries,
                                                    set->count * sizeof(*set->entries)) == 0;
}

static int write_poll(const struct caller *caller, const struct call *call,
                      const struct pollset *set, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->entries[i].revents != 0)
            ++*value;
    return caller_write(caller, call->args[0], set->entries, set->count * sizeof(*set->entries));
}

/* --- Both --- */

bool pollset_read(const struct caller *caller, const struct call *call, struct pollset *set)
{
    set->is_select = call->kind == CALL_SELECT || call->kind == CALL_PSELECT ||
                     call->kind == CALL_PSELECT_TIME64;
    return read_mask(caller, call, &set->let_in) && read_time(caller, call, &set->timeout_ms) &&
           (set->is_select ? read_select(caller, call, set) : read_poll(caller, call, set));
}

bool pollset_entry_counts(const struct pollset *set, const struct pollfd *entry)
{
    if (!set->is_select)
        return entry->revents != 0;
    for (size_t kind = 0; kind < KINDS; kind++)
        if ((entry->events & kinds[kind].events) && (entry->revents & kinds[kind].answers))
            return true;
    return false;
}

int pollset_write(const struct caller *caller, const struct call *call, const struct pollset *set,
                  int64_t left_ms, int64_t *value)
{
    int error = set->is_select ? write_select(caller, call, set, value)
                               : write_poll(caller, call, set, value);
    return error ? error : write_time(caller, call, left_ms);
}
