// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "log.h"
#include "mounts.h"
#include "timing.h"

#ifndef CAPSEM_VERSION
#define CAPSEM_VERSION "0.1.0"
#endif

// A clock outside 2001 … 2100 is nobody's.
#define EPOCH_MIN 1000000000u
#define EPOCH_MAX 4102444800u

void agent_init(struct agent *agent) {
    agent->phase = AGENT_ALONE;
    agent->started_ms = clock_ms();
    agent->set_clock = true;
    agent->boot_fd = -1;
    agent->timing_path = "/run/capsem/boot-timing.jsonl";
    transport_init(&agent->control, "capsem.control", AGENT_CONTROL_PORT);
    transport_init(&agent->terminal, "capsem.terminal", AGENT_TERMINAL_PORT);
    exec_init(&agent->execs);
    pty_init(&agent->pty);
    agent->in = (struct queue){ .buf = agent->in_buf, .cap = sizeof agent->in_buf };
    agent->out = (struct queue){ .buf = agent->out_buf, .cap = sizeof agent->out_buf };
    agent->to_shell =
        (struct queue){ .buf = agent->to_shell_buf, .cap = sizeof agent->to_shell_buf };
    agent->to_host = (struct queue){ .buf = agent->to_host_buf, .cap = sizeof agent->to_host_buf };
}

static struct wire_writer reply_begin(struct agent *agent, const char *type, uint32_t fields) {
    struct wire_writer writer = {
        .buf = queue_tail(&agent->out),
        .cap = queue_room(&agent->out),
    };
    wire_frame_begin(&writer, type, fields);
    return writer;
}

static void reply_end(struct agent *agent, struct wire_writer *writer) {
    if (!wire_frame_end(writer)) {
        log_line("no room for an answer");
    }
    queue_grow(&agent->out, writer->len);
}

void agent_greet(struct agent *agent) {
    agent->phase = AGENT_BOOT;
    agent->budget = (struct guard_budget){ 0 };
    agent->want_shell = true;
    queue_clear(&agent->in);
    queue_clear(&agent->out);
    struct wire_writer writer = reply_begin(agent, "ready", 1);
    wire_put_name(&writer, "version");
    wire_put_name(&writer, CAPSEM_VERSION);
    reply_end(agent, &writer);
    if (agent->ready_ms == 0) {
        agent->ready_ms = clock_ms();
    }
}

void agent_leave(struct agent *agent) {
    agent->phase = AGENT_ALONE;
    exec_kill_all(&agent->execs);
}

static void on_bootconfig(struct agent *agent, const struct wire_message *message) {
    wire_field_bool(message, "shell", &agent->want_shell);
    wire_field_bool(message, "linger", &agent->linger);
    uint64_t seconds = 0;
    if (!wire_field_uint(message, "epoch_secs", EPOCH_MAX, &seconds) || seconds < EPOCH_MIN) {
        log_line("bootconfig: no usable epoch_secs, the clock stays");
        return;
    }
    struct timespec now = { .tv_sec = (time_t)seconds };
    if (agent->set_clock && clock_settime(CLOCK_REALTIME, &now) != 0) {
        log_line("bootconfig: cannot set the clock: %s", strerror(errno));
    }
}

// A host that goes and one that comes within a moment look like one that stayed. One that was seen
// to come has been greeted.
static void on_hello(struct agent *agent, const struct wire_message *message) {
    (void)message;
    agent->starts_over = agent->phase == AGENT_RUN;
}

static void on_setenv(struct agent *agent, const struct wire_message *message) {
    struct wire_value key, value;
    if (!wire_field_str(message, "key", &key) || !wire_field_str(message, "value", &value)) {
        log_line("setenv refused: no key or no value");
        return;
    }
    const char *why = guard_env(key.bytes, key.len, value.bytes, value.len);
    if (!why) {
        why = guard_count_env(&agent->budget);
    }
    if (why) {
        log_line("setenv '%.*s' refused: %s", (int)(key.len < 64 ? key.len : 64),
                 (const char *)key.bytes, why);
        return;
    }
    spawn_args_clear(&agent->args);
    spawn_args_add(&agent->args, key.bytes, key.len);
    spawn_args_add(&agent->args, value.bytes, value.len);
    if (setenv(agent->args.argv[0], agent->args.argv[1], 1) != 0) {
        log_line("setenv '%s': %s", agent->args.argv[0], strerror(errno));
    }
}

// NULL when the file was written.
static const char *write_file(struct agent *agent, const struct wire_message *message) {
    struct wire_value path, data;
    uint64_t mode = 0644;
    struct wire_value mode_value;
    size_t len = 0;
    if (!wire_field_str(message, "path", &path) || !wire_field(message, "data", &data)) {
        return "no path or no data";
    }
    if (wire_field(message, "mode", &mode_value) &&
        !wire_field_uint(message, "mode", 07777, &mode)) {
        return "the mode is not a valid permission";
    }
    const char *why = guard_path(path.bytes, path.len);
    if (why) {
        return why;
    }
    if (!wire_bytes_copy(&data, agent->file, sizeof agent->file, &len)) {
        return "the data is not bytes";
    }
    why = guard_count_file(&agent->budget, len);
    if (why) {
        return why;
    }
    spawn_args_clear(&agent->args);
    spawn_args_add(&agent->args, path.bytes, path.len);
    return file_write(agent->args.argv[0], agent->file, len, (mode_t)mode) ? NULL : strerror(errno);
}

