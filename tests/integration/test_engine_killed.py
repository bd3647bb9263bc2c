# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGKILL at any moment: afterwards no mount and no process, and the next build goes on from the finished steps."""
import os
import random
import signal
import subprocess
import time

import pytest

from engine import base_tar, context, engine, entry, mounts_below, needs_engine, processes_using, tar_bytes  # noqa: F401

pytestmark = needs_engine

DOCKERFILE = """FROM base
RUN echo one > /one; sleep 0.05
COPY tree /tree
RUN --mount=type=cache,target=/cache,sharing=locked --mount=type=tmpfs,target=/t sleep 1000 & cat /tree/f1 > /two; sleep 0.05
ADD a.tar /archive
FROM base AS other
WORKDIR /made/for/it
RUN --mount=type=bind,target=/context,rw touch /context/new; cp -r /context/tree /copy
FROM base
COPY --from=0 /archive /archive
COPY --from=other /copy /copy
RUN --network=none rm -r /copy && mkdir /copy && sleep 0.05 && echo end > /copy/end
"""
STEPS = 9


@pytest.fixture
def filled(context):
    for i in range(150):
        context.write(f"tree/f{i}", str(i) * 1000)
    context.write("a.tar", tar_bytes([entry(f"a{i}", os.urandom(1000)) for i in range(150)]))
    return context


