// SPDX-License-Identifier: Apache-2.0
/* Dockerfile reference, ".dockerignore file"; the same patterns are the values of --exclude. */
#include "dockerfile/internal.h"

/*
 * Nearly all patterns have one of the first three shapes, which need no search through a path and
 * its folders: a context may have a hundred thousand files.
 */
enum shape {
    SHAPE_LITERAL, /* a/b */
    SHAPE_DEPTH,   /* a/?.o: as many names as the pattern has */
    SHAPE_NAME,    /* two stars, a slash and a name: any name of the path */
    SHAPE_ANY,
};

struct ignore_pattern {
    str text; /* clean, relative to the context */
    bool exception;
    enum shape shape;
    size_t slashes; /* SHAPE_DEPTH */
    str name;       /* SHAPE_NAME */
    bool literal;   /* the name has no wildcard */
};

struct dockerfile_ignore {
    struct ignore_pattern *items;
    size_t len;
    size_t cap;
};

static bool is_literal(str pattern) {
    return !dockerfile_glob_has_wildcard(pattern) && str_find_char(pattern, '\\', 0) == STR_NONE;
}

static void find_shape(struct ignore_pattern *p) {
    bool name_anywhere = str_starts(p->text, S("**/"));
    str rest = name_anywhere ? str_slice(p->text, 3, p->text.len) : p->text;
    bool simple = str_find(rest, S("**"), 0) == STR_NONE &&
                  str_find_char(rest, '[', 0) == STR_NONE; /* a class may match a slash */
    for (size_t at = 0; (at = str_find_char(rest, '/', at)) != STR_NONE; at++) {
        p->slashes++;
    }
    p->name = rest;
    p->literal = is_literal(rest);
    if (!simple || (name_anywhere && p->slashes > 0)) {
        p->shape = SHAPE_ANY;
    } else if (name_anywhere) {
        p->shape = SHAPE_NAME;
    } else {
        p->shape = p->literal ? SHAPE_LITERAL : SHAPE_DEPTH;
    }
}

static bool add_pattern(struct arena *a, struct diag_sink *sink, struct dockerfile_word word,
                        struct dockerfile_ignore *ignore) {
    str text = str_trim(word.text);
    struct ignore_pattern pattern = { .exception = str_starts(text, S("!")) };
    if (pattern.exception) {
        text = str_trim(str_slice(text, 1, text.len));
        if (text.len == 0) {
            diag_report(sink, "E405", word.span, "an exception without a pattern");
            return false;
        }
    }
    if (text.len == 0) {
        return true;
    }
    if (!dockerfile_glob_check(text)) {
        diag_report(sink, "E405", word.span, "'%.*s' is not a pattern", TEXT_FMT(text));
        return false;
    }
    if (ignore->len == DOCKERFILE_IGNORE_MAX) {
        diag_report(sink, "E405", word.span, "more than %d patterns", DOCKERFILE_IGNORE_MAX);
        return false;
    }
    text = path_clean(a, text);
    /* For the patterns the context is the root. */
    pattern.text = text.len > 1 && text.ptr[0] == '/' ? str_slice(text, 1, text.len) : text;
    find_shape(&pattern);
    ARENA_PUSH(a, ignore->items, ignore->len, ignore->cap, pattern);
    return true;
}

bool dockerfile_ignore_parse(struct arena *a, struct diag_sink *sink, uint32_t source,
                             const struct dockerfile_ignore **ret) {
    struct dockerfile_ignore *ignore = ARENA_NEW(a, struct dockerfile_ignore);
    str text = sink->sources->items[source]->text;
    size_t at = str_starts(text, S("\xEF\xBB\xBF")) ? 3 : 0;
    bool ok = true;
    while (at < text.len && ignore->len < DOCKERFILE_IGNORE_MAX) {
        size_t newline = str_find_char(text, '\n', at);
        size_t end = newline == STR_NONE ? text.len : newline;
        str line = str_slice(text, at, end);
        if (!str_starts(line, S("#"))) {
            str trimmed = str_trim(line);
            uint32_t start = trimmed.len == 0 ? (uint32_t)at : (uint32_t)(trimmed.ptr - text.ptr);
            struct dockerfile_word word = { trimmed,
                                            { source, start, start + (uint32_t)trimmed.len } };
            ok = add_pattern(a, sink, word, ignore) && ok;
        }
        at = end + 1;
    }
    if (ok) {
        *ret = ignore;
    }
    return ok;
}

