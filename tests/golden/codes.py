#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic that the program can report has a golden case that shows it, and a row in the
registry.

    codes.py [PREFIX ...]     only codes that start so: "E0", "W"
"""
import pathlib
import re
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]


def registered():
    text = (REPO / "src/diag/codes.c").read_text()
    return set(re.findall(r'^    \{ "([EW]\d{3})"', text, re.M))


def reported():
    codes = set()
    for path in (REPO / "src").glob("*/*.c"):
        if path.name != "codes.c" and not path.name.endswith("_test.c"):
            codes.update(re.findall(r'"([EW]\d{3})"', path.read_text()))
    return codes


def shown():
    codes = set()
    for path in (REPO / "tests/golden").glob("*/*/std*"):
        codes.update(re.findall(r"\[([EW]\d{3})\]", path.read_text("utf-8", "replace")))
    return codes


def main():
    problems = [f"{code} is reported, but has no row in src/diag/codes.c"
                for code in sorted(reported() - registered())]
    problems += [f"{code} has a row, but nothing reports it"
                 for code in sorted(registered() - reported())]
    problems += [f"{code} has no golden case in tests/golden"
                 for code in sorted(reported() - shown())]
    wanted = tuple(sys.argv[1:]) or ("E", "W")
    problems = [p for p in problems if p.startswith(wanted)]
    count = sum(code.startswith(wanted) for code in reported())
    print("\n".join(problems) or f"{count} codes, each with a golden case")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
