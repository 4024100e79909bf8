"""Hands out a bundle over HTTP, for trying it: what any static file host does."""

from __future__ import annotations

import re
from collections.abc import Mapping
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


ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers by which a page and its workers may share memory."""


class Handler(SimpleHTTPRequestHandler):
    """Files of one directory. Those that are named by their content may be kept for ever."""

    protocol_version = "HTTP/1.1"
    extensions_map = _TYPES
    headers_of_all: Mapping[str, str] = {}

    def end_headers(self) -> None:
        for name, value in self.headers_of_all.items():
            self.send_header(name, value)
        named = _NAMED_BY_CONTENT.search(self.path)
        age = "public, max-age=31536000, immutable" if named else "no-cache"
        self.send_header("Cache-Control", age)
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Directories without an index are not shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class IsolatingHandler(Handler):
    headers_of_all = ISOLATION


def server(
    directory: Path, host: str = "127.0.0.1", port: int = 0, *, isolated: bool = False
) -> ThreadingHTTPServer:
    """A server for a bundle, which can be an `isolated` page; port 0 is any free one.

    Raises `UsageError`.
    """
    if not (directory / "loader.js").exists():
        raise UsageError(
            f"{directory} holds no bundle: make one with `wasix web build {directory}`"
        )
    try:
        handler = IsolatingHandler if isolated else Handler
        return ThreadingHTTPServer((host, port), partial(handler, directory=str(directory)))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from None


def serve(
    directory: Path, host: str = "127.0.0.1", port: int = 8000, *, isolated: bool = False
) -> None:
    """Serve a bundle until interrupted."""
    with server(directory, host, port, isolated=isolated) as http:
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            return
