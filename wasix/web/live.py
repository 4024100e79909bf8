"""Live reload of a bundle that is served: it is built again when its sources change, and pages are
loaded again when it has."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from wasix.api.errors import WasixError
from wasix.web.serve import Handler, server
from wasix.web.sources import ROOT

SCRIPT = ROOT / "web" / "live.js"

_EVENTS = "/.changes"
_TAG = '\n<script type="module" src="/.live.js?{}"></script>\n'
_LOOK = 0.2
"""Seconds between two looks at files."""
_ALIVE = 15.0
"""Seconds after which a connection is tried on which nothing was said: whether anybody is there."""

Seen = dict[Path, tuple[int, int]]
"""Files with their time of modification, in nanoseconds, and size."""


def look(paths: Iterable[Path]) -> Seen:
    """At files, and at all in directories."""
    return {file: (info.st_mtime_ns, info.st_size) for file, info in _files(paths)}


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else (path,):
            # It may be gone at any moment.
            with suppress(OSError):
                yield file, file.stat()


class Bundle:
    """A bundle that is served, as it changes."""

    def __init__(
        self,
        directory: Path,
        sources: Sequence[Path] = (),
        build: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`build` makes it again when `sources` are not as now any more; `say` is for a person."""
        self.directory = directory
        self._sources = sources
        self._build = build
        self.say = say
        self._seen = look(sources)
        self._changed = threading.Condition()
        self._end = threading.Event()
        # No other server's, so that pages find a new one's bundle to be another.
        self._version = time.time_ns()

    @property
    def version(self) -> str:
        return str(self._version)

    def wait_for_change(self, version: str, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: version != self.version, timeout)

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch, name="wasix live reload", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _watch(self) -> None:
        bundle = look([self.directory])
        while not self._end.wait(_LOOK):
            if (now := self._settled(self._sources)) != self._seen:
                self._build_again(sorted({path for path, _ in self._seen.items() ^ now.items()}))
                self._seen = now
            if (now := self._settled([self.directory])) != bundle:
                bundle = now
                with self._changed:
                    self._version += 1
                    self._changed.notify_all()

    def _build_again(self, changed: Sequence[Path]) -> None:
        what = changed[0].name + (f" and {more} more" if (more := len(changed) - 1) else "")
        begin = time.monotonic()
        try:
            self._build()
        except (WasixError, OSError) as error:
            self.say(f"wasix: {error}")
        else:
            self.say(f"{what}: built again in {time.monotonic() - begin:.1f} s")

    def _settled(self, paths: Iterable[Path]) -> Seen:
        """What is there once nobody is writing it any more."""
        seen = look(paths)
        while not self._end.wait(_LOOK / 4) and (now := look(paths)) != seen:
            seen = now
        return seen


class LiveHandler(Handler):
    """Adds a script to pages that loads them again when the bundle has changed."""

    bundle: Bundle

    def do_GET(self) -> None:  # noqa: N802 - the base's name
        if urlsplit(self.path).path == _EVENTS:
            self._tell(urlsplit(self.path).query)
        else:
            super().do_GET()

    def _tell(self, version: str) -> None:
        """An event when the bundle is no longer the page's `version`, and then the end."""
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        while not self.bundle.wait_for_change(version, _ALIVE):
            self.wfile.write(b":\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: changed\n\n")

    def translate_path(self, path: str) -> str:
        return str(SCRIPT) if urlsplit(path).path == "/.live.js" else super().translate_path(path)

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        path = Path(self.translate_path(self.path))
        if urlsplit(self.path).path.endswith("/"):
            path /= "index.html"
        if path.suffix != ".html" or not path.is_file():
            return super().send_head()
        page = path.read_bytes() + _TAG.format(self.bundle.version).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        return io.BytesIO(page)


def serve(
    bundle: Bundle, host: str = "127.0.0.1", port: int = 8000, *, isolated: bool = False
) -> None:
    """Serve a bundle until interrupted. Raises `UsageError`."""
    handler = type("Live", (LiveHandler,), {"bundle": bundle})
    with (
        server(bundle.directory, host, port, isolated=isolated, handler=handler) as http,
        bundle.watched(),
        suppress(KeyboardInterrupt),
    ):
        bundle.say(f"http://{host}:{http.server_port}/  (Ctrl-C ends it)")
        http.serve_forever()
