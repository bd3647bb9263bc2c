// SPDX-License-Identifier: Apache-2.0
/* RUN. */
#include <errno.h>
#include <string.h>

#include "embedded/devices.h"
#include "embedded/internal.h"

/* What a RUN is, once everything is expanded: the key is made of this, and the sandbox too. */
struct run_plan {
    const char **argv;
    size_t argc;
    str script; /* to be written to a file and executed; empty: none */
    struct oci_pairs env;
    struct run_mounts mounts;
    struct devices devices;
    enum build_network network;
    bool insecure;
    const char *hostname; /* NULL: the sandbox's */
    struct buf *tail;     /* the end of the output */
};

static const char script_path[] = "/run/capsem-script";

/* --- planning --------------------------------------------------------------------------------- */

static void plan_argv(struct step *step, const struct dockerfile_run *run, struct run_plan *plan) {
    struct arena *a = step->builder->arena;
    if (run->command.exec && run->script.ptr == NULL) {
        plan->argv = ARENA_ARRAY(a, const char *, run->command.argc + 1);
        for (size_t i = 0; i < run->command.argc; i++) {
            plan->argv[plan->argc++] = str_to_c(a, run->command.argv[i]);
        }
        return;
    }
    if (run->is_script) {
        plan->argv = ARENA_ARRAY(a, const char *, 2);
        plan->argv[plan->argc++] = script_path;
        plan->script = run->script;
        return;
    }
    struct oci_strings shell = step->stage->config.shell;
    plan->argv = ARENA_ARRAY(a, const char *, shell.len + 4);
    for (size_t i = 0; i < shell.len; i++) {
        plan->argv[plan->argc++] = str_to_c(a, shell.items[i]);
    }
    if (shell.len == 0) {
        plan->argv[plan->argc++] = "/bin/sh";
        plan->argv[plan->argc++] = "-c";
    }
    plan->argv[plan->argc++] = str_to_c(a, run->script);
}

static bool plan_run(struct step *step, struct run_plan *plan) {
    struct builder *b = step->builder;
    const struct dockerfile_run *run = &step->instruction->run;
    plan->network = b->request->network;
    if (dockerfile_word_is_set(run->network) && !str_eq(run->network.text, S("default"))) {
        plan->network =
            str_eq(run->network.text, S("none")) ? BUILD_NETWORK_NONE : BUILD_NETWORK_HOST;
    }
    plan->insecure = str_eq(run->security.text, S("insecure"));
    if (plan->insecure && !b->request->allow_insecure) {
        struct diag *d =
            diag_report(b->sink, "E405", run->security.span,
                        "this step requests all capabilities and no system call filter");
        diag_help(b->sink, d, "--allow security.insecure grants them");
        return false;
    }
    plan_argv(step, run, plan);
    vars_step_env(b, step->stage, &plan->env);
    return host_name_given(b, step->instruction->span, &plan->hostname) &&
           run_mounts_plan(step, run, &plan->mounts) && devices_plan(step, run, &plan->devices);
}

/* ---- the key ---- */

static bool key_run(struct step *step, struct run_plan *plan) {
    struct store_key_hash k;
    store_key_begin(&k, "RUN");
    store_key_add_below(&k, &step->stage->stack.key);
    store_key_list(&k);
    for (size_t i = 0; i < plan->argc; i++) {
        store_key_add(&k, str_from_c(plan->argv[i]));
    }
    store_key_list_end(&k);
    store_key_add(&k, plan->script);
    store_key_list(&k);
    for (size_t i = 0; i < plan->env.len; i++) {
        store_key_add(&k, plan->env.items[i].key);
        store_key_add(&k, plan->env.items[i].value);
    }
    store_key_list_end(&k);
    store_key_add(&k, step->stage->config.working_dir);
    store_key_add(&k, step->stage->config.user);
    store_key_add_u64(&k, plan->network);
    if (plan->hostname != NULL) {
        store_key_add(&k, S("host name"));
        store_key_add(&k, str_from_c(plan->hostname));
    }
    if (!run_mounts_key(step, &plan->mounts, &k)) {
        return false;
    }
    store_key_add_u64(&k, plan->insecure);
    devices_key(&step->instruction->run, &plan->devices, &k);
    step->key = store_key_end(&k);
    step->shown.own = store_key_end_own(&k);
    return true;
}

/* ---- running ---- */

static bool add_script(struct step *step, const struct run_plan *plan, struct sandbox_mount *to,
                       size_t *count, struct err *err) {
    if (plan->script.len == 0) {
        return true;
    }
    struct store_work *work = &step->work->store;
    const char *name = str_fmt(step->builder->arena, "script-%zu", step->work->number).ptr;
    if (!fs_store(work->fd, name, plan->script, 0755, err)) {
        return false;
    }
    if (fchmodat(work->fd, name, 0755, 0) < 0) {
        return err_sys(err, errno, "write the step's script");
    }
    to[(*count)++] = (struct sandbox_mount){
        .kind = SANDBOX_BIND,
        .source = store_work_path(work, step->builder->arena, name),
        .target = script_path,
        .readonly = true,
    };
    return true;
}

/* Of a program for another architecture, where the kernel looks for it in the step's root. */
static bool add_interpreter(struct step *step, struct sandbox_mount *to, size_t *count) {
    const char *interpreter;
    if (!foreign_find(step->builder, &step->stage->config.platform, step->instruction->span,
                      &interpreter)) {
        return false;
    }
    if (interpreter != NULL) {
        to[(*count)++] = (struct sandbox_mount){
            .kind = SANDBOX_BIND,
            .source = interpreter,
            .target = interpreter,
            .readonly = true,
        };
    }
    return true;
}

