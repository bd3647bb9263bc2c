# SPDX-License-Identifier: Apache-2.0
"""Stages, variables and the image config: Dockerfile reference, FROM, ARG, ENV and the instructions that run nothing."""
import pytest

from engine import Context, base_tar, context, engine, needs_engine  # noqa: F401 (fixtures)

pytestmark = needs_engine


# --- FROM ---------------------------------------------------------------------------------------------------------------------

def test_from_scratch_holds_what_is_copied_and_nothing_else(engine, context):
    context.write("a", "A")
    built = engine.build("FROM scratch\nCOPY a /deep/down/a\n", context)
    assert sorted(p for p in built.tree.members if p not in ("", ".")) == ["deep", "deep/down", "deep/down/a"]
    assert built.tree.text("deep/down/a") == "A"


def test_from_stage_by_name_takes_files_and_config(engine):
    built = engine.build("""
        FROM base AS One
        ENV A=1
        WORKDIR /w
        RUN echo one > one
        FROM one
        RUN echo "$A $(cat one)" > two
    """.replace("        ", ""))
    assert built.tree.text("w/two") == "1 one\n"
    assert built.env["A"] == "1" and built.config["WorkingDir"] == "/w"


def test_copy_from_a_stage_by_number_and_name(engine):
    built = engine.build("""FROM base
RUN echo zero > /zero
FROM base AS named
RUN echo named > /named
FROM scratch
COPY --from=0 /zero /
COPY --from=named /named /
COPY --from=base /etc/passwd /
""")
    assert built.tree.text("zero") == "zero\n" and built.tree.text("named") == "named\n" and "root:" in built.tree.text("passwd")


def test_a_stage_named_like_a_number_is_not_one(engine):
    assert "this file has no stage with that name" in engine.fail("FROM base\nFROM 0\n").stderr


@pytest.mark.parametrize("dockerfile, line", [
    ("FROM nowhere.invalid/tool:1 AS tool\nFROM base\nRUN echo ran\nCOPY --from=tool /x /x\n", 1),
    ("FROM base\nRUN echo ran\nCOPY --from=nowhere.invalid/tool:1 /x /x\n", 3),
    ("FROM base\nRUN echo ran\nRUN --mount=type=bind,from=nowhere.invalid/tool:1,target=/t true\n", 3),
    ("FROM base\nRUN echo ran\nFROM base AS other\nCOPY --from=0 /bin /b\nRUN --mount=from=last,target=/t true\n"
     "FROM nowhere.invalid/tool:1 AS last\n", None),  # refused as a stage that comes later
    ("ARG BASE=nowhere.invalid/tool:1\nFROM base AS one\nRUN echo ran\nFROM $BASE\nCOPY --from=one /bin /b\n", 4),
])
def test_a_base_that_cannot_be_had_is_found_out_before_a_step_runs(engine, dockerfile, line):
    failed = engine.fail(dockerfile, None, "--offline")
    assert "ran" not in failed.lines() and failed.ran() == []
    assert line is None or (f":{line}:" in failed.stderr and "nowhere.invalid/tool:1" in failed.stderr)


def test_all_bases_that_cannot_be_had_are_named(engine):
    failed = engine.fail("FROM nowhere.invalid/a:1 AS a\nFROM base\nCOPY --from=nowhere.invalid/b:1 /x /x\nCOPY --from=a /x /y\n",
                         None, "--offline")
    assert "nowhere.invalid/a:1" in failed.stderr and "nowhere.invalid/b:1" in failed.stderr


def test_bases_that_the_target_does_not_need_are_not_asked_for(engine):
    assert engine.lines("FROM nowhere.invalid/tool:1 AS tool\nFROM base\nRUN echo ran\n") == ["ran"]


def test_only_the_stages_that_the_target_needs_are_built(engine):
    dockerfile = """FROM base AS unused
RUN false
FROM base AS needed
RUN echo needed > /n
FROM base AS side
RUN echo side > /s
FROM base AS last
COPY --from=needed /n /
RUN --mount=from=side,target=/side cat /side/s > /copy
"""
    result = engine.build(dockerfile)
    assert [text for text, _ in result.steps()] == [
        "RUN echo needed > /n", "COPY --from=needed /n /", "RUN echo side > /s", "RUN cat /side/s > /copy"]
    assert result.tree.text("copy") == "side\n"


def test_target_by_name_and_number(engine):
    dockerfile = "FROM base AS a\nRUN echo a > /x\nFROM base AS b\nRUN echo b > /x\nFROM base\nRUN false\n"
    assert engine.build(dockerfile, None, "--target", "B").tree.text("x") == "b\n"
    assert engine.build(dockerfile, None, "--target", "0").tree.text("x") == "a\n"
    result = engine.fail(dockerfile, None, "--target", "bb")
    assert "there is no stage 'bb'" in result.stderr and "did you mean 'b'" in result.stderr


