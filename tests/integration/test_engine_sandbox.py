# SPDX-License-Identifier: Apache-2.0
"""What a step sees and may do: nothing of the host but what is mounted for it."""
import os
import re
import subprocess

import pytest

from engine import (PROBE, base_tar, context, engine, entry, mounts_below, needs_engine, needs_root, processes_using,  # noqa: F401
                    tar_bytes)

pytestmark = needs_engine
needs_probe = pytest.mark.skipif(not os.access(PROBE, os.X_OK), reason="SANDBOX_PROBE names no program")

# capabilities(7), by number: what Docker leaves a container
DOCKER = {"chown": 0, "dac_override": 1, "fowner": 3, "fsetid": 4, "kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8,
          "net_bind_service": 10, "net_raw": 13, "sys_chroot": 18, "mknod": 27, "audit_write": 29, "setfcap": 31}


def status(lines):
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


# --- privileges -----------------------------------------------------------------------------------------------------------------------

def test_what_is_only_read_runs_with_no_other_rights(engine):
    lines = engine.lines("FROM base AS other\nRUN echo x > /x\nFROM base\nRUN --mount=from=other,target=/m cat /proc/self/mountinfo\n")
    mounted = [line.split() for line in lines if line.split()[4] == "/m"]
    assert len(mounted) == 1 and {"ro", "nosuid", "nodev"} <= set(mounted[0][5].split(",")), mounted


def test_capabilities_are_dockers(engine):
    """But for what reaches others in the host's network."""
    of_network = ("net_raw", "net_bind_service")
    own = f"{sum(1 << bit for bit in DOCKER.values()):016x}"
    wanted = f"{sum(1 << bit for name, bit in DOCKER.items() if name not in of_network):016x}"
    s = status(engine.lines("FROM base\nRUN --network=none cat /proc/self/status\n"))
    assert (s["CapPrm"], s["CapEff"], s["CapBnd"]) == (own, own, own)
    s = status(engine.lines("FROM base\nRUN cat /proc/self/status\n"))
    assert (s["CapPrm"], s["CapEff"], s["CapBnd"]) == (wanted, wanted, wanted) and s["CapInh"] == s["CapAmb"] == "0" * 16
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    s = status(engine.lines("FROM base\nUSER builder\nRUN cat /proc/self/status\n"))
    assert s["CapPrm"] == s["CapEff"] == s["CapInh"] == s["CapAmb"] == "0" * 16 and s["CapBnd"] == wanted
    assert s["Uid"].split() == ["1000"] * 4 and s["NoNewPrivs"] == "1"


def test_setuid_programs_give_nothing(engine):
    lines = engine.lines("FROM base\nRUN mkdir /s && cp /bin/busybox /s/cat && chmod 4755 /s/cat\nUSER builder\n"
                         "RUN /s/cat /proc/self/status\n")
    assert status(lines)["Uid"].split() == ["1000"] * 4


@needs_root
@needs_probe
def test_in_the_hosts_network_a_step_can_neither_listen_in_nor_be_a_service(engine):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        everybody_may = int(file.read()) <= 81
    lines = engine.lines("FROM base\nRUN probe sniff raw port\n")
    assert lines == ["sniff EPERM", "raw EPERM", "port ok" if everybody_may else "port EACCES"]
    assert engine.lines("FROM base\nRUN --network=none probe sniff raw port\n") == ["sniff ok", "raw ok", "port ok"]


