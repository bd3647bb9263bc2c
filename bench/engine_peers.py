# SPDX-License-Identifier: Apache-2.0
"""The engines that bench/engine compares: each is started in a folder of its own and gives the command that builds a context."""
import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time

ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]  # as a guest's config names this machine's
BUSYBOX = "/bin/busybox"
FOLDERS = {"bin": 0o755, "etc": 0o755, "tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755}


def write(path, text):
    """What is there already stays untouched: the time of a file is not news."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, **kwargs):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
    if done.returncode != 0:
        sys.exit(f"bench/engine: {' '.join(command)}\n{done.stdout.decode(errors='replace')[-3000:]}")


def make_base(work):
    """The base of all engines, as a tar: busybox."""
    with tarfile.open(f"{work}/base.tar", "w") as tar:
        for name, mode in FOLDERS.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        info = tarfile.TarInfo("etc/passwd")
        content = b"root:x:0:0:root:/:/bin/sh\n"
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        tar.add(BUSYBOX, "bin/busybox")
        for applet in ("sh", "mkdir", "seq", "head", "true"):
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    return f"{work}/base.tar"


def exit_on_sigterm():
    """SIGTERM leaves the contexts, which end daemons and remove folders. timeout(1) sends it twice, to us and to our group: only
    the first counts, or the second would leave the removal of a folder in the middle."""
    def leave(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(1)
    signal.signal(signal.SIGTERM, leave)


def unmount_below(folder):
    """What an engine has left mounted, so that its store can be removed."""
    with open("/proc/mounts", encoding="utf-8") as file:
        left = [line.split()[1] for line in file if line.split()[1].startswith(f"{folder}/")]
    for path in reversed(left):
        subprocess.run(["umount", "-l", path], check=False)


def end(process, name):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        print(f"bench/engine: {name} does not end", file=sys.stderr)
        process.kill()
        process.wait()


def wait_until(condition, process, log):
    deadline = time.monotonic() + 60
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            with open(log, encoding="utf-8", errors="replace") as file:
                sys.exit(f"bench/engine: {process.args[0]} does not start\n{file.read()[-3000:]}")
        time.sleep(0.05)


class Ours:
    env = None

    def __init__(self, program, store, name="ours"):
        self.program, self.store, self.name = program, store, name

    def load(self, base, name="bench-base"):
        run(self.program, "image", "import", base, name, "--cache-dir", self.store)

    def build(self, context):
        return [self.program, "image", "build", context, "--cache-dir", self.store, "--progress", "plain"]


class Docker(contextlib.AbstractContextManager):
    """dockerd with BuildKit inside, without a network of its own."""
    name = "docker"

    def __init__(self, work):
        self.work = work
        host = f"unix://{work}/docker.sock"
        # a client of another version may lie before Debian's in PATH
        self.client = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"
        self.env = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": f"{work}/docker-config"}
        with open(f"{work}/dockerd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", f"{work}/docker", "--exec-root", f"{work}/docker-run", "-H", host, "--pidfile", f"{work}/docker.pid",
                 "--iptables=false", "--bridge=none", "--storage-driver=overlay2"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: subprocess.run([self.client, "version"], env=self.env, capture_output=True).returncode == 0,
                       self.process, f"{work}/dockerd.log")
        except BaseException:  # no context is entered yet that would end it
            self.__exit__()
            raise

    @staticmethod
    def missing():
        return shutil.which("dockerd") is None

    def __exit__(self, *_):
        end(self.process, self.name)
        unmount_below(self.work)

    def load(self, base, name="bench-base"):
        run(self.client, "import", base, name, env=self.env)

    def build(self, context, flags=()):
        return [self.client, "build", "--network=host", "--progress=plain", "--tag", "bench-result", *flags, context]

    @contextlib.contextmanager
    def tree(self, folder):
        """The tree of the last build, and the seconds that getting it took."""
        start = time.monotonic()
        os.makedirs(folder)
        container = subprocess.run([self.client, "create", "bench-result", "/none"], env=self.env, check=True, capture_output=True,
                                   text=True).stdout.strip()
        export = subprocess.Popen([self.client, "export", container], env=self.env, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], stdin=export.stdout, check=True)
        if export.wait() != 0:
            sys.exit("bench/engine: docker export fails")
        taken = time.monotonic() - start
        run(self.client, "rm", container, env=self.env)
        try:
            yield folder, taken
        finally:
            os.rename(folder, f"{self.work}/old-{time.monotonic_ns()}")


class Buildah(contextlib.AbstractContextManager):
    name, env = "buildah", None

    def __init__(self, work):
        self.work = work
        self.command = ["buildah", "--root", f"{work}/buildah", "--runroot", f"{work}/buildah-run", "--storage-driver", "overlay"]

    @staticmethod
    def missing():
        return shutil.which("buildah") is None

    def __exit__(self, *_):
        unmount_below(self.work)

    def load(self, base, name="localhost/bench-base"):
        with open(f"{self.work}/policy.json", "w", encoding="utf-8") as file:
            file.write('{"default": [{"type": "insecureAcceptAnything"}]}')
        context = f"{base}-context"
        os.makedirs(context)
        os.link(base, f"{context}/base.tar")
        with open(f"{context}/Dockerfile", "w", encoding="utf-8") as file:
            file.write("FROM scratch\nADD base.tar /\n")
        run(*self.command, "build", "--isolation", "chroot", "--tag", name, "--signature-policy",
            f"{self.work}/policy.json", context)

    def build(self, context, flags=()):
        return [*self.command, "build", "--isolation", "chroot", "--layers", "--network=host", "--pull-never", "--tag", "bench-result",
                "--signature-policy", f"{self.work}/policy.json", *flags, context]

    @contextlib.contextmanager
    def tree(self, _):
        """The tree of the last build, where it is mounted, and the seconds that getting it took."""
        start = time.monotonic()
        container = subprocess.run([*self.command, "from", "--pull-never", "--signature-policy", f"{self.work}/policy.json", "bench-result"],
                                   check=True, capture_output=True, text=True).stdout.strip()
        mounted = subprocess.run([*self.command, "mount", container], check=True, capture_output=True, text=True).stdout.strip()
        taken = time.monotonic() - start
        try:
            yield mounted, taken
        finally:
            run(*self.command, "umount", container)
            run(*self.command, "rm", container)


@contextlib.contextmanager
def registry(work):
    """A registry on loopback: its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(f"{work}/registry.yml", "w", encoding="utf-8") as file:
        file.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                   f"http: {{addr: 127.0.0.1:{port}}}\n")
    with open(f"{work}/registry.log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", f"{work}/registry.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def answers():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_until(answers, process, f"{work}/registry.log")
        yield port
    finally:
        end(process, "docker-registry")
