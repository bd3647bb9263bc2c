// SPDX-License-Identifier: Apache-2.0
/*
 * The room's own. machine.c runs them in this order: what is copied in and out (files.c), shared
 * folders (volumes.c), changed files of the guest folder (repack.c), what serves the machine's
 * ports (net.c).
 */
#pragma once

#include "config/config.h"
#include "gate/gate.h"
#include "run/run.h"
#include "tree/tree.h"

/* What all of them are given. */
struct run_work {
    struct arena *arena;
    const struct run_request *request;
    const struct run_events *events;
    const struct guest_config *config; /* NULL: there is none */
};

/* ---- files.c: tasks of the machine's that read a stream of this program or write one. What comes
 * out of a guest is hostile: it is written below its destination only, without devices and without
 * rights that it could lend ---- */

/* One of copy_out. */
struct run_copy {
    const char *guest, *host;
    size_t task; /* of request->after */
    int fd;      /* what the guest sent */
};

struct run_files {
    struct run_copy *outs;
    size_t out_count;
    int fds[2 * RUN_COPIES_MAX]; /* ours: streams */
    size_t fd_count;
};

/* Looks at everything that can be looked at before a boot; fills `before` and `after` of the
 * request, which have room for RUN_COPIES_MAX each. */
MUST_CHECK bool run_files_prepare(const struct run_work *w, struct run_files *ret,
                                  struct vm_request *request, struct err *err);
/* Puts what came out in its place. False: `problem` was told, some may be there. */
MUST_CHECK bool run_files_finish(const struct run_work *w, const struct run_files *files,
                                 const struct vm_request *request);
void run_files_done(struct run_files *files);
#define AUTO_RUN_FILES __attribute__((cleanup(run_files_done))) struct run_files

/* "HOST:GUEST". The host's path may hold a colon; the guest's begins with a slash, and is not
 * looked at further. */
MUST_CHECK bool run_split_paths(struct arena *a, str text, const char **ret_host,
                                const char **ret_guest, struct err *err);
/* Nothing that came from the guest lends a right or is a device, and all is ours. */
void run_files_defuse(struct tree *tree, struct arena *a);
/* An unnamed file below the store. */
MUST_CHECK bool run_open_unnamed(const char *cache_dir, int *ret_fd, struct err *err);
/* "4G", "512M": an unnamed file of that size below the store. */
MUST_CHECK bool run_scratch_open(const char *cache_dir, const char *size, int *ret_fd,
                                 struct err *err);

/* ---- volumes.c: folders of this machine in the guest. They are shared by virtiofs where a
 * virtiofsd can serve here and the guest's kernel can take it; else the guest gets a disk with a
 * read-only copy, and a notice says so ---- */

struct run_volumes {
    struct vm_volume items[VM_VOLUMES_MAX];
    size_t count;
};

/* Reads the list of the request and orders it: a folder before what is mounted in it. */
MUST_CHECK bool run_volumes_read(struct arena *a, struct run_list list, struct run_volumes *ret,
                                 struct err *err);
/* The same; and makes a copy of what cannot be shared here, or of all when the kernel is known to
 * take none. */
MUST_CHECK bool run_volumes_prepare(const struct run_work *w, const struct vm_spec *machine,
                                    struct run_volumes *ret, struct err *err);
/* After a boot that showed that the kernel takes none: copies, and the next run knows. */
MUST_CHECK bool run_volumes_copy(const struct run_work *w, const struct vm_spec *machine,
                                 struct run_volumes *volumes, struct err *err);
void run_volumes_done(struct run_volumes *volumes);
#define AUTO_RUN_VOLUMES __attribute__((cleanup(run_volumes_done))) struct run_volumes

/* ---- net.c: what serves a port of the machine, with the process that keeps it ---- */

struct run_port {
    int fd; /* for the machine; -1: none */
    pid_t pid;
};
#define RUN_PORT_INIT ((struct run_port){ .fd = -1 })

/* The network, by the config's policy; without a config every name is refused. */
MUST_CHECK bool run_net_start(const struct run_work *w, struct run_port *ret, struct err *err);
/* That policy, with the reason when it refuses all. */
struct gate_policy run_net_policy(const struct run_work *w);
/* The MCP server for programs in the guest. */
MUST_CHECK bool run_mcp_start(const struct run_work *w, struct run_port *ret, struct err *err);
/* After the machine has ended, or has the descriptor. */
void run_port_done(struct run_port *port);
#define AUTO_RUN_PORT __attribute__((cleanup(run_port_done))) struct run_port

/* ---- repack.c: a changed guest file is in the next boot without a build: it rides in the initial
 * ramdisk ---- */

/*
 * ASSETS/ARCH/initrd.img from the request's guest folder; B3SUMS and manifest.json follow. Nothing
 * is written when nothing changed.
 *
 * What a build left is kept as it is; a second archive after it holds the init and the files below
 * /deploy that differ from those the assets were built from (build.json says), and the init lays
 * them over the root filesystem. When nothing differs any more the archive is taken away, and the
 * ramdisk is the build's again, to the byte.
 */
MUST_CHECK bool run_repack(const struct run_work *w, const char *arch, struct run_result *times,
                           struct make_failure *failure);

/* The first file of our archive, with its NUL as newc has it; it holds "SIZE DIGEST": of the
 * archive before it, which is the build's, and of what this one holds. */
#define RUN_MARKER ".capsem-repacked"
/* The build's archive of a ramdisk, and what the one after it says it holds; empty: there is
 * none. */
str run_built_archive(str ramdisk, str *ret_digest);
/* Where a file of a build context goes in the ramdisk; false: it is not of those that ride there.
 * *ret_mode 0: the file's own. */
MUST_CHECK bool run_repack_place(struct arena *a, const struct guest_config *config, str path,
                                 const char **ret, uint32_t *ret_mode);

/* ---- machine.c ---- */

/* What is booted, and how large; paths are in the arena. */
struct vm_spec run_spec(const struct run_work *w);
