// SPDX-License-Identifier: Apache-2.0
/* image build: any Dockerfile on the embedded engine. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image_check.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/secrets.h"
#include "dockerfile/dockerfile.h"
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
    const char *tag;
    bool no_cache;
    bool emulate;
    bool pull;
    bool offline;
    bool quiet;
    bool check;
    const char *format;
    const char *progress;
};

static const char *const network_words[] = { "host", "none", NULL };

#define ROW(field) offsetof(struct image_build_options, field)
static const struct option options[] = {
    { "file", 'f', OPTION_STRING, ROW(file), "FILE",
      "the Dockerfile (CONTEXT/Dockerfile); - is stdin" },
    { "target", 0, OPTION_STRING, ROW(target), "STAGE", "the stage to build (the last)" },
    { "build-arg", 0, OPTION_LIST, ROW(build_args), "K=V", "sets an ARG; K alone takes ours" },
    { "build-context", 0, OPTION_LIST, ROW(contexts), "NAME=FOLDER",
      "what NAME in FROM, --from and from= means; or docker-image://IMAGE" },
    { "secret", 0, OPTION_LIST, ROW(secrets), "id=ID,src=FILE",
      "a file, or env=NAME, for mounts of type secret" },
    { "ssh", 0, OPTION_LIST, ROW(agents), "ID[=SOCKET]",
      "an ssh agent for mounts of type ssh; ID is default for most" },
    { "allow", 0, OPTION_LIST, ROW(allowed), "WHAT",
      "security.insecure: steps may ask for all capabilities; device: and for devices" },
    { "platform", 0, OPTION_STRING, ROW(platform), "P", "what to build for (this machine's)" },
    { "network", 0, OPTION_WORD, ROW(network), "N", "network of the steps", network_words },
    { "output", 'o', OPTION_LIST, ROW(outputs), "type=T,dest=PATH",
      "write the result: T is tar, dir, oci or squashfs" },
    { "metadata-file", 0, OPTION_STRING, ROW(metadata_file), "FILE",
      "write the image config, the key and the layers as JSON" },
    { "tag", 't', OPTION_STRING, ROW(tag), "NAME", "keep the result in the store as an image" },
    { "no-cache", 0, OPTION_FLAG, ROW(no_cache), NULL, "run every step again" },
    { "emulate", 0, OPTION_FLAG, ROW(emulate), NULL,
      "another architecture: without this machine's own tools" },
    { "pull", 0, OPTION_FLAG, ROW(pull), NULL, "ask registries for newer base images" },
    { "offline", 0, OPTION_FLAG, ROW(offline), NULL, "take base images from the store only" },
    { "quiet", 'q', OPTION_FLAG, ROW(quiet), NULL, "print nothing but the result's key" },
    { "check", 0, OPTION_FLAG, ROW(check), NULL, "build nothing: only check the Dockerfile" },
    { "format", 0, OPTION_WORD, ROW(format), "FORMAT", "how --check prints what it finds",
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
        print_error(cli, "stopped; the steps that were finished are kept");
        return interrupt_exit_code();
    }
    if (!progress_showed_end(p) && result->failed_output.len > 0) {
        fwrite(result->failed_output.ptr, 1, result->failed_output.len, stderr);
        if (!str_ends(result->failed_output, S("\n"))) {
            fputc('\n', stderr);
        }
    }
    if (sink->len > 0) {
        print_diags(cli, sink, stderr);
    }
    if (err_is_set(err)) {
        print_err(cli, err);
    }
    return EXIT_FAILED;
}

/* Without SOURCE_DATE_EPOCH times are what they are. */
static void read_epoch(struct build_request *request) {
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t *epoch = &request->source_date_epoch;
    request->epoch_is_now = text == NULL || !str_to_i64(str_from_c(text), epoch) || *epoch < 0;
    if (request->epoch_is_now) {
        *epoch = time_now_epoch_s();
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
    return fs_store(AT_FDCWD, path, line, 0644, err);
}

static bool save_image(struct cli *cli, struct store *store, const char *name,
                       const struct build_result *result, struct err *err) {
    struct build_image image = {
        .config = result->config,
        .key = result->key,
        .layers = result->layer_keys,
        .layer_count = result->layer_key_count,
        .origin = S("built"),
        .created_s = time_now_epoch_s(),
    };
    return oci_reference_parse(cli->arena, str_from_c(name), &image.ref, err) &&
           build_image_save(store, &image, err);
}

static int build(struct cli *cli, const struct image_build_options *o, struct store *store,
                 struct build_request *request, const struct output_spec *outputs,
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
    if (!build_run(cli->arena, request, &sink, &result, &err)) {
        return fail_build(cli, &p, &sink, &result, &err);
    }
    int64_t epoch = request->epoch_is_now ? IMAGE_EPOCH_NONE : request->source_date_epoch;
    for (size_t i = 0; i < output_count; i++) {
        if (!output_write(cli, &outputs[i], store, &result, epoch, &p, &err)) {
            return fail_build(cli, &p, &sink, &result, &err);
        }
    }
    if (o->metadata_file != NULL && !write_metadata(cli, o->metadata_file, &result, &err)) {
        return fail_build(cli, &p, &sink, &result, &err);
    }
    if (o->tag != NULL && !save_image(cli, store, o->tag, &result, &err)) {
        return fail_build(cli, &p, &sink, &result, &err);
    }
    progress_done(&p);
    printf("%s\n", result.key.hex);
    return EXIT_OK;
}

/* --check: like Docker's, any finding is a failure. */
static int check(struct cli *cli, const struct image_build_options *o,
                 const struct build_request *request, struct store *store) {
    struct diag_sink sink;
    bool is_error;
    diag_sink_init(&sink, cli->arena, request->sources);
    image_check(cli, request, store, &sink, &is_error);
    str path = request->sources->items[request->dockerfile]->path;
    print_findings(cli, &sink, o->format, str_to_c(cli->arena, path));
    return sink.len == 0 ? EXIT_OK : EXIT_FAILED;
}

/* A build is quiet about findings, unless the file says that they end it: # check=error=true */
static bool passes_checks(struct cli *cli, const struct build_request *request) {
    struct diag_sink sink;
    bool is_error;
    diag_sink_init(&sink, cli->arena, request->sources);
    image_check(cli, request, request->store, &sink, &is_error);
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
    sources_init(&sources, cli->arena);
    struct build_request request = {
        .sources = &sources,
        .context = has_context(cli) ? cli->args[0] : NULL,
        .target = o->target,
        .platform = oci_platform_host(),
        .network = strcmp(o->network, "none") == 0 ? BUILD_NETWORK_NONE : BUILD_NETWORK_HOST,
        .no_cache = o->no_cache,
        .emulate = o->emulate,
        .pull = o->pull,
        .offline = o->offline,
    };
    struct output_spec *outputs;
    read_epoch(&request);
    if (!parse_build_args(cli, &o->build_args, &request.build_args) ||
        !output_parse(cli, &o->outputs, &outputs) || !parse_contexts(cli, &o->contexts, &request) ||
        !parse_allowed(cli, &o->allowed, &request)) {
        return EXIT_USAGE;
    }
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
    struct oci_reference tag;
    if (o->tag != NULL && (!oci_reference_parse(cli->arena, str_from_c(o->tag), &tag, &err) ||
                           (tag.digest.len > 0 && !err_set(&err, "--tag takes no digest")))) {
        print_err(cli, &err);
        return EXIT_USAGE;
    }
    if (o->pull && o->offline) {
        print_error(cli, "image build: --pull asks registries, --offline does not");
        return EXIT_USAGE;
    }
    AUTO_STORE store = NULL;
    if (!load_dockerfile(cli, o, &sources, &request.dockerfile)) {
        return EXIT_FAILED;
    }
    if (o->check && !fs_is_dir(AT_FDCWD, cli->cache_dir)) {
        return check(cli, o, &request, NULL);
    }
    if (!(o->check ? store_open(cli->cache_dir, &store, &err) : open_store(cli, &store, &err))) {
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
    .summary = "execute any Dockerfile with the embedded engine",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct image_build_options),
    .defaults = &defaults,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
