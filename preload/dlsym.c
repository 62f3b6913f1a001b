/* SPDX-License-Identifier: MIT
 * dlsym(3), dlvsym(3), dlopen(3) and dlmopen(3): what is looked up in libc, or is loaded so as to
 * prefer libc, gets the functions that this library exports all the same. */
#include "core/log.h"
#include "preload/jump.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/symbols.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

JUMP_ROUTE dlsym_route(uintptr_t arguments[]);

/* Only where libc's own would be the answer: another library may have a "connect" or "select" that
 * means something else. */
static void *replace(void *found, const char *name)
{
    void *exported = found ? symbols_exported(name) : NULL;
    return exported && symbols_is_libc(found) ? exported : found;
}

static void *find_in_object(void *handle, const char *name)
{
    return replace(real(dlsym)(handle, name), name);
}

/* These two mean something else for each caller, and never libc instead of us: we stand before it
 * in the order of search. */
static bool depends_on_caller(uintptr_t handle)
{
    return handle == (uintptr_t)RTLD_NEXT || handle == (uintptr_t)RTLD_DEFAULT;
}

const void *dlsym_route(uintptr_t arguments[])
{
    if (depends_on_caller(arguments[0]))
        return (const void *)real(dlsym);
    return (const void *)find_in_object;
}

JUMP_THROUGH("dlsym", "dlsym_route");

/* Elsewhere there is one libc in a process, no versions, and nothing that would be preferred. */
#ifdef __GLIBC__

JUMP_ROUTE dlvsym_route(uintptr_t arguments[]);
JUMP_ROUTE dlopen_route(uintptr_t arguments[]);
JUMP_ROUTE dlmopen_route(uintptr_t arguments[]);

static void *find_version_in_object(void *handle, const char *name, const char *version)
{
    return replace(real(dlvsym)(handle, name, version), name);
}

const void *dlvsym_route(uintptr_t arguments[])
{
    if (depends_on_caller(arguments[0]))
        return (const void *)real(dlvsym);
    return (const void *)find_version_in_object;
}

/* With RTLD_DEEPBIND a library is bound to its own libc's functions first. */
const void *dlopen_route(uintptr_t arguments[])
{
    arguments[1] &= ~(uintptr_t)RTLD_DEEPBIND;
    return (const void *)real(dlopen);
}

/* In another namespace is another libc, and nothing is preloaded there. */
static void warn_of_namespace(const char *file)
{
    static bool warned;
    state_start();
    if (!__atomic_exchange_n(&warned, true, __ATOMIC_RELAXED))
        log_warn("%s is loaded with a libc of its own (dlmopen): it is not proxied", file);
}

const void *dlmopen_route(uintptr_t arguments[])
{
    const char *file = (const char *)arguments[1];
    if (arguments[0] == LM_ID_BASE)
        arguments[2] &= ~(uintptr_t)RTLD_DEEPBIND;
    else if (file)
        warn_of_namespace(file);
    return (const void *)real(dlmopen);
}

JUMP_THROUGH("dlvsym", "dlvsym_route");
JUMP_THROUGH("dlopen", "dlopen_route");
JUMP_THROUGH("dlmopen", "dlmopen_route");

#endif
