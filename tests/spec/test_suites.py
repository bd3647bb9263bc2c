# SPDX-License-Identifier: Apache-2.0
"""tools/conformance-data takes what is pinned and nothing else, from a server on this machine; a suite that is here is the pinned one."""
import functools
import http.server
import io
import json
import pathlib
import subprocess
import tarfile
import threading

import pytest

import suites

TOOL = suites.REPO / "tools/conformance-data"
FILES = {"top-1/tests/list": b"valid/a.toml\nvalid/a.json\n", "top-1/tests/valid/a.toml": b"a = 1\n",
         "top-1/tests/valid/a.json": b"{}\n", "top-1/tests/other.toml": b"not used\n", "top-1/LICENSE": b"MIT\n", "top-1/go.mod": b"x\n"}
ROW = {"lists": ["tests/list"], "files": ["LICENSE"], "from": {"tests": "tests", "LICENSE": "LICENSE"}}


def archive(path, files, **more):
    with tarfile.open(path, "w:gz", **more) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    http.server.SimpleHTTPRequestHandler.log_message = lambda *_: None
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def pinned(tmp_path):
    folder = tmp_path / "right"
    for name, content in FILES.items():
        path = folder / name.removeprefix("top-1/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return suites.digest(ROW, folder)


def run(tmp_path, urls, sha256, *names):
    lines = ["[mini]", f"urls = {urls!r}", 'lists = ["tests/list"]', 'files = ["LICENSE"]', f'sha256 = "{sha256}"',
             "[mini.from]", '"tests" = "tests"', '"LICENSE" = "LICENSE"']
    (tmp_path / "table.toml").write_text("\n".join(lines).replace("'", '"') + "\n")
    done = subprocess.run(["/usr/bin/python3", "-B", TOOL, "--table", tmp_path / "table.toml", "--output", tmp_path / "out", *names],
                          capture_output=True, text=True, timeout=60)
    left = sorted(p.name for p in (tmp_path / "out").iterdir()) if (tmp_path / "out").is_dir() else []
    return done.returncode, done.stdout + done.stderr, left


def test_fetches_what_is_pinned_once(tmp_path, server, pinned):
    folder, url = server
    archive(folder / "a.tar.gz", FILES)
    code, text, left = run(tmp_path, [f"{url}/a.tar.gz"], pinned)
    assert (code, left) == (0, ["mini"]), text
    assert (tmp_path / "out/mini/tests/valid/a.toml").read_bytes() == b"a = 1\n"
    assert not (tmp_path / "out/mini/go.mod").exists()
    (folder / "a.tar.gz").unlink()
    assert run(tmp_path, [f"{url}/a.tar.gz"], pinned)[:2] == (0, "mini: is there\n")


def test_the_next_url_is_tried(tmp_path, server, pinned):
    folder, url = server
    archive(folder / "old.tar.gz", FILES | {"top-1/tests/valid/a.toml": b"a = 2\n"})
    archive(folder / "new.tar.gz", FILES)
    code, text, left = run(tmp_path, [f"{url}/gone.tar.gz", f"{url}/old.tar.gz", f"{url}/new.tar.gz"], pinned)
    assert (code, left) == (0, ["mini"]), text
    assert (tmp_path / "out/mini/tests/valid/a.toml").read_bytes() == b"a = 1\n"


def test_one_that_was_changed_is_fetched_again(tmp_path, server, pinned):
    folder, url = server
    archive(folder / "a.tar.gz", FILES)
    run(tmp_path, [f"{url}/a.tar.gz"], pinned)
    (tmp_path / "out/mini/tests/valid/a.toml").write_bytes(b"a = 3\n")
    code, text, left = run(tmp_path, [f"{url}/a.tar.gz"], pinned)
    assert (code, left) == (0, ["mini"]) and "fetched" in text
    assert (tmp_path / "out/mini/tests/valid/a.toml").read_bytes() == b"a = 1\n"


@pytest.mark.parametrize("change, message", [
    ({"top-1/tests/valid/a.toml": b"a = 2\n"}, "other files than those that are pinned"),
    ({"top-1/tests/list": b"valid/a.toml\nvalid/gone.toml\n"}, "other files than those that are pinned"),
    ({"top-1/tests/../../../evil": b"x"}, None)])
def test_other_content_is_refused(tmp_path, server, pinned, change, message):
    folder, url = server
    archive(folder / "a.tar.gz", FILES | change)
    code, text, left = run(tmp_path, [f"{url}/a.tar.gz"], pinned)
    if message:
        assert (code, left) == (1, []) and message in text
    else:
        assert code == 0 and left == ["mini"]
    assert not (tmp_path / "evil").exists() and not (tmp_path / "out/evil").exists()


def test_what_is_no_archive_and_what_is_cut_off(tmp_path, server, pinned):
    folder, url = server
    archive(folder / "whole.tar.gz", FILES)
    (folder / "cut.tar.gz").write_bytes((folder / "whole.tar.gz").read_bytes()[:100])
    (folder / "text.tar.gz").write_text("<html>\n")
    code, text, left = run(tmp_path, [f"{url}/cut.tar.gz", f"{url}/text.tar.gz"], pinned)
    assert (code, left) == (1, []) and text.count("\n  http") == 2, text


def test_a_server_that_is_gone_and_a_name_that_is_unknown(tmp_path, pinned):
    code, text, left = run(tmp_path, ["http://127.0.0.1:1/a.tar.gz"], pinned)
    assert (code, left) == (1, []) and "not fetched" in text and "refused" in text
    code, text, _ = run(tmp_path, [], pinned, "nope")
    assert code == 2 and "no suite 'nope'; the table has mini" in text


@pytest.mark.parametrize("name", suites.table())
def test_a_suite_that_is_here_is_the_pinned_one(name):
    folder = suites.find(name)
    if folder is None:
        pytest.skip(f"{name} is not here: 'make conformance-data' fetches it")
    row = suites.table()[name]
    assert suites.digest(row, folder) == row["sha256"]
    assert all(url.startswith("https://") for url in row["urls"])


def test_the_last_line_counts_and_reasons_are_said(tmp_path):
    results = [{"name": "a", "result": "OK", "stdout": "[  PASSED  ] 3 test(s).\n", "stderr": ""},
               {"name": "b", "result": "SKIP", "stdout": "skipped: no suite; 'make conformance-data' fetches it\n", "stderr": ""},
               {"name": "c", "result": "OK", "stdout": "SKIPPED [1] x.py:3: no fish\n2 passed, 1 skipped in 0.1s\n", "stderr": ""},
               {"name": "d", "result": "SKIP", "stdout": "", "stderr": ""},
               {"name": "e", "result": "OK", "stdout": "490 passed, 0 failed: 110 rules\n", "stderr": ""}]
    log = tmp_path / "testlog.json"
    log.write_text("".join(json.dumps(r) + "\n" for r in results))
    done = subprocess.run(["/usr/bin/python3", "-B", suites.REPO / "tools/count-tests", log], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["SKIPPED b: no suite; 'make conformance-data' fetches it", "SKIPPED [1] x.py:3: no fish",
                                        "SKIPPED d: it gives no reason", "495 passed, 0 failed, 3 skipped"]
    log.write_text(json.dumps({"name": "a", "result": "FAIL", "stdout": "", "stderr": ""}) + "\n")
    done = subprocess.run(["/usr/bin/python3", "-B", suites.REPO / "tools/count-tests", log], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "0 passed, 1 failed, 0 skipped\n")
