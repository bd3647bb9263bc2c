// SPDX-License-Identifier: Apache-2.0
/* A machine from its request to its end. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "assets/assets.h"
#include "machine/machine.h"
#include "run/internal.h"

enum { NAME_BYTES_MAX = 32 };

/* ---- what is booted ---- */

static unsigned cpus_of(const struct run_work *w) {
    long here = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wanted = w->config != NULL ? w->config->resources.cpu_count.value : RUN_CPUS;
    if (w->request->cpus > 0) {
        return (unsigned)w->request->cpus;
    }
    return (unsigned)(here > 0 && wanted > here ? here : wanted);
}

static uint64_t memory_of(const struct run_work *w) {
    int64_t wanted_mb =
        w->config != NULL ? w->config->resources.ram_gb.value * 1024 : RUN_MEMORY_MB;
    return (uint64_t)(w->request->memory_mb > 0 ? w->request->memory_mb : wanted_mb);
}

static const char *arch_of(const struct run_work *w) {
    const struct run_request *q = w->request;
    return q->arch != NULL ? q->arch : assets_default_arch(w->arena, q->assets);
}

struct vm_spec run_spec(const struct run_work *w) {
    const struct run_request *q = w->request;
    const char *arch = arch_of(w);
    const char *dir = path_join(w->arena, q->assets, arch);
    return (struct vm_spec){
        .arch = arch,
        .kernel = path_join(w->arena, dir, "vmlinuz"),
        .initrd = path_join(w->arena, dir, "initrd.img"),
        .rootfs = path_join(w->arena, dir, "rootfs.squashfs"),
        .accel = q->accel,
        .cpus = cpus_of(w),
        .memory_mb = memory_of(w),
        .timeout_ms = (uint64_t)q->timeout_s * 1000,
        .cache_dir = q->cache_dir,
        .verbose = q->console,
    };
}

/* ---- the policy and the machine's size ---- */

enum { KEPT_BYTES_MAX = 256 * 1024 * 1024 };

static void say_config(const struct run_work *w, bool is_own, const char *fmt, const char *name) {
    if (w->events->config != NULL) {
        str text = str_fmt(w->arena, fmt, name);
        w->events->config(w->events->self, text.ptr, is_own);
    }
}

/* Of the build. True with *ret_found false: an older program has built the assets. */
static bool load_kept(struct run_work *w, struct sources *sources, struct guest_config *config,
                      bool *ret_found, struct make_failure *failure) {
    const char *path = str_fmt(w->arena, "%s/%s/config.json", w->request->assets, arch_of(w)).ptr;
    str text;
    *ret_found = fs_exists(AT_FDCWD, path);
    if (!*ret_found) {
        return true;
    }
    if (!fs_load(w->arena, AT_FDCWD, path, KEPT_BYTES_MAX, &text, &failure->err) ||
        !config_load_kept(w->arena, sources, &failure->sink, path, text, config, &failure->err)) {
        return false;
    }
    w->config = config;
    say_config(w, true, "policy and size: as built, from '%s'", path);
    return true;
}

/* Without the build's: the folder that is most likely meant. */
static void load_beside(struct run_work *w, struct sources *sources, struct guest_config *config,
                        struct make_failure *failure) {
    const struct config_options options = { .config_only = true };
    if (!fs_exists(AT_FDCWD, "guest/config/build.toml")) {
        return;
    }
    if (config_load(w->arena, sources, &failure->sink, "guest", &options, config)) {
        w->config = config;
        say_config(w, false,
                   "policy and size: those of the folder '%s', because these assets have none",
                   "guest");
    } else {
        w->events->notice(w->events->self,
                          "the config in 'guest' has errors, so the guest has no network: "
                          "capsem-builder validate");
    }
    diag_sink_init(&failure->sink, w->arena, sources);
}

