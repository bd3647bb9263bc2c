// SPDX-License-Identifier: Apache-2.0
/* What COPY and ADD make of their sources: in a child, as in a build, whose "/" is the folder
 * "root" of the test. Needs root. */
#include "base/testing.h"

#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "embedded/copy.h"

struct fixture {
    struct test_folder folder;
    struct copy_source source;
    struct copy_job job;
    int rootfd;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_dir(&f->folder, "root");
    test_dir(&f->folder, "from");
    f->rootfd = openat(f->folder.fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->source.path = "d";
    f->job = (struct copy_job){
        .arena = f->folder.arena,
        .sourcefd = openat(f->folder.fd, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .sources = &f->source,
        .source_count = 1,
        .destination = "/to",
        .destination_is_dir = true,
        .now = { .tv_sec = 7777 },
    };
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    close(f->rootfd);
    close(f->job.sourcefd);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

/* "" or what the child said. */
static const char *copy(struct fixture *f) {
    int fds[2];
    char text[512] = "";
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        bool ok = copy_into_root(&f->job, f->rootfd, NULL, &err);
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
    return str_to_c(f->folder.arena, str_from_c(text));
}

static struct stat stat_of(const struct fixture *f, const char *name) {
    struct stat st;
    if (fstatat(f->folder.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        fail_msg("'%s': %s", name, strerror(errno));
    }
    return st;
}

static void set_mode(const struct fixture *f, const char *name, mode_t mode) {
    assert_int_equal(fchmodat(f->folder.fd, name, mode, 0), 0);
}

static void what_is_copied_belongs_to_root(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    test_file(&f->folder, "from/d/sub/b", "");
    assert_int_equal(fchownat(f->folder.fd, "from/d/a", 12, 34, 0), 0);
    assert_int_equal(fchownat(f->folder.fd, "from/d/sub", 12, 34, 0), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/to/a").st_uid, 0);
    assert_int_equal(stat_of(f, "root/to/a").st_gid, 0);
    assert_int_equal(stat_of(f, "root/to/sub").st_uid, 0);
    assert_int_equal(stat_of(f, "root/to").st_uid, 0);
}

static void from_a_stage_owners_are_kept(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    assert_int_equal(fchownat(f->folder.fd, "from/d/a", 12, 34, 0), 0);
    assert_int_equal(symlinkat("a", f->folder.fd, "from/d/link"), 0);
    assert_int_equal(fchownat(f->folder.fd, "from/d/link", 56, 78, AT_SYMLINK_NOFOLLOW), 0);
    f->job.keep_owner = true;
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/to/a").st_uid, 12);
    assert_int_equal(stat_of(f, "root/to/a").st_gid, 34);
    assert_int_equal(stat_of(f, "root/to/link").st_uid, 56);
    assert_int_equal(stat_of(f, "root/to/link").st_gid, 78);
}

static void an_owner_that_is_asked_for_is_given(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "root/etc/passwd", "me:x:21:22:::\n");
    test_file(&f->folder, "root/etc/group", "us:x:23:me\n");
    test_file(&f->folder, "from/d/a", "text");
    set_mode(f, "from/d/a", 06755);
    f->job.chown = "me:us";
    f->job.destination = "/new/to";
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/new/to/a").st_uid, 21);
    assert_int_equal(stat_of(f, "root/new/to/a").st_gid, 23);
    assert_int_equal(stat_of(f, "root/new").st_uid, 21);
    /* chown(2) takes the setuid bit away: the mode is set after it */
    assert_int_equal(stat_of(f, "root/new/to/a").st_mode & 07777, 06755);
    f->job.chown = "31"; /* the group is the same number */
    f->job.destination = "/other";
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/other/a").st_gid, 31);
    f->job.chown = "nobody-knows";
    assert_non_null(strstr(copy(f), "is not in the image's /etc/passwd"));
}

static void a_mode_is_changed_for_what_is_copied(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    test_file(&f->folder, "from/d/sub/b", "");
    f->job.chmod = "u=rwX,go=";
    f->job.destination = "/new/to";
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/new/to/a").st_mode & 07777, 0600);
    assert_int_equal(stat_of(f, "root/new/to/sub").st_mode & 07777, 0700);
    assert_int_equal(stat_of(f, "root/new").st_mode & 07777, 0755);
}

/* The mask of an access list is the group's bits of the mode. */
static void attributes_come_along_and_the_mode_stays(void **state) {
    static const unsigned char acl[] = {
        2,    0, 0, 0,                         /* version */
        1,    0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* user:: rw- */
        2,    0, 7, 0, 99,   0,    0,    0,    /* user:99: rwx */
        4,    0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* group:: --- */
        0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: rwx */
        0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other:: --- */
    };
    struct fixture *f = *state;
    char value[64];
    test_file(&f->folder, "from/d/a", "text");
    const char *from = test_path(&f->folder, "from/d/a");
    const char *to = test_path(&f->folder, "root/to/a");
    if (setxattr(from, "user.x", "1", 1, 0) < 0 ||
        setxattr(from, "system.posix_acl_access", acl, sizeof acl, 0) < 0) {
        skip();
    }
    f->job.chmod = "0640";
    assert_string_equal(copy(f), "");
    assert_int_equal(getxattr(to, "user.x", value, sizeof value), 1);
    assert_int_equal(stat_of(f, "root/to/a").st_mode & 07777, 0640);
}

static void times_come_along_but_for_what_is_made(void **state) {
    struct fixture *f = *state;
    const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000, .tv_nsec = 5 } };
    test_file(&f->folder, "from/d/a", "text");
    test_file(&f->folder, "from/d/sub/b", "text");
    assert_int_equal(symlinkat("a", f->folder.fd, "from/d/link"), 0);
    static const char *const names[] = { "from/d/a", "from/d/link", "from/d/sub", "from/d" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(utimensat(f->folder.fd, names[i], times, AT_SYMLINK_NOFOLLOW), 0);
    }
    f->job.destination = "/new/to";
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/new/to/a").st_mtim.tv_sec, 1000);
    assert_int_equal(stat_of(f, "root/new/to/a").st_mtim.tv_nsec, 5);
    assert_int_equal(stat_of(f, "root/new/to/link").st_mtim.tv_sec, 1000);
    assert_int_equal(stat_of(f, "root/new/to/sub").st_mtim.tv_sec, 1000);
    assert_int_equal(stat_of(f, "root/new/to").st_mtim.tv_sec, 1000);
}

static void names_of_one_file_stay_one_file(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    test_dir(&f->folder, "from/d/sub");
    assert_int_equal(linkat(f->folder.fd, "from/d/a", f->folder.fd, "from/d/sub/b", 0), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/to/a").st_ino, stat_of(f, "root/to/sub/b").st_ino);
    assert_int_equal(stat_of(f, "root/to/a").st_nlink, 2);
}

static void a_source_that_changes_meanwhile_is_noticed(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    struct stat st = stat_of(f, "from/d/a");
    f->job.looked_at = st.st_ctim;
    f->job.looked_at.tv_sec--;
    assert_non_null(strstr(copy(f), "was changed during the build"));
    f->job.looked_at = (struct timespec){ 0 }; /* the source is the store's */
    assert_string_equal(copy(f), "");
    f->job.looked_at = st.st_ctim;
    assert_string_equal(copy(f), "");
}

static void a_file_makes_room_and_a_folder_does_not(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "new");
    test_file(&f->folder, "root/to/a", "old and longer");
    assert_int_equal(linkat(f->folder.fd, "root/to/a", f->folder.fd, "root/other", 0), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/to/a").st_size, 3);
    assert_int_equal(stat_of(f, "root/other").st_size, 14); /* a name of its own now */
    assert_int_equal(unlinkat(f->folder.fd, "root/to/a", 0), 0);
    test_dir(&f->folder, "root/to/a");
    assert_non_null(strstr(copy(f), "cannot replace the folder '/to/a' with a file"));
}

static void a_link_in_the_destination_stays_inside(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    test_dir(&f->folder, "root/real");
    assert_int_equal(symlinkat("../../../../real", f->folder.fd, "root/to"), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/real/a").st_size, 4);
    assert_int_equal(unlinkat(f->folder.fd, "root/to", 0), 0);
    assert_int_equal(symlinkat("/not/yet", f->folder.fd, "root/to"), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/not/yet/a").st_size, 4);
    assert_int_equal(unlinkat(f->folder.fd, "root/to", 0), 0);
    assert_int_equal(symlinkat("one", f->folder.fd, "root/to"), 0);
    assert_int_equal(symlinkat("/two", f->folder.fd, "root/one"), 0);
    assert_int_equal(symlinkat("./three/./..", f->folder.fd, "root/two"), 0);
    assert_int_equal(symlinkat("real", f->folder.fd, "root/three"), 0);
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/a").st_size, 4); /* of "/real/.." */
    assert_int_equal(unlinkat(f->folder.fd, "root/to", 0), 0);
    assert_int_equal(symlinkat("to", f->folder.fd, "root/to"), 0);
    assert_non_null(strstr(copy(f), "follow the links"));
}

static void a_name_is_the_destinations_or_its_own(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/d/a", "text");
    f->source.path = "d/a";
    f->job.destination_is_dir = false;
    assert_string_equal(copy(f), "");
    assert_true(S_ISREG(stat_of(f, "root/to").st_mode));
    test_dir(&f->folder, "root/there");
    f->job.destination = "/there";
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/there/a").st_size, 4);
}

static void a_text_is_as_old_as_the_build(void **state) {
    struct fixture *f = *state;
    f->source = (struct copy_source){ .content = S("#!/bin/sh\n"), .name = "run.sh" };
    f->job.chmod = "755";
    assert_string_equal(copy(f), "");
    struct stat st = stat_of(f, "root/to/run.sh");
    assert_int_equal(st.st_mtim.tv_sec, 7777);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_size, 10);
}

static void parents_are_kept_from_the_pivot_on(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "from/x/y/z/a", "text");
    set_mode(f, "from/x/y", 0710);
    f->source = (struct copy_source){ .path = "x/y/z/a", .parents = true, .pivot = 1 };
    assert_string_equal(copy(f), "");
    assert_int_equal(stat_of(f, "root/to/y/z/a").st_size, 4);
    assert_int_equal(stat_of(f, "root/to/y").st_mode & 07777, 0710);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_copied_belongs_to_root),
        TEST(from_a_stage_owners_are_kept),
        TEST(an_owner_that_is_asked_for_is_given),
        TEST(a_mode_is_changed_for_what_is_copied),
        TEST(attributes_come_along_and_the_mode_stays),
        TEST(times_come_along_but_for_what_is_made),
        TEST(names_of_one_file_stay_one_file),
        TEST(a_source_that_changes_meanwhile_is_noticed),
        TEST(a_file_makes_room_and_a_folder_does_not),
        TEST(a_link_in_the_destination_stays_inside),
        TEST(a_name_is_the_destinations_or_its_own),
        TEST(a_text_is_as_old_as_the_build),
        TEST(parents_are_kept_from_the_pivot_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
