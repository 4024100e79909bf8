"""Hands out a bundle over HTTP, for trying it: what any static file host does."""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wasix.api.errors import UsageError

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".zip": "application/zip",
    "": "application/octet-stream",
}

_NAMED_BY_CONTENT = re.compile(r"/assets/.*-[0-9A-Za-z]{8,}[./]")


class Handler(SimpleHTTPRequestHandler):
    """Files of one directory. Those that are named by their content may be kept for ever."""

    protocol_version = "HTTP/1.1"
    extensions_map = _TYPES

    def end_headers(self) -> None:
        named = _NAMED_BY_CONTENT.search(self.path)
        age = "public, max-age=31536000, immutable" if named else "no-cache"
        self.send_header("Cache-Control", age)
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Directories without an index are not shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def server(directory: Path, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """A server for a bundle; port 0 is any free one. Raises `UsageError`."""
    if not (directory / "loader.js").exists():
        raise UsageError(
            f"{directory} holds no bundle: make one with `wasix web build {directory}`"
        )
    try:
        return ThreadingHTTPServer((host, port), partial(Handler, directory=str(directory)))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from None


def serve(directory: Path, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve a bundle until interrupted."""
    with server(directory, host, port) as http:
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            return
