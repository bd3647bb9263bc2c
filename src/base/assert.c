// SPDX-License-Identifier: Apache-2.0
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr,
            "capsem-builder: internal error: %s:%d: %s\n"
            "this is a bug in capsem-builder, not in your input: please report it with the "
            "command you ran\n",
            file, line, condition);
    abort();
}
