# SPDX-License-Identifier: Apache-2.0
"""`build --engine buildx:NAME` with buildx's driver "remote": a real BuildKit after a port, one node or two. With CAPSEM_PEERS, the
folder of tests/conformance/peers.py, which has a buildx."""
import os
import signal
import subprocess
import time

import pytest

from buildkit_remote import Remote
from docker_host import ARCH, CLIENT, PLATFORM, Guest, NewDaemon
from engine import Engine, base_tar, needs_engine  # noqa: F401
from test_docker_nodes import ARCHS

pytestmark = [*needs_engine, pytest.mark.skipif(not os.environ.get("CAPSEM_PEERS"), reason="CAPSEM_PEERS names no folder"),
              pytest.mark.skipif(ARCH != "x86_64", reason="the first node is for x86_64")]
OTHER = "linux/arm64"
RUN = """FROM --platform={{ arch.docker_platform }} base
RUN --network=none echo "$((20 + 22))" >/answer && mkdir -p /a/b && ln /answer /a/b/c && chmod 711 /a/b/c
COPY banner.txt /etc/banner.txt
"""
COPIES = "FROM --platform={{ arch.docker_platform }} base\nCOPY banner.txt /etc/banner-{{ arch.rust_target }}.txt\n"
SLOW = "FROM --platform={{ arch.docker_platform }} base\nRUN --network=none echo begun; sleep 100\n"
LARGE = "FROM --platform={{ arch.docker_platform }} base\nRUN --network=none head -c 30000000 /dev/urandom >/large\n"
KERNEL = "FROM --platform={{ arch.docker_platform }} base AS made\nRUN --network=none echo k >/vmlinuz; echo i >/initrd.img\n" \
         "FROM scratch\nCOPY --from=made /vmlinuz /initrd.img /\n"


