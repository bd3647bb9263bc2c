// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/base.h"
#include "store/store.h"

struct fixture {
    char path[64];
    struct store *store;
    struct arena *arena;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    snprintf(f->path, sizeof f->path, "/tmp/claims-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    assert_true(store_open(f->path, &f->store, &err));
    f->arena = arena_new();
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    store_close(f->store);
    arena_free(f->arena);
    assert_true(fs_remove_tree(AT_FDCWD, f->path, &err));
    free(f);
    return 0;
}

/* A process that claims something and is killed. */
static void claim_and_die(struct fixture *f, const char *name, str text) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        struct store_claim c;
        if (store_claim_begin(f->store, name, text, &c, &err)) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static size_t count_orphaned(struct fixture *f, struct store_claim **ret) {
    return store_claims_orphaned(f->store, f->arena, ret);
}

static void what_lives_is_nobody_elses(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_claim mine;
    struct store_claim again;
    struct store_claim *found;
    assert_true(store_claim_begin(f->store, "mine", S("text"), &mine, &err));
    assert_false(store_claim_begin(f->store, "mine", S("other"), &again, &err));
    assert_int_equal(count_orphaned(f, &found), 0);
    store_claim_done(&mine);
    assert_int_equal(count_orphaned(f, &found), 0);
    assert_true(store_claim_begin(f->store, "mine", S("text"), &mine, &err));
    store_claim_done(&mine);
    store_claim_done(&mine);
}

static void what_a_dead_process_left_is_found_once(void **state) {
    struct fixture *f = *state;
    struct store_claim *found;
    struct store_claim *more;
    claim_and_die(f, "a", S("made this"));
    claim_and_die(f, "b", S(""));
    assert_int_equal(count_orphaned(f, &found), 2);
    assert_int_equal(count_orphaned(f, &more), 0); /* they are ours now */
    for (size_t i = 0; i < 2; i++) {
        bool is_a = strcmp(found[i].name, "a") == 0;
        assert_true(str_eq(found[i].text, is_a ? S("made this") : S("")));
        is_a ? store_claim_leave(&found[i]) : store_claim_done(&found[i]);
    }
    assert_int_equal(count_orphaned(f, &found), 1);
    assert_string_equal(found[0].name, "a");
    store_claim_done(&found[0]);
    assert_int_equal(count_orphaned(f, &found), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(what_lives_is_nobody_elses),
        CASE(what_a_dead_process_left_is_found_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
