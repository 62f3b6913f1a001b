/* SPDX-License-Identifier: MIT
 * probe-calls PROBE ADDRESS PORT [MIN_MS]: system calls about streams, one after another, with
 * arguments good and bad, from threads and under signals: what the kernel says of each. See
 * async.h. */
#include "async.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

enum {
    SOON_MS = 30, /* in the middle of a handshake, which takes longer */
    THREADS = 64,
    PIECES = 100,
    PIECE_LEN = 777,
    PAGE = 4096,
};

static void say_call(const char *name, long result)
{
    printf("%s: %s\n", name, outcome(result));
}

static struct sockaddr *any(void *address)
{
    return address;
}

/* --- Bad arguments --- */

static void every_call_on(int fd)
{
    struct sockaddr_storage address = target;
    socklen_t len = sizeof(address);
    char octet = 'x';
    struct iovec piece = {&octet, 1};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = target_len, .msg_iov = &piece, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    int error, set = new_set();
    socklen_t error_len = sizeof(error);
    struct ip_mreqn group = {.imr_multiaddr = {htonl(0xe00000fb)}};
    say_call("connect", connect_target(fd));
    say_call("getpeername", getpeername(fd, any(&address), &len));
    say_call("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len));
    say_call("join", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
    say_call("sendto", sendto(fd, &octet, 1, MSG_NOSIGNAL, any(&target), target_len));
    say_call("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
    say_call("sendmmsg", sendmmsg(fd, &messages, 1, MSG_NOSIGNAL));
    len = sizeof(address);
    say_call("recvfrom", recvfrom(fd, &octet, 1, MSG_DONTWAIT, any(&address), &len));
    say_call("recvmsg", recvmsg(fd, &message, MSG_DONTWAIT));
    say_call("recvmmsg", recvmmsg(fd, &messages, 1, MSG_DONTWAIT, NULL));
    say_call("epoll", control(set, EPOLL_CTL_ADD, fd, EPOLLIN));
    say_call("epoll, again", control(set, EPOLL_CTL_ADD, fd, EPOLLIN));
    say_call("epoll, in no set", control(fd, EPOLL_CTL_ADD, set, EPOLLIN));
    close(set);
}

static void bad_descriptors(void)
{
    every_call_on(-1);
    every_call_on(900);
    int closed = open_socket(0);
    close(closed);
    every_call_on(closed);
}

static void no_sockets(void)
{
    int ends[2], file = open("/proc/self/exe", O_RDONLY);
    if (pipe(ends) || file < 0)
        err(2, "pipe");
    every_call_on(ends[1]);
    every_call_on(file);
    every_call_on(open("/", O_PATH));
}

static void unconnected(void)
{
    int fd = open_socket(SOCK_NONBLOCK);
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char octet;
    say_peer(fd);
    say_error(fd);
    say_call("send", send(fd, "x", 1, MSG_NOSIGNAL));
    say_call("recvfrom", recvfrom(fd, &octet, 1, 0, any(&address), &len));
}

/* The last page of it is no memory. */
static char *memory_with_an_end(void)
{
    char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + PAGE, PAGE, PROT_NONE))
        err(2, "mmap");
    return memory + PAGE;
}

static void unreadable(void)
{
    int fd = open_socket(0);
    char *end = memory_with_an_end();
    say_call("connect to NULL", connect(fd, NULL, target_len));
    say_call("connect to nothing", connect(fd, any((void *)8), target_len));
    memcpy(end - 8, &target, 8);
    say_call("connect to a half", connect(fd, any(end - 8), target_len));
    say_call("connect to a kernel's", connect(fd, any((void *)-4096L), target_len));
    memcpy(end - target_len, &target, target_len);
    say_call("connect to what just fits", connect(fd, any(end - target_len), target_len));
    say_call("getpeername to nothing", getpeername(fd, any((void *)8), &target_len));
    say_call("getpeername, no length", getpeername(fd, any(end - target_len), (socklen_t *)8));
    say_call("SO_ERROR to nothing", getsockopt(fd, SOL_SOCKET, SO_ERROR, (void *)8, &target_len));
    say_call("sendmsg of nothing", sendmsg(fd, (struct msghdr *)8, 0));
    conclude(fd);
}

static void lengths(void)
{
    int fd = open_socket(0);
    static const int wrong[] = {0, 1, 2, 7, 15, -1, 129, 1 << 30};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        printf("%d ", wrong[i]);
        say_call("octets", connect(fd, any(&target), (socklen_t)wrong[i]));
    }
    say_call("all octets", connect(fd, any(&target), sizeof(target)));
    struct sockaddr_in peer;
    for (socklen_t room = 0; room <= sizeof(peer); room += 4) {
        socklen_t len = room;
        memset(&peer, 0xee, sizeof(peer));
        say_call("getpeername", getpeername(fd, any(&peer), &len));
        printf("%u octets, of the target: %d\n", len, !memcmp(&peer, &target, room));
    }
    conclude(fd);
}

