# SPDX-License-Identifier: Apache-2.0
"""docs/interfaces.md names the keys and exit codes that the program has."""
import json
import os
import pathlib
import re
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
PAGE = (REPO / "docs/interfaces.md").read_text()
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def run(*args, code=0):
    done = subprocess.run([BUILDER, *args], capture_output=True, text=True, cwd=REPO, timeout=60)
    assert done.returncode == code, done
    return done.stdout


def row(name):
    """The words in code spans of a row's second cell."""
    line, = [l for l in PAGE.split("\n") if l.startswith(f"| {name} |")]
    return re.findall(r"`([\w-]+)`", line.split("|")[2])


def test_inspect_has_the_keys():
    assert list(json.loads(run("inspect", "guest", "--json"))) == row("`inspect --json`")


def test_a_dry_run_has_the_keys():
    assert set(row("`build --dry-run --json`")) <= set(json.loads(run("build", "guest", "--dry-run", "--json")))


def test_a_diagnostic_has_the_keys(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/build.toml").write_text("[build]\ncompression = zstd\n")
    found = [json.loads(line) for line in run("validate", str(tmp_path), "--format", "json", code=1).splitlines()]
    named = [word for word in row("`validate --format json`") if word != "null"]
    assert found and all(set(named) - {"help"} <= set(one) for one in found)
    assert any("help" in one for one in found)


def test_exit_codes():
    run("--version")
    run("validate", "tests/golden", code=1)
    run("no-such-command", code=2)
