# SPDX-License-Identifier: Apache-2.0
"""Package sets that grow: what was added is installed on top of what is there, and the packed bytes are those of a build in
which each set is one line.

apt, pip and npm are the real ones, on a Debian base with a package repository, wheels and a registry of our own: nothing is
fetched but, once, the base and its python3-pip. The packages do what makes an order visible: they divert files, add shells and
alternatives, and name packages that others have brought.
"""
import base64
import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import threading
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["CAPSEM_BUILDER"]
STORE = os.path.join(os.path.dirname(PROGRAM), "test-store")
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
NODE, NPM = shutil.which("node"), shutil.which("npm")
HAS_NPM = NODE is not None and NPM is not None

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="building needs root")

# ---- packages ----

ASK = ". /usr/share/debconf/confmodule\ndb_get $DPKG_MAINTSCRIPT_PACKAGE/q\ndb_get shared/q\ndb_stop\n"
DEBS = {
    # name: (depends, files, what its postinst does)
    "common": ("", {"usr/share/common/data": "common\n"}, ""),
    "beta": ("common", {"usr/bin/beta-sh": "#!/bin/sh\n"},
             ASK + "dpkg-statoverride --quiet --add root daemon 0750 /usr/share/common\n"
             "add-shell /usr/bin/beta-sh\ndpkg-divert --quiet --no-rename --divert /etc/beta.moved --add /etc/beta\n"
             "update-alternatives --quiet --install /usr/bin/greet greet /usr/bin/beta-sh 10\n"),
    # sorts before what is there, needs what is there, and has an alternative that wins
    "aaa": ("common, aaa-data", {"usr/bin/aaa-sh": "#!/bin/sh\n"},
            ASK + "add-shell /usr/bin/aaa-sh\ndpkg-divert --quiet --no-rename --divert /etc/aaa.moved --add /etc/aaa\n"
            "update-alternatives --quiet --install /usr/bin/greet greet /usr/bin/aaa-sh 20\n"
            "dpkg-statoverride --quiet --add root daemon 0750 /usr/share/aaa-data\n"),
    "aaa-data": ("", {"usr/share/aaa-data/data": "data\n"}, ""),
    "delta": ("common", {"usr/share/delta/data": "delta\n"}, ""),
    "hostile": ("", {"usr/share/hostile/data": "x\n"}, ""),
}
WHEELS = {"one": "two", "two": "", "three": "", "zero": "three, two"}
CLIS = {"cli-a": "shared", "cli-b": "shared", "shared": ""}


def make_deb(folder, name, run):
    depends, files, postinst = DEBS[name]
    tree = folder / "tree" / name
    control = [f"Package: {name}", f"Version: 1.0+{run}", "Architecture: all", "Maintainer: nobody <nobody@example.org>",
               *([f"Depends: {depends}"] if depends else []), *(["Conflicts: beta"] if name == "hostile" else []),
               f"Description: a package of the tests named {name}"]
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("\n".join(control) + "\n")
    if postinst:
        (tree / "DEBIAN/postinst").write_text("#!/bin/sh\nset -e\n" + postinst)
        (tree / "DEBIAN/postinst").chmod(0o755)
    if name in ("aaa", "beta"):
        (tree / "DEBIAN/triggers").write_text(f"interest-noawait /usr/share/{name}-plugins\n")
        (tree / "DEBIAN/templates").write_text(f"Template: {name}/q\nType: string\nDefault: {name}\nDescription: Q\n\n"
                                               "Template: shared/q\nType: string\nDefault: s\nDescription: S\n")
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        (tree / path).chmod(0o755 if path.startswith("usr/bin/") else 0o644)
    target = folder / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, target], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    data = target.read_bytes()
    return "\n".join([*control, f"Filename: ./{name}.deb", f"Size: {len(data)}", f"SHA256: {hashlib.sha256(data).hexdigest()}"])


