#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the portable program is made of uses no header, word or function that macOS lacks.

    portable.py BUILD

BUILD is one with -Dportable=true. Looked at are the files that were compiled for the program and the rooms, what they include
from src/, and the undefined symbols of their objects. What is allowed is in portable.txt. (What glibc shows to _GNU_SOURCE only
has been refused by the compiler before.)
"""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

import tree

# word -> what to do instead; glibc shows these to everybody
LINUX_WORDS = {
    "SOCK_CLOEXEC": "os_socket", "SOCK_NONBLOCK": "os_socket, then fcntl", "MSG_NOSIGNAL": "a process that ignores SIGPIPE",
    "MSG_CMSG_CLOEXEC": "fcntl", "MAP_POPULATE": "nothing", "MAP_HUGETLB": "nothing", "MADV_HUGEPAGE": "nothing",
    "MADV_DONTFORK": "nothing", "EBADFD": "EBADF", "EREMOTEIO": "EIO", "EUCLEAN": "EIO", "ENOTUNIQ": "EEXIST",
    "ENOMEDIUM": "ENOENT", "ENOKEY": "EACCES", "OPEN_MAX": "another name: macOS has it as a macro", "incbin": "an array",
    "program_invocation_name": "argv[0]", "CLOCK_BOOTTIME": "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_COARSE": "CLOCK_MONOTONIC",
}
# Sections are named otherwise in Mach-O, which has no aliases.
ATTRIBUTES = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\b(section|alias|ifunc)\s*\(")
# A path that only Linux has, where not finding it is an answer: file -> why
LINUX_PATHS = {
    "src/base/idmap.c": "without these files the ids are those of the machine",
    "src/image/dir.c": "for extended attributes, of which there are none",
    "src/vm/accel.c": "a verdict on KVM, which is not there",
    "src/base/os_portable.c": "the path for others than macOS",
    "src/docker/container.c": "of Docker's containers, which are Linux",
    "src/run/volumes.c": "a folder that is copied for the guest is an error there",
    "src/doctor/tools.c": "asked for the embedded engine only",
}
# behind #ifdef of the one system that has it
BEHIND_IFDEF = {("src/base/os.h", "sys/sysmacros.h"), ("src/base/shown.h", "xlocale.h"), ("src/base/os_portable.c", "mach-o/dyld.h")}
# glibc's own names of what a call is in the source
RENAMED = [(r"^__isoc\d\d_", ""), (r"^__(\w+)_chk$", r"\1"), (r"^(f?open|openat|mkstemp|lseek|mmap|pread|pwrite|ftruncate|fcntl|"
           r"readdir|stat|fstat|lstat|fstatat|statvfs|getrlimit|setrlimit)64$", r"\1")]
# names of the C library's inside, behind macros of portable headers, and of the linker
INSIDE = {"_GLOBAL_OFFSET_TABLE_", "__errno_location", "__ctype_b_loc", "__ctype_tolower_loc", "__ctype_toupper_loc",
          "__stack_chk_fail", "__tls_get_addr", "__fdelt", "__fdelt_warn", "__assert_fail", "__xpg_strerror_r"}


def allowed(kind):
    """The words of one part of portable.txt."""
    text = (pathlib.Path(__file__).parent / "portable.txt").read_text()
    lines = [line for line in text.split(f"\n{kind}\n", 1)[1].split("\n\n", 1)[0].splitlines() if not line.startswith("#")]
    return " ".join(lines).split()


def may(name, words):
    return any(fnmatch.fnmatchcase(name, word) for word in words)


def check_text(name, source):
    problems, headers = [], allowed("headers")
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if found and (name, found.group(1)) not in BEHIND_IFDEF and not may(found.group(1), headers):
            problems.append(f"{name}:{number}: <{found.group(1)}> is not in portable.txt: macOS may lack it")
        if re.search(r'"/(proc|sys)/', line) and name not in LINUX_PATHS:
            problems.append(f"{name}:{number}: a path that only Linux has: ask base/os.h, or say in portable.py what is "
                            "when it is not there")
    code = tree.code(source)
    for found in re.finditer(r"\b(%s)\b" % "|".join(LINUX_WORDS), code):
        line = code.count("\n", 0, found.start()) + 1
        problems.append(f"{name}:{line}: {found.group()}: macOS lacks it; take {LINUX_WORDS[found.group()]}")
    for found in ATTRIBUTES.finditer(code):
        problems.append(f"{name}:{code.count(chr(10), 0, found.start()) + 1}: {found.group(1)}: Mach-O has it otherwise, or not")
    return problems


def plain(symbol):
    for pattern, name in RENAMED:
        symbol = re.sub(pattern, name, symbol)
    return symbol


def check_symbols(users):
    """`users`: an undefined symbol to the objects that want it."""
    functions = allowed("functions")
    return [f"{', '.join(sorted(objects))}: {plain(symbol)} is not in portable.txt: when macOS has it add it there, else it "
            "belongs behind base/os.h" for symbol, objects in sorted(users.items())
            if symbol not in INSIDE and not may(plain(symbol), functions)]


def objects_of(build):
    """The program's objects and those of the rooms, without tests: (object, source)."""
    rooms = re.compile(r"(capsem-builder\.p|src/\w+/libcapsem_\w+\.a\.p)/")
    for command in json.loads((build / "compile_commands.json").read_text()):
        if rooms.match(command["output"]):
            yield command["output"], pathlib.Path(build, command["file"]).resolve()


def undefined(build, objects):
    users, defined = {}, set()
    listed = subprocess.run(["nm", "--format=posix", "--print-file-name", *objects], cwd=build, capture_output=True, text=True,
                            check=True).stdout
    for line in listed.splitlines():
        path, symbol, kind = line.split()[:3]
        if kind == "U":
            users.setdefault(symbol, set()).add(pathlib.Path(path.rstrip(":")).name)
        else:
            defined.add(symbol)
    return {symbol: objects for symbol, objects in users.items() if symbol not in defined}


def headers_of(build, objects):
    """Headers of ours that the objects were made with."""
    deps = subprocess.run(["ninja", "-t", "deps", *objects], cwd=build, capture_output=True, text=True, check=True).stdout
    paths = {pathlib.Path(build, line.strip()).resolve() for line in deps.splitlines() if line.startswith("    ")}
    return {path for path in paths if path.is_relative_to(tree.ROOT) and path.suffix == ".h" and build not in path.parents}


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    made = dict(objects_of(build))
    sources = {path for path in made.values() if build not in path.parents} | headers_of(build, made)
    if len(made) < 300 or len(sources) < 300:
        return tree.end([f"only {len(made)} objects and {len(sources)} files are looked at"], "")
    problems = []
    for path in sorted(sources):
        problems += check_text(str(path.relative_to(tree.ROOT)), path.read_text())
    problems += check_symbols(undefined(build, made))
    return tree.end(problems, f"{len(sources)} files and {len(made)} objects that macOS has all for")


if __name__ == "__main__":
    sys.exit(main())
