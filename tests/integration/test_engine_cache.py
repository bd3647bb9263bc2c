# SPDX-License-Identifier: Apache-2.0
"""What runs again and what does not; two builds at once; the store looked after."""
import os
import re
import signal
import subprocess
import time

import pytest

from engine import base_tar, context, engine, needs_engine  # noqa: F401 (fixtures)

pytestmark = needs_engine

DOCKERFILE = """FROM base
ARG A=1
ENV E=1
RUN echo first > /first
COPY one /one
RUN cat /one > /second
COPY two /two
WORKDIR /w
RUN echo "$A" > third
"""


@pytest.fixture
def filled(context):
    context.write("one", "1")
    context.write("two", "2")
    return context


def test_a_second_build_runs_nothing(engine, filled):
    first = engine.build(DOCKERFILE, filled)
    assert len(first.ran()) == 6
    second = engine.build(DOCKERFILE, filled)
    assert second.ran() == [] and len(second.steps()) == 6 and second.key == first.key
    assert second.tar_path.read_bytes() == first.tar_path.read_bytes()


def test_a_changed_file_invalidates_from_its_copy_on(engine, filled):
    engine.build(DOCKERFILE, filled)
    filled.write("two", "changed")
    assert engine.build(DOCKERFILE, filled).ran() == ["COPY two /two", "WORKDIR /w", 'RUN echo "$A" > third']
    filled.write("one", "changed")
    assert engine.build(DOCKERFILE, filled).ran()[0] == "COPY one /one"


def test_a_change_back_runs_nothing(engine, filled):
    engine.build(DOCKERFILE, filled)
    filled.write("two", "changed")
    engine.build(DOCKERFILE, filled)
    filled.write("two", "2")
    assert engine.build(DOCKERFILE, filled).ran() == []


def test_times_alone_change_nothing_and_modes_do(engine, filled):
    engine.build(DOCKERFILE, filled)
    os.utime(filled / "one", (1, 1))
    assert engine.build(DOCKERFILE, filled).ran() == []
    os.chmod(filled / "two", 0o755)
    assert engine.build(DOCKERFILE, filled).ran()[0] == "COPY two /two"


def test_a_file_that_is_replaced_with_the_same_size_and_time_is_seen(engine, filled):
    filled.write("two", "aa", mtime=1_000_000_000)
    engine.build(DOCKERFILE, filled)
    for content in ("bb", "cc", "dd"):
        filled.write("two", content, mtime=1_000_000_000)
        assert engine.build(DOCKERFILE, filled).tree.text("two") == content


def test_variables_invalidate_steps_that_see_them(engine, filled):
    engine.build(DOCKERFILE, filled)
    assert engine.build(DOCKERFILE, filled, "--build-arg", "A=2").ran()[0] == "RUN echo first > /first"
    assert engine.build(DOCKERFILE.replace("E=1", "E=2"), filled).ran()[0] == "RUN echo first > /first"
    later = DOCKERFILE.replace("ARG A=1\n", "").replace("WORKDIR", "ARG A=1\nWORKDIR")
    engine.build(later, filled)
    assert engine.build(later, filled, "--build-arg", "A=2").ran() == ['RUN echo "$A" > third']


@pytest.mark.parametrize("before, after", [
    ("USER root", "USER nobody"), ("SHELL [\"/bin/sh\", \"-c\"]", "SHELL [\"/bin/ash\", \"-c\"]"), ("WORKDIR /tmp", "WORKDIR /var"),
    ("ENV X=1", "ENV Y=1"), ("LABEL x=1", None), ("EXPOSE 80", None), ("CMD x", None)])
def test_what_is_part_of_a_key(engine, before, after):
    engine.build(f"FROM base\n{before}\nRUN true\n")
    assert "RUN true" not in engine.build(f"FROM base\n{before}\nRUN true\n").ran()
    changed = engine.build(f"FROM base\n{after or 'STOPSIGNAL 9'}\nRUN true\n")
    assert ("RUN true" in changed.ran()) == (after is not None)


def test_two_spellings_of_the_same_words_are_different_keys(engine):
    outputs = {engine.build(f"FROM base\n{line}\n").key for line in (
        'RUN ["echo", "a b"]', 'RUN ["echo", "a", "b"]', "RUN echo a b", 'RUN ["echo a", "b"]'.replace('"echo a"', '"echo", "a"'))}
    assert len(outputs) == 3


def test_files_that_swap_names_or_move_are_seen(engine, context):
    context.write("d/a", "1")
    context.write("d/b", "2")
    dockerfile = "FROM base\nCOPY d /d\n"
    engine.build(dockerfile, context)
    os.rename(context / "d" / "a", context / "d" / "t")
    os.rename(context / "d" / "b", context / "d" / "a")
    os.rename(context / "d" / "t", context / "d" / "b")
    assert engine.build(dockerfile, context).tree.text("d/a") == "2"
    (context / "d" / "sub").mkdir()
    os.rename(context / "d" / "a", context / "d" / "sub" / "a")
    assert engine.build(dockerfile, context).tree.under("d") == ["b", "sub", "sub/a"]
    os.remove(context / "d" / "b")
    assert engine.build(dockerfile, context).tree.under("d") == ["sub", "sub/a"]


