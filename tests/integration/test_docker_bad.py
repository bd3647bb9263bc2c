# SPDX-License-Identifier: Apache-2.0
"""`build --engine docker` and `buildx` against a scripted docker: what no engine here can be made to do, and the exact command
lines of what needs machines that are not here."""
import datetime
import json
import os
import shutil
import subprocess
import tarfile
import threading

import pytest

from docker_host import PLATFORM, Guest
from engine import Engine, base_entries, entry, needs_engine, tar_bytes  # noqa: F401

pytestmark = needs_engine
HERE = os.path.dirname(os.path.abspath(__file__))

INFO = {"ServerVersion": "24.0.7", "OSType": "linux", "Architecture": os.uname().machine, "MemTotal": 4 << 30, "NCPU": 4, "Name": "there",
        "DockerRootDir": "/var/lib/docker", "ClientInfo": {"Context": "default", "Version": "24.0.7"}}
INSPECTED = {"RootFS": {"Layers": ["sha256:" + "a" * 64]}, "Config": {"Env": ["PATH=/bin"]}}
KEPT = "build --output=type=tar,dest=-"
STEP = "#4 [stage-0 2/2] RUN true\n"
BUILDER = """Name:   cluster
Driver: kubernetes

Nodes:
Name:      one
Endpoint:  kubernetes:///one
Status:    running
Platforms: linux/amd64, linux/386
"""


class Fake:
    def __init__(self, folder):
        self.folder = folder
        self.guest = Guest(folder, folder / "store", rootfs="FROM {{ arch.base_image }}\nRUN true\n")
        (folder / "bin").mkdir()
        shutil.copy(os.path.join(HERE, "fake_docker.py"), folder / "bin/docker")
        self.tar = folder / "tree.tar"
        self.tar.write_bytes(tar_bytes(base_entries()))
        self.kept = folder / "etc.tar"
        self.kept.write_bytes(tar_bytes([entry(".capsem-builder-etc", kind=tarfile.DIRTYPE),
                                         entry(".capsem-builder-etc/hosts", b"its own\n")]))
        self.script = {
            "--version": {"out": "Docker version 24.0.7, build afdd53b\n"},
            "info": {"out": json.dumps(INFO)},
            "image inspect --format {{.Os}}": {"out": PLATFORM},
            "image inspect --format {{json": {"out": json.dumps(INSPECTED)},
            "export": {"file": os.fspath(self.tar)},
            "run": {"out": "=0\nBusyBox v1\n"},
            "build": {"err": STEP + "#4 DONE 0.1s\n"},
            KEPT: {"file": os.fspath(self.kept)},
            "cp capsem-builder-etc-": {"file": os.fspath(self.kept)},
        }

    def build(self, engine="docker", *options, env=None):
        (self.folder / "script").write_text(json.dumps(self.script))
        self.log = self.folder / "log"
        self.log.write_text("")
        path = f"{self.folder}/bin:/usr/bin:/bin"
        return self.guest.build(engine, "--template", "rootfs", *options,
                                env={"PATH": path, "FAKE_DOCKER": os.fspath(self.folder / "script"),
                                     "FAKE_DOCKER_LOG": os.fspath(self.log), **(env or {})})

    def calls(self, *start):
        """The command lines that begin so, without the one that copies out of a finished image."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line[:len(start)] == list(start) and line[:2] != KEPT.split()]

    def made_is_removed(self):
        """Everything that a command named is taken away again, and nothing else is."""
        tags = [w[len("--tag="):] for line in self.calls("build") for w in line if w.startswith("--tag=")]
        containers = [line[line.index("--name") + 1] for line in self.calls("create")]
        removed = [line[-1] for line in self.calls("image", "rm")]
        assert removed == tags and len(set(tags)) == len(tags) > 0
        assert [line[-1] for line in self.calls("rm")] == containers
        labels = [w.split("=", 1)[1] for line in self.calls("build") for w in line if w.startswith("--label=")]
        assert [line[-1] for line in self.calls("image", "prune")] == ["label=" + label for label in labels]


@pytest.fixture
def fake(tmp_path):
    return Fake(tmp_path)


def fails(result, *texts):
    assert result.returncode == 1, result.stderr
    for text in texts:
        assert text in result.stderr, result.stderr


def test_command_lines(fake):
    result = fake.build()
    assert result.returncode == 0, result.stderr
    fake.made_is_removed()
    [build] = fake.calls("build")
    label = next(w for w in build if w.startswith("--label=")).split("=")[2]
    assert [w for w in build if not w.startswith(("--secret=", "--build-arg="))][:-2] == [
        "build", "--progress=plain", f"--platform={PLATFORM}", "--network=host", f"--label=capsem-builder.build={label}",
        f"--tag=capsem-builder:{label}"]
    assert {w.split(",")[0] for w in build if w.startswith("--secret=")} >= {"--secret=id=capsem-apt.conf"}
    assert fake.calls("export") == [["export", f"capsem-builder-{label}"]]
    assert fake.calls("create") == [["create", "--network=none", f"--label=capsem-builder.build={label}", "--name",
                                     f"capsem-builder-{label}", f"capsem-builder:{label}", "/nothing"]]


def test_only_what_is_known_to_be_of_dead_builds_is_removed(fake):
    """Claims in the store name the engine and the label; another engine's wait for a build there."""
    claims = fake.guest.store / "claims"
    claims.mkdir(parents=True)
    for name, text in (("here", "docker ONE"), ("there", "docker TWO"), ("early", "")):
        (claims / name).write_text(text)
    fake.script["info"] = {"out": json.dumps({**INFO, "ID": "ONE"})}
    fake.script["container ls"] = {"out": "c1\nc2\n"}
    fake.script["image ls --format={{.Repository}}:{{.Tag}} capsem-builder "] = {"out": "capsem-builder:here\n"}
    assert fake.build().returncode == 0
    assert [line[-1] for line in fake.calls("container", "ls")] == ["--filter=label=capsem-builder.build=here"]
    assert fake.calls("rm")[0] == ["rm", "--force", "--volumes", "c1", "c2"]
    assert fake.calls("image", "rm")[0] == ["image", "rm", "--force", "capsem-builder:here"]
    assert fake.calls("image", "prune")[0][-1] == "label=capsem-builder.build=here"
    assert sorted(os.listdir(claims)) == ["there"]


