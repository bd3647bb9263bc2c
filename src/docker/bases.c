// SPDX-License-Identifier: Apache-2.0
/*
 * Base images. The engine's own come first, then what was imported or made here, then what its
 * registry gives; what none has images/ makes, as for our own engine. From the store an image is
 * loaded under a name of this build's own, and removed after it.
 */
#include <errno.h>
#include <string.h>

#include "base/worker.h"
#include "docker/internal.h"
#include "image/image.h"

/* Does the engine have the image, for the platform? */
static bool engine_has(struct bases *b, const char *name, const struct oci_platform *platform) {
    const char *const argv[] = {
        "docker", "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", name, NULL
    };
    str has;
    struct oci_platform is;
    return call_ask(b->arena, argv, DOCKER_ASK_MS, NULL, &has, NULL) &&
           oci_platform_parse(b->arena, has, &is, NULL) && str_eq(is.os, platform->os) &&
           str_eq(is.architecture, platform->architecture);
}

static bool pull(struct bases *b, const char *name, const struct oci_platform *platform,
                 struct err *err) {
    const struct build_request *build = b->request->build;
    const char *const argv[] = { "docker",
                                 "pull",
                                 "--quiet",
                                 "--platform",
                                 str_to_c(b->arena, oci_platform_text(b->arena, platform)),
                                 name,
                                 NULL };
    str ignored;
    build->events->notice(build->self, str_fmt(b->arena, "pulling '%s' into the engine", name));
    return call_ask(b->arena, argv, 0, build->cancelled, &ignored, err);
}

/* ---- from the store ---- */

struct feed {
    const char **layers;
    size_t count;
};

static bool feed_tar(void *self, int outfd, struct err *err) {
    const struct feed *f = self;
    AUTO_TREE t = NULL;
    /* with its own times: an engine's cache would miss whenever the build's epoch is another */
    struct image_tar_options options = { .epoch_s = INT64_MAX };
    return tree_open_layers(f->layers, f->count, &t, err) &&
           image_write_tar(t, &options, outfd, err);
}

/* ENV "K"="V" with what Docker's parser would read as its own escaped. */
static void add_config(struct bases *b, struct argv *v, const struct oci_config *config) {
    for (size_t i = 0; i < config->env.len; i++) {
        AUTO_BUF text = BUF_INIT(DOCKER_TEXT_MAX);
        str value = config->env.items[i].value;
        buf_addf(&text, "ENV %.*s=\"", STR_FMT(config->env.items[i].key));
        for (size_t c = 0; c < value.len; c++) {
            if (value.ptr[c] == '"' || value.ptr[c] == '\\' || value.ptr[c] == '$') {
                buf_add_char(&text, '\\');
            }
            buf_add_char(&text, value.ptr[c]);
        }
        buf_add_char(&text, '"');
        argv_add(v, "--change");
        argv_add(v, str_to_c(b->arena, buf_str(&text)));
    }
    if (config->user.len > 0) {
        argv_addf(v, "--change=USER %.*s", STR_FMT(config->user));
    }
    if (config->working_dir.len > 0) {
        argv_addf(v, "--change=WORKDIR %.*s", STR_FMT(config->working_dir));
    }
    argv_addf(v, "--change=LABEL " DOCKER_LABEL "=%s", b->label);
}

static bool load(struct bases *b, const struct stored_image *image, const char *as) {
    struct feed feed = { 0 };
    struct argv v = { .arena = b->arena };
    AUTO_WORKER w = WORKER_INIT;
    if (!images_check(b->request->build->store, b->arena, image, b->err)) {
        return false;
    }
    feed.layers = images_paths(b->request->build->store, b->arena, image, &feed.count);
    argv_add(&v, "docker");
    argv_add(&v, "import");
    if (!oci_platform_eq(&image->config.platform, &b->platforms.build)) {
        argv_addf(&v, "--platform=%.*s",
                  STR_FMT(oci_platform_text(b->arena, &image->config.platform)));
    }
    add_config(b, &v, &image->config);
    argv_add(&v, "-");
    argv_add(&v, as);
    if (!worker_start(feed_tar, &feed, &w, b->err)) {
        return false;
    }
    AUTO_BUF errors = BUF_INIT(DOCKER_TEXT_MAX);
    struct proc_spec spec = {
        .argv = v.items,
        .input_fd = w.fd,
        .errors = &errors,
        .cancelled = b->request->build->cancelled,
    };
    struct proc_result result;
    if (!proc_run(&spec, &result, b->err)) {
        return false;
    }
    if (result.exit_code != 0) {
        return call_explain(buf_str(&errors), result.exit_code, b->err);
    }
    return worker_finish(&w, NULL, b->request->build->cancelled, b->err);
}

