// SPDX-License-Identifier: Apache-2.0
/* Rules of single values and of records that a row of the field tables cannot say. */
#include <jansson.h>
#include <string.h>

#include "config/internal.h"

/* ---- domains: E006 ---- */

/* What is wrong with a domain; NULL: nothing. *ret_fixed is what it may have meant. */
static const char *domain_mistake(str domain, str *ret_fixed) {
    str rest = domain;
    const char *wrong = NULL;
    size_t scheme = str_find(rest, S("://"), 0);
    if (str_trim(domain).len == 0) {
        return domain.len == 0 ? "is empty" : "is blank";
    }
    if (scheme != STR_NONE) {
        wrong = "has a scheme";
        rest = str_slice(rest, scheme + 3, rest.len);
    }
    size_t slash = str_find_char(rest, '/', 0);
    if (slash != STR_NONE) {
        wrong = wrong != NULL ? wrong : "has a path";
        rest = str_slice(rest, 0, slash);
    }
    size_t colon = str_find_char(rest, ':', 0);
    if (colon != STR_NONE) {
        wrong = wrong != NULL ? wrong : "has a port";
        rest = str_slice(rest, 0, colon);
    }
    *ret_fixed = rest;
    return wrong;
}

/* A character that no domain has; non-ASCII ones are left to those who resolve names. */
static bool has_strange_character(str domain) {
    for (size_t i = 0; i < domain.len; i++) {
        unsigned char c = (unsigned char)domain.ptr[i];
        if (c < 0x80 && !char_is_alnum((char)c) &&
            str_find_char(S("-_.*"), (char)c, 0) == STR_NONE) {
            return true;
        }
    }
    return false;
}

static const char *label_mistake(str domain) {
    if (has_strange_character(domain)) {
        return "has a character that no domain has";
    }
    bool empty = domain.ptr[0] == '.' || str_find(domain, S(".."), 0) != STR_NONE;
    return empty ? "has an empty part" : NULL;
}

void check_domains(struct loader *l, const struct field *f, const void *value) {
    const struct config_list *list = value;
    for (size_t i = 0; i < list->len; i++) {
        str domain = list->items[i].text;
        str fixed = { 0 };
        const char *wrong = domain_mistake(domain, &fixed);
        bool fixable = wrong != NULL && fixed.len > 0 && label_mistake(fixed) == NULL;
        wrong = wrong != NULL ? wrong : label_mistake(domain);
        if (wrong == NULL) {
            continue;
        }
        struct diag *d = diag_report(l->sink, "E006", list->items[i].span, "domain '%.*s' %s",
                                     STR_FMT(domain), wrong);
        if (fixable) {
            diag_help(l->sink, d, "write '%.*s'", STR_FMT(fixed));
        }
    }
}

/* ---- names and paths: E003, E009 ---- */

bool is_file_name(str name) {
    return name.len > 0 && !str_eq(name, S(".")) && !str_eq(name, S("..")) &&
           str_find_char(name, '/', 0) == STR_NONE && str_find_char(name, '\0', 0) == STR_NONE;
}

bool is_path_inside(struct arena *a, str path) {
    str clean = path_clean(a, path);
    return path.len > 0 && !str_starts(clean, S("/")) && !str_eq(clean, S("..")) &&
           !str_starts(clean, S("../")) && str_find_char(clean, '\0', 0) == STR_NONE;
}

void check_names(struct loader *l, const struct field *f, const void *value) {
    const struct config_list *list = value;
    for (size_t i = 0; i < list->len; i++) {
        str name = list->items[i].text;
        if (!is_file_name(name)) {
            diag_report(l->sink, "E003", list->items[i].span,
                        "%s must contain file names; '%.*s' is not a file name", f->name,
                        STR_FMT(name));
        }
    }
}

/* ---- what steps get of the machine: E003 ---- */

void check_credentials(struct loader *l, const struct field *f, const void *value) {
    static const str kinds[] = { S_INIT("npm"), S_INIT("pip"), S_INIT("apt"), S_INIT("proxy"),
                                 S_INIT("go") };
    const struct config_list *list = value;
    for (size_t i = 0; i < list->len; i++) {
        str name = list->items[i].text;
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            known = known || str_eq(name, kinds[k]);
        }
        if (!known) {
            struct diag *d =
                diag_report(l->sink, "E003", list->items[i].span,
                            "unknown kind of credentials in %s: '%.*s'", f->name, STR_FMT(name));
            suggest_word(l, d, kinds, ARRAY_LEN(kinds), name, "the kinds are");
        }
    }
}

