# SPDX-License-Identifier: Apache-2.0
"""Images from registries: what comes into the store is what was there."""
import json
import os
import shutil
import subprocess
import tarfile
import time

import pytest

import registry as reg
from engine import Engine, base_entries, base_tar, entry, errors, needs_engine, needs_root, tar_bytes  # noqa: F401

pytestmark = needs_engine
needs_docker_registry = pytest.mark.skipif(reg.DOCKER_REGISTRY is None, reason="the package docker-registry is not installed")

BASE = tar_bytes(base_entries()) if os.access("/bin/busybox", os.X_OK) else b""
SECOND = [entry("etc/second", b"two\n"), entry("var/.wh.nothing", b""), entry("etc/.wh.group", b""),
          entry("opt", kind=tarfile.DIRTYPE, mode=0o750, uid=3, gid=4), entry("opt/a", b"a" * 100000, mode=0o640),
          entry("opt/link", kind=tarfile.LNKTYPE, linkname="opt/a"), entry("opt/name", kind=tarfile.SYMTYPE, linkname="/etc/second"),
          entry("usr/bin/suid", b"#!/bin/sh\n", mode=0o4755)]
THIRD = [entry("usr", kind=tarfile.DIRTYPE, mode=0o755), entry("usr/.wh..wh..opq", b""), entry("usr/new", b"new"),
         entry("fresh", kind=tarfile.DIRTYPE), entry("fresh/.wh.x", b""), entry("fresh/y", b"y"),
         entry("opt", kind=tarfile.DIRTYPE, mode=0o750, uid=3, gid=4), entry("opt/.wh.a", b"")]


def tars():
    return [BASE, tar_bytes(SECOND), tar_bytes(THIRD)]


@pytest.fixture
def store(tmp_path):
    return Engine(tmp_path / "store", tmp_path)


@pytest.fixture
def server():
    r = reg.Registry()
    yield r
    r.close()


@pytest.fixture
def docker_registry(tmp_path):
    r = reg.DockerRegistry(tmp_path)
    yield r
    r.close()


def check_tree(store, name):
    """What the three layers make together, seen by a step and by the packer."""
    listing = store.lines(f"FROM {name}\nRUN ls -A / /fresh /usr /opt; cat /etc/second; stat -c %u:%g:%a /opt; stat -c %a /etc/passwd\n")
    assert "?" not in "".join(listing)
    assert listing.count("fresh") == 1 and "y" in listing and "x" not in listing
    assert {"link", "name", "new", "two", "3:4:750", "644"} <= set(listing) and "a" not in listing
    tree = store.build(f"FROM {name}\n").tree
    assert tree.under("usr") == ["new"] and tree.under("fresh") == ["y"] and tree.under("opt") == ["link", "name"]
    assert tree.bytes("opt/link") == b"a" * 100000 and tree.mode("opt/link") == 0o640 and tree.owner("opt") == (3, 4)
    assert "etc/group" not in tree and "etc/passwd" in tree and tree["opt"].mtime == 1_000_000_000
    assert not [name for name in tree.members if ".wh." in name]


@pytest.mark.parametrize("world", ["oci", "docker"])
@pytest.mark.parametrize("how", ["gzip", "zstd", "plain"])
def test_images_of_both_worlds(store, server, world, how):
    image = reg.Image(tars(), world, how)
    name = server.add("some/image", image)
    result = store.run("image", "pull", name).check()
    assert result.stdout == f"{name} {image.digest}\n"
    check_tree(store, name)
    listed = store.run("image", "ls").check().stdout
    assert name in listed and f"pulled, {image.digest[:19]}" in listed
    store.verify()


