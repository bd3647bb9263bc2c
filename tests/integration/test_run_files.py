# SPDX-License-Identifier: Apache-2.0
"""`run` with files and input: --copy-in, --copy-out, --stdin, --env, --scratch, against a QEMU that is played (fake_qemu.py):
the guest's paths are paths below a folder of the test's own."""
import os
import stat
import subprocess
import threading

import pytest

from test_run import AGENT, PROGRAM, Place, Terminal

pytestmark = pytest.mark.skipif(not (os.access(PROGRAM, os.X_OK) and os.access(AGENT, os.X_OK)),
                                reason="CAPSEM_BUILDER or CAPSEM_AGENT names no program")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def there(tmp_path):
    """The guest's side."""
    folder = tmp_path / "guest side"
    folder.mkdir()
    return folder


def run(place, *words, options=(), data=None, **env):
    done = subprocess.run(place.command(*words, options=("--accel", "tcg", *options)), cwd=place.path, input=data,
                          env=dict(place.env, FAKE_QEMU="guest", **env), capture_output=True, timeout=60)
    assert b"Sanitizer" not in done.stderr, done.stderr.decode()
    place.nothing_is_left()
    return done.returncode, done.stdout, done.stderr.decode()


# -- in ----------------------------------------------------------------------------------------------------------------------


def test_a_file_in(place, there):
    tool = place.path / "tool: one"
    tool.write_bytes(b"#!/bin/sh\necho ran \"$@\"\n")
    tool.chmod(0o755)
    (there / "bin").mkdir()
    options = [f"--copy-in={tool}:{there}/new/folder/tool", f"--copy-in={tool}:{there}/bin", f"--copy-in={tool}:{there}/other/"]
    assert run(place, f"'{there}/new/folder/tool' x", options=options) == (0, b"ran x\n", "")
    assert (there / "bin/tool: one").read_bytes() == (there / "other/tool: one").read_bytes() == tool.read_bytes()


def test_a_large_file_in(place, there):
    large = place.path / "large"
    large.write_bytes(os.urandom(20 << 20))
    code, out, _ = run(place, f"cmp '{there}/large' '{large}' && echo same", options=[f"--copy-in={large}:{there}/large"])
    assert (code, out) == (0, b"same\n")


def test_a_folder_in(place, there):
    source = place.path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/file").write_text("text")
    (source / "link").symlink_to("deep/er/file")
    (source / "empty").mkdir()
    os.mkfifo(source / "pipe")
    assert run(place, f"cd '{there}/got' && cat link && ls", options=[f"--copy-in=source:{there}/got"]) == (
        0, b"textdeep\nempty\nlink\npipe\n", "")


@pytest.mark.parametrize("text,words", [
    ("x", ["--copy-in", "'x' does not have the form HOST:GUEST", "help:"]), (":/x", ["not have the form HOST:GUEST"]), ("x:y", ["not have the form HOST:GUEST"]),
    ("missing:/x", ["--copy-in", "'missing'", "No such file"]), ("/dev/null:/x", ["neither a file nor a folder"])])
def test_in_refused_before_a_boot(place, text, words):
    code, out, err = run(place, "true", options=["--copy-in", text])
    assert code == 1 and all(word in err for word in words) and err.count("error:") == 1, err
    assert place.started() == []


def test_in_that_fails_in_the_guest_runs_nothing(place, there):
    (there / "file").write_text("")
    (place.path / "x").write_text("x")
    code, out, err = run(place, f"touch '{there}/ran'", options=[f"--copy-in=x:{there}/file/below"])
    assert code == 1 and "copy 'x' to" in err and "exit code" in err and not (there / "ran").exists(), err


# -- out ---------------------------------------------------------------------------------------------------------------------


