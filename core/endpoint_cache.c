/* SPDX-License-Identifier: MIT
 * Remembered socket addresses of proxies given by host name. */
#include "core/endpoint_cache.h"

#include <stdbool.h>

/* Readers copy and check; a writer that finds another at work goes without. So nobody waits,
 * whatever signal or fork comes between. */
static struct endpoint_memory *memory_of(struct endpoint_cache *cache, const struct config *config,
                                         const struct proxy *proxy)
{
    size_t i = config_proxy_index(config, proxy);
    return i < ENDPOINT_CACHE_MAX ? &cache->memory[i] : NULL;
}

static bool recall(struct endpoint_memory *memory, struct endpoints *found)
{
    unsigned before = __atomic_load_n(&memory->sequence, __ATOMIC_ACQUIRE);
    if (before & 1)
        return false;
    *found = memory->endpoints;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&memory->sequence, __ATOMIC_RELAXED) == before && found->count > 0;
}

static void remember(struct endpoint_memory *memory, const struct endpoints *found)
{
    unsigned even = __atomic_load_n(&memory->sequence, __ATOMIC_RELAXED) & ~1u;
    if (!__atomic_compare_exchange_n(&memory->sequence, &even, even + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memory->endpoints = *found;
    __atomic_store_n(&memory->sequence, even + 2, __ATOMIC_RELEASE);
}

enum status endpoint_cache_find(struct endpoint_cache *cache, const struct config *config,
                                const struct proxy *proxy, struct endpoints *found)
{
    if (proxy->address.kind != TARGET_NAME)
        return endpoints_resolve(proxy, found);
    struct endpoint_memory *memory = memory_of(cache, config, proxy);
    if (memory && recall(memory, found))
        return STATUS_OK;
    enum status status = endpoints_resolve(proxy, found);
    if (status == STATUS_OK && memory)
        remember(memory, found);
    return status;
}

void endpoint_cache_forget(struct endpoint_cache *cache, const struct config *config,
                           const struct proxy *proxy)
{
    static const struct endpoints none;
    struct endpoint_memory *memory = memory_of(cache, config, proxy);
    if (proxy->address.kind == TARGET_NAME && memory)
        remember(memory, &none);
}
