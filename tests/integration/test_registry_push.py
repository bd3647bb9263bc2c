# SPDX-License-Identifier: Apache-2.0
"""Images that leave the store, to a registry and as files, are the same when they come back."""
import hashlib
import json
import os
import tarfile

import pytest

import registry as reg
from engine import Engine, base_tar, engine, entry, needs_engine, tar_bytes  # noqa: F401

pytestmark = needs_engine
needs_docker_registry = pytest.mark.skipif(reg.DOCKER_REGISTRY is None, reason="the package docker-registry is not installed")

DOCKERFILE = """FROM base
RUN mkdir -p /data/keep /data/drop && echo one > /data/drop/file && echo two > /data/keep/file && ln /data/keep/file /data/keep/hard
RUN rm -r /data/drop && rm /data/keep/file && chmod 2750 /data/keep && chown 5:6 /data/keep && ln -s keep /data/link
RUN rm -rf /home && mkdir /home && touch /home/fresh && rm /var/nothing -f
RUN mkfifo /data/pipe && head -c 300000 /dev/urandom > /data/random
ENV NAME=value
WORKDIR /data
ENTRYPOINT ["/bin/sh", "-c"]
LABEL a=b
"""


def entries(tree):
    """What a tree is, member by member."""
    found = {}
    for path, m in tree.members.items():
        content = hashlib.sha256(tree.tar.extractfile(m).read()).hexdigest() if m.isreg() or m.islnk() else None
        kind = "file" if m.isreg() or m.islnk() else m.type
        found[path] = (kind, m.mode, m.uid, m.gid, m.linkname if m.issym() else "", content, m.mtime)
    return found


@pytest.fixture
def docker_registry(tmp_path):
    r = reg.DockerRegistry(tmp_path)
    yield r
    r.close()


def another(tmp_path, name):
    """One more store, with a place of its own for what it builds."""
    scratch = tmp_path / f"{name}-scratch"
    scratch.mkdir()
    return Engine(tmp_path / name, scratch)


def build(engine, name):
    return engine.build(DOCKERFILE, None, "--tag", name)


def check_same(built, store, name):
    again = store.build(f"FROM {name}\n")
    assert entries(again.tree) == entries(built.tree)
    # the engine itself sets no more than the image has
    assert again.image_config == built.image_config


@needs_docker_registry
def test_push_and_pull(engine, docker_registry, tmp_path):
    name = f"{docker_registry.host}/some/where:1.0"
    built = build(engine, name)
    pushed = engine.run("image", "push", name).check()
    fresh = another(tmp_path, "fresh")
    pulled = fresh.run("image", "pull", name).check()
    assert pulled.stdout == pushed.stdout and pushed.stdout.startswith(f"{name} sha256:")
    check_same(built, fresh, name)
    # again: nothing is new, and the bytes are the same
    again = engine.run("image", "push", name).check()
    assert again.stdout == pushed.stdout and ": uploaded 0 B" in again.stderr


@needs_docker_registry
def test_an_image_that_was_pulled_is_pushed_elsewhere(engine, docker_registry, tmp_path):
    one, two = f"{docker_registry.host}/one:1", f"{docker_registry.host}/two:1"
    build(engine, one)
    engine.run("image", "push", one).check()
    middle = another(tmp_path, "middle")
    built = middle.build(f"FROM {one}\nRUN echo more > /more\n", None, "--tag", two)
    middle.run("image", "push", two).check()
    last = another(tmp_path, "last")
    last.run("image", "pull", two).check()
    check_same(built, last, two)


