// SPDX-License-Identifier: Apache-2.0
/* The registry as pages of Markdown: docs/reference/diagnostics/. */
#include <string.h>

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

static const char *kind(const struct diag_code *code) {
    return code->severity == DIAG_ERROR ? "error" : "warning";
}

void diag_reference(struct buf *out) {
    buf_add_c(out, "# Diagnostics\n\n"
                   "Every diagnostic, as `capsem-builder reference diagnostics` prints the list; "
                   "`capsem-builder explain CODE`\nshows one. An error ends the command with exit "
                   "code 1, a warning does so only with `--deny-warnings`.\n"
                   "[When each is reported](../../spec/diagnostics.md), and where it points.\n\n"
                   "| code | | |\n|---|---|---|\n");
    for (size_t i = 0; i < diag_codes_count; i++) {
        const struct diag_code *code = &diag_codes[i];
        buf_addf(out, "| [%s](%s.md) | %s | ", code->name, code->name, kind(code));
        add_text(out, str_from_c(code->title));
        buf_add_c(out, " |\n");
    }
}

void diag_reference_page(const struct diag_code *code, struct buf *out) {
    buf_addf(out, "# %s: ", code->name);
    add_text(out, str_from_c(code->title));
    buf_addf(out, "\n\n%s [%s](README.md).", code->severity == DIAG_ERROR ? "An" : "A", kind(code));
    if (strstr(code->explanation, "\n    ") != NULL) {
        buf_add_c(out, " In the example a line `# PATH` names a file of the guest folder, `$` a "
                       "command that is run there.");
    }
    buf_add_c(out, "\n\n");
    add_explanation(out, str_from_c(code->explanation));
}
