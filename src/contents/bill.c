// SPDX-License-Identifier: Apache-2.0
/* What both bills of materials say of a package. */
#include "contents/internal.h"

/* ---- names ---- */

static bool is_unreserved(char c) {
    return char_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* A part of a package URL: everything but these is percent-encoded. */
static void add_encoded(struct buf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i])) {
            buf_add_char(out, text.ptr[i]);
        } else {
            buf_addf(out, "%%%02X", (unsigned char)text.ptr[i]);
        }
    }
}

static void add_deb(struct buf *out, const struct contents_bill *bill,
                    const struct contents_package *p) {
    add_encoded(out, bill->distribution.len > 0 ? bill->distribution : S("debian"));
    buf_add_char(out, '/');
    add_encoded(out, p->name);
    buf_add_char(out, '@');
    add_encoded(out, p->version);
    buf_add_c(out, "?arch=");
    add_encoded(out, p->architecture);
    if (bill->codename.len > 0) {
        buf_add_c(out, "&distro=");
        add_encoded(out, bill->codename);
    }
    if (!str_eq(p->source, p->name) || !str_eq(p->source_version, p->version)) {
        buf_add_c(out, "&upstream=");
        add_encoded(out, p->source);
        buf_add_c(out, "%40");
        add_encoded(out, p->source_version);
    }
}

static void add_npm(struct buf *out, const struct contents_package *p) {
    str name = p->name;
    if (str_starts(name, S("@"))) {
        add_encoded(out, str_cut(&name, '/'));
        buf_add_char(out, '/');
    }
    add_encoded(out, name);
    buf_add_char(out, '@');
    add_encoded(out, p->version);
}

/* purl: of PyPI names in lower case, "-" for "_". */
static void add_python(struct arena *a, struct buf *out, const struct contents_package *p) {
    str name = str_lower(a, p->name);
    for (size_t i = 0; i < name.len; i++) {
        buf_add_char(out, name.ptr[i] == '_' ? '-' : name.ptr[i]);
    }
    buf_add_char(out, '@');
    add_encoded(out, p->version);
}

str contents_purl(struct arena *a, const struct contents_bill *bill,
                  const struct contents_package *p) {
    AUTO_BUF out = BUF_INIT(64 * 1024);
    switch (p->kind) {
    case CONTENTS_DEB:
        buf_add_c(&out, "pkg:deb/");
        add_deb(&out, bill, p);
        break;
    case CONTENTS_NPM:
        buf_add_c(&out, "pkg:npm/");
        add_npm(&out, p);
        break;
    case CONTENTS_PYTHON:
        buf_add_c(&out, "pkg:pypi/");
        add_python(a, &out, p);
        break;
    case CONTENTS_KIND_COUNT:
        break;
    }
    return str_dup(a, buf_str(&out));
}

static void add_cpe_part(struct buf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!char_is_alnum(c) && c != '_' && c != '.' && c != '-') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, c);
    }
}

/* Vendors are not known; scanners look for the product. Without the epoch and Debian's revision,
 * which upstream's versions do not have. */
str contents_cpe(struct arena *a, const struct contents_package *p) {
    AUTO_BUF out = BUF_INIT(64 * 1024);
    str version = p->kind == CONTENTS_DEB ? p->source_version : p->version;
    str name = p->kind == CONTENTS_DEB ? p->source : p->name;
    if (p->kind == CONTENTS_DEB) {
        size_t colon = str_find_char(version, ':', 0);
        version = str_slice(version, colon == STR_NONE ? 0 : colon + 1, version.len);
        version = str_slice(version, 0, str_find_last_char(version, '-'));
    }
    buf_add_c(&out, "cpe:2.3:a:*:");
    add_cpe_part(&out, str_lower(a, name));
    buf_add_char(&out, ':');
    add_cpe_part(&out, version);
    buf_add_c(&out, ":*:*:*:*:*:*:*");
    return str_dup(a, buf_str(&out));
}

/* ---- the distribution ---- */

/* VALUE or "VALUE" (os-release(5)). */
static str release_value(str text, const char *name) {
    str key = str_from_c(name);
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (str_starts(line, key) && line.len > key.len && line.ptr[key.len] == '=') {
            str value = str_slice(line, key.len + 1, line.len);
            bool quoted = value.len >= 2 && value.ptr[0] == '"';
            return quoted ? str_slice(value, 1, value.len - 1) : value;
        }
    }
    return S("");
}

void contents_distribution(struct arena *a, const struct contents *c, struct contents_bill *ret) {
    static const char *const files[] = { "/usr/lib/os-release", "/etc/os-release" };
    str text;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (contents_text(a, c, contents_find(c, str_from_c(files[i])), &text)) {
            ret->distribution = release_value(text, "ID");
            ret->release = release_value(text, "VERSION_ID");
            ret->codename = release_value(text, "VERSION_CODENAME");
            return;
        }
    }
}

/* ---- licences ---- */

/* SPDX's names that packages use most; others are given as they are written. */
static const char *const known[] = {
    "0BSD",
    "AGPL-3.0-only",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
};

bool contents_is_spdx(str licence) {
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(licence, str_from_c(known[i]))) {
            return true;
        }
    }
    return false;
}

/* "License: GPL-2+" of a machine-readable copyright file (DEP-5), each once. */
str contents_debian_licences(struct arena *a, const struct contents *c,
                             const struct contents_package *p) {
    str text;
    struct map seen;
    AUTO_BUF out = BUF_INIT(64 * 1024);
    str path = str_fmt(a, "/usr/share/doc/%.*s/copyright", STR_FMT(p->name));
    if (!contents_text(a, c, contents_find(c, path), &text) ||
        !str_starts(str_trim_left(text), S("Format:"))) {
        return S("");
    }
    map_init(&seen, a);
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        str name = str_starts(line, S("License:")) ? str_trim(str_slice(line, 8, line.len)) : S("");
        if (name.len > 0 && map_put(&seen, name, &seen)) {
            buf_addf(&out, "%s%.*s", out.len > 0 ? " AND " : "", STR_FMT(name));
        }
    }
    return str_dup(a, buf_str(&out));
}
