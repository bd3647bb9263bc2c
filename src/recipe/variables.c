// SPDX-License-Identifier: Apache-2.0
/* What a template may use: docs/spec/recipes.md, "Variables of every template". */
#include "guestbin/guestbin.h"
#include "machine/machine.h"
#include "recipe/internal.h"

static void put_c(struct jinja_value dict, const char *key, const char *value) {
    jinja_dict_put(dict, str_from_c(key), jinja_string(str_from_c(value)));
}

/* The value, with the place in the config that it comes from; a default comes from nowhere. */
static struct jinja_value from_config(struct origins *o, struct jinja_value v, struct span span,
                                      str text) {
    if (span_is_set(span)) {
        struct recipe_origin origin = { span, text };
        ARENA_PUSH(o->arena, o->items, o->len, o->cap, origin);
        v.origin = (uint32_t)o->len;
    }
    return v;
}

static struct jinja_value string_from(struct origins *o, str text, struct span span) {
    return from_config(o, jinja_string(text), span, text);
}

static struct jinja_value text_value(struct origins *o, struct config_text text) {
    return string_from(o, text.text, text.span);
}

static void put_text(struct origins *o, struct jinja_value dict, const char *key,
                     struct config_text text) {
    jinja_dict_put(dict, str_from_c(key), text_value(o, text));
}

static struct jinja_value list_value(struct origins *o, const struct config_list *list) {
    struct jinja_value value = from_config(o, jinja_list_new(o->arena), list->span, (str){ 0 });
    for (size_t i = 0; i < list->len; i++) {
        jinja_list_add(value, text_value(o, list->items[i]));
    }
    return value;
}

static struct jinja_value arch_value(struct origins *o, const struct config_architecture *arch) {
    struct jinja_value v = jinja_dict_new(o->arena);
    struct jinja_value node_major = jinja_int(arch->node_major.value);
    put_text(o, v, "base_image", arch->base_image);
    put_text(o, v, "docker_platform", arch->docker_platform);
    put_text(o, v, "rust_target", arch->rust_target);
    put_text(o, v, "kernel_branch", arch->kernel_branch);
    jinja_dict_put(v, S("kernel_source"),
                   string_from(o, arch->kernel_source.text, arch->kernel_source.span));
    put_text(o, v, "kernel_image", arch->kernel_image);
    put_text(o, v, "defconfig", arch->defconfig);
    jinja_dict_put(v, S("kernel_base"),
                   string_from(o, arch->kernel_base.text, arch->kernel_base.span));
    jinja_dict_put(v, S("node_major"),
                   from_config(o, node_major, arch->node_major.span, (str){ 0 }));
    return v;
}

/* The command that installs with a manager, when the set does not bring its own. */
static struct jinja_value command_value(enum config_manager manager) {
    return jinja_string(str_from_c(config_managers[manager].install_cmd));
}

static struct jinja_value set_command(struct origins *o, const struct config_package_set *set) {
    return set->install_cmd.text.len > 0 ? text_value(o, set->install_cmd)
                                         : command_value((enum config_manager)set->manager.value);
}

/* ---- lines of sets that grow ---- */

/* What the variables are made of. */
struct making {
    struct origins *origins;
    const struct recipe_request *request;
    struct package_sets sets;
};

static struct jinja_value members_value(struct origins *o, const struct package_set *set) {
    struct jinja_value list = jinja_list_new(o->arena);
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        jinja_list_add(list, text_value(o, *set->members[i]));
    }
    return list;
}

static void add_line(struct origins *o, const struct package_set *set,
                     const struct recipe_line *line, struct jinja_value list) {
    for (size_t i = 0; i < line->count; i++) {
        const struct config_text *member = set_find_member(set, line->packages[i]);
        ASSERT(member != NULL); /* lines are made of the config: recipe_lines_make() */
        jinja_list_add(list, text_value(o, *member));
    }
}

static struct jinja_value line_value(struct origins *o, const struct package_set *set,
                                     const struct recipe_line *line) {
    struct jinja_value list = jinja_list_new(o->arena);
    add_line(o, set, line, list);
    return list;
}

