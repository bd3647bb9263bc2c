// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cli/cli.h"

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
    str rest = str_from_c(given);
    str name = str_cut(&rest, '=');
    for (size_t i = 0; i < common_option_count; i++) {
        const char *common = str_fmt(cli->arena, "--%s", common_options[i].name).ptr;
        if (str_eq(name, str_from_c(common))) {
            print_error(cli, "the option '%s' comes behind the command", common);
            return EXIT_USAGE;
        }
    }
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

static bool shows_color(int fd) {
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fd) && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
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

static int dispatch(struct cli *cli, int argc, char **argv) {
    if (argc == 0 || is_help(argv[0]) || strcmp(argv[0], "help") == 0) {
        return show_help(cli, argc > 0 ? argc - 1 : 0, argv + 1);
    }
    if (strcmp(argv[0], "--version") == 0) {
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
    AUTO_ARENA arena = arena_new();
    struct cli cli = {
        .arena = arena,
        .cache_dir = default_cache_dir(arena),
        .color_out = shows_color(STDOUT_FILENO),
        .color_err = shows_color(STDERR_FILENO),
        .width = terminal_width(STDERR_FILENO),
        .width_out = terminal_width(STDOUT_FILENO),
    };
    int status = dispatch(&cli, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        print_error(&cli, "write to stdout failed");
        return status == EXIT_OK ? EXIT_FAILED : status;
    }
    return status;
}
