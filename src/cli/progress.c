// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"
#include "cli/events.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    PARTIAL_BYTES_MAX = 16 * 1024,
    STEP_TEXT_MAX = 400,
    SHOWN_BYTES_MAX = 4 * 1024 * 1024, /* of a step's output in a log */
    LINE_COST = 16,                    /* bytes that a line takes besides its text */
    LINE_BYTES_MAX = 64 * 1024,
    SILENT_MS = 1000, /* a step is announced in a log when it takes longer */
    HEARTBEAT_MS = 30 * 1000,
};

/* A terminal cuts what does not fit instead of going on in the next line, where nothing would
 * erase it: it knows best how wide a character is, and how wide it is itself by now. */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON  "\033[?7h"
#define ERASE    "\r\033[K"

const char *const progress_words[] = { "auto", "tty", "plain", "json", NULL };

static uint64_t heartbeat_ms(void) {
    const char *text = getenv("CAPSEM_HEARTBEAT_MS");
    uint64_t ms;
    return text != NULL && str_to_u64(str_from_c(text), &ms) && ms > 0 ? ms : HEARTBEAT_MS;
}

void progress_init(struct progress *p, const struct cli *cli, const char *word, bool quiet) {
    *p = (struct progress){ .cli = cli,
                            .partial = BUF_INIT(PARTIAL_BYTES_MAX),
                            .heartbeat_ms = heartbeat_ms() };
    if (quiet) {
        p->mode = PROGRESS_QUIET;
    } else if (strcmp(word, "json") == 0) {
        p->mode = PROGRESS_JSON;
    } else if (strcmp(word, "tty") == 0 ||
               (strcmp(word, "auto") == 0 && isatty(STDERR_FILENO) && cli->width > 0)) {
        p->mode = PROGRESS_TTY;
    } else {
        p->mode = PROGRESS_PLAIN;
    }
}

/* ---- the bottom line of a terminal ---- */

static void erase(struct progress *p) {
    if (p->drawn) {
        fputs(ERASE, stderr);
        p->drawn = false;
    }
}

void progress_done(struct progress *p) {
    erase(p);
    buf_done(&p->partial);
}

bool progress_showed_end(const struct progress *p) {
    return (p->mode == PROGRESS_PLAIN || p->mode == PROGRESS_JSON) && !p->clipped;
}

/* Text cut to the columns that are there; control characters would move the cursor. */
static void add_fitting(struct buf *out, str text, size_t columns) {
    size_t used = 0;
    for (size_t at = 0; at < text.len && used < columns;) {
        uint32_t c = ' ';
        size_t len = str_utf8_next(str_slice(text, at, text.len), &c);
        used += char_width(c);
        if (used > columns) {
            return;
        }
        if (len == 0 || char_is_control(c)) {
            buf_add_char(out, ' ');
            at += len == 0 ? 1 : len;
        } else {
            buf_add(out, str_slice(text, at, at + len));
            at += len;
        }
    }
}

static const char *paint(const struct progress *p, const char *sgr) {
    return p->cli->color_err ? sgr : "";
}

/* "[rootfs x86_64: build 2/7]" */
static str where(const struct progress *p, const struct build_step *step, struct arena *a) {
    str label = str_from_c(p->label);
    bool both = label.len > 0 && step->stage.len > 0;
    return str_fmt(a, "[%.*s%s%.*s%s%zu/%zu]", STR_FMT(label), both ? ": " : "",
                   STR_FMT(step->stage), label.len > 0 || step->stage.len > 0 ? " " : "",
                   step->number, step->count);
}

static void draw_step(struct progress *p, const struct build_step *step) {
    AUTO_ARENA scratch = arena_new();
    str place = where(p, step, scratch);
    struct unit_text time = unit_duration_ms(time_now_ms() - p->begin_ms);
    size_t width = p->cli->width > 4 ? p->cli->width - 1 : 79;
    str line = str_fmt(scratch, "%.*s %.*s", STR_FMT(place),
                       STR_FMT(str_slice(step->text, 0, STEP_TEXT_MAX)));
    if (p->last[0] != '\0') {
        size_t half = width / 2;
        line = str_fmt(scratch, "%.*s | %s", STR_FMT(str_clip(line, half)), p->last);
    }
    size_t left = width > 10 ? width - 10 : 0;
    AUTO_BUF out = BUF_INIT(LINE_BYTES_MAX); /* one write: a line is not seen half drawn */
    buf_addf(&out, "%s" WRAP_OFF "%s%8s%s  ", p->drawn ? ERASE : "", paint(p, "\033[36m"),
             time.text, paint(p, "\033[0m"));
    add_fitting(&out, line, left);
    buf_add_c(&out, WRAP_ON);
    print_text(stderr, buf_str(&out));
    p->drawn = true;
}

