// SPDX-License-Identifier: Apache-2.0
/* The whole file: lines to instructions, instructions to stages. */
#include <stdarg.h>

#include "dockerfile/internal.h"

struct diag *parser_error(struct parser *p, struct span span, const char *fmt, ...) {
    AUTO_BUF text = BUF_INIT(4096);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    return diag_report(p->sink, "E401", span, "%.*s", STR_FMT(buf_str(&text)));
}

struct instruction_list {
    const struct dockerfile_instruction **items;
    size_t len;
    size_t cap;
};

struct stage_list {
    struct dockerfile_stage *items;
    size_t len;
    size_t cap;
};

struct file_parser {
    struct parser parser;
    struct dockerfile *file;
    struct instruction_list args;    /* before the first FROM */
    struct instruction_list current; /* of the stage being read */
    struct stage_list stages;
    bool seen_from;        /* also one that did not parse: what follows has a stage */
    bool reported_no_from; /* once is enough */
};

static bool parser_init(struct parser *p, struct arena *a, struct diag_sink *sink,
                        uint32_t source) {
    str text = sink->sources->items[source]->text;
    *p =
        (struct parser){ .arena = a, .sink = sink, .source = source, .text = text, .escape = '\\' };
    if (text.len > DOCKERFILE_BYTES_MAX) {
        parser_error(p, (struct span){ source, 0, 0 }, "the Dockerfile is larger than %d bytes",
                     DOCKERFILE_BYTES_MAX);
        return false;
    }
    size_t nul = str_find_char(text, '\0', 0);
    if (nul != STR_NONE) {
        struct span at = { source, (uint32_t)nul, (uint32_t)nul + 1 };
        parser_error(p, at, "a NUL byte: this is not a text file");
        return false;
    }
    if (str_starts(text, S("\xEF\xBB\xBF"))) { /* a byte order mark */
        p->at = 3;
    }
    return true;
}

static void end_stage(struct file_parser *f) {
    if (f->stages.len > 0) {
        struct dockerfile_stage *stage = &f->stages.items[f->stages.len - 1];
        stage->instructions = f->current.items;
        stage->instruction_count = f->current.len;
    }
    f->current = (struct instruction_list){ 0 };
}

static void begin_stage(struct file_parser *f, const struct dockerfile_instruction *from) {
    end_stage(f);
    struct dockerfile_stage stage = { .index = f->stages.len, .from = from };
    ARENA_PUSH(f->parser.arena, f->stages.items, f->stages.len, f->stages.cap, stage);
}

/* Whether an instruction may stand here; reports the first that may not. */
static bool check_place(struct file_parser *f, const struct node *n) {
    if (n->row->kind == DOCKERFILE_FROM) {
        f->seen_from = true;
        return true;
    }
    if (f->seen_from || n->row->kind == DOCKERFILE_ARG) {
        return true;
    }
    if (!f->reported_no_from) {
        f->reported_no_from = true;
        struct diag *d = parser_error(&f->parser, node_arg_span(n, &n->keyword),
                                      "%s before the first FROM", n->row->name);
        diag_help(f->parser.sink, d, "only ARG may come before 'FROM <image>'");
    }
    return false;
}

static void add_instruction(struct file_parser *f, const struct dockerfile_instruction *in) {
    if (in->kind == DOCKERFILE_FROM) {
        begin_stage(f, in);
        return;
    }
    struct instruction_list *list = f->seen_from ? &f->current : &f->args;
    ARENA_PUSH(f->parser.arena, list->items, list->len, list->cap, in);
}

/* False: a limit is reached. */
static bool parse_instruction(struct file_parser *f, const struct line *line) {
    struct parser *p = &f->parser;
    /* The instruction keeps spans only, but its nodes point at the line. */
    struct line *kept = ARENA_NEW(p->arena, struct line);
    *kept = *line;
    struct node node;
    bool ok = node_parse(p, kept, &node);
    bool is_from = node.row != NULL && node.row->kind == DOCKERFILE_FROM;
    if (++p->instruction_count > DOCKERFILE_INSTRUCTIONS_MAX ||
        (is_from && f->stages.len == DOCKERFILE_STAGES_MAX)) {
        parser_error(p, node_arg_span(&node, &node.keyword),
                     "more than %d instructions or %d stages", DOCKERFILE_INSTRUCTIONS_MAX,
                     DOCKERFILE_STAGES_MAX);
        return false;
    }
    if (node.row == NULL) {
        return true;
    }
    bool placed = check_place(f, &node);
    const struct dockerfile_instruction *in = ok ? instruction_build(p, &node) : NULL;
    if (in != NULL && placed) {
        add_instruction(f, in);
    }
    return true;
}

static void report_no_stage(struct file_parser *f) {
    struct parser *p = &f->parser;
    uint32_t end = (uint32_t)p->text.len;
    if (p->instruction_count == 0) {
        struct diag *d =
            parser_error(p, (struct span){ p->source, 0, 0 }, "the Dockerfile has no instructions");
        diag_help(p->sink, d, "it begins with FROM <image>");
    } else if (!f->reported_no_from) {
        parser_error(p, (struct span){ p->source, end, end }, "the Dockerfile has no FROM");
    }
}

bool dockerfile_parse(struct arena *a, struct diag_sink *sink, uint32_t source,
                      const struct dockerfile **ret) {
    size_t errors_before = sink->errors;
    struct file_parser f = { .file = ARENA_NEW(a, struct dockerfile) };
    if (!parser_init(&f.parser, a, sink, source)) {
        return false;
    }
    f.file->syntax.span = f.file->escape_directive.span = f.file->check.span = SPAN_NONE;
    directives_parse(&f.parser, f.file);
    struct line line;
    while (line_next(&f.parser, &line) && parse_instruction(&f, &line)) {
    }
    end_stage(&f);
    if (!f.seen_from) {
        report_no_stage(&f);
    }
    if (sink->errors > errors_before) {
        return false;
    }
    f.file->source = source;
    f.file->escape = f.parser.escape;
    f.file->global_args = f.args.items;
    f.file->global_arg_count = f.args.len;
    f.file->stages = f.stages.items;
    f.file->stage_count = f.stages.len;
    *ret = f.file;
    return true;
}

bool dockerfile_parse_trigger(struct arena *a, struct diag_sink *sink, uint32_t source,
                              const struct dockerfile_instruction **ret) {
    struct parser p;
    struct line *line = ARENA_NEW(a, struct line);
    struct node node;
    if (!parser_init(&p, a, sink, source)) {
        return false;
    }
    if (!line_next(&p, line)) {
        parser_error(&p, (struct span){ source, 0, 0 }, "the trigger is empty");
        return false;
    }
    if (!node_parse(&p, line, &node)) {
        return false;
    }
    if (node.row->kind == DOCKERFILE_FROM || node.row->kind == DOCKERFILE_ONBUILD) {
        parser_error(&p, node_arg_span(&node, &node.keyword), "%s cannot be a trigger",
                     node.row->name);
        return false;
    }
    const struct dockerfile_instruction *in = instruction_build(&p, &node);
    struct line second;
    if (in != NULL && line_next(&p, &second)) {
        parser_error(&p, line_span(&second, 0, second.text.len), "a trigger is one instruction");
        return false;
    }
    if (in == NULL) {
        return false;
    }
    *ret = in;
    return true;
}
