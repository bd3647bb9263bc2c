# SPDX-License-Identifier: Apache-2.0
"""Programs that stand in for others of the same path: every way to start one, with the tracer in between. Nothing is emulated here:
each program prints which file it is and its words."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from ordinary_user import ordinary_user

RUN, PROBE = os.environ["STANDIN_RUN"], os.environ["EXEC_PROBE"]
ROOT = os.geteuid() == 0
SELF = "/native/usr/bin/tool: [{0}] [--extra] [with blank]"
STANDIN = SELF.format("tool") + " [a] [b]\n"
ITSELF = "/usr/bin/tool: [tool] [a] [b]\n"

# How the program is started, what is printed, and the exit status.
WAYS = [
    ("absolute", STANDIN, 0),
    ("relative", STANDIN, 0),
    ("at_cwd", STANDIN, 0),
    ("by_link", STANDIN, 0),
    ("inside_usr", SELF.format("tool") + " [c]\n", 0),
    ("from_thread", STANDIN, 0),
    ("after_vfork", STANDIN + "status 0\n", 0),
    ("spawned", SELF.format("tool") + " [fail]\nstatus 7\n", 0),
    ("many_children", "good 200\n", 0),
    ("preload_empty", STANDIN, 0),
    # by other means than a path: the file itself
    ("by_folder", ITSELF, 0),
    ("by_fd", ITSELF, 0),
    # an environment that cannot be known is no reason to fail
    ("no_environment", ITSELF, 0),
    ("preloaded", ITSELF, 0),
    ("in_other_root", ": [tool] [a] [b]\n", 0),  # there is no /proc to say where it is
    ("without_standin", "/usr/bin/other: [other] [c]\n", 0),
    # scripts, as the kernel starts them
    ("script", SELF.format("/bin/tool") + " [-e -x] [/bin/script] [c] [d e]\n", 0),
    ("script_here", SELF.format("/bin/tool") + " [-e -x] [./script] [c]\n", 0),
    # for some scripts only
    ("only_script", "/native/usr/bin/only: [/bin/only] [/bin/only-script] [c]\n", 0),
    ("only_script_by_hand", "/native/usr/bin/only: [only] [-w] [/bin/only-script] [c]\n", 0),
    ("only_module", "/native/usr/bin/only: [only] [-E] [-m] [module] [c]\n", 0),
    ("only_other", "/usr/bin/only: [only] [/bin/script] [c]\n", 0),
    # words without number
    ("many_words", SELF.format("w") + " [w]" * 9 + " ... 9002\n", 0),
    ("too_many_words", "/usr/bin/tool:" + " [w]" * 12 + " ... 40000\n", 0),
    # errors are the kernel's
    ("missing", "No such file or directory\n", 1),
    ("forbidden", "Permission denied\n", 1),
    ("bad_address", "Bad address\n", 1),
    ("bad_list", "Bad address\n", 1),
    ("loop", "Too many levels of symbolic links\n", 1),
    # signals and jobs are the program's
    ("stopped", "stopped 1\n" + STANDIN + "status 0\n", 0),
    ("signalled", "seen 1\nstatus -15\n", 0),
    ("daemons", "left\n", 0),
]


def make_layer(folder):
    """A root in which /bin leads to /usr/bin, as in Debian's."""
    def program(*names):
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROBE, path)
            path.chmod(0o755)

    def script(name, text, mode=0o755):
        (folder / name).write_text(text)
        (folder / name).chmod(mode)

    program("usr/bin/tool", "usr/bin/only", "usr/bin/other", "usr/bin/driver", "native/loader", "native/usr/bin/tool",
            "native/usr/bin/only", "elsewhere/bin/tool")
    for name in ("proc", "sys", "dev", "etc", "tmp"):
        (folder / name).mkdir()
    (folder / "bin").symlink_to("usr/bin")
    (folder / "usr/bin/link-to-tool").symlink_to("/bin/tool")
    (folder / "usr/bin/loop").symlink_to("loop")
    (folder / "usr/bin/nothing").symlink_to("nowhere")
    script("usr/bin/script", "#! /bin/tool  -e -x \nthe rest\n")
    script("usr/bin/only-script", "#!/bin/only\n")
    script("usr/bin/not-executable", "#!/bin/tool\n", 0o644)
    script("usr/bin/long-line", "#!/bin/tool " + "x" * 300 + "\n")
    script("usr/bin/no-line", "#!/bin/tool")


@contextlib.contextmanager
def place(kind):
    """A folder to work in, and the words that run a command as whoever that is."""
    if kind == "root" or not ROOT:
        with tempfile.TemporaryDirectory() as name:
            yield pathlib.Path(name), [], RUN
        return
    with ordinary_user(single=kind == "single") as user:
        yield user.home, user.prefix, str(user.take(RUN))


@pytest.fixture(scope="module", params=["root", "range", "single"] if ROOT else ["ours"])
def standins(request):
    with place(request.param) as (home, prefix, run):
        layer = home / "layer"
        layer.mkdir()
        layer.chmod(0o755)
        make_layer(layer)
        if prefix:
            subprocess.run(["chown", "-R", f"{os.stat(home).st_uid}:{os.stat(home).st_gid}", str(layer)], check=True)
        count = 0

        def start(*words):
            nonlocal count
            count += 1
            work = home / f"work-{count}"
            subprocess.run([*prefix, "mkdir", str(work)], check=True)
            return subprocess.run([*prefix, run, str(layer), str(work), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=60, check=False)
        start.layer = layer
        yield start


@pytest.mark.parametrize("way,printed,status", WAYS, ids=[way for way, _, _ in WAYS])
def test_every_way_to_start_a_program(standins, way, printed, status):
    done = standins("/bin/driver", way)
    assert done.stdout == printed + f"exit {status}\n" and done.stderr == ""


def test_the_command_itself(standins):
    assert standins("tool", "x").stdout == SELF.format("tool") + " [x]\nexit 0\n"
    assert standins("tool", "fail").stdout == SELF.format("tool") + " [fail]\nexit 7\n"
    assert standins("nosuch").stdout == "failed: run 'nosuch': No such file or directory\n"
    assert standins("/bin/nothing").stdout == "failed: run '/bin/nothing': No such file or directory\n"


def test_first_lines_that_the_kernel_cuts_or_refuses(standins):
    """The kernel decides about a line that is too long for it, and one without an end."""
    for name in ("long-line", "no-line"):
        printed = standins(f"/bin/{name}").stdout
        assert printed.startswith("/usr/bin/tool: [/bin/tool]") and printed.endswith(f"[/bin/{name}]\nexit 0\n")


def test_a_stack_without_room(standins):
    """Where words cannot be written below the stack, the program itself runs; it may also be too small for the kernel."""
    done = standins("/bin/driver", "small_stack")
    assert done.stdout.splitlines()[0] in (STANDIN.strip(), ITSELF.strip()) and done.stdout.endswith("exit 0\n")


def test_a_root_that_preloads(standins):
    path = standins.layer / "etc/ld.so.preload"
    path.write_text("/lib/libfake.so\n")
    try:
        assert standins("/bin/driver", "absolute").stdout == ITSELF + "exit 0\n"
    finally:
        path.unlink()


def test_without_the_loader_nothing_stands_in(standins):
    loader = standins.layer / "native/loader"
    aside = loader.with_name("aside")
    loader.rename(aside)
    try:
        assert standins("/bin/driver", "absolute").stdout == ITSELF + "exit 0\n"
    finally:
        aside.rename(loader)
