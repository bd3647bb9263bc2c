// SPDX-License-Identifier: Apache-2.0
/* The room's own declarations. */
#pragma once

#include <sys/types.h>

#include "agent/lib/queue.h"
#include "agent/lib/wire.h"
#include "vm/vm.h"

/* tail.c: the end of a stream of text. */
struct tail {
    size_t len;   /* bytes kept */
    size_t total; /* bytes seen */
    char text[VM_CONSOLE_MAX];
};

void tail_add(struct tail *tail, str piece);
str tail_str(const struct tail *tail);
/* The last stage that capsem-init announced in the text ("capsem-init: NAME: 12 ms"); empty: none.
 */
str tail_last_stage(str text);
/* The last line that says something, without QEMU's own name in front; for messages. */
str tail_last_line(str text);
/* The line of a console that says why the machine ended, without the kernel's time; empty: none
 * does. */
str tail_cause(str console);

/* qemu_args.c: descriptors that QEMU finds open. */
enum qemu_fd {
    QEMU_CONSOLE = 3,
    QEMU_CONTROL = 4,
    QEMU_TERMINAL = 5,
    QEMU_NET = 6,
    QEMU_SCRATCH = 7,
    QEMU_VOLUME = 8, /* and the next ones */
    QEMU_MCP = QEMU_VOLUME + VM_VOLUMES_MAX,
    QEMU_FD_END,
};

/* `loud`: the kernel prints from its start, so that its progress is seen. NULL-terminated; in the
 * arena. */
const char **qemu_args(struct arena *a, const struct vm_spec *spec, enum vm_accel accel, bool loud);

/* virtiofs.c: the programs that share the volumes with one QEMU, and what it gets of each. */
struct volumes {
    int fds[VM_VOLUMES_MAX]; /* -1: none */
    pid_t pids[VM_VOLUMES_MAX];
    bool stay; /* they end with QEMU, not with us */
};
#define VOLUMES_INIT ((struct volumes){ .fds = { -1, -1, -1, -1, -1, -1, -1, -1 } })

MUST_CHECK bool volumes_start(const struct vm_spec *spec, struct volumes *ret, struct err *err);
/* QEMU has them: our ends are closed. */
void volumes_hand_over(struct volumes *volumes);
/* After QEMU's end: waits for theirs. */
void volumes_done(struct volumes *volumes);
#define AUTO_VOLUMES __attribute__((cleanup(volumes_done))) struct volumes

/* virtiofs_filter.c: system calls that would leave on the host what lends a right. The program for
 * seccomp(2), in the arena. */
struct sock_fprog;
MUST_CHECK bool virtiofs_filter(struct arena *a, struct sock_fprog *ret, struct err *err);

/* virtiofs_child.c: between fork and exec. */
enum virtiofs_step {
    VIRTIOFS_READY, /* never failed */
    VIRTIOFS_IDS,
    VIRTIOFS_MOUNT_NAMESPACE,
    VIRTIOFS_MOUNT,
    VIRTIOFS_READ_ONLY,
    VIRTIOFS_FILTER,
    VIRTIOFS_EXEC,
};
struct virtiofs_failure {
    int step, number; /* errno */
};
struct virtiofs_child {
    const char *host;
    bool read_only, stays;
    int listen_fd, errors_fd, failed_fd;
    int mapped_fd; /* readable once it has its ids; virtiofs_fork() sets it */
    const struct sock_fprog *filter;
    const char *program;
    const char *const *args;
    pid_t parent;
};
/* The folder is at VIRTIOFS_SOURCE for the program, whatever it is called. */
#define VIRTIOFS_SOURCE "/mnt"
enum { VIRTIOFS_LISTEN = 3 };
_Noreturn void virtiofs_exec(const struct virtiofs_child *child);
/* virtiofs_ids.c: it, in a process with a user namespace of its own. */
MUST_CHECK bool virtiofs_fork(struct virtiofs_child *child, pid_t *ret_pid, struct err *err);
void virtiofs_end(pid_t pid); /* at once, and reaped */

/* accel.c */
enum accel_verdict {
    ACCEL_UNKNOWN,
    ACCEL_WORKS,
    ACCEL_BROKEN,
};

/* Whether this host could run that architecture under KVM at all; false with a reason. */
bool accel_is_possible(const char *arch, const char **ret_why);
/* What an earlier run on this boot of the host with this QEMU found out. cache_dir may be NULL. */
enum accel_verdict accel_recall(const char *cache_dir, const char *program);
/* Losing the note costs a moment next time, so nothing is reported. */
void accel_remember(const char *cache_dir, const char *program, enum accel_verdict verdict);

/* machine.c: one QEMU process and its streams. */
struct vm_machine {
    pid_t pid;      /* 0: none, or reaped */
    int pid_fd;     /* readable when it has ended */
    int console_fd; /* -1 once closed; so are the next three */
    int errors_fd;  /* QEMU's own stdout and stderr */
    int control_fd;
    int terminal_fd;
    int wait_status; /* when reaped */
    uint64_t started_ms;
    uint64_t heard_ms;    /* when the console last said something, */
    uint64_t first_ms;    /* and first; 0: not yet */
    bool stays;           /* it outlives us from now on */
    struct tail *console; /* the arena's, as are the buffers */
    struct tail *errors;
    struct queue in, out;    /* control frames */
    struct queue to_guest;   /* keystrokes */
    struct queue from_guest; /* terminal bytes */
};

void vm_machine_init(struct vm_machine *m, struct arena *a);
MUST_CHECK bool vm_machine_start(struct vm_machine *m, const char *program, const char *const *args,
                                 const struct vm_spec *spec, const struct volumes *volumes,
                                 struct err *err);
