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
    deadline = time.monotonic() + 120
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
    assert code == 4 and "read-only copy of" in err and "its kernel does not support virtiofs" in err
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
    ("exit 1", "virtiofsd did not start"), ("echo virtiofsd: no mounts today >&2; exit 1", "no mounts today"),
    ("exec sleep 60", "virtiofsd did not start"), ("head -c 12 <&3 >&2", "virtiofsd did not start")])
def test_a_virtiofsd_that_does_not_serve(place, script, words):
    server = place.path / "bin/virtiofsd"
    server.write_text(f"#!/bin/sh\n{script}\n")
    server.chmod(0o755)
    code, err = run(place, "no_virtiofs", "other:/w")
    assert code == 4 and words in err and "read-only copy" in err
    server.write_bytes(b"\x7fELF no")
    code, err = run(place, "no_virtiofs", "other:/w")
    assert code == 4 and "start virtiofsd" in err


def test_a_virtiofsd_that_hears_nothing_ends_with_us(place):
    """One that serves ends when its socket does. This one does not look at it."""
    pidfile = place.path / "pid"
    server = place.path / "bin/virtiofsd"
    server.write_text(f"#!/bin/sh\necho $$ > {pidfile}.new; mv {pidfile}.new {pidfile}; exec sleep 100000\n")
    server.chmod(0o755)
    process = subprocess.Popen(place.command("true", options=["--accel", "tcg", f"--volume={place.path}/other:/w"]),
                               env=dict(place.env, FAKE_QEMU="no_virtiofs"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not pidfile.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    left = int(pidfile.read_text())
    deadline = time.monotonic() + 60
    try:
        while os.path.exists(f"/proc/{left}/exe"):
            assert time.monotonic() < deadline, "virtiofsd is left behind"
            time.sleep(0.05)
    finally:
        if os.path.exists(f"/proc/{left}/exe"):
            os.kill(left, signal.SIGKILL)


def test_what_the_agent_says_of_it(place):
    code, err = run(place, "mount_fails", "other:/w")
    assert code == 1 and f"mount '{place.path}/other' at '/w' in the guest: Input/output error" in err
    code, err = run(place, "old_agent", "other:/w")
    assert code == 1 and "too old to support volumes" in err and "--guest" in err
    code, err = run(place, "mount_unasked", "other:/w")
    assert code == 1 and "an unknown volume" in err
    none_left(place)


def test_the_agent_mounts_no_more_than_it_should(place):
    """The real agent, whose machine has no such volume."""
    code, err = run(place, "guest", f"other:{place.path}/there")
    assert code == 1 and f"mount '{place.path}/other' at '{place.path}/there' in the guest" in err, err


@pytest.mark.parametrize("text,words", [
    ("other", ["not have the form HOST:GUEST", "help:"]), ("other:w", ["not have the form HOST:GUEST"]), (":/w", ["not have the form HOST:GUEST"]), ("other:ro", ["not have the form HOST:GUEST"]),
    ("missing:/w", ["'missing'", "No such file"]), ("file:/w", ["'file' is not a folder", "--copy-in"]),
    ("other:/", ["a volume cannot be mounted at '/'", "whole guest"]), ("other:/proc", ["a volume cannot be mounted at '/proc'"]), ("other:/sys/x", ["a volume cannot be mounted at"]),
    ("other:/x/../dev/", ["a volume cannot be mounted at '/dev'"]), ("other:/run", ["a volume cannot be mounted at"]), ("other:/LONG", ["longer than 4095"])])
def test_refused_before_a_boot(place, text, words):
    code, err = run(place, "guest", text.replace("LONG", "x" * 4096))
    assert code == 1 and "--volume" in err and all(word in err for word in words) and err.count("error:") == 1, err
    assert place.started() == []


def test_too_many_and_twice_the_same(place):
    code, err = run(place, "guest", *(f"other:/w{n}" for n in range(9)))
    assert code == 1 and "more than 8" in err
    code, err = run(place, "guest", "other:/w", "a, b: é:/w/")
    assert code == 1 and "have the same destination '/w' in the guest" in err and place.started() == []
