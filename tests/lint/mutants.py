#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each row of tests/mutants/*.toml applies to the code as it is, and names a test that there is.

    mutants.py [BUILD]

tools/mutants tries the rows themselves, which takes an hour: here nothing is compiled.
"""
import json
import pathlib
import sys

import tree

sys.path.insert(0, str(tree.ROOT / "tests/mutants"))
import rows as table  # noqa: E402


def unknown_tests(rows, build):
    """By the tests of a build folder, but for what a portable one leaves out."""
    known = {t["name"] for t in json.loads((build / "meson-info/intro-tests.json").read_text())}
    return [f"tests/mutants/{row['room']}.toml: {row['name']}: there is not a test '{row['test']}'"
            for row in rows if row.get("test") not in known]


def main():
    rows = table.load()
    problems = table.problems(rows)
    if len(sys.argv) > 1:
        problems += unknown_tests(rows, pathlib.Path(sys.argv[1]))
    if problems:
        problems.append("a row whose code is now otherwise is to be changed with it: see tests/mutants/rows.py")
    return tree.end(problems, f"{len(rows)} mutants")


if __name__ == "__main__":
    sys.exit(main())
