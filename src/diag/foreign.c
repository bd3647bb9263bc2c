// SPDX-License-Identifier: Apache-2.0
/*
 * What others say, for a terminal. Of the sequences that ECMA-48 has, only SGR's colours pass: all
 * else could move the cursor over what stands above, set a title, or have the terminal type an
 * answer.
 */
#include "diag/internal.h"

enum { SGR_BYTES_MAX = 48, SGR_HIDDEN = 8 };

/* Length of an SGR sequence at the start of `text`, ESC [ 1 ; 31 m; 0: there is none. */
static size_t sgr_len(str text) {
    size_t at = 2;
    if (!str_starts(text, S("\x1b["))) {
        return 0;
    }
    while (at < text.len && at < SGR_BYTES_MAX &&
           (char_is_digit(text.ptr[at]) || text.ptr[at] == ';' || text.ptr[at] == ':')) {
        at++;
    }
    return at < text.len && text.ptr[at] == 'm' ? at + 1 : 0;
}

static uint64_t take_number(str *numbers) {
    uint64_t number = 0;
    str one = str_cut(numbers, ';');
    return str_to_u64(one, &number) ? number : 0;
}

/* Text that cannot be seen is not coloured. */
static bool hides(str sgr) {
    str numbers = str_slice(sgr, 2, sgr.len - 1);
    while (numbers.ptr != NULL) {
        uint64_t number = take_number(&numbers);
        if (number == SGR_HIDDEN) {
            return true;
        }
        /* 38;5;N and 38;2;R;G;B: a colour by its number, of the text, its ground, its line */
        bool by_number = number == 38 || number == 48 || number == 58;
        uint64_t kind = by_number ? take_number(&numbers) : 0;
        for (int skip = kind == 5 ? 1 : kind == 2 ? 3 : 0; skip > 0; skip--) {
            take_number(&numbers);
        }
    }
    return false;
}

struct painting {
    struct buf *out;
    bool color; /* may there be any */
    bool on;    /* is one */
};

static void end_line(struct painting *p) {
    if (p->on) {
        buf_add_c(p->out, "\033[0m");
    }
    p->on = false;
}

/* Bytes that were taken. */
static size_t take_one(struct painting *p, str text) {
    if (text.ptr[0] == '\n' || text.ptr[0] == '\r') {
        bool both = str_starts(text, S("\r\n"));
        end_line(p);
        buf_add_char(p->out, '\n'); /* a lone CR would write over the line that there is */
        return both ? 2 : 1;
    }
    if (text.ptr[0] == '\t') {
        buf_add_char(p->out, '\t');
        return 1;
    }
    size_t sgr = sgr_len(text);
    if (sgr > 0 && !hides(str_slice(text, 0, sgr))) {
        if (p->color) {
            buf_add(p->out, str_slice(text, 0, sgr));
            p->on = true;
        }
        return sgr;
    }
    size_t len = str_utf8_next(text, NULL);
    len = len == 0 ? 1 : len;
    add_plain(p->out, str_slice(text, 0, len));
    return len;
}

void add_foreign(struct buf *out, str text, bool color) {
    struct painting p = { .out = out, .color = color };
    while (text.len > 0) {
        /* Most of it is harmless, and goes in one piece. */
        size_t plain = 0;
        while (plain < text.len && text.ptr[plain] >= ' ' && text.ptr[plain] < 0x7f) {
            plain++;
        }
        buf_add(out, str_slice(text, 0, plain));
        text = str_slice(text, plain, text.len);
        if (text.len > 0) {
            text = str_slice(text, take_one(&p, text), text.len);
        }
    }
    end_line(&p);
}

str plain_line(struct arena *a, str text) {
    AUTO_BUF out = BUF_INIT(text.len * 6 + 1);
    add_plain(&out, text);
    return str_dup(a, buf_str(&out));
}
