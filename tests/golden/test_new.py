# SPDX-License-Identifier: Apache-2.0
"""`new`: what it makes validates and renders, asked on a terminal or told by options; a refusal leaves nothing."""
import errno
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import time
import tomllib

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")
GUEST = REPO / "guest"
ENV = {**os.environ, "NO_COLOR": "1", "SOURCE_DATE_EPOCH": "1700000000"}


def capsem(*args, cwd, stdin=None):
    return subprocess.run([BUILDER, *args], cwd=cwd, capture_output=True, timeout=60, env=ENV, input=stdin,
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))


def new(cwd, *args, source=GUEST):
    return capsem("new", *args, "--from", str(source), "--non-interactive", cwd=cwd)


def check(guest):
    """It validates without a word, and both Dockerfiles come out of it."""
    done = capsem("validate", "--deny-warnings", guest.name, cwd=guest.parent)
    assert done.returncode == 0, done.stdout.decode()
    rendered = capsem("build", guest.name, "--dry-run", cwd=guest.parent)
    assert rendered.returncode == 0 and b"\nFROM " in rendered.stdout, rendered.stderr.decode()


def toml(path):
    return tomllib.loads(path.read_text())


def contents(folder):
    return {str(p.relative_to(folder)): (p.read_bytes(), os.access(p, os.X_OK)) for p in folder.rglob("*") if p.is_file()}


def image(guest):
    return toml(guest / "config/manifest.toml")["image"]


# ---- options ----

def test_all_of_it(tmp_path):
    done = new(tmp_path, "mine")
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    check(tmp_path / "mine")
    made, was = contents(tmp_path / "mine"), contents(GUEST)
    manifest, _ = made.pop("config/manifest.toml")
    was.pop("config/manifest.toml")
    assert made == {p: c for p, c in was.items() if p.split("/")[0] in ("config", "artifacts", "agent")}
    want = {"name": "mine", "version": "0.1.0", "description": image(GUEST)["description"],
            "changelog": [{"version": "0.1.0", "date": "2023-11-14", "changes": ["Made from capsem-default 0.1.0"]}]}
    assert tomllib.loads(manifest.decode())["image"] == want


@pytest.mark.parametrize("words, left", [(["-"], []), (["security"], ["security/web.toml"]),
                                         (["resources", "environment"], ["vm/environment.toml", "vm/resources.toml"])])
def test_parts_that_are_left_out_have_their_defaults(tmp_path, words, left):
    done = new(tmp_path, "mine", *(w for word in words for w in ("--part", word)), "--packages", "-")
    assert done.returncode == 0, done.stderr.decode()
    config = tmp_path / "mine/config"
    made = sorted(str(p.relative_to(config)) for f in ("security", "vm") for p in (config / f).rglob("*") if p.is_file())
    assert made == left
    check(tmp_path / "mine")


def test_a_certificate_from_beside_comes_along(tmp_path):
    shutil.copytree(GUEST, tmp_path / "project/guest")
    (tmp_path / "project/config").mkdir()
    (tmp_path / "project/guest/artifacts/capsem-ca.crt").rename(tmp_path / "project/config/capsem-ca.crt")
    done = new(tmp_path, "mine", source=tmp_path / "project/guest")
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "mine/artifacts/capsem-ca.crt").read_bytes() == (GUEST / "artifacts/capsem-ca.crt").read_bytes()
    check(tmp_path / "mine")


@pytest.mark.parametrize("place, line", [("project/crates/capsem-agent", None), ("project/guest/src/agent", 'guest_source = "src/agent"  # ours')])
def test_sources_of_guest_binaries_come_along(tmp_path, place, line):
    """From beside the other folder, or from where guest_source says; without what was compiled there."""
    shutil.copytree(GUEST, tmp_path / "project/guest")
    source = tmp_path / place
    source.parent.mkdir(parents=True)
    (tmp_path / "project/guest/agent").rename(source)
    (source / "Cargo.toml").write_text('[package]\nname = "agent"\n')
    (source / "target").mkdir()
    (source / "target/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    if line is not None:
        config = tmp_path / "project/guest/config/build.toml"
        config.write_text(config.read_text().replace("[build]\n", f"[build]\n{line}\n", 1))
    done = new(tmp_path, "mine", source=tmp_path / "project/guest")
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "mine/agent/Cargo.toml").exists() and not (tmp_path / "mine/agent/target").exists()
    text = (tmp_path / "mine/config/build.toml").read_text()
    assert ('guest_source = "agent"  # ours' in text) == (line is not None)
    check(tmp_path / "mine")


