// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "assets/fixture_test.h"

static const char *const all_three[ASSET_COUNT] = {
    [ASSET_INITRD] = "initrd",
    [ASSET_ROOTFS] = "rootfs",
    [ASSET_KERNEL] = "kernel",
};
static const char *const none[ASSET_COUNT] = { 0 };

static void commit_writes_all_that_the_spec_shows(void **state) {
    struct fixture *f = *state;
    struct assets_build build = { .engine = S("embedded") };
    struct assets_commit c = {
        .version = S("1.2.3"),
        .tool_versions = S("# System\nnode=v22\n"),
        .config = S("{}\n"),
        .build = &build,
        .current = true,
    };
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    assert_string_equal(content(f, "x86_64/initrd.img"), "initrd");
    assert_string_equal(content(f, "x86_64/rootfs.squashfs"), "rootfs");
    assert_string_equal(content(f, "x86_64/vmlinuz"), "kernel");
    assert_string_equal(content(f, "x86_64/tool-versions.txt"), "# System\nnode=v22\n");
    assert_string_equal(content(f, "x86_64/config.json"), "{}\n");
    assert_non_null(strstr(content(f, "x86_64/build.json"), "\"vmlinuz\": 6"));
    char target[32] = "";
    assert_int_equal(readlinkat(f->dirfd, "current", target, sizeof target - 1), 6);
    assert_string_equal(target, "x86_64");
    const char *i = hex_of(f, "initrd");
    const char *r = hex_of(f, "rootfs");
    const char *k = hex_of(f, "kernel");
    assert_string_equal(content(f, "B3SUMS"), str_fmt(f->arena,
                                                      "%s  x86_64/initrd.img\n"
                                                      "%s  x86_64/rootfs.squashfs\n"
                                                      "%s  x86_64/vmlinuz\n",
                                                      i, r, k)
                                                  .ptr);
    static const char manifest[] = "{\n"
                                   "  \"latest\": \"1.2.3\",\n"
                                   "  \"releases\": {\n"
                                   "    \"1.2.3\": {\n"
                                   "      \"x86_64\": {\n"
                                   "        \"assets\": [\n"
                                   "          {\n"
                                   "            \"filename\": \"initrd.img\",\n"
                                   "            \"hash\": \"%s\",\n"
                                   "            \"size\": 6\n"
                                   "          },\n"
                                   "          {\n"
                                   "            \"filename\": \"rootfs.squashfs\",\n"
                                   "            \"hash\": \"%s\",\n"
                                   "            \"size\": 6\n"
                                   "          },\n"
                                   "          {\n"
                                   "            \"filename\": \"vmlinuz\",\n"
                                   "            \"hash\": \"%s\",\n"
                                   "            \"size\": 6\n"
                                   "          }\n"
                                   "        ]\n"
                                   "      }\n"
                                   "    }\n"
                                   "  }\n"
                                   "}\n";
    assert_string_equal(content(f, "manifest.json"), str_fmt(f->arena, manifest, i, r, k).ptr);
}

/* Nothing but finished files in the folder and in its architecture folders. */
static void assert_no_leftovers(struct fixture *f, const char *arch) {
    const char *folders[] = { ".", arch };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char **names = NULL;
        size_t count = 0;
        if (!fs_exists(f->dirfd, folders[i])) {
            continue;
        }
        assert_true(fs_list(f->arena, f->dirfd, folders[i], &names, &count, NULL));
        for (size_t k = 0; k < count; k++) {
            assert_int_not_equal(names[k][0], '.');
        }
    }
}

static void sums_cover_every_folder(void **state) {
    struct fixture *f = *state;
    struct assets_commit c = { .version = S("2") };
    static const char *const kernel[ASSET_COUNT] = { [ASSET_KERNEL] = "other kernel" };
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    assert_true(mkdirat(f->dirfd, "notes", 0755) == 0);  /* no assets in it */
    assert_true(mkdirat(f->dirfd, "od d\n", 0755) == 0); /* no name for us */
    assert_true(symlinkat("x86_64", f->dirfd, "also") == 0);
    assert_true(commit(f, "arm64", kernel, &c, NULL));
    const char *sums = content(f, "B3SUMS");
    assert_string_equal(sums, str_fmt(f->arena,
                                      "%s  arm64/vmlinuz\n"
                                      "%s  x86_64/initrd.img\n"
                                      "%s  x86_64/rootfs.squashfs\n"
                                      "%s  x86_64/vmlinuz\n",
                                      hex_of(f, "other kernel"), hex_of(f, "initrd"),
                                      hex_of(f, "rootfs"), hex_of(f, "kernel"))
                                  .ptr);
    assert_non_null(strstr(content(f, "manifest.json"), "\"arm64\": {"));
    assert_false(fs_exists(f->dirfd, "current"));
    /* A folder that went away leaves the sums. */
    assert_true(fs_remove_tree(f->dirfd, "x86_64", NULL));
    assert_true(commit(f, "arm64", none, &c, NULL));
    assert_string_equal(content(f, "B3SUMS"),
                        str_fmt(f->arena, "%s  arm64/vmlinuz\n", hex_of(f, "other kernel")).ptr);
}