static bool load_config(struct run_work *w, struct make_failure *failure) {
    struct guest_config *config = ARENA_NEW(w->arena, struct guest_config);
    struct sources *sources = ARENA_NEW(w->arena, struct sources);
    const struct config_options options = { .config_only = true };
    const char *given = w->request->guest;
    bool found;
    sources_init(sources, w->arena);
    diag_sink_init(&failure->sink, w->arena, sources);
    if (given != NULL) {
        if (!config_load(w->arena, sources, &failure->sink, given, &options, config)) {
            return false;
        }
        w->config = config;
        say_config(w, false, "policy and size: those of the guest folder '%s'", given);
    } else if (!load_kept(w, sources, config, &found, failure)) {
        return false;
    } else if (!found) {
        load_beside(w, sources, config, failure);
    }
    diag_sink_init(&failure->sink, w->arena, sources);
    return true;
}

/* ---- machines that stay ---- */

static const char *kept_folder(struct arena *a, const char *cache_dir) {
    return path_join(a, cache_dir, "machines");
}

bool run_kept_dir(struct arena *a, const char *cache_dir, const char *name, const char **ret,
                  struct err *err) {
    bool good = name[0] != '\0' && strlen(name) <= NAME_BYTES_MAX;
    for (const char *c = name; *c != '\0'; c++) {
        bool first = c == name;
        bool lower = char_is_alnum(*c) && char_lower(*c) == *c;
        good = good && (lower || (!first && (*c == '-' || *c == '_')));
    }
    if (!good) {
        return err_set(err, "'%s' is not a machine name: use at most %d of a-z, 0-9, '-' and '_'",
                       name, NAME_BYTES_MAX);
    }
    *ret = path_join(a, kept_folder(a, cache_dir), name);
    return true;
}