def test_an_unknown_part_is_refused(tmp_path):
    done = new(tmp_path, "mine", "--part", "securty")
    assert done.returncode == 1 and b"--part" in done.stderr and b"security" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_chosen_parts(tmp_path):
    done = new(tmp_path, "mine", "--name", "tools", "--image-version", "2.0", "--description", "just one",
               "--base", "debian:trixie-slim", "--arch", "arm64", "--ai-provider", "google", "--ai-provider", "openai",
               "--packages", "apt python_libs", "--mcp", "-")
    assert done.returncode == 0, done.stderr.decode()
    check(tmp_path / "mine")
    config = tmp_path / "mine/config"
    assert (image(tmp_path / "mine")["name"], image(tmp_path / "mine")["version"]) == ("tools", "2.0")
    want = toml(GUEST / "config/build.toml")
    del want["build"]["architectures"]["x86_64"]
    want["build"]["architectures"]["arm64"]["base_image"] = "debian:trixie-slim"
    assert toml(config / "build.toml") == want
    assert sorted(p.name for p in (config / "ai").iterdir()) == ["google.toml", "openai.toml"]
    assert os.listdir(config / "kernel") == ["arm64.defconfig"]
    assert (config / "vm/resources.toml").read_bytes() == (GUEST / "config/vm/resources.toml").read_bytes()
    assert not (config / "mcp").exists() or not list((config / "mcp").iterdir())


def test_parts_of_a_file(tmp_path):
    """Tables that are left out go with the comments above them; everything else stays byte for byte."""
    shutil.copytree(GUEST, tmp_path / "from")
    server = '[{0}]\nname = "{0}"\ntransport = "stdio"\ncommand = "x"\n'
    parts = ["# of the file\n\n", "# of a\n" + server.format("a") + '[a.env]\nK = """\n# text\n[b]\n"""\n\n',
             "# of b\n  # too\n" + server.format("b") + "\n", server.format("c")]
    (tmp_path / "from/config/mcp/local.toml").write_text("".join(parts))
    for chosen, want in [("b", [0, 2]), ("a", [0, 1]), ("c", [0, 3]), ("a,c", [0, 1, 3]), ("*", [0, 1, 2, 3])]:
        done = new(tmp_path, "to", "--force", "--mcp", chosen, source=tmp_path / "from")
        assert done.returncode == 0, done.stderr.decode()
        assert (tmp_path / "to/config/mcp/local.toml").read_text() == "".join(parts[i] for i in want)


def test_a_base_image_where_none_was_written(tmp_path):
    shutil.copytree(GUEST, tmp_path / "from")
    path = tmp_path / "from/config/build.toml"
    path.write_text(path.read_text().replace('base_image = "debian:bookworm-slim"\n', "", 1))
    done = new(tmp_path, "to", "--base", "debian:12", source=tmp_path / "from")
    assert done.returncode == 0, done.stderr.decode()
    assert {a["base_image"] for a in toml(tmp_path / "to/config/build.toml")["build"]["architectures"].values()} == {"debian:12"}
    check(tmp_path / "to")


