# SPDX-License-Identifier: Apache-2.0
"""`build --engine docker` on a real engine: the same bytes as the embedded engine makes, and nothing left behind."""
import json
import os
import signal
import subprocess
import time

import pytest

from docker_host import ARCH, EPOCH, KERNEL, ROOTFS, Daemon, Guest, load_base
from engine import Engine, base_tar, needs_engine  # noqa: F401

pytestmark = needs_engine

FROM = "FROM {{ arch.base_image }}\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    d = Daemon(tmp_path_factory.mktemp("docker") / "d")
    yield d
    d.done()


@pytest.fixture
def guest(tmp_path, base_tar):
    g = Guest(tmp_path, tmp_path / "store")
    Engine(g.store, tmp_path).run("image", "import", base_tar, "base").check()
    return g


def check(result):
    assert result.returncode == 0, result.stderr
    return result


def test_kernel_and_root_filesystem(daemon, guest):
    check(guest.build("embedded", assets="embedded"))
    before = daemon.things()
    first = check(guest.build("docker", host=daemon.host))
    for name in ("vmlinuz", "initrd.img", "rootfs.squashfs"):
        assert guest.asset(name) == guest.asset(name, "embedded"), name
    assert guest.asset("vmlinuz") == b"a kernel\n"
    versions = [(guest.folder / folder / ARCH / "tool-versions.txt").read_text() for folder in ("assets", "embedded")]
    assert versions[0] == versions[1] and "BusyBox v" in versions[0]
    build = json.loads((guest.folder / "assets" / ARCH / "build.json").read_text())
    assert build["engine"] == "docker"
    assert daemon.things() == before
    assert "rootfs.squashfs" in first.stdout and "2 steps run, 0 cached" in first.stdout

    again = check(guest.build("docker", host=daemon.host))
    assert again.stdout.count("up to date") == 3 and "RUN echo a kernel" in again.stderr and "cached" in again.stderr
    assert daemon.things() == before


def test_another_epoch_runs_nothing_again(daemon, guest):
    """It is that of the newest change in the config: the base that is loaded must not depend on it."""
    check(guest.build("docker", host=daemon.host, env={"SOURCE_DATE_EPOCH": "900000001"}))
    again = check(guest.build("docker", host=daemon.host, env={"SOURCE_DATE_EPOCH": "900000002"}))
    assert "0 steps run" in next(line for line in again.stdout.splitlines() if "rootfs.squashfs" in line)


def test_a_step_that_fails(daemon, guest):
    check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    before, old = daemon.things(), guest.asset("rootfs.squashfs")
    guest.templates(rootfs=ROOTFS + "RUN echo before the end && exit 7\n")
    result = guest.build("docker", "--template", "rootfs", host=daemon.host)
    assert result.returncode == 1
    assert "[E404]" in result.stderr and "the step exited with status 7" in result.stderr
    assert "before the end" in result.stderr
    assert "own/Dockerfile.rootfs.j2:8:1" in result.stderr, result.stderr
    assert daemon.things() == before
    assert guest.asset("rootfs.squashfs") == old


def test_a_base_that_the_engine_has(daemon, tmp_path, base_tar):
    load_base(daemon, base_tar, "theirs:1")
    guest = Guest(tmp_path, tmp_path / "store", base="theirs:1")
    before = daemon.things()
    result = check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    assert "loading" not in result.stderr and "pulling" not in result.stderr
    assert daemon.things() == before and "theirs:1" in before


def test_a_base_that_nobody_has(daemon, tmp_path):
    guest = Guest(tmp_path, tmp_path / "store", base="nobody:1")
    result = guest.build("docker", "--template", "rootfs", "--offline", host=daemon.host)
    assert result.returncode == 1 and "[E403]" in result.stderr and "'nobody:1'" in result.stderr
    assert [t for t in daemon.things() if "capsem" in t] == []


def test_gates_hold(daemon, guest):
    guest.templates(rootfs=FROM + "RUN touch /x && chmod u+s /x\n")
    result = guest.build("docker", "--template", "rootfs", host=daemon.host)
    assert result.returncode == 1 and "is not allowed in the image" in result.stderr
    assert [t for t in daemon.things() if "capsem" in t] == []


def test_two_builds_at_once(daemon, guest):
    command = guest.command("docker", "--template", "rootfs")
    second = guest.command("docker", "--template", "rootfs", assets="second")
    processes = [subprocess.Popen(words, cwd=guest.folder, env=guest.env(daemon.host), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) for words in (command, second)]
    for process in processes:
        output = process.communicate(timeout=120)[0]
        assert process.returncode == 0, output
    assert guest.asset("rootfs.squashfs") == guest.asset("rootfs.squashfs", "second")
    assert [t for t in daemon.things() if "capsem" in t] == []


