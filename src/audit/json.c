// SPDX-License-Identifier: Apache-2.0
#include "audit/audit.h"

static void add_field(struct buf *out, const char *name, str value, const char *after) {
    buf_addf(out, "    \"%s\": ", name);
    buf_add_json(out, value);
    buf_add_c(out, after);
}

void audit_add_json(const struct audit_report *report, const char *scanner, struct buf *out) {
    buf_add_char(out, '[');
    for (size_t i = 0; i < report->len; i++) {
        const struct audit_finding *f = &report->items[i];
        buf_add_c(out, i > 0 ? ",\n  {\n" : "\n  {\n");
        add_field(out, "id", f->id, ",\n");
        add_field(out, "kind", str_from_c(audit_kind_words[f->kind]), ",\n");
        add_field(out, "severity", str_from_c(audit_severity_words[f->severity]), ",\n");
        add_field(out, "package", f->package, ",\n");
        add_field(out, "installed_version", f->installed_version, ",\n");
        add_field(out, "fixed_version", f->fixed_version, ",\n");
        add_field(out, "title", f->title, ",\n");
        add_field(out, "scanner", str_from_c(scanner), "\n  }");
    }
    buf_add_c(out, report->len > 0 ? "\n]\n" : "]\n");
}
