// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/cli.h"
#include "cli/wrap.h"

enum {
    WIDTH_DEFAULT = 80, /* of lines when nothing says how wide they may be */
    WIDTH_MIN = 60,
    WIDTH_MAX = 100,
    TEXT_BYTES_MAX = 4096,
};

static str left_column(struct arena *a, const struct option *o) {
    str letter = o->letter == 0 ? S("    ") : str_fmt(a, "-%c, ", o->letter);
    return str_fmt(a, "%.*s--%s%s%s", STR_FMT(letter), o->name, o->value == NULL ? "" : " ",
                   o->value == NULL ? "" : o->value);
}

void option_help(const struct command *c, const struct option *o, struct buf *out) {
    buf_add_c(out, o->help);
    if (o->kind != OPTION_WORD) {
        return;
    }
    const char *preset = NULL;
    if (c != NULL && c->defaults != NULL) {
        memcpy(&preset, (const char *)c->defaults + o->offset, sizeof preset);
    }
    for (size_t i = 0; o->words[i] != NULL; i++) {
        const char *between = i == 0 ? ": " : o->words[i + 1] == NULL ? " or " : ", ";
        bool is_default = preset != NULL && strcmp(preset, o->words[i]) == 0;
        buf_addf(out, "%s%s%s", between, o->words[i], is_default ? " (default)" : "");
    }
}

static void print_options(const struct command *c, const struct option *options, size_t count,
                          size_t left, size_t width, FILE *out) {
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
        AUTO_BUF lines = BUF_INIT(2 * TEXT_BYTES_MAX);
        option_help(c, &options[i], &text);
        add_wrapped(&lines, buf_str(&text), left + 4, width);
        fprintf(out, "  %-*.*s  %s", (int)left, STR_FMT(left_column(a, &options[i])), lines.ptr);
    }
}

static size_t left_width(const struct option *options, size_t count) {
    AUTO_ARENA a = arena_new();
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        width = max_size(width, left_column(a, &options[i]).len);
    }
    return width;
}

void help_command(const struct command *c, size_t width, FILE *out) {
    width = width == 0 ? WIDTH_DEFAULT : min_size(max_size(width, WIDTH_MIN), WIDTH_MAX);
    fprintf(out, "capsem-builder %s: %s\n\nUsage: capsem-builder %s%s%s%s\n", c->name, c->summary,
            c->name, c->option_count > 0 ? " [OPTIONS]" : "", c->arguments[0] != '\0' ? " " : "",
            c->arguments);
    if (c->details != NULL) {
        fprintf(out, "\n%s\n", c->details);
    }
    size_t left = max_size(left_width(c->options, c->option_count),
                           left_width(common_options, common_option_count));
    fputs("\nOptions:\n", out);
    print_options(c, c->options, c->option_count, left, width, out);
    print_options(NULL, common_options, common_option_count, left, width, out);
}

static void print_commands(const char *group, FILE *out) {
    size_t width = 0;
    for (size_t i = 0; i < command_count; i++) {
        width = max_size(width, strlen(commands[i]->name));
    }
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = commands[i];
        if (group == NULL ||
            (str_starts(str_from_c(c->name), str_from_c(group)) && c->name[strlen(group)] == ' ')) {
            fprintf(out, "  %-*s  %s\n", (int)width, c->name, c->summary);
        }
    }
}

void help_group(const char *group, FILE *out) {
    fprintf(out, "Usage: capsem-builder %s COMMAND [OPTIONS]\n\nCommands:\n", group);
    print_commands(group, out);
}

void help_program(FILE *out) {
    fputs("capsem-builder turns a folder of TOML into a virtual machine image that boots\n\n"
          "Usage: capsem-builder COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n",
          out);
    print_commands(NULL, out);
    fputs("\nOptions:\n"
          "  -h, --help     show this help; 'COMMAND --help' shows a command's\n"
          "  -V, --version  show the version\n"
          "\nStart with: capsem-builder build guest\n",
          out);
}
