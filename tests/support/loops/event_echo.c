/* SPDX-License-Identifier: MIT
 * event_echo METHOD ADDRESS PORT COUNT: the same with bufferevents of libevent, which uses METHOD
 * (epoll, poll, select). */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int heard_count, left;
static struct event_base *base;

static void finish(struct bufferevent *client)
{
    bufferevent_free(client);
    if (--left == 0)
        event_base_loopbreak(base);
}

static void on_read(struct bufferevent *client, void *line)
{
    char *heard = evbuffer_readln(bufferevent_get_input(client), NULL, EVBUFFER_EOL_LF);
    if (!heard)
        return;
    heard_count += strcmp(heard, line) == 0;
    free(heard);
    finish(client);
}

static void on_event(struct bufferevent *client, short what, void *line)
{
    if (what & BEV_EVENT_CONNECTED) {
        evbuffer_add_printf(bufferevent_get_output(client), "%s\n", (char *)line);
        return;
    }
    printf("failed: %s\n", strerrorname_np(EVUTIL_SOCKET_ERROR()));
    finish(client);
}

static void start(const char *address, int port, char *line)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    struct bufferevent *client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_read, NULL, on_event, line);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    left++;
    if (bufferevent_socket_connect(client, (struct sockaddr *)&to, sizeof(to)) != 0)
        printf("at once\n");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int count = atoi(argv[4]);
    struct event_config *config = event_config_new();
    for (const char **method = event_get_supported_methods(); *method; method++)
        if (strcmp(*method, argv[1]) != 0)
            event_config_avoid_method(config, *method);
    base = event_base_new_with_config(config);
    char(*lines)[16] = calloc((size_t)count + 1, sizeof(*lines));
    for (int i = 0; i < count; i++) {
        snprintf(lines[i], sizeof(*lines), "%d", i);
        start(argv[2], atoi(argv[3]), lines[i]);
    }
    event_base_dispatch(base);
    printf("%s: %d of %d\n", event_base_get_method(base), heard_count, count);
    start(argv[2], 81, lines[count]);
    event_base_dispatch(base);
    event_base_free(base);
    event_config_free(config);
    free(lines);
}