def test_an_engine_that_removes_nothing_is_asked_again(fake):
    fake.script["image rm"] = {"err": "Cannot connect to the Docker daemon. Is the docker daemon running?\n", "exit": 1}
    assert fake.build().returncode == 0
    [claim] = os.listdir(fake.guest.store / "claims")
    del fake.script["image rm"]
    assert fake.build().returncode == 0
    assert fake.calls("container", "ls")[0][-1] == f"--filter=label=capsem-builder.build={claim}"
    assert os.listdir(fake.guest.store / "claims") == []


def test_values_of_proxies_are_not_on_the_command_line(fake):
    env = {"https_proxy": "http://user:secret@127.0.0.1:9"}
    assert fake.build("docker", "--credentials", "proxy", env=env).returncode == 0
    assert "--build-arg=https_proxy" in fake.calls("build")[0]
    assert fake.build(env=env).returncode == 0
    assert "--build-arg=https_proxy=http://127.0.0.1:9" in fake.calls("build")[-1], "nor with the engine, unless asked for"
    assert "secret@" not in fake.log.read_text()


def test_in_actions(fake):
    fake.script["buildx build"] = fake.script["build"]
    assert fake.build(env={"GITHUB_ACTIONS": "true"}).returncode == 0
    [build] = fake.calls("buildx", "build")
    scope = f"rootfs-{fake.guest.arch}"
    assert "--load" in build and f"--cache-from=type=gha,scope={scope}" in build
    assert f"--cache-to=type=gha,mode=max,scope={scope}" in build


def test_podman(fake):
    fake.script["--version"] = {"out": "podman version 4.3.1\n"}
    fails(fake.build(), "the program 'docker' is not Docker: it is podman version 4.3.1", "help: ")


