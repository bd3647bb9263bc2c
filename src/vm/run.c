// SPDX-License-Identifier: Apache-2.0
/* One run: which accelerators to try, the boot under each, the command, the end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "vm/internal.h"

enum {
    FIRST_WORD_MS =
        3000, /* under an unproven KVM the kernel's first line is there in a tenth of this */
    SILENCE_MS = 10000, /* and while it boots it never is silent for so long */
    BOOT_KVM_MS = 60000,
    BOOT_TCG_MS = 240000,
    STEP_MS = 100,
    GONE_ROUNDS = 100, /* of reading what QEMU left behind */
    CPUS_MAX = 255,
    MEMORY_MB_MIN = 64,
};

static void stuck(struct run *run, const char *why) {
    snprintf(run->why, sizeof run->why, "%s", why);
}

/* -- whether KVM makes progress -- */

static bool kvm_is_stuck(struct run *run, const struct attempt *attempt) {
    const struct vm_machine *m = run->session.machine;
    if (attempt->accel != VM_ACCEL_KVM) {
        return false;
    }
    if (str_find(tail_str(m->errors), S("KVM internal error"), 0) != STR_NONE) {
        stuck(run, "the guest died with a KVM internal error");
        return true;
    }
    bool crashed =
        vm_machine_is_gone(m) && (!WIFEXITED(m->wait_status) || WEXITSTATUS(m->wait_status) != 0);
    if (crashed && m->console->total == 0) {
        str line = tail_last_line(tail_str(m->errors));
        snprintf(run->why, sizeof run->why, "QEMU died: %.*s", STR_FMT(line));
        return true;
    }
    uint64_t silent_ms = time_now_ms() - m->heard_ms;
    if (attempt->unproven && !attempt->last &&
        silent_ms > (m->console->total == 0 ? FIRST_WORD_MS : SILENCE_MS)) {
        stuck(run, "the guest is not making progress");
        return true;
    }
    return false;
}

/* -- booting -- */

/* Why QEMU is no longer there, in its own words when it had some. */
static bool fail_gone(const struct vm_machine *m, struct err *err) {
    str line = tail_last_line(tail_str(m->errors));
    if (WIFSIGNALED(m->wait_status)) {
        return err_set(err, "QEMU was killed by signal %d%s%.*s", WTERMSIG(m->wait_status),
                       line.len > 0 ? ": " : "", STR_FMT(line));
    }
    if (WEXITSTATUS(m->wait_status) != 0) {
        return err_set(err, "QEMU exited with status %d%s%.*s", WEXITSTATUS(m->wait_status),
                       line.len > 0 ? ": " : "", STR_FMT(line));
    }
    str cause = tail_cause(tail_str(m->console));
    if (cause.len > 0) {
        return err_set(err, "%.*s", STR_FMT(cause));
    }
    return err_set(err, "the guest powered off or reset");
}

static uint64_t boot_limit_ms(const struct run *run, const struct attempt *attempt) {
    if (run->spec->boot_timeout_ms > 0) {
        return run->spec->boot_timeout_ms;
    }
    return attempt->accel == VM_ACCEL_KVM ? BOOT_KVM_MS : BOOT_TCG_MS;
}

enum boot_outcome run_boot(struct run *run, const struct attempt *attempt, struct err *err) {
    struct session *s = &run->session;
    uint64_t limit_ms = boot_limit_ms(run, attempt);
    while (!s->report->ready) {
        if (!session_step(s, STEP_MS, err)) {
            return BOOT_FAILED;
        }
        if (s->stopped) {
            return BOOT_STOPPED;
        }
        if (s->report->ready) {
            break;
        }
        if (kvm_is_stuck(run, attempt)) {
            return BOOT_STUCK;
        }
        if (vm_machine_is_gone(s->machine)) {
            fail_gone(s->machine, err);
            return BOOT_FAILED;
        }
        uint64_t now = time_now_ms();
        bool over = run->deadline_ms > 0 && now >= run->deadline_ms;
        if (over || now - s->machine->started_ms >= limit_ms) {
            str cause = tail_cause(tail_str(s->machine->console));
            err_set(err, "the guest agent did not answer within %llu s%s%.*s",
                    (unsigned long long)((now - s->machine->started_ms + 500) / 1000),
                    cause.len > 0 ? ": " : "", STR_FMT(cause));
            if (over && err != NULL) {
                err->code = ETIMEDOUT;
            }
            return BOOT_FAILED;
        }
    }
    return BOOT_READY;
}

/* -- the command -- */

/* QEMU has ended. A shell that powered its machine off ended well; a command has lost its result.
 */
static bool end_gone(struct run *run, enum vm_outcome *ret_outcome, struct err *err) {
    struct session *s = &run->session;
    bool good = WIFEXITED(s->machine->wait_status) && WEXITSTATUS(s->machine->wait_status) == 0;
    if (session_wants_shell(s) && good) {
        s->exit_code = 0;
        *ret_outcome = VM_EXITED;
        return true;
    }
    fail_gone(s->machine, err);
    return err_wrap(err, "the machine ended before the command did");
}

