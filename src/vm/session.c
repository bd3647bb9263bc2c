// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "agent/lib/guards.h"
#include "vm/internal.h"

enum {
    COMMAND_ID = 1,
    ESCAPE = 0x1d, /* Ctrl-] */
    ESCAPES_TO_END = 3,
    END_OF_INPUT = 4,   /* what a terminal sends for Ctrl-D */
    LAST_WORDS_MS = 50, /* of silence after which a terminal has said everything */
    LAST_WORDS_ROUNDS = 40,
};

bool session_wants_shell(const struct session *s) {
    return s->request->command == NULL && s->request->argv == NULL;
}

/* -- to the guest -- */

static struct wire_writer frame_begin(struct session *s, const char *type, uint32_t fields) {
    struct queue *out = &s->machine->out;
    struct wire_writer writer = { .buf = queue_tail(out), .cap = queue_room(out) };
    wire_frame_begin(&writer, type, fields);
    return writer;
}

static bool frame_end(struct session *s, struct wire_writer *writer) {
    bool good = wire_frame_end(writer);
    queue_grow(&s->machine->out, writer->len);
    return good;
}

static bool send_bootconfig(struct session *s) {
    struct wire_writer writer = frame_begin(s, "bootconfig", 2);
    wire_put_name(&writer, "epoch_secs");
    wire_put_uint(&writer, (uint64_t)time_now_epoch_s());
    wire_put_name(&writer, "shell");
    wire_put_bool(&writer, session_wants_shell(s));
    return frame_end(s, &writer);
}

static bool send_variables(struct session *s, struct err *err) {
    for (const char *const *e = s->request->env; e != NULL && *e != NULL; e++) {
        str value = str_from_c(*e);
        str key = str_cut(&value, '=');
        struct wire_writer writer = frame_begin(s, "setenv", 2);
        wire_put_name(&writer, "key");
        wire_put_str(&writer, key.ptr, key.len);
        wire_put_name(&writer, "value");
        wire_put_str(&writer, value.ptr == NULL ? "" : value.ptr, value.len);
        if (!frame_end(s, &writer)) {
            return err_set(err, "the variables are too large: '%.*s' does not fit", STR_FMT(key));
        }
    }
    return true;
}

bool vm_env_check(const char *pair, size_t index, struct err *err) {
    str value = str_from_c(pair);
    str key = str_cut(&value, '=');
    struct guard_budget budget = { .env_count = (unsigned)index };
    const char *why =
        guard_env((const uint8_t *)key.ptr, key.len, (const uint8_t *)value.ptr, value.len);
    why = why == NULL ? guard_count_env(&budget) : why;
    return why == NULL || err_set(err, "the variable '%.*s' is not one for a guest: %s",
                                  STR_FMT(str_clip(key, 64)), why);
}

static bool send_bare(struct session *s, const char *type) {
    struct wire_writer writer = frame_begin(s, type, 0);
    return frame_end(s, &writer);
}

static bool send_size(struct session *s) {
    struct vm_size size =
        s->hooks->window == NULL ? (struct vm_size){ 0 } : s->hooks->window(s->hooks->self);
    if (size.cols == 0 || size.rows == 0) {
        return true;
    }
    struct wire_writer writer = frame_begin(s, "resize", 2);
    wire_put_name(&writer, "cols");
    wire_put_uint(&writer, size.cols);
    wire_put_name(&writer, "rows");
    wire_put_uint(&writer, size.rows);
    return frame_end(s, &writer);
}

static bool send_command(struct session *s, struct err *err) {
    const struct vm_request *request = s->request;
    struct wire_writer writer = frame_begin(s, "exec", 2);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, COMMAND_ID);
    if (request->command != NULL) {
        wire_put_name(&writer, "command");
        wire_put_name(&writer, request->command);
    } else {
        uint32_t count = 0;
        while (request->argv[count] != NULL) {
            count++;
        }
        wire_put_name(&writer, "argv");
        wire_put_array(&writer, count);
        for (uint32_t i = 0; i < count; i++) {
            wire_put_name(&writer, request->argv[i]);
        }
    }
    return frame_end(s, &writer) ||
           err_set(err, "the command is too long: at most %d bytes fit in a frame", WIRE_FRAME_MAX);
}

