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

static int unknown_command(const struct cli *cli, int argc, char **argv) {
    if (help_group(argv[0], argc > 1 ? stderr : stdout)) {
        if (argc > 1) {
            print_error(cli, "unknown command '%s %s'", argv[0], argv[1]);
            return EXIT_USAGE;
        }
        return EXIT_OK;
    }
    str *words = ARENA_ARRAY(cli->arena, str, command_count);
    for (size_t i = 0; i < command_count; i++) {
        str name = str_from_c(commands[i]->name);
        words[i] = str_cut(&name, ' ');
    }
    str near = nearest_word(str_from_c(argv[0]), words, command_count);
    if (near.ptr != NULL) {
        print_error(cli, "unknown command '%s', did you mean '%.*s'?", argv[0], STR_FMT(near));
    } else {
        print_error(cli, "unknown command '%s'; see 'capsem-builder --help'", argv[0]);
    }
    return EXIT_USAGE;
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
        help_command(c, stdout);
        return EXIT_OK;
    }
    return c->run(cli, options);
}

static int dispatch(struct cli *cli, int argc, char **argv) {
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
        strcmp(argv[0], "help") == 0) {
        help_program(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[0], "--version") == 0) {
        puts("capsem-builder, version " CAPSEM_VERSION);
        return EXIT_OK;
    }
    if (argv[0][0] == '-') {
        print_error(cli, "unknown option '%s'; see 'capsem-builder --help'", argv[0]);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < command_count; i++) {
        int words = match_command(commands[i], argc, argv);
        if (words > 0) {
            return run_command(cli, commands[i], argc - words, argv + words);
        }
    }
    return unknown_command(cli, argc, argv);
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
