# SPDX-License-Identifier: Apache-2.0
"""ADD of URLs: names, times, checksums, what is asked again and what is refused. Dockerfile reference, "ADD"."""
import gzip
import hashlib
import http.server
import threading

import pytest

from engine import base_tar, context, engine, entry, needs_engine, tar_bytes  # noqa: F401 (fixtures)

pytestmark = needs_engine

MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"  # 1 000 000 000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append((self.path, dict(self.headers)))
        answer = server.answers.get(self.path)
        if callable(answer):
            answer(self)
            return
        body, headers = answer if isinstance(answer, tuple) else (answer, {})
        if body is None:
            self.send_error(404)
            return
        same = headers.get("ETag") is not None and self.headers.get("If-None-Match") == headers["ETag"]
        same = same or ("ETag" not in headers and "Last-Modified" in headers and self.headers.get("If-Modified-Since") == headers["Last-Modified"])
        self.send_response(304 if same else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if not same:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not same:
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.asked = {}, []
    made.url = f"http://127.0.0.1:{made.server_port}"
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_names_modes_and_times(engine, server):
    server.answers = {"/a/file%2etxt?x=1": (b"F", {"Last-Modified": MODIFIED}), "/": b"top", "/g": b"G"}
    url = server.url
    built = engine.build(f"FROM base\nADD {url}/a/file%2etxt?x=1 /d/\nADD {url}/g /name\nADD {url}/g /etc\nADD --chmod=755 --chown=builder {url}/g /mine\n"
                         f"WORKDIR /w\nADD {url}/g {url}/a/file%2etxt?x=1 ./\nADD {url}/ /top\n")
    tree = built.tree
    assert tree.text("d/file.txt") == "F" and tree.mode("d/file.txt") == 0o600 and tree["d/file.txt"].mtime == 1_000_000_000
    assert tree.text("name") == tree.text("etc/g") == tree.text("w/g") == "G" and tree.owner("name") == (0, 0)
    assert tree.mode("mine") == 0o755 and tree.owner("mine") == (1000, 1000)
    assert tree.under("w") == ["file.txt", "g"] and tree.text("top") == "top"
    result = engine.fail(f"FROM base\nADD {url}/ /d/\n")
    assert "E405" in result.stderr and "does not name a file" in result.stderr and ":2:" in result.stderr
    engine.verify()


def test_variables_and_files_of_the_context_beside_it(engine, context, server):
    server.answers = {"/v1": b"one"}
    context.write("f", "F")
    built = engine.build(f"FROM base\nARG V=v1\nADD {server.url}/${{V}} f /d/\n", context)
    assert built.tree.under("d") == ["f", "v1"] and built.tree.text("d/f") == "F"


@pytest.mark.parametrize("headers", [{"ETag": '"1"'}, {"Last-Modified": MODIFIED}, {"ETag": '"1"', "Last-Modified": MODIFIED}],
                         ids=["etag", "time", "both"])
def test_what_did_not_change_is_not_sent_again(engine, server, headers):
    sent = []

    def count(handler):
        same = "ETag" in headers and handler.headers.get("If-None-Match") == headers["ETag"]
        same = same or ("ETag" not in headers and handler.headers.get("If-Modified-Since") == MODIFIED)
        handler.send_response(304 if same else 200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if not same:
            handler.wfile.write(b"content")
            sent.append(1)

    server.answers["/f"] = count
    text = f"FROM base\nADD {server.url}/f /x\n"
    assert len(engine.build(text).ran()) == 1 and len(sent) == 1
    assert engine.build(text).ran() == [] and len(sent) == 1
    assert engine.build(f"FROM base\nADD {server.url}/f /elsewhere\n").tree.text("elsewhere") == "content" and len(sent) == 1
    assert len(engine.build(text, None, "--no-cache").ran()) == 1 and len(sent) == 2
    engine.verify()


def test_content_decides_where_the_server_says_nothing(engine, server):
    server.answers["/f"] = b"one"
    text = f"FROM base\nADD {server.url}/f /x\n"
    assert engine.build(text).tree.text("x") == "one"
    assert engine.build(text).ran() == []
    server.answers["/f"] = b"two"
    built = engine.build(text)
    assert built.tree.text("x") == "two" and len(built.ran()) == 1


def test_a_changed_etag_brings_the_new_content(engine, server):
    text = f"FROM base\nADD {server.url}/f /x\n"
    for number in (b"1", b"2", b"1"):
        server.answers["/f"] = (b"content " + number, {"ETag": f'"{number.decode()}"'})
        assert engine.build(text).tree.text("x") == f"content {number.decode()}"


def test_checksums(engine, server):
    server.answers["/f"] = b"right"
    text = f"FROM base\nADD --checksum={sha256(b'right')} {server.url}/f /x\n"
    assert engine.build(text).tree.text("x") == "right" and len(server.asked) == 1
    assert engine.build(text).ran() == [] and len(server.asked) == 1  # nothing is asked
    assert engine.build(text.replace("/x", "/y")).tree.text("y") == "right" and len(server.asked) == 1
    assert engine.build(f"FROM base\nARG SUM={sha256(b'right').upper().replace('SHA', 'sha')}\nADD --checksum=$SUM {server.url}/f /z\n").tree.text("z") == "right"
    result = engine.fail(f"FROM base\nADD --checksum={sha256(b'wrong')} {server.url}/f /x\n")
    assert "E402" in result.stderr and "--checksum" in result.stderr and sha256(b"right") in result.stderr and ":2:" in result.stderr
    server.answers["/f"] = b"wrong"
    assert engine.build(f"FROM base\nADD --checksum={sha256(b'wrong')} {server.url}/f /x\n").tree.text("x") == "wrong"
    engine.verify()


@pytest.mark.parametrize("line, word", [
    ("ADD --checksum=sha256:12 URL/f /x", "is not a checksum"), ("ADD --checksum=md5:" + "0" * 64 + " URL/f /x", "is not a checksum"),
    ("ADD --checksum=" + "0" * 64 + " URL/f /x", "is not a checksum"), ("ADD --checksum=" + sha256(b"") + " f /x", "not for 'f'"),
    ("ADD --checksum=" + sha256(b"") + " URL/f URL/g /x/", "for one source")])
def test_checksums_that_cannot_be(engine, context, server, line, word):
    context.write("f")
    result = engine.fail(f"FROM base\n{line.replace('URL', server.url)}\n", context)
    assert "E405" in result.stderr and word in result.stderr and server.asked == []


def test_archives_are_unpacked_only_when_told(engine, server):
    data = gzip.compress(tar_bytes([entry("d/f", b"F")]))
    server.answers["/a.tar.gz"] = data
    built = engine.build(f"FROM base\nADD {server.url}/a.tar.gz /kept/\nADD --unpack {server.url}/a.tar.gz /x\nADD --unpack=false {server.url}/a.tar.gz /y/\n")
    assert built.tree.bytes("kept/a.tar.gz") == built.tree.bytes("y/a.tar.gz") == data and built.tree.text("x/d/f") == "F"


def redirect(to, code=302):
    def answer(handler):
        handler.send_response(code)
        handler.send_header("Location", to)
        handler.send_header("ETag", '"of the redirect"')
        handler.end_headers()
    return answer


def test_redirects(engine, server):
    server.answers = {"/a": redirect("/b"), "/b": redirect("c/d", 307), "/c/d": b"end", "/loop": redirect("/loop"), "/file": redirect("file:///etc/passwd"),
                      "/ftp": redirect("ftp://127.0.0.1/x")}
    assert engine.build(f"FROM base\nADD {server.url}/a /x/\n").tree.text("x/a") == "end"
    assert server.asked[-1][0] == "/c/d"
    server.asked.clear()
    assert "redirects" in engine.fail(f"FROM base\nADD {server.url}/loop /x\n").stderr and len(server.asked) == 11
    for name in ("file", "ftp"):
        assert "E402" in engine.fail(f"FROM base\nADD {server.url}/{name} /x\n").stderr


def short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"short")


def huge(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 60))
    handler.end_headers()


