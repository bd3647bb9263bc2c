// SPDX-License-Identifier: Apache-2.0
// A queue of bytes of a fixed capacity between two file descriptors that are never waited for. Who
// fills it looks at queue_room first, so a slow reader slows the writer down and memory stays as it
// is.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct queue {
    uint8_t *buf; // lent by the owner
    size_t cap;
    size_t head; // where the content starts
    size_t len;  // bytes in it
};

enum io_result {
    IO_MOVED, // some bytes were moved
    IO_AGAIN, // nothing to do now: no bytes, no room, or the descriptor would block
    IO_LOST,  // end of file, or the descriptor failed
};

static inline const uint8_t *queue_data(const struct queue *queue) {
    return queue->buf + queue->head;
}
static inline size_t queue_room(const struct queue *queue) {
    return queue->cap - queue->len;
}
// Forgets `len` bytes from the front, or everything.
void queue_drop(struct queue *queue, size_t len);
void queue_clear(struct queue *queue);
// The free space after the content, in one piece of queue_room bytes; queue_grow says how many
// were written there.
uint8_t *queue_tail(struct queue *queue);
void queue_grow(struct queue *queue, size_t len);

// One read into the queue, at most `max` bytes; one write out of it.
enum io_result queue_read(struct queue *queue, int fd, size_t max);
enum io_result queue_write(struct queue *queue, int fd);
