# SPDX-License-Identifier: Apache-2.0
"""The man page is clean, says what --help says, and is installed with the completions."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def call(*args, **more):
    return subprocess.run(list(map(str, args)), capture_output=True, text=True, timeout=60, **more)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    done = call(BUILDER, "reference", "man")
    assert done.returncode == 0 and done.stderr == ""
    path = tmp_path_factory.mktemp("man") / "capsem-builder.1"
    path.write_text(done.stdout)
    return path


@pytest.fixture(scope="module")
def shown(page):
    """The page as a terminal would show it, one space between words."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = call("groff", "-man", "-Tascii", "-P-cbou", "-rLL=300n", page)
    return re.sub(r"\s+", " ", done.stdout)


def test_groff_has_no_complaint(page):
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = call("groff", "-man", "-ww", "-z", "-Tutf8", page)
    assert (done.returncode, done.stderr) == (0, "")


def test_mandoc_has_no_complaint(page):
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = call("mandoc", "-T", "lint", "-W", "warning", page)
    # A date would change with each build.
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_man_shows_it(page):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = call("man", "-l", page, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CAPSEM-BUILDER(1)")
    assert max(map(len, done.stdout.splitlines())) <= 100  # the longest example stands as it is


def commands():
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", call(BUILDER, "--help").stdout.split("\nOptions:")[0], re.M)


@pytest.mark.parametrize("name", commands() if os.access(BUILDER, os.X_OK) else [])
def test_it_says_what_help_says(shown, name):
    head, options = call(BUILDER, *name.split(), "--help").stdout.split("\nOptions:\n")
    usage = re.search(r"^Usage: (.*)$", head, re.M).group(1)
    assert f" {usage} " in shown
    part = shown.partition(f" {usage} ")[2]
    for line in head.partition(f"Usage: {usage}")[2].splitlines():
        assert " ".join(line.split()) in part
    own = re.sub(r"\s+", " ", options.split("      --cache-dir")[0])
    for option in re.split(r" (?=-\w, --|--)", own)[1:]:
        assert option.strip() in part


def test_install_has_the_page_and_the_completions():
    build = os.environ.get("BUILD_DIR", "")
    if shutil.which("meson") is None or not build:
        pytest.skip("BUILD_DIR names no build folder of meson")
    done = call("meson", "introspect", "--installed", build)
    places = json.loads(done.stdout)
    ends = {"capsem-builder": "bin/capsem-builder", "capsem-builder.1": "share/man/man1/capsem-builder.1",
            "_capsem-builder": "share/zsh/site-functions/_capsem-builder",
            "capsem-builder.fish": "share/fish/vendor_completions.d/capsem-builder.fish"}
    installed = set(places.values())
    for end in [*ends.values(), "share/bash-completion/completions/capsem-builder"]:
        assert any(place.endswith(end) for place in installed), end
    for name, args in {"docs/capsem-builder.1": ("reference", "man"), "docs/capsem-builder": ("completions", "bash"),
                       "docs/_capsem-builder": ("completions", "zsh"),
                       "docs/capsem-builder.fish": ("completions", "fish")}.items():
        assert (pathlib.Path(build) / name).read_text() == call(BUILDER, *args).stdout
