// SPDX-License-Identifier: Apache-2.0
/*
 * dockerfile/: Dockerfile text to stages and instructions with spans.
 *
 * Takes a text in a `struct sources`; gives a `struct dockerfile` in an arena, or diagnostics:
 * E401 for what does not parse, E403 for stages that cannot be built, E405 for a value that is
 * wrong only after its variables were replaced. Nothing here touches files or the network.
 *
 * Follows the Dockerfile reference (syntax 1, with the flags of its newest stable release), Go's
 * filepath.Match for patterns, and the .dockerignore documentation.
 *
 * Words are kept raw, with quotes, escapes and variables as written: dockerfile_expand() gives
 * the value once the variables are known. Which words are expanded is said at each field.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "diag/diag.h"

/* Limits; more is an E401. */
enum {
    DOCKERFILE_BYTES_MAX = 16 * 1024 * 1024,
    DOCKERFILE_STAGES_MAX = 1000,
    DOCKERFILE_INSTRUCTIONS_MAX = 20000,   /* in the whole file */
    DOCKERFILE_LINE_MAX = 1024 * 1024,     /* bytes of one instruction, its lines joined */
    DOCKERFILE_WORDS_MAX = 20000,          /* words, pairs, flags or heredocs of one instruction */
    DOCKERFILE_NESTING_MAX = 50,           /* ${a:-${b:-...}} */
    DOCKERFILE_EXPANDED_MAX = 1024 * 1024, /* bytes of one expanded word */
    DOCKERFILE_IGNORE_MAX = 20000,         /* patterns of a .dockerignore */
};

/* In the order of the reference; table.c has one row for each. */
enum dockerfile_kind {
    DOCKERFILE_ADD,
    DOCKERFILE_ARG,
    DOCKERFILE_CMD,
    DOCKERFILE_COPY,
    DOCKERFILE_ENTRYPOINT,
    DOCKERFILE_ENV,
    DOCKERFILE_EXPOSE,
    DOCKERFILE_FROM,
    DOCKERFILE_HEALTHCHECK,
    DOCKERFILE_LABEL,
    DOCKERFILE_MAINTAINER,
    DOCKERFILE_ONBUILD,
    DOCKERFILE_RUN,
    DOCKERFILE_SHELL,
    DOCKERFILE_STOPSIGNAL,
    DOCKERFILE_USER,
    DOCKERFILE_VOLUME,
    DOCKERFILE_WORKDIR,
};
const char *dockerfile_kind_name(enum dockerfile_kind kind); /* "RUN" */

/* A piece of text with its place. Absent: text.ptr is NULL. The span covers the text as written,
 * so it may hold line continuations that the text does not. */
struct dockerfile_word {
    str text;
    struct span span;
};
static inline bool dockerfile_word_is_set(struct dockerfile_word w) {
    return w.text.ptr != NULL;
}

/* `--name=value` or `--name`, in the order written; quotes and escapes are already removed. */
struct dockerfile_flag {
    str name;                     /* without the dashes, as written */
    struct dockerfile_word value; /* absent for `--name` alone */
    struct span span;             /* of the whole flag */
};

struct dockerfile_heredoc {
    str name;              /* the terminator, unquoted */
    uint32_t fd;           /* the number before `<<`, else 0 */
    bool chomp;            /* `<<-`: leading tabs are not part of the content */
    bool expand;           /* the name is not quoted: COPY and ADD replace variables */
    str body;              /* lines as written, with their line ends, without the terminator */
    struct span word_span; /* `<<-"EOF"` */
    struct span body_span; /* all lines of the body; empty at the terminator when there are none */
};
/* The body without leading tabs when `chomp`, otherwise as it is. */
str dockerfile_heredoc_content(struct arena *a, const struct dockerfile_heredoc *h);

/* key=value of ENV, LABEL, ARG. Both are raw and are expanded (dockerfile_expand). */
struct dockerfile_pair {
    struct dockerfile_word name;
    struct dockerfile_word value; /* absent: `ARG name` */
    bool legacy;                  /* `ENV name value` */
};

