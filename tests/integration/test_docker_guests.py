# SPDX-License-Identifier: Apache-2.0
"""Small guests on the embedded engine, on Docker with BuildKit and with its classic builder, and with CAPSEM_PEERS (the
folder of tests/conformance/peers.py) on a newer Docker and its buildx: the same bytes everywhere."""
import os
import subprocess

import pytest

from docker_host import ARCH, Daemon, Guest, NewDaemon, load_base
from engine import Engine, base_tar, needs_engine  # noqa: F401
from small_guests import GUESTS, for_classic

pytestmark = needs_engine

# A client that has no buildx cannot use BuildKit since 23.
CLASSIC = """#!/bin/sh
[ "$1" = version ] && echo 28.0.0 && exit
exec /usr/bin/docker "$@"
"""
PROVIDER = """[sample]
name = "Sample"
[sample.api_key]
name = "Key"
env_vars = ["SAMPLE_KEY"]
[sample.network]
name = "Sample"
domains = ["api.example.org"]
[sample.files.settings]
path = "/root/.sample/settings.json"
content = '{"a": [1, 2, "ä"]}'
[sample.files.other]
path = "/opt/with space/file.txt"
content = "line\\nline\\n"
"""
SETTINGS = {"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/from-the-host", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}


@pytest.fixture(scope="module")
def daemons(tmp_path_factory, base_tar):
    folder = tmp_path_factory.mktemp("docker")
    found = [Daemon(folder / "d")]
    if os.environ.get("CAPSEM_PEERS"):
        (folder / "newer").mkdir()
        found.append(NewDaemon(folder / "newer", os.environ["CAPSEM_PEERS"]))
    for d in found:
        load_base(d, base_tar, "base")
    yield found
    for d in found:
        d.done()


@pytest.fixture(scope="module")
def guest(tmp_path_factory, base_tar):
    """One folder for all: each writes its own template."""
    folder = tmp_path_factory.mktemp("guests")
    g = Guest(folder, folder / "store")
    Engine(g.store, folder).run("image", "import", base_tar, "base").check()
    config = folder / "guest/config"
    build = config / "build.toml"
    head, rest = build.read_text().split("[build.version_commands]")
    build.write_text(head + "[build.architectures" + rest.split("[build.architectures", 1)[1])
    (config / "ai").mkdir()
    (config / "ai/sample.toml").write_text(PROVIDER)
    (folder / "classic").mkdir()
    (folder / "classic/docker").write_text(CLASSIC)
    (folder / "classic/docker").chmod(0o755)
    return g


CLASSIC_HERE = ("permissions", "hard links", "copies", "sizes", "folders that moved")  # the others with the peers


def ways(daemons, guest, name):
    """(name, --engine, daemon, what is in the environment) of each way but the embedded one."""
    yield "docker", "docker", daemons[0], {}
    if for_classic(name) and (name in CLASSIC_HERE or len(daemons) > 1):
        yield "classic", "docker", daemons[0], {"PATH": f"{guest.folder}/classic:" + os.environ["PATH"]}
    for newer in daemons[1:]:
        yield "newer docker", "docker", newer, newer.env
        yield "buildx", "buildx", newer, newer.env


def make(guest, way, engine, daemon=None, env=None):
    result = guest.build(engine, "--template", "rootfs", assets=way, env={**SETTINGS, **(env or {})},
                         host=daemon.host if daemon else "unix:///nothing")
    assert result.returncode == 0, f"{way}: {result.stderr}"
    return guest.folder / way / ARCH / "rootfs.squashfs"


def entries(image):
    return set(subprocess.run(["unsquashfs", "-lln", image], capture_output=True, text=True, check=True).stdout.splitlines())


def things(daemon):
    """The classic builder's cache is images without names."""
    return [thing for thing in daemon.things() if thing != "<none>:<none>"]


@pytest.mark.parametrize("name", GUESTS)
def test_same_bytes(daemons, guest, name):
    guest.templates(rootfs=GUESTS[name])
    before = [things(d) for d in daemons]
    ours = make(guest, "embedded", "embedded")
    for way, engine, daemon, env in ways(daemons, guest, name):
        theirs = make(guest, way, engine, daemon, env)
        if theirs.read_bytes() != ours.read_bytes():
            assert sorted(entries(ours) ^ entries(theirs), key=lambda line: line.split()[-1]) == [], way
            raise AssertionError(f"{way}: the listings are equal, and the bytes are not")
    assert [things(d) for d in daemons] == before
