// SPDX-License-Identifier: Apache-2.0
/*
 * What a step sees of the host: proxies, settings of apt, npm and pip, the CA bundle, name
 * resolution. All of it is mounted for the step, none of it is part of the image or of a key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/internal.h"

enum { SETTINGS_BYTES_MAX = 1024 * 1024 };

#define INSIDE BUILD_HOST_FOLDER

/* Variables that go into a step as they are. */
static const char *const passed[] = {
    "http_proxy",       "https_proxy",
    "ftp_proxy",        "no_proxy",
    "all_proxy",        "HTTP_PROXY",
    "HTTPS_PROXY",      "FTP_PROXY",
    "NO_PROXY",         "ALL_PROXY",
    "PIP_INDEX_URL",    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL",     "UV_DEFAULT_INDEX",
    "UV_INDEX",         "UV_EXTRA_INDEX_URL",
    "UV_INSECURE_HOST", "GOPROXY",
    "GONOSUMDB",        "GOFLAGS",
};

/* Variables by which programs find a CA bundle. */
static const char *const ca_variables[] = {
    "SSL_CERT_FILE",       "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT",
    "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "NPM_CONFIG_CAFILE",
};

static const char *const ca_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static str load_text(struct arena *a, const char *path) {
    str text = { 0 };
    if (path != NULL) {
        (void)!fs_load(a, AT_FDCWD, path, SETTINGS_BYTES_MAX, &text, NULL);
    }
    return text;
}

static void set_env(struct builder *b, struct host_settings *h, const char *key, str value) {
    oci_pairs_set(b->arena, &h->env, str_from_c(key), value);
}

/* Writes a file of the settings folder, readable for every user of a step. */
static bool put(struct host_settings *h, const char *name, str text, struct err *err) {
    return fs_store(h->work.fd, name, text, 0644, err) &&
           (fchmodat(h->work.fd, name, 0644, 0) == 0 || err_sys(err, errno, "write '%s'", name));
}

static void add_mount(struct builder *b, struct host_settings *h, const char *name,
                      const char *target) {
    ASSERT(h->mount_count < ARRAY_LEN(h->mounts));
    h->mounts[h->mount_count++] = (struct sandbox_mount){
        .kind = SANDBOX_BIND,
        .source = store_work_path(&h->work, b->arena, name),
        .target = target,
        .readonly = true,
    };
}

/* ---- certificates ---- */

static const char *find_ca_bundle(void) {
    const char *given = getenv("SSL_CERT_FILE");
    if (given != NULL && fs_exists(AT_FDCWD, given)) {
        return given;
    }
    for (size_t i = 0; i < ARRAY_LEN(ca_bundles); i++) {
        if (fs_exists(AT_FDCWD, ca_bundles[i])) {
            return ca_bundles[i];
        }
    }
    return NULL;
}

static bool add_certificates(struct builder *b, struct host_settings *h, struct err *err) {
    const char *bundle = find_ca_bundle();
    if (bundle == NULL) {
        return true;
    }
    str text;
    if (!fs_load(b->arena, AT_FDCWD, bundle, 16 * SETTINGS_BYTES_MAX, &text, err) ||
        !put(h, "capsem/ca-certificates.crt", text, err)) {
        return err_wrap(err, "pass the CA bundle on");
    }
    for (size_t i = 0; i < ARRAY_LEN(ca_variables); i++) {
        set_env(b, h, ca_variables[i], S(INSIDE "/ca-certificates.crt"));
    }
    return true;
}

/* ---- apt ---- */

/* Of apt's own settings only how it fetches: "Acquire::...". */
static bool add_apt(struct builder *b, struct host_settings *h, struct err *err) {
    AUTO_BUF dump = BUF_INIT(SETTINGS_BYTES_MAX);
    AUTO_BUF kept = BUF_INIT(SETTINGS_BYTES_MAX);
    static const char *const argv[] = { "apt-config", "dump", NULL };
    struct proc_spec spec = { .argv = argv, .out = &dump, .timeout_ms = 10000 };
    struct proc_result result;
    if (proc_find(b->arena, "apt-config") != NULL && proc_run(&spec, &result, NULL)) {
        str rest = buf_str(&dump);
        while (rest.len > 0) {
            str line = str_cut(&rest, '\n');
            if (str_starts(line, S("Acquire::")) && !str_ends(line, S(" \"\";"))) {
                buf_addf(&kept, "%.*s\n", STR_FMT(line));
            }
        }
    }
    if (str_find(buf_str(&kept), S("Acquire::https::CAInfo"), 0) == STR_NONE &&
        find_ca_bundle() != NULL) {
        buf_add_c(&kept, "Acquire::https::CAInfo \"" INSIDE "/ca-certificates.crt\";\n");
    }
    set_env(b, h, "APT_CONFIG", S(INSIDE "/apt.conf"));
    return put(h, "capsem/apt.conf", buf_str(&kept), err);
}

/* ---- npm ---- */

