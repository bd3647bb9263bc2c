# SPDX-License-Identifier: Apache-2.0
"""Registries that lie, stall and break off: what is wrong never comes into the store, what can be had is had."""
import gzip
import io
import json
import os
import signal
import subprocess
import tarfile
import threading
import time

import pytest

import registry as reg
from engine import Engine, entry, needs_engine, processes_using, tar_bytes

pytestmark = needs_engine

FILES = tar_bytes([entry("file", b"content\n")])
LARGE = tar_bytes([entry("large", os.urandom(3_000_000))])


@pytest.fixture
def store(tmp_path):
    return Engine(tmp_path / "store", tmp_path)


@pytest.fixture
def server():
    r = reg.Registry()
    yield r
    r.close()


def refuse(store, name, *words, env=None, good=()):
    """The pull fails, says these words, and leaves nothing after but layers that are good by themselves."""
    result = store.run("image", "pull", name, env=env)
    assert result.code == 1, result.stdout + result.stderr
    assert result.stderr.count("\n") <= 4, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    assert_empty(store, good)
    return result


def assert_empty(store, good=()):
    """Layers come at the same time: a good one may be in the store before a bad one is found out."""
    layers = store.store / "layers"
    for layer in os.listdir(layers):
        assert os.listdir(layers / layer / "fs") in [[name] for name in good]
    assert os.listdir(store.store / "images") == []
    assert os.listdir(store.store / "tmp") == []
    wait_for_no_process(store)
    store.verify()


def wait_for_no_process(store):
    """What is killed ends a moment later."""
    deadline = time.monotonic() + 120
    while processes_using(store.store) != [] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_using(store.store) == []


def replace_blob(server, image, index, body, **headers):
    """Another body for a layer, under the same digest."""
    path = f"/blobs/{image.layers[index]['digest']}"
    server.rules.append(lambda handler, method, url: url.endswith(path) and reg.send(handler, 200, body, headers))


# --- wrong content ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gzip", "zstd", "plain"])
def test_a_layer_with_another_content(store, server, how):
    image = reg.Image([FILES, LARGE], how=how)
    name = server.add("a", image)
    other = reg.compress(tar_bytes([entry("file", b"CONTENT\n")]), how)
    image.layers[0]["size"] = len(other)
    image.finish()
    server.add("a", image)
    replace_blob(server, image, 0, other)
    refuse(store, name, "layer 1 of 2", "has the digest sha256:", image.layers[0]["digest"], good=["large"])


def test_a_wrong_diff_id(store, server):
    image = reg.Image([FILES])
    image.config["rootfs"]["diff_ids"][0] = "sha256:" + "0" * 64
    image.finish()
    refuse(store, server.add("a", image), "its content has the digest", "0" * 64)


def test_a_wrong_config(store, server):
    image = reg.Image([FILES])
    name = server.add("a", image)
    config = image.document["config"]["digest"]
    server.blobs[config] = server.blobs[config].replace(b"sh", b"SH")
    refuse(store, name, "fetch the image config", "has the digest")


def test_a_manifest_that_is_not_its_own_digest(store, server):
    image = reg.Image([FILES])
    name = server.add("a", image)
    server.rules.append(lambda handler, method, url: "/manifests/" in url and reg.send(
        handler, 200, image.manifest, {"Content-Type": image.media_type, "Docker-Content-Digest": "sha256:" + "1" * 64}))
    refuse(store, name, "the content of sha256:1111")


