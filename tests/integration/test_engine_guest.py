# SPDX-License-Identifier: Apache-2.0
"""Guest folders as people have them: what a build takes from where, and what it leaves."""
import os
import shutil
import subprocess

import pytest

from engine import BUILDER, base_tar, engine, needs_engine  # noqa: F401 (fixtures)
from test_engine_grow import ARCH, Guest

pytestmark = needs_engine

COPIES = """FROM {{ arch.base_image }}
COPY banner.txt /etc/banner.txt
"""


@pytest.fixture
def guest(tmp_path, engine):  # noqa: F811
    return Guest(tmp_path, engine.store).template(COPIES)


def test_artifacts_go_where_the_config_says(guest):
    guest.template("FROM {{ arch.base_image }}\n{% for copy in artifact_copies %}\n"
                   "COPY {{ '--chmod=' ~ copy.mode ~ ' ' if copy.mode }}{{ [copy.source, copy.path] | tojson }}\n{% endfor %}\n"
                   "RUN cat /usr/share/data/d /usr/local/bin/snapshots >/list && [ ! -e /README.md ] && [ ! -e /etc/capsem-tips.txt ] "
                   "&& cat /usr/local/lib/capsem_bench/__main__.py /etc/other-tips >>/list && ls -l /usr/share/data >&2\n")
    artifacts = guest.folder / "guest/artifacts"
    for name, text in {"data/d": "data", "data/run": "run", "snapshots": "snap", "capsem_bench/__main__.py": "bench",
                       "README.md": "no", "tips.txt": "tips"}.items():
        (artifacts / name).parent.mkdir(exist_ok=True)
        (artifacts / name).write_text(text + "\n")
    (artifacts / "data/run").chmod(0o700)
    build = guest.folder / "guest/config/build.toml"
    build.write_text(build.read_text() + '\n[build.artifacts]\ndata = "/usr/share/data"\n"README.md" = ""\n'
                     '"tips.txt" = "/etc/other-tips"\n')
    done = guest.run("--progress", "plain")
    assert done.returncode == 0, done.stderr
    assert guest.packages() == ["data", "snap", "bench", "tips"]
    assert "-rwxr-xr-x" in done.stderr and "-rw-r--r--" in done.stderr and "W017" not in done.stderr


def test_a_build_says_what_stays_out(guest):
    (guest.folder / "guest/artifacts/notes.txt").write_text("x\n")
    done = guest.build()
    assert "[W017] guest/artifacts/notes.txt: " in done.stderr and done.stderr.count('"code":"W017"') == 1
    guest.template(COPIES + "COPY notes.txt /etc/\n")
    assert "W017" not in guest.build().stderr
    guest.template(COPIES + "ARG WHAT=notes.txt\nCOPY $WHAT /etc/\n")
    assert "W017" not in guest.build().stderr


def test_templates_of_the_first_builder(guest):
    """Its names: binaries at the top of the context, the kernel's configuration below its own path."""
    source = guest.folder / "guest/agent"
    for name in os.listdir(source):
        shutil.rmtree(source / name) if (source / name).is_dir() else (source / name).unlink()
    (source / "hello.c").write_text("int main(void) { return 0; }\n")
    build = guest.folder / "guest/config/build.toml"
    build.write_text(build.read_text().replace("guest_binaries = []", 'guest_binaries = ["hello"]'))
    guest.template("FROM {{ arch.base_image }}\n{% for binary in guest_binaries %}\nCOPY {{ binary }} /usr/local/bin/{{ binary }}\n"
                   "RUN chmod 555 /usr/local/bin/{{ binary }} && /usr/local/bin/{{ binary }} && echo ran >/list\n{% endfor %}\n")
    (guest.folder / "templates/Dockerfile.kernel.j2").write_text(
        "FROM {{ arch.base_image }} AS build\nWORKDIR /src\nCOPY {{ arch.defconfig }} .config\nRUN cp .config /vmlinuz && echo i >/initrd.img\n"
        "FROM scratch\nCOPY --from=build /vmlinuz /initrd.img /\n")
    guest.build("--template", "all")
    assert guest.packages() == ["ran"]
    defconfig = next((guest.folder / "guest/config/kernel").glob("*" + ARCH + "*")).read_bytes()
    assert (guest.folder / "assets" / ARCH / "vmlinuz").read_bytes() == defconfig


def test_an_installer_that_cannot_be_fetched_is_named(guest, tmp_path):
    """What the step with installers begins with, run by this machine's shell."""
    (guest.folder / "guest/config/ai").mkdir()
    (guest.folder / "guest/config/ai/cow.toml").write_text(
        '[cow]\nname = "Cow"\napi_key = { name = "k", env_vars = ["COW"] }\nnetwork = { domains = ["cow.example.com"] }\n'
        'install = { manager = "curl", packages = ["https://me:secret@cow.example.com/install.sh"] }\n')
    (guest.folder / "templates").rename(guest.folder / "away")
    env = {**os.environ, "CAPSEM_CACHE_DIR": str(guest.store), "NO_COLOR": "1"}
    done = subprocess.run([BUILDER, "build", "guest", "--arch", ARCH, "--template", "rootfs", "--dry-run"], cwd=guest.folder, env=env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = done.stdout[done.stdout.index("fetch() {"):]
    script = "set -e\n" + text[:text.index("\nif head")]
    programs = tmp_path / "programs"
    programs.mkdir()

    def run():
        return subprocess.run(["/bin/sh", "-c", script], env={"PATH": str(programs)}, capture_output=True, text=True, timeout=60)
    ran = run()
    assert ran.returncode == 127 and "add curl and ca-certificates" in ran.stderr
    (programs / "curl").write_text("#!/bin/sh\necho 'curl: (22) The requested URL returned error: 404' >&2\nexit 22\n")
    (programs / "curl").chmod(0o755)
    (programs / "sed").symlink_to(shutil.which("sed"))
    ran = run()
    assert ran.returncode == 22 and "404" in ran.stderr
    assert "could not be fetched: https://cow.example.com/install.sh" in ran.stderr and "secret" not in ran.stderr


def test_a_build_without_its_folders_is_refused_at_once(guest):
    shutil.rmtree(guest.folder / "guest/agent")
    build = guest.folder / "guest/config/build.toml"
    text = build.read_text()
    build.write_text(text.replace("guest_binaries = []\n", ""))
    done = guest.build(check=False)
    assert done.returncode == 1 and "[E303] guest/agent: " in done.stderr and "guest_binaries = []" in done.stderr
    assert guest.run("--dry-run").returncode == 0
    build.write_text(text)
    shutil.rmtree(guest.folder / "guest/artifacts")
    (guest.folder / "templates").rename(guest.folder / "away")
    env = {**os.environ, "CAPSEM_CACHE_DIR": str(guest.store), "NO_COLOR": "1"}
    done = subprocess.run([BUILDER, "build", "guest", "--arch", ARCH, "--offline"], cwd=guest.folder, env=env, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and "[E302] guest/artifacts: " in done.stderr and "step" not in done.stderr


def test_each_checkout_has_its_own_record_of_assets(tmp_path, engine):  # noqa: F811
    guests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        guests.append(Guest(tmp_path / name, engine.store).template(COPIES))
        (tmp_path / name / "guest/artifacts/banner.txt").write_text(name)
    ends = [(i, "up to date" in guests[i].build().stdout) for i in (0, 0, 1, 1, 0, 1, 0)]
    assert ends == [(0, False), (0, True), (1, False), (1, True), (0, True), (1, True), (0, True)]
    done = guests[0].build("--output", "../one/assets/../assets")
    assert "up to date" in done.stdout
