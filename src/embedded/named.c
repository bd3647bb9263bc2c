// SPDX-License-Identifier: Apache-2.0
/* Named contexts: folders and images that stand in for what a Dockerfile names. */
#include "embedded/internal.h"

/* By its text, or as another way to write the same image. */
const struct build_named_context *named_context(struct builder *b, str name) {
    struct oci_reference wanted;
    struct oci_reference given;
    struct err ignored = ERR_INIT;
    bool is_image = oci_reference_parse(b->arena, name, &wanted, &ignored);
    for (size_t i = 0; i < b->request->context_count; i++) {
        const struct build_named_context *c = &b->request->contexts[i];
        if (str_eq_nocase(c->name, name) ||
            (is_image && oci_reference_parse(b->arena, c->name, &given, &ignored) &&
             str_eq(oci_reference_full(b->arena, &given), oci_reference_full(b->arena, &wanted)))) {
            return c;
        }
    }
    return NULL;
}

static bool take_folder(struct builder *b, struct stage *s, struct dockerfile_word word,
                        const struct build_named_context *named, struct stored_image *ret) {
    struct dockerfile_instruction at = *s->ast->from;
    at.span = word.span;
    struct step step = {
        .builder = b,
        .stage = s,
        .instruction = &at,
        .shown = { .stage = s->name,
                   .text = str_fmt(b->arena, "build context %.*s", STR_FMT(named->name)),
                   .span = word.span },
    };
    struct build_context context;
    const struct images_stack *stack;
    bool ok = context_open_folder(b, named->folder, &context) &&
              step_copy_context(&step, &context, ".", &stack);
    context_close(&context);
    if (ok) {
        ret->layers = stack->layers;
        ret->layer_count = stack->len;
        ret->key = stack->key; /* its one layer was made from no other */
    }
    return ok;
}

bool named_find(struct builder *b, struct stage *s, struct dockerfile_word word,
                const struct oci_platform *platform, struct stored_image *ret, bool *ret_found) {
    const struct build_named_context *named = named_context(b, word.text);
    *ret_found = named != NULL;
    if (named == NULL) {
        return true;
    }
    *ret = (struct stored_image){ .config.platform = *platform };
    if (named->folder != NULL) {
        return take_folder(b, s, word, named, ret);
    }
    struct dockerfile_word image = { named->image, word.span };
    return images_get(&b->finder, image.text, image.span, platform, ret);
}
