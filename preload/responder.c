/* SPDX-License-Identifier: MIT
 * The in-process name server: sockets, thread, and the questions that take their time. */
#include "preload/responder.h"

#include "core/dns.h"
#include "core/forward.h"
#include "core/resolver.h"
#include "core/sys.h"
#include "preload/guard.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/own.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SEATS = 32,         /* name servers, by family and protocol, that one program asks */
    MESSAGE_MAX = 4096, /* longer questions are nonsense; longer answers go over TCP alone */
    SLOW_MAX = 16,      /* questions under way that the network has to answer */
    PATIENCE_MS = 5000, /* for the next octets of a question over TCP */
    STACK_SIZE = 64 * 1024,
};

/* One address of ours. Filled under the lock before `count` is raised, then never changed but for
 * fd, which a forked child loses. */
static struct seat {
    union endpoint nameserver;
    union endpoint ours;
    bool tcp;
    int fd; /* bound there; -1 in a child: only the parent answers */
} seats[SEATS];

static size_t seat_count; /* atomic */
static int epoll_fd = -1; /* under the lock; -1: there is no thread */
static uint32_t slow_count;
bool responder_started;

/* --- Answers --- */

/* A question on its way: from a client of ours, by datagram or over TCP. */
struct question {
    int fd; /* the seat's socket, or the TCP connection */
    bool tcp;
    union endpoint from;
    socklen_t from_len;
    union endpoint nameserver;
    size_t len;
    uint8_t query[MESSAGE_MAX];
};

static void give_answer(const struct question *question, const uint8_t *answer, size_t len)
{
    if (len > 0)
        real(sendto)(question->fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL, &question->from.any,
                     question->from_len);
}

static size_t answer_slowly(const struct question *question, enum resolver_verdict verdict,
                            uint8_t *answer, size_t size)
{
    const struct scope scope = state_scope();
    const struct forward_question forward = {
        .query = question->query,
        .len = question->len,
        .verdict = verdict,
        .nameserver = &question->nameserver,
        .by_datagram = !question->tcp,
    };
    return forward_answer(&scope, &forward, answer, size);
}

static bool take_slow_place(void)
{
    if (__atomic_add_fetch(&slow_count, 1, __ATOMIC_RELAXED) <= SLOW_MAX)
        return true;
    __atomic_sub_fetch(&slow_count, 1, __ATOMIC_RELAXED);
    return false;
}

struct slow_job {
    struct question question;
    enum resolver_verdict verdict;
};

