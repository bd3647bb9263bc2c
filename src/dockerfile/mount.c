// SPDX-License-Identifier: Apache-2.0
/* Dockerfile reference, "RUN --mount": a list of comma separated fields. */
#include <string.h>

#include "dockerfile/internal.h"

enum {
    ON_BIND = 1 << DOCKERFILE_MOUNT_BIND,
    ON_CACHE = 1 << DOCKERFILE_MOUNT_CACHE,
    ON_TMPFS = 1 << DOCKERFILE_MOUNT_TMPFS,
    ON_SECRET = 1 << DOCKERFILE_MOUNT_SECRET,
    ON_SSH = 1 << DOCKERFILE_MOUNT_SSH,
    ON_ALL = ON_BIND | ON_CACHE | ON_TMPFS | ON_SECRET | ON_SSH,
    ON_OWNED = ON_CACHE | ON_SECRET | ON_SSH,
};

static const char *const type_names[] = { "bind", "cache", "tmpfs", "secret", "ssh" };
static const char *const sharing_names[] = { "shared", "private", "locked" };

struct mount_parser {
    const struct dockerfile_expander *expander;
    const char *code;
    struct diag_sink *sink;
    struct dockerfile_word flag;
    struct dockerfile_mount mount;
};

struct field {
    str key;
    str value; /* ptr NULL: none */
    size_t start;
    size_t end;
};

/* The field's own place where the flag is written in one piece. */
static struct span field_span(const struct mount_parser *p, const struct field *f) {
    struct span whole = p->flag.span;
    if (!span_is_set(whole) || whole.end - whole.start != p->flag.text.len) {
        return whole;
    }
    return (struct span){ whole.source, whole.start + (uint32_t)f->start,
                          whole.start + (uint32_t)f->end };
}

static bool bad_field(struct mount_parser *p, const struct field *f, const char *wants) {
    diag_report(p->sink, p->code, field_span(p, f), "%.*s must be %s, not '%.*s'", TEXT_FMT(f->key),
                wants, TEXT_FMT(f->value));
    return false;
}

/* ---- one function a kind of value ---- */

static int find_name(str value, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(value, str_from_c(names[i]))) {
            return (int)i;
        }
    }
    return -1;
}

static bool set_type(struct mount_parser *p, const struct field *f) {
    return true; /* read before the others: see find_type */
}

static bool set_sharing(struct mount_parser *p, const struct field *f) {
    int found = find_name(f->value, sharing_names, ARRAY_LEN(sharing_names));
    if (found < 0) {
        return bad_field(p, f, "shared, private or locked");
    }
    p->mount.sharing = (enum dockerfile_sharing)found;
    return true;
}

static bool set_id(struct mount_parser *p, const struct field *f) {
    p->mount.id = f->value;
    return true;
}

static bool set_source(struct mount_parser *p, const struct field *f) {
    if (p->mount.type == DOCKERFILE_MOUNT_SECRET || p->mount.type == DOCKERFILE_MOUNT_SSH) {
        p->mount.id = f->value; /* an older name for it */
    } else {
        p->mount.source = f->value;
    }
    return true;
}

static bool set_target(struct mount_parser *p, const struct field *f) {
    p->mount.target = f->value;
    return true;
}

static bool set_from(struct mount_parser *p, const struct field *f) {
    p->mount.from = f->value;
    return true;
}

static bool set_env(struct mount_parser *p, const struct field *f) {
    if (f->value.len == 0 || str_find_char(f->value, '=', 0) != STR_NONE) {
        return bad_field(p, f, "the name of a variable");
    }
    p->mount.env = f->value;
    return true;
}

static bool parse_bool(struct mount_parser *p, const struct field *f, bool *ret) {
    static const char *const names[] = { "true", "1", "t", "false", "0", "f" };
    int found = f->value.ptr == NULL ? 0 : find_name(f->value, names, ARRAY_LEN(names));
    if (found < 0) {
        return bad_field(p, f, "true or false");
    }
    *ret = found < 3;
    return true;
}

static bool set_readonly(struct mount_parser *p, const struct field *f) {
    return parse_bool(p, f, &p->mount.readonly);
}

static bool set_writable(struct mount_parser *p, const struct field *f) {
    bool writable;
    if (!parse_bool(p, f, &writable)) {
        return false;
    }
    p->mount.readonly = !writable;
    return true;
}

static bool set_required(struct mount_parser *p, const struct field *f) {
    return parse_bool(p, f, &p->mount.required);
}

static bool set_mode(struct mount_parser *p, const struct field *f) {
    uint32_t mode = 0;
    bool ok = f->value.len > 0 && f->value.len <= 8;
    for (size_t i = 0; ok && i < f->value.len; i++) {
        char c = f->value.ptr[i];
        ok = c >= '0' && c <= '7';
        mode = mode << 3 | (uint32_t)(c - '0');
    }
    if (!ok || mode > 07777) {
        return bad_field(p, f, "an octal mode such as 0755");
    }
    p->mount.mode = mode;
    p->mount.has_mode = true;
    return true;
}

