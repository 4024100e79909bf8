"""WasmEdge's socket functions, which some preview1 guests import from `wasi_snapshot_preview1`.

Only their types matter so far: every one answers `notsup`, so a guest links and runs until it
wants a network. `sock_accept` here has two parameters; preview1's own has three.
Source: the WasmEdge WASI socket extension, as its Rust SDK imports it.
"""

from __future__ import annotations

from wasix.abi import types as t
from wasix.abi.function import Function, In, Interface


def _raw(name: str, *params: str) -> Function:
    """A function whose pointers stay untouched, since it only ever answers `notsup`."""
    return Function(
        name,
        tuple(In(param, t.U32) for param in params),
        "WasmEdge socket extension; no network yet.",
        handler="notsup",
    )


WASMEDGE = Interface(
    "wasi_snapshot_preview1",
    "WasmEdge socket extension",
    (
        _raw("sock_open", "address_family", "sock_type", "ro_fd"),
        _raw("sock_bind", "fd", "addr", "port"),
        _raw("sock_listen", "fd", "backlog"),
        _raw("sock_accept", "fd", "ro_fd"),
        _raw("sock_connect", "fd", "addr", "port"),
        _raw("sock_recv_from", "fd", "buf", "buf_len", "addr", "flags", "port", "nread", "oflags"),
        _raw("sock_send_to", "fd", "buf", "buf_len", "addr", "port", "flags", "nwritten"),
        _raw("sock_getlocaladdr", "fd", "addr", "type", "port"),
        _raw("sock_getpeeraddr", "fd", "addr", "type", "port"),
        _raw("sock_setsockopt", "fd", "level", "name", "flag", "flag_len"),
        _raw("sock_getsockopt", "fd", "level", "name", "flag", "flag_len"),
        _raw(
            "sock_getaddrinfo",
            *("node", "node_len", "server", "server_len", "hint", "res", "max_len", "res_len"),
        ),
    ),
)