def test_more_and_fewer_bytes_than_said(store, server):
    image = reg.Image([LARGE], how="plain")
    name = server.add("a", image)
    replace_blob(server, image, 0, LARGE + b"more")
    refuse(store, name, "the blob exceeds")
    server.rules.clear()
    replace_blob(server, image, 0, LARGE[:-512])
    refuse(store, name, "received ")


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_damaged_compression(store, server, how):
    blob = bytearray(reg.compress(LARGE, how))
    blob[len(blob) // 2] ^= 0xFF
    image = reg.Image([LARGE], how=how)
    image.layers[0].update(digest=reg.digest(bytes(blob)), size=len(blob))
    image.blobs[reg.digest(bytes(blob))] = bytes(blob)
    image.finish()
    refuse(store, server.add("a", image), "layer 1 of 1")
    short = bytes(reg.compress(LARGE, how)[:-20])
    image.layers[0].update(digest=reg.digest(short), size=len(short))
    image.blobs[reg.digest(short)] = short
    image.finish()
    refuse(store, server.add("a", image), "layer 1 of 1")


def test_a_layer_that_is_no_tar(store, server):
    refuse(store, server.add("a", reg.Image([b"this is not a tar archive" * 100])), "layer 1 of 1")


@pytest.mark.parametrize("entries", [
    [entry("../outside", b"x")],
    [entry("a/../../outside", b"x")],
    [entry("link", kind=tarfile.SYMTYPE, linkname="/"), entry("hard", kind=tarfile.LNKTYPE, linkname="../../../etc/passwd")],
    [entry("..", kind=tarfile.DIRTYPE)],
    [entry("a/.wh...", b"")],
    [entry("a/.wh.", b"")],
])
def test_names_that_leave_the_layer(store, server, tmp_path, entries):
    refuse(store, server.add("a", reg.Image([tar_bytes(entries)])), "layer 1 of 1")
    assert not (tmp_path / "outside").exists()


def test_links_and_marks_stay_inside(store, server):
    """A link to / leads to the layer's own root; overlayfs' attributes in a tar mean nothing."""
    marks = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y"}
    info = tarfile.TarInfo("etc")
    info.type, info.mode, info.pax_headers = tarfile.DIRTYPE, 0o755, marks
    lower = tar_bytes([entry("etc", kind=tarfile.DIRTYPE), entry("etc/keep", b"k")])
    layer = tar_bytes([entry("link", kind=tarfile.SYMTYPE, linkname="/"), entry("link/of-the-layer", b"x"), (info, None)],
                      format=tarfile.PAX_FORMAT)
    name = server.add("a", reg.Image([lower, layer]))
    store.run("image", "pull", name).check()
    assert not os.path.exists("/of-the-layer")
    tree = store.build(f"FROM {name}\n").tree
    assert "etc/keep" in tree and "of-the-layer" in tree


# --- too much -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_bombs(store, server, how):
    zeros = 600 << 20
    header = tarfile.TarInfo("bomb")
    header.size = zeros
    start = header.tobuf()
    if how == "gzip":
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
            file.write(start)
            for _ in range(zeros >> 20):
                file.write(bytes(1 << 20))
        blob = out.getvalue()
    else:
        process = subprocess.run(["zstd", "-q", "-1", "-c"], input=start + bytes(zeros), stdout=subprocess.PIPE, check=True)
        blob = process.stdout
    image = reg.Image([FILES], how=how)
    image.layers[0].update(digest=reg.digest(blob), size=len(blob))
    image.blobs[reg.digest(blob)] = blob
    image.finish()
    refuse(store, server.add("a", image), "unpacks to more than")


def test_a_sparse_file_of_an_exabyte(store, server):
    info = tarfile.TarInfo("huge")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "huge",
                        "GNU.sparse.realsize": str(1 << 60)}
    content = b"1\n0\n0\n".ljust(512, b"\0")
    refuse(store, server.add("a", reg.Image([tar_bytes([(info, content)], format=tarfile.PAX_FORMAT)])), "layer 1 of 1")


def test_a_manifest_of_100_megabytes(store, server):
    name = server.add("a", reg.Image([FILES]))

    def rule(handler, method, url):
        if "/manifests/" not in url:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(100 << 20))
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" " * (1 << 20))
        return True

    server.rules.append(rule)
    refuse(store, name, "is too long")


def test_headers_without_end(store, server):
    def rule(handler, method, url):
        handler.send_response(200)
        for number in range(10000):
            handler.send_header(f"X-{number}", "y" * 1000)
            handler.flush_headers()
        return True

    server.rules.append(rule)
    refuse(store, f"{server.host}/a", "too l")


def test_ten_thousand_layers(store, server):
    image = reg.Image([FILES])
    image.layers *= 10000
    image.config["rootfs"]["diff_ids"] *= 10000
    image.finish()
    refuse(store, server.add("a", image), "10000 layers, more than 4000")


def test_a_config_that_is_said_to_be_huge(store, server):
    image = reg.Image([FILES])
    image.document["config"]["size"] = 1 << 40
    image.manifest = json.dumps(image.document).encode()
    refuse(store, server.add("a", image), "the image config has 1099511627776 bytes")


def test_indexes_in_indexes(store, server):
    inner = reg.Image([FILES])
    server.add("a", inner)
    entry_of = inner.descriptor(os="linux", architecture="amd64")
    for depth in range(6):
        body = json.dumps({"schemaVersion": 2, "mediaType": reg.TYPES["oci"]["index"], "manifests": [entry_of]}).encode()
        server.manifests["a", reg.digest(body)] = (reg.TYPES["oci"]["index"], body)
        server.manifests["a", "latest"] = (reg.TYPES["oci"]["index"], body)
        entry_of = {"mediaType": reg.TYPES["oci"]["index"], "digest": reg.digest(body), "size": len(body),
                    "platform": {"os": "linux", "architecture": "amd64"}}
    refuse(store, f"{server.host}/a", "nested more than 4 deep")


