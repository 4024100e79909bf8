"""What can go wrong before a guest runs, each with the exit status the command line gives it.

The text of every one is a line that names the thing and the remedy.
"""

from __future__ import annotations


class WasixError(Exception):
    """The program was not run. `status` is the command line's exit status."""

    status = 125


class ProgramNotFound(WasixError):
    """No such file, and no such name in the catalogue."""

    status = 127


class ProgramInvalid(WasixError):
    """The file cannot be run: not WebAssembly, broken, or importing what is not offered."""

    status = 126


class LinkError(ProgramInvalid):
    """A plain module was not given what it imports; a line for each says both types."""


class FetchError(WasixError):
    """A program of the catalogue could not be fetched, kept or verified."""


class VolumeError(WasixError):
    """A volume cannot be mounted."""


class EngineUnavailable(WasixError):
    """The engine asked for cannot be used here."""


class InstanceLost(WasixError):
    """A plain module's instance is gone with the process it was in; the text says why.

    Where guests run in processes of their own, one that computes is stopped by ending its process.
    """


class UsageError(WasixError, ValueError):
    """An option's value makes no sense."""

    status = 2
