# SPDX-License-Identifier: Apache-2.0
"""The default guest's root filesystem as rows of bench/engine.

The program builds the guest folder itself. The peers build what it gives Docker: its Dockerfile, context and secrets, taken down by
a client that stands before the real one. All start from the same base image and install from archives that their own cache mounts
hold since a first build that nobody times."""
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time

import engine_peers as peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASE = "localhost/bench-debian"
MORE_PACKAGES = ("tree", "pv", "rsync")
MKSQUASHFS = ("-comp", "zstd", "-Xcompression-level", "15", "-b", "64K", "-noappend", "-quiet", "-no-progress")

# Answers as Docker does, and takes its first build down instead of running it.
RECORDER = """#!/usr/bin/python3
import json, os, shutil, sys
if sys.argv[1] != "build":
    os.execv({client!r}, sys.argv)
flags = [word.split("=", 1) for word in sys.argv[2:-1] if "=" in word]
folder = {folder!r}
os.makedirs(folder)
shutil.copytree(sys.argv[-1], folder + "/context", symlinks=True)
args, secrets = {{}}, {{}}
for flag, value in flags:
    if flag == "--build-arg":
        name, _, text = value.partition("=")
        args[name] = text or os.environ.get(name, "")
    elif flag == "--secret":
        parts = dict(part.split("=", 1) for part in value.split(","))
        secrets[parts["id"]] = shutil.copy(parts["src"], folder + "/" + parts["id"])
    elif flag == "--file":
        shutil.copy(value, folder + "/Dockerfile")
with open(folder + "/flags.json", "w") as file:
    json.dump({{"args": args, "secrets": secrets}}, file)
sys.exit("taken down")
"""


@dataclasses.dataclass
class Recipe:
    folder: str
    args: dict
    secrets: dict

    @property
    def context(self):
        return f"{self.folder}/context"

    def flags(self, peer):
        """Locked mounts: a build of buildah 1.28 waits for itself at the second one."""
        dockerfile = f"{self.folder}/Dockerfile"
        if peer.name == "buildah":
            with open(dockerfile, encoding="utf-8") as file:
                text = file.read()
            dockerfile += ".buildah"
            with open(dockerfile, "w", encoding="utf-8") as file:
                file.write(text.replace(",sharing=locked", ""))
        return [f"--file={dockerfile}",
                *(f"--build-arg={name}={value}" for name, value in self.args.items()),
                *(f"--secret=id={name},src={path}" for name, path in self.secrets.items())]


class Guest:
    """A copy of the default guest, to add packages to."""

    def __init__(self, ours, work):
        self.ours, self.work, self.folder = ours, work, f"{work}/rootfs"
        shutil.copytree(f"{ROOT}/guest", f"{self.folder}/guest")
        self.env = dict(os.environ)

    def add_package(self, name):
        path = f"{self.folder}/guest/config/packages/apt.toml"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("packages = [\n", f'packages = [\n    "{name}",\n', 1))

    def command(self, *words):
        return [self.ours.program, "build", "guest", "--arch", peers.ARCH, "--template", "rootfs", "--cache-dir", self.ours.store, *words]

    def record(self, name, client, docker_env):
        """The recipe as Docker is given it; its image of the base is named anew."""
        folder, tools = f"{self.work}/recipe-{name}", f"{self.work}/recorder-{name}"
        peers.write(f"{tools}/docker", RECORDER.format(client=client, folder=folder))
        os.chmod(f"{tools}/docker", 0o755)
        env = {**docker_env, "PATH": f"{tools}:{os.environ['PATH']}"}
        done = subprocess.run(self.command("--engine", "docker", "--fresh", "--output", f"{self.work}/none"), cwd=self.folder, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if not os.path.exists(f"{folder}/flags.json"):
            sys.exit(f"bench/engine: the recipe was not given to docker\n{done.stderr[-3000:]}")
        with open(f"{folder}/flags.json", encoding="utf-8") as file:
            flags = json.load(file)
        with open(f"{folder}/Dockerfile", encoding="utf-8") as file:
            text = file.read()
        with open(f"{folder}/Dockerfile", "w", encoding="utf-8") as file:
            file.write(re.sub(r"^(FROM (?:--\S+ )*)\S+", rf"\1{BASE}", text, flags=re.MULTILINE))
        return Recipe(folder, flags["args"], flags["secrets"])

    def build(self, *words):
        """Seconds to the finished tree, and to the assets."""
        start, tree = time.monotonic(), None
        process = subprocess.Popen(self.command("--engine", "embedded", "--progress", "json", *words), cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith('{"event":"end"'):
                tree = time.monotonic()
        if process.wait() != 0 or tree is None:
            sys.exit(f"bench/engine: the guest was not built\n{''.join(said)[-3000:]}")
        return tree - start, time.monotonic() - start


def pack(tree, work):
    start = time.monotonic()
    subprocess.run(["mksquashfs", tree, f"{work}/theirs.squashfs", *MKSQUASHFS], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def rootfs(engines, work, arguments, timed, row_of):
    ours, others = engines[0], engines[1:]
    docker = next((peer for peer in others if peer.name == "docker"), None)
    if docker is None or shutil.which("mmdebstrap") is None or shutil.which("mksquashfs") is None:
        print("rootfs: needs docker, mmdebstrap and mksquashfs: left out")
        return
    guest = Guest(ours, work)
    guest.build()  # the base and the archives, once
    peers.write(f"{work}/debian/Dockerfile", "FROM debian:bookworm-slim\n")
    timed([*ours.build(f"{work}/debian"), "-o", f"type=tar,dest={work}/debian.tar"])
    recipe = guest.record("first", docker.client, docker.env)
    for peer in others:
        peer.load(f"{work}/debian.tar", BASE)
        timed(peer.build(recipe.context, recipe.flags(peer)), env=peer.env)
    cold, one, none = row_of("rootfs, cold, to its tree"), row_of("rootfs, one package added"), row_of("rootfs unchanged, to assets")

    def run_peers(row, recipe, *flags):
        for peer in others:
            built, _ = timed(peer.build(recipe.context, [*recipe.flags(peer), *flags]), env=peer.env)
            with peer.tree(f"{work}/tree-{peer.name}") as (tree, exported):
                row.add(peer.name, built + exported)
                if row is none:
                    row.add(peer.name + "+mksquashfs", built + exported + pack(tree, work))
                    row.best.pop(peer.name)

    none.add("ours", guest.build()[1])
    for number in range(min(arguments.rounds, len(MORE_PACKAGES))):
        cold.add("ours", guest.build("--no-cache")[0])
        run_peers(cold, recipe, "--no-cache")
        if number == 0:
            run_peers(none, recipe)
        guest.build()
        guest.add_package(MORE_PACKAGES[number])
        one.add("ours", guest.build()[0])
        recipe = guest.record(MORE_PACKAGES[number], docker.client, docker.env)
        run_peers(one, recipe)
    for row in (cold, one, none):
        row.show()