/* The command of RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK. Never expanded. */
struct dockerfile_command {
    bool exec;       /* a JSON array: `argv`; otherwise `shell_text` goes to the SHELL */
    const str *argv; /* of the exec form; may be empty for CMD [] and ENTRYPOINT [] */
    size_t argc;
    str shell_text; /* of the shell form, lines joined, without flags */
    struct span span;
};

/* A source of COPY or ADD: a path, a URL, a git reference, or a heredoc. */
struct dockerfile_source {
    struct dockerfile_word word;              /* expanded: paths */
    const struct dockerfile_heredoc *heredoc; /* NULL when it is not one; word.text is its word */
};

struct dockerfile_copy { /* COPY and ADD */
    const struct dockerfile_source *sources;
    size_t source_count;
    struct dockerfile_word destination; /* expanded */
    bool json;
    struct dockerfile_word from;     /* COPY --from: stage name or number, image, named context */
    struct dockerfile_word chown;    /* expanded */
    struct dockerfile_word chmod;    /* expanded; octal, or symbolic such as u=rwX,go=rX */
    struct dockerfile_word checksum; /* ADD; expanded: sha256:... */
    const struct dockerfile_word *excludes; /* expanded; patterns as in .dockerignore */
    size_t exclude_count;
    bool link;
    bool parents;      /* COPY */
    bool keep_git_dir; /* ADD */
    bool unpack_set;   /* ADD --unpack was given ... */
    bool unpack;       /* ... with this value */
};

struct dockerfile_run {
    struct dockerfile_command command;
    /*
     * What the shell is given, or NULL ptr for the exec form: the text, with all heredocs after it
     * as a shell wants them. A lone `RUN <<EOF` gives the heredoc's content itself; when that
     * starts with `#!`, `is_script` is set: write it to a file, and execute that.
     */
    str script;
    bool is_script;
    const struct dockerfile_word *mounts; /* raw values of --mount: dockerfile_mount_parse() */
    size_t mount_count;
    struct dockerfile_word network;        /* default, none or host; absent: default */
    struct dockerfile_word security;       /* sandbox or insecure; absent: sandbox */
    const struct dockerfile_word *devices; /* raw values of --device */
    size_t device_count;
};

struct dockerfile_healthcheck {
    bool none; /* HEALTHCHECK NONE */
    struct dockerfile_command command;
    /* Nanoseconds, as the image config has them; 0: the default. */
    int64_t interval_ns;
    int64_t timeout_ns;
    int64_t start_period_ns;
    int64_t start_interval_ns;
    int64_t retries; /* 0: the default */
};

struct dockerfile_from {
    struct dockerfile_word base;     /* expanded with the global ARGs: stage, image, scratch */
    struct dockerfile_word platform; /* expanded with the global ARGs; may be absent */
    struct dockerfile_word name;     /* AS name, in lower case; may be absent */
};

struct dockerfile_words {
    const struct dockerfile_word *items;
    size_t len;
};

struct dockerfile_instruction;

struct dockerfile_onbuild {
    const struct dockerfile_instruction *inner;
    str trigger; /* for the image config: the inner instruction on one line, heredocs after it */
};

struct dockerfile_instruction {
    enum dockerfile_kind kind;
    struct span span;    /* from the keyword to the end of the last line, heredocs included */
    struct span keyword; /* of the word RUN itself */
    /* One line for people and for cache keys: keyword in capitals, flags and arguments as written
     * with continued lines joined. Bodies of heredocs are not in it. */
    str text;
    const struct dockerfile_flag *flags; /* all of them, as written */
    size_t flag_count;
    const struct dockerfile_heredoc *heredocs;
    size_t heredoc_count;
    struct span empty_continuation; /* the first empty line inside (a lint rule), or SPAN_NONE */
    union {
        struct {
            const struct dockerfile_pair *items;
            size_t len;
        } pairs;                              /* ARG, ENV, LABEL */
        struct dockerfile_command command;    /* CMD, ENTRYPOINT, SHELL */
        struct dockerfile_copy copy;          /* ADD, COPY */
        struct dockerfile_from from;          /* FROM */
        struct dockerfile_healthcheck health; /* HEALTHCHECK */
        struct dockerfile_onbuild onbuild;    /* ONBUILD */
        struct dockerfile_run run;            /* RUN */
        struct dockerfile_word word;          /* MAINTAINER (raw); STOPSIGNAL, USER, WORKDIR:
                                                 expanded */
        struct dockerfile_words words;        /* EXPOSE: expanded to a word list;
                                                 VOLUME: each expanded */
    };
};

