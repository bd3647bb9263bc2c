#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lost power at random moments: a file system on a loop device is shut down without writing its log, and mounted again, while the
program builds, packs, publishes, pulls, imports or prunes, or soon after. The next run must give the right result, byte for byte,
and what was published must be the old content or the new one.

    tests/torture/power.py PROGRAM [--cuts 200] [--seed 1] [--fs ext4,xfs,btrfs,ext4+xfs] [--work DIR]

ext4+xfs is two disks: the store on the first, assets and archives on the second. btrfs cannot be shut down: its disk is a file of an
XFS that shares blocks, a copy made in one moment is what the power cut leaves, and that copy is mounted.

Needs root and loop devices. Mounts are in a mount namespace of its own: a step of another program that was started meanwhile
would keep the file system alive. Ends with one line of JSON."""
import argparse
import collections
import fcntl
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import engine as engines  # noqa: E402
import registry as registries  # noqa: E402

SHUTDOWN, WITHOUT_LOG = 0x8004587D, 2  # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same
FICLONE = 0x40049409
DISK_BYTES = 600 << 20
LIMIT_S = 300

DOCKERFILE = """FROM base
RUN mkdir /a && for i in $(seq 300); do echo "content $i" > /a/f$i; done; chmod 4755 /a/f7; ln -s f1 /a/link; ln /a/f2 /a/hard
COPY tree /tree
RUN mkdir /b && cat /tree/* > /b/all && for i in $(seq 20); do head -c 300000 /b/all > /b/big$i; done
RUN --mount=type=cache,target=/c test ! -s /c/mark || grep -q whole /c/mark; echo whole > /c/mark; cp /a/f1 /d
"""
ROOTFS = """FROM base
RUN mkdir -p /a && for i in $(seq 200); do echo "content $i" > /a/f$i; done
RUN head -c 900000 /bin/busybox > /b && cat /b /b /b > /c
COPY capsem-bashrc /etc/
RUN for i in $(seq 40); do head -c 100000 /b > /a/g$i; echo $i >> /a/g$i; done
"""
KERNEL = """FROM base AS tools
RUN echo a kernel >/vmlinuz && head -c 200000 /bin/busybox >>/vmlinuz && echo a ramdisk >/initrd.img
FROM scratch
COPY --from=tools /vmlinuz /vmlinuz
COPY --from=tools /initrd.img /initrd.img
"""
CONFIG = """[build]
compression = "zstd"
compression_level = 3
guest_binaries = []
[build.architectures.ARCH]
base_image = "base"
docker_platform = "linux/PLATFORM"
rust_target = "ARCH-unknown-linux-musl"
kernel_branch = "6.12"
kernel_source = "debian-image"
kernel_image = "arch/x86_64/boot/bzImage"
defconfig = "kernel/guest.defconfig"
node_major = 0
"""
ASSETS = ("initrd.img", "rootfs.squashfs", "vmlinuz")


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def sha(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Disk:
    """A fresh file system, and its end."""

    def __init__(self, work, kind, number):
        self.kind, self.image, self.mount = kind, f"{work}/disk-{number}", f"{work}/mnt-{number}"
        self.lives_on = None
        if kind == "btrfs":
            self.lives_on = Disk(work, "xfs", f"{number}-below")
            self.image = f"{self.lives_on.mount}/disk"
        with open(self.image, "wb") as file:
            file.truncate(DISK_BYTES if self.lives_on is None else DISK_BYTES * 9 // 10)
        os.mkdir(self.mount)
        run(f"mkfs.{kind}", *(["-q", "-F"] if kind == "ext4" else ["-q", "-f"]), self.image)
        run("mount", "-o", "loop", self.image, self.mount)

    def write_log(self):
        """As the file system does by itself every few seconds: names and inodes are on the disk, and content that was written since
        is not. Then there are files of no bytes."""
        fd = os.open(f"{self.mount}/other", os.O_RDWR | os.O_CREAT)
        os.fsync(fd)
        os.close(fd)

    def cut(self):
        if self.kind == "btrfs":
            with open(self.image, "rb") as now, open(self.image + "-cut", "wb") as then:
                fcntl.ioctl(then.fileno(), FICLONE, now.fileno())
            return
        fd = os.open(self.mount, os.O_RDONLY)
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        os.close(fd)

    def end(self):
        """Until nothing has it mounted: a process may still wait for the disk, and a killed step has a mount namespace of its own."""
        for _ in range(600):
            run("umount", self.mount, check=False)
            if not os.path.ismount(self.mount) and run("losetup", "-j", self.image).stdout == "":
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.mount} cannot be unmounted")

    def again(self):
        self.end()
        if self.kind == "btrfs":
            os.rename(self.image + "-cut", self.image)
        run("mount", "-o", "loop", self.image, self.mount)

    def remove(self):
        self.end()
        os.rmdir(self.mount)
        os.unlink(self.image)
        if self.lives_on is not None:
            self.lives_on.remove()


class Program:
    def __init__(self, path):
        self.path = path

    def words(self, store, *words):
        return [self.path, "--cache-dir", store, *map(str, words)]

    def start(self, store, *words, cwd=None):
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen([self.path, *map(str, words)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**env, "CAPSEM_CACHE_DIR": store})
            process.log = os.dup(log.fileno())
        return process

    def finish(self, process):
        code = process.wait(LIMIT_S)
        text = os.pread(process.log, 1 << 20, 0).decode(errors="replace")
        os.close(process.log)
        return code, text

    def run(self, store, *words, cwd=None):
        code, text = self.finish(self.start(store, *words, cwd=cwd))
        if code != 0:
            raise Wrong(f"exit {code} of {' '.join(map(str, words))}: {text[-800:]}")
        return text


class Wrong(Exception):
    pass


class Inputs:
    """What is built, once for all cuts; outside of the disk."""

    def __init__(self, work, program):
        self.work, self.program = work, program
        self.base = f"{work}/base.tar"
        with open(self.base, "wb") as file:
            file.write(engines.tar_bytes(engines.base_entries()))
        dice = random.Random(5)
        os.makedirs(f"{work}/context/tree")
        for i in range(150):
            with open(f"{work}/context/tree/f{i}", "wb") as file:
                file.write(dice.randbytes(dice.choice([10, 3000, 50000])))
        with open(f"{work}/context/Dockerfile", "w", encoding="utf-8") as file:
            file.write(DOCKERFILE)
        for version in ("old", "new"):
            self.make_guest(version)
        with open(self.base, "rb") as file:
            self.image = registries.Image([file.read(), engines.tar_bytes([engines.entry(f"p{i}", b"x" * 5000) for i in range(200)])])
        self.measure()

    def make_guest(self, version):
        machine = os.uname().machine
        folder = f"{self.work}/{version}"
        for name in ("guest/config/kernel", "guest/artifacts/diagnostics", "own"):
            os.makedirs(f"{folder}/{name}")
        texts = {"guest/config/build.toml": CONFIG.replace("ARCH", machine.replace("aarch64", "arm64"))
                 .replace("PLATFORM", {"x86_64": "amd64"}.get(machine, "arm64")),
                 "guest/config/kernel/guest.defconfig": "CONFIG_64BIT=y\n", "guest/artifacts/capsem-bashrc": f"# {version}\n",
                 "guest/artifacts/capsem-init": "# nothing\n", "guest/artifacts/diagnostics/10.sh": "# nothing\n",
                 "own/Dockerfile.rootfs.j2": ROOTFS, "own/Dockerfile.kernel.j2": KERNEL if version == "old" else KERNEL.replace("200000", "200001")}
        for name, text in texts.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        shutil.copy(os.path.join(HERE, "../../guest/artifacts/capsem-ca.crt"), f"{folder}/guest/artifacts")

    def measure(self):
        """The right results, and how long each takes."""
        self.right, self.seconds = {}, {}
        store, out = f"{self.work}/right-store", f"{self.work}/right"
        os.mkdir(out)
        self.program.run(store, "image", "import", self.base, "base")
        start = time.monotonic()
        self.program.run(store, *self.build(f"{out}/o.tar"))
        self.seconds["image"] = time.monotonic() - start
        self.right["image"] = sha(f"{out}/o.tar")
        for version in ("old", "new"):
            start = time.monotonic()
            self.program.run(store, *self.guest(version, f"{out}/assets"), cwd=f"{self.work}/{version}")
            self.seconds["guest"] = time.monotonic() - start
            self.right[version] = assets_of(f"{out}/assets")
        if self.right["old"]["rootfs.squashfs"] == self.right["new"]["rootfs.squashfs"]:
            raise SystemExit("the two guests are alike")

    def build(self, dest):
        return "image", "build", f"{self.work}/context", "-o", f"type=tar,dest={dest}", "--tag", "mine"

    @staticmethod
    def guest(_version, dest):
        return "build", "guest", "--templates", "own", "--engine", "embedded", "--output", dest, "--progress", "plain"


def assets_of(folder):
    machine = next(name for name in os.listdir(folder) if os.path.isdir(f"{folder}/{name}") and not os.path.islink(f"{folder}/{name}"))
    found = {name: sha(f"{folder}/{machine}/{name}") for name in ASSETS if os.path.exists(f"{folder}/{machine}/{name}")}
    for name in ("B3SUMS",):
        if os.path.exists(f"{folder}/{name}"):
            found[name] = sha(f"{folder}/{name}")
    return found


# --- what the power goes in the middle of: each gives what to start, and afterwards looks at what is there ---------------------------

class Case:
    """The store is on the first disk, what is published on the last."""

    def __init__(self, inputs, disks, dice):
        self.inputs, self.disk, self.dice, self.program = inputs, disks[-1], dice, inputs.program
        self.store = f"{disks[0].mount}/store"

    def prepare(self):
        self.program.run(self.store, "image", "import", self.inputs.base, "base")
        if self.dice.random() < 0.7:
            os.sync()

    def cwd(self):
        return None

    def seconds(self):
        return self.inputs.seconds["image"]

    def import_again(self):
        """The base may be gone: then the build says so, and the user imports it again."""
        self.program.run(self.store, "image", "import", self.inputs.base, "base")

    def image_is_right(self):
        out = f"{self.disk.mount}/o.tar"
        if os.path.exists(out) and sha(out) != self.inputs.right["image"]:
            raise Wrong("the published file is neither there as a whole nor not there")
        self.import_again()
        self.program.run(self.store, *self.inputs.build(f"{self.inputs.work}/next.tar"))
        if sha(f"{self.inputs.work}/next.tar") != self.inputs.right["image"]:
            raise Wrong("the next build has another result")
        self.program.run(self.store, "cache", "verify")


class ImageBuild(Case):
    def words(self):
        return self.inputs.build(f"{self.disk.mount}/o.tar")

    def look(self):
        self.image_is_right()


class ImageImport(Case):
    def prepare(self):
        os.mkdir(self.store, 0o700)
        os.sync()

    def words(self):
        return "image", "import", self.inputs.base, "base"

    def look(self):
        self.image_is_right()


class Prune(Case):
    def prepare(self):
        super().prepare()
        self.program.run(self.store, *self.inputs.build(f"{self.inputs.work}/before.tar"))
        if self.dice.random() < 0.5:
            os.sync()

    def words(self):
        return "cache", "prune", "--yes", "--images"

    def seconds(self):
        return 0.2

    def look(self):
        self.image_is_right()


class GuestBuild(Case):
    def prepare(self):
        super().prepare()
        self.assets = f"{self.disk.mount}/assets"
        self.program.run(self.store, *self.inputs.guest("old", self.assets), cwd=f"{self.inputs.work}/old")

    def words(self):
        return self.inputs.guest("new", self.assets)

    def cwd(self):
        return f"{self.inputs.work}/new"

    def seconds(self):
        return self.inputs.seconds["guest"]

    def look(self):
        old, new = self.inputs.right["old"], self.inputs.right["new"]
        found = assets_of(self.assets)
        for name in old:
            if found.get(name) not in (old[name], new[name]):
                raise Wrong(f"the published {name} is neither the old one nor the new one")
        for folder, _, names in os.walk(self.assets):
            for name in names:
                if name.endswith(".json"):
                    with open(f"{folder}/{name}", encoding="utf-8") as file:
                        json.load(file)
        self.import_again()
        self.program.run(self.store, *self.inputs.guest("new", self.assets), cwd=self.cwd())
        if assets_of(self.assets) != new:
            raise Wrong("the next build has published something else")
        left = [name for _, _, names in os.walk(self.assets) for name in names if name.startswith(".tmp")]
        if left:
            raise Wrong(f"temporary files are left: {left}")


class Pull(Case):
    server = None

    def prepare(self):
        os.mkdir(self.store, 0o700)
        os.sync()
        if Pull.server is None:
            Pull.server = registries.Registry()
            Pull.server.add("power", self.inputs.image)
        self.name = f"{Pull.server.host}/power:latest"

    def words(self):
        return "image", "pull", self.name

    def look(self):
        folder = f"{self.inputs.work}/pulled"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/Dockerfile", "w", encoding="utf-8") as file:
            file.write(f"FROM {self.name}\n")
        results = []
        for store in (self.store, f"{self.inputs.work}/right-store"):
            self.program.run(store, "image", "build", folder, "-o", f"type=tar,dest={self.inputs.work}/next.tar")
            results.append(sha(f"{self.inputs.work}/next.tar"))
        if results[0] != results[1]:
            raise Wrong("the pulled image has different content")


CASES = (ImageBuild, ImageBuild, GuestBuild, GuestBuild, ImageImport, Prune, Pull)


def cut(disks, logged):
    for disk in disks if logged else []:
        disk.write_log()
    for disk in disks:
        disk.cut()


def one(inputs, kind, number, dice):
    """(what, verdict)"""
    case_class = dice.choice(CASES)
    disks = [Disk(inputs.work, each, f"{number}-{i}") for i, each in enumerate(kind.split("+"))]
    case = case_class(inputs, disks, dice)
    case.prepare()
    after = dice.random() < 0.4
    logged = dice.random() < 0.6
    process = inputs.program.start(case.store, *case.words(), cwd=case.cwd())
    if after:
        inputs.program.finish(process)
        delay = dice.choice([0, 0, 0.05, 0.3, 1, 6])
        time.sleep(delay)
        cut(disks, logged)
    else:
        delay = dice.random() * 1.2 * case.seconds()
        time.sleep(delay)
        cut(disks, logged)
        process.kill()
        inputs.program.finish(process)
    what = f"{kind} {case_class.__name__} {'after' if after else 'during'} {delay:.2f} s{', logged' if logged else ''}"
    for disk in disks:
        disk.again()
    try:
        case.look()
        verdict = "right"
    except (Wrong, ValueError, OSError) as e:
        verdict = f"{type(e).__name__}: {e}"
    for disk in disks:
        disk.remove()
    return what, verdict


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fs", default="ext4,xfs,btrfs,ext4+xfs")
    parser.add_argument("--work")
    arguments = parser.parse_args()
    if os.environ.get("CAPSEM_POWER") != "inside":
        os.execvpe("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, "-B", *sys.argv],
                   {**os.environ, "CAPSEM_POWER": "inside"})
    work = tempfile.mkdtemp(prefix="capsem-power-", dir=arguments.work)
    try:
        inputs = Inputs(work, Program(os.path.abspath(arguments.program)))
        dice, kinds, tally = random.Random(arguments.seed), arguments.fs.split(","), collections.Counter()
        for number in range(arguments.cuts):
            what, verdict = one(inputs, kinds[number % len(kinds)], number, dice)
            tally["right" if verdict == "right" else "wrong"] += 1
            print(f"{number + 1:4} {what:44} {verdict}", flush=True)
        print(json.dumps({"cuts": arguments.cuts, "right": tally["right"], "wrong": tally["wrong"]}))
        return tally["wrong"]
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
