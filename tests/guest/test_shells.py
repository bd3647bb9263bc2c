# SPDX-License-Identifier: Apache-2.0
"""What shells start with in the guest, tried on the host: the recipe's start-up files over this machine's, in a mount namespace,
with the doctor's group of checks as the judge."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "guest" / "artifacts"
OVERLAY = """mount -t tmpfs none {work} && mkdir {work}/u {work}/w && mount -t overlay -o lowerdir=/etc,upperdir={work}/u,workdir={work}/w none /etc"""


def can(work):
    return subprocess.run(["unshare", "-m", "sh", "-c", OVERLAY.format(work=work)], capture_output=True).returncode == 0


ENVIRONMENT = """TERM=dumb
HOME=/root
PATH=/opt/ai clis/bin:/root/.local/bin:/usr/local/bin:/usr/bin:/bin
LANG=C.UTF-8
SSL_CERT_FILE=/etc/ssl/certs/it's.crt
1=2
$(touch /tmp/hit)=x
"""
SESSION = ENVIRONMENT.replace("PATH=", "PATH=/root/.venv/bin:") + "ENV=/etc/capsem/shrc\nVIRTUAL_ENV=/root/.venv\n"
BASHRC = """[ -r /etc/capsem-bashrc ] && . /etc/capsem-bashrc
alias mine="echo 'mine too'"
alias lines='echo (
echo )'
export EDITOR=ed
. /etc/profile
"""


@pytest.fixture
def guest(tmp_path):
    """Runs a command where the start-up files are those of a guest; `without` leaves some out."""
    if os.geteuid() != 0 or not can(tmp_path):
        pytest.skip("no mount namespaces or no overlay here")
    files, bin_dir = tmp_path / "files", tmp_path / "bin"
    work, home = tmp_path / "work", tmp_path / "home"
    for folder in (work, home, bin_dir):
        folder.mkdir()
    for name, text in (("capsem/environment", ENVIRONMENT), ("capsem/shrc", (ROOT / "templates/shrc").read_text()),
                       ("profile.d/capsem.sh", (ROOT / "templates/profile.sh").read_text()),
                       ("capsem-bashrc", (ARTIFACTS / "capsem-bashrc").read_text()), ("session", SESSION), ("bashrc", BASHRC)):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(text)
    image = {"environment": {"path": ENVIRONMENT.split("PATH=")[1].split("\n")[0]},
             "packages": [{"packages": ["tmux"]}] if shutil.which("tmux") else [],
             "providers": [{"enabled": True, "cli": {"key": "an-agent"}}]}
    (files / "capsem/image.json").write_text(json.dumps(image))
    script = OVERLAY.format(work=work) + f"""
        rm -f /etc/profile.d/* && cp -r {files}/capsem {files}/profile.d {files}/capsem-bashrc /etc/ && mount -t tmpfs none /run && mkdir /run/capsem &&
        mount -t tmpfs none /opt && mkdir -p '/opt/ai clis/bin' && cp /bin/true '/opt/ai clis/bin/an-agent' &&
        mount -t tmpfs none /root && cp {files}/bashrc /root/.bashrc && cp {files}/session /run/capsem/session && cd /root && """

    def run(*command, before="true", env=None):
        variables = dict(line.split("=", 1) for line in SESSION.splitlines() if not line.startswith(("1", "$")))
        done = subprocess.run(["unshare", "-m", "sh", "-c", script + before + ' && exec "$@"', "sh", *command],
                              env=variables | {"PATH": variables["PATH"] + ":/usr/sbin:/sbin"} | (env or {}), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert not os.path.exists("/tmp/hit")
        return done

    return run


def test_every_kind_of_shell(guest):
    if not shutil.which("jq"):
        pytest.skip("no jq")
    done = guest("sh", ARTIFACTS / "diagnostics/15-shells.sh")
    lines = done.stdout.splitlines()
    assert lines[-1] == "1..10" and not [line for line in lines if line.startswith("not ok")], done.stdout + done.stderr
    assert sum(line.startswith("ok ") and "SKIP" not in line for line in lines) >= 9


def test_the_checks_can_fail(guest):
    """Without the start-up files, login shells are where they were: on the PATH of /etc/profile."""
    done = guest("sh", ARTIFACTS / "diagnostics/15-shells.sh", before="rm /etc/profile.d/capsem.sh /etc/capsem/shrc")
    failed = [line.partition(" - ")[2].partition(" has ")[0] for line in done.stdout.splitlines() if line.startswith("not ok")]
    assert {"sh, as a login shell", "bash, as a login shell", "bash, as an interactive login shell", "sh, interactive"} <= set(failed)
    assert "# got: an-agent is not found" in done.stdout and "# got: the alias ll is not there" in done.stdout


@pytest.mark.parametrize("shell,answer", [
    (["bash", "-lc"], "given|C.UTF-8|/root/.venv|"), (["sh", "-lc"], "given|C.UTF-8|/root/.venv|"),
    (["bash", "-lic"], "given|C.UTF-8|/root/.venv|ed"), (["sh", "-ic"], "given|C.UTF-8|/root/.venv|ed")], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_what_is_set_already_stays(guest, shell, answer):
    done = guest("setsid", *shell, 'echo "$SSL_CERT_FILE|$LANG|$VIRTUAL_ENV|$EDITOR"', env={"SSL_CERT_FILE": "given", "CAPSEM_GREETED": "1"})
    assert done.stdout == answer + "\n", done.stderr


def test_without_the_init(guest):
    """The image in an engine: its own PATH, and no environment of Python's."""
    done = guest("env", "-i", "HOME=/root", "bash", "-lc", 'echo "$PATH|$SSL_CERT_FILE|$VIRTUAL_ENV"', before="rm /run/capsem/session")
    assert done.stdout == "/opt/ai clis/bin:/root/.local/bin:/usr/local/bin:/usr/bin:/bin|/etc/ssl/certs/it's.crt|\n", done.stderr


def test_an_alias_of_several_words(guest):
    done = guest("setsid", "sh", "-ic", "mine", env={"CAPSEM_GREETED": "1"})
    assert done.stdout == "mine too\n", done.stderr
