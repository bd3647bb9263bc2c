# SPDX-License-Identifier: Apache-2.0
"""A guest's half of virtiofs, enough to make files over a vhost-user socket: what QEMU and a guest's kernel do with it, in one
process. Follows QEMU's "Vhost-user Protocol", VIRTIO 1.2 (split virtqueues) and the kernel's fuse.h."""
import array
import mmap
import os
import select
import socket
import struct

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
VRING_NUM, VRING_ADDR, VRING_BASE, VRING_KICK, VRING_CALL = 8, 9, 10, 12, 13
LOOKUP, SETATTR, MKNOD, OPEN, WRITE, INIT, CREATE = 1, 4, 8, 14, 16, 26, 35
VERSION_1 = 1 << 32  # VIRTIO_F_VERSION_1
QUEUE, SIZE = 1, 4  # the first for requests; descriptors in it
MEMORY, BASE = 1 << 20, 0x10000000
DESC, AVAIL, USED, REQUEST, ANSWER = 0, 0x1000, 0x2000, 0x10000, 0x80000
ROOT = 1


class Share:
    def __init__(self, fd):
        self.sock = socket.socket(fileno=fd)
        memory = os.memfd_create("memory")
        os.ftruncate(memory, MEMORY)
        self.memory = mmap.mmap(memory, MEMORY)
        self.kick, self.call = os.eventfd(0), os.eventfd(0)
        self.sent = 0
        self.send(SET_OWNER)
        self.send(GET_FEATURES)
        assert struct.unpack("<IIIQ", self.sock.recv(20, socket.MSG_WAITALL))[3] & VERSION_1
        self.send(SET_FEATURES, struct.pack("<Q", VERSION_1))
        self.send(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, 0, MEMORY, BASE, 0), memory)
        self.send(VRING_NUM, struct.pack("<II", QUEUE, SIZE))
        self.send(VRING_BASE, struct.pack("<II", QUEUE, 0))
        self.send(VRING_ADDR, struct.pack("<IIQQQQ", QUEUE, 0, BASE + DESC, BASE + USED, BASE + AVAIL, 0))
        self.send(VRING_CALL, struct.pack("<Q", QUEUE), self.call)
        self.send(VRING_KICK, struct.pack("<Q", QUEUE), self.kick)
        self.ask(INIT, 0, struct.pack("<IIII", 7, 31, 0, 0))

    def send(self, kind, payload=b"", fd=None):
        rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.sock.sendmsg([struct.pack("<III", kind, 1, len(payload)) + payload], rights)

    def ask(self, kind, node, body):
        """The answer's content. An OSError as the other side says."""
        request = struct.pack("<IIQQIIII", 40 + len(body), kind, self.sent + 1, node, 0, 0, 0, 0) + body
        self.memory[REQUEST:REQUEST + len(request)] = request
        self.memory[DESC:DESC + 32] = (struct.pack("<QIHH", REQUEST, len(request), 1, 1) +  # goes on with the next
                                       struct.pack("<QIHH", ANSWER, 0x10000, 2, 0))  # to be written
        struct.pack_into("<H", self.memory, AVAIL + 4 + 2 * (self.sent % SIZE), 0)
        self.sent += 1
        struct.pack_into("<H", self.memory, AVAIL + 2, self.sent)
        os.eventfd_write(self.kick, 1)
        while struct.unpack_from("<H", self.memory, USED + 2)[0] != self.sent:
            assert select.select([self.call], [], [], 10)[0], "no answer"
            os.eventfd_read(self.call)
        length, error, _ = struct.unpack_from("<IiQ", self.memory, ANSWER)
        if error:
            raise OSError(-error, os.strerror(-error))
        return self.memory[ANSWER + 16:ANSWER + length]

    def lookup(self, name):
        """The node."""
        return struct.unpack_from("<Q", self.ask(LOOKUP, ROOT, name + b"\0"))[0]

    def create(self, name, mode, data=b""):
        entry = self.ask(CREATE, ROOT, struct.pack("<IIII", os.O_RDWR | os.O_CREAT, 0o100000 | mode, 0, 0) + name + b"\0")
        node, handle = struct.unpack_from("<Q", entry)[0], struct.unpack_from("<Q", entry, 128)[0]
        if data:
            self.put(node, handle, data)
        return node

    def put(self, node, handle, data):
        self.ask(WRITE, node, struct.pack("<QQIIQII", handle, 0, len(data), 0, 0, 0, 0) + data)

    def write(self, node, data):
        """Over the start of a file that is there, as a guest's kernel that leaves the modes to the other side."""
        handle = struct.unpack_from("<Q", self.ask(OPEN, node, struct.pack("<II", os.O_RDWR, 0)))[0]
        self.put(node, handle, data)

    def chmod(self, node, mode):
        self.ask(SETATTR, node, struct.pack("<II6Q8I", 1, *[0] * 10, 0o100000 | mode, *[0] * 4))

    def chown(self, node, uid, gid):
        self.ask(SETATTR, node, struct.pack("<II6Q8I", 6, *[0] * 12, uid, gid, 0))

    def mknod(self, name, mode, device):
        self.ask(MKNOD, ROOT, struct.pack("<IIII", mode, device, 0, 0) + name + b"\0")
