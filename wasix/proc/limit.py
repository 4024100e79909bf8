"""Bounds of a whole program: what takes more is ended, with all that it has started."""

from __future__ import annotations

from collections.abc import Sequence

from wasix.abi import Unwind
from wasix.fs.allowance import Allowance, Bounded
from wasix.fs.file import OpenFile
from wasix.proc.process import STATUS_OUTPUT, STATUS_TIMEOUT, Process


class OutputLimit:
    """How many bytes a program may write to its standard output and error, together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.process: Process
        """Whose it is; to be set before that runs."""

    def bound(self, files: Sequence[OpenFile]) -> list[OpenFile]:
        """The three standard streams, of which it bounds the second and third."""
        allowance = Allowance(self.limit, self._exceeded)
        stdin, *outputs = files
        # Both may be the same file.
        wrapped = {id(file): Bounded(file, allowance) for file in outputs}
        return [stdin, *(wrapped[id(file)] for file in outputs)]

    def _exceeded(self) -> Unwind:
        text = f"ended when it had written {self.limit} bytes of output, its limit"
        self.process.group.exit(STATUS_OUTPUT, f"{self.process.name}: {text}")
        return Unwind()


def expire(process: Process, seconds: float) -> None:
    """The program has had its time."""
    text = f"{process.name}: ended after {seconds:g} s, its time limit"
    process.group.exit(STATUS_TIMEOUT, text)