struct dockerfile_stage {
    size_t index;
    const struct dockerfile_instruction *from; /* kind FROM: base, platform, name are in it */
    const struct dockerfile_instruction *const *instructions; /* after the FROM, in order */
    size_t instruction_count;
};

struct dockerfile {
    uint32_t source; /* of `sources` */
    char escape;     /* '\\' or '`' */
    /* Parser directives; absent when not given. `check` is raw: "skip=...;error=true". */
    struct dockerfile_word syntax;
    struct dockerfile_word escape_directive;
    struct dockerfile_word check;
    /* ARGs before the first FROM, in order. */
    const struct dockerfile_instruction *const *global_args;
    size_t global_arg_count;
    const struct dockerfile_stage *stages; /* at least one */
    size_t stage_count;
};

/*
 * Parses the text of `source`. All errors are reported (E401) before it returns false; *ret is
 * then untouched. Everything in *ret lives in the arena or in the text.
 */
MUST_CHECK bool dockerfile_parse(struct arena *a, struct diag_sink *sink, uint32_t source,
                                 const struct dockerfile **ret);

/* One instruction that is not FROM: an ONBUILD trigger from the config of a base image. */
MUST_CHECK bool dockerfile_parse_trigger(struct arena *a, struct diag_sink *sink, uint32_t source,
                                         const struct dockerfile_instruction **ret);

/* ---- variables ---- */

/*
 * Replaces variables, quotes and escapes. `find` gives the value of a name (false: not set) and
 * sees every name that is looked up, so it is also the place to note what an instruction uses.
 */
struct dockerfile_expander {
    struct arena *arena;
    struct diag_sink *sink;
    const char *code; /* of the diagnostic; NULL: E401 */
    char escape;      /* of the file */
    bool (*find)(void *self, str name, str *ret_value);
    void *self;
};

/* To one word: ENV and LABEL values, WORKDIR, USER, paths of COPY, FROM. False: reported. */
MUST_CHECK bool dockerfile_expand(const struct dockerfile_expander *e, struct dockerfile_word word,
                                  str *ret);
/* To a list: white space that comes out of an unquoted variable separates words (EXPOSE). */
MUST_CHECK bool dockerfile_expand_words(const struct dockerfile_expander *e,
                                        struct dockerfile_word word, str **ret, size_t *ret_count);
/* The content of a heredoc for COPY and ADD: chomped; variables replaced unless its name is
 * quoted; quotes are ordinary characters in it. */
MUST_CHECK bool dockerfile_expand_heredoc(const struct dockerfile_expander *e,
                                          const struct dockerfile_heredoc *h, str *ret);

/* ---- values that are checked after expansion ---- */

enum dockerfile_mount_type {
    DOCKERFILE_MOUNT_BIND,
    DOCKERFILE_MOUNT_CACHE,
    DOCKERFILE_MOUNT_TMPFS,
    DOCKERFILE_MOUNT_SECRET,
    DOCKERFILE_MOUNT_SSH,
};

enum dockerfile_sharing {
    DOCKERFILE_SHARED,
    DOCKERFILE_PRIVATE,
    DOCKERFILE_LOCKED,
};

struct dockerfile_mount {
    enum dockerfile_mount_type type;
    str id;     /* cache, secret, ssh; empty: not given (cache: use the target) */
    str source; /* below `from`; empty: its root */
    str target; /* absolute or relative to WORKDIR; empty: WORKDIR, or the default of secret
                   and ssh */
    str from;   /* stage, image or named context; empty: the build context (cache: empty) */
    str env;    /* secret: variable that gets the content */
    enum dockerfile_sharing sharing;
    bool readonly; /* default: bind true, others false */
    bool required; /* secret, ssh */
    bool has_mode;
    uint32_t mode; /* 12 bits */
    bool has_uid;
    uint32_t uid;
    bool has_gid;
    uint32_t gid;
    uint64_t size_bytes; /* tmpfs; 0: no limit of its own */
    struct span span;
};

