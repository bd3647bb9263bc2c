// SPDX-License-Identifier: Apache-2.0
/*
 * What a build prints, as events. BuildKit's plain progress: "#4 [stage-0 2/7] RUN ..." begins a
 * step, "#4 0.52 text" is a line of its output, "#4 DONE 1.2s", "#4 CACHED" and "#4 ERROR: ..." end
 * it; several run at once. The classic builder: "Step 2/7 : RUN ...", one after the other.
 *
 * Only one step at a time is shown running; what others print is kept until it is their turn.
 */
#include <string.h>

#include "base/clock.h"
#include "docker/internal.h"

enum {
    VERTICES_MAX = 20000,
    LINE_BYTES_MAX = 64 * 1024,
    TAIL_BYTES_MAX = 16 * 1024,
    SILENT_MS = 1000,    /* a step that runs so long is shown, be it that it prints nothing */
    OUT_OF_MEMORY = 137, /* 128 + SIGKILL: what the kernel ends with when memory runs out */
};

struct vertex {
    struct build_step shown;
    const struct dockerfile_instruction *instruction; /* NULL: no step of the file */
    struct buf tail;                                  /* what it printed last */
    uint64_t begin_ms;
    bool ended;
    bool failed;
    bool silent; /* shown, and has not printed a line */
    str error;
};

struct watched {
    struct arena *arena;
    const struct build_request *request;
    const struct dockerfile *file;
    struct build_result *result;
    struct vertex **vertices; /* by BuildKit's number, or the classic builder's */
    size_t vertex_count;
    size_t vertex_cap;
    struct vertex *active;
    struct vertex *failed;
    struct vertex *classic; /* the step whose output comes now */
    bool classic_cached;
    struct buf line;
    struct buf tail;
};

struct watched *watched_new(struct arena *a, const struct build_request *request,
                            const struct dockerfile *file, struct build_result *result) {
    struct watched *w = ARENA_NEW(a, struct watched);
    *w = (struct watched){
        .arena = a,
        .request = request,
        .file = file,
        .result = result,
        .line = BUF_INIT(LINE_BYTES_MAX),
        .tail = BUF_INIT(TAIL_BYTES_MAX),
    };
    return w;
}

void watched_free(struct watched *w) {
    for (size_t i = 0; i < w->vertex_count; i++) {
        if (w->vertices[i] != NULL) {
            buf_done(&w->vertices[i]->tail);
        }
    }
    buf_done(&w->line);
    buf_done(&w->tail);
}

/* When the buffer is full, its older half goes. */
static void tail_add(struct buf *tail, str line) {
    line = str_clip(line, TAIL_BYTES_MAX / 2 - 1);
    if (tail->len + line.len + 1 > TAIL_BYTES_MAX) {
        size_t keep = tail->len / 2;
        memmove(tail->ptr, tail->ptr + tail->len - keep, keep);
        tail->len = keep;
    }
    buf_add(tail, line);
    buf_add_char(tail, '\n');
}

/* ---- which instruction it is ---- */

/* What BuildKit counts after FROM: what changes files. */
static bool is_step(const struct dockerfile_instruction *i) {
    return i->kind == DOCKERFILE_RUN || i->kind == DOCKERFILE_COPY || i->kind == DOCKERFILE_ADD ||
           i->kind == DOCKERFILE_WORKDIR;
}

static const struct dockerfile_stage *find_stage(const struct watched *w, str name) {
    uint64_t number;
    size_t index = dockerfile_find_stage(w->file, name);
    if (index == DOCKERFILE_NO_STAGE && str_starts(name, S("stage-")) &&
        str_to_u64(str_slice(name, S("stage-").len, name.len), &number) &&
        number < w->file->stage_count) {
        index = (size_t)number;
    }
    if (index == DOCKERFILE_NO_STAGE && str_eq(name, S(REWRITE_LAST_STAGE))) {
        index = w->file->stage_count - 1;
    }
    if (index == DOCKERFILE_NO_STAGE && w->file->stage_count == 1) {
        index = 0; /* BuildKit gives no name to the only stage */
    }
    return index == DOCKERFILE_NO_STAGE ? NULL : &w->file->stages[index];
}

