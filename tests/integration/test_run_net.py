# SPDX-License-Identifier: Apache-2.0
"""The policy of a running machine: what the guest's proxy sends comes out at `run`, which allows or refuses it by its name.
QEMU is played (fake_qemu.py), the proxy and the gate are the real ones; servers and names are the test's own."""
import http.server
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from test_guest_proxies import free_port
from test_run import AGENT, PROGRAM, Place

PROXY = os.environ.get("CAPSEM_NET_PROXY", "")
pytestmark = pytest.mark.skipif(not all(os.access(p, os.X_OK) for p in (PROGRAM, AGENT, PROXY)),
                                reason="CAPSEM_BUILDER, CAPSEM_AGENT or CAPSEM_NET_PROXY names no program")
WEB = """
[web]
allow_read = false
custom_allow = ["mine.test", "here.invalid", "localhost", "nobody.test", "raw.test", "*.many.test", "*.near.test"]
custom_block = ["blocked.mine.test"]
[web.registry.reading]
name = "Reading"
domains = ["*.read.test"]
allow_get = true
"""
PROVIDERS = """
[on]
name = "On"
[on.api_key]
name = "K"
env_vars = ["K"]
[on.network]
domains = ["on.test"]
allow_post = true
[off]
name = "Off"
enabled = false
[off.api_key]
name = "K"
env_vars = ["K"]
[off.network]
domains = ["off.test"]
allow_get = true
"""
BUILD = """
[build]
guest_binaries = []
[build.architectures.x86_64]
docker_platform = "linux/amd64"
rust_target = "x86_64-unknown-linux-musl"
kernel_image = "x"
defconfig = "x"
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"{self.command} {self.path} host={self.headers['Host']} connection={self.headers['Connection']} {body.decode()}"
        self.server.seen.append(text)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size, daemon_threads = 512, True

    def handle_error(self, *args):
        pass


class Raw:
    """A server that answers what it takes for the head of a request, reads on, and keeps what came on each connection."""

    def __init__(self):
        self.seen, self.socket = [], socket.create_server(("127.0.0.1", 0))
        self.server_port = self.socket.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client):
        self.seen.append(b"")
        place = len(self.seen) - 1
        client.settimeout(1)  # in which everything has come
        try:
            while piece := client.recv(65536):
                first = b"\r\n\r\n" not in self.seen[place]
                self.seen[place] += piece
                if first and b"\r\n\r\n" in self.seen[place]:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (TimeoutError, ConnectionResetError, IndexError):
            pass
        client.close()


def serve(context=None):
    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=mine.test", "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


class Machine:
    """A run whose guest sleeps; its proxy listens at `port`."""

    def __init__(self, place, *options, play="online", config=True, before=()):
        self.place, self.port = place, free_port()
        self.log = place.path / "net.log"
        if config:
            for name, text in (("build", BUILD), ("security/web", WEB), ("ai/all", PROVIDERS)):
                path = place.path / f"guest/config/{name}.toml"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        env = dict(place.env, FAKE_QEMU=play, CAPSEM_NET_PROXY=PROXY, FAKE_PROXY_PORT=str(self.port))
        self.process = subprocess.Popen(
            [*before, *place.command("echo up; exec sleep 120", options=("--accel", "tcg", "--net-log", str(self.log), *options))],
            env=env, cwd=place.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout.readline() == b"up\n", self.process.stderr.read()

    def inside(self, *command):
        """The command where the machine's network is."""
        return ["nsenter", "-t", str(self.process.pid), "-n", "-m", *command]

    def connect(self):
        deadline = time.monotonic() + 120
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=90)
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def ask(self, request):
        """All that comes back for these bytes."""
        with self.connect() as client:
            client.sendall(request)
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer

    def get(self, host, line="GET / HTTP/1.1", body=b"", more=""):
        return self.ask(f"{line}\r\nHost: {host}\r\n{more}\r\n".encode() + body)

    def events(self, event=None, **wanted):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [e for e in lines if event in (None, e["event"]) and all(e.get(k) == v for k, v in wanted.items())]

    def event(self, event, **wanted):
        """There is one; the log may be a moment after."""
        deadline = time.monotonic() + 120
        while not self.events(event, **wanted):
            assert time.monotonic() < deadline, self.events()
            time.sleep(0.02)
        return self.events(event, **wanted)[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=90)
        assert b"Sanitizer" not in err, err.decode()
        assert self.process.returncode == 143, err
        self.place.nothing_is_left()
        return err.decode()


