# SPDX-License-Identifier: Apache-2.0
"""Base images made of a distribution's packages: every release that the documents name, from a signed archive of our own on
loopback. Its packages are two: what is essential, and apt, both made of this machine's own programs."""
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["CAPSEM_BUILDER"]
BUSYBOX = shutil.which("busybox") or ""
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
RELEASES = re.findall(r'\{ "(debian|ubuntu)", "(\w+)", "([\w.]+)" \}', (ROOT / "src/images/bootstrap.c").read_text())
KEYRINGS = "/usr/share/keyrings"


def can_unshare():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


TOOLS = ["dpkg-deb", "gpg", "mmdebstrap", "apt-get"]
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="bootstrapping needs root"),
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)) or not BUSYBOX, reason=f"needs {TOOLS} and busybox"),
    pytest.mark.skipif(not can_unshare(), reason="no mount namespaces here"),
]


def libraries(program):
    found = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", found)


def put(tree, *paths):
    """Files of this machine, at the same place; what is in /lib and /bin goes below /usr."""
    for source in paths:
        to = tree / ("usr" + source if source.startswith(("/lib", "/bin", "/sbin")) else source[1:])
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists():
            shutil.copy(source, to)


def apt_files():
    return [*map(shutil.which, ("apt-get", "apt-cache", "apt-key", "apt-config")),
            *(str(p) for p in pathlib.Path("/usr/lib/apt").rglob("*") if p.is_file() and "planners" not in p.parts)]


def write(tree, path, text="", mode=0o644):
    to = tree / path
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)
    to.chmod(mode)


def essential(tree, keyrings):
    # busybox's shell and env would take its own dpkg and tar
    programs = list(map(shutil.which, ("dpkg", "dpkg-deb", "dpkg-query", "dpkg-split", "dpkg-trigger", "tar", "dash", "env", "rm", "gpgv")))
    put(tree, *programs, BUSYBOX, *(f"/usr/share/dpkg/{name}table" for name in ("abi", "cpu", "os", "tuple")))
    for program in programs + apt_files():
        put(tree, *libraries(program))
    shutil.copy(shutil.which("dash"), tree / "usr/bin/sh")
    for applet in subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split():
        to = tree / "usr/bin" / applet
        if not to.exists():
            to.symlink_to(BUSYBOX)
    for link in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / link).mkdir(exist_ok=True)
        (tree / link).symlink_to(f"usr/{link}")
    for name in ("ldconfig", "start-stop-daemon"):
        (tree / "usr/sbin" / name).unlink(missing_ok=True)
        write(tree, f"usr/sbin/{name}", "#!/bin/sh\n", 0o755)
    write(tree, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/false\n")
    write(tree, "etc/group", "root:x:0:\nnogroup:x:65534:\n")
    for folder in ("tmp", "var/tmp", "root", "dev", "proc", "sys", "run", "var/log", "var/cache/ldconfig"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("tmp", "var/tmp"):
        (tree / folder).chmod(0o1777)
    shutil.copytree(keyrings, tree / KEYRINGS[1:], dirs_exist_ok=True)


def apt(tree):
    put(tree, *apt_files())
    for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d", "var/log/apt",
                   "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (tree / folder).mkdir(parents=True, exist_ok=True)


class Archive:
    def __init__(self, folder):
        self.folder, self.home, self.keyrings = folder / "archive", folder / "gnupg", folder / "keyrings"
        self.home.mkdir(mode=0o700)
        self.keyrings.mkdir()
        self.gpg("--quick-gen-key", "--passphrase", "", "test", "ed25519")
        key = self.gpg("--export")
        for name in ("ubuntu", "debian"):
            (self.keyrings / f"{name}-archive-keyring.gpg").write_bytes(key)
        self.packages = [
            self.package("base-files", lambda tree: essential(tree, self.keyrings), "Essential: yes\nPriority: required\n"),
            self.package("apt", apt, "Priority: optional\nDepends: base-files\n"),
            self.package("from-universe", lambda tree: write(tree, "usr/share/u", "universe\n"), ""),
        ]
        for distribution, suite, _ in RELEASES:
            for pocket in ("", "-updates", "-security"):
                self.suite(distribution, suite + pocket, with_packages=pocket == "")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Quiet", (http.server.SimpleHTTPRequestHandler,), {
            "log_message": lambda *_: None,
            "__init__": lambda me, *a, **k: http.server.SimpleHTTPRequestHandler.__init__(me, *a, directory=str(self.folder), **k)}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.uri = f"http://127.0.0.1:{self.server.server_port}"

    def gpg(self, *args, text=None):
        return subprocess.run(["gpg", "--homedir", self.home, "--batch", "--pinentry-mode", "loopback", *args], check=True,
                              input=text, capture_output=True).stdout

    def package(self, name, fill, fields):
        tree = self.folder / "trees" / name
        control = f"Package: {name}\nVersion: 1\nArchitecture: {MACHINE}\nMaintainer: t <t@example.org>\n{fields}Description: test\n"
        write(tree, "DEBIAN/control", control)
        fill(tree)
        target = self.folder / "pool" / f"{name}.deb"
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", tree, target], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        data = target.read_bytes()
        return control + f"Filename: pool/{name}.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"

    def suite(self, distribution, suite, with_packages):
        folder = self.folder / "dists" / suite
        components = ["main"] if distribution == "debian" else ["main", "restricted", "universe", "multiverse"]
        sums = ""
        for component in components:
            name = f"{component}/binary-{MACHINE}/Packages"
            text = ""
            if with_packages and component in ("main", "universe"):
                text = "\n".join(self.packages[:2] if component == "main" else self.packages[2:])
            if distribution == "debian":  # Debian has apt in its minimal base, Ubuntu has not
                text = text.replace("Priority: optional", "Priority: required")
            write(folder, name, text)
            sums += f" {hashlib.sha256(text.encode()).hexdigest()} {len(text.encode())} {name}\n"
        release = (f"Origin: {distribution.capitalize()}\nSuite: {suite}\nCodename: {suite.split('-')[0]}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"
                   f"Architectures: {MACHINE}\nComponents: {' '.join(components)}\nSHA256:\n{sums}")
        (folder / "InRelease").write_bytes(self.gpg("--clearsign", text=release.encode()))

    def close(self):
        self.server.shutdown()
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], capture_output=True)


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    made = Archive(tmp_path_factory.mktemp("archive"))
    yield made
    made.close()


