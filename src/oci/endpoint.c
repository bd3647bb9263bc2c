// SPDX-License-Identifier: Apache-2.0
/* Which servers have an image: Docker's daemon.json, "registry-mirrors", "insecure-registries". */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>

#include "oci/internal.h"

enum { MIRRORS_MAX = 8, CONNECT_MS = 10000 };

/* Of the user's own daemon, else of the system's. */
static json_t *load_daemon_json(struct arena *a) {
    const char *home = getenv("HOME");
    const char *config = getenv("XDG_CONFIG_HOME");
    if (config == NULL || config[0] == '\0') {
        config = home == NULL ? NULL : path_join(a, home, ".config");
    }
    const char *const paths[] = {
        config == NULL ? NULL : path_join(a, config, "docker/daemon.json"),
        "/etc/docker/daemon.json",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        str text;
        if (paths[i] != NULL && fs_load(a, AT_FDCWD, paths[i], SETTINGS_BYTES_MAX, &text, NULL)) {
            return json_loadb(text.ptr == NULL ? "" : text.ptr, text.len, 0, NULL);
        }
    }
    return NULL;
}

static str host_without_port(str domain) {
    if (domain.len > 0 && domain.ptr[0] == '[') {
        return str_slice(domain, 1, str_find_char(domain, ']', 0));
    }
    return str_cut(&domain, ':');
}

bool host_is_loopback(str domain) {
    str host = host_without_port(domain);
    return str_eq_nocase(host, S("localhost")) || str_eq(host, S("::1")) ||
           str_starts(host, S("127."));
}

/* "10.0.0.0/8" */
static bool in_network(struct arena *a, str host, str network) {
    struct in_addr address, base;
    uint64_t bits;
    str first = str_cut(&network, '/');
    if (network.ptr == NULL || !str_to_u64(network, &bits) || bits > 32 ||
        inet_pton(AF_INET, str_to_c(a, host), &address) != 1 ||
        inet_pton(AF_INET, str_to_c(a, first), &base) != 1) {
        return false;
    }
    uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return (ntohl(address.s_addr) & mask) == (ntohl(base.s_addr) & mask);
}

static bool is_insecure(struct arena *a, const json_t *settings, str domain) {
    const json_t *list = json_object_get(settings, "insecure-registries");
    for (size_t i = 0; i < json_array_size(list); i++) {
        str item = str_from_c(json_string_value(json_array_get(list, i)));
        if (str_eq_nocase(item, domain) || in_network(a, host_without_port(domain), item)) {
            return true;
        }
    }
    return host_is_loopback(domain);
}

static void add_endpoint(struct arena *a, struct oci_registry *r, const json_t *settings,
                         str base) {
    str host = base;
    bool has_scheme = str_starts(base, S("http://")) || str_starts(base, S("https://"));
    if (has_scheme) {
        host = str_slice(base, str_find(base, S("://"), 0) + 3, base.len);
    }
    host = str_cut(&host, '/');
    if (str_ends(base, S("/"))) {
        base.len--;
    }
    struct oci_endpoint e = {
        .base = has_scheme ? str_dup(a, base) : str_concat(a, S("https://"), base),
        .may_be_plain = !has_scheme && is_insecure(a, settings, host),
        .credentials = credentials_of(a, host),
    };
    if (str_eq(host, S("index.docker.io"))) {
        e.credentials = credentials_of(a, S("docker.io"));
    }
    r->endpoints[r->endpoint_count++] = e;
}

bool oci_registry_open(struct arena *a, const struct oci_reference *ref, bool for_push,
                       struct oci_registry *ret, struct err *err) {
    struct oci_registry r = { .ref = *ref, .connect_ms = CONNECT_MS };
    if (ref->digest.len > 0 && !oci_digest_ok(ref->digest)) {
        return err_set(err, "'%.*s': only sha256 digests can be checked",
                       STR_FMT(oci_reference_familiar(a, ref)));
    }
    bool is_hub = str_eq(ref->domain, S("docker.io"));
    json_t *settings = load_daemon_json(a);
    const json_t *mirrors = json_object_get(settings, "registry-mirrors");
    r.endpoints = ARENA_ARRAY(a, struct oci_endpoint, MIRRORS_MAX + 1);
    for (size_t i = 0; is_hub && !for_push && i < json_array_size(mirrors) && i < MIRRORS_MAX;
         i++) {
        str mirror = str_from_c(json_string_value(json_array_get(mirrors, i)));
        if (mirror.len > 0) {
            add_endpoint(a, &r, settings, mirror);
        }
    }
    add_endpoint(a, &r, settings, is_hub ? S("index.docker.io") : ref->domain);
    json_decref(settings);
    *ret = r;
    return true;
}
