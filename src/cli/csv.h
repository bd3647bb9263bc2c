// SPDX-License-Identifier: Apache-2.0
/* A value such as "type=tar,dest=a" in the form of RFC 4180, as docker's options have it: a field
 * in double quotes may hold commas, and two quotes in it stand for one. */
#pragma once

#include "base/base.h"

/* Cuts the next field off; call while rest->ptr is not NULL. NULL, or what is wrong with it. */
const char *csv_cut(struct arena *a, str *rest, str *ret);
/* The same, and the field at its first '=': the key in lower case, and no value is an empty one. */
const char *csv_cut_pair(struct arena *a, str *rest, str *ret_key, str *ret_value);
