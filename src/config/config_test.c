// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

static const char build_toml[] = "[build]\n"
                                 "compression = \"gzip\"\n"
                                 "[build.architectures.x86_64]\n"
                                 "docker_platform = \"linux/amd64\"\n"
                                 "rust_target = \"x86_64-unknown-linux-musl\"\n"
                                 "kernel_image = \"arch/x86_64/boot/bzImage\"\n"
                                 "defconfig = \"kernel/x86_64.defconfig\"\n";

/* A guest folder in a temporary place, and what it loads to. */
struct fixture {
    struct arena *arena;
    char dir[64];
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
};

static void put(struct fixture *f, const char *path, const char *text) {
    struct err err = ERR_INIT;
    const char *full = path_join(f->arena, f->dir, path);
    assert_true(fs_mkdir_p(AT_FDCWD, str_to_c(f->arena, path_dir(str_from_c(full))), 0755, &err));
    assert_true(fs_store(AT_FDCWD, full, str_from_c(text), 0644, &err));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/capsem-config-XXXXXX");
    f->arena = arena_new();
    assert_non_null(mkdtemp(f->dir));
    put(f, "config/build.toml", build_toml);
    put(f, "config/kernel/x86_64.defconfig", "CONFIG_64BIT=y\n");
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool removed = fs_remove_tree(AT_FDCWD, f->dir, &err);
    arena_free(f->arena);
    free(f);
    return removed ? 0 : -1;
}

static bool load(struct fixture *f, const struct config_options *opts) {
    return config_load(f->arena, &f->sources, &f->sink, f->dir, opts, &f->config);
}

static void defaults_are_filled_in(void **state) {
    struct fixture *f = *state;
    assert_true(load(f, NULL));
    const struct guest_config *c = &f->config;
    assert_int_equal(c->build.guest_binaries.len, 3);
    assert_false(span_is_set(c->build.guest_binaries.span));
    const struct config_architecture *arch = config_find_architecture(c, S("x86_64"));
    assert_non_null(arch);
    assert_null(config_find_architecture(c, S("arm64")));
    assert_true(str_eq(arch->base_image.text, S("debian:bookworm-slim")));
    assert_int_equal(arch->kernel_source.value, CONFIG_KERNEL_ORG);
    assert_int_equal(arch->node_major.value, 24);
    assert_int_equal(c->resources.max_body_capture.value, 4096);
    assert_false(c->image.head.present);
    assert_true(str_eq(c->environment.shell.home.text, S("/root")));
    assert_false(c->environment.shell.bashrc.head.present);
}

static void values_know_where_they_stand(void **state) {
    struct fixture *f = *state;
    assert_true(load(f, NULL));
    const struct config_choice *compression = &f->config.build.compression;
    assert_int_equal(compression->value, CONFIG_COMPRESSION_GZIP);
    const struct source *source = f->sources.items[compression->span.source];
    str raw = str_slice(source->text, compression->span.start, compression->span.end);
    assert_true(str_eq(raw, S("\"gzip\"")));
    assert_true(str_ends(source->path, S("/config/build.toml")));
    struct span header = f->config.build.architectures.items[0].head.span;
    assert_true(str_eq(str_slice(source->text, header.start, header.end),
                       S("[build.architectures.x86_64]")));
}

static void the_codec_bounds_the_level(void **state) {
    struct fixture *f = *state;
    assert_true(load(f, NULL));
    assert_int_equal(f->config.build.compression_level.value, 15);
    assert_int_equal(config_codec_level(&f->config.build), 9);
    assert_int_equal(f->sink.warnings, 0); /* the level was not written */
    assert_int_equal(config_codec_level_max(CONFIG_COMPRESSION_ZSTD), 22);
    assert_int_equal(config_codec_level_max(CONFIG_COMPRESSION_LZ4), 12);
    assert_int_equal(config_codec_level_max(CONFIG_COMPRESSION_XZ), 9);
}

static void the_newest_change_is_that_of_any_file(void **state) {
    struct fixture *f = *state;
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    struct timespec young[2] = { { .tv_sec = 2000 }, { .tv_sec = 2000 } };
    const char *build = path_join(f->arena, f->dir, "config/build.toml");
    const char *kernel = path_join(f->arena, f->dir, "config/kernel/x86_64.defconfig");
    assert_int_equal(utimensat(AT_FDCWD, build, old, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, kernel, young, 0), 0);
    assert_true(load(f, NULL));
    assert_int_equal(f->config.newest_change_s, 2000);
}

