// SPDX-License-Identifier: Apache-2.0
/* Before the first step: can every stage that the target needs run its RUNs? */
#include "embedded/internal.h"

bool foreign_find(struct builder *b, const struct oci_platform *platform, struct span span,
                  const char **ret_interpreter) {
    if (native_find_emulator(b->arena, platform, b->request->cancelled, ret_interpreter)) {
        return true;
    }
    struct diag *d = diag_report(b->sink, "E405", span,
                                 "RUN needs programs for '%.*s', which this machine cannot run",
                                 STR_FMT(oci_platform_text(b->arena, platform)));
    diag_help(b->sink, d,
              "sudo apt-get install --no-install-recommends qemu-user-static binfmt-support");
    return false;
}

struct survey {
    struct builder *b;
    bool *seen;                     /* of each stage */
    struct oci_platform *platforms; /* of what a stage is based on */
    bool ok;
};

static void visit(struct survey *s, size_t index);

static void visit_name(struct survey *s, size_t inside, str name) {
    size_t index = dockerfile_resolve_stage(s->b->file, inside, name, true);
    if (index != DOCKERFILE_NO_STAGE) {
        visit(s, index);
    }
}

/* The value of "from" in "type=bind,from=build,target=/x". What has variables in it is looked at
 * when the step runs. */
str foreign_mount_from(str value) {
    while (value.len > 0) {
        str part = str_cut(&value, ',');
        if (str_starts(part, S("from="))) {
            return str_slice(part, S("from=").len, part.len);
        }
    }
    return (str){ 0 };
}

static bool visit_sources(struct survey *s, const struct dockerfile_stage *stage) {
    bool runs = false;
    for (size_t i = 0; i < stage->instruction_count; i++) {
        const struct dockerfile_instruction *in = stage->instructions[i];
        if (in->kind == DOCKERFILE_COPY && dockerfile_word_is_set(in->copy.from)) {
            visit_name(s, stage->index, in->copy.from.text);
        }
        for (size_t m = 0; in->kind == DOCKERFILE_RUN && m < in->run.mount_count; m++) {
            visit_name(s, stage->index, foreign_mount_from(in->run.mounts[m].text));
        }
        runs = runs || in->kind == DOCKERFILE_RUN;
    }
    return runs;
}

/* False: it has been reported, or will be when the stage begins. */
static bool find_platform(struct survey *s, const struct dockerfile_from *from,
                          struct oci_platform *ret) {
    struct dockerfile_expander e = vars_global_expander(s->b);
    str text;
    *ret = s->b->request->platform;
    return !dockerfile_word_is_set(from->platform) ||
           (dockerfile_expand(&e, from->platform, &text) &&
            oci_platform_parse(s->b->arena, text, ret, NULL));
}

static void visit(struct survey *s, size_t index) {
    const struct dockerfile_stage *stage = &s->b->file->stages[index];
    const struct dockerfile_from *from = &stage->from->from;
    struct dockerfile_expander e = vars_global_expander(s->b);
    str base;
    const char *interpreter;
    if (s->seen[index]) {
        return;
    }
    s->seen[index] = true;
    if (!dockerfile_expand(&e, from->base, &base) ||
        !find_platform(s, from, &s->platforms[index])) {
        return;
    }
    size_t below = dockerfile_resolve_stage(s->b->file, index, base, false);
    if (below != DOCKERFILE_NO_STAGE) {
        visit(s, below);
        s->platforms[index] = s->platforms[below];
    }
    struct span span =
        dockerfile_word_is_set(from->platform) ? from->platform.span : from->base.span;
    if (visit_sources(s, stage) && !foreign_find(s->b, &s->platforms[index], span, &interpreter)) {
        s->ok = false;
    }
}

bool foreign_check(struct builder *b, size_t target) {
    struct survey s = {
        .b = b,
        .seen = ARENA_ARRAY(b->arena, bool, b->file->stage_count),
        .platforms = ARENA_ARRAY(b->arena, struct oci_platform, b->file->stage_count),
        .ok = true,
    };
    visit(&s, target);
    return s.ok;
}