/* -- from the guest -- */

/* The agent is there. Everything it needs goes at once: it takes the frames in order, so no answer
 * has to be waited for. */
static bool on_ready(struct session *s, const struct wire_message *message, struct err *err) {
    (void)message;
    if (s->report->ready) {
        return err_set(err, "the guest agent started over, the command is lost");
    }
    s->report->ready = true;
    s->report->ready_ms = time_now_ms() - s->machine->started_ms;
    if (s->hooks->ready != NULL) {
        s->hooks->ready(s->hooks->self);
    }
    if (!send_bootconfig(s) || !send_variables(s, err)) {
        return err_wrap(err, "set up the guest");
    }
    if (session_wants_shell(s)) {
        return (send_size(s) && send_bare(s, "bootconfigdone")) ||
               err_set(err, "no room for the handshake");
    }
    if (!send_bare(s, "bootconfigdone")) {
        return err_set(err, "no room for the handshake");
    }
    return send_command(s, err);
}

static bool read_stage(const struct wire_value *map, struct vm_stage *ret) {
    /* Its fields are found as a message's are. */
    struct wire_message fields = { .fields = *map };
    struct wire_value name;
    return map->kind == WIRE_MAP && wire_field_str(&fields, "name", &name) &&
           wire_text_copy(&name, ret->name, sizeof ret->name) &&
           wire_field_uint(&fields, "duration_ms", UINT64_MAX, &ret->duration_ms);
}

static bool on_boottiming(struct session *s, const struct wire_message *message, struct err *err) {
    (void)err;
    struct wire_value stages, map;
    if (!wire_field(message, "stages", &stages) || stages.kind != WIRE_ARRAY) {
        return true;
    }
    struct wire_cursor cursor = wire_children(&stages);
    s->report->stage_count = 0;
    while (wire_next(&cursor, &map) && s->report->stage_count < VM_STAGES_MAX) {
        if (read_stage(&map, &s->report->stages[s->report->stage_count])) {
            s->report->stage_count++;
        }
    }
    return true;
}

static bool is_ours(const struct wire_message *message) {
    uint64_t id;
    return wire_field_uint(message, "id", UINT64_MAX, &id) && id == COMMAND_ID;
}

static void deliver(struct session *s, enum vm_stream stream, str piece) {
    if (!s->stopped && piece.len > 0 && !s->hooks->output(s->hooks->self, stream, piece)) {
        s->stopped = true;
    }
}

static bool on_execdata(struct session *s, const struct wire_message *message, struct err *err) {
    struct wire_value data;
    uint64_t stream;
    if (!is_ours(message) || !wire_field_uint(message, "stream", VM_STDERR, &stream) ||
        stream < VM_STDOUT || !wire_field(message, "data", &data) || data.kind != WIRE_BIN) {
        return err_set(err, "the guest agent sent output that makes no sense");
    }
    deliver(s, (enum vm_stream)stream, (str){ (const char *)data.bytes, data.len });
    return true;
}

static bool finish(struct session *s, const struct wire_message *message, struct err *err) {
    int64_t code;
    if (!wire_field_int(message, "exit_code", &code) || code < 0 || code > 255) {
        return err_set(err, "the guest agent sent a result without an exit code");
    }
    s->done = true;
    s->exit_code = (int)code;
    return true;
}

static bool on_execdone(struct session *s, const struct wire_message *message, struct err *err) {
    return !is_ours(message) || finish(s, message, err);
}

static bool on_shelldone(struct session *s, const struct wire_message *message, struct err *err) {
    return !session_wants_shell(s) || finish(s, message, err);
}

/* Other types are skipped: a newer agent may say more. */
static const struct {
    const char *type;
    bool (*handle)(struct session *s, const struct wire_message *message, struct err *err);
} messages[] = {
    { "ready", on_ready },       { "boottiming", on_boottiming }, { "execdata", on_execdata },
    { "execdone", on_execdone }, { "shelldone", on_shelldone },
};

