# SPDX-License-Identifier: Apache-2.0
"""Package sets that grow: which lines are rendered, when one is given up, and what --why says. The template is one of these
tests, whose "packages" are lines of a file; with real package managers: test_engine_grow_bytes.py."""
import json
import os
import shutil
import subprocess

import pytest

from engine import BUILDER, base_tar, engine, needs_engine  # noqa: F401 (fixtures)

pytestmark = needs_engine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]

TEMPLATE = """{% macro install(list) %}
RUN <<'END'
set -e
{% for package in list %}
[ {{ package }} != conflict ] || [ ! -e /list ] || { echo "{{ package }} would remove others"; exit 9; }
[ {{ package }} != broken ]
case {{ package }} in
broken-*) grep -qsw {{ package[7:] }} /list || { echo "comes before {{ package[7:] }}"; exit 8; }
    echo "{{ package }}: 404"
    exit 22 ;;
needs-*) grep -qw {{ package[6:] }} /list ;;
esac
{% endfor %}
echo {{ list | join(" ") }} >>/list
END
{% endmacro %}
FROM {{ arch.base_image }}
{{ install(apt_first) -}}
{% for set in package_sets if set.first %}
{{ install(set.first) -}}
{% endfor %}
{% for set in additions %}
# Added to {{ set.name }}
{{ install(set.packages) -}}
{% endfor %}
COPY banner.txt /etc/banner.txt
RUN sed 's/ /\\n/g' /list >/list.lines && sort -o /list /list.lines && rm /list.lines
"""
# It knows nothing of lines that are added.
PLAIN_TEMPLATE = """FROM {{ arch.base_image }}
RUN echo {{ apt_packages | join(" ") }} {% for set in package_sets %}{{ set.packages | join(" ") }}{% endfor %} >/list
"""


def package_set(key, name, packages, command="apt-get install -y"):
    return (f'[{key}]\nname = "{name}"\nmanager = "apt"\ninstall_cmd = "{command}"\npackages = {json.dumps(packages)}\n'
            f'[{key}.network]\nname = "{key}"\ndomains = ["*.example.org"]\n')


