# SPDX-License-Identifier: Apache-2.0
"""A client of `capsem-builder lsp`, as an editor is one."""
import io
import json
import os
import pathlib
import queue
import subprocess
import threading

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
TIMEOUT_S = 30


def frame(message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(data), data)


def request(method, params=None, id=1):
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    return frame(message if params is None else {**message, "params": params})


def notification(method, params=None):
    message = {"jsonrpc": "2.0", "method": method}
    return frame(message if params is None else {**message, "params": params})


INITIALIZE = request("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=0)
END = request("shutdown", id=99) + notification("exit")


def read_messages(stream):
    """All messages of a stream, to its end."""
    while True:
        length = None
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, value = line.decode("ascii").split(":")
            assert name == "Content-Length"
            length = int(value)
        if line == b"":
            return
        message = json.loads(stream.read(length))
        assert message["jsonrpc"] == "2.0"
        yield message


def exchange(data, cwd=REPO, status=0, timeout=120):
    """All that the server says to `data`, and its standard error."""
    done = subprocess.run([BUILDER, "lsp"], input=data, cwd=cwd, capture_output=True, timeout=timeout)
    assert done.returncode == status, (done.returncode, done.stderr)
    return list(read_messages(io.BytesIO(done.stdout))), done.stderr.decode()


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def position(text, offset):
    before = text[:offset]
    line = before.count("\n")
    return {"line": line, "character": utf16(before[before.rfind("\n") + 1:])}


class Client:
    """A session; diagnostics are kept by URI."""

    def __init__(self, folder, root=True, capabilities=None):
        self.folder = folder
        self.server = subprocess.Popen([BUILDER, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, cwd=folder)
        self.messages = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.last_id = 0
        self.texts, self.versions, self.diagnostics, self.logs = {}, {}, {}, []
        folders = [{"uri": folder.as_uri(), "name": "w"}] if root else None
        self.capabilities = self.ask("initialize", {"processId": os.getpid(), "rootUri": None,
                                                    "capabilities": capabilities or {},
                                                    "workspaceFolders": folders})["capabilities"]
        self.tell("initialized", {})

    def read(self):
        for message in read_messages(self.server.stdout):
            self.messages.put(message)

    def send(self, data):
        self.server.stdin.write(data)
        self.server.stdin.flush()

    def take(self):
        """The next message; what is none of a request's answers is kept."""
        message = self.messages.get(timeout=TIMEOUT_S)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]
        elif message.get("method") == "window/logMessage":
            self.logs.append(message["params"]["message"])
        return message

    def ask(self, method, params=None):
        self.last_id += 1
        self.send(request(method, params, self.last_id))
        while (message := self.take()).get("id") != self.last_id:
            assert "method" in message, message
        assert "error" not in message, message
        return message["result"]

    def tell(self, method, params=None):
        self.send(notification(method, params))

    def uri(self, name):
        return (self.folder / name).as_uri()

    def open(self, name, text=None):
        self.texts[name] = (self.folder / name).read_bytes().decode() if text is None else text
        self.versions[name] = 1
        self.tell("textDocument/didOpen", {"textDocument": {"uri": self.uri(name), "languageId": "toml", "version": 1,
                                                            "text": self.texts[name]}})

    def change(self, name, *edits):
        """Each edit is (old, new), found once in the text, or the whole new text."""
        changes = []
        for edit in edits:
            if isinstance(edit, str):
                changes.append({"text": edit})
                self.texts[name] = edit
                continue
            old, new = edit
            text = self.texts[name]
            assert text.count(old) == 1
            start = text.index(old)
            changes.append({"range": {"start": position(text, start), "end": position(text, start + len(old))},
                            "text": new})
            self.texts[name] = text[:start] + new + text[start + len(old):]
        self.versions[name] += 1
        self.tell("textDocument/didChange", {"textDocument": {"uri": self.uri(name), "version": self.versions[name]},
                                             "contentChanges": changes})

    def close(self, name):
        self.tell("textDocument/didClose", {"textDocument": {"uri": self.uri(name)}})

    def wait(self, name, wanted):
        """Until the diagnostics of a file are of these codes, in this order; gives them."""
        while True:
            found = self.diagnostics.get(self.uri(name), {"diagnostics": None})["diagnostics"]
            if found is not None and [d["code"] for d in found] == wanted:
                return found
            try:
                self.take()
            except queue.Empty:
                raise AssertionError(f"{name} has {found}, not {wanted}") from None

    def at(self, method, name, marker, behind=True):
        """A request about the place after (or before) a text that is there once."""
        text = self.texts[name]
        assert text.count(marker) == 1, marker
        offset = text.index(marker) + (len(marker) if behind else 0)
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": self.uri(name)},
                                                   "position": position(text, offset)})

    def complete(self, name, marker):
        result = self.at("completion", name, marker)
        assert result["isIncomplete"] is False
        return {i["label"]: i for i in result["items"]}

    def covered(self, name, range):
        """The text that a range covers."""
        lines = self.texts[name].split("\n")
        start, end = range["start"], range["end"]
        assert start["line"] == end["line"]
        line = lines[start["line"]].encode("utf-16-le")
        return line[2 * start["character"]:2 * end["character"]].decode("utf-16-le")

    def end(self):
        assert self.ask("shutdown") is None
        self.tell("exit")
        self.server.stdin.close()
        assert self.server.wait(TIMEOUT_S) == 0
        self.reader.join(TIMEOUT_S)
        assert self.server.stderr.read() == b""
