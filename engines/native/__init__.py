"""Engines that turn WebAssembly into machine code of the host's."""
