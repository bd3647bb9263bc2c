#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Words that no C file holds, and what only some may: printing is for src/cli.

(Variable length arrays are refused by the compiler: -Werror=vla in meson.build.)
"""
import re
import sys

import tree

# word -> what to write instead
BANNED = {
    "strtol": "str_to_i64", "strtoll": "str_to_i64", "strtoul": "str_to_u64", "strtoull": "str_to_u64",
    "atoi": "str_to_i64", "atol": "str_to_i64", "atoll": "str_to_i64", "atof": "a parser that says what is wrong",
    "sscanf": "str_cut and str_to_u64",
    "sprintf": "snprintf, buf_addf or str_fmt", "vsprintf": "buf_vaddf",
    "strcpy": "str_dup, buf_add or memcpy with a checked length", "stpcpy": "buf_add", "strncpy": "memcpy",
    "strcat": "buf_add or str_concat", "strncat": "buf_add",
    "alloca": "an arena", "gets": "fs_load_fd",
    "strtok": "str_cut", "tmpnam": "fs_replace_open", "mktemp": "mkdtemp or fs_replace_open",
    "system": "proc_run", "popen": "proc_run",
}
PRINTS = ["printf", "fprintf", "vprintf", "vfprintf", "puts", "fputs", "putchar", "fputc", "putc", "perror",
          "dprintf", "vdprintf", "stdout", "stderr"]
# Who prints besides src/cli: the last words of a process that ends.
MAY_PRINT = {"src/base/assert.c", "src/base/arena.c", "src/base/buf.c"}


def calls(code, words):
    """(line, word) of each word that is called (streams: named)."""
    pattern = re.compile(r"(?<![\w.>])(%s)\b(?=\s*\()|\b(stdout|stderr)\b" % "|".join(words))
    for found in pattern.finditer(code):
        word = found.group(1) or found.group(2)
        if word in words:
            yield code.count("\n", 0, found.start()) + 1, word


def main():
    problems = []
    names = tree.c_files()
    for name in names:
        code = tree.code(tree.text(name))
        problems += [f"{name}:{line}: {word}: use {BANNED[word]}" for line, word in calls(code, list(BANNED))]
        room = name.startswith("src/") and not name.startswith("src/cli/") and not name.endswith("_test.c")
        if room and name not in MAY_PRINT:
            problems += [f"{name}:{line}: {word}: only src/cli prints" for line, word in calls(code, PRINTS)]
    return tree.end(problems, f"{len(names)} files without a banned word")


if __name__ == "__main__":
    sys.exit(main())
