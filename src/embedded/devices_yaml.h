// SPDX-License-Identifier: Apache-2.0
/* YAML 1.1 as data: what specifications of devices are written in, by way of libyaml. */
#pragma once

#include <jansson.h>

#include "base/base.h"

/*
 * The first document: mappings become objects, sequences arrays. A scalar is its text, whatever it
 * looks like, but for a plain `null`, `~` or nothing, which is null; keys are texts. NULL and an
 * error with the line: it is not YAML, or what its aliases stand for is nested too deep or is too
 * much. The caller has the reference.
 */
json_t *yaml_load(str text, struct err *err);
