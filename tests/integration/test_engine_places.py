# SPDX-License-Identifier: Apache-2.0
"""A step that fails in `build` points at the rendered Dockerfile, the template's line, and the value of the config that was in
it."""
import subprocess

import pytest
from engine import BUILDER, TIMEOUT_S, base_tar, engine, needs_engine  # noqa: F401

pytestmark = needs_engine

BUILD = """[build.architectures.x86_64]
base_image = "base"
docker_platform = "linux/amd64"
rust_target = "x86_64-unknown-linux-musl"
kernel_image = "arch/x86_64/boot/bzImage"
defconfig = "kernel/x.defconfig"
[build]
guest_binaries = []
"""
PACKAGES = """[apt]
name = "System"
manager = "apt"
install_cmd = "apt-get install -y"
packages = [
    "git",
    "no-such-thing",
    "gcc-no-such-thing",
    "jq",
]
[apt.network]
name = "Debian"
domains = ["*.debian.org"]
"""
HEAD = """FROM {{ arch.base_image }}
{% macro packages(list) %}
{% for package in list %}
    {{ package | shell_quote }}{{ "" if loop.last else " \\\\" }}
{% endfor %}
{% endmacro %}
"""


@pytest.fixture
def guest(tmp_path):
    def make(template, build=BUILD):
        for name, text in {"config/build.toml": build, "config/packages/apt.toml": PACKAGES,
                           "config/kernel/x.defconfig": "", "own/Dockerfile.rootfs.j2": HEAD + template}.items():
            path = tmp_path / "guest" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path
    return make


def build(engine, folder):
    done = subprocess.run([BUILDER, "build", "guest", "--template", "rootfs", "--templates", "guest/own", "--output", "out",
                           "--progress", "plain"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S,
                          env={"PATH": "/usr/bin:/bin", "CAPSEM_CACHE_DIR": str(engine.store), "NO_COLOR": "1"})
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def values(stderr):
    """Source lines of the notes about the config."""
    lines = stderr.splitlines()
    return [lines[n + 1].split("|")[1].strip() for n, line in enumerate(lines) if "with this value of the config" in line]


def test_the_package_that_the_output_complains_about(engine, guest):
    stderr = build(engine, guest("""RUN <<'END'
echo git gcc jq is what will be installed
set -- \\
{{ packages(apt_packages) -}}
echo "E: Unable to locate package $2" >&2
exit 100
END
"""))
    assert "error: [E404] Dockerfile.rootfs (x86_64):2:1: the step exited with status 100" in stderr
    assert "note: guest/own/Dockerfile.rootfs.j2:7:1: written by this line of the template" in stderr
    assert "note: guest/config/packages/apt.toml:7:5: with this value of the config" in stderr
    assert values(stderr) == ['"no-such-thing",']


def test_a_longer_name_is_another_package(engine, guest):
    stderr = build(engine, guest("""RUN <<'END'
set -- \\
{{ packages(apt_packages) -}}
echo "npm ERR! 404 '$3@1.0' is not here" >&2
exit 1
END
"""))
    assert values(stderr) == ['"gcc-no-such-thing",']


def test_no_value_is_blamed_without_a_reason(engine, guest):
    stderr = build(engine, guest("""RUN <<'END'
set -- \\
{{ packages(apt_packages) -}}
echo "$@"
exit 1
END
"""))
    assert "[E404]" in stderr and "written by this line" in stderr and values(stderr) == []


def test_the_only_value_of_a_short_step(engine, guest):
    stderr = build(engine, guest("RUN exit {{ apt_packages[0] | length }}\n"))
    assert "the step exited with status 3" in stderr and values(stderr) == ['"git",']


def test_a_base_image_that_cannot_be_had(engine, guest):
    stderr = build(engine, guest("", BUILD.replace('"base"', '"localhost:1/no-such-image"')))
    assert values(stderr) == ['base_image = "localhost:1/no-such-image"']