/* A line that says more about the step above it. */
static void put_why(struct progress *p, const struct build_step *step, bool cached) {
    if (p->why != NULL) {
        AUTO_ARENA scratch = arena_new();
        str reason = plain_line(scratch, p->why(p->why_self, step, cached));
        fprintf(stderr, "%s     why%s  %.*s\n", paint(p, "\033[2m"), paint(p, "\033[0m"),
                STR_FMT(reason));
    }
}

static void finish_step_line(struct progress *p, const struct build_step *step, const char *mark,
                             const char *sgr) {
    AUTO_ARENA scratch = arena_new();
    bool tty = p->mode == PROGRESS_TTY;
    str place = where(p, step, scratch);
    str line = p->announced ? place
                            : str_fmt(scratch, "%.*s %.*s", STR_FMT(place),
                                      STR_FMT(str_slice(step->text, 0, STEP_TEXT_MAX)));
    erase(p);
    size_t width = p->cli->width > 12 ? p->cli->width - 11 : 70;
    AUTO_BUF out = BUF_INIT(LINE_BYTES_MAX);
    buf_addf(&out, "%s%s%8s%s  ", tty ? WRAP_OFF : "", paint(p, sgr), mark, paint(p, "\033[0m"));
    add_fitting(&out, line, tty ? width : SIZE_MAX);
    buf_addf(&out, "%s\n", tty ? WRAP_ON : "");
    print_text(stderr, buf_str(&out));
}

/* In a log a step needs a line of its own before its output, or when it takes long; else one line
 * at its end says all. What is no step, such as bootstrapping a base, was announced by a notice. */
static void announce(struct progress *p, const struct build_step *step) {
    if (p->mode == PROGRESS_PLAIN && !p->announced && step->number > 0) {
        finish_step_line(p, step, "begin", "\033[36m");
        p->announced = true;
    }
}

/* ---- JSON ---- */

static json_t *step_object(const struct progress *p, const char *event,
                           const struct build_step *step) {
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(event));
    if (p->label != NULL) {
        json_object_set_new(o, "build", json_string(p->label));
    }
    json_object_set_new(o, "stage", event_text(step->stage));
    json_object_set_new(o, "step", json_integer((json_int_t)step->number));
    json_object_set_new(o, "steps", json_integer((json_int_t)step->count));
    return o;
}

/* ---- events ---- */

static void on_begin(void *self, const struct build_step *step) {
    struct progress *p = self;
    p->begin_ms = p->output_ms = p->told_ms = time_now_ms();
    p->last[0] = '\0';
    p->shown_bytes = 0;
    p->clipped = false;
    p->announced = false;
    if (p->mode == PROGRESS_TTY) {
        draw_step(p, step);
    } else if (p->mode == PROGRESS_JSON) {
        json_t *o = step_object(p, "begin", step);
        json_object_set_new(o, "text", event_text(step->text));
        event_print(o);
    }
}

/* A CR goes back to where the line began: what it would have written over has a line of its own. */
static void put_log_line(struct progress *p, str line) {
    AUTO_BUF out = BUF_INIT(16 * PARTIAL_BYTES_MAX);
    do {
        str part = str_cut(&line, '\r');
        if (part.len == 0 && line.len > 0) {
            continue;
        }
        buf_add_c(&out, "          | ");
        add_foreign(&out, part, p->cli->color_err);
        buf_add_char(&out, '\n');
    } while (line.len > 0);
    print_text(stderr, buf_str(&out));
}

