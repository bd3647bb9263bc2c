// SPDX-License-Identifier: Apache-2.0
/* ADD and COPY. */
#include "dockerfile/internal.h"

/* The heredoc that this word begins, among those that were read; NULL when it is a path. */
static const struct dockerfile_heredoc *heredoc_of(struct arena *a, const struct node *n, str word,
                                                   size_t *next) {
    struct dockerfile_heredoc h;
    if (*next < n->heredoc_count && !n->json && str_find(word, S("<<"), 0) != STR_NONE &&
        heredoc_word_parse(a, word, &h) && str_eq(h.name, n->heredocs[*next].name)) {
        return &n->heredocs[(*next)++];
    }
    return NULL;
}

static bool build_sources(struct builder *b, const struct node *n, struct dockerfile_copy *copy) {
    size_t count = n->args.len - 1;
    struct dockerfile_source *sources = ARENA_ARRAY(b->arena, struct dockerfile_source, count);
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const struct arg *arg = &n->args.items[i];
        sources[i].word = node_word(n, arg);
        sources[i].heredoc = heredoc_of(b->arena, n, arg->text, &next);
        if (arg->text.len == 0) {
            parser_error(b->parser, sources[i].word.span, "a source of %s is empty", n->row->name);
            return false;
        }
    }
    const struct arg *last = &n->args.items[count];
    copy->sources = sources;
    copy->source_count = count;
    copy->destination = node_word(n, last);
    if (last->text.len == 0) {
        parser_error(b->parser, copy->destination.span, "the destination of %s is empty",
                     n->row->name);
        return false;
    }
    if (heredoc_of(b->arena, n, last->text, &next) != NULL) {
        parser_error(b->parser, copy->destination.span, "the destination of %s cannot be a heredoc",
                     n->row->name);
        return false;
    }
    return true;
}

static bool check_from(struct builder *b, const struct dockerfile_copy *copy) {
    if (str_find_char(copy->from.text, '$', 0) == STR_NONE) {
        return true;
    }
    struct diag *d =
        parser_error(b->parser, copy->from.span, "variables are not expanded in --from");
    diag_help(b->parser->sink, d,
              "give the image a stage of its own: 'FROM <image with variables> AS name'");
    return false;
}

bool lower_add_copy(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    struct dockerfile_copy *copy = &ret->copy;
    bool is_set;
    copy->json = n->json;
    copy->from = node_flag_value(n, "from");
    copy->chown = node_flag_value(n, "chown");
    copy->chmod = node_flag_value(n, "chmod");
    copy->checksum = node_flag_value(n, "checksum");
    copy->excludes = node_flag_values(b->arena, n, "exclude", &copy->exclude_count);
    copy->link = node_flag_bool(n, "link", &is_set);
    copy->parents = node_flag_bool(n, "parents", &is_set);
    copy->keep_git_dir = node_flag_bool(n, "keep-git-dir", &is_set);
    copy->unpack = node_flag_bool(n, "unpack", &copy->unpack_set);
    return build_sources(b, n, copy) && check_from(b, copy);
}
