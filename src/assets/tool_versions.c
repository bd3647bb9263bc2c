// SPDX-License-Identifier: Apache-2.0
/* docs/spec/outputs.md, "Tool versions". */
#include "assets/assets.h"

/* The first line that has something in it. */
static str first_line(str text) {
    str rest = text;
    while (rest.len > 0) {
        str line = str_trim(str_cut(&rest, '\n'));
        if (line.len > 0) {
            return line;
        }
    }
    return (str){ 0 };
}

/* One line stays one line: what commands print is not ours to trust. */
static void add_clean(struct buf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != 0x7F) {
            buf_add_char(out, (char)c);
        } else if (c == '\t') {
            buf_add_char(out, ' ');
        }
    }
}

void assets_tool_versions_text(const struct assets_tool_section *sections, size_t count,
                               struct buf *out) {
    for (size_t i = 0; i < count; i++) {
        if (sections[i].count == 0) {
            continue;
        }
        buf_add(out, S("# "));
        add_clean(out, sections[i].title);
        buf_add_char(out, '\n');
        for (size_t k = 0; k < sections[i].count; k++) {
            const struct assets_tool_version *tool = &sections[i].tools[k];
            add_clean(out, tool->key);
            buf_add_char(out, '=');
            add_clean(out, tool->failed ? S("N/A") : first_line(tool->output));
            buf_add_char(out, '\n');
        }
    }
}

const struct assets_tool_version *
assets_tool_versions_missing(const struct assets_tool_section *sections, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sections[i].count; k++) {
            const struct assets_tool_version *tool = &sections[i].tools[k];
            str said = first_line(tool->output);
            if (tool->required && (tool->failed || said.len == 0 || str_eq(said, S("N/A")))) {
                return tool;
            }
        }
    }
    return NULL;
}