REFUSED = {
    "mount": "EPERM", "umount": "EPERM", "unshare-user": "EPERM", "unshare-mount": "EPERM", "clone-user": "EPERM", "clone3": "ENOSYS",
    "setns": "EPERM", "keyctl": "EPERM", "add-key": "EPERM", "bpf": "EPERM", "perf": "EPERM", "io-uring": "EPERM",
    "userfaultfd": "EPERM", "reboot": "EPERM", "sethostname": "EPERM", "settime": "EPERM", "syslog": "EPERM", "swapon": "EPERM",
    "vsock": "EAFNOSUPPORT", "tiocsti": "EPERM", "fsopen": "EPERM", "open-by-handle": "EPERM", "ptrace-init": "EPERM",
    "init-memory": "EACCES", "init-root": "EACCES", "init-fds": "EACCES", "init-environ": "EACCES", "disk": "EACCES",
    "kernel-log": "EACCES" if os.geteuid() == 0 else "EPERM", "admin": "EPERM",
    # calls that no list has, and those by which a list is gone around
    "new-call": "ENOSYS", "open-tree-attr": "ENOSYS", "quotactl": "EPERM", "fanotify": "EPERM", "pidfd-getfd": "EPERM",
    "page-zero": "EPERM", "vsock-high-bits": "EAFNOSUPPORT", "af-alg": "EAFNOSUPPORT", "af-key": "EAFNOSUPPORT", "af-xdp": "EAFNOSUPPORT",
    "tiocsti-high-bits": "EPERM", "tioclinux": "EPERM",
    **({"i386-mount": "EPERM", "i386-new-call": "ENOSYS", "i386-unshare": "EPERM", "x32-mount": "ENOSYS"} if os.uname().machine == "x86_64" else {}),
}
ALLOWED = ["fork", "chroot", "setuid", "exec-memory", "personality", "unix-socket", "netlink", "futex", "shared-memory", "timer",
           *(["i386-getpid"] if os.uname().machine == "x86_64" else [])]


@needs_probe
def test_what_is_refused_and_what_is_not(engine):
    names = " ".join([*REFUSED, *ALLOWED])
    lines = engine.lines(f"FROM base\nRUN --mount=type=cache,target=/cache probe {names}\n")
    assert dict(line.split(" ") for line in lines) == {**REFUSED, **{name: "ok" for name in ALLOWED}}


@needs_probe
def test_another_user_may_not_more(engine):
    lines = engine.lines(f"FROM base\nUSER builder\nRUN probe {' '.join(REFUSED)}\n")
    assert [line for line in lines if line.endswith(" ok")] == []


@needs_root
def test_devices_that_a_step_makes_do_not_open(engine):
    """CAP_MKNOD is Docker's default; there a cgroup keeps the devices away, here the mounts do."""
    dockerfile = """FROM base
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t --mount=type=bind,target=/b,from=base,rw \\
    for d in / /dev /dev/shm /tmp /cache /t /b; do mknod $d/z c 1 5 && head -c 1 $d/z; rm -f $d/z; done 2>&1
"""
    lines = engine.lines(dockerfile)
    assert len(lines) == 7 and all("Permission denied" in line for line in lines), lines


# --- what it sees -----------------------------------------------------------------------------------------------------------------------

def test_it_sees_its_own_processes_only(engine):
    lines = engine.lines("FROM base\nRUN ls -d /proc/[0-9]* | wc -l; echo $$; ls /proc | grep -c '^[0-9]'\n")
    assert int(lines[0]) <= 6 and lines[1] == "2"


def test_pid_1_is_ours_and_tells_nothing(engine):
    lines = engine.lines("""FROM base
RUN kill -9 1; kill -STOP 1; for f in root cwd exe fd/0 fd/1 fd/2 fd/3 fd/4; do readlink /proc/1/$f; done; \\
    cat /proc/1/environ /proc/1/maps 2>/dev/null | wc -c; ls /proc/self/fd | wc -l; echo alive
""")
    assert lines == ["0", "4", "alive"]


def test_it_sees_no_mount_of_the_host(engine):
    lines = engine.lines("FROM base\nRUN cat /proc/self/mounts\n")
    seen = {line.split()[1] for line in lines}
    assert {"/", "/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/etc/resolv.conf", "/etc/hosts", "/run/capsem"} <= seen
    allowed = r"/|/proc(/.*)?|/sys(/.*)?|/dev(/(pts|shm|mqueue|null|zero|full|random|urandom|tty))?|/etc/(resolv.conf|hosts)|/run/capsem"
    assert [m for m in seen if not re.fullmatch(allowed, m)] == []
    options = {line.split()[1]: line.split()[3].split(",") for line in lines}
    assert all("ro" in options[path] for path in ("/sys", "/etc/resolv.conf", "/etc/hosts", "/run/capsem"))
    assert all("nodev" in words for path, words in options.items() if not path.startswith(("/dev/", "/proc/", "/sys/")))


