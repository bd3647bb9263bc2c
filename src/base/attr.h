// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A result that must be looked at: every function that reports through struct err. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
