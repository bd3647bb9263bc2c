// SPDX-License-Identifier: Apache-2.0
/*
 * vm/: boots assets (kernel, initial ramdisk, root image) in QEMU and runs a command or a shell in
 * the guest. Follows docs/spec/guest.md; the frames are those of
 * guest/agent/lib/wire.h, which is compiled in here too.
 *
 * The machine has no network card: two virtio-serial ports lead to the agent, one to whoever stands
 * for its network, a serial console is kept in memory and handed out when something fails. QEMU is
 * a child that dies with us, whatever happens, and is always reaped. Nothing the guest writes
 * outlives it: the root image is read-only.
 *
 * The room prints nothing and touches no signal: output, notices and events go through hooks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

enum vm_accel {
    VM_ACCEL_AUTO, /* KVM where it works, else TCG */
    VM_ACCEL_KVM,
    VM_ACCEL_TCG,
};
const char *vm_accel_name(enum vm_accel accel);

struct vm_spec {
    const char *arch; /* "x86_64" or "arm64" */
    const char *kernel;
    const char *initrd;
    const char *rootfs; /* the first disk; NULL: none */
    const char *append; /* more words for the kernel's command line; NULL: none */
    enum vm_accel accel;
    unsigned cpus;
    uint64_t memory_mb;
    uint64_t timeout_ms;      /* of the whole run; 0: none */
    uint64_t boot_timeout_ms; /* until the agent answers; 0: by accelerator */
    const char *cache_dir;    /* where "KVM works here" is remembered; NULL: nowhere */
    /* Descriptors of the caller's that QEMU gets; 0: none. */
    int net_fd;                      /* a socket: the far end of the guest's network */
    int mcp_fd;                      /* a socket: the far end of the guest's MCP server */
    int scratch_fd;                  /* the second disk: a file that may be written */
    const struct vm_volume *volumes; /* VM_VOLUMES_MAX at most */
    size_t volume_count;
    bool verbose; /* the kernel prints what it does */
    /* A folder for what leads to a machine that stays when the run is over; NULL: it ends with it.
     */
    const char *keep_dir;
};

enum { VM_VOLUMES_MAX = 8 };

/* A folder of the host's in the guest. */
struct vm_volume {
    const char *tag;   /* its name between host and guest: at most 20 bytes of a-z, 0-9 */
    const char *host;  /* absolute */
    const char *guest; /* where it is mounted: vm_volume_check has let it pass */
    bool read_only;
    int image_fd; /* a SquashFS image of it, a disk of the guest's; 0: it is shared by virtiofsd */
};

/* A command beside the one that was asked for: what brings files in and out. */
struct vm_task {
    const char *const *argv; /* NULL-terminated; run as it is */
    int in_fd;               /* its input; -1: none */
    int out_fd;              /* gets its output; -1: it is dropped */
    uint64_t out_max;        /* more bytes of it are an error */
    const char *what;        /* for messages: "copy in 'a'" */
    uint64_t out_bytes;      /* set: so many came */
    bool done;               /* set: it ended well */
};

/* What to do in the guest. Neither command nor argv: an interactive shell. */
struct vm_request {
    /* One after the other, before the command and after it. One that fails before ends the run; one
     * that fails after is told as a notice, and the exit code is 1 when it was 0. */
    struct vm_task *before, *after;
    size_t before_count, after_count;
    bool has_input;          /* the command reads hooks.input_fd */
    bool stays;              /* the machine is kept: the end of its shell is not its own */
    const char *command;     /* for the guest's shell; NULL: none */
    const char *const *argv; /* words that are run without a shell, NULL-terminated; NULL: none */
    const char *const *env;  /* more variables, "K=V", NULL-terminated; NULL: none */
};

enum vm_stream {
    VM_STDOUT = 1,
    VM_STDERR = 2,
    VM_TERMINAL = 3, /* the shell's */
    VM_CONSOLE = 4,  /* what kernel and init say; with `verbose` only */
};

struct vm_size {
    uint16_t cols, rows; /* 0: not known */
};

enum vm_event {
    VM_EVENT_NONE,
    VM_EVENT_STOP,   /* end the machine now */
    VM_EVENT_RESIZE, /* the window's size has changed */
};

