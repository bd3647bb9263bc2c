// SPDX-License-Identifier: Apache-2.0
/* For fish 3: rows of `complete`, each under the command that it belongs to. */
#include "cli/complete.h"

static const char head[] =
    "# Completion of capsem-builder for fish, written by 'capsem-builder completions fish'.\n"
    "\n"
    "# Does the command line go on from these words, right after them or anywhere later?\n"
    "function __capsem_builder_at\n"
    "    set -l given (commandline -opc)\n"
    "    set -e given[1]\n"
    "    for word in $argv\n"
    "        test \"$given[1]\" = $word\n"
    "        or return 1\n"
    "        set -e given[1]\n"
    "    end\n"
    "end\n"
    "function __capsem_builder_right_at\n"
    "    test (commandline -opc | count) -eq (math (count $argv) + 1)\n"
    "    and __capsem_builder_at $argv\n"
    "end\n"
    "\n"
    "complete -c capsem-builder -f\n"
    "complete -c capsem-builder -n __capsem_builder_right_at -s h -l help -d 'show help'\n"
    "complete -c capsem-builder -n __capsem_builder_right_at -l version -d 'show the version'\n";

static void add_quoted(struct buf *out, str text) {
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        buf_addf(out, "%s%c", text.ptr[i] == '\'' || text.ptr[i] == '\\' ? "\\" : "", text.ptr[i]);
    }
    buf_add_char(out, '\'');
}

static void begin_row(struct buf *out, const char *condition, str words) {
    buf_addf(out, "complete -c capsem-builder -n '__capsem_builder_%s%s%.*s'", condition,
             words.len > 0 ? " " : "", STR_FMT(words));
}

static void add_words(struct buf *out, const struct offer *offer) {
    buf_add_c(out, " -a '");
    for (size_t i = 0; i < offer->word_count; i++) {
        buf_addf(out, "%s%.*s", i > 0 ? " " : "", STR_FMT(offer->words[i]));
    }
    buf_add_char(out, '\'');
}

static void add_offer(struct buf *out, const struct offer *offer) {
    switch (offer->kind) {
    case OFFER_NOTHING:
        return;
    case OFFER_FILES:
        buf_add_c(out, " -F");
        return;
    case OFFER_FOLDERS:
        buf_add_c(out, " -a '(__fish_complete_directories (commandline -ct))'");
        return;
    case OFFER_WORDS:
        add_words(out, offer);
        return;
    }
}

static void add_option(struct arena *a, struct buf *out, const struct command *c,
                       const struct option *o) {
    begin_row(out, "at", str_from_c(c->name));
    if (o->letter != 0) {
        buf_addf(out, " -s %c", o->letter);
    }
    buf_addf(out, " -l %s", o->name);
    if (o->kind != OPTION_FLAG) {
        struct offer offer = offer_of_value(a, o);
        buf_add_c(out, offer.kind == OFFER_FILES ? " -r" : " -x");
        add_offer(out, &offer);
    }
    buf_add_c(out, " -d ");
    add_quoted(out, str_from_c(o->help));
    buf_add_char(out, '\n');
}

/* Words are for the first argument only; a file or folder may be any. */
static void add_argument(struct buf *out, const struct command *c, const struct offer *offer) {
    if (offer->kind == OFFER_NOTHING) {
        return;
    }
    begin_row(out, offer->kind == OFFER_WORDS ? "right_at" : "at", str_from_c(c->name));
    add_offer(out, offer);
    buf_add_char(out, '\n');
}

static void add_command(struct arena *a, struct buf *out, const struct command *c) {
    str group;
    str rest;
    bool grouped = command_group(c, &group, &rest);
    buf_add_char(out, '\n');
    begin_row(out, "right_at", grouped ? group : (str){ 0 });
    buf_addf(out, " -a %.*s -d ", STR_FMT(grouped ? rest : group));
    add_quoted(out, str_from_c(c->summary));
    buf_add_char(out, '\n');
    for (size_t i = 0; i < c->option_count; i++) {
        add_option(a, out, c, &c->options[i]);
    }
    for (size_t i = 0; i < common_option_count; i++) {
        add_option(a, out, c, &common_options[i]);
    }
    struct offer arguments[OFFERS_MAX];
    size_t count = offers_of_arguments(a, c, arguments);
    for (size_t i = 0; i < count; i++) {
        add_argument(out, c, &arguments[i]);
    }
}

/* "image", whose commands are the next word. */
static void add_group(struct buf *out, str group) {
    begin_row(out, "right_at", (str){ 0 });
    buf_addf(out, " -a %.*s -d 'see its commands'\n", STR_FMT(group));
}

void complete_fish(struct buf *out) {
    AUTO_ARENA a = arena_new();
    buf_add_c(out, head);
    str last = { 0 };
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        if (command_group(commands[i], &first, &rest) && !str_eq(first, last)) {
            buf_add_char(out, '\n');
            add_group(out, first);
        }
        last = first;
        add_command(a, out, commands[i]);
    }
}
