// SPDX-License-Identifier: Apache-2.0
/*
 * What a process is about to start is looked at as execve(2) will: through links, and through the
 * "#!" of a script. When there is a stand-in for it, the process starts that one's loader in its
 * place, with words that are written below its stack: nothing there is in use, and what a start
 * leaves behind is thrown away with the rest of the old program.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "sandbox/internal.h"

enum {
    WORDS_MAX = 16 * 1024, /* more are left to the emulator */
    HEADER_BYTES = 256,    /* BINPRM_BUF_SIZE: the kernel reads so much of a script's first line */
    PEEK_WORDS = 8,
    LIST_BLOCK = 64,
    MEMORY_PAGE = 4096,
    ALIGNMENT = 16,
};

/* A start of a program, as far as it is known. */
struct start {
    struct arena *arena;
    const struct sandbox_standins *standins;
    struct exec_call call;
    int rootfd;       /* of the process */
    const char *root; /* its path in ours; "" for the same */
    uint64_t *argv;   /* addresses in its memory */
    size_t argc;
    const char *program; /* without links */
    /* of a script; else NULL */
    const char *script;      /* without links */
    const char *interpreter; /* as its first line has it */
    const char *option;      /* of that line, or NULL */
};

/* --- the memory of the process ---------------------------------------------------------------- */

static bool read_memory(pid_t pid, uint64_t from, void *to, size_t size) {
    struct iovec local = { to, size };
    struct iovec remote = { (void *)(uintptr_t)from, size };
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/* Page by page, for the next one may not be there. */
static const char *read_text(struct arena *a, pid_t pid, uint64_t from) {
    AUTO_BUF text = BUF_INIT(PATH_MAX);
    char page[MEMORY_PAGE];
    while (!text.full) {
        size_t size = MEMORY_PAGE - from % MEMORY_PAGE;
        if (!read_memory(pid, from, page, size)) {
            return NULL;
        }
        size_t len = strnlen(page, size);
        buf_add_bytes(&text, page, len);
        if (len < size && !text.full) {
            return str_to_c(a, buf_str(&text));
        }
        from += size;
    }
    return NULL;
}

/* A list of addresses that ends with a zero, as argv and the environment are. */
static bool read_list(struct start *s, uint64_t from, uint64_t **ret, size_t *ret_count) {
    size_t count = 0;
    size_t cap = 0;
    uint64_t *items = NULL;
    uint64_t block[LIST_BLOCK];
    while (count < WORDS_MAX) {
        uint64_t at = from + count * sizeof *block;
        size_t size = min_size(LIST_BLOCK, (MEMORY_PAGE - at % MEMORY_PAGE) / sizeof *block);
        if (size == 0 || !read_memory(s->call.pid, at, block, size * sizeof *block)) {
            return false;
        }
        for (size_t i = 0; i < size; i++) {
            if (block[i] == 0) {
                *ret = items;
                *ret_count = count;
                return true;
            }
            ARENA_PUSH(s->arena, items, count, cap, block[i]);
        }
    }
    return false;
}

/* --- what is started -------------------------------------------------------------------------- */

static const char *read_link(struct arena *a, const char *path) {
    char text[PATH_MAX];
    ssize_t n = readlink(path, text, sizeof text);
    return n <= 0 || n == (ssize_t)sizeof text ? NULL : str_to_c(a, (str){ text, (size_t)n });
}

static const char *process_link(const struct start *s, const char *name) {
    return str_fmt(s->arena, "/proc/%d/%s", s->call.pid, name).ptr;
}

static bool open_root(struct start *s) {
    const char *link = process_link(s, "root");
    s->root = read_link(s->arena, link);
    s->rootfd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->root == NULL || s->rootfd < 0) {
        return false;
    }
    if (strcmp(s->root, "/") == 0) {
        s->root = "";
    }
    /* Elsewhere than where the stand-ins are mounted there are none. */
    AUTO_FD loader = fs_open_in_root(s->rootfd, s->standins->loader, O_PATH, 0);
    return loader >= 0;
}

/* A path of our root as the process has it. */
static const char *in_root(const struct start *s, const char *path) {
    size_t len = strlen(s->root);
    return path != NULL && strncmp(path, s->root, len) == 0 && path[len] == '/' ? path + len : NULL;
}

