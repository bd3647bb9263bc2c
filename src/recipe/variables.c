// SPDX-License-Identifier: Apache-2.0
#include <sys/utsname.h>

#include "recipe/internal.h"

#define UV_INSTALL "uv pip install --system --break-system-packages"

/* What an architecture is called by Debian, GNU, the kernel, and Node's packages. */
static const struct machine {
    str triple; /* first part of rust_target */
    const char *debian, *gnu, *kernel, *node;
} machines[] = {
    { S_INIT("x86_64"), "amd64", "x86_64", "x86_64", "x64" },
    { S_INIT("aarch64"), "arm64", "aarch64", "arm64", "arm64" },
};

static const struct machine *machine_of(str triple) {
    str rest = triple;
    str first = str_cut(&rest, '-');
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        if (str_eq(first, machines[i].triple)) {
            return &machines[i];
        }
    }
    return &machines[0];
}

static bool is_host(const struct machine *m) {
    struct utsname host;
    return uname(&host) == 0 && str_eq(str_from_c(host.machine), m->triple);
}

static void put_c(struct jinja_value dict, const char *key, const char *value) {
    jinja_dict_put(dict, str_from_c(key), jinja_string(str_from_c(value)));
}

static void put_text(struct jinja_value dict, const char *key, struct config_text text) {
    jinja_dict_put(dict, str_from_c(key), jinja_string(text.text));
}

static struct jinja_value list_value(struct arena *a, const struct config_list *list) {
    struct jinja_value value = jinja_list_new(a);
    for (size_t i = 0; i < list->len; i++) {
        jinja_list_add(value, jinja_string(list->items[i].text));
    }
    return value;
}

static struct jinja_value arch_value(struct arena *a, const struct config_architecture *arch) {
    struct jinja_value v = jinja_dict_new(a);
    put_text(v, "base_image", arch->base_image);
    put_text(v, "docker_platform", arch->docker_platform);
    put_text(v, "rust_target", arch->rust_target);
    put_text(v, "kernel_branch", arch->kernel_branch);
    jinja_dict_put(v, S("kernel_source"), jinja_string(arch->kernel_source.text));
    put_text(v, "kernel_image", arch->kernel_image);
    put_text(v, "defconfig", arch->defconfig);
    jinja_dict_put(v, S("node_major"), jinja_int(arch->node_major.value));
    return v;
}

/* The command that installs with a manager, when the set does not bring its own. */
static str install_command(enum config_manager manager) {
    switch (manager) {
    case CONFIG_MANAGER_APT:
        return S("apt-get install -y --no-install-recommends");
    case CONFIG_MANAGER_UV:
        return S(UV_INSTALL);
    case CONFIG_MANAGER_PIP:
        return S("pip3 install --no-cache-dir --break-system-packages --root-user-action=ignore");
    case CONFIG_MANAGER_NPM:
        return S("npm install --global --no-audit --no-fund --no-update-notifier");
    case CONFIG_MANAGER_CURL:
        return S("curl -fsSL");
    }
    return S("");
}

static str set_command(const struct config_package_set *set) {
    return set->install_cmd.text.len > 0 ? set->install_cmd.text
                                         : install_command((enum config_manager)set->manager.value);
}

static struct jinja_value set_value(struct arena *a, str name, struct config_choice manager,
                                    str command, const struct config_list *packages) {
    struct jinja_value v = jinja_dict_new(a);
    jinja_dict_put(v, S("name"), jinja_string(name));
    jinja_dict_put(v, S("manager"), jinja_string(manager.text));
    jinja_dict_put(v, S("install_cmd"), jinja_string(command));
    jinja_dict_put(v, S("packages"), list_value(a, packages));
    return v;
}

/* Of providers, what these install has variables of its own: see put_providers(). */
static bool has_own_variable(enum config_manager manager) {
    return manager == CONFIG_MANAGER_NPM || manager == CONFIG_MANAGER_CURL;
}

/* The sets but "apt" and "python", then what providers install with other managers than npm and
 * curl. */
