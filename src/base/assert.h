// SPDX-License-Identifier: Apache-2.0
/* The third kind of error: we are wrong. Kept in release builds; no input may reach it. */
#pragma once

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            assert_failed(#condition, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)

/* Prints "internal error" with the place and where to report it, then aborts. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);
