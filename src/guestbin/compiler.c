// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "guestbin/guestbin.h"
#include "machine/machine.h"

/* In order of preference; "%s" is the machine. `native` ones make programs for the machine they run
 * on. */
static const struct compiler_row {
    const char *program;
    bool native;
    const char *specs; /* NULL: none; makes Debian's compiler one for the musl of `musl-dev` */
} compilers[] = {
    { "%s-linux-musl-gcc", false, NULL },
    { "musl-gcc", true, NULL },
    { "%s-linux-gnu-gcc", false, "/usr/lib/%s-linux-musl/musl-gcc.specs" },
};

static const char *of_machine(struct arena *a, const char *pattern, const struct machine *m) {
    const char *hole = strstr(pattern, "%s");
    return hole == NULL
               ? pattern
               : str_fmt(a, "%.*s%s%s", (int)(hole - pattern), pattern, m->name, hole + 2).ptr;
}

const char *const *guestbin_find_compiler(struct arena *a, str target, const char **ret_help) {
    str rest = target;
    str name = str_cut(&rest, '-');
    const struct machine *m = machine_of_triple(target);
    const struct machine *host = machine_host();
    for (size_t i = 0; m != NULL && i < ARRAY_LEN(compilers); i++) {
        const struct compiler_row *row = &compilers[i];
        if (row->native && m != host) {
            continue;
        }
        const char *path = proc_find(a, of_machine(a, row->program, m));
        const char *specs = row->specs == NULL ? NULL : of_machine(a, row->specs, m);
        if (path != NULL && (specs == NULL || fs_exists(AT_FDCWD, specs))) {
            const char **argv = ARENA_ARRAY(a, const char *, 4);
            argv[0] = path;
            argv[1] = specs != NULL ? "-specs" : NULL;
            argv[2] = specs;
            return argv;
        }
    }
    *ret_help = m != NULL && m == host
                    ? "apt-get install -y --no-install-recommends musl-tools"
                    : str_fmt(a, "put a musl cross compiler named %.*s-linux-musl-gcc in PATH",
                              STR_FMT(name))
                          .ptr;
    return NULL;
}