static void *run_slow(void *argument)
{
    struct slow_job *job = argument;
    uint8_t answer[MESSAGE_MAX];
    guard_enter();
    size_t len = answer_slowly(&job->question, job->verdict, answer, sizeof(answer));
    give_answer(&job->question, answer, len);
    guard_leave();
    munmap(job, sizeof(*job));
    __atomic_sub_fetch(&slow_count, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* In a thread of its own, so that nobody else's question waits. */
static bool answer_elsewhere(const struct question *question, enum resolver_verdict verdict)
{
    if (!take_slow_place())
        return false;
    struct slow_job *job =
        mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (job != MAP_FAILED) {
        job->question = *question;
        job->verdict = verdict;
        if (thread_start(run_slow, job, STACK_SIZE))
            return true;
        munmap(job, sizeof(*job));
    }
    __atomic_sub_fetch(&slow_count, 1, __ATOMIC_RELAXED);
    return false;
}

static void answer_question(const struct question *question)
{
    uint8_t answer[MESSAGE_MAX];
    size_t len = 0;
    const struct scope scope = state_scope();
    enum resolver_verdict verdict =
        resolver_answer(&scope, question->query, question->len, true, answer, sizeof(answer), &len);
    if (verdict == RESOLVER_SILENT)
        return;
    if (verdict != RESOLVER_ANSWERED) {
        if (answer_elsewhere(question, verdict))
            return;
        len = resolver_fail(question->query, question->len, answer, sizeof(answer));
    }
    give_answer(question, answer, len);
}

/* --- TCP --- */

static bool receive_all(int fd, uint8_t *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        ssize_t count = sys_poll(&readable, 1, PATIENCE_MS) == 1
                            ? sys_recv(fd, buf + done, len - done, MSG_DONTWAIT)
                            : -1;
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

/* What a client does not take within our patience is not for it. */
static bool send_all(int fd, const uint8_t *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        ssize_t count = sys_poll(&writable, 1, PATIENCE_MS) == 1
                            ? sys_send(fd, buf + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : -1;
        if (count < 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

/* A client, and the answer to it behind its length: as long as that can say, and far too long for
 * the thread's stack. */
struct tcp_job {
    struct question question;
    uint8_t answer[2 + DNS_MESSAGE_MAX];
};

static bool answer_over_tcp(struct tcp_job *job)
{
    const struct question *question = &job->question;
    uint8_t *answer = job->answer + 2;
    size_t len = 0;
    const struct scope scope = state_scope();
    enum resolver_verdict verdict = resolver_answer(&scope, question->query, question->len, false,
                                                    answer, DNS_MESSAGE_MAX, &len);
    if (verdict == RESOLVER_DIRECT || verdict == RESOLVER_FORWARD)
        len = answer_slowly(question, verdict, answer, DNS_MESSAGE_MAX);
    job->answer[0] = (uint8_t)(len >> 8);
    job->answer[1] = (uint8_t)len;
    return len == 0 || send_all(question->fd, job->answer, 2 + len);
}

static void *run_tcp(void *argument)
{
    struct tcp_job *job = argument;
    struct question *question = &job->question;
    uint8_t head[2];
    guard_enter();
    while (receive_all(question->fd, head, sizeof(head))) {
        question->len = (size_t)(head[0] << 8 | head[1]);
        if (question->len > sizeof(question->query) ||
            !receive_all(question->fd, question->query, question->len) || !answer_over_tcp(job))
            break;
    }
    own_close(question->fd);
    guard_leave();
    munmap(job, sizeof(*job));
    __atomic_sub_fetch(&slow_count, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void serve_tcp(const struct seat *seat)
{
    int fd = own_adopt(
        (int)kernel_call(SYS_accept4, seat->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd < 0)
        return;
    struct tcp_job *job = take_slow_place() ? mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                            : NULL;
    if (job && job != MAP_FAILED) {
        job->question.fd = fd;
        job->question.tcp = true;
        job->question.nameserver = seat->nameserver;
        if (thread_start(run_tcp, job, STACK_SIZE))
            return;
        munmap(job, sizeof(*job));
    }
    if (job)
        __atomic_sub_fetch(&slow_count, 1, __ATOMIC_RELAXED);
    own_close(fd);
}

/* --- The thread --- */

static void serve_datagrams(const struct seat *seat)
{
    struct question question = {.fd = seat->fd, .nameserver = seat->nameserver};
    for (;;) {
        question.from_len = sizeof(question.from);
        ssize_t received = real(recvfrom)(seat->fd, question.query, sizeof(question.query),
                                          MSG_DONTWAIT, &question.from.any, &question.from_len);
        if (received < 0)
            return;
        question.len = (size_t)received;
        answer_question(&question);
    }
}

static void *run(void *argument)
{
    int set = (int)(intptr_t)argument;
    guard_enter();
    for (;;) {
        struct epoll_event events[SEATS];
        int count = epoll_wait(set, events, SEATS, -1);
        for (int i = 0; i < count; i++) {
            const struct seat *seat = &seats[events[i].data.u32];
            if (seat->tcp)
                serve_tcp(seat);
            else
                serve_datagrams(seat);
        }
    }
    return NULL;
}

static bool start(void)
{
    if (epoll_fd >= 0)
        return true;
    epoll_fd = own_adopt((int)kernel_call(SYS_epoll_create1, EPOLL_CLOEXEC));
    if (epoll_fd >= 0 && !thread_start(run, (void *)(intptr_t)epoll_fd, STACK_SIZE)) {
        own_close(epoll_fd);
        epoll_fd = -1;
    }
    return epoll_fd >= 0;
}

/* --- Seats --- */

/* Whether an address of ours can be said by the socket that asks. */
static bool suits(const struct seat *seat, int family, bool ipv6_only)
{
    return seat->ours.any.sa_family == (family == AF_INET6 && ipv6_only ? AF_INET6 : AF_INET);
}

static const struct seat *find_seat(const union endpoint *nameserver, int family, bool ipv6_only,
                                    bool tcp)
{
    size_t count = __atomic_load_n(&seat_count, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < count; i++)
        if (seats[i].fd >= 0 && seats[i].tcp == tcp && suits(&seats[i], family, ipv6_only) &&
            endpoint_equal(&seats[i].nameserver, nameserver))
            return &seats[i];
    return NULL;
}

static int bind_seat(union endpoint *ours, bool ipv6, bool tcp)
{
    memset(ours, 0, sizeof(*ours));
    socklen_t len = ipv6 ? sizeof(ours->in6) : sizeof(ours->in);
    ours->any.sa_family = ipv6 ? AF_INET6 : AF_INET;
    if (ipv6)
        ours->in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    else
        ours->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd =
        sys_own_socket(ours->any.sa_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (bind(fd, &ours->any, len) != 0 || getsockname(fd, &ours->any, &len) != 0 ||
                    (tcp && listen(fd, SLOW_MAX) != 0))) {
        own_close(fd);
        fd = -1;
    }
    return fd;
}

static const struct seat *add_seat(const union endpoint *nameserver, int family, bool ipv6_only,
                                   bool tcp)
{
    size_t count = seat_count;
    if (count == SEATS || !start()) {
        errno = count == SEATS ? EACCES : errno;
        return NULL;
    }
    struct seat *seat = &seats[count];
    seat->nameserver = *nameserver;
    seat->tcp = tcp;
    seat->fd = bind_seat(&seat->ours, family == AF_INET6 && ipv6_only, tcp);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)count};
    if (seat->fd < 0)
        return NULL;
    if (real(epoll_ctl)(epoll_fd, EPOLL_CTL_ADD, seat->fd, &event) != 0) {
        own_close(seat->fd);
        return NULL;
    }
    __atomic_store_n(&seat_count, count + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&responder_started, true, __ATOMIC_RELAXED);
    return seat;
}

bool responder_for(const union endpoint *nameserver, int family, bool ipv6_only, bool tcp,
                   union endpoint *instead)
{
    const struct seat *seat = find_seat(nameserver, family, ipv6_only, tcp);
    if (!seat && thread_handle_forks()) {
        struct held held;
        lock_acquire(&held);
        seat = find_seat(nameserver, family, ipv6_only, tcp);
        if (!seat)
            seat = add_seat(nameserver, family, ipv6_only, tcp);
        lock_release(&held);
    }
    return seat && endpoint_for_family(&seat->ours, family, instead) > 0;
}

bool responder_original(const union endpoint *instead, union endpoint *nameserver)
{
    size_t count = __atomic_load_n(&seat_count, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < count; i++) {
        if (endpoint_equal(&seats[i].ours, instead)) {
            *nameserver = seats[i].nameserver;
            return true;
        }
    }
    return false;
}

void responder_fork_child(void)
{
    for (size_t i = 0; i < seat_count; i++)
        seats[i].fd = -1;
    epoll_fd = -1;
    slow_count = 0;
}
