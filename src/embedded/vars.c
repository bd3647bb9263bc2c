// SPDX-License-Identifier: Apache-2.0
/* ARG and ENV: what a name means where. Dockerfile reference, "ARG" and "Environment replacement".
 */
#include "embedded/internal.h"

/* --build-arg of these needs no declaration; then they are for RUN only, and never change a key. */
static const str predefined[] = {
    S_INIT("HTTP_PROXY"), S_INIT("http_proxy"), S_INIT("HTTPS_PROXY"), S_INIT("https_proxy"),
    S_INIT("FTP_PROXY"),  S_INIT("ftp_proxy"),  S_INIT("NO_PROXY"),    S_INIT("no_proxy"),
    S_INIT("ALL_PROXY"),  S_INIT("all_proxy"),
};

static bool is_predefined(str name) {
    for (size_t i = 0; i < ARRAY_LEN(predefined); i++) {
        if (str_eq(predefined[i], name)) {
            return true;
        }
    }
    return false;
}

struct platform_arg {
    const char *name;
    bool target; /* of the target's platform, else of the machine that builds */
    int part;    /* 0: all, 1: os, 2: architecture, 3: variant */
};

static const struct platform_arg platform_args[] = {
    { "TARGETPLATFORM", true, 0 }, { "TARGETOS", true, 1 },       { "TARGETARCH", true, 2 },
    { "TARGETVARIANT", true, 3 },  { "BUILDPLATFORM", false, 0 }, { "BUILDOS", false, 1 },
    { "BUILDARCH", false, 2 },     { "BUILDVARIANT", false, 3 },
};

static bool platform_value(struct builder *b, str name, str *ret) {
    for (size_t i = 0; i < ARRAY_LEN(platform_args); i++) {
        const struct platform_arg *row = &platform_args[i];
        if (!str_eq(str_from_c(row->name), name)) {
            continue;
        }
        const struct oci_platform *p = row->target ? &b->request->platform : &b->build_platform;
        *ret = row->part == 0   ? oci_platform_text(b->arena, p)
               : row->part == 1 ? p->os
               : row->part == 2 ? p->architecture
                                : p->variant;
        return true;
    }
    if (str_eq(name, S("TARGETSTAGE"))) {
        *ret = b->request->target == NULL ? S("default") : str_from_c(b->request->target);
        return true;
    }
    return false;
}

/* What the user or the engine says about an ARG, before the Dockerfile's default. */
static bool given_value(struct builder *b, str name, str *ret) {
    const str *value = oci_pairs_find(&b->request->build_args, name);
    if (str_eq(name, EPOCH_ARG) && b->epoch_is_set) {
        *ret = str_fmt(b->arena, "%lld", (long long)b->epoch_s);
        return true;
    }
    if (value == NULL || (str_eq(name, EPOCH_ARG) && b->epoch_is_looked_at)) {
        return false;
    }
    *ret = *value;
    return true;
}

static bool find_global(void *self, str name, str *ret) {
    struct builder *b = self;
    const str *value = oci_pairs_find(&b->global_args, name);
    if (str_eq(name, EPOCH_ARG) && b->epoch_is_looked_at) {
        return given_value(b, name, ret);
    }
    if (value != NULL) {
        *ret = *value;
        return true;
    }
    return platform_value(b, name, ret);
}

struct dockerfile_expander vars_global_expander(struct builder *b) {
    return (struct dockerfile_expander){
        .arena = b->arena,
        .sink = b->sink,
        .escape = b->file->escape,
        .find = find_global,
        .self = b,
    };
}

/* A global ARG with a default may use those before it. An ARG whose value cannot be expanded has
 * been reported; it stays unset. */
void vars_global(struct builder *b) {
    struct dockerfile_expander e = vars_global_expander(b);
    for (size_t i = 0; i < b->file->global_arg_count; i++) {
        const struct dockerfile_instruction *arg = b->file->global_args[i];
        for (size_t j = 0; j < arg->pairs.len; j++) {
            const struct dockerfile_pair *pair = &arg->pairs.items[j];
            str value;
            if (given_value(b, pair->name.text, &value) ||
                (dockerfile_word_is_set(pair->value) &&
                 dockerfile_expand(&e, pair->value, &value))) {
                oci_pairs_set(b->arena, &b->global_args, pair->name.text, value);
            }
        }
    }
}

bool vars_find(const struct stage *s, str name, str *ret) {
    const str *value = oci_pairs_find(&s->config.env, name);
    if (value == NULL) {
        value = oci_pairs_find(&s->args, name);
    }
    if (value == NULL) {
        return false;
    }
    *ret = *value;
    return true;
}

static bool find_in_stage(void *self, str name, str *ret) {
    return vars_find(self, name, ret);
}

struct dockerfile_expander vars_expander(struct builder *b, struct stage *s) {
    return (struct dockerfile_expander){
        .arena = b->arena,
        .sink = b->sink,
        .escape = b->file->escape,
        .find = find_in_stage,
        .self = s,
    };
}

bool vars_declare_arg(struct builder *b, struct stage *s, const struct dockerfile_pair *pair) {
    struct dockerfile_expander e = vars_expander(b, s);
    str name = pair->name.text;
    str value;
    if (given_value(b, name, &value)) {
        oci_pairs_set(b->arena, &s->args, name, value);
        return true;
    }
    if (dockerfile_word_is_set(pair->value)) {
        if (!dockerfile_expand(&e, pair->value, &value)) {
            return false;
        }
        oci_pairs_set(b->arena, &s->args, name, value);
        return true;
    }
    /* Without a default, a declaration brings a global ARG or a platform ARG into the stage. */
    if (find_global(b, name, &value)) {
        oci_pairs_set(b->arena, &s->args, name, value);
    }
    return true;
}

void vars_step_env(struct builder *b, const struct stage *s, struct oci_pairs *ret) {
    for (size_t i = 0; i < s->args.len; i++) {
        oci_pairs_set(b->arena, ret, s->args.items[i].key, s->args.items[i].value);
    }
    for (size_t i = 0; i < s->config.env.len; i++) {
        oci_pairs_set(b->arena, ret, s->config.env.items[i].key, s->config.env.items[i].value);
    }
}

const struct oci_pairs *vars_given_proxies(struct builder *b) {
    const struct oci_pairs *given = &b->request->build_args;
    struct oci_pairs *proxies = ARENA_NEW(b->arena, struct oci_pairs);
    for (size_t i = 0; i < given->len; i++) {
        if (is_predefined(given->items[i].key)) {
            oci_pairs_set(b->arena, proxies, given->items[i].key, given->items[i].value);
        }
    }
    return proxies;
}