/* Splits the value of --mount, expands its fields with `e` (NULL: variables are an error) and
 * checks them (E405). */
MUST_CHECK bool dockerfile_mount_parse(const struct dockerfile_expander *e, struct arena *a,
                                       struct diag_sink *sink, struct dockerfile_word flag,
                                       struct dockerfile_mount *ret);

/* One expanded word of EXPOSE: "80", "80/udp", "8000-8010/tcp". */
struct dockerfile_port {
    uint32_t first; /* 0..65535 */
    uint32_t last;
    str protocol; /* tcp, udp or sctp, in lower case */
};
MUST_CHECK bool dockerfile_port_parse(struct arena *a, struct diag_sink *sink,
                                      struct dockerfile_word word, struct dockerfile_port *ret);

/* ---- stages ---- */

#define DOCKERFILE_NO_STAGE SIZE_MAX

/* The stage by name (ASCII case is free) or by its number in decimal. */
size_t dockerfile_find_stage(const struct dockerfile *f, str name_or_number);
/* The stage that `ref` means inside stage `inside`: only earlier ones count, the latest of them
 * first. `numbers`: "0" is a stage too (COPY --from and --mount=from; not FROM). */
size_t dockerfile_resolve_stage(const struct dockerfile *f, size_t inside, str ref, bool numbers);

/*
 * Stages that cannot be built, E403: the same name twice, a reference to the stage itself or to a
 * later one, loops, a number that is no stage. Any other unknown name may be an image and is left
 * to the build. `e` expands FROM with the global ARGs; NULL: names with variables are not checked.
 */
MUST_CHECK bool dockerfile_check_stages(const struct dockerfile *f,
                                        const struct dockerfile_expander *e,
                                        struct diag_sink *sink);

/* ---- checks of what parses ---- */

struct dockerfile_lint {
    const struct dockerfile_ignore *ignore; /* of the build context; may be NULL */
    str check; /* in place of the file's check directive; ptr NULL: that one */
    /* Does the image set the variable? False: the image is not known. May be NULL. */
    bool (*image_has)(void *self, str image, str name, bool *ret_has);
    void *self;
};
/* Docker's build checks, W401 to W421, but for those that the check directive leaves out. */
void dockerfile_lint(struct arena *a, struct diag_sink *sink, const struct dockerfile *f,
                     const struct dockerfile_lint *options);
/* Does the check directive say that a finding ends a build? */
bool dockerfile_lint_is_error(const struct dockerfile *f, const struct dockerfile_lint *options);

/* ---- patterns ---- */

/* Go's filepath.Match: * and ? stop at '/', [a-z] and [^a-z] classes, \ escapes. A malformed
 * pattern matches nothing; see dockerfile_glob_check. */
bool dockerfile_glob_match(str pattern, str path);
/* The same, and "**" stands for any number of folders. */
bool dockerfile_glob_match_deep(str pattern, str path);
bool dockerfile_glob_check(str pattern); /* well-formed */
bool dockerfile_glob_has_wildcard(str pattern);

/* A list of patterns, the last match decides: a .dockerignore, or the values of --exclude. */
struct dockerfile_ignore;

/* Parses the text of a .dockerignore; bad patterns are reported (E405) and false is returned. */
MUST_CHECK bool dockerfile_ignore_parse(struct arena *a, struct diag_sink *sink, uint32_t source,
                                        const struct dockerfile_ignore **ret);
/* The same from a list of patterns (already expanded). */
MUST_CHECK bool dockerfile_ignore_from_words(struct arena *a, struct diag_sink *sink,
                                             const struct dockerfile_word *patterns, size_t count,
                                             const struct dockerfile_ignore **ret);
/* Is `path` (relative, clean, '/' between names) left out? Parents count: what is below an
 * ignored folder is ignored, unless an exception names it. `ignore` may be NULL. */
bool dockerfile_ignore_match(const struct dockerfile_ignore *ignore, str path);
/* May an ignored folder hold something that is not ignored? False: do not descend. */
bool dockerfile_ignore_may_reinclude(const struct dockerfile_ignore *ignore, str dir);
