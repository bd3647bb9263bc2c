# SPDX-License-Identifier: Apache-2.0
"""Guest binaries of a Cargo workspace: a scripted cargo and rustc that note how they are called and leave programs; and the real cargo
where the machine has one."""
import json
import os
import shutil
import struct
import subprocess
import sys

import pytest

PROGRAM = os.environ["CAPSEM_BUILDER"]
MACHINES = {"x86_64": 62, "aarch64": 183}
CONFIG = """[build]
guest_binaries = ["one", "two"]
guest_source = "crates/agent"
"""
ARCHITECTURE = """[build.architectures.{name}]
docker_platform = "{platform}"
rust_target = "{target}"
kernel_image = "Image"
defconfig = "kernel/all.defconfig"
"""
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
TARGETS = {"x86_64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}
# Notes its arguments and place; leaves what $MAKES holds for each --bin, as cargo does.
CARGO = """#!{python}
import json, os, shutil, sys
arguments = sys.argv[1:]
with open(os.environ["NOTES"] + "/cargo-" + arguments[arguments.index("--target") + 1], "w") as notes:
    json.dump(dict(arguments=arguments, folder=os.getcwd()), notes)
if os.environ.get("SAYS"):
    sys.exit(os.environ["SAYS"])
place = os.path.join(arguments[arguments.index("--target-dir") + 1], arguments[arguments.index("--target") + 1], "release")
os.makedirs(place, exist_ok=True)
for number, word in enumerate(arguments):
    if word == "--bin":
        made = os.environ["MAKES"] + "/" + arguments[arguments.index("--target") + 1].split("-")[0]
        path = os.path.join(place, arguments[number + 1])
        if os.path.exists(made) and not (os.path.exists(path) and open(path, "rb").read() == open(made, "rb").read()):
            shutil.copyfile(made, path)
"""
RUSTC = """#!/bin/sh
[ "$1 $2 $3" = "--print target-libdir --target" ] || exit 9
case $4 in *-unknown-*) echo "$NOTES/lib/$4" ;; *) echo "error: no target $4" >&2; exit 1 ;; esac
"""


def program(machine, interpreter=""):
    """A static ELF file as small as they are; with an interpreter it is not static."""
    entry = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 0, 0, 4096)
    if interpreter:
        entry += struct.pack("<IIQQQQQQ", 3, 4, 64 + 2 * 56, 0, 0, len(interpreter) + 1, len(interpreter) + 1, 1)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, MACHINES[machine], 1, 0, 64, 0, 0, 64, 56, len(entry) // 56, 0, 0, 0)
    return header + entry + interpreter.encode() + b"\0"


@pytest.fixture
def place(tmp_path):
    config = tmp_path / "guest/config"
    (config / "kernel").mkdir(parents=True)
    (config / "kernel/all.defconfig").write_text("")
    (config / "build.toml").write_text(CONFIG + "".join(ARCHITECTURE.format(name=n, platform=PLATFORMS[n], target=t) for n, t in TARGETS.items()))
    source = tmp_path / "guest/crates/agent"
    source.mkdir(parents=True)
    (source / "Cargo.toml").write_text("[workspace]\n")
    for name, text in (("cargo", CARGO.replace("{python}", sys.executable)), ("rustc", RUSTC)):
        path = tmp_path / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    for target in TARGETS.values():
        (tmp_path / "notes/lib" / target).mkdir(parents=True)
        (tmp_path / "notes/lib" / target / "libstd-0123.rlib").write_text("")
    (tmp_path / "makes").mkdir()
    for machine in MACHINES:
        (tmp_path / "makes" / machine).write_bytes(program(machine))
    return tmp_path


def agent(place, *arguments, path=None, **environment):
    return subprocess.run([PROGRAM, "agent", "guest", *arguments], cwd=place, capture_output=True, text=True, timeout=120,
                          env={"PATH": path or f"{place}/programs:/usr/bin:/bin", "HOME": str(place), "NOTES": f"{place}/notes",
                               "MAKES": f"{place}/makes", **environment})


