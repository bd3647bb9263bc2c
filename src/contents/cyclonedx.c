// SPDX-License-Identifier: Apache-2.0
/* CycloneDX 1.6, JSON: https://cyclonedx.org/docs/1.6/json/ */
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "contents/internal.h"
#include "hash/hash.h"

#define JSON_OF(s) json_stringn((s).ptr == NULL ? "" : (s).ptr, (s).len)

static void set_text(json_t *o, const char *key, str value) {
    if (value.len > 0) {
        json_object_set_new(o, key, JSON_OF(value));
    }
}

static void add_property(json_t *list, const char *name, str value) {
    if (value.len > 0) {
        json_t *p = json_object();
        json_object_set_new(p, "name", json_string(name));
        json_object_set_new(p, "value", JSON_OF(value));
        json_array_append_new(list, p);
    }
}

/* Of several packages with one URL, as npm has them, each its own. */
static str ref_of(struct arena *a, const struct contents_bill *bill,
                  const struct contents_package *p) {
    str purl = contents_purl(a, bill, p);
    return p->place.len == 0 ? purl
                             : str_fmt(a, "%.*s#%.*s", STR_FMT(purl),
                                       STR_FMT(str_slice(p->place, 1, p->place.len)));
}

static json_t *licences(struct arena *a, const struct contents_bill *bill,
                        const struct contents_package *p) {
    str text =
        p->kind == CONTENTS_DEB ? contents_debian_licences(a, bill->contents, p) : p->licence;
    if (text.len == 0) {
        return NULL;
    }
    json_t *licence = json_object(), *choice = json_object(), *list = json_array();
    json_object_set_new(licence, contents_is_spdx(text) ? "id" : "name", JSON_OF(text));
    json_object_set_new(choice, "license", licence);
    json_array_append_new(list, choice);
    return list;
}

static json_t *component(struct arena *a, const struct contents_bill *bill,
                         const struct contents_package *p) {
    const struct contents *c = bill->contents;
    json_t *o = json_object(), *properties = json_array();
    set_text(o, "type", S("library"));
    set_text(o, "bom-ref", ref_of(a, bill, p));
    set_text(o, "name", p->name);
    set_text(o, "version", p->version);
    json_t *list = licences(a, bill, p);
    if (list != NULL) {
        json_object_set_new(o, "licenses", list);
    }
    set_text(o, "cpe", contents_cpe(a, p));
    set_text(o, "purl", contents_purl(a, bill, p));
    add_property(properties, "capsem:kind", str_from_c(contents_kind_words[p->kind]));
    add_property(properties, "capsem:place", p->place);
    if (p->line != CONTENTS_NONE) {
        add_property(properties, "capsem:asked-for-at", c->lines[p->line].place);
        add_property(properties, "capsem:asked-for-as", c->lines[p->line].name);
    }
    json_object_set_new(o, "properties", properties);
    return o;
}

static json_t *system_component(const char *type, const char *ref, str name, str version) {
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(type));
    json_object_set_new(o, "bom-ref", json_string(ref));
    set_text(o, "name", name);
    set_text(o, "version", version);
    return o;
}

static json_t *components(struct arena *a, const struct contents_bill *bill) {
    json_t *list = json_array();
    if (bill->distribution.len > 0) {
        json_array_append_new(list, system_component("operating-system", "distribution",
                                                     bill->distribution, bill->release));
    }
    if (bill->kernel_version.len > 0) {
        json_array_append_new(
            list, system_component("platform", "kernel", S("linux"), bill->kernel_version));
    }
    for (size_t i = 0; i < bill->contents->package_count; i++) {
        json_array_append_new(list, component(a, bill, &bill->contents->packages[i]));
    }
    return list;
}

static json_t *metadata(struct arena *a, const struct contents_bill *bill) {
    json_t *o = json_object(), *tools = json_object(), *list = json_array();
    json_array_append_new(list, system_component("application", "capsem-builder",
                                                 S("capsem-builder"), S(CAPSEM_VERSION)));
    json_object_set_new(tools, "components", list);
    set_text(o, "timestamp", time_to_iso(a, bill->epoch_s));
    json_object_set_new(o, "tools", tools);
    json_t *root = system_component("container", "image", bill->image_name, bill->image_version);
    json_t *properties = json_array();
    add_property(properties, "capsem:architecture", bill->architecture);
    add_property(properties, "capsem:rootfs-blake3", bill->digest);
    json_object_set_new(root, "properties", properties);
    json_object_set_new(o, "component", root);
    return o;
}

/* A number of this text alone (RFC 9562, version 8): the same bill has the same one. */
static str serial_number(struct arena *a, const char *text) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    str all = str_from_c(text);
    blake3_bytes(all, digest);
    digest[6] = (uint8_t)(0x80 | (digest[6] & 0x0F));
    digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3F));
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

str contents_cyclonedx(struct arena *a, const struct contents_bill *bill) {
    json_t *root = json_object();
    json_object_set_new(root, "bomFormat", json_string("CycloneDX"));
    json_object_set_new(root, "specVersion", json_string("1.6"));
    json_object_set_new(root, "serialNumber", json_string(""));
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "metadata", metadata(a, bill));
    json_object_set_new(root, "components", components(a, bill));
    char *text = json_dumps(root, JSON_COMPACT);
    ASSERT(text != NULL);
    set_text(root, "serialNumber", serial_number(a, text));
    free(text);
    text = json_dumps(root, JSON_INDENT(1));
    ASSERT(text != NULL);
    json_decref(root);
    str ret = str_concat(a, str_from_c(text), S("\n"));
    free(text);
    return ret;
}
