// SPDX-License-Identifier: Apache-2.0
/* Where a base image comes from: the store, else a distribution's own packages. */
#include <string.h>

#include "build/internal.h"

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

static bool run_bootstrap(struct builder *b, const struct bootstrap *what,
                          const struct oci_reference *ref, const struct oci_platform *platform,
                          struct build_image *ret, struct err *err) {
    AUTO_BUF tail = BUF_INIT(2 * OUTPUT_TAIL_BYTES);
    struct bootstrap_output out = { b, &tail };
    str notice =
        str_fmt(b->arena,
                "'%.*s' is not in the store: bootstrapping %s %s from its packages with "
                "mmdebstrap",
                STR_FMT(oci_reference_familiar(b->arena, ref)), what->distribution, what->suite);
    b->request->events->notice(b->request->self, notice);
    if (bootstrap_run(b->request->store, b->arena, what, platform, ref, b->request->cancelled,
                      pass_on, &out, ret, err)) {
        return true;
    }
    b->result->failed_output = str_dup(b->arena, buf_str(&tail));
    return false;
}

/* One process makes a base; the others wait and find it in the store. */
static bool lock_base(struct builder *b, const struct oci_reference *ref,
                      const struct oci_platform *platform, int *ret_lockfd, struct err *err) {
    struct key_hash k;
    key_begin(&k, "base image");
    key_add(&k, oci_reference_full(b->arena, ref));
    key_add(&k, oci_platform_text(b->arena, platform));
    struct store_key key = key_end(&k);
    return store_key_lock(b->request->store, &key, true, ret_lockfd, err);
}

static bool bootstrap_once(struct builder *b, const struct bootstrap *what,
                           const struct oci_reference *ref, const struct oci_platform *platform,
                           struct build_image *ret, struct err *err) {
    AUTO_FD lockfd = -1;
    if (!lock_base(b, ref, platform, &lockfd, err)) {
        return false;
    }
    /* Somebody may have made it since we looked. */
    if (build_image_find(b->request->store, b->arena, ref, platform, ret, err) == BUILD_FOUND) {
        return true;
    }
    return run_bootstrap(b, what, ref, platform, ret, err);
}

bool base_find(struct builder *b, struct dockerfile_word word, const struct oci_platform *platform,
               struct build_image *ret) {
    struct err err = ERR_INIT;
    struct oci_reference ref;
    if (!oci_reference_parse(b->arena, word.text, &ref, &err)) {
        return fail_at(b, word.span, "E403", &err);
    }
    switch (build_image_find(b->request->store, b->arena, &ref, platform, ret, &err)) {
    case BUILD_FOUND:
        return true;
    case BUILD_FAILED:
        return fail_at(b, word.span, "E403", &err);
    case BUILD_NOT_FOUND:
        break;
    }
    struct bootstrap what;
    str name = oci_reference_familiar(b->arena, &ref);
    if (!bootstrap_recognise(&ref, &what)) {
        struct diag *d =
            diag_report(b->sink, "E403", word.span,
                        "'%.*s' is neither a stage of this file nor an image in the store (%.*s)",
                        STR_FMT(name), STR_FMT(oci_platform_text(b->arena, platform)));
        diag_note(b->sink, d, SPAN_NONE,
                  "it is not a Debian or Ubuntu release either, which could be made from packages");
        diag_help(b->sink, d, "'capsem-builder image import FILE.tar %.*s' adds it", STR_FMT(name));
        return false;
    }
    if (bootstrap_once(b, &what, &ref, platform, ret, &err)) {
        return true;
    }
    err_wrap(&err, "'%.*s' is not in the store, and bootstrapping it failed", STR_FMT(name));
    return fail_at(b, word.span, "E403", &err);
}
