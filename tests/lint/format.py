#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file is as clang-format writes it. Skipped where the version is not Debian 12's.

    format.py [--fix]
"""
import re
import shutil
import subprocess
import sys

import tree

VERSION = "14"  # others format some lines differently


def main():
    program = shutil.which("clang-format")
    if program is None:
        print("clang-format is not installed")
        return 77
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if not re.search(rf"version {VERSION}\.", version):
        print(f"not clang-format {VERSION}: {version.strip()}")
        return 77
    names = tree.c_files()
    how = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror"]
    done = subprocess.run([program, *how, *names], cwd=tree.ROOT, capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    problems = [f"{name}: not as clang-format writes it; 'python3 tests/lint/format.py --fix' mends it"
                for name in wrong]
    if done.returncode != 0 and not problems:
        problems = [done.stderr.strip()]
    return tree.end(problems, f"{len(names)} files")


if __name__ == "__main__":
    sys.exit(main())
