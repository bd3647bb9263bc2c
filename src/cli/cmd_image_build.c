// SPDX-License-Identifier: Apache-2.0
/* image build: any Dockerfile on the embedded engine. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/secrets.h"
#include "cli/share.h"
#include "dockerfile/dockerfile.h"
#include "embedded/embedded.h"
#include "engine/engine.h"
#include "image/image.h"

struct image_build_options {
    const char *file;
    const char *target;
    struct option_list build_args;
    struct option_list contexts;
    struct option_list secrets;
    struct option_list agents;
    struct option_list allowed;
    const char *platform;
    const char *network;
    struct option_list outputs;
    const char *metadata_file;
    struct option_list tags;
    struct build_policy policy;
    bool quiet;
    bool check;
    const char *format;
    const char *progress;
    struct share_options share;
};

static const char *const network_words[] = { "host", "none", NULL };

#define ROW(field) offsetof(struct image_build_options, field)
static const struct option options[] = {
    { "file", 'f', OPTION_STRING, ROW(file), "FILE",
      "Dockerfile, or - for stdin (default: CONTEXT/Dockerfile)" },
    { "target", 0, OPTION_STRING, ROW(target), "STAGE", "stage to build (default: the last)" },
    { "build-arg", 0, OPTION_LIST, ROW(build_args), "K=V",
      "set an ARG; K alone takes its value from the environment" },
    { "build-context", 0, OPTION_LIST, ROW(contexts), "NAME=FOLDER",
      "folder that NAME means in FROM, --from and from=, or docker-image://IMAGE" },
    { "secret", 0, OPTION_LIST, ROW(secrets), "id=ID,src=FILE",
      "file or env=NAME for secret mounts" },
    { "ssh", 0, OPTION_LIST, ROW(agents), "ID[=SOCKET]",
      "ssh agent for ssh mounts; most Dockerfiles use the ID 'default'" },
    { "allow", 0, OPTION_LIST, ROW(allowed), "WHAT",
      "let steps request all capabilities (security.insecure) or devices (device)" },
    { "platform", 0, OPTION_STRING, ROW(platform), "P",
      "target platform (default: this machine's)" },
    { "network", 0, OPTION_WORD, ROW(network), "N", "network of the steps", network_words },
    SHARE_OPTIONS(image_build_options),
    { "output", 'o', OPTION_LIST, ROW(outputs), "type=T,dest=PATH",
      "write the result: T is tar, dir, oci or squashfs" },
    { "metadata-file", 0, OPTION_STRING, ROW(metadata_file), "FILE",
      "write the image config, the key and the layers as JSON" },
    { "tag", 't', OPTION_LIST, ROW(tags), "NAME",
      "keep the result in the store as a named image; may be repeated" },
    { "no-cache", 0, OPTION_FLAG, ROW(policy.no_cache), NULL, "run every step again" },
    { "emulate", 0, OPTION_FLAG, ROW(policy.emulate), NULL,
      "emulate all tools when building for another architecture" },
    { "pull", 0, OPTION_FLAG, ROW(policy.pull), NULL, "ask registries for newer base images" },
    { "offline", 0, OPTION_FLAG, ROW(policy.offline), NULL, "use only base images in the store" },
    { "quiet", 'q', OPTION_FLAG, ROW(quiet), NULL, "print only the result's key" },
    { "check", 0, OPTION_FLAG, ROW(check), NULL, "check the Dockerfile without building" },
    { "format", 0, OPTION_WORD, ROW(format), "FORMAT", "output format of --check",
      diag_format_words },
    { "progress", 0, OPTION_WORD, ROW(progress), "P", "how progress is shown", progress_words },
};

static const struct image_build_options defaults = { .network = "host",
                                                     .format = "text",
                                                     .progress = "auto" };

/* K=V, or K with the value that our own environment has. */
static bool parse_build_args(struct cli *cli, const struct option_list *list,
                             struct oci_pairs *ret) {
    for (size_t i = 0; i < list->len; i++) {
        str value = str_from_c(list->items[i]);
        str key = str_cut(&value, '=');
        if (key.len == 0) {
            print_error(cli, "image build: --build-arg takes NAME=VALUE, not '%s'", list->items[i]);
            return false;
        }
        if (value.ptr == NULL) {
            const char *ours = getenv(str_to_c(cli->arena, key));
            if (ours == NULL) {
                continue;
            }
            value = str_from_c(ours);
        }
        oci_pairs_set(cli->arena, ret, key, value);
    }
    return true;
}

