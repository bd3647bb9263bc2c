// SPDX-License-Identifier: Apache-2.0
/*
 * The room's own header. Text goes through three layers, each in files of its own:
 *
 *   lines.c, directives.c, heredoc.c   physical lines to logical lines and bodies of heredocs
 *   node.c, words.c, json_list.c       a logical line to keyword, flags and arguments ("node")
 *   table.c, instructions.c, build_*.c a node to a typed instruction, by the table
 *
 * parse.c drives them and sorts instructions into stages.
 */
#pragma once

#include "dockerfile/dockerfile.h"

struct instruction_row;

/* Of one kind in one instruction: more of them come from one misunderstanding. */
enum { MISTAKES_MAX = 5 };

/* For "%.*s" of what a user wrote: a message does not repeat a megabyte. */
#define TEXT_FMT(s) STR_FMT(str_clip((s), 80))

/* ---- logical lines ---- */

/* From `joined` on, the joined text was at `source` in the file. */
struct segment {
    size_t joined;
    uint32_t source;
};

/* One instruction's text with its continued lines joined, and the way back to the file. */
struct line {
    uint32_t source;
    str text; /* a slice of the file when nothing was joined */
    const struct segment *segments;
    size_t segment_count;
    struct span empty_continuation;
};

/* The place in the file of bytes [start, end) of the joined text. */
struct span line_span(const struct line *l, size_t start, size_t end);

struct parser {
    struct arena *arena;
    struct diag_sink *sink;
    uint32_t source;
    str text;
    size_t at; /* next unread byte of the text: always the start of a line */
    char escape;
    size_t instruction_count;
};

