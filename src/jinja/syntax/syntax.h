// SPDX-License-Identifier: Apache-2.0
/* Tokens and the tree of a template. Everything lives in the environment's arena. */
#pragma once

#include "jinja/jinja.h"

/* ---- tokens ---- */

enum token_kind {
    TOKEN_END, /* of the template */
    TOKEN_TEXT,
    TOKEN_VARIABLE_BEGIN,
    TOKEN_VARIABLE_END,
    TOKEN_BLOCK_BEGIN,
    TOKEN_BLOCK_END,
    TOKEN_NAME,
    TOKEN_STRING, /* `text` is the decoded content */
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_ADD,
    TOKEN_SUB,
    TOKEN_MUL,
    TOKEN_DIV,
    TOKEN_FLOORDIV,
    TOKEN_MOD,
    TOKEN_POW,
    TOKEN_TILDE,
    TOKEN_LBRACKET,
    TOKEN_RBRACKET,
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_LBRACE,
    TOKEN_RBRACE,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_ASSIGN,
    TOKEN_DOT,
    TOKEN_COLON,
    TOKEN_PIPE,
    TOKEN_COMMA,
    TOKEN_SEMICOLON,
};

struct token {
    enum token_kind kind;
    struct span span;
    str text; /* TEXT, NAME, STRING */
    union {
        int64_t integer;
        double real;
    };
};

/* How a token is called in messages: "',' " or "end of statement block". */
const char *token_kind_text(enum token_kind kind);

enum { LEX_BALANCE_MAX = 256 };

/* Pulls tokens out of a source. After an error it gives TOKEN_END for ever. */
struct lexer {
    struct jinja_env *env;
    struct diag_sink *sink;
    uint32_t source;
    const char *src;
    size_t end; /* of what is lexed: without the trailing newline when that is dropped */
    size_t pos;
    enum { LEX_DATA, LEX_BLOCK, LEX_VARIABLE, LEX_LINE } mode;
    bool line_starting; /* the tag before ended with a line end */
    bool failed;
    size_t depth; /* open brackets inside a tag */
    char balance[LEX_BALANCE_MAX];
    struct span tag; /* where the open tag began */
    struct token pending;
    bool has_pending;
};

void lexer_init(struct lexer *lx, struct jinja_env *env, const struct sources *sources,
                uint32_t source, struct diag_sink *sink);
/* False: reported. */
bool lexer_next(struct lexer *lx, struct token *ret);

/* lex_line.c: a statement or comment that a line's prefix begins. */
struct line_tag {
    size_t start; /* of the space in front of the prefix */
    size_t end;   /* of the prefix */
    bool comment;
};
/* The first that starts at or after pos and before the limit. */
bool lex_find_line_tag(const struct lexer *lx, size_t pos, size_t limit, struct line_tag *ret);
/* Whether a line statement ends here; where the text goes on. */
bool lex_line_end(const struct lexer *lx, size_t *ret);
size_t lex_line_rest(const struct lexer *lx, size_t pos); /* the position of the line's end */

/* lex_tag.c: one token inside `{{ }}` or `{% %}`. */
bool lex_tag_token(struct lexer *lx, struct token *ret);
bool lex_fail(struct lexer *lx, size_t start, size_t end, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));
/* Line end at a position: 0, 1, or 2 for CR LF. */
size_t lex_newline(const struct lexer *lx, size_t pos);
/* Position after white space, line ends included. */
size_t lex_skip_space(const struct lexer *lx, size_t pos);

/* lex_string.c: what is between the quotes, escapes decoded. */
bool lex_decode_string(struct lexer *lx, size_t start, size_t end, str *ret);

/* ---- expressions ---- */

enum expr_kind {
    EXPR_LITERAL,
    EXPR_NAME,
    EXPR_LIST,
    EXPR_TUPLE,
    EXPR_DICT,    /* items: key, value, key, value, ... */
    EXPR_NEG,     /* left */
    EXPR_POS,     /* left */
    EXPR_NOT,     /* left */
    EXPR_AND,     /* left, right */
    EXPR_OR,      /* left, right */
    EXPR_BINARY,  /* op, left, right */
    EXPR_COMPARE, /* left, then `comparisons` */
    EXPR_CONCAT,  /* items */
    EXPR_COND,    /* left if cond else right (may be NULL) */
    EXPR_ATTR,    /* left . name */
    EXPR_ITEM,    /* left [ right ] */
    EXPR_SLICE,   /* left [ slice[0] : slice[1] : slice[2] ], each may be NULL */
    EXPR_CALL,    /* left ( args ) */
    EXPR_FILTER,  /* left | callable ( args ); left is NULL in a filter block */
    EXPR_TEST,    /* left is callable ( args ) */
};

