# SPDX-License-Identifier: Apache-2.0
"""capsem-net-proxy and capsem-mcp-server, compiled for the host: over the shared stream of a virtio-serial port, and over a
connection of their own each, as with vsock."""
import os
import resource
import socket
import struct
import subprocess
import threading
import time

import pytest

from mux import CREDIT, DATA, END, HELLO, OPEN, RESET, WINDOW, Link

PROXY, MCP = os.environ.get("CAPSEM_NET_PROXY", ""), os.environ.get("CAPSEM_MCP_SERVER", "")
pytestmark = pytest.mark.skipif(not (os.access(PROXY, os.X_OK) and os.access(MCP, os.X_OK)),
                                reason="CAPSEM_NET_PROXY or CAPSEM_MCP_SERVER names no program")
META = b"\0CAPSEM_META:"
NAME = open("/proc/self/comm", "rb").read().strip()
SANITIZED = b"__asan_init"  # which takes memory of its own


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Proxy:
    def __init__(self, tmp_path, *options, pass_fds=()):
        self.port, self.log = free_port(), tmp_path / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROXY, "--port", str(self.port), *options], pass_fds=pass_fds,
                                            stdin=subprocess.DEVNULL, stderr=log)

    def connect(self):
        deadline = time.monotonic() + 120
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=60)
            except ConnectionRefusedError:
                assert time.monotonic() < deadline and self.process.poll() is None, self.log.read_text()
                time.sleep(0.02)

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def stop(self):
        self.process.kill()
        self.process.wait()
        assert "Sanitizer" not in self.log.read_text(errors="replace")


@pytest.fixture
def shared(tmp_path):
    ours, theirs = socket.socketpair()
    proxy = Proxy(tmp_path, "--link-fd", str(theirs.fileno()), pass_fds=[theirs.fileno()])
    theirs.close()
    link = Link(ours)
    assert link.next() == (0, HELLO, b"capsem-1")
    yield proxy, link
    proxy.stop()


@pytest.fixture
def host(tmp_path):
    """A host that is dialled: its listening socket."""
    path = str(tmp_path / "host.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(256)
        listener.settimeout(60)
        yield listener, path


def until(sock, wanted):
    seen = b""
    while wanted not in seen:
        piece = sock.recv(65536)
        assert piece, seen
        seen += piece
    return seen


# -- the network, shared -----------------------------------------------------------------------------------------------------


def test_nobody_is_taken_before_the_host_answers(shared):
    proxy, link = shared
    client = proxy.connect()
    client.sendall(b"early")
    link.nothing()
    link.hello()
    assert link.next() == (1, OPEN, b"")
    assert link.expect(DATA)[2] == META + NAME + b"\n"
    assert link.expect(DATA)[2] == b"early"


def test_what_a_former_host_left_is_skipped(shared):
    proxy, link = shared
    link.sock.sendall(b"\0\0\0\1\3\0\0\x10rest of a frame" + b"\0\0\0\0\1")
    link.hello()
    proxy.connect()
    assert link.next() == (1, OPEN, b"")


def test_both_ways_and_the_ends(shared):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    assert link.collect(1) == (META + NAME + b"\nquestion", END)
    link.send(1, DATA, b"answer")
    link.send(1, END)
    assert client.recv(100) == b"answer" and client.recv(100) == b""


def test_a_client_that_goes_away_is_told(shared):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    link.expect(DATA)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    link.expect(RESET, 1)


def test_a_reset_closes_the_client(shared):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    link.expect(DATA)
    link.send(1, RESET)
    assert client.recv(10) == b""


def test_a_host_that_grants_nothing_gets_a_window_and_no_more(shared):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(65536))
    except BlockingIOError:
        pass
    got = 0
    while got < WINDOW:
        got += len(link.expect(DATA)[2])
    assert got == WINDOW
    link.nothing()
    other = proxy.connect()
    other.sendall(b"quick")
    link.expect(OPEN, 2)
    link.send(1, CREDIT, struct.pack(">I", 5))
    link.expect(DATA, 1)


@pytest.mark.parametrize("bad", [b"\xff" * 8, struct.pack(">IBBH", 1, OPEN, 0, 0), struct.pack(">IBBH", 1, DATA, 0, 9000)])
def test_a_host_that_makes_no_sense(shared, bad):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    link.expect(DATA)
    link.sock.sendall(bad)
    assert client.recv(10) == b""
    assert proxy.process.wait(60) == 0  # a lent stream does not come back
    assert "malformed" in proxy.log.read_text()


def test_thousands_at_once(shared):
    """More than there are places: they wait, all get their turn, and memory stays."""
    proxy, link = shared
    link.hello()
    clients = []
    for _ in range(600):
        clients.append(proxy.connect())
    served = 0
    while served < len(clients):
        id, kind, data = link.next()
        if kind == DATA:
            link.send(id, RESET)
            served += 1
    if SANITIZED not in open(PROXY, "rb").read():
        assert proxy.memory_kib() < 40000
    for client in clients:
        assert client.recv(10) == b""


