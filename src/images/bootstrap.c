// SPDX-License-Identifier: Apache-2.0
/*
 * A Debian or Ubuntu base image made from the distribution's packages by mmdebstrap(1). Mirrors
 * come from the host's own apt configuration when the host is of the same distribution; the slim
 * variant leaves out documentation and locales, as the official slim images do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "images/internal.h"

struct release {
    const char *distribution;
    const char *suite;
    const char *version; /* other names of it, for tags */
};

static const struct release releases[] = {
    { "debian", "bullseye", "11" },    { "debian", "bookworm", "12" },
    { "debian", "trixie", "13" },      { "debian", "forky", "14" },
    { "debian", "sid", "unstable" },   { "ubuntu", "jammy", "22.04" },
    { "ubuntu", "noble", "24.04" },    { "ubuntu", "plucky", "25.04" },
    { "ubuntu", "questing", "25.10" }, { "ubuntu", "resolute", "26.04" },
};

/* What differs between the distributions. */
static const struct distribution {
    const char *name;
    const char *origin;     /* in its Release files */
    const char *variable;   /* of the environment: a mirror, "[signed-by=KEYRING] URI" */
    const char *components; /* that people expect to be enabled */
    bool security_apart;    /* its security archive is not at the same place */
    const char *keyring;
    const char *keyring_package;
    const char *suites_file; /* what mmdebstrap knows of it; NULL: enough without */
    const char *include;     /* what its minimal base lacks; NULL: nothing */
} distributions[] = {
    { "debian", "Debian", "CAPSEM_MIRROR_DEBIAN", "main", true,
      "/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", NULL, NULL },
    { "ubuntu", "Ubuntu", "CAPSEM_MIRROR_UBUNTU", "main,restricted,universe,multiverse", false,
      "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
      "ubuntu-keyring (if this distribution lacks the package, take it from "
      "pool/main/u/ubuntu-keyring of Ubuntu's archive)",
      "/usr/share/distro-info/ubuntu.csv", "apt" },
};

static const struct distribution *distribution_of(const struct bootstrap *what) {
    for (size_t i = 0; i < ARRAY_LEN(distributions); i++) {
        if (strcmp(distributions[i].name, what->distribution) == 0) {
            return &distributions[i];
        }
    }
    ASSERT(false);
    return NULL;
}

/* What the official slim images leave out: dpkg reads it at every later installation too. */
static const char *const slim_options[] = {
    "path-exclude=/usr/share/doc/*",    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/groff/*",  "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/linda/*",  "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*", "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/man/*",
};

bool bootstrap_recognise(const struct oci_reference *ref, struct bootstrap *ret) {
    if (!str_eq(ref->domain, S("docker.io")) || ref->digest.len > 0) {
        return false;
    }
    str tag = ref->tag;
    bool slim = str_ends(tag, S("-slim"));
    if (slim) {
        tag = str_slice(tag, 0, tag.len - S("-slim").len);
    }
    for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
        const struct release *r = &releases[i];
        bool same = str_starts(ref->repository, S("library/")) &&
                    str_eq(str_slice(ref->repository, 8, SIZE_MAX), str_from_c(r->distribution));
        if (same && (str_eq(tag, str_from_c(r->suite)) || str_eq(tag, str_from_c(r->version)))) {
            *ret = (struct bootstrap){ r->distribution, r->suite, slim };
            return true;
        }
    }
    return false;
}

/* ---- mirrors ---- */

struct mirror {
    const char *uri;
    const char *signed_by; /* a keyring's path, or empty */
    bool security;
};

/* The host's repositories that carry this distribution: one for the archive, one for security. */
static void host_mirrors(struct arena *a, const struct bootstrap *what, struct mirror *archive,
                         struct mirror *security) {
    AUTO_BUF out = BUF_INIT(4 * 1024 * 1024);
    static const char *const argv[] = {
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)|$(ORIGIN)",
        "Created-By: Packages",
        NULL,
    };
    struct proc_spec spec = { .argv = argv, .out = &out, .timeout_ms = 20000 };
    struct proc_result result;
    if (proc_find(a, "apt-get") == NULL || !proc_run(&spec, &result, NULL)) {
        return;
    }
    str origin = str_from_c(distribution_of(what)->origin);
    str rest = buf_str(&out);
    while (rest.len > 0) {
        str line = str_cut(&rest, '\n');
        str uri = str_cut(&line, '|');
        str release = str_cut(&line, '|');
        str component = str_cut(&line, '|');
        str signed_by = str_cut(&line, '|');
        if (!str_eq(line, origin) || !str_eq(component, S("main"))) {
            continue;
        }
        struct mirror *m = str_ends(release, S("-security")) ? security : archive;
        if (m->uri == NULL) {
            m->uri = str_to_c(a, uri);
            m->signed_by = str_to_c(a, signed_by);
        }
    }
}

