// SPDX-License-Identifier: Apache-2.0
/*
 * What a step sees of the host: proxies, settings of apt, npm and pip, the CA bundle, name
 * resolution. All of it is mounted for the step, none of it is part of the image or of a key.
 * Credentials stay out unless the request shares them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/internal.h"

enum { SETTINGS_BYTES_MAX = 1024 * 1024 };

struct maker {
    struct arena *arena;
    const struct build_share *share;
    str hostname;
    struct build_host *host;
};

#define INSIDE BUILD_HOST_FOLDER

/* Variables that go into a step, and what may have a secret in them. */
static const struct {
    enum build_credentials kind;
    const char *names[11];
} passed[] = {
    { BUILD_CREDENTIALS_PROXY,
      { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "HTTP_PROXY",
        "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY" } },
    { BUILD_CREDENTIALS_PIP,
      { "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
        "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL",
        "UV_INSECURE_HOST" } },
    { BUILD_CREDENTIALS_GO, { "GOPROXY", "GONOSUMDB", "GOFLAGS" } },
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

static void set_env(struct maker *m, const char *key, str value) {
    oci_pairs_set(m->arena, &m->host->env, str_from_c(key), value);
}

static bool shares(const struct maker *m, enum build_credentials kind) {
    return (m->share->credentials & 1U << kind) != 0;
}

/* The text, without users in its URLs where steps are not to see them. */
static str censor(struct maker *m, enum build_credentials kind, str text) {
    bool found = false;
    if (shares(m, kind)) {
        return text;
    }
    text = kind == BUILD_CREDENTIALS_PROXY ? build_without_proxy_user(m->arena, text, &found)
                                           : build_without_userinfo(m->arena, text, &found);
    m->host->withheld |= found ? 1U << kind : 0;
    return text;
}

/* Writes a file of the settings folder, readable for every user of a step. */
static bool put(struct maker *m, const char *name, str text, struct err *err) {
    return fs_store(m->host->work.fd, name, text, 0644, err) &&
           (fchmodat(m->host->work.fd, name, 0644, 0) == 0 ||
            err_sys(err, errno, "write '%s'", name));
}

static void add_mount(struct maker *m, const char *name, const char *target) {
    ASSERT(m->host->mount_count < ARRAY_LEN(m->host->mounts));
    m->host->mounts[m->host->mount_count++] = (struct sandbox_mount){
        .kind = SANDBOX_BIND,
        .source = store_work_path(&m->host->work, m->arena, name),
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

static bool add_certificates(struct maker *m, struct err *err) {
    const char *bundle = find_ca_bundle();
    if (bundle == NULL) {
        return true;
    }
    str text;
    if (!fs_load(m->arena, AT_FDCWD, bundle, 16 * SETTINGS_BYTES_MAX, &text, err) ||
        !put(m, "capsem/ca-certificates.crt", text, err)) {
        return err_wrap(err, "pass the CA bundle on");
    }
    for (size_t i = 0; i < ARRAY_LEN(ca_variables); i++) {
        set_env(m, ca_variables[i], S(INSIDE "/ca-certificates.crt"));
    }
    return true;
}

/* ---- apt ---- */

/* The host's logins, in the form of netrc: apt_auth.conf(5). */
static bool add_apt_logins(struct maker *m, struct buf *conf, struct err *err) {
    static const char folder[] = "/etc/apt/auth.conf.d";
    AUTO_BUF logins = BUF_INIT(SETTINGS_BYTES_MAX);
    const char **names;
    size_t count = 0;
    buf_add(&logins, load_text(m->arena, "/etc/apt/auth.conf"));
    if (!fs_list(m->arena, AT_FDCWD, folder, &names, &count, NULL)) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_ends(str_from_c(names[i]), S(".conf"))) {
            buf_addf(&logins, "\n%.*s",
                     STR_FMT(load_text(m->arena, path_join(m->arena, folder, names[i]))));
        }
    }
    if (str_trim(buf_str(&logins)).len == 0) {
        return true;
    }
    if (!shares(m, BUILD_CREDENTIALS_APT)) {
        m->host->withheld |= 1U << BUILD_CREDENTIALS_APT;
        return true;
    }
    buf_add_c(conf, "Dir::Etc::netrc \"" INSIDE "/apt-auth.conf\";\n");
    return put(m, "capsem/apt-auth.conf", buf_str(&logins), err);
}

/* Of apt's own settings only how it fetches: "Acquire::...". */
static bool add_apt(struct maker *m, struct err *err) {
    AUTO_BUF dump = BUF_INIT(SETTINGS_BYTES_MAX);
    AUTO_BUF kept = BUF_INIT(SETTINGS_BYTES_MAX);
    static const char *const argv[] = { "apt-config", "dump", NULL };
    struct proc_spec spec = { .argv = argv, .out = &dump, .timeout_ms = 10000 };
    struct proc_result result;
    if (proc_find(m->arena, "apt-config") != NULL && proc_run(&spec, &result, NULL)) {
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
    set_env(m, "APT_CONFIG", S(INSIDE "/apt.conf"));
    return add_apt_logins(m, &kept, err) &&
           put(m, "capsem/apt.conf", censor(m, BUILD_CREDENTIALS_APT, buf_str(&kept)), err);
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

/* What npm keeps for one registry is who we are there. */
static void add_npm_settings(struct maker *m, struct buf *out, str text) {
    bool all = shares(m, BUILD_CREDENTIALS_NPM);
    while (text.len > 0) {
        str line = str_trim(str_cut(&text, '\n'));
        str value = line;
        str key = str_trim(str_cut(&value, '='));
        bool secret = str_starts(key, S("//"));
        if (value.ptr == NULL || !npm_key_passes(key)) {
            continue;
        }
        if (secret && !all) {
            m->host->withheld |= 1U << BUILD_CREDENTIALS_NPM;
            continue;
        }
        line = all ? build_expand_variables(m->arena, line) : line;
        buf_addf(out, "%.*s\n", STR_FMT(line));
    }
}

static bool add_npm(struct maker *m, struct err *err) {
    AUTO_BUF kept = BUF_INIT(SETTINGS_BYTES_MAX);
    const char *home = getenv("HOME");
    const char *user = getenv("NPM_CONFIG_USERCONFIG");
    if (user == NULL && home != NULL) {
        user = path_join(m->arena, home, ".npmrc");
    }
    const char *const files[] = { "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc",
                                  getenv("NPM_CONFIG_GLOBALCONFIG"), user };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        add_npm_settings(m, &kept, load_text(m->arena, files[i]));
    }
    const char *registry = getenv("NPM_CONFIG_REGISTRY");
    registry = registry == NULL ? getenv("npm_config_registry") : registry;
    if (registry != NULL) {
        buf_addf(&kept, "registry=%s\n", registry);
    }
    set_env(m, "NPM_CONFIG_USERCONFIG", S(INSIDE "/npmrc"));
    return put(m, "capsem/npmrc", censor(m, BUILD_CREDENTIALS_NPM, buf_str(&kept)), err);
}

/* ---- pip ---- */

static bool add_pip(struct maker *m, struct err *err) {
    const char *home = getenv("HOME");
    const char *given = getenv("PIP_CONFIG_FILE");
    const char *const files[] = {
        given,
        home == NULL ? NULL : path_join(m->arena, home, ".config/pip/pip.conf"),
        home == NULL ? NULL : path_join(m->arena, home, ".pip/pip.conf"),
        "/etc/pip.conf",
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        str text = load_text(m->arena, files[i]);
        if (text.len > 0) {
            set_env(m, "PIP_CONFIG_FILE", S(INSIDE "/pip.conf"));
            return put(m, "capsem/pip.conf", censor(m, BUILD_CREDENTIALS_PIP, text), err);
        }
    }
    return true;
}

/* ---- names ---- */

static bool add_names(struct maker *m, struct err *err) {
    str resolv = load_text(m->arena, "/etc/resolv.conf");
    str hosts = load_text(m->arena, "/etc/hosts");
    if (hosts.len == 0) {
        hosts = S("127.0.0.1 localhost\n::1 localhost\n");
    }
    if (m->hostname.len > 0) {
        hosts = str_fmt(m->arena, "%.*s%s127.0.0.1 %.*s\n", STR_FMT(hosts),
                        str_ends(hosts, S("\n")) ? "" : "\n", STR_FMT(m->hostname));
    }
    if (!put(m, "resolv.conf", resolv, err) || !put(m, "hosts", hosts, err)) {
        return false;
    }
    /* Read-only: what a step wrote to them would be lost, or be seen by the next one. */
    add_mount(m, "resolv.conf", "/etc/resolv.conf");
    add_mount(m, "hosts", "/etc/hosts");
    return true;
}

static bool fill(struct maker *m, struct err *err) {
    if (mkdirat(m->host->work.fd, "capsem", 0755) < 0 ||
        fchmodat(m->host->work.fd, "capsem", 0755, 0) < 0) {
        return err_sys(err, errno, "create a work folder");
    }
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        for (const char *const *name = passed[i].names; *name != NULL; name++) {
            const char *value = getenv(*name);
            if (value != NULL) {
                set_env(m, *name, censor(m, passed[i].kind, str_from_c(value)));
            }
        }
    }
    if (!add_certificates(m, err) || !add_apt(m, err) || !add_npm(m, err) || !add_pip(m, err) ||
        !add_names(m, err)) {
        return false;
    }
    add_mount(m, "capsem", INSIDE);
    return true;
}

bool build_host_make(struct arena *a, struct store *store, const struct build_share *share,
                     str hostname, struct build_host *ret, struct err *err) {
    struct maker m = { a, share, hostname, ret };
    *ret = (struct build_host){ .work = STORE_WORK_INIT };
    if (store_work_begin(store, &ret->work, err) && fill(&m, err)) {
        return true;
    }
    build_host_done(ret);
    return err_wrap(err, "prepare what steps see of the host");
}

void build_host_done(struct build_host *h) {
    store_work_done(&h->work);
}
