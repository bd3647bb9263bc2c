// SPDX-License-Identifier: Apache-2.0
/* --dry-run --why: what a build would do. */
#include "cli/why.h"

static void print_step(const struct why *w, const struct cli *cli,
                       const struct config_architecture *arch, const struct build_record *r,
                       str reason) {
    size_t colon = str_find(reason, S(": "), 0);
    const char *dim = cli->color_err ? "\033[2m" : "";
    const char *plain = cli->color_err ? "\033[0m" : "";
    fprintf(stderr, "%8s  [%s %.*s%s%.*s %zu/%zu] %.*s\n", r->cached ? "cached" : "runs",
            recipe_kind_name(w->recipe->kind), STR_FMT(arch->head.key),
            r->stage.len > 0 ? ": " : "", STR_FMT(r->stage), r->number, r->count,
            STR_FMT(str_clip(r->text, 100)));
    fprintf(stderr, "%s     why%s  %.*s\n", dim, plain,
            STR_FMT(str_slice(reason, colon == STR_NONE ? 0 : colon + 2, reason.len)));
}

void why_print(struct why *w, const struct cli *cli, const struct config_architecture *arch,
               int64_t epoch_s) {
    struct build_result looked;
    why_begin(w, arch);
    if (w->store == NULL || w->last_count == 0 ||
        !grow_look_offline(w->arena, w->store, arch, w->recipe, w->sources, epoch_s, &looked)) {
        fprintf(stderr,
                "%8s  [%s %.*s] all steps\n     why  this store has no earlier build of the guest "
                "folder\n",
                "runs", recipe_kind_name(w->recipe->kind), STR_FMT(arch->head.key));
        return;
    }
    for (size_t i = 0; i < looked.record_count; i++) {
        const struct build_record *r = &looked.records[i];
        const struct build_step step = {
            .stage = r->stage,
            .number = r->number,
            .count = r->count,
            .text = r->text,
            .span = r->span,
            .key = r->key,
            .own = r->own,
        };
        bool cached = r->cached && !w->no_cache;
        struct build_record shown = *r;
        shown.cached = cached;
        print_step(w, cli, arch, &shown, why_reason(w, &step, cached));
    }
}
