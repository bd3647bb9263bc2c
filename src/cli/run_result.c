// SPDX-License-Identifier: Apache-2.0
/* What became of a machine, for a person. */
#include <signal.h>

#include "cli/run_view.h"

enum {
    CONSOLE_LINES = 12, /* shown when a boot fails */
    CONSOLE_BYTES_MAX = 1024 * 1024,
    EXIT_SIGNAL = 128, /* plus its number */
};

int runner_exit_code(struct runner *runner, enum vm_outcome outcome, int exit_code,
                     int64_t timeout_s) {
    switch (outcome) {
    case VM_EXITED:
        return exit_code;
    case VM_TIMED_OUT:
        print_error(runner->cli, "the command did not end within %lld s", (long long)timeout_s);
        return EXIT_TIMED_OUT;
    case VM_STOPPED:
        /* A write that waited was ended by a signal that nobody has taken yet. */
        runner_take_signals(runner);
        if (runner->signal != 0) {
            return EXIT_SIGNAL + runner->signal;
        }
        return runner->reader_gone ? EXIT_SIGNAL + SIGPIPE : EXIT_OK;
    }
    return EXIT_FAILED;
}

static void print_console(const struct cli *cli, const struct vm_report *report) {
    if (report->last_stage[0] != '\0' && !report->ready) {
        str stage = plain_line(cli->arena, str_from_c(report->last_stage));
        fprintf(stderr, "last completed boot stage: %.*s\n", STR_FMT(stage));
    }
    str lines = vm_console_lines(cli->arena, report, CONSOLE_LINES);
    if (lines.len == 0) {
        return;
    }
    fputs("last lines of the console:\n", stderr);
    AUTO_BUF shown = BUF_INIT(CONSOLE_BYTES_MAX);
    while (lines.len > 0) {
        buf_add_c(&shown, "  | ");
        add_foreign(&shown, str_cut(&lines, '\n'), cli->color_err);
        buf_add_char(&shown, '\n');
    }
    print_text(stderr, buf_str(&shown));
}

void run_print_failure(struct runner *runner, const struct run_result *result,
                       struct make_failure *failure) {
    make_view_fail(&runner->make, failure);
    if (result->report != NULL) {
        print_console(runner->cli, result->report);
    }
}

static void print_stage(const char *name, uint64_t ms) {
    fprintf(stderr, "  %-28s %8llu ms\n", name, (unsigned long long)ms);
}

void run_print_timing(const struct run_result *result) {
    AUTO_ARENA scratch = arena_new();
    const struct vm_report *report = result->report;
    if (report == NULL) {
        return;
    }
    fprintf(stderr, "timing (%s):\n", vm_accel_name(report->accel));
    if (result->has_repacked) {
        print_stage("guest binaries compiled", result->compile_ms);
        print_stage("ramdisk repacked", result->repack_ms);
    }
    print_stage("first console output", report->heard_ms);
    for (size_t i = 0; i < report->stage_count; i++) {
        str name = plain_line(scratch, str_from_c(report->stages[i].name));
        print_stage(name.ptr, report->stages[i].duration_ms);
    }
    if (report->ready) {
        print_stage("agent ready", report->ready_ms);
    }
    print_stage("whole run", report->total_ms);
}

void run_print_kept(const char *name) {
    fprintf(stderr,
            "the machine '%s' is still running: capsem-builder attach %s, or attach --end %s\n",
            name, name, name);
}
