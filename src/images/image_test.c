// SPDX-License-Identifier: Apache-2.0
/* Images in the store: records of them, and what they are made from. */
#include "base/testing.h"
#include "images/internal.h"

struct fixture {
    struct test_folder folder;
    struct store *store;
    struct arena *arena;
    struct err err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->arena = arena_new();
    assert_true(store_open(f->folder.path, &f->store, &f->err));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    store_close(f->store);
    arena_free(f->arena);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static struct store_key make_key(char digit) {
    struct store_key key;
    memset(key.hex, digit, STORE_KEY_HEX);
    key.hex[STORE_KEY_HEX] = '\0';
    return key;
}

static void make_layer(struct fixture *f, const struct store_key *key) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    assert_true(store_work_begin(f->store, &work, &f->err));
    assert_true(fs_mkdir_p(work.fd, "step/fs", 0755, &f->err));
    assert_true(fs_store(work.fd, "step/fs/file", S("x"), 0644, &f->err));
    assert_true(store_layer_commit(&work, "step", key, false, S("{}"), &f->err));
}

static struct stored_image make_image(struct fixture *f, const char *name) {
    struct stored_image image = { .origin = S("imported"), .created_s = 1234 };
    assert_true(oci_reference_parse(f->arena, str_from_c(name), &image.ref, &f->err));
    assert_true(oci_platform_parse(f->arena, S("linux/amd64"), &image.config.platform, &f->err));
    image.key = make_key('c');
    image.layers = ARENA_ARRAY(f->arena, struct store_key, 2);
    image.layers[0] = make_key('a');
    image.layers[1] = make_key('b');
    image.layer_count = 2;
    oci_pairs_set(f->arena, &image.config.env, S("PATH"), S("/bin"));
    return image;
}

static enum images_lookup find(struct fixture *f, const char *name, const char *platform,
                               struct stored_image *ret) {
    struct oci_reference ref;
    struct oci_platform p;
    assert_true(oci_reference_parse(f->arena, str_from_c(name), &ref, &f->err));
    assert_true(oci_platform_parse(f->arena, str_from_c(platform), &p, &f->err));
    return images_find(f->store, f->arena, &ref, &p, ret, &f->err);
}

static void a_saved_image_is_found_again(void **state) {
    struct fixture *f = *state;
    struct stored_image image = make_image(f, "base:1");
    struct stored_image found;
    make_layer(f, &image.layers[0]);
    make_layer(f, &image.layers[1]);
    assert_true(images_save(f->store, &image, &f->err));
    assert_int_equal(find(f, "docker.io/library/base:1", "linux/amd64", &found), IMAGES_FOUND);
    assert_string_equal(found.key.hex, image.key.hex);
    assert_int_equal(found.layer_count, 2);
    assert_string_equal(found.layers[1].hex, image.layers[1].hex);
    assert_int_equal(found.created_s, 1234);
    assert_string_equal(str_to_c(f->arena, found.origin), "imported");
    assert_string_equal(str_to_c(f->arena, *oci_pairs_find(&found.config.env, S("PATH"))), "/bin");
    assert_int_equal(find(f, "base:1", "linux/arm64", &found), IMAGES_NOT_FOUND);
    assert_int_equal(find(f, "base:2", "linux/amd64", &found), IMAGES_NOT_FOUND);
    assert_int_equal(find(f, "other/base:1", "linux/amd64", &found), IMAGES_NOT_FOUND);
}

static void an_image_without_a_layer_is_not_there(void **state) {
    struct fixture *f = *state;
    struct stored_image image = make_image(f, "base");
    struct stored_image found;
    make_layer(f, &image.layers[0]);
    assert_true(images_save(f->store, &image, &f->err));
    assert_int_equal(find(f, "base", "linux/amd64", &found), IMAGES_NOT_FOUND);
    make_layer(f, &image.layers[1]);
    assert_int_equal(find(f, "base", "linux/amd64", &found), IMAGES_FOUND);
    size_t count;
    const char **paths = images_paths(f->store, f->arena, &found, &count);
    assert_int_equal(count, 2);
    assert_non_null(strstr(paths[0], image.layers[0].hex)); /* the lowest first */
}

static void images_are_listed_and_removed(void **state) {
    struct fixture *f = *state;
    struct stored_image one = make_image(f, "one");
    struct stored_image two = make_image(f, "two");
    struct stored_image *list;
    size_t count;
    bool removed;
    assert_true(images_save(f->store, &one, &f->err));
    assert_true(images_save(f->store, &two, &f->err));
    assert_true(images_list(f->store, f->arena, &list, &count, &f->err));
    assert_int_equal(count, 2);
    assert_true(images_remove(f->store, &one.ref, &one.config.platform, &removed, &f->err));
    assert_true(removed);
    assert_true(images_remove(f->store, &one.ref, &one.config.platform, &removed, &f->err));
    assert_false(removed);
    assert_true(images_list(f->store, f->arena, &list, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(str_to_c(f->arena, oci_reference_familiar(f->arena, &list[0].ref)),
                        "two:latest");
}

static void a_damaged_record_is_an_error(void **state) {
    static const char *const records[] = {
        "{}",
        "{\"key\":\"short\",\"layers\":[],\"name\":\"x\",\"config\":\"{}\"}",
        "{\"key\":\"cccccccccccccccccccccccccccccccc\",\"layers\":[1],\"name\":\"x\"}",
    };
    struct fixture *f = *state;
    struct stored_image found;
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        f->err = (struct err)ERR_INIT;
        assert_true(store_record_save(f->store, "images",
                                      S("docker.io/library/x:latest linux/amd64"),
                                      str_from_c(records[i]), &f->err));
        assert_int_equal(find(f, "x", "linux/amd64", &found), IMAGES_FAILED);
    }
}

static void what_stands_on_a_lost_blob_is_written_anew(void **state) {
    struct fixture *f = *state;
    struct stored_image image = make_image(f, "x");
    struct oci_descriptor layer = { .digest = S("sha256:00"), .size_bytes = 1 };
    str made_by = S("RUN x");
    struct images_origin from = { .base = { .config = S("{}"), .layers = &layer, .layer_count = 1 },
                                  .count = 1,
                                  .made_by = &made_by };
    struct images_outgoing out;
    make_layer(f, &image.layers[0]);
    make_layer(f, &image.layers[1]);
    images_outgoing_find(f->store, f->arena, image.layers, 2, &from, &out);
    assert_true(out.rewritten);
    assert_null(out.base);
    assert_int_equal(out.layer_count, 2);
    from.base.config = S("");
    images_outgoing_find(f->store, f->arena, image.layers, 2, &from, &out);
    assert_false(out.rewritten);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_saved_image_is_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_image_without_a_layer_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(images_are_listed_and_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_on_a_lost_blob_is_written_anew, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
