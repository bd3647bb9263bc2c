// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/cli.h"

struct parser {
    struct cli *cli;
    const struct command *command;
    int argc;
    char **argv;
    int at;
    unsigned char *into; /* the option struct */
};

static const char *const color_words[] = { "auto", "always", "never", NULL };

const struct option common_options[] = {
    { "cache-dir", 0, OPTION_STRING, offsetof(struct cli, cache_dir), "DIR",
      "path of the store (default: ~/.cache/capsem-builder)" },
    { "color", 0, OPTION_WORD, offsetof(struct cli, color), "WHEN", "when to use colours",
      color_words },
    { "help", 'h', OPTION_FLAG, 0, NULL, "show this help" }, /* taken before it is looked up */
};
const size_t common_option_count = ARRAY_LEN(common_options);

static bool usage_error(const struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool usage_error(const struct parser *p, const char *fmt, ...) {
    AUTO_BUF text = BUF_INIT(4096);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    print_error(p->cli, "%s: %s", p->command->name, text.ptr);
    return false;
}

static const struct option *find_option(const struct option *options, size_t count, str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_from_c(options[i].name), name)) {
            return &options[i];
        }
    }
    return NULL;
}

static const struct option *find_letter(const struct command *c, char letter) {
    for (size_t i = 0; i < c->option_count; i++) {
        if (c->options[i].letter == letter) {
            return &c->options[i];
        }
    }
    return NULL;
}

static bool unknown_option(const struct parser *p, str name) {
    str words[64];
    size_t count = 0;
    for (size_t i = 0; i < p->command->option_count && count < ARRAY_LEN(words) / 2; i++) {
        words[count++] = str_from_c(p->command->options[i].name);
    }
    for (size_t i = 0; i < common_option_count; i++) {
        words[count++] = str_from_c(common_options[i].name);
    }
    str near = nearest_word(name, words, count);
    if (near.ptr != NULL) {
        return usage_error(p, "unknown option '--%.*s', did you mean '--%.*s'?", STR_FMT(name),
                           STR_FMT(near));
    }
    return usage_error(p, "unknown option '--%.*s'; see 'capsem-builder %s --help'", STR_FMT(name),
                       p->command->name);
}

static bool set_word(const struct parser *p, const struct option *o, const char *value,
                     const char **to) {
    str words[32];
    size_t count = 0;
    AUTO_BUF list = BUF_INIT(4096);
    for (; o->words[count] != NULL && count < ARRAY_LEN(words); count++) {
        if (strcmp(o->words[count], value) == 0) {
            *to = o->words[count];
            return true;
        }
        words[count] = str_from_c(o->words[count]);
        buf_addf(&list, "%s%s", count > 0 ? ", " : "", o->words[count]);
    }
    str near = nearest_word(str_from_c(value), words, count);
    if (near.ptr != NULL) {
        return usage_error(p, "--%s cannot be '%s', did you mean '%.*s'?", o->name, value,
                           STR_FMT(near));
    }
    return usage_error(p, "--%s cannot be '%s'; valid values are %s", o->name, value, list.ptr);
}

static bool set_int(const struct parser *p, const struct option *o, const char *value,
                    int64_t *to) {
    int64_t number;
    if (!str_to_i64(str_from_c(value), &number) || number < o->min || number > o->max) {
        return usage_error(p, "--%s takes a whole number from %lld to %lld, not '%s'", o->name,
                           (long long)o->min, (long long)o->max, value);
    }
    *to = number;
    return true;
}

static bool set_value(struct parser *p, const struct option *o, void *base, const char *value) {
    void *to = (unsigned char *)base + o->offset;
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return true;
    case OPTION_STRING:
        *(const char **)to = value;
        return true;
    case OPTION_WORD:
        return set_word(p, o, value, to);
    case OPTION_INT:
        return set_int(p, o, value, to);
    case OPTION_LIST: {
        struct option_list *list = to;
        ARENA_PUSH(p->cli->arena, list->items, list->len, list->cap, value);
        return true;
    }
    }
    ASSERT(false);
    return false;
}

/* The option's value: after "=", else the next argument. */
static bool take_value(struct parser *p, const struct option *o, const char *attached,
                       const char *shown, const char **ret) {
    if (o->kind == OPTION_FLAG) {
        if (attached != NULL) {
            return usage_error(p, "%s does not take a value", shown);
        }
        *ret = NULL;
        return true;
    }
    if (attached == NULL && p->at + 1 >= p->argc) {
        return usage_error(p, "%s needs a value: %s", shown, o->value);
    }
    *ret = attached != NULL ? attached : p->argv[++p->at];
    return true;
}

static bool parse_long(struct parser *p, const char *arg, bool *ret_help) {
    str rest = str_from_c(arg + 2);
    str name = str_cut(&rest, '=');
    const char *attached = rest.ptr; /* NULL without '=' */
    if (str_eq(name, S("help"))) {
        *ret_help = true;
        return true;
    }
    void *base = p->into;
    const struct option *o = find_option(p->command->options, p->command->option_count, name);
    if (o == NULL) {
        o = find_option(common_options, common_option_count, name);
        base = p->cli;
    }
    if (o == NULL) {
        return unknown_option(p, name);
    }
    const char *shown = str_fmt(p->cli->arena, "--%s", o->name).ptr;
    const char *value;
    return take_value(p, o, attached, shown, &value) && set_value(p, o, base, value);
}

/* "-q", "-fFILE", "-f FILE"; letters that are flags may be joined. */
static bool parse_letters(struct parser *p, const char *arg, bool *ret_help) {
    for (const char *c = arg + 1; *c != '\0'; c++) {
        const struct option *o = find_letter(p->command, *c);
        if (o == NULL && *c == 'h') {
            *ret_help = true;
            return true;
        }
        if (o == NULL) {
            return usage_error(p, "unknown option '-%c'; see 'capsem-builder %s --help'", *c,
                               p->command->name);
        }
        bool flag = o->kind == OPTION_FLAG;
        const char *attached = flag || c[1] == '\0' ? NULL : c + 1;
        const char *shown = str_fmt(p->cli->arena, "-%c", *c).ptr;
        const char *value;
        if (!take_value(p, o, attached, shown, &value) || !set_value(p, o, p->into, value)) {
            return false;
        }
        if (!flag) {
            break;
        }
    }
    return true;
}

bool options_parse(struct cli *cli, const struct command *command, int argc, char **argv,
                   void *ret_options, bool *ret_help) {
    struct parser p = { cli, command, argc, argv, 0, ret_options };
    const char **args = ARENA_ARRAY(cli->arena, const char *, (size_t)argc + 1);
    size_t count = 0;
    bool rest = false; /* after "--", or after the first argument of `run` */
    for (; p.at < argc; p.at++) {
        const char *arg = argv[p.at];
        bool is_option = !rest && arg[0] == '-' && arg[1] != '\0';
        if (!is_option) {
            args[count++] = arg;
            rest = rest || command->stop_at_argument;
        } else if (strcmp(arg, "--") == 0) {
            rest = true;
        } else if (!(arg[1] == '-' ? parse_long(&p, arg, ret_help)
                                   : parse_letters(&p, arg, ret_help))) {
            return false;
        }
        if (*ret_help) {
            return true;
        }
    }
    cli->args = args;
    cli->arg_count = count;
    if (count < command->args_min) {
        return usage_error(&p, "an argument is missing: capsem-builder %s %s", command->name,
                           command->arguments);
    }
    if (count > command->args_max) {
        return usage_error(&p, "unexpected argument '%s'", args[command->args_max]);
    }
    return true;
}
