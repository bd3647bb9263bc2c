// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cli/cli.h"

static int dispatch(struct cli *cli, int argc, char **argv);

/* "image build" is two words of argv; returns how many words matched, 0 for none. */
static int match_command(const struct command *c, int argc, char **argv) {
    str rest = str_from_c(c->name);
    int words = 0;
    while (rest.len > 0) {
        str word = str_cut(&rest, ' ');
        if (words >= argc || !str_eq(word, str_from_c(argv[words]))) {
            return 0;
        }
        words++;
    }
    return words;
}

static const struct command *find_command(int argc, char **argv, int *ret_words) {
    for (size_t i = 0; i < command_count; i++) {
        *ret_words = match_command(commands[i], argc, argv);
        if (*ret_words > 0) {
            return commands[i];
        }
    }
    return NULL;
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool is_version(const char *word) {
    return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 ||
           strcmp(word, "version") == 0;
}

/* `given` as typed; `prefix` is the group's name and a space, or empty. */
static int unknown_word(const struct cli *cli, const char *what, str prefix, const char *given,
                        const str *words, size_t count) {
    str near = nearest_word(str_from_c(given), words, count);
    if (near.ptr != NULL) {
        print_error(cli, "unknown %s '%.*s%s', did you mean '%.*s%.*s'?", what, STR_FMT(prefix),
                    given, STR_FMT(prefix), STR_FMT(near));
    } else {
        print_error(cli, "unknown %s '%.*s%s'; see 'capsem-builder %.*s--help'", what,
                    STR_FMT(prefix), given, STR_FMT(prefix));
    }
    return EXIT_USAGE;
}

static int unknown_command(const struct cli *cli, int argc, char **argv) {
    str *firsts = ARENA_ARRAY(cli->arena, str, command_count);
    str *seconds = ARENA_ARRAY(cli->arena, str, command_count);
    size_t in_group = 0;
    for (size_t i = 0; i < command_count; i++) {
        str rest = str_from_c(commands[i]->name);
        firsts[i] = str_cut(&rest, ' ');
        if (rest.ptr != NULL && str_eq(firsts[i], str_from_c(argv[0]))) {
            seconds[in_group++] = rest;
        }
    }
    if (in_group == 0) {
        return unknown_word(cli, "command", S(""), argv[0], firsts, command_count);
    }
    if (argc == 1 || is_help(argv[1])) {
        help_group(argv[0], stdout);
        return EXIT_OK;
    }
    return unknown_word(cli, "command", str_fmt(cli->arena, "%s ", argv[0]), argv[1], seconds,
                        in_group);
}

static int unknown_option(const struct cli *cli, const char *given) {
    static const str words[] = { S_INIT("--help"), S_INIT("--version") };
    return unknown_word(cli, "option", S(""), given, words, ARRAY_LEN(words));
}

static const char *default_cache_dir(struct arena *a) {
    const char *dir = getenv("CAPSEM_CACHE_DIR");
    if (dir != NULL && dir[0] != '\0') {
        return dir;
    }
    const char *xdg = getenv("XDG_CACHE_HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return path_join(a, xdg, "capsem-builder");
    }
    const char *home = getenv("HOME");
    return path_join(a, home == NULL || home[0] != '/' ? "/root" : home, ".cache/capsem-builder");
}

static bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

/* --color, then what the environment says: no-color.org, force-color.org, bixense.com/clicolors. */
static bool shows_color(const struct cli *cli, int fd) {
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    const char *clicolor = getenv("CLICOLOR");
    if (strcmp(cli->color, "auto") != 0) {
        return strcmp(cli->color, "always") == 0;
    }
    if (no_color != NULL && no_color[0] != '\0') {
        return false;
    }
    return is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE") ||
           (isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0) &&
            (clicolor == NULL || strcmp(clicolor, "0") != 0));
}

static void choose_colors(struct cli *cli) {
    cli->color_out = shows_color(cli, STDOUT_FILENO);
    cli->color_err = shows_color(cli, STDERR_FILENO);
}

static size_t terminal_width(int fd) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 0;
}

