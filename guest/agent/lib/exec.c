// SPDX-License-Identifier: Apache-2.0
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wire.h"

void exec_init(struct exec_table *table) {
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < EXEC_MAX; i++) {
        table->slots[i].fds[0] = table->slots[i].fds[1] = table->slots[i].input_fd = -1;
    }
}

static struct exec *find(const struct exec_table *table, uint64_t id) {
    for (size_t i = 0; i < EXEC_MAX; i++) {
        if (table->slots[i].pid != 0 && table->slots[i].id == id) {
            return (struct exec *)&table->slots[i];
        }
    }
    return NULL;
}

bool exec_find(const struct exec_table *table, uint64_t id) {
    return find(table, id) != NULL;
}

bool exec_any(const struct exec_table *table) {
    for (size_t i = 0; i < EXEC_MAX; i++) {
        if (table->slots[i].pid != 0) {
            return true;
        }
    }
    return false;
}

static struct exec *free_slot(struct exec_table *table) {
    for (size_t i = 0; i < EXEC_MAX; i++) {
        if (table->slots[i].pid == 0) {
            return &table->slots[i];
        }
    }
    return NULL;
}

struct pipes {
    int input[2]; // what the command reads, and our end of it
    int ends[EXEC_STREAMS][2];
};

static void close_fd(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static bool open_input(struct pipes *pipes, bool has_input) {
    if (!has_input) {
        pipes->input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return pipes->input[0] >= 0;
    }
    return pipe2(pipes->input, O_CLOEXEC) == 0 && fcntl(pipes->input[1], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_pipes(struct pipes *pipes, bool has_input) {
    *pipes = (struct pipes){ { -1, -1 }, { { -1, -1 }, { -1, -1 } } };
    bool good = open_input(pipes, has_input);
    for (size_t i = 0; good && i < EXEC_STREAMS; i++) {
        // Only our end must not block: the other one is the command's.
        good = pipe2(pipes->ends[i], O_CLOEXEC) == 0 &&
               fcntl(pipes->ends[i][0], F_SETFL, O_NONBLOCK) == 0;
    }
    return good;
}

static void close_pipes(struct pipes *pipes) {
    close_fd(&pipes->input[0]);
    close_fd(&pipes->input[1]);
    for (size_t i = 0; i < EXEC_STREAMS; i++) {
        close_fd(&pipes->ends[i][0]);
        close_fd(&pipes->ends[i][1]);
    }
}

const char *exec_start(struct exec_table *table, uint64_t id, const struct spawn_args *args,
                       bool has_input) {
    struct exec *slot = free_slot(table);
    if (!slot) {
        return "32 commands run already";
    }
    struct pipes pipes;
    pid_t pid = open_pipes(&pipes, has_input) ? fork() : -1;
    if (pid < 0) {
        close_pipes(&pipes);
        return strerror(errno);
    }
    if (pid == 0) {
        spawn_child(args->argv,
                    (const int[3]){ pipes.input[0], pipes.ends[0][1], pipes.ends[1][1] }, false);
    }
    *slot = (struct exec){
        .pid = pid,
        .id = id,
        .input_fd = pipes.input[1],
        .input = { .buf = table->inputs[slot - table->slots], .cap = EXEC_INPUT },
    };
    pipes.input[1] = -1;
    for (size_t i = 0; i < EXEC_STREAMS; i++) {
        slot->fds[i] = pipes.ends[i][0];
        pipes.ends[i][0] = -1;
    }
    close_pipes(&pipes);
    return NULL;
}

const char *exec_input(struct exec_table *table, uint64_t id, const uint8_t *data, size_t len) {
    struct exec *slot = find(table, id);
    if (!slot) {
        return NULL;
    }
    if (slot->input_ended || len > queue_room(&slot->input) - slot->owed) {
        return "more than the credit";
    }
    if (slot->input_fd < 0) {
        slot->owed += len;
        return NULL;
    }
    memcpy(queue_tail(&slot->input), data, len);
    queue_grow(&slot->input, len);
    return NULL;
}

void exec_input_end(struct exec_table *table, uint64_t id) {
    struct exec *slot = find(table, id);
    if (slot) {
        slot->input_ended = true;
    }
}

bool exec_reaped(struct exec_table *table, pid_t pid, int wait_status) {
    for (size_t i = 0; i < EXEC_MAX; i++) {
        struct exec *slot = &table->slots[i];
        if (slot->pid != pid || slot->exited) {
            continue;
        }
        slot->exited = true;
        slot->code = spawn_exit_code(wait_status);
        for (size_t s = 0; s < EXEC_STREAMS; s++) {
            int left = 0;
            if (slot->fds[s] >= 0 && ioctl(slot->fds[s], FIONREAD, &left) == 0) {
                slot->left[s] = (size_t)left;
            }
        }
        return true;
    }
    return false;
}

size_t exec_poll(const struct exec_table *table, const struct queue *out, struct pollfd *fds) {
    size_t count = 0;
    bool has_room = queue_room(out) >= EXEC_ROOM;
    for (size_t i = 0; i < EXEC_MAX; i++) {
        const struct exec *slot = &table->slots[i];
        for (size_t s = 0; s < EXEC_STREAMS && has_room; s++) {
            if (slot->fds[s] >= 0) {
                fds[count++] = (struct pollfd){ .fd = slot->fds[s], .events = POLLIN };
            }
        }
        if (slot->pid != 0 && slot->input_fd >= 0 && slot->input.len > 0) {
            fds[count++] = (struct pollfd){ .fd = slot->input_fd, .events = POLLOUT };
        }
    }
    return count;
}

static bool put_data(struct queue *out, uint64_t id, size_t stream, const uint8_t *data,
                     size_t len) {
    struct wire_writer writer = { .buf = queue_tail(out), .cap = queue_room(out) };
    wire_frame_begin(&writer, "execdata", 3);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, id);
    wire_put_name(&writer, "stream");
    wire_put_uint(&writer, stream + 1);
    wire_put_name(&writer, "data");
    wire_put_bin(&writer, data, len);
    bool good = wire_frame_end(&writer);
    queue_grow(out, writer.len);
    return good;
}

// Up to `len` bytes; 0 at the end of the stream, -1 when there are none now.
static ssize_t read_stream(int fd, uint8_t *buf, size_t len) {
    ssize_t n;
    do {
        n = read(fd, buf, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 && errno != EAGAIN ? 0 : n;
}

// One read of a stream. False when there was nothing to move.
static bool pump_stream(struct exec *slot, size_t stream, struct queue *out) {
    uint8_t chunk[EXEC_CHUNK];
    if (slot->fds[stream] < 0 || queue_room(out) < EXEC_ROOM) {
        return false;
    }
    size_t want = sizeof chunk;
    if (slot->exited && slot->left[stream] < want) {
        want = slot->left[stream];
    }
    ssize_t n = want > 0 ? read_stream(slot->fds[stream], chunk, want) : 0;
    if (n > 0) {
        slot->left[stream] -= slot->exited ? (size_t)n : 0;
        return put_data(out, slot->id, stream, chunk, (size_t)n);
    }
    if (n == 0 || slot->exited) {
        close_fd(&slot->fds[stream]);
    }
    return false;
}

static bool is_over(const struct exec *slot) {
    return slot->pid != 0 && slot->exited && slot->fds[0] < 0 && slot->fds[1] < 0;
}

static bool put_done(struct queue *out, uint64_t id, int code) {
    struct wire_writer writer = { .buf = queue_tail(out), .cap = queue_room(out) };
    wire_frame_begin(&writer, "execdone", 2);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, id);
    wire_put_name(&writer, "exit_code");
    wire_put_int(&writer, code);
    bool good = wire_frame_end(&writer);
    queue_grow(out, writer.len);
    return good;
}

void exec_refuse(struct queue *out, uint64_t id, const char *why) {
    char line[256];
    int len = snprintf(line, sizeof line, "capsem-pty-agent: cannot run the command: %s\n", why);
    if (len > 0 && (size_t)len < sizeof line) {
        put_data(out, id, 1, (const uint8_t *)line, (size_t)len);
    }
    put_done(out, id, 126);
}

static bool put_credit(struct queue *out, uint64_t id, size_t bytes) {
    struct wire_writer writer = { .buf = queue_tail(out), .cap = queue_room(out) };
    wire_frame_begin(&writer, "execcredit", 2);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, id);
    wire_put_name(&writer, "bytes");
    wire_put_uint(&writer, bytes);
    bool good = wire_frame_end(&writer);
    queue_grow(out, writer.len);
    return good;
}

// What the command has read, and what it never will, is room for more.
static void pump_input(struct exec *slot, struct queue *out) {
    size_t before = slot->input.len;
    if (slot->input_fd >= 0 && queue_write(&slot->input, slot->input_fd) == IO_LOST) {
        close_fd(&slot->input_fd);
        queue_clear(&slot->input);
    }
    slot->owed += before - slot->input.len;
    if (slot->input_ended && slot->input.len == 0) {
        close_fd(&slot->input_fd);
    }
    if (slot->owed >= EXEC_INPUT / 4 && !slot->input_ended &&
        put_credit(out, slot->id, slot->owed)) {
        slot->owed = 0;
    }
}

static bool pump_slot(struct exec *slot, struct queue *out) {
    bool moved = false;
    pump_input(slot, out);
    for (size_t s = 0; s < EXEC_STREAMS; s++) {
        moved = pump_stream(slot, s, out) || moved;
    }
    if (is_over(slot) && put_done(out, slot->id, slot->code)) {
        close_fd(&slot->input_fd);
        slot->pid = 0;
    }
    return moved;
}

void exec_pump(struct exec_table *table, struct queue *out) {
    bool moved = true;
    while (moved && queue_room(out) >= EXEC_ROOM) {
        moved = false;
        for (unsigned i = 0; i < EXEC_MAX; i++) {
            struct exec *slot = &table->slots[(table->next + i) % EXEC_MAX];
            moved = (slot->pid != 0 && pump_slot(slot, out)) || moved;
        }
        table->next = (table->next + 1) % EXEC_MAX;
    }
}

void exec_kill_all(struct exec_table *table) {
    for (size_t i = 0; i < EXEC_MAX; i++) {
        struct exec *slot = &table->slots[i];
        if (slot->pid == 0) {
            continue;
        }
        // The process, and the group it leads; daemons that left it are on their own.
        if (!slot->exited) {
            kill(slot->pid, SIGKILL);
            kill(-slot->pid, SIGKILL);
        }
        close_fd(&slot->fds[0]);
        close_fd(&slot->fds[1]);
        close_fd(&slot->input_fd);
        slot->pid = 0;
    }
}
