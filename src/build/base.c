// SPDX-License-Identifier: Apache-2.0
/* Where a base image comes from: the store, else its registry, else a distribution's own packages.
 */
#include <string.h>

#include "build/standins.h"
#include "oci/registry.h"

enum { SHORT_CONNECT_MS = 2000 }; /* where there is another way */

/* What is looked for. */
struct base_search {
    struct builder *builder;
    struct span span;
    struct oci_reference ref;
    str name; /* for people */
    const struct oci_platform *platform;
};

/* Servers that did not answer: they are not asked again in this run. */
struct unreachable {
    str domain;
    struct err why;
};

struct bootstrap_output {
    struct builder *builder;
    struct buf *tail;
};

static void pass_on(void *self, str piece) {
    struct bootstrap_output *out = self;
    const struct build_request *request = out->builder->request;
    static const struct build_step none = { 0 };
    output_tail_add(out->tail, piece);
    request->events->output(request->self, &none, piece);
}

/* `why`: the registry was not of use. */
static bool run_bootstrap(struct base_search *f, const struct bootstrap *what,
                          const struct err *why, struct build_image *ret, struct err *err) {
    struct builder *b = f->builder;
    AUTO_BUF tail = BUF_INIT(2 * OUTPUT_TAIL_BYTES);
    struct bootstrap_output out = { b, &tail };
    str notice = str_fmt(b->arena,
                         "'%.*s' is not in the store, and its registry cannot be reached (%s): "
                         "bootstrapping %s %s from its packages with mmdebstrap",
                         STR_FMT(f->name), why->frames[0], what->distribution, what->suite);
    b->request->events->notice(b->request->self, notice);
    struct standin_set tools;
    bool has_tools = !foreign_is_native(f->platform->architecture) &&
                     standins_find(b, &f->ref, f->platform, true, S(""), &tools);
    if (bootstrap_run(b->request->store, b->arena, what, f->platform, &f->ref,
                      has_tools ? &tools : NULL, b->request->cancelled, pass_on, &out, ret, err)) {
        return true;
    }
    b->result->failed_output = str_dup(b->arena, buf_str(&tail));
    return false;
}

/* One process makes a base; the others wait and find it in the store. */
static bool lock_base(struct builder *b, const struct oci_reference *ref,
                      const struct oci_platform *platform, int *ret_lockfd, struct err *err) {
    struct store_key_hash k;
    store_key_begin(&k, "base image");
    store_key_add(&k, oci_reference_full(b->arena, ref));
    store_key_add(&k, oci_platform_text(b->arena, platform));
    struct store_key key = store_key_end(&k);
    return store_key_lock(b->request->store, &key, true, ret_lockfd, err);
}

/* ---- the registry ---- */

static void pull_notice(void *self, str text) {
    const struct builder *b = self;
    b->request->events->notice(b->request->self, text);
}

/* The error of a server that did not answer before, or NULL. */
static const struct err *known_unreachable(const struct builder *b, str domain) {
    const struct unreachable *u = map_find(&b->unreachable, domain);
    return u == NULL ? NULL : &u->why;
}

static bool pull(struct base_search *f, bool has_other_way, struct build_image *ret,
                 struct err *err) {
    struct builder *b = f->builder;
    struct build_pull request = {
        .store = b->request->store,
        .ref = &f->ref,
        .platform = f->platform,
        .connect_ms = has_other_way ? SHORT_CONNECT_MS : 0,
        .notice = pull_notice,
        .self = b,
        .cancelled = b->request->cancelled,
    };
    const struct err *known = known_unreachable(b, f->ref.domain);
    if (known != NULL) {
        *err = *known;
        return false;
    }
    if (build_image_pull(b->arena, &request, ret, err)) {
        return true;
    }
    if (err->code == OCI_UNREACHABLE) {
        struct unreachable *u = ARENA_NEW(b->arena, struct unreachable);
        *u = (struct unreachable){ f->ref.domain, *err };
        map_put(&b->unreachable, u->domain, u);
    }
    return false;
}

