// SPDX-License-Identifier: Apache-2.0
/*
 * What a layer was made from. The store keeps it with the layer: when one of those is found
 * damaged, all that was made from it goes too, and is built again.
 */
#include <jansson.h>

#include "embedded/internal.h"

void builder_uses(struct builder *b, const struct store_key *key) {
    ARENA_PUSH(b->arena, b->used, b->used_len, b->used_cap, *key);
}

static void add(struct step *step, const struct store_key *key) {
    builder_uses(step->builder, key);
    ARENA_PUSH(step->builder->arena, step->basis, step->basis_len, step->basis_cap, *key);
}

void step_uses_layer(struct step *step, const struct store_key *key) {
    add(step, key);
}

void step_uses(struct step *step, const struct images_stack *stack) {
    size_t count;
    const struct store_key *keys = images_stack_basis(stack, &count);
    for (size_t i = 0; i < count; i++) {
        add(step, &keys[i]);
    }
}

struct json_t *step_basis(struct step *step) {
    json_t *on = json_array();
    step_uses(step, &step->stage->stack);
    for (size_t i = 0; i < step->basis_len; i++) {
        json_array_append_new(on, json_string(step->basis[i].hex));
    }
    return on;
}

void tell_damages(struct builder *b) {
    struct store_damage d;
    while (store_damage_next(b->request->store, &d)) {
        str text = str_fmt(b->arena, "the store had a damaged layer: %.12s%s%.*s%s: %.*s",
                           d.key.hex, d.text.len > 0 ? " (" : "", STR_FMT(d.text),
                           d.text.len > 0 ? ")" : "", STR_FMT(d.what));
        if (d.more > 0) {
            text = str_fmt(b->arena, "%.*s; it was removed, along with %zu made from it",
                           STR_FMT(text), d.more);
        } else {
            text = str_concat(b->arena, text, S("; it was removed"));
        }
        b->request->events->notice(b->request->self, text);
    }
}
