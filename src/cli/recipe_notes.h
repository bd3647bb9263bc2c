// SPDX-License-Identifier: Apache-2.0
/* From a place in a rendered Dockerfile back to where it was written. */
#pragma once

#include "recipe/recipe.h"

#define RECIPE_TEMPLATE_NOTE "written by this line of the template"

/*
 * Each diagnostic of the sink that points into the recipe's text gets notes: the line of the
 * template that wrote the place, and the values of the config that it is made of. Where those are
 * many, only the ones that `output`, the end of what a failed step printed, complains about; it may
 * be empty.
 */
void recipe_notes_add(struct diag_sink *sink, const struct recipe *recipe, str output);