static const char *make_absolute(const struct start *s, const char *path) {
    if (path[0] == '/') {
        return path;
    }
    const char *cwd = in_root(s, read_link(s->arena, process_link(s, "cwd")));
    return cwd == NULL || s->call.relative ? NULL : path_join(s->arena, cwd, path);
}

/* Opens a file that may be executed. *ret_path: its path without links. */
static int open_program(const struct start *s, const char *path, const char **ret_path) {
    const char *absolute = make_absolute(s, path);
    AUTO_FD fd = absolute == NULL ? -1 : fs_open_in_root(s->rootfd, absolute, O_PATH, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
        return -1;
    }
    const char *self = str_fmt(s->arena, "/proc/self/fd/%d", fd).ptr;
    *ret_path = in_root(s, read_link(s->arena, self));
    return *ret_path == NULL ? -1 : open(self, O_RDONLY | O_CLOEXEC);
}

static bool read_header(const struct start *s, const char *path, const char **ret_path,
                        str *ret_header) {
    AUTO_FD fd = open_program(s, path, ret_path);
    char *header = ARENA_ARRAY(s->arena, char, HEADER_BYTES);
    ssize_t n = fd < 0 ? -1 : read(fd, header, HEADER_BYTES);
    *ret_header = (str){ header, n < 0 ? 0 : (size_t)n };
    return n > 0;
}

/* "#! /bin/sh -e": the interpreter and, in one word, the rest. */
static bool parse_script(struct start *s, str header) {
    size_t end = str_find_char(header, '\n', 0);
    if (end == STR_NONE) {
        return false;
    }
    str line = str_trim(str_slice(header, 2, end));
    size_t blank = 0;
    while (blank < line.len && line.ptr[blank] != ' ' && line.ptr[blank] != '\t') {
        blank++;
    }
    s->interpreter = str_to_c(s->arena, str_slice(line, 0, blank));
    str option = str_trim(str_slice(line, blank, line.len));
    s->option = option.len == 0 ? NULL : str_to_c(s->arena, option);
    return s->interpreter[0] == '/';
}

static bool find_program(struct start *s, const char *path) {
    str header;
    if (!read_header(s, path, &s->program, &header)) {
        return false;
    }
    if (str_starts(header, S("#!"))) {
        s->script = s->program;
        return parse_script(s, header) && read_header(s, s->interpreter, &s->program, &header) &&
               str_starts(header, S(ELFMAG));
    }
    return str_starts(header, S(ELFMAG));
}

/* --- is there another for it? ----------------------------------------------------------------- */

/* What a program runs: "/a/script" or "-m module", the first word that is no other option. */
static const char *find_script(const struct start *s) {
    if (s->script != NULL) {
        return s->script;
    }
    bool is_module = false;
    for (size_t i = 1; i < s->argc && i < PEEK_WORDS; i++) {
        const char *word = read_text(s->arena, s->call.pid, s->argv[i]);
        if (word == NULL) {
            return NULL;
        }
        if (is_module) {
            return str_fmt(s->arena, "-m %s", word).ptr;
        }
        is_module = strcmp(word, "-m") == 0;
        if (word[0] != '-') {
            return word;
        }
    }
    return NULL;
}

/* Before /bin is a link to /usr/bin, the one has what the other will have. */
static const char *without_usr(const char *path) {
    return strncmp(path, "/usr/bin/", 9) == 0 || strncmp(path, "/usr/sbin/", 10) == 0 ? path + 4
                                                                                      : path;
}

static const struct sandbox_standin *find_standin(const struct start *s) {
    const char *program = without_usr(s->program);
    const char *script = NULL;
    for (size_t i = 0; i < s->standins->len; i++) {
        const struct sandbox_standin *item = &s->standins->items[i];
        if (strcmp(without_usr(item->program), program) != 0) {
            continue;
        }
        if (item->script == NULL) {
            return item;
        }
        script = script == NULL ? find_script(s) : script;
        if (script == NULL) {
            return NULL;
        }
        if (strcmp(script, item->script) == 0) {
            return item;
        }
    }
    return NULL;
}

/* What is loaded into every program, a library that fakes users or times, is of the root's
 * architecture: such a start is the emulator's. */
