// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "jinja/jinja.h"

enum { CONTEXT_BYTES_MAX = 64 * 1024 * 1024 };

struct render_options {
    const char *context;
    bool no_trim;
};

static const struct option render_option_rows[] = {
    { .name = "context",
      .kind = OPTION_STRING,
      .offset = offsetof(struct render_options, context),
      .value = "FILE.json",
      .help = "JSON object with the variables ('-': stdin)" },
    { .name = "no-trim",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct render_options, no_trim),
      .help = "keep whitespace around blocks" },
};

/* A file, or stdin for "-". */
static bool load(struct arena *a, const char *path, size_t max_bytes, str *ret, struct err *err) {
    if (strcmp(path, "-") == 0) {
        return fs_load_fd(a, STDIN_FILENO, "stdin", max_bytes, ret, err);
    }
    return fs_load(a, AT_FDCWD, path, max_bytes, ret, err);
}

static bool load_context(struct arena *a, const char *path, struct jinja_value *ret,
                         struct err *err) {
    str text;
    *ret = jinja_dict_new(a);
    if (path == NULL) {
        return true;
    }
    if (!load(a, path, CONTEXT_BYTES_MAX, &text, err) ||
        !jinja_value_from_json(a, text, path, ret, err)) {
        return err_wrap(err, "read the context");
    }
    return ret->kind == JINJA_DICT || err_set(err, "%s: the context is not a JSON object", path);
}

/* Other templates are looked for beside this one; beside stdin's is the current folder. */
static bool open_folder(struct arena *a, const char *path, struct jinja_folder *ret,
                        struct err *err) {
    bool named = strcmp(path, "-") != 0 && strchr(path, '/') != NULL;
    str folder = named ? path_dir(str_from_c(path)) : S(".");
    const char *opened = str_fmt(a, "%.*s", STR_FMT(folder)).ptr;
    ret->path = named ? folder : (str){ 0 };
    ret->fd = open(opened, OS_FOLDER | O_CLOEXEC);
    return ret->fd >= 0 || err_sys(err, errno, "open folder '%s'", opened);
}

static int render(struct cli *cli, const struct render_options *o, const char *path, str text,
                  struct jinja_folder *folder, struct jinja_value context) {
    struct sources sources;
    struct diag_sink sink;
    struct jinja_output output;
    struct jinja_options options = jinja_options_builder;
    sources_init(&sources, cli->arena);
    diag_sink_init(&sink, cli->arena, &sources);
    options.trim_blocks = !o->no_trim;
    options.lstrip_blocks = !o->no_trim;
    options.mapped = false;
    uint32_t source = sources_add(&sources, str_from_c(path), text);
    struct jinja_env *env = jinja_env_new(cli->arena, &options);
    struct jinja_loader loader = jinja_folder_loader(folder);
    jinja_env_set_loader(env, &loader);
    const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    if (t == NULL || !jinja_render(t, context, cli->arena, &sink, &output)) {
        print_diags(cli, &sink, stderr);
        return EXIT_FAILED;
    }
    if (fwrite(output.text.ptr, 1, output.text.len, stdout) != output.text.len ||
        fflush(stdout) != 0) {
        print_error(cli, "the output cannot be written");
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int run(struct cli *cli, const void *options) {
    const struct render_options *o = options;
    const char *path = cli->args[0];
    struct err err = ERR_INIT;
    struct jinja_value context;
    struct jinja_folder folder = { .fd = -1 };
    str text;
    if (strcmp(path, "-") == 0 && o->context != NULL && strcmp(o->context, "-") == 0) {
        print_error(cli, "the template and its context cannot both be on stdin");
        return EXIT_USAGE;
    }
    if (!load(cli->arena, path, JINJA_TEMPLATE_BYTES_MAX, &text, &err) ||
        !load_context(cli->arena, o->context, &context, &err) ||
        !open_folder(cli->arena, path, &folder, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    int code = render(cli, o, strcmp(path, "-") == 0 ? "stdin" : path, text, &folder, context);
    fd_close_auto(&folder.fd);
    return code;
}

const struct command command_render = {
    .name = "render",
    .arguments = "TEMPLATE",
    .summary = "render a Jinja template",
    .details = "Removes lines that contain only blocks (trim_blocks, lstrip_blocks) and keeps\n"
               "the final newline. An undefined variable is an error. TEMPLATE may be '-' for\n"
               "stdin. Included, imported and extended templates are read from its folder.",
    .options = render_option_rows,
    .option_count = ARRAY_LEN(render_option_rows),
    .options_size = sizeof(struct render_options),
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