/* NAME=FOLDER or NAME=docker-image://REFERENCE. */
static bool parse_contexts(struct cli *cli, const struct option_list *list,
                           struct build_request *ret) {
    static const str image = S_INIT("docker-image://");
    struct build_named_context *contexts =
        ARENA_ARRAY(cli->arena, struct build_named_context, list->len);
    for (size_t i = 0; i < list->len; i++) {
        str value = str_from_c(list->items[i]);
        contexts[i].name = str_cut(&value, '=');
        if (contexts[i].name.len == 0 || value.len == 0) {
            print_error(cli, "image build: --build-context takes NAME=FOLDER, not '%s'",
                        list->items[i]);
            return false;
        }
        if (str_starts(value, image)) {
            contexts[i].image = str_slice(value, image.len, value.len);
            continue;
        }
        contexts[i].folder = str_to_c(cli->arena, value);
        if (!fs_is_dir(AT_FDCWD, contexts[i].folder)) {
            print_error(cli, "the build context '%s' is neither a folder nor docker-image://IMAGE",
                        contexts[i].folder);
            return false;
        }
    }
    ret->contexts = contexts;
    ret->context_count = list->len;
    return true;
}

static bool parse_allowed(struct cli *cli, const struct option_list *list,
                          struct build_request *request) {
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->items[i], "security.insecure") == 0) {
            request->allow_insecure = true;
        } else if (strcmp(list->items[i], "device") == 0) {
            request->allow_device = true;
        } else {
            print_error(cli, "image build: --allow takes security.insecure or device, not '%s'",
                        list->items[i]);
            return false;
        }
    }
    return true;
}

/* Whose cache mounts the steps have: BUILDKIT_CACHE_MOUNT_NS is BuildKit's word for it. A text
 * that comes from nowhere shares with none but itself. */
static void find_namespace(struct cli *cli, const struct image_build_options *o,
                           struct build_request *request) {
    struct build_share *share = &request->policy.share;
    const str *named = oci_pairs_find(&request->build_args, S("BUILDKIT_CACHE_MOUNT_NS"));
    if (share->cache_namespace.len == 0 && named != NULL && named->len > 0) {
        share->cache_namespace = str_fmt(cli->arena, "name %.*s", STR_FMT(*named));
    }
    if (request->context != NULL) {
        make_share_of_folder(cli->arena, request->context, share);
    } else if (o->file != NULL && strcmp(o->file, "-") != 0) {
        make_share_of_folder(cli->arena, str_to_c(cli->arena, path_dir(str_from_c(o->file))),
                             share);
    } else if (share->cache_namespace.len == 0) {
        share->cache_namespace = str_fmt(
            cli->arena, "text %.*s", STR_FMT(request->sources->items[request->dockerfile]->text));
    }
}

/* "-" in place of a folder: the Dockerfile is on stdin, and there is no context. */
static bool has_context(const struct cli *cli) {
    return strcmp(cli->args[0], "-") != 0;
}

static bool looks_like_archive(str text) {
    enum { USTAR_AT = 257 };
    return str_starts(text, S("\x1F\x8B")) ||
           str_starts(str_slice(text, min_size(USTAR_AT, text.len), text.len), S("ustar"));
}

static bool load_dockerfile(struct cli *cli, const struct image_build_options *o,
                            struct sources *sources, uint32_t *ret) {
    const char *context = cli->args[0];
    const char *path = o->file != NULL    ? o->file
                       : has_context(cli) ? path_join(cli->arena, context, "Dockerfile")
                                          : "-";
    struct err err = ERR_INIT;
    str text;
    bool from_stdin = strcmp(path, "-") == 0;
    bool ok = from_stdin
                  ? fs_load_fd(cli->arena, STDIN_FILENO, "stdin", DOCKERFILE_BYTES_MAX, &text, &err)
                  : fs_load(cli->arena, AT_FDCWD, path, DOCKERFILE_BYTES_MAX, &text, &err);
    if (ok && from_stdin && looks_like_archive(text)) {
        ok = err_set(&err, "stdin is an archive, not a Dockerfile");
        err_help(&err, "unpack it, and give its folder as the build context");
    }
    if (!ok) {
        if (o->file == NULL && err.code == ENOENT) {
            err_help(&err, "-f names a Dockerfile that is elsewhere");
        }
        print_err(cli, &err);
        return false;
    }
    *ret = sources_add(sources, from_stdin ? S("stdin") : str_from_c(path), text);
    return true;
}

