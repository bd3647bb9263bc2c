// SPDX-License-Identifier: Apache-2.0
/* Packages of pip and uv: NAME-VERSION.dist-info with METADATA, and RECORD with the files. */
#include "contents/internal.h"

/* A field of METADATA, which are as mail has them (core metadata specification). */
static str field(str text, const char *name) {
    str key = str_from_c(name);
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (line.len == 0 || str_eq(line, S("\r"))) {
            break; /* the description follows */
        }
        if (str_starts(line, key) && line.len > key.len && line.ptr[key.len] == ':') {
            return str_trim(str_slice(line, key.len + 1, line.len));
        }
    }
    return S("");
}

/* The first field of a line of CSV. */
static str first_cell(struct arena *a, str line) {
    if (!str_starts(line, S("\""))) {
        return str_cut(&line, ',');
    }
    AUTO_BUF out = BUF_INIT(64 * 1024);
    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] == '"' && (i + 1 >= line.len || line.ptr[i + 1] != '"')) {
            break;
        }
        i += line.ptr[i] == '"' ? 1 : 0;
        buf_add_char(&out, line.ptr[i]);
    }
    return str_dup(a, buf_str(&out));
}

static void take_files(struct arena *a, struct contents *c, size_t package, str folder) {
    str text;
    size_t record = contents_find(c, str_fmt(a, "%.*s/RECORD", STR_FMT(folder)));
    str base = path_dir(folder);
    if (!contents_text(a, c, record, &text)) {
        return;
    }
    c->owner[record] = package;
    while (text.len > 0) {
        str cell = first_cell(a, str_trim(str_cut(&text, '\n')));
        str path =
            str_starts(cell, S("/")) ? cell : str_fmt(a, "%.*s/%.*s", STR_FMT(base), STR_FMT(cell));
        size_t node = cell.len > 0 ? contents_find(c, path_clean(a, path)) : CONTENTS_NONE;
        if (node != CONTENTS_NONE && c->owner[node] == CONTENTS_NONE) {
            c->owner[node] = package;
        }
    }
}

static void take_package(struct arena *a, struct contents *c, size_t node) {
    str text;
    if (c->owner[node] != CONTENTS_NONE || !contents_text(a, c, node, &text)) {
        return; /* python3-* of Debian have such folders, too */
    }
    str expression = field(text, "License-Expression");
    struct contents_package p = {
        .kind = CONTENTS_PYTHON,
        .name = field(text, "Name"),
        .version = field(text, "Version"),
        .licence = expression.len > 0 ? expression : field(text, "License"),
        .place = path_dir(c->nodes[node].path),
        .parent = CONTENTS_NONE,
        .line = CONTENTS_NONE,
        .needed_by = CONTENTS_NONE,
    };
    if (p.name.len > 0 && p.version.len > 0) {
        size_t package = contents_add_package(a, c, &p);
        c->owner[node] = package;
        take_files(a, c, package, p.place);
    }
}

void contents_find_python(struct arena *a, struct contents *c) {
    for (size_t i = 0; i < c->node_count; i++) {
        if (S_ISREG(c->nodes[i].mode) && str_ends(c->nodes[i].path, S(".dist-info/METADATA"))) {
            take_package(a, c, i);
        }
    }
}
