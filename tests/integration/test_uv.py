# SPDX-License-Identifier: Apache-2.0
"""Package sets that want uv, against a package index of our own on loopback.

The index holds two wheels: "uv", a stand-in whose `uv pip install` asks pip, and a sample package. What is tested is ours: that
a set with manager uv brings uv from the index, runs the default command, sees the host's index settings, and that none of
this stays in the image.
"""
import functools
import http.server
import os
import shutil
import subprocess
import threading
import zipfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ["CAPSEM_BUILDER"]
STORE = os.path.join(os.path.dirname(PROGRAM), "test-store")
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="building needs root")

UV = """
import subprocess, sys
def main():
    assert sys.argv[1:5] == ["pip", "install", "--system", "--break-system-packages"], sys.argv
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--break-system-packages",
                              "--root-user-action=ignore", *sys.argv[5:]]))
"""


def wheel(folder, name, module, source, scripts=""):
    """The least that pip takes for a wheel (PEP 427)."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": scripts,
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    place = folder / "simple" / name.replace("_", "-")
    place.mkdir(parents=True)
    with zipfile.ZipFile(place / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


@pytest.fixture
def index(tmp_path):
    wheel(tmp_path / "index", "uv", "uv_stand_in", UV, "[console_scripts]\nuv = uv_stand_in:main\n")
    wheel(tmp_path / "index", "capsem_sample", "capsem_sample", "ANSWER = 42\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "index")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()


def test_a_set_with_uv(tmp_path, index):
    shutil.copytree(os.path.join(ROOT, "examples/minimal"), tmp_path / "guest")
    (tmp_path / "guest/config/packages/python.toml").write_text(
        '[python]\nname = "Python packages"\nmanager = "uv"\n'
        'install_cmd = "uv pip install --system --break-system-packages"\npackages = ["capsem-sample"]\n'
        '[python.network]\nname = "index"\ndomains = ["*.example.org"]\n')
    env = {**os.environ, "CAPSEM_CACHE_DIR": STORE, "PIP_INDEX_URL": index, "PIP_TRUSTED_HOST": "127.0.0.1",
           "SOURCE_DATE_EPOCH": "1750000000"}
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        env.pop(name, None)
    result = subprocess.run([PROGRAM, "build", "guest", "--arch", ARCH, "--template", "rootfs", "--progress", "plain"],
                            cwd=tmp_path, env=env, capture_output=True, text=True, timeout=1500)
    assert result.returncode == 0, result.stderr[-6000:]

    mounted = tmp_path / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "-o", "loop,ro", tmp_path / "assets" / ARCH / "rootfs.squashfs", mounted], check=True)
    try:
        found = [os.path.join(d, f) for d, _, files in os.walk(mounted / "usr") for f in files if f == "capsem_sample.py"]
        assert len(found) == 1, found
        port = index.split(":")[2].split("/")[0]
        left = subprocess.run(["grep", "-rIl", f"127.0.0.1:{port}", mounted / "etc", mounted / "usr/local", mounted / "var"],
                              capture_output=True, text=True)
        assert left.stdout == "", "the index's address is in the image"
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_an_index_that_does_not_answer_is_named_without_its_password(tmp_path):
    """What the steps with pip and uv begin with, run by this machine's shell: what fails after it says which index was asked."""
    shutil.copytree(os.path.join(ROOT, "examples/minimal"), tmp_path / "guest")
    (tmp_path / "guest/config/packages/python.toml").write_text(
        '[python]\nname = "P"\nmanager = "uv"\ninstall_cmd = "uv pip install"\npackages = ["x"]\n')
    done = subprocess.run([PROGRAM, "build", "guest", "--arch", ARCH, "--template", "rootfs", "--dry-run"], cwd=tmp_path,
                          env={**os.environ, "CAPSEM_CACHE_DIR": str(tmp_path / "none")}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    steps = [step for step in done.stdout.split("<<'END'\n") if "say_index()" in step]
    assert len(steps) == 2, "uv itself, and the set"
    for step in steps:
        begin = "set -e\n" + step[step.index("export PIP_DEFAULT_TIMEOUT"):step.index(" EXIT\n") + 6]
        for script, env, said in (
                ("false", {"PIP_INDEX_URL": "https://me:secret@index.example/simple"}, "https://index.example/simple, 2 retries, 20 s"),
                ("exit 3", {"PIP_INDEX_URL": "a", "UV_INDEX_URL": "b", "PIP_RETRIES": "7", "PIP_DEFAULT_TIMEOUT": "9"}, "b, 7 retries, 9 s"),
                ("exit 3", {}, "the default index of pip and uv, 2 retries"), ("true", {}, None)):
            ran = subprocess.run(["sh", "-c", begin + script], env={"PATH": "/nowhere:/bin:/usr/bin", "PIP_CONFIG_FILE": "/dev/null", **env},
                                 capture_output=True, text=True, timeout=60)
            assert (ran.returncode, ran.stdout) == ({"false": 1, "exit 3": 3, "true": 0}[script], "")
            assert (said in ran.stderr and "secret" not in ran.stderr) if said else ran.stderr == ""
