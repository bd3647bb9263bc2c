// SPDX-License-Identifier: Apache-2.0
/* What means nothing: comments, blanks, line ends. */
#include "toml/internal.h"

/* comment = "#" { character but control characters } */
void skip_comment(struct parser *p) {
    while (p->at < p->end) {
        p->at = scan_text(p->at, p->end, '\n', '\n');
        if (p->at == p->end || at_newline(p)) {
            return;
        }
        str found = found_name(p, p->at);
        report(p, p->at, p->at + 1, "%.*s is not allowed in a comment", STR_FMT(found));
        p->at += p->at < p->end;
    }
}

void skip_trivia(struct parser *p) {
    for (;;) {
        skip_blanks(p);
        if (at_char(p, '#')) {
            skip_comment(p);
        } else if (at_newline(p)) {
            p->at += *p->at == '\r' ? 2 : 1;
        } else {
            return;
        }
    }
}