def start(engine, *options, context):
    return subprocess.Popen(engine.command(*engine.words(DOCKERFILE, context, options)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def nothing_left(engine):
    """Namespaces of a killed process end a moment after it."""
    deadline = time.monotonic() + 120
    while (left := processes_using(engine.store)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == [] and mounts_below(engine.store) == []
    for root in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        groups = [g for g in os.listdir(root) if g.startswith("capsem-builder-")] if os.path.isdir(root) else []
        for group in groups:
            with open(f"{root}/{group}/cgroup.procs") as file:
                assert file.read() == "", "a process lives on in a group"


def finished(engine):
    return {name for name in engine.layers() if (engine.store / "layers" / name / "meta.json").exists()}


def trash_goes(engine):
    """Each command removes as much as nobody waits for."""
    for _ in range(300):
        if os.listdir(engine.store / "trash") == []:
            return
        engine.run("cache", "ls").check()
    raise AssertionError(f"in the trash: {os.listdir(engine.store / 'trash')}")


def goes_on(engine, context, wanted):
    """The next build runs what is missing and nothing else, and its result is that of a build that nobody stopped."""
    before = finished(engine)
    built = engine.build(DOCKERFILE, context)
    assert len(built.steps()) == STEPS and len(built.ran()) == STEPS - (len(before) - 1)
    assert [(m.name, m.mode, m.size, m.linkname) for m in built.tree.members.values()] == wanted
    assert built.tree.text("copy/end") == "end\n" and len(built.tree.under("archive")) == 150
    engine.verify()
    assert os.listdir(engine.store / "tmp") == []
    trash_goes(engine)


def undisturbed(engine, context):
    """How long it takes, and what it makes."""
    begin = time.monotonic()
    built = engine.build(DOCKERFILE, context)
    return time.monotonic() - begin, [(m.name, m.mode, m.size, m.linkname) for m in built.tree.members.values()]


def fresh_store(engine, base_tar, name):
    engine.store = engine.scratch / name
    engine.run("image", "import", base_tar, "base").check()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["SIGKILL", "SIGINT", "SIGTERM"])
def test_stopped_at_any_moment(engine, filled, base_tar, number):
    duration, wanted = undisturbed(engine, filled)
    dice = random.Random(number)
    for attempt in range(6):
        fresh_store(engine, base_tar, f"store-{attempt}")
        for _ in range(4):
            process = start(engine, context=filled)
            time.sleep(dice.random() * duration)
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
            if process.returncode != 0:
                # before it catches signals it just ends
                assert process.returncode in (-number, 128 + number), err.decode()
                assert process.returncode < 0 or b"stopped" in err
            nothing_left(engine)
        goes_on(engine, filled, wanted)


def test_ctrl_c_from_a_terminal_goes_to_all_of_us(engine, filled, base_tar):
    """The terminal signals the whole group: us, and what of ours is in it."""
    duration, wanted = undisturbed(engine, filled)
    dice = random.Random(3)
    fresh_store(engine, base_tar, "store-t")
    for _ in range(8):
        process = subprocess.Popen(engine.command(*engine.words(DOCKERFILE, filled)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, process_group=0)
        time.sleep(dice.random() * duration)
        try:
            os.killpg(process.pid, signal.SIGINT)
        except ProcessLookupError:
            pass
        process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGINT)
        nothing_left(engine)
    goes_on(engine, filled, wanted)


def test_a_second_ctrl_c_ends_it_at_once(engine):
    process = subprocess.Popen(engine.command(*engine.words("FROM base\nRUN trap '' INT TERM; sleep 100000\n")), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode in (130, -signal.SIGINT)
    nothing_left(engine)


@pytest.mark.parametrize("kind", ["tar", "dir", "squashfs"])
def test_stopped_while_it_writes(engine, tmp_path, kind):
    dockerfile = "FROM base\nRUN for i in $(seq 400); do head -c 100000 /dev/urandom > /f$i; done\n"
    dice = random.Random(5)
    place, whole = tmp_path / "out", tmp_path / "whole"
    engine.try_build(dockerfile, None, "-o", f"type={kind},dest={whole}").check()
    for attempt in range(8):
        number = dice.choice([signal.SIGKILL, signal.SIGINT])
        process = subprocess.Popen(engine.command(*engine.words(dockerfile, None, ("-o", f"type={kind},dest={place}"))),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.02 + dice.random() * 0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        nothing_left(engine)
        if process.returncode == 0:
            assert place.exists()
            subprocess.run(["rm", "-rf", place], check=True)
        elif kind != "dir":  # the signal may have come behind the rename
            if place.exists():
                assert place.read_bytes() == whole.read_bytes()
                place.unlink()
        elif number == signal.SIGINT:
            assert not place.exists() or os.listdir(place) in ([], os.listdir(whole))
            subprocess.run(["rm", "-rf", place], check=True)
        else:
            subprocess.run(["rm", "-rf", place], check=True)
    engine.try_build(dockerfile, None, "-o", f"type={kind},dest={place}").check()
    engine.verify()


def test_killed_while_importing(engine, base_tar, tmp_path):
    big = tmp_path / "big.tar"
    big.write_bytes(tar_bytes([entry(f"f{i}", os.urandom(20_000)) for i in range(500)]))
    dice = random.Random(7)
    for _ in range(10):
        process = subprocess.Popen(engine.command("image", "import", big, "big"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(dice.random() * 0.2)
        process.kill()
        process.communicate()
        nothing_left(engine)
    engine.run("image", "import", big, "big").check()
    assert len(engine.build("FROM big\n").tree.members) >= 500
    engine.verify()
    assert os.listdir(engine.store / "tmp") == []


def test_killed_and_started_again_at_once(engine, filled, base_tar):
    """The next build does not wait for what dies, and what dies does not spoil the next build."""
    duration, wanted = undisturbed(engine, filled)
    dice = random.Random(11)
    fresh_store(engine, base_tar, "store-again")
    processes = []
    for _ in range(12):
        processes.append(start(engine, context=filled))
        time.sleep(dice.random() * duration * 0.7)
        processes[-1].kill()
    for process in processes:
        process.communicate()
    nothing_left(engine)
    goes_on(engine, filled, wanted)


def test_one_of_two_is_killed(engine, filled, base_tar):
    duration, wanted = undisturbed(engine, filled)
    dice = random.Random(13)
    for attempt in range(5):
        fresh_store(engine, base_tar, f"store-{attempt}")
        first, second = start(engine, context=filled), start(engine, context=filled)
        time.sleep(dice.random() * duration)
        first.kill()
        first.communicate()
        _, err = second.communicate(timeout=60)
        assert second.returncode == 0, err.decode()
        nothing_left(engine)
        goes_on(engine, filled, wanted)


def test_the_first_process_of_a_step_is_killed(engine):
    """By somebody else: the step fails, and says so."""
    process = subprocess.Popen(engine.command(*engine.words("FROM base\nRUN sleep 100\n")), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    time.sleep(0.5)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1 and b"the sandbox process was killed" in err and b":2:1" in err
    nothing_left(engine)