static void folders_beside_the_config_are_found(void **state) {
    struct fixture *f = *state;
    assert_true(load(f, NULL));
    assert_null(f->config.artifacts_dir);
    assert_null(f->config.agent_dir);
    put(f, "artifacts/README", "x");
    put(f, "agent/README", "x");
    assert_false(load(f, NULL)); /* now they are looked at: E302, E303 */
    assert_string_equal(f->config.artifacts_dir, path_join(f->arena, f->dir, "artifacts"));
    assert_int_equal(f->sink.errors, 3 + 3);
    assert_true(load(f, &(struct config_options){ .config_only = true }));
}

static void a_broken_table_hides_nothing_but_itself(void **state) {
    struct fixture *f = *state;
    put(f, "config/vm/resources.toml", "[resources]\ncpu_count = = 2\nram_gb = 99\n");
    put(f, "config/mcp/m.toml",
        "[good]\nname = \"G\"\ntransport = \"stdio\"\ncommand = \"g\"\n"
        "[bad\nname = 3\n[worse]\n[last]\nname = \"L\"\ntransport = \"sse\"\nurl = \"u\"\n");
    assert_false(load(f, NULL));
    assert_int_equal(f->config.resources.cpu_count.value, 4);
    assert_int_equal(f->config.mcp_servers.len, 4);
    assert_true(str_eq(f->config.mcp_servers.items[3].head.key, S("last")));
    /* E002 twice; ram_gb; bad: name, transport; worse: name and transport missing. */
    assert_int_equal(f->sink.errors, 2 + 1 + 2 + 2);
}

static void a_later_file_wins_at_the_first_place(void **state) {
    struct fixture *f = *state;
    static const char server[] = "[%s]\nname = \"%s\"\ntransport = \"stdio\"\ncommand = \"c\"\n";
    AUTO_BUF first = BUF_INIT(4096);
    AUTO_BUF later = BUF_INIT(4096);
    buf_addf(&first, server, "x", "first");
    buf_addf(&first, server, "y", "between");
    buf_addf(&later, server, "z", "new");
    buf_addf(&later, server, "x", "later");
    put(f, "config/mcp/a.toml", first.ptr);
    put(f, "config/mcp/b.toml", later.ptr);
    assert_false(load(f, NULL));
    static const char *const names[] = { "later", "between", "new" };
    assert_int_equal(f->config.mcp_servers.len, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        str name = f->config.mcp_servers.items[i].name.text;
        assert_true(str_eq(name, str_from_c(names[i])));
    }
}

static void overlays_stand_for_files(void **state) {
    struct fixture *f = *state;
    static const char server[] = "[%s]\nname = \"%s\"\ntransport = \"stdio\"\ncommand = \"c\"\n";
    put(f, "config/mcp/b.toml", str_fmt(f->arena, server, "both", "on disk").ptr);
    put(f, "config/mcp/c.toml", "not = toml = at all\n");
    const struct config_overlay overlays[] = {
        { "mcp/c.toml", str_fmt(f->arena, server, "third", "unsaved") },
        { "mcp/a.toml", str_fmt(f->arena, server, "first", "new") }, /* is on no disk */
        { "mcp/.hidden.toml", S("nonsense") },
        { "build.toml", str_from_c(build_toml) },
    };
    const struct config_options opts = { .config_only = true,
                                         .overlays = overlays,
                                         .overlay_count = ARRAY_LEN(overlays) };
    static const char *const keys[] = { "first", "both", "third" };
    static const char *const names[] = { "new", "on disk", "unsaved" };
    assert_true(load(f, &opts));
    assert_int_equal(f->config.mcp_servers.len, ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct config_mcp_server *s = &f->config.mcp_servers.items[i];
        assert_true(str_eq(s->head.key, str_from_c(keys[i])));
        assert_true(str_eq(s->name.text, str_from_c(names[i])));
    }
}

static bool load_kept(struct fixture *f, str text, struct guest_config *ret, struct err *err) {
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    return config_load_kept(f->arena, &f->sources, &f->sink, "assets/a/config.json", text, ret,
                            err);
}

