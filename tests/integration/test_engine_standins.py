# SPDX-License-Identifier: Apache-2.0
"""A Debian base and packages for arm64, with this machine's tools and with the emulator alone: the same tree comes out of both. What
the kernel knows of interpreters is made up in a user namespace of its own, so nothing is registered on this machine. The base and
the packages are downloaded."""
import hashlib
import os
import re
import subprocess

import pytest

from engine import BUILDER
from ordinary_user import ordinary_user
from test_engine_foreign import ForeignEngine, MAGIC, MASK, QEMU, pytestmark  # noqa: F401  it needs what those tests need

BASE = "debian:bookworm-slim"
STORE = os.path.join(os.path.dirname(BUILDER), "test-store")
# Times and words of commands: of no two builds alike.
UNEQUAL = re.compile(r"var/log/|var/cache/ldconfig/aux-cache|var/cache/apt/")
# Perl scripts of maintainers, bytecode, an init script and triggers, from two packages.
DOCKERFILE = f"""FROM {BASE}
RUN apt-get -o Acquire::Check-Date=false -o Acquire::Check-Valid-Until=false update -q && \\
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-minimal rsync && \\
    rm -rf /var/lib/apt/lists/*
RUN uname -m; dpkg --print-architecture; apt-config shell A APT::Architecture; \\
    python3 -c 'import platform; print(platform.machine())'; perl -e 'use Config; print "$Config{{archname}}\\n"'; \\
    ls /run | grep -c capsem-native || true
"""


class RangeEngine(ForeignEngine):
    """Its user has subordinate ids, which the namespace has too: a package manager wants more than one."""
    register = f":test:M::{MAGIC}:{MASK}:{QEMU}:F"

    def command(self, *words):
        command = super().command(*words)
        at = command.index("--map-root-user")
        return [*command[:at], "--map-auto", *command[at:]]


@pytest.fixture(scope="module")
def engine():
    with ordinary_user() as user:
        made = RangeEngine(user, user.home / "foreign")
        # the base for this machine, where another test has made it
        tar = user.home / "base.tar"
        export = subprocess.run([BUILDER, "image", "export", BASE, str(tar), "--cache-dir", STORE], capture_output=True, check=False)
        if export.returncode == 0:
            os.chown(tar, user.uid, user.gid)
            made.run("image", "import", tar, BASE)  # an old one has devices, which the user cannot make: then it bootstraps
        yield made


def tree(built):
    """Of each path all that is the same in two builds."""
    found = {}
    for name, member in built.tree.members.items():
        xattrs = {key: value for key, value in member.pax_headers.items() if "xattr" in key}
        content = hashlib.sha256(built.tree.bytes(name)).hexdigest() if member.isreg() else ""
        if not UNEQUAL.match(name):
            found[name] = (member.type, member.mode, member.uid, member.gid, member.linkname, xattrs, content)
    return found


def test_the_same_tree(engine):
    built = engine.build(DOCKERFILE, None, "--platform", "linux/arm64", timeout=600)
    answers = ["aarch64", "arm64", "A='arm64'", "aarch64", "aarch64-linux-gnu-thread-multi"]
    assert built.lines()[-6:] == [*answers, "1"]
    emulated = engine.build(DOCKERFILE, None, "--platform", "linux/arm64", "--no-cache", "--emulate", timeout=600)
    assert emulated.lines()[-6:] == [*answers, "0"]
    one, other = tree(built), tree(emulated)
    assert {name: (one.get(name), other.get(name)) for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == {}
    assert "usr/lib/python3.11/__pycache__/os.cpython-311.pyc" in one and not [name for name in one if "capsem" in name]
