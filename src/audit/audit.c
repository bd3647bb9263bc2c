// SPDX-License-Identifier: Apache-2.0
#include "audit/audit.h"

#include <jansson.h>
#include <string.h>

enum { FIX_BYTES_MAX = 1024 * 1024 };

const char *const audit_severity_words[AUDIT_SEVERITIES] = { "CRITICAL", "HIGH", "MEDIUM", "LOW",
                                                             "UNKNOWN" };

const char *const audit_kind_words[AUDIT_KINDS] = { "vulnerability", "secret", "misconfiguration",
                                                    "license" };

struct parser {
    struct arena *arena;
    struct audit_report *report;
    struct err *err;
};

static bool parse_trivy(struct parser *p, const json_t *root);
static bool parse_grype(struct parser *p, const json_t *root);

/* Same order as audit_scanner_words. */
static bool (*const parsers[])(struct parser *p, const json_t *root) = { parse_trivy, parse_grype };
const char *const audit_scanner_words[] = { "trivy", "grype", NULL };

static enum audit_severity severity_of(str word) {
    size_t i = 0;
    while (i < AUDIT_UNKNOWN && !str_eq_nocase(word, str_from_c(audit_severity_words[i]))) {
        i++;
    }
    return (enum audit_severity)i;
}

/* A member that is a text, or not there (also null): then it is empty. */
static bool get_text(struct parser *p, const json_t *object, const char *key, str *ret) {
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
        return err_set(p->err, "'%s' is not a string", key);
    }
    *ret = value == NULL || json_is_null(value)
               ? (str){ 0 }
               : str_dup(p->arena, (str){ json_string_value(value), json_string_length(value) });
    return true;
}

/* The same, and it must be there. */
static bool need_text(struct parser *p, const json_t *object, const char *key, str *ret) {
    return get_text(p, object, key, ret) &&
           (ret->len > 0 || err_set(p->err, "'%s' is missing", key));
}

/* A member that is a list, or not there: then *ret is NULL, which has no elements. */
static bool get_list(struct parser *p, const json_t *object, const char *key, const json_t **ret) {
    *ret = json_object_get(object, key);
    if (json_is_null(*ret)) {
        *ret = NULL;
    }
    return *ret == NULL || json_is_array(*ret) || err_set(p->err, "'%s' is not a list", key);
}

static bool is_object(struct parser *p, const json_t *value, const char *what) {
    return json_is_object(value) || err_set(p->err, "%s is not an object", what);
}

static void add(struct parser *p, struct audit_finding finding, str severity) {
    struct audit_report *r = p->report;
    finding.severity = severity_of(severity);
    r->counts[finding.severity]++;
    r->kinds[finding.kind]++;
    ARENA_PUSH(p->arena, r->items, r->len, r->cap, finding);
}

/* ---- trivy: lists of Results[] ---- */

static bool add_trivy(struct parser *p, const json_t *result, const json_t *v) {
    struct audit_finding f = { 0 };
    str severity;
    (void)result;
    if (!is_object(p, v, "it") || !need_text(p, v, "VulnerabilityID", &f.id) ||
        !get_text(p, v, "Severity", &severity) || !get_text(p, v, "PkgName", &f.package) ||
        !get_text(p, v, "InstalledVersion", &f.installed_version) ||
        !get_text(p, v, "FixedVersion", &f.fixed_version) || !get_text(p, v, "Title", &f.title)) {
        return false;
    }
    add(p, f, severity);
    return true;
}

/* "PATH:LINE" of the result's file; a line is not always known. */
static bool get_place(struct parser *p, const json_t *result, const json_t *line, str *ret) {
    if (!get_text(p, result, "Target", ret)) {
        return false;
    }
    if (json_is_integer(line) && json_integer_value(line) > 0) {
        *ret = str_fmt(p->arena, "%.*s:%lld", STR_FMT(*ret), (long long)json_integer_value(line));
    }
    return true;
}

/* What was matched is not kept: it is the secret. */
static bool add_trivy_secret(struct parser *p, const json_t *result, const json_t *s) {
    struct audit_finding f = { .kind = AUDIT_SECRET };
    str severity;
    if (!is_object(p, s, "it") || !need_text(p, s, "RuleID", &f.id) ||
        !get_text(p, s, "Severity", &severity) || !get_text(p, s, "Title", &f.title) ||
        !get_place(p, result, json_object_get(s, "StartLine"), &f.package)) {
        return false;
    }
    add(p, f, severity);
    return true;
}

/* --include-non-failures lists what has passed, too. */
static bool add_trivy_misconfiguration(struct parser *p, const json_t *result, const json_t *m) {
    struct audit_finding f = { .kind = AUDIT_MISCONFIGURATION };
    str severity;
    str status;
    if (!is_object(p, m, "it")) {
        return false;
    }
    const json_t *cause = json_object_get(m, "CauseMetadata");
    if (!need_text(p, m, "ID", &f.id) || !get_text(p, m, "Severity", &severity) ||
        !get_text(p, m, "Title", &f.title) || !get_text(p, m, "Status", &status) ||
        !get_place(p, result, json_object_get(cause, "StartLine"), &f.package)) {
        return false;
    }
    if (status.len == 0 || str_eq_nocase(status, S("FAIL"))) {
        add(p, f, severity);
    }
    return true;
}

static bool add_trivy_license(struct parser *p, const json_t *result, const json_t *l) {
    struct audit_finding f = { .kind = AUDIT_LICENSE };
    str severity;
    if (!is_object(p, l, "it") || !need_text(p, l, "Name", &f.id) ||
        !get_text(p, l, "Severity", &severity) || !get_text(p, l, "PkgName", &f.package) ||
        !get_text(p, l, "Category", &f.title)) {
        return false;
    }
    if (f.package.len == 0 && !get_text(p, l, "FilePath", &f.package)) {
        return false;
    }
    if (f.package.len == 0 && !get_place(p, result, NULL, &f.package)) {
        return false;
    }
    add(p, f, severity);
    return true;
}