def test_a_link_is_its_target(engine, context):
    context.link("d/l", "one")
    dockerfile = "FROM base\nCOPY d /d\n"
    engine.build(dockerfile, context)
    os.remove(context / "d" / "l")
    context.link("d/l", "two")
    assert engine.build(dockerfile, context).tree["d/l"].linkname == "two"


def test_stages_share_their_steps(engine):
    built = engine.build("FROM base AS a\nRUN echo x > /x\nFROM base AS b\nRUN echo x > /x\nRUN echo y\nFROM b\nCOPY --from=a /x /y\n")
    assert built.steps().count(("RUN echo x > /x", "done")) == 1 and ("RUN echo x > /x", "cached") in built.steps()


def test_no_cache_runs_all_and_replaces_what_is_kept(engine):
    dockerfile = "FROM base\nRUN cat /proc/uptime /proc/sys/kernel/random/uuid > /u\nRUN cat /u\n"
    first = engine.build(dockerfile)
    second = engine.build(dockerfile, None, "--no-cache")
    assert len(second.ran()) == 2 and second.tree.text("u") != first.tree.text("u")
    assert engine.build(dockerfile).tree.text("u") == second.tree.text("u")
    engine.verify()


def test_a_failed_step_is_tried_again_and_those_before_are_kept(engine):
    dockerfile = "FROM base\nRUN echo one\nRUN --mount=type=cache,target=/c test -e /c/ok || { touch /c/ok; exit 3; }\nRUN echo three\n"
    assert [how for _, how in engine.fail(dockerfile).steps()] == ["done", "failed"]
    assert [how for _, how in engine.build(dockerfile).steps()] == ["cached", "done", "done"]


def test_steps_that_change_nothing_are_empty_layers(engine):
    built = engine.build("FROM base\n" + "RUN true\n" * 5 + "RUN echo x > /x\n" + "WORKDIR /tmp\n" * 3)
    assert len(built.metadata["layers"]) == 2


# --- the context while it changes -------------------------------------------------------------------------------------------------------

def test_a_file_that_changes_while_it_is_copied_is_not_kept_under_its_old_key(engine, context):
    """Digests are taken before the copy: what is changed in between must not poison the store."""
    with open(context.write("d/a", ""), "wb") as file:
        for _ in range(200):
            file.write(os.urandom(1000) * 1000)
    context.write("d/z", "old")
    dockerfile = "FROM base\nCOPY d /d\n"
    process = start(engine, *engine.words(dockerfile, context))
    while process.poll() is None and not list(engine.store.glob("tmp/*/step/fs/d/a")):
        pass
    context.write("d/z", "new")
    (code, _, err), = finish([process])
    assert code == 1 and "the source of '/d/z' was changed during the build" in err
    os.remove(context / "d" / "a")
    for text in ("old", "new"):
        context.write("d/z", text)
        assert engine.build(dockerfile, context).tree.text("d/z") == text


# --- two builds at once --------------------------------------------------------------------------------------------------------------------