@pytest.mark.parametrize("change, text", [
    ({"ServerVersion": "19.03.8"}, "the Docker engine 19.03.8 is older than 20.10"),
    ({"OSType": "windows"}, "the engine runs windows containers"),
    ({"ServerErrors": ["Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"], "ServerVersion": ""},
     "help: start it"),
    ({"ServerVersion": "new"}, "the engine version is not a number: 'new'"),
])
def test_engines_that_are_of_no_use(fake, change, text):
    fake.script["info"] = {"out": json.dumps({**INFO, **change})}
    fails(fake.build(), text)
    assert fake.calls("build") == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}"])
def test_an_answer_that_says_nothing(fake, text):
    fake.script["info"] = {"out": text}
    fails(fake.build(), "'docker info' did not report an engine")


def test_out_of_memory(fake):
    error = 'process "/bin/sh -c true" did not complete successfully: exit code: 137'
    fake.script["build"] = {"err": f"{STEP}#4 0.1 Killed\n#4 ERROR: {error}\nERROR: failed to solve: {error}\n", "exit": 1}
    fake.script["info"] = {"out": json.dumps({**INFO, "ClientInfo": {"Context": "colima", "Version": "24.0.7"}})}
    fails(fake.build(), "[E404]", "status 137", "the engine has 4096 MB, 8192 MB are recommended",
          "colima stop && colima start --memory 12 --cpu 4")
    fake.made_is_removed()


def test_another_architecture(fake):
    error = 'process "/bin/sh -c true" did not complete successfully: exit code: 255'
    fake.script["build"] = {"err": f"{STEP}#4 0.1 exec /bin/sh: exec format error\n#4 ERROR: {error}\n", "exit": 1}
    fails(fake.build(), "[E404]", "qemu-user-static")


def test_a_full_disk(fake):
    fake.script["build"] = {"err": "#5 exporting to image\n#5 ERROR: failed to create /x: no space left on device\n"
                                   "ERROR: failed to solve: failed to create /x: no space left on device\n", "exit": 1}
    fails(fake.build(), "no space left on device", "docker system df")
    fake.made_is_removed()


def test_a_damaged_cache(fake):
    fake.script["build"] = {"err": "ERROR: failed to solve: failed to get layer sha256:aaaa: layer does not exist\n", "exit": 1}
    fails(fake.build(), "failed to get layer", "docker builder prune --all")


@pytest.mark.parametrize("cut, code", [(4000, 0), (-1024, 0), (4000, 1), (0, 0), (0, 1)])
def test_an_export_that_is_cut(fake, cut, code):
    assert fake.build().returncode == 0
    old = fake.guest.asset("rootfs.squashfs")
    whole = fake.tar.read_bytes()
    whole = whole.rstrip(b"\0") + b"\0" * 1024
    fake.tar.write_bytes(whole[:cut])
    other = {"RootFS": {"Layers": ["sha256:" + "b" * 64]}}
    fake.script["image inspect --format {{json"] = {"out": json.dumps(other)}
    fake.script["export"].update({"exit": code, "err": "unexpected EOF\n" if code else ""})
    fails(fake.build(), "the stream of the image's files ended early" if code == 0 else "unexpected EOF")
    fake.made_is_removed()
    assert fake.guest.asset("rootfs.squashfs") == old


@pytest.mark.parametrize("answer, text", [
    ({"out": "", "exit": 0}, "the stream of the image's files ended early"),
    ({"err": "ERROR: failed to solve: oh no\n", "exit": 1}, "oh no"),
])
def test_an_etc_that_does_not_come(fake, answer, text):
    fake.script[KEPT] = answer
    fails(fake.build(), "look at the image's own '/etc'", text)
    fake.made_is_removed()


@pytest.mark.parametrize("text", ['failed to compute cache key: "/etc" not found: not found',
                                  'ERROR: failed to solve: failed to calculate checksum of ref a::b: "/etc": not found'])
def test_no_etc(fake, text):
    fake.script[KEPT] = {"err": text + "\n", "exit": 1}
    assert fake.build().returncode == 0
    fake.made_is_removed()