def begin_sleeping(daemon, guest):
    """A build that is in the middle of a long step."""
    guest.templates(rootfs=ROOTFS + "RUN echo it sleeps && sleep 300\n")
    process = subprocess.Popen(guest.command("docker", "--template", "rootfs"), cwd=guest.folder, env=guest.env(daemon.host),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "it sleeps" in line and "RUN" not in line:
            return process
    raise AssertionError("the step did not begin")


def test_interrupted(daemon, guest):
    check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    old = guest.asset("rootfs.squashfs")
    process = begin_sleeping(daemon, guest)
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM, rest
    assert "stopped" in rest
    assert [t for t in daemon.things() if "capsem" in t] == []
    assert guest.asset("rootfs.squashfs") == old


def begin_asking(daemon, guest):
    """A build that has made all that it makes in the engine: it asks the image for a version, and waits."""
    config = guest.folder / "guest/config/build.toml"
    was = config.read_text()
    config.write_text(was.replace("busybox | head -n 1", "sleep 300"))
    known = set(daemon.things())
    process = subprocess.Popen(guest.command("docker", "--template", "rootfs", assets="killed"), cwd=guest.folder,
                               env=guest.env(daemon.host), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not any("capsem-builder-run-" in name for name in set(daemon.things()) - known):
        assert process.poll() is None
        time.sleep(0.05)
    config.write_text(was)
    return process, set(daemon.things()) - known


def kill(process):
    process.kill()
    process.wait(60)


def test_what_a_killed_build_left_goes_with_the_next(daemon, guest):
    before = daemon.things()
    killed, left = begin_asking(daemon, guest)
    kill(killed)
    assert len(left) == 2 and set(daemon.things()) >= left
    running, its_own = begin_asking(daemon, guest)  # removes it, too
    killed, left = begin_asking(daemon, guest)
    kill(killed)
    result = check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    assert "removed leftovers of an interrupted build" in result.stderr
    assert daemon.things() == sorted(before + list(its_own))
    running.terminate()
    running.wait(60)
    assert daemon.things() == before and os.listdir(guest.store / "claims") == []


def test_what_a_killed_build_left_goes_with_prune(daemon, guest):
    before = daemon.things()
    killed, _ = begin_asking(daemon, guest)
    kill(killed)

    def run(*words):
        return subprocess.run(Engine(guest.store, guest.folder).command(*words), cwd=guest.folder, env=guest.env(daemon.host),
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)

    def leftovers():
        return next(c for c in json.loads(run("doctor", "guest", "--json").stdout)["checks"] if c["name"] == "leftovers")
    found = leftovers()
    assert found["status"] == "warn" and found["detail"].startswith("1 build was interrupted") and "cache prune" in found["fix"]
    assert daemon.things() != before
    assert run("cache", "prune", "--keep-days", "36500").returncode == 0
    assert daemon.things() == before and leftovers()["status"] == "pass"


GROWN = FROM + """RUN echo {{ apt_first | join(" ") }} >>/list
{% for set in additions %}
RUN echo {{ set.packages | join(" ") }} >>/list
{% endfor %}
RUN sed 's/ /\\n/g' /list | sort >/lines && rm /list
"""


def test_package_sets_that_grow(daemon, guest):
    """A line that the engine has built stays; what another engine has built last is nothing that it would have."""
    def grow(*packages):
        (guest.folder / "guest/config/packages").mkdir(exist_ok=True)
        (guest.folder / "guest/config/packages/apt.toml").write_text(
            f'[apt]\nname = "System"\nmanager = "apt"\ninstall_cmd = "apt-get install"\npackages = {json.dumps(packages)}\n'
            '[apt.network]\nname = "apt"\ndomains = ["*.example.org"]\n')
        guest.templates(rootfs=GROWN)

    def lines(engine):
        dockerfile = check(guest.build(engine, "--template", "rootfs", "--dry-run", host=daemon.host)).stdout
        return [line[len("RUN echo "):-len(" >>/list")] for line in dockerfile.splitlines() if line.startswith("RUN echo")]

    def built(engine):
        done = check(guest.build(engine, "--template", "rootfs", host=daemon.host))
        return next(line for line in done.stdout.splitlines() if "rootfs.squashfs" in line)
    grow("a", "b")
    built("docker")
    grow("a", "b", "c")
    assert lines("docker") == ["a b", "c"]
    assert "2 steps run, 1 cached" in built("docker")
    grow("a", "b", "c", "d")
    assert lines("docker") == ["a b", "c", "d"] and lines("embedded") == ["a b c d"]
    built("embedded")
    ours = guest.asset("rootfs.squashfs")
    assert "2 steps run, 0 cached" in built("docker")
    assert guest.asset("rootfs.squashfs") == ours
    grow("a", "b", "c", "d", "e")
    assert lines("docker") == ["a b c d", "e"] and lines("buildx") == lines("buildx:other") == ["a b c d e"]


def test_an_engine_that_stops_in_the_middle(daemon, guest):
    check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    old = guest.asset("rootfs.squashfs")
    process = begin_sleeping(daemon, guest)
    daemon.stop()
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "error: " in rest and "help: " in rest, rest
    assert guest.asset("rootfs.squashfs") == old
    daemon.start()
    guest.templates()
    check(guest.build("docker", "--template", "rootfs", host=daemon.host))
    assert guest.asset("rootfs.squashfs") == old


def test_no_engine(guest):
    result = guest.build("docker", host="unix:///nowhere/docker.sock")
    assert result.returncode == 1
    assert "--engine docker" in result.stderr and "help: start it" in result.stderr
