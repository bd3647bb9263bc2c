# SPDX-License-Identifier: Apache-2.0
"""size, diff and sbom on images that another packer made, and on what is not an image."""
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest

PROGRAM = os.environ["CAPSEM_BUILDER"]
SCHEMAS = "@cyclonedx/cyclonedx-library@10.3.0"  # it brings the official schemas
STATUS = """Package: jq
Status: install ok installed
Architecture: amd64
Version: 1.6-2
Depends: libjq1

Package: libjq1
Status: install ok installed
Architecture: amd64
Source: jq
Version: 1.6-2
"""

pytestmark = pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="squashfs-tools is not installed")


def put(root, path, content, mode=0o644):
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    put(root, "var/lib/dpkg/status", STATUS)
    put(root, "var/lib/dpkg/info/jq.list", "/.\n/usr/bin/jq\n")
    put(root, "var/lib/dpkg/info/libjq1:amd64.list", "/lib/libjq.so.1\n")
    put(root, "usr/bin/jq", os.urandom(300_000), 0o755)
    put(root, "usr/lib/libjq.so.1", b"jq" * 50_000)
    put(root, "opt/twin-a", os.urandom(200_000))
    shutil.copy(root / "opt/twin-a", root / "opt/twin-b")
    put(root, "opt/p/node_modules/left-pad/package.json", '{"name": "left-pad", "version": "1.3.0", "license": "WTFPL"}')
    put(root, "etc/<script>\n\x1b[31m", "x")
    put(root, "etc/os-release", 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')
    (root / "lib").symlink_to("usr/lib")
    os.link(root / "usr/bin/jq", root / "usr/bin/jq-again")
    return root


def pack(root, image, *options):
    subprocess.run(["mksquashfs", root, image, "-noappend", "-quiet", "-no-progress", *options], check=True, capture_output=True)
    return image


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, timeout=120)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def groups(image, by):
    found = json.loads(run("size", image, "--by", by, "--json")[0])
    return found, {g["name"]: g for g in found["groups"]}


@pytest.mark.parametrize("codec", ["gzip", "xz", "zstd", "lz4"])
def test_the_sums_are_those_of_the_files(root, tmp_path, codec):
    image = pack(root, tmp_path / "i.squashfs", "-comp", codec)
    found, files = groups(image, "file")
    inodes = {os.stat(p).st_ino: p for p in root.rglob("*") if p.is_file() and not p.is_symlink()}
    assert found["bytes"] == sum(p.stat().st_size for p in inodes.values())
    assert found["packed_bytes"] == image.stat().st_size
    assert sum(g["packed_bytes"] for g in files.values()) <= found["packed_bytes"]
    assert sum(g["packed_bytes"] for g in files.values()) > 0.9 * (found["packed_bytes"] - 8192)
    # random bytes do not get smaller; a twin's blocks are there once
    assert 0.99 < files["/usr/bin/jq"]["packed_bytes"] / 300_000 < 1.01
    assert abs(files["/opt/twin-a"]["packed_bytes"] - files["/opt/twin-b"]["packed_bytes"]) < 100
    assert found["duplicate_files"] == 2 and found["duplicate_bytes"] == 200_000


def test_packages_have_their_files(root, tmp_path):
    image = pack(root, tmp_path / "i.squashfs")
    found, packages = groups(image, "package")
    assert found["packages"] == 3
    assert packages["libjq1"]["bytes"] >= 100_000  # listed as /lib/..., a link
    assert packages["jq"]["detail"] == "deb 1.6-2"
    assert packages["left-pad"]["files"] == 1


def test_names_do_not_reach_the_terminal(root, tmp_path):
    text, _ = run("size", pack(root, tmp_path / "i.squashfs"), "--by", "file", "--top", 0)
    assert "\x1b" not in text and "<script>" in text


def test_assets_are_found(root, tmp_path):
    folder = tmp_path / "assets/x86_64"
    folder.mkdir(parents=True)
    image = pack(root, folder / "rootfs.squashfs")
    one = run("size", tmp_path / "assets", "--arch", "x86_64", "--json", "--by", "folder")[0]
    assert json.loads(one)["groups"] == json.loads(run("size", folder, "--json", "--by", "folder")[0])["groups"]
    assert json.loads(one)["groups"] == json.loads(run("size", image, "--json", "--by", "folder")[0])["groups"]
    assert "is not beside it" in run("size", folder)[1]


def test_differences(root, tmp_path):
    before = pack(root, tmp_path / "a.squashfs")
    assert run("diff", before, pack(root, tmp_path / "b.squashfs", "-comp", "xz"))[0].startswith("0 files added")
    put(root, "usr/bin/jq", os.urandom(300_000), 0o755)
    put(root, "opt/new", "new")
    (root / "opt/twin-b").unlink()
    (root / "usr/lib/libjq.so.1").chmod(0o600)
    put(root, "opt/p/node_modules/left-pad/package.json", '{"name": "left-pad", "version": "2.0.0"}')
    after = pack(root, tmp_path / "c.squashfs")
    found = json.loads(run("diff", before, after, "--json", code=1)[0])
    changes = {f["path"]: (f["change"], f.get("what")) for f in found["files"]}
    assert changes == {
        "/usr/bin/jq": ("changed", "content"), "/usr/bin/jq-again": ("changed", "content"),
        "/opt/new": ("added", None), "/opt/twin-b": ("removed", None), "/usr/lib/libjq.so.1": ("changed", "mode"),
        "/opt/p/node_modules/left-pad/package.json": ("changed", "content"),
    }
    assert [(p["name"], p["before"], p["after"]) for p in found["packages"]] == [("left-pad", "1.3.0", "2.0.0")]
    text, _ = run("diff", before, after, "--stat", code=1)
    assert "~ npm     left-pad  1.3.0 -> 2.0.0" in text and "1 files added, 1 removed, 4 changed" in text


