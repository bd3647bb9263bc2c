// SPDX-License-Identifier: Apache-2.0
/* The layers of a filesystem as a value. */
#include <string.h>

#include "images/images.h"

void images_stack_push(struct arena *a, struct images_stack *stack, const struct store_key *layer) {
    ARENA_PUSH(a, stack->layers, stack->len, stack->cap, *layer);
    stack->key = *layer;
}

/* An image may have a layer twice, and a mount may not: the upper one hides all of the lower. */
static bool comes_again(const struct images_stack *stack, size_t at) {
    for (size_t i = at + 1; i < stack->len; i++) {
        if (memcmp(&stack->layers[i], &stack->layers[at], sizeof stack->layers[at]) == 0) {
            return true;
        }
    }
    return false;
}

/* A step that changed nothing is a layer without a folder: it adds nothing to a mount. */
const char **images_stack_paths(struct store *s, struct arena *a, const struct images_stack *stack,
                                size_t *ret_count) {
    const char **paths = ARENA_ARRAY(a, const char *, stack->len + 1);
    size_t count = 0;
    for (size_t i = 0; i < stack->len; i++) {
        const char *path = store_layer_path(s, a, &stack->layers[i]);
        if (fs_is_dir(AT_FDCWD, path) && !comes_again(stack, i)) {
            paths[count++] = path;
        }
    }
    *ret_count = count;
    return paths;
}

/* A layer that a step made was made from all below it. Those of an image say nothing of each other.
 */
const struct store_key *images_stack_basis(const struct images_stack *stack, size_t *ret_count) {
    bool has_own = stack->len > stack->base_len;
    *ret_count = has_own ? 1 : stack->len;
    return has_own ? &stack->layers[stack->len - 1] : stack->layers;
}
