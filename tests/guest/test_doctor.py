# SPDX-License-Identifier: Apache-2.0
"""capsem-doctor on the host: its report, over groups of checks that the tests write, under each shell there is."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ARTIFACTS = Path(__file__).resolve().parents[2] / "guest" / "artifacts"
DOCTOR = ARTIFACTS / "capsem-doctor"
TAP = ARTIFACTS / "diagnostics" / "lib" / "tap.sh"
SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]
AWKS = ["mawk", "gawk", "busybox"]

GOOD = """#!/bin/sh
. {tap}
check "true is true" "never needed" true
skip "the moon is up" "it is day"
plan
"""
BAD = r"""#!/bin/sh
. {tap}
pass 'a "quoted" name with a \ in it'
check "false is true" "buy a new machine" sh -c 'echo "one	tab"; echo two; exit 1'
same "two names are one" "agree" left right
plan
"""
DYING = """#!/bin/sh
. {tap}
pass "so far so good"
exit 3
"""


@pytest.fixture
def doctor(tmp_path):
    """Writes groups, and runs the doctor over them."""
    checks = tmp_path / "checks"
    checks.mkdir()
    (checks / "lib").symlink_to(TAP.parent)

    def run(groups, *arguments, shell=("sh",), awk=None, slow=100, **more):
        for name, text in groups.items():
            (checks / name).write_text(text.replace("{tap}", str(TAP)))
        environment = dict(os.environ, CAPSEM_CHECKS=str(checks), **more)
        if slow:
            environment["CAPSEM_SLOW"] = str(slow)
        if awk:
            programs = tmp_path / "programs"
            programs.mkdir(exist_ok=True)
            (programs / "awk").unlink(missing_ok=True)
            if awk == "busybox":
                (programs / "awk").write_text('#!/bin/sh\nexec busybox awk "$@"\n')
                (programs / "awk").chmod(0o755)
            else:
                (programs / "awk").symlink_to(shutil.which(awk))
            environment["PATH"] = f"{programs}:{environment['PATH']}"
        return subprocess.run(
            [*shell, str(DOCTOR), *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    run.checks = checks
    return run


def test_all_good(doctor):
    result = doctor({"10-first.sh": GOOD})
    assert result.returncode == 0
    assert result.stdout.splitlines()[2:] == [
        "  first          1 passed, 1 skipped",
        "",
        "2 checks: 1 passed, 0 failed, 1 skipped",
        "PASS",
    ]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("awk", AWKS)
def test_report(doctor, shell, awk):
    for program in (shell[0], awk):
        if not shutil.which(program):
            pytest.skip(f"no {program}")
    groups = {"10-first.sh": GOOD, "20-second.sh": BAD, "30-third.sh": DYING}

    text = doctor(groups, shell=shell, awk=awk)
    assert text.returncode == 1
    assert text.stderr == ""
    assert text.stdout.splitlines()[2:] == [
        "  first          1 passed, 1 skipped",
        "  second         1 passed, 2 failed",
        "    FAILED  false is true",
        "            fix: buy a new machine",
        "            got: one\ttab; two",
        "    FAILED  two names are one",
        "            fix: agree",
        "            got: expected 'left', not 'right'",
        "  third          1 passed, 1 failed",
        "    FAILED  the group runs to its end",
        f"            fix: fix {doctor.checks}/??-third.sh",
        "            got: exit code 3, 1 checks of 0",
        "",
        "7 checks: 3 passed, 3 failed, 1 skipped",
        "FAIL",
    ]

    report = json.loads(doctor(groups, "--json", shell=shell, awk=awk).stdout)
    assert (report["passed"], report["failed"], report["skipped"], report["result"]) == (3, 3, 1, "FAIL")
    assert [group["name"] for group in report["groups"]] == ["first", "second", "third"]
    assert report["groups"][1]["checks"][:2] == [
        {"name": 'a "quoted" name with a \\ in it', "status": "ok"},
        {"name": "false is true", "status": "failed", "fix": "buy a new machine", "output": "one\ttab; two"},
    ]

    tap = doctor(groups, "--tap", shell=shell, awk=awk)
    assert tap.returncode == 1
    lines = tap.stdout.splitlines()
    assert lines[:5] == [
        "ok 1 - first: true is true",
        "ok 2 - first: the moon is up # SKIP it is day",
        'ok 3 - second: a "quoted" name with a \\ in it',
        "not ok 4 - second: false is true",
        "# fix: buy a new machine",
    ]
    assert lines[-3:] == ["1..7", "# 7 checks: 3 passed, 3 failed, 1 skipped", "# FAIL"]


LATE = """#!/bin/sh
. {tap}
same "a limit follows the machine" "never" $((7 * CAPSEM_SLOW / 100)) "$(seconds 7)"
check "it ends" "build the image again" limited 100 sh -c "echo begun; sleep ${SLEEP:-100000}"
check "it answers 5" "fix it" limited 10000 sh -c "exit 5"
plan
"""


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_check_that_ran_out_of_time(doctor, shell):
    """Says so, and how long it had; that is nothing that building again would change."""
    text = doctor({"10-first.sh": LATE}, shell=shell, slow=1).stdout.replace("Terminated; ", "")  # busybox's sh says that
    assert text.splitlines()[2:8] == [
        "  first          1 passed, 2 failed",
        "    FAILED  it ends",
        "            fix: the machine is slow or busy, which says nothing about the image: "
        "end what else runs on its host, then run capsem-doctor again",
        "            got: begun; it ran out of time: it had 1 s",
        "    FAILED  it answers 5",
        "            fix: fix it",
    ]


def test_a_slow_machine_has_more_time(doctor):
    lines = doctor({"10-first.sh": LATE.replace("exit 5", "exit 0").replace("limited 100", "limited 1")}, slow=1000, SLEEP="2").stdout.splitlines()
    assert lines[1] == "The machine is slow or busy: time limits are 10 times as long."
    assert lines[-1] == "PASS"


def test_a_group_that_ran_out_of_time(doctor):
    text = doctor({"10-first.sh": GOOD.replace("plan", "sleep 60")}, slow=1).stdout
    assert "it ran out of time: it had 5 s, 2 checks of 0" in text and "run the group alone, as capsem-doctor first" in text


def limit_cpu(percent):
    """A control group with so much of one processor; None where there is no such thing."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    for _, base, kind, options, *_ in mounts:
        if kind != "cgroup2" and not (kind == "cgroup" and "cpu" in options.split(",")):
            continue
        folder = Path(base) / f"capsem-test-{os.getpid()}"
        name, value = ("cpu.max", f"{percent * 1000} 100000") if kind == "cgroup2" else ("cpu.cfs_quota_us", str(percent * 1000))
        try:
            folder.mkdir()
            (folder / name).write_text(value)
            return folder
        except OSError:
            if folder.exists():
                folder.rmdir()
    return None


