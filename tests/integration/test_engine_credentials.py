# SPDX-License-Identifier: Apache-2.0
"""Credentials of this machine: steps have its settings without them, unless whoever builds says otherwise."""
import re
import subprocess

import pytest

from engine import base_tar, context, engine, needs_engine  # noqa: F401

pytestmark = needs_engine

NPMRC = """registry=https://npm.registry.test/
//npm.registry.test/:_authToken=TOP-npm-token
//npm.corp.test/:_password=TOP-npm-password
//npm.env.test/:_authToken=${HOST_NPM_TOKEN}
@corp:registry=https://user:TOP-npm-url@npm.corp.test/
"""
PIP_CONF = """[global]
index-url = https://user:TOP-pip-password@pip.test/simple
extra-index-url =
    https://TOP-pip-token@extra.test/simple
    https://plain.test/simple/@scope
"""
SHOW = "FROM base\nUSER nobody\nRUN cat /run/capsem/npmrc /run/capsem/pip.conf; env; cat /run/capsem/apt.conf\n"
FAIL = "FROM base\nRUN echo '%s'; false\n"


@pytest.fixture
def host(tmp_path):
    """The environment of somebody with credentials of every kind."""
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True)
    (home / ".npmrc").write_text(NPMRC)
    (home / ".config/pip/pip.conf").write_text(PIP_CONF)
    return {"HOME": str(home), "https_proxy": "http://user:TOP-proxy-password@127.0.0.1:9", "ALL_PROXY": "user:TOP-bare-proxy@127.0.0.1:9",
            "no_proxy": "localhost", "PIP_INDEX_URL": "https://user:TOP-pip-env@pip.test/simple", "HOST_NPM_TOKEN": "TOP-npm-env",
            "UV_INDEX": "corp=https://user:TOP-uv@uv.test/simple other=https://plain.test/",
            "GOPROXY": "https://plain.test,https://user:TOP-go@go.test|direct"}


def secrets_in(lines):
    return sorted(set(re.findall(r"TOP-[a-z-]+", "\n".join(lines))))


def test_settings_come_without_credentials(engine, host):
    lines = engine.lines(SHOW, None, "--no-cache", env=host)
    assert secrets_in(lines) == []
    for line in ("registry=https://npm.registry.test/", "@corp:registry=https://npm.corp.test/", "index-url = https://pip.test/simple",
                 "    https://extra.test/simple", "    https://plain.test/simple/@scope", "https_proxy=http://127.0.0.1:9",
                 "ALL_PROXY=127.0.0.1:9", "no_proxy=localhost", "PIP_INDEX_URL=https://pip.test/simple",
                 "UV_INDEX=corp=https://uv.test/simple other=https://plain.test/", "GOPROXY=https://plain.test,https://go.test|direct"):
        assert line in lines


@pytest.mark.parametrize("kinds, wanted", [
    ("npm", ["TOP-npm-env", "TOP-npm-password", "TOP-npm-token", "TOP-npm-url"]),
    ("pip", ["TOP-pip-env", "TOP-pip-password", "TOP-pip-token", "TOP-uv"]),
    ("proxy", ["TOP-bare-proxy", "TOP-proxy-password"]),
    ("go", ["TOP-go"]),
    ("none", []),
])
def test_each_kind_is_shared_alone(engine, host, kinds, wanted):
    lines = engine.lines(SHOW, None, "--no-cache", "--credentials", kinds, env=host)
    assert secrets_in(lines) == wanted


def test_credentials_are_in_no_layer_and_no_key(engine, host):
    dockerfile = "FROM base\nRUN cat /run/capsem/npmrc >/dev/null; echo ran\n"
    assert engine.build(dockerfile, None, "--credentials", "npm,pip,proxy", env=host).lines() == ["ran"]
    assert engine.build(dockerfile, env=host).ran() == []
    assert subprocess.run(["grep", "-r", "TOP-", str(engine.store)], capture_output=True).returncode == 1


@pytest.mark.parametrize("printed, kind", [
    ("npm error code E401", "npm"),
    ("npm error code ENEEDAUTH", "npm"),
    ("npm error 404 Not Found - GET https://npm.corp.test/@corp%2fthing", "npm,pip,go"),
    ("ERROR: No matching distribution found for corp-thing", "pip"),
    ("curl: (56) CONNECT tunnel failed, response 407", "proxy"),
    ("gcc: file 1401.c has 4010 lines", None),
    ("nothing in particular", None),
])
def test_a_fetch_that_lacks_them_says_how_to_give_them(engine, host, printed, kind):
    failed = engine.fail(FAIL % printed, env=host)
    assert ("--credentials " in failed.stderr) == (kind is not None)
    if kind is not None:
        names = ", ".join(f'"{name}"' for name in kind.split(","))
        assert f"--credentials {kind} or host_credentials = [{names}] in [build]" in failed.stderr
        given = engine.fail(FAIL % printed, None, "--credentials", "npm,pip,proxy,go", env=host)
        assert "--credentials" not in given.stderr


def test_no_hint_where_the_machine_has_none(engine, tmp_path):
    assert "--credentials" not in engine.fail(FAIL % "npm error code E401", env={"HOME": str(tmp_path)}).stderr


def test_a_kind_that_is_not_there(engine):
    failed = engine.try_build("FROM base\n", None, "--credentials", "npm,nmp")
    assert failed.code == 2 and "--credentials takes npm,pip,apt,proxy,go or none, not 'nmp'" in failed.stderr
