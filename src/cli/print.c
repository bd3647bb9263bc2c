// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/events.h"

enum { DIAGS_BYTES_MAX = 256 * 1024 * 1024, FOREIGN_BYTES_MAX = 64 * 1024 * 1024 };

void add_plain_lines(struct buf *out, str text) {
    while (text.ptr != NULL) {
        str line = str_cut(&text, '\n');
        add_plain(out, line);
        buf_add_char(out, '\n');
    }
}

void print_text(FILE *out, str text) {
    if (text.len > 0) { /* no text may have no address */
        fwrite(text.ptr, 1, text.len, out);
    }
}

void print_foreign(const struct cli *cli, FILE *out, str text) {
    AUTO_BUF shown = BUF_INIT(FOREIGN_BYTES_MAX);
    if (text.len == 0) {
        return;
    }
    add_foreign(&shown, text, out == stdout ? cli->color_out : cli->color_err);
    if (!str_ends(buf_str(&shown), S("\n"))) {
        buf_add_char(&shown, '\n');
    }
    print_text(out, buf_str(&shown));
}

static void print_line(bool color, const char *label, const char *sgr, const char *fmt,
                       va_list args) {
    /* One write: lines of several processes do not mix. */
    AUTO_BUF line = BUF_INIT(256 * 1024);
    if (color) {
        buf_addf(&line, "\033[1;%sm%s:\033[0m ", sgr, label);
    } else {
        buf_addf(&line, "%s: ", label);
    }
    AUTO_BUF text = BUF_INIT(32 * 1024);
    buf_vaddf(&text, fmt, args);
    add_plain_lines(&line, buf_str(&text));
    print_text(stderr, buf_str(&line));
}

static void print_event(const char *event, const char *fmt, va_list args) {
    AUTO_BUF text = BUF_INIT(32 * 1024);
    buf_vaddf(&text, fmt, args);
    event_message(event, buf_str(&text), S(""));
}

void print_error(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (cli->events) {
        print_event("error", fmt, args);
    } else {
        print_line(cli->color_err, "error", "31", fmt, args);
    }
    va_end(args);
}

void print_warning(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (cli->events) {
        print_event("warning", fmt, args);
    } else {
        print_line(cli->color_err, "warning", "33", fmt, args);
    }
    va_end(args);
}

void print_note(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (cli->events) {
        print_event("notice", fmt, args);
    } else {
        print_line(cli->color_err, "note", "36", fmt, args);
    }
    va_end(args);
}

static void print_help(const struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void print_help(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_line(cli->color_err, " help", "36", fmt, args);
    va_end(args);
}

void print_err(const struct cli *cli, const struct err *err) {
    AUTO_BUF text = BUF_INIT(16 * 1024);
    err_text(err, &text);
    if (cli->events) {
        event_message("error", text.len == 0 ? S("failed") : buf_str(&text), str_from_c(err->help));
        return;
    }
    print_error(cli, "%s", text.len == 0 ? "failed" : text.ptr);
    if (err->help[0] != '\0') {
        print_help(cli, "%s", err->help);
    }
}

void print_diags(const struct cli *cli, struct diag_sink *sink, FILE *out) {
    AUTO_BUF text = BUF_INIT(DIAGS_BYTES_MAX);
    if (cli->events && out == stderr) {
        event_diags(cli->arena, sink);
        return;
    }
    struct diag_style style = {
        .format = DIAG_TEXT,
        .color = out == stdout ? cli->color_out : cli->color_err,
        .width = out == stdout ? cli->width_out : cli->width,
    };
    diag_render(sink, &style, &text);
    print_text(out, buf_str(&text));
}

void print_findings(const struct cli *cli, struct diag_sink *sink, const char *format,
                    const char *title) {
    AUTO_BUF out = BUF_INIT(DIAGS_BYTES_MAX);
    struct diag_style style = {
        .format = diag_format_of(format),
        .color = cli->color_out,
        .width = cli->width_out,
    };
    diag_render_findings(sink, &style, title, &out);
    print_text(stdout, buf_str(&out));
}

const char *cli_guest_dir(const struct cli *cli) {
    const char *dir = cli->arg_count > 0 ? cli->args[0] : "guest";
    if (dir[0] == '\0') {
        print_error(cli, "the name of the guest folder is empty");
        return NULL;
    }
    if (!fs_is_dir(AT_FDCWD, dir)) {
        print_error(cli,
                    "'%s' is not a folder: give a guest folder, or make one with "
                    "'capsem-builder init %s'",
                    dir, dir);
        return NULL;
    }
    return dir;
}
