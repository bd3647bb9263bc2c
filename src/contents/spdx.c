// SPDX-License-Identifier: Apache-2.0
/* SPDX 2.3, JSON: https://spdx.github.io/spdx-spec/v2.3/ */
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "contents/internal.h"
#include "hash/hash.h"

#define JSON_OF(s) json_stringn((s).ptr == NULL ? "" : (s).ptr, (s).len)

static void set_text(json_t *o, const char *key, str value) {
    json_object_set_new(o, key, JSON_OF(value));
}

static void add_reference(json_t *list, const char *category, const char *type, str locator) {
    json_t *o = json_object();
    json_object_set_new(o, "referenceCategory", json_string(category));
    json_object_set_new(o, "referenceType", json_string(type));
    set_text(o, "referenceLocator", locator);
    json_array_append_new(list, o);
}

/* Nothing of it was analysed but what its metadata says. */
static json_t *package(str id, str name, str version) {
    json_t *o = json_object();
    set_text(o, "SPDXID", id);
    set_text(o, "name", name);
    if (version.len > 0) {
        set_text(o, "versionInfo", version);
    }
    set_text(o, "downloadLocation", S("NOASSERTION"));
    json_object_set_new(o, "filesAnalyzed", json_false());
    set_text(o, "licenseConcluded", S("NOASSERTION"));
    set_text(o, "copyrightText", S("NOASSERTION"));
    return o;
}

static void add_relation(json_t *list, str from, const char *type, str to) {
    json_t *o = json_object();
    set_text(o, "spdxElementId", from);
    json_object_set_new(o, "relationshipType", json_string(type));
    set_text(o, "relatedSpdxElement", to);
    json_array_append_new(list, o);
}

static json_t *package_of(struct arena *a, const struct contents_bill *bill, size_t index, str id) {
    const struct contents *c = bill->contents;
    const struct contents_package *p = &c->packages[index];
    str licence = p->kind == CONTENTS_DEB ? contents_debian_licences(a, c, p) : p->licence;
    json_t *o = package(id, p->name, p->version), *references = json_array();
    set_text(o, "licenseDeclared", contents_is_spdx(licence) ? licence : S("NOASSERTION"));
    if (licence.len > 0 && !contents_is_spdx(licence)) {
        set_text(o, "licenseComments", str_fmt(a, "its metadata says: %.*s", STR_FMT(licence)));
    }
    if (p->line != CONTENTS_NONE) {
        set_text(o, "comment",
                 str_fmt(a, "asked for as '%.*s' at %.*s", STR_FMT(c->lines[p->line].name),
                         STR_FMT(c->lines[p->line].place)));
    }
    add_reference(references, "PACKAGE-MANAGER", "purl", contents_purl(a, bill, p));
    add_reference(references, "SECURITY", "cpe23Type", contents_cpe(a, p));
    json_object_set_new(o, "externalRefs", references);
    return o;
}

static void add_system(json_t *packages, json_t *relations, str id, str name, str version) {
    if (name.len > 0 && version.len > 0) {
        json_t *o = package(id, name, version);
        set_text(o, "licenseDeclared", S("NOASSERTION"));
        json_array_append_new(packages, o);
        add_relation(relations, S("SPDXRef-image"), "CONTAINS", id);
    }
}

static void add_packages(struct arena *a, const struct contents_bill *bill, json_t *packages,
                         json_t *relations) {
    json_t *image = package(S("SPDXRef-image"), bill->image_name, bill->image_version);
    set_text(image, "licenseDeclared", S("NOASSERTION"));
    json_array_append_new(packages, image);
    add_relation(relations, S("SPDXRef-DOCUMENT"), "DESCRIBES", S("SPDXRef-image"));
    add_system(packages, relations, S("SPDXRef-distribution"), bill->distribution, bill->release);
    add_system(packages, relations, S("SPDXRef-kernel"), S("linux"), bill->kernel_version);
    for (size_t i = 0; i < bill->contents->package_count; i++) {
        str id = str_fmt(a, "SPDXRef-package-%zu", i + 1);
        json_array_append_new(packages, package_of(a, bill, i, id));
        add_relation(relations, S("SPDXRef-image"), "CONTAINS", id);
    }
}

static json_t *creation(struct arena *a, const struct contents_bill *bill) {
    json_t *o = json_object(), *creators = json_array();
    set_text(o, "created", time_to_iso(a, bill->epoch_s));
    json_array_append_new(creators, json_string("Tool: capsem-builder-" CAPSEM_VERSION));
    json_object_set_new(o, "creators", creators);
    return o;
}

static str namespace_of(struct arena *a, const json_t *packages, str name) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    char *text = json_dumps(packages, JSON_COMPACT);
    ASSERT(text != NULL);
    str all = str_from_c(text);
    blake3_bytes(all, digest);
    free(text);
    hash_hex(digest, sizeof digest, hex);
    AUTO_BUF out = BUF_INIT(4096);
    for (size_t i = 0; i < name.len; i++) {
        buf_add_char(&out, char_is_alnum(name.ptr[i]) ? name.ptr[i] : '-');
    }
    return str_fmt(a, "https://capsem.invalid/spdx/%.*s-%.32s", STR_FMT(buf_str(&out)), hex);
}

str contents_spdx(struct arena *a, const struct contents_bill *bill) {
    json_t *root = json_object(), *packages = json_array(), *relations = json_array();
    add_packages(a, bill, packages, relations);
    set_text(root, "spdxVersion", S("SPDX-2.3"));
    set_text(root, "dataLicense", S("CC0-1.0"));
    set_text(root, "SPDXID", S("SPDXRef-DOCUMENT"));
    set_text(root, "name", bill->image_name);
    set_text(root, "documentNamespace", namespace_of(a, packages, bill->image_name));
    json_object_set_new(root, "creationInfo", creation(a, bill));
    json_object_set_new(root, "packages", packages);
    json_object_set_new(root, "relationships", relations);
    char *text = json_dumps(root, JSON_INDENT(1));
    ASSERT(text != NULL);
    json_decref(root);
    str ret = str_concat(a, str_from_c(text), S("\n"));
    free(text);
    return ret;
}
