// SPDX-License-Identifier: Apache-2.0
/* Any bytes as what registries and Docker's settings say: digests are digests, words lie in limits.
 */
#include <stdlib.h>

#include "oci/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_manifest(struct arena *a, str text) {
    static const struct oci_platform platform = { S_INIT("linux"), S_INIT("arm"), S_INIT("v7") };
    struct oci_manifest m;
    struct oci_strings diff_ids;
    if (oci_manifest_parse(a, text, S(""), &m, NULL)) {
        ASSERT(m.len <= (m.kind == OCI_INDEX ? OCI_INDEX_MAX : OCI_LAYERS_MAX));
        ASSERT(m.kind == OCI_INDEX || oci_digest_ok(m.config.digest));
        for (size_t i = 0; i < m.len; i++) {
            ASSERT(oci_digest_ok(m.items[i].digest));
        }
        const struct oci_descriptor *d = oci_index_choose(a, &m, &platform, NULL);
        ASSERT(d == NULL || (d >= m.items && d < m.items + m.len));
    }
    if (oci_config_diff_ids(a, text, &diff_ids, NULL)) {
        for (size_t i = 0; i < diff_ids.len; i++) {
            ASSERT(oci_digest_ok(diff_ids.items[i]));
        }
    }
}

static void try_config(struct arena *a, str text) {
    struct oci_config config;
    struct oci_layers none = { 0 };
    if (oci_config_decode(a, text, &config, NULL)) {
        str again = oci_config_complete(a, &config, NULL, &none);
        ASSERT(oci_config_decode(a, again, &config, NULL));
    }
}

static void try_settings(struct arena *a, str text) {
    struct oci_credentials c;
    const char *helper;
    struct oci_challenge challenge = oci_challenge_parse(a, text);
    ASSERT(challenge.scheme != OCI_AUTH_BEARER || challenge.realm.len > 0);
    if (oci_credentials_find(a, text, S("a.example"), &c, &helper)) {
        ASSERT(c.secret.len > 0 && helper == NULL);
    }
}

static void try_reference(struct arena *a, str text) {
    struct oci_reference ref, again;
    if (oci_reference_parse(a, text, &ref, NULL)) {
        ASSERT(oci_reference_parse(a, oci_reference_full(a, &ref), &again, NULL));
        ASSERT(str_eq(oci_reference_full(a, &ref), oci_reference_full(a, &again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    str text = str_dup(a, (str){ (const char *)data, size });
    try_manifest(a, text);
    try_config(a, text);
    try_settings(a, text);
    try_reference(a, text);
    return 0;
}
