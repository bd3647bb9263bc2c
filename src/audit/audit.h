// SPDX-License-Identifier: Apache-2.0
/* The JSON of vulnerability scanners as one list of findings. The text is not trusted. */
#pragma once

#include "base/base.h"

enum audit_severity {
    AUDIT_CRITICAL,
    AUDIT_HIGH,
    AUDIT_MEDIUM,
    AUDIT_LOW,
    AUDIT_UNKNOWN, /* also every word that is none of the above */
};
enum { AUDIT_SEVERITIES = AUDIT_UNKNOWN + 1 };

extern const char *const audit_severity_words[AUDIT_SEVERITIES];
extern const char *const audit_scanner_words[]; /* NULL-terminated */

enum audit_kind {
    AUDIT_VULNERABILITY,
    AUDIT_SECRET,
    AUDIT_MISCONFIGURATION,
    AUDIT_LICENSE,
};
enum { AUDIT_KINDS = AUDIT_LICENSE + 1 };

extern const char *const audit_kind_words[AUDIT_KINDS];

/* Texts are empty when the scanner did not say. */
struct audit_finding {
    enum audit_kind kind;
    enum audit_severity severity;
    str id;
    str package; /* of a vulnerability or a licence; else the file, "PATH:LINE" */
    str installed_version;
    str fixed_version;
    str title;
};

struct audit_report {
    struct audit_finding *items; /* the worst first, else in the scanner's order */
    size_t len;
    size_t cap;
    size_t counts[AUDIT_SEVERITIES];
    size_t kinds[AUDIT_KINDS];
};

/* `scanner` is one of the words. The findings live in the arena. */
MUST_CHECK bool audit_parse(struct arena *a, str text, const char *scanner,
                            struct audit_report *ret, struct err *err);
/* The findings as a list of objects, two-space indent, a line end after it (`audit --json`). */
void audit_add_json(const struct audit_report *report, const char *scanner, struct buf *out);