static void partial_commit_keeps_the_rest(void **state) {
    struct fixture *f = *state;
    struct assets_commit c = { .version = S("2"), .tool_versions = S("# System\n") };
    static const char *const initrd[ASSET_COUNT] = { [ASSET_INITRD] = "repacked" };
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    assert_true(commit(f, "x86_64", initrd, &(struct assets_commit){ 0 }, NULL));
    assert_string_equal(content(f, "x86_64/initrd.img"), "repacked");
    assert_string_equal(content(f, "x86_64/vmlinuz"), "kernel");
    assert_string_equal(content(f, "x86_64/tool-versions.txt"), "# System\n");
    assert_false(fs_exists(f->dirfd, "x86_64/build.json"));
    assert_non_null(strstr(content(f, "B3SUMS"), hex_of(f, "repacked")));
    assert_non_null(strstr(content(f, "manifest.json"), "\"latest\": \"2\""));
}

/* Asked for once it stays, also when only the sums are renewed; and it is checked as the other. */
static void a_manifest_of_format_2(void **state) {
    struct fixture *f = *state;
    struct assets_build build = { .source_date_epoch = 1700000000 };
    struct assets_commit c = { .version = S("3.1"), .manifest_format = 2, .build = &build };
    static const char wanted[] = "{\n"
                                 "  \"format\": 2,\n"
                                 "  \"refresh_policy\": \"24h\",\n"
                                 "  \"assets\": {\n"
                                 "    \"current\": \"3.1\",\n"
                                 "    \"releases\": {\n"
                                 "      \"3.1\": {\n"
                                 "        \"date\": \"2023-11-14\",\n"
                                 "        \"deprecated\": false,\n"
                                 "        \"min_binary\": \"1.0.0\",\n"
                                 "        \"arches\": {\n"
                                 "          \"x86_64\": {\n"
                                 "            \"vmlinuz\": {\n"
                                 "              \"hash\": \"%s\",\n"
                                 "              \"size\": 6\n"
                                 "            }\n"
                                 "          }\n"
                                 "        }\n"
                                 "      }\n"
                                 "    }\n"
                                 "  },\n"
                                 "  \"binaries\": {\n"
                                 "    \"current\": \"" CAPSEM_VERSION "\",\n"
                                 "    \"releases\": {\n"
                                 "      \"" CAPSEM_VERSION "\": {\n"
                                 "        \"date\": \"2023-11-14\",\n"
                                 "        \"deprecated\": false,\n"
                                 "        \"min_assets\": \"3.1\"\n"
                                 "      }\n"
                                 "    }\n"
                                 "  }\n"
                                 "}\n";
    static const char *const kernel[ASSET_COUNT] = { [ASSET_KERNEL] = "kernel" };
    assert_true(commit(f, "x86_64", kernel, &c, NULL));
    const char *text = content(f, "manifest.json");
    assert_string_equal(text, str_fmt(f->arena, wanted, hex_of(f, "kernel")).ptr);
    struct asset_finding *findings = NULL;
    size_t count = 1;
    assert_true(assets_verify(f->dir, 1, f->arena, &findings, &count, NULL));
    assert_int_equal(count, 0);
    assert_true(commit(f, "x86_64", none, &(struct assets_commit){ 0 }, NULL));
    assert_string_equal(content(f, "manifest.json"), text);
    assert_true(commit(f, "x86_64", none, &(struct assets_commit){ .manifest_format = 1 }, NULL));
    assert_non_null(strstr(content(f, "manifest.json"), "\"latest\": \"3.1\""));
}

static void version_is_never_empty(void **state) {
    struct fixture *f = *state;
    put(f, "manifest.json", "{\"latest\": 7");
    assert_true(commit(f, "x86_64", all_three, &(struct assets_commit){ 0 }, NULL));
    assert_non_null(strstr(content(f, "manifest.json"), "\"latest\": \"" CAPSEM_VERSION "\""));
}