def test_where_a_file_comes_from(root, tmp_path):
    image = pack(root, tmp_path / "i.squashfs")
    text, _ = run("--cache-dir", tmp_path / "none", "whence", image, "/lib/libjq.so.1")
    assert text.startswith("/usr/lib/libjq.so.1\n  file     100000 bytes") and "  package  libjq1 1.6-2 (deb)\n" in text
    assert "none\n" in run("whence", image, "opt/twin-a")[0]
    assert "does not have '/usr/bin/no'" in run("whence", image, "/usr/bin/no", code=1)[1]
    assert "\x1b" not in run("whence", image, "/etc/<script>\n\x1b[31m")[0]
    assert not (tmp_path / "none").exists()  # it only looks


def test_what_is_not_an_image(root, tmp_path):
    image = pack(root, tmp_path / "i.squashfs")
    data = image.read_bytes()
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("no image\n" * 1000)
    for name in ("empty", "text", "gone"):
        assert "cannot" in run("size", tmp_path / name, code=1)[1] or "No such file" in run("size", tmp_path / name, code=1)[1]
        assert run("diff", image, tmp_path / name, code=2)[0] == ""
        assert run("sbom", tmp_path / name, code=1)[0] == ""
    for at in range(0, len(data), max(1, len(data) // 60)):  # cut short, and one byte flipped
        for wrong in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]):
            (tmp_path / "wrong").write_bytes(wrong)
            done = subprocess.run([PROGRAM, "size", tmp_path / "wrong", "--by", "package"], capture_output=True, timeout=60)
            assert done.returncode in (0, 1), (at, done.returncode)
            done = subprocess.run([PROGRAM, "diff", image, tmp_path / "wrong"], capture_output=True, timeout=60)
            assert done.returncode in (0, 1, 2), (at, done.returncode)


@pytest.mark.parametrize("count", [0, 1, 0xFFFFFFFF])
def test_a_false_number_of_inodes_changes_nothing(root, tmp_path, count):
    data = bytearray(pack(root, tmp_path / "i.squashfs").read_bytes())
    data[4:8] = count.to_bytes(4, "little")
    (tmp_path / "false").write_bytes(data)
    with open(tmp_path / "out", "wb") as out:
        program = subprocess.Popen([PROGRAM, "size", tmp_path / "false", "--by", "file", "--json"], stdout=out)
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0
    assert used.ru_maxrss < 1 << 20  # KiB; a table of that length would take four times as much
    found = json.loads((tmp_path / "out").read_text())
    assert found["groups"] == json.loads(run("size", tmp_path / "i.squashfs", "--by", "file", "--json")[0])["groups"]


def test_the_bill_is_deterministic_and_whole(root, tmp_path):
    image = pack(root, tmp_path / "i.squashfs")
    text, _ = run("sbom", image)
    assert text == run("sbom", image)[0]
    bill = json.loads(text)
    assert {c["name"] for c in bill["components"]} == {"debian", "jq", "libjq1", "left-pad"}
    assert run("sbom", image, "-o", tmp_path / "bill.json")[0] == ""
    assert (tmp_path / "bill.json").read_text() == text
    spdx = json.loads(run("sbom", image, "--format", "spdx")[0])
    names = {p["SPDXID"]: p["name"] for p in spdx["packages"]}
    assert sorted(names.values()) == ["debian", "i.squashfs", "jq", "left-pad", "libjq1"]
    for relation in spdx["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= set(names) | {"SPDXRef-DOCUMENT"}
    assert all({"downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"} <= set(p) for p in spdx["packages"])


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The official schema of CycloneDX 1.6, as a validator."""
    jsonschema = pytest.importorskip("jsonschema")
    folder = tmp_path_factory.mktemp("schema")
    if shutil.which("npm") is None:
        pytest.skip("npm, which fetches the schemas, is not installed")
    done = subprocess.run(["npm", "pack", "--silent", SCHEMAS], cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"the registry does not give {SCHEMAS}: {done.stderr.strip()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder)
    found = {}
    for path in pathlib.Path(folder, "package/res/schema").glob("*.schema.json"):
        found[path.name] = json.loads(path.read_text())
    main = found["bom-1.6.SNAPSHOT.schema.json"]
    store = {s.get("$id", name): s for name, s in found.items()}
    store |= {f"http://cyclonedx.org/schema/{name}": s for name, s in found.items()}
    return jsonschema.Draft7Validator(main, resolver=jsonschema.RefResolver(main["$id"], main, store=store))


def test_the_bill_is_valid(root, tmp_path, schema):
    bill = json.loads(run("sbom", pack(root, tmp_path / "i.squashfs"))[0])
    assert [e.message for e in schema.iter_errors(bill)] == []
    bill["components"][0]["type"] = "nonsense"
    assert list(schema.iter_errors(bill))
