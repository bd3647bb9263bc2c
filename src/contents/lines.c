// SPDX-License-Identifier: Apache-2.0
/*
 * Which line of the config a package is here for: the one that names it, else the first whose
 * package needs it. What nothing needs is of the base image or of the templates.
 */
#include "contents/internal.h"

/* ---- what a line names ---- */

/* "git=1:2.39", "git/bookworm-backports", "git:amd64". */
static str apt_name(str text) {
    size_t end = 0;
    while (end < text.len && str_find_char(S("=/:"), text.ptr[end], 0) == STR_NONE) {
        end++;
    }
    return str_slice(text, 0, end);
}

/* "@scope/name@^1.2", "alias@npm:name@1" is installed as alias. */
static str npm_name(str text) {
    size_t at = str_find_char(text, '@', 1);
    return str_slice(text, 0, at);
}

/* As names of Python packages are compared: PEP 503. */
static str python_name(struct arena *a, str text) {
    AUTO_BUF out = BUF_INIT(1024);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = c == '-' || c == '_' || c == '.';
        if (!char_is_alnum(c) && !dash) {
            break;
        }
        if (dash && out.len > 0 && out.ptr[out.len - 1] == '-') {
            continue;
        }
        buf_add_char(&out, dash ? '-' : c);
    }
    return str_lower(a, str_dup(a, buf_str(&out)));
}

static str name_of(struct arena *a, enum contents_kind kind, str text) {
    return kind == CONTENTS_DEB   ? apt_name(text)
           : kind == CONTENTS_NPM ? npm_name(text)
                                  : python_name(a, text);
}

static bool kind_of(int manager, enum contents_kind *ret) {
    *ret = manager == CONFIG_MANAGER_APT   ? CONTENTS_DEB
           : manager == CONFIG_MANAGER_NPM ? CONTENTS_NPM
                                           : CONTENTS_PYTHON;
    return manager != CONFIG_MANAGER_CURL;
}

/* "packages/apt.toml:9"; without a place in a text, the table. */
static str place_of(struct arena *a, struct sources *sources, struct span span, str table) {
    if (sources == NULL || !span_is_set(span)) {
        return table;
    }
    struct position at = sources_position(sources, span.source, span.start);
    str name = sources->items[span.source]->path;
    size_t config = str_find(name, S("config/"), 0);
    name = config == STR_NONE ? name : str_slice(name, config + 7, name.len);
    return str_fmt(a, "%.*s:%zu", STR_FMT(name), (size_t)at.line);
}

static void add_lines(struct arena *a, struct contents *c, struct sources *sources,
                      const struct config_list *packages, int manager, str table) {
    enum contents_kind kind;
    if (!kind_of(manager, &kind)) {
        return;
    }
    for (size_t i = 0; i < packages->len; i++) {
        const struct config_text *text = &packages->items[i];
        struct contents_line line = {
            .place = place_of(a, sources, text->span, table),
            .name = text->text,
            .kind = kind,
            .wanted = name_of(a, kind, text->text),
        };
        ARENA_PUSH(a, c->lines, c->line_count, c->line_cap, line);
    }
}

static void collect_lines(struct arena *a, struct contents *c, struct sources *sources,
                          const struct guest_config *config) {
    for (size_t i = 0; i < config->package_sets.len; i++) {
        const struct config_package_set *set = &config->package_sets.items[i];
        add_lines(a, c, sources, &set->packages, set->manager.value,
                  str_concat(a, S("package_sets."), set->head.key));
    }
    for (size_t i = 0; i < config->providers.len; i++) {
        const struct config_provider *provider = &config->providers.items[i];
        if (provider->enabled.value && provider->install.head.present) {
            add_lines(a, c, sources, &provider->install.packages, provider->install.manager.value,
                      str_concat(a, S("ai."), provider->head.key));
        }
    }
}

/* ---- what is here for it ---- */

/* A queue of packages whose needs are to be followed. */
struct follow {
    struct contents *c;
    struct arena *arena;
    const struct map *names; /* DEB: by name, NPM: by folder; index + 1 */
    bool *seen;
    size_t *queue;
    size_t len;
    size_t done;
};

