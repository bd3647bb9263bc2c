// SPDX-License-Identifier: Apache-2.0
/* What a recipe is built from, by digest: for build.json, and to see later what has changed. */
#pragma once

#include "assets/assets.h"
#include "recipe/recipe.h"

/* The rendered Dockerfile (kind "dockerfile") and the files of its build context ("file" for a
 * copy of one on disk, "config" for one made of the config), with their BLAKE3. */
MUST_CHECK bool inputs_of_recipe(struct arena *a, const struct recipe *recipe,
                                 struct assets_input **ret, size_t *ret_count, struct err *err);
