// SPDX-License-Identifier: Apache-2.0
/* What a person sees of make/: its events as progress, and why it failed. */
#pragma once

#include "cli/progress.h"
#include "make/make.h"

struct make_view {
    struct cli *cli;
    const char *word; /* of progress_words */
    char label[128];
    struct progress progress;
    bool is_open; /* the progress is of a template that has begun */
};
#define MAKE_VIEW_INIT(c, w) ((struct make_view){ .cli = (c), .word = (w) })

struct make_events make_view_events(struct make_view *view);

/* Prints why a build ended: the end of what its step printed, diagnostics, err. Always false. */
bool make_view_fail(struct make_view *view, struct make_failure *failure);

/* "engine: ...": one line on stderr, unless it is empty. */
void make_view_notice(const struct cli *cli, str line);

/* Compiles what is not up to date; `ret` has one entry a guest binary. False: printed. */
bool make_view_binaries(struct cli *cli, const struct make_binaries *request,
                        struct guestbin_binary **ret);
