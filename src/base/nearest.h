// SPDX-License-Identifier: Apache-2.0
/* "did you mean": the nearest valid word to what a user wrote. */
#pragma once

#include <stddef.h>

#include "base/str.h"

/*
 * The word nearest to `word` by optimal string alignment distance (ASCII case is free), when it
 * is near enough to be a typo: at most a third of the word's length, and at least 1. The first of
 * equals wins. Returns the empty str (ptr NULL) when none is near.
 */
str nearest_word(str word, const str *words, size_t count);
