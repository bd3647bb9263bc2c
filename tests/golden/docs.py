#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ that come from tables are what the program prints.

    docs.py PROGRAM [--update]
"""
import difflib
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGES = {"reference/config.md": "config", "reference/diagnostics/README.md": "diagnostics"}
CODES = re.compile(r'^    \{ "([EW]\d{3})"', re.M)


def pages():
    """Each page's file, and what `reference` calls it."""
    codes = CODES.findall((DOCS.parent / "src/diag/codes.c").read_text())
    return PAGES | {f"reference/diagnostics/{code}.md": code for code in codes}


def printed(program, page):
    done = subprocess.run([program, "reference", page], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def main():
    program, update = sys.argv[1], "--update" in sys.argv[2:]
    problems = []
    for name, page in pages().items():
        now = printed(program, page)
        path = DOCS / name
        if update:
            path.write_text(now)
        was = path.read_text() if path.exists() else ""
        if was != now:
            problems += difflib.unified_diff(was.splitlines(), now.splitlines(), f"docs/{name}", "printed", lineterm="")
            problems.append(f"docs/{name} is not what 'reference {page}' prints: docs.py PROGRAM --update")
    left = {p.name for p in (DOCS / "reference/diagnostics").iterdir()} - {pathlib.Path(n).name for n in pages()}
    problems += [f"docs/reference/diagnostics/{name}: the page of a code that is not there" for name in sorted(left)]
    print("\n".join(problems) or f"{len(pages())} pages as printed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