static void notice(void *self, str text) {
    const struct build_request *build = ((struct bases *)self)->request->build;
    build->events->notice(build->self, text);
}

static void output(void *self, str piece) {
    const struct build_request *build = ((struct bases *)self)->request->build;
    static const struct build_step none = { 0 };
    build->events->output(build->self, &none, piece);
}

static bool load_from_store(struct bases *b, const struct dockerfile_from *from, str name,
                            const struct oci_platform *platform, const char **ret_as) {
    const struct build_request *build = b->request->build;
    struct stored_image image;
    struct images_finder finder = {
        .arena = b->arena,
        .store = build->store,
        .sink = b->sink,
        .pull = build->policy.pull,
        .offline = build->policy.offline,
        .cancelled = build->cancelled,
        .notice = notice,
        .output = output,
        .self = b,
    };
    images_finder_init(&finder);
    if (!images_get(&finder, name, from->base.span, platform, &image)) {
        return false;
    }
    image.config.platform = *platform;
    const char *as = str_fmt(b->arena, DOCKER_BASE_NAME ":%s-%zu", b->label, b->names.len).ptr;
    build->events->notice(
        build->self,
        str_fmt(b->arena, "loading '%.*s' into the engine from the store", STR_FMT(name)));
    if (!load(b, &image, as)) {
        /* An engine that was not told in time may have made it all the same. */
        call_quietly((const char *const[]){ "docker", "image", "rm", "--force", as, NULL });
        return err_wrap(b->err, "load '%.*s' into the engine", STR_FMT(name));
    }
    *ret_as = as;
    return true;
}

/* ---- all of them ---- */

/* Imported or made here: no registry has it, and our own engine builds on it too. */
static bool is_our_own(struct bases *b, const struct oci_reference *ref,
                       const struct oci_platform *platform) {
    struct stored_image image;
    return images_find(b->request->build->store, b->arena, ref, platform, &image, NULL) ==
               IMAGES_FOUND &&
           image.digest.len == 0;
}

/* NULL in *ret_as: under its own name. */
static bool prepare(struct bases *b, const struct dockerfile_from *from, str name,
                    const struct oci_platform *platform, const char **ret_as) {
    struct oci_reference ref;
    struct err why = ERR_INIT;
    const struct build_request *build = b->request->build;
    if (!oci_reference_parse(b->arena, name, &ref, &why)) {
        diag_report(b->sink, "E403", from->base.span, "%s", why.frames[0]);
        return false;
    }
    const char *full = str_to_c(b->arena, oci_reference_full(b->arena, &ref));
    *ret_as = NULL;
    if (!build->policy.pull && engine_has(b, full, platform)) {
        return true;
    }
    if (!build->policy.pull && is_our_own(b, &ref, platform)) {
        return load_from_store(b, from, name, platform, ret_as);
    }
    if (!build->policy.offline && pull(b, full, platform, &why)) {
        return true;
    }
    if (build->cancelled != NULL && *build->cancelled) {
        return err_sys(b->err, EINTR, "stopped");
    }
    return load_from_store(b, from, name, platform, ret_as);
}

bool bases_prepare(struct bases *b) {
    for (size_t s = 0; s < b->file->stage_count; s++) {
        const struct dockerfile_from *from = &b->file->stages[s].from->from;
        struct base_name n = { 0 };
        struct oci_platform platform;
        if (!from_expand(b->arena, b->file, from, &b->platforms, b->sink, &n.name, &platform)) {
            return false;
        }
        n.platform = oci_platform_text(b->arena, &platform);
        bool known = str_eq(n.name, S("scratch")) ||
                     dockerfile_resolve_stage(b->file, s, n.name, false) != DOCKERFILE_NO_STAGE;
        for (size_t i = 0; i < b->names.len && !known; i++) {
            if (str_eq(b->names.items[i].name, n.name) &&
                str_eq(b->names.items[i].platform, n.platform)) {
                n.as = b->names.items[i].as;
                known = true;
            }
        }
        /* What the embedded engine cannot be given, the builder fetches. */
        known = known || b->request->elsewhere;
        if (!known && !prepare(b, from, n.name, &platform, &n.as)) {
            return false;
        }
        ARENA_PUSH(b->arena, b->names.items, b->names.len, b->names.cap, n);
    }
    return true;
}

void bases_done(struct bases *b) {
    for (size_t i = 0; i < b->names.len; i++) {
        const char *as = b->names.items[i].as;
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            again = again || b->names.items[k].as == as;
        }
        if (as != NULL && !again) {
            call_quietly((const char *const[]){ "docker", "image", "rm", "--force", as, NULL });
        }
    }
}
