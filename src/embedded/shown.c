// SPDX-License-Identifier: Apache-2.0
/* An instruction as people see it: without flags, and for a heredoc its first telling line. */
#include "embedded/internal.h"

/* `set -e`, comments, shebangs and empty lines say nothing about a script. */
static bool says_something(str line) {
    return line.len > 0 && line.ptr[0] != '#' && !str_starts(line, S("set -")) &&
           !str_starts(line, S("export DEBIAN_FRONTEND"));
}

static str first_line(str script) {
    while (script.len > 0) {
        str line = str_trim(str_cut(&script, '\n'));
        if (says_something(line)) {
            return line;
        }
    }
    return S("");
}

static str without_flags(str text) {
    str rest = text;
    str keyword = str_cut(&rest, ' ');
    rest = str_trim_left(rest);
    while (str_starts(rest, S("--"))) {
        str_cut(&rest, ' ');
        rest = str_trim_left(rest);
    }
    return rest.len > 0 ? rest : str_slice(text, keyword.len, text.len);
}

str shown_text(struct arena *a, const struct dockerfile_instruction *i) {
    if (i->kind != DOCKERFILE_RUN) {
        return i->text;
    }
    if (i->heredoc_count > 0) {
        return str_fmt(a, "RUN %.*s ...", STR_FMT(first_line(i->heredocs[0].body)));
    }
    return str_fmt(a, "RUN %.*s", STR_FMT(without_flags(i->text)));
}
