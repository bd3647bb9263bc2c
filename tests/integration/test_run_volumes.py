# SPDX-License-Identifier: Apache-2.0
"""`run --volume` against a QEMU that is played (fake_qemu.py): the real virtiofsd serves a guest's half that is written here
(virtiofs.py). With a real guest: test_boot.py."""
import json
import os
import signal
import stat
import subprocess
import time

import pytest

from test_run import AGENT, PROGRAM, Place, start_and_wait

pytestmark = pytest.mark.skipif(not (os.access(PROGRAM, os.X_OK) and os.access(AGENT, os.X_OK)),
                                reason="CAPSEM_BUILDER or CAPSEM_AGENT names no program")
SERVERS = ("/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd")
ROOT = os.geteuid() == 0
NAMES = ("old", "new", "setuid", "device", "pipe")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "a, b: é").mkdir()
    (tmp_path / "a, b: é/old").write_text("old\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/old").write_text("old\n")
    (tmp_path / "file").write_text("x")
    for folder in ("a, b: é", "other"):
        (tmp_path / folder / "lent").write_text("a program of the host's: setuid\n")
        (tmp_path / folder / "lent").chmod(0o6755)
    place = Place(tmp_path)
    place.env["FAKE_SHARE_OUT"] = str(tmp_path / "outcome")
    return place