/* A commit that died between its renames: the next one looks at the files. */
static void wrong_sums_are_repaired(void **state) {
    struct fixture *f = *state;
    struct assets_commit c = { .version = S("2") };
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    const char *good = content(f, "B3SUMS");
    put(f, "x86_64/vmlinuz", "newer kernel");
    assert_true(commit(f, "x86_64", none, &c, NULL));
    assert_non_null(strstr(content(f, "B3SUMS"), hex_of(f, "newer kernel")));
    put(f, "x86_64/vmlinuz", "kernel");
    assert_true(commit(f, "x86_64", none, &c, NULL));
    assert_string_equal(content(f, "B3SUMS"), good);
}

static void same_texts_are_not_touched(void **state) {
    struct fixture *f = *state;
    struct assets_commit c = { .version = S("2"), .tool_versions = S("# System\n") };
    static const char *const files[] = { "B3SUMS", "manifest.json", "x86_64/tool-versions.txt" };
    struct stat before[ARRAY_LEN(files)];
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_int_equal(fstatat(f->dirfd, files[i], &before[i], 0), 0);
    }
    assert_true(commit(f, "x86_64", none, &c, NULL));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct stat after;
        assert_int_equal(fstatat(f->dirfd, files[i], &after, 0), 0);
        assert_int_equal(after.st_ino, before[i].st_ino);
    }
}

static bool count_digest(void *self, int fd, uint8_t ret[ASSET_DIGEST_BYTES], struct err *err) {
    *(int *)self += 1;
    return blake3_fd_threads(fd, 1, ret, err);
}

static void fresh_files_are_not_asked_for(void **state) {
    struct fixture *f = *state;
    int asked = 0;
    struct asset_digests digests = { .digest = count_digest, .self = &asked };
    struct assets_commit c = { .version = S("2"), .digests = &digests };
    static const char *const initrd[ASSET_COUNT] = { [ASSET_INITRD] = "repacked" };
    assert_true(commit(f, "x86_64", all_three, &c, NULL));
    assert_int_equal(asked, 0);
    assert_true(commit(f, "x86_64", initrd, &c, NULL));
    assert_int_equal(asked, 2);
}

static void without_commit_nothing_stays(void **state) {
    struct fixture *f = *state;
    struct assets_update *u = NULL;
    int fd = -1;
    assert_true(assets_update_begin(f->dir, "x86_64", &u, NULL));
    assert_true(assets_update_open(u, ASSET_ROOTFS, &fd, NULL));
    assert_true(fs_write_all(fd, "x", 1, NULL));
    assets_update_done(u);
    assert_false(fs_exists(f->dirfd, "x86_64"));
    assert_false(fs_exists(f->dirfd, "B3SUMS"));
}

/* The files of a live process stay, those of a dead one go. */
static void dead_files_are_swept(void **state) {
    struct fixture *f = *state;
    AUTO_ASSETS_UPDATE live = NULL;
    int fd = -1;
    assert_true(assets_update_begin(f->dir, "x86_64", &live, NULL));
    assert_true(assets_update_open(live, ASSET_ROOTFS, &fd, NULL));
    assert_true(fs_write_all(fd, "mine", 4, NULL));
    put(f, "x86_64/.tmp-1-1", "left");
    put(f, ".tmp-1-2", "left");
    assert_int_equal(symlinkat("x86_64", f->dirfd, ".tmp-current"), 0);

    assert_true(commit(f, "x86_64", none, &(struct assets_commit){ .version = S("1") }, NULL));
    assert_false(fs_exists(f->dirfd, "x86_64/.tmp-1-1"));
    assert_false(fs_exists(f->dirfd, ".tmp-1-2"));
    struct stat st;
    assert_int_equal(fstatat(f->dirfd, ".tmp-current", &st, AT_SYMLINK_NOFOLLOW), -1);

    assert_true(assets_update_commit(live, &(struct assets_commit){ .version = S("1") }, NULL));
    assert_string_equal(content(f, "x86_64/rootfs.squashfs"), "mine");
    assert_no_leftovers(f, "x86_64");
}

