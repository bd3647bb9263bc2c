// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "agent/lib/mounts.h"
#include "vm/internal.h"

enum {
    INPUT_CHUNK = 32768,
    INPUT_ROOM = INPUT_CHUNK + 256, /* of a frame */
    ESCAPE = 0x1d,                  /* Ctrl-] */
    ESCAPES_TO_END = 3,
    END_OF_INPUT = 4,   /* what a terminal sends for Ctrl-D */
    LAST_WORDS_MS = 50, /* of silence after which a terminal has said everything */
    LAST_WORDS_ROUNDS = 40,
    /* Two sizes at once are one change, or none, to who looks only at the size: the right one waits
     * until the other one had an effect, or none is to be expected. */
    REDRAW_LEAST_MS = 200,
    REDRAW_MOST_MS = 3000,
    KEYS_ROUNDS = 10, /* of LAST_WORDS_MS, for the guest to take what was typed */
};

bool session_wants_shell(const struct session *s) {
    return s->request->command == NULL && s->request->argv == NULL;
}

/* -- from the guest -- */

/* The agent is there. Everything it needs goes at once: it takes the frames in order, so no answer
 * has to be waited for. */
static bool on_ready(struct session *s, const struct wire_message *message, struct err *err) {
    (void)message;
    if (s->report->ready) {
        return err_set(err, "the guest agent restarted and the command was lost");
    }
    s->report->ready = true;
    s->report->ready_ms = time_now_ms() - s->machine->started_ms;
    return send_handshake(s, err);
}

static bool on_mountdone(struct session *s, const struct wire_message *message, struct err *err) {
    char why[200];
    struct wire_value text;
    if (s->mounted >= s->volume_count || !wire_field_str(message, "error", &text) ||
        !wire_text_copy(&text, why, sizeof why)) {
        return err_set(err, "the guest agent reported an unknown volume");
    }
    const struct vm_volume *volume = &s->volumes[s->mounted++];
    if (why[0] == '\0') {
        return true;
    }
    s->report->no_virtiofs = volume->image_fd <= 0 && strcmp(why, MOUNTS_NO_TYPE) == 0;
    err_set(err, "%s", why);
    return err_wrap(err, "mount '%s' at '%s' in the guest", volume->host, volume->guest);
}

