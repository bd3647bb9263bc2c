# SPDX-License-Identifier: Apache-2.0
"""Builds small Dockerfiles on the embedded engine, each test in a store of its own. The base image is busybox: nothing is
downloaded and a step takes milliseconds."""
import contextlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import time
import time

import pytest

BUILDER = os.environ.get("CAPSEM_BUILDER", "")
PROBE = os.environ.get("SANDBOX_PROBE", "")
BUSYBOX = "/bin/busybox"
TIMEOUT_S = 120

needs_engine = [
    pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program"),
    pytest.mark.skipif(not os.access(BUSYBOX, os.X_OK), reason="the package busybox-static is not installed"),
]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can make no devices, and no mounts for a test")

PASSWD = "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
GROUP = "root:x:0:\nbuilder:x:1000:\nstaff:x:50:builder\nextra:x:51:nobody,builder\nnogroup:x:65534:\n"
FOLDERS = {"bin": 0o755, "etc": 0o755, "root": 0o700, "tmp": 0o1777, "usr": 0o755, "usr/bin": 0o755, "var": 0o755,
           "home": 0o755, "home/builder": 0o755, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755}


def tar_bytes(entries, mode="w", **kwargs):
    """A tar of (TarInfo, content) pairs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **kwargs) as tar:
        for info, content in entries:
            info.size = 0 if content is None else len(content)
            tar.addfile(info, None if content is None else io.BytesIO(content))
    return out.getvalue()


def entry(name, content=None, kind=None, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind if kind is not None else tarfile.REGTYPE
    info.mode = 0o755 if info.type == tarfile.DIRTYPE else 0o644
    info.mtime = 1_000_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def base_entries():
    for name, mode in FOLDERS.items():
        yield entry(name, kind=tarfile.DIRTYPE, mode=mode,
                    **({"uid": 1000, "gid": 1000} if name == "home/builder" else {}))
    yield entry("etc/passwd", PASSWD.encode())
    yield entry("etc/group", GROUP.encode())
    with open(BUSYBOX, "rb") as file:
        yield entry("bin/busybox", file.read(), mode=0o755)
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            yield entry(f"bin/{applet}", kind=tarfile.SYMTYPE, linkname="busybox")
    if os.access(PROBE, os.X_OK):
        with open(PROBE, "rb") as file:
            yield entry("bin/probe", file.read(), mode=0o755)


@pytest.fixture(scope="session")
def base_tar(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "base.tar"
    path.write_bytes(tar_bytes(base_entries()))
    return path


@pytest.fixture
def engine(tmp_path, base_tar):
    e = Engine(tmp_path / "store", tmp_path)
    e.run("image", "import", base_tar, "base").check()
    return e


@pytest.fixture
def context(tmp_path):
    return Context(tmp_path / "context")


class Context:
    """A build context that is filled by the test."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def __fspath__(self):
        return str(self.path)

    def write(self, name, content="", mode=0o644, mtime=None):
        path = os.path.join(os.fsencode(self.path), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def link(self, name, target):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def __truediv__(self, name):
        return self.path / name


def as_text(line):
    """Of --progress json's messages, what a person would have seen."""
    event = json.loads(line) if line.startswith("{") and line.endswith("}\n") else {}
    if event.get("event") == "diagnostic":
        return event["rendered"]
    if event.get("event") in ("error", "warning"):
        return f"{event['event']}: {event['text']}\n" + (f" help: {event['help']}\n" if "help" in event else "")
    return line


class Result:
    def __init__(self, process, engine):
        self.code = process.returncode
        self.stdout = process.stdout.decode(errors="replace")
        self.stderr = "".join(as_text(line) for line in process.stderr.decode(errors="replace").splitlines(keepends=True))
        self.engine = engine

    def check(self):
        assert self.code == 0, f"exit {self.code}\n{self.stderr}"
        assert_clean(self.stderr)
        return self

    @property
    def key(self):
        return self.stdout.strip()

    @property
    def events(self):
        return [json.loads(line) for line in self.stderr.split("\n") if line.startswith("{")]

    def steps(self):
        """(text, how it ended) of each step, in order."""
        texts = {(e["stage"], e["step"]): e["text"] for e in self.events if e["event"] == "begin"}
        return [(texts[e["stage"], e["step"]], e["result"]) for e in self.events if e["event"] == "end"]

    def ran(self):
        return [text for text, how in self.steps() if how != "cached"]

    def lines(self):
        """What the steps printed."""
        return [e["line"] for e in self.events if e["event"] == "output"]


# What a step sets in the namespace of overlayfs' marks is an attribute like any other, seen by the next steps and kept.
OVERLAY_NAMES = """FROM base AS made
RUN mkdir -p /d/in && echo one >/d/in/kept && echo two >/d/f
RUN cd /d && probe setxattr user.overlay.opaque y in && probe setxattr user.overlay.redirect /etc in && probe setxattr user.overlay.overlay.x 1 in
RUN cd /d && probe setxattr user.overlay.whiteout y f && probe setxattr user.overlay.metacopy "" f
RUN cat /d/in/kept /d/f
FROM scratch AS alone
COPY --from=0 /d /d
FROM base
COPY --from=0 /d /a
COPY --from=alone /d /b
FROM made
COPY --from=2 /a /a
COPY --from=2 /b /b
"""


def check_overlay_names(built):
    tree = built.tree
    assert built.lines() == ["one", "two"]
    for name in ("a", "b", "d"):
        assert tree.text(f"{name}/f") == "two\n" and tree.text(f"{name}/in/kept") == "one\n"
        assert {key: tree.xattr(f"{name}/in", "user.overlay." + key) for key in ("opaque", "redirect", "overlay.x", "overlay.opaque")} == \
            {"opaque": "y", "redirect": "/etc", "overlay.x": "1", "overlay.opaque": None}, name
        assert tree.xattr(f"{name}/f", "user.overlay.whiteout") == "y" and tree.xattr(f"{name}/f", "user.overlay.metacopy") == ""


class Built(Result):
    """A build that went well: its tree and its config."""

    def __init__(self, process, engine, tar, metadata):
        super().__init__(process, engine)
        self.tar_path, self.metadata_path = tar, metadata
        self._tree = None

    @property
    def metadata(self):
        return json.loads(self.metadata_path.read_text())

    @property
    def image_config(self):
        return self.metadata["config"]

    @property
    def config(self):
        return self.image_config["config"]

    @property
    def env(self):
        return dict(pair.split("=", 1) for pair in self.config["Env"])

    @property
    def tree(self):
        if self._tree is None:
            self._tree = Tree(self.tar_path)
        return self._tree


class Tree:
    """The members of a tar, by their path without a leading slash."""

    def __init__(self, path):
        self.tar = tarfile.open(path)
        self.members = {re.sub(r"^\./|/$", "", m.name): m for m in self.tar.getmembers()}

    def __contains__(self, path):
        return path in self.members

    def __getitem__(self, path):
        return self.members[path]

    def under(self, folder):
        """Names below a folder, relative to it, sorted."""
        return sorted(p[len(folder) + 1:] for p in self.members if p.startswith(folder + "/"))

    def bytes(self, path):
        return self.tar.extractfile(self.members[path]).read()

    def text(self, path):
        return self.bytes(path).decode()

    def mode(self, path):
        return stat.S_IMODE(self.members[path].mode)

    def owner(self, path):
        return self.members[path].uid, self.members[path].gid

    def xattr(self, path, name):
        return self.members[path].pax_headers.get("SCHILY.xattr." + name)


def assert_clean(stderr):
    """No sanitizer has spoken."""
    assert "ERROR: AddressSanitizer" not in stderr and "runtime error:" not in stderr, stderr
    assert "internal error" not in stderr, stderr


class Engine:
    def __init__(self, store, scratch):
        self.store, self.scratch = store, scratch
        self.number = 0

    def command(self, *words):
        return [BUILDER, *map(os.fspath, words), "--cache-dir", os.fspath(self.store)]

    def run(self, *words, env=None, timeout=TIMEOUT_S, **kwargs):
        process = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env={**os.environ, **(env or {})}, timeout=timeout, **kwargs)
        result = Result(process, self)
        assert_clean(result.stderr)
        assert process.returncode >= 0, f"killed by signal {-process.returncode}\n{result.stderr}"
        return result

    def words(self, dockerfile, context=None, options=()):
        """The command line that builds a Dockerfile's text."""
        self.number += 1
        if context is None:
            context = self.scratch / "empty"  # one: its cache mounts are shared
            context.mkdir(exist_ok=True)
        file = self.scratch / f"Dockerfile-{self.number}"
        file.write_bytes(dockerfile if isinstance(dockerfile, bytes) else dockerfile.encode())
        return ["image", "build", context, "-f", file, "--progress", "json", *options]

    def try_build(self, dockerfile, context=None, *options, **kwargs):
        return self.run(*self.words(dockerfile, context, options), **kwargs)

    def build(self, dockerfile, context=None, *options, **kwargs):
        tar, metadata = self.scratch / f"out-{self.number}.tar", self.scratch / f"out-{self.number}.json"
        words = self.words(dockerfile, context, options)
        words += ["--output", f"type=tar,dest={tar}", "--metadata-file", metadata]
        result = self.run(*words, **kwargs)
        result.check()
        built = Built.__new__(Built)
        built.__dict__.update(result.__dict__, tar_path=tar, metadata_path=metadata, _tree=None)
        return built

    def lines(self, dockerfile, context=None, *options, **kwargs):
        """What its steps print."""
        result = self.try_build(dockerfile, context, *options, **kwargs)
        result.check()
        return result.lines()

    def fail(self, dockerfile, context=None, *options, **kwargs):
        result = self.try_build(dockerfile, context, *options, **kwargs)
        assert result.code == 1, f"exit {result.code}\n{result.stderr}"
        return result

    def verify(self):
        result = self.run("cache", "verify")
        assert (result.code, result.stdout) == (0, "nothing is damaged\n"), result.stdout + result.stderr

    def layers(self):
        return sorted(os.listdir(self.store / "layers"))