/* "[signed-by=KEYRING] URI" of the environment. */
static bool chosen_mirror(struct arena *a, const struct distribution *d, struct mirror *ret) {
    const char *text = getenv(d->variable);
    str rest = str_trim(str_from_c(text));
    if (rest.len == 0) {
        return false;
    }
    if (str_starts(rest, S("[signed-by="))) {
        str keyring = str_cut(&rest, ']');
        ret->signed_by = str_to_c(a, str_slice(keyring, S("[signed-by=").len, keyring.len));
    }
    ret->uri = str_to_c(a, str_trim(rest));
    return true;
}

static void add_source(const struct distribution *d, const struct mirror *m, const char *suite,
                       struct buf *out) {
    buf_add_c(out, "deb ");
    if (m->signed_by != NULL && m->signed_by[0] == '/') {
        buf_addf(out, "[signed-by=%s] ", m->signed_by);
    }
    buf_addf(out, "%s %s", m->uri, suite);
    for (str rest = str_from_c(d->components); rest.len > 0;) {
        str component = str_cut(&rest, ',');
        buf_addf(out, " %.*s", STR_FMT(component));
    }
    buf_add_char(out, '\n');
}

/* A repository without a keyring is refused by apt, in words about keys. */
static bool check_keyring(const struct distribution *d, const struct mirror *m, struct err *err) {
    const char *path = m->signed_by != NULL && m->signed_by[0] == '/' ? m->signed_by : d->keyring;
    if (fs_exists(AT_FDCWD, path)) {
        return true;
    }
    err_set(err, "the keyring of %s's archive is missing: '%s'", d->origin, path);
    return strcmp(path, d->keyring) == 0
               ? err_help(err, "install the package %s", d->keyring_package)
               : err_help(err, "%s names it", d->variable);
}

/* Without a mirror from the host, mmdebstrap takes its own for a release that it knows. */
static bool check_known(struct arena *a, const struct distribution *d, const char *suite,
                        struct err *err) {
    str text;
    const char *cell = str_fmt(a, ",%s,", suite).ptr;
    if (d->suites_file == NULL || (fs_load(a, AT_FDCWD, d->suites_file, 1024 * 1024, &text, NULL) &&
                                   str_find(text, str_from_c(cell), 0) != STR_NONE)) {
        return true;
    }
    err_set(err, "no mirror of %s is known, and mmdebstrap does not recognize its release '%s'",
            d->origin, suite);
    return err_help(
        err, "install a distro-info-data that lists it, or set %s to the address of a mirror",
        d->variable);
}

/* Lines of a sources.list; empty when the host does not know the distribution: mmdebstrap then
 * uses the distribution's default. False: it cannot be, or nobody could check what comes from
 * there. */
