// SPDX-License-Identifier: Apache-2.0
/*
 * Files that `run` brings into the guest before its command and out of it afterwards: as tasks of
 * the machine's, which read a stream of ours or write one. What comes out of a guest is hostile: it
 * is written below its destination only, without devices and without rights that it could lend.
 */
#pragma once

#include "cli/cli.h"
#include "vm/vm.h"

/* One --copy-out. */
struct run_copy {
    const char *guest, *host;
    size_t task; /* of request->after */
    int fd;      /* what the guest sent */
};

struct run_files {
    struct run_copy *outs;
    size_t out_count;
    int fds[64]; /* ours: streams */
    size_t fd_count;
    struct vm_task *tasks; /* before and after */
};

/* Looks at everything that can be looked at before a boot; fills `before` and `after` of the
 * request. False: printed. */
bool run_files_prepare(struct cli *cli, const struct option_list *in, const struct option_list *out,
                       struct run_files *ret, struct vm_request *request);
/* Puts what came out in its place. False: printed, some may be there. */
bool run_files_finish(struct cli *cli, const struct run_files *files,
                      const struct vm_request *request);
void run_files_done(struct run_files *files);
#define AUTO_RUN_FILES __attribute__((cleanup(run_files_done))) struct run_files

/* "HOST:GUEST". The host's path may hold a colon; the guest's begins with a slash, and is not
 * looked at further. */
MUST_CHECK bool run_split_paths(struct arena *a, str text, const char **ret_host,
                                const char **ret_guest, struct err *err);
/* An unnamed file below the store. */
MUST_CHECK bool run_open_unnamed(struct cli *cli, int *ret_fd, struct err *err);

/* "4G", "512M": bytes, a whole number with K, M, G, T. An unnamed file of that size below the
 * store, for --scratch; false: printed. */
bool run_scratch_open(struct cli *cli, const char *size, int *ret_fd);
