// SPDX-License-Identifier: Apache-2.0
/* audit: what a vulnerability scanner found, summed up. */
#include <errno.h>
#include <string.h>

#include "audit/audit.h"
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
      .help = "scanner that produced the JSON" },
    { .name = "input",
      .kind = OPTION_STRING,
      .offset = offsetof(struct audit_options, input),
      .value = "FILE",
      .help = "the scanner's JSON (default: stdin)" },
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct audit_options, json),
      .help = "print the findings as a JSON list" },
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

static void add_padded(struct buf *out, size_t width, str text) {
    add_plain(out, text);
    buf_add_repeat(out, ' ', 2 + (width > text.len ? width - text.len : 0));
}

static void add_counts(const struct audit_report *report, struct buf *out) {
    static const struct {
        const char *one;
        const char *several;
    } words[AUDIT_KINDS] = {
        { "vulnerability", "vulnerabilities" },
        { "secret", "secrets" },
        { "misconfiguration", "misconfigurations" },
        { "license", "licenses" },
    };
    for (size_t i = 0; i < AUDIT_KINDS; i++) {
        if (i == 0 || report->kinds[i] > 0) {
            buf_addf(out, "%s%zu %s", i == 0 ? "" : ", ", report->kinds[i],
                     report->kinds[i] == 1 ? words[i].one : words[i].several);
        }
    }
    buf_add_char(out, '\n');
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
        add_plain(out, f->installed_version);
        if (f->kind == AUDIT_VULNERABILITY) {
            buf_add_c(out, f->fixed_version.len > 0 ? " -> " : " (no fix)");
            add_plain(out, f->fixed_version);
        } else {
            buf_add_c(out, audit_kind_words[f->kind]);
        }
        buf_add_c(out, f->title.len > 0 ? "  " : "");
        add_plain(out, f->title);
        buf_add_char(out, '\n');
    }
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
        audit_add_json(&report, o->scanner, &out);
    } else {
        add_text(&report, &out);
    }
    if (out.full) {
        print_error(cli, "audit: the findings are too many to print");
        return EXIT_FAILED;
    }
    print_text(stdout, buf_str(&out));
    bool bad = report.counts[AUDIT_CRITICAL] + report.counts[AUDIT_HIGH] > 0;
    return bad ? EXIT_FAILED : EXIT_OK;
}

const struct command command_audit = {
    .name = "audit",
    .arguments = "[GUEST]",
    .summary = "summarize a vulnerability scanner's report",
    .details = "Reads the JSON of trivy (vulnerabilities, secrets, misconfigurations, licenses)\n"
               "or grype. The exit code is 1 if the report contains a CRITICAL or HIGH finding\n"
               "or cannot be read:\n"
               "\n"
               "    trivy rootfs --format json /mnt | capsem-builder audit",
    .options = audit_option_rows,
    .option_count = ARRAY_LEN(audit_option_rows),
    .options_size = sizeof(struct audit_options),
    .defaults = &audit_defaults,
    .args_max = 1,
    .run = run,
};
