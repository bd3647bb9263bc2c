// SPDX-License-Identifier: Apache-2.0
/*
 * The system's git, in a child. A repository is a stranger's: no hook, no config of this machine,
 * no protocol but those of the network, for submodules too, and no link of it is followed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/internal.h"
#include "sandbox/sandbox.h"

enum { GIT_WORDS_MAX = 48, GIT_OUTPUT_MAX = 8 * 1024 * 1024, DEPTH_MAX = 256 };

static const char *const common_words[] = {
    "git",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.symlinks=true",
    "-c",
    "protocol.file.allow=never",
    "-c",
    "gc.auto=0",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "advice.detachedHead=false",
    "-c",
    "http.lowSpeedLimit=1",
    "-c",
    "http.lowSpeedTime=60",
};

/* What of our environment git is given. */
static const char *const kept_variables[] = {
    "http_proxy", "https_proxy", "HTTPS_PROXY",   "all_proxy",    "ALL_PROXY",
    "no_proxy",   "NO_PROXY",    "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR",
};

static void set_environment(const struct git_job *job) {
    const char *values[ARRAY_LEN(kept_variables)];
    for (size_t i = 0; i < ARRAY_LEN(kept_variables); i++) {
        const char *value = getenv(kept_variables[i]);
        values[i] = value == NULL ? NULL : str_dup(job->arena, str_from_c(value)).ptr;
    }
    const char *path = getenv("PATH");
    str search = str_fmt(job->arena, "%s:/usr/local/bin:/usr/bin:/bin", path == NULL ? "" : path);
    clearenv();
    for (size_t i = 0; i < ARRAY_LEN(kept_variables); i++) {
        if (values[i] != NULL) {
            setenv(kept_variables[i], values[i], 1);
        }
    }
    /* In the environment: every user of the machine sees a command line. */
    bool has_header = job->authorization != NULL;
    const char *origin = remote_origin(job->arena, job->remote->url);
    const char *key = str_fmt(job->arena, "http.%s.extraHeader", origin).ptr;
    const struct {
        const char *name;
        const char *value;
    } fixed[] = {
        { "GIT_CONFIG_COUNT", has_header ? "1" : NULL },
        { "GIT_CONFIG_KEY_0", has_header ? key : NULL },
        { "GIT_CONFIG_VALUE_0", job->authorization },
        { "PATH", search.ptr },
        { "LC_ALL", "C" },
        { "HOME", job->folder },
        { "GIT_CONFIG_NOSYSTEM", "1" },
        { "GIT_CONFIG_GLOBAL", "/dev/null" },
        { "GIT_ALLOW_PROTOCOL", "http:https:git:ssh" },
        { "GIT_TERMINAL_PROMPT", "0" },
        { "GIT_ATTR_NOSYSTEM", "1" },
        { "GIT_SSH_COMMAND", "ssh -o BatchMode=yes" },
        { "SSH_AUTH_SOCK", job->agent },
        { "GIT_SSL_CAINFO", getenv("SSL_CERT_FILE") },
    };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (fixed[i].value != NULL) {
            setenv(fixed[i].name, fixed[i].value, 1);
        }
    }
}

/* ---- running ---- */

/* git says what is wrong in a line with "fatal: ", and may go on with advice. */
static str reason(str errors) {
    str best = S("");
    str last = S("");
    while (errors.len > 0) {
        str line = str_trim(str_cut(&errors, '\n'));
        if (str_starts(line, S("fatal: ")) || str_starts(line, S("error: "))) {
            best = best.len == 0 ? str_slice(line, 7, line.len) : best;
        }
        last = line.len > 0 ? line : last;
    }
    return best.len > 0 ? best : last;
}