@pytest.mark.parametrize("body, word", [
    (b"", "not a JSON object"), (b"[]", "not a JSON object"), (b"[" * 100000, "not a JSON object"), (b'{"a":1,"a":2}', "not a JSON object"),
    (b'{"schemaVersion":1,"fsLayers":[]}', "Docker's first format"),
    (b'{"config":{"digest":"sha256:../../etc","size":1},"layers":[]}', "is not a sha256 digest"),
    (b'{"config":{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1},"layers":[]}', "is not a sha256 digest"),
    (b"\xff\xfe{}", "not a JSON object"), (b'{"mediaType":"text/html"}', "text/html"),
    (b"<html>log in to the network</html>", "not a JSON object"),
])
def test_manifests_that_are_none(store, server, body, word):
    server.manifests["a", "latest"] = ("application/json", body)
    refuse(store, f"{server.host}/a", "read the manifest", word)


# --- connections ----------------------------------------------------------------------------------------


def test_endless_redirects(store, server):
    server.rules.append(lambda handler, method, url: reg.send(
        handler, 307, b"", {"Location": f"http://{server.host}/v2/again/{len(server.log)}"}))
    refuse(store, f"{server.host}/a", "redirects")
    assert len(server.log) < 20


def test_a_redirect_to_a_file(store, server):
    server.rules.append(lambda handler, method, url: reg.send(handler, 307, b"", {"Location": "file:///etc/passwd"}))
    refuse(store, f"{server.host}/a", "pull")


def test_a_redirect_takes_no_login_along(store, server, tmp_path):
    image = reg.Image([FILES])
    name = server.add("a", image)
    elsewhere = reg.Registry()
    elsewhere.add("a", image)
    server.rules.append(lambda handler, method, url: handler.headers.get("Authorization") is None and reg.send(
        handler, 401, b"{}", {"WWW-Authenticate": 'Basic realm="x"'}))
    server.rules.append(lambda handler, method, url: "/blobs/" in url and reg.send(
        handler, 307, b"", {"Location": f"http://{elsewhere.host}{url}"}))
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {server.host: {"username": "u", "password": "p"}}}))
    store.run("image", "pull", name, env={"DOCKER_CONFIG": str(folder)}).check()
    assert len(elsewhere.log) == 2
    assert all("Authorization" not in headers for _, _, headers in elsewhere.log)
    elsewhere.close()


def test_cut_connections_are_resumed(store, server):
    image = reg.Image([LARGE, FILES], how="plain")
    name = server.add("a", image)
    ranges = []

    def rule(handler, method, url):
        if not url.endswith(image.layers[0]["digest"]):
            return False
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        ranges.append(start)
        if len(ranges) == 4:
            return reg.send_blob(handler, LARGE)
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(LARGE) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(LARGE) - 1}/{len(LARGE)}")
        handler.end_headers()
        handler.wfile.write(LARGE[start:start + 700_000])
        return reg.cut(handler)

    server.rules.append(rule)
    store.run("image", "pull", name).check()
    assert len(ranges) == 4 and ranges[0] == 0 and all(a < b for a, b in zip(ranges, ranges[1:]))
    assert "large" in store.build(f"FROM {name}\n").tree


def test_a_server_that_knows_no_ranges(store, server):
    image = reg.Image([LARGE], how="plain")
    name = server.add("a", image)
    tries = []

    def rule(handler, method, url):
        if not url.endswith(image.layers[0]["digest"]):
            return False
        tries.append(handler.headers.get("Range"))
        if len(tries) > 1:
            return reg.send(handler, 200, LARGE)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.end_headers()
        handler.wfile.write(LARGE[:1_000_000])
        return reg.cut(handler)

    server.rules.append(rule)
    store.run("image", "pull", name).check()
    assert len(tries) == 2 and tries[1] is not None
    assert store.build(f"FROM {name}\n").tree["large"].size == 3_000_000


def test_a_wrong_range_is_not_taken(store, server):
    image = reg.Image([LARGE], how="plain")
    name = server.add("a", image)

    def rule(handler, method, url):
        if not url.endswith(image.layers[0]["digest"]):
            return False
        if handler.headers.get("Range"):
            return reg.send(handler, 206, LARGE[7:], {"Content-Range": f"bytes 7-{len(LARGE) - 1}/{len(LARGE)}"})
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.end_headers()
        handler.wfile.write(LARGE[:1_000_000])
        return reg.cut(handler)

    server.rules.append(rule)
    refuse(store, name, "the registry sent them from 7")


def test_a_connection_that_always_breaks(store, server):
    image = reg.Image([FILES])
    name = server.add("a", image)
    server.rules.append(lambda handler, method, url: "/blobs/" in url and image.layers[0]["digest"] in url and reg.cut(handler))
    refuse(store, name, "layer 1 of 1")
    assert len(server.asked(image.layers[0]["digest"])) == 5


