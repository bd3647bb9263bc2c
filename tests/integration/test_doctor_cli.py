# SPDX-License-Identifier: Apache-2.0
"""capsem-builder doctor: what it says about this machine, and about machines that lack something.

A lack is made in a mount namespace of its own: a program is hidden by binding /dev/null over it.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
GUEST = REPO / "guest"
GROUPS = ["Engine", "Docker", "Toolchain", "Tools", "Guest config", "Source files"]
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def can_unshare():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"],
                          capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not can_unshare(), reason="no mount namespaces here")


class Doctor:
    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1",
                    "CAPSEM_CACHE_DIR": str(folder / "store")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def run(self, *args, before="", **env):
        """`before` is a shell line run in a mount namespace of its own."""
        command = [BUILDER, "doctor", *map(str, args)]
        if before:
            command = ["unshare", "-m", "sh", "-e", "-c", before + '\nexec "$@"', "sh", *command]
        return subprocess.run(command, cwd=self.folder, env={**self.env, **env},
                              capture_output=True, text=True, timeout=120)

    def checks(self, *args, before="", **env):
        """By name; the exit code must fit them."""
        done = self.run(*args, "--json", before=before, **env)
        assert done.stderr == ""
        report = json.loads(done.stdout)
        failed = [c for c in report["checks"] if c["status"] == "fail"]
        assert done.returncode == (1 if failed else 0)
        assert report["failed"] == len(failed)
        return {c["name"]: c for c in report["checks"]}


@pytest.fixture
def doctor(tmp_path):
    return Doctor(tmp_path)


@pytest.fixture
def guest(tmp_path):
    """A copy that may be spoilt."""
    return Path(shutil.copytree(GUEST, tmp_path / "guest"))


def hide(*programs):
    lines = [f"for f in /usr/local/bin/{p} /usr/bin/{p} /usr/sbin/{p}; do"
             " if [ -e $f ]; then mount --bind /dev/null $(readlink -f $f); fi; done" for p in programs]
    return "\n".join(lines)


def test_text_and_json_say_the_same(doctor):
    text = doctor.run(GUEST)
    report = json.loads(doctor.run(GUEST, "--json").stdout)
    lines = [line for line in text.stdout.splitlines() if line.startswith("  [")]
    assert len(lines) == len(report["checks"])
    for line, check in zip(lines, report["checks"]):
        start = f"  [{check['status'].upper()}] {check['name']}: "
        assert line.startswith(start)
        # times and sizes differ from run to run
        assert re.sub(r"\d+", "", line) == re.sub(r"\d+", "", start + check["detail"])
    assert list(dict.fromkeys(c["group"] for c in report["checks"])) == GROUPS
    assert [line for line in text.stdout.splitlines() if line in GROUPS] == GROUPS
    counts = [report["passed"], report["warnings"], report["failed"]]
    assert [int(n) for n in re.findall(r"\d+", text.stdout.splitlines()[-1])] == counts
    assert sum(counts) == len(report["checks"])


def test_what_is_wrong_has_a_fix_and_what_is_right_has_none(doctor):
    for check in doctor.checks(GUEST).values():
        assert (check["fix"] is None) == (check["status"] == "pass"), check
        assert check["detail"] and "\n" not in check["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_a_step_runs_and_nothing_is_left(doctor):
    mounts = Path("/proc/mounts").read_text()
    check = doctor.checks(GUEST)["sandbox"]
    if check["status"] != "pass":
        pytest.skip("no sandbox here: " + check["detail"])
    assert Path("/proc/mounts").read_text() == mounts
    assert os.listdir(doctor.folder / "store/tmp") == []


@needs_mounts
def test_a_missing_mmdebstrap_fails(doctor):
    done = doctor.run(GUEST, before=hide("mmdebstrap"))
    assert done.returncode == 1
    assert "[FAIL] mmdebstrap: not installed" in done.stdout
    assert "fix: apt-get install -y --no-install-recommends mmdebstrap\n" in done.stdout


@needs_mounts
def test_a_compiler_that_is_missing_is_made_in_an_image(doctor, guest):
    compilers = ["musl-gcc", "x86_64-linux-musl-gcc", "x86_64-linux-gnu-gcc", "aarch64-linux-musl-gcc",
                 "aarch64-linux-gnu-gcc"]
    checks = doctor.checks(guest, before=hide(*compilers))
    host, other = ("x86_64", "arm64") if os.uname().machine == "x86_64" else ("arm64", "x86_64")
    assert checks[f"musl {host}"]["status"] == "warn"
    assert "musl-tools" in checks[f"musl {host}"]["fix"]
    assert checks[f"musl {other}"]["status"] == "pass"
    assert "image" in checks[f"musl {other}"]["detail"]
    text = (guest / "config/build.toml").read_text()
    (guest / "config/build.toml").write_text(re.sub(r"guest_binaries = \[.*\]", "guest_binaries = []", text))
    assert doctor.checks(guest, before=hide(*compilers))["musl"]["status"] == "pass"


@needs_mounts
def test_without_qemu_a_build_works_and_run_does_not(doctor):
    checks = doctor.checks(GUEST, before=hide("qemu-system-x86_64", "qemu-system-aarch64"))
    for name, package in (("qemu x86_64", "qemu-system-x86"), ("qemu arm64", "qemu-system-arm")):
        assert checks[name]["status"] == "warn"
        assert checks[name]["fix"].endswith(" " + package)


@needs_mounts
def test_no_kvm_is_a_warning(doctor):
    check = doctor.checks(GUEST, before="mount -t tmpfs none /dev")["kvm"]
    assert check["status"] == "warn"
    assert "/dev/kvm does not exist" in check["detail"] and "emulates" in check["detail"]
    assert check["fix"].startswith("sudo modprobe kvm_intel")


@needs_mounts
def test_a_full_disk_fails(doctor):
    small = doctor.folder / "small"
    small.mkdir()
    checks = doctor.checks(GUEST, before=f"mount -t tmpfs -o size=20m none {small}", CAPSEM_CACHE_DIR=str(small))
    space = checks["disk space of the store"]
    assert space["status"] == "fail" and str(small) in space["detail"]
    assert "cache prune" in space["fix"]


@needs_mounts
def test_a_store_on_an_overlay_fails_in_the_sandbox(doctor):
    for name in ("lower", "upper", "work", "merged"):
        (doctor.folder / name).mkdir()
    overlay = (f"mount -t overlay overlay -o lowerdir={doctor.folder}/lower,upperdir={doctor.folder}/upper,"
               f"workdir={doctor.folder}/work {doctor.folder}/merged")
    if subprocess.run(["unshare", "-m", "sh", "-c", overlay], capture_output=True).returncode != 0:
        pytest.skip("no overlay on this disk")
    checks = doctor.checks(GUEST, before=overlay, CAPSEM_CACHE_DIR=f"{doctor.folder}/merged")
    assert checks["store"]["status"] == "pass"
    assert checks["sandbox"]["status"] == "fail"
    assert "is on overlayfs" in checks["sandbox"]["detail"]
    assert "CAPSEM_CACHE_DIR=" in checks["sandbox"]["fix"]


def test_a_store_that_cannot_be_made_fails(doctor):
    (doctor.folder / "file").write_text("")
    checks = doctor.checks(GUEST, CAPSEM_CACHE_DIR=f"{doctor.folder}/file/store")
    assert checks["store"]["status"] == "fail"
    assert f"{doctor.folder}/file" in checks["store"]["detail"]
    assert "CAPSEM_CACHE_DIR=" in checks["store"]["fix"]
    assert "sandbox" not in checks


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
@needs_mounts
def test_who_can_have_no_namespace_is_told_to_be_root(doctor):
    """In a changed root the kernel gives nobody a user namespace."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(BUILDER, folder)
        shutil.copytree(GUEST, Path(folder) / "guest")
        (Path(folder) / "store").mkdir()
        os.chown(Path(folder) / "store", 65534, 65534)
        script = 'mount --rbind / /mnt && exec chroot --userspec=65534:65534 /mnt sh -c \'cd "$1" && exec "$2" doctor\' sh "$1" "$2"'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", folder, program],
                              env={**doctor.env, "CAPSEM_CACHE_DIR": f"{folder}/store"}, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "[FAIL] rights: not root: become root of a user namespace: create a user namespace: Operation not permitted" in done.stdout
    assert "fix: sudo capsem-builder build guest # or: " in done.stdout
    assert "] store" not in done.stdout and "sandbox" not in done.stdout


