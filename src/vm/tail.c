// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "vm/internal.h"

void tail_add(struct tail *tail, str piece) {
    tail->total += piece.len;
    if (piece.len > sizeof tail->text) {
        piece = str_slice(piece, piece.len - sizeof tail->text, piece.len);
    }
    if (tail->len + piece.len > sizeof tail->text) {
        size_t drop = tail->len + piece.len - sizeof tail->text;
        tail->len -= drop;
        memmove(tail->text, tail->text + drop, tail->len);
    }
    memcpy(tail->text + tail->len, piece.ptr, piece.len);
    tail->len += piece.len;
}

str tail_str(const struct tail *tail) {
    return (str){ tail->text, tail->len };
}

/* NAME when the line is "capsem-init: NAME: DIGITS ms". */
static str stage_of(str line) {
    size_t at = str_find(line, S("capsem-init: "), 0);
    if (at == STR_NONE) {
        return (str){ 0 };
    }
    str rest = str_slice(line, at + strlen("capsem-init: "), line.len);
    str name = str_cut(&rest, ':');
    rest = str_trim(rest);
    uint64_t ms;
    bool timed = str_ends(rest, S(" ms")) && str_to_u64(str_slice(rest, 0, rest.len - 3), &ms);
    bool word =
        name.len > 0 && name.len < VM_STAGE_NAME_MAX && str_find_char(name, ' ', 0) == STR_NONE;
    return timed && word ? name : (str){ 0 };
}

str tail_last_stage(str text) {
    str last = { 0 };
    while (text.len > 0) {
        str stage = stage_of(str_cut(&text, '\n'));
        if (stage.len > 0) {
            last = stage;
        }
    }
    return last;
}

str tail_last_line(str text) {
    text = str_trim(text);
    size_t at = str_find_last_char(text, '\n');
    str line = at == STR_NONE ? text : str_slice(text, at + 1, text.len);
    size_t name = str_find(line, S(": "), 0);
    bool named = str_starts(line, S("qemu-system-")) && name != STR_NONE;
    return named ? str_slice(line, name + 2, line.len) : line;
}

/* -- why a machine ended -- */

enum { CAUSE_BYTES_MAX = 240 };

/* "[    1.234567] text": text */
static str without_time(str line) {
    line = str_trim(line);
    size_t end = str_find(line, S("] "), 0);
    if (!str_starts(line, S("[")) || end == STR_NONE) {
        return line;
    }
    for (size_t i = 1; i < end; i++) {
        if (!char_is_digit(line.ptr[i]) && line.ptr[i] != ' ' && line.ptr[i] != '.') {
            return line;
        }
    }
    return str_trim(str_slice(line, end + 2, line.len));
}

/* The first line that begins so, of which only the start may be ours. */
static str find_line(str console, str start) {
    while (console.len > 0) {
        str line = without_time(str_cut(&console, '\n'));
        if (str_starts(line, start)) {
            return line;
        }
    }
    return (str){ 0 };
}

/* What the init says before it gives up. */
static str init_cause(str console) {
    str before = { 0 };
    while (console.len > 0) {
        str line = without_time(str_cut(&console, '\n'));
        if (str_starts(line, S("capsem-init: the guest cannot start"))) {
            return before;
        }
        before = str_starts(line, S("capsem-init: ")) ? line : before;
    }
    return (str){ 0 };
}

str tail_cause(str console) {
    /* What comes first leads to what comes later: an init that ends has the kernel panic. */
    static const str starts[] = { S_INIT("Initramfs unpacking failed"), S_INIT("FATAL:"),
                                  S_INIT("VFS: Unable to mount root fs"),
                                  S_INIT("Kernel panic - not syncing:") };
    str cause = init_cause(console);
    for (size_t i = 0; i < ARRAY_LEN(starts) && cause.len == 0; i++) {
        cause = find_line(console, starts[i]);
    }
    return str_clip(cause, CAUSE_BYTES_MAX);
}

/* Length of an escape sequence at the start of `text`, 0 when there is none: ECMA-48, 5.4. */
static size_t escape_len(str text) {
    if (text.len == 0 || text.ptr[0] != '\x1b') {
        return 0;
    }
    if (text.len == 1 || text.ptr[1] != '[') {
        return text.len == 1 ? 1 : 2;
    }
    size_t at = 2;
    while (at < text.len && (text.ptr[at] < '@' || text.ptr[at] > '~')) {
        at++;
    }
    return at < text.len ? at + 1 : at;
}

static void add_plain(struct buf *out, str text) {
    while (text.len > 0) {
        size_t skip = escape_len(text);
        if (skip == 0) {
            char c = text.ptr[0];
            if (c == '\n' || c == '\t' || (unsigned char)c >= 0x20) {
                buf_add_char(out, c);
            }
            skip = 1;
        }
        text = str_slice(text, skip, text.len);
    }
}

str vm_console_lines(struct arena *scratch, const struct vm_report *report, size_t count) {
    AUTO_BUF plain = BUF_INIT(VM_CONSOLE_MAX);
    add_plain(&plain, (str){ report->console, report->console_len });
    str text = str_trim_right(buf_str(&plain));
    size_t at = text.len;
    while (at > 0 && count > 0) {
        at--;
        if (text.ptr[at] == '\n' && --count == 0) {
            at++;
            break;
        }
    }
    return str_dup(scratch, str_slice(text, at, text.len));
}
