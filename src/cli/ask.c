// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"

#include <errno.h>
#include <signal.h>
#include <sys/select.h>
#include <unistd.h>

#include "cli/progress.h"

enum { ANSWER_MAX = 4096 }; /* bytes */

bool ask_is_plain(str text) {
    uint32_t code;
    for (size_t at = 0; at < text.len;) {
        size_t n = str_utf8_next(str_slice(text, at, text.len), &code);
        if (n == 0 || code < ' ' || (code >= 0x7f && code < 0xa0)) {
            return false;
        }
        at += n;
    }
    return true;
}

/* Until something can be read. False: we were interrupted; be it right before the wait, for which
 * a read alone would not notice the signal. */
static bool wait_for_input(void) {
    sigset_t ours;
    sigset_t before;
    int n = -1;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &before);
    while (n < 0 && interrupted == 0) {
        fd_set input;
        FD_ZERO(&input);
        FD_SET(STDIN_FILENO, &input);
        n = pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, &before);
        if (n < 0 && errno != EINTR) {
            break; /* the read will say why */
        }
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return interrupted == 0;
}

/* A line byte by byte: what follows it stays for the next question. False at the end of input. */
static bool read_line(struct buf *line) {
    char c;
    buf_reset(line);
    for (;;) {
        ssize_t n = wait_for_input() ? read(STDIN_FILENO, &c, 1) : -1;
        if (n < 0 && errno == EINTR && interrupted == 0) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        if (c == '\n') {
            return true;
        }
        buf_add_char(line, c);
    }
}

bool ask_yes(struct cli *cli, const char *question, bool *ret) {
    AUTO_BUF line = BUF_INIT(ANSWER_MAX);
    fprintf(stderr, "%s [y/N] ", question);
    if (!read_line(&line)) {
        fputc('\n', stderr);
        return false;
    }
    str answer = str_lower(cli->arena, str_trim(buf_str(&line)));
    *ret = str_eq(answer, S("y")) || str_eq(answer, S("yes"));
    return true;
}

static bool read_answer(struct cli *cli, const char *question, struct buf *line) {
    if (read_line(line)) {
        return true;
    }
    fputs(isatty(STDIN_FILENO) ? "\n" : "", stderr);
    if (interrupted != 0) {
        print_error(cli, "interrupted; nothing was written");
    } else {
        print_error(cli,
                    "the input ended before the answer to '%s'; --non-interactive takes missing "
                    "answers from the source folder",
                    question);
    }
    return false;
}

bool ask_text(struct cli *cli, const char *question, str preset, ask_check *check, str *ret) {
    AUTO_BUF line = BUF_INIT(ANSWER_MAX);
    for (;;) {
        struct err err = ERR_INIT;
        fprintf(stderr, "%s [%.*s]: ", question, STR_FMT(preset));
        if (!read_answer(cli, question, &line)) {
            return false;
        }
        str answer = str_trim(buf_str(&line));
        answer = answer.len == 0 && !line.full ? preset : answer;
        if (line.full) {
            err_set(&err, "more than %d bytes", ANSWER_MAX - 1);
            print_err(cli, &err);
        } else if (check(cli->arena, answer, &err)) {
            *ret = str_dup(cli->arena, answer);
            return true;
        } else {
            print_err(cli, &err);
        }
    }
}

/* The item of this name, else with this number from 1; NULL: neither. */
static struct scaffold_item *find_item(const struct scaffold_menu *menu, str word) {
    uint64_t number;
    for (size_t i = 0; i < menu->len; i++) {
        if (str_eq(menu->items[i].key, word)) {
            return &menu->items[i];
        }
    }
    bool fits = str_to_u64(word, &number) && number >= 1 && number <= menu->len;
    return fits ? &menu->items[number - 1] : NULL;
}