def test_a_root_that_hides_all_below(store, server):
    top = tar_bytes([entry("bin", kind=tarfile.DIRTYPE), *[e for e in base_entries() if e[0].name.startswith("bin/")],
                     entry(".wh..wh..opq", b""), entry("top", b"")])
    name = server.add("a", reg.Image([tar_bytes([entry("below", b"")]), tar_bytes([entry("between", b"")]), top,
                                      tar_bytes([entry("above", b"")])]))
    listed = store.lines(f"FROM {name}\nRUN ls /\n")
    assert {"top", "above", "bin"} <= set(listed) and not {"below", "between"} & set(listed)
    assert {"below", "between"}.isdisjoint(store.build(f"FROM {name}\n").tree.members)


def test_whiteouts_of_nothing(store, server):
    """In the lowest layer, alone and below others; the same layer further up takes away."""
    lowest = tar_bytes([entry("d", kind=tarfile.DIRTYPE), entry("d/.wh.x", b""), entry("d/y", b""), entry(".wh.z", b"")])
    alone = server.add("alone", reg.Image([lowest]))
    above = server.add("above", reg.Image([tar_bytes([entry("d", kind=tarfile.DIRTYPE), entry("d/x", b""), entry("z", b"")]), lowest]))
    base = server.add("base", reg.Image([BASE]))
    for name in (alone, above):
        copied = store.build(f"FROM {base}\nCOPY --from={name} / /copy/\n").tree
        assert copied.under("copy") == ["d", "d/y"]
        assert store.lines(f"FROM {base}\nRUN --mount=from={name},target=/m find /m | sort\n") == ["/m", "/m/d", "/m/d/y"]


def test_from_pulls_and_says_so(store, server):
    name = server.add("a", reg.Image(tars(), config={"Env": ["PATH=/bin", "X=of the image"], "WorkingDir": "/opt", "Cmd": ["sh"]}))
    result = store.try_build(f"FROM {name}\nRUN echo $X; pwd\n").check()
    assert result.lines() == ["of the image", "/opt"]
    notices = [e for e in result.events if e["event"] == "notice"]
    assert len(notices) == 1 and "pulling" in json.dumps(notices) and "3 layers" in json.dumps(notices)
    # it is in the store now: nothing is asked
    server.log.clear()
    store.try_build(f"FROM {name}\n").check()
    store.try_build(f"FROM {name}\n", None, "--offline").check()
    assert server.log == []


