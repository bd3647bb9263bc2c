# SPDX-License-Identifier: Apache-2.0
"""The program in one file: unpacked once, started with its words, nothing left when it cannot be."""
import os
import subprocess
from pathlib import Path

import pytest

STARTED = os.environ.get("STARTED", "")
MAKE = Path(__file__).resolve().parents[2] / "packaging/single-file"
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
pytestmark = pytest.mark.skipif(not os.access(STARTED, os.X_OK), reason="STARTED names no program")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([MAKE, DEBIAN, "1.2.3", STARTED, folder], check=True)
    (path,) = folder.iterdir()
    return path


def start(path, cache, *words, **env):
    base = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(cache), "HOME": "/nonexistent"}
    return subprocess.run([path, *words], env={**base, **env}, capture_output=True, text=True, timeout=60)


def test_its_name_says_what_it_is(made):
    assert made.name == f"capsem-builder-1.2.3-{'x86_64' if DEBIAN == 'amd64' else 'arm64'}.run"


def test_it_starts_with_its_words_and_its_libraries(made, tmp_path):
    done = start(made, tmp_path, "two words", "*")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(made), "two words", "*", f"file {made}", "libcurl found"]
    assert start(made, tmp_path, "1", "2", "3").returncode == 7


def test_it_is_unpacked_once(made, tmp_path):
    start(made, tmp_path)
    (app,) = (tmp_path / "capsem-builder/app").iterdir()
    before = os.stat(app / "loader").st_ino
    assert "libcurl found" in start(made, tmp_path).stdout
    assert [p.name for p in (tmp_path / "capsem-builder/app").iterdir()] == [app.name]
    assert os.stat(app / "loader").st_ino == before


def test_several_first_starts_at_once(made, tmp_path):
    env = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path)}
    running = [subprocess.Popen([made], env=env, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert all("libcurl found" in process.communicate(timeout=60)[0] for process in running)
    (app,) = (tmp_path / "capsem-builder/app").iterdir()
    assert not [p for p in app.iterdir() if p.is_dir()]


def test_it_is_found_in_the_path(made, tmp_path):
    os.symlink(made, tmp_path / "builder")
    done = subprocess.run(["builder", "x"], env={"PATH": f"{tmp_path}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "c")},
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[1:3] == ["x", f"file {tmp_path}/builder"]


def test_half_a_file_is_refused(made, tmp_path):
    half = tmp_path / "half.run"
    half.write_bytes(made.read_bytes()[:200_000])
    half.chmod(0o755)
    done = start(half, tmp_path / "cache")
    assert done.returncode == 1
    assert done.stderr == f"error: '{half}' cannot be unpacked into '{tmp_path}/cache/capsem-builder/app'\n"
    assert list((tmp_path / "cache/capsem-builder/app").iterdir()) == []


def test_the_same_program_gives_the_same_file(made, tmp_path):
    subprocess.run([MAKE, DEBIAN, "1.2.3", STARTED, tmp_path], check=True)
    assert (tmp_path / made.name).read_bytes() == made.read_bytes()