@pytest.fixture(scope="module")
def machine(tmp_path_factory, certificate):
    """One for most tests, with a plain server and one with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    plain, secure = serve(), serve(context)
    names = [f"--resolve={name}=127.0.0.1:{plain.server_port}" for name in
             ("mine.test", "a.read.test", "read.test", "on.test", "off.test", "blocked.mine.test", "x.many.test")]
    names += [f"--resolve={name}=127.0.0.1:{secure.server_port}" for name in ("tls.read.test", "tls.off.test")]
    raw = Raw()
    names += [f"--resolve=raw.test=127.0.0.1:{raw.server_port}"]
    names += [f"--resolve=nobody.test=127.0.0.1:{free_port()}"]
    one = Machine(Place(tmp_path_factory.mktemp("net")), *names)
    one.plain, one.secure, one.raw = plain, secure, raw
    yield one
    one.stop()


# -- plain HTTP --------------------------------------------------------------------------------------------------------------


def test_an_allowed_name(machine):
    answer = machine.get("mine.test", more="Connection: keep-alive\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"GET / host=mine.test connection=close ")
    allowed = machine.event("allowed", name="mine.test")
    assert allowed["rule"] == "web.custom_allow" and allowed["address"] == f"127.0.0.1:{machine.plain.server_port}"
    assert allowed["method"] == "GET" and allowed["process"] == open("/proc/self/comm").read().strip()
    closed = machine.event("closed", connection=allowed["connection"])
    assert closed["received"] == len(answer) and closed["sent"] > 0


def test_a_body_goes_where_writing_is_allowed(machine):
    body = b"x" * 200000
    answer = machine.get("mine.test", "POST /p HTTP/1.1", body, f"Content-Length: {len(body)}\r\n")
    assert answer.endswith(b" " + body)


@pytest.mark.parametrize("host,line,rule", [
    ("elsewhere.test", "GET / HTTP/1.1", "web.allow_read"), ("blocked.mine.test", "GET / HTTP/1.1", "web.custom_block"),
    ("a.read.test", "POST / HTTP/1.1", "web.registry 'reading'"), ("on.test", "GET / HTTP/1.1", "ai 'on'"),
    ("off.test", "GET / HTTP/1.1", "ai 'off'"), ("sub.mine.test", "GET / HTTP/1.1", "web.allow_read")])
def test_refused_names(machine, host, line, rule):
    answer = machine.get(host, line)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n") and rule.encode() in answer
    assert machine.event("refused", name=host)["why"] == rule


def test_get_and_post_apart(machine):
    assert b"200" in machine.get("read.test")[:20]
    assert b"200" in machine.get("on.test", "POST / HTTP/1.1", more="Content-Length: 0\r\n")[:20]


def test_a_second_request_on_the_same_connection_does_not_pass(machine):
    before = len(machine.plain.seen)
    get = b"GET /%s HTTP/1.1\r\nHost: a.read.test\r\n\r\n"
    answer = machine.ask(get % b"first" + b"POST /smuggled HTTP/1.1\r\nHost: mine.test\r\nContent-Length: 0\r\n\r\n" + get % b"third")
    assert answer.count(b"HTTP/1.1") == 1 and b"/first" in answer
    time.sleep(0.2)
    assert [line.split()[1] for line in machine.plain.seen[before:]] == ["/first"]


CHUNKED = b"POST /first HTTP/1.1\r\nHost: mine.test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("first", [
    b"POST /first HTTP/1.1\r\nHost: mine.test\r\n\r\n",
    b"POST /first HTTP/1.1\r\nHost: mine.test\r\nContent-Length: 4\r\n\r\nbody",
    CHUNKED + b"4\r\nbody\r\n0\r\n\r\n", CHUNKED + b"1;x=y\r\nb\r\n3\r\nody\r\n0\r\nTrailer: x\r\n\r\n"])
@pytest.mark.parametrize("wait", [0, 0.3], ids=["at once", "later"])
def test_a_second_request_after_one_that_writes(machine, first, wait):
    """Also when the server is connected already; one that keeps on reading would answer it."""
    second = b"POST /second HTTP/1.1\r\nHost: off.test\r\nContent-Length: 0\r\n\r\n"
    machine.raw.seen.clear()
    with machine.connect() as client:
        client.sendall(first.replace(b"mine.test", b"raw.test") + (b"" if wait else second))
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(wait)
        client.sendall(second if wait else b"")
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    [seen] = machine.raw.seen
    head, _, body = first.partition(b"\r\n\r\n")
    assert seen.startswith(head.replace(b"mine.test", b"raw.test")) and seen.endswith(b"Connection: close\r\n\r\n" + body)


def test_chunks_that_are_damaged_end_the_connection(machine):
    machine.raw.seen.clear()
    with machine.connect() as client:
        client.sendall(CHUNKED.replace(b"mine.test", b"raw.test") + b"2\r\nxx\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        try:
            client.sendall(b"2\nGET /second HTTP/1.1\r\n")
            while client.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert "chunks" in machine.event("refused", name="raw.test")["why"]
    assert b"second" not in b"".join(machine.raw.seen)


@pytest.mark.parametrize("more", ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Content-Length: 4\r\nContent-Length: 40",
                                  "Transfer-Encoding: xchunked", "Content-Length: +4"])
def test_a_length_that_two_could_read_differently(machine, more):
    machine.raw.seen.clear()
    answer = machine.get("raw.test", "POST / HTTP/1.1", b"0\r\n\r\n", more + "\r\n")
    assert answer.startswith(b"HTTP/1.1 403") and b"no usable" in answer and not machine.raw.seen


def test_a_method_in_a_field(machine):
    field = "X-HTTP-Method-Override: DELETE\r\n"
    assert machine.get("read.test", more=field).startswith(b"HTTP/1.1 403")
    assert machine.get("mine.test", more=field).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("request_,why", [
    (b"GET / HTTP/1.1\r\nHost: mine.test\r\nHost: off.test\r\n\r\n", "no usable Host"),
    (b"GET http://off.test/ HTTP/1.1\r\nHost: mine.test\r\n\r\n", "addressed to a proxy"),
    (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "no usable Host"),
    (b"GET / HTTP/1.1\r\nHost: mine.test:22\r\n\r\n", "no usable Host"),
    (b"\x00\x01\x02", "neither TLS nor HTTP"), (b"hello\r\n", "neither TLS nor HTTP"),
    (b"GET /" + b"x" * 20000, "too long"), (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "without a hello")])
def test_what_is_no_request(machine, request_, why):
    answer = machine.ask(request_)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 403", b"\x15\x03\x03"))
    assert why in machine.events("refused")[-1]["why"]


# -- TLS ---------------------------------------------------------------------------------------------------------------------


def handshake(machine, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(machine.connect(), server_hostname=name)


def test_tls_by_its_server_name(machine):
    with handshake(machine, "tls.read.test") as client:
        client.sendall(b"GET /secret HTTP/1.1\r\nHost: tls.read.test\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        assert b"GET /secret" in answer
    allowed = machine.event("allowed", name="tls.read.test")
    assert (allowed["protocol"], allowed["port"]) == ("tls", 443) and "method" not in allowed


@pytest.mark.parametrize("name", ["tls.off.test", "elsewhere.test"])
def test_tls_refused_says_so_in_tls(machine, name):
    with pytest.raises(ssl.SSLError, match="(?i)access.denied"):
        handshake(machine, name)
    assert machine.event("refused", name=name, protocol="tls")


@pytest.mark.parametrize("name", [None, "127.0.0.1"])
def test_tls_without_a_name(machine, name):
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        handshake(machine, name)
    assert "names no server" in machine.events("refused")[-1]["why"] or "no usable" in machine.events("refused")[-1]["why"]


def test_a_hello_that_hides_its_name(machine):
    """ECH: the name outside is not the one that the server goes by."""
    context, out = ssl.create_default_context(), ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="tls.read.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = bytearray(out.read())
    extensions = 5 + 4 + 2 + 32
    extensions += 1 + hello[extensions]
    extensions += 2 + int.from_bytes(hello[extensions:extensions + 2], "big")
    extensions += 1 + hello[extensions]
    hidden = b"\xfe\x0d\x00\x2a\0\0\1\0\1\7\0\x10" + b"k" * 16 + b"\0\x10" + b"e" * 16
    hello += hidden
    for at, width in ((3, 2), (6, 3), (extensions, 2)):
        hello[at:at + width] = (int.from_bytes(hello[at:at + width], "big") + len(hidden)).to_bytes(width, "big")
    assert machine.ask(bytes(hello))[:7] == b"\x15\x03\x03\x00\x02\x02\x31"
    assert "ECH" in machine.event("refused", name="tls.read.test")["why"]


# -- names and addresses -----------------------------------------------------------------------------------------------------


def test_a_name_of_this_machine_is_private(machine):
    answer = machine.get("localhost")
    assert answer.startswith(b"HTTP/1.1 403") and b"private" in answer
    assert "--resolve" in machine.event("refused", name="localhost")["why"]


def can_have_a_network():
    return subprocess.run(["unshare", "-n", "-m", "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_have_a_network(), reason="no network namespaces here, or no ip(8)")
def test_an_address_of_this_machine_that_is_public(tmp_path):
    """By its interface, and by a route only."""
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n8.8.4.4 interface.near.test\n9.9.9.9 route.near.test\n")
    script = f"""ip link set lo up; ip addr add 8.8.4.4/32 dev lo; ip route add local 9.9.9.0/24 dev lo
                 mount --bind {tmp_path}/hosts /etc/hosts; exec "$@" """
    (tmp_path / "place").mkdir()
    one = Machine(Place(tmp_path / "place"), before=("unshare", "-n", "-m", "sh", "-e", "-c", script, "sh"))
    listen = subprocess.Popen(one.inside("/usr/bin/python3", "-m", "http.server", "80", "--bind", "0.0.0.0"), cwd=tmp_path / "place",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ask = f"""import socket, sys, time
