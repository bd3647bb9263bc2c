// SPDX-License-Identifier: Apache-2.0
/* Inputs that differ have keys that differ, however their parts are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

/* What a key may be made of. Some texts look like other parts. */
enum { LIST, LIST_END, NUMBER_0, NUMBER_1, BELOW, EMPTY, ONE, TWO, BRACKET, EIGHT, PART_COUNT };

static void add(struct store_key_hash *k, int part) {
    static const struct store_key below = { "1" };
    switch (part) {
    case LIST:
        store_key_list(k);
        break;
    case LIST_END:
        store_key_list_end(k);
        break;
    case NUMBER_0:
        store_key_add_u64(k, 0);
        break;
    case NUMBER_1:
        store_key_add_u64(k, 1);
        break;
    case BELOW:
        store_key_add_below(k, &below);
        break;
    case EMPTY:
        store_key_add(k, S(""));
        break;
    case ONE:
        store_key_add(k, S("1"));
        break;
    case TWO:
        store_key_add(k, S("11"));
        break;
    case BRACKET:
        store_key_add(k, S("]"));
        break;
    case EIGHT:
        store_key_add(k, (str){ "\1\0\0\0\0\0\0\0", 8 });
        break;
    default:
        fail();
    }
}

static int compare(const void *a, const void *b) {
    return strcmp(((const struct store_key *)a)->hex, ((const struct store_key *)b)->hex);
}

/* Every sequence of up to four parts, and each has a key of its own. */
static void no_two_sequences_share_a_key(void **state) {
    (void)state;
    enum { LENGTH_MAX = 4 };
    size_t count = 0;
    size_t power = 1;
    for (int i = 0; i <= LENGTH_MAX; i++) {
        count += power;
        power *= PART_COUNT;
    }
    struct store_key *keys = calloc(count, sizeof *keys);
    size_t made = 0;
    power = 1;
    for (int length = 0; length <= LENGTH_MAX; length++) {
        for (size_t n = 0; n < power; n++) {
            struct store_key_hash k;
            size_t rest = n;
            store_key_begin(&k, "test");
            for (int i = 0; i < length; i++) {
                add(&k, (int)(rest % PART_COUNT));
                rest /= PART_COUNT;
            }
            keys[made++] = store_key_end(&k);
        }
        power *= PART_COUNT;
    }
    assert_int_equal(made, count);
    qsort(keys, count, sizeof *keys, compare);
    for (size_t i = 1; i < count; i++) {
        assert_string_not_equal(keys[i - 1].hex, keys[i].hex);
    }
    free(keys);
}

static void a_key_is_named_by_what_it_is_for(void **state) {
    (void)state;
    struct store_key_hash a;
    struct store_key_hash b;
    store_key_begin(&a, "RUN");
    store_key_begin(&b, "COPY");
    struct store_key one = store_key_end(&a);
    struct store_key other = store_key_end(&b);
    assert_string_not_equal(one.hex, other.hex);
    assert_int_equal(strlen(one.hex), STORE_KEY_HEX);
}

/* The same step on another image. */
static void the_own_key_leaves_out_what_is_below(void **state) {
    (void)state;
    static const struct store_key below[] = { { "1" }, { "2" } };
    struct store_key whole[2];
    struct store_key own[2];
    for (size_t i = 0; i < 2; i++) {
        struct store_key_hash k;
        store_key_begin(&k, "RUN");
        store_key_add_below(&k, &below[i]);
        store_key_add(&k, S("make"));
        whole[i] = store_key_end(&k);
        own[i] = store_key_end_own(&k);
    }
    assert_string_not_equal(whole[0].hex, whole[1].hex);
    assert_string_equal(own[0].hex, own[1].hex);
}

static void a_written_key_is_read(void **state) {
    (void)state;
    struct store_key key;
    assert_true(store_key_parse(S("0123456789abcdef0123456789abcdef01234567"), &key));
    assert_string_equal(key.hex, "0123456789abcdef0123456789abcdef01234567");
    assert_false(store_key_parse(S("0123456789abcdef0123456789abcdef0123456"), &key));
    assert_false(store_key_parse(S("0123456789abcdef0123456789abcdef012345678"), &key));
    assert_false(store_key_parse(S("../3456789abcdef0123456789abcdef012345678"), &key));
    assert_false(store_key_parse(S("0123456789abcdef0123456789abcdef0123456/"), &key));
    assert_false(store_key_parse((str){ 0 }, &key));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_sequences_share_a_key),
        cmocka_unit_test(a_key_is_named_by_what_it_is_for),
        cmocka_unit_test(the_own_key_leaves_out_what_is_below),
        cmocka_unit_test(a_written_key_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
