#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of a new guest folder as a C table: embed_guest.py OUTPUT.c ROOT FILE...

Paths in the table are those below ROOT; a file that may be executed there is marked.
"""
import os
import sys
from pathlib import Path


def literal(data):
    """C string literals, a line each; octal escapes end after three digits."""
    def char(b):
        return chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}"
    return ['        "' + "".join(map(char, line)) + '"' for line in data.splitlines(keepends=True)] or ['        ""']


def main():
    output, root, *files = sys.argv[1:]
    lines = ["/* Made by src/scaffold/embed_guest.py. */", '#include "scaffold/scaffold.h"', "",
             "const struct scaffold_file starter_files[] = {"]
    for name in files:
        path = Path(root) / name
        data = path.read_bytes()
        executable = "true" if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else "false"
        lines += [f'    {{ "{name}", {executable}, {len(data)},', *literal(data), "    },"]
    lines += ["};", "const size_t starter_file_count = sizeof starter_files / sizeof starter_files[0];", ""]
    Path(output).write_text("\n".join(lines))


if __name__ == "__main__":
    main()