NAMES = ['it\'s "quoted"', "back\\slash", "ünï cödé 名", "#no comment", "'''", '"""', "a]b=[c", "{{ x }}", "$(id)", "%s"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_quoted(tmp_path, name):
    done = new(tmp_path, name, "--description", name)
    assert done.returncode == 0, done.stderr.decode()
    assert (image(tmp_path / name)["name"], image(tmp_path / name)["description"]) == (name, name)
    check(tmp_path / name)
    hint = done.stdout.decode().splitlines()[2]
    shown = subprocess.run(["sh", "-c", hint.replace("capsem-builder", "printf %s", 1).replace(" validate", "", 1)],
                           capture_output=True, text=True)
    assert shown.stdout == name


BAD = [(["--name", "a\nb"], "--name: it is not one line of UTF-8 text"), (["--name", "a/b"], "--name: it contains a slash"),
       (["--name", ""], "--name: it is empty"), (["--name", b"\xff"], "--name: it is not one line of UTF-8 text"),
       (["--name", "\x1b[2J"], "--name: it is not one line"), (["--name", "x" * 201], "--name: it has more than 200"),
       (["--description", "a\rb"], "--description: it is not one line"), (["--image-version", "1/2"], "it contains a slash"),
       (["--base", "Not An Image"], "--base: "), (["--arch", "arm46"], "did you mean 'arm64'?"),
       (["--arch", "-"], "--arch: choose at least one"), (["--arch", "3"], "there is no '3'"),
       (["--mcp", ""], "--mcp: nothing was chosen"), (["--ai-provider", "\x1b[2J"], "there is no '?'"),
       (["--from", "nowhere"], "'nowhere' is not a folder"), (["a\nb"], "not one line of UTF-8 text"),
       ([b"\xfe"], "not one line of UTF-8 text"), ([""], "the folder name is empty")]


@pytest.mark.parametrize("args, why", BAD, ids=repr)
def test_refused(tmp_path, args, why):
    target = [] if not os.fsencode(args[0]).startswith(b"--") else ["mine"]
    source = [] if args[0] == "--from" else ["--from", str(GUEST)]
    done = capsem("new", *target, *args, *source, "--non-interactive", cwd=tmp_path)
    message = done.stderr.decode()
    assert done.returncode == 1 and message.startswith("error: new: ") and why in message, message
    assert len(message.splitlines()) == 1 and "\x1b" not in message and not done.stdout
    assert os.listdir(tmp_path) == []


# ---- what is there already ----

def test_what_is_there_stays(tmp_path):
    (tmp_path / "mine/config").mkdir(parents=True)
    done = new(tmp_path, "mine")
    assert done.returncode == 1 and b"'mine/config' already exists; --force replaces it" in done.stderr
    assert contents(tmp_path) == {}
    (tmp_path / "mine/notes").write_text("own")
    assert new(tmp_path, "mine", "--force").returncode == 0
    assert sorted(os.listdir(tmp_path / "mine")) == ["agent", "artifacts", "config", "notes"]


def test_not_into_itself(tmp_path):
    shutil.copytree(GUEST, tmp_path / "guest")
    was = contents(tmp_path)
    for target in ["guest", "guest/artifacts/new", "./guest/../guest/a/b"]:
        done = capsem("new", target, "--force", "--non-interactive", cwd=tmp_path)
        assert done.returncode == 1 and b"would be inside its source folder 'guest'" in done.stderr
    assert contents(tmp_path) == was


def test_links(tmp_path):
    shutil.copytree(GUEST, tmp_path / "from")
    (tmp_path / "outside").write_text("out")
    artifacts = tmp_path / "from/artifacts"
    (artifacts / "loop").symlink_to("loop")
    (artifacts / "beside").symlink_to("tips.txt")
    (artifacts / "away").symlink_to("../../outside")
    done = new(tmp_path, "deep/er/mine", source=tmp_path / "from")
    assert done.returncode == 0, done.stderr.decode()
    made = tmp_path / "deep/er/mine/artifacts"
    assert os.readlink(made / "loop") == "loop" and os.readlink(made / "beside") == "tips.txt"
    assert not (made / "away").is_symlink() and (made / "away").read_text() == "out"


def test_a_failure_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    done = new(tmp_path, "file/mine")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    shutil.copytree(GUEST, tmp_path / "from")
    os.mkfifo(tmp_path / "from/artifacts/pipe")
    done = new(tmp_path, "mine", source=tmp_path / "from")
    assert done.returncode == 1 and b"pipe' is neither a file" in done.stderr
    (tmp_path / "from/artifacts/pipe").unlink()
    path = tmp_path / "from/config/mcp/local.toml"
    path.write_text('a = { name = "a", transport = "stdio", command = "x" }\nb = { name = "b", transport = "stdio", command = "x" }\n')
    done = new(tmp_path, "mine", "--mcp", "b", source=tmp_path / "from")
    assert done.returncode == 1 and b"'a' cannot be left out: in '" in done.stderr, done.stderr
    path.write_text("[")
    done = new(tmp_path, "mine", source=tmp_path / "from")
    assert done.returncode == 1 and b"error: [E002]" in done.stderr
    limited = subprocess.run(["sh", "-c", f'ulimit -f 8; trap "" XFSZ; exec "$0" new mine --non-interactive --from {GUEST}', BUILDER],
                             cwd=tmp_path, capture_output=True, timeout=60, env=ENV)
    assert limited.returncode == 1, limited.stderr
    assert sorted(os.listdir(tmp_path)) == ["file", "from"]


# ---- a terminal ----

class Terminal:
    """The program on a terminal of its own; everything it shows is in `shown`."""

    def __init__(self, cwd, *args):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(BUILDER, [BUILDER, *args], ENV)

    def read(self, until=None):
        end = time.monotonic() + 120
        while (until is None or until not in self.shown[self.at:]) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError as e:
                    assert e.errno == errno.EIO
                    data = b""
                if not data:
                    assert until is None, self.shown
                    return
                self.shown += data.decode().replace("\r\n", "\n")
        assert time.monotonic() < end, self.shown

    def answer(self, question, text):
        """Waits for the question after what was seen last, types the answer."""
        self.read(question)
        self.at = self.shown.index(question, self.at) + len(question)
        os.write(self.fd, text.encode())

    at = 0

    def end(self):
        self.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_asked(tmp_path):
    t = Terminal(tmp_path, "new", "mine", "--from", str(GUEST))
    t.answer("Name of the image [mine]: ", "a/b\n")
    t.answer("error: it contains a slash\nName of the image [mine]: ", "my tools\n")
    t.answer("Version [0.1.0]: ", "\n")
    t.answer("]: ", 'one "line"\n')
    t.answer("Base image [debian:bookworm-slim]: ", "UPPER\n")
    t.answer("Base image [debian:bookworm-slim]: ", "debian:12\n")
    t.answer("Architectures\n    1  x86_64  linux/amd64\n    2  arm64   linux/arm64\nNumbers or names, * for all [*]: ", "-\n")
    t.answer("error: choose at least one\nNumbers or names, * for all [*]: ", "x86_64\n")
    t.answer("AI providers\n", "")
    t.answer("- for none [*]: ", "1, gogle\n")
    t.answer("error: there is no 'gogle', did you mean 'google'?\n", "1 google\n")
    t.answer("Package sets\n", "")
    t.answer("[*]: ", "*\n")
    t.answer("MCP servers\n", "")
    t.answer("[*]: ", "-\n")
    assert t.end() == 0, t.shown
    assert "created mine from" in t.shown
    guest = tmp_path / "mine"
    check(guest)
    assert (image(guest)["name"], image(guest)["description"]) == ("my tools", 'one "line"')
    build = toml(guest / "config/build.toml")["build"]["architectures"]
    assert list(build) == ["x86_64"] and build["x86_64"]["base_image"] == "debian:12"
    assert sorted(p.name for p in (guest / "config/ai").iterdir()) == ["anthropic.toml", "google.toml"]
    assert not list((guest / "config").glob("mcp/*"))


@pytest.mark.parametrize("key, code, why", [("\x03", 130, "interrupted; nothing was written"),
                                            ("\x04", 1, "the input ended before the answer to 'Version'")])
def test_left_at_a_question(tmp_path, key, code, why):
    t = Terminal(tmp_path, "new", "mine", "--from", str(GUEST))
    t.answer("Name of the image [mine]: ", "x\n")
    t.answer("Version [0.1.0]: ", key)
    assert t.end() == code and why in t.shown
    assert os.listdir(tmp_path) == []


def test_an_option_is_not_asked_for(tmp_path):
    args = ["--name", "n", "--image-version", "1", "--description", "", "--base", "debian:12", "--arch", "*", "--mcp", "*"]
    done = capsem("new", "mine", "--from", str(GUEST), *args, cwd=tmp_path, stdin=b"anthropic\n*\n")
    assert done.returncode == 0, done.stderr.decode()
    shown = done.stderr.decode()
    assert "AI providers" in shown and "Package sets" in shown and "Architectures" not in shown and "Version" not in shown
    assert os.listdir(tmp_path / "mine/config/ai") == ["anthropic.toml"] and image(tmp_path / "mine")["name"] == "n"


@pytest.mark.parametrize("answers", [b"", b"x\n1\n", b"x", b"\0\n", b"\xff\n" * 3, b"a" * 10000 + b"\n"], ids=repr)
def test_answers_that_end_early(tmp_path, answers):
    done = capsem("new", "mine", "--from", str(GUEST), cwd=tmp_path, stdin=answers)
    assert done.returncode == 1 and b"the input ended before the answer" in done.stderr
    assert os.listdir(tmp_path) == []


def test_killed_while_it_writes(tmp_path):
    """An interrupt at any moment leaves all or nothing."""
    shutil.copytree(GUEST, tmp_path / "from")
    for i in range(3000):
        (tmp_path / f"from/artifacts/f{i}").write_text("x")
    outcomes = set()
    for delay in [0.005, 0.01, 0.02, 0.04, 0.08]:
        p = subprocess.Popen([BUILDER, "new", "to", "--from", "from", "--non-interactive"], cwd=tmp_path, env=ENV,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        p.send_signal(signal.SIGINT)
        outcomes.add(p.wait(timeout=60))
        left = sorted(os.listdir(tmp_path))
        assert left in (["from"], ["from", "to"])
        if "to" in left:
            assert p.returncode == 0 and sorted(os.listdir(tmp_path / "to")) == ["agent", "artifacts", "config"]
            shutil.rmtree(tmp_path / "to")
    assert outcomes <= {0, 130, -2}