def start(engine, *words):
    return subprocess.Popen(engine.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(processes, timeout=60):
    done = [p.communicate(timeout=timeout) for p in processes]
    return [(p.returncode, out.decode(), err.decode()) for p, (out, err) in zip(processes, done)]


def test_two_builds_of_the_same_run_each_step_once(engine, context):
    context.write("f", "F")
    dockerfile = "FROM base\n" + "".join(
        f"RUN --mount=type=cache,id=log,target=/log echo {i} >> /log/steps; sleep 0.1\n" for i in range(4)) + "COPY f /f\n"
    results = finish([start(engine, *engine.words(dockerfile, context)) for _ in range(4)])
    assert [code for code, _, _ in results] == [0] * 4, results
    assert len({out for _, out, _ in results}) == 1
    log = engine.lines("FROM base\nRUN --mount=type=cache,id=log,target=/log sort /log/steps\n", context)
    assert log == ["0", "1", "2", "3"]
    assert any("another build is running this step" in err for _, _, err in results)
    engine.verify()


def test_two_builds_one_without_cache(engine):
    dockerfile = "FROM base\nRUN head -c 3000000 /dev/urandom > /big\n" + "".join(f"RUN echo {i} > /f{i}\n" for i in range(10))
    engine.build(dockerfile)
    for _ in range(3):
        results = finish([start(engine, *engine.words(dockerfile, None, options)) for options in ((), ("--no-cache",), ("--no-cache",), ())])
        assert [code for code, _, _ in results] == [0] * 4, results
    assert engine.build(dockerfile).ran() == []
    engine.verify()


def test_many_builds_of_different_things(engine, context):
    context.write("f", "F")
    results = finish([start(engine, *engine.words(f"FROM base\nCOPY f /f\nRUN echo {i % 3}\nRUN echo {i}\n", context)) for i in range(8)])
    assert [code for code, _, _ in results] == [0] * 8, results
    engine.verify()
    assert os.listdir(engine.store / "tmp") == []


def test_waiting_for_another_build_can_be_stopped(engine):
    dockerfile = "FROM base\nRUN sleep 100000\n"
    first = start(engine, *engine.words(dockerfile))
    time.sleep(0.5)
    second = start(engine, *engine.words(dockerfile))
    time.sleep(0.5)
    second.send_signal(signal.SIGINT)
    _, err = second.communicate(timeout=120)
    assert second.returncode == 130 and b"stopped" in err
    assert first.poll() is None  # the other one goes on, and has the key
    first.send_signal(signal.SIGINT)
    assert finish([first])[0][0] == 130


# --- the store ------------------------------------------------------------------------------------------------------------------------------

def test_prune_while_a_build_runs_is_refused_and_later_works(engine):
    dockerfile = "FROM base\nRUN sleep 1.5; echo x > /x\n"
    process = start(engine, *engine.words(dockerfile))
    time.sleep(0.5)
    result = engine.run("cache", "prune", "--yes")
    assert result.code == 1 and "in use" in result.stderr
    assert finish([process])[0][0] == 0
    engine.run("cache", "prune", "--yes", "--images").check()
    assert engine.layers() == [] and "base" in engine.fail("FROM base\n").stderr


def prune(engine, *words, answer=None):
    process = subprocess.run(engine.command("cache", "prune", *words), input=answer, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                             stdin=subprocess.DEVNULL if answer is None else None)
    return process.returncode, process.stdout, process.stderr


def test_several_names(engine):
    engine.build("FROM base\nRUN echo x > /x\n", None, "--tag", "mine:1", "--tag", "mine:2")
    for name in ("mine:1", "mine:2"):
        assert engine.build(f"FROM {name}\n").tree.text("x") == "x\n"


def test_images_with_a_name_stay(engine):
    """They were imported, pulled or built on purpose: nothing makes them again."""
    engine.build("FROM base\nRUN echo x > /x\n", None, "--tag", "mine")
    kept = set(engine.layers())
    engine.build("FROM base\nRUN echo y > /y\n")
    code, out, _ = prune(engine, "--dry-run")
    assert code == 0 and re.search(r"^  layer +1 ", out, re.M) and "in it 2 images with a name (--images removes them too)" in out
    assert len(engine.layers()) == len(kept) + 1
    code, out, _ = prune(engine, "--yes")
    assert code == 0 and out.startswith("removed ") and set(engine.layers()) == kept
    assert engine.build("FROM mine\n").tree.text("x") == "x\n" and prune(engine, "--keep-size", "0")[0] == 0
    assert engine.build("FROM mine\n").tree.text("x") == "x\n"
    engine.verify()
    code, out, _ = prune(engine, "--images", "--dry-run")
    assert code == 0 and re.search(r"^  image +2 ", out, re.M) and "with a name" not in out
    assert prune(engine, "--images", "--keep-days", "0")[0] == 0 and engine.layers() == []


def test_without_a_limit_it_asks(engine):
    engine.build("FROM base\nRUN echo x > /x\n")
    before = engine.layers()
    for answer in ("n\n", "\n", "what\n"):
        code, out, err = prune(engine, answer=answer)
        assert code == 1 and out == "nothing was removed\n" and "to be removed:" in err and "Remove it? [y/N]" in err
    code, out, err = prune(engine)
    assert code == 1 and "the input ended before an answer" in err and "--yes" in err and engine.layers() == before
    code, out, err = prune(engine, answer="Yes\n")
    assert code == 0 and out.startswith("removed ") and len(engine.layers()) == len(before) - 1
    code, out, err = prune(engine)
    assert code == 0 and out.startswith("removed 0 B") and err == ""  # nothing to ask about


def test_verify_finds_what_is_missing(engine):
    engine.build("FROM base\nRUN echo x > /x\nRUN echo y > /y\n")
    for name, content in zip(engine.layers(), ("", "{", None)):
        path = engine.store / "layers" / name / "meta.json"
        os.remove(path)
        if content is not None:
            path.write_text(content)
    result = engine.run("cache", "verify")
    # the image's record goes with its layer, and is not counted
    assert result.code == 1 and "3 damaged, removed" in result.stdout and engine.layers() == []
    engine.verify()
    assert "base" in engine.fail("FROM base\n").stderr


def test_a_store_folder_is_for_its_owner(engine):
    assert os.stat(engine.store).st_mode & 0o777 == 0o700


def test_ls_and_du_name_the_steps(engine):
    engine.build("FROM base\nRUN echo x > /x\n")
    assert "RUN echo x > /x" in engine.run("cache", "ls").check().stdout
    assert "layer" in engine.run("cache", "du").check().stdout
