// SPDX-License-Identifier: Apache-2.0
/*
 * TOML in one process, driven by bench/front:
 *     toml-bench FILE ROUNDS     parses FILE so often from memory; the best time in ms, and how
 * many bytes of memory the tree needs for each byte of text toml-bench FILE -N         parses N
 * documents of that text, each in an arena of its own; prints by how many kB the process has grown
 * between 1/10 and the end
 */
#include <stdio.h>
#include <time.h>

#include "toml/toml.h"

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of the whole process, in kB. */
static long resident_kb(void) {
    long pages = 0;
    long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL || fscanf(f, "%ld %ld", &pages, &resident) != 2) {
        resident = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool parse(str text, size_t *ret_bytes) {
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    const struct toml *doc = toml_parse(a, &sink, sources_add(&sources, S("bench"), text));
    *ret_bytes = arena_used(a);
    return doc->ok;
}

static bool time_rounds(str text, int64_t rounds) {
    double best = 1e300;
    size_t bytes = 0;
    for (int64_t i = 0; i < rounds; i++) {
        double start = now_ms();
        if (!parse(text, &bytes)) {
            return false;
        }
        double took = now_ms() - start;
        best = took < best ? took : best;
    }
    printf("%.3f %.2f\n", best, (double)bytes / (double)text.len);
    return true;
}

static bool count_growth(str text, int64_t documents) {
    long early = 0;
    size_t bytes;
    for (int64_t i = 0; i < documents; i++) {
        if (!parse(text, &bytes)) {
            return false;
        }
        early = i == documents / 10 ? resident_kb() : early;
    }
    printf("%ld\n", resident_kb() - early);
    return true;
}

int main(int argc, char **argv) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    int64_t rounds = 0;
    str text;
    if (argc != 3 || !str_to_i64(str_from_c(argv[2]), &rounds) || rounds == 0) {
        fprintf(stderr, "usage: toml-bench FILE ROUNDS|-DOCUMENTS\n");
        return 2;
    }
    if (!fs_load(a, AT_FDCWD, argv[1], TOML_BYTES_MAX, &text, &err) ||
        !(rounds > 0 ? time_rounds(text, rounds) : count_growth(text, -rounds))) {
        fprintf(stderr, "toml-bench: '%s' cannot be parsed\n", argv[1]);
        return 1;
    }
    return 0;
}