struct vm_hooks {
    void *self;
    /* Output of the guest; may block, the guest then waits too. False: nobody reads any more, stop.
     */
    bool (*output)(void *self, enum vm_stream stream, str piece);
    /* Something worth a line: the accelerator that was given up. NULL: not wanted. */
    void (*notice)(void *self, const char *text);
    /* Called when event_fd is readable. -1: no events. */
    int event_fd;
    enum vm_event (*event)(void *self);
    /* The agent has answered: the command, or the shell, starts now. NULL: not wanted. */
    void (*ready)(void *self);
    /* For a shell: where keystrokes come from (-1: nowhere), and the window's size (NULL: not
     * known). Ctrl-] three times in a row ends the machine: the way out of one that answers no
     * more. */
    int input_fd;
    struct vm_size (*window)(void *self);
};

enum vm_outcome {
    VM_EXITED,    /* the command or shell has ended, with exit_code */
    VM_STOPPED,   /* by an event, or because nobody reads the output */
    VM_TIMED_OUT, /* timeout_ms is over and the command still runs */
};

enum { VM_STAGES_MAX = 32, VM_STAGE_NAME_MAX = 32, VM_CONSOLE_MAX = 16384 };

struct vm_stage {
    char name[VM_STAGE_NAME_MAX];
    uint64_t duration_ms;
};

/* What is known about the run, also about one that failed: filled in all cases. */
struct vm_report {
    enum vm_accel accel; /* the one in use at the end */
    bool ready;          /* the agent has answered, */
    uint64_t ready_ms;   /* so long after QEMU was started, */
    uint64_t heard_ms;   /* as the first word on the console; 0: none */
    uint64_t total_ms;   /* with what went before: accelerators that were tried */
    size_t stage_count;  /* boot stages as capsem-init gives them */
    struct vm_stage stages[VM_STAGES_MAX];
    char last_stage[VM_STAGE_NAME_MAX]; /* the last one seen on the console; empty: none */
    bool no_virtiofs;                   /* the guest's kernel has none, so it was not run */
    size_t console_len;                 /* the end of what the serial console said */
    char console[VM_CONSOLE_MAX];
};

/*
 * Boots, runs, and ends the machine. False: it could not be started, did not come up, or went away;
 * err says what, and report has the console. *ret_exit_code is set for VM_EXITED.
 */
MUST_CHECK bool vm_run(const struct vm_spec *spec, const struct vm_request *request,
                       const struct vm_hooks *hooks, struct vm_report *report,
                       enum vm_outcome *ret_outcome, int *ret_exit_code, struct err *err);

/* The same in a machine that was kept, from its folder: it stays. One at a time may use it. */
MUST_CHECK bool vm_attach(const char *dir, const struct vm_request *request,
                          const struct vm_hooks *hooks, struct vm_report *report,
                          enum vm_outcome *ret_outcome, int *ret_exit_code, struct err *err);
/* Whether the machine of that folder runs. */
bool vm_is_kept(const char *dir);
/* Ends it, and removes its folder. */
MUST_CHECK bool vm_end_kept(const char *dir, struct err *err);

/* Whether the agent takes "K=V" as the variable number `index`: its own guards say. */
MUST_CHECK bool vm_env_check(const char *pair, size_t index, struct err *err);

/* Whether a volume may be at that path of the guest's: the agent's own guards say. */
MUST_CHECK bool vm_volume_check(const char *guest, struct err *err);
/* Whether that folder can be shared from here: starts a virtiofsd for a moment. */
MUST_CHECK bool vm_volume_try(const struct vm_volume *volume, struct err *err);

/* QEMU's program for an architecture, and the Debian package that has it; NULL: not one that is
 * booted here. */
const char *vm_qemu_program(const char *arch);
const char *vm_qemu_package(const char *arch);
/* Whether KVM is worth a try: by what the host has, and by what an earlier run found out
 * (cache_dir, may be NULL). False with a reason. */
bool vm_kvm_usable(const char *arch, const char *cache_dir, const char **ret_why);

/* The last `count` lines of the console, without the bytes that steer a terminal; a view into
 * scratch. */
str vm_console_lines(struct arena *scratch, const struct vm_report *report, size_t count);
