// SPDX-License-Identifier: Apache-2.0
#include "machine/machine.h"
#include "oci/oci.h"

#include <string.h>
#include <sys/utsname.h>

enum { REFERENCE_BYTES_MAX = 1024, REPOSITORY_BYTES_MAX = 255, TAG_BYTES_MAX = 128 };

static bool bad(struct err *err, str text, const char *why) {
    return err_set(err, "'%.*s' is not an image reference: %s", STR_FMT(text), why);
}

/* path-component: alnum runs joined by one of  .  _  __  or dashes; lower case only. */
static bool component_ok(str s) {
    size_t i = 0;
    while (i < s.len) {
        size_t start = i;
        while (i < s.len && ((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || char_is_digit(s.ptr[i]))) {
            i++;
        }
        if (i == start) {
            return false;
        }
        if (i == s.len) {
            return true;
        }
        if (s.ptr[i] == '-') {
            while (i < s.len && s.ptr[i] == '-') {
                i++;
            }
        } else if (s.ptr[i] == '.') {
            i++;
        } else if (s.ptr[i] == '_') {
            i += i + 1 < s.len && s.ptr[i + 1] == '_' ? 2 : 1;
        } else {
            return false;
        }
    }
    return false;
}

static bool repository_ok(str s) {
    str rest = s;
    if (s.len == 0 || s.len > REPOSITORY_BYTES_MAX || s.ptr[s.len - 1] == '/') {
        return false;
    }
    while (rest.len > 0) {
        if (!component_ok(str_cut(&rest, '/'))) {
            return false;
        }
    }
    return true;
}

static bool tag_ok(str s) {
    if (s.len == 0 || s.len > TAG_BYTES_MAX || s.ptr[0] == '.' || s.ptr[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!char_is_alnum(c) && c != '_' && c != '.' && c != '-') {
            return false;
        }
    }
    return true;
}

/* Labels joined by dots, each of letters, digits and dashes, no dash at its ends. */
static bool host_labels_ok(str host) {
    do {
        str label = str_cut(&host, '.');
        if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') {
            return false;
        }
        for (size_t i = 0; i < label.len; i++) {
            if (!char_is_alnum(label.ptr[i]) && label.ptr[i] != '-') {
                return false;
            }
        }
    } while (host.ptr != NULL);
    return true;
}

/* Between brackets: an IPv6 address. */
static bool address_ok(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (char_hex(s.ptr[i]) < 0 && s.ptr[i] != ':' && s.ptr[i] != '.') {
            return false;
        }
    }
    return s.len >= 2;
}

static bool domain_ok(str s) {
    str port = s;
    str host = s;
    if (s.len > 0 && s.ptr[0] == '[') {
        size_t end = str_find_char(s, ']', 0);
        if (end == STR_NONE || !address_ok(str_slice(s, 1, end))) {
            return false;
        }
        port = str_slice(s, end + 1, s.len);
        if (port.len > 0 && port.ptr[0] != ':') {
            return false;
        }
        port = str_slice(port, 1, port.len);
    } else {
        host = str_cut(&port, ':');
        if (port.ptr != NULL && port.len == 0) {
            return false;
        }
        if (!host_labels_ok(host)) {
            return false;
        }
    }
    uint64_t number;
    return host.len > 0 && (port.len == 0 || (str_to_u64(port, &number) && number <= 65535));
}

/* Only SHA-2 digests are used in practice; others are refused here, not at the download. */
static bool digest_ok(str s) {
    size_t digits = str_starts(s, S("sha256:")) ? 64 : str_starts(s, S("sha512:")) ? 128 : 0;
    if (digits == 0 || s.len != 7 + digits) {
        return false;
    }
    for (size_t i = 7; i < s.len; i++) {
        if (char_hex(s.ptr[i]) < 0 || (s.ptr[i] >= 'A' && s.ptr[i] <= 'F')) {
            return false;
        }
    }
    return true;
}

/* The first component is a domain when it cannot be a repository's: a dot, a port, localhost. */
static bool has_domain(str first) {
    bool upper = false;
    for (size_t i = 0; i < first.len; i++) {
        upper = upper || (first.ptr[i] >= 'A' && first.ptr[i] <= 'Z');
    }
    return str_find_char(first, '.', 0) != STR_NONE || str_find_char(first, ':', 0) != STR_NONE ||
           str_eq(first, S("localhost")) || upper;
}

