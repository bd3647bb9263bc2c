#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the TOML conformance suite (files-toml-1.0.0) through the decoder given as argument.

Where it is looked for: suites.py. Without it the exit code is 77: skipped.
"""
import datetime
import json
import math
import os
import re
import subprocess
import sys

import suites


def as_time(kind, text):
    """A comparable value: the suite allows any number of fraction digits past milliseconds."""
    text = re.sub(r"(\.\d{3})\d+", r"\1", text).replace("Z", "+00:00")
    text = re.sub(r"\.(\d+)", lambda m: "." + m.group(1).ljust(6, "0"), text)
    read = {"date-local": datetime.date, "time-local": datetime.time}
    return read.get(kind, datetime.datetime).fromisoformat(text)


def same(want, got):
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and all(map(same, want, got))
    if set(want) != {"type", "value"} or not isinstance(want["value"], str):
        return isinstance(got, dict) and set(want) == set(got) and all(
            same(want[key], got[key]) for key in want)
    if want["type"] != got.get("type"):
        return False
    a, b = want["value"], got["value"]
    if a == b:
        return True
    if want["type"] == "float":
        return float(a) == float(b) or (math.isnan(float(a)) and math.isnan(float(b)))
    if want["type"] == "integer":
        return int(a) == int(b)
    if "date" in want["type"] or "time" in want["type"]:
        return as_time(want["type"], a) == as_time(want["type"], b)
    return a == b


def check(decoder, folder, name):
    """What is wrong with the decoder's answer to one file; None: nothing."""
    text = (folder / name).read_bytes()
    done = subprocess.run([decoder], input=text, capture_output=True, timeout=20)
    if name.startswith("invalid/"):
        errors = done.stderr.decode("utf-8", "replace")
        if done.returncode != 1:
            return f"accepted (exit {done.returncode})"
        if not re.match(r"error: \[E002\] stdin:\d+:\d+: \S", errors):
            return f"no place in the message: {errors[:200]!r}"
        return None
    if done.returncode != 0:
        return f"refused: {done.stderr.decode('utf-8', 'replace')[:200]}"
    want = json.loads((folder / name).with_suffix(".json").read_text("utf-8"))
    return None if same(want, json.loads(done.stdout)) else f"other value: {done.stdout[:300]!r}"


def main():
    decoder = os.path.abspath(sys.argv[1])
    suite = suites.find("toml-test")
    if suite is None:
        return suites.skip("toml-test", "the TOML conformance suite")
    folder = suite / "tests"
    listing = folder / "files-toml-1.0.0"
    names = [n for n in listing.read_text().split() if n.endswith(".toml")]
    failures = 0
    for name in names:
        wrong = check(decoder, folder, name)
        if wrong:
            failures += 1
            print(f"FAIL {name}: {wrong}")
    valid = sum(n.startswith("valid/") for n in names)
    print(f"{len(names) - failures} of {len(names)} as the suite says "
          f"({valid} valid, {len(names) - valid} invalid)")
    return 1 if failures or not names else 0


if __name__ == "__main__":
    sys.exit(main())
