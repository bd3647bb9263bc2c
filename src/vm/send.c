// SPDX-License-Identifier: Apache-2.0
/* Frames to the guest's agent. */
#include <string.h>

#include "agent/lib/guards.h"
#include "vm/internal.h"

struct wire_writer send_begin(struct session *s, const char *type, uint32_t fields) {
    struct queue *out = &s->machine->out;
    struct wire_writer writer = { .buf = queue_tail(out), .cap = queue_room(out) };
    wire_frame_begin(&writer, type, fields);
    return writer;
}

bool send_end(struct session *s, struct wire_writer *writer) {
    bool good = wire_frame_end(writer);
    queue_grow(&s->machine->out, writer->len);
    return good;
}

static bool send_bootconfig(struct session *s) {
    struct wire_writer writer = send_begin(s, "bootconfig", 3);
    wire_put_name(&writer, "epoch_secs");
    wire_put_uint(&writer, (uint64_t)time_now_epoch_s());
    wire_put_name(&writer, "shell");
    wire_put_bool(&writer, session_wants_shell(s));
    wire_put_name(&writer, "linger");
    wire_put_bool(&writer, s->request->after_count > 0 || s->request->stays);
    return send_end(s, &writer);
}

static bool send_variables(struct session *s, struct err *err) {
    for (const char *const *e = s->request->env; e != NULL && *e != NULL; e++) {
        str value = str_from_c(*e);
        str key = str_cut(&value, '=');
        struct wire_writer writer = send_begin(s, "setenv", 2);
        wire_put_name(&writer, "key");
        wire_put_str(&writer, key.ptr, key.len);
        wire_put_name(&writer, "value");
        wire_put_str(&writer, value.ptr == NULL ? "" : value.ptr, value.len);
        if (!send_end(s, &writer)) {
            return err_set(err, "the environment variables are too large: '%.*s' does not fit",
                           STR_FMT(key));
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
    return why == NULL || err_set(err, "the guest cannot use the environment variable '%.*s': %s",
                                  STR_FMT(str_clip(key, 64)), why);
}

static bool send_mounts(struct session *s) {
    bool good = true;
    for (size_t i = 0; good && i < s->volume_count; i++) {
        const struct vm_volume *volume = &s->volumes[i];
        struct wire_writer writer = send_begin(s, "mount", 4);
        wire_put_name(&writer, "tag");
        wire_put_name(&writer, volume->tag);
        wire_put_name(&writer, "type");
        wire_put_name(&writer, volume->image_fd > 0 ? "squashfs" : "virtiofs");
        wire_put_name(&writer, "path");
        wire_put_name(&writer, volume->guest);
        wire_put_name(&writer, "read_only");
        wire_put_bool(&writer, volume->read_only);
        good = send_end(s, &writer);
    }
    return good;
}

bool vm_volume_check(const char *guest, struct err *err) {
    const char *why = guard_mount((const uint8_t *)guest, strlen(guest));
    return why == NULL || err_set(err, "a volume cannot be mounted at '%.*s': %s",
                                  STR_FMT(str_clip(str_from_c(guest), 100)), why);
}

static bool send_bare(struct session *s, const char *type) {
    struct wire_writer writer = send_begin(s, type, 0);
    return send_end(s, &writer);
}

bool send_hello(struct session *s) {
    return send_bare(s, "hello");
}

bool send_size(struct session *s) {
    struct vm_size size =
        s->hooks->window == NULL ? (struct vm_size){ 0 } : s->hooks->window(s->hooks->self);
    if (size.cols == 0 || size.rows == 0) {
        return true;
    }
    /* Another size for a moment: a program draws its screen again when that changes. */
    if (s->redraws) {
        size.rows = (uint16_t)(size.rows > 1 ? size.rows - 1 : 2);
    }
    struct wire_writer writer = send_begin(s, "resize", 2);
    wire_put_name(&writer, "cols");
    wire_put_uint(&writer, size.cols);
    wire_put_name(&writer, "rows");
    wire_put_uint(&writer, size.rows);
    return send_end(s, &writer);
}

uint64_t session_step_id(const struct session *s) {
    return s->step + 1;
}

/* NULL: the command's turn, or the shell's. */
struct vm_task *session_task(const struct session *s) {
    const struct vm_request *request = s->request;
    if (s->step < request->before_count) {
        return &request->before[s->step];
    }
    return s->step > request->before_count ? &request->after[s->step - request->before_count - 1]
                                           : NULL;
}

/* Where the step's input comes from; -1: nowhere, or it has ended. */
int session_input(const struct session *s) {
    const struct vm_task *task = session_task(s);
    bool takes = session_wants_shell(s) || s->request->has_input;
    if (!s->report->ready || s->input_ended) {
        return -1;
    }
    return task != NULL ? task->in_fd : takes ? s->hooks->input_fd : -1;
}

static bool send_exec(struct session *s, const char *command, const char *const *argv,
                      struct err *err) {
    struct wire_writer writer = send_begin(s, "exec", 3);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, session_step_id(s));
    wire_put_name(&writer, "stdin");
    wire_put_bool(&writer, session_input(s) >= 0);
    if (command != NULL) {
        wire_put_name(&writer, "command");
        wire_put_name(&writer, command);
    } else {
        uint32_t count = 0;
        while (argv[count] != NULL) {
            count++;
        }
        wire_put_name(&writer, "argv");
        wire_put_array(&writer, count);
        for (uint32_t i = 0; i < count; i++) {
            wire_put_name(&writer, argv[i]);
        }
    }
    return send_end(s, &writer) ||
           err_set(err, "the command is too long: at most %d bytes fit in a frame", WIRE_FRAME_MAX);
}

/* The shell runs by itself from the end of the handshake on; its turn is that of our keystrokes. */
bool send_step(struct session *s, struct err *err) {
    const struct vm_task *task = session_task(s);
    s->credit = SESSION_CREDIT;
    s->input_ended = false;
    s->complaint_len = 0;
    if (task != NULL) {
        return send_exec(s, NULL, task->argv, err);
    }
    if (s->hooks->ready != NULL) {
        s->hooks->ready(s->hooks->self);
    }
    return session_wants_shell(s) || send_exec(s, s->request->command, s->request->argv, err);
}

bool send_handshake(struct session *s, struct err *err) {
    if (!send_bootconfig(s) || !send_variables(s, err)) {
        return err_wrap(err, "set up the guest");
    }
    if (!send_mounts(s) || (session_wants_shell(s) && !send_size(s)) ||
        !send_bare(s, "bootconfigdone")) {
        return err_set(err, "not enough room for the handshake");
    }
    /* Nothing runs before its volumes are there. */
    return s->volume_count > 0 || send_step(s, err);
}
