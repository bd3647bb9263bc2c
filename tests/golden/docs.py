#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ that come from tables are what the program prints.

    docs.py PROGRAM [--update]
"""
import difflib
import pathlib
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGES = {"reference/config.md": "config", "reference/diagnostics.md": "diagnostics"}


def printed(program, page):
    done = subprocess.run([program, "reference", page], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def main():
    program, update = sys.argv[1], "--update" in sys.argv[2:]
    problems = []
    for name, page in PAGES.items():
        now = printed(program, page)
        path = DOCS / name
        if update:
            path.write_text(now)
        was = path.read_text() if path.exists() else ""
        if was != now:
            problems += difflib.unified_diff(was.splitlines(), now.splitlines(), f"docs/{name}", "printed", lineterm="")
            problems.append(f"docs/{name} is not what 'reference {page}' prints: docs.py PROGRAM --update")
    print("\n".join(problems) or f"{len(PAGES)} pages as printed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
