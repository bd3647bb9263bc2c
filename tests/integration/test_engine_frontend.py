# SPDX-License-Identifier: Apache-2.0
"""What newer Dockerfile frontends know that the peers of the conformance suite do not. docs/reference/conformance.md lists their releases."""
import base64
import http.server
import os
import pathlib
import re
import threading

import pytest

from engine import Tree, base_tar, context, engine, entry, needs_engine, tar_bytes  # noqa: F401 (fixtures)
from test_engine_add_url import Handler

pytestmark = needs_engine

GUEST = pathlib.Path(__file__).parents[2] / "guest"


# --- heredocs ---------------------------------------------------------------------------------------------------------------

def test_blanks_before_the_name_of_a_heredoc(engine):
    """Dockerfile 1.16."""
    tree = engine.build("FROM base\nRUN cat << EOF > /hello.txt\nhello\nEOF\nRUN << EOF\necho $((1 << 4)) >/sum\nEOF\n"
                        "COPY << a.txt <<- 'b.txt' /d/\nhello\na.txt\n\t$x\n\tb.txt\n").tree
    assert tree.text("hello.txt") == "hello\n" and tree.text("sum") == "16\n"
    assert tree.text("d/a.txt") == "hello\n" and tree.text("d/b.txt") == "$x\n"


def test_a_script_after_tabs_has_its_own_interpreter(engine):
    """Dockerfile 1.21: tabs are taken away before the first line is looked at."""
    built = engine.build("FROM base\nRUN <<-EOF\n\t#!/bin/awk -f\n\tBEGIN {\n\t\tprint \"hello\" > \"/dest\"\n\t}\nEOF\n")
    assert built.tree.text("dest") == "hello\n"


# --- checks -----------------------------------------------------------------------------------------------------------------

def test_a_comment_leaves_a_check_out_for_one_instruction(engine):
    """Dockerfile 1.21."""
    text = ("FROM scratch\n# check=skip=SecretsUsedInArgOrEnv // allow\nENV password=bar\n# check=skip=JSONArgsRecommended\nCMD mycommand\n"
            "# check=skip=WorkdirRelativePath\nWORKDIR app/\n")
    checked = engine.try_build(text, None, "--check", "--format", "short")
    assert (checked.code, checked.stdout.splitlines()[-1].split(": ")[1]) == (0, "no errors, no warnings"), checked.stdout
    checked = engine.try_build(text + "WORKDIR b\nENTRYPOINT x\nENV token=1\n", None, "--check", "--format", "short")
    assert checked.code == 1
    assert [re.search(r":\d+:\d+: warning: \[(W\d+)\]", line)[1] for line in checked.stdout.splitlines()[:-1]] == ["W407", "W415"]


# --- options in CSV -----------------------------------------------------------------------------------------------------------

def test_fields_of_options_may_be_quoted(engine, tmp_path):
    (tmp_path / "a, b").write_text("hush")
    out = tmp_path / 'out,"1".tar'
    quoted = str(out).replace('"', '""')
    engine.try_build("FROM base\nRUN --mount=type=secret,id=s cp /run/secrets/s /got\n", None, "--output", f'type=tar,"dest={quoted}"',
                     "--secret", f'id=s,"src={tmp_path}/a, b"').check()
    assert Tree(out).text("got") == "hush"
    for option, value, why in (("--output", 'type=tar,"dest=x', "has a quote that is not closed"), ("--output", 'type=tar,dest="x"', "contains a quote"),
                               ("--secret", '"id=s"x,src=f', "continues after a closing quote"), ("--secret", 'id=s,"src=f', "has a quote that is not closed")):
        refused = engine.try_build("FROM base\n", None, option, value)
        assert refused.code != 0 and f"{option} '{value}' {why}" in refused.stderr


# --- SOURCE_DATE_EPOCH ------------------------------------------------------------------------------------------------------

