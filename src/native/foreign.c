// SPDX-License-Identifier: Apache-2.0
/*
 * RUN for another architecture: the kernel starts such programs through an interpreter, qemu-user,
 * that is registered with it (kernel, Documentation/admin-guide/binfmt-misc.rst). What is
 * registered is found by the header that such a program begins with, not by a name.
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "base/worker.h"
#include "native/native.h"

static const char folder[] = "/proc/sys/fs/binfmt_misc";

enum { ENTRY_BYTES_MAX = 64 * 1024, HEADER_BYTES = 20 };

static const struct program_kind {
    str architecture;
    uint8_t class;
    uint8_t data;
    uint16_t number;
} kinds[] = {
    { S_INIT("amd64"), ELFCLASS64, ELFDATA2LSB, EM_X86_64 },
    { S_INIT("386"), ELFCLASS32, ELFDATA2LSB, EM_386 },
    { S_INIT("arm64"), ELFCLASS64, ELFDATA2LSB, EM_AARCH64 },
    { S_INIT("arm"), ELFCLASS32, ELFDATA2LSB, EM_ARM },
    { S_INIT("riscv64"), ELFCLASS64, ELFDATA2LSB, EM_RISCV },
    { S_INIT("ppc64le"), ELFCLASS64, ELFDATA2LSB, EM_PPC64 },
    { S_INIT("s390x"), ELFCLASS64, ELFDATA2MSB, EM_S390 },
    { S_INIT("loong64"), ELFCLASS64, ELFDATA2LSB, 258 },
    { S_INIT("mips64le"), ELFCLASS64, ELFDATA2LSB, EM_MIPS },
};

/* Processors that run the programs of a smaller one themselves. */
static const struct {
    str host, other;
} sisters[] = { { S_INIT("amd64"), S_INIT("386") }, { S_INIT("arm64"), S_INIT("arm") } };

bool native_is(str architecture) {
    str host = oci_platform_host().architecture;
    for (size_t i = 0; i < ARRAY_LEN(sisters); i++) {
        if (str_eq(sisters[i].host, host) && str_eq(sisters[i].other, architecture)) {
            return true;
        }
    }
    return str_eq(host, architecture);
}

/* ---- what is registered ---- */

static bool make_header(str architecture, uint8_t header[HEADER_BYTES]) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct program_kind *m = &kinds[i];
        if (!str_eq(m->architecture, architecture)) {
            continue;
        }
        bool big = m->data == ELFDATA2MSB;
        uint16_t kind = big ? htobe16(ET_EXEC) : htole16(ET_EXEC);
        uint16_t number = big ? htobe16(m->number) : htole16(m->number);
        memset(header, 0, HEADER_BYTES);
        memcpy(header, ELFMAG, SELFMAG);
        header[EI_CLASS] = m->class;
        header[EI_DATA] = m->data;
        header[EI_VERSION] = EV_CURRENT;
        memcpy(header + 16, &kind, sizeof kind);
        memcpy(header + 18, &number, sizeof number);
        return true;
    }
    return false;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Byte i of a text of hex digits; a mask that is not there is all ones. */
static int hex_byte(str hex, size_t i) {
    if (hex.len == 0) {
        return 0xff;
    }
    int high = 2 * i + 1 < hex.len ? hex_digit(hex.ptr[2 * i]) : -1;
    return high < 0 ? -1 : 16 * high + hex_digit(hex.ptr[2 * i + 1]);
}

struct handler {
    str interpreter;
    bool fixed; /* flag F: the kernel holds it open, in any root */
};

static bool matches(str magic, str mask, const uint8_t header[HEADER_BYTES]) {
    for (size_t i = 0; 2 * i < magic.len; i++) {
        int wanted = hex_byte(magic, i);
        int care = hex_byte(mask, i);
        int got = i < HEADER_BYTES ? header[i] : 0;
        if (wanted < 0 || care < 0 || ((wanted ^ got) & care) != 0) {
            return false;
        }
    }
    return magic.len >= (size_t)2 * HEADER_BYTES; /* shorter: of more than one machine */
}

