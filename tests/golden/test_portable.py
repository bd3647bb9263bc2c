# SPDX-License-Identifier: Apache-2.0
"""A program without the embedded engine: Docker, here a scripted one, builds; what needs the engine says that it is not there."""
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["CAPSEM_BUILDER"]
ABSENT = "this program was built without the embedded engine"
ARCH = os.uname().machine
PLATFORM = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[ARCH]
KEPT = "build --output=type=tar,dest=-"
INFO = {"ServerVersion": "24.0.7", "OSType": "linux", "Architecture": ARCH, "MemTotal": 16 << 30, "NCPU": 4, "Name": "there",
        "DockerRootDir": "/nowhere", "ClientInfo": {"Context": "default", "Version": "24.0.7"}}


@pytest.fixture
def place(tmp_path):
    """A minimal guest, and a folder of programs with a scripted docker."""
    (tmp_path / "bin").mkdir()
    shutil.copy(REPO / "tests/integration/fake_docker.py", tmp_path / "bin/docker")
    for name, content in {"tree.tar": "hello", "etc.tar": ".capsem-builder-etc/hosts"}.items():
        with tarfile.open(tmp_path / name, "w") as tar:
            file = tarfile.TarInfo(content)
            file.size = 3
            tar.addfile(file, io.BytesIO(b"hi\n"))
    (tmp_path / "script").write_text(json.dumps({
        "--version": {"out": "Docker version 24.0.7, build afdd53b\n"},
        "info": {"out": json.dumps(INFO)},
        "image inspect --format {{.Os}}": {"out": PLATFORM},
        "image inspect --format {{json": {"out": json.dumps({"RootFS": {"Layers": ["sha256:" + "a" * 64]}, "Config": {}})},
        "export": {"file": os.fspath(tmp_path / "tree.tar")},
        "run": {"out": ""},
        "build": {"err": "#4 DONE 0.1s\n"},
        KEPT: {"file": os.fspath(tmp_path / "etc.tar")},
    }))
    assert call(tmp_path, "init", "mine", docker=False)[0] == 0
    return tmp_path


def call(folder, *words, docker=True):
    path = f"{folder}/bin:/usr/bin:/bin" if docker else "/nowhere"
    env = {"PATH": path, "HOME": str(folder), "NO_COLOR": "1", "CAPSEM_CACHE_DIR": f"{folder}/store", "SOURCE_DATE_EPOCH": "0",
           "DOCKER_HOST": "unix:///nowhere",
           "FAKE_DOCKER": f"{folder}/script", "FAKE_DOCKER_LOG": f"{folder}/log"}
    done = subprocess.run([PROGRAM, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def test_auto_takes_docker_and_says_why(place):
    code, text = call(place, "build", "mine", "--template", "rootfs")
    assert f"engine: docker 24.0.7, because {ABSENT}\n" in text
    assert code == 0, text
    squashfs = place / "assets" / {"aarch64": "arm64"}.get(ARCH, ARCH) / "rootfs.squashfs"
    assert squashfs.read_bytes()[:4] == b"hsqs"
    assert (place / "assets/B3SUMS").exists()


def test_auto_without_docker_fails_before_anything(place):
    code, text = call(place, "build", "mine", docker=False)
    assert code == 1 and f"no engine is available: {ABSENT}" in text, text
    assert not (place / "assets").exists()


@pytest.mark.parametrize("words", [["build", "mine", "--engine", "embedded"], ["image", "pull", "debian:12"],
                                   ["image", "import", "tree.tar", "base"]])
def test_what_needs_the_engine_says_so(place, words):
    code, text = call(place, *words)
    assert code == 1 and ABSENT in text, text


def test_doctor_wants_docker(place):
    found = {c["name"]: c for c in json.loads(call(place, "doctor", "mine", "--json")[1])["checks"]}
    assert ABSENT in found["embedded engine"]["detail"] and found["docker"]["status"] == "pass"
    assert "sandbox" not in found and "mmdebstrap" not in found
    code, text = call(place, "doctor", "mine", "--json", docker=False)
    lacks = {c["name"]: c for c in json.loads(text)["checks"]}["docker"]
    assert code == 1 and lacks["status"] == "fail" and "docker" in lacks["fix"]