static void families(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct sockaddr_in in = {.sin_family = 99};
    in6.sin6_addr = in6addr_loopback;
    int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
    say_call("IPv6 on IPv4", connect(fd, any(&in6), sizeof(in6)));
    say_call("nonsense on IPv4", connect(fd, any(&in), sizeof(in)));
    say_call("nonsense on IPv6", connect(fd6, any(&in), sizeof(in)));
    in.sin_family = AF_INET;
    say_call("IPv4 on IPv6", connect(fd6, any(&in), sizeof(in)));
    in.sin_family = AF_UNIX;
    say_call("a path on IPv4", connect(fd, any(&in), sizeof(in)));
    say_call("the target after all that", connect_target(fd));
    conclude(fd);
}

/* --- Connected already, or not to be --- */

static void twice(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(1)};
    int fd = open_socket(0);
    say_call("connect", connect_target(fd));
    say_call("again", connect_target(fd));
    say_call("elsewhere", connect(fd, any(&here), sizeof(here)));
    conclude(fd);
}

static void listening(void)
{
    int fd = open_socket(0);
    say_call("listen", listen(fd, 1));
    say_call("connect", connect_target(fd));
    say_peer(fd);
}

static void unspecified(void)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = open_socket(0);
    say_call("dissolve nothing", connect(fd, &nowhere, sizeof(nowhere)));
    say_call("connect", connect_target(fd));
    say_peer(fd);
    say_call("dissolve", connect(fd, &nowhere, sizeof(nowhere)));
    say_peer(fd);
    say_error(fd);
    say_call("connect", connect_target(fd));
    conclude(fd);
}

static void blocking(void)
{
    int fd = open_socket(0);
    say_call("connect", connect_target(fd));
    printf("flags: %d\n", fcntl(fd, F_GETFL));
    conclude(fd);
}

static void refused(void)
{
    int fd = open_socket(0);
    say_call("connect", connect_target(fd));
    say_error(fd);
    say_peer(fd);
    say_call("connect", connect_target(fd));
    say_error(fd);
}

/* --- Data --- */

static void receive_all(int fd, char *octets, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t got = recv(fd, octets + have, len - have, 0);
        if (got <= 0)
            errx(1, "the stream ends after %zu octets", have);
        have += (size_t)got;
    }
}

