// SPDX-License-Identifier: Apache-2.0
/* The guest folder: what its check said, sorted by what has to be mended. */
#include "doctor/internal.h"

/* Codes about files beside the TOML: each belongs to one check here. */
static const struct {
    const char *code;
    const char *check;
} file_codes[] = {
    { "E300", "kernel configurations" },
    { "E301", "artifacts" },
    { "E302", "artifacts" },
    { "E304", "artifacts" },
    { "E303", "agent" },
};

/* The check that a diagnostic belongs to. */
static const char *check_of(const struct diag *diag) {
    for (size_t i = 0; i < ARRAY_LEN(file_codes); i++) {
        if (str_eq(str_from_c(diag->code->name), str_from_c(file_codes[i].code))) {
            return file_codes[i].check;
        }
    }
    return "config";
}

struct tally {
    size_t errors;
    size_t warnings;
    const struct diag *first; /* errors come before warnings; NULL: none */
};

static struct tally count(const struct doctor *d, const char *check) {
    struct tally t = { 0 };
    for (size_t i = 0; i < d->sink.len; i++) {
        const struct diag *diag = &d->sink.items[i];
        if (str_eq(str_from_c(check_of(diag)), str_from_c(check))) {
            t.first = t.first == NULL ? diag : t.first;
            *(diag->code->severity == DIAG_ERROR ? &t.errors : &t.warnings) += 1;
        }
    }
    return t;
}

/* False when there was something; the first message stands for all. */
static bool is_clean(struct doctor *d, const char *check) {
    struct tally t = count(d, check);
    if (t.first == NULL) {
        return true;
    }
    AUTO_BUF more = BUF_INIT(256);
    if (t.errors + t.warnings > 1) {
        buf_addf(&more, " (and %zu more)", t.errors + t.warnings - 1);
    }
    struct doctor_finding *f =
        doctor_report(d, t.errors > 0 ? FINDING_FAIL : FINDING_WARN, NULL, "[%s] %.*s%s",
                      t.first->code->name, STR_FMT(t.first->message), more.len > 0 ? more.ptr : "");
    doctor_fix(d, f, "capsem-builder validate %s", d->request->guest_dir);
    return false;
}

/* Who has no guest folder yet asks about the machine; who names one wants that one. */
static void report_no_guest(struct doctor *d) {
    bool named = d->request->guest_is_named;
    struct doctor_finding *f = doctor_report(
        d, named ? FINDING_FAIL : FINDING_WARN, NULL,
        "the folder '%s' does not exist: only the machine was checked", d->request->guest_dir);
    AUTO_BUF word = BUF_INIT(4 * PATH_MAX);
    buf_add_shell_word(&word, str_from_c(d->request->guest_dir));
    doctor_fix(d, f, "capsem-builder init %s", word.ptr);
}

void doctor_check_config(struct doctor *d) {
    if (!d->has_guest) {
        report_no_guest(d);
        return;
    }
    if (!is_clean(d, "config")) {
        return;
    }
    const struct guest_config *c = &d->config;
    AUTO_BUF names = BUF_INIT(16 * 1024);
    for (size_t i = 0; i < c->build.architectures.len; i++) {
        buf_addf(&names, "%s%.*s", i > 0 ? ", " : "",
                 STR_FMT(c->build.architectures.items[i].head.key));
    }
    str image = c->image.head.present ? c->image.name.text : S("unnamed image");
    doctor_report(d, FINDING_PASS, NULL, "%.*s, for %s", STR_FMT(image), names.ptr);
}

/* The config that names the files did not load: then nothing is known about them. */
static bool is_known(const struct doctor *d) {
    return count(d, "config").errors == 0;
}

void doctor_check_kernel_configs(struct doctor *d) {
    if (is_clean(d, "kernel configurations") && is_known(d)) {
        size_t len = d->config.build.architectures.len;
        doctor_report(d, FINDING_PASS, NULL, "%zu of %zu exist", len, len);
    }
}

/* The folder of a new guest folder; its other ones stay as they are. */
static void fix_folder(struct doctor *d, struct doctor_finding *f, const char *name) {
    doctor_fix(d, f, "capsem-builder init /tmp/fresh-guest && cp -r /tmp/fresh-guest/%s %s/%s",
               name, d->request->guest_dir, name);
}

void doctor_check_artifacts(struct doctor *d) {
    if (!is_clean(d, "artifacts")) {
        return;
    }
    if (d->config.artifacts_dir != NULL) {
        doctor_report(d, FINDING_PASS, NULL, "complete in %s", d->config.artifacts_dir);
    } else {
        struct doctor_finding *f = doctor_report(
            d, FINDING_FAIL, NULL, "the folder %s/artifacts does not exist: a build needs it",
            d->request->guest_dir);
        fix_folder(d, f, "artifacts");
    }
}

void doctor_check_agent_sources(struct doctor *d) {
    size_t len = d->config.build.guest_binaries.len;
    if (!is_clean(d, "agent") || !is_known(d)) {
        return;
    }
    if (len > 0 && d->config.agent_dir == NULL) {
        struct doctor_finding *f = doctor_report(
            d, FINDING_FAIL, NULL, "the folder %s/agent does not exist", d->request->guest_dir);
        fix_folder(d, f, "agent");
    } else {
        doctor_report(d, FINDING_PASS, NULL, "sources of %zu guest binar%s", len,
                      len == 1 ? "y" : "ies");
    }
}