static struct jinja_value other_sets(struct arena *a, const struct guest_config *c, bool *uv) {
    struct jinja_value list = jinja_list_new(a);
    for (size_t i = 0; i < c->package_sets.len; i++) {
        const struct config_package_set *set = &c->package_sets.items[i];
        *uv = *uv || set->manager.value == CONFIG_MANAGER_UV ||
              str_starts(set_command(set), S("uv "));
        if (!str_eq(set->head.key, S("apt")) && !str_eq(set->head.key, S("python"))) {
            jinja_list_add(
                list, set_value(a, set->name.text, set->manager, set_command(set), &set->packages));
        }
    }
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        enum config_manager manager = (enum config_manager)p->install.manager.value;
        if (p->enabled.value && p->install.head.present && !has_own_variable(manager)) {
            *uv = *uv || manager == CONFIG_MANAGER_UV;
            jinja_list_add(list, set_value(a, p->name.text, p->install.manager,
                                           install_command(manager), &p->install.packages));
        }
    }
    return list;
}

/* npm packages of enabled providers in their order; the last prefix wins. */
static void put_providers(struct arena *a, const struct guest_config *c, struct jinja_value v) {
    struct jinja_value npm = jinja_list_new(a);
    struct jinja_value curl = jinja_list_new(a);
    str prefix = S("/opt/ai-clis");
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        enum config_manager manager = (enum config_manager)p->install.manager.value;
        if (!p->enabled.value || !p->install.head.present || !has_own_variable(manager)) {
            continue;
        }
        struct jinja_value to = manager == CONFIG_MANAGER_NPM ? npm : curl;
        if (manager == CONFIG_MANAGER_NPM && p->install.prefix.text.len > 0) {
            prefix = p->install.prefix.text;
        }
        for (size_t n = 0; n < p->install.packages.len; n++) {
            jinja_list_add(to, jinja_string(p->install.packages.items[n].text));
        }
    }
    jinja_dict_put(v, S("npm_packages"), npm);
    jinja_dict_put(v, S("npm_prefix"), jinja_string(prefix));
    jinja_dict_put(v, S("curl_installs"), curl);
}

static void put_sets(struct arena *a, const struct guest_config *c, struct jinja_value v) {
    const struct config_package_set *apt = config_find_package_set(c, S("apt"));
    const struct config_package_set *python = config_find_package_set(c, S("python"));
    bool uv = false;
    jinja_dict_put(v, S("apt_packages"),
                   apt != NULL ? list_value(a, &apt->packages) : jinja_list_new(a));
    jinja_dict_put(
        v, S("apt_install_cmd"),
        jinja_string(apt != NULL ? set_command(apt) : install_command(CONFIG_MANAGER_APT)));
    jinja_dict_put(v, S("python_packages"),
                   python != NULL ? list_value(a, &python->packages) : jinja_list_new(a));
    jinja_dict_put(v, S("python_manager"),
                   jinja_string(python != NULL ? python->manager.text : S("uv")));
    jinja_dict_put(v, S("python_install_cmd"),
                   jinja_string(python != NULL ? set_command(python) : S(UV_INSTALL)));
    jinja_dict_put(v, S("package_sets"), other_sets(a, c, &uv));
    jinja_dict_put(v, S("needs_uv"), jinja_bool(uv));
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

static void put_kernel(struct arena *a, const struct recipe_request *r, const struct machine *m,
                       struct jinja_value v) {
    str version = r->kernel_version != NULL
                      ? str_from_c(r->kernel_version)
                      : recipe_kernel_version_known(r->arch->kernel_branch.text);
    jinja_dict_put(v, S("kernel_version"), jinja_string(version));
    jinja_dict_put(v, S("kernel_source"), jinja_string(r->arch->kernel_source.text));
    put_c(v, "kernel_arch", m->kernel);
    put_c(v, "gnu_arch", m->gnu);
    jinja_dict_put(v, S("kernel_target"), jinja_string(path_base(r->arch->kernel_image.text)));
    (void)a;
}

struct jinja_value variables_make(struct arena *a, const struct recipe_request *r,
                                  const struct recipe_file *files, size_t file_count) {
    const struct machine *m = machine_of(r->arch->rust_target.text);
    struct jinja_value v = jinja_dict_new(a);
    jinja_dict_put(v, S("arch"), arch_value(a, r->arch));
    jinja_dict_put(v, S("arch_name"), jinja_string(r->arch->head.key));
    put_c(v, "debian_arch", m->debian);
    put_c(v, "node_arch", m->node);
    jinja_dict_put(v, S("cross"), jinja_bool(!is_host(m)));
    if (r->kind == RECIPE_KERNEL) {
        put_kernel(a, r, m, v);
        return v;
    }
    put_sets(a, r->config, v);
    put_providers(a, r->config, v);
    jinja_dict_put(v, S("guest_binaries"), list_value(a, &r->config->build.guest_binaries));
    put_files(a, files, file_count, v);
    return v;
}