static int fail_build(struct cli *cli, struct progress *p, struct diag_sink *sink,
                      const struct build_result *result, const struct err *err) {
    progress_done(p);
    if (interrupted) {
        print_error(cli, "stopped; finished steps are kept");
        return interrupt_exit_code();
    }
    if (!progress_showed_end(p)) {
        print_foreign(cli, stderr, result->failed_output);
    }
    if (sink->len > 0) {
        print_diags(cli, sink, stderr);
    }
    if (err_is_set(err)) {
        print_err(cli, err);
    }
    return EXIT_FAILED;
}

/* Without SOURCE_DATE_EPOCH times are what they are. The environment's is a --build-arg, as buildx
 * has it. */
static void read_epoch(struct cli *cli, struct build_request *request) {
    const char *text = getenv("SOURCE_DATE_EPOCH");
    request->policy.epoch_is_now = true;
    request->policy.epoch_s = time_now_epoch_s();
    if (text != NULL && oci_pairs_find(&request->build_args, S("SOURCE_DATE_EPOCH")) == NULL) {
        request->policy.epoch_from_env = true;
        oci_pairs_set(cli->arena, &request->build_args, S("SOURCE_DATE_EPOCH"), str_from_c(text));
    }
}

/* {"config": the image config, "key": ..., "layers": [folders, lowest first]} */
static bool write_metadata(struct cli *cli, const char *path, const struct build_result *result,
                           struct err *err) {
    json_t *root = json_object();
    json_t *layers = json_array();
    str config = oci_config_encode(cli->arena, &result->config);
    for (size_t i = 0; i < result->layer_count; i++) {
        json_array_append_new(layers, json_string(result->layers[i]));
    }
    json_object_set_new(root, "config", json_loadb(config.ptr, config.len, 0, NULL));
    json_object_set_new(root, "key", json_string(result->key.hex));
    json_object_set_new(root, "layers", layers);
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    str line = str_fmt(cli->arena, "%s\n", text);
    free(text);
    return fs_store_synced(AT_FDCWD, path, line, 0644, err);
}

static bool save_image(struct cli *cli, struct store *store, const char *name,
                       const struct build_result *result, struct err *err) {
    struct stored_image image = {
        .config = result->config,
        .key = result->key,
        .layers = result->layer_keys,
        .layer_count = result->layer_key_count,
        .from = result->origin,
        .origin = S("built"),
        .created_s = time_now_epoch_s(),
    };
    return oci_reference_parse(cli->arena, str_from_c(name), &image.ref, err) &&
           images_save(store, &image, err);
}

static bool reads_always(void *self, const struct build_result *result) {
    (void)self;
    (void)result;
    return true;
}

static int build(struct cli *cli, const struct image_build_options *o, struct store *store,
                 struct build_request *request, const struct pack_target *outputs,
                 size_t output_count) {
    struct sources *sources = request->sources;
    struct diag_sink sink;
    struct err err = ERR_INIT;
    struct build_result result;
    struct progress p;
    diag_sink_init(&sink, cli->arena, sources);
    progress_init(&p, cli, o->progress, o->quiet);
    interrupt_catch();
    request->events = &progress_events;
    request->self = &p;
    request->cancelled = &interrupted;
    request->reads = output_count > 0 ? reads_always : NULL;
    if (!embedded_run(cli->arena, request, &sink, &result, &err)) {
        return fail_build(cli, &p, &sink, &result, &err);
    }
    const struct pack_events events = progress_pack_events(&p);
    int64_t epoch = result.epoch_is_now ? IMAGE_EPOCH_NONE : result.source_date_epoch;
    for (size_t i = 0; i < output_count; i++) {
        if (!pack_write(cli->arena, &outputs[i], store, &result, epoch, &events, &err)) {
            return fail_build(cli, &p, &sink, &result, &err);
        }
    }
    if (o->metadata_file != NULL && !write_metadata(cli, o->metadata_file, &result, &err)) {
        return fail_build(cli, &p, &sink, &result, &err);
    }
    for (size_t i = 0; i < o->tags.len; i++) {
        if (!save_image(cli, store, o->tags.items[i], &result, &err)) {
            return fail_build(cli, &p, &sink, &result, &err);
        }
    }
    progress_done(&p);
    printf("%s\n", result.key.hex);
    return EXIT_OK;
}

