"""`wasix run`."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from wasix import catalogue
from wasix.api import backtrace
from wasix.api.commands import own_name
from wasix.api.errors import UsageError, WasixError
from wasix.api.guest import ENVIRONMENT
from wasix.api.popen import Popen
from wasix.api.sandbox import Sandbox
from wasix.cli import progress
from wasix.cli.progress import STATUS_INTERRUPTED
from wasix.cli.signals import Ended, passed_on
from wasix.cli.strace import Strace
from wasix.cli.volumes import parse_volumes
from wasix.proc.process import STATUS_TIMEOUT, STATUS_TRAP


def _say(text: str) -> None:
    sys.stderr.write(f"wasix: {text}\n")


def _environment(texts: Sequence[str], base: dict[str, str]) -> dict[str, str]:
    environ = dict(base)
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--env {text}: write NAME=VALUE, or NAME to copy a variable")
        if equals:
            environ[name] = value
        elif name in os.environ:
            environ[name] = os.environ[name]
    return environ


def _commands(texts: Sequence[str]) -> dict[str, str]:
    """Programs by the names that guests find them under."""
    found = {}
    for text in texts:
        name, equals, program = text.partition("=")
        if equals and (not name or not program):
            raise UsageError(f"--command {text}: write NAME=PROGRAM, or PROGRAM alone")
        found[name if equals else own_name(text)] = program if equals else text
    return found


def run(
    program: str,
    args: tuple[str, ...],
    engine: str,
    volumes: tuple[str, ...],
    environ: tuple[str, ...],
    commands: tuple[str, ...],
    cwd: str,
    timeout: float | None,
    memory: str | None,
    fuel: int | None,
    output_limit: str | None,
    abi: str,
    strace: bool,
    strace_output: str | None,
    strace_format: str | None,
    strace_summary: bool,
    profile: str | None,
    verbose: bool,
) -> NoReturn:
    """Run the program and exit with its status."""
    started = time.monotonic()
    trace: Strace | None = None
    try:
        much = backtrace.level()
        if strace or strace_output or strace_format or strace_summary:
            trace = Strace(
                strace_output,
                strace_format or "text",
                calls=strace or not strace_summary,
                summary=strace_summary,
            )
        found = catalogue.find(program)
        progress.fetch(found)
        box = Sandbox(
            volumes=parse_volumes(volumes),
            engine=engine,
            abi=abi,
            memory_limit=memory,
            fuel=fuel,
            output_limit=output_limit,
            commands=_commands(commands),
        )
        box.launcher.foreground = progress.compiling
        with box, passed_on() as passed:
            base = {**ENVIRONMENT, "PWD": cwd, **found.environ}
            process = box.Popen(
                [program, *args],
                env=_environment(environ, base),
                cwd=cwd,
                trace=trace,
                profile=profile,
            )
            passed.to(process)
            if verbose:
                _say(f"{found.name}: running on {process.engine}")
            status = _wait(process, timeout)
            if trace:
                trace.finish(process.process)
    except WasixError as error:
        _say(str(error))
        sys.exit(error.status)
    except KeyboardInterrupt:  # before there was a guest to wait for, or as it began
        sys.exit(STATUS_INTERRUPTED)
    except Ended as end:
        end.finish()
        raise
    if process.message:
        _say(process.message)
        if status == STATUS_TRAP and (lines := backtrace.text(process.frames, much)):
            sys.stderr.write(lines + "\n")
    if verbose:
        if fuel is not None and process.fuel is not None:
            _say(f"{found.name}: {fuel - process.fuel} of {fuel} units of fuel used")
        _say(f"{found.name}: status {status} after {time.monotonic() - started:.3f} s")
    if process.profile_error:
        _say(process.profile_error)
        status = WasixError.status
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process without having Python take itself apart: a tenth of a short run."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there may be none
            stream.flush()
    os._exit(status)


def _wait(process: Popen[bytes], timeout: float | None) -> int:
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            return process.wait(None if end is None else max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            _say(f"{process.process.name}: killed after {timeout:g} s, as --timeout asked")
            return STATUS_TIMEOUT
        except KeyboardInterrupt:
            # As a terminal does: the program and what it has started, which may go on all the same.
            process.interrupt()
