"""Calls that linking makes necessary. No guest imports these.

A program that is itself linked when it starts makes the first before it begins; what libraries call
in place of a function that nobody defines makes the other.
"""

from __future__ import annotations

from wasix.abi import types as t
from wasix.abi.function import Function, In, Interface

START = Function(
    "dl_start", (), "Link the program to what it needs, in each thread.", blocks=True, plain=True
)
UNDEFINED = Function(
    "dl_undefined", (In("symbol", t.U32),), "End a program that calls what is missing.", void=True
)

LINKING = Interface("dylink.0", "The dynamic linker", (START, UNDEFINED))
