# SPDX-License-Identifier: Apache-2.0
"""The control channel as a host sees it, written apart from guest/agent/lib/wire.c: a second reading of the format."""
import select
import struct
import time


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True:
        return b"\xc3"
    if value is False:
        return b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        if value >= 0:
            return b"\xcf" + struct.pack(">Q", value)
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogateescape")
        return b"\xdb" + struct.pack(">I", len(raw)) + raw
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        pairs = b"".join(pack(k) + pack(v) for k, v in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + pairs
    raise TypeError(type(value))


class Reader:
    SIZES = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    LENGTHS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xC4: ">B", 0xC5: ">H", 0xC6: ">I",
               0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "a value is cut"
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        first = self.number(">B")
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 256
        if first < 0x90:
            return self.map(first & 15)
        if first < 0xA0:
            return self.list(first & 15)
        if first < 0xC0:
            return self.take(first & 31).decode()
        if first in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[first]
        if first in self.SIZES:
            return self.number(self.SIZES[first])
        count = self.number(self.LENGTHS[first])
        if first in (0xD9, 0xDA, 0xDB):
            return self.take(count).decode()
        if first in (0xC4, 0xC5, 0xC6):
            return self.take(count)
        return self.list(count) if first in (0xDC, 0xDD) else self.map(count)

    def list(self, count):
        return [self.value() for _ in range(count)]

    def map(self, count):
        return {self.value(): self.value() for _ in range(count)}


def unpack(data):
    reader = Reader(data)
    value = reader.value()
    assert reader.at == len(data), "bytes behind the value"
    return value


def frame(kind, **fields):
    body = pack({"t": kind, "d": fields})
    return struct.pack(">I", len(body)) + body


class Channel:
    """Frames over a socket, with a deadline on everything."""

    def __init__(self, sock, timeout=20):
        self.sock, self.timeout, self.pending = sock, timeout, b""
        sock.setblocking(False)

    def send(self, kind, **fields):
        self.send_raw(frame(kind, **fields))

    def send_raw(self, data):
        deadline = time.monotonic() + self.timeout
        while data:
            _, writable, _ = select.select([], [self.sock], [], max(0, deadline - time.monotonic()))
            assert writable, "the agent does not read"
            data = data[self.sock.send(data):]

    def _fill(self, timeout):
        readable, _, _ = select.select([self.sock], [], [], timeout)
        if not readable:
            raise TimeoutError("the agent says nothing")
        chunk = self.sock.recv(1 << 16)
        if not chunk:
            raise EOFError
        self.pending += chunk

    def receive(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            if len(self.pending) >= 4:
                length = struct.unpack(">I", self.pending[:4])[0]
                assert length <= 262144
                if len(self.pending) >= 4 + length:
                    body, self.pending = self.pending[4:4 + length], self.pending[4 + length:]
                    message = unpack(body)
                    assert set(message) == {"t", "d"}
                    return message["t"], message["d"]
            self._fill(max(0, deadline - time.monotonic()))

    def expect(self, kind):
        got, fields = self.receive()
        assert got == kind, (got, fields)
        return fields

    def collect(self, ids):
        """Output and exit code of the commands: {id: (stdout, stderr, code)}."""
        streams = {i: {1: [], 2: []} for i in ids}
        codes = {}
        while set(codes) != set(ids):
            kind, fields = self.receive()
            if kind == "execdata":
                assert fields["id"] not in codes, "output after execdone"
                assert 0 < len(fields["data"]) <= 32768
                streams[fields["id"]][fields["stream"]].append(fields["data"])
            elif kind == "execdone":
                codes[fields["id"]] = fields["exit_code"]
            else:
                raise AssertionError((kind, fields))
        return {i: (b"".join(streams[i][1]), b"".join(streams[i][2]), codes[i]) for i in ids}
