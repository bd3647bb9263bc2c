// SPDX-License-Identifier: Apache-2.0
/* run: a command in a guest. */
#include <errno.h>
#include <string.h>

#include "mcp/internal.h"
#include "run/run.h"

enum { OUTPUT_BYTES_MAX = 1024 * 1024, CONSOLE_LINES = 12 };

struct machine {
    struct mcp_call *call;
    struct buf out, errors; /* of the command, their beginning */
    json_t *notices;
    json_t *problems;
    int signal_fd;
};

/* What does not fit is dropped. */
static void keep(struct buf *b, str piece) {
    buf_add(b, str_slice(piece, 0, b->max - b->len));
    b->full = b->full || piece.len > b->max - b->len;
}

static bool on_output(void *self, enum vm_stream stream, str piece) {
    struct machine *m = self;
    if (stream == VM_STDERR) {
        keep(&m->errors, piece);
    } else if (stream != VM_CONSOLE) {
        keep(&m->out, piece);
    }
    mcp_progress_often(m->call, piece);
    return true;
}

static void on_notice(void *self, const char *text) {
    struct machine *m = self;
    json_array_append_new(m->notices, mcp_json(str_from_c(text)));
    mcp_progress(m->call, "%s", text);
}

static void on_problem(void *self, const struct err *err) {
    struct machine *m = self;
    AUTO_BUF text = BUF_INIT((size_t)64 * 1024);
    err_text(err, &text);
    json_array_append_new(m->problems, mcp_json(buf_str(&text)));
}

static void on_ready(void *self) {
    struct machine *m = self;
    mcp_progress(m->call, "the guest is ready");
}

static void on_starting(void *self) {
    struct machine *m = self;
    mcp_progress(m->call, "the machine starts");
}

static enum vm_event on_event(void *self) {
    const struct machine *m = self;
    return os_signals_next(m->signal_fd) != 0 ? VM_EVENT_STOP : VM_EVENT_NONE;
}

/* The server's SIGTERM ends the machine from here on. */
static bool on_begin(void *self, struct vm_hooks *ret, struct err *err) {
    struct machine *m = self;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    m->signal_fd = os_signals_open(&stop);
    if (m->signal_fd < 0) {
        return err_sys(err, errno, "wait for signals");
    }
    *ret = (struct vm_hooks){
        .self = m,
        .output = on_output,
        .notice = on_notice,
        .ready = on_ready,
        .event_fd = m->signal_fd,
        .event = on_event,
        .input_fd = -1,
    };
    return *m->call->cancelled == 0 || err_set(err, "stopped");
}

/* ---- while guest binaries are compiled ---- */

static void on_label(void *self, const char *label,
                     str (*why)(void *why_self, const struct build_step *step, bool cached),
                     void *why_self) {
    struct machine *m = self;
    mcp_progress(m->call, "%s", label);
}

static void on_end(void *self) {
}

static void on_line(void *self, str line) {
    struct machine *m = self;
    mcp_progress_often(m->call, line);
}

static void on_step(void *self, const struct build_step *step) {
    on_line(self, step->text);
}

static void on_step_output(void *self, const struct build_step *step, str piece) {
    on_line(self, piece);
}

static void on_step_end(void *self, const struct build_step *step, enum build_step_end how,
                        uint64_t duration_ms) {
}

static void on_phase(void *self, const char *what) {
}

static void on_phase_tick(void *self, const char *what, uint64_t done, uint64_t total) {
}

static void on_phase_end(void *self, const char *what, const char *result) {
}

static const struct build_events step_events = { on_step, on_step_output, on_step_end, on_step,
                                                 on_line };

static struct run_events events_of(struct machine *m) {
    return (struct run_events){
        .self = m,
        .begin = on_begin,
        .starting = on_starting,
        .notice = on_notice,
        .problem = on_problem,
        .make = { .self = m,
                  .begin = on_label,
                  .end = on_end,
                  .notice = on_line,
                  .warning = on_line,
                  .steps = &step_events,
                  .steps_self = m,
                  .pack = { m, on_phase, on_phase_tick, on_phase_end, on_line, m->call->cancelled },
                  .cancelled = m->call->cancelled },
    };
}

