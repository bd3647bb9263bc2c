# SPDX-License-Identifier: Apache-2.0
"""A Docker engine of the test's own, and small guests for it. The engine has no network and a folder of its own; it is stopped
by its pid."""
import os
import shutil
import signal
import subprocess
import time

from engine import Engine, base_tar  # noqa: F401 (a fixture)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
PLATFORM = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}[ARCH]
DAEMON, CLIENT = "/usr/sbin/dockerd", "/usr/bin/docker"
EPOCH = "1750000000"

CONFIG = """[build]
compression = "zstd"
compression_level = 3
guest_binaries = []
[build.version_commands]
busybox = "busybox | head -n 1"
[build.architectures.{arch}]
base_image = "{base}"
docker_platform = "{platform}"
rust_target = "x86_64-unknown-linux-musl"
kernel_branch = "6.12"
kernel_source = "debian-image"
kernel_image = "arch/x86_64/boot/bzImage"
defconfig = "kernel/x86_64.defconfig"
node_major = 0
"""

KERNEL = """FROM {{ arch.base_image }} AS tools
RUN echo a kernel >/vmlinuz && echo a ramdisk >/initrd.img
FROM scratch
COPY --from=tools /vmlinuz /vmlinuz
COPY --from=tools /initrd.img /initrd.img
"""

ROOTFS = """FROM --platform={{ arch.docker_platform }} {{ arch.base_image }}
RUN mkdir -p /var/cache/things
RUN --mount=type=cache,target=/var/cache/things <<'END'
set -e
echo "$((20 + 22))" >/answer
echo downloaded >/var/cache/things/file
END
"""


class Daemon:
    def __init__(self, folder):
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        folder.mkdir()
        self.start()

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        for _ in range(600):
            if self.docker("version", check=False).returncode == 0:
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        raise AssertionError("the engine does not start: " + (self.folder / "log").read_text()[-2000:])

    def command(self):
        return [DAEMON, "--data-root", self.folder / "root", "--exec-root", self.folder / "exec", "-H", self.host,
                "--pidfile", self.folder / "pid", "--iptables=false", "--bridge=none"]

    def docker(self, *words, check=True, **kwargs):
        return subprocess.run([CLIENT, "-H", self.host, *map(os.fspath, words)], check=check, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **kwargs)

    def things(self):
        """All that is in the engine, but its build cache."""
        return sorted(line for words in (["image", "ls", "-a", "--format", "{{.Repository}}:{{.Tag}}"],
                                         ["ps", "-a", "--format", "{{.Names}}"])
                      for line in self.docker(*words).stdout.splitlines())

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)
        self.log.close()

    def done(self):
        if self.process.poll() is None:
            self.stop()
        with open("/proc/mounts") as file:
            left = [line.split()[1] for line in file if line.split()[1].startswith(f"{self.folder}/")]
        for path in reversed(left):  # its own network namespace, at least
            subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class NewDaemon(Daemon):
    """Of the packages that tests/conformance/peers.py unpacks, with a buildx."""

    def __init__(self, folder, peers):
        self.peers = peers
        (folder / "config/cli-plugins").mkdir(parents=True)
        (folder / "config/cli-plugins/docker-buildx").symlink_to(f"{peers}/usr/libexec/docker/cli-plugins/docker-buildx")
        self.env = {"PATH": f"{peers}/usr/bin:" + os.environ["PATH"], "DOCKER_CONFIG": os.fspath(folder / "config")}
        super().__init__(folder / "d")

    def command(self):
        """In a root of its own, with the daemon's folder as /work."""
        for name in ("tmp", "root"):
            (self.folder / name).mkdir(exist_ok=True)
        return ["/usr/bin/python3", "-B", os.path.join(ROOT, "tests/conformance/enter.py"), self.peers, self.folder, DAEMON,
                "--data-root=/work/root", "--exec-root=/run/docker", "--host=unix:///work/docker.sock", "--pidfile=/run/dockerd.pid",
                "--iptables=false", "--bridge=none", "--storage-driver=overlay2"]


class Guest:
    """A guest folder with templates of its own, in a folder of its own."""

    def __init__(self, folder, store, base="base", rootfs=ROOTFS, kernel=KERNEL, arch=ARCH, platform=PLATFORM):
        self.folder, self.store, self.arch = folder, store, arch
        (folder / "guest/config/kernel").mkdir(parents=True)
        (folder / "guest/artifacts/diagnostics").mkdir(parents=True)
        (folder / "guest/config/build.toml").write_text(CONFIG.format(base=base, arch=arch, platform=platform))
        for name in ("kernel/x86_64.defconfig", "kernel/arm64.defconfig"):
            (folder / "guest/config" / name).write_text("CONFIG_64BIT=y\n")
        shutil.copy(os.path.join(ROOT, "guest/artifacts/capsem-ca.crt"), folder / "guest/artifacts")
        for name in ("capsem-bashrc", "capsem-init", "diagnostics/10.sh"):
            (folder / "guest/artifacts" / name).write_text("# nothing\n")
        (folder / "own").mkdir()
        self.templates(rootfs, kernel)

    def templates(self, rootfs=ROOTFS, kernel=KERNEL):
        (self.folder / "own/Dockerfile.rootfs.j2").write_text(rootfs)
        (self.folder / "own/Dockerfile.kernel.j2").write_text(kernel)

    def command(self, engine, *options, assets="assets"):
        return Engine(self.store, self.folder).command("build", "guest", "--arch", "all", "--templates", "own", "--engine", engine,
                                                       "--output", assets, "--progress", "plain", *options)

    def env(self, host, extra=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "BUILDX_", "BUILDKIT_", "GITHUB_"))}
        return {**env, "DOCKER_HOST": host, "SOURCE_DATE_EPOCH": EPOCH, "PATH": "/usr/bin:/usr/sbin:" + env["PATH"],
                "DOCKER_CONFIG": os.fspath(self.folder / "docker-config"), **(extra or {})}

    def build(self, engine, *options, host="unix:///nothing", assets="assets", env=None):
        result = subprocess.run(self.command(engine, *options, assets=assets), cwd=self.folder, env=self.env(host, env),
                                capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        for sign in ("AddressSanitizer", "runtime error:", "internal error"):
            assert sign not in result.stderr, result.stderr
        return result

    def asset(self, name, assets="assets"):
        return (self.folder / assets / self.arch / name).read_bytes()


def load_base(daemon, path, name):
    """The base of the tests as an image that the engine has already."""
    with open(path, "rb") as file:
        subprocess.run([CLIENT, "-H", daemon.host, "import", "-", name], stdin=file, check=True, capture_output=True)
