# SPDX-License-Identifier: Apache-2.0
"""`build --engine buildx` for several architectures on several nodes, against a scripted docker: they are built at the same time,
and one that fails stops the others."""
import json
import os
import signal
import subprocess
import time

import pytest

from docker_host import CONFIG
from engine import base_entries, entry, needs_engine, processes_using, tar_bytes
from test_docker_bad import BUILDER as ONE_NODE
from test_docker_bad import STEP, Fake, fails

pytestmark = needs_engine

BUILDER = ONE_NODE + """
Name:      two
Endpoint:  kubernetes:///two
Status:    running
Platforms: linux/arm64
"""
ARCHS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
BUILD = "buildx build --builder=cluster --output=type=cacheonly --progress=plain --platform="


class Cluster(Fake):
    def __init__(self, folder):
        super().__init__(folder)
        head, table = CONFIG.split("[build.architectures.{arch}]")
        tables = [f"[build.architectures.{arch}]" + table.format(base="base", platform=platform)
                  .replace("x86_64-unknown", "aarch64-unknown" if arch == "arm64" else "x86_64-unknown") for arch, platform in ARCHS.items()]
        (folder / "guest/config/build.toml").write_text(head + "".join(tables))
        self.tar.write_bytes(tar_bytes([*base_entries(), entry("answer", b"=0\nBusyBox v1\n")]))
        self.script["buildx inspect"] = {"out": BUILDER}
        self.script["buildx build --builder=cluster --output=type=tar"] = {"file": os.fspath(self.tar)}
        for platform in ARCHS.values():
            self.script[BUILD + platform] = {"err": STEP + "#4 DONE 0.1s\n"}

    def meet(self):
        """Each of the two builds ends when both have begun."""
        for platform, other in zip(ARCHS.values(), reversed(ARCHS.values())):
            self.script[BUILD + platform].update({"touch": self.event(platform), "wait": self.event(other)})

    def event(self, name):
        return os.fspath(self.folder / ("event-" + name.replace("/", "-")))

    def made(self):
        return sorted(arch for arch in ARCHS if (self.folder / "assets" / arch / "rootfs.squashfs").exists())

    def nothing_is_left(self):
        assert processes_using(self.folder) == []
        assert os.listdir(self.guest.store / "claims") == os.listdir(self.guest.store / "tmp") == []


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


def test_at_the_same_time(cluster):
    cluster.meet()
    result = cluster.build("buildx:cluster")
    assert result.returncode == 0, result.stderr
    assert cluster.made() == sorted(ARCHS)
    for arch, platform in ARCHS.items():
        assert f"assets/{arch}/rootfs.squashfs" in result.stdout
        lines = [line for line in result.stderr.splitlines() if line.startswith(arch)]
        assert any(line.startswith(f"{arch:6} | ") and f"[rootfs {arch} 1/1] RUN true" in line for line in lines), result.stderr
        assert len([w for line in cluster.calls("buildx", "build") for w in line if w == f"--platform={platform}"]) == 3
    assert all(line.startswith(("x86_64 | ", "arm64  | ")) for line in result.stderr.splitlines()), result.stderr
    manifest = json.loads((cluster.folder / "assets/manifest.json").read_text())
    assert all(arch in json.dumps(manifest) for arch in ARCHS)
    cluster.nothing_is_left()


def test_progress_for_programs(cluster):
    cluster.meet()
    result = cluster.build("buildx:cluster", "--progress", "json")
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert {e["build"] for e in events} == {f"rootfs {arch}" for arch in ARCHS}


def test_one_node_builds_one_after_the_other(cluster):
    cluster.script["buildx inspect"] = {"out": BUILDER.replace("amd64, linux/386", "amd64, linux/arm64").split("\nName:      two")[0]}
    result = cluster.build("buildx:cluster")
    assert result.returncode == 0, result.stderr
    order = [w for line in cluster.calls("buildx", "build") for w in line if w.startswith("--platform=")]
    assert order == [f"--platform={p}" for p in ARCHS.values() for _ in range(3)]
    assert " | " not in result.stderr


@pytest.mark.parametrize("answer, text", [
    ({"err": STEP + '#4 ERROR: process "/bin/sh -c true" did not complete successfully: exit code: 9\n'}, "exited with status 9"),
    ({"err": "ERROR: failed to solve: connection reset by peer\n"}, "is it still running"),
])
def test_one_that_fails_stops_the_other(cluster, answer, text):
    """The other is in the middle of its step, and would be for ever."""
    assert cluster.build("buildx:cluster").returncode == 0
    old = [(cluster.folder / "assets" / arch / "rootfs.squashfs").read_bytes() for arch in ARCHS]
    cluster.script[BUILD + "linux/amd64"].update({"touch": cluster.event("begun"), "wait": cluster.event("never")})
    cluster.script[BUILD + "linux/arm64"] = {**answer, "exit": 1, "wait": cluster.event("begun")}
    result = cluster.build("buildx:cluster")
    fails(result, f"arm64  | {'error' if 'ERROR: f' in answer['err'] else 'error: [E404]'}", text, "error: arm64 failed; x86_64 stopped")
    assert "x86_64 | error: stopped" in result.stderr
    assert old == [(cluster.folder / "assets" / arch / "rootfs.squashfs").read_bytes() for arch in ARCHS]
    cluster.nothing_is_left()


def test_what_was_done_stays_when_another_fails(cluster):
    cluster.script[BUILD + "linux/arm64"] = {"err": "ERROR: no\n", "exit": 1, "wait": os.fspath(cluster.folder / "assets/x86_64/build.json")}
    fails(cluster.build("buildx:cluster"), "error: arm64 failed; x86_64 done")
    assert cluster.made() == ["x86_64"]
    cluster.nothing_is_left()


def begun(cluster):
    """A build whose steps have begun on both nodes, and do not end."""
    for platform in ARCHS.values():
        cluster.script[BUILD + platform].update({"touch": cluster.event(platform), "wait": cluster.event("never")})
    (cluster.folder / "script").write_text(json.dumps(cluster.script))
    env = cluster.guest.env("unix:///x", {"PATH": f"{cluster.folder}/bin:/usr/bin:/bin", "FAKE_DOCKER": os.fspath(cluster.folder / "script"),
                                          "FAKE_DOCKER_LOG": os.fspath(cluster.folder / "log")})
    process = subprocess.Popen(cluster.guest.command("buildx:cluster", "--template", "rootfs"), cwd=cluster.folder, env=env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not all(os.path.exists(cluster.event(platform)) for platform in ARCHS.values()):
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(cluster, number):
    """As a terminal does it: the whole group is told."""
    process = begun(cluster)
    os.killpg(process.pid, number)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, rest
    assert all(f"{arch:6} | error: stopped" in rest for arch in ARCHS) and "error: x86_64, arm64 stopped" in rest
    assert cluster.made() == []
    cluster.nothing_is_left()


def test_killed(cluster):
    """Its processes end with it; all that they made is in the nodes' caches, so nothing is claimed, and no engine is asked."""
    process = begun(cluster)
    process.kill()
    process.communicate(timeout=60)  # until nobody has the pipe any more
    for platform in ARCHS.values():
        cluster.script[BUILD + platform] = {"err": STEP + "#4 DONE 0.1s\n"}
    result = cluster.build("buildx:cluster")
    assert result.returncode == 0 and "removed leftovers of an interrupted build" not in result.stderr
    assert cluster.calls("info") == cluster.calls("image") == cluster.calls("container") == []
    cluster.nothing_is_left()
