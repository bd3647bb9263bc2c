# SPDX-License-Identifier: Apache-2.0
"""Images made by hand, a registry that serves them as a test wants it, and Debian's docker-registry on loopback."""
import base64
import gzip
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

DOCKER_REGISTRY = shutil.which("docker-registry")

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution."
TYPES = {
    "oci": {"index": OCI + "index.v1+json", "manifest": OCI + "manifest.v1+json", "config": OCI + "config.v1+json",
            "gzip": OCI + "layer.v1.tar+gzip", "zstd": OCI + "layer.v1.tar+zstd", "plain": OCI + "layer.v1.tar"},
    "docker": {"index": DOCKER + "manifest.list.v2+json", "manifest": DOCKER + "manifest.v2+json",
               "config": "application/vnd.docker.container.image.v1+json",
               "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
               "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd", "plain": "application/vnd.docker.image.rootfs.diff.tar"},
}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Image:
    """One image: blobs by digest, and the manifest's bytes."""

    def __init__(self, tars, world="oci", how="gzip", platform=("linux", "amd64"), config=None):
        self.types = TYPES[world]
        self.blobs, layers, diff_ids = {}, [], []
        for tar in tars:
            blob = compress(tar, how)
            self.blobs[digest(blob)] = blob
            layers.append({"mediaType": self.types[how], "digest": digest(blob), "size": len(blob)})
            diff_ids.append(digest(tar))
        self.layers = layers
        self.config = {"os": platform[0], "architecture": platform[1], "config": config or {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                       "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        self.finish()

    def finish(self):
        """After a change of config or layers."""
        config = json.dumps(self.config).encode()
        self.blobs[digest(config)] = config
        self.document = {"schemaVersion": 2, "mediaType": self.types["manifest"],
                         "config": {"mediaType": self.types["config"], "digest": digest(config), "size": len(config)},
                         "layers": self.layers}
        self.manifest = json.dumps(self.document).encode()
        self.media_type = self.types["manifest"]

    @property
    def digest(self):
        return digest(self.manifest)

    def descriptor(self, **platform):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest), "platform": platform}


def layout(folder, image):
    """An OCI layout of an image."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for name, blob in image.blobs.items():
        (blobs / name.partition(":")[2]).write_bytes(blob)
    (blobs / digest(image.manifest).partition(":")[2]).write_bytes(image.manifest)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": image.types["manifest"], "digest": digest(image.manifest), "size": len(image.manifest)}]}))
    return folder


class Registry:
    """A registry in a thread. `rules` are functions that see a request first: (handler, method, path) -> handled?"""

    def __init__(self, tls=None):
        self.manifests, self.blobs, self.rules, self.log = {}, {}, [], []
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def serve(self):
                registry.log.append((self.command, self.path, dict(self.headers)))
                try:
                    if not any(rule(self, self.command, self.path) for rule in registry.rules):
                        registry.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_HEAD = do_POST = do_PUT = serve

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # TLS that is tried first, clients that were stopped

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, name, image, tag="latest"):
        self.blobs.update(image.blobs)
        for reference in (tag, image.digest):
            self.manifests[name, reference] = (image.media_type, image.manifest)
        return f"{self.host}/{name}:{tag}"

    def add_index(self, name, entries, tag="latest", world="oci"):
        body = json.dumps({"schemaVersion": 2, "mediaType": TYPES[world]["index"], "manifests": entries}).encode()
        for reference in (tag, digest(body)):
            self.manifests[name, reference] = (TYPES[world]["index"], body)
        return f"{self.host}/{name}:{tag}"

    def asked(self, part):
        return [entry for entry in self.log if part in entry[1]]

    def answer(self, handler):
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", handler.path)
        if found is None:
            return send(handler, 200 if handler.path == "/v2/" else 404, b"{}")
        name, kind, reference = found.groups()
        if kind == "manifests" and (name, reference) in self.manifests:
            media_type, body = self.manifests[name, reference]
            return send(handler, 200, body, {"Content-Type": media_type, "Docker-Content-Digest": digest(body)})
        if kind == "blobs" and reference in self.blobs:
            return send_blob(handler, self.blobs[reference])
        message = {"errors": [{"code": "UNKNOWN", "message": f"{kind[:-1]} unknown"}]}
        return send(handler, 404, json.dumps(message).encode())


def send(handler, status, body=b"", headers=None):
    handler.send_response(status)
    headers = {"Content-Type": "application/json", **(headers or {})}
    if "Content-Length" not in headers:
        headers["Content-Length"] = str(len(body))
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
    return True


def send_blob(handler, body):
    found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if found is None:
        return send(handler, 200, body)
    start = int(found.group(1))
    return send(handler, 206, body[start:], {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})


def cut(handler):
    """Ends the connection without a word."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True
    handler.rfile = open(os.devnull, "rb")
    handler.wfile = open(os.devnull, "wb")
    return True


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def certificate(folder, name):
    """A file with a key and a certificate that signs itself."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both, cert


# --- Debian's docker-registry ---------------------------------------------------------------------


class DockerRegistry:
    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        config = folder / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                          f"http: {{addr: {self.host}}}\n")
        self.process = subprocess.Popen([DOCKER_REGISTRY, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.request("GET", "/v2/")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("docker-registry does not start")

    def close(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), data

    def add(self, name, image, tag="latest"):
        for name_of, blob in image.blobs.items():
            status, headers, _ = self.request("POST", f"/v2/{name}/blobs/uploads/")
            assert status == 202
            place = re.sub(r"^https?://[^/]+", "", headers["Location"])
            status, _, body = self.request("PUT", f"{place}{'&' if '?' in place else '?'}digest={name_of}", blob,
                                           {"Content-Type": "application/octet-stream"})
            assert status == 201, body
        status, _, body = self.request("PUT", f"/v2/{name}/manifests/{tag}", image.manifest, {"Content-Type": image.media_type})
        assert status == 201, body
        return f"{self.host}/{name}:{tag}"
