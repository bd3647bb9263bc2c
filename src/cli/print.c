// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

enum { DIAGS_BYTES_MAX = 256 * 1024 * 1024 };

void add_plain_lines(struct buf *out, str text) {
    while (text.ptr != NULL) {
        str line = str_cut(&text, '\n');
        add_plain(out, line);
        buf_add_char(out, '\n');
    }
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
    fwrite(line.ptr, 1, line.len, stderr);
}

void print_error(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_line(cli->color_err, "error", "31", fmt, args);
    va_end(args);
}

void print_warning(const struct cli *cli, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_line(cli->color_err, "warning", "33", fmt, args);
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
    print_error(cli, "%s", text.len == 0 ? "failed" : text.ptr);
    if (err->help[0] != '\0') {
        print_help(cli, "%s", err->help);
    }
}

void print_diags(const struct cli *cli, struct diag_sink *sink, FILE *out) {
    AUTO_BUF text = BUF_INIT(DIAGS_BYTES_MAX);
    struct diag_style style = {
        .format = DIAG_TEXT,
        .color = out == stdout ? cli->color_out : cli->color_err,
        .width = out == stdout ? cli->width_out : cli->width,
    };
    diag_render(sink, &style, &text);
    if (text.len > 0) { /* no text has no address */
        fwrite(text.ptr, 1, text.len, out);
    }
}

const char *const diag_format_words[] = { "text", "short", "json", "sarif", NULL };

static enum diag_format format_of(const char *word) {
    int i = 0;
    while (strcmp(diag_format_words[i], word) != 0) {
        i++;
    }
    return (enum diag_format)i;
}

static void add_count(struct buf *out, size_t count, const char *noun) {
    if (count == 0) {
        buf_addf(out, "no %ss", noun);
    } else {
        buf_addf(out, "%zu %s%s", count, noun, count == 1 ? "" : "s");
    }
}

/* The diagnostics, and a summary line where the format is for people. */
static void write_result(struct diag_sink *sink, const struct diag_style *style, const char *title,
                         struct buf *out) {
    diag_render(sink, style, out);
    if (style->format != DIAG_TEXT && style->format != DIAG_SHORT) {
        return;
    }
    if (style->format == DIAG_TEXT && sink->len > 0) {
        buf_add_char(out, '\n');
    }
    buf_addf(out, "%s: ", title);
    add_count(out, sink->errors, "error");
    buf_add_c(out, ", ");
    add_count(out, sink->warnings, "warning");
    buf_add_char(out, '\n');
}

void print_findings(const struct cli *cli, struct diag_sink *sink, const char *format,
                    const char *title) {
    AUTO_BUF out = BUF_INIT(DIAGS_BYTES_MAX);
    struct diag_style style = {
        .format = format_of(format),
        .color = cli->color_out,
        .width = cli->width_out,
    };
    write_result(sink, &style, title, &out);
    if (out.len > 0) { /* no text has no address */
        fwrite(out.ptr, 1, out.len, stdout);
    }
}

static char *ring_next(size_t *ret_size) {
    static char ring[4][32];
    static unsigned at;
    *ret_size = sizeof ring[0];
    return ring[at++ % ARRAY_LEN(ring)];
}

const char *format_bytes(uint64_t bytes) {
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    size_t size;
    char *text = ring_next(&size);
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(text, size, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

const char *format_duration_ms(uint64_t ms) {
    size_t size;
    char *text = ring_next(&size);
    if (ms < 1000) {
        snprintf(text, size, "%u ms", (unsigned)ms);
    } else if (ms < 60000) {
        snprintf(text, size, "%u.%u s", (unsigned)(ms / 1000), (unsigned)(ms % 1000 / 100));
    } else {
        snprintf(text, size, "%u:%02u min", (unsigned)(ms / 60000), (unsigned)(ms / 1000 % 60));
    }
    return text;
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
