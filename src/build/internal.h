// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "build/build.h"

/* credentials.c: the text without the users of its URLs. *ret_found becomes true when it had one,
 * and stays as it is else. */
str build_without_userinfo(struct arena *a, str text, bool *ret_found);
/* The same of a proxy, which may have no scheme: "user:password@host:3128". */
str build_without_proxy_user(struct arena *a, str value, bool *ret_found);
/* "${NAME}" becomes what our environment has under the name. */
str build_expand_variables(struct arena *a, str line);