/* All that is run, in one text. */
static str command_text(struct arena *a, const struct run_plan *plan) {
    AUTO_BUF text = BUF_INIT(SIZE_MAX / 2);
    for (size_t i = 0; i < plan->argc; i++) {
        buf_addf(&text, "%s ", plan->argv[i]);
    }
    buf_add(&text, plan->script);
    return str_dup(a, buf_str(&text));
}

/* The host's settings, below what --build-arg says about proxies, below what the stage has set. */
static const char **env_strings(struct builder *b, const struct run_plan *plan,
                                const struct build_host *host) {
    struct oci_pairs all = { 0 };
    const struct oci_pairs *const sources[] = { &host->env, vars_given_proxies(b), &plan->env,
                                                &plan->mounts.env, &plan->devices.env };
    for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
        for (size_t i = 0; i < sources[s]->len; i++) {
            oci_pairs_set(b->arena, &all, sources[s]->items[i].key, sources[s]->items[i].value);
        }
    }
    const char **strings = ARENA_ARRAY(b->arena, const char *, all.len + 1);
    for (size_t i = 0; i < all.len; i++) {
        strings[i] =
            str_fmt(b->arena, "%.*s=%.*s", STR_FMT(all.items[i].key), STR_FMT(all.items[i].value))
                .ptr;
    }
    return strings;
}

struct output_sink {
    struct step *step;
    struct buf *tail;
};

static void on_output(void *self, str piece) {
    struct output_sink *out = self;
    const struct build_request *request = out->step->builder->request;
    buf_add_tail(out->tail, piece, OUTPUT_TAIL_BYTES);
    request->events->output(request->self, &out->step->shown, piece);
}

static void on_tick(void *self) {
    struct output_sink *out = self;
    const struct build_request *request = out->step->builder->request;
    request->events->tick(request->self, &out->step->shown);
}

/* A folder before what is mounted below it. */
static void sort_mounts(struct sandbox_mount *mounts, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct sandbox_mount m = mounts[i];
        size_t at = i;
        for (; at > 0 && strcmp(m.target, mounts[at - 1].target) < 0; at--) {
            mounts[at] = mounts[at - 1];
        }
        mounts[at] = m;
    }
}

static bool run_in_sandbox(struct step *step, void *self) {
    struct run_plan *plan = self;
    struct builder *b = step->builder;
    struct err err = ERR_INIT;
    const struct build_host *host;
    if (!host_settings_get(b, &host)) {
        return false;
    }
    struct sandbox_spec spec = step_sandbox(step);
    struct sandbox_mount *mounts =
        ARENA_ARRAY(b->arena, struct sandbox_mount,
                    plan->mounts.len + plan->devices.len + host->mount_count + 3);
    if (plan->network == BUILD_NETWORK_HOST) {
        spec.network = SANDBOX_NETWORK_HOST;
    } else {
        spec.network = SANDBOX_NETWORK_NONE;
    }
    memcpy(mounts, host->mounts, host->mount_count * sizeof *mounts);
    size_t count = host->mount_count;
    /* Before the caches of the step are locked: it may want them too. */
    if (!native_is(step->stage->config.platform.architecture) &&
        native_plan(step, command_text(b->arena, plan), &mounts[count], &spec.standins)) {
        count++;
    }
    if (!add_script(step, plan, mounts, &count, &err) ||
        !run_mounts_open(step, &plan->mounts, &mounts[count], &err)) {
        return err_is_set(&err) ? fail_at(b, step->instruction->span, "E404", &err) : false;
    }
    count += plan->mounts.len;
    for (size_t i = 0; i < plan->devices.len; i++) {
        mounts[count++] = plan->devices.items[i];
    }
    if (!add_interpreter(step, mounts, &count)) {
        return false;
    }
    sort_mounts(mounts, count);
    struct output_sink out = { step, plan->tail };
    spec.memory_bytes = b->request->policy.share.memory_bytes;
    spec.pids = b->request->policy.share.pids;
    spec.mounts = mounts;
    spec.mount_count = count;
    spec.argv = plan->argv;
    spec.env = env_strings(b, plan, host);
    spec.insecure = plan->insecure;
    spec.hostname = plan->hostname;
    spec.cwd = step->stage->config.working_dir.len > 0
                   ? str_to_c(b->arena, step->stage->config.working_dir)
                   : "/";
    spec.user = str_to_c(b->arena, step->stage->config.user);
    spec.on_output = on_output;
    spec.on_tick = on_tick;
    spec.self = &out;
    struct sandbox_result result;
    if (!sandbox_run(&spec, &result, &err)) {
        return fail_at(b, step->instruction->span, "E404", &err);
    }
    if (result.cancelled) {
        return err_sys(b->err, EINTR, "stopped");
    }
    if (result.exit_code != 0) {
        run_report_failure(step, &result, command_text(b->arena, plan), buf_str(plan->tail));
    }
    return result.exit_code == 0;
}

/* Locks of caches are held while the command runs. */
static bool run_and_unlock(struct step *step, void *self) {
    struct run_plan *plan = self;
    bool ok = run_in_sandbox(step, plan);
    run_mounts_close(step, &plan->mounts);
    return ok;
}

bool step_run_aside(struct step *step) {
    AUTO_BUF tail = BUF_INIT(2 * OUTPUT_TAIL_BYTES);
    struct run_plan plan = { .tail = &tail };
    return plan_run(step, &plan) && key_run(step, &plan) &&
           step_make_layer(step, run_and_unlock, &plan);
}

bool step_run(struct step *step) {
    AUTO_BUF tail = BUF_INIT(2 * OUTPUT_TAIL_BYTES);
    struct run_plan plan = { .tail = &tail };
    return plan_run(step, &plan) && key_run(step, &plan) &&
           step_execute(step, run_and_unlock, &plan);
}
