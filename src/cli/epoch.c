// SPDX-License-Identifier: Apache-2.0
#include "cli/epoch.h"

#include <stdlib.h>

#include "make/make.h"

bool epoch_of_environment(struct cli *cli, bool *ret_given, int64_t *ret) {
    const char *text = getenv("SOURCE_DATE_EPOCH");
    *ret_given = text != NULL && text[0] != '\0';
    struct err err = ERR_INIT;
    if (!*ret_given || make_epoch_parse(str_from_c(text), ret, &err)) {
        return true;
    }
    print_err(cli, &err);
    return false;
}