def notes(place, target):
    return json.loads((place / "notes" / f"cargo-{target}").read_text())


def test_a_package_beside_the_guest_folder(place):
    """Where the first builder has it: taken when there is neither guest_source nor agent/."""
    config = place / "guest/config/build.toml"
    config.write_text(config.read_text().replace('guest_source = "crates/agent"\n', ""))
    (place / "crates").mkdir()
    (place / "guest/crates/agent").rename(place / "crates/capsem-agent")
    done = agent(place, "--arch", "x86_64")
    assert done.returncode == 0, done.stderr
    assert notes(place, TARGETS["x86_64"])["folder"] == str(place / "crates/capsem-agent")
    (place / "guest/agent").mkdir()
    done = agent(place, "--arch", "x86_64")
    assert done.returncode == 1 and "E303" in done.stderr, "an agent/ of its own goes first"


def test_both_architectures(place):
    done = agent(place, "--arch", "all")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        f"target/linux-agent/{arch}/{name}" for arch in TARGETS for name in ("one", "two")]
    for arch, target in TARGETS.items():
        machine = target.split("-")[0]
        for name in ("one", "two"):
            made = place / "target/linux-agent" / arch / name
            assert made.read_bytes() == program(machine) and os.access(made, os.X_OK)
        called = notes(place, target)
        words = called["arguments"]
        assert called["folder"] == str(place / "guest/crates/agent")
        assert words[:5] == ["build", "--workspace", "--release", "--target", target]
        assert words[words.index("--target-dir") + 1] == str(place / "target/linux-agent" / arch / ".cargo")
        assert words[-4:] == ["--bin", "one", "--bin", "two"]
        assert f'target.{target}.rustflags=["-Ctarget-feature=+crt-static"]' in words


def test_what_cargo_left_alone_is_up_to_date(place):
    assert "up to date" not in agent(place, "--arch", "x86_64").stdout
    assert agent(place, "--arch", "x86_64").stdout.count("(up to date)") == 2
    (place / "makes/x86_64").write_bytes(program("x86_64") + b"more")
    assert "up to date" not in agent(place, "--arch", "x86_64").stdout
    assert (place / "target/linux-agent/x86_64/two").read_bytes().endswith(b"more")



@pytest.mark.parametrize("made, message", [
    (program("aarch64"), "is a program for aarch64, not for x86_64"),
    (program("x86_64", "/lib64/ld-linux-x86-64.so.2"), "is not static: it needs '/lib64/ld-linux-x86-64.so.2'"),
    (b"#!/bin/sh\n", "is not a program"),
    (program("x86_64")[:70], "is truncated"),
    (None, "cargo left no 'target/linux-agent/x86_64/.cargo/x86_64-unknown-linux-musl/release/one'"),
], ids=["machine", "dynamic", "script", "cut", "missing"])
def test_what_is_no_guest_binary_is_refused(place, made, message):
    if made is None:
        (place / "makes/x86_64").unlink()
    else:
        (place / "makes/x86_64").write_bytes(made)
    done = agent(place, "--arch", "x86_64")
    assert done.returncode == 1 and message in done.stderr
    assert not (place / "target/linux-agent/x86_64/one").exists()


def test_a_target_that_is_not_installed(place):
    shutil.rmtree(place / "notes/lib" / TARGETS["arm64"])
    done = agent(place, "--arch", "all")
    assert done.returncode == 1
    assert "error: architecture 'arm64': the Rust target 'aarch64-unknown-linux-musl' is not installed" in done.stderr
    assert "rustup target add aarch64-unknown-linux-musl" in done.stderr
    assert done.stdout.count("linux-agent/x86_64/") == 2, "the other architecture is compiled all the same"
    assert not (place / "notes" / f"cargo-{TARGETS['arm64']}").exists()


def test_a_target_that_rust_does_not_know(place):
    config = place / "guest/config/build.toml"
    config.write_text(config.read_text().replace(TARGETS["x86_64"], "x86_64-linux"))
    done = agent(place, "--arch", "x86_64")
    assert done.returncode == 1 and "ask rustc about the target 'x86_64-linux'" in done.stderr


