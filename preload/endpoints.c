/* SPDX-License-Identifier: MIT
 * Remembered socket addresses of proxies given by host name. */
#include "preload/endpoints.h"

#include "preload/guard.h"

#include <stdbool.h>
#include <string.h>

/* Proxies by host name are few; those beyond the table are looked up each time. */
enum { MEMORY_MAX = 16 };

/* A sequence lock each: odd while somebody writes. Readers copy and check; a writer that finds
 * another at work goes without. So nobody waits, whatever signal or fork comes between. */
static struct memory {
    unsigned sequence;
    struct endpoints endpoints;
} memories[MEMORY_MAX];

static struct memory *memory_of(const struct config *config, const struct proxy *proxy)
{
    size_t i = config_proxy_index(config, proxy);
    return i < MEMORY_MAX ? &memories[i] : NULL;
}

static bool recall(struct memory *memory, struct endpoints *found)
{
    unsigned before = __atomic_load_n(&memory->sequence, __ATOMIC_ACQUIRE);
    if (before & 1)
        return false;
    *found = memory->endpoints;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&memory->sequence, __ATOMIC_RELAXED) == before && found->count > 0;
}

static void remember(struct memory *memory, const struct endpoints *found)
{
    unsigned even = __atomic_load_n(&memory->sequence, __ATOMIC_RELAXED) & ~1u;
    if (!__atomic_compare_exchange_n(&memory->sequence, &even, even + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memory->endpoints = *found;
    __atomic_store_n(&memory->sequence, even + 2, __ATOMIC_RELEASE);
}

enum status endpoints_of(const struct config *config, const struct proxy *proxy,
                         struct endpoints *found)
{
    if (proxy->address.kind != TARGET_NAME)
        return endpoints_resolve(proxy, found);
    struct memory *memory = memory_of(config, proxy);
    if (memory && recall(memory, found))
        return STATUS_OK;
    guard_enter();
    enum status status = endpoints_resolve(proxy, found);
    guard_leave();
    if (status == STATUS_OK && memory)
        remember(memory, found);
    return status;
}

void endpoints_forget(const struct config *config, const struct proxy *proxy)
{
    static const struct endpoints none;
    struct memory *memory = memory_of(config, proxy);
    if (proxy->address.kind == TARGET_NAME && memory)
        remember(memory, &none);
}
