// SPDX-License-Identifier: Apache-2.0
/* audit: what a vulnerability scanner found, summed up. */
#include <errno.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/commands.h"

enum { REPORT_BYTES_MAX = 256 * 1024 * 1024, OUTPUT_BYTES_MAX = 512 * 1024 * 1024 };

struct audit_options {
    const char *scanner;
    const char *input;
    bool json;
};

static const struct option audit_option_rows[] = {
    { .name = "scanner",
      .kind = OPTION_WORD,
      .offset = offsetof(struct audit_options, scanner),
      .value = "NAME",
      .words = audit_scanner_words,
      .help = "whose JSON it is" },
    { .name = "input",
      .kind = OPTION_STRING,
      .offset = offsetof(struct audit_options, input),
      .value = "FILE",
      .help = "the scanner's JSON (stdin)" },
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct audit_options, json),
      .help = "the findings as a JSON list" },
};

static const struct audit_options audit_defaults = { .scanner = "trivy" };

/* A file, a pipe or stdin. */
static bool load_report(struct arena *a, const char *path, str *ret, struct err *err) {
    if (path == NULL || strcmp(path, "-") == 0) {
        return fs_load_fd(a, STDIN_FILENO, "stdin", REPORT_BYTES_MAX, ret, err);
    }
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open '%s'", path);
    }
    return fs_load_fd(a, fd, path, REPORT_BYTES_MAX, ret, err);
}

/* Text of a report is anybody's: control characters would reach the terminal. */
static void add_shown(struct buf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_add_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

static void add_padded(struct buf *out, size_t width, str text) {
    add_shown(out, text);
    buf_add_repeat(out, ' ', 2 + (width > text.len ? width - text.len : 0));
}

static void add_counts(const struct audit_report *report, struct buf *out) {
    buf_addf(out, "%zu vulnerabilit%s\n", report->len, report->len == 1 ? "y" : "ies");
    for (size_t i = 0; i < AUDIT_SEVERITIES; i++) {
        buf_addf(out, "  %-8s  %zu\n", audit_severity_words[i], report->counts[i]);
    }
}

static void add_text(const struct audit_report *report, struct buf *out) {
    enum { WIDTH_MAX = 32 };
    size_t id = 0;
    size_t package = 0;
    for (size_t i = 0; i < report->len; i++) {
        id = max_size(id, min_size(report->items[i].id.len, WIDTH_MAX));
        package = max_size(package, min_size(report->items[i].package.len, WIDTH_MAX));
    }
    add_counts(report, out);
    for (size_t i = 0; i < report->len; i++) {
        const struct audit_finding *f = &report->items[i];
        buf_add_c(out, i == 0 ? "\n" : "");
        add_padded(out, sizeof "CRITICAL" - 1, str_from_c(audit_severity_words[f->severity]));
        add_padded(out, id, f->id);
        add_padded(out, package, f->package);
        add_shown(out, f->installed_version);
        buf_add_c(out, f->fixed_version.len > 0 ? " -> " : " (no fix)");
        add_shown(out, f->fixed_version);
        buf_add_c(out, f->title.len > 0 ? "  " : "");
        add_shown(out, f->title);
        buf_add_char(out, '\n');
    }
}

static void add_field(struct buf *out, const char *name, str value, const char *behind) {
    buf_addf(out, "    \"%s\": ", name);
    buf_add_json(out, value);
    buf_add_c(out, behind);
}

static void add_json(const struct audit_report *report, const char *scanner, struct buf *out) {
    buf_add_char(out, '[');
    for (size_t i = 0; i < report->len; i++) {
        const struct audit_finding *f = &report->items[i];
        buf_add_c(out, i > 0 ? ",\n  {\n" : "\n  {\n");
        add_field(out, "id", f->id, ",\n");
        add_field(out, "severity", str_from_c(audit_severity_words[f->severity]), ",\n");
        add_field(out, "package", f->package, ",\n");
        add_field(out, "installed_version", f->installed_version, ",\n");
        add_field(out, "fixed_version", f->fixed_version, ",\n");
        add_field(out, "title", f->title, ",\n");
        add_field(out, "scanner", str_from_c(scanner), "\n  }");
    }
    buf_add_c(out, report->len > 0 ? "\n]\n" : "]\n");
}

static int run(struct cli *cli, const void *options) {
    const struct audit_options *o = options;
    struct audit_report report = { 0 };
    struct err err = ERR_INIT;
    str text;
    if (cli->arg_count > 0 && cli_guest_dir(cli) == NULL) {
        return EXIT_FAILED;
    }
    if (!load_report(cli->arena, o->input, &text, &err) ||
        !audit_parse(cli->arena, text, o->scanner, &report, &err)) {
        err_wrap(&err, "audit");
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (o->json) {
        add_json(&report, o->scanner, &out);
    } else {
        add_text(&report, &out);
    }
    if (out.full) {
        print_error(cli, "audit: the findings are too many to print");
        return EXIT_FAILED;
    }
    fwrite(out.ptr, 1, out.len, stdout);
    bool bad = report.counts[AUDIT_CRITICAL] + report.counts[AUDIT_HIGH] > 0;
    return bad ? EXIT_FAILED : EXIT_OK;
}

const struct command command_audit = {
    .name = "audit",
    .arguments = "[GUEST]",
    .summary = "sum up what a vulnerability scanner found",
    .details = "Reads the JSON of trivy or grype. The exit code is 1 when something CRITICAL or\n"
               "HIGH is in it, or when it cannot be read:\n\n"
               "    trivy rootfs --format json /mnt | capsem-builder audit",
    .options = audit_option_rows,
    .option_count = ARRAY_LEN(audit_option_rows),
    .options_size = sizeof(struct audit_options),
    .defaults = &audit_defaults,
    .args_max = 1,
    .run = run,
};