static void set_instruction(struct vertex *v, const struct dockerfile_stage *s, size_t number) {
    size_t count = 0;
    for (size_t i = 0; i < s->instruction_count; i++) {
        if (is_step(s->instructions[i]) && ++count == number) {
            v->instruction = s->instructions[i];
        }
    }
    if (v->instruction != NULL) {
        const struct dockerfile_from *from = &s->from->from;
        v->shown.stage = from->name.text.ptr != NULL ? from->name.text : S("");
        v->shown.number = number;
        v->shown.count = count;
        v->shown.text = v->instruction->text;
        v->shown.span = v->instruction->span;
    }
}

/* "[linux/arm64 stage-1 3/7] RUN ...", "[3/7] RUN ..." */
static void name_vertex(struct watched *w, struct vertex *v, str text) {
    size_t end = str_find_char(text, ']', 0);
    if (end == STR_NONE) {
        return;
    }
    str inside = str_slice(text, 1, end);
    size_t space = str_find_last_char(inside, ' ');
    space = space == STR_NONE ? 0 : space;
    str counts = str_trim(str_slice(inside, space, inside.len));
    str name = str_trim(str_slice(inside, 0, space));
    size_t before = str_find_last_char(name, ' ');
    name = before == STR_NONE ? name : str_slice(name, before + 1, name.len);
    uint64_t number;
    const struct dockerfile_stage *s = find_stage(w, name);
    if (s != NULL && str_to_u64(str_cut(&counts, '/'), &number) && number > 1) {
        set_instruction(v, s, (size_t)number - 1); /* FROM is BuildKit's first */
    }
}

/* ---- events ---- */

static void show_begin(struct watched *w, struct vertex *v) {
    const struct build_events *events = w->request->events;
    w->active = v;
    v->silent = v->tail.len == 0;
    events->begin(w->request->self, &v->shown);
    if (v->tail.len > 0) {
        events->output(w->request->self, &v->shown, buf_str(&v->tail));
    }
}

static void record(struct watched *w, const struct vertex *v, enum build_step_end how,
                   uint64_t duration_ms) {
    struct build_record r = {
        .stage = v->shown.stage,
        .text = v->shown.text,
        .cached = how == BUILD_STEP_CACHED,
        .duration_ms = duration_ms,
    };
    ARENA_PUSH(w->arena, w->result->records, w->result->record_count, w->result->record_cap, r);
}

static void end_vertex(struct watched *w, struct vertex *v, enum build_step_end how) {
    if (v->ended || v->instruction == NULL) {
        return;
    }
    v->ended = true;
    uint64_t duration_ms = how == BUILD_STEP_CACHED ? 0 : time_now_ms() - v->begin_ms;
    if (w->active != v) {
        struct vertex *before = w->active;
        show_begin(w, v);
        w->active = before;
    } else {
        w->active = NULL;
    }
    w->request->events->end(w->request->self, &v->shown, how, duration_ms);
    record(w, v, how, duration_ms);
    for (size_t i = 0; i < w->vertex_count && w->active == NULL; i++) {
        struct vertex *next = w->vertices[i];
        if (next != NULL && next->instruction != NULL && !next->ended && next->tail.len > 0) {
            show_begin(w, next);
        }
    }
}

static void print_line(struct watched *w, struct vertex *v, str line) {
    tail_add(&v->tail, line);
    if (v->instruction == NULL || v->ended) {
        return;
    }
    if (w->active == NULL || (w->active != v && w->active->silent)) {
        show_begin(w, v);
    } else if (w->active == v) {
        v->silent = false;
        AUTO_ARENA scratch = arena_new();
        w->request->events->output(w->request->self, &v->shown,
                                   str_fmt(scratch, "%.*s\n", STR_FMT(line)));
    }
}

/* ---- BuildKit ---- */

static struct vertex *get_vertex(struct watched *w, uint64_t number) {
    while (w->vertex_count <= number) {
        ARENA_PUSH(w->arena, w->vertices, w->vertex_count, w->vertex_cap, (struct vertex *)NULL);
    }
    if (w->vertices[number] == NULL) {
        struct vertex *v = ARENA_NEW(w->arena, struct vertex);
        *v = (struct vertex){ .tail = BUF_INIT(TAIL_BYTES_MAX), .begin_ms = time_now_ms() };
        w->vertices[number] = v;
    }
    return w->vertices[number];
}

