// SPDX-License-Identifier: Apache-2.0
/* A step of our own: what makes bytecode is not in a base image. */
#include "embedded/internal.h"

static const char instruction[] =
    "RUN --mount=type=cache,target=/var/cache/apt,sharing=locked "
    "--mount=type=cache,target=/var/lib/apt/lists,sharing=locked "
    "rm -f /etc/apt/apt.conf.d/docker-clean && "
    "apt-get -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false update -q && "
    "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-minimal";

static bool run(struct builder *b, const struct stored_image *native, struct images_stack *ret) {
    uint32_t source =
        sources_add(b->request->sources, S("tools of this machine"), str_from_c(instruction));
    struct stage stage = {
        .ast = b->stages[0].ast,
        .base = native->ref,
        .config = oci_config_copy(b->arena, &native->config),
        .name = S("tools"),
        .stack.key = native->key,
    };
    struct step step = { .builder = b, .stage = &stage };
    if (!dockerfile_parse_trigger(b->arena, b->sink, source, &step.instruction)) {
        return false;
    }
    for (size_t i = 0; i < native->layer_count; i++) {
        images_stack_push(b->arena, &stage.stack, &native->layers[i]);
    }
    stage.stack.base_len = stage.stack.len;
    stage.stack.key = native->key;
    oci_pairs_set(b->arena, &stage.config.env, S("PATH"),
                  S("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    step.shown = (struct build_step){ .stage = stage.name,
                                      .number = 1,
                                      .count = 1,
                                      .text = S("RUN apt-get install python3-minimal"),
                                      .span = step.instruction->span };
    if (!step_run_aside(&step)) {
        return false;
    }
    images_stack_push(b->arena, &stage.stack, &step.key);
    *ret = stage.stack;
    return true;
}

void native_python(void *builder, const struct stored_image *native, struct images_stack *stack) {
    struct builder *b = builder;
    struct diag_sink *sink = b->sink;
    struct diag_sink ignored;
    diag_sink_init(&ignored, b->arena, sink->sources);
    b->sink = &ignored;
    (void)!run(b, native, stack);
    b->sink = sink;
}
