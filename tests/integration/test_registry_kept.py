# SPDX-License-Identifier: Apache-2.0
"""What came from elsewhere stays as it is: pushed, exported, and below what is built on it."""
import json
import os

import pytest

import registry as reg
from engine import Engine, base_tar, engine, entry, needs_engine, tar_bytes  # noqa: F401

pytestmark = needs_engine
HISTORY = [{"created": "2020-01-01T00:00:00Z", "created_by": "ADD rootfs"}, {"created_by": "ENV A=b", "empty_layer": True},
           {"created": "2020-01-02T00:00:00Z", "created_by": "RUN two", "comment": "x"}]


def image(world="oci", how="gzip"):
    """One with all that other builders write and we have no use for."""
    made = reg.Image([tar_bytes([entry("etc/one", b"one"), entry("etc/gone", b"gone")]), tar_bytes([entry("etc/two", b"two"), entry("etc/.wh.gone", b"")])],
                     world, how, config={"Env": ["PATH=/bin", "A=b"], "Cmd": ["sh"], "StopTimeout": 7, "Hostname": "old", "ArgsEscaped": True})
    made.config |= {"created": "2020-01-03T00:00:00.123456789Z", "variant": "v1", "os.version": "1.2", "history": HISTORY, "docker_version": "1"}
    made.finish()
    made.document["annotations"] = {"org.example.note": "kept"}
    made.manifest = json.dumps(made.document, indent=3).encode()
    return made


@pytest.fixture
def server():
    r = reg.Registry()
    r.sent = {}

    def accept(handler, method, path):
        if method not in ("POST", "PUT"):
            return False
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if method == "PUT":
            r.sent[path] = (handler.headers["Content-Type"], body)
        return reg.send(handler, 202 if method == "POST" else 201, b"", {"Location": "/upload"})

    r.rules.append(accept)
    yield r
    r.close()


def blobs(folder):
    return {path.name: path.read_bytes() for path in (folder / "blobs/sha256").iterdir()}


def manifest_of(folder):
    index = json.loads((folder / "index.json").read_text())
    found = blobs(folder)
    manifest = json.loads(found[index["manifests"][0]["digest"][7:]])
    return manifest, json.loads(found[manifest["config"]["digest"][7:]])


@pytest.mark.parametrize("world, how", [("oci", "gzip"), ("oci", "zstd"), ("oci", "plain"), ("docker", "gzip")])
def test_pull_and_push_keep_the_digest(engine, server, tmp_path, world, how):
    made = image(world, how)
    name = server.add("a/b", made, tag="1")
    pulled = engine.run("image", "pull", name).check()
    pushed = engine.run("image", "push", name).check()
    assert pushed.stdout == pulled.stdout == f"{name} {made.digest}\n"
    assert server.sent == {"/v2/a/b/manifests/1": (made.media_type, made.manifest)}
    engine.run("image", "export", name, tmp_path / "out").check()
    assert blobs(tmp_path / "out") == {digest[7:]: blob for digest, blob in [*made.blobs.items(), (made.digest, made.manifest)]
                                       if digest in made.manifest.decode() or digest == made.digest}
    # and an export that is imported is still the same
    again = Engine(tmp_path / "again", tmp_path)
    again.run("image", "import", tmp_path / "out", name).check()
    assert again.run("image", "push", name).check().stdout == pulled.stdout


