# SPDX-License-Identifier: Apache-2.0
"""The scripts of `completions` complete: asked in each shell, and typed with a tab into real ones."""
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest

BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")

SHELLS = ["bash", "zsh", "fish"]


def needs(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def builder(*args):
    return subprocess.run([BUILDER, *args], capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completions")
    for shell in SHELLS:
        (folder / shell).write_text(builder("completions", shell))
    return folder


@pytest.fixture
def here(tmp_path):
    (tmp_path / "a folder" / "inside").mkdir(parents=True)
    (tmp_path / "a file.tar").write_text("")
    return tmp_path


def complete_bash(scripts, line, cwd):
    """What bash offers after the line, whose last word is being typed."""
    words = re.split(r"[ ]+|(?==)|(?<==)", line)  # readline splits at "=" too
    script = (f"source {shlex.quote(str(scripts / 'bash'))}; COMP_WORDS=({shlex.join(words)}); "
              f"COMP_CWORD={len(words) - 1}; _capsem_builder; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return {word: "" for word in done.stdout.splitlines() if word}


def complete_fish(scripts, line, cwd):
    """The same in fish, with descriptions."""
    script = f"source {shlex.quote(str(scripts / 'fish'))}; complete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=30,
                          env={**os.environ, "HOME": str(cwd)})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return dict(([*line.split("\t"), ""])[:2] for line in done.stdout.splitlines())


ASK = {"bash": complete_bash, "fish": complete_fish}


@pytest.mark.parametrize("shell", SHELLS)
def test_syntax(scripts, shell):
    needs(shell)
    done = subprocess.run([shell, "-n", scripts / shell], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bash_is_clean(scripts):
    needs("shellcheck")
    done = subprocess.run(["shellcheck", "-s", "bash", scripts / "bash"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def commands():
    listed = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +(.*)$", builder("--help").split("Options:")[0], re.M)
    assert len(listed) > 10
    return dict(listed)


def options(command):
    return set(re.findall(r"^ .*?(--[a-z-]+)", builder(*command.split(), "--help").split("\nOptions:\n")[1], re.M))


@pytest.mark.parametrize("shell", ASK)
def test_every_command_and_option(scripts, here, shell):
    needs(shell)
    known = commands()
    first = ASK[shell](scripts, "capsem-builder ", here)
    assert set(first) - {"-h", "--help", "--version"} == {name.split()[0] for name in known}
    for name, summary in known.items():
        if shell == "fish" and " " not in name:
            assert first[name] == summary
        if " " in name:
            group, word = name.split()
            assert word in ASK[shell](scripts, f"capsem-builder {group} ", here)
        assert set(ASK[shell](scripts, f"capsem-builder {name} --", here)) == options(name), name


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize("line, want", [
    ("capsem-builder val", {"validate"}),
    ("capsem-builder image ", {"build", "export", "import", "ls", "pull", "push", "rm"}),
    ("capsem-builder build --template ", {"all", "kernel", "rootfs"}),
    ("capsem-builder build --no-cache --template k", {"kernel"}),
    ("capsem-builder build --dry", {"--dry-run"}),
    ("capsem-builder explain E00", {f"E00{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9)}),
    ("capsem-builder schema ", {"ai", "build", "environment", "manifest", "mcp", "packages", "resources", "web"}),
    ("capsem-builder add ", {"ai-provider", "mcp", "packages"}),
    ("capsem-builder add packages ", set()),
    ("capsem-builder build --kernel-version ", set()),
    ("capsem-builder nothing ", set()),
    ("capsem-builder nothing --", set()),
])
def test_words(scripts, here, shell, line, want):
    needs(shell)
    got = ASK[shell](scripts, line, here)
    assert set(got) - {"-h", "--help"} == want


@pytest.mark.parametrize("shell, folder", [("bash", "a folder"), ("fish", "a\\ folder/")])
def test_files_and_folders(scripts, here, shell, folder):
    needs(shell)
    ask = ASK[shell]
    for line in ("capsem-builder build ", "capsem-builder build --arch x86_64 ", "capsem-builder build --output ",
                 "capsem-builder image build "):
        got = {w.replace("\\ ", " ").rstrip("/") for w in ask(scripts, line, here)}
        assert got == {"a folder"}, line
    for line in ("capsem-builder image import ", "capsem-builder image build --file ", "capsem-builder render "):
        got = {w.replace("\\ ", " ").rstrip("/") for w in ask(scripts, line, here)}
        assert got == {"a folder", "a file.tar"}, line


def test_bash_counts_arguments(scripts, here):
    assert not complete_bash(scripts, "capsem-builder build --template=all guest ", here)
    assert complete_bash(scripts, "capsem-builder build --template=all ", here) == {"a folder": ""}
    assert set(complete_bash(scripts, "capsem-builder build --template=", here)) == {"rootfs", "kernel", "all"}
    assert set(complete_bash(scripts, "capsem-builder build --template=k", here)) == {"kernel"}
    assert not complete_bash(scripts, "capsem-builder run ls ", here)


def typed(argv, lines, cwd):
    """What a shell on a terminal prints when the lines are typed into it, one after the other's answer."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.update(TERM="dumb", HOME=str(cwd), PS1="> ", LC_ALL="C.UTF-8")
        os.execvp(argv[0], argv)
    seen = b""
    try:
        for number, line in enumerate([*lines, None]):
            os.write(fd, b"echo reply-$((%d+0))\n" % number)
            wanted, end = b"\nreply-%d\r" % number, time.monotonic() + 120
            while wanted not in seen and time.monotonic() < end:
                if select.select([fd], [], [], 0.2)[0]:
                    seen += os.read(fd, 65536)
            assert wanted in seen, seen.decode(errors="replace")
            if line is not None:
                os.write(fd, line.encode())
                time.sleep(0.2)
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
    return seen.decode(errors="replace")


SHOW = "capsem-builder() { printf 'got<%s>' \"$@\"; echo; }\n"


def test_typed_into_bash(scripts, here):
    shown = typed(["bash", "--norc", "--noprofile", "-i"],
                  [SHOW, f"source {scripts / 'bash'}\n", "capsem-builder im\tb\t--net\tho\ta\t\n"], here)
    assert "got<image>got<build>got<--network>got<host>got<a folder/>" in shown


def test_typed_into_zsh(scripts, here):
    needs("zsh")
    shown = typed(["zsh", "-f", "-i"],
                  ["autoload -U compinit; compinit -D -u\n", SHOW,
                   f"source {scripts / 'zsh'}\n", "capsem-builder im\tb\t--net\tho\ta\t\n",
                   "capsem-builder explain E30\t4\n"], here)
    assert "got<image>got<build>got<--network=host>got<a folder>" in shown
    assert "got<explain>got<E304>" in shown
