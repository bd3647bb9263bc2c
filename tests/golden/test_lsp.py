# SPDX-License-Identifier: Apache-2.0
"""capsem-builder lsp: sessions as an editor has them."""
import os
import re
import shutil

import pytest

from lsp_client import BUILDER, REPO, Client, frame, position

pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")
BUILD = "guest/config/build.toml"
PROVIDER = "guest/config/ai/anthropic.toml"


@pytest.fixture(name="client")
def session(tmp_path):
    shutil.copytree(REPO / "guest", tmp_path / "guest")
    client = Client(tmp_path)
    yield client
    client.end()


def test_capabilities(client):
    assert client.capabilities["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    assert client.capabilities["hoverProvider"] and client.capabilities["definitionProvider"]
    assert client.capabilities["positionEncoding"] == "utf-16"


def test_diagnostics_follow_what_is_typed(client):
    client.open(BUILD)
    client.wait(BUILD, [])
    client.change(BUILD, ('compression = "zstd"', 'compression = "zst"'))
    [found] = client.wait(BUILD, ["E003"])
    assert client.covered(BUILD, found["range"]) == '"zst"'
    assert found["severity"] == 1 and found["source"] == "capsem-builder"
    assert found["message"] == "compression cannot be 'zst'\nhelp: did you mean 'zstd'?"
    assert client.diagnostics[client.uri(BUILD)]["version"] == 2
    client.change(BUILD, ('"zst"', '"zstd"'))
    client.wait(BUILD, [])
    client.change(BUILD, client.texts[BUILD] + "[more]\n")
    assert client.wait(BUILD, ["W014"])[0]["severity"] == 2


def test_several_changes_in_one_message(client):
    client.open(BUILD)
    client.change(BUILD, ('compression = "zstd"', 'compression = "𝄞"'), ('"𝄞"', '"𝄞𝄞" # ä'), ('𝄞" # ä', 'x" # 𝄞'))
    [found] = client.wait(BUILD, ["E003"])
    assert client.covered(BUILD, found["range"]) == '"𝄞x"'
    assert "'𝄞x'" in found["message"]


def test_lines_with_carriage_returns(client):
    client.open(BUILD, (client.folder / BUILD).read_text().replace("\n", "\r\n"))
    client.wait(BUILD, [])
    client.change(BUILD, ('compression = "zstd"\r\n', 'compression = 7\r\n'))
    assert client.covered(BUILD, client.wait(BUILD, ["E003"])[0]["range"]) == "7"


def test_the_whole_guest_is_checked(client):
    other = "guest/config/vm/resources.toml"
    (client.folder / other).write_text("[resources]\nram_gb = 99\n")
    client.open(BUILD)
    client.wait(BUILD, [])
    assert "from 1 to 16" in client.wait(other, ["E003"])[0]["message"]
    client.open(other, "[resources]\nram_gb = 9\n")
    client.wait(other, [])
    client.close(other)  # what is on the disk counts again
    client.wait(other, ["E003"])


def test_a_file_that_is_not_on_the_disk_yet(client):
    new = "guest/config/mcp/new.toml"
    client.open(new, '[tool]\nname = "Tool"\ntransport = "stdio"\n')
    assert "command" in client.wait(new, ["E003"])[0]["message"]
    client.change(new, ('"stdio"\n', '"stdio"\ncommand = "tool"\n'))
    client.wait(new, [])
    client.change(new, client.texts[new].replace("command", "comand"))
    client.wait(new, ["E003", "W014"])
    client.close(new)
    client.wait(new, [])


def test_what_lies_outside_the_config_is_shown_in_build_toml(client):
    os.remove(client.folder / "guest/artifacts/capsem-init")
    client.open(BUILD)
    [found] = client.wait(BUILD, ["E302"])
    assert found["message"].startswith("artifacts/capsem-init: the artifact 'capsem-init' is missing\nhelp: ")
    (client.folder / "guest/artifacts/capsem-init").write_text("#!/bin/sh\n")
    client.tell("textDocument/didSave", {"textDocument": {"uri": client.uri(BUILD)}})
    client.wait(BUILD, [])


def test_files_that_change_on_the_disk(tmp_path):
    shutil.copytree(REPO / "guest", tmp_path / "guest")
    client = Client(tmp_path, capabilities={"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    message = client.take()
    assert message["method"] == "client/registerCapability"
    [registration] = message["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    client.send(frame({"jsonrpc": "2.0", "id": message["id"], "result": None}))
    other = "guest/config/vm/resources.toml"
    (tmp_path / other).write_text("[resources]\nram_gb = 99\n")
    client.tell("workspace/didChangeWatchedFiles", {"changes": [{"uri": client.uri(other), "type": 2}]})
    client.wait(other, ["E003"])
    client.end()


def test_secrets_are_not_repeated(client):
    client.open(PROVIDER)
    secret = "sk-ant-" + "a1" * 10
    client.change(PROVIDER, client.texts[PROVIDER] + f'\n[anthropic.files.k]\npath = "/root/k"\ncontent = "{secret}"\n')
    found = client.wait(PROVIDER, ["W003"])
    assert secret not in str(found)


def test_completion_of_keys(client):
    client.open(BUILD, "[build]\ncompression = \"xz\"\n\n[build.architectures.arm64]\nkern\n")
    items = client.complete(BUILD, '"xz"\n')
    assert set(items) == {"artifacts", "compression_level", "guest_binaries", "guest_source", "version_commands", "host_credentials",
                          "step_memory"}
    level = items["compression_level"]
    assert level["textEdit"]["newText"] == "compression_level = " and level["detail"] == "integer"
    assert level["documentation"].startswith("Level of the codec")
    items = client.complete(BUILD, "\nkern")
    assert {"kernel_branch", "kernel_source", "kernel_image", "docker_platform"} <= set(items)
    assert client.covered(BUILD, items["kernel_image"]["textEdit"]["range"]) == "kern"
    assert items["kernel_image"]["detail"] == "string, required"
    assert items["kernel_image"]["sortText"] < items["kernel_branch"]["sortText"]


def test_completion_renames_a_key_in_its_place(client):
    client.open(BUILD, "[build]\ncompressio = 3\ncompression = \"xz\"\n")
    items = client.complete(BUILD, "[build]\n")
    assert "compression" not in items
    assert client.covered(BUILD, items["compression_level"]["textEdit"]["range"]) == "compressio"
    assert items["compression_level"]["textEdit"]["newText"] == "compression_level"


def test_completion_of_values(client):
    client.open(BUILD, "[build]\ncompression = \ncompression_level = \n[build.architectures.a]\nkernel_source = \"deb\"\n")
    items = client.complete(BUILD, "compression = ")
    assert list(items) == ["zstd", "gzip", "lzo", "xz", "lz4"]
    assert items["zstd"]["textEdit"]["newText"] == '"zstd"' and items["zstd"]["detail"] == "default"
    assert list(client.complete(BUILD, "compression_level = ")) == ["15"]
    items = client.complete(BUILD, '"deb')
    assert client.covered(BUILD, items["debian"]["textEdit"]["range"]) == '"deb"'
    client.open(PROVIDER, "[x]\nenabled = t\n[x.network]\ndomains = [\"\"]\n")
    assert set(client.complete(PROVIDER, "enabled = t")) == {"true", "false"}
    assert client.complete(PROVIDER, 'domains = ["') == {}


def test_completion_of_headers_and_inline_tables(client):
    client.open(PROVIDER, "[x.cli]\n[x.\n[y]\nnetwork = { allow_get = true, }\n")
    items = client.complete(PROVIDER, "[x.cli]\n[x.")
    assert set(items) == {"api_key", "network", "install", "files"}
    assert items["files"]["textEdit"]["newText"] == "files"
    assert set(client.complete(PROVIDER, "true, ")) == {"domains", "allow_post"}
    manifest = "guest/config/manifest.toml"
    client.open(manifest, '[image]\n[[image.changelog]]\nversion = "1"\n# more\n[[image.')
    assert set(client.complete(manifest, 'version = "1"\n# more\n[[image.')) == {"changelog"}
    client.change(manifest, '[image]\n[[image.changelog]]\nversion = "1"\n\n[[image.changelog]]\ndate = "d"\n')
    assert set(client.complete(manifest, 'version = "1"\n')) == {"date", "changes"}
    assert set(client.complete(manifest, 'date = "d"\n')) == {"version", "changes"}


def test_no_completion_where_nothing_is_known(client):
    client.open(BUILD, "# comment\n[build]\nunknown = \n[other]\n\n")
    assert client.complete(BUILD, "# comment") == {}
    assert client.complete(BUILD, "unknown = ") == {}
    assert client.complete(BUILD, "[other]\n") == {}


def test_hover(client):
    client.open(BUILD)
    found = client.at("hover", BUILD, "\ncompression_level", behind=True)
    assert found["contents"]["kind"] == "markdown"
    assert found["contents"]["value"] == (
        "`compression_level` (integer, 1 to 22, default `15`)\n\n"
        "Level of the codec; capped at the codec's highest level.")
    assert client.covered(BUILD, found["range"]) == "compression_level"
    found = client.at("hover", BUILD, '\ncompression = "zs')
    assert "`zstd`, `gzip`, `lzo`, `xz`, `lz4`" in found["contents"]["value"]
    client.open(PROVIDER, '[x]\n"𝄞" = 1\nname = "n" # c\nnetwork.domains = []\n')
    assert client.at("hover", PROVIDER, "# c") is None
    assert client.at("hover", PROVIDER, '"𝄞') is None
    assert client.at("hover", PROVIDER, "network.dom")["contents"]["value"].startswith(
        "`domains` (list of strings, required)")
    assert client.at("hover", PROVIDER, "[x")["contents"]["value"].startswith("`x` (provider)")


def test_definition_of_duplicates(client):
    one, two = "guest/config/mcp/one.toml", "guest/config/mcp/two.toml"
    text = '# 𝄞\n[ tool ]\nname = "Tool"\ntransport = "sse"\nurl = "u"\n'
    client.open(one, text)
    client.open(two, "\n\n" + text)
    [found] = client.wait(two, ["E008"])
    [related] = found["relatedInformation"]
    assert related["message"] == "first defined here" and related["location"]["uri"] == client.uri(one)
    place = client.at("definition", two, "[ too")
    assert place == related["location"]
    assert client.covered(one, place["range"]) == "tool"
    assert client.at("definition", one, "[ too") is None
    assert client.at("definition", two, "url") is None


def test_definition_of_an_environment_variable(client):
    client.open(PROVIDER)
    other = "guest/config/ai/zz.toml"
    variable = client.texts[PROVIDER].split("env_vars = [")[1].split("]")[0].split(",")[0]
    client.open(other, f'[zz]\nname = "Z"\napi_key = {{ name = "K", env_vars = [{variable}] }}\n'
                       'network = { domains = ["zz.example.com"] }\n')
    client.wait(other, ["W008"])
    place = client.at("definition", other, "env_vars = [" + variable[:3])
    assert place["uri"] == client.uri(PROVIDER) and client.covered(PROVIDER, place["range"]) == variable


def test_documents_outside_a_guest(client, tmp_path):
    client.open("other.toml", "x = \n")
    assert client.complete("other.toml", "x = ") == {}
    assert client.at("hover", "other.toml", "x") is None
    assert client.at("definition", "other.toml", "x") is None
    assert any("other.toml' is not in the config folder" in line for line in client.logs)


def test_without_a_workspace_the_guest_lives_with_its_documents(tmp_path):
    shutil.copytree(REPO / "guest", tmp_path / "my guest")
    client = Client(tmp_path, root=False)
    build, other = "my guest/config/build.toml", "my guest/config/vm/resources.toml"
    (tmp_path / other).write_text("[resources]\nram_gb = 99\n")
    client.open(build)
    client.wait(other, ["E003"])
    client.close(build)
    client.wait(other, [])
    client.end()


def test_a_guest_that_begins_in_the_editor(tmp_path):
    (tmp_path / "g/config/ai").mkdir(parents=True)
    client = Client(tmp_path)
    client.open("g/config/ai/x.toml", "[x]\nname = 1\n")
    client.open("g/config/build.toml", "[build]\n")
    client.wait("g/config/build.toml", ["E003"])
    assert {d["code"] for d in client.wait("g/config/ai/x.toml", ["E003"] * 3)} == {"E003"}
    client.end()


def test_a_guest_of_which_nothing_is_on_the_disk(tmp_path):
    client = Client(tmp_path)
    client.open("g/config/ai/x.toml", "[x]\nname = 1\n")
    client.open("g/config/build.toml", (REPO / BUILD).read_text())
    client.wait("g/config/ai/x.toml", ["E003"] * 3)
    found = client.wait("g/config/build.toml", ["E300", "E300", "E303", "E303", "E303"])
    for diagnostic in found[2:]:
        listed = client.covered("g/config/build.toml", diagnostic["range"]).strip('"')  # where it is listed
        assert diagnostic["message"].startswith(f"agent/{listed}.c: the sources of")
    client.end()


def statements(text):
    """The offset of each header and key at the start of a line, outside strings of several lines and lists."""
    inside = None
    for found in re.finditer(r"^.*$", text, re.M):
        line = found.group().strip()
        if inside is None and re.match(r"\[|[\w\".-]+ *=", line):
            yield found.start() + found.group().index(line[0]) + len(line) - len(line.lstrip("["))
        if inside is None:
            inside = next((q for q in ('"""', "'''") if line.count(q) == 1), "]" if line.endswith("[") else None)
        elif inside in line:
            inside = None


def test_every_key_of_the_default_guest_has_a_hover(client):
    seen = 0
    for path in sorted((client.folder / "guest/config").rglob("*.toml")):
        name = str(path.relative_to(client.folder))
        client.open(name)
        for offset in statements(client.texts[name]):
            found = client.ask("textDocument/hover", {"textDocument": {"uri": client.uri(name)},
                                                      "position": position(client.texts[name], offset)})
            assert found is not None, client.texts[name][offset:].split("\n")[0]
            seen += 1
    assert seen > 100
