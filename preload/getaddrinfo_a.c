/* SPDX-License-Identifier: MIT
 * getaddrinfo_a(3). What is answered here is done before libc hears of the rest, so that
 * gai_error(3), gai_suspend(3) and gai_cancel(3), which look at a finished request and ask nobody,
 * need not be interposed; and libc notifies, also when nothing is left to it. */
#include "preload/addrinfo.h"
#include "preload/real.h"
#include "preload/state.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/mman.h>

#ifdef __GLIBC__

enum { FEW = 64 }; /* more requests in one call: their list is mapped */

/* Answer what is ours; the others are left in rest, where libc skips a NULL. */
static void answer_ours(struct gaicb *list[], int count, struct gaicb *rest[])
{
    for (int i = 0; i < count; i++) {
        struct gaicb *request = list[i];
        rest[i] = request;
        if (!request)
            continue;
        struct addrinfo *found = NULL;
        int result;
        if (!addrinfo_answer(request->ar_name, request->ar_service, request->ar_request, &found,
                             &result))
            continue;
        request->ar_result = found;
        __atomic_store_n(&request->__return, result, __ATOMIC_RELEASE);
        rest[i] = NULL;
    }
}

EXPORT int getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *notify)
{
    struct gaicb *few[FEW];
    struct gaicb **rest = few;
    if ((mode != GAI_WAIT && mode != GAI_NOWAIT) || count <= 0)
        return real(getaddrinfo_a)(mode, list, count, notify);
    size_t size = (size_t)count * sizeof(*rest);
    if (count > FEW)
        rest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rest == MAP_FAILED)
        return EAI_MEMORY;
    answer_ours(list, count, rest);
    int result = real(getaddrinfo_a)(mode, rest, count, notify);
    int error = errno;
    if (rest != few)
        munmap(rest, size);
    errno = error;
    return result;
}

#endif