/* Settings about the registry and the way to it; what is about this machine's disk stays here. */
static bool npm_key_passes(str key) {
    static const str keys[] = {
        S_INIT("registry"),      S_INIT("proxy"),
        S_INIT("https-proxy"),   S_INIT("noproxy"),
        S_INIT("strict-ssl"),    S_INIT("fetch-retries"),
        S_INIT("fetch-timeout"), S_INIT("maxsockets"),
        S_INIT("always-auth"),   S_INIT("replace-registry-host"),
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eq(key, keys[i])) {
            return true;
        }
    }
    return str_starts(key, S("//")) || str_ends(key, S(":registry"));
}

static void add_npm_settings(struct buf *out, str text) {
    while (text.len > 0) {
        str line = str_trim(str_cut(&text, '\n'));
        str value = line;
        str key = str_trim(str_cut(&value, '='));
        if (value.ptr != NULL && npm_key_passes(key)) {
            buf_addf(out, "%.*s\n", STR_FMT(line));
        }
    }
}

static bool add_npm(struct builder *b, struct host_settings *h, struct err *err) {
    AUTO_BUF kept = BUF_INIT(SETTINGS_BYTES_MAX);
    const char *home = getenv("HOME");
    const char *user = getenv("NPM_CONFIG_USERCONFIG");
    if (user == NULL && home != NULL) {
        user = path_join(b->arena, home, ".npmrc");
    }
    const char *const files[] = { "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc",
                                  getenv("NPM_CONFIG_GLOBALCONFIG"), user };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        add_npm_settings(&kept, load_text(b->arena, files[i]));
    }
    const char *registry = getenv("NPM_CONFIG_REGISTRY");
    registry = registry == NULL ? getenv("npm_config_registry") : registry;
    if (registry != NULL) {
        buf_addf(&kept, "registry=%s\n", registry);
    }
    set_env(b, h, "NPM_CONFIG_USERCONFIG", S(INSIDE "/npmrc"));
    return put(h, "capsem/npmrc", buf_str(&kept), err);
}

/* ---- pip ---- */

static bool add_pip(struct builder *b, struct host_settings *h, struct err *err) {
    const char *home = getenv("HOME");
    const char *given = getenv("PIP_CONFIG_FILE");
    const char *const files[] = {
        given,
        home == NULL ? NULL : path_join(b->arena, home, ".config/pip/pip.conf"),
        home == NULL ? NULL : path_join(b->arena, home, ".pip/pip.conf"),
        "/etc/pip.conf",
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        str text = load_text(b->arena, files[i]);
        if (text.len > 0) {
            set_env(b, h, "PIP_CONFIG_FILE", S(INSIDE "/pip.conf"));
            return put(h, "capsem/pip.conf", text, err);
        }
    }
    return true;
}

/* ---- names ---- */

static bool add_names(struct builder *b, struct host_settings *h, struct err *err) {
    str resolv = load_text(b->arena, "/etc/resolv.conf");
    str hosts = load_text(b->arena, "/etc/hosts");
    if (hosts.len == 0) {
        hosts = S("127.0.0.1 localhost\n::1 localhost\n");
    }
    if (!put(h, "resolv.conf", resolv, err) || !put(h, "hosts", hosts, err)) {
        return false;
    }
    /* Read-only: what a step wrote to them would be lost, or be seen by the next one. */
    add_mount(b, h, "resolv.conf", "/etc/resolv.conf");
    add_mount(b, h, "hosts", "/etc/hosts");
    return true;
}

static bool fill(struct builder *b, struct host_settings *h, struct err *err) {
    if (mkdirat(h->work.fd, "capsem", 0755) < 0 || fchmodat(h->work.fd, "capsem", 0755, 0) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        const char *value = getenv(passed[i]);
        if (value != NULL) {
            set_env(b, h, passed[i], str_from_c(value));
        }
    }
    if (!add_certificates(b, h, err) || !add_apt(b, h, err) || !add_npm(b, h, err) ||
        !add_pip(b, h, err) || !add_names(b, h, err)) {
        return false;
    }
    add_mount(b, h, "capsem", INSIDE);
    return true;
}

bool host_settings_get(struct builder *b, const struct host_settings **ret) {
    if (b->host == NULL) {
        struct host_settings *h = ARENA_NEW(b->arena, struct host_settings);
        h->work = STORE_WORK_INIT;
        b->host = h;
        struct err err = ERR_INIT;
        if (!store_work_begin(b->request->store, &h->work, &err) || !fill(b, h, &err)) {
            err_wrap(&err, "prepare what steps see of the host");
            if (b->err != NULL) {
                *b->err = err;
            }
            return false;
        }
    }
    *ret = b->host;
    return true;
}

void host_settings_done(struct builder *b) {
    if (b->host != NULL) {
        store_work_done(&b->host->work);
        b->host = NULL;
    }
}

bool build_host_settings(struct arena *a, struct store *store, struct store_work *ret_work,
                         struct oci_pairs *ret_env, struct err *err) {
    struct build_request request = { .store = store };
    struct builder b = { .request = &request, .arena = a, .err = err };
    const struct host_settings *h;
    if (!host_settings_get(&b, &h)) {
        host_settings_done(&b);
        return false;
    }
    *ret_work = h->work;
    *ret_env = h->env;
    return true;
}