def errors(result):
    """First lines."""
    return [line for line in result.stderr.splitlines() if line.startswith("error:")]


@contextlib.contextmanager
def group(controller, file, limit):
    """A control group of version 1 with a limit; gives what a child calls to enter it."""
    path = f"/sys/fs/cgroup/{controller}/capsem-test-{os.getpid()}"
    try:
        os.mkdir(path)
        with open(f"{path}/{file}", "w") as out:
            out.write(str(limit))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(path)
        pytest.skip(f"no {controller} control group of version 1 to be made here: {error}")

    def enter():
        with open(f"{path}/cgroup.procs", "w") as out:
            out.write("0")
    try:
        yield enter
    finally:
        for left in range(100, -1, -1):  # a process leaves its group a moment after it was waited for
            try:
                os.rmdir(path)
                break
            except OSError:
                if left == 0:
                    raise
                time.sleep(0.05)


def mounts_below(path):
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if f" {os.fspath(path)}" in line]


def processes_using(path, wait_s=60):
    """Processes that have the text of a path in their command line or hold a file below it, and still do after a while: one may
    be waiting for the disk."""
    until = time.monotonic() + wait_s
    while (found := processes_using_now(path)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def processes_using_now(path):
    wanted, found = os.fspath(path), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().decode(errors="replace")
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            links += [os.readlink(f"/proc/{pid}/{name}") for name in ("cwd", "root", "exe")]
        except OSError:
            continue
        if wanted in command or any(link.startswith(wanted) for link in links):
            found.append((int(pid), command.replace("\0", " ")))
    return found


def remove_tree(path):
    shutil.rmtree(path, ignore_errors=True)
