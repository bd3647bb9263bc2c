// SPDX-License-Identifier: Apache-2.0
/*
 * Packages of dpkg: paragraphs of its status file, and a list of files for each. Lists have names
 * as packages have them, and a root may have "/bin -> usr/bin": they are compared by where they
 * lead.
 */
#include "contents/internal.h"

static const char status_file[] = "/var/lib/dpkg/status";
static const char info_folder[] = "/var/lib/dpkg/info";

/* The value of a field of a paragraph, with the lines that continue it. */
static str field(str paragraph, const char *name) {
    str key = str_from_c(name);
    for (size_t at = 0; at != STR_NONE && at < paragraph.len;) {
        size_t end = str_find_char(paragraph, '\n', at);
        str line = str_slice(paragraph, at, end == STR_NONE ? paragraph.len : end);
        if (str_starts(line, key) && line.len > key.len && line.ptr[key.len] == ':') {
            size_t stop = end;
            while (stop != STR_NONE && stop + 1 < paragraph.len &&
                   char_is_space(paragraph.ptr[stop + 1]) && paragraph.ptr[stop + 1] != '\n') {
                stop = str_find_char(paragraph, '\n', stop + 1);
            }
            return str_trim(
                str_slice(paragraph, at + key.len + 1, stop == STR_NONE ? paragraph.len : stop));
        }
        at = end == STR_NONE ? STR_NONE : end + 1;
    }
    return S("");
}

/* "glibc (2.36-9)": name and version of a Source field. */
static void take_source(str text, struct contents_package *p) {
    str rest = text;
    str name = str_cut(&rest, ' ');
    p->source = name.len > 0 ? name : p->name;
    p->source_version = p->version;
    if (str_starts(rest, S("(")) && str_ends(rest, S(")"))) {
        p->source_version = str_slice(rest, 1, rest.len - 1);
    }
}

/* The path of a list as the image has it: a link at its start is followed. */
static str resolve(struct arena *a, const struct contents *c, str path) {
    str rest = str_slice(path, 1, path.len);
    str first = str_cut(&rest, '/');
    size_t top = contents_find(c, str_concat(a, S("/"), first));
    if (rest.len == 0 || top == CONTENTS_NONE || c->nodes[top].link.len == 0) {
        return path;
    }
    str link = c->nodes[top].link;
    return str_fmt(a, "%s%.*s/%.*s", link.ptr[0] == '/' ? "" : "/", STR_FMT(link), STR_FMT(rest));
}

static void take_files(struct arena *a, struct contents *c, size_t package, size_t list) {
    str text;
    if (!contents_text(a, c, list, &text)) {
        return;
    }
    while (text.len > 0) {
        str path = str_cut(&text, '\n');
        size_t node = path.len > 1 && path.ptr[0] == '/' ? contents_find(c, resolve(a, c, path))
                                                         : CONTENTS_NONE;
        if (node != CONTENTS_NONE && c->owner[node] == CONTENTS_NONE &&
            !S_ISDIR(c->nodes[node].mode)) {
            c->owner[node] = package;
        }
    }
}

/* "libc6:amd64.list" is a record of libc6, and belongs to it. */
static void take_record(struct arena *a, struct contents *c, size_t node, const struct map *names) {
    str file = path_base(c->nodes[node].path);
    str name = str_slice(file, 0, str_find_last_char(file, '.'));
    uintptr_t index = (uintptr_t)map_find(names, str_cut(&name, ':'));
    if (index == 0) {
        return;
    }
    c->owner[node] = (size_t)index - 1;
    if (str_ends(file, S(".list"))) {
        take_files(a, c, (size_t)index - 1, node);
    }
}

static void take_paragraph(struct arena *a, struct contents *c, str paragraph, struct map *names) {
    struct contents_package p = {
        .kind = CONTENTS_DEB,
        .name = field(paragraph, "Package"),
        .version = field(paragraph, "Version"),
        .architecture = field(paragraph, "Architecture"),
        .base = str_eq(field(paragraph, "Essential"), S("yes")) ||
                str_eq(field(paragraph, "Priority"), S("required")) ||
                str_eq(field(paragraph, "Package"), S("apt")),
        .parent = CONTENTS_NONE,
        .line = CONTENTS_NONE,
        .needed_by = CONTENTS_NONE,
    };
    if (p.name.len == 0 || !str_ends(field(paragraph, "Status"), S(" installed"))) {
        return;
    }
    take_source(field(paragraph, "Source"), &p);
    str before = field(paragraph, "Pre-Depends"), with = field(paragraph, "Depends");
    p.needs = str_fmt(a, "%.*s, %.*s", STR_FMT(before), STR_FMT(with));
    map_put(names, p.name, (void *)(uintptr_t)(contents_add_package(a, c, &p) + 1));
}

void contents_find_deb(struct arena *a, struct contents *c) {
    struct map names;
    str text;
    str folder = str_concat(a, str_from_c(info_folder), S("/"));
    if (!contents_text(a, c, contents_find(c, str_from_c(status_file)), &text)) {
        return;
    }
    map_init(&names, a);
    while (text.len > 0) {
        size_t end = str_find(text, S("\n\n"), 0);
        take_paragraph(a, c, str_slice(text, 0, end), &names);
        text = end == STR_NONE ? S("") : str_slice(text, end + 2, text.len);
    }
    for (size_t i = 0; i < c->node_count; i++) {
        if (str_starts(c->nodes[i].path, folder) && S_ISREG(c->nodes[i].mode)) {
            take_record(a, c, i, &names);
        }
    }
}
