// SPDX-License-Identifier: Apache-2.0
/* A Dockerfile built by the engine, and what it left there. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "docker/internal.h"
#include "hash/hash.h"

/* One build while it runs. */
struct run {
    struct arena *arena;
    const struct docker_request *request;
    const struct dockerfile *file;
    struct diag_sink *sink;
    struct host_files host;
    struct bases bases;
    struct store_work work; /* holds the Dockerfile */
    const char *dockerfile;
    str text; /* of it */
    const char *label;
    const char *tag;
    struct watched *watched;
    struct err *err;
};

/* No two builds share an image, though they build the same: one may remove it while the other
 * still reads it. */
static const char *make_label(struct arena *a) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return str_fmt(a, "%llx%05lx%x", (unsigned long long)now.tv_sec,
                   (unsigned long)now.tv_nsec / 1000, (unsigned)getpid())
        .ptr;
}

static bool uses_buildkit(const struct run *r) {
    return r->request->buildx || r->request->engine->has_buildkit;
}

/* ---- the command ---- */

static void add_host(const struct run *r, struct argv *v) {
    const struct host_files *h = &r->host;
    if (!uses_buildkit(r)) {
        return;
    }
    for (size_t i = 0; i < h->count; i++) {
        const char *name = str_fmt(r->arena, "capsem/%s", h->names[i]).ptr;
        argv_addf(v, "--secret=id=capsem-%s,src=%s", h->names[i],
                  store_work_path(&h->work, r->arena, name));
    }
    for (size_t i = 0; i < h->env.len; i++) {
        const struct oci_pair *p = &h->env.items[i];
        const char *ours = getenv(str_to_c(r->arena, p->key));
        if (str_starts(p->value, S(BUILD_HOST_FOLDER "/"))) {
            continue;
        }
        if (ours != NULL && str_eq(str_from_c(ours), p->value)) {
            /* Without its value, which the client takes from our environment: a proxy's password
             * is nothing for a list of processes. */
            argv_addf(v, "--build-arg=%.*s", STR_FMT(p->key));
        } else { /* without what is secret in it */
            argv_addf(v, "--build-arg=%.*s=%.*s", STR_FMT(p->key), STR_FMT(p->value));
        }
    }
}

static void add_caches(const struct run *r, struct argv *v) {
    const struct docker_request *q = r->request;
    if (q->scope != NULL) {
        argv_addf(v, "--cache-from=type=gha,scope=%s", q->scope);
        argv_addf(v, "--cache-to=type=gha,mode=max,scope=%s", q->scope);
    }
    if (q->cache_from != NULL) {
        argv_addf(v, "--cache-from=%s", q->cache_from);
    }
    if (q->cache_to != NULL) {
        argv_addf(v, "--cache-to=%s", q->cache_to);
    }
}

/* A builder that knows of SOURCE_DATE_EPOCH would give it to every file. */
#define STREAM_OUTPUT "--output=type=tar,dest=-,source-date-epoch="

enum purpose {
    BUILD_IT,  /* into the engine, or the builder's cache */
    STREAM_IT, /* what is in the builder's cache, to stdout */
};

static struct argv build_argv(const struct run *r, enum purpose purpose) {
    const struct build_request *build = r->request->build;
    struct argv v = { .arena = r->arena };
    argv_add(&v, "docker");
    if (r->request->buildx) {
        argv_add(&v, "buildx");
    }
    argv_add(&v, "build");
    if (r->request->builder != NULL) {
        argv_addf(&v, "--builder=%s", r->request->builder);
    }
    if (r->request->streamed) {
        argv_add(&v, purpose == BUILD_IT ? "--output=type=cacheonly" : STREAM_OUTPUT);
    } else if (r->request->buildx) {
        argv_add(&v, "--load");
    }
    if (uses_buildkit(r)) {
        argv_add(&v, "--progress=plain");
    } else {
        argv_add(&v, "--force-rm");
    }
    argv_addf(&v, "--platform=%.*s", STR_FMT(oci_platform_text(r->arena, &build->platform)));
    if (!r->request->elsewhere) {
        argv_add(&v, "--network=host"); /* as our own steps: a mirror may be on this machine */
    }
    if (build->policy.no_cache && purpose == BUILD_IT) {
        argv_add(&v, "--no-cache");
    }
    argv_addf(&v, "--label=" DOCKER_LABEL "=%s", r->label);
    for (size_t i = 0; i < build->build_args.len; i++) {
        const struct oci_pair *p = &build->build_args.items[i];
        argv_addf(&v, "--build-arg=%.*s=%.*s", STR_FMT(p->key), STR_FMT(p->value));
    }
    if (!build->policy.epoch_is_now) {
        argv_addf(&v, "--build-arg=SOURCE_DATE_EPOCH=%lld", (long long)build->policy.epoch_s);
    }
    add_host(r, &v);
    if (purpose == BUILD_IT) {
        add_caches(r, &v);
    }
    if (!r->request->streamed) {
        argv_addf(&v, "--tag=%s", r->tag);
    }
    argv_addf(&v, "--file=%s", r->dockerfile);
    argv_add(&v, build->context);
    return v;
}

