// SPDX-License-Identifier: Apache-2.0
#include <sys/utsname.h>

#include "guestbin/guestbin.h"

/* In order of preference. `native` ones make programs for the machine they run on. */
static const struct compiler_row {
    const char *machine; /* first part of the target triple */
    const char *program;
    bool native;
    const char *specs; /* NULL: none; makes Debian's compiler one for the musl of `musl-dev` */
} compilers[] = {
    { "x86_64", "x86_64-linux-musl-gcc", false, NULL },
    { "x86_64", "musl-gcc", true, NULL },
    { "x86_64", "x86_64-linux-gnu-gcc", false, "/usr/lib/x86_64-linux-musl/musl-gcc.specs" },
    { "aarch64", "aarch64-linux-musl-gcc", false, NULL },
    { "aarch64", "musl-gcc", true, NULL },
    { "aarch64", "aarch64-linux-gnu-gcc", false, "/usr/lib/aarch64-linux-musl/musl-gcc.specs" },
};

const char *const *guestbin_find_compiler(struct arena *a, str target, const char **ret_help) {
    str rest = target;
    str machine = str_cut(&rest, '-');
    struct utsname host;
    str ours = uname(&host) == 0 ? str_dup(a, str_from_c(host.machine)) : S("");
    for (size_t i = 0; i < ARRAY_LEN(compilers); i++) {
        const struct compiler_row *row = &compilers[i];
        if (!str_eq(machine, str_from_c(row->machine)) || (row->native && !str_eq(machine, ours))) {
            continue;
        }
        const char *path = proc_find(a, row->program);
        if (path != NULL && (row->specs == NULL || fs_exists(AT_FDCWD, row->specs))) {
            const char **argv = ARENA_ARRAY(a, const char *, 4);
            argv[0] = path;
            argv[1] = row->specs != NULL ? "-specs" : NULL;
            argv[2] = row->specs;
            return argv;
        }
    }
    *ret_help = str_eq(machine, ours) ? "apt-get install -y --no-install-recommends musl-tools"
                                      : str_fmt(a,
                                                "put a musl cross compiler named "
                                                "%.*s-linux-musl-gcc in PATH",
                                                STR_FMT(machine))
                                            .ptr;
    return NULL;
}
