# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, and what is said about it: each message names the place, and the store stays sound."""
import contextlib
import http.server
import os
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from engine import Engine, base_tar, context, engine, entry, errors, group, mounts_below, needs_engine, needs_root, processes_using, tar_bytes  # noqa: F401

pytestmark = needs_engine


# --- the Dockerfile -----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dockerfile, place, words", [
    ("FROM base\nRUNN true\n", ":2:1", "RUNN"),
    ("RUN true\n", ":1:1", "FROM"),
    ("", ":1:1", ""),
    ("FROM base\nCOPY --from=gone /x /y\n", ":2:", "gone"),
    ("FROM base\nCOPY --from=3 /x /y\n", ":2:", "3"),
    ("FROM base AS a\nCOPY --from=b /x /y\nFROM a AS b\n", ":2:", "b"),
    ("FROM base AS a\nCOPY --from=a /x /y\n", ":2:", "a"),
    ("FROM base AS a\nFROM base AS a\n", ":2:", "a"),
    ("FROM nosuch:1\n", ":1:6", "image import FILE.tar nosuch:1"),
    ("FROM debian:nosuch\n", ":1:6", "the image 'debian:nosuch' (linux/amd64) is not in the store, and its registry "),
    ("FROM UPPER CASE\n", ":1:", ""),
    ("FROM base:::\n", ":1:6", "base:::"),
    ("FROM --platform=no/such/thing/x base\n", ":1:", "platform"),
    ("FROM base\nRUN --mount=type=nonsense true\n", ":2:", "nonsense"),
    ("FROM base\nRUN --security=insecure true\n", ":2:", "insecure"),
    ("FROM base\nEXPOSE 99999\n", ":2:", "99999"),
    ("FROM base\nUSER\n", ":2:", "USER"),
    ("FROM base\nENV A=${B:?must be given}\n", ":2:", "must be given"),
    ("FROM base\nCOPY <<EOF /x\nno end\n", ":2:", "EOF"),
    ("FROM base\nONBUILD RUN true\nFROM base\nONBUILD ONBUILD RUN true\n", ":4:", "ONBUILD"),
])
def test_a_dockerfile_that_is_wrong(engine, dockerfile, place, words):
    result = engine.fail(dockerfile)
    first = errors(result)[0]
    assert place in first and words in result.stderr, result.stderr
    assert result.steps() == [] and len(errors(result)) <= 2


def test_a_binary_dockerfile(engine):
    for data in (os.urandom(10_000), b"\x7fELF" + bytes(1000), b"\0", b"FROM base\nRUN echo \0 x\n", b"\xff\xfeF\0R\0O\0M\0"):
        assert errors(engine.fail(data))


def test_files_that_are_no_dockerfile(engine, context, tmp_path):
    for words in (["image", "build", context], ["image", "build", context, "-f", "/nowhere"], ["image", "build", context, "-f", tmp_path],
                  ["image", "build", tmp_path / "gone"], ["image", "build", "/etc/passwd"], ["image", "build", context, "-f", "/dev/zero"]):
        result = engine.run(*words)
        assert result.code == 1 and len(errors(result)) == 1 and "'" in result.stderr, words


def test_a_loop_of_triggers_ends(engine):
    assert engine.build("FROM base AS a\nONBUILD RUN echo t\nFROM a AS b\nONBUILD RUN echo u\nFROM b\n").lines() == ["t", "u"]


