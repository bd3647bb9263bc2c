# SPDX-License-Identifier: Apache-2.0
"""What builds share: cache mounts within a namespace, which is a folder's unless somebody names another; and what [build] of a
guest hands to its steps."""
import subprocess

import pytest

from engine import base_tar, context, engine, needs_engine  # noqa: F401
from test_engine_grow import Guest

pytestmark = needs_engine

WRITE = "FROM base\nRUN --mount=type=cache,{},target=/var/cache/apt echo poison >/var/cache/apt/evil.deb\n"
READ = "FROM base\nRUN --mount=type=cache,{},target=/var/cache/apt cat /var/cache/apt/evil.deb 2>/dev/null || echo nothing\n"


@pytest.fixture
def folders(tmp_path):
    made = [tmp_path / "mine", tmp_path / "foreign"]
    for folder in made:
        folder.mkdir()
    return made


@pytest.mark.parametrize("mount", ["readonly=false", "id=apt", "id=apt,sharing=locked", "id=apt,from=base,source=/etc"])
def test_a_cache_is_its_folders(engine, folders, mount):
    mine, foreign = folders
    engine.lines(WRITE.format(mount), foreign)
    assert engine.lines(READ.format(mount), mine) == ["nothing"]
    assert engine.lines(READ.format(mount), foreign) == ["poison"]


def test_a_folder_by_another_name_is_the_same(engine, folders, tmp_path):
    (tmp_path / "link").symlink_to(folders[0])
    engine.lines(WRITE.format("id=a"), tmp_path / "link")
    assert engine.lines(READ.format("id=a"), folders[0]) == ["poison"]


def test_no_id_reaches_another_namespace(engine, folders):
    """Whatever a foreign file has for an id: what follows it is not its to say."""
    mine, foreign = folders
    engine.lines(WRITE.format("id=apt"), foreign)
    name = subprocess.run(["ls", engine.store / "mounts"], capture_output=True, text=True).stdout
    for number in ("apt@amd64", f"apt@amd64 folder {foreign}", f"../{name.strip()}", name.strip()):
        assert engine.lines(READ.format(f'"id={number}"' if " " in number else f"id={number}"), mine) == ["nothing"]


def test_a_layer_that_was_made_with_a_foreign_cache_is_not_mine(engine, folders):
    """The same step has another key: what it took out of its cache is in it."""
    mine, foreign = folders
    steps = "FROM base\nRUN --mount=type=cache,target=/c cp /c/evil /evil 2>/dev/null || echo none >/evil\nRUN cat /evil\n"
    engine.lines("FROM base\nRUN --mount=type=cache,target=/c echo poison >/c/evil\n", foreign)
    assert engine.lines(steps, foreign) == ["poison"]
    assert engine.lines(steps, mine) == ["none"]
    assert engine.try_build(steps, mine).ran() == []


@pytest.mark.parametrize("option", [("--cache-namespace", "team"), ("--build-arg", "BUILDKIT_CACHE_MOUNT_NS=team")])
def test_whoever_builds_may_share(engine, folders, option):
    mine, foreign = folders
    engine.lines(WRITE.format("id=a"), foreign, "--cache-namespace", "team")
    assert engine.lines(READ.format("id=a"), mine, *option) == ["poison"]
    assert engine.lines(READ.format("id=a"), mine) == ["nothing"]


def test_a_dockerfile_may_not_say_so_itself(engine, folders):
    mine, foreign = folders
    engine.lines("ARG BUILDKIT_CACHE_MOUNT_NS=team\nFROM base\nARG BUILDKIT_CACHE_MOUNT_NS=team\n" + WRITE.format("id=a")[10:], foreign)
    assert engine.lines(READ.format("id=a"), mine, "--cache-namespace", "team") == ["nothing"]


def test_a_text_from_nowhere_shares_with_itself(engine):
    def run(text):
        done = subprocess.run(engine.command("image", "build", "-", "--progress", "plain"), input=text.encode(), capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stderr.decode()
    run(WRITE.format("id=a"))
    assert "nothing" in run(READ.format("id=a"))
    count = "FROM base\nRUN --mount=type=cache,target=/c echo x >>/c/n; wc -l </c/n; : $RANDOM\n"
    assert "| 1" in run(count)


# --- a guest ------------------------------------------------------------------------------------------------------------------------------

TEMPLATE = """FROM {{ arch.base_image }}
RUN --mount=type=cache,target=/c COMMAND
RUN cat /run/capsem/npmrc
"""


class Shared(Guest):
    def __init__(self, folder, store, command, build=""):
        folder.mkdir()
        super().__init__(folder, store)
        self.template(TEMPLATE.replace("COMMAND", command)).write(["true"], ())
        path = folder / "guest/config/build.toml"
        path.write_text(path.read_text().replace("[build]\n", f"[build]\n{build}\n"))

    def said(self, *args):
        return self.build(*args).stderr


def test_a_guest_has_its_own_caches(engine, tmp_path):
    foreign = Shared(tmp_path / "foreign", engine.store, "echo poison >/c/evil")
    mine = Shared(tmp_path / "mine", engine.store, "cat /c/evil || echo nothing")
    team = Shared(tmp_path / "team", engine.store, "cat /c/evil || echo nothing")
    foreign.build()
    assert '"line":"nothing"' in mine.said()
    foreign.build("--cache-namespace", "team")
    assert '"line":"poison"' in team.said("--cache-namespace", "team")


def test_a_guest_says_which_credentials_its_steps_see(engine, tmp_path, monkeypatch):
    (tmp_path / ".npmrc").write_text("//npm.test/:_authToken=TOP-token\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    guest = Shared(tmp_path / "a", engine.store, "true", 'host_credentials = ["npm"]\nstep_memory = "100M"')
    assert "TOP-token" in guest.said()
    assert "TOP-token" not in guest.said("--no-cache", "--credentials", "none")
    assert "TOP-token" not in Shared(tmp_path / "b", engine.store, "true").said("--no-cache")
    failed = Shared(tmp_path / "c", engine.store, "tail /dev/zero", 'step_memory = "100M"').build(check=False)
    if "its limit is" not in failed.stderr and failed.returncode == 0:
        pytest.skip("no memory control group here")
    assert "ran out of memory" in failed.stderr and "its limit is 100 MB" in failed.stderr


def test_why_looks_at_the_same_layers(engine, tmp_path):
    guest = Shared(tmp_path / "a", engine.store, "true")
    guest.build()
    assert {how for how, _ in guest.why()} == {"cached"}