class Cluster:
    def __init__(self, folder, base):
        self.folder, self.daemons, self.remotes = folder, [], []
        for name, platform in (("one", PLATFORM), ("two", OTHER)):
            (folder / name).mkdir()
            daemon = NewDaemon(folder / name, os.environ["CAPSEM_PEERS"])
            self.daemons.append(daemon)
            with open(base, "rb") as file:
                subprocess.run([CLIENT, "-H", daemon.host, "import", "--platform", platform, "-", "base"], stdin=file, check=True,
                               capture_output=True)
        self.env = self.daemons[0].env
        self.guest = Guest(folder, folder / "store", rootfs=RUN, kernel=KERNEL)
        (folder / "guest/artifacts/banner.txt").write_text("a banner\n")
        Engine(self.guest.store, folder).run("image", "import", base, "base").check()
        build = folder / "guest/config/build.toml"
        self.one_architecture = build.read_text().split("[build.version_commands]")[0] + "[build.architectures" + \
            build.read_text().split("[build.architectures", 1)[1]
        build.write_text(self.one_architecture)

    def builder(self, name, nodes):
        """Of nodes with these platforms."""
        for number, (daemon, platform) in enumerate(nodes):
            remote = Remote(daemon)
            self.remotes.append(remote)
            more = ["--append"] if number else []
            self.docker("buildx", "create", "--name", name, "--driver", "remote", "--platform", platform, *more, remote.address)
        return name

    def docker(self, *words):
        done = subprocess.run(["docker", *words], env=self.guest.env("unix:///nothing", self.env), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def build(self, engine, *options, assets="assets", template="rootfs"):
        return self.guest.build(engine, "--template", template, *options, assets=assets, env=self.env)

    def start(self, builder):
        return subprocess.Popen(self.guest.command(f"buildx:{builder}", "--template", "rootfs"), cwd=self.folder, text=True,
                                env=self.guest.env("unix:///nothing", self.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def nothing_is_left(self):
        assert [daemon.things() for daemon in self.daemons] == [["base:latest"]] * 2
        assert os.listdir(self.guest.store / "claims") == []


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, base_tar):
    made = Cluster(tmp_path_factory.mktemp("cluster"), base_tar)
    yield made
    for remote in made.remotes:
        remote.vanish()
    for daemon in made.daemons:
        daemon.done()


def check(result):
    assert result.returncode == 0, result.stderr
    return result


def test_one_node(cluster):
    """The embedded engine's bytes, kernel and root filesystem."""
    name = cluster.builder("single", [(cluster.daemons[0], PLATFORM)])
    check(cluster.build("embedded", assets="ours", template="all"))
    result = check(cluster.build(f"buildx:{name}", template="all"))
    for asset in ("rootfs.squashfs", "vmlinuz", "initrd.img"):
        assert cluster.guest.asset(asset) == cluster.guest.asset(asset, "ours"), asset
    assert "rootfs.squashfs" in result.stdout
    check(cluster.build(f"buildx:{name}", template="all"))
    cluster.nothing_is_left()


def test_a_node_for_each_architecture(cluster):
    name = cluster.builder("both", [(cluster.daemons[0], PLATFORM), (cluster.daemons[1], OTHER)])
    build = cluster.folder / "guest/config/build.toml"
    second = cluster.one_architecture[cluster.one_architecture.index("[build.architectures"):]
    build.write_text(cluster.one_architecture + second.replace("architectures.x86_64", "architectures.arm64").replace(PLATFORM, OTHER)
                     .replace("kernel/x86_64", "kernel/arm64"))
    cluster.guest.templates(rootfs=COPIES, kernel=KERNEL)
    try:
        result = check(cluster.build(f"buildx:{name}"))
    finally:
        build.write_text(cluster.one_architecture)
    for arch in ARCHS:
        listing = subprocess.run(["unsquashfs", "-l", cluster.folder / "assets" / arch / "rootfs.squashfs"], capture_output=True, text=True, check=True)
        assert "/etc/banner-" in listing.stdout
        assert any(line.startswith(f"{arch:6} | ") for line in result.stderr.splitlines()), result.stderr
    cluster.nothing_is_left()


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(process.wait())


def test_a_node_that_vanishes(cluster):
    name = cluster.builder("lost", [(cluster.daemons[0], PLATFORM)])
    cluster.guest.templates(rootfs=RUN, kernel=KERNEL)
    check(cluster.build(f"buildx:{name}"))
    old = cluster.guest.asset("rootfs.squashfs")
    cluster.guest.templates(rootfs=SLOW, kernel=KERNEL)
    process = cluster.start(name)
    wait_for(process, "| begun")
    cluster.remotes[-1].vanish()
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and "error: " in errors and "docker buildx inspect" in errors, errors
    assert cluster.guest.asset("rootfs.squashfs") == old
    result = cluster.build(f"buildx:{name}")  # nobody is there
    assert result.returncode == 1 and "error: " in result.stderr and cluster.guest.asset("rootfs.squashfs") == old, result.stderr
    cluster.nothing_is_left()


def test_a_stream_that_is_cut(cluster):
    name = cluster.builder("cut", [(cluster.daemons[0], PLATFORM)])
    cluster.guest.templates(rootfs=LARGE, kernel=KERNEL)
    old = cluster.guest.asset("rootfs.squashfs")
    cluster.remotes[-1].bytes_left = 20_000_000
    result = cluster.build(f"buildx:{name}")
    assert result.returncode == 1 and "error: " in result.stderr, result.stderr
    assert cluster.guest.asset("rootfs.squashfs") == old
    cluster.nothing_is_left()


def test_interrupted(cluster):
    """The node goes on with nothing of it."""
    name = cluster.builder("stopped", [(cluster.daemons[0], PLATFORM)])
    cluster.guest.templates(rootfs=SLOW.replace("100", "101"), kernel=KERNEL)
    process = cluster.start(name)
    wait_for(process, "| begun")
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "stopped" in errors, errors
    deadline = time.monotonic() + 120
    while b"sleep\x00101" in b"".join(open(f"/proc/{pid}/cmdline", "rb").read() for pid in os.listdir("/proc") if pid.isdigit()
                                      and os.path.exists(f"/proc/{pid}/cmdline")):
        assert time.monotonic() < deadline, "the step still runs"
        time.sleep(0.1)
    cluster.nothing_is_left()