def test_the_speed_is_measured():
    """With 2 % of a processor."""
    folder = limit_cpu(2)
    if folder is None:
        pytest.skip("no control groups with a limit of the processor here")
    try:
        command = f'echo $$ >{folder}/cgroup.procs; exec sh {TAP.parent}/speed.sh'
        done = subprocess.run(["sh", "-c", command], env={**os.environ, "CAPSEM_REFERENCE_CS": "2"}, capture_output=True, text=True, timeout=60)
    finally:
        folder.rmdir()
    assert 300 <= int(done.stdout) <= 10000
    fast = subprocess.run(["sh", TAP.parent / "speed.sh"], env={**os.environ, "CAPSEM_REFERENCE_CS": "10000"}, capture_output=True, text=True)
    assert fast.stdout == "100\n"


def test_agents_and_servers_that_need_longer_than_there_is(doctor, tmp_path):
    """The groups of the image, with programs that hang."""
    if not shutil.which("jq"):
        pytest.skip("no jq")
    image = tmp_path / "image.json"
    image.write_text(json.dumps({
        "providers": [{"key": "slow", "enabled": True, "cli": {"key": "sh", "version_command": "sleep 50"}},
                      {"key": "bad", "enabled": True, "cli": {"key": "bash", "version_command": "exit 3"}}],
        "mcp_servers": [{"key": "silent", "transport": "stdio", "command": "sleep", "args": ["50"]},
                        {"key": "gone", "transport": "stdio", "command": "false"}]}))
    groups = {name: (ARTIFACTS / "diagnostics" / name).read_text() for name in ("50-ai-clis.sh", "70-mcp.sh")}
    report = json.loads(doctor(groups, "--json", slow=1, CAPSEM_IMAGE_JSON=str(image)).stdout)
    checks = {check["name"]: check for group in report["groups"] for check in group["checks"]}
    for name in ("sh prints its version", "silent answers the protocol's first message"):
        assert checks[name]["output"] == "it ran out of time: it had 2 s" and "build the image" not in checks[name]["fix"]
    assert "exit code 3" in checks["bash prints its version"]["output"]
    assert "build the image again" in checks["bash prints its version"]["fix"]
    assert checks["gone answers the protocol's first message"]["fix"] == "see guest/config/mcp/ for 'gone'"


def test_groups_are_chosen_by_name(doctor):
    groups = {"10-first.sh": GOOD, "20-second.sh": BAD}
    assert doctor(groups, "first").returncode == 0
    assert "second" not in doctor(groups, "first").stdout
    assert doctor(groups, "--list").stdout == "first\nsecond\n"


