# SPDX-License-Identifier: Apache-2.0
"""The embedded engine as a real ordinary user: with subordinate ids, with none, and where it is refused."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

import engine as engines
from engine import (BUILDER, OVERLAY_NAMES, Context, Engine, base_entries, base_tar, check_overlay_names, entry, mounts_below, needs_engine,  # noqa: F401
                    needs_root, processes_using, tar_bytes)
from ordinary_user import FIRST_ID, ordinary_user, set_ranges, drop_ranges

pytestmark = [*needs_engine, needs_root]
REPO = pathlib.Path(__file__).resolve().parents[2]
CAPABILITY = "\x01\x00\x00\x02\x00\x04" + "\x00" * 14

# One thing of each kind that is kept in another way in a user namespace.
EVERYTHING = """FROM base AS made
RUN echo x >/owned && chown 7:8 /owned && chmod 6755 /owned && ln /owned /twin && mkfifo -m 600 /fifo && ln -s nowhere /link
RUN mkdir -p /a/b/c && echo 1 >/a/b/c/1 && echo 2 >/a/b/2 && chown -R 1000:1000 /a && chmod 1777 /a/b
RUN rm -r /a/b && mkdir /a/b && echo new >/a/b/new && rm /etc/group
ADD capable.tar /added
COPY --chown=builder:50 f /copied
USER builder
RUN id -u >/tmp/who && touch /home/builder/mine
FROM made
USER 0
COPY --from=made / /again
RUN rm -r /again/bin /added/d
"""


class UserEngine(Engine):
    """Its program is run by the user."""

    def __init__(self, user, folder):
        folder.mkdir()
        os.chown(folder, user.uid, user.gid)
        super().__init__(folder / "store", folder)
        self.user, self.program = user, user.take(BUILDER)

    def command(self, *words):
        return [*self.user.prefix, str(self.program), *map(os.fspath, words), "--cache-dir", str(self.store)]

    def run(self, *words, env=None, **kwargs):
        return super().run(*words, env={"HOME": str(self.user.home), **(env or {})}, **kwargs)

    def import_base(self, base):
        path = self.scratch / "base.tar"
        path.write_bytes(base.read_bytes() if isinstance(base, pathlib.Path) else base)
        return self.run("image", "import", path, "base")


@pytest.fixture(scope="module")
def user():
    with ordinary_user() as made:
        yield made


@pytest.fixture(scope="module")
def single_user():
    with ordinary_user(single=True) as made:
        yield made


@pytest.fixture
def engine(user, request, base_tar):
    made = UserEngine(user, user.home / request.node.name)
    made.import_base(base_tar).check()
    return made


@pytest.fixture
def single(single_user, request):
    """Its base has files of root only."""
    made = UserEngine(single_user, single_user.home / request.node.name)
    entries = [(info, content) for info, content in base_entries() if info.uid == 0]
    made.import_base(tar_bytes(entries)).check()
    return made


def filled(path):
    context = Context(path)
    context.write("f", "F", mtime=1_234_567_890)
    attributes = {"SCHILY.xattr.user.note": "yes", "SCHILY.xattr.security.capability": CAPABILITY}
    context.write("capable.tar", tar_bytes([entry("d", kind=tarfile.DIRTYPE), entry("d/in", b"in"), entry(
        "ping", b"p", mode=0o755, pax_headers=attributes)]))
    return context


def outputs(builder, context):
    """Every form of the same result, as digests."""
    forms = {}
    for form in ("tar", "squashfs", "oci"):
        path = builder.scratch / f"out.{form}"
        words = builder.words(EVERYTHING, context, ["--output", f"type={form},dest={path}", "--metadata-file", builder.scratch / "meta.json"])
        builder.run(*words, env={"SOURCE_DATE_EPOCH": "1300000000"}).check()
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        forms[form] = [(str(p.relative_to(builder.scratch)), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]
    return forms


def test_the_bytes_are_those_of_root(engine, tmp_path, base_tar):
    ours = outputs(engine, filled(engine.scratch / "context"))
    root = Engine(tmp_path / "store", tmp_path)
    root.run("image", "import", base_tar, "base").check()
    assert ours == outputs(root, filled(tmp_path / "context"))
    tree = engines.Tree(engine.scratch / "out.tar")
    assert tree.owner("owned") == (7, 8) and tree.mode("owned") == 0o6755 and tree.owner("copied") == (1000, 50)
    assert tree.under("a") == ["b", "b/new"] and "etc/group" not in tree and "added/d" not in tree
    assert tree.xattr("added/ping", "security.capability") == CAPABILITY and tree.text("tmp/who") == "1000\n"


def test_on_disk_owners_are_the_subordinate_ids(engine):
    built = engine.build("FROM base\nRUN echo 1 >/f && chown 7:8 /f && echo 2 >/g\n")
    assert built.tree.owner("f") == (7, 8)
    layer = next(p for p in (engine.store / "layers").glob("*/fs/f")).parent
    first = (layer / "f").stat().st_uid - 6
    assert first >= FIRST_ID and (first - FIRST_ID) % 100_000 == 0 and (layer / "f").stat().st_gid == first + 7
    assert ((layer / "g").stat().st_uid, (layer / "g").stat().st_gid) == (engine.user.uid, engine.user.gid)
    engine.verify()
    assert "RUN echo 1" in engine.run("cache", "ls").check().stdout


def test_everything_can_be_removed_again(engine):
    engine.build("FROM base\nRUN mkdir -p /a/b && echo x >/a/b/c && chown -R 5:6 /a && chmod 0 /a/b /a\n")
    engine.run("image", "rm", "base").check()
    engine.run("cache", "prune", "--yes", "--images").check()
    assert engine.layers() == [] and os.listdir(engine.store / "trash") == []


def test_a_folder_of_output_is_the_users(engine):
    out = engine.scratch / "tree"
    engine.run(*engine.words("FROM base\nRUN echo 1 >/f && chown 7:8 /f\n", None, ["--output", f"type=dir,dest={out}"])).check()
    assert (out / "f").read_text() == "1\n" and {p.lstat().st_uid for p in out.rglob("*")} == {engine.user.uid}


def test_no_device_can_be_made(engine):
    result = engine.fail("FROM base\nRUN mknod /null c 1 3\n")
    assert "Operation not permitted" in result.stderr
    context = Context(engine.scratch / "context")
    context.write("a.tar", tar_bytes([entry("dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)]))
    result = engine.fail("FROM base\nADD a.tar /\n", context)
    assert "dev/null" in result.stderr and "an unprivileged user cannot create devices" in result.stderr
    assert engine.lines("FROM base\nRUN echo x >/dev/null && head -c 2 /dev/zero | wc -c && test -c /dev/tty && echo tty\n") == ["2", "tty"]


def test_attributes_of_root_are_refused(engine):
    context = Context(engine.scratch / "context")
    context.write("a.tar", tar_bytes([entry("f", b"", pax_headers={"SCHILY.xattr.trusted.note": "yes"})]))
    assert "'f' has the attribute 'trusted.note'" in engine.fail("FROM base\nADD a.tar /\n", context).stderr


def test_names_of_overlay_marks_are_no_marks(engine):
    check_overlay_names(engine.build(OVERLAY_NAMES))


def test_ids_beyond_the_range_are_refused(engine):
    context = Context(engine.scratch / "context")
    context.write("f")
    result = engine.fail("FROM base\nCOPY --chown=70000 f /f\n", context)
    assert "'/f' cannot belong to 70000:70000" in result.stderr and "--add-subuids" in result.stderr


def test_a_store_of_other_ids_is_refused(base_tar, tmp_path):
    with ordinary_user() as user:
        made = UserEngine(user, user.home / "engine")
        made.import_base(base_tar).check()
        words = made.words("FROM base\nRUN echo 1 >/f && chown 7:8 /f\n")
        made.run(*words).check()
        root = Engine(made.store, tmp_path).run("image", "ls")
        assert root.code == 1 and "was created with other user IDs" in root.stderr and "--cache-dir" in root.stderr
        drop_ranges(user.name)
        for change in (lambda: None, lambda: set_ranges(user.name, FIRST_ID + 99_900_000, 65536)):
            change()
            for refused in (words, ["image", "ls"], ["cache", "verify"], ["cache", "prune", "--yes"]):
                result = made.run(*refused)
                assert result.code == 1 and "its files would get the wrong owners" in result.stderr, result.stderr
                assert f"sudo rm -r '{made.store}'" in result.stderr


def test_a_store_of_root_is_refused(user, tmp_path, base_tar):
    made = UserEngine(user, user.home / "of-root")
    Engine(made.store, tmp_path).run("image", "import", base_tar, "base").check()
    for folder, _, names in os.walk(made.store):  # as after a chown -R by somebody who wants to help
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    result = made.run("image", "ls")
    assert result.code == 1 and "was created with other user IDs" in result.stderr


# --- one id -----------------------------------------------------------------------------------------------------------------------------

def test_one_id_builds_what_has_one_owner(single, tmp_path):
    dockerfile = "FROM base\nRUN echo 1 >/f && mkdir /d && chmod 2755 /d && rm /etc/group\nCOPY f /d/\nRUN --network=none id -u >/who\n"
    context, builds = Context(single.scratch / "context"), []
    context.write("f", "F", mtime=1_234_567_890)
    root = Engine(tmp_path / "store", tmp_path)
    root.run("image", "import", single.scratch / "base.tar", "base").check()
    for builder in (single, root):
        built = builder.build(dockerfile, context, env={"SOURCE_DATE_EPOCH": "1300000000"})
        assert built.tree.text("who") == "0\n"
        builds.append(built.tar_path.read_bytes())
    assert builds[0] == builds[1]
    single.verify()


def test_one_id_refuses_other_owners_by_name(single, base_tar):
    context = Context(single.scratch / "context")
    context.write("f")
    context.write("a.tar", tar_bytes([entry("shadow", b"", uid=0, gid=42)]))
    cases = [("COPY --chown=5:6 f /here/f", "'/here/f' cannot belong to 5:6"), ("ADD a.tar /", "'shadow' cannot belong to 0:42"),
             ("USER builder\nRUN id", "become group 1000"), ("USER builder\nWORKDIR /made", "'/made' cannot belong to 1000:1000")]
    for line, words in cases:
        result = single.fail(f"FROM base\n{line}\n", context)
        assert words in result.stderr and "--add-subuids" in result.stderr and "'uidmap'" in result.stderr, result.stderr
    result = single.import_base(base_tar)
    assert result.code == 1 and "'home/builder' cannot belong to 1000:1000" in result.stderr and "'uidmap'" in result.stderr
    assert "Invalid argument" in single.fail("FROM base\nRUN chown 5 /etc/passwd\n").stderr


# --- where it is refused, and what needs nothing -----------------------------------------------------------------------------------------

def test_a_newuidmap_without_rights(engine):
    words = ["setpriv", "--no-new-privs", "--", engine.program, "image", "ls", "--cache-dir", engine.store]
    done = engine.user.run(*words, capture_output=True, text=True)
    assert done.returncode == 1 and "newuidmap" in done.stderr and "map the ids of /etc/subuid" in done.stderr
    assert "the package 'uidmap'" in done.stderr


def test_a_newuidmap_that_is_gone(engine):
    """The store is fine: the first line says what is missing, and nothing advises to remove it."""
    hide = "for p in newuidmap newgidmap; do mount --bind /dev/null $(command -v $p); done; exec \"$@\""
    user = engine.user
    done = subprocess.run(["unshare", "--mount", "sh", "-c", hide, "sh", "setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups",
                           engine.program, "image", "ls", "--cache-dir", engine.store], capture_output=True, text=True)
    assert done.returncode == 1 and "rm -r" not in done.stderr
    assert done.stderr.startswith(f"error: newuidmap and newgidmap are not installed, and the store '{engine.store}'"), done.stderr
    assert "apt-get install uidmap" in done.stderr


def test_what_only_reads_needs_no_namespace(engine):
    store = engine.scratch / "none"
    guest = shutil.copytree(REPO / "examples/minimal", engine.scratch / "guest")
    for words in (["validate", guest], ["build", guest, "--dry-run"], ["inspect", guest]):
        done = engine.user.run("setpriv", "--no-new-privs", "--", engine.program, *words, "--cache-dir", store, capture_output=True, text=True)
        assert done.returncode == 0 and not store.exists(), done.stderr


@pytest.mark.parametrize("which, status, words", [("user", "pass", "an unprivileged user with a range of IDs"), ("single_user", "warn", "with one ID")])
def test_doctor_says_which(request, which, status, words):
    user = request.getfixturevalue(which)
    done = user.run(user.take(BUILDER), "doctor", "--json", "--cache-dir", user.home / "doctor", cwd=REPO, capture_output=True, text=True)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["rights"]["status"] == status and words in checks["rights"]["detail"]
    assert checks["sandbox"]["status"] == "pass", checks["sandbox"]
    assert (checks["rights"]["fix"] is None) == (status == "pass")


# --- killed -----------------------------------------------------------------------------------------------------------------------------

def test_killed_in_the_middle_of_a_step_nothing_is_left(engine):
    words = engine.words("FROM base\nRUN sleep 1000 & echo started; sleep 1000\n")
    process = subprocess.Popen(engine.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=engine.user.env())
    for line in process.stderr:
        if b"started" in line and b"output" in line:
            break
    assert len(processes_using(engine.store)) > 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    deadline = time.monotonic() + 120
    while (left := processes_using(engine.store)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == [] and mounts_below(engine.store) == []
    assert engine.lines("FROM base\nRUN echo again\n") == ["again"]
    engine.verify()
