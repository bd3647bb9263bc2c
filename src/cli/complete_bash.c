// SPDX-License-Identifier: Apache-2.0
/* For bash 4 and newer; needs nothing of the package bash-completion. */
#include "cli/complete.h"

/* What does not depend on the tables: which word is completed, and how. "=" and ":" are words of
 * their own to readline. */
static const char head[] =
    "# Completion of capsem-builder for bash, written by 'capsem-builder completions bash'.\n"
    "_capsem_builder() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local command=${COMP_WORDS[1]} first=2 position=0 i word\n"
    "    local options='' valued='' value='' arguments=()\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

static const char tail[] =
    "    if [[ -n $value ]]; then\n"
    "        :\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        value=\"words $options\"\n"
    "    else\n"
    "        for ((i = first; i < COMP_CWORD; i++)); do\n"
    "            word=${COMP_WORDS[i]}\n"
    "            if [[ $word == [=:] ]]; then\n"
    "                ((i++))\n"
    "            elif [[ $valued == *\" $word \"* ]]; then\n"
    "                [[ ${COMP_WORDS[i + 1]} == = ]] || ((i++))\n"
    "            elif [[ $word != -* ]]; then\n"
    "                ((position++))\n"
    "            fi\n"
    "        done\n"
    "        value=${arguments[position]}\n"
    "    fi\n"
    "    case $value in\n"
    "    folders)\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        ;;\n"
    "    files)\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        ;;\n"
    "    words\\ *)\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${value#words }\" -- \"$cur\")\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _capsem_builder capsem-builder\n";

static void add_offer(struct buf *out, const struct offer *offer) {
    static const char *const kinds[] = { "nothing", "files", "folders", "words" };
    buf_addf(out, "'%s", kinds[offer->kind]);
    for (size_t i = 0; i < offer->word_count; i++) {
        buf_addf(out, " %.*s", STR_FMT(offer->words[i]));
    }
    buf_add_char(out, '\'');
}

static void add_names(struct buf *out, const struct option *o, const char *between) {
    if (o->letter != 0) {
        buf_addf(out, "-%c%s", o->letter, between);
    }
    buf_addf(out, "--%s", o->name);
}

static void add_options(struct buf *out, const struct option *options, size_t count,
                        bool only_valued) {
    for (size_t i = 0; i < count; i++) {
        if (!only_valued || options[i].kind != OPTION_FLAG) {
            add_names(out, &options[i], " ");
            buf_add_char(out, ' ');
        }
    }
}

static void add_values(struct arena *a, struct buf *out, const struct option *options,
                       size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (options[i].kind != OPTION_FLAG) {
            struct offer offer = offer_of_value(a, &options[i]);
            buf_add_c(out, "        ");
            add_names(out, &options[i], " | ");
            buf_add_c(out, ") value=");
            add_offer(out, &offer);
            buf_add_c(out, " ;;\n");
        }
    }
}

static void add_command(struct arena *a, struct buf *out, const struct command *c) {
    struct offer arguments[OFFERS_MAX];
    size_t count = offers_of_arguments(a, c, arguments);
    buf_addf(out, "    '%s')\n        options='", c->name);
    add_options(out, c->options, c->option_count, false);
    add_options(out, common_options, common_option_count, false);
    buf_add_c(out, "'\n        valued=' ");
    add_options(out, c->options, c->option_count, true);
    add_options(out, common_options, common_option_count, true);
    buf_add_c(out, "'\n        arguments=(");
    for (size_t i = 0; i < count; i++) {
        buf_add_c(out, i > 0 ? " " : "");
        add_offer(out, &arguments[i]);
    }
    buf_add_c(out, ")\n        case $prev in\n");
    add_values(a, out, c->options, c->option_count);
    add_values(a, out, common_options, common_option_count);
    buf_add_c(out, "        esac\n        ;;\n");
}

/* The second words of a group. */
static void add_group(struct buf *out, str group) {
    bool any = false;
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        if (command_group(commands[i], &first, &rest) && str_eq(first, group)) {
            if (!any) {
                buf_addf(out, "        '%.*s') value='words", STR_FMT(group));
                any = true;
            }
            buf_addf(out, " %.*s", STR_FMT(rest));
        }
    }
    buf_add_c(out, any ? " --help' ;;\n" : "");
}

/* The command may be two words. */
static void add_two_words(struct buf *out) {
    bool any = false;
    buf_add_c(out, "        case \"$command ${COMP_WORDS[2]}\" in\n        ");
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        if (command_group(commands[i], &first, &rest)) {
            buf_addf(out, "%s'%s'", any ? " | " : "", commands[i]->name);
            any = true;
        }
    }
    buf_add_c(out, ")\n"
                   "            command=\"$command ${COMP_WORDS[2]}\"\n"
                   "            first=3\n"
                   "            ;;\n"
                   "        esac\n");
}

void complete_bash(struct buf *out) {
    AUTO_ARENA a = arena_new();
    str *words = ARENA_ARRAY(a, str, command_count);
    size_t count = first_words(words);
    buf_add_c(out, head);
    buf_add_c(out, "    if ((COMP_CWORD == 1)); then\n        value='words");
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, " %.*s", STR_FMT(words[i]));
    }
    buf_add_c(out, " --help --version'\n"
                   "    elif ((COMP_CWORD == 2)); then\n"
                   "        case $command in\n");
    for (size_t i = 0; i < count; i++) {
        add_group(out, words[i]);
    }
    buf_add_c(out, "        esac\n    else\n");
    add_two_words(out);
    buf_add_c(out, "    fi\n    case $command in\n");
    for (size_t i = 0; i < command_count; i++) {
        add_command(a, out, commands[i]);
    }
    buf_add_c(out, "    esac\n");
    buf_add_c(out, tail);
}