static bool sources_list(struct arena *a, const struct bootstrap *what, str *ret, struct err *err) {
    const struct distribution *d = distribution_of(what);
    struct mirror archive = { 0 };
    struct mirror security = { 0 };
    AUTO_BUF out = BUF_INIT(64 * 1024);
    *ret = (str){ 0 };
    if (!chosen_mirror(a, d, &archive)) {
        host_mirrors(a, what, &archive, &security);
    }
    bool by_name = archive.signed_by == NULL || archive.signed_by[0] == '\0';
    if (d->suites_file != NULL && by_name) {
        archive.signed_by = d->keyring; /* the host's own keys are of another distribution */
    }
    if (d->suites_file != NULL && !check_keyring(d, &archive, err)) {
        return false;
    }
    if (archive.uri == NULL) {
        return check_known(a, d, what->suite, err);
    }
    bool rolling = strcmp(what->suite, "sid") == 0;
    security = security.uri == NULL && !d->security_apart ? archive : security;
    add_source(d, &archive, what->suite, &out);
    if (!rolling) {
        add_source(d, &archive, str_fmt(a, "%s-updates", what->suite).ptr, &out);
    }
    if (!rolling && security.uri != NULL) {
        add_source(d, &security, str_fmt(a, "%s-security", what->suite).ptr, &out);
    }
    *ret = str_dup(a, buf_str(&out));
    return true;
}

/* ---- running ---- */

struct bootstrap_job {
    struct arena *arena;
    const struct bootstrap *what;
    const char *architecture;         /* Debian's name of it */
    const char *target;               /* folder to fill */
    const char *scratch;              /* folder for a tmpfs, or NULL */
    const char *sources;              /* path of a sources.list, or NULL */
    const struct images_tools *tools; /* of another architecture; NULL: none */
};

static void push(struct arena *a, const char ***argv, size_t *len, size_t *cap, const char *word) {
    ARENA_PUSH(a, *argv, *len, *cap, word);
}

/* They are mounted in the new root as long as it is made. */
static void push_tools(const struct bootstrap_job *job, const char ***argv, size_t *len,
                       size_t *cap) {
    struct arena *a = job->arena;
    const char *folder = job->tools->folder;
    AUTO_BUF hook = BUF_INIT(2 * PATH_MAX);
    buf_addf(&hook, "--setup-hook=mkdir -p \"$1\"%s && mount --bind ", folder);
    buf_add_shell_word(&hook, str_from_c(job->tools->layer));
    buf_addf(&hook, " \"$1\"%s", folder);
    push(a, argv, len, cap, str_to_c(a, buf_str(&hook)));
    push(a, argv, len, cap,
         str_fmt(a, "--customize-hook=umount \"$1\"%s && rmdir \"$1\"%s", folder, folder).ptr);
}

static const char **mmdebstrap_argv(const struct bootstrap_job *job, const char *target) {
    struct arena *a = job->arena;
    const char **argv = NULL;
    size_t len = 0;
    size_t cap = 0;
    static const char *const fixed[] = {
        "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
        "--aptopt=Acquire::Check-Date \"false\"", "--aptopt=Acquire::Check-Valid-Until \"false\"",
        "--aptopt=Acquire::Languages \"none\"",
        "--aptopt=APT::Sandbox::User \"root\"", /* the store is closed to other users */
        /* Nothing of the host stays: names are mounted for each step. */
        "--customize-hook=rm -f \"$1\"/etc/resolv.conf \"$1\"/etc/hostname "
        "\"$1\"/etc/apt/apt.conf.d/99mmdebstrap \"$1\"/var/log/*.log \"$1\"/var/log/apt/* "
        "\"$1\"/var/cache/ldconfig/aux-cache \"$1\"/var/lib/dpkg/*-old",
        "--customize-hook=: > \"$1\"/etc/machine-id", "--skip=cleanup/reproducible",
        /* Nor does who this machine is at its mirror. */
        "--customize-hook=find \"$1\"/etc/apt -name \"*.list\" -type f "
        "-exec grep -q ://.*@ {} \\; -exec sed -i \"s,://[^/@ ]*@,://,\" {} \\;",
        "--skip=check/qemu", /* that was looked at (foreign.c), and it would want one more program
                              */
    };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        push(a, &argv, &len, &cap, fixed[i]);
    }
    push(a, &argv, &len, &cap, str_fmt(a, "--architectures=%s", job->architecture).ptr);
    for (size_t i = 0; job->what->slim && i < ARRAY_LEN(slim_options); i++) {
        push(a, &argv, &len, &cap, str_fmt(a, "--dpkgopt=%s", slim_options[i]).ptr);
    }
    if (job->tools != NULL) {
        push_tools(job, &argv, &len, &cap);
    }
    const struct distribution *d = distribution_of(job->what);
    push(a, &argv, &len, &cap, str_fmt(a, "--components=%s", d->components).ptr);
    if (d->include != NULL) {
        push(a, &argv, &len, &cap, str_fmt(a, "--include=%s", d->include).ptr);
    }
    push(a, &argv, &len, &cap, job->what->suite);
    push(a, &argv, &len, &cap, target);
    if (job->sources != NULL) {
        push(a, &argv, &len, &cap, job->sources);
    }
    push(a, &argv, &len, &cap, NULL);
    return argv;
}

