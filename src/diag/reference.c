// SPDX-License-Identifier: Apache-2.0
/* The registry as a page of Markdown: docs/reference/diagnostics.md. */
#include "diag/diag.h"

#define INDENT S("    ")

/* A line of text: what Markdown would take for markup is escaped. */
static void add_text(struct buf *out, str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (str_find_char(S("\\`*<|"), line.ptr[i], 0) != STR_NONE) {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, line.ptr[i]);
    }
}

/* Indented lines are an example, which Markdown shows as it is. */
static void add_explanation(struct buf *out, str text) {
    while (text.ptr != NULL) {
        str line = str_cut(&text, '\n');
        if (str_starts(line, INDENT)) {
            buf_add(out, line);
        } else {
            add_text(out, line);
        }
        buf_add_char(out, '\n');
    }
}

void diag_reference(struct buf *out) {
    buf_add_c(out, "# Diagnostics\n\n"
                   "Every diagnostic, as `capsem-builder reference diagnostics` prints them; "
                   "`capsem-builder explain CODE`\nshows one. An error ends the command with exit "
                   "code 1, a warning does so only with `--deny-warnings`.\nIn an example a line "
                   "`# PATH` names a file of the guest folder, `$` a command that is run there.\n\n"
                   "| code | | |\n|---|---|---|\n");
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        buf_addf(out, "| %s | %s | ", code->name,
                 code->severity == DIAG_ERROR ? "error" : "warning");
        add_text(out, str_from_c(code->title));
        buf_add_c(out, " |\n");
    }
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        buf_addf(out, "\n## %s: ", code->name);
        add_text(out, str_from_c(code->title));
        buf_add_c(out, "\n\n");
        add_explanation(out, str_from_c(code->explanation));
    }
}
