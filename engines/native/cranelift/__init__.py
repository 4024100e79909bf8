"""Cranelift, as wasmtime has it."""