def test_the_same_base_in_two_stages_and_a_later_stage_over_an_image_of_that_name(engine):
    built = engine.build("FROM base AS base\nRUN echo stage > /which\nFROM base\nRUN cat /which > /seen\n")
    assert built.tree.text("seen") == "stage\n"


def test_platform_arguments(engine):
    built = engine.build("""ARG TARGETARCH
FROM --platform=$BUILDPLATFORM base
ARG TARGETARCH
ARG TARGETPLATFORM
ARG BUILDOS
RUN echo "$TARGETARCH|$TARGETPLATFORM|$BUILDOS|$TARGETOS" > /p
""")
    arch, platform, system, undeclared = built.tree.text("p").strip().split("|")
    assert (arch, platform, system, undeclared) == (built.image_config["architecture"], f"linux/{arch}", "linux", "")


# --- ARG ----------------------------------------------------------------------------------------------------------------------

def test_arg_in_from(engine):
    dockerfile = "ARG NAME=none\nARG FULL=${NAME}\nFROM ${FULL}\nRUN true\n"
    engine.build(dockerfile, None, "--build-arg", "NAME=base")
    assert "none" in engine.fail(dockerfile).stderr


ARG_SCOPES = """ARG G=global
ARG H=other
FROM base
RUN echo "1 [$G]"
ARG G
RUN echo "2 [$G]"
ARG H=own
RUN echo "3 [$H]"
ARG NEVER
RUN echo "4 [${NEVER-unset}]"
FROM base
RUN echo "5 [$G]"
"""


@pytest.mark.parametrize("options, lines", [
    ((), ["1 []", "2 [global]", "3 [own]", "4 [unset]"]),
    (("--build-arg", "G=given", "--build-arg", "H=given", "--build-arg", "NEVER=x"),
     ["1 []", "2 [given]", "3 [given]", "4 [x]"]),
    (("--build-arg", "G="), ["1 []", "2 []", "3 [own]", "4 [unset]"]),
])
def test_arg_scopes(engine, options, lines):
    assert engine.lines(ARG_SCOPES, None, "--target", "0", *options) == lines


def test_an_argument_ends_with_its_stage(engine):
    assert engine.lines(ARG_SCOPES)[-1] == "5 []"


def test_build_arg_from_our_environment(engine):
    lines = engine.lines("FROM base\nARG GIVEN=default\nARG NOT_GIVEN=default\nRUN echo $GIVEN $NOT_GIVEN\n", None,
                         "--build-arg", "GIVEN", "--build-arg", "NOT_GIVEN", env={"GIVEN": "environment"})
    assert lines == ["environment default"]


def test_env_wins_over_arg_and_args_are_not_in_the_image(engine):
    built = engine.build("""FROM base
ENV A=env
ARG A=arg
ARG B=arg
ENV B=from-$B
ARG C=arg
RUN echo "$A $B $C" > /x
""", None, "--build-arg", "A=given")
    assert built.tree.text("x") == "env from-arg arg\n"
    assert built.env["A"] == "env" and built.env["B"] == "from-arg" and "C" not in built.env


def test_proxy_arguments_reach_steps_undeclared_and_change_no_key(engine):
    dockerfile = "FROM base\nRUN echo \"[$http_proxy]\"; echo x > /x\n"
    first = engine.build(dockerfile, None, "--build-arg", "http_proxy=http://one:1")
    assert first.lines() == ["[http://one:1]"]
    second = engine.build(dockerfile, None, "--build-arg", "http_proxy=http://two:2")
    assert second.ran() == [] and second.key == first.key
    declared = "FROM base\nARG HTTPS_PROXY=http://default:1\nRUN echo \"[$HTTPS_PROXY]\"\n"
    assert engine.lines(declared) == ["[http://default:1]"]


# --- ENV and expansion ----------------------------------------------------------------------------------------------------------

def test_words_of_one_env_see_the_environment_before_it(engine):
    built = engine.build("FROM base\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n")
    assert (built.env["abc"], built.env["def"], built.env["ghi"]) == ("bye", "hello", "bye")


def test_env_order_and_replacement_in_place(engine):
    built = engine.build("FROM base\nENV B=1\nENV A=2\nENV B=3 PATH=/bin\n")
    assert built.config["Env"] == ["PATH=/bin", "B=3", "A=2"]


def test_default_path_and_home(engine):
    built = engine.build("FROM base\nRUN echo $PATH $HOME > /x\nUSER builder\nRUN echo $HOME > /tmp/y\nENV HOME=/h\nRUN echo $HOME > /tmp/z\n")
    assert built.tree.text("x") == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /root\n"
    assert built.tree.text("tmp/y") == "/home/builder\n" and built.tree.text("tmp/z") == "/h\n"
    assert "HOME" in built.env and len(built.env) == 2


