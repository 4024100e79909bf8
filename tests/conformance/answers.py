"""A guest's printed lines as answers, and the answers expected of it."""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path
from subprocess import CompletedProcess

from tests.conformance.differences import DIFFERENCES, STATED
from tests.conformance.guests import SCRATCH, Guest
from tests.conformance.oracle import linux, linux_with_sockets, wasmtime
from tests.guests.build import GUESTS, compile_guest, compile_native

ARROW = " -> "


def parse(output: str) -> dict[str, str]:
    """Lines of `CASE -> ANSWER`, in order. A line that is none is kept as a case without answer."""
    answers: dict[str, str] = {}
    for line in output.splitlines():
        case, _, answer = line.partition(ARROW)
        # A step that failed twice prints the same line twice; both should be seen.
        while case in answers:
            case += " (again)"
        answers[case] = answer
    return answers


def unlike(
    ours: dict[str, str], theirs: dict[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """The cases answered differently, or by one side only: ours, then theirs."""
    return {
        case: (ours.get(case), theirs.get(case))
        for case in ours | theirs
        if ours.get(case) != theirs.get(case)
    }


@functools.cache
def oracle(guest: Guest) -> CompletedProcess[str]:
    """The guest on wasmtime, in a fresh directory for each volume."""
    with tempfile.TemporaryDirectory() as directory:
        volumes = {name: Path(directory) / name for name in guest.volumes}
        for host in volumes.values():
            host.mkdir()
        return wasmtime(
            [str(compile_guest(guest.name)), *guest.args],
            volumes=volumes,
            env=guest.env,
            stdin=guest.stdin,
        )


def expected(guest: Guest) -> dict[str, str]:
    """What wasmtime answers, with our answer where it differs."""
    theirs = parse(oracle(guest).stdout)
    return {case: DIFFERENCES.get(case, (answer,))[0] for case, answer in theirs.items()}


def stated(name: str) -> dict[str, str]:
    """What is expected of a guest that no oracle runs to its end: its cases are read in its source.

    Such a guest prints every case once, in the order of the source.
    """
    usual, named = STATED[name]
    source = (GUESTS / f"{name}.c").read_text()
    cases = re.findall(r'(?:FAULT|INVALID|REFUSED|report|report_value)\("([^"]+)"', source)
    return {case: named.get(case, usual) for case in cases}


@functools.cache
def linux_oracle(guest: Guest) -> CompletedProcess[str]:
    """The same source as a Linux program, in a fresh directory that holds a scratch directory."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / SCRATCH).mkdir()
        program = str(compile_native(guest.name))
        args = [program, *guest.args]
        if guest.sockets:
            return linux_with_sockets(args, cwd=Path(directory))
        return linux(args, cwd=Path(directory), stdin=guest.stdin)
