// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include "cli/csv.h"

static const struct {
    const char *word;
    enum pack_format format;
} types[] = {
    { "tar", PACK_TAR }, { "dir", PACK_DIR }, { "oci", PACK_OCI }, { "squashfs", PACK_SQUASHFS }
};

static bool find_type(struct cli *cli, str word, enum pack_format *ret) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(word, str_from_c(types[i].word))) {
            *ret = types[i].format;
            return true;
        }
    }
    print_error(cli, "image build: --output type is tar, dir, oci or squashfs, not '%.*s'",
                STR_FMT(word));
    return false;
}

/* "type=T,dest=PATH"; a PATH alone is a folder, as in docker build. */
static bool parse_one(struct cli *cli, const char *text, struct pack_target *ret) {
    str rest = str_from_c(text);
    bool has_type = false;
    if (str_find_char(rest, '=', 0) == STR_NONE) {
        *ret = (struct pack_target){ PACK_DIR, text };
        return true;
    }
    while (rest.ptr != NULL) {
        str value;
        str key;
        const char *wrong = csv_cut_pair(cli->arena, &rest, &key, &value);
        if (wrong != NULL) {
            print_error(cli, "image build: --output '%s' %s", text, wrong);
            return false;
        }
        if (str_eq(key, S("type"))) {
            has_type = true;
            if (!find_type(cli, value, &ret->format)) {
                return false;
            }
        } else if (str_eq(key, S("dest"))) {
            ret->dest = str_to_c(cli->arena, value);
        } else {
            print_error(cli, "image build: --output takes type= and dest=, not '%.*s'",
                        STR_FMT(key));
            return false;
        }
    }
    if (!has_type || ret->dest == NULL || ret->dest[0] == '\0') {
        print_error(
            cli,
            "image build: --output takes type=TYPE,dest=PATH, such as type=tar,dest=PATH, not '%s'",
            text);
        return false;
    }
    return true;
}

bool output_parse(struct cli *cli, const struct option_list *list, struct pack_target **ret) {
    *ret = ARENA_ARRAY(cli->arena, struct pack_target, list->len);
    for (size_t i = 0; i < list->len; i++) {
        if (!parse_one(cli, list->items[i], &(*ret)[i])) {
            return false;
        }
    }
    return true;
}
