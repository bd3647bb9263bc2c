// SPDX-License-Identifier: Apache-2.0
/* Instructions that hold names, values and words: ARG, ENV, LABEL, FROM, EXPOSE, VOLUME, ... */
#include "dockerfile/internal.h"

static bool check_name(struct builder *b, const struct node *n, const struct arg *name) {
    if (name->text.len > 0) {
        return true;
    }
    struct span at = node_arg_span(n, name);
    parser_error(b->parser, (struct span){ at.source, at.start, at.start + 1 },
                 "a name of %s is empty", n->row->name);
    return false;
}

static bool pairs_from_names(struct builder *b, const struct node *n,
                             struct dockerfile_pair *pairs) {
    size_t bad = 0;
    for (size_t i = 0; i < n->args.len && bad < MISTAKES_MAX; i++) {
        struct arg name = n->args.items[i];
        size_t equals = str_find_char(name.text, '=', 0);
        if (equals != STR_NONE) {
            struct arg value = { str_slice(name.text, equals + 1, name.text.len),
                                 name.start + equals + 1, name.end };
            pairs[i].value = node_word(n, &value);
            name = (struct arg){ str_slice(name.text, 0, equals), name.start, name.start + equals };
        }
        pairs[i].name = node_word(n, &name);
        bad += check_name(b, n, &name) ? 0 : 1;
    }
    return bad == 0;
}

static bool pairs_from_triples(struct builder *b, const struct node *n,
                               struct dockerfile_pair *pairs) {
    size_t bad = 0;
    for (size_t i = 0; i < n->args.len / 3 && bad < MISTAKES_MAX; i++) {
        const struct arg *triple = &n->args.items[3 * i];
        pairs[i] = (struct dockerfile_pair){ .name = node_word(n, &triple[0]),
                                             .value = node_word(n, &triple[1]),
                                             .legacy = triple[2].text.len == 0 };
        bad += check_name(b, n, &triple[0]) ? 0 : 1;
    }
    return bad == 0;
}

bool lower_pairs(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    bool triples = n->row->form == FORM_PAIRS;
    size_t count = triples ? n->args.len / 3 : n->args.len;
    struct dockerfile_pair *pairs = ARENA_ARRAY(b->arena, struct dockerfile_pair, count);
    ret->pairs.items = pairs;
    ret->pairs.len = count;
    return triples ? pairs_from_triples(b, n, pairs) : pairs_from_names(b, n, pairs);
}

bool lower_word(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    ret->word = node_word(n, &n->args.items[0]);
    return true;
}

bool lower_words(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    struct dockerfile_word *words = ARENA_ARRAY(b->arena, struct dockerfile_word, n->args.len);
    for (size_t i = 0; i < n->args.len; i++) {
        const struct arg *arg = &n->args.items[i];
        words[i] = node_word(n, arg);
        if (str_trim(arg->text).len == 0) {
            parser_error(b->parser, words[i].span, "a word of %s is empty", n->row->name);
            return false;
        }
    }
    ret->words = (struct dockerfile_words){ words, n->args.len };
    return true;
}

/* name: [a-z] [a-z0-9-_.]*, in any case */
static bool is_stage_name(str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool later = char_is_digit(c) || c == '-' || c == '_' || c == '.';
        if (!char_is_alpha(c) && !(later && i > 0)) {
            return false;
        }
    }
    return name.len > 0;
}

bool lower_from(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    const struct arg *args = n->args.items;
    ret->from.base = node_word(n, &args[0]);
    ret->from.platform = node_flag_value(n, "platform");
    ret->from.name.span = SPAN_NONE;
    if (n->args.len == 1) {
        return true;
    }
    if (!str_eq_nocase(args[1].text, S("as")) || n->args.len == 2) {
        struct span at = line_span(n->line, args[1].start, n->rest.end);
        struct diag *d = parser_error(b->parser, at, "only 'AS <name>' may follow the image");
        diag_help(b->parser->sink, d, "it is written FROM %s", n->row->usage);
        return false;
    }
    ret->from.name = node_word(n, &args[2]);
    if (!is_stage_name(args[2].text)) {
        struct diag *d =
            parser_error(b->parser, ret->from.name.span, "'%.*s' cannot be the name of a stage",
                         TEXT_FMT(args[2].text));
        diag_help(b->parser->sink, d,
                  "a name starts with a letter and has only letters, digits, '-', '_' and '.'");
        return false;
    }
    ret->from.name.text = str_lower(b->arena, args[2].text);
    return true;
}