/* ---- all together ---- */

/* Why an image that the store does not have cannot be had. */
enum nowhere {
    NOWHERE_OFFLINE,
    NOWHERE_UNREACHABLE,
    NOWHERE_UNKNOWN, /* its registry has no such image */
};

static bool may_be_stage(str name) {
    return str_find_char(name, '/', 0) == STR_NONE && str_find_char(name, '@', 0) == STR_NONE;
}

static void help_nowhere(struct base_search *f, struct diag *d, enum nowhere which) {
    struct diag_sink *sink = f->builder->sink;
    /* Only an image of a registry has a digest, and only a layout keeps it. */
    bool pinned = f->ref.digest.len > 0;
    static const char *const first[] = {
        [NOWHERE_OFFLINE] = "build without --offline, or ",
        [NOWHERE_UNREACHABLE] = "check the name and the network (HTTPS_PROXY), or ",
        [NOWHERE_UNKNOWN] = "check the name and the tag, or ",
    };
    diag_help(sink, d, "%s'capsem-builder image import %s %.*s' adds it%s", first[which],
              pinned ? "LAYOUT" : "FILE.tar", STR_FMT(f->name),
              pinned ? ", from an OCI layout of this digest" : "");
}

static bool nowhere(struct base_search *f, enum nowhere which, const struct err *why) {
    static const char *const causes[] = {
        [NOWHERE_OFFLINE] = "and --offline asks no registry",
        [NOWHERE_UNREACHABLE] = "and its registry cannot be reached: ",
        [NOWHERE_UNKNOWN] = "and its registry does not have it: ",
    };
    struct builder *b = f->builder;
    struct bootstrap what;
    struct diag *d =
        diag_report(b->sink, "E403", f->span, "the image '%.*s' (%.*s) is not in the store, %s%s",
                    STR_FMT(f->name), STR_FMT(oci_platform_text(b->arena, f->platform)),
                    causes[which], why == NULL ? "" : why->frames[0]);
    if (may_be_stage(f->name)) {
        diag_note(b->sink, d, SPAN_NONE, "this file has no stage with that name");
    }
    if (!bootstrap_recognise(&f->ref, &what)) {
        diag_note(
            b->sink, d, SPAN_NONE,
            "it is also not a Debian or Ubuntu release that can be bootstrapped from packages");
    }
    help_nowhere(f, d, which);
    return false;
}

/* Not in the store. The caller has the lock. */
static bool find_elsewhere(struct base_search *f, struct build_image *ret) {
    struct builder *b = f->builder;
    struct bootstrap what;
    struct err why = ERR_INIT;
    struct err err = ERR_INIT;
    bool is_release = bootstrap_recognise(&f->ref, &what);
    if (pull(f, is_release, ret, &why)) {
        return true;
    }
    if (why.code == OCI_UNREACHABLE && is_release) {
        if (run_bootstrap(f, &what, &why, ret, &err)) {
            return true;
        }
        err_wrap(&err, "'%.*s' is not in the store, and bootstrapping it failed", STR_FMT(f->name));
        return fail_at(b, f->span, "E403", &err);
    }
    switch (why.code) {
    case OCI_UNREACHABLE:
        return nowhere(f, NOWHERE_UNREACHABLE, &why);
    case OCI_NOT_FOUND:
        return nowhere(f, NOWHERE_UNKNOWN, &why);
    default:
        err_help(&why, "try again later, or 'capsem-builder image import FILE.tar %.*s' adds it",
                 STR_FMT(f->name));
        return fail_at(b, f->span, "E403", &why);
    }
}

