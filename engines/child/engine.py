"""Engines whose guests run in child processes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from engines.artifacts import Kept
from engines.js.probe import answered, question
from engines.profile import Samples
from engines.protocol import Abilities, Door, EngineError, Linked, Outcome
from engines.wasm import Module
from engines.wasm.types import Feature

if sys.platform != "win32":
    from engines.child.guest import ChildGuest, Died, Program, ask


class ChildEngine:
    """See `engines.protocol.Engine`.

    Making one starts a child, to test what the engine rests on; raises `EngineError`.
    """

    abilities = Abilities(own_process=True)

    def __init__(self, name: str, module: str, environ: dict[str, str], remedy: str) -> None:
        self.name = name
        if sys.platform == "win32":
            raise EngineError(f"the engine {name} needs descriptors to pass, which Windows lacks")
        self._program = Program(module, environ)
        try:
            self._features = answered(ask(self._program, question()))
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
    ) -> ChildGuest:
        return ChildGuest(self._program, program, door, ended)
