/* SPDX-License-Identifier: MIT
 * probe-hostile blocking|poll|epoll: a program that connects to many places at once, by threads
 * that wait or in one event loop, and compares what it gets to see with what it should. Each line
 * on stdin is such a place, with tabs between:
 *
 *   HOST PORT OUTCOME OCTETS NAME
 *
 * OUTCOME is the errno that connect gives (ECONNREFUSED); or "stream": it is connected, and is sent
 * OCTETS and then the end; or "tunnel": OCTETS, and then its own words again. After a failure
 * nothing of what the proxy sent may be there to read, and another connect on the same socket must
 * fail in the same way.
 *
 * What is wrong goes to stdout, "NAME: WHAT"; the last line is "N cases, N failed". Before it
 * stands one about descriptors, when more are open than the few that the library may keep. */
#include "octets.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OCTETS_MAX = 1 << 23,
    AT_ONCE = 128,          /* places of one event loop, and threads */
    STACK_SIZE = 64 * 1024, /* of each of those */
    TRIES = 2,              /* of a connect that fails */
    KEPT_MAX = 8,           /* descriptors that may be open afterwards and were not before */
    HANG_SECONDS = 15,      /* longer than any deadline under test, and a late end of it */
};

enum progress { CONNECTING, TALKING, ENDED };

struct place {
    const char *name;
    struct sockaddr_storage address;
    socklen_t address_len;
    int error;   /* that connect should give */
    bool echoes; /* it is a tunnel */
    uint8_t *octets;
    size_t octets_len;

    int fd;
    enum progress progress;
    int tries;
    size_t got; /* of octets */
    bool failed;
};

static const char words[] = "ping";

static struct place *places;
static size_t place_count;

/* One line, one write; the place is done with, whatever else it had to say. */
__attribute__((format(printf, 2, 3))) static void fail(struct place *place, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    int len = snprintf(line, sizeof(line), "%s: ", place->name);
    va_start(arguments, format);
    len += vsnprintf(line + len, sizeof(line) - (size_t)len, format, arguments);
    va_end(arguments);
    len += snprintf(line + len, sizeof(line) - (size_t)len, "\n");
    if (write(STDOUT_FILENO, line, (size_t)len) != len)
        err(2, "write");
    place->failed = true;
    place->progress = ENDED;
}

static const char *error_name(int error)
{
    return error ? strerrorname_np(error) : "connected";
}

/* --- What it should see --- */

static int error_of_name(const char *name)
{
    for (int error = 1; error < 200; error++) {
        const char *known = strerrorname_np(error);
        if (known && !strcmp(known, name))
            return error;
    }
    errx(2, "%s: no such errno", name);
}

static void look_up(struct place *place, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        errx(2, "%s: %s", host, gai_strerror(error));
    memcpy(&place->address, found->ai_addr, place->address_len = found->ai_addrlen);
    freeaddrinfo(found);
}

static void add_place(char *line)
{
    static uint8_t octets[OCTETS_MAX];
    char *field[5];
    for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
        if (!(field[i] = strsep(&line, "\t")))
            errx(2, "expected HOST PORT OUTCOME OCTETS NAME");

    struct place place = {.name = strdup(field[4])};
    look_up(&place, field[0], field[1]);
    place.echoes = !strcmp(field[2], "tunnel");
    if (!place.echoes && strcmp(field[2], "stream") != 0)
        place.error = error_of_name(field[2]);
    place.octets_len = octets_from_hex(field[3], octets, OCTETS_MAX - sizeof(words));
    if (place.echoes) {
        memcpy(octets + place.octets_len, words, sizeof(words) - 1);
        place.octets_len += sizeof(words) - 1;
    }
    place.octets = malloc(place.octets_len + 1);
    places = reallocarray(places, place_count + 1, sizeof(places[0]));
    if (!place.name || !place.octets || !places)
        err(2, "malloc");
    memcpy(place.octets, octets, place.octets_len);
    places[place_count++] = place;
}

static void read_places(void)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t len; (len = getline(&line, &size, stdin)) > 0;) {
        line[len - 1] = '\0';
        add_place(line);
    }
    free(line);
}

