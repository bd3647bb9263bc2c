# SPDX-License-Identifier: Apache-2.0
"""docs/first-image.md: what its commands print that need no network is what the program prints, step by step in one folder."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")
PAGE = (REPO / "docs/first-image.md").read_text()
ALONE = ("init", "validate", "explain", "inspect")


def section(number):
    return re.search(rf"^## {number}\. .*?\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M).group(1)


def commands(text):
    """(command, what it prints) of the indented lines."""
    block = "".join(line[4:] + "\n" if line.startswith("    ") else "\n" if not line else "\0" for line in text.splitlines())
    for found in re.finditer(r"^\$ (.*)\n((?:(?!\$ |\0).*\n)*)", block, re.M):
        yield found.group(1), found.group(2).strip("\n").split("\0")[0].rstrip("\n")


def run(command, folder):
    words = shlex.split(command.split(" >")[0])
    assert words[0] == "capsem-builder"
    env = os.environ | {"NO_COLOR": "1", "CAPSEM_CACHE_DIR": str(folder / "store")}
    done = subprocess.run([BUILDER, *words[1:]], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    return done, words[1]


def follow(number, folder, code=0):
    count = 0
    for command, wanted in commands(section(number)):
        if command.split()[1] in ALONE:
            done, _ = run(command, folder)
            assert (done.stdout.rstrip("\n"), done.returncode) == (wanted, code), done.stderr
            count += 1
    assert count > 0


def test_what_needs_no_network(tmp_path):
    follow(2, tmp_path)
    build = tmp_path / "mine/config/build.toml"
    right = build.read_text()
    assert "compression_level = 3\n" in right
    build.write_text(right.replace("compression_level = 3\n", "compression_level = 99\n"))
    follow(3, tmp_path, code=1)
    build.write_text(right)
    apt = tmp_path / "mine/config/packages/apt.toml"
    apt.write_text(apt.read_text().replace("packages = [", 'packages = [\n    "tree",'))
    done, _ = run("capsem-builder build mine --dry-run --template rootfs", tmp_path)
    assert done.returncode == 0 and "tree" in done.stdout


def test_every_command_has_options_that_exist():
    for number in range(1, 8):
        for command, _ in commands(section(number)):
            name = command.split()[1]
            helped = subprocess.run([BUILDER, name, "--help"], capture_output=True, text=True)
            assert helped.returncode == 0, command
            for option in re.findall(r"\s(--[a-z-]+)", re.sub(r"'.*?'", "", command)):
                assert option in helped.stdout, command
