#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Functions stay short, files too. Prints the longest; fails past the limits.

A function may be longer when it is a flat switch that dispatches: nothing in it is nested deeper
than one block in a case.
"""
import statistics
import sys

import tree

FUNCTION_LINES = 100
FILE_LINES = 700
DEEPEST_INDENT = 12  # function, switch, case, one block


def functions(code):
    """(name, first line, lines of the body) of each function, by the layout that clang-format gives."""
    lines = code.splitlines()
    head = None
    for number, line in enumerate(lines, 1):
        if line and line[0] not in " #}":
            head = number
        if line.endswith("{") and head is not None and "(" in lines[head - 1] and " = " not in lines[head - 1]:
            start = head
            head = None
            last = next((n for n in range(number, len(lines)) if lines[n] == "}"), None)
            if last is not None:
                name = lines[start - 1].split("(")[0].split()[-1].lstrip("*")
                yield name, start, lines[number:last]


def is_flat_switch(body):
    used = [line for line in body if line.strip()]
    return (any(line.startswith("    switch (") for line in used)
            and all(len(line) - len(line.lstrip()) <= DEEPEST_INDENT for line in used))


def main():
    problems, found = [], []
    names = tree.c_files()
    for name in names:
        source = tree.text(name)
        lines = source.count("\n")
        if lines > FILE_LINES:
            problems.append(f"{name}: {lines} lines, more than {FILE_LINES}: is it two things?")
        for function, start, body in functions(tree.code(source)):
            found.append((len(body), f"{name}:{start} {function}"))
            if len(body) > FUNCTION_LINES and not is_flat_switch(body):
                problems.append(f"{name}:{start}: {function} has {len(body)} lines, more than {FUNCTION_LINES}")
    for length, where in sorted(found, reverse=True)[:5]:
        print(f"{length:5} lines  {where}")
    median = int(statistics.median(length for length, _ in found))
    return tree.end(problems, f"{len(found)} functions, median {median} lines")


if __name__ == "__main__":
    sys.exit(main())