/* In place of machine_start: one that was kept. `stays` is set. Without `terminal` what its shell
 * prints waits for who wants it. */
MUST_CHECK bool vm_machine_attach(struct vm_machine *m, const char *dir, bool terminal,
                                  struct err *err);
/* Goes and comes again after a while, long enough for the guest to see it. */
MUST_CHECK bool vm_machine_rejoin(struct vm_machine *m, const char *dir, unsigned gap_ms,
                                  struct err *err);
/* The caller's descriptors (-1: none), and whether they have become readable. */
struct machine_watch {
    int event_fd, input_fd;
    bool event, input;
};
/* Waits at most wait_ms (-1: for ever) and moves bytes between the streams and the queues. */
void vm_machine_step(struct vm_machine *m, int wait_ms, struct machine_watch *watched);
/* It has ended and is reaped; what it said before may still be in the streams. */
bool vm_machine_is_gone(const struct vm_machine *m);
/* Kills what still runs, reaps it, closes everything; fine on one that was never started. */
void vm_machine_stop(struct vm_machine *m);
#define AUTO_MACHINE __attribute__((cleanup(vm_machine_stop))) struct vm_machine

enum { SESSION_CREDIT = 65536 }; /* guest/agent/lib/exec.h, EXEC_INPUT */

/* session.c: the talk with the agent of one machine, from its first word to the end of the command.
 */
struct session {
    struct vm_machine *machine;
    const struct vm_request *request;
    const struct vm_hooks *hooks;
    struct vm_report *report;
    const struct vm_volume *volumes;
    size_t volume_count;
    size_t mounted;      /* of them, as the agent says */
    bool begun;          /* with volumes: the first step was sent */
    size_t step;         /* which of the request's tasks, its command among them */
    uint64_t credit;     /* bytes of input that its process may still get */
    char complaint[400]; /* what a task said on stderr, the start */
    size_t complaint_len;
    bool input_ended;    /* nothing more comes from the step's input */
    int escapes;         /* Ctrl-] in a row */
    size_t console_seen; /* bytes of the console that were delivered */
    bool verbose;
    bool redraws;       /* the shell was there before us, and our screen shows nothing of it yet */
    uint64_t redraw_ms; /* when it was told of another size; 0: not yet */
    bool heard;         /* it has printed since */
    bool stopped;       /* by an event, or by a reader that has gone */
    bool done;          /* the command or shell has ended, with exit_code */
    int exit_code;
};

bool session_wants_shell(const struct session *s);
/* One round: waits, moves bytes, handles events, keystrokes, output and frames. The agent's first
 * frame is answered with the whole handshake and the command. */
MUST_CHECK bool session_step(struct session *s, int wait_ms, struct err *err);
/* Before we leave a machine that stays: what was typed reaches the guest. */
void session_flush_keys(struct session *s);
/* After the end of a shell: what it printed last. */
void session_drain_terminal(struct session *s);

/* run.c: one run. */

/* One accelerator that is tried. */
struct attempt {
    enum vm_accel accel;
    bool unproven; /* nothing is known about it: it has to show progress */
    bool last;     /* there is nothing to fall back to */
};

enum boot_outcome {
    BOOT_READY,
    BOOT_STUCK,   /* this accelerator does not work; `why` says how that showed */
    BOOT_STOPPED, /* by an event */
    BOOT_FAILED,  /* err is set */
};

struct run {
    const struct vm_spec *spec;
    const char *program;
    struct session session;
    uint64_t deadline_ms; /* of everything; 0: none */
    bool repeated;        /* a boot that died of the emulation */
    char why[256];        /* BOOT_STUCK */
};

/* Until the agent has answered. */
enum boot_outcome run_boot(struct run *run, const struct attempt *attempt, struct err *err);
/* From there to the end of the command. */
MUST_CHECK bool run_follow(struct run *run, enum vm_outcome *ret_outcome, struct err *err);

/* send.c: what goes to the agent. */
struct wire_writer send_begin(struct session *s, const char *type, uint32_t fields);
/* False: no room, or a frame that is too long. */
bool send_end(struct session *s, struct wire_writer *writer);
bool send_size(struct session *s);
/* To the agent of a machine that was there before us. */
bool send_hello(struct session *s);
/* The whole handshake, then the first step: the agent takes frames in order, so no answer is waited
 * for. */
MUST_CHECK bool send_handshake(struct session *s, struct err *err);
MUST_CHECK bool send_step(struct session *s, struct err *err);
/* The id of the step's process. */
uint64_t session_step_id(const struct session *s);
/* NULL: the command's turn, or the shell's. */
struct vm_task *session_task(const struct session *s);
/* Where the step's input comes from; -1: nowhere, or it has ended. */
int session_input(const struct session *s);

/* kept.c: the folder of a machine that stays. It holds the sockets that QEMU listens at, and who
 * that is. */
enum kept_socket {
    KEPT_CONSOLE,
    KEPT_CONTROL,
    KEPT_TERMINAL,
    KEPT_SOCKETS,
};
MUST_CHECK bool kept_listen(const char *dir, enum kept_socket which, int *ret_fd, struct err *err);
/* Non-blocking. */
MUST_CHECK bool kept_connect(const char *dir, enum kept_socket which, int *ret_fd, struct err *err);
MUST_CHECK bool kept_note(const char *dir, pid_t pid, struct err *err);
/* 0: it does not run. */
pid_t kept_pid(const char *dir);
/* Held as long as the descriptor is open. */
MUST_CHECK bool kept_lock(const char *dir, int *ret_fd, struct err *err);
