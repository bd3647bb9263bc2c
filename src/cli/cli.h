// SPDX-License-Identifier: Apache-2.0
/*
 * cli/: the only room that prints. One file a subcommand (cmd_NAME.c), each with its options as a
 * table; that table parses, checks, and writes --help. Follows docs/spec/command-line.md.
 *
 * Results go to stdout, progress and errors to stderr. Exit codes: 0, 1 for what failed, 2 for a
 * usage error; `run` gives the guest command's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"
#include "diag/diag.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_STRING, /* const char *; NULL when not given */
    OPTION_WORD,   /* const char *, one of `words` */
    OPTION_INT,    /* int64_t from min to max */
    OPTION_LIST,   /* struct option_list; may be given several times */
};

struct option_list {
    const char **items;
    size_t len;
    size_t cap;
};

/* One row: what parses it, and its line of --help. */
struct option {
    const char *name; /* without the dashes */
    char letter;      /* short form, 0: none */
    enum option_kind kind;
    size_t offset;            /* in the command's option struct */
    const char *value;        /* name of the value in --help, NULL for a flag */
    const char *help;         /* one line, no full stop */
    const char *const *words; /* OPTION_WORD: NULL-terminated */
    int64_t min, max;         /* OPTION_INT */
};

/* What a command is run with. */
struct cli {
    struct arena *arena;
    const char *const *args; /* positional arguments, NULL-terminated */
    size_t arg_count;
    const char *cache_dir; /* the store: --cache-dir, CAPSEM_CACHE_DIR, XDG_CACHE_HOME, ~/.cache */
    const char *color;     /* --color: auto, always or never */
    bool color_out;        /* stdout shows colour */
    bool color_err;
    bool events;      /* messages on stderr are objects, as --progress json has it */
    size_t width;     /* columns of the terminal that stderr is; 0 when it is none */
    size_t width_out; /* of stdout */
};

struct command {
    const char *name;      /* one word, or two as in "image build" */
    const char *arguments; /* as shown in the usage line: "[GUEST]" */
    const char *summary;   /* one line for the list of commands */
    const char *details;   /* more lines for --help; NULL: none */
    const struct option *options;
    size_t option_count;
    size_t options_size;  /* of the option struct */
    const void *defaults; /* initial value of the option struct; NULL: all zero */
    size_t args_min, args_max;
    bool stop_at_argument; /* what follows the first argument is not parsed: `run` */
    int (*run)(struct cli *cli, const void *options);
};

extern const struct command *const commands[];
extern const size_t command_count;

/* Options that every command has; the offsets are in struct cli. */
extern const struct option common_options[];
extern const size_t common_option_count;

/* options.c: parses argv[0..argc) into the option struct and cli->args. False: usage error
 * printed. */
bool options_parse(struct cli *cli, const struct command *command, int argc, char **argv,
                   void *ret_options, bool *ret_help);

/* help.c; lines are broken at `width` columns, 0: not known */
void help_program(FILE *out);
void help_command(const struct command *command, size_t width, FILE *out);
/* An option's help with its words and its default; `command` is NULL for a common one. */
void option_help(const struct command *command, const struct option *o, struct buf *out);
/* The commands whose first word is `group`. */
void help_group(const char *group, FILE *out);

/* print.c: text of which each line is safe for a terminal, with a line end after the last: a name
 * from the command line or a guest folder must not colour it or move its cursor. */
void add_plain_lines(struct buf *out, str text);
/* As it is. */
void print_text(FILE *out, str text);
/* What a step, a guest, a registry or a package said: see add_foreign(). To stdout or stderr, with
 * a line end after it. */
void print_foreign(const struct cli *cli, FILE *out, str text);
/* One line each on stderr. */
void print_error(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void print_warning(const struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void print_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "error: outer: inner", then "help: ..." when the error has one. */
void print_err(const struct cli *cli, const struct err *err);
/* Prints all diagnostics as text to `out`. */
void print_diags(const struct cli *cli, struct diag_sink *sink, FILE *out);
/* Prints all diagnostics in one of these formats to stdout; for people, with a line that counts
 * them. */
void print_findings(const struct cli *cli, struct diag_sink *sink, const char *format,
                    const char *title);
/* GUEST, the first argument, or "guest"; NULL after printing when it is not a folder. */
const char *cli_guest_dir(const struct cli *cli);
