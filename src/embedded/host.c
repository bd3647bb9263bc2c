// SPDX-License-Identifier: Apache-2.0
/* What steps see of the host, once for a run. */
#include "embedded/internal.h"

#define HOSTNAME_ARG S("BUILDKIT_SANDBOX_HOSTNAME")

bool host_name_given(struct builder *b, struct span span, const char **ret) {
    enum { NAME_BYTES_MAX = 64 }; /* sethostname(2) */
    const str *name = oci_pairs_find(&b->request->build_args, HOSTNAME_ARG);
    *ret = NULL;
    if (name == NULL || name->len == 0) {
        return true;
    }
    bool ok = name->len <= NAME_BYTES_MAX;
    for (size_t i = 0; i < name->len && ok; i++) {
        char c = name->ptr[i];
        ok = char_is_alnum(c) || ((c == '-' || c == '.') && i > 0);
    }
    if (!ok) {
        diag_report(b->sink, "E405", span,
                    "BUILDKIT_SANDBOX_HOSTNAME is not a valid host name: '%.*s'",
                    STR_FMT(str_clip(*name, 80)));
        return false;
    }
    *ret = str_to_c(b->arena, *name);
    return true;
}

bool host_settings_get(struct builder *b, const struct build_host **ret) {
    if (b->host == NULL) {
        const str *name = oci_pairs_find(&b->request->build_args, HOSTNAME_ARG);
        struct build_host *h = ARENA_NEW(b->arena, struct build_host);
        struct err err = ERR_INIT;
        if (!build_host_make(b->arena, b->request->store, &b->request->policy.share,
                             name == NULL ? S("") : *name, h, &err)) {
            if (b->err != NULL) {
                *b->err = err;
            }
            return false;
        }
        b->host = h;
    }
    *ret = b->host;
    return true;
}

void host_settings_done(struct builder *b) {
    if (b->host != NULL) {
        build_host_done(b->host);
        b->host = NULL;
    }
}