static void log_line(struct progress *p, const struct build_step *step, str line) {
    if (p->mode == PROGRESS_JSON) {
        json_t *o = step_object(p, "output", step);
        json_object_set_new(o, "line", event_text(line));
        event_print(o);
    } else {
        announce(p, step);
        put_log_line(p, line);
    }
}

static void show_line(struct progress *p, const struct build_step *step, str line) {
    p->output_ms = p->told_ms = time_now_ms();
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (p->mode == PROGRESS_TTY) {
        size_t cr = str_find_last_char(line, '\r');
        line = cr == STR_NONE ? line : str_slice(line, cr + 1, line.len);
        AUTO_BUF shown = BUF_INIT(PARTIAL_BYTES_MAX);
        add_foreign(&shown, str_slice(line, 0, 200), false);
        snprintf(p->last, sizeof p->last, "%.*s", STR_FMT(str_clip(buf_str(&shown), 200)));
        return;
    }
    if (p->clipped) {
        return;
    }
    p->shown_bytes += line.len + LINE_COST;
    p->clipped = p->shown_bytes > SHOWN_BYTES_MAX;
    log_line(p, step, p->clipped ? S("... the rest of the output is not shown") : line);
}

/* Of a flood of lines only the newest is drawn. */
static str skip_to_newest(struct progress *p, str piece) {
    size_t end = str_find_last_char(piece, '\n');
    size_t before = end == STR_NONE ? STR_NONE : str_find_last_char(str_slice(piece, 0, end), '\n');
    if (before == STR_NONE) {
        return piece;
    }
    buf_reset(&p->partial);
    return str_slice(piece, before + 1, piece.len);
}

static void on_output(void *self, const struct build_step *step, str piece) {
    struct progress *p = self;
    if (p->mode == PROGRESS_QUIET || p->clipped) {
        return;
    }
    if (p->mode == PROGRESS_TTY) {
        piece = skip_to_newest(p, piece);
    }
    while (piece.len > 0) {
        size_t end = str_find_char(piece, '\n', 0);
        str part = str_slice(piece, 0, end == STR_NONE ? piece.len : end);
        size_t room = PARTIAL_BYTES_MAX - p->partial.len;
        buf_add(&p->partial, str_slice(part, 0, room)); /* the rest of a very long line goes */
        if (end == STR_NONE) {
            return;
        }
        show_line(p, step, buf_str(&p->partial));
        buf_reset(&p->partial);
        piece = str_slice(piece, end + 1, piece.len);
    }
}

/* What takes minutes without a word looks like what hangs. */
static void tell_silence(struct progress *p, const struct build_step *step) {
    AUTO_ARENA scratch = arena_new();
    uint64_t now = time_now_ms();
    if (p->mode != PROGRESS_PLAIN || now - p->told_ms < p->heartbeat_ms) {
        return;
    }
    str place = step->number > 0 ? where(p, step, scratch) : step->text;
    str age = str_dup(scratch, str_from_c(unit_duration_ms(now - p->begin_ms).text));
    p->told_ms = now;
    fprintf(stderr, "%s%8.*s%s  %.*s still running: no output for %s\n", paint(p, "\033[36m"),
            STR_FMT(age), paint(p, "\033[0m"), STR_FMT(str_clip(place, STEP_TEXT_MAX)),
            unit_duration_ms(now - p->output_ms).text);
}

static void on_tick(void *self, const struct build_step *step) {
    struct progress *p = self;
    if (p->mode == PROGRESS_TTY) {
        draw_step(p, step);
    } else if (time_now_ms() - p->begin_ms >= SILENT_MS) {
        announce(p, step);
        tell_silence(p, step);
    }
}