def test_an_etc_of_the_classic_builder(fake):
    """It has no output but an image, which is looked at in a container."""
    fake.script["buildx version"] = {"exit": 1}
    fake.script["build"] = {"out": "Step 1/2 : FROM x\nStep 2/2 : RUN true\nSuccessfully built bbbb\n"}
    assert fake.build().returncode == 0
    first, second = fake.calls("build")
    tag = next(w for w in first if w.startswith("--tag="))
    assert f"{tag}-etc" in second
    made = [name for line in fake.calls("create") for name in [line[line.index("--name") + 1], line[-2]]]
    assert sorted(line[-1] for line in [*fake.calls("rm"), *fake.calls("image", "rm")]) == sorted(made)
    assert "its own" in unpacked(fake, "etc/hosts")
    fake.script["build --tag"] = {"err": "COPY failed: stat etc: file does not exist\n", "exit": 1}
    fake.script["image inspect --format {{json"] = {"out": json.dumps({"RootFS": {"Layers": ["sha256:" + "b" * 64]}})}
    assert fake.build().returncode == 0
    assert len(fake.calls("create")) == len(fake.calls("export")) == 1


def unpacked(fake, path):
    """A file of the image that was packed."""
    return subprocess.run(["unsquashfs", "-cat", fake.folder / "assets" / fake.guest.arch / "rootfs.squashfs", path],
                          capture_output=True, text=True, check=True).stdout


def test_an_image_without_layers(fake):
    fake.script["image inspect --format {{json"] = {"out": "{}"}
    fails(fake.build(), "does not report the layers")
    fake.made_is_removed()


def test_no_buildkit(fake):
    fake.script["buildx version"] = {"err": "docker: 'buildx' is not a docker command.\n", "exit": 1}
    fake.guest.templates(rootfs="FROM {{ arch.base_image }}\nRUN --mount=type=cache,target=/x true\n")
    fails(fake.build(), "[E405]", "a flag of RUN needs BuildKit", "docker-buildx")
    assert fake.calls("build") == []


def test_the_classic_builder(fake):
    fake.script["buildx version"] = {"exit": 1}
    fake.script["build"] = {"out": "Step 1/2 : FROM x\n ---> aaaa\nStep 2/2 : RUN true\n ---> Using cache\n ---> bbbb\n"
                                   "Successfully built bbbb\n"}
    result = fake.build()
    assert result.returncode == 0 and "cached" in result.stderr and "RUN true" in result.stderr, result.stderr
    assert not any(w.startswith(("--secret", "--progress")) for w in fake.calls("build")[0])
    fake.script["build"] = {"out": "Step 1/2 : FROM x\n ---> aaaa\nStep 2/2 : RUN true\n ---> Running in cccc\noh no\n",
                            "err": "The command '/bin/sh -c true' returned a non-zero code: 9\n", "exit": 9}
    fails(fake.build(), "[E404]", "the step exited with status 9", "oh no")
    fake.script["build"]["out"] = fake.script["build"]["out"].replace("oh no", "E: Unable to locate package jk")
    fails(fake.build(), "the step exited with status 9: apt finds no package 'jk'", "help: check the name for this release")


def test_a_silent_step_is_seen_to_run(fake):
    """BuildKit says that a step begins, and nothing more until it ends."""
    done = fake.folder / "done"
    fake.script["build --progress=plain"] = {"err": STEP, "wait": os.fspath(done)}
    timer = threading.Timer(4.5, done.touch)
    timer.start()
    result = fake.build(env={"CAPSEM_HEARTBEAT_MS": "300"})
    timer.join()
    assert result.returncode == 0 and "begin  [rootfs" in result.stderr and "1/1] still running: no output for" in result.stderr, result.stderr


def test_a_builder_without_a_node(fake):
    fake.script["buildx inspect"] = {"out": BUILDER.replace("linux/amd64, linux/386", "linux/s390x")}
    fails(fake.build("buildx:cluster"), f"the builder 'cluster' has no node for {PLATFORM}",
          f"docker buildx create --append --name cluster --platform {PLATFORM}")