def test_verbose_names_what_passed(doctor):
    lines = doctor({"10-first.sh": GOOD}, "--verbose").stdout.splitlines()
    assert "    ok      true is true" in lines
    assert "    skipped the moon is up (it is day)" in lines


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nowhere"]], ids=" ".join)
def test_wrong_usage(doctor, arguments):
    result = doctor({"10-first.sh": GOOD}, *arguments)
    assert result.returncode == 2
    assert arguments[0] in result.stderr


def test_no_checks(doctor):
    result = doctor({})
    assert result.returncode == 2
    assert "no checks in" in result.stderr


def test_every_group_of_the_image_has_a_plan():
    """The image's own groups run anywhere: on the host most checks fail, but each group ends with a right plan."""
    for file in sorted((ARTIFACTS / "diagnostics").glob("??-*.sh")):
        if file.name in ("20-sandbox.sh", "50-ai-clis.sh", "60-utilities.sh", "70-mcp.sh"):
            continue  # these write to /, or start what the host has
        text = subprocess.run(["sh", str(file)], capture_output=True, text=True, timeout=120).stdout
        outcomes = [line for line in text.splitlines() if line.startswith(("ok ", "not ok "))]
        assert outcomes, file.name
        assert f"1..{len(outcomes)}" in text.splitlines()[-1], file.name


@pytest.fixture
def kernel(tmp_path):
    """Runs the kernel's group over a configuration: what the list of settings wants, changed."""
    folder = ARTIFACTS / "diagnostics"
    entries = [line.split(maxsplit=3) for line in (folder / "lib/kernel-hardening.txt").read_text().splitlines()
               if line and line[0] != "#"]

    def run(machine="x86_64", changes=(), config=True, source="debian"):
        settings = {symbol.partition("=")[0]: symbol.partition("=")[2] for group, where, symbol, *_ in entries
                    if group != "not" and where in ("all", machine)}
        settings.update(changes)
        path, image = tmp_path / "config.gz", tmp_path / "image.json"
        image.write_text(json.dumps({"kernel_source": source}, indent=2))
        if config:
            path.write_bytes(gzip.compress("".join(
                f"# CONFIG_{symbol} is not set\n" if value == "n" else f"CONFIG_{symbol}={value}\n"
                for symbol, value in settings.items()).encode()))
        done = subprocess.run(["sh", folder / "25-kernel.sh"], capture_output=True, text=True, check=True,
                              env={**os.environ, "CAPSEM_KERNEL_CONFIG": str(path), "CAPSEM_MACHINE": machine,
                                   "CAPSEM_IMAGE_JSON": str(image)})
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_kernel_that_follows_the_list(kernel, machine):
    lines = kernel(machine)
    assert len(lines) == 8 and lines[-1] == "1..7"
    assert [line for line in lines[:-1] if not line.startswith("ok ") or "SKIP" in line] == []


@pytest.mark.parametrize("changes, got", [
    ({"FORTIFY_SOURCE": "n"}, "memory FORTIFY_SOURCE=y, not n"),
    ({"MODULES": "y"}, "root MODULES=n, not y"),
    ({"DEFAULT_MMAP_MIN_ADDR": "4096"}, "pages DEFAULT_MMAP_MIN_ADDR=65536, not 4096"),
    ({"X86_KERNEL_IBT": "n"}, "stack X86_KERNEL_IBT=y, not n"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_setting_that_the_kernel_lost(kernel, changes, got):
    lines = kernel(changes=changes)
    assert f"# got: {got}" in lines
    assert sum(line.startswith("not ok ") for line in lines) == 1


def test_a_kernel_without_its_configuration(kernel):
    lines = kernel(config=False)
    assert sum(line.startswith("not ok ") for line in lines) == 7
    assert "# fix: CONFIG_IKCONFIG_PROC=y in guest/config/kernel/*.defconfig" in lines


def test_the_distributions_kernel_is_not_judged(kernel):
    lines = kernel(config=False, source="debian-image")
    assert sum(line.endswith("# SKIP the distribution's kernel does not carry its configuration") for line in lines) == 7


@pytest.mark.parametrize("certificate", [True, False])
def test_an_image_without_a_certificate(tmp_path, certificate):
    """The recipe builds it with a warning: the doctor skips what cannot be there."""
    image = tmp_path / "image.json"
    image.write_text(json.dumps({"packages": {"apt": {"packages": ["ca-certificates"]}}, "certificate": certificate}, indent=2))
    done = subprocess.run(["sh", str(ARTIFACTS / "diagnostics/30-network.sh")], capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, CAPSEM_IMAGE_JSON=str(image), CAPSEM_SLOW="100"))
    lines = [line for line in done.stdout.splitlines() if "authority" in line or "trust" in line]
    skipped = [line for line in lines if "# SKIP the image was built without one" in line]
    assert len(skipped) == (0 if certificate else 1), done.stdout
    assert any("the image has its certificate authority" in line for line in lines) == certificate
