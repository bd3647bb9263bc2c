// SPDX-License-Identifier: Apache-2.0
/* Before the first step: every base image that the target needs, so that one that cannot be had is
 * found out now, and not after the steps of an hour. */
#include "embedded/internal.h"

static void notice(void *self, str text) {
    const struct builder *b = self;
    b->request->events->notice(b->request->self, text);
}

static void output(void *self, str piece) {
    const struct builder *b = self;
    static const struct build_step none = { 0 };
    b->request->events->output(b->request->self, &none, piece);
}

static bool find_tools(void *self, const struct oci_reference *ref,
                       const struct oci_platform *platform, struct images_tools *ret) {
    struct builder *b = self;
    struct store_key layer;
    if (b->request->policy.emulate ||
        !native_find_for_base(&b->finder, ref, platform, ret, &layer)) {
        return false;
    }
    builder_uses(b, &layer);
    return true;
}

void bases_begin(struct builder *b) {
    b->finder = (struct images_finder){
        .arena = b->arena,
        .store = b->request->store,
        .sink = b->sink,
        .pull = b->request->policy.pull,
        .offline = b->request->policy.offline,
        .cancelled = b->request->cancelled,
        .notice = notice,
        .output = output,
        .tools = find_tools,
        .self = b,
    };
    images_finder_init(&b->finder);
}

struct gathering {
    struct builder *b;
    bool *seen; /* of each stage */
    bool ok;
};

static void visit_stage(struct gathering *g, size_t index);

/* `word` has no variables. Folders in the place of an image are copied when their stage begins. */
static void visit_image(struct gathering *g, struct dockerfile_word word,
                        const struct oci_platform *platform) {
    struct stored_image ignored;
    const struct build_named_context *named = named_context(g->b, word.text);
    if (named != NULL) {
        word.text = named->folder != NULL ? S("") : named->image;
    }
    if (word.text.len > 0 && !str_eq(word.text, S("scratch")) &&
        !images_get(&g->b->finder, word.text, word.span, platform, &ignored)) {
        g->ok = false;
    }
}

/* What has variables in it is looked at when its step runs. */
static void visit_from(struct gathering *g, size_t inside, struct dockerfile_word word) {
    if (word.text.len == 0 || str_find_char(word.text, '$', 0) != STR_NONE) {
        return;
    }
    size_t index = dockerfile_resolve_stage(g->b->file, inside, word.text, true);
    if (index != DOCKERFILE_NO_STAGE && named_context(g->b, word.text) == NULL) {
        visit_stage(g, index);
    } else {
        visit_image(g, word, &g->b->request->platform);
    }
}

static void visit_sources(struct gathering *g, const struct dockerfile_stage *stage) {
    for (size_t i = 0; i < stage->instruction_count; i++) {
        const struct dockerfile_instruction *in = stage->instructions[i];
        if (in->kind == DOCKERFILE_COPY && dockerfile_word_is_set(in->copy.from)) {
            visit_from(g, stage->index, in->copy.from);
        }
        for (size_t m = 0; in->kind == DOCKERFILE_RUN && m < in->run.mount_count; m++) {
            struct dockerfile_word word = in->run.mounts[m];
            word.text = foreign_mount_from(word.text);
            visit_from(g, stage->index, word);
        }
    }
}

static void visit_stage(struct gathering *g, size_t index) {
    const struct dockerfile_stage *stage = &g->b->file->stages[index];
    const struct dockerfile_from *from = &stage->from->from;
    struct dockerfile_expander e = vars_global_expander(g->b);
    struct oci_platform platform = g->b->request->platform;
    struct dockerfile_word base = from->base;
    str text;
    if (g->seen[index]) {
        return;
    }
    g->seen[index] = true;
    if (!dockerfile_expand(&e, from->base, &base.text) ||
        (dockerfile_word_is_set(from->platform) && !dockerfile_expand(&e, from->platform, &text))) {
        g->ok = false;
        return;
    }
    if (dockerfile_word_is_set(from->platform) &&
        !oci_platform_parse(g->b->arena, text, &platform, NULL)) {
        return; /* reported when the stage begins */
    }
    size_t below = dockerfile_resolve_stage(g->b->file, index, base.text, false);
    if (below != DOCKERFILE_NO_STAGE && named_context(g->b, base.text) == NULL) {
        visit_stage(g, below);
    } else {
        visit_image(g, base, &platform);
    }
    visit_sources(g, stage);
}

bool bases_find(struct builder *b, size_t target) {
    struct gathering g = { b, ARENA_ARRAY(b->arena, bool, b->file->stage_count), true };
    visit_stage(&g, target);
    return g.ok;
}
