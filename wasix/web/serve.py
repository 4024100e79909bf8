"""Hands out a bundle over HTTP, for trying it: what any static file host does, and good ones do."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from wasix.api.errors import UsageError
from wasix.web.compress import CODINGS

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

    def handle(self) -> None:
        # Browsers go away when they have seen enough.
        with suppress(ConnectionError):
            super().handle()

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """As the base does it, but with a compressed file if there is one."""
        accepted = {
            coding.partition(";")[0].strip()
            for coding in self.headers.get("Accept-Encoding", "").split(",")
        }
        plain = Path(self.translate_path(self.path))
        for coding, suffix in CODINGS.items():
            with suppress(OSError):
                if coding in accepted:
                    return self._send_coded(plain, coding, suffix)
        return super().send_head()

    def _send_coded(self, plain: Path, coding: str, suffix: str) -> BinaryIO:
        file = open(f"{plain}{suffix}", "rb")  # noqa: SIM115 - the caller closes it
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(plain))
        self.send_header("Content-Encoding", coding)
        self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
        self.send_header("Vary", "Accept-Encoding")
        self.end_headers()
        return file

    def end_headers(self) -> None:
        for name, value in self.headers_of_all.items():
            self.send_header(name, value)
        named = _NAMED_BY_CONTENT.search(self.path)
        age = "public, max-age=31536000, immutable" if named else "no-cache"
        self.send_header("Cache-Control", age)
        # Pages of other origins may use a bundle, as they may one of a public host.
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Directories without an index are not shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class IsolatingHandler(Handler):
    headers_of_all = ISOLATION


def server(
    directory: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    isolated: bool = False,
    handler: type[Handler] = Handler,
) -> ThreadingHTTPServer:
    """A server for a bundle, which can be an `isolated` page; port 0 is any free one.

    Raises `UsageError`.
    """
    if not (directory / "loader.js").exists():
        raise UsageError(
            f"{directory} holds no bundle: make one with `wasix web build {directory}`"
        )
    try:
        if isolated:
            handler = type("Isolating", (IsolatingHandler, handler), {})
        return ThreadingHTTPServer((host, port), partial(handler, directory=str(directory)))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
