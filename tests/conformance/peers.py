# SPDX-License-Identifier: Apache-2.0
"""Docker with BuildKit, and buildah, as engines of the conformance cases.

Both come from Debian's packages, unpacked into a folder of their own with mmdebstrap: nothing is installed. The folder stays, in
$CONFORMANCE_PEERS or ~/.cache/capsem-conformance/peers. They run in a mount namespace that has this folder as its root and ends with dockerd;
images, containers and layers are in the run's own scratch folder.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import images
import trees
from enter import RUN_ENV
from ours import Failed

HERE = pathlib.Path(__file__).resolve().parent
SUITE = "trixie"
PACKAGES = ("base-files", "buildah", "containerd", "docker-buildx", "docker-cli", "docker.io", "libsubid5", "mount", "netavark",
            "runc", "xz-utils")
FILES = {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n",
         "etc/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n'}
TIMEOUT_S = 300
# What to replace in a result because it says nothing; lines that become empty are dropped.
FOLDER_TIME = [(trees.FOLDER_TIME, r"\1")]


def root_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(os.environ.get("CONFORMANCE_PEERS") or os.path.join(cache, "capsem-conformance", "peers"))


def debian_source():
    """A line of sources.list for the suite, at the mirror that this machine's apt has."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"],
                          capture_output=True, text=True, check=True)
    uris = [uri for uri in done.stdout.split() if uri.rstrip("/").endswith("/debian")]
    if not uris:
        raise SystemExit("conformance: apt of this machine has no Debian mirror")
    return f"deb {uris[0]} {SUITE} main"


def unpack(root):
    """Fills the folder of the peers when it is not there."""
    done = root / ".done"
    if done.is_file() and done.read_text().split() == [SUITE, *PACKAGES]:
        return
    if root.exists():
        raise SystemExit(f"conformance: {root} is of another version: remove it")
    print(f"unpacking {SUITE}'s docker.io and buildah into {root}", flush=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", dir=root.parent) as work:
        made = pathlib.Path(work) / "root"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=extract", "--include=" + ",".join(PACKAGES), SUITE, made, debian_source()],
                       check=True)
        for name, text in FILES.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text)
        (made / ".done").write_text(" ".join([SUITE, *PACKAGES]))
        made.rename(root)


class Peer:
    """What the peers share: commands in the namespace of `pid`, and trees read through /proc."""

    def __init__(self, pid, scratch):
        self.pid, self.scratch = pid, scratch

    def run(self, *words, env=None):
        done = subprocess.run(["nsenter", "--mount", f"--target={self.pid}", *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, env={**RUN_ENV, "CONFORMANCE_SECRET": "from the environment", **(env or {})}, timeout=TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise Failed((done.stderr + done.stdout).decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def inside(self, path):
        """The path of something in the scratch folder as the peer has it."""
        return f"/work/{path.relative_to(self.scratch)}"

    def tree(self, layers):
        """The merged layers, the upper one first."""
        if len(layers) == 1:
            return trees.of_folder(f"/proc/{self.pid}/root{layers[0]}")
        os.makedirs(f"/proc/{self.pid}/root/run/merged", exist_ok=True)
        self.run("mount", "-t", "overlay", "overlay", "-o", "ro,lowerdir=" + ":".join(layers), "/run/merged")
        try:
            return trees.of_folder(f"/proc/{self.pid}/root/run/merged")
        finally:
            self.run("umount", "/run/merged")


class Docker(Peer):
    name = "docker"
    @staticmethod
    def noise(_):
        return []

    def start(self):
        for name in images.NAMES:
            self.run("docker", "load", "--quiet", "--input", f"/work/{name}.tar")

    def version(self):
        return "docker " + self.run("docker", "version", "--format", "{{.Server.Version}}").strip()

    def build(self, case, folder):
        at = self.inside(folder)
        # A file of the last case that has the same name, size and time would not be sent again.
        self.run("docker", "builder", "prune", "--force", "--filter=type=source.local")
        self.run("docker", "buildx", "build", "--quiet", "--network=host", "--tag=case", "--file", f"{at}/Dockerfile",
                 *case.options_at(at), f"{at}/context")
        image = json.loads(self.run("docker", "image", "inspect", "case"))[0]
        data = image["GraphDriver"]["Data"]
        return self.tree([data["UpperDir"], *filter(None, data.get("LowerDir", "").split(":"))]), image


class Buildah(Peer):
    name = "buildah"
    STORE = ("buildah", "--root=/work/buildah", "--runroot=/run/buildah", "--storage-driver=overlay")

    # A destination has the time of the build, and the root folder is 0555 in its store, whatever the layers say.
    @staticmethod
    def noise(_):
        return [*FOLDER_TIME, (r"^(dir  .*|gone) /$", "")]

    def start(self):
        for name in images.NAMES:
            self.run(*self.STORE, "pull", "--quiet", f"docker-archive:/work/{name}.tar")

    def version(self):
        return " ".join(self.run("buildah", "--version").split()[::2][:2])

    def build(self, case, folder):
        at = self.inside(folder)
        # The limits that buildah sets without being told are above those of this namespace.
        self.run(*self.STORE, "build", "--quiet", "--format=docker", "--isolation=chroot", "--identity-label=false", "--network=host", "--pull-never", "--ulimit=nofile=1024:4096",
                 "--ulimit=nproc=1024:1024", "--tag=case", "--file", f"{at}/Dockerfile", *case.options_at(at), f"{at}/context")
        image = json.loads(self.run(*self.STORE, "inspect", "--type=image", "case"))
        return self.tree(self.layers(image["FromImageID"])), image["Docker"]

    def layers(self, image):
        """Folders of an image's layers. `buildah from` would mount them, after running what ONBUILD says."""
        store = self.scratch / "buildah"
        images = {row["id"]: row for row in json.loads((store / "overlay-images/images.json").read_text())}
        rows = {row["id"]: row for row in json.loads((store / "overlay-layers/layers.json").read_text())}
        found, layer = [], images[image].get("layer")
        while layer:
            found.append(f"/work/buildah/overlay/{layer}/diff")
            layer = rows[layer].get("parent")
        return found


@contextlib.contextmanager
def started(scratch):
    """The peers, ready to build; their processes and mounts end with the block."""
    root = root_folder()
    unpack(root)
    for name in ("tmp", "docker"):
        (scratch / name).mkdir()
    log = (scratch / "dockerd.log").open("wb")
    daemon = subprocess.Popen(
        ["/usr/bin/python3", "-B", HERE / "enter.py", root, scratch, "/usr/sbin/dockerd", "--data-root=/work/docker", "--exec-root=/run/docker",
         "--host=unix:///run/docker.sock", "--pidfile=/run/dockerd.pid", "--iptables=false", "--bridge=none", "--storage-driver=overlay2"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        found = [Docker(daemon.pid, scratch), Buildah(daemon.pid, scratch)]
        wait(daemon, found[0], scratch)
        for peer in found:
            peer.start()
        yield found
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        log.close()


def wait(daemon, docker, scratch):
    for _ in range(300):
        if daemon.poll() is not None:
            raise SystemExit("conformance: dockerd ended:\n" + (scratch / "dockerd.log").read_text())
        try:
            docker.run("docker", "version")
            return
        except Failed:
            time.sleep(0.1)
    raise SystemExit("conformance: dockerd does not answer:\n" + (scratch / "dockerd.log").read_text())