/* Our stdout goes to spec.on_output of the parent. */
static void to_stdout(void *self, int stream, str piece) {
    (void)self;
    (void)stream;
    (void)!fs_write_all(STDOUT_FILENO, piece.ptr, piece.len, NULL);
}

/* Enough free memory for a base in a tmpfs: half the disk's time is creating files. */
static bool has_memory(void) {
    AUTO_ARENA a = arena_new();
    str text;
    if (!fs_load(a, AT_FDCWD, "/proc/meminfo", 64 * 1024, &text, NULL)) {
        return false;
    }
    size_t at = str_find(text, S("MemAvailable:"), 0);
    str rest = str_trim_left(str_slice(text, at == STR_NONE ? text.len : at + 13, text.len));
    uint64_t kilobytes = 0;
    return str_to_u64(str_cut(&rest, ' '), &kilobytes) && kilobytes > 4 * 1024 * 1024;
}

/* An ordinary user can make no devices, and in an image nobody needs them: /dev is empty. */
static bool empty_dev(struct arena *a, const char *target, struct err *err) {
    const char *dev = path_join(a, target, "dev");
    const char **names;
    size_t count;
    if (!fs_list(a, AT_FDCWD, dev, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fs_remove_tree(AT_FDCWD, path_join(a, dev, names[i]), err)) {
            return false;
        }
    }
    return true;
}

/* In a child with its own mount namespace: what is mounted here is gone with it. */
static bool bootstrap_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    struct bootstrap_job *job = self;
    (void)rootfd;
    (void)roots;
    const char *target = job->target;
    umask(022);
    if (job->scratch != NULL) {
        if (mount("tmpfs", job->scratch, "tmpfs", 0, "mode=755,size=2g") < 0) {
            return err_sys(err, errno, "mount a tmpfs on '%s'", job->scratch);
        }
        target = path_join(job->arena, job->scratch, "root");
    }
    const char *const env[] = { "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "TMPDIR=/tmp",
                                NULL };
    AUTO_BUF errors = BUF_INIT(256 * 1024);
    struct proc_spec spec = {
        .argv = mmdebstrap_argv(job, target),
        .env = env,
        .on_output = to_stdout,
    };
    bool ok = job->tools == NULL ? proc_check(&spec, err)
                                 : sandbox_follow(job->tools->table, spec.argv, env, err);
    if (!ok || !empty_dev(job->arena, target, err)) {
        return false;
    }
    if (job->scratch == NULL) {
        return true;
    }
    const char *const copy[] = { "cp",        "-a", "--", path_join(job->arena, target, "."),
                                 job->target, NULL };
    struct proc_spec copy_spec = { .argv = copy, .errors = &errors };
    return proc_check(&copy_spec, err);
}

