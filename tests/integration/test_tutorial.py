# SPDX-License-Identifier: Apache-2.0
"""docs/first-image.md from beginning to end: its commands are run as they stand, with the edits that it asks for, and print what it shows.

Numbers, sizes, times and versions may be others. Needs root, Debian's packages and QEMU, as test_boot.py, whose store it shares.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["CAPSEM_BUILDER"]
STORE = os.path.join(os.path.dirname(PROGRAM), "test-store")
sys.path.insert(0, str(ROOT / "tests/golden"))
import test_first_image as page  # noqa: E402

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="building needs root"),
              pytest.mark.skipif(os.uname().machine != "x86_64", reason="the page shows an x86_64 machine")]


def shape(text):
    """A text without what another day or machine changes."""
    text = re.sub(r"(?:\d+ steps run, \d+ cached|up to date)", "STEPS", text)
    text = re.sub(r"\d[\d.]*(?: ?(?:MB|kB|GB|ms|min|s)\b)?", "N", text)
    return re.sub(r"N(?: N)?,? *(?=STEPS)", "", re.sub(r" +", " ", text)).strip()


def run(command, folder):
    words = shlex.split(command.removesuffix(" >/dev/null"))
    assert words[0] == "capsem-builder"
    done = subprocess.run([PROGRAM, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=1500,
                          env={**os.environ, "CAPSEM_CACHE_DIR": STORE, "NO_COLOR": "1"})
    return done


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_page_from_beginning_to_end(tmp_path):
    edits = {3: ("config/build.toml", "compression_level = 3", "compression_level = 99"),
             6: ("config/packages/apt.toml", "packages = [", 'packages = [\n    "tree",')}
    for number in range(2, 7):
        if number in edits:
            name, before, after = edits[number]
            change(tmp_path / "mine" / name, before, after)
        for command, wanted in page.commands(page.section(number)):
            done = run(command, tmp_path)
            right = 1 if number == 3 else 0
            assert done.returncode == right, (command, done.stdout[-2000:], done.stderr[-2000:])
            if wanted:
                assert shape(done.stdout) == shape(wanted), command
            if "--why" in command:
                assert "'tree' was added to package set 'System packages'" in done.stderr
        if number == 3:
            change(tmp_path / "mine/config/build.toml", "compression_level = 99", "compression_level = 3")
    change(tmp_path / "mine/config/packages/apt.toml", '"tree"', '"treee"')
    failed = run("capsem-builder build mine", tmp_path)
    assert failed.returncode == 1 and "'treee'" in failed.stderr and "apt.toml" in failed.stderr