/* What of the set is there when its addition is made. */
static struct jinja_value before_value(struct making *m, const struct package_set *set,
                                       size_t addition) {
    const struct recipe_lines *lines = m->request->lines;
    struct jinja_value list =
        line_value(m->origins, set, recipe_lines_first(lines, lines->added[addition].set));
    for (size_t i = 0; i < addition; i++) {
        if (str_eq(lines->added[i].set, set->id)) {
            add_line(m->origins, set, &lines->added[i], list);
        }
    }
    return list;
}

/* What is installed in the set's own place. */
static struct jinja_value first_value(struct making *m, str id) {
    const struct package_set *set = sets_find(&m->sets, id);
    const struct recipe_line *line = recipe_lines_first(m->request->lines, id);
    return set != NULL && line != NULL ? line_value(m->origins, set, line)
                                       : members_value(m->origins, set);
}

static struct jinja_value addition_value(struct making *m, size_t addition) {
    struct origins *o = m->origins;
    const struct recipe_line *line = &m->request->lines->added[addition];
    const struct package_set *set = sets_find(&m->sets, line->set);
    ASSERT(set != NULL);
    struct jinja_value v = jinja_dict_new(o->arena);
    enum config_manager manager = (enum config_manager)set->manager.value;
    jinja_dict_put(v, S("id"), jinja_string(set->id));
    jinja_dict_put(v, S("name"), text_value(o, set->name));
    jinja_dict_put(v, S("manager"), string_from(o, set->manager.text, set->manager.span));
    jinja_dict_put(v, S("install_cmd"),
                   set->command.text.len > 0 ? text_value(o, set->command)
                                             : command_value(manager));
    jinja_dict_put(v, S("packages"), line_value(o, set, line));
    jinja_dict_put(v, S("before"), before_value(m, set, addition));
    return v;
}

static void put_lines(struct making *m, struct jinja_value v) {
    const struct recipe_lines *lines = m->request->lines;
    struct jinja_value additions = jinja_list_new(m->origins->arena);
    for (size_t i = 0; lines != NULL && i < lines->added_count; i++) {
        jinja_list_add(additions, addition_value(m, i));
    }
    jinja_dict_put(v, S("apt_first"), first_value(m, S("apt")));
    jinja_dict_put(v, S("python_first"), first_value(m, S("python")));
    jinja_dict_put(v, S("npm_first"), first_value(m, S("npm")));
    jinja_dict_put(v, S("curl_first"), first_value(m, S("curl")));
    jinja_dict_put(v, S("additions"), additions);
}

static struct jinja_value set_value(struct origins *o, struct config_text name,
                                    struct config_choice manager, struct jinja_value command,
                                    const struct config_list *packages) {
    struct jinja_value v = jinja_dict_new(o->arena);
    jinja_dict_put(v, S("name"), text_value(o, name));
    jinja_dict_put(v, S("manager"), string_from(o, manager.text, manager.span));
    jinja_dict_put(v, S("install_cmd"), command);
    jinja_dict_put(v, S("packages"), list_value(o, packages));
    return v;
}

/* Of providers, what these install has variables of its own: see put_providers(). */
static bool has_own_variable(enum config_manager manager) {
    return manager == CONFIG_MANAGER_NPM || manager == CONFIG_MANAGER_CURL;
}

/* The sets but "apt" and "python", then what providers install with other managers than npm and
 * curl. */