static bool check_tags(const struct cli *cli, const struct option_list *tags) {
    for (size_t i = 0; i < tags->len; i++) {
        struct oci_reference tag;
        struct err err = ERR_INIT;
        if (!oci_reference_parse(cli->arena, str_from_c(tags->items[i]), &tag, &err) ||
            (tag.digest.len > 0 && !err_set(&err, "--tag does not accept a digest"))) {
            print_err(cli, &err);
            return false;
        }
    }
    return true;
}

/* --check: like Docker's, any finding is a failure. */
static int check(struct cli *cli, const struct image_build_options *o,
                 const struct build_request *request, struct store *store) {
    struct diag_sink sink;
    bool is_error;
    diag_sink_init(&sink, cli->arena, request->sources);
    check_dockerfile(cli->arena, request, store, &sink, &is_error);
    str path = request->sources->items[request->dockerfile]->path;
    print_findings(cli, &sink, o->format, str_to_c(cli->arena, path));
    return sink.len == 0 ? EXIT_OK : EXIT_FAILED;
}

/* A build is quiet about findings, unless the file says that they end it: # check=error=true */
static bool passes_checks(struct cli *cli, const struct build_request *request) {
    struct diag_sink sink;
    bool is_error;
    diag_sink_init(&sink, cli->arena, request->sources);
    check_dockerfile(cli->arena, request, request->store, &sink, &is_error);
    if (!is_error || sink.len == 0) {
        return true;
    }
    print_diags(cli, &sink, stderr);
    return false;
}

static int run(struct cli *cli, const void *given) {
    const struct image_build_options *o = given;
    struct err err = ERR_INIT;
    struct sources sources;
    cli->events = strcmp(o->progress, "json") == 0;
    sources_init(&sources, cli->arena);
    struct build_request request = {
        .sources = &sources,
        .context = has_context(cli) ? cli->args[0] : NULL,
        .target = o->target,
        .platform = oci_platform_host(),
        .network = strcmp(o->network, "none") == 0 ? BUILD_NETWORK_NONE : BUILD_NETWORK_HOST,
        .policy = o->policy,
    };
    struct pack_target *outputs;
    if (!parse_build_args(cli, &o->build_args, &request.build_args) ||
        !output_parse(cli, &o->outputs, &outputs) || !parse_contexts(cli, &o->contexts, &request) ||
        !parse_allowed(cli, &o->allowed, &request) ||
        !share_parse(cli, "image build", &o->share, NULL, &request.policy.share)) {
        return EXIT_USAGE;
    }
    read_epoch(cli, &request);
    if (!secrets_load(cli, &o->secrets, &request) || !agents_find(cli, &o->agents, &request)) {
        return EXIT_FAILED;
    }
    if (o->platform != NULL &&
        !oci_platform_parse(cli->arena, str_from_c(o->platform), &request.platform, &err)) {
        print_err(cli, &err);
        return EXIT_USAGE;
    }
    if (has_context(cli) && !fs_is_dir(AT_FDCWD, cli->args[0])) {
        print_error(cli, "the build context '%s' is not a folder", cli->args[0]);
        return EXIT_FAILED;
    }
    if (!check_tags(cli, &o->tags)) {
        return EXIT_USAGE;
    }
    if (o->policy.pull && o->policy.offline) {
        print_error(cli, "image build: --pull and --offline cannot be combined");
        return EXIT_USAGE;
    }
    AUTO_STORE store = NULL;
    if (!load_dockerfile(cli, o, &sources, &request.dockerfile)) {
        return EXIT_FAILED;
    }
    find_namespace(cli, o, &request);
    if (o->check && !fs_is_dir(AT_FDCWD, cli->cache_dir)) {
        return check(cli, o, &request, NULL);
    }
    if (!(o->check ? store_open(cli->cache_dir, &store, &err)
                   : engine_open_store_as_root(cli->arena, cli->cache_dir, &store, &err))) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    request.store = store;
    if (o->check) {
        return check(cli, o, &request, store);
    }
    if (!passes_checks(cli, &request)) {
        return EXIT_FAILED;
    }
    return build(cli, o, store, &request, outputs, o->outputs.len);
}

const struct command command_image_build = {
    .name = "image build",
    .arguments = "CONTEXT",
    .summary = "build any Dockerfile with the embedded engine",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct image_build_options),
    .defaults = &defaults,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