@pytest.mark.parametrize("world", ["oci", "docker"])
def test_what_is_built_on_top_is_added(engine, server, tmp_path, world):
    made = image(world)
    name = server.add("a", made, tag="1")
    for number, (epoch, tag) in enumerate([(None, "--tag=own:1"), ("1600000000", "--tag=own:2")]):
        words = engine.words(f"FROM {name} AS x\nENV B=c\nFROM x\nCOPY f /f\nENTRYPOINT [\"/f\"]\nWORKDIR /new\n", context(tmp_path))
        engine.run(*words, tag, "-o", f"type=oci,dest={tmp_path}/{number}", env={} if epoch is None else {"SOURCE_DATE_EPOCH": epoch}).check()
        engine.run("image", "export", f"own:{number + 1}", tmp_path / f"own{number}").check()
    for folder in ("0", "1", "own0", "own1"):
        manifest, config = manifest_of(tmp_path / folder)
        assert [layer["digest"] for layer in manifest["layers"][:2]] == [layer["digest"] for layer in made.layers]
        assert {layer["mediaType"] for layer in manifest["layers"]} == {reg.TYPES["oci"]["gzip"]} and "annotations" not in manifest
        assert config["rootfs"]["diff_ids"][:2] == made.config["rootfs"]["diff_ids"] and len(config["rootfs"]["diff_ids"]) == 4
        assert config["history"] == [*HISTORY, {"created_by": "COPY f /f"}, {"created_by": "WORKDIR /new"}]
        assert (config["variant"], config["os.version"]) == ("v1", "1.2") and "created" not in config and "docker_version" not in config
        assert config["config"]["StopTimeout"] == 7 and config["config"]["Env"] == ["PATH=/bin", "A=b", "B=c"]
        assert config["config"]["Entrypoint"] == ["/f"] and "Cmd" not in config["config"] and config["config"]["WorkingDir"] == "/new"
        docker = json.loads((tmp_path / folder / "manifest.json").read_text())[0]
        assert docker["Layers"] == [f"blobs/sha256/{layer['digest'][7:]}" for layer in manifest["layers"]]
    # on top of that again
    engine.run(*engine.words("FROM own:1\nCOPY f /g\n", context(tmp_path)), "-o", f"type=oci,dest={tmp_path}/more").check()
    manifest, config = manifest_of(tmp_path / "more")
    assert [entry["created_by"] for entry in config["history"]][-3:] == ["COPY f /f", "WORKDIR /new", "COPY f /g"]
    assert [layer["digest"] for layer in manifest["layers"][:2]] == [layer["digest"] for layer in made.layers] and len(manifest["layers"]) == 5
    fresh = Engine(tmp_path / "fresh", tmp_path)
    fresh.run("image", "import", tmp_path / "more", "more").check()
    tree = fresh.build("FROM more\n").tree
    assert tree.text("f") == tree.text("g") == "F" and tree.text("etc/two") == "two" and "etc/gone" not in tree


def context(folder):
    (folder / "context").mkdir(exist_ok=True)
    (folder / "context/f").write_text("F")
    return folder / "context"


def test_a_docker_archive_keeps_its_layers(engine, tmp_path):
    made = image(how="plain")
    config = json.dumps(made.config).encode()
    layers = [made.blobs[layer["digest"]] for layer in made.layers]
    manifest = json.dumps([{"Config": "config.json", "RepoTags": None, "Layers": ["1.tar", "2.tar"]}]).encode()
    (tmp_path / "a.tar").write_bytes(tar_bytes([entry("1.tar", layers[0]), entry("2.tar", layers[1]), entry("config.json", config),
                                                entry("manifest.json", manifest)]))
    engine.run("image", "import", tmp_path / "a.tar", "old").check()
    engine.run("image", "export", "old", tmp_path / "out").check()
    manifest, exported = manifest_of(tmp_path / "out")
    assert exported["rootfs"] == made.config["rootfs"] and exported["history"] == HISTORY
    assert {layer["mediaType"] for layer in manifest["layers"]} == {reg.TYPES["oci"]["gzip"]}


def test_blobs_are_counted_and_go(engine, server, tmp_path):
    made, other = image(), reg.Image([tar_bytes([entry("etc/one", b"one"), entry("etc/gone", b"gone")])])
    name, second = server.add("a", made, tag="1"), server.add("b", other, tag="1")
    engine.run("image", "pull", name).check()
    engine.run("image", "pull", second).check()
    kept = engine.store / "blobs"
    assert set(os.listdir(kept)) == {layer["digest"][7:] for layer in made.layers} and "blob" in engine.run("cache", "du").check().stdout
    engine.run("cache", "prune", "--yes").check()  # an image with a name stays, and so do its blobs
    assert len(os.listdir(kept)) == 2
    # without them it still leaves the store, and the warning says how
    for path in kept.iterdir():
        path.unlink()
    result = engine.run("image", "export", name, tmp_path / "out").check()
    assert "warning: the store no longer has the original layers of the base image" in result.stderr and "image pull" in result.stderr
    engine.run("image", "pull", name).check()
    assert engine.run("image", "push", name).check().stdout.split()[1] == made.digest
    # a damaged one is no wrong image
    path = kept / made.layers[1]["digest"][7:]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    result = engine.run("image", "push", name)
    assert result.code == 1 and "is damaged" in result.stderr and "cache verify" in result.stderr
    assert f"blobs/{path.name}" in engine.run("cache", "verify").stdout and not path.exists()
    engine.run("image", "pull", name).check()
    # what another image has stays
    engine.run("image", "rm", name).check()
    assert set(os.listdir(kept)) == {other.layers[0]["digest"][7:]}
    engine.run("image", "rm", second).check()
    assert os.listdir(kept) == []