def get(port, host):
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(b"GET / HTTP/1.1\\r\\nHost: %b\\r\\n\\r\\n" % host.encode())
                return client.recv(1000)
        except ConnectionRefusedError:
            time.sleep(0.02)
assert b"200" in get(80, "x"), "the server is there"
for name in ("interface", "route"):
    assert b"this machine's" in get({one.port}, name + ".near.test"), name
"""
    done = subprocess.run(one.inside("/usr/bin/python3", "-c", ask), capture_output=True, timeout=90)
    listen.kill()
    listen.wait()
    one.stop()
    assert done.returncode == 0, done.stderr.decode() + repr(one.events())


def test_a_name_that_does_not_resolve(machine):
    assert machine.get("here.invalid").startswith(b"HTTP/1.1 502")
    assert machine.event("failed", name="here.invalid")["why"] == "its name does not resolve"


def test_a_server_that_is_not_there(machine):
    assert b"refused" in machine.get("nobody.test")
    assert machine.event("failed", name="nobody.test")


# -- load and malice ---------------------------------------------------------------------------------------------------------


def test_many_at_once(machine):
    """More than the proxy has places, while some say half a hello and nothing more."""
    halves = [machine.connect() for _ in range(100)]
    for client in halves:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    answers = []

    def one(number):
        answers.append(machine.get("x.many.test", f"GET /{number} HTTP/1.1"))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(answers) == 300 and all(a.startswith(b"HTTP/1.1 200") for a in answers)
    # Nobody waits for the other half for ever.
    assert halves[0].recv(100)[:1] in (b"", b"\x15")
    for client in halves:
        client.close()


def test_a_large_download_beside_one_that_stalls(machine):
    stalled = machine.connect()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = b"y" * 3000000
    head = f"POST /big HTTP/1.1\r\nHost: mine.test\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    threading.Thread(target=lambda: stalled.sendall(head + body), daemon=True).start()
    answer = machine.ask(head + body)
    assert answer.endswith(b" " + body)
    stalled.close()


def test_a_client_that_vanishes_is_closed_at_the_server(machine):
    client = machine.connect()
    client.sendall(b"GET /gone HTTP/1.1\r\nHost: mine.test\r\n\r\n")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert machine.get("mine.test").startswith(b"HTTP/1.1 200")


# -- other runs --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_net_none_refuses_all(place):
    server = serve()
    one = Machine(place, "--net", "none", f"--resolve=mine.test=127.0.0.1:{server.server_port}")
    assert b"--net none" in one.get("mine.test")
    assert one.event("refused")["why"] == "--net none"
    one.stop()
    assert not server.seen


def test_no_config_no_network(place):
    one = Machine(place, config=False)
    assert b"--guest GUEST" in one.get("mine.test")
    one.stop()


def test_a_config_with_mistakes_closes_the_network(place):
    (place.path / "guest/config").mkdir(parents=True)
    (place.path / "guest/config/build.toml").write_text("[build")
    one = Machine(place, config=False)
    assert one.get("mine.test").startswith(b"HTTP/1.1 403")
    assert "capsem-builder validate" in one.stop()


def test_a_proxy_that_makes_no_sense_costs_the_network_only(place):
    one = Machine(place, play="net_noise")
    one.stop()


def test_the_log_ends_with_what_was_open(place):
    server = serve()
    one = Machine(place, f"--resolve=mine.test=127.0.0.1:{server.server_port}")
    client = one.connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: mine.test\r\nContent-Length: 9\r\n\r\n123")
    one.event("allowed")
    one.stop()
    assert one.events("closed")
    client.close()


def test_a_thousand_rules(place):
    config = place.path / "guest/config/security"
    one_server = serve()
    config.mkdir(parents=True)
    names = ", ".join(f'"n{i}.test"' for i in range(1000))
    (place.path / "guest/config/build.toml").write_text(BUILD)
    (config / "web.toml").write_text(f"[web]\ncustom_allow = [{names}]\n")
    one = Machine(place, f"--resolve=n999.test=127.0.0.1:{one_server.server_port}", config=False)
    assert one.get("n999.test").startswith(b"HTTP/1.1 200") and one.get("n1000.test").startswith(b"HTTP/1.1 403")
    one.stop()


@pytest.mark.parametrize("options,words", [
    (("--resolve", "mine.test"), ["--resolve", "'mine.test'", "NAME=ADDRESS"]),
    (("--resolve", "mine.test=here"), ["--resolve", "NAME=ADDRESS"]),
    (("--net-log", "/no/such/folder/x"), ["open the log of the network '/no/such/folder/x'", "No such file"])])
def test_wrong_options(place, options, words):
    code, _, err = place.run("guest", "true", options=("--accel", "tcg", *options))
    assert code == 1 and all(word in err for word in words), err
    assert err.count("error:") == 1 and place.started() == []