static bool run_build(struct run *r, struct build_result *ret) {
    const struct build_request *build = r->request->build;
    struct argv v = build_argv(r, BUILD_IT);
    const char *const env[] = { uses_buildkit(r) ? "DOCKER_BUILDKIT=1" : "DOCKER_BUILDKIT=0",
                                "BUILDKIT_PROGRESS=plain", "DOCKER_CLI_HINTS=false",
                                "SOURCE_DATE_EPOCH=", NULL };
    struct proc_spec spec = {
        .argv = v.items,
        .env = env,
        .on_output = watched_output,
        .on_tick = watched_tick,
        .cancelled = build->cancelled,
    };
    struct proc_result result;
    r->watched = watched_new(r->arena, build, r->file, ret);
    spec.self = r->watched;
    if (!proc_run(&spec, &result, r->err)) {
        return false;
    }
    if (build->cancelled != NULL && *build->cancelled) {
        return err_sys(r->err, EINTR, "stopped");
    }
    if (result.exit_code == 0) {
        return true;
    }
    if (watched_report(r->watched, r->request->engine, r->host.withheld, r->sink)) {
        return false;
    }
    ret->failed_output = str_dup(r->arena, watched_tail(r->watched));
    return call_explain(watched_tail(r->watched), result.exit_code, r->err);
}

/* ---- before it ---- */

static bool write_dockerfile(struct run *r) {
    const struct build_request *build = r->request->build;
    str text = build->sources->items[build->dockerfile]->text;
    static const struct host_files nothing = { .count = 0 };
    text =
        rewrite(r->arena, r->file, text, uses_buildkit(r) ? &r->host : &nothing, &r->bases.names);
    r->text = text;
    r->dockerfile = store_work_path(&r->work, r->arena, "Dockerfile");
    return fs_store(r->work.fd, "Dockerfile", text, 0644, r->err);
}

static bool prepare(struct run *r) {
    const struct build_request *build = r->request->build;
    r->bases = (struct bases){
        .arena = r->arena,
        .request = r->request,
        .file = r->file,
        .sink = r->sink,
        .label = r->label,
        .platforms = { r->request->engine->platform, build->platform },
        .err = r->err,
    };
    return (uses_buildkit(r) || rewrite_check_classic(r->file, r->sink)) &&
           store_work_begin(build->store, &r->work, r->err) &&
           host_files_make(r->arena, build, &r->host, r->err) && bases_prepare(&r->bases) &&
           write_dockerfile(r);
}

/* ---- after it ---- */

static struct store_key content_key(const json_t *image) {
    AUTO_BUF text = BUF_INIT(DOCKER_TEXT_MAX);
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    struct store_key key;
    const json_t *layers = json_object_get(json_object_get(image, "RootFS"), "Layers");
    buf_add_c(&text, "docker image");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        buf_addf(&text, "\n%s", json_string_value(json_array_get(layers, i)));
    }
    blake3_bytes(buf_str(&text), digest);
    hash_hex(digest, sizeof digest, hex);
    memcpy(key.hex, hex, STORE_KEY_HEX);
    key.hex[STORE_KEY_HEX] = '\0';
    return key;
}

static void take_env(struct arena *a, const json_t *image, struct oci_pairs *env) {
    const json_t *list = json_object_get(json_object_get(image, "Config"), "Env");
    for (size_t i = 0; i < json_array_size(list); i++) {
        str value = str_dup(a, str_from_c(json_string_value(json_array_get(list, i))));
        str key = str_cut(&value, '=');
        oci_pairs_set(a, env, key, value);
    }
}