const char *images_debian_architecture(struct arena *a, const struct oci_platform *p) {
    if (str_eq(p->architecture, S("386"))) {
        return "i386";
    }
    if (str_eq(p->architecture, S("arm"))) {
        return str_eq(p->variant, S("v6")) ? "armel" : "armhf";
    }
    if (str_eq(p->architecture, S("ppc64le"))) {
        return "ppc64el";
    }
    return str_eq(p->architecture, S("mips64le")) ? "mips64el" : str_to_c(a, p->architecture);
}

/* The content's name: which packages in which versions are installed. */
static bool content_key(const struct bootstrap *what, const char *root, struct arena *a,
                        const struct oci_platform *platform, struct store_key *ret,
                        struct err *err) {
    str status;
    if (!fs_load(a, AT_FDCWD, path_join(a, root, "var/lib/dpkg/status"), 64 * 1024 * 1024, &status,
                 err)) {
        return false;
    }
    struct store_key_hash k;
    store_key_begin(&k, "bootstrap 2");
    store_key_add(&k, str_from_c(what->suite));
    store_key_add_u64(&k, what->slim);
    store_key_add(&k, oci_platform_text(a, platform));
    store_key_add(&k, status);
    *ret = store_key_end(&k);
    return true;
}

static bool make_work(struct store_work *w, struct err *err) {
    static const char *const folders[] = { "step", "step/fs", "staging", "scratch" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdirat(w->fd, folders[i], 0755) < 0) {
            return err_sys(err, errno, "create a work folder");
        }
    }
    return true;
}

bool bootstrap_run(struct arena *a, const struct bootstrap_request *r, struct stored_image *ret,
                   struct err *err) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    if (!sandbox_check_root(err) || !store_work_begin(r->store, &work, err) ||
        !make_work(&work, err)) {
        return false;
    }
    if (proc_find(a, "mmdebstrap") == NULL) {
        err_set(err, "mmdebstrap is not installed");
        return err_help(err, "apt-get install --no-install-recommends mmdebstrap");
    }
    struct bootstrap_job job = {
        .arena = a,
        .what = r->what,
        .architecture = images_debian_architecture(a, r->platform),
        .target = store_work_path(&work, a, "step/fs"),
        .scratch = has_memory() ? store_work_path(&work, a, "scratch") : NULL,
        .tools = r->tools,
    };
    str sources;
    if (!sources_list(a, r->what, &sources, err)) {
        return false;
    }
    if (sources.len > 0) {
        if (!fs_store(work.fd, "sources.list", sources, 0644, err)) {
            return false;
        }
        job.sources = store_work_path(&work, a, "sources.list");
    }
    struct sandbox_spec spec = {
        .root = { (const char *const[]){ job.target }, 1 },
        .staging = store_work_path(&work, a, "staging"),
        .cancelled = r->cancelled,
        .on_output = r->output,
        .self = r->self,
        .network = SANDBOX_NETWORK_HOST,
    };
    if (!sandbox_call(&spec, bootstrap_in_child, &job, err)) {
        return false;
    }
    struct stored_image image = {
        .ref = *r->ref,
        .layer_count = 1,
        .origin = str_fmt(a, "bootstrapped from the packages of %s %s", r->what->distribution,
                          r->what->suite),
        .created_s = time_now_epoch_s(),
    };
    image.config.platform = *r->platform;
    image.layers = ARENA_NEW(a, struct store_key);
    if (!content_key(r->what, job.target, a, r->platform, &image.key, err)) {
        return false;
    }
    image.layers[0] = image.key;
    if (!store_layer_commit(&work, "step", &image.key, false,
                            str_fmt(a, "{\"text\":\"bootstrap %s\"}", r->what->suite), err) ||
        !images_save(r->store, &image, err)) {
        return false;
    }
    *ret = image;
    return true;
}
