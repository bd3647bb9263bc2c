// SPDX-License-Identifier: Apache-2.0
#include "make/internal.h"

#include <string.h>

#include "assets/assets.h"
#include "hash/hash.h"

enum { OUTPUT_BYTES_MAX = 4 * 1024 * 1024, COMMAND_SECONDS = 60 };

struct version_entry {
    const char *section;
    str key;
    str command;
    bool required; /* an enabled AI CLI: it must answer */
    str answer;
};

struct version_list {
    struct arena *arena;
    struct version_entry *items;
    size_t len;
    size_t cap;
};

static void add(struct version_list *l, const char *section, str key, str command, bool required) {
    struct version_entry e = { section, key, command, required, S("") };
    if (command.len > 0) {
        ARENA_PUSH(l->arena, l->items, l->len, l->cap, e);
    }
}

static void add_pairs(struct version_list *l, const char *section,
                      const struct config_pairs *pairs) {
    for (size_t i = 0; i < pairs->len; i++) {
        add(l, section, pairs->items[i].key, pairs->items[i].value.text, false);
    }
}

static void list_commands(struct version_list *l, const struct guest_config *c) {
    add_pairs(l, "System", &c->build.version_commands);
    for (size_t i = 0; i < c->package_sets.len; i++) {
        const struct config_package_set *set = &c->package_sets.items[i];
        bool python = str_starts(set->head.key, S("python"));
        if (!python) {
            add_pairs(l, "System", &set->version_commands);
        }
    }
    for (size_t i = 0; i < c->package_sets.len; i++) {
        const struct config_package_set *set = &c->package_sets.items[i];
        if (str_starts(set->head.key, S("python"))) {
            add_pairs(l, "Python", &set->version_commands);
        }
    }
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        if (p->enabled.value && p->cli.head.present) {
            add(l, "AI CLIs", p->cli.key.text, p->cli.version_command.text, true);
        }
    }
}

/* ---- asking ---- */

/* Begins the lines that are the script's own: no program prints it by accident. */
static str make_mark(struct arena *a, const struct version_list *l) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    AUTO_BUF commands = BUF_INIT(OUTPUT_BYTES_MAX);
    for (size_t i = 0; i < l->len; i++) {
        buf_add(&commands, l->items[i].command);
        buf_add_char(&commands, '\0');
    }
    blake3_bytes(buf_str(&commands), digest);
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "capsem-%.16s", hex);
}

/* One shell runs them all: a line "MARK=N" before each answer, "MARK!N" after one that failed. */
static str make_script(struct arena *a, const struct version_list *l) {
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    str mark = make_mark(a, l);
    for (size_t i = 0; i < l->len; i++) {
        buf_addf(&out, "echo '%.*s=%zu'\ntimeout -k 1 %d sh -c ", STR_FMT(mark), i,
                 COMMAND_SECONDS);
        buf_add_shell_word(&out, l->items[i].command);
        buf_addf(&out, " </dev/null 2>&1 || printf '\\n%.*s!%zu\\n'\necho\n", STR_FMT(mark), i);
    }
    return str_dup(a, buf_str(&out));
}

/* The number after the mark; false: an ordinary line. */
static bool is_marked(const struct version_list *l, str mark, str line, bool *ret_failed,
                      size_t *ret_number) {
    uint64_t number;
    if (!str_starts(line, mark) || line.len <= mark.len) {
        return false;
    }
    *ret_failed = line.ptr[mark.len] == '!';
    bool known = (*ret_failed || line.ptr[mark.len] == '=') &&
                 str_to_u64(str_slice(line, mark.len + 1, line.len), &number) && number < l->len;
    *ret_number = known ? (size_t)number : SIZE_MAX;
    return known;
}