/* An entry: "enabled", "interpreter PATH", "flags: OCF", "offset 0", "magic 7f45...", "mask ...".
 */
static bool parse_entry(str text, const uint8_t header[HEADER_BYTES], struct handler *ret) {
    struct handler h = { 0 };
    str magic = { 0 };
    str mask = { 0 };
    if (!str_eq(str_cut(&text, '\n'), S("enabled"))) {
        return false;
    }
    while (text.len > 0) {
        str value = str_cut(&text, '\n');
        str key = str_cut(&value, ' ');
        if (str_eq(key, S("interpreter"))) {
            h.interpreter = value;
        } else if (str_eq(key, S("flags:"))) {
            h.fixed = str_find_char(value, 'F', 0) != STR_NONE;
        } else if (str_eq(key, S("offset")) && !str_eq(value, S("0"))) {
            return false;
        } else if (str_eq(key, S("magic"))) {
            magic = value;
        } else if (str_eq(key, S("mask"))) {
            mask = value;
        }
    }
    *ret = h;
    return h.interpreter.len > 0 && matches(magic, mask, header);
}

/* Where nobody has mounted it, as in many containers, handlers work all the same. In a user
 * namespace a mount would be one of its own, with none. */
static void mount_list(void) {
    if (!fs_exists(AT_FDCWD, "/proc/sys/fs/binfmt_misc/status") &&
        sandbox_rights() == SANDBOX_ROOT && unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        (void)!mount("binfmt_misc", folder, "binfmt_misc", 0, NULL);
    }
}

/* A worker_function: writes "F/path" or "-/path", or nothing. */
static bool search(void *self, int outfd, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    struct err ignored = ERR_INIT;
    mount_list();
    if (!fs_list(scratch, AT_FDCWD, folder, &names, &count, &ignored)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        struct handler h;
        str text;
        const char *path = path_join(scratch, folder, names[i]);
        if (strcmp(names[i], "register") != 0 &&
            fs_load(scratch, AT_FDCWD, path, ENTRY_BYTES_MAX, &text, NULL) &&
            parse_entry(text, self, &h)) {
            return fs_write_all(outfd, h.fixed ? "F" : "-", 1, err) &&
                   fs_write_all(outfd, h.interpreter.ptr, h.interpreter.len, err);
        }
    }
    return true;
}

static bool find_handler(struct arena *a, str architecture, const volatile sig_atomic_t *cancelled,
                         struct handler *ret) {
    uint8_t header[HEADER_BYTES];
    AUTO_WORKER worker = WORKER_INIT;
    AUTO_BUF out = BUF_INIT(PATH_MAX + 1);
    struct err ignored = ERR_INIT;
    if (!make_header(architecture, header) || !worker_start(search, header, &worker, &ignored) ||
        !worker_finish(&worker, &out, cancelled, &ignored) || out.len < 2) {
        return false;
    }
    str text = str_dup(a, buf_str(&out));
    *ret = (struct handler){ str_slice(text, 1, text.len), text.ptr[0] == 'F' };
    return true;
}

/* An emulator whose program is not there any more is as good as none. */
static bool is_usable(struct arena *a, const struct handler *h) {
    return h->fixed || fs_exists(AT_FDCWD, str_to_c(a, h->interpreter));
}

bool native_find_emulator(struct arena *a, const struct oci_platform *platform,
                          const volatile sig_atomic_t *cancelled, const char **ret_interpreter) {
    struct handler h;
    *ret_interpreter = NULL;
    if (native_is(platform->architecture)) {
        return true;
    }
    if (!find_handler(a, platform->architecture, cancelled, &h) || !is_usable(a, &h)) {
        return false;
    }
    *ret_interpreter = h.fixed ? NULL : str_to_c(a, h.interpreter);
    return true;
}