@pytest.fixture
def place(tmp_path, archive):
    return Place(tmp_path, archive)


class Place:
    def __init__(self, folder, archive):
        self.folder, self.archive = folder, archive
        (folder / "context").mkdir()

    def build(self, dockerfile, keyrings=None, **env):
        """`keyrings` takes the place of this machine's in a mount namespace of its own."""
        (self.folder / "context/Dockerfile").write_text(dockerfile)
        env = {**os.environ, "CAPSEM_CACHE_DIR": str(self.folder / "store"), "NO_COLOR": "1", **env}
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            env.pop(name, None)
        env = {name: value for name, value in env.items() if value is not None}
        script = f'mount --bind "{keyrings or KEYRINGS}" {KEYRINGS} && exec "$@"'
        return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", PROGRAM, "image", "build", "context", "--progress", "plain",
                               "--platform", f"linux/{MACHINE}"], cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("distribution, suite, version", RELEASES, ids=[r[1] for r in RELEASES])
def test_every_release_has_apt_that_updates(place, archive, distribution, suite, version):
    signed = f"[signed-by={KEYRINGS}/debian-archive-keyring.gpg] " if distribution == "debian" else ""
    mirror = {f"CAPSEM_MIRROR_{distribution.upper()}": signed + archive.uri}
    wanted = "apt-cache show from-universe" if distribution == "ubuntu" else "! apt-cache show from-universe 2>/dev/null"
    done = place.build(f"FROM {distribution}:{version}\nRUN cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null; apt-get update\n"
                       f"RUN {wanted}\n", keyrings=archive.keyrings, **mirror)
    assert done.returncode == 0, done.stderr[-5000:]
    assert f"bootstrapping {distribution} {suite}" in done.stderr
    if distribution == "ubuntu":
        assert f"{suite} main restricted universe multiverse" in done.stderr
        assert f"{suite}-security main restricted universe multiverse" in done.stderr


def test_a_keyring_that_is_missing_is_named_with_its_package(place, archive):
    empty = place.folder / "none"
    empty.mkdir()
    done = place.build("FROM ubuntu:24.04\nRUN true\n", keyrings=empty, CAPSEM_MIRROR_UBUNTU=archive.uri)
    assert done.returncode == 1
    assert f"the keyring of Ubuntu's archive is missing: '{KEYRINGS}/ubuntu-archive-keyring.gpg'" in done.stderr
    assert "ubuntu-keyring" in done.stderr.split("help:")[1] and "mmdebstrap exited" not in done.stderr
    done = place.build("FROM ubuntu:24.04\nRUN true\n", CAPSEM_MIRROR_UBUNTU=f"[signed-by=/nowhere.gpg] {archive.uri}")
    assert done.returncode == 1 and "'/nowhere.gpg'" in done.stderr and "CAPSEM_MIRROR_UBUNTU names it" in done.stderr


def test_a_release_without_a_mirror_says_how_to_name_one(place, archive):
    suites = place.folder / "ubuntu.csv"
    suites.write_text("version,codename,series\n24.04 LTS,Noble Numbat,noble,2024\n")
    script = f"mount --bind {suites} /usr/share/distro-info/ubuntu.csv"
    if not os.path.exists("/usr/share/distro-info/ubuntu.csv"):
        script = "true"
    command = f'mount --bind "{archive.keyrings}" {KEYRINGS} && {script} && exec "$@"'
    (place.folder / "context/Dockerfile").write_text("FROM ubuntu:26.04\nRUN true\n")
    env = {**os.environ, "CAPSEM_CACHE_DIR": str(place.folder / "store"), "NO_COLOR": "1"}
    done = subprocess.run(["unshare", "-m", "sh", "-c", command, "sh", PROGRAM, "image", "build", "context"], cwd=place.folder, env=env,
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "mmdebstrap does not recognize its release 'resolute'" in done.stderr and "set CAPSEM_MIRROR_UBUNTU" in done.stderr
