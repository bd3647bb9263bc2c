// SPDX-License-Identifier: Apache-2.0
/*
 * The published BLAKE3 test vectors: blake3-vectors FILE, with tests/spec/blake3_vectors.txt. Each
 * case is an input length and the extended outputs of the three modes; each is hashed by every code
 * that this CPU runs, whole and in pieces of odd lengths.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/internal.h" /* to choose the code */

enum { OUTPUT_MAX = 512, INPUT_MAX = 1 << 24, MODES = 3, FILE_MAX = 1 << 20, CASES_MAX = 100 };

static const char *const modes[MODES] = { "hash", "keyed_hash", "derive_key" };

struct vector {
    size_t input_len;
    str outputs[MODES]; /* hex */
};

struct vectors {
    str key;
    str context;
    struct vector cases[CASES_MAX];
    size_t count;
};

/* Lengths of the pieces, taken in turn; a row ends with 0. The first is the whole input. */
static const size_t cuts[][8] = {
    { INPUT_MAX },           { 1, 3, 61 },           { 63, 64, 65, 1 },  { 1023, 1025 },
    { 1024, 2049, 5, 4096 }, { 7, 16385, 1023, 31 }, { 8192, 1, 40961 },
};

static bool matches(const struct blake3 *state, str hex) {
    size_t len = hex.len / 2;
    uint8_t want[OUTPUT_MAX];
    uint8_t got[OUTPUT_MAX];
    if (len < BLAKE3_OUT_BYTES || len > OUTPUT_MAX || !hash_unhex(hex, want, len)) {
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
static size_t run_input(const struct vector *v, const struct blake3 fresh[MODES],
                        const uint8_t *input) {
    size_t len = v->input_len;
    size_t failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(cuts) * MODES; i++) {
        size_t cut = i / MODES;
        size_t mode = i % MODES;
        struct blake3 b = fresh[mode];
        update_in_pieces(&b, input, len, cuts[cut]);
        if (!matches(&b, v->outputs[mode])) {
            fprintf(stderr, "%s: %s of %zu bytes, cut %zu, differs\n", blake3_code_name(),
                    modes[mode], len, cut);
            failed++;
        }
    }
    return failed;
}

static size_t run_case(const struct vectors *all, const struct vector *v) {
    uint8_t *input = malloc(v->input_len + 1);
    if (input == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", v->input_len);
        return 1;
    }
    for (size_t i = 0; i < v->input_len; i++) {
        input[i] = (uint8_t)(i % 251);
    }
    struct blake3 fresh[MODES];
    blake3_init(&fresh[0]);
    blake3_init_keyed(&fresh[1], (const uint8_t *)all->key.ptr);
    blake3_init_derive_key(&fresh[2], all->context);
    size_t failed = run_input(v, fresh, input);
    free(input);
    return failed;
}

/* With every code from the widest to the plain one. */
static size_t run_all(const struct vectors *all) {
    size_t failed = all->count == 0;
    for (size_t width = WIDTH_MAX; width > 0; width = blake3_codes()->width / 2) {
        blake3_limit_width(width);
        for (size_t i = 0; i < all->count; i++) {
            failed += run_case(all, &all->cases[i]);
        }
        printf("%s: %zu cases\n", blake3_code_name(), all->count);
    }
    printf("%zu failures\n", failed);
    return failed;
}

/* A length, then an indented line for each mode. False: the file is not one of vectors. */
static bool read_case(str line, str *text, struct vectors *ret) {
    if (ret->count == CASES_MAX) {
        return false;
    }
    struct vector *v = &ret->cases[ret->count++];
    int64_t len;
    if (!str_to_i64(line, &len) || len < 0 || len > INPUT_MAX) {
        return false;
    }
    v->input_len = (size_t)len;
    for (size_t mode = 0; mode < MODES; mode++) {
        v->outputs[mode] = str_trim(str_cut(text, '\n'));
    }
    return true;
}

static bool read_vectors(str text, struct vectors *ret) {
    while (text.len > 0) {
        str line = str_cut(&text, '\n');
        if (str_starts(line, S("#"))) {
            continue;
        }
        if (str_starts(line, S("key "))) {
            ret->key = str_slice(line, 4, line.len);
        } else if (str_starts(line, S("context "))) {
            ret->context = str_slice(line, 8, line.len);
        } else if (!read_case(line, &text, ret)) {
            return false;
        }
    }
    return ret->key.len == BLAKE3_KEY_BYTES && ret->context.len > 0;
}

int main(int argc, char **argv) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str text;
    if (argc != 2 || !fs_load(a, AT_FDCWD, argv[1], FILE_MAX, &text, &err)) {
        fprintf(stderr, "usage: blake3-vectors FILE\n");
        return 1;
    }
    struct vectors vectors = { 0 };
    if (!read_vectors(text, &vectors)) {
        fprintf(stderr, "%s is not a file of vectors\n", argv[1]);
        return 1;
    }
    return run_all(&vectors) > 0;
}
