// SPDX-License-Identifier: Apache-2.0
/* --dry-run --why: what a build would do. */
#include "cli/why_print.h"

static void print_step(void *self, const struct make_look_step *step) {
    const struct cli *cli = self;
    const struct build_record *r = step->record;
    const char *dim = cli->color_err ? "\033[2m" : "";
    const char *plain = cli->color_err ? "\033[0m" : "";
    const char *kind = recipe_kind_name(step->kind);
    str arch = step->arch->head.key;
    if (r == NULL) {
        fprintf(stderr, "%8s  [%s %.*s] all steps\n     why  %.*s\n", "runs", kind, STR_FMT(arch),
                STR_FMT(step->reason));
        return;
    }
    fprintf(stderr, "%8s  [%s %.*s%s%.*s %zu/%zu] %.*s\n", step->cached ? "cached" : "runs", kind,
            STR_FMT(arch), r->stage.len > 0 ? ": " : "", STR_FMT(r->stage), r->number, r->count,
            STR_FMT(plain_line(cli->arena, str_clip(r->text, 100))));
    fprintf(stderr, "%s     why%s  %.*s\n", dim, plain,
            STR_FMT(plain_line(cli->arena, step->reason)));
}

struct make_look why_look(struct cli *cli) {
    return (struct make_look){ cli, print_step };
}
