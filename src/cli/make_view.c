// SPDX-License-Identifier: Apache-2.0
#include "cli/make_view.h"

#include <stdio.h>

static void begin(void *self, const char *label,
                  str (*why)(void *why_self, const struct build_step *step, bool cached),
                  void *why_self) {
    struct make_view *v = self;
    snprintf(v->label, sizeof v->label, "%s", label);
    progress_init(&v->progress, v->cli, v->word, false);
    v->progress.label = v->label;
    v->progress.why = why;
    v->progress.why_self = why_self;
    v->is_open = true;
}

static void end(void *self) {
    struct make_view *v = self;
    progress_done(&v->progress);
    v->is_open = false;
}

void make_view_notice(const struct cli *cli, str line) {
    if (line.len > 0) {
        fprintf(stderr, "%.*s\n", STR_FMT(plain_line(cli->arena, line)));
    }
}

static void notice(void *self, str line) {
    const struct make_view *v = self;
    make_view_notice(v->cli, line);
}

static void warning(void *self, str line) {
    const struct make_view *v = self;
    print_warning(v->cli, "%.*s", STR_FMT(line));
}

struct make_events make_view_events(struct make_view *view) {
    return (struct make_events){
        .self = view,
        .begin = begin,
        .end = end,
        .notice = notice,
        .warning = warning,
        .steps = &progress_events,
        .steps_self = &view->progress,
        .pack = progress_pack_events(&view->progress),
        .cancelled = &interrupted,
    };
}

bool make_view_fail(struct make_view *view, struct make_failure *failure) {
    struct progress *p = &view->progress;
    bool shown = view->is_open && progress_showed_end(p);
    if (view->is_open) {
        end(view);
    }
    if (interrupted) {
        print_error(view->cli, "stopped; finished steps are kept");
        return false;
    }
    if (!shown) {
        print_foreign(view->cli, stderr, failure->output);
    }
    if (failure->sink.len > 0) {
        print_diags(view->cli, &failure->sink, stderr);
    }
    if (err_is_set(&failure->err)) {
        print_err(view->cli, &failure->err);
    }
    return false;
}

bool make_view_binaries(struct cli *cli, const struct make_binaries *request,
                        struct guestbin_binary **ret) {
    struct make_view view = MAKE_VIEW_INIT(cli, "auto");
    const struct make_events events = make_view_events(&view);
    struct sources *sources = ARENA_NEW(cli->arena, struct sources);
    struct make_failure failure;
    sources_init(sources, cli->arena);
    return make_binaries(cli->arena, request, sources, &events, ret, &failure) ||
           make_view_fail(&view, &failure);
}
