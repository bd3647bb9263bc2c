// SPDX-License-Identifier: Apache-2.0
/*
 * A whole config folder in one text: a line "#@ ai/x.toml" starts the file of that path. The files
 * load from memory; what loads without errors dumps as JSON.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_file(struct loader *l, str path, str text) {
    struct config_file_text file = { .path = str_to_c(l->arena, path) };
    file.source = sources_add(l->sources, path, text);
    file.doc = toml_parse(l->arena, l->sink, file.source);
    ARENA_PUSH(l->arena, l->files, l->file_count, l->file_cap, file);
}

static void add_files(struct loader *l, str text) {
    str path = S("build.toml");
    size_t from = 0;
    while (from <= text.len) {
        size_t mark = str_find(text, S("#@ "), from);
        size_t end = mark == STR_NONE ? text.len : mark;
        add_file(l, path, str_slice(text, from, end));
        if (mark == STR_NONE) {
            return;
        }
        size_t line = str_find_char(text, '\n', mark);
        line = line == STR_NONE ? text.len : line;
        path = str_slice(text, mark + 3, line);
        from = line + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config = { .guest_dir = "g", .config_dir = "g/config" };
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    struct loader l = { .arena = a, .sources = &sources, .sink = &sink, .config = &config };
    add_files(&l, (str){ (const char *)data, size });
    load_files(&l);
    lint(&l);

    AUTO_BUF out = BUF_INIT((size_t)64 << 20);
    config_dump_json(&config, &out);
    json_t *json = json_loadb(out.ptr, out.len, JSON_ALLOW_NUL, NULL);
    ASSERT(json != NULL);
    json_decref(json);
    buf_reset(&out);
    diag_render(&sink, &(struct diag_style){ .format = DIAG_TEXT, .width = 80 }, &out);
    ASSERT(str_is_utf8(buf_str(&out), NULL));
    buf_reset(&out);
    diag_render(&sink, &(struct diag_style){ .format = DIAG_SARIF }, &out);
    return 0;
}
