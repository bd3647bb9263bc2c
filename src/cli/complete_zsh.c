// SPDX-License-Identifier: Apache-2.0
/* For zsh: a file _capsem-builder for its fpath, which may be sourced too. */
#include "cli/complete.h"

static const char head[] =
    "#compdef capsem-builder\n"
    "# Completion of capsem-builder for zsh, written by 'capsem-builder completions zsh'.\n"
    "_capsem-builder() {\n"
    "    local -a commands\n";

/* Words up to here are dropped: _arguments takes the command for the program. */
static const char drop_words[] = "    words=(\"${(@)words[2,-1]}\")\n"
                                 "    ((CURRENT--))\n";

static const char tail[] = "}\n"
                           "if [[ ${funcstack[1]} == _capsem-builder ]]; then\n"
                           "    _capsem-builder \"$@\"\n"
                           "else\n"
                           "    compdef _capsem-builder capsem-builder\n"
                           "fi\n";

/* Inside of single quotes, where `special` means something to zsh's functions. */
static void add_quoted(struct buf *out, const char *text, const char *special) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_add_c(out, "'\\''");
            continue;
        }
        if (str_find_char(str_from_c(special), *text, 0) != STR_NONE) {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, *text);
    }
}

static void add_action(struct buf *out, const struct offer *offer) {
    switch (offer->kind) {
    case OFFER_NOTHING:
        buf_add_char(out, ' ');
        return;
    case OFFER_FILES:
        buf_add_c(out, "_files");
        return;
    case OFFER_FOLDERS:
        buf_add_c(out, "_files -/");
        return;
    case OFFER_WORDS:
        for (size_t i = 0; i < offer->word_count; i++) {
            buf_addf(out, "%s%.*s", i == 0 ? "(" : " ", STR_FMT(offer->words[i]));
        }
        buf_add_char(out, ')');
        return;
    }
}

static void add_option(struct arena *a, struct buf *out, const struct option *o) {
    bool flag = o->kind == OPTION_FLAG;
    const char *many = o->kind == OPTION_LIST ? "*" : "";
    buf_add_c(out, " \\\n            ");
    if (o->letter != 0 && many[0] == '\0') {
        buf_addf(out, "'(-%c --%s)'", o->letter, o->name);
    }
    if (o->letter != 0) {
        buf_addf(out, "%s{-%c%s,--%s%s}'", many[0] != '\0' ? "'*'" : "", o->letter, flag ? "" : "+",
                 o->name, flag ? "" : "=");
    } else {
        buf_addf(out, "'%s--%s%s", many, o->name, flag ? "" : "=");
    }
    buf_add_char(out, '[');
    add_quoted(out, o->help, "[]\\:");
    buf_add_char(out, ']');
    if (!flag) {
        struct offer offer = offer_of_value(a, o);
        buf_add_char(out, ':');
        add_quoted(out, o->value, ":\\");
        buf_add_char(out, ':');
        add_action(out, &offer);
    }
    buf_add_char(out, '\'');
}

static void add_arguments(struct arena *a, struct buf *out, const struct command *c) {
    struct offer arguments[OFFERS_MAX];
    size_t count = offers_of_arguments(a, c, arguments);
    for (size_t i = 0; i < count; i++) {
        if (c->stop_at_argument) {
            buf_add_c(out, " \\\n            '*::");
        } else {
            buf_addf(out, " \\\n            '%zu:%s", i + 1, arguments[i].optional ? ":" : "");
        }
        bool words = arguments[i].kind == OFFER_WORDS;
        add_quoted(out, words ? "word" : str_to_c(a, arguments[i].name), ":\\[]");
        buf_add_char(out, ':');
        add_action(out, &arguments[i]);
        buf_add_char(out, '\'');
    }
}

/* One line of a list of commands with what they do. */
static void add_described(struct buf *out, size_t indent, str name, const char *summary) {
    buf_add_repeat(out, ' ', indent);
    buf_addf(out, "'%.*s:", STR_FMT(name));
    add_quoted(out, summary, "\\:");
    buf_add_c(out, "'\n");
}

static void add_commands(struct buf *out, str group) {
    str last = { 0 };
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        bool grouped = command_group(commands[i], &first, &rest);
        if (group.len > 0 && grouped && str_eq(first, group)) {
            add_described(out, 16, rest, commands[i]->summary);
        } else if (group.len == 0 && !str_eq(first, last)) {
            add_described(out, 12, first, grouped ? "see its commands" : commands[i]->summary);
        }
        last = first;
    }
}

static void add_group(struct buf *out, str group) {
    buf_addf(out,
             "    %.*s)\n"
             "        if ((CURRENT == 2)); then\n"
             "            commands=(\n",
             STR_FMT(group));
    add_commands(out, group);
    buf_addf(out,
             "            )\n"
             "            _describe -t commands command commands\n"
             "            return\n"
             "        fi\n"
             "        command=\"$command ${words[2]}\"\n"
             "    %s"
             "        ;;\n",
             "    words=(\"${(@)words[2,-1]}\")\n        ((CURRENT--))\n");
}

static void add_command(struct arena *a, struct buf *out, const struct command *c) {
    buf_addf(out, "    '%s')\n        _arguments -s -S", c->name);
    for (size_t i = 0; i < c->option_count; i++) {
        add_option(a, out, &c->options[i]);
    }
    for (size_t i = 0; i < common_option_count; i++) {
        add_option(a, out, &common_options[i]);
    }
    add_arguments(a, out, c);
    buf_add_c(out, "\n        ;;\n");
}

void complete_zsh(struct buf *out) {
    AUTO_ARENA a = arena_new();
    buf_add_c(out, head);
    buf_add_c(out, "    if ((CURRENT == 2)); then\n        commands=(\n");
    add_commands(out, (str){ 0 });
    buf_add_c(out, "        )\n"
                   "        _describe -t commands command commands\n"
                   "        _arguments '(- *)'{-h,--help}'[show help]' '(- *)--version[show the "
                   "version]'\n"
                   "        return\n"
                   "    fi\n"
                   "    local command=${words[2]}\n");
    buf_add_c(out, drop_words);
    buf_add_c(out, "    case $command in\n");
    str last = { 0 };
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        if (command_group(commands[i], &first, &rest) && !str_eq(first, last)) {
            add_group(out, first);
        }
        last = first;
    }
    buf_add_c(out, "    esac\n    case $command in\n");
    for (size_t i = 0; i < command_count; i++) {
        add_command(a, out, commands[i]);
    }
    buf_add_c(out, "    esac\n");
    buf_add_c(out, tail);
}