static void on_end(void *self, const struct build_step *step, enum build_step_end how,
                   uint64_t duration_ms) {
    struct progress *p = self;
    static const char *const words[] = { "done", "cached", "failed" };
    if (p->partial.len > 0) {
        show_line(p, step, buf_str(&p->partial));
        buf_reset(&p->partial);
    }
    *(how == BUILD_STEP_CACHED ? &p->cached : &p->ran) += 1;
    if (p->mode == PROGRESS_QUIET) {
        return;
    }
    if (p->mode == PROGRESS_JSON) {
        json_t *o = step_object(p, "end", step);
        json_object_set_new(o, "result", json_string(words[how]));
        json_object_set_new(o, "duration_ms", json_integer((json_int_t)duration_ms));
        if (p->why != NULL) {
            json_object_set_new(o, "why",
                                event_text(p->why(p->why_self, step, how == BUILD_STEP_CACHED)));
        }
        event_print(o);
        return;
    }
    switch (how) {
    case BUILD_STEP_DONE:
        finish_step_line(p, step, unit_duration_ms(duration_ms).text, "\033[32m");
        break;
    case BUILD_STEP_CACHED:
        finish_step_line(p, step, "cached", "\033[2m");
        break;
    case BUILD_STEP_FAILED:
        finish_step_line(p, step, "failed", "\033[31m");
        break;
    }
    put_why(p, step, how == BUILD_STEP_CACHED);
}

static void on_notice(void *self, str text) {
    struct progress *p = self;
    if (p->mode == PROGRESS_QUIET) {
        return;
    }
    if (p->mode == PROGRESS_JSON) {
        json_t *o = json_object();
        json_object_set_new(o, "event", json_string("notice"));
        if (p->label != NULL) {
            json_object_set_new(o, "build", json_string(p->label));
        }
        json_object_set_new(o, "text", event_text(text));
        event_print(o);
        return;
    }
    erase(p);
    fprintf(stderr, "%s    note%s  ", paint(p, "\033[33m"), paint(p, "\033[0m"));
    print_foreign(p->cli, stderr, text);
}

const struct build_events progress_events = {
    .begin = on_begin,
    .output = on_output,
    .end = on_end,
    .tick = on_tick,
    .notice = on_notice,
};

/* ---- phases ---- */

static void put_phase(const struct progress *p, const char *what) {
    if (p->label != NULL) {
        fprintf(stderr, "[%s] ", p->label);
    }
    fputs(what, stderr);
}

void progress_phase_begin(struct progress *p, const char *what) {
    p->begin_ms = time_now_ms();
    progress_phase_tick(p, what, 0, 0);
}

void progress_phase_tick(struct progress *p, const char *what, uint64_t done, uint64_t total) {
    if (p->mode != PROGRESS_TTY) {
        return;
    }
    erase(p);
    fprintf(stderr, WRAP_OFF "%s%8s%s  ", paint(p, "\033[36m"),
            unit_duration_ms(time_now_ms() - p->begin_ms).text, paint(p, "\033[0m"));
    put_phase(p, what);
    if (total > 0) {
        fprintf(stderr, " %u%%", (unsigned)(done * 100 / total));
    }
    fputs(WRAP_ON, stderr);
    p->drawn = true;
    fflush(stderr);
}

void progress_phase_end(struct progress *p, const char *what, const char *result) {
    uint64_t duration = time_now_ms() - p->begin_ms;
    erase(p);
    if (p->mode == PROGRESS_JSON) {
        json_t *o = json_object();
        json_object_set_new(o, "event", json_string("phase"));
        if (p->label != NULL) {
            json_object_set_new(o, "build", json_string(p->label));
        }
        json_object_set_new(o, "what", json_string(what));
        json_object_set_new(o, "result", json_string(result));
        json_object_set_new(o, "duration_ms", json_integer((json_int_t)duration));
        event_print(o);
    } else if (p->mode != PROGRESS_QUIET) {
        fprintf(stderr, "%s%8s%s  ", paint(p, "\033[32m"), unit_duration_ms(duration).text,
                paint(p, "\033[0m"));
        put_phase(p, what);
        fprintf(stderr, ": %s\n", result);
    }
}

static void on_pack_begin(void *self, const char *what) {
    progress_phase_begin(self, what);
}

static void on_pack_tick(void *self, const char *what, uint64_t done, uint64_t total) {
    progress_phase_tick(self, what, done, total);
}

static void on_pack_end(void *self, const char *what, const char *result) {
    progress_phase_end(self, what, result);
}

static void on_pack_notice(void *self, str text) {
    struct progress *p = self;
    print_warning(p->cli, "%.*s", STR_FMT(text));
}

struct pack_events progress_pack_events(struct progress *p) {
    return (struct pack_events){ p,           on_pack_begin,  on_pack_tick,
                                 on_pack_end, on_pack_notice, &interrupted };
}
