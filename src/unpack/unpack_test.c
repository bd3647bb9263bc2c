// SPDX-License-Identifier: Apache-2.0
/* Archives that want to be elsewhere than in the folder that they are unpacked to. */
#include "base/testing.h"

#include <sys/wait.h>

#include "unpack/unpack.h"

enum { BLOCK = 512 };

/* An entry of a ustar archive: type '0' a file, '1' a hard link, '2' a link, '5' a folder. */
static void add_entry(struct buf *tar, const char *name, char type, const char *link,
                      const char *text) {
    char head[BLOCK] = { 0 };
    unsigned sum = 0;
    snprintf(head, 100, "%s", name);
    snprintf(head + 100, 8, "%07o", type == '5' ? 0755 : 0644);
    snprintf(head + 108, 8, "%07o", 0);
    snprintf(head + 116, 8, "%07o", 0);
    snprintf(head + 124, 12, "%011o", type == '0' ? (unsigned)strlen(text) : 0);
    snprintf(head + 136, 12, "%011o", 0);
    memset(head + 148, ' ', 8);
    head[156] = type;
    snprintf(head + 157, 100, "%s", link);
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++) {
        sum += (unsigned char)head[i];
    }
    snprintf(head + 148, 8, "%06o", sum);
    buf_add_bytes(tar, head, BLOCK);
    if (type == '0' && text[0] != '\0') {
        char content[BLOCK] = { 0 };
        memcpy(content, text, strlen(text));
        buf_add_bytes(tar, content, BLOCK);
    }
}

/* Unpacks into "to" of the folder, or with `whole` into the folder that is "/" then. "" or what the
 * child said. */
static const char *unpack(const struct test_folder *f, struct buf *tar, bool whole) {
    char end[2 * BLOCK] = { 0 };
    char text[512] = "";
    int fds[2];
    if (geteuid() != 0) {
        skip();
    }
    buf_add_bytes(tar, end, sizeof end);
    assert_true(fs_store(f->fd, "x.tar", buf_str(tar), 0644, NULL));
    AUTO_FD fd = openat(f->fd, "x.tar", O_RDONLY | O_CLOEXEC);
    assert_true(unpack_is_archive(fd));
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        bool ok = (!whole || chroot(f->path) == 0) &&
                  unpack_archive(fd, "x.tar", whole ? "/" : test_path(f, "to"),
                                 (struct unpack_owner){ 0 }, &err);
        ssize_t ignored = ok ? 0 : write(fds[1], err.frames[0], strlen(err.frames[0]));
        (void)ignored;
        _exit(ok ? 0 : 1);
    }
    close(fds[1]);
    ssize_t len = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0) == (len <= 0));
    return test_text(f, str_from_c(text));
}

static void nothing_leaves_the_folder(void **state) {
    static const struct {
        const char *link; /* of an entry "link" before it; NULL: there is none */
        const char *name;
        const char *said; /* "": it is unpacked */
        const char *made;
    } cases[] = {
        { NULL, "../out", "the name '../out', which points", NULL },
        { NULL, "a/../../out", "the name 'a/../../out', which", NULL },
        { NULL, "..", "the name '..', which points", NULL },
        { NULL, "/abs", "", "to/abs" },
        { NULL, "./a//b", "", "to/a/b" },
        { NULL, "a/../b", "", "to/b" },
        { "..", "link/out", "follows a link that points outside it", NULL },
        { "/", "link/out", "follows a link that points outside it", NULL },
        { "/tmp", "link/out", "follows a link that points outside it", NULL },
        { "../gone", "link/out", "follows a link that points outside it", NULL },
        { "real", "link/in", "", "to/real/in" },
        { "real/./..", "link/in", "", "to/in" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TEST_FOLDER f = test_folder();
        AUTO_BUF tar = BUF_INIT(1 << 20);
        test_dir(&f, "to/real");
        if (cases[i].link != NULL) {
            add_entry(&tar, "link", '2', cases[i].link, "");
        }
        add_entry(&tar, cases[i].name, '0', "", "text");
        print_message("%s in %s\n", cases[i].name, cases[i].link == NULL ? "." : cases[i].link);
        const char *said = unpack(&f, &tar, false);
        if (cases[i].made == NULL) {
            assert_non_null(strstr(said, cases[i].said));
        } else {
            assert_string_equal(said, "");
            assert_true(fs_exists(f.fd, cases[i].made));
        }
        assert_false(fs_exists(f.fd, "out"));
    }
}

/* Of a root filesystem links are as the image means them. */
static void links_of_a_root_end_in_it(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    AUTO_BUF tar = BUF_INIT(1 << 20);
    add_entry(&tar, "usr/lib", '5', "", "");
    add_entry(&tar, "lib", '2', "/usr/lib", "");
    add_entry(&tar, "lib/a", '0', "", "text");
    add_entry(&tar, "up", '2', "../../../..", "");
    add_entry(&tar, "up/b", '0', "", "text");
    assert_string_equal(unpack(&f, &tar, true), "");
    assert_true(fs_exists(f.fd, "usr/lib/a"));
    assert_true(fs_exists(f.fd, "b"));
}

static void a_later_entry_wins(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    AUTO_BUF tar = BUF_INIT(1 << 20);
    str text;
    test_dir(&f, "to");
    add_entry(&tar, "a", '0', "", "first");
    add_entry(&tar, "b", '1', "a", "");
    add_entry(&tar, "a", '0', "", "second");
    assert_string_equal(unpack(&f, &tar, false), "");
    assert_true(fs_load(f.arena, f.fd, "to/a", 100, &text, NULL));
    assert_string_equal(test_text(&f, text), "second");
    assert_true(fs_load(f.arena, f.fd, "to/b", 100, &text, NULL));
    assert_string_equal(test_text(&f, text), "first"); /* not written through its other name */
}

static void what_is_not_an_archive_is_known(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    test_file(&f, "x", "text\n");
    AUTO_FD fd = openat(f.fd, "x", O_RDONLY | O_CLOEXEC);
    assert_false(unpack_is_archive(fd));
}

static void marks_of_overlayfs_are_not_copied(void **state) {
    (void)state;
    assert_true(unpack_takes_xattr("user.x"));
    assert_true(unpack_takes_xattr("security.capability"));
    assert_true(unpack_takes_xattr("user.overlay.opaque"));
    assert_false(unpack_takes_xattr("trusted.overlay.opaque"));
    assert_false(unpack_takes_xattr("security.selinux"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_the_folder),
        cmocka_unit_test(links_of_a_root_end_in_it),
        cmocka_unit_test(a_later_entry_wins),
        cmocka_unit_test(what_is_not_an_archive_is_known),
        cmocka_unit_test(marks_of_overlayfs_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
