#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No test asserts that something took less than so many seconds: on a slow machine it takes longer, and is still right.

What is refused, in tests of Python: an assertion that a difference of clock times is below a constant; and a deadline, asserted in a
loop, of less than a minute from now. In unit tests of C: an assertion with a difference of time_now_ms() below a number.

What to write: let the wrong program wait for ever, and the right one end (`sleep 100000`); look at the order of events; compare with
what the same test has measured, in seconds of a processor. A lower bound is fine: waiting longer does not break it.
"""
import ast
import re
import sys

import tree

CLOCKS = {"monotonic", "time", "perf_counter", "monotonic_ns", "time_ns", "perf_counter_ns"}
DEADLINE_S_MIN = 60
# file:function -> why it may
EXCEPTIONS = {}


def is_clock(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
            and isinstance(node.func.value, ast.Name) and node.func.value.id == "time")


def is_difference(node, spans):
    """A difference of clock times, or a name that has been given one."""
    if isinstance(node, ast.Name):
        return node.id in spans
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and any(is_clock(n) for n in ast.walk(node))


def is_constant(node):
    return not any(isinstance(n, (ast.Name, ast.Call)) and not (isinstance(n, ast.Name) and n.id.isupper()) for n in ast.walk(node))


def upper_bounds(compare):
    """(what is below, what it is below) of each part of a comparison."""
    sides = [compare.left, *compare.comparators]
    for left, op, right in zip(sides, compare.ops, sides[1:]):
        if isinstance(op, (ast.Lt, ast.LtE)):
            yield left, right
        elif isinstance(op, (ast.Gt, ast.GtE)):
            yield right, left


def problems_in(function):
    spans, deadlines = set(), {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if is_difference(value, ()):
                spans.add(name)
            if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) and is_clock(value.left) and isinstance(value.right, ast.Constant):
                deadlines[name] = value.right.value
    for node in ast.walk(function):
        if not isinstance(node, ast.Assert):
            continue
        for compare in (n for n in ast.walk(node.test) if isinstance(n, ast.Compare)):
            for small, large in upper_bounds(compare):
                if is_difference(small, spans) and is_constant(large):
                    yield node.lineno, "asserts that something took less than so long"
                if is_clock(small) and isinstance(large, ast.Name) and deadlines.get(large.id, DEADLINE_S_MIN) < DEADLINE_S_MIN:
                    yield node.lineno, f"asserts that something happens within {deadlines[large.id]} s"


def python_problems(name):
    for node in ast.parse(tree.text(name)).body:
        for function in [node, *getattr(node, "body", [])] if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and f"{name}:{function.name}" not in EXCEPTIONS:
                yield from problems_in(function)


def c_problems(name):
    code = tree.code(tree.text(name))
    for found in re.finditer(r"\bassert\w*\([^;]*time_now_(?:ms|epoch_s)\(\)\s*-[^;]*<=?\s*\d", code):
        yield code.count("\n", 0, found.start()) + 1, "asserts that something took less than so long"


def main():
    problems = []
    names = [n for n in tree.files() if n.startswith(("tests/", "src/", "guest/")) and n.endswith((".py", "_test.c"))
             and not n.startswith(tree.FIXTURES[1:])]
    for name in names:
        for line, what in python_problems(name) if name.endswith(".py") else c_problems(name):
            problems.append(f"{name}:{line}: {what}")
    return tree.end(problems, f"{len(names)} files of tests, none asks the clock")


if __name__ == "__main__":
    sys.exit(main())