bool run_kept_list(struct arena *a, const char *cache_dir, const char *const **ret,
                   size_t *ret_count, struct err *err) {
    const char *dir = kept_folder(a, cache_dir);
    const char **names = NULL;
    size_t count = 0, running = 0;
    if (fs_exists(AT_FDCWD, dir) && !fs_list(a, AT_FDCWD, dir, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (vm_is_kept(path_join(a, dir, names[i]))) {
            names[running++] = names[i];
        }
    }
    *ret = names;
    *ret_count = running;
    return true;
}

/* Makes the folder that leads to a machine that stays. */
static bool prepare_keep(const struct run_work *w, struct vm_spec *spec, struct err *err) {
    const char *name = w->request->keep;
    if (name == NULL) {
        return true;
    }
    if (!run_kept_dir(w->arena, w->request->cache_dir, name, &spec->keep_dir, err)) {
        return false;
    }
    if (vm_is_kept(spec->keep_dir)) {
        err_set(err, "a machine named '%s' is already running", name);
        return err_help(err, "capsem-builder attach %s, or attach --end %s", name, name);
    }
    return fs_mkdir_p(AT_FDCWD, spec->keep_dir, 0700, err);
}

/* ---- from start to end ---- */

bool run_env_check(struct run_list env, struct err *err) {
    for (size_t i = 0; i < env.len; i++) {
        if (!vm_env_check(env.items[i], i, err)) {
            return err_wrap(err, "--env");
        }
    }
    return true;
}

static const char *const *env_list(struct arena *a, struct run_list env) {
    const char **list = ARENA_ARRAY(a, const char *, env.len + 1);
    for (size_t i = 0; i < env.len; i++) {
        list[i] = env.items[i];
    }
    return list;
}

static struct vm_request make_request(const struct run_work *w) {
    const struct run_request *q = w->request;
    return (struct vm_request){
        .command = q->command,
        .argv = q->argv,
        .env = env_list(w->arena, q->env),
        .before = ARENA_ARRAY(w->arena, struct vm_task, RUN_COPIES_MAX),
        .after = ARENA_ARRAY(w->arena, struct vm_task, RUN_COPIES_MAX),
        .has_input = q->has_input,
        .stays = q->keep != NULL,
    };
}

/* What a machine is started with, and what has to go when it has ended. */
struct parts {
    struct run_files files;
    struct run_volumes volumes;
    struct run_port net, mcp;
    int scratch;
    struct vm_spec spec;
    struct vm_request request;
    struct vm_hooks hooks;
};
#define PARTS_INIT ((struct parts){ .net = RUN_PORT_INIT, .mcp = RUN_PORT_INIT, .scratch = -1 })

static void parts_done(struct parts *p) {
    fd_close_auto(&p->scratch);
    run_volumes_done(&p->volumes);
    run_files_done(&p->files);
    run_port_done(&p->mcp);
    run_port_done(&p->net);
}
#define AUTO_PARTS __attribute__((cleanup(parts_done))) struct parts

/* All that can be looked at before something is started. */
static bool prepare(const struct run_work *w, struct parts *p, struct err *err) {
    const struct run_request *q = w->request;
    p->request = make_request(w);
    if (!run_files_prepare(w, &p->files, &p->request, err) ||
        (q->scratch != NULL && !run_scratch_open(q->cache_dir, q->scratch, &p->scratch, err))) {
        return false;
    }
    p->spec = run_spec(w);
    if (!run_volumes_prepare(w, &p->spec, &p->volumes, err)) {
        return false;
    }
    p->spec.volumes = p->volumes.items;
    p->spec.volume_count = p->volumes.count;
    return prepare_keep(w, &p->spec, err);
}

static bool start(const struct run_work *w, struct parts *p, struct run_result *result,
                  struct make_failure *failure) {
    if (!w->events->begin(w->events->self, &p->hooks, &failure->err) ||
        (w->request->guest != NULL && !run_repack(w, p->spec.arch, result, failure)) ||
        !run_net_start(w, &p->net, &failure->err) ||
        (w->request->mcp != NULL && !run_mcp_start(w, &p->mcp, &failure->err))) {
        return false;
    }
    p->spec.net_fd = p->net.fd;
    p->spec.mcp_fd = p->mcp.fd > 0 ? p->mcp.fd : 0;
    p->spec.scratch_fd = p->scratch >= 0 ? p->scratch : 0;
    return true;
}

/* A second time when the guest's kernel turned out to take no shared folder. */
static bool boot(const struct run_work *w, struct parts *p, struct run_result *ret,
                 struct err *err) {
    ret->report = ARENA_NEW(w->arena, struct vm_report);
    if (vm_run(&p->spec, &p->request, &p->hooks, ret->report, &ret->outcome, &ret->exit_code,
               err)) {
        return true;
    }
    if (!ret->report->no_virtiofs) {
        return false;
    }
    *err = ERR_INIT;
    return run_volumes_copy(w, &p->spec, &p->volumes, err) &&
           vm_run(&p->spec, &p->request, &p->hooks, ret->report, &ret->outcome, &ret->exit_code,
                  err);
}

static void tell(const struct run_work *w, void (*what)(void *self)) {
    if (what != NULL) {
        what(w->events->self);
    }
}

static bool run_to_end(const struct run_work *w, struct parts *p, struct run_result *ret,
                       struct err *err) {
    tell(w, w->events->starting);
    bool good = boot(w, p, ret, err);
    tell(w, w->events->ended);
    if (!good && err->code == ENOENT) {
        err_help(err, "build the assets first: capsem-builder build");
    }
    ret->copies_failed =
        good && ret->outcome == VM_EXITED && !run_files_finish(w, &p->files, &p->request);
    ret->is_kept = p->spec.keep_dir != NULL && vm_is_kept(p->spec.keep_dir);
    if (ret->is_kept) {
        p->net.pid = p->mcp.pid = 0; /* they end with the machine */
    }
    return good;
}

bool run_machine(struct arena *a, const struct run_request *request,
                 const struct run_events *events, struct run_result *ret,
                 struct make_failure *failure) {
    struct run_work work = { .arena = a, .request = request, .events = events };
    AUTO_PARTS parts = PARTS_INIT;
    *ret = (struct run_result){ .outcome = VM_EXITED };
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    return run_env_check(request->env, &failure->err) && load_config(&work, failure) &&
           prepare(&work, &parts, &failure->err) && start(&work, &parts, ret, failure) &&
           run_to_end(&work, &parts, ret, &failure->err);
}