struct expr;

struct expr_list {
    struct expr **items;
    size_t len;
    size_t cap;
};

enum compare_op {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE,
    COMPARE_IN,
    COMPARE_NOT_IN,
};

struct comparison {
    enum compare_op op;
    struct expr *right;
    struct comparison *next;
};

struct keyword_arg {
    str name;
    struct expr *value;
};

struct call_args {
    struct expr_list positional;
    struct keyword_arg *keywords;
    size_t keyword_count;
    size_t keyword_cap;
    struct expr *star;      /* *args */
    struct expr *star_star; /* **kwargs */
};

struct callable; /* env.c */

struct expr {
    enum expr_kind kind;
    bool is_not; /* TEST: `is not` */
    enum token_kind op;
    uint32_t name;  /* NAME: interned; ATTR: loop_attr_number() */
    uint64_t hash;  /* ATTR: of the text */
    uint32_t *hint; /* ATTR: where in a dict it was found last */
    struct span span;
    str text; /* NAME, ATTR, FILTER, TEST: as written */
    struct expr *left;
    struct expr *right;
    union {
        struct jinja_value literal;
        struct expr_list items;
        struct comparison *comparisons;
        struct expr *cond;
        struct expr *slice[3];
        /* ATTR: of this name, by the kinds of value from JINJA_STRING to JINJA_DICT; or NULL */
        const struct callable *methods[JINJA_DICT - JINJA_STRING + 1];
        struct {
            struct call_args *args; /* NULL: none */
            const struct callable *callable;
        };
    };
};

/* ---- statements ---- */

enum stmt_kind {
    STMT_TEXT,
    STMT_OUTPUT,
    STMT_IF,
    STMT_FOR,
    STMT_SET,
    STMT_SET_BLOCK,
    STMT_MACRO,
    STMT_CALL_BLOCK,
    STMT_FILTER_BLOCK,
    STMT_WITH,
    STMT_DO,
    STMT_BLOCK,
    STMT_EXTENDS,
    STMT_INCLUDE,
    STMT_IMPORT,
    STMT_FROM,
    STMT_AUTOESCAPE,
    STMT_BREAK,
    STMT_CONTINUE,
};

struct stmt;

struct stmt_list {
    struct stmt **items;
    size_t len;
    size_t cap;
};

/* What is assigned to: a name, an attribute of a namespace, or a tuple of targets. */
struct target {
    enum { TARGET_NAME, TARGET_ATTR, TARGET_TUPLE } kind;
    struct span span;
    uint32_t name;
    str text;
    str attr; /* ATTR */
    struct target **items;
    size_t len;
    size_t cap;
};

struct branch {
    struct expr *test; /* NULL: else */
    struct stmt_list body;
};

struct macro_param {
    uint32_t name;
    str text;
    struct expr *value; /* the default, or NULL */
};

/* A macro's signature and body; also that of a call block. */
struct macro {
    str text;
    uint32_t name;
    struct macro_param *params;
    size_t param_count;
    size_t param_cap;
    struct stmt_list body;
    bool uses_varargs;
    bool uses_kwargs;
    bool uses_caller;
    bool anonymous; /* a call block's */
};

/* A named part of a template that a child may replace. */
struct block {
    str name;
    struct span span;
    struct stmt_list body;
    bool scoped;
    bool required;
    bool uses_self;
    bool uses_super;
};

struct import_name {
    str name;
    str alias_text;
    uint32_t alias; /* interned */
};

struct stmt {
    enum stmt_kind kind;
    struct span span;
    union {
        str text;
        struct expr *expr; /* OUTPUT, DO */
        struct {
            struct branch *branches;
            size_t branch_count;
            size_t branch_cap;
        };
        struct {
            struct target *target;
            struct expr *iterable;
            struct expr *filter; /* may be NULL */
            struct stmt_list body;
            struct stmt_list orelse;
            bool recursive;
            bool uses_loop;
        } loop;
        struct {
            struct target *target;
            struct expr *value;  /* SET */
            struct expr *filter; /* SET_BLOCK: chain of filters, or NULL */
            struct stmt_list body;
        } set;
        struct macro *macro;
        struct block *block;
        struct {
            struct expr *template; /* EXTENDS, INCLUDE, IMPORT, FROM */
            bool ignore_missing;
            bool with_context;
            struct import_name *names; /* IMPORT: one, the alias */
            size_t name_count;
            size_t name_cap;
        } load;
        struct {
            struct expr *value;
            struct stmt_list body;
        } escape;
        struct {
            struct expr *call; /* CALL_BLOCK: a call; FILTER_BLOCK: a chain of filters */
            struct macro *caller;
            struct stmt_list body;
        } wrap;
        struct {
            struct target **targets;
            struct expr **values;
            size_t len;
            size_t cap;
            size_t value_cap;
            struct stmt_list body;
        } with;
    };
};