def make_wheel(folder, name):
    info = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {d.strip()}\n" for d in WHEELS[name].split(",") if d)
    files = {f"{name}/__init__.py": f"NAMES = {{'{name}', 'x', 'y'}}\ndef hello():\n    return sorted(NAMES)\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/entry_points.txt": f"[console_scripts]\n{name}-hello = {name}:hello\n"}
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def npm_tarball(name):
    package = {"name": name, "version": "1.0.0", "bin": {name: "run.js"}, "dependencies": {CLIS[name]: "1"} if CLIS[name] else {}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in (("package.json", json.dumps(package)), ("run.js", "#!/usr/bin/env node\n")):
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size, entry.mode = len(text), 0o755 if path == "run.js" else 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    return package, out.getvalue()


class Registry(http.server.BaseHTTPRequestHandler):
    """What npm asks a registry for: /NAME, and the tarball that it names."""
    packages = {name: npm_tarball(name) for name in CLIS}

    def do_GET(self):
        name = self.path.strip("/").split("/")[0]
        if name not in self.packages:
            self.send_error(404)
            return
        package, data = self.packages[name]
        body = data
        if not self.path.endswith(".tgz"):
            dist = {"tarball": f"http://127.0.0.1:{self.server.server_port}/{name}/{name}-1.0.0.tgz",
                    "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()}
            body = json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"},
                               "versions": {"1.0.0": {**package, "dist": dist}}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


# ---- a guest that uses them ----

BASE = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip libstdc++6 && rm -rf /var/lib/apt/lists/*
RUN rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* && \\
    echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list && \\
    printf '[global]\\nno-index = true\\nfind-links = /wheels\\n' >/etc/pip.conf
COPY node /
COPY repo /repo
COPY wheels /wheels
"""


def put_node(folder):
    """The machine's own Node and npm: to install Debian's would take longer than all the tests."""
    (folder / "usr/local/bin").mkdir(parents=True)
    if HAS_NPM:
        shutil.copy(NODE, folder / "usr/local/bin/node")
        npm = pathlib.Path(os.path.realpath(NPM)).parent.parent
        shutil.copytree(npm, folder / "usr/local/lib/npm", symlinks=True, ignore=shutil.ignore_patterns("man", "docs"))
        (folder / "usr/local/bin/npm").symlink_to("../lib/npm/bin/npm-cli.js")


def provider(packages):
    return ('[agent]\nname = "Agent"\n[agent.api_key]\nname = "k"\nenv_vars = ["AGENT_KEY"]\n'
            '[agent.network]\ndomains = ["*.example.org"]\n'
            f'[agent.install]\nmanager = "npm"\nprefix = "/opt/agents"\npackages = {json.dumps(packages)}\n')


def package_set(key, name, manager, command, packages):
    return (f'[{key}]\nname = "{name}"\nmanager = "{manager}"\ninstall_cmd = "{command}"\npackages = {json.dumps(packages)}\n'
            f'[{key}.network]\nname = "{key}"\ndomains = ["*.example.org"]\n')


APT = "apt-get install -y --no-install-recommends"
PIP = "pip3 install --no-cache-dir --break-system-packages --root-user-action=ignore"


class Guest:
    def __init__(self, folder, base, env):
        self.folder, self.env = folder, env
        shutil.copytree(ROOT / "examples/minimal", folder / "guest")
        self.config = folder / "guest/config"
        build = self.config / "build.toml"
        text = build.read_text()
        assert 'base_image = "debian:bookworm-slim"' in text and 'guest_binaries = ["capsem-pty-agent"]' in text
        build.write_text(text.replace("debian:bookworm-slim", base).replace('"capsem-pty-agent"', ""))
        (self.config / "ai").mkdir(exist_ok=True)

    def write(self, apt, pip=(), npm=(), tools=()):
        sets = package_set("apt", "System packages", "apt", APT, list(apt))
        if pip:
            sets += package_set("python", "Libraries", "pip", PIP, list(pip))
        if tools:
            sets += package_set("tools", "Tools", "apt", APT, list(tools))
        (self.config / "packages/apt.toml").write_text(sets)
        if npm and HAS_NPM:
            (self.config / "ai/agent.toml").write_text(provider(list(npm)))
        return self

    def run(self, *args, check=True):
        done = subprocess.run([PROGRAM, "build", "guest", "--arch", ARCH, "--template", "rootfs", *args], cwd=self.folder,
                              env=self.env, capture_output=True, text=True, timeout=300)
        if check:
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
        return done

    def build(self, output, *args, check=True):
        return self.run("--output", output, "--progress", "json", *args, check=check)

    def steps(self, done):
        """(text, result) of each step."""
        events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        begun = [e["text"] for e in events if e["event"] == "begin"]
        return list(zip(begun, [e["result"] for e in events if e["event"] == "end"]))

    def packed(self, output):
        return self.folder / output / ARCH / "rootfs.squashfs"


@pytest.fixture(scope="module")
def registry():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def env(registry, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / ".npmrc").write_text(f"registry=http://127.0.0.1:{registry}/\naudit=false\n")
    clean = {k: v for k, v in os.environ.items()
             if not k.lower().startswith(("pip_", "npm_config_")) and k.lower() not in ("http_proxy", "https_proxy")}
    return {**clean, "CAPSEM_CACHE_DIR": STORE, "HOME": str(home)}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """An image in the store. Its packages have a version of this run, so that no layer of another one fits."""
    context = tmp_path_factory.mktemp("base")
    run = os.urandom(4).hex()
    for name in ("node", "repo", "wheels"):
        (context / name).mkdir()
    put_node(context / "node")
    index = [make_deb(context / "repo", name, run) for name in DEBS]
    (context / "repo/Packages").write_text("\n\n".join(index) + "\n")
    shutil.rmtree(context / "repo/tree")
    for name in WHEELS:
        make_wheel(context / "wheels", name)
    (context / "Dockerfile").write_text(BASE)
    name = "localhost/capsem-grow:base"
    done = subprocess.run([PROGRAM, "image", "build", context, "--tag", name], capture_output=True, text=True, timeout=1500,
                          env={**os.environ, "CAPSEM_CACHE_DIR": STORE})
    assert done.returncode == 0, done.stderr[-6000:]
    yield name
    subprocess.run([PROGRAM, "image", "rm", name], env={**os.environ, "CAPSEM_CACHE_DIR": STORE}, capture_output=True)


@pytest.fixture
def guest(tmp_path, base, env):
    return Guest(tmp_path, base, env)


def unpack(guest, output, folder):
    subprocess.run(["unsquashfs", "-q", "-n", "-d", folder, guest.packed(output)], check=True, stdout=subprocess.DEVNULL)


def same_bytes(guest, one, other):
    """Says which files differ when the images do."""
    if guest.packed(one).read_bytes() == guest.packed(other).read_bytes():
        return
    for output in (one, other):
        unpack(guest, output, guest.folder / f"tree-{output}")
    done = subprocess.run(["diff", "-r", "--no-dereference", f"tree-{one}", f"tree-{other}"], cwd=guest.folder,
                          capture_output=True, text=True, errors="replace")
    pytest.fail(f"{one} and {other} differ:\n{done.stdout[:4000] or 'in what diff does not see: times, owners, modes'}")


# ---- tests ----

OLD = {"apt": ["beta"], "pip": ["one"], "npm": ["cli-b"]}
NEW = {"apt": ["aaa", "beta", "common"], "pip": ["zero", "one", "two"], "npm": ["cli-a", "cli-b"], "tools": ["delta"]}


@pytest.fixture(scope="module")
def images(tmp_path_factory, base, env):
    """The guest after it was built with OLD, with NEW on top, and with NEW in one line a set."""
    guest = Guest(tmp_path_factory.mktemp("images"), base, env)
    guest.write(**OLD).build("old")
    done = guest.write(**NEW).build("grown")
    cached = [result for _, result in guest.steps(done)].index("done")
    assert cached == 3 + HAS_NPM, guest.steps(done)  # System packages, their links, agents, libraries
    assert guest.run("--dry-run").stdout.count("# Added to ") == 3 + HAS_NPM
    guest.build("fresh", "--fresh")
    assert "# Added to " not in guest.run("--dry-run").stdout
    unpack(guest, "grown", guest.folder / "tree")
    return guest


def test_a_grown_image_has_the_bytes_of_a_fresh_one(images):
    same_bytes(images, "grown", "fresh")


def test_apt_and_pip_installed_what_was_added(images):
    tree = images.folder / "tree"
    for path in ("usr/bin/beta-sh", "usr/bin/aaa-sh", "usr/share/delta/data", "usr/share/aaa-data/data"):
        assert (tree / path).is_file()
    assert os.readlink(tree / "etc/alternatives/greet") == "/usr/bin/aaa-sh"
    states = (tree / "var/lib/apt/extended_states").read_text()
    assert "Package: aaa-data\n" in states and "Package: common\n" not in states
    for name in WHEELS:
        assert len(list(tree.glob(f"usr/local/lib/python3*/*-packages/{name}/__init__.py"))) == 1


@pytest.mark.skipif(not HAS_NPM, reason="this machine has no Node and npm to put into the image")
def test_npm_installed_what_was_added(images):
    for name in ("cli-a", "cli-b"):
        assert (images.folder / "tree/opt/agents/bin" / name).is_symlink()
        assert (images.folder / "tree/opt/agents/lib/node_modules" / name / "node_modules/shared/run.js").is_file()


def test_nothing_is_taken_away_for_an_addition(guest):
    """"hostile" wants "beta" gone. Added or not, that is an error, and the next build goes on from what there was."""
    guest.write(["beta"]).build("old")
    done = guest.write(["beta", "hostile"]).build("new", check=False)
    assert done.returncode == 1
    assert "installing the whole set in one step" in done.stderr and "hostile" in done.stderr
    done = guest.write(["beta", "delta"]).build("new")
    assert [result for _, result in guest.steps(done)][:2] == ["cached", "cached"]
    unpack(guest, "new", guest.folder / "tree")
    assert (guest.folder / "tree/usr/bin/beta-sh").is_file() and (guest.folder / "tree/usr/share/delta/data").is_file()