def test_no_cargo(place):
    done = agent(place, "--arch", "x86_64", path=f"{place}/nowhere")
    assert done.returncode == 1
    assert "cargo is required to build the Cargo workspace 'guest/crates/agent'" in done.stderr and "rustup target add" in done.stderr


def test_what_cargo_says_is_shown(place):
    done = agent(place, "--arch", "x86_64", SAYS="error[E0425]: cannot find value `x`")
    assert done.returncode == 1
    assert "error[E0425]: cannot find value `x`" in done.stderr
    assert "compile the Cargo workspace 'guest/crates/agent'" in done.stderr


def test_the_container_has_no_rust(place):
    done = agent(place, "--arch", "x86_64", "--container")
    assert done.returncode == 1 and "'guest/crates/agent' is a Cargo workspace" in done.stderr


def test_a_workspace_says_itself_how_it_is_linked(place):
    foreign = TARGETS["arm64" if os.uname().machine == "x86_64" else "x86_64"]
    gcc = place / "programs" / f"{foreign.split('-')[0]}-linux-gnu-gcc"
    gcc.write_text("#!/bin/sh\n")
    gcc.chmod(0o755)
    arch = next(name for name, target in TARGETS.items() if target == foreign)
    assert agent(place, "--arch", arch).returncode == 0
    assert any(word.startswith(f"target.{foreign}.linker=") for word in notes(place, foreign)["arguments"])
    variable = f"CARGO_TARGET_{foreign.upper().replace('-', '_')}_LINKER"
    assert agent(place, "--arch", arch, **{variable: "ld"}).returncode == 0
    assert not any("linker" in word for word in notes(place, foreign)["arguments"])
    (place / "guest/crates/agent/.cargo").mkdir()
    assert agent(place, "--arch", arch).returncode == 0
    assert not any("linker" in word for word in notes(place, foreign)["arguments"])


def test_the_config_knows_the_folder(place):
    def validate():
        return subprocess.run([PROGRAM, "validate", "guest"], cwd=place, capture_output=True, text=True, timeout=60).stdout
    assert "E303" not in validate()
    shutil.rmtree(place / "guest/crates")
    assert "E303" in validate() and "the folder 'crates/agent' for guest binary sources is missing" in validate()


def test_the_doctor_asks_for_the_target(place):
    shutil.rmtree(place / "notes/lib" / TARGETS["arm64"])
    done = subprocess.run([PROGRAM, "doctor", "guest"], cwd=place, capture_output=True, text=True, timeout=120,
                          env={"PATH": f"{place}/programs:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(place), "NOTES": f"{place}/notes"})
    assert "cargo, and Rust for x86_64-unknown-linux-musl" in done.stdout
    assert "the Rust target 'aarch64-unknown-linux-musl' is not installed" in done.stdout
    assert "rustup target add aarch64-unknown-linux-musl" in done.stdout


@pytest.mark.skipif(not shutil.which("cargo") or not shutil.which("rustc"), reason="this machine has no cargo")
def test_the_real_cargo(place):
    """For the machine's own target, which every Rust has, statically linked with the C library of the machine."""
    target = f"{os.uname().machine}-unknown-linux-gnu"
    platform = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[os.uname().machine]
    config, source = place / "guest/config/build.toml", place / "guest/crates/agent"
    config.write_text(CONFIG + ARCHITECTURE.format(name="host", platform=platform, target=target))
    (source / "src/bin").mkdir(parents=True)
    (source / "Cargo.toml").write_text('[package]\nname = "agent"\nversion = "0.1.0"\nedition = "2021"\n')
    for name in ("one", "two"):
        (source / f"src/bin/{name}.rs").write_text(f'fn main() {{ println!("{name}"); }}\n')
    real = {"path": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = agent(place, "--arch", "host", **real)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([place / "target/linux-agent/host/two"], capture_output=True, text=True).stdout == "two\n"
    assert agent(place, "--arch", "host", **real).stdout.count("(up to date)") == 2