static int run_command(struct cli *cli, const struct command *c, int argc, char **argv) {
    void *options = arena_alloc(cli->arena, c->options_size);
    if (c->defaults != NULL) {
        memcpy(options, c->defaults, c->options_size);
    }
    bool help = false;
    if (!options_parse(cli, c, argc, argv, options, &help)) {
        return EXIT_USAGE;
    }
    choose_colors(cli);
    if (help) {
        help_command(c, cli->width_out, stdout);
        return EXIT_OK;
    }
    return c->run(cli, options);
}

/* `help`, `help COMMAND` and what stands for them. */
static int show_help(const struct cli *cli, int argc, char **argv) {
    int words;
    if (argc == 0) {
        help_program(stdout);
        return EXIT_OK;
    }
    const struct command *c = find_command(argc, argv, &words);
    if (c == NULL) {
        return unknown_command(cli, argc, argv);
    }
    help_command(c, cli->width_out, stdout);
    return EXIT_OK;
}

/* How many words before the command are options that every command has. */
static int count_common(const struct cli *cli, int argc, char **argv) {
    int count = 0;
    bool found = true;
    while (found && count < argc) {
        str rest = str_from_c(argv[count]);
        str name = str_cut(&rest, '=');
        found = false;
        for (size_t i = 0; i < common_option_count && !found; i++) {
            const struct option *o = &common_options[i];
            found = o->kind != OPTION_FLAG && str_eq(name, str_fmt(cli->arena, "--%s", o->name));
        }
        count += !found ? 0 : rest.ptr != NULL ? 1 : 2; /* "--name=value" or two words */
    }
    return count < argc ? count : argc;
}

/* They are put after the command's name. */
static int dispatch_later(struct cli *cli, int common, int argc, char **argv) {
    int words;
    const struct command *c = find_command(argc - common, argv + common, &words);
    if (common == argc) {
        print_error(cli, "a command must follow '%s'; see 'capsem-builder --help'", argv[0]);
        return EXIT_USAGE;
    }
    if (c == NULL) {
        return dispatch(cli, argc - common, argv + common);
    }
    char **moved = ARENA_ARRAY(cli->arena, char *, (size_t)(argc - words) + 1);
    memcpy(moved, argv, (size_t)common * sizeof *argv);
    memcpy(moved + common, argv + common + words, (size_t)(argc - common - words) * sizeof *argv);
    return run_command(cli, c, argc - words, moved);
}

static int dispatch(struct cli *cli, int argc, char **argv) {
    int common = count_common(cli, argc, argv);
    if (common > 0) {
        return dispatch_later(cli, common, argc, argv);
    }
    if (argc == 0 || is_help(argv[0]) || strcmp(argv[0], "help") == 0) {
        return show_help(cli, argc > 0 ? argc - 1 : 0, argv + 1);
    }
    if (is_version(argv[0])) {
        puts("capsem-builder, version " CAPSEM_VERSION);
        return EXIT_OK;
    }
    if (argv[0][0] == '-') {
        return unknown_option(cli, argv[0]);
    }
    int words;
    const struct command *c = find_command(argc, argv, &words);
    return c != NULL ? run_command(cli, c, argc - words, argv + words)
                     : unknown_command(cli, argc, argv);
}

int main(int argc, char **argv) {
    /* Fds 0, 1, 2 must be open: else a file we open takes their place and gets our output. */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return EXIT_FAILED;
        }
    }
    signal(SIGXFSZ, SIG_IGN); /* a write that fails says where */
    signal(SIGCHLD,
           SIG_DFL); /* whoever started us may ignore it: then no child could be waited for */
    AUTO_ARENA arena = arena_new();
    struct cli cli = {
        .arena = arena,
        .cache_dir = default_cache_dir(arena),
        .color = "auto",
        .width = terminal_width(STDERR_FILENO),
        .width_out = terminal_width(STDOUT_FILENO),
    };
    choose_colors(&cli);
    int status = dispatch(&cli, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        print_error(&cli, "cannot write to stdout");
        return status == EXIT_OK ? EXIT_FAILED : status;
    }
    return status;
}
