// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "machine/machine.h"
#include "vm/internal.h"

const char *vm_qemu_program(const char *arch) {
    const struct machine *found = machine_find(str_from_c(arch));
    return found == NULL ? NULL : found->qemu.program;
}

const char *vm_qemu_package(const char *arch) {
    const struct machine *found = machine_find(str_from_c(arch));
    return found == NULL ? NULL : found->qemu.package;
}

struct args {
    struct arena *arena;
    const char **items;
    size_t len, cap;
};

static void add(struct args *args, const char *word) {
    ARENA_PUSH(args->arena, args->items, args->len, args->cap, word);
}

static void add2(struct args *args, const char *option, const char *value) {
    add(args, option);
    add(args, value);
}

/* QEMU's option parser ends a value at a comma; two stand for one. */
static const char *escape_commas(struct arena *a, const char *value) {
    size_t len = strlen(value);
    char *out = arena_alloc(a, 2 * len + 1);
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        out[at++] = value[i];
        if (value[i] == ',') {
            out[at++] = ',';
        }
    }
    return out;
}

/* A socket that is connected, or, of a machine that stays, one to listen at. */
static void add_stream(struct args *args, const struct vm_spec *spec, const char *name,
                       enum qemu_fd fd) {
    const char *how = spec->keep_dir == NULL ? "" : ",server=on,wait=off";
    add2(args, "-chardev", str_fmt(args->arena, "socket,id=%s,fd=%d%s", name, fd, how).ptr);
}

static void add_port(struct args *args, const char *name) {
    add2(args, "-device",
         str_fmt(args->arena, "virtserialport,chardev=%s,name=capsem.%s", name, name).ptr);
}

static void add_root(struct args *args, const char *path) {
    add2(args, "-blockdev",
         str_fmt(args->arena,
                 "driver=raw,node-name=root,read-only=on,file.driver=file,file.locking=off,"
                 "file.filename=%s",
                 escape_commas(args->arena, path))
             .ptr);
    add2(args, "-device", "virtio-blk-pci,drive=root");
}

/* A write that the host has no room for fails in the guest; QEMU would stop the machine. */
static void add_scratch(struct args *args) {
    add2(args, "-add-fd", str_fmt(args->arena, "fd=%d,set=1", QEMU_SCRATCH).ptr);
    add2(args, "-blockdev",
         "driver=raw,node-name=scratch,discard=unmap,file.driver=file,file.locking=off,"
         "file.filename=/dev/fdset/1");
    add2(args, "-device", "virtio-blk-pci,drive=scratch,werror=report,rerror=report");
}

static void add_shared(struct args *args, const char *tag, int fd) {
    add2(args, "-chardev", str_fmt(args->arena, "socket,id=%s,fd=%d", tag, fd).ptr);
    add2(args, "-device",
         str_fmt(args->arena, "vhost-user-fs-pci,chardev=%s,tag=%s", tag, tag).ptr);
}

static void add_copy(struct args *args, const char *tag, int fd) {
    add2(args, "-add-fd", str_fmt(args->arena, "fd=%d,set=%d", fd, fd).ptr);
    add2(args, "-blockdev",
         str_fmt(args->arena,
                 "driver=raw,node-name=%s,read-only=on,file.driver=file,file.locking=off,"
                 "file.filename=/dev/fdset/%d",
                 tag, fd)
             .ptr);
    add2(args, "-device", str_fmt(args->arena, "virtio-blk-pci,drive=%s,serial=%s", tag, tag).ptr);
}

static void add_volumes(struct args *args, const struct vm_spec *spec) {
    for (size_t i = 0; i < spec->volume_count; i++) {
        const struct vm_volume *volume = &spec->volumes[i];
        int fd = QEMU_VOLUME + (int)i;
        if (volume->image_fd > 0) {
            add_copy(args, volume->tag, fd);
        } else {
            add_shared(args, volume->tag, fd);
        }
    }
}

static bool shares_any(const struct vm_spec *spec) {
    for (size_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].image_fd <= 0) {
            return true;
        }
    }
    return false;
}

/* What serves a shared volume reads and writes the guest's memory. */
static const char *vm_machine_of(struct args *args, const struct machine *arch,
                                 const struct vm_spec *spec) {
    if (!shares_any(spec)) {
        return arch->qemu.machine;
    }
    add2(args, "-object",
         str_fmt(args->arena, "memory-backend-memfd,id=memory,share=on,size=%lluM",
                 (unsigned long long)spec->memory_mb)
             .ptr);
    return str_fmt(args->arena, "%s,memory-backend=memory", arch->qemu.machine).ptr;
}

/* panic=-1: a panic resets at once, and -no-reboot turns that into QEMU's end. Without the word for
 * it the kernel shuffles its free pages only where a cache of memory asks for it. */
static const char *command_line(struct arena *a, const struct machine *arch,
                                const struct vm_spec *spec, bool loud) {
    return str_fmt(a, "console=%s panic=-1 page_alloc.shuffle=1 %s%s%s", arch->qemu.console,
                   loud ? "loglevel=7" : "quiet loglevel=4", spec->append == NULL ? "" : " ",
                   spec->append == NULL ? "" : spec->append)
        .ptr;
}

const char **qemu_args(struct arena *a, const struct vm_spec *spec, enum vm_accel accel,
                       bool loud) {
    const struct machine *arch = machine_find(str_from_c(spec->arch));
    ASSERT(arch != NULL && accel != VM_ACCEL_AUTO);
    struct args args = { .arena = a };
    add(&args, arch->qemu.program);
    add(&args, "-no-user-config");
    add(&args, "-nodefaults");
    add(&args, "-no-reboot");
    add2(&args, "-name", "capsem");
    add2(&args, "-display", "none");
    add2(&args, "-sandbox",
         "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add2(&args, "-machine", vm_machine_of(&args, arch, spec));
    add2(&args, "-accel", vm_accel_name(accel));
    add2(&args, "-cpu", accel == VM_ACCEL_KVM ? "host" : arch->qemu.cpu_tcg);
    add2(&args, "-smp", str_fmt(a, "%u", spec->cpus).ptr);
    add2(&args, "-m", str_fmt(a, "%lluM", (unsigned long long)spec->memory_mb).ptr);
    add2(&args, "-kernel", spec->kernel);
    add2(&args, "-initrd", spec->initrd);
    add2(&args, "-append", command_line(a, arch, spec, loud));
    add_stream(&args, spec, "console", QEMU_CONSOLE);
    add2(&args, "-serial", "chardev:console");
    if (spec->rootfs != NULL) {
        add_root(&args, spec->rootfs);
    }
    if (spec->scratch_fd > 0) {
        add_scratch(&args);
    }
    add2(&args, "-device", "virtio-rng-pci");
    add2(&args, "-device", "virtio-serial-pci,max_ports=5");
    add_stream(&args, spec, "control", QEMU_CONTROL);
    add_port(&args, "control");
    add_stream(&args, spec, "terminal", QEMU_TERMINAL);
    add_port(&args, "terminal");
    if (spec->net_fd > 0) {
        add2(&args, "-chardev", str_fmt(a, "socket,id=net,fd=%d", QEMU_NET).ptr);
        add_port(&args, "net");
    }
    if (spec->mcp_fd > 0) {
        add2(&args, "-chardev", str_fmt(a, "socket,id=mcp,fd=%d", QEMU_MCP).ptr);
        add_port(&args, "mcp");
    }
    add_volumes(&args, spec);
    add(&args, NULL);
    return args.items;
}