static bool fail_unknown(const struct scaffold_menu *menu, str word, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    AUTO_BUF list = BUF_INIT(2048);
    str *words = ARENA_ARRAY(scratch, str, menu->len);
    for (size_t i = 0; i < menu->len; i++) {
        words[i] = menu->items[i].key;
        buf_addf(&list, "%s%.*s", i > 0 ? ", " : "", STR_FMT(words[i]));
    }
    str near = nearest_word(word, words, menu->len);
    str shown = ask_is_plain(word) ? str_clip(word, 60) : S("?");
    if (near.ptr != NULL) {
        return err_set(err, "there is no '%.*s', did you mean '%.*s'?", STR_FMT(shown),
                       STR_FMT(near));
    }
    return err_set(err, "there is no '%.*s'; there is %s", STR_FMT(shown),
                   menu->len > 0 ? list.ptr : "none");
}

static str next_word(str *rest) {
    size_t start = 0;
    while (start < rest->len && (char_is_space(rest->ptr[start]) || rest->ptr[start] == ',')) {
        start++;
    }
    size_t end = start;
    while (end < rest->len && !char_is_space(rest->ptr[end]) && rest->ptr[end] != ',') {
        end++;
    }
    str word = str_slice(*rest, start, end);
    *rest = str_slice(*rest, end, rest->len);
    return word;
}

bool ask_choose(struct scaffold_menu *menu, str answer, struct err *err) {
    bool none = str_eq(str_trim(answer), S("-"));
    size_t chosen = 0;
    for (size_t i = 0; i < menu->len; i++) {
        menu->items[i].chosen = false;
    }
    while (!none) {
        str word = next_word(&answer);
        if (word.len == 0) {
            break;
        }
        if (str_eq(word, S("*"))) {
            for (size_t i = 0; i < menu->len; i++) {
                menu->items[i].chosen = true;
            }
            chosen = menu->len;
            continue;
        }
        struct scaffold_item *item = find_item(menu, word);
        if (item == NULL) {
            return fail_unknown(menu, word, err);
        }
        item->chosen = true;
        chosen++;
    }
    if (chosen == 0 && menu->needed) {
        return err_set(err, "choose at least one");
    }
    return chosen > 0 || none || menu->len == 0 ||
           err_set(err, "nothing was chosen; enter '-' for none");
}

static void show_items(const struct cli *cli, const struct scaffold_menu *menu) {
    size_t widest = 0;
    size_t columns = cli->width > 20 ? cli->width : 80;
    for (size_t i = 0; i < menu->len; i++) {
        widest = menu->items[i].key.len > widest ? menu->items[i].key.len : widest;
    }
    widest = widest > 32 ? 32 : widest;
    for (size_t i = 0; i < menu->len; i++) {
        const struct scaffold_item *item = &menu->items[i];
        size_t used = 9 + (item->key.len > widest ? item->key.len : widest);
        str label = plain_line(cli->arena, item->label);
        label = str_clip(label, columns > used ? columns - used : 0);
        fprintf(stderr, "  %3zu  %-*.*s  %.*s\n", i + 1, (int)widest, STR_FMT(item->key),
                STR_FMT(label));
    }
}

bool ask_menu(struct cli *cli, struct scaffold_menu *menu) {
    AUTO_BUF line = BUF_INIT(ANSWER_MAX);
    fprintf(stderr, "%s\n", menu->title);
    show_items(cli, menu);
    for (;;) {
        struct err err = ERR_INIT;
        fprintf(stderr, "Numbers or names, * for all%s [*]: ", menu->needed ? "" : ", - for none");
        if (!read_answer(cli, menu->title, &line)) {
            return false;
        }
        str answer = str_trim(buf_str(&line));
        if (line.full) {
            err_set(&err, "more than %d bytes", ANSWER_MAX - 1);
        } else if (ask_choose(menu, answer.len > 0 ? answer : S("*"), &err)) {
            return true;
        }
        print_err(cli, &err);
    }
}