static const struct trivy_list {
    const char *name;
    bool (*add)(struct parser *p, const json_t *result, const json_t *item);
} trivy_lists[] = {
    { "Vulnerabilities", add_trivy },
    { "Secrets", add_trivy_secret },
    { "Misconfigurations", add_trivy_misconfiguration },
    { "Licenses", add_trivy_license },
};

static bool parse_trivy_list(struct parser *p, const json_t *results, size_t index,
                             const struct trivy_list *row) {
    const json_t *result = json_array_get(results, index);
    const json_t *list = NULL;
    if (!is_object(p, result, "it") || !get_list(p, result, row->name, &list)) {
        return err_wrap(p->err, "Results[%zu]", index);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!row->add(p, result, json_array_get(list, i))) {
            return err_wrap(p->err, "Results[%zu].%s[%zu]", index, row->name, i);
        }
    }
    return true;
}

static bool parse_trivy(struct parser *p, const json_t *root) {
    const json_t *results;
    /* A scan that looked at nothing has no Results, but says what it is. */
    if (json_object_get(root, "Results") == NULL &&
        json_object_get(root, "SchemaVersion") == NULL) {
        return err_set(p->err, "it has no 'Results'%s",
                       json_object_get(root, "matches") == NULL
                           ? ""
                           : ", and looks like grype's: use --scanner grype");
    }
    if (!get_list(p, root, "Results", &results)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(results); i++) {
        for (size_t n = 0; n < ARRAY_LEN(trivy_lists); n++) {
            if (!parse_trivy_list(p, results, i, &trivy_lists[n])) {
                return false;
            }
        }
    }
    return true;
}

/* ---- grype: matches[] ---- */

/* The versions of a fix that exists: "3.0.1, 3.1.0". */
static bool get_fix(struct parser *p, const json_t *vulnerability, str *ret) {
    const json_t *fix = json_object_get(vulnerability, "fix");
    const json_t *versions;
    str state;
    *ret = (str){ 0 };
    if (fix == NULL || json_is_null(fix)) {
        return true;
    }
    if (!is_object(p, fix, "'fix'") || !get_text(p, fix, "state", &state) ||
        !get_list(p, fix, "versions", &versions)) {
        return false;
    }
    if (!str_eq(state, S("fixed"))) {
        return true;
    }
    AUTO_BUF out = BUF_INIT(FIX_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *version = json_array_get(versions, i);
        if (!json_is_string(version)) {
            return err_set(p->err, "'fix.versions' does not hold strings");
        }
        buf_add_c(&out, i > 0 ? ", " : "");
        buf_add(&out, (str){ json_string_value(version), json_string_length(version) });
    }
    *ret = str_dup(p->arena, buf_str(&out));
    return true;
}

static bool add_grype(struct parser *p, const json_t *match) {
    struct audit_finding f = { 0 };
    str severity;
    if (!is_object(p, match, "it")) {
        return false;
    }
    const json_t *v = json_object_get(match, "vulnerability");
    const json_t *artifact = json_object_get(match, "artifact");
    if (!is_object(p, v, "'vulnerability'") || !is_object(p, artifact, "'artifact'") ||
        !need_text(p, v, "id", &f.id) || !get_text(p, v, "severity", &severity) ||
        !get_text(p, v, "description", &f.title) || !get_fix(p, v, &f.fixed_version) ||
        !get_text(p, artifact, "name", &f.package) ||
        !get_text(p, artifact, "version", &f.installed_version)) {
        return false;
    }
    add(p, f, severity);
    return true;
}

static bool parse_grype(struct parser *p, const json_t *root) {
    const json_t *matches;
    if (json_object_get(root, "matches") == NULL) {
        return err_set(p->err, "it has no 'matches'%s",
                       json_object_get(root, "Results") == NULL
                           ? ""
                           : ", and looks like trivy's: use --scanner trivy");
    }
    if (!get_list(p, root, "matches", &matches)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(matches); i++) {
        if (!add_grype(p, json_array_get(matches, i))) {
            return err_wrap(p->err, "matches[%zu]", i);
        }
    }
    return true;
}

/* ---- both ---- */

/* The worst first; within a severity the order stays. */
static void sort_findings(struct parser *p) {
    struct audit_report *r = p->report;
    struct audit_finding *sorted = ARENA_ARRAY(p->arena, struct audit_finding, r->len);
    size_t count = 0;
    for (int severity = 0; severity < AUDIT_SEVERITIES; severity++) {
        for (size_t i = 0; i < r->len; i++) {
            if ((int)r->items[i].severity == severity) {
                sorted[count++] = r->items[i];
            }
        }
    }
    r->items = sorted;
}

bool audit_parse(struct arena *a, str text, const char *scanner, struct audit_report *ret,
                 struct err *err) {
    struct parser p = { a, ret, err };
    json_error_t why;
    size_t which = 0;
    while (strcmp(audit_scanner_words[which], scanner) != 0) {
        which++;
    }
    if (str_trim(text).len == 0) {
        return err_set(err, "the input is empty: %s's JSON is expected", scanner);
    }
    json_t *root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, &why);
    if (root == NULL) {
        return err_set(err, "the input is not JSON: line %d, column %d", why.line, why.column);
    }
    bool ok = is_object(&p, root, "it") && parsers[which](&p, root);
    json_decref(root);
    if (!ok) {
        return err_wrap(err, "the input is not %s's JSON", scanner);
    }
    sort_findings(&p);
    return true;
}
