// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jansson.h>

#include "assets/assets.h"

enum {
    SUMS_BYTES_MAX = 1024 * 1024,
    MANIFEST_BYTES_MAX = 4 * 1024 * 1024,
    BUILD_JSON_BYTES_MAX = 64 * 1024 * 1024,
};

/* --- sums.c ----------------------------------------------------------------------------------- */

/* A row of B3SUMS. */
struct asset_sum {
    const char *arch;
    enum asset asset;
    uint64_t size_bytes; /* 0 when it comes from B3SUMS */
    uint8_t digest[ASSET_DIGEST_BYTES];
};
struct asset_sums {
    struct asset_sum *rows; /* by arch, then asset */
    size_t len;
    size_t cap;
};

bool asset_arch_is_valid(str arch);
/* -1 when the name is no asset's. */
int asset_by_name(str name);

/* Every asset in every architecture folder. What is in `fresh` (all of one architecture; may be
 * empty) counts in place of the file that is there. */
MUST_CHECK bool asset_sums_collect(struct arena *a, int dirfd, const struct asset_sums *fresh,
                                   const struct asset_digests *digests, struct asset_sums *ret,
                                   struct err *err);
/* Names of the architecture folders: valid names of real folders, with or without assets. */
MUST_CHECK bool asset_archs(struct arena *a, int dirfd, const char ***ret, size_t *ret_count,
                            struct err *err);
void asset_sums_text(const struct asset_sums *sums, struct buf *out);
/* One line of B3SUMS without its newline; false when it is not of our form. Its arch is copied. */
MUST_CHECK bool asset_sum_parse(struct arena *a, str line, struct asset_sum *ret);
/* NULL when it has none. */
const struct asset_sum *asset_sums_find(const struct asset_sums *sums, const char *arch,
                                        enum asset asset);

/* --- manifest.c ------------------------------------------------------------------------------- */

/* What a manifest says besides the sums. */
struct asset_manifest {
    int format;
    str version; /* of the assets; empty: not known */
    str date;    /* format 2: YYYY-MM-DD */
    str program; /* format 2: the version of who made them */
};
/* Text in the arena. */
MUST_CHECK bool asset_manifest_text(struct arena *a, const struct asset_sums *sums,
                                    const struct asset_manifest *m, str *ret, struct err *err);
/* What DIR/manifest.json says; format 0 when there is none that can be read. */
struct asset_manifest asset_manifest_load(struct arena *a, int dirfd);

/* ---- build_json.c ---- */

/* Text of DIR/ARCH/build.json. Templates not in `build` are taken from the one that is there. */
MUST_CHECK bool asset_build_json(struct arena *a, int dirfd, const char *arch,
                                 const struct assets_build *build, const struct asset_sums *sums,
                                 str *ret, struct err *err);

/* --- json.c ----------------------------------------------------------------------------------- */

/* Any bytes: what is not UTF-8 becomes U+FFFD. NULL only without memory. */
json_t *asset_json_str(str text);
/* Two-space indent and a newline at the end; in the arena. */
MUST_CHECK bool asset_json_dump(struct arena *a, const json_t *root, str *ret, struct err *err);

static inline void asset_json_free_auto(json_t **json) {
    json_decref(*json);
}
#define AUTO_JSON __attribute__((cleanup(asset_json_free_auto))) json_t *
