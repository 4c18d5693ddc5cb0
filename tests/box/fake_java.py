#!/usr/bin/env python3
"""A TorchServe for tests, in place of Java: both REST APIs, tokens, versions side by side, as far as box/ uses them.

An "archive" is JSON: {"model", "version", "answers": {sha256 of a picture: {label: probability}}}, and its bad ways:
"crash": what it says before it ends; "seconds": how long an answer takes; "hang_after": answers before there are none;
"megabytes": memory that it takes.
"""

from __future__ import annotations

import hashlib
import json
import os
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ARGUMENTS = sys.argv[1:]
STORE = Path(ARGUMENTS[ARGUMENTS.index("-s") + 1])
TOKENS = {name: {"key": f"{name}-{os.getpid()}"} for name in ("management", "inference", "API")}
MODELS: dict[str, dict[str, dict[str, Any]]] = {}  # by name and version
DEFAULTS: dict[str, str] = {}
TURNED_AWAY = False


def load(name: str) -> dict[str, Any]:
    archive: dict[str, Any] = json.loads((STORE / name).read_text())
    if words := archive.get("crash"):
        print(words, flush=True)
        raise SystemExit(1)
    MODELS.setdefault(archive["model"], {})[archive["version"]] = archive | {"url": name, "asked": 0}
    DEFAULTS.setdefault(archive["model"], archive["version"])
    return archive


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kind = ""

    def address_string(self) -> str:
        return "box"

    def log_message(self, *words: object) -> None:
        pass

    def answer(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def refuse(self, status: int, message: str) -> None:
        self.answer({"code": status, "type": "X", "message": message}, status)

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        path, query = url.path.strip("/").split("/"), {key: values[0] for key, values in parse_qs(url.query).items()}
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = "API" if path[0] == "token" else self.kind
        if token != TOKENS[wanted]["key"]:
            return self.refuse(400, "Token Authorization failed. Token either incorrect, expired, or not provided")
        if self.kind == "inference":
            return self.predict(path, body)
        return self.manage(path, query)

    do_GET = do_PUT = do_POST = do_DELETE = do

    def predict(self, path: list[str], body: bytes) -> None:
        version = MODELS.get(path[1], {}).get(path[2] if len(path) > 2 else DEFAULTS.get(path[1], ""))
        if version is None:
            return self.refuse(404, "Model version not found")
        version["asked"] += 1
        if 0 <= version.get("hang_after", -1) < version["asked"]:
            return self.refuse(503, "no worker is available")
        time.sleep(version.get("seconds", 0))
        answer = version["answers"].get(hashlib.sha256(body).hexdigest())
        return self.answer(answer) if answer else self.refuse(415, "not a picture")

    def manage(self, path: list[str], query: dict[str, str]) -> None:
        if path[0] == "token":
            TOKENS["inference"]["key"] += "-renewed"
            return self.answer({})
        if self.command == "POST":
            try:
                load(query["url"])
            except SystemExit:
                return self.refuse(500, "Failed to start workers")
            return self.answer({"status": "registered"})
        if len(path) == 1:
            return self.answer({"models": [{"modelName": name} for name in MODELS]})
        versions, default = MODELS.get(path[1], {}), DEFAULTS.get(path[1], "")
        named = path[2] if len(path) > 2 else default
        if named != "all" and named not in versions:
            return self.refuse(404, f"Model version: {named} does not exist")
        if self.command == "DELETE":
            if named == default:
                return self.refuse(403, "Cannot remove default version")
            del versions[named]
            return self.answer({"status": "unregistered"})
        if path[-1] == "set-default":
            DEFAULTS[path[1]] = named
            return self.answer({"status": "default"})
        names = list(versions) if named == "all" else [named]
        rows = []
        for number, name in enumerate(names):
            worker = {"id": str(9000 + number), "pid": os.getpid(), "status": "READY"}
            workers = [worker] * int(os.environ["TS_DEFAULT_WORKERS_PER_MODEL"])
            row: dict[str, Any] = {"modelName": path[1], "modelVersion": name, "workers": workers}
            if "customized" in query:
                row["customizedMetadata"] = {"pid": os.getpid()}
            rows.append(row)
        return self.answer(rows)


class Inference(Handler):
    kind = "inference"


class Management(Handler):
    kind = "management"


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main() -> None:
    loaded = [load(name) for name in ARGUMENTS[ARGUMENTS.index("-m") + 1 :]]
    ballast = bytearray(os.urandom(1) * (sum(int(one.get("megabytes", 0)) for one in loaded) << 20))
    address = urlsplit(os.environ["TS_INFERENCE_ADDRESS"])
    inference = TcpServer((str(address.hostname), int(address.port or 0)), Inference)
    management = UnixServer(os.environ["TS_MANAGEMENT_ADDRESS"].removeprefix("unix:"), Management)
    for server in (inference, management):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    beside = Path("key_file.json.new")
    beside.write_text(json.dumps(TOKENS))
    beside.rename("key_file.json")
    print(f"fake TorchServe is up with {len(ballast)} bytes of ballast", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
