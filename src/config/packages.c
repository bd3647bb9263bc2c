// SPDX-License-Identifier: Apache-2.0
/* The names in lists of packages: E013, W020. What managers take is their own grammar; only what
 * none of its readings allows is reported here. */
#include "config/internal.h"

/* Debian Policy 5.6.1 and 5.6.12, with what apt-get adds: "name:arch", "name=version",
 * "name/release", "name+" and "name-" ("DESCRIPTION" of apt-get(8)), and globs. */
static bool is_apt_byte(char c) {
    return char_is_alnum(c) || str_find_char(S("+-.:~=/_*?^"), c, 0) != STR_NONE;
}

/* A package specification of npm: names, ranges, tags, addresses, and paths have no blanks. */
static bool is_word_byte(char c) {
    return (unsigned char)c > ' ' && c != 0x7F;
}

/* "requests >= 2 ; python_version > '3.8'" (PEP 508). */
static bool is_text_byte(char c) {
    return (unsigned char)c >= ' ' && c != 0x7F;
}

static const struct {
    bool (*takes)(char c);
    const char *what;
} names[CONFIG_MANAGER_COUNT] = {
    [CONFIG_MANAGER_APT] = { is_apt_byte, "a package of apt: 'git' or 'git=1:2.39.5-0+deb12u2'" },
    [CONFIG_MANAGER_UV] = { is_text_byte, "a Python package: 'polars' or 'polars==1.9'" },
    [CONFIG_MANAGER_PIP] = { is_text_byte, "a Python package: 'polars' or 'polars==1.9'" },
    [CONFIG_MANAGER_NPM] = { is_word_byte, "a package of npm: 'typescript' or '@scope/name@1.2'" },
    [CONFIG_MANAGER_CURL] = { is_word_byte, "the URL of an installer" },
};

static bool has_blank(str name) {
    for (size_t i = 0; i < name.len; i++) {
        if (char_is_space(name.ptr[i])) {
            return true;
        }
    }
    return false;
}

static bool is_taken(enum config_manager manager, str name) {
    bool ok = name.len > 0 && name.ptr[0] != '-' && !str_ends(name, S("="));
    for (size_t i = 0; ok && i < name.len; i++) {
        ok = names[manager].takes(name.ptr[i]);
    }
    return ok;
}

static void check_name(struct loader *l, enum config_manager manager,
                       const struct config_text *name) {
    if (is_taken(manager, name->text)) {
        return;
    }
    struct diag *d = diag_report(l->sink, "E013", name->span, "'%.*s' is not %s",
                                 STR_FMT(name->text), names[manager].what);
    if (name->text.len > 0 && name->text.ptr[0] == '-') {
        diag_help(l->sink, d, "options go into install_cmd");
    } else if (has_blank(name->text)) {
        diag_help(l->sink, d, "write each package as a text of its own: \"a\", \"b\"");
    }
}

void lint_package_names(struct loader *l, const struct config_list *packages) {
    struct map seen;
    map_init(&seen, l->arena);
    for (size_t i = 0; i < packages->len; i++) {
        struct config_text *name = &packages->items[i];
        const struct config_text *first = map_find(&seen, name->text);
        if (first == NULL) {
            map_put(&seen, name->text, name);
            continue;
        }
        struct diag *d =
            diag_report(l->sink, "W020", name->span, "'%.*s' is listed twice", STR_FMT(name->text));
        diag_note(l->sink, d, first->span, "first listed here");
    }
}

void check_package_names(struct loader *l, const struct config_choice *manager,
                         const struct config_list *packages) {
    bool is_known = str_eq(manager->text, str_from_c(config_manager_words[manager->value]));
    for (size_t i = 0; is_known && i < packages->len; i++) {
        check_name(l, (enum config_manager)manager->value, &packages->items[i]);
    }
}

void check_install(struct loader *l, const struct toml_node *table, void *value) {
    const struct config_install *install = value;
    check_package_names(l, &install->manager, &install->packages);
}
