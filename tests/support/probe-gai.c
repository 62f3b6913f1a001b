/* SPDX-License-Identifier: MIT
 * getaddrinfo_a(3) and what goes with it, all requests in one call:
 *   probe-gai wait|none|signal|thread NAME...
 * prints what the call returned, how the end was told, and each answer; the state of a request that
 * is cancelled afterwards, too. A NAME of "-" is a NULL in the list. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REQUESTS_MAX = 200, SECONDS_MAX = 10 };

static sem_t told;
static volatile int told_value, told_code;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    told_value = info->si_value.sival_int;
    told_code = info->si_code;
    sem_post(&told);
}

static void on_thread(union sigval value)
{
    told_value = value.sival_int;
    sem_post(&told);
}

static void wait_until_told(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += SECONDS_MAX;
    while (sem_timedwait(&told, &limit) != 0)
        if (errno != EINTR)
            errx(1, "nobody told the end");
}

static void wait_until_done(struct gaicb *list[], int count)
{
    struct timespec limit = {.tv_sec = SECONDS_MAX};
    int result;
    while ((result = gai_suspend((const struct gaicb *const *)list, count, &limit)) == 0 ||
           result == EAI_INTR)
        continue;
    printf("suspend: %s\n", gai_strerror(result));
}

/* libc says that a request has ended a moment before it can no longer be canceled. */
static int cancel_ended(struct gaicb *request)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int result = gai_cancel(request);
    for (int i = 0; i < SECONDS_MAX * 1000 && result == EAI_NOTCANCELED; i++) {
        nanosleep(&moment, NULL);
        result = gai_cancel(request);
    }
    return result;
}

static void print_answer(struct gaicb *request)
{
    char text[INET6_ADDRSTRLEN] = "nothing";
    int result = gai_error(request);
    const struct addrinfo *found = request->ar_result;
    if (result != 0) {
        printf("%s: %s\n", request->ar_name, gai_strerror(result));
        return;
    }
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    printf("%s: %s cancel=%s\n", request->ar_name, text, gai_strerror(cancel_ended(request)));
    freeaddrinfo(request->ar_result);
}

int main(int argc, char **argv)
{
    static struct gaicb requests[REQUESTS_MAX], *list[REQUESTS_MAX];
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (argc < 3 || argc - 2 > REQUESTS_MAX)
        errx(2, "usage: probe-gai wait|none|signal|thread NAME...");
    const char *how = argv[1];
    int count = argc - 2;
    for (int i = 0; i < count; i++) {
        requests[i].ar_name = argv[i + 2];
        requests[i].ar_request = &hints;
        list[i] = strcmp(argv[i + 2], "-") ? &requests[i] : NULL;
    }
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    sem_init(&told, 0, 0);
    struct sigevent event = {.sigev_notify = SIGEV_NONE, .sigev_value.sival_int = 42};
    if (!strcmp(how, "signal")) {
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGUSR1;
    } else if (!strcmp(how, "thread")) {
        event.sigev_notify = SIGEV_THREAD;
        event.sigev_notify_function = on_thread;
    }
    int mode = strcmp(how, "wait") ? GAI_NOWAIT : GAI_WAIT;
    printf("returned %d\n", getaddrinfo_a(mode, list, count, &event));
    if (event.sigev_notify != SIGEV_NONE) {
        wait_until_told();
        printf("told %d%s\n", told_value, told_code == SI_ASYNCNL ? " asynchronously" : "");
    }
    wait_until_done(list, count);
    for (int i = 0; i < count; i++)
        if (list[i])
            print_answer(list[i]);
    return 0;
}