static struct jinja_value other_sets(struct making *m, bool *uv) {
    struct origins *o = m->origins;
    const struct guest_config *c = m->request->config;
    struct jinja_value list = jinja_list_new(o->arena);
    for (size_t i = 0; i < c->package_sets.len; i++) {
        const struct config_package_set *set = &c->package_sets.items[i];
        struct jinja_value command = set_command(o, set);
        *uv =
            *uv || set->manager.value == CONFIG_MANAGER_UV || str_starts(command.string, S("uv "));
        if (!str_eq(set->head.key, S("apt")) && !str_eq(set->head.key, S("python"))) {
            struct jinja_value v = set_value(o, set->name, set->manager, command, &set->packages);
            str id = str_fmt(o->arena, "set %.*s", STR_FMT(set->head.key));
            jinja_dict_put(v, S("first"), first_value(m, id));
            jinja_list_add(list, v);
        }
    }
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        enum config_manager manager = (enum config_manager)p->install.manager.value;
        if (p->enabled.value && p->install.head.present && !has_own_variable(manager)) {
            *uv = *uv || manager == CONFIG_MANAGER_UV;
            struct jinja_value v = set_value(o, p->name, p->install.manager, command_value(manager),
                                             &p->install.packages);
            str id = str_fmt(o->arena, "ai %.*s", STR_FMT(p->head.key));
            jinja_dict_put(v, S("first"), first_value(m, id));
            jinja_list_add(list, v);
        }
    }
    return list;
}

/* npm packages of enabled providers in their order; the last prefix wins. */
static void put_providers(struct origins *o, const struct guest_config *c, struct jinja_value v) {
    struct jinja_value npm = jinja_list_new(o->arena);
    struct jinja_value curl = jinja_list_new(o->arena);
    struct jinja_value prefix = jinja_string(S("/opt/ai-clis"));
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        enum config_manager manager = (enum config_manager)p->install.manager.value;
        if (!p->enabled.value || !p->install.head.present || !has_own_variable(manager)) {
            continue;
        }
        struct jinja_value to = manager == CONFIG_MANAGER_NPM ? npm : curl;
        if (manager == CONFIG_MANAGER_NPM && p->install.prefix.text.len > 0) {
            prefix = text_value(o, p->install.prefix);
        }
        for (size_t n = 0; n < p->install.packages.len; n++) {
            jinja_list_add(to, text_value(o, p->install.packages.items[n]));
        }
    }
    jinja_dict_put(v, S("npm_packages"), npm);
    jinja_dict_put(v, S("npm_prefix"), prefix);
    jinja_dict_put(v, S("curl_installs"), curl);
}

static struct jinja_value packages_of(struct origins *o, const struct config_package_set *set) {
    return set != NULL ? list_value(o, &set->packages) : jinja_list_new(o->arena);
}

static void put_sets(struct making *m, struct jinja_value v) {
    struct origins *o = m->origins;
    const struct guest_config *c = m->request->config;
    const struct config_package_set *apt = config_find_package_set(c, S("apt"));
    const struct config_package_set *python = config_find_package_set(c, S("python"));
    bool uv = false;
    jinja_dict_put(v, S("apt_packages"), packages_of(o, apt));
    jinja_dict_put(v, S("apt_install_cmd"),
                   apt != NULL ? set_command(o, apt) : command_value(CONFIG_MANAGER_APT));
    jinja_dict_put(v, S("python_packages"), packages_of(o, python));
    jinja_dict_put(v, S("python_manager"),
                   python != NULL ? string_from(o, python->manager.text, python->manager.span)
                                  : jinja_string(S("uv")));
    jinja_dict_put(v, S("python_install_cmd"),
                   python != NULL ? set_command(o, python) : command_value(CONFIG_MANAGER_UV));
    jinja_dict_put(v, S("package_sets"), other_sets(m, &uv));
    jinja_dict_put(v, S("needs_uv"), jinja_bool(uv));
}

/* What of artifacts/ is copied into the image. */
static void put_artifact_copies(struct origins *o, const struct guest_config *c,
                                const struct recipe_file *files, size_t count,
                                struct jinja_value v) {
    struct artifact_places places;
    struct jinja_value copies = jinja_list_new(o->arena);
    artifact_places_make(o->arena, c, files, count, &places);
    for (size_t i = 0; i < places.len; i++) {
        const struct artifact_place *place = &places.items[i];
        struct jinja_value copy = jinja_dict_new(o->arena);
        jinja_dict_put(copy, S("source"), jinja_string(place->name));
        jinja_dict_put(copy, S("path"),
                       place->config != NULL ? text_value(o, *place->config)
                                             : jinja_string(place->path));
        put_c(copy, "mode", place->mode != NULL ? place->mode : "");
        jinja_list_add(copies, copy);
    }
    jinja_dict_put(v, S("artifact_copies"), copies);
}