static void on_filewrite(struct agent *agent, const struct wire_message *message) {
    const char *why = write_file(agent, message);
    if (!why) {
        return;
    }
    struct wire_value path = { 0 };
    wire_field_str(message, "path", &path);
    log_line("filewrite '%.*s' refused: %s", (int)(path.len < 256 ? path.len : 256),
             path.bytes ? (const char *)path.bytes : "", why);
}

// NULL when it is mounted.
static const char *mount_volume(struct agent *agent, const struct wire_message *message) {
    struct wire_value path;
    char tag[MOUNTS_TAG_MAX], type[MOUNTS_TYPE_MAX];
    bool read_only = true;
    struct wire_value text;
    if (!wire_field_str(message, "path", &path) || !wire_field_str(message, "tag", &text) ||
        !wire_text_copy(&text, tag, sizeof tag) || !wire_field_str(message, "type", &text) ||
        !wire_text_copy(&text, type, sizeof type)) {
        return "no path, tag or type";
    }
    const char *why = guard_mount(path.bytes, path.len);
    if (why) {
        return why;
    }
    wire_field_bool(message, "read_only", &read_only);
    spawn_args_clear(&agent->args);
    spawn_args_add(&agent->args, path.bytes, path.len);
    return mounts_add(tag, type, agent->args.argv[0], read_only);
}

static void on_mount(struct agent *agent, const struct wire_message *message) {
    const char *why = mount_volume(agent, message);
    struct wire_writer writer = reply_begin(agent, "mountdone", 1);
    wire_put_name(&writer, "error");
    wire_put_name(&writer, why ? why : "");
    reply_end(agent, &writer);
}

static void tell_timing(struct agent *agent) {
    struct timing_stage stages[TIMING_STAGES_MAX];
    size_t count = timing_load(agent->timing_path, stages);
    bool has_own = false;
    for (size_t i = 0; i < count; i++) {
        has_own = has_own || strcmp(stages[i].name, "agent_start") == 0;
    }
    if (!has_own && count < TIMING_STAGES_MAX) {
        stages[count++] = (struct timing_stage){
            .name = "agent_start",
            .duration_ms = agent->ready_ms - agent->started_ms,
        };
    }
    struct wire_writer writer = reply_begin(agent, "boottiming", 1);
    wire_put_name(&writer, "stages");
    wire_put_array(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_map(&writer, 2);
        wire_put_name(&writer, "name");
        wire_put_name(&writer, stages[i].name);
        wire_put_name(&writer, "duration_ms");
        wire_put_uint(&writer, stages[i].duration_ms);
    }
    reply_end(agent, &writer);
}

static void on_bootconfigdone(struct agent *agent, const struct wire_message *message) {
    (void)message;
    agent->phase = AGENT_RUN;
    if (agent->want_shell && agent->pty.pid == 0) {
        agent->shell_ended = agent->shell_told = false;
        if (!pty_start(&agent->pty)) {
            log_line("no terminal: %s", strerror(errno));
        }
    }
    struct wire_writer writer = reply_begin(agent, "bootready", 0);
    reply_end(agent, &writer);
    tell_timing(agent);
}

static void on_resize(struct agent *agent, const struct wire_message *message) {
    uint64_t cols = 0, rows = 0;
    if (!wire_field_uint(message, "cols", UINT16_MAX, &cols) ||
        !wire_field_uint(message, "rows", UINT16_MAX, &rows) || cols == 0 || rows == 0) {
        log_line("resize refused: cols and rows are 1 to 65535");
        return;
    }
    pty_resize(&agent->pty, (uint16_t)cols, (uint16_t)rows);
}

// The words to run, in agent->args. NULL, or what is wrong with them.
static const char *read_command(struct agent *agent, const struct wire_message *message) {
    struct wire_value command, argv, word;
    struct spawn_args *args = &agent->args;
    spawn_args_clear(args);
    if (wire_field_str(message, "command", &command)) {
        const char *shell = spawn_shell();
        bool good = spawn_args_add(args, shell, strlen(shell)) && spawn_args_add(args, "-c", 2) &&
                    spawn_args_add(args, command.bytes, command.len);
        return good ? NULL : "the command holds NUL";
    }
    if (!wire_field(message, "argv", &argv) || argv.kind != WIRE_ARRAY) {
        return "no command";
    }
    struct wire_cursor cursor = wire_children(&argv);
    while (wire_next(&cursor, &word)) {
        if (word.kind != WIRE_STR || !spawn_args_add(args, word.bytes, word.len)) {
            return "an argument is not text, or there are more than 4096";
        }
    }
    return args->count > 0 && args->argv[0][0] != '\0' ? NULL : "no command";
}