/* "0.197 text" is output. */
static bool cut_time(str *line) {
    size_t at = 0;
    while (at < line->len && (char_is_digit(line->ptr[at]) || line->ptr[at] == '.')) {
        at++;
    }
    if (at == 0 || (at < line->len && line->ptr[at] != ' ')) {
        return false;
    }
    *line = str_slice(*line, at < line->len ? at + 1 : at, line->len);
    return true;
}

static void vertex_line(struct watched *w, struct vertex *v, str text) {
    if (str_starts(text, S("ERROR: "))) {
        v->error = str_dup(w->arena, str_slice(text, S("ERROR: ").len, text.len));
        v->failed = true;
        w->failed = w->failed == NULL || w->failed->instruction == NULL ? v : w->failed;
        end_vertex(w, v, BUILD_STEP_FAILED);
    } else if (str_starts(text, S("DONE "))) {
        end_vertex(w, v, BUILD_STEP_DONE);
    } else if (str_eq(text, S("CACHED"))) {
        end_vertex(w, v, BUILD_STEP_CACHED);
    } else if (str_starts(text, S("["))) {
        if (v->instruction == NULL) {
            name_vertex(w, v, text);
        }
        if (v->instruction != NULL && w->active == NULL && !v->ended) {
            v->begin_ms = time_now_ms();
        }
    } else if (cut_time(&text)) {
        print_line(w, v, text);
    }
}

/* ---- the classic builder ---- */

static void end_classic(struct watched *w, enum build_step_end how) {
    if (w->classic != NULL) {
        end_vertex(w, w->classic, how);
        w->classic = NULL;
    }
}

/* The instruction by its number in the whole file, ARGs before the first FROM included. */
static const struct dockerfile_stage *find_numbered(const struct watched *w, uint64_t number,
                                                    size_t *ret_step) {
    uint64_t at = w->file->global_arg_count;
    for (size_t s = 0; s < w->file->stage_count; s++) {
        const struct dockerfile_stage *stage = &w->file->stages[s];
        size_t steps = 0;
        at++; /* FROM */
        for (size_t i = 0; i < stage->instruction_count; i++) {
            steps += is_step(stage->instructions[i]);
            if (++at == number) {
                *ret_step = steps;
                return is_step(stage->instructions[i]) ? stage : NULL;
            }
        }
    }
    return NULL;
}

/* "Step 2/7 : RUN ..." True: it was one of the builder's own lines. */
static bool classic_line(struct watched *w, str line) {
    uint64_t number;
    size_t step = 0;
    str rest = line;
    if (str_starts(line, S("Step "))) {
        str counts = str_slice(rest, S("Step ").len, rest.len);
        if (!str_to_u64(str_cut(&counts, '/'), &number) || number > VERTICES_MAX) {
            return false;
        }
        end_classic(w, w->classic_cached ? BUILD_STEP_CACHED : BUILD_STEP_DONE);
        w->classic_cached = false;
        const struct dockerfile_stage *s = find_numbered(w, number, &step);
        if (s != NULL) {
            w->classic = get_vertex(w, number);
            set_instruction(w->classic, s, step);
        }
        return true;
    }
    if (str_eq(line, S(" ---> Using cache"))) {
        w->classic_cached = true;
        return true;
    }
    if (str_starts(line, S("Successfully built "))) {
        end_classic(w, w->classic_cached ? BUILD_STEP_CACHED : BUILD_STEP_DONE);
        return true;
    }
    return str_starts(line, S(" ---> ")) || str_starts(line, S("Removing intermediate container "));
}

/* ---- lines ---- */

static void take_line(struct watched *w, str line) {
    uint64_t number;
    str rest = line;
    tail_add(&w->tail, line);
    if (str_starts(line, S("#"))) {
        str head = str_cut(&rest, ' ');
        if (str_to_u64(str_slice(head, 1, head.len), &number) && number <= VERTICES_MAX) {
            vertex_line(w, get_vertex(w, number), rest);
            return;
        }
    }
    if (!classic_line(w, line) && w->classic != NULL) {
        print_line(w, w->classic, line);
    }
}

void watched_output(void *self, int stream, str piece) {
    struct watched *w = self;
    (void)stream;
    while (piece.len > 0) {
        size_t end = str_find_char(piece, '\n', 0);
        str part = str_slice(piece, 0, end == STR_NONE ? piece.len : end);
        buf_add(&w->line, str_clip(part, w->line.max - w->line.len - 1));
        if (end == STR_NONE) {
            return;
        }
        take_line(w, str_trim_right(buf_str(&w->line)));
        buf_reset(&w->line);
        piece = str_slice(piece, end + 1, piece.len);
    }
}

