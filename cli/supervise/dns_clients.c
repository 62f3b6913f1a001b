/* SPDX-License-Identifier: MIT
 * A client's life. It is freed by end alone; every function that may come to that is the last thing
 * its caller does. */
#include "cli/supervise/dns_clients.h"

#include "core/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH_MAX = 64
}; /* steps for one client, and clients of one socket, before the others' turn */

struct client {
    TAILQ_ENTRY(client) link; /* silent longest first */
    struct dns_clients *clients;
    struct watch watch;
    struct timer timer;
    struct asker asker;
    struct question *question; /* under way: the next one is not looked at before */
    size_t out_at, out_len;
    size_t in_len;
    uint8_t in[2 + QUESTION_MAX];
    uint8_t out[2 + DNS_MESSAGE_MAX];
};

struct dns_clients {
    struct loop *loop;
    struct questions *questions;
    TAILQ_HEAD(, client) all;
    size_t count;
};

static void end(struct client *client)
{
    struct dns_clients *clients = client->clients;
    if (client->question)
        question_forget(client->question);
    loop_disarm(&client->timer);
    loop_close(clients->loop, &client->watch);
    TAILQ_REMOVE(&clients->all, client, link);
    clients->count--;
    free(client);
}

static void was_heard(struct client *client)
{
    TAILQ_REMOVE(&client->clients->all, client, link);
    TAILQ_INSERT_TAIL(&client->clients->all, client, link);
    loop_arm(client->clients->loop, &client->timer, DELAY_HANDSHAKE);
}

static void say(struct client *client, const uint8_t *answer, size_t len)
{
    client->out[0] = (uint8_t)(len >> 8);
    client->out[1] = (uint8_t)len;
    memmove(client->out + 2, answer, len); /* it may lie there already */
    client->out_at = 0;
    client->out_len = 2 + len;
}

static void go_on(struct client *client);

static void network_answered(void *owner, const uint8_t *answer, size_t len)
{
    struct client *client = owner;
    client->question = NULL;
    was_heard(client);
    if (len > 0)
        say(client, answer, len);
    go_on(client);
}

/* --- Steps --- */

enum progress { MOVED, BLOCKED, OVER };

/* The first whole question of those that came; false when there is none. */
static bool has_question(const struct client *client, size_t *len)
{
    if (client->in_len < 2)
        return false;
    *len = (size_t)(client->in[0] << 8 | client->in[1]);
    return client->in_len >= 2 + *len;
}

static enum progress take_question(struct client *client, size_t len)
{
    uint8_t *answer = client->out + 2;
    size_t answer_len;
    bool answered =
        question_answer(client->clients->questions, &client->asker, client->in + 2, len, answer,
                        DNS_MESSAGE_MAX, &answer_len, network_answered, client, &client->question);
    client->in_len -= 2 + len;
    memmove(client->in, client->in + 2 + len, client->in_len);
    was_heard(client);
    if (!answered)
        return BLOCKED;
    if (answer_len == 0)
        return OVER; /* who sends such things deserves no patience */
    say(client, answer, answer_len);
    return MOVED;
}

static enum progress send_answer(struct client *client)
{
    ssize_t sent = send(client->watch.fd, client->out + client->out_at,
                        client->out_len - client->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN ? BLOCKED : OVER;
    client->out_at += (size_t)sent;
    if (client->out_at == client->out_len)
        client->out_at = client->out_len = 0;
    return MOVED;
}

static enum progress receive(struct client *client)
{
    size_t room = sizeof(client->in) - client->in_len;
    if (room == 0)
        return OVER; /* a question that is too long */
    ssize_t received = recv(client->watch.fd, client->in + client->in_len, room, MSG_DONTWAIT);
    if (received < 0)
        return errno == EAGAIN ? BLOCKED : OVER;
    client->in_len += (size_t)received;
    return received > 0 ? MOVED : OVER;
}

static enum progress step(struct client *client)
{
    size_t len;
    if (client->out_len > 0)
        return send_answer(client);
    return has_question(client, &len) ? take_question(client, len) : receive(client);
}

/* One question at a time: answered to the last octet before the next is looked at. */
static void go_on(struct client *client)
{
    enum progress progress = MOVED;
    for (int i = 0; i < BATCH_MAX && progress == MOVED; i++)
        progress = step(client);
    /* Still moving: it can surely be sent to, and so has its turn again after the others. */
    bool is_sending = client->out_len > 0 || progress == MOVED;
    uint32_t events = client->question ? 0 : is_sending ? EPOLLOUT : EPOLLIN;
    if (progress == OVER || !loop_watch(client->clients->loop, &client->watch, events))
        end(client);
}

/* --- Events --- */

static void ready(struct watch *watch, uint32_t events)
{
    struct client *client = HOLDER_OF(watch, struct client, watch);
    (void)events;
    if (client->question)
        end(client); /* nothing but errors was awaited */
    else
        go_on(client);
}

static void was_silent(struct timer *timer)
{
    struct client *client = HOLDER_OF(timer, struct client, timer);
    if (client->question)
        loop_arm(client->clients->loop, timer,
                 DELAY_HANDSHAKE); /* it is the network that is slow */
    else
        end(client);
}

static void begin(struct dns_clients *clients, int fd, const struct asker *asker)
{
    if (clients->count == DNS_CLIENTS_MAX)
        end(TAILQ_FIRST(&clients->all));
    struct client *client = malloc(sizeof(*client));
    if (!client) {
        close(fd);
        return;
    }
    memset(client, 0, offsetof(struct client, in));
    client->clients = clients;
    client->watch = (struct watch){.fd = fd, .ready = ready};
    client->timer.fired = was_silent;
    client->asker = *asker;
    TAILQ_INSERT_TAIL(&clients->all, client, link);
    clients->count++;
    was_heard(client);
    go_on(client);
}

bool dns_clients_accept(struct dns_clients *clients, int listener, const struct asker *asker)
{
    for (int i = 0; i < BATCH_MAX; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
        begin(clients, fd, asker);
    }
    return true;
}

struct dns_clients *dns_clients_new(struct loop *loop, struct questions *questions)
{
    struct dns_clients *clients = calloc(1, sizeof(*clients));
    if (!clients)
        return NULL;
    clients->loop = loop;
    clients->questions = questions;
    TAILQ_INIT(&clients->all);
    return clients;
}