static bool on_bootready(struct session *s, const struct wire_message *message, struct err *err) {
    (void)message;
    s->redraw_ms = s->redraws && session_wants_shell(s) ? time_now_ms() : 0;
    if (s->volume_count == 0) {
        return true;
    }
    if (s->begun) {
        return true; /* said again: what runs, runs once */
    }
    if (s->mounted == s->volume_count) {
        s->begun = true;
        return send_step(s, err);
    }
    err_set(err, "the guest agent is too old to support volumes");
    return err_help(err, "rebuild the image, or supply a newer agent with --guest GUEST");
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

static bool is_ours(const struct session *s, const struct wire_message *message) {
    uint64_t id;
    return wire_field_uint(message, "id", UINT64_MAX, &id) && id == session_step_id(s);
}

static void deliver(struct session *s, enum vm_stream stream, str piece) {
    if (!s->stopped && piece.len > 0 && !s->hooks->output(s->hooks->self, stream, piece)) {
        s->stopped = true;
    }
}

static bool on_execdata(struct session *s, const struct wire_message *message, struct err *err) {
    struct wire_value data;
    uint64_t stream;
    if (!is_ours(s, message) || !wire_field_uint(message, "stream", VM_STDERR, &stream) ||
        stream < VM_STDOUT || !wire_field(message, "data", &data) || data.kind != WIRE_BIN) {
        return err_set(err, "malformed output from the guest agent");
    }
    struct vm_task *task = session_task(s);
    str piece = { (const char *)data.bytes, data.len };
    if (task == NULL) {
        deliver(s, (enum vm_stream)stream, piece);
        return true;
    }
    if (stream == VM_STDERR) {
        size_t len = min_size(piece.len, sizeof s->complaint - s->complaint_len);
        memcpy(s->complaint + s->complaint_len, piece.ptr, len);
        s->complaint_len += len;
        return true;
    }
    if (task->out_fd < 0) {
        return true;
    }
    task->out_bytes += piece.len;
    if (task->out_bytes > task->out_max) {
        err_set(err, "the guest sent more than %llu bytes", (unsigned long long)task->out_max);
        return err_wrap(err, "%s", task->what);
    }
    return fs_write_all(task->out_fd, piece.ptr, piece.len, err) || err_wrap(err, "%s", task->what);
}

static bool on_execcredit(struct session *s, const struct wire_message *message, struct err *err) {
    uint64_t bytes;
    if (is_ours(s, message)) {
        if (!wire_field_uint(message, "bytes", SESSION_CREDIT - s->credit, &bytes)) {
            return err_set(err, "the guest agent acknowledged more input than it received");
        }
        s->credit += bytes;
    }
    return true;
}

/* What a task complained of, in one line. */
static str complaint_of(const struct session *s) {
    str text = str_trim((str){ s->complaint, s->complaint_len });
    size_t end = str_find_char(text, '\n', 0);
    return end == STR_NONE ? text : str_slice(text, 0, end);
}

static bool end_task(struct session *s, struct vm_task *task, int code, struct err *err) {
    str complaint = complaint_of(s);
    task->done = code == 0;
    if (task->done) {
        return true;
    }
    if (s->step < s->request->before_count) {
        err_set(err, "%s: exit code %d in the guest%s%.*s", task->what, code,
                complaint.len > 0 ? ": " : "", STR_FMT(complaint));
        return false;
    }
    if (s->hooks->notice != NULL) {
        AUTO_BUF text = BUF_INIT(2048);
        buf_addf(&text, "%s: exit code %d in the guest%s%.*s", task->what, code,
                 complaint.len > 0 ? ": " : "", STR_FMT(complaint));
        s->hooks->notice(s->hooks->self, text.ptr);
    }
    s->exit_code = s->exit_code == 0 ? 1 : s->exit_code;
    return true;
}

static bool finish(struct session *s, const struct wire_message *message, struct err *err) {
    int64_t code;
    struct vm_task *task = session_task(s);
    if (!wire_field_int(message, "exit_code", &code) || code < 0 || code > 255) {
        return err_set(err, "the guest agent sent a result without an exit code");
    }
    if (task == NULL) {
        s->exit_code = (int)code;
    } else if (!end_task(s, task, (int)code, err)) {
        return false;
    }
    s->step++;
    s->done = s->step > s->request->before_count + s->request->after_count;
    return s->done || send_step(s, err);
}

static bool on_execdone(struct session *s, const struct wire_message *message, struct err *err) {
    return !is_ours(s, message) || finish(s, message, err);
}

static bool on_shelldone(struct session *s, const struct wire_message *message, struct err *err) {
    return !session_wants_shell(s) || session_task(s) != NULL || finish(s, message, err);
}

/* Other types are skipped: a newer agent may say more. */
static const struct {
    const char *type;
    bool (*handle)(struct session *s, const struct wire_message *message, struct err *err);
} messages[] = {
    { "ready", on_ready },           { "mountdone", on_mountdone },   { "bootready", on_bootready },
    { "boottiming", on_boottiming }, { "execdata", on_execdata },     { "execdone", on_execdone },
    { "shelldone", on_shelldone },   { "execcredit", on_execcredit },
};

static bool dispatch(struct session *s, const struct wire_message *message, struct err *err) {
    if (!s->report->ready && !wire_message_is(message, "ready")) {
        return true; /* meant for who was there before us */
    }
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
            return err_set(err, "malformed frame from the guest agent");
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
    s->heard = s->heard || (s->report->ready && from->len > 0);
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

static void finish_redraw(struct session *s) {
    uint64_t passed = s->redraw_ms == 0 ? 0 : time_now_ms() - s->redraw_ms;
    if (passed >= (s->heard ? REDRAW_LEAST_MS : REDRAW_MOST_MS)) {
        s->redraws = false;
        s->redraws = !send_size(s); /* without room: in the next round */
        s->redraw_ms = s->redraws ? s->redraw_ms : 0;
    }
}

/* Keys of a sequence that leaves are not the guest's. */
static void drop_escapes(struct queue *keys, size_t before) {
    while (keys->len > before && queue_data(keys)[keys->len - 1] == ESCAPE) {
        keys->len--;
    }
}

/* How many of the keys are there up to the sequence's end. */
static size_t count_escapes(struct session *s, const uint8_t *keys, size_t len) {
    size_t i = 0;
    while (i < len && !s->stopped) {
        s->escapes = keys[i++] == ESCAPE ? s->escapes + 1 : 0;
        s->stopped = s->escapes >= ESCAPES_TO_END;
    }
    return i;
}

static void take_keys(struct session *s) {
    struct queue *to = &s->machine->to_guest;
    size_t before = to->len;
    enum io_result result = queue_read(to, s->hooks->input_fd, SIZE_MAX);
    to->len = before + count_escapes(s, queue_data(to) + before, to->len - before);
    if (s->stopped) {
        drop_escapes(to, before);
    }
    if (result != IO_LOST) {
        return;
    }
    s->input_ended = true;
    if (queue_room(to) > 0) {
        *queue_tail(to) = END_OF_INPUT;
        queue_grow(to, 1);
    }
}

/* To the step's process, within its credit. An input that cannot be read has ended. */
static void take_bytes(struct session *s, int fd) {
    char chunk[INPUT_CHUNK];
    ssize_t n = read(fd, chunk, min_size(sizeof chunk, (size_t)s->credit));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    struct wire_writer writer = send_begin(s, n > 0 ? "execinput" : "execeof", n > 0 ? 2 : 1);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, session_step_id(s));
    if (n > 0) {
        wire_put_name(&writer, "data");
        wire_put_bin(&writer, chunk, (size_t)n);
        s->credit -= (uint64_t)n;
    }
    s->input_ended = n <= 0;
    bool fits = send_end(s, &writer); /* INPUT_ROOM was there */
    ASSERT(fits);
}

void session_flush_keys(struct session *s) {
    struct machine_watch none = { .event_fd = -1, .input_fd = -1 };
    bool any = s->machine->to_guest.len > 0;
    for (int i = 0; i < KEYS_ROUNDS && s->machine->to_guest.len > 0; i++) {
        vm_machine_step(s->machine, LAST_WORDS_MS, &none);
    }
    poll(NULL, 0, any ? LAST_WORDS_MS : 0); /* QEMU reads nothing more once we are gone */
}

void session_drain_terminal(struct session *s) {
    for (int round = 0; round < LAST_WORDS_ROUNDS && s->machine->terminal_fd >= 0; round++) {
        struct machine_watch none = { .event_fd = -1, .input_fd = -1 };
        vm_machine_step(s->machine, LAST_WORDS_MS, &none);
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

static bool is_shells_turn(const struct session *s) {
    return session_wants_shell(s) && session_task(s) == NULL;
}

static bool has_room_for_input(const struct session *s) {
    if (is_shells_turn(s)) {
        return queue_room(&s->machine->to_guest) > 0;
    }
    return s->credit > 0 && queue_room(&s->machine->out) >= INPUT_ROOM;
}

bool session_step(struct session *s, int wait_ms, struct err *err) {
    struct machine_watch watched = {
        .event_fd = s->hooks->event_fd,
        .input_fd = has_room_for_input(s) ? session_input(s) : -1,
    };
    vm_machine_step(s->machine, wait_ms, &watched);
    if (watched.event) {
        take_event(s);
    }
    if (watched.input && is_shells_turn(s)) {
        take_keys(s);
    } else if (watched.input) {
        take_bytes(s, watched.input_fd);
    }
    take_console(s);
    take_terminal(s);
    finish_redraw(s);
    return take_frames(s, err);
}