static void pieces(void)
{
    static char out[PIECES * PIECE_LEN], in[sizeof(out)];
    struct iovec piece[PIECES];
    struct mmsghdr messages[PIECES];
    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < PIECES; i++) {
        piece[i] = (struct iovec){out + i * PIECE_LEN, PIECE_LEN};
        messages[i].msg_hdr.msg_iov = &piece[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    struct msghdr message = {
        .msg_name = &target, .msg_namelen = target_len, .msg_iov = piece, .msg_iovlen = PIECES};
    int fd = open_socket(0);
    say_call("connect", connect_target(fd));
    printf("sendmsg: %zd\n", sendmsg(fd, &message, 0));
    receive_all(fd, in, sizeof(in));
    printf("the same: %d\n", !memcmp(in, out, sizeof(in)));
    memset(in, 0, sizeof(in));
    printf("sendmmsg: %d\n", sendmmsg(fd, messages, PIECES, 0));
    receive_all(fd, in, sizeof(in));
    printf("the same: %d, each sent: %u\n", !memcmp(in, out, sizeof(in)),
           messages[PIECES - 1].msg_len);
    printf("sendto: %zd\n", sendto(fd, out, 5, 0, any(&target), target_len));
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    printf("recvfrom: %zd", recvfrom(fd, in, 5, MSG_WAITALL, any(&from), &from_len));
    printf(", address of %u octets\n", from_len);
    conclude(fd);
}

/* Data along with the connect: the kernel has a cookie of this target at no time. */
static void fastopen(void)
{
    char answer[9] = "";
    int fd = open_socket(0);
    printf("sendto: %zd\n", sendto(fd, "octets", 6, MSG_FASTOPEN, any(&target), target_len));
    receive_all(fd, answer, 6);
    printf("echo: %s\n", answer);
    conclude(fd);
}

static void fastopen_message(void)
{
    char answer[9] = "", first[] = "oct", second[] = "ets";
    struct iovec piece[] = {{first, 3}, {second, 3}};
    struct msghdr message = {
        .msg_name = &target, .msg_namelen = target_len, .msg_iov = piece, .msg_iovlen = 2};
    int fd = open_socket(0);
    printf("sendmsg: %zd\n", sendmsg(fd, &message, MSG_FASTOPEN));
    receive_all(fd, answer, 6);
    printf("echo: %s\n", answer);
    conclude(fd);
}

static void fastopen_nonblocking(void)
{
    int fd = open_socket(SOCK_NONBLOCK);
    say_call("sendto", sendto(fd, "octets", 6, MSG_FASTOPEN, any(&target), target_len));
    say_call("again", sendto(fd, "octets", 6, MSG_FASTOPEN, any(&target), target_len));
}

static void fastopen_refused(void)
{
    int fd = open_socket(0);
    say_call("sendto", sendto(fd, "octets", 6, MSG_FASTOPEN, any(&target), target_len));
    say_peer(fd);
}

static void fastopen_connect(void)
{
    static const int one = 1;
    int fd = open_socket(0);
    say_call("option", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
    say_call("connect", connect_target(fd));
    conclude(fd);
}

/* --- Signals and deadlines --- */

static void on_alarm(int unused)
{
    (void)unused;
}

/* SIGALRM again and again, so that some are in the middle of the connect. */
static void connect_interrupted(int fd, int flags, long every_us)
{
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    const struct timeval time = {.tv_usec = every_us};
    const struct itimerval often = {time, time}, never = {.it_value = {.tv_usec = 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    const char *said = outcome(connect_target(fd));
    setitimer(ITIMER_REAL, &never, NULL);
    printf("connect: %s\n", said);
}

static void interrupted(void)
{
    int fd = open_socket(0);
    connect_interrupted(fd, 0, SOON_MS * 1000);
    say_peer(fd);
    say_call("again", connect_target(fd));
    say_call("again", connect_target(fd));
    conclude(fd);
}

static void interrupted_and_polled(void)
{
    int fd = open_socket(0), set = new_set();
    started_ms = now_ms();
    connect_interrupted(fd, 0, SOON_MS * 1000);
    add(set, fd, EPOLLOUT);
    wait_set(set, fd, -1);
    conclude(fd);
}

static void restarted(void)
{
    int fd = open_socket(0);
    connect_interrupted(fd, SA_RESTART, SOON_MS * 1000);
    conclude(fd);
}

static void often_restarted(void)
{
    int fd = open_socket(0);
    connect_interrupted(fd, SA_RESTART, 1000);
    conclude(fd);
}

/* Under a hail of signals calls are made anew now and then, and must have their one effect. The
 * kernel itself can lose an answer that comes at the very moment of a signal: a few are forgiven.
 */
static void hailed_on(void)
{
    enum { SOCKETS = 100, CALLS = 2 * SOCKETS + SOCKETS / 2, FORGIVEN = 4, EVERY_US = 50 };
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    const struct timeval time = {.tv_usec = EVERY_US};
    const struct itimerval often = {time, time}, never = {.it_value = {.tv_usec = 0}};
    int fds[SOCKETS], set = new_set(), good = 0, ended = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = open_socket(SOCK_NONBLOCK);
        good += connect_target(fds[i]) && errno == EINPROGRESS;
        good += control(set, EPOLL_CTL_ADD, fds[i], EPOLLOUT | EPOLLET) == 0;
        good += i % 2 && control(set, EPOLL_CTL_DEL, fds[i], 0) == 0;
    }
    while (ended < SOCKETS / 2) {
        struct epoll_event event;
        int error = -1;
        socklen_t len = sizeof(error);
        if (epoll_wait(set, &event, 1, LIFE_SECONDS * 1000) == 1 &&
            !getsockopt(event.data.fd, SOL_SOCKET, SO_ERROR, &error, &len))
            ended += error == 0;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    if (good >= CALLS - FORGIVEN)
        printf("good\n");
    else
        printf("%d of %d calls were good\n", good, CALLS);
    for (int i = 0; i < SOCKETS; i += 20)
        conclude(fds[i]);
}

/* The deadline is the program's own; afterwards there is nothing to wait for. */
static void send_timeout(void)
{
    const struct timeval timeout = {.tv_usec = 200000};
    int fd = open_socket(0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    started_ms = now_ms();
    say_call("connect", connect_target(fd));
    say_end("end");
    say_peer(fd);
}

static void enough_time(void)
{
    const struct timeval timeout = {.tv_sec = 10};
    int fd = open_socket(0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    say_call("connect", connect_target(fd));
    conclude(fd);
}

/* --- Threads --- */

static const char *said_in_thread;

static void *connect_in_thread(void *fd)
{
    said_in_thread = outcome(connect_target(*(int *)fd));
    return NULL;
}

static bool has_port(int fd)
{
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);
    return getsockname(fd, any(&name), &len) == 0 && name.sin_port != 0;
}

/* Returns when the other thread is in the middle of the connect: from its start on the socket has a
 * port. */
static pthread_t start_connect(int *fd)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, connect_in_thread, fd))
        errx(2, "pthread_create");
    while (!has_port(*fd))
        sleep_ms(1);
    return thread;
}

static void say_thread(pthread_t thread)
{
    pthread_join(thread, NULL);
    printf("connect: %s\n", said_in_thread);
}

static void closed_by_another(void)
{
    int fd = open_socket(0);
    pthread_t thread = start_connect(&fd);
    say_call("close", close(fd));
    say_thread(thread);
    say_peer(fd);
}

static void kept_by_a_copy(void)
{
    int fd = open_socket(0);
    pthread_t thread = start_connect(&fd);
    int copy = dup(fd);
    close(fd);
    say_thread(thread);
    conclude(copy);
}

static void replaced_by_another(void)
{
    int fd = open_socket(0), ends[2];
    struct stat status;
    if (pipe(ends))
        err(2, "pipe");
    pthread_t thread = start_connect(&fd);
    say_call("dup2", dup2(ends[1], fd));
    say_thread(thread);
    printf("a pipe: %d\n", !fstat(fd, &status) && S_ISFIFO(status.st_mode));
    say_peer(fd);
}

static void connected_by_two(void)
{
    int fd = open_socket(0);
    pthread_t thread = start_connect(&fd);
    connect_target(fd);
    say_thread(thread);
    conclude(fd);
}

static void shut_down_by_another(void)
{
    int fd = open_socket(0);
    pthread_t thread = start_connect(&fd);
    say_call("shutdown", shutdown(fd, SHUT_RDWR));
    say_thread(thread);
    say_peer(fd);
}

static void *talk_in_thread(void *unused)
{
    char reply[5] = "";
    int fd = open_socket(0);
    bool fine = !connect_target(fd) && send(fd, "ping", 4, 0) == 4 &&
                recv(fd, reply, 4, MSG_WAITALL) == 4 && !strcmp(reply, "ping");
    close(fd);
    return fine ? &target : unused;
}

static void at_once(void)
{
    pthread_t thread[THREADS];
    int good = 0;
    started_ms = now_ms();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, talk_in_thread, NULL))
            errx(2, "pthread_create");
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        good += result != NULL;
    }
    printf("%d of %d\n", good, THREADS);
    say_end("end");
}

