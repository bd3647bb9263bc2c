// SPDX-License-Identifier: Apache-2.0
/*
 * events: what --progress json prints: one object per line on stderr. Each has `event`.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"
#include "diag/diag.h"

/* Takes the object. */
void event_print(json_t *object);
/* Any bytes as a text: what is not UTF-8 becomes U+FFFD. */
json_t *event_text(str text);
/* {"event": "error", "text": TEXT, "help": HELP}; without an empty help. */
void event_message(const char *event, str text, str help);
/* The keys of `validate --format json`, and `rendered`: the text that a person would see. */
void event_diags(struct arena *a, struct diag_sink *sink);
