// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "assets/internal.h"

json_t *asset_json_str(str text) {
    json_t *json = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    if (json != NULL) {
        return json;
    }
    AUTO_BUF clean = BUF_INIT(BUILD_JSON_BYTES_MAX);
    buf_add_json(&clean, text);
    return json_loadb(clean.ptr, clean.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

bool asset_json_dump(struct arena *a, const json_t *root, str *ret, struct err *err) {
    char *text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL) {
        return err_sys(err, ENOMEM, "write JSON");
    }
    *ret = str_fmt(a, "%s\n", text);
    free(text);
    return true;
}