/* While one thread waits for the proxy, the others go on: with calls that the filter sends on. */
static void others_go_on(void)
{
    int fd = open_socket(0), other = socket(AF_INET, SOCK_DGRAM, 0), rounds;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(here);
    if (bind(other, any(&here), len) || getsockname(other, any(&here), &len))
        err(2, "bind");
    pthread_t thread = start_connect(&fd);
    long before = now_ms();
    for (rounds = 0; rounds < 50; rounds++) {
        char octet;
        if (sendto(other, "x", 1, 0, any(&here), len) != 1 ||
            recvfrom(other, &octet, 1, 0, any(&here), &len) != 1)
            break;
    }
    printf("rounds: %d%s\n", rounds, now_ms() - before > LATE_CONNECT_MS ? " too late" : "");
    say_thread(thread);
    conclude(fd);
}

static const struct probe probes[] = {
    {"bad-descriptors", bad_descriptors},
    {"no-sockets", no_sockets},
    {"unconnected", unconnected},
    {"unreadable", unreadable},
    {"lengths", lengths},
    {"families", families},
    {"twice", twice},
    {"listening", listening},
    {"unspecified", unspecified},
    {"blocking", blocking},
    {"refused", refused},
    {"pieces", pieces},
    {"fastopen", fastopen},
    {"fastopen-message", fastopen_message},
    {"fastopen-nonblocking", fastopen_nonblocking},
    {"fastopen-refused", fastopen_refused},
    {"fastopen-connect", fastopen_connect},
    {"interrupted", interrupted},
    {"interrupted-and-polled", interrupted_and_polled},
    {"restarted", restarted},
    {"often-restarted", often_restarted},
    {"hailed-on", hailed_on},
    {"send-timeout", send_timeout},
    {"enough-time", enough_time},
    {"closed-by-another", closed_by_another},
    {"kept-by-a-copy", kept_by_a_copy},
    {"replaced-by-another", replaced_by_another},
    {"connected-by-two", connected_by_two},
    {"shut-down-by-another", shut_down_by_another},
    {"at-once", at_once},
    {"others-go-on", others_go_on},
};

int main(int argc, char **argv)
{
    return probe_main(argc, argv, probes, sizeof(probes) / sizeof(probes[0]));
}