def test_two_at_once(store, server):
    name = server.add("a", reg.Image([BASE, *[tar_bytes([entry(f"f{n}", os.urandom(200000))]) for n in range(8)]]))
    processes = [subprocess.Popen(store.command("image", "pull", name), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                 for _ in range(3)]
    results = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert all(code == 0 for _, code in results), results
    assert len({out for (out, _), _ in results}) == 1
    assert {f"f{n}" for n in range(8)} <= set(store.build(f"FROM {name}\n").tree.members)
    assert os.listdir(store.store / "tmp") == []
    store.verify()


def test_progress_on_a_terminal(store, server):
    name = server.add("a", reg.Image(tars()))
    shown = subprocess.run(["script", "-qec", " ".join(map(str, store.command("image", "pull", name))), "/dev/null"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0 and " of " in shown.stdout and name in shown.stdout


def test_layers_are_shared_between_images(store, server):
    one = server.add("one", reg.Image(tars()[:2]))
    two = server.add("two", reg.Image(tars()))
    store.run("image", "pull", one).check()
    server.log.clear()
    result = store.run("image", "pull", two).check()
    assert "1 layer," in result.stderr and len(server.asked("/blobs/")) == 2  # the config and the third layer
    check_tree(store, two)


def test_the_platform_of_an_index_is_chosen(store, server):
    arm = reg.Image([tar_bytes([entry("arm", b"")])], platform=("linux", "arm64"))
    amd = reg.Image([tar_bytes([entry("amd", b"")])])
    server.add("x", arm, "arm")
    server.add("x", amd, "amd")
    attestation = {"mediaType": reg.TYPES["oci"]["manifest"], "digest": "sha256:" + "0" * 64, "size": 1,
                   "platform": {"os": "unknown", "architecture": "unknown"}}
    inner = [amd.descriptor(os="linux", architecture="amd64")]
    nested = json.dumps({"schemaVersion": 2, "mediaType": reg.TYPES["oci"]["index"], "manifests": inner}).encode()
    server.manifests["x", reg.digest(nested)] = (reg.TYPES["oci"]["index"], nested)
    name = server.add_index("x", [attestation, arm.descriptor(os="linux", architecture="arm64", variant="v8"),
                                  {"mediaType": reg.TYPES["oci"]["index"], "digest": reg.digest(nested), "size": len(nested),
                                   "platform": {"os": "linux", "architecture": "amd64"}}])
    for platform, file in (("linux/amd64", "amd"), ("linux/arm64", "arm")):
        store.run("image", "pull", name, "--platform", platform).check()
        assert file in store.build(f"FROM --platform={platform} {name}\n").tree
    result = store.run("image", "pull", name, "--platform", "linux/s390x")
    assert result.code == 1 and "not made for linux/s390x" in result.stderr


def test_an_entry_without_a_platform(store, server, tmp_path):
    """OCI image index: "platform" is optional. Alone, beside an attestation, named twice; from a registry and from a layout."""
    image, other = reg.Image([tar_bytes([entry("f", b"here")])]), reg.Image([tar_bytes([entry("f", b"other")])])
    bare = {key: value for key, value in image.descriptor().items() if key != "platform"}
    attestation = {**other.descriptor(os="unknown", architecture="unknown"), "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    server.add("a", image)
    for number, entries in enumerate([[bare], [attestation, bare], [bare, bare]]):
        name = server.add_index("a", entries, tag=f"index{number}")
        folder = reg.layout(tmp_path / f"layout{number}", image)
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
        store.run("image", "pull", name).check()
        store.run("image", "import", folder, f"layout:{number}").check()
        for made in (name, f"layout:{number}"):
            assert store.build(f"FROM {made}\n").tree.text("f") == "here"
    name = server.add_index("a", [bare, {**bare, "digest": other.digest}], tag="two")
    result = store.run("image", "pull", name)
    assert result.code == 1 and "2 images in the index do not state their platform" in result.stderr and "@sha256" in result.stderr
    result = store.run("image", "pull", server.add_index("a", [bare], tag="index0"), "--platform", "linux/arm64")
    assert result.code == 1 and "the image is for linux/amd64, not for linux/arm64" in result.stderr


def test_a_layout_of_several_images(store, tmp_path):
    """The first is not taken in silence."""
    image, other = reg.Image([tar_bytes([entry("f", b"here")])]), reg.Image([tar_bytes([entry("f", b"other")])])
    folder = reg.layout(tmp_path / "layout", image)
    for entries, why in (([image, other], "'index.json' has 2 images for linux/amd64, not one"), ([image, image], "")):
        manifests = [i.descriptor(os="linux", architecture="amd64") for i in entries]
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        result = store.run("image", "import", folder, "several")
        assert (result.code, why in result.stderr) == (1 if why else 0, True), result.stderr
    assert store.build("FROM several\n").tree.text("f") == "here"


def test_an_image_of_another_platform_is_refused(store, server):
    name = server.add("x", reg.Image([tar_bytes([])], platform=("linux", "s390x")))
    result = store.run("image", "pull", name, "--platform", "linux/amd64")
    assert result.code == 1 and "is for linux/s390x, not for linux/amd64" in result.stderr


def test_a_pinned_image_is_that_one(store, server):
    image = reg.Image(tars())
    name = server.add("a", image)
    store.run("image", "pull", f"{name}@{image.digest}").check()
    check_tree(store, f"{name}@{image.digest}")
    # the store knows the digest of what has another name
    tagged = Engine(store.scratch / "tagged", store.scratch)
    tagged.run("image", "pull", name).check()
    context = store.scratch / "context"
    context.mkdir()
    tagged.try_build(f"FROM {name.rsplit(':', 1)[0]}@{image.digest}\n", context, "--offline").check()
    other = reg.Image([BASE])
    server.manifests["a", image.digest] = (other.media_type, other.manifest)
    server.blobs.update(other.blobs)
    fresh = Engine(store.scratch / "fresh", store.scratch)
    result = fresh.run("image", "pull", f"{name}@{image.digest}")
    assert result.code == 1 and f"the content of {image.digest} has the digest {other.digest}" in result.stderr


def test_pull_asks_again(store, server):
    name = server.add("a", reg.Image([tar_bytes([entry("old", b"")])]))
    assert "old" in store.build(f"FROM {name}\n").tree
    server.add("a", reg.Image([tar_bytes([entry("new", b"")])]))
    assert "old" in store.build(f"FROM {name}\n").tree
    assert "new" in store.build(f"FROM {name}\n", None, "--pull").tree
    # nothing new: no layer is fetched, and one FROM asks once
    server.log.clear()
    result = store.try_build(f"FROM {name}\nFROM {name}\nCOPY --from={name} / /x\n", None, "--pull").check()
    assert [path.split("/")[3] for _, path, _ in server.log if path.startswith("/v2/a/")] == ["manifests", "blobs"]
    assert "pulling" not in result.stderr


def test_offline_says_what_was_tried(store, server):
    name = server.add("a", reg.Image([BASE]))
    result = store.fail(f"FROM {name}\n", None, "--offline")
    assert server.log == [] and "is not in the store, and --offline asks no registry" in result.stderr
    usage = store.try_build(f"FROM {name}\n", None, "--offline", "--pull")
    assert usage.code == 2


@pytest.mark.parametrize("how, words", [
    ("refused", "its registry cannot be reached: Failed to connect to 127.0.0.1 port 1"), ("name", "Could not resolve host: no.such.invalid"),
    ("silent", "its registry cannot be reached: 'http"), ("missing", "its registry does not have it: the registry answers HTTP 404"),
    ("login", "the registry refuses access and does not offer a login method"), ("broken", "the registry answers HTTP 501"),
])
def test_the_first_line_names_the_cause(store, server, how, words):
    hosts = {"refused": "127.0.0.1:1", "name": "no.such.invalid"}
    rules = {"silent": lambda handler, method, path: time.sleep(3) or reg.cut(handler), "login": lambda handler, method, path: reg.send(handler, 401),
             "broken": lambda handler, method, path: reg.send(handler, 501)}
    if how in rules:
        server.rules.append(rules[how])
    name = f"{hosts.get(how, server.host)}/x:1"
    result = store.fail(f"FROM scratch\nFROM {name}\n", env={"CAPSEM_REGISTRY_TIMEOUT": "1"})
    first = [line for line in result.stderr.splitlines() if not line.startswith("{")][0]
    assert first.startswith("error: [E403] ") and ":2:6: " in first and name in first and words in first, result.stderr
    assert "help: " in result.stderr


def confined_below(path):
    """(capabilities, network namespace) of the processes in or below a folder that have a system call filter."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            if status["Seccomp"] == "2" and os.readlink(f"/proc/{pid}/root").startswith(os.fspath(path)):
                found.append((int(status["CapEff"], 16), os.readlink(f"/proc/{pid}/ns/net")))
        except (OSError, KeyError):
            continue
    return found


@needs_root
def test_what_unpacks_has_few_rights(store, server):
    """While a layer comes slowly, the process that unpacks it is looked at."""
    seen = []

    def slowly(handler, method, path):
        if "/blobs/" not in path or not seen and path.endswith(image.document["config"]["digest"]):
            return False
        for _ in range(100):
            found = confined_below(store.store)
            if found:
                seen.extend(found)
                break
            time.sleep(0.05)
        return False

    image = reg.Image([tar_bytes([entry("f", b"F")])])
    server.rules.append(slowly)
    store.run("image", "pull", server.add("a", image)).check()
    few = sum(1 << cap for cap in (0, 1, 3, 4, 21, 27, 31))  # chown dac_override fowner fsetid sys_admin mknod setfcap
    assert seen and all(caps & ~few == 0 and net != os.readlink("/proc/self/ns/net") for caps, net in seen), seen


def test_no_registry_fails_at_once(store):
    """Nobody listens: no second is lost, and the next FROM of that registry does not ask again."""
    result = store.fail("FROM 127.0.0.1:1/a AS x\nFROM 127.0.0.1:1/b AS y\nFROM 127.0.0.1:1/c\nCOPY --from=x / /\n")
    assert "cannot" in result.stderr.lower() or "connect" in result.stderr.lower()


def test_a_release_is_bootstrapped_where_no_registry_answers(store, tmp_path):
    """As far as that: it is given no tools."""
    tools = tmp_path / "tools"
    tools.mkdir()
    env = {"PATH": str(tools), "https_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "no_proxy": "", "NO_PROXY": "",
           "XDG_CONFIG_HOME": str(tmp_path)}
    result = store.fail("FROM debian:bookworm-slim\n", env=env)
    notices = [e for e in result.events if e["event"] == "notice"]
    assert len(notices) == 1 and "its registry cannot be reached" in json.dumps(notices)
    assert "bootstrapping debian bookworm from its packages" in json.dumps(notices)
    assert "bootstrapping it failed" in result.stderr
    offline = store.fail("FROM debian:bookworm-slim\n", None, "--offline", env=env)
    assert "bootstrapping" not in offline.stderr and "--offline asks no registry" in offline.stderr


def test_no_such_image(store, server):
    result = store.fail(f"FROM {server.host}/nothing\n")
    assert "is not in the store, and its registry does not have it" in result.stderr and "HTTP 404: manifest unknown" in result.stderr
    result = store.run("image", "pull", f"{server.host}/nothing")
    assert result.code == 1 and "HTTP 404" in result.stderr


# --- logging in -----------------------------------------------------------------------------------


def docker_config(tmp_path, content):
    folder = tmp_path / "docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content))
    return {"DOCKER_CONFIG": str(folder)}


def want(server, check, challenge):
    def rule(handler, method, path):
        if path.startswith("/v2/") and not check(handler.headers.get("Authorization")):
            return reg.send(handler, 401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                            {"WWW-Authenticate": challenge})
        return False
    server.rules.append(rule)


def test_basic_authentication(store, server, tmp_path):
    name = server.add("a", reg.Image([BASE]))
    want(server, lambda header: header == reg.basic("user", "pa:ss"), 'Basic realm="x"')
    result = store.run("image", "pull", name, env=docker_config(tmp_path, {}))
    assert result.code == 1 and "requires a login" in result.stderr and "docker login" in result.stderr
    auth = reg.basic("user", "pa:ss").split()[1]
    store.run("image", "pull", name, env=docker_config(tmp_path, {"auths": {server.host: {"auth": auth}}})).check()
    wrong = docker_config(tmp_path, {"auths": {server.host: {"username": "user", "password": "wrong"}}})
    result = Engine(tmp_path / "other", tmp_path).run("image", "pull", name, env=wrong)
    assert result.code == 1 and "refuses access (HTTP 401): authentication required" in result.stderr
    assert "wrong" not in result.stderr


def token_service(server, accepts, token="t.0-k_e/n=="):
    def rule(handler, method, path):
        if not path.startswith("/token"):
            return False
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length).decode()
        if not accepts(handler, path, body):
            return reg.send(handler, 401, b'{"details":"incorrect username or password"}')
        return reg.send(handler, 200, json.dumps({"token": token}).encode())
    server.rules.insert(0, rule)
    want(server, lambda header: header == f"Bearer {token}",
         f'Bearer realm="http://{server.host}/token?x=1",service="the service",scope="repository:a:pull"')


def test_token_authentication(store, server, tmp_path):
    name = server.add("a", reg.Image(tars()))
    token_service(server, lambda handler, path, body: "service=the%20service&scope=repository%3Aa%3Apull" in path)
    store.run("image", "pull", name, env=docker_config(tmp_path, {})).check()
    assert len(server.asked("/token")) == 1  # for the manifest, the config and three layers
    check_tree(store, name)


def test_token_with_a_login(store, server, tmp_path):
    name = server.add("a", reg.Image([BASE]))
    token_service(server, lambda handler, path, body: handler.headers.get("Authorization") == reg.basic("u", "p"))
    result = store.run("image", "pull", name, env=docker_config(tmp_path, {}))
    assert result.code == 1 and "ask for a token" in result.stderr and "incorrect username or password" in result.stderr
    store.run("image", "pull", name, env=docker_config(tmp_path, {"auths": {server.host: {"username": "u", "password": "p"}}})).check()


def test_identity_token(store, server, tmp_path):
    name = server.add("a", reg.Image([BASE]))
    token_service(server, lambda handler, path, body: handler.command == "POST" and "grant_type=refresh_token" in body
                  and "refresh_token=idt%2B1" in body)
    store.run("image", "pull", name, env=docker_config(tmp_path, {"auths": {server.host: {"identitytoken": "idt+1"}}})).check()


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_credential_helpers(store, server, tmp_path, key):
    name = server.add("a", reg.Image([BASE]))
    want(server, lambda header: header == reg.basic("helped", "secret"), 'Basic realm="x"')
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    helper = bin_folder / "docker-credential-test"
    helper.write_text('#!/bin/sh\nread host\n[ "$1" = get ] || exit 1\n[ "$host" = "%s" ] || exit 1\n'
                      'echo \'{"ServerURL":"x","Username":"helped","Secret":"secret"}\'\n' % server.host)
    helper.chmod(0o755)
    env = docker_config(tmp_path, {key: "test" if key == "credsStore" else {server.host: "test"}})
    store.run("image", "pull", name, env={**env, "PATH": f"{bin_folder}:{os.environ['PATH']}"}).check()


@pytest.mark.parametrize("config, words", [
    ("{ not json", "config.json' is not JSON, line 1"),
    ('{"credsStore": "nowhere"}', "config.json' names the helper 'docker-credential-nowhere', which is not in PATH"),
    ('{"credHelpers": {"HOST": "broken"}}', "config.json' names the helper 'docker-credential-broken', which failed: no keychain today"),
    ('{"auths": {"HOST": {"auth": "%%%"}}}', "config.json' has an 'auth' of 'HOST' that is not base64"),
])
@pytest.mark.parametrize("challenge", ['Basic realm="x"', 'Bearer realm="http://HOST/token",service="s"'])
def test_a_refused_login_names_its_cause(store, server, tmp_path, config, words, challenge):
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(config.replace("HOST", server.host))
    helper = tmp_path / "docker-credential-broken"
    helper.write_text("#!/bin/sh\necho no keychain today >&2\nexit 1\n")
    helper.chmod(0o755)
    want(server, lambda _: False, challenge.replace("HOST", server.host))
    server.rules.append(lambda handler, method, path: path.startswith("/token") and reg.send(handler, 200, b'{"token": "anonymous"}'))
    name, env = server.add("a/b", reg.Image([tar_bytes([])])), {"DOCKER_CONFIG": str(folder), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for result in (store.run("image", "pull", name, env=env), store.try_build(f"FROM {name}\n", env=env)):
        assert result.code == 1 and words.replace("HOST", server.host) in errors(result)[0], result.stderr


def test_a_token_service_without_tls_elsewhere_is_refused(store, server, tmp_path):
    name = server.add("a", reg.Image([BASE]))
    want(server, lambda header: False, 'Bearer realm="ftp://example.invalid/token"')
    result = store.run("image", "pull", name, env=docker_config(tmp_path, {}))
    assert result.code == 1 and "token service does not use TLS" in result.stderr


def test_mirrors_and_what_is_behind_them(store, server, tmp_path):
    """Of docker.io, from daemon.json: one that does not answer, one that has it not, one that has it."""
    server.add("library/thing", reg.Image(tars()), "1")
    empty = reg.Registry()
    settings = tmp_path / "xdg" / "docker"
    settings.mkdir(parents=True)
    mirrors = ["http://127.0.0.1:1", f"http://{empty.host}/", f"http://{server.host}"]
    (settings / "daemon.json").write_text(json.dumps({"registry-mirrors": mirrors}))
    store.run("image", "pull", "thing:1", env={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).check()
    assert len(empty.asked("/v2/library/thing/manifests/1")) == 1
    empty.close()
    check_tree(store, "thing:1")


# --- TLS ------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the package openssl is not installed")
def test_tls_on_loopback_and_elsewhere(store, tmp_path):
    """Loopback takes any certificate, as Docker does. Elsewhere (through a mirror with a scheme) the bundle decides."""
    both, cert = reg.certificate(tmp_path, "localhost")
    server = reg.Registry(tls=both)
    port = server.host.split(":")[1]
    server.add("library/thing", reg.Image(tars()), "1")
    store.run("image", "pull", f"localhost:{port}/library/thing:1").check()
    check_tree(store, f"localhost:{port}/library/thing:1")
    settings = tmp_path / "xdg" / "docker"
    settings.mkdir(parents=True)
    (settings / "daemon.json").write_text(json.dumps({"registry-mirrors": [f"https://localhost:{port}"]}))
    env = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    seen = len(server.log)
    other = Engine(tmp_path / "other", tmp_path)
    assert other.run("image", "pull", "thing:1", env=env).code == 1 and len(server.log) == seen
    other.run("image", "pull", "thing:1", env={**env, "SSL_CERT_FILE": str(cert)}).check()
    # from https a redirect to http is not followed
    plain = reg.Registry()
    plain.add("library/thing", reg.Image(tars()), "1")
    server.rules.append(lambda handler, method, path: "/blobs/" in path and reg.send(
        handler, 307, b"", {"Location": f"http://{plain.host}{path}"}))
    third = Engine(tmp_path / "third", tmp_path)
    assert third.run("image", "pull", "thing:1", env={**env, "SSL_CERT_FILE": str(cert)}).code == 1 and plain.log == []
    plain.close()
    server.close()


def test_a_proxy_is_used(store, server):
    """The host's proxy gets the request for a registry that only it knows."""
    image = reg.Image(tars())
    server.add("a", image)
    seen = []

    def rule(handler, method, path):
        if path.startswith("http://registry.example"):
            seen.append(path)
            handler.path = path.removeprefix("http://registry.example:5000")
        return False

    server.rules.append(rule)
    settings = store.scratch / "xdg" / "docker"
    settings.mkdir(parents=True)
    (settings / "daemon.json").write_text(json.dumps({"insecure-registries": ["registry.example:5000"]}))
    env = {"XDG_CONFIG_HOME": str(store.scratch / "xdg"), "http_proxy": f"http://{server.host}", "no_proxy": "",
           "https_proxy": "http://127.0.0.1:1"}
    store.run("image", "pull", "registry.example:5000/a", env=env).check()
    assert len(seen) == 5


# --- Debian's docker-registry -----------------------------------------------------------------------


@needs_docker_registry
@pytest.mark.parametrize("world", ["oci", "docker"])
def test_docker_registry(store, docker_registry, world):
    image = reg.Image(tars(), world)
    name = docker_registry.add("deep/er/name", image, "v1")
    result = store.run("image", "pull", name).check()
    assert image.digest in result.stdout
    check_tree(store, name)
    store.run("image", "pull", f"{docker_registry.host}/deep/er/name@{image.digest}").check()
    result = store.run("image", "pull", f"{docker_registry.host}/deep/er/name:v2")
    assert result.code == 1 and "manifest unknown" in result.stderr
