// SPDX-License-Identifier: Apache-2.0
/* --check of `image build`, and the check directive of a build. */
#pragma once

#include "build/build.h"
#include "cli/cli.h"

/* Parses and checks the Dockerfile of the request, into the sink. *ret_is_error: the file says that
 * a finding ends a build. The store may be NULL: what images set is not known then. */
void image_check(struct cli *cli, const struct build_request *request, struct store *store,
                 struct diag_sink *sink, bool *ret_is_error);