def test_a_builder(fake):
    fake.script["buildx inspect"] = {"out": BUILDER.replace("linux/amd64", PLATFORM)}
    fake.script["buildx build"] = fake.script["build"]
    fake.script["buildx build --builder=cluster --output=type=tar"] = {"file": os.fspath(fake.tar)}
    result = fake.build("buildx:cluster", "--cache-from", "type=registry,ref=localhost:5000/c", "--cache-to",
                        "type=registry,ref=localhost:5000/c,mode=max")
    fails(result, "the builder did not answer")  # the stream is not what was asked for, and that is seen
    first, second = fake.calls("buildx", "build")
    plain = [w for w in first if not w.startswith(("--secret=", "--build-arg=", "--label="))]
    assert plain[:-2] == ["buildx", "build", "--builder=cluster", "--output=type=cacheonly", "--progress=plain",
                          f"--platform={PLATFORM}", "--cache-from=type=registry,ref=localhost:5000/c",
                          "--cache-to=type=registry,ref=localhost:5000/c,mode=max"]
    assert "--output=type=tar,dest=-,source-date-epoch=" in second and "--target=capsem-answer" in second
    assert not any(w.startswith("--cache-to") for w in second)
    assert fake.calls("import") == fake.calls("pull") == fake.calls("create") == []


def doctor(fake, **info):
    """Its findings about Docker, by name."""
    fake.script["info"] = {"out": json.dumps({**INFO, **info})} if info != {"absent": True} else {
        "out": json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"]})}
    (fake.folder / "script").write_text(json.dumps(fake.script))
    env = fake.guest.env("unix:///x", {"PATH": f"{fake.folder}/bin:/usr/bin:/bin", "FAKE_DOCKER": os.fspath(fake.folder / "script"),
                                       "FAKE_DOCKER_LOG": os.fspath(fake.folder / "log"), "TZ": "UTC"})
    result = subprocess.run(Engine(fake.guest.store, fake.folder).command("doctor", "guest", "--json"), cwd=fake.folder, env=env,
                            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return {c["name"]: c for c in json.loads(result.stdout)["checks"] if c["group"] == "Docker"}


@pytest.mark.parametrize("mb, status", [(4095, "fail"), (4096, "warn"), (8191, "warn"), (8192, "pass")])
def test_doctor_memory(fake, mb, status):
    found = doctor(fake, MemTotal=mb << 20)["memory"]
    assert found["status"] == status and f"{mb} MB" in found["detail"]
    assert status == "pass" or "137" in found["detail"]


@pytest.mark.parametrize("ahead_s, status", [(-3600, "fail"), (0, "pass"), (90, "fail")])
def test_doctor_clock(fake, ahead_s, status):
    there = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead_s)
    found = doctor(fake, SystemTime=there.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"))["clock"]
    assert found["status"] == status
    if ahead_s != 0:
        assert ("behind" if ahead_s < 0 else "ahead of") in found["detail"]
        assert abs(int(found["detail"].split(" is ")[1].split(" s ")[0]) - abs(ahead_s)) < 30


def test_doctor_without_an_engine(fake):
    found = doctor(fake, absent=True)
    assert list(found) == ["docker"] and found["docker"]["status"] == "warn" and "start it" in found["docker"]["fix"]


def test_caches_need_a_builder(fake):
    fails(fake.build("docker", "--cache-to", "type=inline"), "--cache-from and --cache-to need --engine buildx")


def test_bake(fake):
    engine = Engine(fake.guest.store, fake.folder)
    result = engine.run("bake", "guest", "--templates", "own", "--output", "out", cwd=fake.folder)
    result.check()
    out = fake.folder / "out"
    bake = json.loads((out / "docker-bake.json").read_text())
    names = [f"kernel-{fake.guest.arch}", f"rootfs-{fake.guest.arch}"]
    assert bake["group"] == {"default": {"targets": names}} and list(bake["target"]) == names
    for name, target in bake["target"].items():
        assert target["platforms"] == [PLATFORM]
        context = out / target["context"]
        assert (context / target["dockerfile"]).read_text().startswith("FROM base")
        assert target["output"] == [f"type=tar,dest={name}.tar"]
    assert (out / names[1] / "context/capsem-bashrc").exists()
    again = engine.run("bake", "guest", "--templates", "own", "--output", "out", cwd=fake.folder)
    assert again.code == 1 and "'out'" in again.stderr