def partial(handler):
    handler.send_response(206)
    handler.end_headers()
    handler.wfile.write(b"part")


def unasked(handler):
    handler.send_response(304)
    handler.end_headers()


def noise(handler):
    handler.wfile.write(b"\0\1\2 no HTTP at all\r\n\r\n")


@pytest.mark.parametrize("answer, word", [(None, "404"), (short, "E402"), (huge, "Maximum file size"), (partial, "206"), (unasked, "304"), (noise, "E402")],
                         ids=["not there", "short", "huge", "partial", "304 unasked", "no HTTP"])
def test_bad_answers(engine, server, answer, word):
    server.answers["/f"] = answer
    result = engine.fail(f"FROM base\nADD {server.url}/f /x\n")
    assert word in result.stderr and "E402" in result.stderr and ":2:" in result.stderr and f"{server.url}/f" in result.stderr
    engine.verify()
    server.answers["/f"] = b"good"
    assert engine.build(f"FROM base\nADD {server.url}/f /x\n").tree.text("x") == "good"


def test_nobody_there(engine):
    result = engine.fail("FROM base\nADD http://user:secret@127.0.0.1:1/f /x\n")
    first = next(line for line in result.stderr.split("\n") if "E402" in line)
    assert "E402" in result.stderr and "user:xxxxx@127.0.0.1" in first and "secret" not in first


def test_a_password_goes_to_its_server_only(engine, server):
    server.answers["/f"] = b"F"
    address = server.url.replace("http://", "http://user:secret@")
    assert engine.build(f"FROM base\nADD {address}/f /x\n").tree.text("x") == "F"
    assert server.asked[0][1]["Authorization"].startswith("Basic ")