static void put_files(struct arena *a, const struct recipe_file *files, size_t count,
                      struct jinja_value v) {
    struct jinja_value artifacts = jinja_list_new(a);
    bool has_files = false;
    for (size_t i = 0; i < count; i++) {
        str path = str_from_c(files[i].path);
        has_files = has_files || str_starts(path, S("files/"));
        if (str_find_char(path, '/', 0) == STR_NONE) {
            jinja_list_add(artifacts, jinja_string(path));
        }
    }
    jinja_dict_put(v, S("artifacts"), artifacts);
    jinja_dict_put(v, S("has_files"), jinja_bool(has_files));
}

static void put_kernel(struct origins *o, const struct recipe_request *r, const struct machine *m,
                       struct jinja_value v) {
    const struct config_architecture *arch = r->arch;
    struct jinja_value version = text_value(o, arch->kernel_branch);
    version.string = r->kernel_version != NULL
                         ? str_from_c(r->kernel_version)
                         : recipe_kernel_version_known(arch->kernel_branch.text);
    struct jinja_value target = text_value(o, arch->kernel_image);
    target.string = path_base(arch->kernel_image.text);
    jinja_dict_put(v, S("kernel_version"), version);
    jinja_dict_put(v, S("kernel_source"),
                   string_from(o, arch->kernel_source.text, arch->kernel_source.span));
    put_c(v, "kernel_arch", m->kernel);
    jinja_dict_put(v, S("kernel_target"), target);
    jinja_dict_put(
        v, S("compression"),
        string_from(o, r->config->build.compression.text, r->config->build.compression.span));
}

static void put_agent(struct origins *o, const struct recipe_request *r, struct jinja_value v) {
    struct jinja_value flags = jinja_list_new(o->arena);
    for (size_t i = 0; guestbin_flags[i] != NULL; i++) {
        jinja_list_add(flags, jinja_string(str_from_c(guestbin_flags[i])));
    }
    jinja_dict_put(v, S("guest_binaries"), list_value(o, &r->config->build.guest_binaries));
    jinja_dict_put(v, S("compile_flags"), flags);
}

/* embedded.c, made by embed.py */
extern const char apt_verify[];
extern const size_t apt_verify_len;

struct jinja_value variables_make(struct origins *o, const struct recipe_request *r,
                                  const struct recipe_file *files, size_t file_count) {
    const struct machine *m = machine_of_triple(r->arch->rust_target.text);
    ASSERT(m != NULL); /* the config was loaded without errors: E011 */
    struct jinja_value v = jinja_dict_new(o->arena);
    jinja_dict_put(v, S("arch"), arch_value(o, r->arch));
    jinja_dict_put(v, S("arch_name"), string_from(o, r->arch->head.key, r->arch->head.key_span));
    put_c(v, "debian_arch", m->debian);
    put_c(v, "node_arch", m->node);
    put_c(v, "gnu_arch", m->name);
    jinja_dict_put(v, S("cross"), jinja_bool(m != machine_host()));
    str verify = { apt_verify, apt_verify_len };
    str_cut(&verify, '\n'); /* for shellcheck */
    jinja_dict_put(v, S("apt_verify"), jinja_string(verify));
    if (r->kind == RECIPE_KERNEL) {
        put_kernel(o, r, m, v);
        return v;
    }
    if (r->kind == RECIPE_AGENT) {
        put_agent(o, r, v);
        return v;
    }
    struct making making = { .origins = o, .request = r };
    sets_make(o->arena, r->config, &making.sets);
    put_sets(&making, v);
    put_providers(o, r->config, v);
    put_lines(&making, v);
    jinja_dict_put(v, S("guest_binaries"), list_value(o, &r->config->build.guest_binaries));
    put_files(o->arena, files, file_count, v);
    put_artifact_copies(o, r->config, files, file_count, v);
    return v;
}