/* --- What it sees, whatever the way of waiting --- */

static bool is_connected(const struct place *place)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    return getpeername(place->fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool knows_peer(const struct place *place)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    return getpeername(place->fd, (struct sockaddr *)&peer, &len) == 0 &&
           len == place->address_len && !memcmp(&peer, &place->address, len);
}

/* connect has ended with an errno, or 0. Once more when it is to fail; else the words are said. */
static void on_connected(struct place *place, int error)
{
    char octet;
    if (error != place->error) {
        fail(place, "connect is %s, but should be %s", error_name(error), error_name(place->error));
    } else if (error && recv(place->fd, &octet, 1, MSG_DONTWAIT) > 0) {
        fail(place, "after %s there is something to read", error_name(error));
    } else if (error && is_connected(place)) {
        fail(place, "after %s it has a peer", error_name(error));
    } else if (error) {
        place->progress = ++place->tries < TRIES ? CONNECTING : ENDED;
    } else if (!knows_peer(place)) {
        fail(place, "its peer is not what it connected to");
    } else {
        place->progress = TALKING;
        if (place->echoes && (send(place->fd, words, sizeof(words) - 1, MSG_NOSIGNAL) < 0 ||
                              shutdown(place->fd, SHUT_WR)))
            fail(place, "send: %s", strerrorname_np(errno));
    }
}

static void on_octets(struct place *place, const uint8_t *octets, ssize_t len)
{
    if (len < 0) {
        fail(place, "recv after %zu of %zu octets: %s", place->got, place->octets_len,
             strerrorname_np(errno));
    } else if (len == 0 && place->got < place->octets_len) {
        fail(place, "the stream ends after %zu of %zu octets", place->got, place->octets_len);
    } else if (len == 0) {
        place->progress = ENDED;
    } else if ((size_t)len > place->octets_len - place->got ||
               memcmp(octets, place->octets + place->got, (size_t)len) != 0) {
        fail(place, "of the stream the octets from the %zuth on are others", place->got + 1);
    } else {
        place->got += (size_t)len;
    }
}

static void begin(struct place *place, int flags)
{
    place->fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (place->fd < 0)
        err(2, "socket");
}

static void hang(void)
{
    for (size_t i = 0; i < place_count; i++)
        if (places[i].fd >= 0 && places[i].progress != ENDED)
            fail(&places[i], "it hangs %s",
                 places[i].progress == CONNECTING ? "in connect" : "in the stream");
    exit(1);
}

/* --- Threads that wait --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;
static size_t next_place, ended_places;

static void converse(struct place *place)
{
    uint8_t octets[4096];
    begin(place, 0);
    while (place->progress == CONNECTING)
        on_connected(
            place,
            connect(place->fd, (struct sockaddr *)&place->address, place->address_len) ? errno : 0);
    while (place->progress == TALKING)
        on_octets(place, octets, recv(place->fd, octets, sizeof(octets), 0));
    close(place->fd);
}

static void *converse_in_turn(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        struct place *place = next_place < place_count ? &places[next_place++] : NULL;
        pthread_mutex_unlock(&mutex);
        if (!place)
            return unused;
        converse(place);
        pthread_mutex_lock(&mutex);
        ended_places++;
        pthread_cond_signal(&one_ended);
        pthread_mutex_unlock(&mutex);
    }
}

static void run_blocking(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (size_t i = 0; i < AT_ONCE && i < place_count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, converse_in_turn, NULL))
            errx(2, "pthread_create");
    }
    pthread_mutex_lock(&mutex);
    while (ended_places < place_count) {
        struct timespec bound;
        clock_gettime(CLOCK_REALTIME, &bound);
        bound.tv_sec += HANG_SECONDS;
        if (pthread_cond_timedwait(&one_ended, &mutex, &bound))
            hang();
    }
    pthread_mutex_unlock(&mutex);
}

/* --- Event loops --- */