def test_ten_thousand_that_come_and_go(shared):
    """They all connect at once, nobody says a word, and they vanish: who comes then is served."""
    proxy, link = shared
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        clients = [socket.socket() for _ in range(min(10000, hard - 100))]
        link.hello()
        proxy.connect().close()
        for client in clients:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.connect_ex(("127.0.0.1", proxy.port))
        for client in clients:
            client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    last = proxy.connect()
    last.sendall(b"still there")
    while link.expect(DATA)[2] != b"still there":
        pass
    if SANITIZED not in open(PROXY, "rb").read():
        assert proxy.memory_kib() < 40000


def test_large_both_ways(shared):
    proxy, link = shared
    link.hello()
    client = proxy.connect()
    block = os.urandom(1 << 20)
    threading.Thread(target=lambda: (client.sendall(block * 2), client.shutdown(socket.SHUT_WR)), daemon=True).start()
    data, _ = link.collect(1)
    assert data == META + NAME + b"\n" + block * 2


# -- the network, each by itself ---------------------------------------------------------------------------------------------


def test_a_connection_each(tmp_path, host):
    listener, path = host
    proxy = Proxy(tmp_path, "--dial", path)
    try:
        clients = [proxy.connect() for _ in range(3)]
        for number, client in enumerate(clients):
            client.sendall(b"%d?" % number)
            client.shutdown(socket.SHUT_WR)
        for _ in clients:
            peer = listener.accept()[0]
            seen = b""
            while piece := peer.recv(100):
                seen += piece
            assert seen.startswith(META + NAME + b"\n")
            peer.sendall(seen[-2:-1] + b"!")
            peer.close()
        for number, client in enumerate(clients):
            assert client.recv(10) == b"%d!" % number and client.recv(10) == b""
    finally:
        proxy.stop()


def test_a_host_that_comes_late(tmp_path):
    path = str(tmp_path / "late.sock")
    proxy = Proxy(tmp_path, "--dial", path)
    try:
        client = proxy.connect()
        client.sendall(b"hello")
        time.sleep(0.5)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(60)
            assert until(listener.accept()[0], b"hello") == META + NAME + b"\nhello"
    finally:
        proxy.stop()


# -- MCP ---------------------------------------------------------------------------------------------------------------------


def start_mcp(path):
    return subprocess.Popen([MCP, "--dial", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_lines_both_ways(host):
    listener, path = host
    server = start_mcp(path)
    peer = listener.accept()[0]
    server.stdin.write(b'{"id":1}\n')
    server.stdin.flush()
    assert until(peer, b"}\n") == META + NAME + b'\n{"id":1}\n'
    peer.sendall(b'{"result":1}\n')
    assert server.stdout.readline() == b'{"result":1}\n'
    server.stdin.close()
    assert peer.recv(10) == b""
    peer.sendall(b"last\n")
    peer.close()
    assert server.stdout.read() == b"last\n" and server.wait(60) == 0


def test_a_lost_host_is_found_again_from_the_next_line_on(host):
    listener, path = host
    server = start_mcp(path)
    peer = listener.accept()[0]
    server.stdin.write(b"half a ")
    server.stdin.flush()
    until(peer, b"half a ")
    peer.sendall(b"cut")
    assert server.stdout.read(3) == b"cut"
    peer.close()
    peer = listener.accept()[0]
    server.stdin.write(b"line\nwhole\n")
    server.stdin.flush()
    assert until(peer, b"whole\n") == META + NAME + b"\nwhole\n"
    peer.sendall(b"fresh\n")
    assert server.stdout.readline() == b"\n" and server.stdout.readline() == b"fresh\n"
    server.stdin.close()
    peer.close()
    server.wait(60)


def test_no_host_and_no_input(tmp_path):
    server = start_mcp(str(tmp_path / "nobody"))
    assert server.communicate(b"", timeout=60) == (b"", b"") and server.returncode == 0


def test_an_agent_that_does_not_read_stops_the_host(host):
    listener, path = host
    server = start_mcp(path)
    peer = listener.accept()[0]
    peer.setblocking(False)
    sent = 0
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            sent += peer.send(b"x" * 4095 + b"\n")
        except BlockingIOError:
            time.sleep(0.05)
    assert sent < 4 << 20
    # It still listens to the agent.
    server.stdin.write(b"ping\n")
    server.stdin.flush()
    peer.settimeout(60)
    until(peer, b"ping\n")
    server.kill()
    server.communicate()


@pytest.mark.parametrize("program", [PROXY, MCP])
def test_wrong_options(program):
    done = subprocess.run([program, "--nope"], capture_output=True, timeout=60)
    assert done.returncode == 2 and b"--dial" in done.stderr