/* A pinned image that the store has under another name of the same repository. */
static bool find_pinned(struct base_search *f, struct build_image *ret) {
    struct builder *b = f->builder;
    struct build_image *images;
    size_t count;
    if (f->ref.digest.len == 0 ||
        !build_image_list(b->request->store, b->arena, &images, &count, NULL)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct oci_reference *ref = &images[i].ref;
        if (str_eq(images[i].digest, f->ref.digest) && str_eq(ref->domain, f->ref.domain) &&
            str_eq(ref->repository, f->ref.repository) &&
            oci_platform_eq(&images[i].config.platform, f->platform) &&
            build_image_find(b->request->store, b->arena, ref, f->platform, ret, NULL) ==
                BUILD_FOUND) {
            return true;
        }
    }
    return false;
}

static bool find_in_store(struct base_search *f, struct build_image *ret, bool *ret_found) {
    struct builder *b = f->builder;
    struct err err = ERR_INIT;
    enum build_lookup lookup =
        build_image_find(b->request->store, b->arena, &f->ref, f->platform, ret, &err);
    *ret_found = lookup == BUILD_FOUND || (lookup == BUILD_NOT_FOUND && find_pinned(f, ret));
    return lookup != BUILD_FAILED || fail_at(b, f->span, "E403", &err);
}

static bool find_locked(struct base_search *f, struct build_image *ret) {
    struct builder *b = f->builder;
    struct err err = ERR_INIT;
    AUTO_FD lockfd = -1;
    bool found = false;
    if (!lock_base(b, &f->ref, f->platform, &lockfd, &err)) {
        return fail_at(b, f->span, "E403", &err);
    }
    /* Somebody may have made it since we looked. */
    if (!b->request->pull && !find_in_store(f, ret, &found)) {
        return false;
    }
    return found || find_elsewhere(f, ret);
}

bool base_find(struct builder *b, struct dockerfile_word word, const struct oci_platform *platform,
               struct build_image *ret) {
    struct base_search f = { .builder = b, .span = word.span, .platform = platform };
    struct err err = ERR_INIT;
    if (!oci_reference_parse(b->arena, word.text, &f.ref, &err)) {
        return fail_at(b, word.span, "E403", &err);
    }
    f.name = oci_reference_familiar(b->arena, &f.ref);
    str asked = str_fmt(b->arena, "%.*s %.*s", STR_FMT(oci_reference_full(b->arena, &f.ref)),
                        STR_FMT(oci_platform_text(b->arena, platform)));
    struct build_image *known = map_find(&b->bases, asked);
    bool found = false;
    if (known != NULL) {
        *ret = *known;
        return true;
    }
    if (!b->request->pull && !find_in_store(&f, ret, &found)) {
        return false;
    }
    if (!found && b->request->offline) {
        return nowhere(&f, NOWHERE_OFFLINE, NULL);
    }
    if (!found && !find_locked(&f, ret)) {
        return false;
    }
    known = ARENA_NEW(b->arena, struct build_image);
    *known = *ret;
    map_put(&b->bases, asked, known);
    return true;
}

static void say_what_for(struct builder *b, const struct base_search *f) {
    str notice = str_fmt(b->arena,
                         "native tools make steps for another architecture about ten times faster: "
                         "fetching '%.*s' for %.*s",
                         STR_FMT(f->name), STR_FMT(oci_platform_text(b->arena, f->platform)));
    b->request->events->notice(b->request->self, notice);
}

bool base_find_native(struct builder *b, const struct oci_reference *ref, bool fetch,
                      struct build_image *ret) {
    struct oci_platform host = oci_platform_host();
    struct diag_sink *sink = b->sink;
    struct diag_sink ignored;
    diag_sink_init(&ignored, b->arena, sink->sources);
    struct base_search f = {
        .builder = b,
        .span = SPAN_NONE,
        .ref = *ref,
        .name = oci_reference_familiar(b->arena, ref),
        .platform = &host,
    };
    bool found = false;
    b->sink = &ignored;
    bool ok = find_in_store(&f, ret, &found);
    if (ok && !found && fetch && !b->request->offline && !b->has_no_native) {
        say_what_for(b, &f);
        found = find_locked(&f, ret);
        b->has_no_native = !found;
    }
    b->sink = sink;
    return ok && found && str_eq(ret->config.platform.architecture, host.architecture);
}