def test_a_config_with_mistakes(doctor, guest):
    (guest / "config/vm/resources.toml").write_text("[resources]\ncpu_count = 99\nram_gb = 'x'\n")
    checks = doctor.checks(guest)
    assert checks["config"]["status"] == "fail"
    assert checks["config"]["detail"].startswith("[E003] cpu_count must be from 1 to 8, not 99")
    assert checks["config"]["detail"].endswith("(and 1 more)")
    assert checks["config"]["fix"] == f"capsem-builder validate {guest}"
    assert checks["artifacts"]["status"] == "pass"


def test_a_warning_of_the_config_is_one_here(doctor, guest):
    (guest / "config/vm/resources.toml").write_text("[resources]\ncpu_cout = 2\n")
    check = doctor.checks(guest)["config"]
    assert check["status"] == "warn" and check["detail"].startswith("[W014]")


def test_an_empty_or_binary_config(doctor, tmp_path):
    (tmp_path / "g/config").mkdir(parents=True)
    build = tmp_path / "g/config/build.toml"
    for content in (b"", bytes(range(256)), b"[build]\narchitectures = 3\n", b"[build.architectures.x86_64]\n"):
        build.write_bytes(content)
        checks = doctor.checks(tmp_path / "g")
        assert checks["config"]["status"] == "fail"
        assert not any(name.startswith(("musl x", "qemu x")) for name in checks)
    build.unlink()
    assert doctor.checks(tmp_path / "g")["config"]["detail"].startswith("[E001]")


