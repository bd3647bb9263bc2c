# SPDX-License-Identifier: Apache-2.0
"""The whole path on a small guest: examples/minimal is built, its files are checked, and it boots.

Needs root, Debian's packages (a base, a ready kernel) and QEMU. The store is kept in the build folder, so that a second run is
quick. Nothing is skipped silently: what is missing is a failure, or a skip that says why.
"""
import fcntl
import http.server
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ["CAPSEM_BUILDER"]
STORE = os.path.join(os.path.dirname(PROGRAM), "test-store")
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
QEMU = {"x86_64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[ARCH]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="building needs root")


def capsem(*args, cwd, check=True, timeout=1500, **env):
    result = subprocess.run([PROGRAM, *args], cwd=cwd, capture_output=True, text=True, timeout=timeout,
                            env={**os.environ, "CAPSEM_CACHE_DIR": STORE, "SOURCE_DATE_EPOCH": "1750000000", **env})
    if check and result.returncode != 0:
        pytest.fail(f"{' '.join(args)} exited {result.returncode}\n{result.stdout[-2000:]}\n{result.stderr[-6000:]}")
    return result


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with the guest in it and its assets built."""
    folder = tmp_path_factory.mktemp("boot")
    shutil.copytree(os.path.join(ROOT, "examples/minimal"), folder / "guest")
    build = folder / "guest/config/build.toml"
    build.write_text(build.read_text().replace('["capsem-pty-agent"]', '["capsem-pty-agent", "capsem-net-proxy", "capsem-mcp-server"]'))
    capsem("build", "guest", "--arch", ARCH, "--progress", "plain", cwd=folder)
    return folder


def test_every_asset_is_there(place):
    names = set(os.listdir(place / "assets" / ARCH))
    assert {"vmlinuz", "initrd.img", "rootfs.squashfs", "build.json"} <= names
    assert os.readlink(place / "assets/current") == ARCH


def test_sums_are_as_b3sum_reads_them(place):
    subprocess.run(["b3sum", "--check", "B3SUMS"], cwd=place / "assets", check=True, stdout=subprocess.DEVNULL)
    manifest = json.loads((place / "assets/manifest.json").read_text())
    assets = manifest["releases"][manifest["latest"]][ARCH]["assets"]
    sums = dict(reversed(line.split("  ")) for line in (place / "assets/B3SUMS").read_text().splitlines())
    assert [a["filename"] for a in assets] == ["initrd.img", "rootfs.squashfs", "vmlinuz"]
    for asset in assets:
        assert sums[f"{ARCH}/{asset['filename']}"] == asset["hash"]
        assert os.path.getsize(place / "assets" / ARCH / asset["filename"]) == asset["size"]


def test_the_kernel_mounts_the_root_filesystem(place, tmp_path):
    subprocess.run(["mount", "-o", "loop,ro", place / "assets" / ARCH / "rootfs.squashfs", tmp_path], check=True)
    try:
        assert os.path.exists(tmp_path / "usr/local/bin/capsem-pty-agent")
        image = json.loads((tmp_path / "etc/capsem/image.json").read_text())
        assert "capsem-pty-agent" in image["guest_binaries"]
        setuid = subprocess.run(["find", tmp_path, "-type", "f", "-perm", "/6000"], capture_output=True, text=True)
        assert setuid.stdout == ""
        # Nothing that was mounted for the steps.
        assert not os.path.exists(tmp_path / "run/capsem")
        assert os.listdir(tmp_path / "root") == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_nothing_changed_builds_nothing(place):
    before = {p: os.stat(place / "assets" / ARCH / p).st_mtime_ns for p in os.listdir(place / "assets" / ARCH)
              if p != "build.json"}
    result = capsem("build", "guest", "--arch", ARCH, "--progress", "json", cwd=place)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert {e["result"] for e in events if e["event"] == "end"} == {"cached"}
    assert not [e for e in events if e["event"] == "phase"]
    for name, mtime in before.items():
        assert os.stat(place / "assets" / ARCH / name).st_mtime_ns == mtime, name


def test_a_changed_artifact_installs_no_package(place):
    with open(place / "guest/artifacts/capsem-bashrc", "a", encoding="utf-8") as f:
        f.write(f"# changed at {time.time_ns()}\n")  # what the store has not seen
    result = capsem("build", "guest", "--arch", ARCH, "--template", "rootfs", "--progress", "json", cwd=place)
    ran = {}
    for event in map(json.loads, result.stderr.splitlines()):
        if event["event"] == "begin":
            text = event["text"]
        if event["event"] == "end" and event["result"] != "cached":
            ran[event["step"]] = text
    assert ran and not any("apt" in text for text in ran.values()), ran


def test_two_builds_give_the_same_bytes(place, tmp_path):
    """From the same steps, packed again with an empty block cache."""
    first = (place / "assets" / ARCH / "rootfs.squashfs").read_bytes()
    blocks = os.path.join(STORE, "blocks")
    os.rename(blocks, os.path.join(STORE, f"blocks-away-{time.time_ns()}"))
    try:
        capsem("build", "guest", "--arch", ARCH, "--template", "rootfs", "--output", str(tmp_path / "again"), cwd=place)
    finally:
        for name in os.listdir(STORE):
            if name.startswith("blocks-away-"):
                shutil.rmtree(os.path.join(STORE, name))
    assert (tmp_path / "again" / ARCH / "rootfs.squashfs").read_bytes() == first


needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed")


@needs_qemu
def test_it_boots_and_runs_a_command(place):
    result = capsem("run", "--timeout", "300", "--env", "LANG=fr", "--",
                    """cat /etc/os-release && uname -r && id -u && echo to-stderr >&2
                    for shell in sh 'sh -l' 'env -i sh -l'; do $shell -c 'echo "shell:$PATH $LANG"'; done; exit 7""",
                    cwd=place, check=False, timeout=400)
    assert result.returncode == 7, result.stderr
    session, login, anew = [line for line in result.stdout.splitlines() if line.startswith("shell:")]
    assert session == login and session.endswith("/bin fr") and anew == session[:-2] + "C", result.stdout
    assert "PRETTY_NAME" in result.stdout and "\n0\n" in result.stdout
    assert "to-stderr" in result.stderr


@needs_qemu
def test_volumes(place, tmp_path):
    """What the server on the host refuses is test_run_volumes.py's."""
    work, tools = tmp_path / "work, of today", tmp_path / "tools"
    for folder in (work, tools):
        folder.mkdir()
    (tools / "tool").write_text("#!/bin/sh\necho ran\n")
    (tools / "tool").chmod(0o755)
    (work / "large").write_bytes(os.urandom(16 << 20))
    result = capsem("run", "--timeout", "300", "--memory", "512", "-v", f"{work}:/root/new/work of today", "-v", f"{tools}:/opt:ro", "--",
                    "/opt/tool && cd '/root/new/work of today' && mkdir -p deep/er && cp large deep/er/copy && cmp large deep/er/copy && "
                    "echo text >made && chmod 750 made && mv made moved && rm large && ln -s moved link && cat link; touch /opt/x",
                    cwd=place, check=False, timeout=400)
    assert (result.returncode, result.stdout) == (1, "ran\ntext\n") and "Read-only" in result.stderr, result.stderr
    assert sorted(os.listdir(work)) == ["deep", "link", "moved"] and (work / "moved").stat().st_mode & 0o777 == 0o750
    assert os.path.getsize(work / "deep/er/copy") == 16 << 20 and os.listdir(tools) == ["tool"]
    assert "read-only copy" not in result.stderr


@needs_qemu
def test_a_volume_where_nothing_shares_it(place, tmp_path):
    """A virtiofsd that does not serve: the guest gets a disk with a copy, and no scratch disk is taken for it."""
    server = tmp_path / "bin/virtiofsd"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\nexit 1\n")
    server.chmod(0o755)
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/file").write_text("text\n")
    result = capsem("run", "--timeout", "300", "--memory", "512", "-v", f"{tmp_path}/a b:/root/a b", "--",
                    "cat '/root/a b/file' && touch /etc/writable; grep -c ' / overlay' /proc/mounts; touch '/root/a b/x'",
                    cwd=place, check=False, timeout=400, PATH=f"{server.parent}:{os.environ['PATH']}")
    assert result.returncode == 1 and result.stdout.startswith("text\n") and result.stdout.endswith("\n1\n"), result.stderr
    assert "virtiofsd did not start" in result.stderr and "Read-only" in result.stderr


@needs_qemu
def test_the_root_is_writable_and_the_image_is_not(place):
    fill = "dd if=/dev/zero of=/fill bs=1M 2>&1; echo filled; rm /fill && echo y >/etc/new && cat /etc/new"
    result = capsem("run", "--timeout", "300", "--memory", "256", "--",
                    f"echo x >/etc/new && cat /etc/new; touch /run/capsem/lower/x 2>&1; {fill}", cwd=place, timeout=400)
    assert result.stdout.startswith("x\n") and "Read-only" in result.stdout
    # Full is not broken.
    assert "No space left" in result.stdout and result.stdout.endswith("filled\ny\n")


@needs_qemu
def test_a_run_takes_changed_files_of_the_guest_without_a_build(place):
    """They go after the build's ramdisk, which comes back byte for byte with the old files."""
    assets, tips = place / "assets" / ARCH, place / "guest/artifacts/tips.txt"
    before = {name: (assets / name).read_bytes() for name in os.listdir(assets)}
    old = tips.read_text()
    run = ("run", "--timeout", "300", "--guest", "guest", "--timing", "--", "cat /etc/capsem-tips.txt")
    tips.write_text("a tip of today\n")
    done = capsem(*run, cwd=place, timeout=400)
    assert done.stdout == "a tip of today\n" and "ramdisk repacked" in done.stderr and "guest binaries compiled" in done.stderr
    assert (assets / "initrd.img").read_bytes().startswith(before["initrd.img"])
    assert (assets / "initrd.img").read_bytes() != before["initrd.img"]
    test_sums_are_as_b3sum_reads_them(place)
    tips.write_text(old)
    assert capsem(*run, cwd=place, timeout=400).stdout == old
    assert {name: (assets / name).read_bytes() for name in os.listdir(assets)} == before
    test_sums_are_as_b3sum_reads_them(place)


@needs_qemu
def test_a_run_with_a_broken_guest_boots_nothing(place):
    config = place / "guest/config/build.toml"
    old = config.read_text()
    config.write_text(old + "\n[build\n")
    try:
        result = capsem("run", "--guest", "guest", "--", "true", cwd=place, check=False)
    finally:
        config.write_text(old)
    assert result.returncode == 1
    assert "build.toml" in result.stderr and "E00" in result.stderr


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"answered " + self.path.encode())

    def log_message(self, *args):
        pass


