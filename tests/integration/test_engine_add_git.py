# SPDX-License-Identifier: Apache-2.0
"""ADD of git repositories: refs, folders, submodules, checksums, and what a hostile one cannot do. Dockerfile reference, "ADD"."""
import functools
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from engine import base_tar, context, engine, needs_engine, needs_root  # noqa: F401 (fixtures)

pytestmark = [*needs_engine, pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")]

DATE = "1000000000 +0000"


class Repositories:
    """Bare repositories below a folder, and a clone to work in."""

    def __init__(self, folder):
        self.folder = folder
        self.served = folder / "served"
        self.served.mkdir(parents=True)

    def git(self, *words, cwd=None, text=True):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file:git:http",
               "GIT_COMMITTER_DATE": DATE, "GIT_AUTHOR_DATE": DATE}
        for who in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@localhost"}
        done = subprocess.run(["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *map(str, words)], cwd=cwd or self.work, env=env,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def make(self, name):
        self.work = self.folder / name
        self.work.mkdir()
        self.git("init", "-q")
        return self.work

    def write(self, name, content):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def commit(self, text="c"):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", text)
        return self.git("rev-parse", "HEAD")

    def serve(self):
        bare = self.served / (self.work.name + ".git")
        shutil.rmtree(bare, ignore_errors=True)
        self.git("clone", "-q", "--bare", self.work, bare)
        self.git("update-server-info", cwd=bare)


@pytest.fixture
def repositories(tmp_path):
    return Repositories(tmp_path / "repositories")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def daemon(repositories):
    port = free_port()
    # Not through `git`, which would start it as a child that outlives it.
    program = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip() + "/git-daemon"
    process = subprocess.Popen([program, "--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={repositories.served}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"git://127.0.0.1:{port}"
    process.kill()
    process.wait()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def web(repositories):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(repositories.served)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(repositories):
    """Commits by name: one (tag v1), two (annotated tag v2, branch side), three (main)."""
    repositories.make("p")
    repositories.write("f", "one")
    repositories.write("sub/deep/g", "G")
    commits = {"one": repositories.commit()}
    repositories.git("tag", "v1")
    repositories.write("f", "two")
    commits["two"] = repositories.commit()
    repositories.git("tag", "-a", "v2", "-m", "text")
    repositories.git("branch", "side")
    repositories.write("f", "three")
    os.chmod(repositories.work / "sub/deep/g", 0o755)
    (repositories.work / "l").symlink_to("/etc/passwd")
    commits["three"] = repositories.commit()
    repositories.serve()
    return commits


@pytest.mark.parametrize("ref, content", [
    ("", "three"), ("#main", "three"), ("#v1", "one"), ("#v2", "two"), ("#side", "two"), ("#refs/tags/v1", "one"), ("#refs/heads/side", "two"),
    ("#one", "one"), ("?ref=v1", "one"), ("?tag=v2", "two"), ("?branch=side", "two"), ("?commit=two", "two"), ("?checksum=three", "three")])
def test_refs(engine, project, daemon, ref, content):
    name, _, value = ref.partition("=") if "=" in ref else ref.partition("#")
    if value in project:
        ref = ref[:-len(value)] + project[value]
    assert engine.build(f"FROM base\nADD {daemon}/p.git{ref} /x\n").tree.text("x/f") == content


def test_what_is_copied(engine, project, daemon):
    built = engine.build(f"FROM base\nADD {daemon}/p.git /x/\nADD --chown=builder {daemon}/p.git#v1 /y\nADD --exclude=sub {daemon}/p.git /z\n"
                         f"ADD {daemon}/p.git#main:sub /s\nADD {daemon}/p.git?subdir=sub/deep /d\n")
    tree = built.tree
    assert tree.under("x") == ["f", "l", "sub", "sub/deep", "sub/deep/g"] and tree["x/l"].linkname == "/etc/passwd"
    assert tree.mode("x/f") == 0o644 and tree.mode("x/sub/deep/g") == 0o755 and tree.mode("x/sub") == 0o755 and tree.owner("x/f") == (0, 0)
    assert {tree[f"x/{n}"].mtime for n in tree.under("x")} == {1_000_000_000}
    assert tree.owner("y/sub/deep/g") == (1000, 1000) and tree.under("z") == ["f", "l"]
    assert tree.under("s") == ["deep", "deep/g"] and tree.under("d") == ["g"]
    engine.verify()


def test_a_commit_is_fetched_once(engine, project, repositories, daemon):
    text = f"FROM base\nADD {daemon}/p.git#v1 /x\n"
    assert len(engine.build(text).ran()) == 1 and engine.build(text).ran() == []
    pinned = f"FROM base\nADD {daemon}/p.git#{project['one']} /x\n"
    shutil.rmtree(repositories.served / "p.git")
    assert engine.build(pinned).tree.text("x/f") == "one"  # nobody is asked
    assert "E402" in engine.fail(text).stderr
    engine.verify()


def test_a_branch_that_moves(engine, project, repositories, daemon):
    text = f"FROM base\nADD {daemon}/p.git#side /x\n"
    assert engine.build(text).tree.text("x/f") == "two"
    repositories.git("checkout", "-q", "side")
    repositories.write("f", "four")
    repositories.commit()
    repositories.serve()
    assert engine.build(text).tree.text("x/f") == "four"


def test_over_http_without_a_git_server(engine, project, web):
    built = engine.build(f"FROM base\nADD {web}/p.git#v2 /x\nADD {web}/p.git#{project['one']}:sub /s\nADD {web}/p.git/HEAD /head\n")
    assert built.tree.text("x/f") == "two" and built.tree.under("s") == ["deep", "deep/g"] and built.tree.text("head") == "ref: refs/heads/main\n"


def test_the_git_folder(engine, project, daemon):
    built = engine.build(f"FROM base\nADD --keep-git-dir=true {daemon}/p.git#v1 /x\nADD {daemon}/p.git?keep-git-dir=1 /y\nADD --keep-git-dir {daemon}/p.git?subdir=sub /z\n")
    assert project["one"] in built.tree.text("x/.git/HEAD") and project["three"] in built.tree.text("y/.git/HEAD")
    assert built.tree.under("z") == ["deep", "deep/g"] and not [n for n in built.tree.under("x/.git/hooks")]


def test_checksums(engine, project, daemon):
    good, other = project["two"], project["one"]
    for sum in (good, good[:7], good.upper()):
        assert engine.build(f"FROM base\nADD --checksum={sum} {daemon}/p.git#side /x\n").tree.text("x/f") == "two"
    result = engine.fail(f"FROM base\nADD --checksum={other} {daemon}/p.git#side /x\n")
    assert "E402" in result.stderr and good in result.stderr and ":2:" in result.stderr
    assert engine.build(f"FROM base\nADD --checksum={other} {daemon}/p.git /x\n").tree.text("x/f") == "one"


def test_the_id_of_a_tag_with_a_text_is_a_checksum(engine, project, repositories, daemon):
    """Dockerfile 1.17: such a tag is an object of its own."""
    tag = repositories.git("rev-parse", "v2", cwd=repositories.folder / "p")
    assert tag != project["two"]
    for text in (f"--checksum={tag} {daemon}/p.git#v2", f"{daemon}/p.git?tag=v2&checksum={tag[:12]}", f"--checksum={project['two']} {daemon}/p.git#v2",
                 f"--checksum={tag} {daemon}/p.git"):
        tree = engine.build(f"FROM base\nADD {text} /x\n").tree
        assert tree.text("x/f") == "two" and tree["x/f"].mtime == 1_000_000_000
    for ref in ("v1", "main"):
        assert "E402" in engine.fail(f"FROM base\nADD --checksum={tag} {daemon}/p.git#{ref} /x\n").stderr


def test_a_repository_gives_the_epoch(engine, project, context, daemon):
    """Dockerfile 1.24."""
    context.write("f", "f", mtime=1_900_000_000)
    text = "ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD {} /\nFROM base\nCOPY f /f\n"
    for source in (f"{daemon}/p.git", f"--keep-git-dir {daemon}/p.git", f"{daemon}/p.git?mtime=commit&subdir=sub"):
        assert engine.build(text.format(source), context).tree["f"].mtime == 1_000_000_000


@pytest.mark.parametrize("source, word", [
    ("p.git?mtime=now", "neither commit nor checkout"),
    ("p.git#gone", "has no branch or tag 'gone'"), ("p.git#" + "0" * 40, "E402"), ("p.git#main:gone", "has no folder 'gone'"), ("p.git#main:f", "has no folder 'f'"),
    ("p.git#main:.git", "has no folder"), ("gone.git", "E402"), ("p.git?what=x", "no parameter 'what'"), ("p.git?ref=a#b", "a second ref"),
    ("p.git?subdir=a#:b", "a second folder"), ("p.git#--upload-pack=x", "not a branch"), ("p.git?submodules=x", "neither true nor false"),
    ("p.git?checksum=xyz", "is not a commit"), ("p.git#main:l", "has no folder 'l'")])
def test_what_cannot_be(engine, project, daemon, source, word):
    result = engine.fail(f"FROM base\nADD {daemon}/{source} /x\n")
    assert word in result.stderr and ":2:" in result.stderr
    engine.verify()


def test_submodules(engine, repositories, daemon):
    repositories.make("inner")
    repositories.write("i", "I")
    repositories.commit()
    repositories.serve()
    repositories.make("outer")
    repositories.write("o", "O")
    repositories.git("submodule", "add", "-q", f"{daemon}/inner.git", "mod")
    repositories.commit()
    repositories.serve()
    built = engine.build(f"FROM base\nADD {daemon}/outer.git /x\nADD {daemon}/outer.git?submodules=false /y\n")
    assert built.tree.under("x") == [".gitmodules", "mod", "mod/i", "o"] and built.tree.under("y") == [".gitmodules", "mod", "o"]


def test_a_submodule_of_this_machine_is_refused(engine, repositories, daemon, tmp_path):
    repositories.make("private")
    repositories.write("secret", "secret")
    repositories.commit()
    for url in (str(repositories.work), f"file://{repositories.work}", f"ext::touch {tmp_path}/evil"):
        repositories.make("evil" + str(len(url)))
        repositories.git("init", "-q")
        (repositories.work / ".gitmodules").write_text(f'[submodule "m"]\n\tpath = m\n\turl = {url}\n')
        repositories.git("update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",m")
        repositories.git("add", ".gitmodules")
        repositories.git("commit", "-q", "-m", "c")
        repositories.serve()
        result = engine.fail(f"FROM base\nADD {daemon}/{repositories.work.name}.git /x\n")
        assert "E402" in result.stderr and not (tmp_path / "evil").exists()
        assert "not allowed" in result.stderr, result.stderr


def test_hooks_and_config_of_the_user_are_not_used(engine, project, daemon, tmp_path):
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/evil\n")
        os.chmod(hooks / name, 0o755)
    (home / ".gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n[init]\n\ttemplateDir = {home}\n")
    env = {"HOME": str(home), "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath",
           "GIT_CONFIG_VALUE_0": str(hooks)}
    assert engine.build(f"FROM base\nADD {daemon}/p.git /x\n", env=env).tree.text("x/f") == "three"
    assert not (tmp_path / "evil").exists()


def test_links_of_a_repository_lead_nowhere(engine, repositories, daemon, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("secret")
    repositories.make("links")
    (repositories.work / "up").symlink_to(tmp_path / "outside")
    repositories.commit()
    repositories.serve()
    assert engine.build(f"FROM base\nADD {daemon}/links.git /x\n").tree["x/up"].issym()
    assert "has no folder 'up'" in engine.fail(f"FROM base\nADD {daemon}/links.git#main:up /x\n").stderr
    assert (tmp_path / "outside/f").read_text() == "secret"


@needs_root
def test_without_git(engine, project, daemon):
    git = shutil.which("git")
    words = engine.command(*engine.words(f"FROM base\nADD {daemon}/p.git /x\n"))
    done = subprocess.run(["unshare", "-m", "sh", "-c", f'mount --bind /dev/null {git} && exec "$@"', "sh", *map(str, words)], capture_output=True, check=False)
    if b"mount" in done.stderr:
        pytest.skip("no mount namespace")
    assert done.returncode == 1 and b"git is not installed" in done.stderr and b"apt-get install" in done.stderr


def test_an_odd_path(engine, project, daemon):
    assert engine.build(f"FROM base\nADD {daemon}/p.git /x\n", env={"PATH": "/nowhere"}).tree.text("x/f") == "three"


def test_a_host_that_is_not_there(engine):
    for source in ("git://127.0.0.1:1/x.git", "http://127.0.0.1:1/x.git", "git@127.0.0.1:x.git", "ssh://git@127.0.0.1:1/x.git"):
        result = engine.fail(f"FROM base\nADD {source} /x\n")
        assert "E402" in result.stderr and f"fetch '{source}'" in result.stderr