def test_files_out(place, there):
    command = f"cd '{there}' && echo a >plain && echo b >tool && chmod 755 tool && mkdir -p d/e && echo c >d/e/f && exit 3"
    (place.path / "into").mkdir()
    options = [f"--copy-out={there}/plain:copy", f"--copy-out={there}/tool:into", f"--copy-out={there}/d:folder"]
    assert run(place, command, options=options) == (3, b"", "")
    assert (place.path / "copy").read_text() == "a\n" and (place.path / "folder/e/f").read_text() == "c\n"
    assert os.access(place.path / "into/tool", os.X_OK) and not os.access(place.path / "copy", os.X_OK)


def test_what_comes_out_lends_nothing(place, there):
    command = f"cd '{there}' && mkdir d && cd d && cp /bin/true s && chmod 6755 s && mkfifo p && ln -s /etc/passwd l && echo x >f"
    assert run(place, command, options=[f"--copy-out={there}/d:got"])[0] == 0
    got = place.path / "got"
    assert sorted(os.listdir(got)) == ["f", "l", "s"]
    assert stat.S_IMODE((got / "s").stat().st_mode) == 0o755 and os.readlink(got / "l") == "/etc/passwd"


def test_out_that_is_not_there(place, there):
    code, out, err = run(place, "echo done", options=[f"--copy-out={there}/nothing:x"])
    assert (code, out) == (1, b"done\n") and f"there is no file '{there}/nothing'" in err and not (place.path / "x").exists()
    assert run(place, "exit 9", options=[f"--copy-out={there}/nothing:x"])[0] == 9


def test_out_to_a_folder_that_is_full(place, there):
    (place.path / "full").mkdir()
    (place.path / "full/mine").write_text("mine")
    code, _, err = run(place, f"mkdir '{there}/d'", options=[f"--copy-out={there}/d:full"])
    assert code == 1 and "full" in err and os.listdir(place.path / "full") == ["mine"]


@pytest.mark.parametrize("text,words", [
    ("x:y", ["--copy-out", "not have the form GUEST:HOST", "help:"]), ("/x", ["not have the form GUEST:HOST"]), ("/x:", ["not have the form GUEST:HOST"]),
    ("/x:no/such/place", ["the folder 'no/such'"])])
def test_out_refused_before_a_boot(place, text, words):
    code, _, err = run(place, "true", options=["--copy-out", text])
    assert code == 1 and all(word in err for word in words), err
    assert place.started() == []


def test_a_shell_between_them(place, there):
    (place.path / "in").write_text("come in\n")
    terminal = Terminal(place, options=[f"--copy-in={place.path}/in:{there}/in", f"--copy-out={there}/out:{place.path}/out"])
    terminal.until(b"$ ")
    terminal.type(f"cat '{there}/in'; echo gone out >'{there}/out'; exit 4\r".encode())
    terminal.until(b"come in")
    assert terminal.code() == 4 and (place.path / "out").read_text() == "gone out\n"
    place.nothing_is_left()


# -- input -------------------------------------------------------------------------------------------------------------------


def test_input(place):
    block = os.urandom(5 << 20)
    assert run(place, "cat", options=["-i"], data=block) == (0, block, "")
    assert run(place, "cat", data=b"not read") == (0, b"", "")
    assert run(place, "head -c 2", options=["--stdin"], data=block) == (0, block[:2], "")


