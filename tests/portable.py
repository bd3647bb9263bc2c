#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the program without what only Linux has (-Dportable=true), with clang, as other systems get it, and runs its tests.

    portable.py BUILD

Ends with "N passed, N failed". Warnings are errors: what Apple's compiler finds clang here finds first.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OPTIONS = ["-Dportable=true", "-Dbuildtype=plain", "-Dwerror=true"]
SUITES = ["unit", "portable"]


def main():
    build = pathlib.Path(sys.argv[1])
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MESON", "MALLOC_PERTURB", "NINJA"))}
    env["CC"] = "clang"
    if not (build / "build.ninja").exists():
        made = subprocess.run(["meson", "setup", build, ROOT, *OPTIONS], env=env, capture_output=True, text=True)
        if made.returncode != 0:
            print(made.stdout + made.stderr)
            return 1
    tests = ["meson", "test", "-C", build, "--print-errorlogs", *(f"--suite={name}" for name in SUITES)]
    status = subprocess.run(tests, env=env, stdout=sys.stderr).returncode
    log = build / "meson-logs/testlog.json"
    if status != 0 and not log.exists():
        return status
    return subprocess.run([sys.executable, ROOT / "tools/count-tests", log]).returncode or status


if __name__ == "__main__":
    sys.exit(main())