def test_push_with_a_login_and_a_place_elsewhere(engine, tmp_path):
    """The registry wants a login and names a whole URL for the upload."""
    server = reg.Registry()
    uploads = {}

    def rule(handler, method, path):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if handler.headers.get("Authorization") != reg.basic("u", "p"):
            return reg.send(handler, 401, b"{}", {"WWW-Authenticate": 'Basic realm="x"'})
        if method == "POST":
            return reg.send(handler, 202, b"", {"Location": f"http://{server.host}/v2/a/blobs/uploads/7?state=x%2Fy"})
        if method == "PUT" and "/uploads/7?state=x%2Fy&digest=" in path:
            uploads[path.split("digest=")[1]] = body
            return reg.send(handler, 201)
        if method == "PUT" and path.endswith("/manifests/latest"):
            uploads["manifest"] = (handler.headers["Content-Type"], body)
            return reg.send(handler, 201)
        return False

    server.rules.append(rule)
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {server.host: {"username": "u", "password": "p"}}}))
    name = f"{server.host}/a:latest"
    build(engine, name)
    engine.run("image", "push", name, env={"DOCKER_CONFIG": str(folder)}).check()
    media_type, manifest = uploads.pop("manifest")
    manifest = json.loads(manifest)
    assert media_type == manifest["mediaType"] == reg.TYPES["oci"]["manifest"]
    assert {d["digest"] for d in [manifest["config"], *manifest["layers"]]} == set(uploads)
    assert all(reg.digest(body) == digest for digest, body in uploads.items())
    server.close()


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_another_host_gets_no_login(engine, tmp_path, scheme):
    """The registry has its uploads at another server: what was said to the registry is for the registry alone."""
    server, storage = reg.Registry(), reg.Registry()
    challenge = 'Basic realm="x"' if scheme == "Basic" else f'Bearer realm="http://{server.host}/token",service="s"'
    wanted = reg.basic("u", "p") if scheme == "Basic" else "Bearer t0k"
    seen, stored = [], []

    def rule(handler, method, path):
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if path.startswith("/token"):
            return reg.send(handler, 200, b'{"token": "t0k"}')
        if handler.headers.get("Authorization") != wanted:
            return reg.send(handler, 401, b"{}", {"WWW-Authenticate": challenge})
        seen.append(method)
        if method == "POST":
            return reg.send(handler, 202, b"", {"Location": f"http://{storage.host}/put/7"})
        return reg.send(handler, 201) if method == "PUT" else False

    def elsewhere(handler, method, path):
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        stored.append(handler.headers.get("Authorization"))
        return reg.send(handler, 201)

    server.rules.append(rule)
    storage.rules.append(elsewhere)
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {server.host: {"username": "u", "password": "p"}}}))
    engine.build("FROM base\n", None, "--tag", f"{server.host}/a:1")
    engine.run("image", "push", f"{server.host}/a:1", env={"DOCKER_CONFIG": str(folder)}).check()
    server.close()
    storage.close()
    assert "POST" in seen and stored and set(stored) == {None}


@pytest.mark.parametrize("location, place", [
    ("x1?s=1", "/v2/p/q/blobs/uploads/x1?s=1&"), ("../there/7", "/v2/p/q/blobs/there/7?"), ("?s=2", "/v2/p/q/blobs/uploads/?s=2&"),
    ("/elsewhere/8", "/elsewhere/8?"), ("//HOST/v2/9", "/v2/9?"),
])
def test_a_location_that_is_relative(engine, location, place):
    """RFC 9110, 10.2.2: a reference, which is relative to the request."""
    server = reg.Registry()
    seen = []

    def rule(handler, method, path):
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if method == "POST":
            return reg.send(handler, 202, b"", {"Location": location.replace("HOST", server.host)})
        if method == "PUT":
            seen.append(path)
            return reg.send(handler, 201)
        return False

    server.rules.append(rule)
    engine.build("FROM base\n", None, "--tag", f"{server.host}/p/q:1")
    engine.run("image", "push", f"{server.host}/p/q:1").check()
    server.close()
    uploads = [path for path in seen if "manifests" not in path]
    assert uploads and all(path.startswith(f"{place}digest=sha256:") for path in uploads), seen


def test_a_push_that_fails(engine, tmp_path):
    server = reg.Registry()
    name = f"{server.host}/a:1"
    build(engine, name)
    server.rules.append(lambda handler, method, path: method == "POST" and reg.send(
        handler, 403, b'{"errors":[{"code":"DENIED","message":"read only"}]}'))
    result = engine.run("image", "push", name)
    assert result.code == 1 and "refuses access (HTTP 403): read only" in result.stderr
    server.close()
    assert engine.run("image", "push", name).code == 1
    assert os.listdir(engine.store / "tmp") == []
    missing = engine.run("image", "push", "nothing:1")
    assert missing.code == 1 and "no image 'nothing:1'" in missing.stderr


