// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

/* "a.b" as keys. */
static size_t split(const char *path, str keys[8]) {
    size_t count = 0;
    for (str rest = str_from_c(path); rest.len > 0;) {
        keys[count++] = str_cut(&rest, '.');
    }
    return count;
}

static void paths_lead_to_rows(void **state) {
    static const struct {
        const char *file;
        const char *path;
        const char *type; /* NULL: nothing reads it */
        const char *range;
        const char *default_value;
    } cases[] = {
        { "build.toml", "build", "table", "", "" },
        { "build.toml", "build.compression", "string", "", "\"zstd\"" },
        { "build.toml", "build.compression_level", "integer", "1 to 22", "15" },
        { "build.toml", "build.architectures.x86_64", "architecture", "", "" },
        { "build.toml", "build.architectures.x86_64.node_major", "integer", "0 to 999", "24" },
        { "build.toml", "build.version_commands.git", "string", "", "" },
        { "build.toml", "build.version_commands.git.deep", NULL, "", "" },
        { "build.toml", "build.compression.deep", NULL, "", "" },
        { "build.toml", "other", NULL, "", "" },
        { "other.toml", "build", NULL, "", "" },
        { "ai/x.toml", "anything", "provider", "", "" },
        { "ai/x.toml", "anything.network.allow_post", "boolean", "", "false" },
        { "ai/x.toml", "anything.files.rc.path", "string", "", "" },
        { "ai/x.toml", "anything.network.typo", NULL, "", "" },
        { "ai/deeper/x.toml", "anything", NULL, "", "" },
        { "manifest.toml", "image.changelog", "array of tables", "", "" },
        { "manifest.toml", "image.changelog.changes", "list of strings", "", "" },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str keys[8];
        struct config_key key;
        size_t count = split(cases[i].path, keys);
        bool found = config_key_at(a, cases[i].file, keys, count, &key);
        assert_int_equal(found, cases[i].type != NULL);
        if (found) {
            assert_string_equal(key.type, cases[i].type);
            assert_true(str_eq(key.name, keys[count - 1]));
            assert_true(str_eq(key.range, str_from_c(cases[i].range)));
            assert_true(str_eq(key.default_value, str_from_c(cases[i].default_value)));
            assert_true(key.help != NULL && key.help[0] != '\0');
        }
    }
}

static void tables_have_keys(void **state) {
    static const struct {
        const char *file;
        const char *path;
        size_t count;
        const char *first;
    } cases[] = {
        { "build.toml", "", 1, "build" },
        { "build.toml", "build", 9, "compression" },
        { "build.toml", "build.architectures", 0, NULL },
        { "build.toml", "build.architectures.arm64", 9, "base_image" },
        { "ai/x.toml", "", 0, NULL },
        { "ai/x.toml", "any.cli", 4, "key" },
        { "manifest.toml", "image.changelog", 3, "version" },
        { "unknown.toml", "", 0, NULL },
    };
    AUTO_ARENA a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str path[8];
        struct config_key *keys;
        size_t len = split(cases[i].path, path);
        assert_int_equal(config_keys_below(a, cases[i].file, path, len, &keys), cases[i].count);
        if (cases[i].count > 0) {
            assert_true(str_eq(keys[0].name, str_from_c(cases[i].first)));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_rows),
        cmocka_unit_test(tables_have_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
