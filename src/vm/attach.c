// SPDX-License-Identifier: Apache-2.0
/* A visit to a machine that was kept. */
#include "vm/internal.h"

enum {
    ATTACH_MS = 5000, /* the agent looks every two seconds whether somebody is there */
    ATTACH_TRIES = 4,
    ATTACH_GAP_MS = 500, /* and longer each time */
};

/* Until the agent answers. What is half said, by a host that was killed, ends when we go and come
 * again. */
static enum boot_outcome join(struct run *run, const struct attempt *attempt, const char *dir,
                              struct err *err) {
    struct session *s = &run->session;
    for (unsigned try = 1;; try++) {
        enum boot_outcome outcome = BOOT_FAILED;
        if (send_hello(s)) {
            outcome = run_boot(run, attempt, err);
        }
        bool again = outcome == BOOT_FAILED && !s->report->ready && try < ATTACH_TRIES &&
                     !vm_machine_is_gone(s->machine);
        if (!again) {
            return outcome;
        }
        *err = ERR_INIT;
        if (!vm_machine_rejoin(s->machine, dir, try * ATTACH_GAP_MS, err)) {
            return BOOT_FAILED;
        }
    }
}

bool vm_attach(const char *dir, const struct vm_request *request, const struct vm_hooks *hooks,
               struct vm_report *report, enum vm_outcome *ret_outcome, int *ret_exit_code,
               struct err *err) {
    AUTO_ARENA arena = arena_new();
    AUTO_MACHINE machine;
    AUTO_FD lock = -1;
    const struct vm_spec spec = { .boot_timeout_ms = ATTACH_MS };
    const struct attempt attempt = { .accel = VM_ACCEL_TCG, .last = true };
    uint64_t start_ms = time_now_ms();
    vm_machine_init(&machine, arena);
    *report = (struct vm_report){ 0 };
    struct run run = {
        .spec = &spec,
        .session = { .machine = &machine,
                     .request = request,
                     .hooks = hooks,
                     .report = report,
                     .redraws = true },
    };
    if (!kept_lock(dir, &lock, err) ||
        !vm_machine_attach(&machine, dir, session_wants_shell(&run.session), err)) {
        return false;
    }
    bool good = false;
    switch (join(&run, &attempt, dir, err)) {
    case BOOT_READY:
        good = run_follow(&run, ret_outcome, err);
        break;
    case BOOT_STOPPED:
        *ret_outcome = VM_STOPPED;
        good = true;
        break;
    case BOOT_FAILED:
    case BOOT_STUCK:
        break;
    }
    report->total_ms = time_now_ms() - start_ms;
    if (good && *ret_outcome == VM_EXITED) {
        *ret_exit_code = run.session.exit_code;
    }
    return good;
}