# --- files ----------------------------------------------------------------------------------------------


def check_layout(read, names):
    assert json.loads(read("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(read("index.json"))
    manifest = json.loads(read("blobs/sha256/" + index["manifests"][0]["digest"][7:]))
    blobs = [n for n in names if n.startswith("blobs/sha256/")]
    assert all(hashlib.sha256(read(n)).hexdigest() == n.rsplit("/", 1)[1] for n in blobs)
    docker = json.loads(read("manifest.json"))[0]
    assert docker["Layers"] == ["blobs/sha256/" + layer["digest"][7:] for layer in manifest["layers"]]
    assert docker["Config"] == "blobs/sha256/" + manifest["config"]["digest"][7:]
    return index, docker


def test_export_to_a_folder_and_a_tar(engine, tmp_path):
    build(engine, "own:2")
    engine.run("image", "export", "own:2", tmp_path / "layout").check()
    engine.run("image", "export", "own:2", tmp_path / "layout.tar").check()
    names = [os.path.relpath(os.path.join(d, f), tmp_path / "layout") for d, _, files in os.walk(tmp_path / "layout") for f in files]
    index, docker = check_layout(lambda n: (tmp_path / "layout" / n).read_bytes(), names)
    assert index["manifests"][0]["annotations"] == {"org.opencontainers.image.ref.name": "docker.io/library/own:2"}
    assert docker["RepoTags"] == ["own:2"]
    with tarfile.open(tmp_path / "layout.tar") as tar:
        members = [m.name for m in tar.getmembers() if m.isreg()]
        assert check_layout(lambda n: tar.extractfile(n).read(), members)[0] == index
    again = engine.run("image", "export", "own:2", tmp_path / "layout")
    assert again.code == 1 and "is not empty" in again.stderr


def test_output_type_oci(engine, tmp_path):
    result = engine.try_build(DOCKERFILE, None, "--output", f"type=oci,dest={tmp_path}/out", "--output", f"type=oci,dest={tmp_path}/out.tar")
    result.check()
    names = [os.path.relpath(os.path.join(d, f), tmp_path / "out") for d, _, files in os.walk(tmp_path / "out") for f in files]
    index, _ = check_layout(lambda n: (tmp_path / "out" / n).read_bytes(), names)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert json.load(tar.extractfile("index.json")) == index


# --- and back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["layout", "layout.tar", "layout.tar.gz", "docker", "docker.tar"])
def test_import(engine, tmp_path, form):
    """What was exported, and the same as older Docker archives have it: links among layers, no index."""
    built = build(engine, "own:1")
    layout = tmp_path / "layout"
    engine.run("image", "export", "own:1", layout).check()
    if form.startswith("docker"):
        layout = old_docker_archive(layout, tmp_path / "docker")
    source = tmp_path / form
    if ".tar" in form:
        with tarfile.open(source, "w:gz" if form.endswith("gz") else "w") as tar:
            for name in sorted(os.listdir(layout)):
                tar.add(layout / name, name)
    fresh = another(tmp_path, "fresh")
    fresh.run("image", "import", source, "again:1").check()
    check_same(built, fresh, "again:1")
    fresh.verify()
    assert "imported from" in fresh.run("image", "ls").check().stdout


def old_docker_archive(layout, target):
    docker = json.loads((layout / "manifest.json").read_text())[0]
    target.mkdir()
    layers = []
    for number, path in enumerate(docker["Layers"]):
        folder = hashlib.sha256(str(number).encode()).hexdigest()
        (target / folder).mkdir()
        (target / "data").mkdir(exist_ok=True)
        if number == 0:
            (target / "data" / "shared.tar").write_bytes((layout / path).read_bytes())
            (target / folder / "layer.tar").symlink_to("../data/shared.tar")
        else:
            (target / folder / "layer.tar").write_bytes((layout / path).read_bytes())
        layers.append(f"{folder}/layer.tar")
    config = docker["Config"].rsplit("/", 1)[1] + ".json"
    (target / config).write_bytes((layout / docker["Config"]).read_bytes())
    (target / "manifest.json").write_text(json.dumps([{"Config": config, "RepoTags": None, "Layers": layers}]))
    return target


def test_an_archive_is_what_is_in_it(engine, tmp_path):
    """Whatever its first entry is called: the config's digest (crane, ko, kaniko, apko), config.json, a layer; and a root filesystem
    that holds a file of such a name is one."""
    layers = [tar_bytes([entry(f"etc/{name}", name.encode())]) for name in ("one", "two")]
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [reg.digest(layer) for layer in layers]}}).encode()

    def archive(*names):
        config_name, *layer_names = names
        manifest = json.dumps([{"Config": config_name, "RepoTags": None, "Layers": layer_names}]).encode()
        return [entry(config_name, config), *map(entry, layer_names, layers)], entry("manifest.json", manifest)

    images = {}
    for number, names in enumerate([(reg.digest(config), "a.tar", "b.tar"), ("config.json", "1.tar", "2.tar"), ("x/config", "x/1", "x/2")]):
        files, manifest = archive(*names)
        images |= {f"last{number}": [*files, manifest], f"first{number}": [manifest, *files], f"dots{number}": [
            entry("./" + info.name, content) for info, content in [*files[::-1], manifest]]}
    for name, files in images.items():
        (tmp_path / "a.tar").write_bytes(tar_bytes(files))
        engine.run("image", "import", tmp_path / "a.tar", f"{name}:1").check()
        tree = engine.build(f"FROM {name}:1\n").tree
        assert (tree.text("etc/one"), tree.text("etc/two")) == ("one", "two") and "manifest.json" not in tree, name
    app = entry("manifest.json", b'{"name": "an app of the web"}')
    for files in ([app, entry("index.json", b"[]")], [entry("usr", kind=tarfile.DIRTYPE), images["last0"][-1]]):
        (tmp_path / "a.tar").write_bytes(tar_bytes(files))
        engine.run("image", "import", tmp_path / "a.tar", "root:1").check()
        assert "manifest.json" in engine.build("FROM root:1\n").tree


