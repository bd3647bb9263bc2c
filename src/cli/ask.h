// SPDX-License-Identifier: Apache-2.0
/* Questions on a terminal, answered a line each; a wrong answer is asked for again. */
#pragma once

#include "cli/cli.h"
#include "scaffold/scaffold.h"

/* UTF-8 without control characters. */
bool ask_is_plain(str text);

/* Says what is wrong with an answer. */
typedef bool ask_check(struct arena *a, str answer, struct err *err);

/* An empty answer takes `preset`. False: the input has ended, or Ctrl-C; that is printed. */
MUST_CHECK bool ask_text(struct cli *cli, const char *question, str preset, ask_check *check,
                         str *ret);

/* Yes or no; an empty answer is no. False: the input ended or we were interrupted, and nothing is
 * printed. */
MUST_CHECK bool ask_yes(struct cli *cli, const char *question, bool *ret);

/* Numbers or names, separated by spaces or commas; "*": all; "-": none. */
MUST_CHECK bool ask_choose(struct scaffold_menu *menu, str answer, struct err *err);
/* Shows the menu; an empty answer takes all. False as ask_text(). */
MUST_CHECK bool ask_menu(struct cli *cli, struct scaffold_menu *menu);