static bool dispatch(struct session *s, const struct wire_message *message, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        if (wire_message_is(message, messages[i].type)) {
            return messages[i].handle(s, message, err);
        }
    }
    return true;
}

static bool take_frames(struct session *s, struct err *err) {
    struct queue *in = &s->machine->in;
    while (!s->done && !s->stopped) {
        size_t len = 0;
        enum wire_step step = wire_frame_find(queue_data(in), in->len, &len);
        if (step == WIRE_INCOMPLETE) {
            return true;
        }
        struct wire_message message;
        if (step == WIRE_TOO_LONG ||
            !wire_message_decode(queue_data(in) + WIRE_HEADER, len, &message)) {
            return err_set(err, "the guest agent sent a frame that makes no sense");
        }
        if (!dispatch(s, &message, err)) {
            return false;
        }
        queue_drop(in, WIRE_HEADER + len);
    }
    return true;
}

/* -- the terminal -- */

static void take_terminal(struct session *s) {
    struct queue *from = &s->machine->from_guest;
    deliver(s, VM_TERMINAL, (str){ (const char *)queue_data(from), from->len });
    queue_clear(from);
}

/* What came since the last look; more than the tail holds is lost. */
static void take_console(struct session *s) {
    const struct tail *tail = s->machine->console;
    str text = tail_str(tail);
    size_t fresh = min_size(tail->total - s->console_seen, text.len);
    s->console_seen = tail->total;
    if (s->verbose) {
        deliver(s, VM_CONSOLE, str_slice(text, text.len - fresh, text.len));
    }
}

static void count_escapes(struct session *s, const uint8_t *keys, size_t len) {
    for (size_t i = 0; i < len; i++) {
        s->escapes = keys[i] == ESCAPE ? s->escapes + 1 : 0;
        s->stopped = s->stopped || s->escapes >= ESCAPES_TO_END;
    }
}

static void take_input(struct session *s) {
    struct queue *to = &s->machine->to_guest;
    size_t before = to->len;
    enum io_result result = queue_read(to, s->hooks->input_fd, SIZE_MAX);
    count_escapes(s, queue_data(to) + before, to->len - before);
    if (result != IO_LOST) {
        return;
    }
    s->input_ended = true;
    if (queue_room(to) > 0) {
        *queue_tail(to) = END_OF_INPUT;
        queue_grow(to, 1);
    }
}

void session_drain_terminal(struct session *s) {
    for (int round = 0; round < LAST_WORDS_ROUNDS && s->machine->terminal_fd >= 0; round++) {
        struct machine_watch none = { .event_fd = -1, .input_fd = -1 };
        machine_step(s->machine, LAST_WORDS_MS, &none);
        if (s->machine->from_guest.len == 0) {
            return;
        }
        take_terminal(s);
    }
}

/* -- a round -- */

static void take_event(struct session *s) {
    switch (s->hooks->event(s->hooks->self)) {
    case VM_EVENT_NONE:
        break;
    case VM_EVENT_STOP:
        s->stopped = true;
        break;
    case VM_EVENT_RESIZE:
        /* Before the handshake, and when the queue is full, the size is told with the next change.
         */
        if (s->report->ready && !send_size(s)) {
            break;
        }
        break;
    }
}

bool session_step(struct session *s, int wait_ms, struct err *err) {
    bool takes_input = session_wants_shell(s) && s->report->ready && !s->input_ended &&
                       queue_room(&s->machine->to_guest) > 0;
    struct machine_watch watched = {
        .event_fd = s->hooks->event_fd,
        .input_fd = takes_input ? s->hooks->input_fd : -1,
    };
    machine_step(s->machine, wait_ms, &watched);
    if (watched.event) {
        take_event(s);
    }
    if (watched.input) {
        take_input(s);
    }
    take_console(s);
    take_terminal(s);
    return take_frames(s, err);
}