static void take(struct follow *f, size_t package, size_t line, size_t needed_by) {
    struct contents_package *p = &f->c->packages[package];
    if (!f->seen[package]) {
        f->seen[package] = true;
        p->base = p->base || line == CONTENTS_NONE;
        p->line = line;
        p->needed_by = needed_by;
        f->queue[f->len++] = package;
    }
}

/* "libc6 (>= 2.34), a | b": of alternatives the first that is here. */
static void take_needs(struct follow *f, size_t package) {
    str needs = f->c->packages[package].needs;
    while (needs.len > 0) {
        str group = str_cut(&needs, ',');
        while (group.len > 0) {
            str one = str_trim(str_cut(&group, '|'));
            str name = str_cut(&one, ' ');
            uintptr_t index = (uintptr_t)map_find(f->names, str_cut(&name, ':'));
            if (index != 0) {
                take(f, (size_t)index - 1, f->c->packages[package].line, package);
                break;
            }
        }
    }
}

/* As Node finds a module: in the package's own node_modules, else in one above it. */
static void take_modules(struct follow *f, size_t package) {
    const struct contents_package *p = &f->c->packages[package];
    str needs = p->needs;
    while (needs.len > 0) {
        str name = str_cut(&needs, ',');
        uintptr_t index = 0;
        for (str folder = p->place; index == 0 && folder.len > 1; folder = path_dir(folder)) {
            index = (uintptr_t)map_find(f->names, str_fmt(f->arena, "%.*s/node_modules/%.*s",
                                                          STR_FMT(folder), STR_FMT(name)));
        }
        if (index != 0) {
            take(f, (size_t)index - 1, p->line, package);
        }
    }
}

static void follow_needs(struct follow *f) {
    for (; f->done < f->len; f->done++) {
        const struct contents_package *p = &f->c->packages[f->queue[f->done]];
        if (p->kind == CONTENTS_DEB) {
            take_needs(f, f->queue[f->done]);
        } else if (p->kind == CONTENTS_NPM) {
            take_modules(f, f->queue[f->done]);
        }
    }
}

static bool is_wanted(struct arena *a, const struct contents_line *line,
                      const struct contents_package *p) {
    return p->kind == line->kind && p->parent == CONTENTS_NONE &&
           str_eq(p->kind == CONTENTS_PYTHON ? python_name(a, p->name) : p->name, line->wanted);
}

/* What a package of npm has in its own folder is here for the same line. */
static void follow_parents(struct contents *c) {
    for (size_t i = 0; i < c->package_count; i++) {
        size_t top = i;
        while (c->packages[top].parent != CONTENTS_NONE) {
            top = c->packages[top].parent;
        }
        if (c->packages[i].kind == CONTENTS_NPM && c->packages[i].line == CONTENTS_NONE) {
            c->packages[i].line = c->packages[top].line;
            c->packages[i].needed_by = c->packages[i].parent;
        }
    }
}

void contents_find_lines(struct arena *a, struct contents *c, struct sources *sources,
                         const struct guest_config *config) {
    struct map names;
    map_init(&names, a);
    if (config != NULL) {
        collect_lines(a, c, sources, config);
    }
    for (size_t i = 0; i < c->package_count; i++) {
        const struct contents_package *p = &c->packages[i];
        if (p->kind != CONTENTS_PYTHON) {
            map_put(&names, p->kind == CONTENTS_DEB ? p->name : p->place,
                    (void *)(uintptr_t)(i + 1));
        }
    }
    struct follow f = {
        .c = c,
        .arena = a,
        .names = &names,
        .seen = ARENA_ARRAY(a, bool, c->package_count + 1),
        .queue = ARENA_ARRAY(a, size_t, c->package_count + 1),
    };
    /* What every base has is not here for a line. */
    for (size_t i = 0; i < c->package_count; i++) {
        if (c->packages[i].base) {
            take(&f, i, CONTENTS_NONE, CONTENTS_NONE);
        }
    }
    follow_needs(&f);
    for (size_t i = 0; i < c->line_count; i++) {
        for (size_t p = 0; p < c->package_count; p++) {
            if (is_wanted(a, &c->lines[i], &c->packages[p])) {
                take(&f, p, i, CONTENTS_NONE);
            }
        }
    }
    follow_needs(&f);
    follow_parents(c);
}
