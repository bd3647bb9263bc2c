// SPDX-License-Identifier: Apache-2.0
/* Where a base image comes from: the store, else its registry, else a distribution's own packages.
 */
#include <string.h>

#include "images/internal.h"
#include "oci/registry.h"

enum {
    SHORT_CONNECT_MS = 2000, /* where there is another way */
    OUTPUT_TAIL_BYTES = 16 * 1024,
};

/* What is looked for. */
struct search {
    struct images_finder *finder;
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
    struct images_finder *finder;
    struct buf *tail;
};

static bool fail_at(struct images_finder *f, struct span span, const struct err *err) {
    struct err full;
    return diag_report_err(f->sink, "E403", span,
                           store_disk_shortage(f->store, err, &full) ? &full : err);
}

static void pass_on(void *self, str piece) {
    struct bootstrap_output *out = self;
    buf_add_tail(out->tail, piece, OUTPUT_TAIL_BYTES);
    out->finder->output(out->finder->self, piece);
}

/* `why`: the registry was not of use. */
static bool run_bootstrap(struct search *s, const struct bootstrap *what, const struct err *why,
                          struct stored_image *ret, struct err *err) {
    struct images_finder *f = s->finder;
    AUTO_BUF tail = BUF_INIT(2 * OUTPUT_TAIL_BYTES);
    struct bootstrap_output out = { f, &tail };
    struct images_tools tools;
    str notice = str_fmt(f->arena,
                         "'%.*s' is not in the store, and its registry cannot be reached (%s): "
                         "bootstrapping %s %s from its packages with mmdebstrap",
                         STR_FMT(s->name), why->frames[0], what->distribution, what->suite);
    f->notice(f->self, notice);
    bool has_tools = f->tools != NULL && f->tools(f->self, &s->ref, s->platform, &tools);
    const struct bootstrap_request request = {
        .store = f->store,
        .what = what,
        .platform = s->platform,
        .ref = &s->ref,
        .tools = has_tools ? &tools : NULL,
        .cancelled = f->cancelled,
        .output = pass_on,
        .self = &out,
    };
    if (bootstrap_run(f->arena, &request, ret, err)) {
        return true;
    }
    f->failed_output = str_dup(f->arena, buf_str(&tail));
    return false;
}

/* One process makes a base; the others wait and find it in the store. */
static bool lock_base(struct images_finder *f, const struct oci_reference *ref,
                      const struct oci_platform *platform, int *ret_lockfd, struct err *err) {
    struct store_key_hash k;
    store_key_begin(&k, "base image");
    store_key_add(&k, oci_reference_full(f->arena, ref));
    store_key_add(&k, oci_platform_text(f->arena, platform));
    struct store_key key = store_key_end(&k);
    return store_key_lock(f->store, &key, true, ret_lockfd, err);
}

/* ---- the registry ---- */

static void pull_notice(void *self, str text) {
    const struct images_finder *f = self;
    f->notice(f->self, text);
}

/* The error of a server that did not answer before, or NULL. */
static const struct err *known_unreachable(const struct images_finder *f, str domain) {
    const struct unreachable *u = map_find(&f->unreachable, domain);
    return u == NULL ? NULL : &u->why;
}

