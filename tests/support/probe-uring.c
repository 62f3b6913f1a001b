/* SPDX-License-Identifier: MIT
 * probe-uring ADDRESS PORT: connect by io_uring(7), with no socket call but socket(2), and without
 * libc's syscall(3). Prints "setup: " and, where there is such a thing, "connect: " with the
 * outcome. */
#include "raw.h"

#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void *map(int ring, size_t len, off_t what)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
    if (memory == MAP_FAILED)
        err(2, "mmap");
    return memory;
}

/* One entry there, one back: its result. */
static int submit(int ring, const struct io_uring_params *params, const struct io_uring_sqe *entry)
{
    char *sq =
        map(ring, params->sq_off.array + params->sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    char *cq = map(ring, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
                   IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries =
        map(ring, params->sq_entries * sizeof(*entries), IORING_OFF_SQES);
    entries[0] = *entry;
    *(uint32_t *)(sq + params->sq_off.array) = 0;
    __atomic_store_n((uint32_t *)(sq + params->sq_off.tail), 1, __ATOMIC_RELEASE);
    if (raw_native(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0)
        errx(2, "io_uring_enter");
    return ((struct io_uring_cqe *)(cq + params->cq_off.cqes))->res;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        errx(2, "usage: probe-uring ADDRESS PORT");
    to.sin_port = htons((uint16_t)atoi(argv[2]));

    struct io_uring_params params = {0};
    int ring = (int)raw_native(SYS_io_uring_setup, 1, (long)&params, 0, 0, 0, 0);
    printf("setup: %s\n", ring < 0 ? strerrorname_np(-ring) : "0");
    if (ring < 0)
        return 1;
    const struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT,
                                       .fd = socket(AF_INET, SOCK_STREAM, 0),
                                       .addr = (uintptr_t)&to,
                                       .off = sizeof(to)};
    int result = submit(ring, &params, &entry);
    printf("connect: %s\n", result < 0 ? strerrorname_np(-result) : "0");
    return result < 0;
}
