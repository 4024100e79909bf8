"""`wasix run --strace`: where a guest's system calls are written, and how."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO

from wasix.api.errors import UsageError
from wasix.api.trace import Call, Summary
from wasix.proc.process import Process


class Strace:
    """Writes calls as they end; with `summary` only a table of them, at the end.

    file: where to write; None for standard error.
    form: `text` for lines as strace(1) has them, `json` for one object a line.
    calls: whether to write the calls themselves.
    """

    def __init__(self, file: str | None, form: str, *, calls: bool, summary: bool) -> None:
        self.json = form == "json"
        self.calls = calls
        self.summary = Summary() if summary else None
        self._threads: set[tuple[int, int]] = set()
        self._out: TextIO | None = sys.stderr
        if file is not None:
            try:
                self._out = open(file, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
            except OSError as error:
                raise UsageError(f"--strace-output {file}: {error.strerror}") from None

    def __call__(self, call: Call) -> None:
        if self.summary:
            self.summary.add(call)
        if self.calls:
            self._write(call.json() if self.json else self._prefix(call) + str(call))

    def _prefix(self, call: Call) -> str:
        """Who made it, once there is more than one who might have."""
        self._threads.add((call.pid, call.tid))
        if len(self._threads) < 2:
            return ""
        several = call.tid != call.pid or (call.pid, call.pid) not in self._threads
        return f"[pid {call.pid} tid {call.tid}] " if several else f"[pid {call.pid}] "

    def _write(self, text: str) -> None:
        if self._out is None:
            return
        try:
            self._out.write(text + "\n")
        except OSError:  # nobody reads any more: the guest goes on
            self._out = None

    def finish(self, process: Process) -> None:
        """The guest has ended: say how, and write the summary."""
        if self.calls and not self.json:
            name = f"killed by SIG{process.signal.name}" if process.signal else None
            self._write(f"+++ {name or f'exited with {process.status}'} +++")
        if self.summary:
            self._write(self.summary.json() if self.json else self.summary.table())
        if self._out is not None and self._out is not sys.stderr:
            with suppress(OSError):
                self._out.close()