def test_import_checks_digests(engine, tmp_path):
    build(engine, "own:1")
    layout = tmp_path / "layout"
    engine.run("image", "export", "own:1", layout).check()
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    fresh = another(tmp_path, "fresh")
    other = "sha256:" + "0" * 64
    result = fresh.run("image", "import", layout, f"x@{other}")
    assert result.code == 1 and f"has the digest {digest}, not {other}" in result.stderr
    fresh.run("image", "import", layout, f"x@{digest}").check()
    manifest = json.loads((layout / "blobs/sha256" / digest[7:]).read_text())
    layer = layout / "blobs/sha256" / manifest["layers"][1]["digest"][7:]
    layer.write_bytes(layer.read_bytes()[:-1] + b"!")
    damaged = another(tmp_path, "damaged")
    result = damaged.run("image", "import", layout, "x")
    assert result.code == 1 and "layer 2 of" in result.stderr
    assert os.listdir(damaged.store / "images") == [] and os.listdir(damaged.store / "tmp") == []


@pytest.mark.parametrize("files, word", [
    ({}, "neither an OCI layout nor a Docker archive"),
    ({"index.json": "{}"}, "read 'index.json'"),
    ({"index.json": '{"manifests": []}'}, "not made for"),
    ({"manifest.json": "[]"}, "has 0 images, not one"),
    ({"manifest.json": '[{"Config": "../../etc/passwd", "Layers": []}]'}, "read the image config"),
    ({"manifest.json": '[{"Config": "config", "Layers": ["a"]}]', "config": '{"rootfs": {"diff_ids": []}}'}, "has 1 layers, the image config 0"),
])
def test_import_of_what_is_none(engine, tmp_path, files, word):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    result = engine.run("image", "import", folder, "x")
    assert result.code == 1 and word in result.stderr, result.stderr


def test_a_layout_whose_links_leave_it(engine, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("not for everybody")
    (folder / "index.json").symlink_to(secret)
    result = engine.run("image", "import", folder, "x")
    assert result.code == 1 and "index.json" in result.stderr and "not for everybody" not in result.stderr