bool run_follow(struct run *run, enum vm_outcome *ret_outcome, struct err *err) {
    struct session *s = &run->session;
    for (int rounds_gone = 0;; rounds_gone += vm_machine_is_gone(s->machine)) {
        if (s->done) {
            session_drain_terminal(s);
            *ret_outcome = VM_EXITED;
            return true;
        }
        if (s->stopped) {
            if (s->machine->stays && session_wants_shell(s)) {
                session_flush_keys(s);
            }
            *ret_outcome = VM_STOPPED;
            return true;
        }
        if (run->deadline_ms > 0 && time_now_ms() >= run->deadline_ms) {
            *ret_outcome = VM_TIMED_OUT;
            return true;
        }
        /* Once it is gone, what it sent before is read to its end. */
        bool all_read = s->machine->control_fd < 0 && s->machine->terminal_fd < 0;
        if (vm_machine_is_gone(s->machine) && (all_read || rounds_gone > GONE_ROUNDS)) {
            return end_gone(run, ret_outcome, err);
        }
        if (!session_step(s, STEP_MS, err)) {
            return false;
        }
    }
}

/* -- emulation -- */

/* Code that one processor changes and another one executes at that moment, as a kernel's own does
 * while it boots: QEMU's emulation gets that wrong once in a hundred boots, and the kernel dies in
 * an exception that is none. A kernel that is broken dies again. */
static bool died_of_emulation(const struct run *run, const struct attempt *attempt) {
    const struct vm_machine *m = run->session.machine;
    return attempt->accel == VM_ACCEL_TCG && !run->session.report->ready && vm_machine_is_gone(m) &&
           str_find(tail_str(m->console), S("Kernel panic - not syncing: Fatal exception"), 0) !=
               STR_NONE;
}

static void tell(const struct run *run, const char *text) {
    const struct vm_hooks *hooks = run->session.hooks;
    if (hooks->notice != NULL) {
        hooks->notice(hooks->self, text);
    }
}

/* -- the whole -- */

enum turn {
    TURN_OVER,
    TURN_AGAIN, /* of the same attempt */
    TURN_NEXT,  /* attempt */
};

static void fill_report(const struct vm_machine *m, struct vm_report *report) {
    str console = tail_str(m->console);
    report->heard_ms = m->first_ms == 0 ? 0 : m->first_ms - m->started_ms;
    memcpy(report->console, console.ptr, console.len);
    report->console_len = console.len;
    str stage = tail_last_stage(console);
    memcpy(report->last_stage, stage.len > 0 ? stage.ptr : "", stage.len);
    report->last_stage[stage.len] = '\0';
}

static bool start(struct run *run, const struct attempt *attempt, struct arena *a,
                  struct volumes *volumes, struct err *err) {
    struct session *s = &run->session;
    if (!volumes_start(run->spec, volumes, err)) {
        return false;
    }
    s->report->accel = attempt->accel;
    const char **args =
        qemu_args(a, run->spec, attempt->accel, attempt->unproven || run->spec->verbose);
    bool good = vm_machine_start(s->machine, run->program, args, run->spec, volumes, err);
    volumes_hand_over(volumes);
    return good;
}

/* False: this was the end, with err, when the turn is over. */
static bool try_one(struct run *run, const struct attempt *attempt, enum turn *ret_turn,
                    enum vm_outcome *ret_outcome, struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_VOLUMES volumes = VOLUMES_INIT; /* they end after the machine */
    AUTO_MACHINE machine;
    vm_machine_init(&machine, arena);
    struct session *s = &run->session;
    s->machine = &machine;
    s->console_seen = 0;
    s->mounted = 0;
    *ret_turn = TURN_OVER;
    if (!start(run, attempt, arena, &volumes, err)) {
        return false;
    }
    bool good = false;
    switch (run_boot(run, attempt, err)) {
    case BOOT_READY:
        if (attempt->accel == VM_ACCEL_KVM) {
            accel_remember(run->spec->cache_dir, run->program, ACCEL_WORKS);
        }
        good = run_follow(run, ret_outcome, err);
        machine.stays = run->spec->keep_dir != NULL && !s->report->no_virtiofs;
        break;
    case BOOT_STUCK:
        *ret_turn = attempt->last ? TURN_OVER : TURN_NEXT;
        if (attempt->last) {
            err_set(err, "KVM does not work here: %s", run->why);
            err_help(err, "use --accel tcg to emulate");
        }
        break;
    case BOOT_STOPPED:
        *ret_outcome = VM_STOPPED;
        good = true;
        break;
    case BOOT_FAILED:
        err_wrap(err, "boot the guest");
        *ret_turn = !run->repeated && died_of_emulation(run, attempt) ? TURN_AGAIN : TURN_OVER;
        break;
    }
    fill_report(&machine, s->report);
    return good;
}

