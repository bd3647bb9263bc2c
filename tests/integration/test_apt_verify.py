# SPDX-License-Identifier: Apache-2.0
"""templates/apt-verify.sh: of apt's caches a step uses what the signed index names, by its hash."""
import hashlib
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HELPER = "/usr/lib/apt/apt-helper"
pytestmark = [pytest.mark.skipif(not os.access(HELPER, os.X_OK), reason="no apt here"),
              pytest.mark.skipif(os.geteuid() != 0, reason="mounts folders over this machine's")]

SCRIPT = """set -e
mount --bind "$1/cache" /var/cache/apt
mount --bind "$1/lists" /var/lib/apt/lists
export PATH="$1/bin:$PATH"
. "$2"
"""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def stanza(name, version, arch, data):
    return f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\nFilename: pool/{name}.deb\nSize: {len(data)}\nSHA256: {sha256(data)}\n\n"


class Caches:
    def __init__(self, folder):
        self.folder = folder
        self.lists, self.archives = folder / "lists", folder / "cache/archives"
        self.archives.mkdir(parents=True)
        self.lists.mkdir()
        (folder / "bin").mkdir()
        (folder / "bin/apt-get").write_text(f"#!/bin/sh\necho \"$@\" >>{folder}/asked\n")
        (folder / "bin/apt-get").chmod(0o755)
        index = stanza("one", "1:2.0-1", "amd64", b"one") + stanza("two", "3~rc+1", "all", b"two") + stanza("three", "1", "amd64", b"three")
        self.index("m_dists_x", index)
        for name, data in (("one_1%3a2.0-1_amd64", b"one"), ("two_3~rc+1_all", b"two"), ("three_1_amd64", b"three")):
            (self.archives / f"{name}.deb").write_bytes(data)

    def index(self, release, text):
        data = text.encode()
        (self.lists / f"{release}_InRelease").write_text(f"SHA256:\n {sha256(data)} {len(data)} main/binary-amd64/Packages\n")
        (self.lists / f"{release}_main_binary-amd64_Packages").write_bytes(data)

    def run(self):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", SCRIPT, "sh", self.folder, os.path.join(ROOT, "templates/apt-verify.sh")],
                              capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        asked = self.folder / "asked"
        return asked.read_text().splitlines() if asked.exists() else []

    def left(self):
        return sorted(os.listdir(self.archives)), sorted(os.listdir(self.lists))


@pytest.fixture
def caches(tmp_path):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    return Caches(tmp_path)


def test_what_is_right_stays(caches):
    before = caches.left()
    assert caches.run() == [] and caches.left() == before


def test_an_archive_with_another_content_goes(caches):
    (caches.archives / "one_1%3a2.0-1_amd64.deb").write_bytes(b"eno")
    caches.run()
    assert caches.left()[0] == ["three_1_amd64.deb", "two_3~rc+1_all.deb"]


def test_an_archive_of_another_package_goes(caches):
    """Of the same size, and in the index."""
    (caches.archives / "one_1%3a2.0-1_amd64.deb").write_bytes(b"two")
    (caches.archives / "stranger_1_amd64.deb").write_bytes(b"stranger")
    caches.run()
    assert caches.left()[0] == ["three_1_amd64.deb", "two_3~rc+1_all.deb"]


def test_an_index_that_nothing_signed_goes_with_what_it_names(caches):
    evil = stanza("one", "1:2.0-1", "amd64", b"bad")
    (caches.lists / "m_dists_x_main_binary-amd64_Packages").write_text(evil)
    (caches.archives / "one_1%3a2.0-1_amd64.deb").write_bytes(b"bad")
    asked = caches.run()
    assert len(asked) == 1 and asked[0].endswith("update -q"), "it is fetched again"
    assert caches.left() == ([], ["m_dists_x_InRelease"])


def test_a_compressed_index_counts_by_its_content(caches):
    path = caches.lists / "m_dists_x_main_binary-amd64_Packages"
    subprocess.run(["gzip", path], check=True)
    before = caches.left()
    assert caches.run() == [] and caches.left() == before


def test_apts_own_caches_of_the_index_are_made_anew(caches):
    (caches.folder / "cache/pkgcache.bin").write_text("anything")
    caches.run()
    assert not (caches.folder / "cache/pkgcache.bin").exists()


def test_empty_caches(caches):
    for folder in (caches.archives, caches.lists):
        for name in os.listdir(folder):
            os.remove(folder / name)
    assert caches.run() == []
    caches.archives.rmdir()
    assert caches.run() == []