static void on_exec(struct agent *agent, const struct wire_message *message) {
    uint64_t id = 0;
    if (!wire_field_uint(message, "id", UINT64_MAX, &id)) {
        log_line("exec refused: no id");
        return;
    }
    if (exec_find(&agent->execs, id)) {
        log_line("exec refused: the id %llu is in use", (unsigned long long)id);
        return;
    }
    bool has_input = false;
    wire_field_bool(message, "stdin", &has_input);
    const char *why = read_command(agent, message);
    if (!why) {
        why = exec_start(&agent->execs, id, &agent->args, has_input);
    }
    if (why) {
        exec_refuse(&agent->out, id, why);
    }
}

static void on_execinput(struct agent *agent, const struct wire_message *message) {
    uint64_t id = 0;
    struct wire_value data;
    const char *why = "no id or no bytes";
    if (wire_field_uint(message, "id", UINT64_MAX, &id) && wire_field(message, "data", &data) &&
        data.kind == WIRE_BIN) {
        why = exec_input(&agent->execs, id, data.bytes, data.len);
    }
    if (why) {
        log_line("execinput refused: %s", why);
    }
}

static void on_execeof(struct agent *agent, const struct wire_message *message) {
    uint64_t id = 0;
    if (wire_field_uint(message, "id", UINT64_MAX, &id)) {
        exec_input_end(&agent->execs, id);
    }
}

static void on_ping(struct agent *agent, const struct wire_message *message) {
    (void)message;
    struct wire_writer writer = reply_begin(agent, "pong", 0);
    reply_end(agent, &writer);
}

static void on_shutdown(struct agent *agent, const struct wire_message *message) {
    (void)message;
    agent->ending = true;
}

static const struct {
    const char *type;
    unsigned phases; // in which it is taken
    void (*handle)(struct agent *agent, const struct wire_message *message);
} messages[] = {
    { "hello", AGENT_BOOT | AGENT_RUN, on_hello },
    { "bootconfig", AGENT_BOOT, on_bootconfig },
    { "setenv", AGENT_BOOT, on_setenv },
    { "filewrite", AGENT_BOOT, on_filewrite },
    { "mount", AGENT_BOOT, on_mount },
    { "bootconfigdone", AGENT_BOOT, on_bootconfigdone },
    { "resize", AGENT_BOOT | AGENT_RUN, on_resize },
    { "exec", AGENT_RUN, on_exec },
    { "execinput", AGENT_RUN, on_execinput },
    { "execeof", AGENT_RUN, on_execeof },
    { "ping", AGENT_BOOT | AGENT_RUN, on_ping },
    { "shutdown", AGENT_BOOT | AGENT_RUN, on_shutdown },
};

static void dispatch(struct agent *agent, const struct wire_message *message) {
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (!wire_message_is(message, messages[i].type)) {
            continue;
        }
        if (messages[i].phases & agent->phase) {
            messages[i].handle(agent, message);
        } else {
            log_line("%s refused: not now", messages[i].type);
        }
        return;
    }
    log_line("a message of unknown type '%.*s'",
             (int)(message->type.len < 64 ? message->type.len : 64),
             (const char *)message->type.bytes);
}

bool agent_take_frames(struct agent *agent) {
    while (agent->boot_fd < 0 && queue_room(&agent->out) >= EXEC_REPLIES && !agent->ending) {
        size_t len = 0;
        enum wire_step step = wire_frame_find(queue_data(&agent->in), agent->in.len, &len);
        if (step == WIRE_TOO_LONG) {
            log_line("a frame of more than %d bytes: starting over", WIRE_FRAME_MAX);
            return false;
        }
        if (step == WIRE_INCOMPLETE) {
            return true;
        }
        struct wire_message message;
        if (wire_message_decode(queue_data(&agent->in) + WIRE_HEADER, len, &message)) {
            transport_proven(&agent->control);
            dispatch(agent, &message);
        } else {
            log_line("a frame of %zu bytes that is not a message", len);
        }
        queue_drop(&agent->in, WIRE_HEADER + len);
        if (agent->starts_over) {
            agent->starts_over = false;
            return false;
        }
    }
    return true;
}

void agent_booted(struct agent *agent) {
    close(agent->boot_fd);
    agent->boot_fd = -1;
}

void agent_reaped(struct agent *agent, pid_t pid, int wait_status) {
    if (pid == agent->pty.pid) {
        agent->pty.pid = 0;
        agent->shell_ended = true;
        agent->shell_code = spawn_exit_code(wait_status);
        return;
    }
    // Anything else is an orphan that came to us.
    exec_reaped(&agent->execs, pid, wait_status);
}

void agent_tell_shell_end(struct agent *agent) {
    if (agent->phase != AGENT_RUN) {
        return;
    }
    struct wire_writer writer = reply_begin(agent, "shelldone", 1);
    wire_put_name(&writer, "exit_code");
    wire_put_int(&writer, agent->shell_code);
    reply_end(agent, &writer);
}
