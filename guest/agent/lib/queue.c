// SPDX-License-Identifier: Apache-2.0
#include "queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void queue_drop(struct queue *queue, size_t len) {
    queue->head += len;
    queue->len -= len;
    if (queue->len == 0) {
        queue->head = 0;
    }
}

void queue_clear(struct queue *queue) {
    queue_drop(queue, queue->len);
}

uint8_t *queue_tail(struct queue *queue) {
    if (queue->head > 0) {
        memmove(queue->buf, queue->buf + queue->head, queue->len);
        queue->head = 0;
    }
    return queue->buf + queue->len;
}

void queue_grow(struct queue *queue, size_t len) {
    queue->len += len;
}

static enum io_result failed(void) {
    return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_LOST;
}

enum io_result queue_read(struct queue *queue, int fd, size_t max) {
    size_t room = queue_room(queue);
    if (room > max) {
        room = max;
    }
    if (room == 0) {
        return IO_AGAIN;
    }
    ssize_t n = read(fd, queue_tail(queue), room);
    if (n < 0) {
        return failed();
    }
    if (n == 0) {
        return IO_LOST;
    }
    queue_grow(queue, (size_t)n);
    return IO_MOVED;
}

enum io_result queue_write(struct queue *queue, int fd) {
    if (queue->len == 0) {
        return IO_AGAIN;
    }
    ssize_t n = write(fd, queue_data(queue), queue->len);
    if (n < 0) {
        return failed();
    }
    queue_drop(queue, (size_t)n);
    return n > 0 ? IO_MOVED : IO_AGAIN;
}
