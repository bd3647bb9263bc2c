// SPDX-License-Identifier: Apache-2.0
/* What is said of a RUN that failed: first the cause, where the kernel or the disk tells of one. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "embedded/internal.h"

enum { SIGNAL_BASE = 128 };

/* Those of which a shell's status tells; others are statuses of programs' own as well. */
static const int told[] = { SIGKILL, SIGSEGV, SIGABRT, SIGBUS,  SIGILL,
                            SIGFPE,  SIGTERM, SIGSYS,  SIGXFSZ, SIGXCPU };

struct failure {
    struct step *step;
    const struct sandbox_result *result;
    str command;
    str output; /* its end */
    struct diag *diag;
};

static str bytes_text(struct arena *a, uint64_t bytes) {
    return bytes < (uint64_t)1 << 30
               ? str_fmt(a, "%llu MB", (unsigned long long)(bytes >> 20))
               : str_fmt(a, "%.1f GB", (double)bytes / (double)((uint64_t)1 << 30));
}

static bool says(const struct failure *f, const char *text) {
    return str_find(f->output, str_from_c(text), 0) != STR_NONE;
}

/* How it ended, for the end of a sentence. */
static str ending(struct arena *a, const struct sandbox_result *result) {
    return result->signal != 0 ? str_fmt(a, "was killed by signal %d (%s)", result->signal,
                                         strsignal(result->signal))
                               : str_fmt(a, "exited with status %d", result->exit_code);
}

static struct diag *report(struct failure *f, str text) {
    struct builder *b = f->step->builder;
    f->diag = diag_report(b->sink, "E404", f->step->instruction->span, "%.*s", STR_FMT(text));
    return f->diag;
}

/* ---- memory, processes ---- */

static bool report_memory(struct failure *f) {
    struct builder *b = f->step->builder;
    const struct sandbox_result *result = f->result;
    if (!result->out_of_memory) {
        return false;
    }
    str limit = result->memory_limit_bytes == 0
                    ? S("")
                    : str_fmt(b->arena, "; its limit is %.*s",
                              STR_FMT(bytes_text(b->arena, result->memory_limit_bytes)));
    report(f, str_fmt(b->arena, "the step was killed because it ran out of memory: %s%.*s",
                      result->victim[0] != '\0' ? result->victim
                                                : "the kernel did not report which process used it",
                      STR_FMT(limit)));
    if (result->memory_limit_bytes == 0) {
        diag_help(b->sink, f->diag, "give the machine more memory or run fewer jobs in parallel");
    } else {
        diag_help(b->sink, f->diag,
                  "--memory SIZE or step_memory in [build] raises the limit, up to the machine's "
                  "memory; or run fewer jobs in parallel");
    }
    return true;
}

static bool report_pids(struct failure *f) {
    struct builder *b = f->step->builder;
    if (!f->result->out_of_pids) {
        return false;
    }
    report(f, str_fmt(b->arena, "the step reached its process limit and %.*s; the limit is %llu",
                      STR_FMT(ending(b->arena, f->result)),
                      (unsigned long long)f->result->pids_limit));
    diag_help(b->sink, f->diag, "--pids N raises the limit; or run fewer jobs in parallel");
    return true;
}

/* ---- the disk ---- */

static bool report_disk(struct failure *f) {
    struct builder *b = f->step->builder;
    bool said = says(f, "No space left on device");
    const char *full = store_disk_full(f->step->upper, said);
    if (full == NULL) {
        return false;
    }
    const char *store = store_path(b->request->store);
    report(f, str_fmt(b->arena, "the disk that holds the store %s: '%s'; the step %.*s", full,
                      store, STR_FMT(ending(b->arena, f->result))));
    diag_help(b->sink, f->diag, "%s", store_disk_help);
    return true;
}

/* ---- signals ---- */

static bool report_file_size(struct failure *f, int number) {
    struct builder *b = f->step->builder;
    struct rlimit limit;
    if (number != SIGXFSZ && !says(f, "File too large") && !says(f, "File size limit exceeded")) {
        return false;
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) {
        return false;
    }
    report(
        f,
        str_fmt(b->arena,
                "a file written by the step reached the file size limit of %.*s, and the step %.*s",
                STR_FMT(bytes_text(b->arena, limit.rlim_cur)),
                STR_FMT(ending(b->arena, f->result))));
    diag_help(b->sink, f->diag, "run 'ulimit -f unlimited' in the shell that starts this program");
    return true;
}

static int signal_of(const struct sandbox_result *result) {
    for (size_t i = 0; i < ARRAY_LEN(told) && result->signal == 0; i++) {
        if (result->exit_code == SIGNAL_BASE + told[i]) {
            return told[i];
        }
    }
    return result->signal;
}

static bool report_signal(struct failure *f) {
    struct builder *b = f->step->builder;
    int number = signal_of(f->result);
    if (report_file_size(f, number)) {
        return true;
    }
    if (number == 0) {
        return false;
    }
    if (f->result->signal != 0) {
        report(f, str_fmt(b->arena, "the step %.*s", STR_FMT(ending(b->arena, f->result))));
    } else {
        report(f, str_fmt(b->arena,
                          "the step exited with status %d, as when a program in it is killed by "
                          "signal %d (%s)",
                          f->result->exit_code, number, strsignal(number)));
    }
    if (number == SIGKILL) {
        diag_note(b->sink, f->diag, SPAN_NONE,
                  "the kernel did not kill it for memory: the step did, or a memory daemon on this "
                  "machine such as earlyoom or systemd-oomd");
    }
    return true;
}

static bool report_status(struct failure *f) {
    struct builder *b = f->step->builder;
    struct build_cause cause =
        build_cause_find(b->arena, f->output, f->command, f->result->exit_code);
    report(f, str_fmt(b->arena, "the step %.*s%s%.*s", STR_FMT(ending(b->arena, f->result)),
                      cause.what.len > 0 ? ": " : "", STR_FMT(cause.what)));
    if (cause.help.len > 0) {
        diag_help(b->sink, f->diag, "%.*s", STR_FMT(cause.help));
    }
    return true;
}

void run_report_failure(struct step *step, const struct sandbox_result *result, str command,
                        str output) {
    static bool (*const causes[])(struct failure * f) = { report_memory, report_pids, report_disk,
                                                          report_signal, report_status };
    struct builder *b = step->builder;
    struct failure f = { .step = step, .result = result, .command = command, .output = output };
    for (size_t i = 0; i < ARRAY_LEN(causes) && f.diag == NULL; i++) {
        (void)causes[i](&f);
    }
    str hint = build_credentials_hint(b->arena, b->host->withheld, output);
    if (hint.len > 0) {
        diag_help(b->sink, f.diag, "%.*s", STR_FMT(hint));
    }
    if (output.len > 0) {
        b->result->failed_output = str_dup(b->arena, output);
    }
    b->result->failed_exit_code = result->exit_code;
}