static bool inspect(struct run *r, struct docker_image *image) {
    const char *const argv[] = { "docker",     "image", "inspect", "--format",
                                 "{{json .}}", r->tag,  NULL };
    str text;
    if (!call_ask(r->arena, argv, DOCKER_ASK_MS, NULL, &text, r->err)) {
        return err_wrap(r->err, "look at the image that was built");
    }
    json_t *o = json_loadb(text.ptr, text.len, 0, NULL);
    if (json_array_size(json_object_get(json_object_get(o, "RootFS"), "Layers")) == 0) {
        json_decref(o);
        return err_set(r->err, "the engine does not report the layers of the image it built");
    }
    image->key = content_key(o);
    take_env(r->arena, o, &image->env);
    json_decref(o);
    return true;
}

/* The builder has it in its cache, and gives it as often as it is asked. A key that no other build
 * has: nothing tells whether the content is the same before it is here. */
static void keep_stream(struct run *r, struct docker_image *image) {
    struct docker_stream *s = ARENA_NEW(r->arena, struct docker_stream);
    *s = (struct docker_stream){
        .argv = build_argv(r, STREAM_IT).items,
        .text = r->text,
        .last_stage = rewrite_last_stage(r->file),
        .work = r->work,
        .host_work = r->host.work,
        .bases = r->bases,
        .has_step_network = r->request->elsewhere || r->request->engine->has_step_network,
    };
    r->bases.names.len = 0;
    r->work = STORE_WORK_INIT;
    r->host.work = STORE_WORK_INIT;
    image->stream = s;
    image->key = (struct store_key){ 0 };
    snprintf(image->key.hex, sizeof image->key.hex, "%s", r->label);
}

static void clean(struct run *r) {
    bases_done(&r->bases);
    store_work_done(&r->work);
    store_work_done(&r->host.work);
    if (r->watched != NULL) {
        watched_free(r->watched);
    }
}

static bool claim(struct run *r, struct store_claim *ret) {
    const struct build_request *build = r->request->build;
    if (r->request->elsewhere) {
        return true; /* all that is made there is in the builder's own cache */
    }
    if (docker_leftovers(r->arena, build->store, r->request->engine, true) > 0) {
        build->events->notice(build->self,
                              S("removed leftovers of an interrupted build from the engine"));
    }
    return leftovers_claim(r->arena, build->store, r->request->engine, r->label, ret, r->err);
}

bool docker_build(struct arena *a, const struct docker_request *request, struct diag_sink *sink,
                  struct docker_image *ret_image, struct build_result *ret, struct err *err) {
    *ret = (struct build_result){ 0 };
    struct run r = {
        .arena = a,
        .request = request,
        .sink = sink,
        .host = { .work = STORE_WORK_INIT },
        .work = STORE_WORK_INIT,
        .label = make_label(a),
        .err = err,
    };
    r.tag = str_fmt(a, DOCKER_IMAGE_NAME ":%s", r.label).ptr;
    struct docker_image image = {
        .label = r.label,
        .claim = STORE_CLAIM_INIT,
        .platform = oci_platform_text(a, &request->build->platform),
        .has_buildkit = request->engine->has_buildkit,
    };
    if (!dockerfile_parse(a, sink, request->build->dockerfile, &r.file) ||
        !claim(&r, &image.claim)) {
        return false;
    }
    /* From here on something may be in the engine, whatever becomes of the build. */
    image.tag = r.tag;
    bool ok = prepare(&r) && run_build(&r, ret) && (request->streamed || inspect(&r, &image));
    if (ok && request->streamed) {
        keep_stream(&r, &image);
    }
    clean(&r);
    if (!ok) {
        docker_image_done(&image);
        return false;
    }
    ret->key = image.key;
    *ret_image = image;
    return true;
}

void docker_image_done(struct docker_image *image) {
    if (image->tag == NULL) {
        return;
    }
    if (image->stream != NULL) {
        stream_done(image->stream);
        store_claim_done(&image->claim);
        image->tag = NULL;
        return;
    }
    AUTO_ARENA scratch = arena_new();
    const char *filter = str_fmt(scratch, "label=" DOCKER_LABEL "=%s", image->label).ptr;
    const char *const rm[] = { "docker", "image", "rm", "--force", image->tag, NULL };
    const char *const prune[] = { "docker", "image", "prune", "--force", "--filter", filter, NULL };
    bool ok = call_quietly(rm);
    ok = call_quietly(prune) && ok;
    /* An engine that is gone may be back for the next build. */
    ok ? store_claim_done(&image->claim) : store_claim_leave(&image->claim);
    image->tag = NULL;
}
