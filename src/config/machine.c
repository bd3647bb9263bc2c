// SPDX-License-Identifier: Apache-2.0
/* Is it a machine that images can be made for, and the same in every key? E011. */
#include "machine/machine.h"

#include "config/internal.h"

/* The architecture that a platform names; a text that is not a platform is E405. */
static str platform_architecture(struct arena *a, str platform) {
    str rest = str_lower(a, platform);
    str first = str_cut(&rest, '/');
    return rest.ptr == NULL ? first : str_cut(&rest, '/');
}

static void check_platform(struct loader *l, const struct machine *m,
                           const struct config_text *platform, const struct config_text *target) {
    str architecture = platform_architecture(l->arena, platform->text);
    if (!span_is_set(platform->span) || architecture.len == 0 || machine_find(architecture) == m) {
        return;
    }
    struct diag *d =
        diag_report(l->sink, "E011", platform->span,
                    "docker_platform '%.*s' does not match rust_target", STR_FMT(platform->text));
    diag_note(l->sink, d, target->span, "that is '%.*s'", STR_FMT(target->text));
    diag_help(l->sink, d, "write docker_platform = \"linux/%s\"", m->oci);
}

void check_machine(struct loader *l, const struct config_architecture *arch) {
    const struct config_text *target = &arch->rust_target;
    const struct machine *m = machine_of_triple(target->text);
    if (!span_is_set(target->span)) {
        return; /* that was reported */
    }
    if (m != NULL) {
        check_platform(l, m, &arch->docker_platform, target);
        return;
    }
    str rest = target->text;
    str *words = ARENA_ARRAY(l->arena, str, machine_count);
    for (size_t i = 0; i < machine_count; i++) {
        words[i] = str_from_c(machines[i].name);
    }
    str machine = str_cut(&rest, '-');
    struct diag *d = diag_report(l->sink, "E011", target->span,
                                 "images for the machine '%.*s' cannot be built", STR_FMT(machine));
    suggest_word(l, d, words, machine_count, machine, "rust_target starts with one of");
}
