#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns files into C arrays: embed.py OUTPUT.c NAME=FILE...

Each becomes `const char NAME[]`, with a NUL behind it, and `const size_t NAME_len`.
"""
import sys
from pathlib import Path


def main():
    output, *items = sys.argv[1:]
    lines = ["/* Made by src/recipe/embed.py. */", "#include <stddef.h>", ""]
    for item in items:
        name, path = item.split("=", 1)
        data = Path(path).read_bytes()
        lines += [f"extern const char {name}[];", f"extern const size_t {name}_len;"]
        lines.append(f"const char {name}[] = {{")
        for start in range(0, len(data), 16):
            lines.append("    " + " ".join(f"'\\x{b:02x}'," for b in data[start : start + 16]))
        lines += ["    0,", "};", f"const size_t {name}_len = {len(data)};", ""]
    Path(output).write_text("\n".join(lines))


if __name__ == "__main__":
    main()