void check_bytes(struct loader *l, const struct field *f, const void *value) {
    const struct config_text *size = value;
    uint64_t bytes;
    if (size->text.len > 0 &&
        (!str_to_bytes(size->text, &bytes) || bytes < CONFIG_STEP_MEMORY_MIN)) {
        struct diag *d = diag_report(l->sink, "E003", size->span,
                                     "%s must be a size of at least 64M, not '%.*s'", f->name,
                                     STR_FMT(size->text));
        diag_help(l->sink, d, "write a number followed by K, M, G or T, such as \"8G\"");
    }
}

/* NUL characters were reported before. */
void check_word(struct loader *l, const struct field *f, const void *value) {
    const struct config_text *word = value;
    bool ok = word->text.len > 0;
    for (size_t i = 0; i < word->text.len; i++) {
        unsigned char c = (unsigned char)word->text.ptr[i];
        ok = ok && (c > ' ' || c == '\0') && c != 0x7F;
    }
    if (!ok) {
        diag_report(l->sink, "E003", word->span, "%s must be one word, %s", f->name,
                    word->text.len > 0 ? "without whitespace" : "and is empty");
    }
}

void check_relative_path(struct loader *l, const struct field *f, const void *value) {
    const struct config_text *path = value;
    if (!is_path_inside(l->arena, path->text)) {
        diag_report(l->sink, "E003", path->span, "%s must be a path inside the config folder",
                    f->name);
    }
}

/* Of an artifact, or where one goes. */
bool is_clean_path(struct loader *l, str path, bool absolute) {
    str clean = path_clean(l->arena, path);
    str slashed = str_fmt(l->arena, "%.*s/", STR_FMT(clean)); /* a folder may end with a slash */
    bool ok = str_eq(path, clean) || str_eq(path, slashed);
    return ok && (absolute ? path.len > 1 && path.ptr[0] == '/' : is_path_inside(l->arena, path)) &&
           str_find_char(path, '\n', 0) == STR_NONE && str_find_char(path, '\0', 0) == STR_NONE;
}

void check_artifact_places(struct loader *l, const struct field *f, const void *value) {
    const struct config_pairs *pairs = value;
    for (size_t i = 0; i < pairs->len; i++) {
        const struct config_pair *pair = &pairs->items[i];
        if (!is_clean_path(l, pair->key, false)) {
            diag_report(l->sink, "E003", pair->key_span,
                        "%s must name files or folders in artifacts/; '%.*s' is neither", f->name,
                        STR_FMT(pair->key));
        }
        str path = pair->value.text;
        if (path.len > 0 && !is_clean_path(l, path, true)) {
            struct diag *d = diag_report(
                l->sink, "E003", pair->value.span,
                "the destination of the artifact '%.*s' must be an absolute path, not '%.*s'",
                STR_FMT(pair->key), STR_FMT(path));
            diag_help(l->sink, d,
                      "for example \"/usr/local/bin/%.*s\"; \"\" keeps it out of the image",
                      STR_FMT(path_base(pair->key)));
        }
    }
}

/* ---- provider files: E009, E010 ---- */

/* jansson says where it stopped: after the token that its text quotes at the end. */
static size_t json_error_offset(str content, const json_error_t *error) {
    size_t stop = min_size((size_t)(error->position > 0 ? error->position : 0), content.len);
    const char *near = strstr(error->text, " near '");
    if (near == NULL) {
        return stop > 0 && stop < content.len ? stop - 1 : stop;
    }
    str token = str_from_c(near + strlen(" near '"));
    token = str_slice(token, 0, token.len - (token.len > 0)); /* the closing quote */
    if (token.len <= stop && str_eq(str_slice(content, stop - token.len, stop), token)) {
        return stop - token.len;
    }
    return stop;
}

/* The message without the quoted token: content may be a secret. */
static str json_error_text(const json_error_t *error) {
    str text = str_from_c(error->text);
    size_t near = str_find(text, S(" near '"), 0);
    return near == STR_NONE ? text : str_slice(text, 0, near);
}