def test_input_that_comes_slowly(place):
    process = subprocess.Popen(place.command("while read -r line; do echo \"<$line>\"; done", options=("--accel", "tcg", "-i")),
                               env=dict(place.env, FAKE_QEMU="guest"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    timer = threading.Timer(30, process.kill)
    timer.start()
    for word in (b"one", b"two"):
        process.stdin.write(word + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"<" + word + b">\n"
    process.stdin.close()
    assert process.wait() == 0
    timer.cancel()


# -- variables, disk, console, timing ------------------------------------------------------------------------------------------


def test_variables(place):
    assert run(place, 'echo "$A|$B|$C"', options=["--env", "A=a b=c", "-e", "B", "-e", "C="], B="ours") == (0, b"a b=c|ours|\n", "")


@pytest.mark.parametrize("text,word", [("LD_PRELOAD=x", "linker"), ("=x", "empty"), ("IFS=x", "shell"), ("NO_SUCH_VAR", "is not set"),
                                       ("A" * 300 + "=x", "longer than 256")])
def test_variables_refused(place, text, word):
    code, _, err = run(place, "true", options=["--env", text])
    assert code == 1 and "--env" in err and word in err and place.started() == []


def test_too_many_variables(place):
    code, _, err = run(place, "true", options=[f"--env=V{n}=x" for n in range(129)])
    assert code == 1 and "128" in err


@pytest.mark.parametrize("size", ["1", "4GB", "G", "-1G", "15M", "99999999999T", "17T"])
def test_scratch_sizes_refused(place, size):
    code, _, err = run(place, "true", options=[f"--scratch={size}"])
    assert code == 1 and "--scratch" in err and "help:" in err and place.started() == []


def test_scratch(place):
    assert run(place, "true", options=["--scratch", "512M"])[0] == 0
    [one] = place.started()
    assert "fd=7,set=1" in one["args"] and 7 in one["fds"]


def test_console_and_timing(place):
    code, out, err = run(place, "true", options=["--console", "--timing"])
    assert (code, out) == (0, b"") and "Linux version" in err and "capsem-init: squashfs: 3 ms" in err
    assert "agent ready" in err and "whole run" in err
    [one] = place.started()
    assert "loglevel=7" in one["args"][one["args"].index("-append") + 1]


def test_the_size_of_the_machine_is_the_configs(place):
    config = place.path / "guest/config"
    (config / "vm").mkdir(parents=True)
    (config / "build.toml").write_text('[build]\nguest_binaries = []\n[build.architectures.x86_64]\ndocker_platform = "linux/amd64"\n'
                                       'rust_target = "x86_64-x"\nkernel_image = "x"\ndefconfig = "x"\n')
    (config / "vm/resources.toml").write_text("[resources]\ncpu_count = 1\nram_gb = 3\n")
    assert run(place, "true")[0] == 0
    assert run(place, "true", options=["--cpus", "2", "--memory", "512"])[0] == 0
    sizes = [(a[a.index("-smp") + 1], a[a.index("-m") + 1]) for a in (one["args"] for one in place.started())]
    assert sizes == [("1", "3072M"), ("2", "512M")]


def test_several_at_once(place):
    processes = [subprocess.Popen(place.command(f"sleep 0.3; echo {n}; exit {n}", options=("--accel", "tcg")),
                                  env=dict(place.env, FAKE_QEMU="guest"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                 for n in range(4)]
    assert [(p.communicate(timeout=30)[0], p.returncode) for p in processes] == [(b"%d\n" % n, n) for n in range(4)]
    place.nothing_is_left()


# -- machines that stay: the rest is test_boot.py's, with a real one --------------------------------------------------------------


def attach(place, *words):
    done = subprocess.run([PROGRAM, "attach", "--cache-dir", str(place.cache), *words], capture_output=True, text=True, timeout=10)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "-a", "a b", "x" * 33])
def test_names_of_machines(place, name):
    code, _, err = run(place, "true", options=[f"--keep={name}"])
    assert code == 1 and f"'{name}' is not a machine name" in err and place.started() == []
    assert attach(place, "--", name)[0] == 1


def test_attach_to_nothing(place):
    assert attach(place, "--list") == (0, "", "")
    code, _, err = attach(place, "--end", "work")
    assert code == 1 and "no machine named 'work' is running" in err and "run --keep work" in err
    assert attach(place)[0] == 2
    # A note of a process that is somebody else's by now.
    (place.cache / "machines/work").mkdir(parents=True)
    for note in (f"{os.getpid()} 1\n", "1", "", "x y", "99999999999 5"):
        (place.cache / "machines/work/pid").write_text(note)
        assert attach(place, "work", "true")[0] == 1 and attach(place, "--list")[1] == ""
