// SPDX-License-Identifier: Apache-2.0
/* The build context: artifacts, guest binaries, and what is made of the configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/internal.h"

enum { ARTIFACT_DEPTH_MAX = 16, ARTIFACTS_MAX = 10000 };

struct file_list {
    struct arena *arena;
    struct recipe_file *items;
    size_t len;
    size_t cap;
    struct err *err;
};

static void add(struct file_list *l, struct recipe_file file) {
    ARENA_PUSH(l->arena, l->items, l->len, l->cap, file);
}

static void add_text(struct file_list *l, const char *path, str content) {
    add(l, (struct recipe_file){ .path = path, .content = content, .mode = 0644 });
}

/* All regular files of a folder and of those below it; links are followed to files. */
static bool add_folder(struct file_list *l, const char *host, const char *path, int depth) {
    const char **names;
    size_t count;
    if (depth > ARTIFACT_DEPTH_MAX) {
        return err_set(l->err, "'%s' is nested more than %d folders deep", host,
                       ARTIFACT_DEPTH_MAX);
    }
    if (!fs_list(l->arena, AT_FDCWD, host, &names, &count, l->err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *host_path = path_join(l->arena, host, names[i]);
        const char *inside = path_join(l->arena, path, names[i]);
        struct stat st;
        if (stat(host_path, &st) < 0) {
            return err_sys(l->err, errno, "read '%s'", host_path);
        }
        if (S_ISDIR(st.st_mode)) {
            if (!add_folder(l, host_path, inside, depth + 1)) {
                return false;
            }
        } else if (S_ISREG(st.st_mode)) {
            add(l, (struct recipe_file){ .path = inside,
                                         .host_path = host_path,
                                         .mode = (st.st_mode & 0111) != 0 ? 0755 : 0644 });
        }
        if (l->len > ARTIFACTS_MAX) {
            return err_set(l->err, "'%s' holds more than %d files", host, ARTIFACTS_MAX);
        }
    }
    return true;
}

/* Where a file of the config goes: below the home folder it is part of the skeleton that the init
 * copies there, else straight to its path. */
static const char *config_file_path(struct arena *a, const struct guest_config *c, str path) {
    str home = path_clean(a, c->environment.shell.home.text);
    str clean = path_clean(a, path);
    if (str_starts(clean, home) && clean.len > home.len + 1 && clean.ptr[home.len] == '/') {
        str below = str_slice(clean, home.len + 1, clean.len);
        return str_fmt(a, "capsem/skel/%.*s", STR_FMT(below)).ptr;
    }
    return str_fmt(a, "files%.*s", STR_FMT(clean)).ptr;
}

static bool is_listed(const struct file_list *l, const char *path) {
    for (size_t i = 0; i < l->len; i++) {
        if (strcmp(l->items[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void add_config_file(struct file_list *l, const struct guest_config *c,
                            const struct config_file *file) {
    if (file->path.text.len > 1 && file->path.text.ptr[0] == '/') {
        add_text(l, config_file_path(l->arena, c, file->path.text), file->content.text);
    }
}

static void add_config_files(struct file_list *l, const struct guest_config *c) {
    for (size_t i = 0; i < c->providers.len; i++) {
        const struct config_provider *p = &c->providers.items[i];
        for (size_t n = 0; p->enabled.value && n < p->files.len; n++) {
            add_config_file(l, c, &p->files.items[n]);
        }
    }
    const struct config_file *shell[] = { &c->environment.shell.bashrc,
                                          &c->environment.shell.tmux_conf };
    for (size_t i = 0; i < ARRAY_LEN(shell); i++) {
        if (shell[i]->head.present) {
            add_config_file(l, c, shell[i]);
        }
    }
}

/* Without a bashrc of the config, bash reads that of the image as the other shells do. */
static void add_default_bashrc(struct file_list *l, const struct guest_config *c) {
    const char *path = "capsem/skel/.bashrc";
    if (!c->environment.shell.bashrc.head.present && is_listed(l, "capsem-bashrc") &&
        !is_listed(l, path)) {
        add_text(l, path, S("[ -r /etc/capsem-bashrc ] && . /etc/capsem-bashrc\n"));
    }
}

/* One KEY=VALUE a line; a line end in a value would start another variable, so it ends there. */
static void add_variable(struct buf *out, const char *key, str value) {
    size_t end = str_find_char(value, '\n', 0);
    buf_addf(out, "%s=%.*s\n", key, STR_FMT(str_slice(value, 0, end)));
}

static str environment_text(struct arena *a, const struct config_environment *e) {
    static const char *const ca_variables[] = { "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS",
                                                "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
                                                "GIT_SSL_CAINFO" };
    AUTO_BUF out = BUF_INIT(1024 * 1024);
    add_variable(&out, "TERM", e->shell.term.text);
    add_variable(&out, "HOME", e->shell.home.text);
    add_variable(&out, "PATH", e->shell.path.text);
    add_variable(&out, "LANG", e->shell.lang.text);
    for (size_t i = 0; i < ARRAY_LEN(ca_variables); i++) {
        add_variable(&out, ca_variables[i], e->tls.ca_bundle.text);
    }
    return str_dup(a, buf_str(&out));
}

/* Templates of the first builder find what is ours under another name, too. */
static void add_alias(struct file_list *l, const struct recipe_request *r, struct recipe_file file,
                      str name) {
    file.path = str_to_c(l->arena, name);
    if (r->templates_dir != NULL && !is_listed(l, file.path)) {
        add(l, file);
    }
}

static void add_binaries(struct file_list *l, const struct recipe_request *r) {
    const struct config_list *binaries = &r->config->build.guest_binaries;
    for (size_t i = 0; i < binaries->len; i++) {
        str name = binaries->items[i].text;
        struct recipe_file file = {
            .path = str_fmt(l->arena, "bin/%.*s", STR_FMT(name)).ptr,
            .host_path = str_fmt(l->arena, "%s/%.*s/%.*s", r->binaries_dir,
                                 STR_FMT(r->arch->head.key), STR_FMT(name))
                             .ptr,
            .mode = 0555,
        };
        add(l, file);
        add_alias(l, r, file, name);
    }
}

static void add_certificate(struct file_list *l, const struct guest_config *c) {
    if (c->certificate != NULL && !is_listed(l, "capsem-ca.crt")) {
        add(l, (struct recipe_file){
                   .path = "capsem-ca.crt", .host_path = c->certificate, .mode = 0644 });
    }
}

/* embedded.c, made by embed.py: what shells start with that the agent did not start. */
extern const char shell_profile[], shell_shrc[];
extern const size_t shell_profile_len, shell_shrc_len;

static void add_shell_files(struct file_list *l) {
    add_text(l, "capsem/shrc", (str){ shell_shrc, shell_shrc_len });
    add_text(l, "etc/profile.d/capsem.sh", (str){ shell_profile, shell_profile_len });
    /* Engines and the init bind a file of their own over it, or write it. */
    add_text(l, "etc/resolv.conf", S("nameserver 127.0.0.1\n"));
}

static bool add_rootfs_files(struct file_list *l, const struct recipe_request *r) {
    const struct guest_config *c = r->config;
    if (c->artifacts_dir != NULL && !add_folder(l, c->artifacts_dir, ".", 0)) {
        return false;
    }
    add_certificate(l, c);
    add_binaries(l, r);
    add_text(l, "capsem/image.json", r->names_only ? S("") : image_json_make(l->arena, c, r->arch));
    add_text(l, "capsem/environment", environment_text(l->arena, &c->environment));
    add_shell_files(l);
    add_config_files(l, c);
    add_default_bashrc(l, c);
    return true;
}

/* embedded.c, made by embed.py: what makes and checks the kernel's configuration. */
extern const char kconfig_config[], kconfig_needs[], kconfig_depends[], kconfig_list[];
extern const size_t kconfig_config_len, kconfig_needs_len, kconfig_depends_len, kconfig_list_len;

static void add_kconfig_files(struct file_list *l) {
    add_text(l, "kconfig/config.sh", (str){ kconfig_config, kconfig_config_len });
    add_text(l, "kconfig/depends.awk", (str){ kconfig_depends, kconfig_depends_len });
    add_text(l, "kconfig/needs.sh", (str){ kconfig_needs, kconfig_needs_len });
    add_text(l, "kconfig/needs.txt", (str){ kconfig_list, kconfig_list_len });
}

static void add_kernel_files(struct file_list *l, const struct recipe_request *r) {
    const struct guest_config *c = r->config;
    str defconfig = r->arch->defconfig.text;
    struct recipe_file file = {
        .path = "kernel.defconfig",
        .host_path = path_join(l->arena, c->config_dir, str_to_c(l->arena, defconfig)),
        .mode = 0644,
    };
    add(l, file);
    add_alias(l, r, file, path_clean(l->arena, defconfig));
    add_kconfig_files(l);
    if (c->artifacts_dir != NULL) {
        add(l,
            (struct recipe_file){ .path = "capsem-init",
                                  .host_path = path_join(l->arena, c->artifacts_dir, "capsem-init"),
                                  .mode = 0755 });
    }
}

static bool add_agent_files(struct file_list *l, const struct recipe_request *r) {
    return r->config->agent_dir == NULL || add_folder(l, r->config->agent_dir, "agent", 0);
}

static bool add_files(struct file_list *l, const struct recipe_request *r) {
    switch (r->kind) {
    case RECIPE_KERNEL:
        add_kernel_files(l, r);
        return true;
    case RECIPE_AGENT:
        return add_agent_files(l, r);
    default:
        return add_rootfs_files(l, r);
    }
}

static int by_path(const void *x, const void *y) {
    const struct recipe_file *a = x;
    const struct recipe_file *b = y;
    return strcmp(a->path, b->path);
}

bool files_make(struct arena *a, const struct recipe_request *r, const struct recipe_file **ret,
                size_t *ret_count, struct err *err) {
    struct file_list l = { .arena = a, .err = err };
    if (!add_files(&l, r)) {
        return err_wrap(err, "collect the build context");
    }
    if (l.len > 0) {
        qsort(l.items, l.len, sizeof *l.items, by_path);
    }
    *ret = l.items;
    *ret_count = l.len;
    return true;
}

/* ---- on disk ---- */

static bool write_one(int dirfd, const struct recipe_file *file, const struct timespec times[2],
                      struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char *folder = str_to_c(scratch, path_dir(str_from_c(file->path)));
    if (strcmp(folder, ".") != 0 && !fs_mkdir_p(dirfd, folder, 0755, err)) {
        return false;
    }
    AUTO_FD to =
        openat(dirfd, file->path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) {
        return err_sys(err, errno, "create '%s'", file->path);
    }
    if (file->host_path == NULL) {
        if (!fs_write_all(to, file->content.ptr, file->content.len, err)) {
            return err_wrap(err, "write '%s'", file->path);
        }
    } else {
        AUTO_FD from = open(file->host_path, O_RDONLY | O_CLOEXEC);
        if (from < 0) {
            return err_sys(err, errno, "open '%s'", file->host_path);
        }
        if (!fs_copy_fd(from, to, err)) {
            return err_wrap(err, "copy '%s'", file->host_path);
        }
    }
    if (fchmod(to, (mode_t)file->mode) < 0 || futimens(to, times) < 0) {
        return err_sys(err, errno, "set up '%s'", file->path);
    }
    return true;
}

bool recipe_write_context(const struct recipe *recipe, const char *dir, int64_t epoch_s,
                          struct err *err) {
    AUTO_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open the build context '%s'", dir);
    }
    struct timespec times[2] = { { .tv_sec = epoch_s }, { .tv_sec = epoch_s } };
    for (size_t i = 0; i < recipe->file_count; i++) {
        if (!write_one(fd, &recipe->files[i], times, err)) {
            return err_wrap(err, "prepare the build context");
        }
    }
    return true;
}
