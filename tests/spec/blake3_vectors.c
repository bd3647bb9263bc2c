// SPDX-License-Identifier: Apache-2.0
/*
 * The published BLAKE3 test vectors: blake3-vectors FOLDER, with the conformance suites in FOLDER
 * or in $CAPSEM_CONFORMANCE. Each case is an input length and the extended outputs of the three
 * modes; each is hashed by every code that this CPU runs, whole and in pieces of odd lengths. Exit
 * 77 (skipped) when the file is not there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/internal.h" /* to choose the code */

enum { OUTPUT_MAX = 512, INPUT_MAX = 1 << 24, MODES = 3 };

static const char *const modes[MODES] = { "hash", "keyed_hash", "derive_key" };

/* Lengths of the pieces, taken in turn; a row ends with 0. The first is the whole input. */
static const size_t cuts[][8] = {
    { INPUT_MAX },           { 1, 3, 61 },           { 63, 64, 65, 1 },  { 1023, 1025 },
    { 1024, 2049, 5, 4096 }, { 7, 16385, 1023, 31 }, { 8192, 1, 40961 },
};

static bool matches(const struct blake3 *state, const json_t *expected) {
    const char *hex = json_string_value(expected);
    size_t len = hex == NULL ? 0 : strlen(hex) / 2;
    uint8_t want[OUTPUT_MAX];
    uint8_t got[OUTPUT_MAX];
    if (len < BLAKE3_OUT_BYTES || len > OUTPUT_MAX || !hash_unhex(str_from_c(hex), want, len)) {
        return false;
    }
    blake3_final_xof(state, 0, got, len);
    uint8_t plain[BLAKE3_OUT_BYTES];
    blake3_final(state, plain);
    return memcmp(want, got, len) == 0 && memcmp(want, plain, sizeof plain) == 0;
}

static void update_in_pieces(struct blake3 *b, const uint8_t *input, size_t len,
                             const size_t *pieces) {
    const size_t *piece = pieces;
    for (size_t at = 0; at < len;) {
        size_t take = min_size(*piece, len - at);
        blake3_update(b, input + at, take);
        at += take;
        piece = piece[1] != 0 ? piece + 1 : pieces;
    }
}

/* Number of outputs that differ; `fresh` are the states of the modes before any input. */
static size_t run_input(const json_t *item, const struct blake3 fresh[MODES], const uint8_t *input,
                        size_t len) {
    size_t failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(cuts) * MODES; i++) {
        size_t cut = i / MODES;
        size_t mode = i % MODES;
        struct blake3 b = fresh[mode];
        update_in_pieces(&b, input, len, cuts[cut]);
        if (!matches(&b, json_object_get(item, modes[mode]))) {
            fprintf(stderr, "%s: %s of %zu bytes, cut %zu, differs\n", blake3_code_name(),
                    modes[mode], len, cut);
            failed++;
        }
    }
    return failed;
}

static size_t run_case(const json_t *root, const json_t *item) {
    json_int_t len = json_integer_value(json_object_get(item, "input_len"));
    const char *key = json_string_value(json_object_get(root, "key"));
    const char *context = json_string_value(json_object_get(root, "context_string"));
    bool ok = len >= 0 && len <= INPUT_MAX && key != NULL && strlen(key) == BLAKE3_KEY_BYTES &&
              context != NULL;
    uint8_t *input = ok ? malloc((size_t)len + 1) : NULL;
    if (input == NULL) {
        fprintf(stderr, "a case that cannot be used\n");
        return 1;
    }
    for (json_int_t i = 0; i < len; i++) {
        input[i] = (uint8_t)(i % 251);
    }
    struct blake3 fresh[MODES];
    blake3_init(&fresh[0]);
    blake3_init_keyed(&fresh[1], (const uint8_t *)key);
    blake3_init_derive_key(&fresh[2], str_from_c(context));
    size_t failed = run_input(item, fresh, input, (size_t)len);
    free(input);
    return failed;
}

/* With every code from the widest to the plain one. */
static size_t run_all(const json_t *root) {
    const json_t *cases = json_object_get(root, "cases");
    size_t count = json_array_size(cases);
    size_t failed = count == 0;
    for (size_t width = WIDTH_MAX; width > 0; width = blake3_codes()->width / 2) {
        blake3_limit_width(width);
        for (size_t i = 0; i < count; i++) {
            failed += run_case(root, json_array_get(cases, i));
        }
        printf("%s: %zu cases\n", blake3_code_name(), count);
    }
    printf("%zu failures\n", failed);
    return failed;
}

int main(int argc, char **argv) {
    const char *moved = getenv("CAPSEM_CONFORMANCE");
    AUTO_ARENA a = arena_new();
    const char *path = path_join(a,
                                 moved != NULL ? moved
                                 : argc == 2   ? argv[1]
                                               : ".",
                                 "blake3/test_vectors.json");
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        printf("skipped: no file '%s'\n", path);
        return 77;
    }
    json_error_t error;
    json_t *root = json_loadf(f, 0, &error);
    fclose(f);
    size_t failed = run_all(root);
    json_decref(root);
    return failed > 0;
}
