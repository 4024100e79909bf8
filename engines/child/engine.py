"""Engines whose guests run in child processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from engines.artifacts import Kept
from engines.js.probe import answered, question
from engines.plain import Plain
from engines.profile import Samples
from engines.protocol import Abilities, Door, EngineError, Linked, Outcome
from engines.wasm import Module
from engines.wasm.types import Feature
from wasix.abi.instance import Snapshot

if TYPE_CHECKING:
    from engines.child.plain import Precise

if sys.platform != "win32":
    from engines.child.guest import ChildGuest
    from engines.child.process import Died, Program, ask


class ChildEngine:
    """See `engines.protocol.Engine`.

    Making one starts a child, to test what the engine rests on; raises `EngineError`.
    """

    abilities = Abilities(own_process=True, links=True)

    def __init__(self, name: str, module: str, environ: dict[str, str], remedy: str) -> None:
        self.name = name
        if sys.platform == "win32":
            raise EngineError(f"the engine {name} needs descriptors to pass, which Windows lacks")
        self.program = Program(module, environ)
        try:
            self._features = answered(ask(self.program, question()))
        except (Died, OSError) as error:
            raise EngineError(f"the engine {name} cannot be used: {error}{remedy}") from None

    def features(self) -> frozenset[Feature]:
        return self._features

    def prepare(self, module: Module, artifacts: Kept | None) -> None:
        """Compiling is the child's work."""

    def kept(self, module: Module, artifacts: Kept) -> bool:
        return False

    def start(
        self,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
        snapshot: Snapshot | None = None,
    ) -> ChildGuest:
        return ChildGuest(self.program, program, door, ended, snapshot)

    def plain(self, environ: dict[str, str], precise: Precise | None = None) -> Plain:
        """The same for plain modules, with more in the environment; see `engines.child.plain`."""
        from engines.child.plain import ChildPlain

        program = Program(self.program.module, {**self.program.environ, **environ})
        return ChildPlain(self.name, program, precise)