static bool parse_owner(struct mount_parser *p, const struct field *f, uint32_t *ret) {
    uint64_t number;
    if (!str_to_u64(f->value, &number) || number >= UINT32_MAX) {
        return bad_field(p, f, "a number");
    }
    *ret = (uint32_t)number;
    return true;
}

static bool set_uid(struct mount_parser *p, const struct field *f) {
    p->mount.has_uid = true;
    return parse_owner(p, f, &p->mount.uid);
}

static bool set_gid(struct mount_parser *p, const struct field *f) {
    p->mount.has_gid = true;
    return parse_owner(p, f, &p->mount.gid);
}

/* size: number [kmgtp]? "i"? "b"?, in powers of 1024 */
static bool set_size(struct mount_parser *p, const struct field *f) {
    static const char letters[] = "kmgtp";
    size_t digits = 0;
    while (digits < f->value.len && char_is_digit(f->value.ptr[digits])) {
        digits++;
    }
    str unit = str_slice(f->value, digits, f->value.len);
    uint64_t size;
    bool ok = str_to_u64(str_slice(f->value, 0, digits), &size);
    const char *letter = unit.len > 0 ? strchr(letters, char_lower(unit.ptr[0])) : NULL;
    if (ok && letter != NULL && *letter != '\0') {
        unit = str_slice(unit, 1, unit.len);
        ok = mul_u64(size, (uint64_t)1 << (10 * (letter - letters + 1)), &size);
    }
    if (!ok || (unit.len > 0 && !str_eq_nocase(unit, S("b")) && !str_eq_nocase(unit, S("ib")))) {
        return bad_field(p, f, "a size such as 64m or 1g");
    }
    p->mount.size_bytes = size;
    return true;
}

static const struct {
    str key;
    unsigned types; /* that take it */
    bool alone;     /* means true without a value */
    bool (*set)(struct mount_parser *p, const struct field *f);
} fields[] = {
    { S_INIT("type"), ON_ALL, false, set_type },
    { S_INIT("id"), ON_ALL, false, set_id },
    { S_INIT("source"), ON_ALL & ~ON_TMPFS, false, set_source },
    { S_INIT("src"), ON_ALL & ~ON_TMPFS, false, set_source },
    { S_INIT("target"), ON_ALL, false, set_target },
    { S_INIT("dst"), ON_ALL, false, set_target },
    { S_INIT("destination"), ON_ALL, false, set_target },
    { S_INIT("from"), ON_BIND | ON_CACHE, false, set_from },
    { S_INIT("readonly"), ON_ALL & ~ON_TMPFS, true, set_readonly },
    { S_INIT("ro"), ON_ALL & ~ON_TMPFS, true, set_readonly },
    { S_INIT("readwrite"), ON_ALL, true, set_writable },
    { S_INIT("rw"), ON_ALL, true, set_writable },
    { S_INIT("sharing"), ON_CACHE, false, set_sharing },
    { S_INIT("required"), ON_SECRET | ON_SSH, true, set_required },
    { S_INIT("env"), ON_SECRET, false, set_env },
    { S_INIT("mode"), ON_OWNED, false, set_mode },
    { S_INIT("uid"), ON_OWNED, false, set_uid },
    { S_INIT("gid"), ON_OWNED, false, set_gid },
    { S_INIT("size"), ON_TMPFS, false, set_size },
};

/* ---- fields ---- */

/* Where the field's closing quote is; two quotes in it stand for one. */
static size_t closing_quote(str text, size_t at) {
    while ((at = str_find_char(text, '"', at)) != STR_NONE && at + 1 < text.len &&
           text.ptr[at + 1] == '"') {
        at += 2;
    }
    return min_size(at, text.len);
}

/* Cuts the next field off at *at: up to a comma, or in double quotes. */
static str next_field(struct arena *a, str text, size_t *at) {
    size_t start = *at;
    if (start == text.len || text.ptr[start] != '"') {
        size_t end = min_size(str_find_char(text, ',', start), text.len);
        *at = end + 1;
        return str_slice(text, start, end);
    }
    size_t close = closing_quote(text, start + 1);
    char *out = arena_alloc(a, close - start);
    size_t len = 0;
    for (size_t i = start + 1; i < close; i++) {
        out[len++] = text.ptr[i];
        i += text.ptr[i] == '"' ? 1 : 0;
    }
    *at = min_size(str_find_char(text, ',', close), text.len) + 1;
    return (str){ out, len };
}

static struct field field_split(struct arena *a, str text, size_t start, size_t end) {
    struct field f = { .start = start, .end = end };
    size_t equals = str_find_char(text, '=', 0);
    if (equals == STR_NONE) {
        f.key = str_lower(a, text);
    } else {
        f.key = str_lower(a, str_slice(text, 0, equals));
        f.value = str_slice(text, equals + 1, text.len);
    }
    return f;
}