def test_proc_is_masked_and_read_only_where_it_matters(engine):
    lines = engine.lines("""FROM base
RUN cat /proc/kcore /proc/keys /proc/timer_list /proc/kmsg /proc/interrupts 2>/dev/null | wc -c; ls /proc/acpi /proc/scsi 2>/dev/null | grep -v : | wc -w
RUN for f in sys/kernel/core_pattern sys/kernel/hostname sysrq-trigger sys/vm/drop_caches irq/default_smp_affinity; do \\
    sh -c "echo x > /proc/$f" 2>&1; done; echo
""")
    assert lines[:2] == ["0", "0"]
    assert all("Read-only file system" in line or "nonexistent" in line for line in lines[2:-1]) and len(lines) == 8


def test_sys_is_read_only(engine):
    lines = engine.lines("FROM base\nRUN touch /sys/x 2>&1; echo 1 > /sys/kernel/mm/ksm/run; ls /sys/firmware | wc -l\n")
    assert "Read-only file system" in lines[0] and "Read-only file system" in lines[1] and lines[-1] == "0"


def test_dev_is_small_and_works(engine):
    lines = engine.lines("""FROM base
RUN ls /dev | tr '\\n' ' '; echo
RUN echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 8 /dev/urandom | wc -c; echo x > /dev/full; echo to-stderr > /dev/stderr; \\
    ls /dev/fd/ > /dev/null && test -c /dev/tty && touch /dev/shm/x && ln -s /x /dev/y && test -d /dev/pts && echo fine
""")
    assert lines[0].split() == ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"]
    assert lines[1:3] == ["4", "8"] and "No space left" in lines[3] and lines[4:] == ["to-stderr", "fine"]


def test_names_of_the_host_are_not_there(engine):
    lines = engine.lines("FROM base\nRUN hostname; cat /proc/sys/kernel/domainname; cat /proc/sys/kernel/hostname\n")
    assert lines[0] == lines[-1] == "localhost"