static bool has_preload(struct start *s) {
    static const char name[] = "LD_PRELOAD=";
    AUTO_FD file = fs_open_in_root(s->rootfd, "/etc/ld.so.preload", O_PATH, 0);
    uint64_t *items;
    size_t count;
    char text[sizeof name];
    if (file >= 0 || !read_list(s, s->call.envp, &items, &count)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (read_memory(s->call.pid, items[i], text, sizeof text) &&
            memcmp(text, name, sizeof name - 1) == 0 && text[sizeof name - 1] != '\0') {
            return true;
        }
    }
    return false;
}

/* --- starting that ---------------------------------------------------------------------------- */

/* Words of the new start: our own text, or where the process has it. */
struct words {
    struct start *s;
    struct buf texts;
    uint64_t *items; /* an offset in `texts`, or an address */
    bool *is_text;
    size_t len;
};

static void add_text(struct words *w, const char *text) {
    w->is_text[w->len] = true;
    w->items[w->len++] = w->texts.len;
    buf_add_bytes(&w->texts, text, strlen(text) + 1);
}

static void add_address(struct words *w, uint64_t address) {
    w->items[w->len++] = address;
}

static void add_words(struct words *w, const struct sandbox_standin *item) {
    struct start *s = w->s;
    add_text(w, s->standins->loader);
    add_text(w, "--argv0");
    if (s->script != NULL) {
        add_text(w, s->interpreter);
    } else {
        add_address(w, s->argv[0]);
    }
    add_text(w, "--library-path");
    add_text(w, s->standins->libraries);
    add_text(w, str_fmt(s->arena, "%s%s", s->standins->folder, item->program).ptr);
    for (size_t i = 0; item->arguments != NULL && item->arguments[i] != NULL; i++) {
        add_text(w, item->arguments[i]);
    }
    if (s->option != NULL) {
        add_text(w, s->option);
    }
    if (s->script != NULL) {
        add_address(w, s->call.path);
    }
    for (size_t i = 1; i < s->argc; i++) {
        add_address(w, s->argv[i]);
    }
}

/* Where the texts lie, and after them the list of all words, which ends with a zero. */
static bool write_words(struct words *w, struct exec_call *call) {
    size_t texts = (w->texts.len + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
    size_t list = (w->len + 1) * sizeof(uint64_t);
    uint64_t at = (call->stack - texts - list) & ~(uint64_t)(ALIGNMENT - 1);
    for (size_t i = 0; i < w->len; i++) {
        w->items[i] += w->is_text[i] ? at : 0;
    }
    struct iovec local[] = { { w->texts.ptr, w->texts.len }, { w->items, list } };
    struct iovec remote[] = {
        { (void *)(uintptr_t)at, w->texts.len },
        { (void *)(uintptr_t)(at + texts), list },
    };
    call->path = at;
    call->argv = at + texts;
    return !w->texts.full &&
           process_vm_writev(call->pid, local, 2, remote, 2, 0) == (ssize_t)(w->texts.len + list);
}

static void start_standin(struct start *s, const struct sandbox_standin *item) {
    enum { OWN_WORDS = 32 };
    size_t cap = s->argc + OWN_WORDS;
    struct words w = {
        .s = s,
        .texts = BUF_INIT(64 * 1024),
        .items = ARENA_ARRAY(s->arena, uint64_t, cap),
        .is_text = ARENA_ARRAY(s->arena, bool, cap),
    };
    add_words(&w, item);
    if (write_words(&w, &s->call)) {
        (void)!exec_call_set(&s->call);
    }
    buf_done(&w.texts);
}

void standin_start(const struct sandbox_standins *standins, pid_t pid) {
    AUTO_ARENA arena = arena_new();
    struct start s = { .arena = arena, .standins = standins, .rootfd = -1 };
    if (exec_call_get(pid, &s.call)) {
        const char *path = read_text(arena, pid, s.call.path);
        const struct sandbox_standin *item = NULL;
        if (path != NULL && open_root(&s) && read_list(&s, s.call.argv, &s.argv, &s.argc) &&
            s.argc > 0 && find_program(&s, path)) {
            item = find_standin(&s);
        }
        if (item != NULL && !has_preload(&s)) {
            start_standin(&s, item);
        }
    }
    fd_close_auto(&s.rootfd);
}