EPOCH = {"SOURCE_DATE_EPOCH": "1600000000"}
COPIES = "FROM base\nARG SOURCE_DATE_EPOCH\nCOPY f /f\nRUN echo \"epoch=$SOURCE_DATE_EPOCH\" >/e\n"


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.asked = {}, []
    made.url = f"http://127.0.0.1:{made.server_port}"
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def unset(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.mark.parametrize("head, options, env, wanted", [
    ("", ("--build-arg", "SOURCE_DATE_EPOCH=1600000000"), {}, 1600000000),
    ("", (), EPOCH, 1600000000),
    ("ARG SOURCE_DATE_EPOCH=1445412480\n", (), {}, 1445412480),
    ("ARG T=14454\nARG SOURCE_DATE_EPOCH=${T}12480\n", (), {}, 1445412480),
    ("ARG SOURCE_DATE_EPOCH=1445412480\n", (), EPOCH, 1600000000),
    ("ARG SOURCE_DATE_EPOCH=1445412480\n", ("--build-arg", "SOURCE_DATE_EPOCH=1500000000"), EPOCH, 1500000000),
    ("ARG SOURCE_DATE_EPOCH=0\n", (), {}, 0),
    ("ARG SOURCE_DATE_EPOCH=xx\n", ("--build-arg", "SOURCE_DATE_EPOCH=1500000000"), {}, 1500000000),
    ("ARG SOURCE_DATE_EPOCH\n", (), {}, None),
    ("ARG SOURCE_DATE_EPOCH=1445412480\n", ("--build-arg", "SOURCE_DATE_EPOCH="), EPOCH, None),
    ("ARG SOURCE_DATE_EPOCH=1445412480\n", (), {"SOURCE_DATE_EPOCH": ""}, None),
    ("ARG SOURCE_DATE_EPOCH=context\n", (), {}, None),
])
def test_an_epoch_wherever_it_comes_from(engine, context, unset, head, options, env, wanted):
    """Dockerfile 1.5, 1.23 (a global ARG), 1.24 (context, which for a folder means none)."""
    context.write("f", "f", mtime=1_900_000_000)
    tree = engine.build(head + COPIES, context, *options, env=env).tree
    assert tree.text("e") == f"epoch={'' if wanted is None else wanted}\n"
    assert tree["f"].mtime == (1_900_000_000 if wanted is None else wanted)


@pytest.mark.parametrize("head, options, env, where", [
    ("", ("--build-arg", "SOURCE_DATE_EPOCH=xx"), {}, "of --build-arg is not a time: 'xx'"),
    ("", (), {"SOURCE_DATE_EPOCH": "abc"}, "in the environment is not a time: 'abc'"),
    ("", (), {"SOURCE_DATE_EPOCH": "-1"}, "in the environment is not a time: '-1'"),
    ("", (), {"SOURCE_DATE_EPOCH": "1.5"}, "is not a time"),
    ("", (), {"SOURCE_DATE_EPOCH": "999999999999999999"}, "is not a time"),
    ("", (), {"SOURCE_DATE_EPOCH": "99999999999999999999999"}, "is not a time"),
    ("ARG A=1\nARG SOURCE_DATE_EPOCH=10y\n", (), {}, ":2:23: SOURCE_DATE_EPOCH is not a time: '10y'"),
    ("ARG SOURCE_DATE_EPOCH=nostage\n", (), {}, ":1:23: SOURCE_DATE_EPOCH is not a time: 'nostage'"),
])
def test_a_malformed_epoch_is_an_error(engine, context, unset, head, options, env, where):
    context.write("f", "f")
    result = engine.try_build(head + COPIES, context, *options, env=env)
    assert result.code != 0 and where in result.stderr and "seconds since 1970" in result.stderr and result.steps() == []


def test_a_malformed_epoch_is_an_error_of_guests_too(engine, tmp_path, unset):
    bad = {"SOURCE_DATE_EPOCH": "yesterday"}
    guest = tmp_path / "guest"
    refused = engine.run("new", guest, "--non-interactive", "--from", GUEST, env=bad)
    assert refused.code != 0 and "in the environment is not a time: 'yesterday'" in refused.stderr and not guest.exists()
    engine.run("new", guest, "--non-interactive", "--from", GUEST).check()
    refused = engine.run("build", guest, "--dry-run", env=bad)
    assert refused.code != 0 and "in the environment is not a time: 'yesterday'" in refused.stderr and refused.stdout == ""


MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"  # 1 000 000 000


def test_the_epoch_of_a_stage(engine, context, server, unset):
    """Dockerfile 1.24: when the URL was changed; without that, the newest file of an archive."""
    context.write("f", "f", mtime=1_900_000_000)
    archive = tar_bytes([entry("old", b"", mtime=1), entry("dir/new", b"", mtime=1_200_000_000)])
    server.answers = {"/v1": (b"1", {"Last-Modified": MODIFIED}), "/a.tar": archive, "/b.tar": (archive, {"Last-Modified": MODIFIED})}
    for source, wanted in (f"{server.url}/$V", 1_000_000_000), (f"--unpack {server.url}/a.tar", 1_200_000_000), (f"--unpack {server.url}/b.tar", 1_000_000_000):
        text = f"ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nARG V=v1\nADD {source} /\n{COPIES}"
        for _ in range(2):
            tree = engine.build(text, context).tree
            assert tree.text("e") == f"epoch={wanted}\n" and tree["f"].mtime == wanted
    assert engine.build(f"FROM scratch AS src\nADD {server.url}/v1 /\n{COPIES}", context, env={"SOURCE_DATE_EPOCH": "src"}).tree["f"].mtime == 1_000_000_000


@pytest.mark.parametrize("stage, why", [
    ("FROM base AS src\nADD {url}/v1 /\n", ":2:6: SOURCE_DATE_EPOCH names this stage, but it is not FROM scratch"),
    ("FROM scratch AS src\nCOPY f /\n", ":3:1: SOURCE_DATE_EPOCH names this stage, but it has more than one ADD"),
    ("FROM scratch AS src\nADD {url}/v1 /\nADD {url}/v1 /b\n", ":4:1: SOURCE_DATE_EPOCH names this stage, but it has more than one ADD"),
    ("FROM scratch AS src\nADD {url}/v1 {url}/v2 /\n", ":3:1:"),
    ("FROM scratch AS src\nADD f /\n", ":3:5: SOURCE_DATE_EPOCH names this stage, but this comes from the build context"),
    ("FROM scratch AS src\nARG A\n", ":2:1: SOURCE_DATE_EPOCH names this stage, but it has no ADD"),
    ("FROM scratch AS src\nADD {url}/v1 /\n", ":3:5: SOURCE_DATE_EPOCH names this stage, but the server does not send a modification time"),
])
def test_a_stage_that_has_no_time(engine, context, server, unset, stage, why):
    context.write("f", "f")
    server.answers = {"/v1": b"1", "/v2": b"2"}
    result = engine.try_build("ARG SOURCE_DATE_EPOCH=src\n" + stage.format(url=server.url) + COPIES, context)
    assert result.code == 1 and why in result.stderr and "[E405]" in result.stderr, result.stderr


# --- the host's name ----------------------------------------------------------------------------------------------------------

def test_the_name_of_the_sandbox(engine):
    step = "FROM base\nRUN hostname; grep -c ' builder-1.example$' /etc/hosts || true\n"
    name = ("--build-arg", "BUILDKIT_SANDBOX_HOSTNAME=builder-1.example")
    assert engine.lines(step, None, *name) == ["builder-1.example", "1"]
    assert engine.lines(step)[1] == "0"  # another step: the name is in the key
    assert engine.try_build(step, None, *name).check().ran() == []
    for bad in ("a b", "-x", "x" * 65, "a\nb"):
        failed = engine.try_build(step, None, "--build-arg", f"BUILDKIT_SANDBOX_HOSTNAME={bad}")
        assert failed.code == 1 and ":2:1: BUILDKIT_SANDBOX_HOSTNAME is not a valid host name" in failed.stderr


# --- credentials for ADD --------------------------------------------------------------------------------------------------------

def secret(engine, name, value):
    path = engine.scratch / f"secret-{len(os.listdir(engine.scratch))}"
    path.write_text(value)
    return "--secret", f"id={name},src={path}"


@pytest.mark.parametrize("name, value, header", [
    ("HTTP_AUTH_TOKEN_127.0.0.1:{port}", "t0ken\n", "Bearer t0ken"),
    ("HTTP_AUTH_TOKEN_127.0.0.1", "t0ken", "Bearer t0ken"),
    ("HTTP_AUTH_HEADER_127.0.0.1:{port}", "Basic YTpi", "Basic YTpi"),
    ("HTTP_AUTH_TOKEN_elsewhere", "t0ken", None),
    ("GIT_AUTH_TOKEN", "t0ken", None),
])
def test_credentials_of_a_url(engine, server, name, value, header):
    """They go to their server, and to no other one that it leads to."""
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    other.answers, other.asked = {"/f": b"F"}, []
    threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()

    def lead_on(request):
        request.send_response(302)
        request.send_header("Location", f"http://localhost:{other.server_port}/f")
        request.send_header("Content-Length", "0")
        request.end_headers()
    server.answers = {"/f": lead_on}
    built = engine.build(f"FROM base\nADD {server.url}/f /f\n", None, *secret(engine, name.format(port=server.server_port), value))
    assert built.tree.text("f") == "F" and "t0ken" not in built.stderr
    assert server.asked[0][1].get("Authorization") == header and "Authorization" not in other.asked[0][1]
    other.shutdown()
    other.server_close()


def test_a_server_that_wants_credentials(engine, server):
    server.answers = {"/f": lambda request: request.send_error(401)}
    failed = engine.fail(f"FROM base\nADD {server.url}/f /f\n")
    assert "the server answers 401" in failed.stderr and "with --secret id=HTTP_AUTH_TOKEN_HOST" in failed.stderr
    failed = engine.try_build(f"FROM base\nADD {server.url}/f /f\n", None, *secret(engine, "HTTP_AUTH_HEADER_127.0.0.1", "a\nb"))
    assert failed.code == 1 and "the secret 'HTTP_AUTH_HEADER_127.0.0.1' is not one line" in failed.stderr


@pytest.mark.parametrize("name, value, header", [
    ("GIT_AUTH_TOKEN", "t0ken", "Basic " + base64.b64encode(b"x-access-token:t0ken").decode()),
    ("GIT_AUTH_TOKEN.127.0.0.1", "t0k", "Basic " + base64.b64encode(b"x-access-token:t0k").decode()),
    ("GIT_AUTH_HEADER", "Basic YTpi", "Basic YTpi"),
    ("GIT_AUTH_TOKEN.elsewhere", "t0ken", None),
])
def test_credentials_of_a_repository(engine, server, name, value, header):
    failed = engine.try_build(f"FROM base\nADD {server.url}/p.git /p\n", None, *secret(engine, name, value))
    assert failed.code == 1 and server.asked and {headers.get("Authorization") for _, headers in server.asked} == {header}


# --- what else came between 1.10 and 1.26 -------------------------------------------------------------------------------------

def test_the_name_of_the_target_stage(engine):
    """Dockerfile 1.11."""
    text = "FROM base AS one\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE >/s\nFROM one AS two\n"
    assert engine.build(text, None, "--target", "two").tree.text("s") == "two\n"
    assert engine.build(text, None, "--target", "one").tree.text("s") == "one\n"
    assert engine.build(text).tree.text("s") == "default\n"


def test_triggers_may_name_stages(engine):
    """Dockerfile 1.11: the stages are those of the file in which the trigger runs."""
    engine.build("FROM base\nONBUILD COPY --from=made /made /copied\nONBUILD RUN --mount=from=made,target=/m cp /m/made /run-copied\n", None, "--tag", "triggers")
    tree = engine.build("FROM base AS made\nRUN echo x >/made\nFROM triggers\n").tree
    assert tree.text("copied") == tree.text("run-copied") == "x\n"


def test_a_named_context_that_is_not_needed(engine, unset):
    """Dockerfile 1.14."""
    engine.build("FROM base\nRUN true\n", None, "--build-context", "unused=docker-image://host.invalid/x:1")


def test_folders_of_workdir_have_the_epoch(engine, unset):
    """Dockerfile 1.16."""
    tree = engine.build("FROM base\nWORKDIR /made/below\n", None, "--build-arg", "SOURCE_DATE_EPOCH=1600000000").tree
    assert tree["made"].mtime == tree["made/below"].mtime == 1_600_000_000


def test_copy_of_all_is_not_ignored(engine, context):
    """Dockerfile 1.26: `COPY .` is not a file that .dockerignore names."""
    context.write(".dockerignore", "*\n!kept\n")
    checked = engine.try_build("# check=experimental=all\nFROM scratch\nCOPY . /\n", context, "--check", "--format", "short")
    assert checked.code == 0, checked.stdout