# --- COPY ------------------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source, words", [
    ("gone", "'gone' is not in the build context"),
    ("../../etc/passwd", "'..' stops at its top"),
    ("../..", None),
    ("/etc/passwd", "'/etc/passwd' is not in the build context"),
    ("outside", "'outside' is a symbolic link to '/etc/passwd', which is not inside the build context"),
    ("up", "which is not inside the build context"),
    ("dir/outside", "which is not inside the build context"),
    ("loop", ""),
    ("d*/gone", "'d*/gone' is not in the build context"),
    ("file/below", "'file/below' is not in the build context"),
])
def test_sources_that_are_not_there_or_outside(engine, context, source, words):
    context.link("outside", "/etc/passwd")
    context.link("up", "../../../../../../etc/passwd")
    context.link("dir/outside", "/etc")
    context.link("loop", "loop")
    context.write("file", "content")
    result = engine.try_build(f"FROM base\nRUN true\nCOPY {source} /copied/\nRUN ls -R /copied\n", context)
    if words is None:
        assert result.code == 0 and "passwd" not in result.lines()  # the context itself
        return
    assert result.code == 1 and words in result.stderr and ":3:6" in errors(result)[0], result.stderr
    assert "root:x:0:0:root:/root:/bin/bash" not in result.stderr


def test_sources_that_cannot_be_read(engine, context):
    os.mkfifo(context / "pipe")
    for words in ("COPY pipe /x", "ADD pipe /x"):
        assert "neither a file nor a folder" in engine.fail(f"FROM base\n{words}\n", context).stderr
    path = "/".join(["d"] * 400)
    context.write(path + "/f")
    assert "folders are nested more than 256 deep" in engine.fail("FROM base\nCOPY . /c\n", context).stderr


def test_destinations_that_are_impossible(engine, context):
    context.write("f", "F")
    for destination in ("/proc/../etc/passwd/x", "/" + "x" * 256, "/" + "/".join(["y" * 250] * 20)):
        assert ":2:1" in errors(engine.fail(f"FROM base\nCOPY f {destination}\n", context))[0]


# --- RUN --------------------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command, status, cause, way_out", [
    ("nosuch --x", 127, "the program 'nosuch' was not found", "install it in an earlier step"),
    ("echo 'E: Unable to locate package jk'; exit 100", 100, "apt finds no package 'jk'", "run 'apt-get update' in the same step"),
    ("printf '\\177ELF\\2aaaaaa\\n' >/x; chmod +x /x; /x", 127, "'/x' is a program of another architecture", "--platform"),
    ("exit 6 # curl -s http://x", 6, "curl cannot resolve the host", "--network none"),
])
def test_the_first_line_has_the_cause(engine, command, status, cause, way_out):
    """cause_test.c has the rest."""
    result = engine.fail(f"FROM base\nRUN {command}\n")
    assert f":2:1: the step exited with status {status}: {cause}" in errors(result)[0], result.stderr
    assert [line for line in result.stderr.splitlines() if line.startswith("help: ") and way_out in line], result.stderr


@pytest.mark.parametrize("content, why", [
    (b"\x7fELF\2\1\1" + bytes(57), "run '/x': it is for another architecture or is not a program: Exec format error"),
    (b"#!/no/such/interpreter\n", "run '/x': its interpreter or loader is missing: No such file or directory"),
])
def test_a_program_that_cannot_be_run_and_no_shell(engine, context, content, why):
    context.write("x", content, mode=0o755)
    failed = engine.fail('FROM scratch\nCOPY x /x\nRUN ["/x"]\n', context)
    assert why in errors(failed)[0] and ":3:1:" in errors(failed)[0] and "\nhelp: " in failed.stderr


@pytest.fixture
def mounted(tmp_path):
    """Mounts something on a new folder."""
    folders = []

    def mount(kind, options):
        folder = tmp_path / f"mounted-{len(folders)}"
        folder.mkdir()
        subprocess.run(["mount", "-t", kind, "-o", options, "none", folder], check=True)
        folders.append(folder)
        return folder
    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)


@needs_root
def test_a_store_without_inodes(tmp_path, base_tar, context, mounted):
    store = Engine(mounted("tmpfs", "nr_inodes=600") / "store", tmp_path)
    store.run("image", "import", base_tar, "base").check()
    for i in range(600):
        context.write(f"many/{i}")
    for text in ("COPY many /many", "RUN i=0; while [ $i -lt 600 ]; do touch /f$i || exit 1; i=$((i+1)); done"):
        failed = store.try_build(f"FROM base\n{text}\n", context)
        assert failed.code == 1 and ":2:1: the disk that holds the store has no free inodes: " in errors(failed)[0], failed.stderr
        assert "capsem-builder cache prune" in failed.stderr