static bool pull(struct search *s, bool has_other_way, struct stored_image *ret, struct err *err) {
    struct images_finder *f = s->finder;
    struct images_pull_request request = {
        .store = f->store,
        .ref = &s->ref,
        .platform = s->platform,
        .connect_ms = has_other_way ? SHORT_CONNECT_MS : 0,
        .notice = pull_notice,
        .self = f,
        .cancelled = f->cancelled,
    };
    const struct err *known = known_unreachable(f, s->ref.domain);
    if (known != NULL) {
        *err = *known;
        return false;
    }
    if (images_pull(f->arena, &request, ret, err)) {
        return true;
    }
    if (err->code == OCI_UNREACHABLE) {
        struct unreachable *u = ARENA_NEW(f->arena, struct unreachable);
        *u = (struct unreachable){ s->ref.domain, *err };
        map_put(&f->unreachable, u->domain, u);
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

static void help_nowhere(struct search *s, struct diag *d, enum nowhere which) {
    struct diag_sink *sink = s->finder->sink;
    /* Only an image of a registry has a digest, and only a layout keeps it. */
    bool pinned = s->ref.digest.len > 0;
    static const char *const first[] = {
        [NOWHERE_OFFLINE] = "build without --offline, or ",
        [NOWHERE_UNREACHABLE] = "check the name and the network (HTTPS_PROXY), or ",
        [NOWHERE_UNKNOWN] = "check the name and the tag, or ",
    };
    diag_help(sink, d, "%s'capsem-builder image import %s %.*s' adds it%s", first[which],
              pinned ? "LAYOUT" : "FILE.tar", STR_FMT(s->name),
              pinned ? ", from an OCI layout of this digest" : "");
}

static bool nowhere(struct search *s, enum nowhere which, const struct err *why) {
    static const char *const causes[] = {
        [NOWHERE_OFFLINE] = "and --offline asks no registry",
        [NOWHERE_UNREACHABLE] = "and its registry cannot be reached: ",
        [NOWHERE_UNKNOWN] = "and its registry does not have it: ",
    };
    struct images_finder *f = s->finder;
    struct bootstrap what;
    struct diag *d =
        diag_report(f->sink, "E403", s->span, "the image '%.*s' (%.*s) is not in the store, %s%s",
                    STR_FMT(s->name), STR_FMT(oci_platform_text(f->arena, s->platform)),
                    causes[which], why == NULL ? "" : why->frames[0]);
    if (may_be_stage(s->name)) {
        diag_note(f->sink, d, SPAN_NONE, "this file has no stage with that name");
    }
    if (!bootstrap_recognise(&s->ref, &what)) {
        diag_note(
            f->sink, d, SPAN_NONE,
            "it is also not a Debian or Ubuntu release that can be bootstrapped from packages");
    }
    help_nowhere(s, d, which);
    return false;
}

/* Not in the store. The caller has the lock. */
static bool find_elsewhere(struct search *s, struct stored_image *ret) {
    struct images_finder *f = s->finder;
    struct bootstrap what;
    struct err why = ERR_INIT;
    struct err err = ERR_INIT;
    bool is_release = bootstrap_recognise(&s->ref, &what);
    if (pull(s, is_release, ret, &why)) {
        return true;
    }
    if (why.code == OCI_UNREACHABLE && is_release) {
        if (run_bootstrap(s, &what, &why, ret, &err)) {
            return true;
        }
        err_wrap(&err, "'%.*s' is not in the store, and bootstrapping it failed", STR_FMT(s->name));
        return fail_at(f, s->span, &err);
    }
    switch (why.code) {
    case OCI_UNREACHABLE:
        return nowhere(s, NOWHERE_UNREACHABLE, &why);
    case OCI_NOT_FOUND:
        return nowhere(s, NOWHERE_UNKNOWN, &why);
    default:
        err_help(&why, "try again later, or 'capsem-builder image import FILE.tar %.*s' adds it",
                 STR_FMT(s->name));
        return fail_at(f, s->span, &why);
    }
}

/* A pinned image that the store has under another name of the same repository. */
static bool find_pinned(struct search *s, struct stored_image *ret) {
    struct images_finder *f = s->finder;
    struct stored_image *images;
    size_t count;
    if (s->ref.digest.len == 0 || !images_list(f->store, f->arena, &images, &count, NULL)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct oci_reference *ref = &images[i].ref;
        if (str_eq(images[i].digest, s->ref.digest) && str_eq(ref->domain, s->ref.domain) &&
            str_eq(ref->repository, s->ref.repository) &&
            oci_platform_eq(&images[i].config.platform, s->platform) &&
            images_find(f->store, f->arena, ref, s->platform, ret, NULL) == IMAGES_FOUND) {
            return true;
        }
    }
    return false;
}

static bool find_in_store(struct search *s, struct stored_image *ret, bool *ret_found) {
    struct images_finder *f = s->finder;
    struct err err = ERR_INIT;
    enum images_lookup lookup = images_find(f->store, f->arena, &s->ref, s->platform, ret, &err);
    *ret_found = lookup == IMAGES_FOUND || (lookup == IMAGES_NOT_FOUND && find_pinned(s, ret));
    return lookup != IMAGES_FAILED || fail_at(f, s->span, &err);
}

static bool find_locked(struct search *s, struct stored_image *ret) {
    struct images_finder *f = s->finder;
    struct err err = ERR_INIT;
    AUTO_FD lockfd = -1;
    bool found = false;
    if (!lock_base(f, &s->ref, s->platform, &lockfd, &err)) {
        return fail_at(f, s->span, &err);
    }
    /* Somebody may have made it since we looked. */
    if (!f->pull && !find_in_store(s, ret, &found)) {
        return false;
    }
    return found || find_elsewhere(s, ret);
}

void images_finder_init(struct images_finder *f) {
    map_init(&f->found, f->arena);
    map_init(&f->unreachable, f->arena);
}

bool images_get(struct images_finder *f, str name, struct span span,
                const struct oci_platform *platform, struct stored_image *ret) {
    struct search s = { .finder = f, .span = span, .platform = platform };
    struct err err = ERR_INIT;
    if (!oci_reference_parse(f->arena, name, &s.ref, &err)) {
        return fail_at(f, span, &err);
    }
    s.name = oci_reference_familiar(f->arena, &s.ref);
    str asked = str_fmt(f->arena, "%.*s %.*s", STR_FMT(oci_reference_full(f->arena, &s.ref)),
                        STR_FMT(oci_platform_text(f->arena, platform)));
    struct stored_image *known = map_find(&f->found, asked);
    bool found = false;
    if (known != NULL) {
        *ret = *known;
        return true;
    }
    if (!f->pull && !find_in_store(&s, ret, &found)) {
        return false;
    }
    if (!found && f->offline) {
        return nowhere(&s, NOWHERE_OFFLINE, NULL);
    }
    if (!found && !find_locked(&s, ret)) {
        return false;
    }
    known = ARENA_NEW(f->arena, struct stored_image);
    *known = *ret;
    map_put(&f->found, asked, known);
    return true;
}

static void say_what_for(struct images_finder *f, const struct search *s) {
    str notice = str_fmt(f->arena,
                         "native tools make steps for another architecture about ten times faster: "
                         "fetching '%.*s' for %.*s",
                         STR_FMT(s->name), STR_FMT(oci_platform_text(f->arena, s->platform)));
    f->notice(f->self, notice);
}

bool images_get_native(struct images_finder *f, const struct oci_reference *ref, bool fetch,
                       struct stored_image *ret) {
    struct oci_platform host = oci_platform_host();
    struct diag_sink *sink = f->sink;
    struct diag_sink ignored;
    diag_sink_init(&ignored, f->arena, sink->sources);
    struct search s = {
        .finder = f,
        .span = SPAN_NONE,
        .ref = *ref,
        .name = oci_reference_familiar(f->arena, ref),
        .platform = &host,
    };
    bool found = false;
    f->sink = &ignored;
    bool ok = find_in_store(&s, ret, &found);
    if (ok && !found && fetch && !f->offline && !f->has_no_native) {
        say_what_for(f, &s);
        found = find_locked(&s, ret);
        f->has_no_native = !found;
    }
    f->sink = sink;
    return ok && found && str_eq(ret->config.platform.architecture, host.architecture);
}