/* Does the content stand in the source as it is, without escapes? */
static bool is_literal(const struct loader *l, const struct config_text *value, size_t *ret_at) {
    str text = l->sources->items[value->span.source]->text;
    size_t at = toml_string_offset(text, value->span, 0);
    *ret_at = at;
    return str_eq(str_slice(text, at, at + value->text.len), value->text);
}

static void check_json(struct loader *l, const struct config_text *content) {
    json_error_t error;
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    if (str_trim(content->text).len == 0) {
        return;
    }
    json_t *json = json_loadb(content->text.ptr, content->text.len, flags, &error);
    if (json != NULL) {
        json_decref(json);
        return;
    }
    struct span span = content->span;
    size_t at;
    if (is_literal(l, content, &at)) {
        size_t offset = json_error_offset(content->text, &error);
        span.start = (uint32_t)(at + offset);
        span.end = span.start + (offset < content->text.len ? 1 : 0);
    }
    str why = json_error_text(&error);
    diag_report(l->sink, "E010", span, "the content is not JSON: %.*s", STR_FMT(why));
}

void check_provider_file(struct loader *l, const struct toml_node *table, void *value) {
    const struct config_file *file = value;
    if (!span_is_set(file->path.span)) {
        return;
    }
    if (!str_starts(file->path.text, S("/"))) {
        struct diag *d = diag_report(l->sink, "E009", file->path.span,
                                     "the path '%.*s' is not absolute", STR_FMT(file->path.text));
        diag_help(l->sink, d, "start it with '/', for example '/root/.config/tool.json'");
    }
    if (str_ends(file->path.text, S(".json")) && span_is_set(file->content.span)) {
        check_json(l, &file->content);
    }
}

/* ---- records ---- */

/* Its name becomes a folder of the assets. */
void check_architecture(struct loader *l, const struct toml_node *table, void *value) {
    const struct config_head *head = value;
    check_machine(l, value);
    if (!is_file_name(head->key)) {
        diag_report(l->sink, "E003", head->key_span,
                    "an architecture name must be a valid file name; '%.*s' is not",
                    STR_FMT(head->key));
    }
}

void check_package_set(struct loader *l, const struct toml_node *table, void *value) {
    const struct config_package_set *set = value;
    check_package_names(l, &set->manager, &set->packages);
    if (set->packages.len == 0) {
        return; /* that was reported */
    }
    struct map packages;
    str *names = ARENA_ARRAY(l->arena, str, set->packages.len);
    map_init(&packages, l->arena);
    for (size_t i = 0; i < set->packages.len; i++) {
        names[i] = set->packages.items[i].text;
        map_put(&packages, set->packages.items[i].text, &set->packages.items[i]);
    }
    for (size_t i = 0; i < set->version_commands.len; i++) {
        const struct config_pair *pair = &set->version_commands.items[i];
        if (!map_has(&packages, pair->key)) {
            struct diag *d = diag_report(l->sink, "E003", pair->key_span,
                                         "version_commands names '%.*s', which is not one of the "
                                         "packages",
                                         STR_FMT(pair->key));
            diag_note(l->sink, d, set->packages.span, "the packages");
            suggest_near(l, d, names, set->packages.len, pair->key, S(""));
        }
    }
}

static const void *member_named(const struct record *record, const char *name, const void *value) {
    for (size_t i = 0; i < record->field_count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return (const char *)value + record->fields[i].offset;
        }
    }
    ASSERT(false);
    return NULL;
}

void check_needs(struct loader *l, const struct record *record, const struct toml_node *table,
                 const void *value) {
    for (size_t i = 0; i < record->need_count; i++) {
        const struct need *need = &record->needs[i];
        const struct config_choice *choice = member_named(record, need->choice, value);
        const struct config_text *text = member_named(record, need->field, value);
        bool needed = span_is_set(choice->span) && str_eq(choice->text, str_from_c(need->word));
        if (needed && !text->present && (table->flags & TOML_INCOMPLETE) == 0) {
            diag_report(l->sink, "E003", toml_span(l->doc, table),
                        "%s is missing in [%.*s]: the %s '%s' needs it", need->field,
                        STR_FMT(table_path_text(l->arena, l->path)), need->choice, need->word);
        }
    }
}
