# SPDX-License-Identifier: Apache-2.0
"""A BuildKit that is reached over the network, as a cluster's are: the one inside a Docker engine, whose API gives a way to it
(POST /grpc, upgraded to h2c). What buildx's driver "remote" says to a port of ours goes there and back."""
import contextlib
import socket
import threading

UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def pump(source, target, limit=None):
    """`limit`: asked before each piece whether it may pass."""
    with contextlib.suppress(OSError):
        while (piece := source.recv(65536)) and (limit is None or limit(len(piece))):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Remote:
    def __init__(self, daemon):
        self.path = daemon.host.removeprefix("unix://")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open, self.bytes_left = [], None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                threading.Thread(target=self.join, args=(client,), daemon=True).start()

    def join(self, client):
        engine = socket.socket(socket.AF_UNIX)
        self.open += [client, engine]
        engine.connect(self.path)
        engine.sendall(UPGRADE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            piece = engine.recv(1)
            assert piece, answer
            answer += piece
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        threading.Thread(target=pump, args=(client, engine), daemon=True).start()
        pump(engine, client, self.may_pass)

    def may_pass(self, count):
        """After `bytes_left` from the engine the stream is cut."""
        if self.bytes_left is not None:
            self.bytes_left -= count
        return self.bytes_left is None or self.bytes_left > 0

    def vanish(self):
        """The node is gone: nothing listens, and what was open is cut."""
        self.listener.close()
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
