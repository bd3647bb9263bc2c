# SPDX-License-Identifier: Apache-2.0
"""Many connections over one stream, written apart from guest/agent/lib/mux.c: a second reading of the format."""
import socket
import struct
import time

HELLO, OPEN, DATA, CREDIT, END, RESET = range(1, 7)
MAGIC = b"capsem-1"
WINDOW = 32768


def frame(id, kind, data=b""):
    return struct.pack(">IBBH", id, kind, 0, len(data)) + data


class Link:
    """One end of the stream."""

    def __init__(self, sock):
        self.sock, self.pending = sock, b""

    def send(self, id, kind, data=b""):
        self.sock.sendall(frame(id, kind, data))

    def hello(self):
        self.send(0, HELLO, MAGIC)

    def next(self, timeout=60):
        """The next frame as (connection, type, content); None when the stream has ended."""
        self.sock.settimeout(timeout)
        while len(self.pending) < 8 or len(self.pending) < 8 + struct.unpack(">H", self.pending[6:8])[0]:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self.pending += piece
        id, kind, zero, size = struct.unpack(">IBBH", self.pending[:8])
        assert zero == 0
        data, self.pending = self.pending[8:8 + size], self.pending[8 + size:]
        return id, kind, data

    def expect(self, kind, id=None, timeout=60):
        """Skips what else there is."""
        deadline = time.monotonic() + timeout
        while True:
            got = self.next(max(0.01, deadline - time.monotonic()))
            assert got is not None, "the stream has ended"
            if got[1] == kind and id in (None, got[0]):
                return got

    def collect(self, id, end=(END, RESET), grant=True, timeout=90):
        """The bytes of a connection up to its end, and how it ended."""
        data = b""
        deadline = time.monotonic() + timeout
        while True:
            got = self.next(max(0.01, deadline - time.monotonic()))
            assert got is not None, data
            if got[0] == id and got[1] == DATA:
                data += got[2]
                if grant:
                    self.send(id, CREDIT, struct.pack(">I", len(got[2])))
            elif got[0] == id and got[1] in end:
                return data, got[1]

    def nothing(self, timeout=0.3):
        """No further frame comes."""
        try:
            got = self.next(timeout)
        except (socket.timeout, TimeoutError):
            return
        raise AssertionError(got)
