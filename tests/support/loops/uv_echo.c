/* SPDX-License-Identifier: MIT
 * uv_echo ADDRESS PORT COUNT: connections of libuv at once, a line said and heard on each; then one
 * to port 81, which must fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    char line[16], heard[64];
};

static int heard_count;

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct client *client = handle->data;
    (void)size;
    *buf = uv_buf_init(client->heard, sizeof(client->heard));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    const struct client *client = stream->data;
    heard_count += got > 0 && strncmp(buf->base, client->line, (size_t)got) == 0;
    uv_close((uv_handle_t *)stream, NULL);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct client *client = connect->handle->data;
    if (status != 0) {
        printf("failed: %s\n", uv_err_name(status));
        uv_close((uv_handle_t *)&client->tcp, NULL);
        return;
    }
    uv_buf_t buf = uv_buf_init(client->line, (unsigned)strlen(client->line));
    uv_write(&client->write, connect->handle, &buf, 1, NULL);
    uv_read_start(connect->handle, on_alloc, on_read);
}

static void start(struct client *client, const char *address, int port, int number)
{
    struct sockaddr_in to;
    uv_ip4_addr(address, port, &to);
    uv_tcp_init(uv_default_loop(), &client->tcp);
    client->tcp.data = client;
    snprintf(client->line, sizeof(client->line), "%d\n", number);
    int error = uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&to, on_connect);
    if (error)
        printf("at once: %s\n", uv_err_name(error));
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int count = atoi(argv[3]);
    struct client *clients = calloc((size_t)count + 1, sizeof(*clients));
    for (int i = 0; i < count; i++)
        start(&clients[i], argv[1], atoi(argv[2]), i);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("%d of %d\n", heard_count, count);
    start(&clients[count], argv[1], 81, 0);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    free(clients);
}