def test_missing_sources(doctor, guest):
    (guest / "artifacts/capsem-init").unlink()
    shutil.rmtree(guest / "artifacts/diagnostics")
    (guest / "agent/capsem-pty-agent.c").unlink()
    (guest / "config/kernel/arm64.defconfig").unlink()
    checks = doctor.checks(guest)
    assert checks["config"]["status"] == "pass"
    assert checks["artifacts"]["detail"].startswith("[E302]") and checks["artifacts"]["status"] == "fail"
    assert checks["agent"]["detail"].startswith("[E303]") and checks["agent"]["status"] == "fail"
    assert checks["kernel configurations"]["detail"].startswith("[E300]")
    shutil.rmtree(guest / "artifacts")
    shutil.rmtree(guest / "agent")
    checks = doctor.checks(guest)
    assert "does not exist" in checks["artifacts"]["detail"]
    assert checks["agent"]["status"] == "fail"
    fix = f"capsem-builder init /tmp/fresh-guest && cp -r /tmp/fresh-guest/artifacts {guest}/artifacts"
    assert checks["artifacts"]["fix"] == fix, "not a copy of a folder onto itself"


def test_without_a_guest_folder_the_machine_is_checked(doctor):
    """Who names one that is not there made a mistake; who names none may have none yet."""
    machine = set(doctor.checks(GUEST))
    named = doctor.checks("nowhere")
    assert named["config"]["status"] == "fail" and "the folder 'nowhere' does not exist" in named["config"]["detail"]
    assert named["config"]["fix"] == "capsem-builder init nowhere"
    assert machine - set(named) == {"kernel configurations", "artifacts", "agent"} | {n for n in machine if n not in named}
    assert {"rights", "kernel", "overlayfs", "store", "sandbox", "mmdebstrap"} <= set(named)
    assert doctor.checks()["config"]["status"] == "warn"
    done = doctor.run("")
    assert (done.returncode, done.stdout) == (1, "") and "the name of the guest folder is empty" in done.stderr


def test_usage_errors(doctor):
    done = doctor.run("--jsno")
    assert done.returncode == 2 and "did you mean" in done.stderr and done.stderr.count("\n") == 1
    assert doctor.run("a", "b").returncode == 2