/* Nothing of the disk counts any more. */
static void a_kept_config_is_the_same(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    put(f, "config/mcp/b.toml",
        "[b]\nname = \"B \\u0001\"\ntransport = \"stdio\"\ncommand = \"c\"\n");
    assert_true(load(f, &(struct config_options){ .config_only = true }));
    AUTO_BUF before = BUF_INIT(1 << 20);
    AUTO_BUF after = BUF_INIT(1 << 20);
    struct guest_config again;
    config_dump_json(&f->config, &before);
    str kept = config_keep(f->arena, &f->sources, &f->config);
    put(f, "config/mcp/b.toml", "[changed]\n");
    assert_true(load_kept(f, kept, &again, &err));
    config_dump_json(&again, &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    assert_true(str_eq(config_keep(f->arena, &f->sources, &again), kept));
}

static void a_damaged_kept_config_is_an_error(void **state) {
    static const struct {
        str text;
        const char *says;
    } cases[] = {
        { S_INIT(""), "is not a config that 'build' has kept" },
        { S_INIT("{\"format\": 2, \"files\": {\"build.toml\": \"\"}}"), "is not a config that" },
        { S_INIT("{\"format\": 1}"), "is damaged" },
        { S_INIT("{\"format\": 1, \"files\": {\"build.toml\": 1}}"), "is damaged" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        struct guest_config config;
        assert_false(load_kept(f, cases[i].text, &config, &err));
        assert_non_null(strstr(err.frames[0], cases[i].says));
        assert_true(err.help[0] != '\0');
    }
    struct err err = ERR_INIT;
    struct guest_config config;
    str wrong = S("{\"format\": 1, \"files\": {\"build.toml\": \"x =\"}}");
    assert_false(load_kept(f, wrong, &config, &err));
    assert_true(f->sink.errors > 0);
}

static void an_overlay_has_the_limits_of_a_file(void **state) {
    struct fixture *f = *state;
    size_t size = CONFIG_FILE_BYTES_MAX + 1;
    char *spaces = arena_alloc(f->arena, size);
    memset(spaces, ' ', size);
    const struct config_overlay overlay = { "ai/x.toml", { spaces, size } };
    assert_false(load(f, &(struct config_options){
                             .config_only = true, .overlays = &overlay, .overlay_count = 1 }));
    assert_int_equal(f->sink.errors, 1);
    assert_string_equal(f->sink.items[0].code->name, "E002");
}

static bool holds_certificate_file(struct arena *a, const char *path) {
    struct err err = ERR_INIT;
    str text;
    assert_true(fs_load(a, AT_FDCWD, path, CONFIG_CERTIFICATE_BYTES_MAX, &text, &err));
    return holds_certificate(text);
}

static void certificates_are_told_from_other_text(void **state) {
    struct fixture *f = *state;
    static const char *const others[] = {
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nMAMCAQE=\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(holds_certificate(str_from_c(others[i])));
    }
    assert_true(holds_certificate_file(f->arena, getenv("CAPSEM_TEST_CERTIFICATE")));
}

static void check_fields(const struct record *record);

/* Rows that the loader relies on without looking. */
static void check_field(const struct record *record, const struct field *f) {
    assert_true(f->offset < record->size);
    assert_true(str_ends(str_from_c(f->help), S(".")));
    if (f->kind == FIELD_CHOICE) {
        assert_true(f->text != NULL ? field_word_index(f, str_from_c(f->text)) >= 0
                                    : (f->flags & FIELD_REQUIRED) != 0);
    }
    if (f->kind == FIELD_INT) {
        assert_true(f->min <= f->number && f->number <= f->max);
    }
    if (f->record != NULL) {
        check_fields(f->record);
    }
}

static void check_fields(const struct record *record) {
    assert_in_range(record->field_count, 1, 64);
    for (size_t i = 0; i < record->field_count; i++) {
        check_field(record, &record->fields[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(record->fields[i].name, record->fields[j].name);
        }
    }
}

static void the_tables_are_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < file_kind_count; i++) {
        bool folder = str_ends(str_from_c(file_kinds[i].path), S("/"));
        assert_int_equal(folder, file_kinds[i].table == NULL);
        check_fields(file_kinds[i].field.record);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(defaults_are_filled_in),
        CASE(values_know_where_they_stand),
        CASE(the_codec_bounds_the_level),
        CASE(the_newest_change_is_that_of_any_file),
        CASE(folders_beside_the_config_are_found),
        CASE(a_broken_table_hides_nothing_but_itself),
        CASE(a_later_file_wins_at_the_first_place),
        CASE(certificates_are_told_from_other_text),
        CASE(overlays_stand_for_files),
        CASE(an_overlay_has_the_limits_of_a_file),
        CASE(a_kept_config_is_the_same),
        CASE(a_damaged_kept_config_is_an_error),
        cmocka_unit_test(the_tables_are_sound),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