def test_ipc_of_its_own(engine):
    made = subprocess.run(["ipcmk", "-M", "4096", "-p", "0666"], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip("no System V shared memory here")
    number = made.stdout.split()[-1]
    try:
        assert engine.lines("FROM base\nRUN tail -n +2 /proc/sysvipc/shm | wc -l\n") == ["0"]
    finally:
        subprocess.run(["ipcrm", "-m", number], check=True)


def test_input_is_empty_and_there_is_no_terminal(engine):
    process = subprocess.run(engine.command(*engine.words("FROM base\nRUN cat; tty; echo < /dev/tty || echo no tty\n")), input=b"typed\n",
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    text = process.stderr.decode()
    assert process.returncode == 0 and "typed" not in text and "not a tty" in text and "no tty" in text


def test_settings_of_the_host_are_readable_and_read_only(engine):
    lines = engine.lines("""FROM base
USER nobody
RUN ls /run/capsem; cat /run/capsem/* > /dev/null && echo readable; touch /run/capsem/x 2>&1; echo $APT_CONFIG $NPM_CONFIG_USERCONFIG
""")
    assert "readable" in lines and "apt.conf" in lines and "touch: /run/capsem/x: Read-only file system" in lines
    assert lines[-1] == "/run/capsem/apt.conf /run/capsem/npmrc"


def test_proxies_of_ours_reach_a_step_and_no_key(engine):
    dockerfile = "FROM base\nRUN echo \"[$https_proxy]\"\n"
    built = engine.build(dockerfile, env={"https_proxy": "http://user:password@127.0.0.1:1"})
    assert built.lines() == ["[http://127.0.0.1:1]"]
    assert "password" not in built.metadata_path.read_text()
    assert engine.build(dockerfile, env={"https_proxy": "http://127.0.0.1:2"}).ran() == []
    assert subprocess.run(["grep", "-r", "user:password", str(engine.store)], capture_output=True).returncode == 1


# --- its processes --------------------------------------------------------------------------------------------------------------------------

def test_what_a_step_leaves_running_dies_with_it(engine):
    built = engine.build("""FROM base
RUN sleep 731000 & setsid sleep 731001 & (setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 731002; done' >/dev/null 2>&1 &) ; echo started
RUN ps | grep -c "[s]leep 73100"; echo next
""")
    assert built.lines() == ["started", "0", "next"]
    assert subprocess.run(["pgrep", "-f", "sleep 73100[012]"], capture_output=True).returncode == 1


def test_a_step_ends_when_its_command_ends_although_children_hold_its_output(engine):
    assert engine.lines("FROM base\nRUN (sleep 100000; echo late) & echo early\n") == ["early"]


def test_a_crowd_of_orphans(engine):
    lines = engine.lines("FROM base\nRUN for i in $(seq 300); do (setsid sh -c 'sleep 100000 & sleep 100000' &) ; done; echo done\n")
    assert lines == ["done"]


def test_zombies_are_reaped_by_pid_1(engine):
    lines = engine.lines("FROM base\nRUN for i in $(seq 50); do (sh -c 'true' &) ; done; sleep 0.3; grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l\n")
    assert lines == ["0"]


def test_no_mounts_and_no_processes_after_a_build(engine):
    engine.build("FROM base\nRUN --mount=type=tmpfs,target=/t --mount=type=bind,from=base,target=/b true\nCOPY --from=base /etc /e\n")
    assert mounts_below(engine.store) == [] and processes_using(engine.store) == []
    assert os.listdir(engine.store / "tmp") == []


# --- odd roots ---------------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("entries", [
    [entry("proc", kind=b"2", linkname="/etc")],
    [entry("dev", kind=b"2", linkname="/../../../../dev")],
    [entry("sys", kind=b"2", linkname="/proc/self/root/sys")],
    [entry("run", kind=b"2", linkname="/tmp"), entry("tmp", kind=b"5")],
    [entry("run/capsem", kind=b"2", linkname="/proc/1/root/etc")],
    [entry("proc", b"a file")],
    [entry("etc", kind=b"2", linkname="../../../../../../etc")],
    [entry("etc/hosts", kind=b"2", linkname="/proc/self/exe")],
    [entry("etc/resolv.conf", kind=b"5")],
    [entry("etc/resolv.conf", kind=b"2", linkname="/dev/null")],
    [entry("etc/resolv.conf", kind=b"2", linkname="resolv.conf")],
], ids=["proc is a link", "dev leads up", "sys through proc", "run is a link", "run/capsem through proc", "proc is a file", "etc leads up",
        "hosts is a magic link", "resolv.conf is a folder", "resolv.conf is a device", "resolv.conf is a loop"])
def test_a_root_that_tries_to_mislead_us_reaches_nothing(engine, context, tmp_path, entries):
    with open("/bin/busybox", "rb") as file:
        data = file.read()
    tar = tmp_path / "odd.tar"
    tar.write_bytes(tar_bytes([entry("bin/sh", data, mode=0o755), entry("bin/busybox", data, mode=0o755), *entries]))
    before = [sorted(os.listdir(p)) for p in ("/etc", "/dev", "/run")]
    engine.run("image", "import", tar, "odd").check()
    result = engine.try_build("FROM odd\nRUN busybox touch /etc/from-a-step /dev/from-a-step /run/from-a-step 2>&1; echo ran\n")
    assert result.code in (0, 1) and "internal error" not in result.stderr
    if result.code == 1:
        assert "E404" in result.stderr and ":2:1" in result.stderr
    assert [sorted(os.listdir(p)) for p in ("/etc", "/dev", "/run")] == before
    assert mounts_below(engine.store) == []