def run(place, play, *volumes, prefix=()):
    options = ["--accel", "tcg", *(f"--volume={v}" for v in volumes)]
    done = subprocess.run([*prefix, *place.command("true", options=options)], env=dict(place.env, FAKE_QEMU=play), cwd=place.path,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert b"Sanitizer" not in done.stderr, done.stderr.decode()
    place.nothing_is_left()
    return done.returncode, done.stderr.decode()


def servers_of(place):
    """Processes that serve a folder of this test: each has it mounted."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/mountinfo") as mounts:
                if line.read().startswith(b"virtiofsd\0") and str(place.path) in mounts.read().replace("\\040", " "):
                    found.append(int(pid))
        except OSError:
            continue
    return found


def none_left(place):
    deadline = time.monotonic() + 5
    while servers_of(place):
        assert time.monotonic() < deadline, "virtiofsd is left behind"
        time.sleep(0.05)
    assert not [name for name in os.listdir("/tmp") if name.startswith("capsem-volume-")]



def test_a_guest_writes_and_reads(place):
    code, err = run(place, "share", "a, b: é:/root/src", "other:/opt/other/:ro")
    assert (code, err) == (3, "")
    read_only, writable = json.loads((place.path / "outcome").read_text())  # /opt comes before /root
    assert writable == {"old": True, "above": "Invalid argument", "new": True, "setuid": "Operation not permitted", "chmod": None,
                        "chmod setuid": "Operation not permitted", "chmod setgid": "Operation not permitted",
                        "device": "Operation not permitted", "pipe": None, "give": None if ROOT else "Invalid argument", "into lent": None}
    assert read_only["old"] is True
    refused = ("new", "chmod", "pipe", "into lent")
    assert {name: read_only[name] for name in refused} == dict.fromkeys(refused, "Read-only file system")
    folder = place.path / "a, b: é"
    assert sorted(os.listdir(folder)) == ["lent", "new", "old", "pipe"] and sorted(os.listdir(place.path / "other")) == ["lent", "old"]
    assert (folder / "new").read_bytes() == b"from the guest\n" * 4000
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o755 and stat.S_IMODE((folder / "old").stat().st_mode) == 0o640
    if ROOT:
        assert ((folder / "pipe").stat().st_uid, (folder / "pipe").stat().st_gid) == (1234, 1235)
    # What the guest writes into a setuid program is nobody else's to run, root's least.
    assert (folder / "lent").read_bytes().startswith(b"from the guest\n")
    assert stat.S_IMODE((folder / "lent").stat().st_mode) == 0o755
    assert stat.S_IMODE((place.path / "other/lent").stat().st_mode) == 0o6755
    [qemu] = place.started()
    assert "vhost-user-fs-pci,chardev=volume1,tag=volume1" in qemu["args"] and {8, 9} <= set(qemu["fds"])
    none_left(place)


def test_an_ordinary_user_shares_what_is_theirs(place):
    """As root of a user namespace: what the guest's root makes is the user's."""
    if os.geteuid() != 0:
        pytest.skip("the other tests have run as an ordinary user")
    subprocess.run(["chown", "-R", "1234:1235", place.path], check=True)
    for folder in (place.path, *place.path.parents[:2]):
        os.chmod(folder, 0o755)
    user = ["/usr/bin/setpriv", "--reuid=1234", "--regid=1235", "--clear-groups"]
    assert run(place, "share", "other:/w", "a, b: é:/z:ro", prefix=user) == (3, "")
    made = (place.path / "other/new").stat()
    assert (made.st_uid, made.st_gid) == (1234, 1235)
    none_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_us(place, number):
    process = start_and_wait(place, "hang", "true", options=("--accel", "tcg", f"--volume={place.path}/other:/w"))
    assert servers_of(place)
    process.send_signal(number)
    process.wait(10)
    none_left(place)


def test_a_kernel_without_virtiofs_gets_a_disk(place):
    code, err = run(place, "no_virtiofs", "other:/w")
    assert code == 4 and "read-only copy of" in err and "its kernel has no virtiofs" in err
    disk = place.path / "outcome"
    subprocess.run(["unsquashfs", "-d", place.path / "got", disk], check=True, stdout=subprocess.DEVNULL)
    assert (place.path / "got/old").read_text() == "old\n"
    first, second = place.started()
    assert any("vhost-user-fs" in w for w in first["args"]) and "virtio-blk-pci,drive=volume0,serial=volume0" in second["args"]
    # The next run knows.
    assert run(place, "no_virtiofs", "other:/w")[0] == 4 and len(place.started()) == 3
    none_left(place)


def test_no_virtiofsd(place):
    """Those of the machine are hidden in a mount namespace."""
    hide = "".join(f"/usr/bin/mount --bind /dev/null {path} && " for path in SERVERS if os.path.exists(path))
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    prefix = ["/usr/bin/unshare", *own, "--mount", "/bin/sh", "-c", hide + 'exec "$@"', "sh"]
    code, err = run(place, "no_virtiofs", "other:/w", prefix=prefix)
    assert code == 4 and "read-only copy of" in err and "virtiofsd is not installed" in err and len(place.started()) == 1


@pytest.mark.parametrize("script,words", [
    ("exit 1", "virtiofsd does not serve"), ("echo virtiofsd: no mounts today >&2; exit 1", "no mounts today"),
    ("exec sleep 60", "virtiofsd does not serve"), ("head -c 12 <&3 >&2", "virtiofsd does not serve")])
def test_a_virtiofsd_that_does_not_serve(place, script, words):
    server = place.path / "bin/virtiofsd"
    server.write_text(f"#!/bin/sh\n{script}\n")
    server.chmod(0o755)
    code, err = run(place, "no_virtiofs", "other:/w")
    assert code == 4 and words in err and "read-only copy" in err
    server.write_bytes(b"\x7fELF no")
    code, err = run(place, "no_virtiofs", "other:/w")
    assert code == 4 and "start virtiofsd" in err


def test_what_the_agent_says_of_it(place):
    code, err = run(place, "mount_fails", "other:/w")
    assert code == 1 and f"mount '{place.path}/other' at '/w' in the guest: Input/output error" in err
    code, err = run(place, "old_agent", "other:/w")
    assert code == 1 and "older than volumes" in err and "--guest" in err
    code, err = run(place, "mount_unasked", "other:/w")
    assert code == 1 and "that it has not got" in err
    none_left(place)


def test_the_agent_mounts_no_more_than_it_should(place):
    """The real agent, whose machine has no such volume."""
    code, err = run(place, "guest", f"other:{place.path}/there")
    assert code == 1 and f"mount '{place.path}/other' at '{place.path}/there' in the guest" in err, err


@pytest.mark.parametrize("text,words", [
    ("other", ["not HOST:GUEST", "help:"]), ("other:w", ["not HOST:GUEST"]), (":/w", ["not HOST:GUEST"]), ("other:ro", ["not HOST:GUEST"]),
    ("missing:/w", ["'missing'", "No such file"]), ("file:/w", ["'file' is not a folder", "--copy-in"]),
    ("other:/", ["'/' is no place", "whole guest"]), ("other:/proc", ["'/proc' is no place"]), ("other:/sys/x", ["no place"]),
    ("other:/x/../dev/", ["'/dev' is no place"]), ("other:/run", ["no place"]), ("other:/LONG", ["longer than 4095"])])
def test_refused_before_a_boot(place, text, words):
    code, err = run(place, "guest", text.replace("LONG", "x" * 4096))
    assert code == 1 and "--volume" in err and all(word in err for word in words) and err.count("error:") == 1, err
    assert place.started() == []


def test_too_many_and_twice_the_same(place):
    code, err = run(place, "guest", *(f"other:/w{n}" for n in range(9)))
    assert code == 1 and "more than 8" in err
    code, err = run(place, "guest", "other:/w", "a, b: é:/w/")
    assert code == 1 and "are both for '/w' in the guest" in err and place.started() == []
