// SPDX-License-Identifier: Apache-2.0
/*
 * run/: boots assets and runs a command or a shell in the guest, with what the guest gets of this
 * machine: files, folders, a network by the config's policy, an MCP server, a disk for changes.
 * Follows docs/reference/run.md and docs/reference/policy.md.
 *
 * Takes a struct run_request, gives a struct run_result or a struct run_failure; what happens
 * meanwhile comes as events. The room prints nothing, reads no environment, and touches neither
 * signals nor the terminal. When run_machine() returns, the machine and every process that served
 * it have ended, unless the request says that it is kept.
 */
#pragma once

#include "base/base.h"
#include "make/make.h"
#include "vm/vm.h"

enum { RUN_COPIES_MAX = 32, RUN_CPUS = 2, RUN_MEMORY_MB = 2048 };

struct run_list {
    const char *const *items;
    size_t len;
};

struct run_request {
    const char *cache_dir; /* of the store: notes, unnamed files and kept machines are below it */
    const char *assets;    /* folder that a build has written */
    const char *arch;      /* a folder in it; NULL: the last one built */
    /* A folder whose policy, size and changed files count. NULL: policy and size are those that the
     * build has kept with the assets. Of assets without them, those of the folder "guest", when it
     * is there; one with errors is a notice then, not a failure. */
    const char *guest;
    enum vm_accel accel;
    int64_t timeout_s;        /* 0: never */
    int64_t cpus;             /* 0: the config's, at most this machine's; without one RUN_CPUS */
    int64_t memory_mb;        /* 0: the config's; without one RUN_MEMORY_MB */
    struct run_list env;      /* "K=V" */
    bool net_closed;          /* no network, whatever the policy says */
    const char *net_log;      /* a file, gets a line of JSON for each connection; NULL: none */
    struct run_list resolve;  /* "NAME=ADDRESS[:PORT]" */
    struct run_list copy_in;  /* "HOST:GUEST" */
    struct run_list copy_out; /* "GUEST:HOST" */
    struct run_list volumes;  /* "HOST:GUEST", "HOST:GUEST:ro" */
    const char *mcp;          /* a shell command here: the guest's MCP server; NULL: none */
    int mcp_errors_fd;        /* gets what that says on stderr; -1: nobody */
    const char *scratch;      /* "4G": size of the disk for changes; NULL: they are in memory */
    const char *keep;         /* name of a machine that stays; NULL: it ends with its command */
    bool console;             /* the kernel's and init's words are output too: VM_CONSOLE */
    /* What is run: a command for the guest's shell, words without one (NULL-terminated), or with
     * neither a shell. */
    const char *command;
    const char *const *argv;
    bool has_input; /* the command reads the hooks' input_fd */
};

struct run_events {
    void *self;
    /* Everything has been looked at; from now on things are started. The hooks for the machine are
     * asked for now, so that a signal before does what it always does. */
    bool (*begin)(void *self, struct vm_hooks *ret, struct err *err);
    void (*starting)(void *self); /* the machine starts now; NULL: not wanted */
    void (*ended)(void *self);    /* it has ended, well or not; NULL: not wanted */
    /* Whose policy and size the machine has: one line. NULL: not wanted. `is_own`: those that the
     * assets were built with. */
    void (*config)(void *self, const char *text, bool is_own);
    /* Something worth a line: a folder that is copied instead of shared. */
    void (*notice)(void *self, const char *text);
    /* A file that could not be put in its place; the others go on. */
    void (*problem)(void *self, const struct err *err);
    struct make_events make; /* while guest binaries are compiled */
};

struct run_result {
    enum vm_outcome outcome;
    int exit_code;      /* of the command, for VM_EXITED */
    bool copies_failed; /* `problem` was called */
    bool is_kept;       /* the machine goes on */
    /* About the machine, also when it failed; NULL: it was not started. */
    struct vm_report *report;
    bool has_repacked;   /* the request had a guest: how long its changed files took, in ms */
    uint64_t compile_ms; /* guest binaries whose sources changed */
    uint64_t repack_ms;  /* all else: reading the config, comparing, writing */
};

/* True: the command, or the shell, was run, or the machine was stopped, or its time was over.
 * False: `failure` says why; texts are in the arena, whose `sources` it fills. */
MUST_CHECK bool run_machine(struct arena *a, const struct run_request *request,
                            const struct run_events *events, struct run_result *ret,
                            struct make_failure *failure);

/* The folder that leads to the kept machine of that name; false: it is not a name for one. */
MUST_CHECK bool run_kept_dir(struct arena *a, const char *cache_dir, const char *name,
                             const char **ret, struct err *err);
/* Names of the machines that are kept and run. */
MUST_CHECK bool run_kept_list(struct arena *a, const char *cache_dir, const char *const **ret,
                              size_t *ret_count, struct err *err);
/* "K=V" for the guest; err says which cannot be one. */
MUST_CHECK bool run_env_check(struct run_list env, struct err *err);
