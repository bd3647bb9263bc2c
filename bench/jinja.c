// SPDX-License-Identifier: Apache-2.0
/*
 * Renders a template of a folder again and again, driven by bench/front:
 *     jinja-bench FOLDER TEMPLATE CONTEXT.json ROUNDS
 * prints the median processor time of one render in ms; parsing is not part of it. With ROUNDS 0 it
 * prints the text.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "jinja/jinja.h"

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool render(const struct jinja_template *t, struct jinja_value context,
                   struct diag_sink *sink, struct arena *a, bool print) {
    struct jinja_output out;
    arena_reset(a);
    if (!jinja_render(t, context, a, sink, &out)) {
        return false;
    }
    if (print) {
        fwrite(out.text.ptr, 1, out.text.len, stdout);
    }
    return true;
}

static bool time_renders(const struct jinja_template *t, struct jinja_value context,
                         struct diag_sink *sink, struct arena *a, size_t rounds) {
    AUTO_ARENA scratch = arena_new();
    mallopt(M_MMAP_THRESHOLD, 1 << 30); /* what is freed is kept for the next, as Python does */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    double *times = ARENA_ARRAY(a, double, rounds);
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        if (!render(t, context, sink, scratch, false)) {
            return false;
        }
        times[i] = now_ms() - start;
    }
    qsort(times, rounds, sizeof *times, compare);
    printf("%.4f\n", times[rounds / 2]);
    return true;
}

int main(int argc, char **argv) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    uint64_t rounds;
    str text;
    str json;
    struct jinja_value context;
    if (argc != 5 || !str_to_u64(str_from_c(argv[4]), &rounds)) {
        fprintf(stderr, "usage: jinja-bench FOLDER TEMPLATE CONTEXT.json ROUNDS\n");
        return 2;
    }
    struct jinja_folder folder = { open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), { 0 } };
    if (folder.fd < 0 || !fs_load(a, folder.fd, argv[2], JINJA_TEMPLATE_BYTES_MAX, &text, &err) ||
        !fs_load(a, AT_FDCWD, argv[3], (size_t)64 << 20, &json, &err) ||
        !jinja_value_from_json(a, json, argv[3], &context, &err)) {
        fprintf(stderr, "jinja-bench: the files cannot be read\n");
        return 1;
    }
    struct sources sources;
    struct diag_sink sink;
    struct jinja_loader loader = jinja_folder_loader(&folder);
    struct jinja_env *env = jinja_env_new(a, &jinja_options_default);
    jinja_env_set_loader(env, &loader);
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    const struct jinja_template *t =
        jinja_parse(env, &sources, sources_add(&sources, S("bench"), text), &sink);
    if (t == NULL || !(rounds == 0 ? render(t, context, &sink, arena_new(), true)
                                   : time_renders(t, context, &sink, a, rounds))) {
        fprintf(stderr, "jinja-bench: %s\n", str_to_c(a, sink.items[0].message));
        return 1;
    }
    return 0;
}