struct diag *parser_error(struct parser *p, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The next logical line that is neither empty nor a comment; false at the end. */
bool line_next(struct parser *p, struct line *ret);
/* Cuts the next physical line, its end included, off the text; false at the end. */
bool line_next_raw(struct parser *p, str *ret_with_end, uint32_t *ret_start);

/* Reads the parser directives at the top into `f` and sets p->escape. */
void directives_parse(struct parser *p, struct dockerfile *f);

/* ---- nodes ---- */

/* An argument: its value, and where it is in the line. */
struct arg {
    str text;
    size_t start;
    size_t end;
};

struct args {
    struct arg *items;
    size_t len;
    size_t cap;
};

/* How the text after the flags becomes arguments. */
enum form {
    FORM_STRING,         /* all of it is one argument */
    FORM_WORDS,          /* separated by white space */
    FORM_NAMES,          /* words in which quotes and escapes hide white space */
    FORM_PAIRS,          /* name=value..., or name value: three arguments a pair, "=" or "" last */
    FORM_JSON_OR_STRING, /* a JSON array of strings, else FORM_STRING */
    FORM_JSON_OR_WORDS,
    FORM_HEALTH, /* a word, then FORM_JSON_OR_STRING */
    FORM_INNER,  /* an instruction */
};

struct node {
    const struct instruction_row *row; /* NULL: unknown, or nothing but a keyword was parsed */
    const struct line *line;
    struct arg keyword;
    size_t flags_start; /* in the line: after the keyword and its white space */
    struct dockerfile_flag *flags;
    size_t flag_count;
    struct arg rest; /* after the flags, trimmed */
    bool json;
    struct args args;
    struct node *inner; /* FORM_INNER; NULL when there is nothing */
    bool is_inner;
    struct dockerfile_heredoc *heredocs;
    size_t heredoc_count;
    uint32_t end; /* in the file: after the last line or terminator */
};

/* Splits line bytes [start, end of the line) and reads heredocs from p. False: reported; what was
 * understood is in *ret nevertheless. */
bool node_parse(struct parser *p, const struct line *line, struct node *ret);

void args_push(struct arena *a, struct args *args, const struct line *line, size_t start,
               size_t end);
struct dockerfile_word node_word(const struct node *n, const struct arg *arg);
struct span node_arg_span(const struct node *n, const struct arg *arg);

/* Splitters: text[start, end) into `args`. `heredocs`: blanks after "<<" belong to its word. */
void words_split(struct arena *a, const struct line *line, size_t start, size_t end, bool heredocs,
                 struct args *args);
void names_split(struct arena *a, const struct line *line, size_t start, size_t end, char escape,
                 struct args *args);
/* Flags at the start of text[start, end); returns where they end. */
size_t flags_split(struct parser *p, const struct line *line, size_t start, size_t end,
                   struct dockerfile_flag **ret_flags, size_t *ret_count);

enum json_result {
    JSON_LIST,        /* an array of strings, in `args` */
    JSON_NOT_STRINGS, /* JSON, but something in it is not a string: *ret_bad says where */
    JSON_NOT,         /* no JSON array */
};
enum json_result json_list_parse(struct arena *a, const struct line *line, size_t start, size_t end,
                                 struct args *args, struct arg *ret_bad);

/* Where the name of a heredoc begins when "<<" stands at `at`: after "<<", "-" and blanks. `at`
 * itself when it does not. */
size_t heredoc_mark_end(str text, size_t at, size_t end);
/* Words with their quotes and escapes as written; false when a quote is not closed. */
bool raw_words_split(struct arena *a, const struct line *line, size_t start, size_t end,
                     struct args *args);
/* Finds the heredoc words of the line and reads their bodies from p. */
bool heredocs_read(struct parser *p, struct node *n);
/* `word` as a heredoc's beginning (`<<-"EOF"`); false when it is none. */
bool heredoc_word_parse(struct arena *a, str word, struct dockerfile_heredoc *ret);

/* Quotes and escapes of a word removed, variables left alone; false when a quote is not closed. */
bool word_unquote(struct arena *a, str word, str *ret);

/* ---- the instruction table ---- */

enum flag_type {
    FLAG_NONE, /* ends a list */
    FLAG_TEXT,
    FLAG_TEXTS, /* may be repeated */
    FLAG_BOOL,  /* alone, =true or =false */
};

struct flag_row {
    const char *name;
    enum flag_type type;
};

struct builder;

struct instruction_row {
    const char *name;
    enum dockerfile_kind kind;
    const struct flag_row *flags; /* ended by FLAG_NONE */
    enum form form;
    size_t args_min; /* counted as the form gives them; pairs count as one each */
    size_t args_max;
    bool heredocs;
    /* Fills in the union of `ret` from the node; false: reported. */
    bool (*build)(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
    const char *usage; /* what stands after the name: for messages */
};

extern const struct instruction_row instruction_rows[];
extern const size_t instruction_row_count;
const struct instruction_row *instruction_row_find(str name); /* case is free */

struct builder {
    struct parser *parser;
    struct arena *arena;
};

/* The typed instruction of a node; NULL: reported. */
struct dockerfile_instruction *instruction_build(struct parser *p, const struct node *n);

/* The last flag of that name, or NULL. */
const struct dockerfile_flag *node_flag(const struct node *n, const char *name);
struct dockerfile_word node_flag_value(const struct node *n, const char *name);
bool node_flag_bool(const struct node *n, const char *name, bool *ret_set);
const struct dockerfile_word *node_flag_values(struct arena *a, const struct node *n,
                                               const char *name, size_t *ret_count);

bool lower_add_copy(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_command(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_from(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_health(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_onbuild(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_pairs(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_run(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_word(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);
bool lower_words(struct builder *b, const struct node *n, struct dockerfile_instruction *ret);

/* args[first...] of a node as a command. */
struct dockerfile_command command_from_args(struct arena *a, const struct node *n, size_t first);

/* ---- values ---- */

/* The `from` of a raw --mount value; empty when there is none. */
str mount_from(struct arena *a, str flag);

/* Go's duration text ("1m30s", "1.5h", "0") in nanoseconds; false when it is none. */
bool duration_parse(str text, int64_t *ret_ns);

/*
 * Shell patterns of ${v#p} and friends: * and ? and \. False: the pattern is malformed, or *budget
 * (steps that may still be taken) is used up. The trimmed text is a slice of `value`.
 */
enum affix { AFFIX_PREFIX, AFFIX_SUFFIX };
bool shell_pattern_trim(str pattern, str value, enum affix which, bool longest, size_t *budget,
                        str *ret);
bool shell_pattern_replace(str pattern, str replacement, str value, bool all, size_t *budget,
                           struct buf *out);

/* glob.c: `doublestar` gives "**" its .dockerignore meaning. */
bool glob_match(str pattern, str path, bool doublestar);