# What a program in the guest does, without one: bash and the proxy's own port.
ASK = ("exec 3<>/dev/tcp/127.0.0.1/10443; printf 'GET /%s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' >&3; cat <&3")


def attached(folder, keys, wanted):
    """`attach t1` on a terminal up to what is wanted; then the keys."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        os.execve(PROGRAM, [PROGRAM, "attach", "t1"], {**os.environ, "CAPSEM_CACHE_DIR": STORE, "TERM": "xterm"})
    seen, deadline = b"", time.monotonic() + 120
    while wanted not in seen:
        assert select.select([fd], [], [], max(0, deadline - time.monotonic()))[0], seen
        seen += os.read(fd, 65536)
    os.write(fd, keys)
    while select.select([fd], [], [], 10)[0]:
        try:
            seen += os.read(fd, 65536)
        except OSError:
            break
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


@needs_qemu
def test_a_machine_that_stays_with_its_policy_and_files(place, tmp_path):
    """One boot: the network's policy over the real port, files in and out, a second and a third visit, the end."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    policy = place / "guest/config/security/web.toml"
    old = policy.read_text()
    policy.write_text('[web]\ncustom_allow = ["mine.test"]\n')
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("from the host\n")
    resolve = [f"--resolve={name}=127.0.0.1:{server.server_port}" for name in ("mine.test", "other.test")]
    try:
        ask = "bash -c \"" + ASK % ("first", "mine.test") + "\"; bash -c \"" + ASK % ("second", "other.test") + "\""
        done = capsem("run", "--guest", "guest", "--timeout", "300", "--keep", "t1", "--net-log", str(tmp_path / "log"), "--env", "WORD=a b",
                      "--copy-in", f"{tmp_path}/in:/root/in", "--copy-out", f"/root/in:{tmp_path}/out", *resolve,
                      "--mcp", f"'{PROGRAM}' mcp", "--",
                      f'cat /root/in/file; echo "$WORD" >/root/in/word; {ask}; echo x >/tmp/kept; exit 4', cwd=place, check=False)
    finally:
        policy.write_text(old)
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("from the host\n") and "answered /first" in done.stdout and "answered /second" not in done.stdout
    assert "403 Forbidden" in done.stdout and "attach t1" in done.stderr
    assert (tmp_path / "out/word").read_text() == "a b\n" and (tmp_path / "out/file").read_text() == "from the host\n"
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(e["event"], e["name"]) for e in events if e["event"] != "closed"] == [
        ("allowed", "mine.test"), ("refused", "other.test")] and events[0]["process"] == "bash"
    try:
        assert capsem("attach", "--list", cwd=place).stdout == "t1\n"
        assert capsem("attach", "t1", "cat /tmp/kept; exit 5", cwd=place, check=False).stdout == "x\n"
        again = capsem("attach", "t1", "bash -c \"" + ASK % ("third", "mine.test") + "\"", cwd=place)
        assert "answered /third" in again.stdout
        questions = [{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2024-11-05"}},
                     {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "inspect", "arguments": {"guest": "guest"}}}]
        lines = " ".join(f"'{json.dumps(question)}'" for question in questions)
        for _ in range(2):  # two programs of the guest's, one after the other
            told = capsem("attach", "t1", f"printf '%s\\n' {lines} | capsem-mcp-server", cwd=place)
            first, second = map(json.loads, told.stdout.splitlines())
            assert first["result"]["serverInfo"]["name"] == "capsem-builder"
            assert second["id"] == 2 and "capsem-minimal" in second["result"]["content"][0]["text"]
        assert attached(place, b"(while sleep 0.1; do echo tick; done) &\r\x1d\x1d\x1d", b"# ")[0] == 0
        # What the shell prints meanwhile is not a command's.
        assert capsem("attach", "t1", "sleep 0.5; echo one", cwd=place).stdout == "one\n"
        # The prompt is there again without a key, the shell is the same, and what was typed before leaving was taken.
        code, seen = attached(place, b"stty size; exit 6\r", b"# ")
        assert code == 6 and b"30 90" in seen and b"tick" in seen
        # A visitor is killed and the next one is there before the guest has seen the first one go: QEMU sleeps meanwhile.
        with open(os.path.join(STORE, "machines/t1/pid")) as note:
            qemu = int(note.read().split()[0])
        command = [PROGRAM, "attach", "--cache-dir", STORE, "t1"]
        with subprocess.Popen([*command, "echo begun; sleep 1000"], stdout=subprocess.PIPE) as first:
            assert first.stdout.readline() == b"begun\n"
            os.kill(qemu, signal.SIGSTOP)
            first.kill()
            first.wait()
            with subprocess.Popen([*command, "echo next"], stdout=subprocess.PIPE) as second:
                time.sleep(0.3)
                os.kill(qemu, signal.SIGCONT)
                assert second.communicate(timeout=60)[0] == b"next\n"
        twice = capsem("run", "--keep", "t1", "--", "true", cwd=place, check=False)
        assert twice.returncode == 1 and "attach --end t1" in twice.stderr
    finally:
        capsem("attach", "--end", "t1", cwd=place)
    gone = capsem("attach", "t1", "true", cwd=place, check=False)
    assert gone.returncode == 1 and "no machine named 't1' is running" in gone.stderr
    assert capsem("attach", "--list", cwd=place).stdout == ""
