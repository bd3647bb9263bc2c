// SPDX-License-Identifier: Apache-2.0
/*
 * `run --volume`: folders of the host's in the guest. They are shared by virtiofs where a virtiofsd
 * can serve here and the guest's kernel can take it; else the guest gets a disk with a read-only
 * copy, and a warning says so.
 */
#pragma once

#include "cli/cli.h"
#include "vm/vm.h"

struct run_volumes {
    struct vm_volume items[VM_VOLUMES_MAX];
    size_t count;
};

/* Reads "HOST:GUEST" and "HOST:GUEST:ro", looks at everything that can be looked at before a boot,
 * and makes a copy of what cannot be shared here, or of all when the kernel is known to take none.
 * False: printed. */
bool run_volumes_prepare(struct cli *cli, const struct option_list *list,
                         const struct vm_spec *machine, struct run_volumes *ret);
/* After a boot that showed that the kernel takes none: copies, and the next run knows. False:
 * printed. */
bool run_volumes_copy(struct cli *cli, const struct vm_spec *machine, struct run_volumes *volumes);
void run_volumes_done(struct run_volumes *volumes);
#define AUTO_RUN_VOLUMES __attribute__((cleanup(run_volumes_done))) struct run_volumes