static void read_answers(struct version_list *l, str output) {
    size_t at = SIZE_MAX;
    str mark = make_mark(l->arena, l);
    while (output.len > 0) {
        str line = str_trim(str_cut(&output, '\n'));
        bool failed;
        size_t number;
        if (is_marked(l, mark, line, &failed, &number)) {
            l->items[number].answer = failed ? S("") : l->items[number].answer;
            at = failed ? SIZE_MAX : number;
        } else if (at < l->len && line.len > 0 && l->items[at].answer.len == 0) {
            l->items[at].answer = line;
        }
    }
}

static bool ask(struct arena *a, const struct guest_config *c, const struct engine_built *built,
                struct version_list *l, struct err *err) {
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    const struct config_shell *shell = &c->environment.shell;
    const char *const argv[] = { "/bin/sh", "-c", make_script(a, l).ptr, NULL };
    const char *const env[] = {
        str_fmt(a, "PATH=%.*s", STR_FMT(shell->path.text)).ptr,
        str_fmt(a, "HOME=%.*s", STR_FMT(shell->home.text)).ptr,
        str_fmt(a, "LANG=%.*s", STR_FMT(shell->lang.text)).ptr,
        "TERM=dumb",
        "CI=1",
        NULL,
    };
    if (!engine_ask(a, built, argv, env, &out, err)) {
        return err_wrap(err, "query tool versions");
    }
    read_answers(l, str_dup(a, buf_str(&out)));
    return true;
}

/* ---- the text ---- */

/* Entries are in the order of their sections. */
static struct assets_tool_section *make_sections(struct arena *a, const struct version_list *l,
                                                 size_t *ret_count) {
    struct assets_tool_section *sections = ARENA_ARRAY(a, struct assets_tool_section, l->len);
    struct assets_tool_version *tools = ARENA_ARRAY(a, struct assets_tool_version, l->len);
    size_t count = 0;
    for (size_t i = 0; i < l->len; i++) {
        const struct version_entry *e = &l->items[i];
        tools[i] =
            (struct assets_tool_version){ e->key, e->answer, e->answer.len == 0, e->required };
        if (i == 0 || strcmp(e->section, l->items[i - 1].section) != 0) {
            sections[count++] =
                (struct assets_tool_section){ .title = str_from_c(e->section), .tools = &tools[i] };
        }
        sections[count - 1].count++;
    }
    *ret_count = count;
    return sections;
}

static bool check_required(const struct assets_tool_section *sections, size_t count,
                           struct err *err) {
    const struct assets_tool_version *missing = assets_tool_versions_missing(sections, count);
    if (missing == NULL) {
        return true;
    }
    err_set(
        err,
        "the AI CLI '%.*s' does not work in the image: its version_command fails or prints nothing",
        STR_FMT(missing->key));
    return err_help(err,
                    "disable its provider with enabled = false, or correct its version_command");
}

/* The record's name: the content and the questions. */
static str record_name(struct arena *a, const struct build_result *result,
                       const struct version_list *l) {
    str script = make_script(a, l);
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(script, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "tool versions %s %s", result->key.hex, hex);
}

bool make_versions(struct arena *a, struct store *store, const struct guest_config *config,
                   const struct engine_built *built, str *ret, struct err *err) {
    struct version_list l = { .arena = a };
    list_commands(&l, config);
    if (l.len == 0) {
        *ret = S("");
        return true;
    }
    str name = record_name(a, &built->result, &l);
    if (!store_record_load(store, a, "results", name, ret, err)) {
        return false;
    }
    if (ret->len > 0) {
        str_cut(ret, '\n'); /* the layers that answered */
        return true;
    }
    size_t count;
    if (!ask(a, config, built, &l, err)) {
        return false;
    }
    const struct assets_tool_section *sections = make_sections(a, &l, &count);
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    if (!check_required(sections, count, err)) {
        return false;
    }
    assets_tool_versions_text(sections, count, &out);
    *ret = str_dup(a, buf_str(&out));
    str basis = build_basis(store, a, &built->result);
    str text = str_fmt(a, "%.*s\n%.*s", STR_FMT(basis), STR_FMT(*ret));
    return store_record_save(store, "results", name, text, err);
}