/* The last one has `last` set. */
static void plan(const struct vm_spec *spec, const char *program, struct attempt attempts[2]) {
    const char *why;
    if (spec->accel == VM_ACCEL_KVM || spec->accel == VM_ACCEL_TCG) {
        attempts[0] = (struct attempt){ .accel = spec->accel, .last = true };
        return;
    }
    enum accel_verdict verdict = accel_recall(spec->cache_dir, program);
    size_t count = 0;
    if (verdict != ACCEL_BROKEN && accel_is_possible(spec->arch, &why)) {
        attempts[count++] =
            (struct attempt){ .accel = VM_ACCEL_KVM, .unproven = verdict == ACCEL_UNKNOWN };
    }
    attempts[count] = (struct attempt){ .accel = VM_ACCEL_TCG, .last = true };
}

static void give_up_kvm(struct run *run) {
    AUTO_BUF text = BUF_INIT(1024);
    accel_remember(run->spec->cache_dir, run->program, ACCEL_BROKEN);
    buf_addf(&text, "KVM does not work here (%s): emulating; --accel kvm tries again", run->why);
    tell(run, text.ptr);
}

static bool try_all(struct run *run, const struct attempt *attempts, enum vm_outcome *ret_outcome,
                    struct err *err) {
    for (size_t i = 0;;) {
        enum turn turn;
        bool good = try_one(run, &attempts[i], &turn, ret_outcome, err);
        switch (turn) {
        case TURN_OVER:
            return good;
        case TURN_AGAIN:
            *err = ERR_INIT;
            run->repeated = true;
            tell(run,
                 "the kernel crashed, which occasionally happens under emulation: booting again");
            break;
        case TURN_NEXT:
            give_up_kvm(run);
            i++;
            break;
        }
    }
}

static bool check_file(const char *what, const char *path, struct err *err) {
    if (access(path, R_OK) == 0) {
        return true;
    }
    return err_sys(err, errno, "read the %s '%s'", what, path);
}

static bool check_spec(const struct vm_spec *spec, struct err *err) {
    if (vm_qemu_program(spec->arch) == NULL) {
        return err_set(err, "architecture '%s' is not supported", spec->arch);
    }
    const char *why;
    if (spec->accel == VM_ACCEL_KVM && !accel_is_possible(spec->arch, &why)) {
        err_set(err, "KVM cannot run a guest for '%s': %s", spec->arch, why);
        return err_help(err, "use --accel tcg to emulate");
    }
    if (spec->cpus == 0 || spec->cpus > CPUS_MAX || spec->memory_mb < MEMORY_MB_MIN) {
        return err_set(err, "a machine needs 1 to %d processors and at least %d MB of memory",
                       CPUS_MAX, MEMORY_MB_MIN);
    }
    return check_file("kernel", spec->kernel, err) &&
           check_file("initial ramdisk", spec->initrd, err) &&
           (spec->rootfs == NULL || check_file("root image", spec->rootfs, err));
}

static const char *find_qemu(struct arena *a, const char *arch, struct err *err) {
    const char *name = vm_qemu_program(arch);
    const char *program = proc_find(a, name);
    if (program == NULL) {
        err_set(err, "'%s' is not installed", name);
        err_help(err, "apt-get install -y --no-install-recommends %s", vm_qemu_package(arch));
    }
    return program;
}

bool vm_run(const struct vm_spec *spec, const struct vm_request *request,
            const struct vm_hooks *hooks, struct vm_report *report, enum vm_outcome *ret_outcome,
            int *ret_exit_code, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    *report = (struct vm_report){ .accel = spec->accel };
    uint64_t start_ms = time_now_ms();
    if (!check_spec(spec, err)) {
        return false;
    }
    AUTO_FD lock = -1;
    if (spec->keep_dir != NULL && !kept_lock(spec->keep_dir, &lock, err)) {
        return false;
    }
    struct run run = {
        .spec = spec,
        .program = find_qemu(scratch, spec->arch, err),
        .deadline_ms = spec->timeout_ms > 0 ? start_ms + spec->timeout_ms : 0,
        .session = { .request = request,
                     .hooks = hooks,
                     .report = report,
                     .volumes = spec->volumes,
                     .volume_count = spec->volume_count,
                     .verbose = spec->verbose },
    };
    if (run.program == NULL) {
        return false;
    }
    struct attempt attempts[2];
    plan(spec, run.program, attempts);
    bool good = try_all(&run, attempts, ret_outcome, err);
    report->total_ms = time_now_ms() - start_ms;
    if (good && *ret_outcome == VM_EXITED) {
        *ret_exit_code = run.session.exit_code;
    }
    return good;
}