def test_a_slow_drip(store, server):
    image = reg.Image([LARGE], how="plain")
    name = server.add("a", image)

    def rule(handler, method, url):
        if not url.endswith(image.layers[0]["digest"]):
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.end_headers()
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.2)

    server.rules.append(rule)
    refuse(store, name, "has sent almost no data", env={"CAPSEM_REGISTRY_TIMEOUT": "1"})


def test_a_server_that_says_nothing(store, server):
    released = threading.Event()
    server.rules.append(lambda handler, method, url: released.wait() or True)
    try:
        refuse(store, f"{server.host}/a", "has sent almost no data", env={"CAPSEM_REGISTRY_TIMEOUT": "1"})
    finally:
        released.set()


def test_429_is_waited_for(store, server):
    image = reg.Image([FILES])
    name = server.add("a", image)
    times = []

    def rule(handler, method, url):
        times.append(time.monotonic())
        if len(times) in (1, 3):
            return reg.send(handler, 429, b"{}", {"Retry-After": "1"})
        return len(times) == 5 and reg.send(handler, 503, b"{}")

    server.rules.append(rule)
    store.run("image", "pull", name).check()
    assert times[1] - times[0] >= 1 and times[3] - times[2] >= 1


def test_429_for_ever(store, server):
    server.rules.append(lambda handler, method, url: reg.send(
        handler, 429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"come back\\ttomorrow\\u0007"}]}', {"Retry-After": "86400"}))
    refuse(store, f"{server.host}/a", "HTTP 429: come back tomorrow ", "a login may raise the limit")
    assert len(server.log) <= 2


def test_401_for_ever(store, server):
    def rule(handler, method, url):
        if url.startswith("/token"):
            return reg.send(handler, 200, b'{"token":"abc"}')
        return reg.send(handler, 401, b"{}", {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'})

    server.rules.append(rule)
    refuse(store, f"{server.host}/a", "refuses access (HTTP 401)")
    assert len(server.log) <= 4


@pytest.mark.parametrize("token", ['{"token":"a\\r\\nX-Evil: 1"}', '{"token":7}', "{}", "no json", '{"token":""}'])
def test_tokens_that_are_none(store, server, token):
    server.rules.append(lambda handler, method, url: url.startswith("/token") and reg.send(handler, 200, token.encode()))
    server.rules.append(lambda handler, method, url: reg.send(
        handler, 401, b"{}", {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}))
    refuse(store, f"{server.host}/a", "has no token")


def test_one_bad_layer_stops_the_others(store, server):
    image = reg.Image([FILES, LARGE, tar_bytes([entry("third", b"3")])])
    name = server.add("a", image)
    replace_blob(server, image, 0, b"bad".ljust(image.layers[0]["size"], b"!"))

    def rule(handler, method, url):
        if not url.endswith(image.layers[1]["digest"]):
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(image.layers[1]["size"]))
        handler.end_headers()
        while True:  # until it is left
            handler.wfile.write(b"x" * 10)
            time.sleep(0.1)

    server.rules.append(rule)
    result = store.run("image", "pull", name)
    assert result.code == 1 and "layer 1 of 3" in result.stderr
    assert os.listdir(store.store / "images") == [] and os.listdir(store.store / "tmp") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_pulls(store, server, how):
    image = reg.Image([LARGE], how="plain")
    name = server.add("a", image)
    began = []

    def rule(handler, method, url):
        if began or not url.endswith(image.layers[0]["digest"]):
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(LARGE)))
        handler.end_headers()
        handler.wfile.write(LARGE[:1_000_000])
        handler.wfile.flush()
        began.append(True)
        time.sleep(15)
        return True

    server.rules.append(rule)
    process = subprocess.Popen(store.command("image", "pull", name), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not began:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(how)
    process.communicate(timeout=10)
    assert process.returncode != 0
    wait_for_no_process(store)
    assert os.listdir(store.store / "images") == [] and os.listdir(store.store / "layers") == []
    store.run("image", "pull", name).check()
    store.verify()
    assert "large" in store.build(f"FROM {name}\n").tree


# --- references ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "A", "a//b", "a:", "a@", "a@sha256:12", "a/../b", "http://a/b", "a b", "a:b:c", "a" * 300,
                                  "127.0.0.1:99999/a", "x@sha512:" + "0" * 128, "a%2fb", "a\nb", "a?b", "a#b"])
def test_odd_references(store, name):
    result = store.run("image", "pull", name)
    assert result.code == 1 and result.stderr.startswith("error: ")


def test_a_name_never_leaves_its_path(store, server):
    """What a reference may hold has no meaning in a URL."""
    name = server.add("a-b_c.d/e__f/g---h", reg.Image([FILES]), "T_a-g.1")
    store.run("image", "pull", name).check()
    assert server.log[-1][1].startswith("/v2/a-b_c.d/e__f/g---h/blobs/")
