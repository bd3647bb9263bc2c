# SPDX-License-Identifier: Apache-2.0
"""What a step may take of the machine, and what is said of one that took more: the builder itself lives on."""
import os
import resource
import signal

import pytest

from engine import base_tar, context, engine, errors, group, needs_engine, needs_root, tar_bytes, entry  # noqa: F401

pytestmark = needs_engine
MB = 1024 * 1024
CAP_SYS_RESOURCE = 1 << 24


@pytest.fixture
def small_group():
    """We, and what we start, have 200 MB."""
    with group("memory", "memory.limit_in_bytes", 200 * MB) as enter:
        yield enter


def test_the_builder_lives_where_a_step_takes_all_memory(engine, small_group):
    """No process of the step is large: what it fills is a tmpfs."""
    result = engine.fail("FROM base\nRUN --mount=type=tmpfs,target=/t dd if=/dev/zero of=/t/x bs=1M count=600\n", preexec_fn=small_group)
    assert "the step was killed because it ran out of memory: dd (" in errors(result)[0] and "; its limit is 180 MB" in errors(result)[0]
    assert "--memory SIZE or step_memory in [build] raises the limit" in result.stderr
    assert engine.lines("FROM base\nRUN echo fine\n", preexec_fn=small_group) == ["fine"]


@pytest.mark.parametrize("size, shown", [("100M", "100 MB"), ("1000G", "180 MB")])
def test_memory_of_a_step_is_an_option_below_what_we_have(engine, small_group, size, shown):
    result = engine.fail("FROM base\nRUN tail /dev/zero\n", None, "--memory", size, preexec_fn=small_group)
    assert f"; its limit is {shown}" in errors(result)[0] and "tail (" in errors(result)[0]


@needs_root
def test_a_step_dies_before_all_others(engine):
    lines = engine.lines("FROM base\nRUN cat /proc/self/oom_score_adj /proc/1/oom_score_adj; echo 0 >/proc/self/oom_score_adj; "
                         "cat /proc/self/oom_score_adj\n")
    with open("/proc/self/status") as file:
        capabilities = int(next(line for line in file if line.startswith("CapEff")).split()[1], 16)
    assert lines[:2] == ["800", "500"]
    assert lines[-1] == ("800" if capabilities & CAP_SYS_RESOURCE else "0"), "who may lower it may also forbid that"


def test_processes_of_a_step_are_an_option(engine):
    with group("pids", "pids.max", 20000):
        pass  # skips where there is no such group
    dockerfile = "FROM base\nRUN for i in $(seq 100); do sleep 100 & done; wait\n"
    result = engine.fail(dockerfile, None, "--pids", "40")
    assert "the step reached its process limit and exited with status 2; the limit is 40" in errors(result)[0]
    assert "--pids N raises the limit" in result.stderr


def test_processes_are_bounded_below_our_own_limit(engine):
    with group("pids", "pids.max", 100) as enter:
        result = engine.fail("FROM base\nRUN for i in $(seq 200); do sleep 100 & done; wait\n", preexec_fn=enter)
        assert "reached its process limit" in errors(result)[0] and "the limit is 90" in errors(result)[0]


@pytest.mark.parametrize("option, words", [
    (("--memory", "8GB"), "--memory takes a size of at least 64M, such as 8G, not '8GB'"),
    (("--memory", "4096"), "--memory takes a size of at least 64M, such as 8G, not '4096'"),
    (("--pids", "3"), "--pids takes a whole number from 16 to"),
])
def test_limits_that_mean_nothing(engine, option, words):
    result = engine.try_build("FROM base\n", None, *option)
    assert result.code == 2 and words in result.stderr


# --- what ended a step ----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command, first, more", [
    ("kill -9 $$", "the step was killed by signal 9 (Killed)", "earlyoom"),
    ("sh -c 'kill -9 $$'; exit $?", "exited with status 137, as when a program in it is killed by signal 9 (Killed)", "earlyoom"),
    ("sh -c 'kill -SEGV $$'; exit $?", "exited with status 139, as when a program in it is killed by signal 11", ""),
    ("exit 129", "the step exited with status 129\n", ""),
    ("exit 255", "the step exited with status 255\n", ""),
])
def test_what_a_status_means(engine, command, first, more):
    result = engine.fail(f"FROM base\nRUN {command}\n")
    assert first in errors(result)[0] + "\n" and more in result.stderr


def test_a_limit_of_file_sizes(engine, context):
    """A step that meets it is told of, and so are we: no signal ends us without a line."""
    with open(context.write("big", ""), "wb") as file:
        file.write(os.urandom(9 * MB))
    context.write("big.tar", tar_bytes([entry("big", os.urandom(9 * MB))]))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MB, 8 * MB))
    result = engine.fail("FROM base\nRUN head -c 10000000 /dev/zero >/big\n", preexec_fn=limit)
    assert "a file written by the step reached the file size limit of 8 MB" in errors(result)[0] and "ulimit -f" in result.stderr
    for step in ("COPY big.tar /x", "ADD big.tar /x"):
        result = engine.fail(f"FROM base\n{step}\n", context, preexec_fn=limit)
        assert "File too large" in errors(result)[0] and ":2:1" in errors(result)[0], result.stderr
    out = engine.scratch / "out.tar"
    result = engine.fail("FROM base\nCOPY big /x\n", context, "-o", f"type=tar,dest={out}", preexec_fn=limit)
    assert "File too large" in result.stderr and not out.exists()
    result = engine.run("image", "import", context / "big.tar", "other", preexec_fn=limit)
    assert result.code == 1 and "File too large" in result.stderr
    engine.verify()


def test_whoever_ignores_ended_children_gets_the_same(engine):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    result = engine.fail("FROM base\nRUN exit 7\n", preexec_fn=ignore)
    assert "the step exited with status 7" in errors(result)[0]
    assert engine.lines("FROM base\nRUN echo fine\n", preexec_fn=ignore) == ["fine"]