bool oci_reference_parse(struct arena *a, str text, struct oci_reference *ret, struct err *err) {
    struct oci_reference ref = { 0 };
    if (text.len == 0 || text.len > REFERENCE_BYTES_MAX) {
        return bad(err, str_slice(text, 0, 80), text.len == 0 ? "it is empty" : "it is too long");
    }
    str digest = text;
    str name = str_cut(&digest, '@');
    if (digest.ptr != NULL && !digest_ok(digest)) {
        return bad(err, text, "a digest is sha256: and 64 hex digits");
    }
    ref.digest = digest;
    size_t colon = str_find_last_char(name, ':');
    size_t slash = str_find_last_char(name, '/');
    if (colon != STR_NONE && (slash == STR_NONE || colon > slash)) {
        ref.tag = str_slice(name, colon + 1, name.len);
        name = str_slice(name, 0, colon);
        if (!tag_ok(ref.tag)) {
            return bad(err, text, "a tag has letters, digits, '_', '.' and '-' only");
        }
    }
    str path = name;
    str first = str_cut(&path, '/');
    if (path.ptr != NULL && has_domain(first)) {
        ref.domain = first;
        ref.repository = path;
        if (!domain_ok(first)) {
            return bad(err, text, "its registry is not a host name");
        }
    } else {
        ref.domain = S("docker.io");
        ref.repository = name;
    }
    if (!repository_ok(ref.repository)) {
        return bad(err, text, "a name has lower case letters, digits, '/', '.', '_' and '-' only");
    }
    if (str_eq(ref.domain, S("index.docker.io"))) {
        ref.domain = S("docker.io");
    }
    if (str_eq(ref.domain, S("docker.io")) && str_find_char(ref.repository, '/', 0) == STR_NONE) {
        ref.repository = str_concat(a, S("library/"), ref.repository);
    }
    if (ref.tag.len == 0 && ref.digest.len == 0) {
        ref.tag = S("latest");
    }
    *ret = ref;
    return true;
}

static str with_tag(struct arena *a, str name, const struct oci_reference *ref) {
    return str_fmt(a, "%.*s%s%.*s%s%.*s", STR_FMT(name), ref->tag.len > 0 ? ":" : "",
                   STR_FMT(ref->tag), ref->digest.len > 0 ? "@" : "", STR_FMT(ref->digest));
}

str oci_reference_familiar(struct arena *a, const struct oci_reference *ref) {
    if (!str_eq(ref->domain, S("docker.io"))) {
        return oci_reference_full(a, ref);
    }
    str name = ref->repository;
    if (str_starts(name, S("library/"))) {
        name = str_slice(name, S("library/").len, name.len);
    }
    return with_tag(a, name, ref);
}

str oci_reference_full(struct arena *a, const struct oci_reference *ref) {
    str name = str_fmt(a, "%.*s/%.*s", STR_FMT(ref->domain), STR_FMT(ref->repository));
    return with_tag(a, name, ref);
}

static str normal_architecture(str arch, str *variant) {
    static const struct {
        str from, to, variant;
    } rows[] = {
        { S_INIT("i386"), S_INIT("386"), S_INIT("") },
        { S_INIT("i686"), S_INIT("386"), S_INIT("") },
        { S_INIT("armhf"), S_INIT("arm"), S_INIT("v7") },
        { S_INIT("armel"), S_INIT("arm"), S_INIT("v6") },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq_nocase(arch, rows[i].from)) {
            if (variant->len == 0) {
                *variant = rows[i].variant;
            }
            return rows[i].to;
        }
    }
    const struct machine *m = machine_find(arch);
    return m != NULL ? str_from_c(m->oci) : arch;
}

static bool platform_word_ok(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_alnum(s.ptr[i]) && s.ptr[i] != '_' && s.ptr[i] != '-' && s.ptr[i] != '.') {
            return false;
        }
    }
    return s.len > 0 && s.len < 64;
}

bool oci_platform_parse(struct arena *a, str text, struct oci_platform *ret, struct err *err) {
    str rest = str_lower(a, text);
    str first = str_cut(&rest, '/');
    struct oci_platform p = { .os = first };
    if (rest.ptr == NULL) {
        p.os = S("linux");
        p.architecture = first;
    } else {
        p.architecture = str_cut(&rest, '/');
        p.variant = str_cut(&rest, '/');
    }
    bool ok = rest.ptr == NULL && platform_word_ok(p.os) && platform_word_ok(p.architecture) &&
              (p.variant.len == 0 || platform_word_ok(p.variant));
    if (!ok) {
        return err_set(err, "'%.*s' is not a platform: write it as in linux/amd64", STR_FMT(text));
    }
    p.architecture = normal_architecture(p.architecture, &p.variant);
    if (str_eq(p.architecture, S("arm64")) && str_eq(p.variant, S("v8"))) {
        p.variant = S("");
    }
    *ret = p;
    return true;
}

str oci_platform_text(struct arena *a, const struct oci_platform *p) {
    return str_fmt(a, "%.*s/%.*s%s%.*s", STR_FMT(p->os), STR_FMT(p->architecture),
                   p->variant.len > 0 ? "/" : "", STR_FMT(p->variant));
}

struct oci_platform oci_platform_host(void) {
    static char machine[65]; /* uname's answer does not change */
    struct utsname u;
    if (machine[0] == '\0' && uname(&u) == 0) {
        memcpy(machine, u.machine, sizeof machine - 1);
    }
    struct oci_platform p = { .os = S("linux"), .variant = S("") };
    p.architecture = normal_architecture(str_from_c(machine), &p.variant);
    return p;
}

bool oci_platform_eq(const struct oci_platform *a, const struct oci_platform *b) {
    return str_eq(a->os, b->os) && str_eq(a->architecture, b->architecture) &&
           str_eq(a->variant, b->variant);
}