bool dockerfile_ignore_from_words(struct arena *a, struct diag_sink *sink,
                                  const struct dockerfile_word *patterns, size_t count,
                                  const struct dockerfile_ignore **ret) {
    struct dockerfile_ignore *ignore = ARENA_NEW(a, struct dockerfile_ignore);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = add_pattern(a, sink, patterns[i], ignore) && ok;
    }
    if (ok) {
        *ret = ignore;
    }
    return ok;
}

static bool any_parent_matches(str pattern, str path) {
    for (size_t at = 0; (at = str_find_char(path, '/', at)) != STR_NONE; at++) {
        if (glob_match(pattern, str_slice(path, 0, at), true)) {
            return true;
        }
    }
    return glob_match(pattern, path, true);
}

static bool any_name_matches(const struct ignore_pattern *p, str path) {
    while (path.len > 0) {
        str name = str_cut(&path, '/');
        if (p->literal ? str_eq(p->name, name) : glob_match(p->name, name, false)) {
            return true;
        }
    }
    return false;
}

/* The first names of the path, as many as the pattern has. */
static bool start_matches(const struct ignore_pattern *p, str path) {
    size_t end = 0;
    for (size_t i = 0; i <= p->slashes; i++) {
        end = str_find_char(path, '/', end + (i > 0 ? 1 : 0));
        if (end == STR_NONE) {
            return i == p->slashes && glob_match(p->text, path, false);
        }
    }
    return glob_match(p->text, str_slice(path, 0, end), false);
}

/* The path itself, or a folder that it is in. */
static bool matches_path_or_parent(const struct ignore_pattern *p, str path) {
    switch (p->shape) {
    case SHAPE_LITERAL:
        return str_starts(path, p->text) &&
               (path.len == p->text.len || path.ptr[p->text.len] == '/');
    case SHAPE_DEPTH:
        return start_matches(p, path);
    case SHAPE_NAME:
        return any_name_matches(p, path);
    case SHAPE_ANY:
        return any_parent_matches(p->text, path);
    }
    return false;
}

bool dockerfile_ignore_match(const struct dockerfile_ignore *ignore, str path) {
    bool ignored = false;
    for (size_t i = 0; ignore != NULL && i < ignore->len; i++) {
        const struct ignore_pattern *pattern = &ignore->items[i];
        if (pattern->exception == ignored && matches_path_or_parent(pattern, path)) {
            ignored = !pattern->exception;
        }
    }
    return ignored;
}

/* Could the pattern match something below the folder? Name by name, as far as both go. */
static bool may_match_below(str pattern, str dir) {
    while (dir.len > 0 && pattern.len > 0) {
        str name = str_cut(&dir, '/');
        str part = str_cut(&pattern, '/');
        if (str_find(part, S("**"), 0) != STR_NONE) {
            return true;
        }
        /* A class may hold a slash: then names do not fall apart as they are cut here. */
        if (str_find_char(part, '[', 0) == STR_NONE && !glob_match(part, name, false)) {
            return false;
        }
    }
    return true;
}

bool dockerfile_ignore_may_reinclude(const struct dockerfile_ignore *ignore, str dir) {
    for (size_t i = 0; ignore != NULL && i < ignore->len; i++) {
        if (ignore->items[i].exception && may_match_below(ignore->items[i].text, dir)) {
            return true;
        }
    }
    return false;
}
