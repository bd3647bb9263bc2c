// SPDX-License-Identifier: Apache-2.0
/* Questions on a terminal, answered a line each; a wrong answer is asked for again. */
#pragma once

#include "cli/cli.h"

/* UTF-8 without control characters. */
bool ask_is_plain(str text);

/* Says what is wrong with an answer. */
typedef bool ask_check(struct arena *a, str answer, struct err *err);

/* An empty answer takes `preset`. False: the input has ended, or Ctrl-C; that is printed. */
MUST_CHECK bool ask_text(struct cli *cli, const char *question, str preset, ask_check *check,
                         str *ret);

struct ask_item {
    str key;
    str label;
    bool chosen;
};

struct ask_menu {
    const char *title;  /* "Architectures" */
    const char *option; /* "arch": answers it without a question */
    bool needed;        /* at least one must be chosen */
    struct ask_item *items;
    size_t len;
};

/* Numbers or names, separated by spaces or commas; "*": all; "-": none. */
MUST_CHECK bool ask_choose(struct ask_menu *menu, str answer, struct err *err);
/* Shows the menu; an empty answer takes all. False as ask_text(). */
MUST_CHECK bool ask_menu(struct cli *cli, struct ask_menu *menu);