/* Only where git asks one it has a network. */
static bool asks_server(const char *const *words) {
    static const char *const remote[] = { "ls-remote", "fetch", "submodule" };
    for (size_t i = 0; words[i] != NULL; i++) {
        for (size_t k = 0; k < ARRAY_LEN(remote); k++) {
            if (strcmp(words[i], remote[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void add_words(const char **argv, size_t *len, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ASSERT(*len < GIT_WORDS_MAX);
        argv[(*len)++] = words[i];
    }
}

/* `words` ends with NULL; `out` may be NULL. */
static bool git(const struct git_job *job, const char *const *words, struct buf *out,
                struct err *err) {
    const char *argv[GIT_WORDS_MAX + 1];
    size_t len = 0;
    size_t count = 0;
    add_words(argv, &len, common_words, ARRAY_LEN(common_words));
    while (words[count] != NULL) {
        count++;
    }
    add_words(argv, &len, words, count);
    argv[len] = NULL;
    AUTO_BUF errors = BUF_INIT(GIT_OUTPUT_MAX);
    struct proc_spec spec = {
        .argv = argv,
        .cwd = path_join(job->arena, job->folder, "content"),
        .out = out,
        .errors = &errors,
        .before_exec = asks_server(words) ? sandbox_confine_program : sandbox_confine_program_alone,
    };
    struct proc_result result;
    if (!sandbox_prepare_program(err) || !proc_run(&spec, &result, err)) {
        return false;
    }
    if (result.exit_code == 0) {
        return true;
    }
    str why = reason(buf_str(&errors));
    return why.len > 0 ? err_set(err, "%.*s", STR_FMT(why))
                       : err_set(err, "git ended with exit code %d", result.exit_code);
}

/* The same in the repository. */
static bool in_repository(const struct git_job *job, const char *const *words, struct buf *out,
                          struct err *err) {
    const char *argv[GIT_WORDS_MAX + 1] = { "-C", "repository" };
    size_t len = 2;
    for (size_t i = 0; words[i] != NULL; i++) {
        ASSERT(len < GIT_WORDS_MAX);
        argv[len++] = words[i];
    }
    argv[len] = NULL;
    return git(job, argv, out, err);
}

/* ---- the commit of a ref ---- */

/* Branches first, as git checkout has it; of a tag with a text, the commit that it names. */
static str find_commit(struct arena *a, str listing, str ref) {
    str names[] = {
        ref,
        str_fmt(a, "refs/%.*s", STR_FMT(ref)),
        str_fmt(a, "refs/heads/%.*s", STR_FMT(ref)),
        str_fmt(a, "refs/tags/%.*s^{}", STR_FMT(ref)),
        str_fmt(a, "refs/tags/%.*s", STR_FMT(ref)),
    };
    str peeled = str_fmt(a, "%.*s^{}", STR_FMT(ref));
    size_t best = ARRAY_LEN(names);
    str found = S("");
    while (listing.len > 0) {
        str name = str_cut(&listing, '\n');
        str commit = str_cut(&name, '\t');
        if (str_eq(name, peeled)) {
            return commit;
        }
        for (size_t i = 0; i < best; i++) {
            if (str_eq(name, names[i])) {
                best = i;
                found = commit;
            }
        }
    }
    return found;
}

static bool is_object_id(str s) {
    uint8_t bytes[32];
    return (s.len == 40 || s.len == 64) && hash_unhex(s, bytes, s.len / 2);
}

/* The tag with a text that names the commit: it comes right before its "^{}" in the listing. */
static str find_tag(str listing, str commit) {
    str before = S("");
    while (listing.len > 0) {
        str name = str_cut(&listing, '\n');
        str id = str_cut(&name, '\t');
        if (str_eq(id, commit) && str_ends(name, S("^{}"))) {
            return is_object_id(before) ? before : S("");
        }
        before = id;
    }
    return S("");
}

bool git_resolve_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    const struct git_job *job = self;
    (void)rootfd;
    (void)roots;
    set_environment(job);
    str ref = job->remote->ref.len == 0 ? S("HEAD") : job->remote->ref;
    const char *name = str_to_c(job->arena, ref);
    const char *peeled = str_fmt(job->arena, "%s^{}", name).ptr;
    const char *const words[] = { "ls-remote", "--", job->remote->url, name, peeled, NULL };
    AUTO_BUF out = BUF_INIT(GIT_OUTPUT_MAX);
    if (!git(job, words, &out, err)) {
        return false;
    }
    str commit = find_commit(job->arena, buf_str(&out), ref);
    if (!is_object_id(commit)) {
        return err_set(err, "the repository has no branch or tag '%s'", name);
    }
    str tag = find_tag(buf_str(&out), commit);
    memcpy(job->ids->commit, commit.ptr, commit.len);
    memcpy(job->ids->tag, tag.ptr, tag.len);
    return true;
}

/* ---- its files ---- */

/* One commit, or, where the server does not give out single ones, all that it has. */
static bool fetch_commit(const struct git_job *job, struct err *err) {
    const char *commit = job->remote->ids.commit;
    const char *const one[] = { "fetch", "-q", "--depth=1", "--no-tags", "origin", commit, NULL };
    const char *const all[] = { "fetch", "-q", "--tags", "origin", "+refs/*:refs/remotes/all/*",
                                NULL };
    const char *const has[] = { "cat-file", "-e", str_fmt(job->arena, "%s^{commit}", commit).ptr,
                                NULL };
    struct err ignored = ERR_INIT;
    if (in_repository(job, one, NULL, &ignored)) {
        return true;
    }
    return in_repository(job, all, NULL, err) &&
           (in_repository(job, has, NULL, &ignored) ||
            err_set(err, "the repository has no commit '%s'", commit));
}

static bool check_out(const struct git_job *job, struct err *err) {
    const char *commit = job->remote->ids.commit;
    const char *const init[] = { "init", "-q", "--template=", "repository", NULL };
    const char *const origin[] = { "remote", "add", "origin", job->remote->url, NULL };
    const char *const checkout[] = { "checkout", "-q", "--detach", commit, NULL };
    const char *const update[] = { "submodule",   "-q",        "update", "--init",
                                   "--recursive", "--depth=1", NULL };
    return git(job, init, NULL, err) && in_repository(job, origin, NULL, err) &&
           fetch_commit(job, err) && in_repository(job, checkout, NULL, err) &&
           (job->remote->no_submodules ||
            !fs_exists(job->folderfd, "content/repository/.gitmodules") ||
            in_repository(job, update, NULL, err));
}

static bool commit_time(const struct git_job *job, int64_t *ret, struct err *err) {
    const char *const words[] = { "log", "-1", "--format=%ct", job->remote->ids.commit, NULL };
    AUTO_BUF out = BUF_INIT(GIT_OUTPUT_MAX);
    return in_repository(job, words, &out, err) &&
           (str_to_i64(str_trim(buf_str(&out)), ret) ||
            err_set(err, "the commit '%s' has no time", job->remote->ids.commit));
}

/* Everything is as old as the commit; what git keeps for itself goes, or stays as it is. */
static bool tidy(int dirfd, int64_t time_s, bool keep_git_dir, int depth, struct err *err) {
    const struct timespec times[2] = { { .tv_sec = time_s }, { .tv_sec = time_s } };
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (depth > DEPTH_MAX) {
        return err_set(err, "folders are nested more than %d deep", DEPTH_MAX);
    }
    if (!fs_list(scratch, dirfd, ".", &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], ".git") == 0) {
            if (!keep_git_dir && !fs_remove_tree(dirfd, names[i], err)) {
                return false;
            }
            continue;
        }
        AUTO_FD below = openat(dirfd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0 && !tidy(below, time_s, keep_git_dir, depth + 1, err)) {
            return false;
        }
        if (utimensat(dirfd, names[i], times, AT_SYMLINK_NOFOLLOW) < 0) {
            return err_sys(err, errno, "set the time of '%s'", names[i]);
        }
    }
    return futimens(dirfd, times) == 0 || err_sys(err, errno, "set the time of a folder");
}

/* The wanted folder becomes "content/fs". A link on the way to it may lead anywhere: refused. */
static bool take_folder(const struct git_job *job, int repository, struct err *err) {
    str rest = job->remote->subdir;
    AUTO_FD at = dup(repository);
    if (rest.len == 0) {
        return renameat(job->folderfd, "content/repository", job->folderfd, "content/fs") == 0 ||
               err_sys(err, errno, "store the files");
    }
    for (;;) {
        const char *name = str_to_c(job->arena, str_cut(&rest, '/'));
        AUTO_FD below = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0 || strcmp(name, ".git") == 0) {
            return err_set(err, "the repository has no folder '%.*s'",
                           STR_FMT(job->remote->subdir));
        }
        if (rest.len == 0) {
            return renameat(at, name, job->folderfd, "content/fs") == 0 ||
                   err_sys(err, errno, "store the files");
        }
        close(at);
        at = take_fd(&below);
    }
}

bool git_fetch_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    const struct git_job *job = self;
    (void)rootfd;
    (void)roots;
    umask(022);
    set_environment(job);
    int64_t time_s;
    if (!check_out(job, err) || !commit_time(job, &time_s, err)) {
        return false;
    }
    AUTO_FD repository = openat(job->folderfd, "content/repository",
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (repository < 0) {
        return err_sys(err, errno, "open the repository");
    }
    bool keep = job->remote->keep_git_dir && job->remote->subdir.len == 0;
    return tidy(repository, time_s, keep, 0, err) && take_folder(job, repository, err) &&
           fs_remove_tree(job->folderfd, "content/repository", err);
}