class Guest:
    def __init__(self, folder, store):
        self.folder, self.store = folder, store
        shutil.copytree(os.path.join(ROOT, "examples/minimal"), folder / "guest")
        build = folder / "guest/config/build.toml"
        build.write_text(build.read_text().replace("debian:bookworm-slim", "base").replace('"capsem-pty-agent"', ""))
        self.template(TEMPLATE)
        self.write(["a", "b"])

    def template(self, text):
        (self.folder / "templates").mkdir(exist_ok=True)
        (self.folder / "templates/Dockerfile.rootfs.j2").write_text(text)
        return self

    def write(self, apt, tools=("t",)):
        text = package_set("apt", "System packages", apt) + (package_set("tools", "Tools", list(tools)) if tools else "")
        (self.folder / "guest/config/packages/apt.toml").write_text(text)
        return self

    def run(self, *args):
        env = {**os.environ, "CAPSEM_CACHE_DIR": str(self.store), "NO_COLOR": "1"}
        return subprocess.run([BUILDER, "build", "guest", "--arch", ARCH, "--template", "rootfs", "--templates", "templates",
                               *args], cwd=self.folder, env=env, capture_output=True, text=True, timeout=120)

    def build(self, *args, check=True):
        done = self.run("--progress", "json", *args)
        assert not check or done.returncode == 0, done.stderr
        return done

    def lines(self, *args):
        """What each RUN line of the Dockerfile would install."""
        done = self.run("--dry-run", *args)
        assert done.returncode == 0, done.stderr
        return [line[5:-8] for line in done.stdout.splitlines() if line.startswith("echo ")]

    def why(self, *args):
        """(cached or runs, reason) of each step that would be."""
        done = self.run("--dry-run", "--why", *args)
        assert done.returncode == 0, done.stderr
        words = [line.split(None, 1) for line in done.stderr.splitlines()]
        assert [w[0] for w in words[1::2]] == ["why"] * (len(words) // 2), done.stderr
        return [(step[0], why[1]) for step, why in zip(words[::2], words[1::2])]

    def packages(self):
        """What is in the image."""
        image = self.folder / "assets" / ARCH / "rootfs.squashfs"
        return subprocess.run(["unsquashfs", "-cat", image, "list"], check=True, capture_output=True, text=True).stdout.split()



def results(done):
    return [e["result"] for e in map(json.loads, done.stderr.splitlines()) if e["event"] == "end"]


def reasons(done):
    return [e["why"] for e in map(json.loads, done.stderr.splitlines()) if e["event"] == "end"]


@pytest.fixture
def guest(tmp_path, engine):
    return Guest(tmp_path, engine.store)


@pytest.fixture
def built(guest):
    guest.build()
    return guest


def test_without_a_build_there_is_one_line(guest):
    assert guest.lines() == ["a b", "t"]
    assert guest.why() == [("runs", "this store has no earlier build of the guest folder")]


def test_what_is_added_has_a_line_of_its_own(built):
    built.write(["new", "a", "b"])
    assert built.lines() == ["a b", "t", "new"]
    assert results(built.build()) == ["cached", "cached", "done", "done", "done"]
    assert built.packages() == ["a", "b", "new", "t"]
    assert results(built.build()) == ["cached"] * 5
    # the next one comes after it, whatever set it is of
    built.write(["new", "a", "b"], ["t", "u"])
    assert built.lines() == ["a b", "t", "new", "u"]
    assert results(built.build()) == ["cached", "cached", "cached", "done", "done", "done"]
    assert built.packages() == ["a", "b", "new", "t", "u"]


def test_taken_out_again_it_costs_nothing(built):
    first = (built.folder / "assets" / ARCH / "rootfs.squashfs").read_bytes()
    built.write(["a", "b", "new"]).build("--output", "other")
    assert results(built.write(["a", "b"]).build()) == ["cached"] * 4
    assert (built.folder / "assets" / ARCH / "rootfs.squashfs").stat().st_size == len(first)
    assert built.packages() == ["a", "b", "t"]


def test_a_set_that_is_new_is_an_addition(guest):
    guest.write(["a"], ()).build()
    guest.write(["a"])
    assert guest.lines() == ["a", "t"]
    assert guest.why()[1] == ("runs", "package set 'Tools' is new, with 't'")
    assert results(guest.build()) == ["cached", "done", "done", "done"]
    assert guest.packages() == ["a", "t"]


@pytest.mark.parametrize("apt, tools, lines", [
    (["b", "new"], ["t", "u"], ["b new", "t u"]),       # one was removed: what is behind it runs anyway
    (["b", "a", "new"], ["t"], ["b a new", "t"]),       # another order
    (["a", "b", "x"], ["s"], ["a b", "x", "s"]),        # the other set, which may need what was added to the first
])
def test_what_is_no_growth_is_one_line(built, apt, tools, lines):
    built.write(apt, tools)
    assert built.lines() == lines
    built.build()
    assert built.packages() == sorted(apt + tools)


@pytest.mark.parametrize("option", ["--fresh", "--no-cache"])
def test_one_line_when_asked_for(built, option):
    built.write(["a", "b", "new"]).build()
    assert built.lines() == ["a b", "t", "new"]
    assert built.lines(option) == ["a b new", "t"]
    built.build(option)
    assert built.packages() == ["a", "b", "new", "t"]
    assert built.lines() == ["a b new", "t"], "the fresh line is the one that the next build leaves"


def test_another_base_or_command_is_one_line(built, engine, base_tar):  # noqa: F811
    built.write(["a", "b", "new"])
    changed = TEMPLATE.replace("set -e\n", "set -eu\n")
    assert built.template(changed).lines() == ["a b new", "t"]
    built.template(TEMPLATE)
    assert built.lines() == ["a b", "t", "new"]
    other = engine.build("FROM base\nRUN echo >/more\n")
    engine.run("image", "import", other.tar_path, "base").check()
    assert built.lines() == ["a b new", "t"]
    assert results(built.build()) == ["done"] * 4
    assert built.packages() == ["a", "b", "new", "t"]


def lose_layer(guest, engine, step):  # noqa: F811
    """Of a step of the last build, counted from 1."""
    report = json.loads((guest.folder / "assets" / ARCH / "build.json").read_text())
    steps = report["templates"]["rootfs"]["steps"]
    shutil.rmtree(engine.store / "layers" / steps[step - 1]["key"])


def test_a_layer_that_is_gone_is_not_built_upon(built, engine):
    built.write(["a", "b", "new"], ["t", "u"])
    lose_layer(built, engine, 2)
    assert built.lines() == ["a b", "new", "t u"]
    lose_layer(built, engine, 1)
    assert built.lines() == ["a b new", "t u"]
    built.build()
    assert built.packages() == ["a", "b", "new", "t", "u"]


def test_additions_that_are_gone_are_put_together(built, engine):
    built.write(["a", "b", "c"]).build()
    built.write(["a", "b", "c", "d"]).build()
    lose_layer(built, engine, 3)
    built.write(["a", "b", "c", "d", "e"])
    assert built.lines() == ["a b", "t", "c d e"]


def test_a_build_that_fails_changes_nothing(built):
    built.write(["a", "b", "broken"])
    done = built.build(check=False)
    assert done.returncode == 1
    built.write(["a", "b", "new"])
    assert built.lines() == ["a b", "t", "new"]
    assert results(built.build())[:3] == ["cached", "cached", "done"]


def test_what_cannot_be_added_is_installed_with_the_rest(built):
    """In one line "conflict" is fine, as other packages would be chosen for it."""
    built.write(["a", "b", "conflict"], ["t", "u"])
    done = built.build()
    notices = [e["text"] for e in map(json.loads, done.stderr.splitlines()) if e["event"] == "notice"]
    assert notices == ["the packages added to 'System packages' could not be installed on top of the existing ones: "
                       "installing the whole set in one step"]
    assert built.packages() == ["a", "b", "conflict", "t", "u"]
    assert built.lines() == ["a b conflict", "t u"], "what comes after it runs anyway"
    assert results(built.build()) == ["cached"] * 4


def test_what_needs_an_addition_comes_after_it(built):
    """A set whose own line changed needs what an earlier set has just gained, or gained some builds ago."""
    built.write(["a", "b", "new"], ["needs-new"])
    assert built.lines() == ["a b", "new", "needs-new"]
    assert results(built.build()) == ["cached", "done", "done", "done", "done"]
    assert built.packages() == ["a", "b", "needs-new", "new"]
    assert results(built.build("--why")) == ["cached"] * 5
    built.write(["a", "b", "new"], ["t"])
    built.build()
    built.write(["a", "b", "new", "newer"], ["t", "needs-newer"])
    assert results(built.build()) == ["cached"] * 3 + ["done"] * 4
    built.write(["a", "b", "new", "newer"], ["needs-newer"])
    built.build()
    built.build("--fresh")
    assert built.lines() == ["a b new newer", "needs-newer"]


def test_why_says_that_a_set_moved(built):
    built.write(["a", "b", "new"], ["needs-new"])
    assert built.why()[2] == ("runs", "'t' was removed from, and 'needs-new' was added to package set 'Tools', "
                                      "which is installed as a whole")


def test_a_set_that_lost_its_layer_comes_after_additions(built, engine):
    built.write(["a", "b", "new"])
    lose_layer(built, engine, 2)
    assert built.lines() == ["a b", "new", "t"]
    assert built.why()[2] == ("runs", "it builds on step 2, which ran")
    built.build()
    assert built.packages() == ["a", "b", "new", "t"]


def test_what_fails_twice_names_the_first_cause(built):
    """The order stays, so the second attempt has what the first had."""
    built.write(["a", "b", "new"], ["t", "broken-new"])
    done = built.run("--progress", "plain")
    assert done.returncode == 1
    assert done.stderr.count("broken-new: 404") == 2 and "comes before" not in done.stderr
    assert "installing the whole set in one step" in done.stderr
    built.write(["a", "b", "new"], ["broken-new"])
    done = built.run("--progress", "plain")
    assert done.returncode == 1
    assert done.stderr.count("broken-new: 404") == 1, "it was in one line already"


def test_a_second_attempt_that_fails_in_another_way(built):
    built.write(["a", "b", "conflict", "broken-none"])
    done = built.run("--progress", "plain")
    assert done.returncode == 1
    assert ("the first attempt, on top of the existing packages, also failed: the step exited with status 9: conflict would remove "
            "others") in done.stderr
    assert "the step exited with status 8" in done.stderr


def test_a_template_that_does_not_know_has_the_whole_list(guest):
    guest.template(PLAIN_TEMPLATE)
    guest.build()
    guest.write(["a", "b", "new"], ["t", "u"])
    done = guest.run("--dry-run")
    assert "RUN echo a b new t u >/list" in done.stdout
    guest.build("--why")
    assert guest.packages() == ["a", "b", "new", "t", "u"]


def test_a_broken_record_is_none(built, engine):
    built.write(["a", "b", "new"])
    for name in os.listdir(engine.store / "results"):
        (engine.store / "results" / name).write_text('{"first": [["apt", 5')
    assert built.lines() == ["a b new", "t"]
    built.build()
    assert built.packages() == ["a", "b", "new", "t"]


def test_other_folders_have_their_own(built, tmp_path):
    shutil.copytree(built.folder / "guest", built.folder / "copy")
    built.write(["a", "b", "new"])
    shutil.copy(built.folder / "guest/config/packages/apt.toml", built.folder / "copy/config/packages/apt.toml")
    (built.folder / "guest").rename(built.folder / "away")
    (built.folder / "copy").rename(built.folder / "elsewhere")
    (built.folder / "guest").symlink_to("elsewhere")
    assert built.lines() == ["a b new", "t"]
    (built.folder / "guest").unlink()
    (built.folder / "away").rename(built.folder / "guest")
    assert built.lines() == ["a b", "t", "new"]


# ---- --why ----

def test_why_says_what_was_added(built):
    built.write(["a", "b", "new", "newer"], ["t", "u"])
    expected = [
        ("cached", "2 packages of 'System packages' stay installed; added packages have their own step below"),
        ("cached", "1 package of 'Tools' stays installed; added packages have their own step below"),
        ("runs", "'new' and 'newer' were added to package set 'System packages'; 2 others come from the cache"),
        ("runs", "'u' was added to package set 'Tools'; 1 other comes from the cache"),
        ("runs", "it builds on step 4, which ran"),
        ("runs", "it builds on step 4, which ran"),
    ]
    assert built.why() == expected
    assert reasons(built.build("--why")) == [f"{how}: {reason}" for how, reason in expected]
    assert built.why() == [
        expected[0], expected[1], *[("cached", "its inputs are unchanged")] * 4]


def test_why_says_what_was_removed_and_more(built):
    built.write(["a", "x"])
    assert built.why()[0] == ("runs", "'b' was removed from, and 'x' was added to package set 'System packages', "
                                      "which is installed as a whole")
    assert built.why()[1] == ("runs", "it builds on step 1, which ran")
    assert built.why("--no-cache") == [("runs", "--no-cache")] * 4
    built.write(["a", "b", *[f"p{i}" for i in range(9)]])
    assert built.why()[2][1].startswith("'p0', 'p1', 'p2', 'p3' and 5 others were added to")


def test_why_knows_files_texts_and_lost_layers(built, engine):
    (built.folder / "guest/artifacts").rename(built.folder / "artifacts")
    shutil.copytree(built.folder / "artifacts", built.folder / "guest/artifacts")
    banner = built.folder / "guest/artifacts/banner.txt"
    banner.write_text("another\n")
    assert reasons(built.build("--why"))[2:] == ["runs: 'banner.txt' changed", "runs: it builds on step 3, which ran"]
    lose_layer(built, engine, 2)
    assert built.why()[1:] == [("runs", "unchanged, but its layer is no longer in the store")] + [
        ("runs", "it builds on step 2, which ran")] * 2
    assert built.template(TEMPLATE + "RUN echo\n").why()[-1] == ("runs", "the instruction is new, or its text changed")


def test_why_in_a_log(built):
    done = built.write(["a", "b", "new"]).run("--progress", "plain", "--why")
    lines = done.stderr.splitlines()
    assert "     why  runs: 'new' was added to package set 'System packages'; 2 others come from the cache" in lines
    assert lines.count("     why  runs: it builds on step 3, which ran") == 2


def test_a_dry_run_makes_no_store(guest, tmp_path):
    done = guest.run("--dry-run", "--why", "--cache-dir", str(tmp_path / "none"))
    assert done.returncode == 0 and not (tmp_path / "none").exists()


def test_a_build_that_did_nothing_leaves_the_record(built):
    """build.json tells how the assets came to be: how long that took, and what ran."""
    path = built.folder / "assets" / ARCH / "build.json"
    before = path.read_bytes()
    assert json.loads(before)["templates"]["rootfs"]["steps"]
    built.build()
    assert path.read_bytes() == before
    shutil.rmtree(built.folder / "assets")
    built.build()
    assert path.exists() and path.read_bytes() != before


def test_why_in_a_copied_folder(built):
    """Its layers are in the store, though it has no earlier build."""
    assert {what for what, _ in built.why()} == {"cached"}
    copy = built.folder / "copy"
    for name in ("guest", "templates"):
        shutil.copytree(built.folder / name, copy / name)
    built.folder = copy
    assert {what for what, _ in built.why()} == {"cached"}
