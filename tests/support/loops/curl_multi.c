/* SPDX-License-Identifier: MIT
 * curl_multi URL COUNT: that page so many times at once, each over its own connection, by libcurl's
 * multi_socket interface and an epoll set of our own. */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

static int set;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    static char yes;
    CURLM *multi = user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                                          (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0),
                                .data.fd = fd};
    if (epoll_ctl(set, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
        perror("epoll_ctl");
    curl_multi_assign(multi, fd, &yes);
    return 0;
}

static long timeout_ms = -1;

static int on_timer(CURLM *multi, long ms, void *user)
{
    (void)multi;
    (void)user;
    timeout_ms = ms;
    return 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *total)
{
    (void)data;
    *(size_t *)total += size * count;
    return size * count;
}

static int count_done(CURLM *multi)
{
    int left, done = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        done += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int count = atoi(argv[2]), running = count, done = 0;
    size_t total = 0;
    set = epoll_create1(EPOLL_CLOEXEC);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    for (int i = 0; i < count; i++) {
        CURL *easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
        curl_multi_add_handle(multi, easy);
    }
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    while (running > 0) {
        struct epoll_event event;
        int got = epoll_wait(set, &event, 1, (int)timeout_ms);
        int what = (event.events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (event.events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (event.events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi, got > 0 ? event.data.fd : CURL_SOCKET_TIMEOUT,
                                 got > 0 ? what : 0, &running);
        done += count_done(multi);
    }
    done += count_done(multi);
    printf("%d of %d, %zu octets\n", done, count, total);
}
