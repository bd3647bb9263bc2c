// SPDX-License-Identifier: Apache-2.0
#include "make/internal.h"

enum { OUTPUT_BYTES_MAX = 256 * 1024 }; /* of a compiler */

struct guestbin_request make_binaries_request(struct arena *a,
                                              const struct make_binaries *request) {
    const struct config_list *binaries = &request->config->build.guest_binaries;
    str *names = ARENA_ARRAY(a, str, binaries->len);
    for (size_t i = 0; i < binaries->len; i++) {
        names[i] = binaries->items[i].text;
    }
    return (struct guestbin_request){
        .source_dir = request->config->agent_dir,
        .output_dir = request->output_dir,
        .arch = request->arch->head.key,
        .target = request->arch->rust_target.text,
        .names = names,
        .name_count = binaries->len,
    };
}

bool make_binaries_here(struct arena *a, const struct make_binaries *request) {
    const char *help;
    return !request->container &&
           (guestbin_is_cargo(a, request->config->agent_dir) ||
            guestbin_find_compiler(a, request->arch->rust_target.text, &help) != NULL);
}

static bool compile_here(struct arena *a, const struct make_binaries *request,
                         struct guestbin_binary *ret, struct make_failure *failure) {
    AUTO_BUF output = BUF_INIT(OUTPUT_BYTES_MAX);
    struct guestbin_request compile = make_binaries_request(a, request);
    if (guestbin_compile(a, &compile, ret, &output, &failure->err)) {
        return true;
    }
    failure->output = str_dup(a, buf_str(&output));
    return false;
}

/* The distribution's Rust has no musl, so there is nothing to put into an image. */
static bool can_be_in_container(struct arena *a, const struct guest_config *config,
                                struct err *err) {
    if (!guestbin_is_cargo(a, config->agent_dir)) {
        return true;
    }
    err_set(err, "'%s' is a Cargo workspace; only this machine's cargo can compile it",
            config->agent_dir);
    return err_help(err, "omit --container");
}

static bool no_sources(struct arena *a, const struct guest_config *config, struct err *err) {
    err_set(err, "the folder '%s' for guest binary sources does not exist",
            path_join(a, config->guest_dir, str_to_c(a, config->build.guest_source.text)));
    return err_help(err, "copy it from the default guest, or write guest_binaries = []");
}

bool make_binaries(struct arena *a, const struct make_binaries *request, struct sources *sources,
                   const struct make_events *events, struct guestbin_binary **ret,
                   struct make_failure *failure) {
    size_t count = request->config->build.guest_binaries.len;
    *failure = (struct make_failure){ .output = S(""), .err = ERR_INIT };
    diag_sink_init(&failure->sink, a, sources);
    *ret = ARENA_ARRAY(a, struct guestbin_binary, count);
    if (count == 0) {
        return true;
    }
    if (request->config->agent_dir == NULL) {
        return no_sources(a, request->config, &failure->err);
    }
    if (make_binaries_here(a, request)) {
        return compile_here(a, request, *ret, failure);
    }
    return can_be_in_container(a, request->config, &failure->err) &&
           make_binaries_in_container(a, request, sources, events, *ret, failure);
}
