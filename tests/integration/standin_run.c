// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a command in a sandbox with stand-ins: standin-run LAYER WORK COMMAND... The root is LAYER,
 * WORK an empty folder. The table: /usr/bin/tool, with a word of its own before the others; and
 * /usr/bin/only, for one script and one module. Prints what the command does and how it ends.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/sandbox.h"

static const char *const extra[] = { "--extra", "with blank", NULL };
static const struct sandbox_standin items[] = {
    { .program = "/usr/bin/tool", .arguments = extra },
    { .program = "/usr/bin/only", .script = "/usr/bin/only-script" },
    { .program = "/usr/bin/only", .script = "/bin/only-script" },
    { .program = "/usr/bin/only", .script = "-m module" },
};
static const struct sandbox_standins table = {
    .folder = "/native",
    .loader = "/native/loader",
    .libraries = "/native/lib",
    .items = items,
    .len = ARRAY_LEN(items),
};

static void print(void *self, str piece) {
    (void)self;
    fwrite(piece.ptr, 1, piece.len, stdout);
}

int main(int argc, char **argv) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    if (argc < 4) {
        return 2;
    }
    const char *const layers[] = { argv[1] };
    static const char *const folders[] = { "upper", "work", "staging" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (!fs_mkdir_p(AT_FDCWD, path_join(a, argv[2], folders[i]), 0755, &err)) {
            return 3;
        }
    }
    static const char *const env[] = { "PATH=/bin", NULL };
    struct sandbox_spec spec = {
        .root = { layers, 1 },
        .upper = path_join(a, argv[2], "upper"),
        .work = path_join(a, argv[2], "work"),
        .staging = path_join(a, argv[2], "staging"),
        .network = SANDBOX_NETWORK_HOST,
        .standins = &table,
        .argv = (const char *const *)argv + 3,
        .env = env,
        .cwd = "/",
        .on_output = print,
    };
    struct sandbox_result result;
    if (sandbox_rights() == SANDBOX_NOT_ROOT && !sandbox_become_root(&err)) {
        printf("not root\n");
        return 4;
    }
    if (!sandbox_run(&spec, &result, &err)) {
        printf("failed: %s\n", err.frames[0]);
        return 5;
    }
    printf("exit %d\n", result.exit_code);
    return 0;
}