def test_variables_where_they_are_expanded(engine, context):
    context.write("dir/file", "F")
    built = engine.build("""FROM base
ENV D=dir U=builder P=80 V=/vol
WORKDIR /w/$D
COPY --chown=$U ${D}/file ./${D}-copy
USER ${U:-root}
EXPOSE $P ${P}81/udp
VOLUME $V
STOPSIGNAL SIG${SIG:-USR1}
LABEL name=$D "quoted $D"='single $D'
RUN echo $D
""", context)
    assert built.tree.owner("w/dir/dir-copy") == (1000, 1000)
    config = built.config
    assert config["User"] == "builder" and config["StopSignal"] == "SIGUSR1"
    assert set(config["ExposedPorts"]) == {"80/tcp", "8081/udp"} and set(config["Volumes"]) == {"/vol"}
    assert config["Labels"] == {"name": "dir", "quoted dir": "single $D"}


def test_steps_see_no_variable_of_ours(engine):
    lines = engine.lines("FROM base\nRUN env\n", env={"SECRET_OF_THE_HOST": "x", "LD_PRELOAD": ""})
    assert not any("SECRET_OF_THE_HOST" in line or line.startswith("LD_") for line in lines)


# --- the config -----------------------------------------------------------------------------------------------------------------

def test_config_of_every_instruction(engine):
    built = engine.build("""FROM base
MAINTAINER Some One <one@example.org>
LABEL a=1 b="two words"
LABEL a=3
EXPOSE 80 443/tcp 53/UDP 8000-8002
VOLUME /data /more
VOLUME ["/with space"]
HEALTHCHECK --interval=90s --timeout=1m30s --start-period=2s --start-interval=500ms --retries=4 CMD curl -f http://localhost/
STOPSIGNAL 9
SHELL ["/bin/ash", "-ec"]
ENTRYPOINT ["/bin/entry", "$NOT"]
CMD run it
ONBUILD RUN echo triggered
ONBUILD COPY . /app
""")
    assert built.image_config["author"] == "Some One <one@example.org>"
    second = 1_000_000_000
    assert built.config == {
        "Env": built.config["Env"],
        "Labels": {"a": "3", "b": "two words"},
        "ExposedPorts": {p: {} for p in ("80/tcp", "443/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp")},
        "Volumes": {"/data": {}, "/more": {}, "/with space": {}},
        "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost/"], "Interval": 90 * second, "Timeout": 90 * second,
                        "StartPeriod": 2 * second, "StartInterval": second // 2, "Retries": 4},
        "StopSignal": "9",
        "Shell": ["/bin/ash", "-ec"],
        "Entrypoint": ["/bin/entry", "$NOT"],
        "Cmd": ["/bin/ash", "-ec", "run it"],
        "OnBuild": ["RUN echo triggered", "COPY . /app"],
    }


def test_healthcheck_none_and_exec(engine):
    assert engine.build("FROM base\nHEALTHCHECK CMD [\"a\", \"b\"]\n").config["Healthcheck"] == {"Test": ["CMD", "a", "b"]}
    assert engine.build("FROM base\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n").config["Healthcheck"] == {"Test": ["NONE"]}


def test_entrypoint_resets_the_cmd_of_the_base_only(engine):
    built = engine.build("FROM base AS a\nCMD [\"a\"]\nFROM a\nENTRYPOINT [\"e\"]\n")
    assert built.config["Entrypoint"] == ["e"] and "Cmd" not in built.config
    built = engine.build("FROM base AS a\nCMD [\"a\"]\nFROM a\nCMD [\"mine\"]\nENTRYPOINT [\"e\"]\n")
    assert built.config["Cmd"] == ["mine"]
    assert engine.build("FROM base\nENTRYPOINT e x\nCMD []\n").config["Cmd"] == []


def test_onbuild_runs_in_the_child_first_and_only_once(engine, context):
    context.write("f", "F")
    dockerfile = """FROM base AS parent
ONBUILD ENV FROM_TRIGGER=1
ONBUILD COPY f /f
ONBUILD RUN echo trigger
RUN echo parent
FROM parent AS child
RUN echo child $FROM_TRIGGER; cat /f
FROM child
RUN echo grandchild
"""
    built = engine.build(dockerfile, context)
    assert built.lines() == ["parent", "trigger", "child 1", "F", "grandchild"]
    assert "OnBuild" not in built.config


def test_many_ports_and_labels_take_no_time(engine):
    labels = " ".join(f"l{i}=v" for i in range(5000))
    built = engine.build(f"FROM base\nEXPOSE 1-65535\nLABEL {labels}\n", timeout=20)
    assert len(built.config["ExposedPorts"]) == 65535 and len(built.config["Labels"]) == 5000