/* Begin to connect, as often as that has its outcome at once. */
static void start_connect(struct place *place)
{
    while (place->progress == CONNECTING) {
        int error =
            connect(place->fd, (struct sockaddr *)&place->address, place->address_len) ? errno : 0;
        if (error == EINPROGRESS)
            return;
        if (error != ECONNABORTED || place->tries == 0) /* the kernel's, after SO_ERROR was read */
            on_connected(place, error);
    }
}

static void read_on(struct place *place)
{
    static uint8_t octets[1 << 16];
    while (place->progress == TALKING) {
        ssize_t len = recv(place->fd, octets, sizeof(octets), 0);
        if (len < 0 && errno == EAGAIN)
            return;
        on_octets(place, octets, len);
    }
}

/* Something has happened, or so they say. */
static void advance(struct place *place)
{
    if (place->progress == CONNECTING) {
        int error = 0;
        socklen_t len = sizeof(error);
        if (getsockopt(place->fd, SOL_SOCKET, SO_ERROR, &error, &len))
            err(2, "getsockopt");
        on_connected(place, error);
        start_connect(place);
    }
    read_on(place);
}

/* The places that are neither ended nor to come, AT_ONCE of them at most. */
static struct place *live[AT_ONCE];
static size_t live_count;

/* Take out those that have ended, and put others in. */
static void refresh_live(void (*join)(struct place *place))
{
    size_t left = 0;
    for (size_t i = 0; i < live_count; i++) {
        if (live[i]->progress == ENDED)
            close(live[i]->fd);
        else
            live[left++] = live[i];
    }
    live_count = left;
    while (live_count < AT_ONCE && next_place < place_count) {
        struct place *place = &places[next_place++];
        begin(place, SOCK_NONBLOCK);
        start_connect(place);
        if (join)
            join(place);
        read_on(place);
        if (place->progress == ENDED)
            close(place->fd);
        else
            live[live_count++] = place;
    }
}

static void run_poll(void)
{
    for (refresh_live(NULL); live_count; refresh_live(NULL)) {
        struct pollfd wait[AT_ONCE];
        for (size_t i = 0; i < live_count; i++) {
            bool connecting = live[i]->progress == CONNECTING;
            wait[i] = (struct pollfd){.fd = live[i]->fd, .events = connecting ? POLLOUT : POLLIN};
        }
        if (poll(wait, live_count, HANG_SECONDS * 1000) <= 0)
            hang();
        for (size_t i = 0; i < live_count; i++)
            if (wait[i].revents)
                advance(live[i]);
    }
}

static int epoll_set;

static void join_set(struct place *place)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = place};
    if (place->progress != ENDED && epoll_ctl(epoll_set, EPOLL_CTL_ADD, place->fd, &event))
        fail(place, "EPOLL_CTL_ADD: %s", strerrorname_np(errno));
}

static void run_epoll(void)
{
    epoll_set = epoll_create1(EPOLL_CLOEXEC);
    for (refresh_live(join_set); live_count; refresh_live(join_set)) {
        struct epoll_event events[16];
        int count = epoll_wait(epoll_set, events, 16, HANG_SECONDS * 1000);
        if (count <= 0)
            hang();
        for (int i = 0; i < count; i++)
            advance(events[i].data.ptr);
    }
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    if (!list)
        err(2, "/proc/self/fd");
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } programs[] = {{"blocking", run_blocking}, {"poll", run_poll}, {"epoll", run_epoll}};

    int open_before = open_descriptors();
    read_places();
    for (size_t i = 0; i < place_count; i++)
        places[i].fd = -1;
    void (*run)(void) = NULL;
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (argc == 2 && !strcmp(argv[1], programs[i].name))
            run = programs[i].run;
    if (!run)
        errx(2, "usage: probe-hostile blocking|poll|epoll");
    run();

    size_t failed = 0;
    for (size_t i = 0; i < place_count; i++)
        failed += places[i].failed;
    int kept = open_descriptors() - open_before;
    if (kept > KEPT_MAX)
        printf("%d descriptors are still open\n", kept);
    printf("%zu cases, %zu failed\n", place_count, failed);
    return failed > 0 || kept > KEPT_MAX;
}
