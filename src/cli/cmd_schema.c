// SPDX-License-Identifier: Apache-2.0
/* schema: the TOML files as JSON Schema, for editors. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "config/config.h"

enum {
    SCHEMA_BYTES_MAX = 1024 * 1024,
    KINDS_MAX = 32,
};

struct schema_options {
    const char *output;
};

static const struct option schema_option_rows[] = {
    { "output", 'o', OPTION_STRING, offsetof(struct schema_options, output), "DIR",
      "write a file KIND.schema.json for every kind" },
};

static int unknown_kind(const struct cli *cli, const char *given) {
    str kinds[KINDS_MAX];
    size_t count = 0;
    AUTO_BUF list = BUF_INIT(4096);
    for (; count < KINDS_MAX && config_file_kind(count).len > 0; count++) {
        kinds[count] = config_file_kind(count);
        buf_addf(&list, "%s%.*s", count > 0 ? ", " : "", STR_FMT(kinds[count]));
    }
    str near = nearest_word(str_from_c(given), kinds, count);
    if (near.ptr != NULL) {
        print_error(cli, "schema: unknown kind of file '%s', did you mean '%.*s'?", given,
                    STR_FMT(near));
    } else {
        print_error(cli, "schema: unknown kind of file '%s'; valid kinds are %s", given, list.ptr);
    }
    return EXIT_USAGE;
}

static int write_all(const struct cli *cli, const char *dir) {
    struct err err = ERR_INIT;
    bool ok = fs_mkdir_p(AT_FDCWD, dir, 0755, &err);
    for (size_t i = 0; ok && config_file_kind(i).len > 0; i++) {
        str kind = config_file_kind(i);
        const char *name = str_fmt(cli->arena, "%.*s.schema.json", STR_FMT(kind)).ptr;
        const char *path = path_join(cli->arena, dir, name);
        AUTO_BUF text = BUF_INIT(SCHEMA_BYTES_MAX);
        config_schema(kind, &text);
        ok = fs_store(AT_FDCWD, path, buf_str(&text), 0644, &err);
        if (ok) {
            printf("%s\n", path);
        }
    }
    if (!ok) {
        err_wrap(&err, "write the schemas into '%s'", dir);
        print_err(cli, &err);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int run(struct cli *cli, const void *options) {
    const struct schema_options *o = options;
    if (o->output != NULL && cli->arg_count > 0) {
        print_error(cli, "schema: --output writes every kind; remove '%s'", cli->args[0]);
        return EXIT_USAGE;
    }
    if (o->output != NULL) {
        return write_all(cli, o->output);
    }
    AUTO_BUF text = BUF_INIT(SCHEMA_BYTES_MAX);
    if (!config_schema(str_from_c(cli->arg_count > 0 ? cli->args[0] : ""), &text)) {
        return unknown_kind(cli, cli->args[0]);
    }
    print_text(stdout, buf_str(&text));
    return EXIT_OK;
}

const struct command command_schema = {
    .name = "schema",
    .arguments = "[FILE-KIND]",
    .summary = "print the JSON Schema of the TOML files, for editors",
    .details = "FILE-KIND is the name of a file without .toml, or of its folder: build, ai, web.\n"
               "Without it, the schema fits all of the files. docs/how-to/editor.md explains how\n"
               "to use it in an editor.",
    .options = schema_option_rows,
    .option_count = ARRAY_LEN(schema_option_rows),
    .options_size = sizeof(struct schema_options),
    .args_max = 1,
    .run = run,
};