/* ---- the request and the result ---- */

static enum vm_accel accel_of(const char *word) {
    return strcmp(word, "kvm") == 0   ? VM_ACCEL_KVM
           : strcmp(word, "tcg") == 0 ? VM_ACCEL_TCG
                                      : VM_ACCEL_AUTO;
}

static struct run_list list_of(const struct mcp_call *call, const char *name) {
    struct run_list list;
    list.len = mcp_list(call, name, &list.items);
    return list;
}

static bool make_request(struct mcp_call *call, struct run_request *ret, struct err *err) {
    const char *assets = mcp_text(call, "assets");
    struct run_list argv = list_of(call, "argv");
    *ret = (struct run_request){
        .cache_dir = call->options->cache_dir,
        .assets = assets != NULL ? assets : "assets",
        .arch = mcp_text(call, "arch"),
        .guest = mcp_text(call, "guest"),
        .accel = accel_of(mcp_word(call, "accel")),
        .timeout_s = mcp_number(call, "timeout_s", 0),
        .cpus = mcp_number(call, "cpus", 0),
        .memory_mb = mcp_number(call, "memory_mb", 0),
        .env = list_of(call, "env"),
        .net_closed = strcmp(mcp_word(call, "net"), "none") == 0,
        .copy_in = list_of(call, "copy_in"),
        .copy_out = list_of(call, "copy_out"),
        .volumes = list_of(call, "volumes"),
        .mcp_errors_fd = -1,
        .scratch = mcp_text(call, "scratch"),
        .command = mcp_text(call, "command"),
        .argv = argv.len > 0 ? argv.items : NULL,
    };
    return (ret->command != NULL) != (ret->argv != NULL) ||
           err_set(err, "run takes either 'command' or 'argv'");
}

static void give(struct machine *m, const struct run_result *result) {
    static const char *const outcomes[] = { "exited", "stopped", "timed_out" };
    json_t *o = json_pack("{s:s, s:o, s:b, s:o, s:b}", "outcome", outcomes[result->outcome],
                          "stdout", mcp_json(buf_str(&m->out)), "stdout_cut", m->out.full, "stderr",
                          mcp_json(buf_str(&m->errors)), "stderr_cut", m->errors.full);
    if (result->outcome == VM_EXITED) {
        json_object_set_new(o, "exit_code", json_integer(result->exit_code));
    }
    json_object_set_new(o, "boot_ms", json_integer((json_int_t)result->report->ready_ms));
    json_object_set_new(o, "total_ms", json_integer((json_int_t)result->report->total_ms));
    json_object_set(o, "notices", m->notices);
    json_object_set(o, "problems", m->problems);
    mcp_give(m->call, o);
}

static void fail(struct mcp_call *call, const struct run_result *result,
                 struct make_failure *failure) {
    mcp_fail_make(call, failure);
    if (result->report == NULL) {
        return;
    }
    str lines = vm_console_lines(call->arena, result->report, CONSOLE_LINES);
    if (lines.len > 0) {
        buf_add_c(&call->text, "last lines of the console:\n");
    }
    while (lines.len > 0) {
        buf_add_c(&call->text, "  | ");
        add_foreign(&call->text, str_cut(&lines, '\n'), false);
        buf_add_char(&call->text, '\n');
    }
}

void mcp_run(struct mcp_call *call) {
    struct machine m = { .call = call,
                         .out = BUF_INIT((size_t)OUTPUT_BYTES_MAX),
                         .errors = BUF_INIT((size_t)OUTPUT_BYTES_MAX),
                         .notices = json_array(),
                         .problems = json_array(),
                         .signal_fd = -1 };
    struct run_request request;
    struct run_result result = { .outcome = VM_EXITED };
    struct make_failure failure = { .output = S(""), .err = ERR_INIT };
    const struct run_events events = events_of(&m);
    if (make_request(call, &request, &failure.err) &&
        run_machine(call->arena, &request, &events, &result, &failure)) {
        give(&m, &result);
    } else {
        fail(call, &result, &failure);
    }
    os_signals_close(&m.signal_fd);
    json_decref(m.notices);
    json_decref(m.problems);
    buf_done(&m.out);
    buf_done(&m.errors);
}
