#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file says its licence in its first line."""
import sys

import tree

LINE = "// SPDX-License-Identifier: Apache-2.0"


def main():
    names = tree.c_files()
    problems = [f"{name}:1: the first line is not '{LINE}'" for name in names
                if tree.text(name).split("\n", 1)[0] != LINE]
    return tree.end(problems, f"{len(names)} files")


if __name__ == "__main__":
    sys.exit(main())
