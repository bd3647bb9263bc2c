# SPDX-License-Identifier: Apache-2.0
"""agent --container: the guest binaries come out of an image. The compiler is a shell script on busybox, so that nothing is
downloaded; the program's own template names Debian's, which the recipes' unit test checks."""
import os
import shutil
import subprocess

import pytest

from engine import BUILDER, base_tar, engine, needs_engine  # noqa: F401 (fixtures)

pytestmark = needs_engine

CONFIG = """[build]
guest_binaries = ["one", "two"]
[build.architectures.x86_64]
base_image = "base"
docker_platform = "linux/amd64"
rust_target = "x86_64-unknown-linux-musl"
kernel_branch = "6.12"
kernel_image = "arch/x86_64/boot/bzImage"
defconfig = "kernel/x.defconfig"
"""
TEMPLATE = """FROM {{ arch.base_image }} AS compiled
COPY agent/ /agent/
RUN mkdir /out && for n in {{ guest_binaries | join(" ") }}; do cat /agent/$n.c /agent/lib/*.c >/out/$n || exit 3; done
RUN echo {{ compile_flags | join(" ") | shell_quote }} >/out/flags
FROM scratch
COPY --from=compiled /out/ /
"""


@pytest.fixture
def guest(tmp_path):
    folder = tmp_path / "guest"
    for name, text in {"config/build.toml": CONFIG, "config/kernel/x.defconfig": "", "agent/one.c": "int one;\n",
                       "agent/two.c": "int two;\n", "agent/lib/shared.c": "int shared;\n",
                       "templates/Dockerfile.agent.j2": TEMPLATE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def compile_guest(engine, guest, *options):  # noqa: F811
    return engine.run("agent", guest, "--arch", "x86_64", "--container", "--templates", guest / "templates",
                      "--output", guest / "out", *options)


def test_binaries_come_out_of_the_image(engine, guest):  # noqa: F811
    done = compile_guest(engine, guest)
    assert done.code == 0, done.stderr
    assert (guest / "out/x86_64/one").read_text() == "int one;\nint shared;\n"
    assert (guest / "out/x86_64/two").read_text() == "int two;\nint shared;\n"
    assert os.access(guest / "out/x86_64/one", os.X_OK)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        f"{guest}/out/x86_64/one", f"{guest}/out/x86_64/two"]
    assert not [name for name in os.listdir(guest / "out/x86_64") if ".tmp-" in name]


def test_what_is_up_to_date_is_left_alone(engine, guest):  # noqa: F811
    assert compile_guest(engine, guest).code == 0
    before = os.stat(guest / "out/x86_64/one").st_ino
    done = compile_guest(engine, guest)
    assert done.stdout.count("(up to date)") == 2
    assert os.stat(guest / "out/x86_64/one").st_ino == before
    (guest / "agent/lib/shared.c").write_text("int other;\n")
    assert "(up to date)" not in compile_guest(engine, guest).stdout
    assert (guest / "out/x86_64/one").read_text() == "int one;\nint other;\n"
    os.unlink(guest / "out/x86_64/two")
    done = compile_guest(engine, guest)
    assert done.stdout.count("(up to date)") == 1
    assert (guest / "out/x86_64/two").exists()


def test_a_compiler_that_fails_is_shown_and_the_old_stay(engine, guest):  # noqa: F811
    assert compile_guest(engine, guest).code == 0
    os.rename(guest / "agent/lib/shared.c", guest / "agent/lib/shared.h")
    done = compile_guest(engine, guest)
    assert done.code == 1
    assert "No such file or directory" in done.stderr
    assert "E404" in done.stderr and "Dockerfile.agent.j2" in done.stderr
    assert (guest / "out/x86_64/two").read_text() == "int two;\nint shared;\n"


def test_an_image_that_leaves_no_binary_is_an_error(engine, guest):  # noqa: F811
    (guest / "templates/Dockerfile.agent.j2").write_text("FROM {{ arch.base_image }}\n")
    done = compile_guest(engine, guest)
    assert done.code == 1
    assert done.stderr.rstrip().endswith("error: the agent's Dockerfile did not create the file '/one'")


def test_a_template_folder_without_it_takes_the_programs_own(engine, guest):  # noqa: F811
    """Which names Debian's compilers: the base here has no package manager, so its first step fails."""
    os.unlink(guest / "templates/Dockerfile.agent.j2")
    done = compile_guest(engine, guest)
    assert done.code == 1
    assert "templates/Dockerfile.agent.j2" in done.stderr and "apt-get" in done.stderr


def test_validate_checks_the_template(engine, guest):  # noqa: F811
    (guest / "templates/Dockerfile.agent.j2").write_text("FROM {{ arch.base_imag }}\n")
    for name in ("kernel", "rootfs"):
        (guest / f"templates/Dockerfile.{name}.j2").write_text("FROM scratch\n")
    done = engine.run("validate", guest, "--templates", guest / "templates")
    assert "E400" in done.stdout and "Dockerfile.agent.j2:1" in done.stdout
