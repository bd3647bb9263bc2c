// SPDX-License-Identifier: Apache-2.0
/*
 * What src/dockerfile makes of its standard input, for tests/spec/test_dockerfile.py:
 *
 *   (no argument)  the layer of nodes as s-expressions, as the conformance suite has them
 *   --lines        first and last line of each instruction
 *   --check        the typed parse and the checks of stages: diagnostics only
 *   --expand       one request a line: "set NAME=VALUE", "word TEXT", "words TEXT"; answers are
 *                  lines of words with U+001F between them, or "error"
 *
 * Exit 1 when something was reported; the diagnostics go to standard error.
 */
#include <stdio.h>
#include <string.h>

#include "dockerfile/internal.h"

static void print_quoted(str s) {
    static const char named[] = "\a\b\f\n\r\t\v\"\\";
    static const char names[] = "abfnrtv\"\\";
    putchar('"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        const char *hit = memchr(named, c, sizeof named - 1);
        if (hit != NULL) {
            printf("\\%c", names[hit - named]);
        } else if (c < 0x20 || c == 0x7F) {
            printf("\\x%02x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void print_flags(const struct node *n) {
    for (size_t i = 0; i < n->flag_count; i++) {
        const struct dockerfile_flag *flag = &n->flags[i];
        AUTO_BUF text = BUF_INIT(64 * 1024);
        buf_addf(&text, "--%.*s%s%.*s", STR_FMT(flag->name),
                 dockerfile_word_is_set(flag->value) ? "=" : "", STR_FMT(flag->value.text));
        fputs(i == 0 ? " [" : " ", stdout);
        print_quoted(buf_str(&text));
    }
    fputs(n->flag_count > 0 ? "]" : "", stdout);
}

static void print_node(struct arena *a, const struct node *n) {
    printf("(%.*s", STR_FMT(str_lower(a, n->keyword.text)));
    print_flags(n);
    for (size_t i = 0; i < n->args.len; i++) {
        putchar(' ');
        print_quoted(n->args.items[i].text);
    }
    if (n->inner != NULL) {
        putchar(' ');
        print_node(a, n->inner);
    }
    putchar(')');
}

static void print_nodes(struct arena *a, struct diag_sink *sink, uint32_t source, bool lines) {
    struct dockerfile file = { 0 };
    struct parser p = { .arena = a,
                        .sink = sink,
                        .source = source,
                        .text = sink->sources->items[source]->text,
                        .escape = '\\' };
    directives_parse(&p, &file);
    struct line line;
    size_t count = 0;
    for (; line_next(&p, &line); count++) {
        struct node node;
        if (!node_parse(&p, &line, &node)) {
            continue;
        }
        if (lines) {
            uint32_t start = node_arg_span(&node, &node.keyword).start;
            printf("%u %u\n", sources_position(sink->sources, source, start).line,
                   sources_position(sink->sources, source, node.end - 1).line);
        } else {
            print_node(a, &node);
            putchar('\n');
        }
    }
    if (count == 0) {
        parser_error(&p, (struct span){ source, 0, 0 }, "the Dockerfile has no instructions");
    }
}

static void check(struct arena *a, struct diag_sink *sink, uint32_t source) {
    const struct dockerfile *file;
    if (dockerfile_parse(a, sink, source, &file)) {
        bool ok = dockerfile_check_stages(file, NULL, sink);
        ASSERT(ok == (sink->errors == 0));
    }
}

static bool find_variable(void *self, str name, str *ret) {
    const str *value = map_find(self, name);
    *ret = value == NULL ? S("") : *value;
    return value != NULL;
}

static void print_words(bool ok, const str *words, size_t count) {
    for (size_t i = 0; ok && i < count; i++) {
        printf("%s%.*s", i == 0 ? "" : "\x1f", STR_FMT(words[i]));
    }
    puts(ok ? "" : "error");
}

static void expand(struct arena *a, struct diag_sink *sink, str text) {
    struct map variables;
    map_init(&variables, a);
    struct dockerfile_expander e = {
        .arena = a, .sink = sink, .escape = '\\', .find = find_variable, .self = &variables
    };
    while (text.len > 0) {
        str rest = str_cut(&text, '\n');
        str verb = str_cut(&rest, ' ');
        struct dockerfile_word word = { rest, SPAN_NONE };
        str *words = NULL;
        size_t count = 1;
        if (str_eq(verb, S("set"))) {
            str name = str_cut(&rest, '=');
            str *value = ARENA_NEW(a, str);
            *value = rest;
            map_put(&variables, name, value);
        } else if (str_eq(verb, S("words"))) {
            bool ok = dockerfile_expand_words(&e, word, &words, &count);
            print_words(ok, words, count);
        } else {
            str one;
            bool ok = dockerfile_expand(&e, word, &one);
            print_words(ok, &one, 1);
        }
    }
}

int main(int argc, char **argv) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str text;
    if (!fs_load_fd(a, 0, "stdin", DOCKERFILE_BYTES_MAX, &text, &err)) {
        fprintf(stderr, "%s\n", err.frames[0]);
        return 1;
    }
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    uint32_t source = sources_add(&sources, S("Dockerfile"), text);
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "--expand") == 0) {
        expand(a, &sink, text);
    } else if (strcmp(mode, "--check") == 0) {
        check(a, &sink, source);
    } else {
        print_nodes(a, &sink, source, strcmp(mode, "--lines") == 0);
    }
    AUTO_BUF out = BUF_INIT(16 * 1024 * 1024);
    bool whole = strcmp(mode, "--check") == 0;
    diag_render(&sink, &(struct diag_style){ .format = whole ? DIAG_TEXT : DIAG_SHORT }, &out);
    fputs(out.ptr != NULL ? out.ptr : "", stderr);
    return sink.errors > 0 ? 1 : 0;
}