struct jinja_template {
    struct jinja_env *env;
    struct sources *sources;
    uint32_t source;
    str name; /* as it was asked for; empty: the one that is rendered */
    struct stmt_list body;
    struct block **blocks;
    size_t block_count;
    size_t block_cap;
    bool uses_self; /* outside of blocks */
};

/* ---- parser ---- */

struct parser {
    struct jinja_env *env;
    struct arena *arena;
    struct lexer lexer;
    struct token cur;
    struct token ahead;
    bool has_ahead;
    struct jinja_template *template;
    size_t depth;
    size_t loops;        /* open for loops in this function: break and continue need one */
    size_t conditional;  /* open ifs: an unknown filter there is an error only when it runs */
    size_t fors;         /* open for loops: `loop` cannot be set in them */
    bool saw_loop;       /* the name `loop` was read */
    struct macro *macro; /* the innermost one being read, or NULL */
    struct block *block; /* the same */
    size_t inner;        /* open statements but `if`: inside of them is no `extends` */
    struct token opener; /* word of the innermost open statement */
};

void parse_advance(struct parser *p);
bool parse_failed(const struct parser *p);
/* Reports at a span, once: after the first error in a template everything fails. NULL. */
void *parse_fail(struct parser *p, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
bool parse_is(const struct parser *p, enum token_kind kind);
bool parse_is_name(const struct parser *p, const char *word);
/* Takes the token when it is of the kind (or is the word). */
bool parse_take(struct parser *p, enum token_kind kind);
bool parse_take_name(struct parser *p, const char *word);
/* The same, reported when it is not there. */
bool parse_expect(struct parser *p, enum token_kind kind, struct token *ret);
struct token parse_look(struct parser *p);
bool parse_enter(struct parser *p); /* one level deeper: reported when too deep */
void parse_leave(struct parser *p);

/* parse_expr.c, parse_primary.c. NULL: reported. */
struct expr *parse_expression(struct parser *p, bool with_cond);
/* `end_word` also ends the tuple (NULL: none). */
struct expr *parse_tuple(struct parser *p, bool with_cond, const char *end_word, bool explicit);
struct expr *parse_primary(struct parser *p);
struct expr *parse_postfix(struct parser *p, struct expr *e);
struct expr *parse_filters(struct parser *p, struct expr *e);
/* `name`, `name(args)`, chained by pipes, on a NULL left: filter and set blocks. */
struct expr *parse_filter_chain(struct parser *p);
struct expr *parse_call(struct parser *p, struct expr *callee);
struct expr *expr_new(struct parser *p, enum expr_kind kind, struct span span);
bool parse_tuple_ends(const struct parser *p, const char *end_word);

/* parse_target.c */
struct target *parse_target(struct parser *p, bool with_tuple, bool with_attr,
                            const char *end_word);
/* Inside of a for loop the name `loop` is taken. */
bool parse_check_loop(struct parser *p, const struct target *target);

/* parse_block.c: statements with a word in front; false: reported. `*ret` NULL: not known. */
bool parse_statement(struct parser *p, struct stmt **ret);
/* Statements up to a tag that begins with one of the words (NULL-terminated), which is left. */
bool parse_body(struct parser *p, const char *const *end_words, struct stmt_list *ret);
bool parse_end_tag(struct parser *p, const char *word);
/* The end of a tag that opens a body: a colon may stand before it. */
bool parse_body_begin(struct parser *p);
/* parse_template.c */
bool parse_block(struct parser *p, struct stmt *s);
bool parse_extends(struct parser *p, struct stmt *s);
bool parse_include(struct parser *p, struct stmt *s);
bool parse_import(struct parser *p, struct stmt *s);
bool parse_from(struct parser *p, struct stmt *s);
struct stmt *stmt_new(struct parser *p, enum stmt_kind kind, struct span span);

/* loop.c: the number of an attribute of a loop object, for expr.attr. */
uint32_t loop_attr_number(str name);