static bool next(struct arena *a, str text, size_t *at, struct field *ret) {
    if (*at > text.len) {
        return false;
    }
    size_t start = *at;
    str field = next_field(a, text, at);
    *ret = field_split(a, field, start, *at - 1);
    return true;
}

str mount_from(struct arena *a, str flag) {
    struct field f;
    str from = { 0 };
    for (size_t at = 0; next(a, flag, &at, &f);) {
        if (str_eq(f.key, S("from"))) {
            from = f.value;
        }
    }
    return from;
}

static bool report_unknown_field(struct mount_parser *p, const struct field *f) {
    struct diag *d = diag_report(p->sink, p->code, field_span(p, f), "--mount has no field '%.*s'",
                                 TEXT_FMT(f->key));
    str names[ARRAY_LEN(fields)];
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        names[i] = fields[i].key;
    }
    str near = nearest_word(f->key, names, ARRAY_LEN(names));
    if (near.ptr != NULL) {
        diag_help(p->sink, d, "did you mean '%.*s'?", STR_FMT(near));
    }
    return false;
}

/* Replaces the variables of a value. */
static bool expand_field(struct mount_parser *p, struct field *f) {
    if (f->value.ptr == NULL) {
        return true;
    }
    bool variable = str_find_char(f->value, '$', 0) != STR_NONE;
    if (variable && (p->expander->find == NULL || str_eq(f->key, S("from")))) {
        diag_report(p->sink, p->code, field_span(p, f), "variables are not expanded in %.*s",
                    TEXT_FMT(f->key));
        return false;
    }
    return dockerfile_expand(p->expander, (struct dockerfile_word){ f->value, field_span(p, f) },
                             &f->value);
}

static bool set_field(struct mount_parser *p, struct field *f) {
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!str_eq(fields[i].key, f->key)) {
            continue;
        }
        if ((fields[i].types & 1U << p->mount.type) == 0) {
            diag_report(p->sink, p->code, field_span(p, f), "a mount of type %s has no '%.*s'",
                        type_names[p->mount.type], TEXT_FMT(f->key));
            return false;
        }
        if (f->value.ptr == NULL && !fields[i].alone) {
            diag_report(p->sink, p->code, field_span(p, f), "'%.*s' needs a value",
                        TEXT_FMT(f->key));
            return false;
        }
        return expand_field(p, f) && fields[i].set(p, f);
    }
    return report_unknown_field(p, f);
}

/* The type decides what the other fields may be, wherever it stands. */
static bool find_type(struct mount_parser *p, struct arena *a) {
    struct field f;
    for (size_t at = 0; next(a, p->flag.text, &at, &f);) {
        if (!str_eq(f.key, S("type"))) {
            continue;
        }
        if (!expand_field(p, &f)) {
            return false;
        }
        int found = find_name(f.value, type_names, ARRAY_LEN(type_names));
        if (found < 0) {
            return bad_field(p, &f, "bind, cache, tmpfs, secret or ssh");
        }
        p->mount.type = (enum dockerfile_mount_type)found;
    }
    return true;
}

static bool check_whole(struct mount_parser *p) {
    struct dockerfile_mount *m = &p->mount;
    if (str_eq(m->target, S("/"))) {
        diag_report(p->sink, p->code, p->flag.span, "the target of a mount cannot be '/'");
        return false;
    }
    if (m->type == DOCKERFILE_MOUNT_SECRET && m->id.len == 0) {
        m->id = path_base(m->target);
        if (m->id.len == 0) {
            diag_report(p->sink, p->code, p->flag.span, "a secret needs an id or a target");
            return false;
        }
    }
    if (m->type == DOCKERFILE_MOUNT_SSH && m->id.len == 0) {
        m->id = S("default");
    }
    return true;
}

bool dockerfile_mount_parse(const struct dockerfile_expander *e, struct arena *a,
                            struct diag_sink *sink, struct dockerfile_word flag,
                            struct dockerfile_mount *ret) {
    struct dockerfile_expander none = { .arena = a, .sink = sink, .escape = '\\' };
    struct mount_parser p = {
        .expander = e != NULL ? e : &none,
        .code = e != NULL ? "E405" : "E401",
        .sink = sink,
        .flag = flag,
        .mount = { .span = flag.span },
    };
    if (!find_type(&p, a)) {
        return false;
    }
    p.mount.readonly = p.mount.type == DOCKERFILE_MOUNT_BIND;
    bool ok = true;
    struct field f;
    for (size_t at = 0; ok && next(a, flag.text, &at, &f);) {
        ok = set_field(&p, &f);
    }
    if (!ok || !check_whole(&p)) {
        return false;
    }
    *ret = p.mount;
    return true;
}