@needs_root
def test_a_store_on_an_overlay(tmp_path, base_tar, mounted):
    for name in ("lower", "upper", "work"):
        (tmp_path / name).mkdir()
    store = Engine(mounted("overlay", f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work") / "store", tmp_path)
    failed = store.run("image", "import", base_tar, "base")
    assert failed.code == 1 and "is on overlayfs, which cannot hold the layers of another" in errors(failed)[0] and "--cache-dir" in failed.stderr


def test_a_proxy_that_refuses(engine):
    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            self.send_error(407)

        def log_message(self, *words):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
    env = {"https_proxy": f"http://127.0.0.1:{proxy.server_port}", "no_proxy": ""}
    failed = engine.try_build("FROM base\nADD https://host.invalid/x /x\n", env=env)
    assert "fetch 'https://host.invalid/x': the proxy refused the request with status 407" in errors(failed)[0] and "help: http_proxy" in failed.stderr
    failed = engine.run("image", "pull", "host.invalid/x:1", env=env)
    assert "the proxy refused the request with status 407" in errors(failed)[0] and "help: http_proxy" in failed.stderr
    proxy.shutdown()
    proxy.server_close()


def test_a_step_that_fails_shows_output_place_and_code(engine):
    for progress in ("json", "plain", "tty"):
        words = engine.words("FROM base\nRUN true\nRUN echo to-stdout; echo to-stderr >&2; \\\n    exit 42\nRUN echo never\n")
        words[words.index("json")] = progress
        result = engine.run(*words)
        assert result.code == 1 and ":3:1: the step exited with status 42" in errors(result)[0]
        assert "to-stdout" in result.stderr and "to-stderr" in result.stderr and "3 | RUN echo to-stdout" in result.stderr
        assert "never" not in result.stderr.replace("RUN echo never", "")


@pytest.mark.parametrize("command, words", [
    ("kill -SEGV $$", "signal 11 (Segmentation fault)"), ("kill -KILL $$", "signal 9 (Killed)"), ("kill -TERM $$", "signal 15 (Terminated)")])
def test_a_step_that_is_killed(engine, command, words):
    assert words in errors(engine.fail(f"FROM base\nRUN echo before; {command}; sleep 1\n"))[0]


@pytest.mark.parametrize("command, words", [
    ('["/no/such/program"]', "run '/no/such/program': No such file or directory"), ('["gone"]', "run 'gone': No such file or directory"),
    ('["/etc/passwd"]', "Permission denied"), ('["/tmp"]', "Permission denied"), ('[""]', "No such file or directory")])
def test_a_command_that_cannot_be_started(engine, command, words):
    result = engine.fail(f"FROM base\nRUN {command}\n")
    assert words in errors(result)[0] and ":2:1" in errors(result)[0]


def test_an_image_without_a_shell(engine):
    assert "run '/bin/sh': No such file or directory" in engine.fail("FROM scratch\nRUN true\n").stderr


def test_a_folder_that_cannot_be_entered(engine):
    assert "enter the folder '/root'" in engine.fail("FROM base\nWORKDIR /root\nUSER builder\nRUN true\n").stderr


def test_a_step_that_runs_out_of_memory(engine):
    with group("memory", "memory.limit_in_bytes", 64 * 1024 * 1024) as enter:
        result = engine.fail("FROM base\nRUN echo eating; head -c 1000000000 /dev/zero | tail -c 900000000 > /dev/null; echo survived; exit 5\n",
                             preexec_fn=enter)
        assert "ran out of memory" in errors(result)[0] and "eating" in result.stderr
        if os.access("/dev/kmsg", os.R_OK):
            assert "tail (" in errors(result)[0], "the victim is named"
        assert engine.build("FROM base\nRUN echo fine\n", preexec_fn=enter).lines() == ["fine"]
    assert not [g for g in os.listdir("/sys/fs/cgroup/memory") if g.startswith("capsem-builder-")]


def test_a_step_with_too_many_processes_is_stopped_by_its_group(engine):
    with group("pids", "pids.max", 60) as enter:
        result = engine.try_build("FROM base\nRUN for i in $(seq 200); do sleep 100 & done; echo still here\n", preexec_fn=enter)
        assert result.code == 1 and "can't fork" in result.stderr
        assert engine.build("FROM base\nRUN echo fine\n", preexec_fn=enter).lines() == ["fine"]


def test_a_gigabyte_of_output_in_little_memory(engine):
    for flood in ("head -c 1073741824 /dev/zero", "yes some line | head -c 200000000"):
        words = engine.words(f"FROM base\nRUN echo first; {flood}; echo; echo last; exit 1\n")
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(write, 2)
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            # a sanitizer would keep what was freed
            os.execve(engine.command()[0], engine.command(*words), {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"})
        os.close(write)
        total, tail = 0, b""
        with open(read, "rb") as file:
            while piece := file.read(1 << 16):
                total += len(piece)
                tail = (tail + piece)[-4000:]
        _, status, usage = os.wait4(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 1 and b"last" in tail and b"exited with status 1" in tail
        assert usage.ru_maxrss < 100_000, f"{usage.ru_maxrss} kB"
        assert total < 100_000_000


def test_output_that_is_no_text(engine):
    result = engine.fail("FROM base\nRUN head -c 5000 /dev/urandom; printf '\\n\\377\\376\\n\\000\\033[2J\\n\\302\\205x\\342\\200\\250\\n'; exit 1\n")
    assert "exited with status 1" in result.stderr
    assert result.lines()[-3:] == ["\ufffd\ufffd", "\0\x1b[2J", "\x85x\u2028"]
    assert not re.search("[\0-\x09\x0b-\x1f]", result.stderr)


# --- the disk -------------------------------------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs to be mounted here: {done.stderr}")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def test_a_full_disk(engine, context, base_tar, tmp_path):
    with open(context.write("big", ""), "wb") as file:
        file.write(os.urandom(9_000_000))
    context.write("big.tar", tar_bytes([entry("big", os.urandom(9_000_000))]))
    with small_disk(tmp_path / "disk", "8m") as disk:
        engine.store = disk / "store"
        engine.run("image", "import", base_tar, "base").check()
        for step, code in (("RUN dd if=/dev/zero of=/big bs=64k count=140", 1), ("COPY big /big", 1), ("ADD big.tar /x", 1), ("RUN echo small > /s", 0)):
            result = engine.try_build(f"FROM base\nRUN echo kept > /kept\n{step}\n", context)
            assert result.code == code, result.stderr
            if code == 1:
                assert "No space left" in result.stderr and ":3:1" in errors(result)[0], result.stderr
            assert os.listdir(engine.store / "tmp") == []
            if step.startswith("RUN dd"):
                assert f"the disk that holds the store is full: '{engine.store}'" in errors(result)[0]
            engine.verify()
        assert engine.try_build("FROM base\nRUN echo kept > /kept\n", context).ran() == []
        result = engine.run("image", "import", context / "big.tar", "big")
        assert result.code == 1 and "No space left" in result.stderr
        engine.verify()


def test_outputs_that_cannot_be_written(engine, tmp_path):
    full, readonly = tmp_path / "full", tmp_path / "readonly"
    dockerfile = "FROM base\nRUN head -c 3000000 /dev/urandom > /big\n"
    with small_disk(full, "1m"), small_disk(readonly, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", readonly], check=True)
        for kind in ("tar", "dir", "squashfs"):
            for place, words in ((full / "out", "No space left"), (readonly / "out", "Read-only file system"), ("/proc/out", "")):
                result = engine.try_build(dockerfile, None, "-o", f"type={kind},dest={place}")
                assert result.code == 1 and words in result.stderr and f"'{place}'" in result.stderr, (kind, place, result.stderr)
                assert [n for _, _, files in os.walk(full) for n in files] == [], "half of it is left"
    result = engine.fail(dockerfile, None, "-o", f"type=tar,dest={tmp_path / 'no' / 'where'}")
    assert "No such file or directory" in result.stderr and "no/where" in result.stderr
    engine.verify()


def test_an_output_that_is_there(engine, tmp_path):
    dockerfile = "FROM base\n"
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "mine").write_text("mine")
    result = engine.fail(dockerfile, None, "-o", f"type=dir,dest={tmp_path / 'dir'}")
    assert "is not empty" in result.stderr and (tmp_path / "dir" / "mine").read_text() == "mine"
    (tmp_path / "file").write_text("old")
    result = engine.fail("FROM base\nRUN false\n", None, "-o", f"type=tar,dest={tmp_path / 'file'}")
    assert (tmp_path / "file").read_text() == "old"
    engine.try_build(dockerfile, None, "-o", f"type=tar,dest={tmp_path / 'file'}").check()
    assert (tmp_path / "file").stat().st_size > 1_000_000


def test_a_store_that_cannot_be_used(engine, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/proc/store"):
        engine.store = place
        result = engine.try_build("FROM base\n")
        assert result.code == 1 and "open the store" in result.stderr and str(place) in result.stderr and "--cache-dir" in result.stderr
    with small_disk(tmp_path / "readonly", "1m") as readonly:
        subprocess.run(["mount", "-o", "remount,ro", readonly], check=True)
        engine.store = readonly / "store"
        assert "Read-only file system" in engine.try_build("FROM base\n").stderr


def test_a_store_that_others_have_damaged(engine):
    dockerfile = "FROM base\nRUN echo x > /x\nRUN cat /x\n"
    engine.build(dockerfile)
    (engine.store / "digests").write_bytes(os.urandom(1000))
    for record in (engine.store / "images").iterdir():
        record.write_text("{ no json")
    # what cannot be read is not there
    assert "is not in the store" in engine.fail(dockerfile).stderr
    assert engine.run("cache", "verify").code == 1
    assert "is not in the store" in engine.fail(dockerfile).stderr


def test_few_open_files(engine, context):
    for i in range(300):
        context.write(f"d{i}/f", "x")
    built = engine.build("FROM base\nCOPY . /c\nRUN ls /c | wc -l\n", context,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    assert built.lines() == ["300"]


def test_nothing_is_left_after_all_that(engine):
    engine.try_build("FROM base\nRUN sleep 100 & false\n")
    assert mounts_below(engine.store) == [] and processes_using(engine.store) == [] and os.listdir(engine.store / "tmp") == []


def test_stdin_as_the_dockerfile(engine, context):
    process = subprocess.run(engine.command("image", "build", context, "-f", "-"), input=b"FROM base\nRUN exit 7\n", capture_output=True, timeout=60)
    assert process.returncode == 1 and b"stdin:2:1" in process.stderr


def test_no_context(engine):
    def build(dockerfile):
        process = subprocess.run(engine.command("image", "build", "-"), input=dockerfile, capture_output=True, timeout=60)
        return process.returncode, process.stderr.decode()
    assert build(b"FROM base\nRUN true\n")[0] == 0
    for step, says in ((b"COPY a /a", "no build context to copy from"), (b"RUN --mount=target=/x true", "no build context to mount")):
        code, text = build(b"FROM base\n" + step + b"\n")
        assert code == 1 and "stdin:2:" in text and says in text
    code, text = build(tar_bytes([entry("Dockerfile", b"FROM base\n")]))
    assert code == 1 and "stdin is an archive" in text and "unpack it" in text


def test_output_to_a_reader_that_is_gone(engine):
    process = subprocess.Popen(engine.command(*engine.words("FROM base\nRUN for i in $(seq 100); do echo $i; sleep 0.01; done\n")),
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process.stderr.read(10)
    process.stderr.close()
    assert process.wait(timeout=60) in (-signal.SIGPIPE, 0, 1)
    time.sleep(0.3)
    assert mounts_below(engine.store) == [] and processes_using(engine.store) == []
    assert engine.try_build("FROM base\nRUN true\n").code == 0 and os.listdir(engine.store / "tmp") == []
