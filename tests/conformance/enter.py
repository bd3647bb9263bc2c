#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program with another folder as the root of its own mount namespace.

    enter.py ROOT WORK /PROGRAM [ARGUMENT...]

WORK is seen as /work, and the host's /proc, /sys and /dev are there. A plain chroot is not enough: the programs that are
run here remount their root, which must be a mount point for that.
"""
import ctypes
import os
import sys

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000
MNT_DETACH = 2
# mount(8)'s newer way takes no more than 256 characters an option, which three layers of an overlay pass.
RUN_ENV = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/run", "TMPDIR": "/work/tmp", "DOCKER_HOST": "unix:///run/docker.sock",
           "LIBMOUNT_FORCE_MOUNT2": "always"}
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        sys.exit(f"enter.py: {what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind=None, flags=0):
    os.makedirs(target, exist_ok=True)
    kind = kind.encode() if kind else None
    check(libc.mount(os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), None), f"mount {target}")


def main():
    root, work, program = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(root, root, flags=MS_BIND)
    for name in ("proc", "sys", "dev"):
        mount("/" + name, f"{root}/{name}", flags=MS_BIND | MS_REC)
    mount("tmpfs", f"{root}/run", "tmpfs")
    mount("tmpfs", f"{root}/tmp", "tmpfs")
    mount(work, f"{root}/work", flags=MS_BIND)
    os.chdir(root)
    check(libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    os.execve(program[0], program, RUN_ENV)


if __name__ == "__main__":
    main()