/* The one that has run longest of those that print nothing. */
static struct vertex *find_silent(const struct watched *w) {
    struct vertex *found = NULL;
    for (size_t i = 0; i < w->vertex_count; i++) {
        struct vertex *v = w->vertices[i];
        if (v != NULL && v->instruction != NULL && !v->ended &&
            time_now_ms() - v->begin_ms >= SILENT_MS &&
            (found == NULL || v->begin_ms < found->begin_ms)) {
            found = v;
        }
    }
    return found;
}

void watched_tick(void *self) {
    struct watched *w = self;
    struct vertex *silent = w->active == NULL ? find_silent(w) : NULL;
    if (silent != NULL) {
        show_begin(w, silent);
    }
    if (w->active != NULL) {
        w->request->events->tick(w->request->self, &w->active->shown);
    }
}

/* ---- the end ---- */

/* The last number after "exit code: " or "returned a non-zero code: "; 0: none. */
static int find_exit_code(str text) {
    static const str signs[] = { S_INIT("exit code: "), S_INIT("non-zero code: ") };
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        size_t at = str_find(text, signs[i], 0);
        if (at == STR_NONE) {
            continue;
        }
        size_t start = at + signs[i].len;
        size_t end = start;
        while (end < text.len && char_is_digit(text.ptr[end])) {
            end++;
        }
        uint64_t code;
        if (str_to_u64(str_slice(text, start, end), &code) && code < 256) {
            return (int)code;
        }
    }
    return 0;
}

static void report_memory(const struct docker_engine *engine, struct diag_sink *sink,
                          struct span span) {
    struct diag *d = diag_report(
        sink, "E404", span,
        "the step exited with status 137: it was killed, most likely because memory ran out; the "
        "engine has %llu MB, %d MB are recommended",
        (unsigned long long)(engine->memory_bytes / (1024 * 1024)), DOCKER_RECOMMENDED_MEMORY_MB);
    diag_help(sink, d, "%s", docker_memory_help(engine));
}

/* Credentials of this machine that the step has missed. */
static void add_hint(struct watched *w, struct diag_sink *sink, struct diag *d, unsigned withheld,
                     str output) {
    str hint = build_credentials_hint(w->arena, withheld, output);
    if (hint.len > 0) {
        diag_help(sink, d, "%.*s", STR_FMT(hint));
    }
}

bool watched_report(struct watched *w, const struct docker_engine *engine, unsigned withheld,
                    struct diag_sink *sink) {
    struct vertex *v = w->failed;
    if (v == NULL && w->classic != NULL) {
        v = w->classic;
        v->error = str_dup(w->arena, buf_str(&w->tail));
        end_vertex(w, v, BUILD_STEP_FAILED);
    }
    if (v == NULL || v->instruction == NULL) {
        return false;
    }
    int code = find_exit_code(v->error);
    struct span span = v->instruction->span;
    w->result->failed_exit_code = code;
    w->result->failed_output = str_dup(w->arena, buf_str(&v->tail));
    if (code == OUT_OF_MEMORY) {
        report_memory(engine, sink, span);
    } else if (code != 0) {
        struct build_cause cause =
            build_cause_find(w->arena, buf_str(&v->tail), v->instruction->text, code);
        struct diag *d = diag_report(sink, "E404", span, "the step exited with status %d%s%.*s",
                                     code, cause.what.len > 0 ? ": " : "", STR_FMT(cause.what));
        if (str_find(buf_str(&v->tail), S("exec format error"), 0) != STR_NONE ||
            str_find(v->error, S("exec format error"), 0) != STR_NONE) {
            diag_help(sink, d, "%s", docker_platform_help);
        } else if (cause.help.len > 0) {
            diag_help(sink, d, "%.*s", STR_FMT(cause.help));
        }
        add_hint(w, sink, d, withheld, buf_str(&v->tail));
    } else {
        struct err err = ERR_INIT;
        (void)!call_explain(v->error, 1, &err);
        struct diag *d = diag_report(sink, "E404", span, "%s", err.frames[0]);
        if (err.help[0] != '\0') {
            diag_help(sink, d, "%s", err.help);
        }
    }
    return true;
}

str watched_tail(const struct watched *w) {
    return buf_str(&w->tail);
}
