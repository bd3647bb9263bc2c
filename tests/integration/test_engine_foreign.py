# SPDX-License-Identifier: Apache-2.0
"""RUN for another architecture. What the kernel knows of interpreters is made up in a user namespace of its own: nothing is
registered on this machine, and the engine sees what an ordinary user in there would."""
import os
import re
import shutil
import struct
import subprocess

import pytest

from engine import BUILDER, Engine, entry, needs_engine, needs_root, tar_bytes
from ordinary_user import ordinary_user

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QEMU = "/usr/bin/qemu-aarch64-static"
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"

pytestmark = [*needs_engine, needs_root,
              pytest.mark.skipif(os.uname().machine != "x86_64", reason="the foreign program of the test is for arm64"),
              pytest.mark.skipif(not os.access(QEMU, os.X_OK), reason="the package qemu-user-static is not installed"),
              pytest.mark.skipif([int(n) for n in re.findall(r"\d+", os.uname().release)[:2]] < [6, 7],
                                 reason="before Linux 6.7 interpreters are registered for the whole machine")]


def program():
    """Writes "arm64" and ends: write(1, text, 6), exit(0), by the Arm architecture's encodings."""
    code = struct.pack("<8I", 0xD2800808, 0xD2800020, 0x100000C1, 0xD28000C2, 0xD4000001, 0xD2800BA8, 0xD2800000, 0xD4000001)
    body = code + b"arm64\n"
    start, base = 64 + 56, 0x400000
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, base + start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, start + len(body), start + len(body), 4096)
    return header + segment + body


class ForeignEngine(Engine):
    """In a user namespace with a list of interpreters: `register` is what is written there."""
    register = None

    def __init__(self, user, folder):
        folder.mkdir()
        os.chown(folder, user.uid, user.gid)
        super().__init__(folder / "store", folder)
        self.user, self.program = user, user.take(BUILDER)

    def command(self, *words):
        script = 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; [ -z "$0" ] || printf %s "$0" >/proc/sys/fs/binfmt_misc/register; exec "$@"'
        return [*self.user.prefix, "unshare", "--user", "--map-root-user", "--mount", "sh", "-e", "-c", script, self.register or "",
                str(self.program), *map(os.fspath, words), "--cache-dir", str(self.store)]


@pytest.fixture(scope="module")
def user():
    with ordinary_user(single=True) as made:
        yield made


@pytest.fixture
def foreign(user, request):
    made = ForeignEngine(user, user.home / re.sub(r"\W", "-", request.node.name))
    folders = [entry(name, kind=b"5") for name in ("bin", "proc", "sys", "dev", "run", "etc", "usr", "usr/bin")]
    (made.scratch / "base.tar").write_bytes(tar_bytes([*folders, entry("bin/hello", program(), mode=0o755)]))
    made.run("image", "import", made.scratch / "base.tar", "arm", "--platform", "linux/arm64").check()
    return made


DOCKERFILE = 'FROM --platform=linux/arm64 arm\nRUN ["/bin/hello"]\n'


@pytest.mark.parametrize("flags", ["F", "", "OCF"])
def test_through_an_interpreter(foreign, flags):
    foreign.register = f":test:M::{MAGIC}:{MASK}:{QEMU}:{flags}"
    built = foreign.build(DOCKERFILE)
    assert built.lines() == ["arm64"] and built.image_config["architecture"] == "arm64"
    assert built.tree.under("usr") == ["bin"]  # nothing of the interpreter stays


def test_without_one_it_is_said_before_the_first_step(foreign, user):
    first = "FROM scratch AS made\nWORKDIR /x\n" + DOCKERFILE + "COPY --from=made /x /x\nFROM scratch\nCOPY --from=1 /x /y\n"
    result = foreign.fail(first)
    assert ":3:17: RUN needs programs for 'linux/arm64', which this machine cannot run" in result.stderr and "[E405]" in result.stderr
    assert "apt-get install --no-install-recommends qemu-user-static binfmt-support" in result.stderr and result.steps() == []
    result = foreign.fail('FROM arm\nRUN ["/bin/hello"]\n', None, "--platform", "linux/arm64")
    assert ":1:6: RUN needs programs for 'linux/arm64', which this machine cannot run" in result.stderr


def test_a_guest_of_two_architectures(foreign, user):
    """One of them cannot be built: nothing is done for the other one either."""
    guest = foreign.scratch / "guest"
    shutil.copytree(os.path.join(ROOT, "examples/minimal"), guest)
    before = os.listdir(foreign.store / "layers")
    result = foreign.run("build", guest, "--arch", "all", "--engine", "embedded", "--output", foreign.scratch / "assets")
    assert result.code == 1 and "RUN needs programs for 'linux/arm64'" in result.stderr and "config/build.toml:" in result.stderr
    assert os.listdir(foreign.store / "layers") == before and not (foreign.scratch / "assets").exists()


@pytest.mark.parametrize("register", [f":test:M::{MAGIC}:{MASK}:/usr/bin/gone:", f":test:M::{MAGIC[:-8]}\\xf3\\x00:{MASK}:{QEMU}:F",
                                      f":test:E::hello::{QEMU}:"], ids=["gone", "of another machine", "by a suffix"])
def test_what_does_not_help(foreign, register):
    foreign.register = register
    assert "RUN needs programs for 'linux/arm64'" in foreign.fail(DOCKERFILE).stderr


def test_what_runs_nothing_needs_none(foreign):
    """A stage that the target does not need is not looked at."""
    built = foreign.build("FROM --platform=linux/arm64 arm AS a\nWORKDIR /x\n" + DOCKERFILE +
                          "FROM --platform=linux/arm64 arm\nCOPY --from=a /bin/hello /h\n")
    assert built.tree.bytes("h") == program()


def test_the_program_itself(tmp_path):
    (tmp_path / "hello").write_bytes(program())
    shutil.copymode(QEMU, tmp_path / "hello")
    assert subprocess.run([QEMU, tmp_path / "hello"], capture_output=True, check=True).stdout == b"arm64\n"