static void refusals_name_the_file_and_change_nothing(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct assets_commit c = { .version = S("1"), .current = true };
    assert_int_equal(mkdirat(f->dirfd, "current", 0755), 0);
    assert_false(commit(f, "x86_64", all_three, &c, &err));
    assert_int_equal(err.code, EISDIR);
    assert_non_null(strstr(err.frames[0], "current"));
    assert_false(fs_exists(f->dirfd, "x86_64"));
    assert_int_equal(unlinkat(f->dirfd, "current", AT_REMOVEDIR), 0);

    assert_true(fs_mkdir_p(f->dirfd, "x86_64/vmlinuz", 0755, NULL));
    assert_false(commit(f, "x86_64", all_three, &c, &err));
    assert_int_equal(err.code, EISDIR);
    assert_non_null(strstr(err.frames[0], "x86_64/vmlinuz"));
    assert_false(fs_exists(f->dirfd, "x86_64/initrd.img"));
    assert_false(fs_exists(f->dirfd, "B3SUMS"));
    assert_int_equal(unlinkat(f->dirfd, "x86_64/vmlinuz", AT_REMOVEDIR), 0);

    assert_int_equal(mkdirat(f->dirfd, "arm64", 0755), 0);
    assert_int_equal(os_make_special(f->dirfd, "arm64/vmlinuz", S_IFIFO | 0644, 0), 0);
    assert_false(commit(f, "x86_64", all_three, &c, &err));
    assert_non_null(strstr(err.frames[0], "'arm64/vmlinuz' is not a regular file"));
    assert_no_leftovers(f, "x86_64");

    c.version = S("\xFF");
    assert_int_equal(unlinkat(f->dirfd, "arm64/vmlinuz", 0), 0);
    assert_false(commit(f, "x86_64", all_three, &c, &err));
    static const char *const bad[] = { "", "..", ".x", "a/b", "a b", "-x" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(commit(f, bad[i], all_three, &c, &err));
    }
}

/* Kills a process that commits again and again; after each death every asset is whole, and the
 * next commit makes the sums right. */
static void killed_at_any_moment(void **state) {
    struct fixture *f = *state;
    static const char *const texts[2][ASSET_COUNT] = {
        { "initrd 0", "rootfs 0", "kernel 0" },
        { "initrd 1", "rootfs 1", "kernel 1" },
    };
    struct assets_commit c = { .version = S("1"), .current = true, .threads = 1 };
    assert_true(commit(f, "x86_64", texts[0], &c, NULL));
    for (unsigned round = 0; round < 40; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (unsigned i = 1;; i++) {
                if (!commit(f, "x86_64", texts[i % 2], &c, NULL)) {
                    _exit(1);
                }
            }
        }
        usleep(500 + round * 97);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        for (enum asset asset = 0; asset < ASSET_COUNT; asset++) {
            const char *now = content(f, path_join(f->arena, "x86_64", asset_names[asset]));
            assert_true(strcmp(now, texts[0][asset]) == 0 || strcmp(now, texts[1][asset]) == 0);
        }
        struct asset_finding *findings = NULL;
        size_t count = 1;
        assert_true(commit(f, "x86_64", none, &c, NULL));
        assert_true(assets_verify(f->dir, 1, f->arena, &findings, &count, NULL));
        assert_int_equal(count, 0);
        assert_no_leftovers(f, "x86_64");
    }
}

/* One writes x86_64, two write arm64, all at once: nothing fails, nothing is lost. */
static void several_at_once(void **state) {
    struct fixture *f = *state;
    static const char *const archs[] = { "x86_64", "arm64", "arm64" };
    pid_t children[ARRAY_LEN(archs)];
    for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct assets_commit c = { .version = S("1"), .current = true, .threads = 1 };
            bool ok = true;
            for (unsigned round = 0; round < 30; round++) {
                const char *text = str_fmt(f->arena, "%s %zu %u", archs[i], i, round).ptr;
                const char *const texts[ASSET_COUNT] = { text, text, text };
                ok = ok && commit(f, archs[i], texts, &c, NULL);
            }
            _exit(ok ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct asset_finding *findings = NULL;
    size_t count = 1;
    assert_true(assets_verify(f->dir, 1, f->arena, &findings, &count, NULL));
    assert_int_equal(count, 0);
    assert_string_equal(content(f, "x86_64/vmlinuz"), "x86_64 0 29");
    assert_non_null(strstr(content(f, "B3SUMS"), "arm64/vmlinuz"));
    assert_no_leftovers(f, "x86_64");
    assert_no_leftovers(f, "arm64");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(commit_writes_all_that_the_spec_shows),
        TEST(sums_cover_every_folder),
        TEST(partial_commit_keeps_the_rest),
        TEST(a_manifest_of_format_2),
        TEST(version_is_never_empty),
        TEST(wrong_sums_are_repaired),
        TEST(same_texts_are_not_touched),
        TEST(fresh_files_are_not_asked_for),
        TEST(without_commit_nothing_stays),
        TEST(dead_files_are_swept),
        TEST(refusals_name_the_file_and_change_nothing),
        TEST(killed_at_any_moment),
        TEST(several_at_once),
    };
    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
