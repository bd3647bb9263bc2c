// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/cli.h"

static const char *left_column(struct arena *a, const struct option *o) {
    str letter = o->letter == 0 ? S("    ") : str_fmt(a, "-%c, ", o->letter);
    return str_fmt(a, "%.*s--%s%s%s", STR_FMT(letter), o->name, o->value == NULL ? "" : " ",
                   o->value == NULL ? "" : o->value)
        .ptr;
}

static void print_option(const struct option *o, size_t width, struct arena *a, FILE *out) {
    fprintf(out, "  %-*s  %s", (int)width, left_column(a, o), o->help);
    if (o->kind == OPTION_WORD) {
        fputs(" (", out);
        for (size_t i = 0; o->words[i] != NULL; i++) {
            fprintf(out, "%s%s", i > 0 ? ", " : "", o->words[i]);
        }
        fputc(')', out);
    }
    fputc('\n', out);
}

void help_command(const struct command *c, FILE *out) {
    AUTO_ARENA a = arena_new();
    static const struct option common[] = {
        { "cache-dir", 0, OPTION_STRING, 0, "DIR",
          "where the store is (default: ~/.cache/capsem-builder)" },
        { "help", 'h', OPTION_FLAG, 0, NULL, "show this help" },
    };
    fprintf(out, "capsem-builder %s: %s\n\nUsage: capsem-builder %s%s%s%s\n", c->name, c->summary,
            c->name, c->option_count > 0 ? " [OPTIONS]" : "", c->arguments[0] != '\0' ? " " : "",
            c->arguments);
    if (c->details != NULL) {
        fprintf(out, "\n%s\n", c->details);
    }
    size_t width = 0;
    for (size_t i = 0; i < c->option_count; i++) {
        width = max_size(width, strlen(left_column(a, &c->options[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        width = max_size(width, strlen(left_column(a, &common[i])));
    }
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < c->option_count; i++) {
        print_option(&c->options[i], width, a, out);
    }
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        print_option(&common[i], width, a, out);
    }
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

bool help_group(const char *group, FILE *out) {
    bool found = false;
    for (size_t i = 0; i < command_count; i++) {
        found = found || (str_starts(str_from_c(commands[i]->name), str_from_c(group)) &&
                          commands[i]->name[strlen(group)] == ' ');
    }
    if (found) {
        fprintf(out, "Usage: capsem-builder %s COMMAND [OPTIONS]\n\nCommands:\n", group);
        print_commands(group, out);
    }
    return found;
}

void help_program(FILE *out) {
    fputs("capsem-builder turns a folder of TOML into a virtual machine image that boots\n\n"
          "Usage: capsem-builder COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n",
          out);
    print_commands(NULL, out);
    fputs("\nOptions:\n"
          "  -h, --help     show this help; 'COMMAND --help' shows a command's\n"
          "      --version  show the version\n"
          "\nStart with: capsem-builder build guest\n",
          out);
}
