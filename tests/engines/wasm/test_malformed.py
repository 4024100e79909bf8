"""Bytes that are no module are refused with one line that says what is wrong and where."""

import tracemalloc

import pytest
import wasmtime

from engines.wasm import DecodeError, decode

HEADER = "0061736d01000000"


def refusal(data: bytes, name: str = "a.wasm") -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data, name)
    return str(caught.value)


# Sections after the header, in hexadecimal, and what is said about them.
MALFORMED = {
    # The frame of sections (§5.5.2)
    "0e 01 00": "0x0e is no section id at offset 0x8",
    "81 01 00": "0x81 is no section id at offset 0x8",
    "02 01 00 01 01 00": "the type section stands after the import section at offset 0xb",
    "0a 01 00 0c 01 00": "the data count section stands after the code section at offset 0xb",
    "06 01 00 0d 01 00": "the tag section stands after the global section at offset 0xb",
    "01 01 00 01 01 00": "the type section is there twice at offset 0xb",
    "01 01 00 02 01 00 01 01 00": "the type section stands after the import section at offset 0xe",
    "01 02 00 00": "the type section is 1 bytes longer than what it holds at offset 0xb",
    "0a 02 00 00": "the code section is 1 bytes longer than what it holds at offset 0xb",
    "01 00": "the type section ends inside the number of types at offset 0xa",
    "01 86 80 80 80 80 00": "the size of the type section is encoded in more than 5 bytes"
    " at offset 0x9",
    "01 ff ff ff ff 1f": "the size of the type section does not fit in 32 bits at offset 0x9",
    # Types (§5.3)
    "01 04 01 61 00 00": "0x61 is no form of type at offset 0xb",
    "01 05 01 60 01 40 00": "a parameter has the unknown value type 0x40 at offset 0xd",
    "01 05 01 60 01 78 00": "a parameter has the unknown value type 0x78 at offset 0xd",
    "01 06 01 60 01 64 01 00": "type 1 is out of range: there are 1 types at offset 0xe",
    "01 06 01 60 01 64 7f 00": "a parameter has the unknown heap type 0x7f at offset 0xe",
    "01 04 01 5e 78 02": "a field has mutability 0x02, neither 0 nor 1 at offset 0xd",
    "01 06 01 50 01 00 60 00": "type 0 has supertype 0, which is not declared before it"
    " at offset 0xd",
    "01 09 02 60 00 00 50 02 00 00 60": "type 1 has 2 supertypes, but one is the most there can be"
    " at offset 0xf",
    "01 04 01 4e 01 4e": "1 types cannot fit in the 1 bytes left of the type section at offset 0xc",
    "01 03 01 60 00": "the type section ends inside the number of results at offset 0xd",
    "01 05 01 60 e9 07 7f": "1001 parameters are more than the 1000 an engine accepts"
    " at offset 0xc",
    # Imports
    "02 05 01 00 00 05 00": "0x05 is no kind of import at offset 0xd",
    "02 05 01 00 00 00 00": "type 0 is out of range: there are 0 types at offset 0xe",
    "02 06 01 00 01 ff 00 00": "the name of an import is not UTF-8 at offset 0xd",
    "02 07 01 02 c0 80 00 02 00": "the module of an import is not UTF-8 at offset 0xc",
    "02 07 01 03 ed a0 80 00 02": "the module of an import is not UTF-8 at offset 0xc",
    "02 05 01 09 00 00 00": "the import section ends inside the module of an import at offset 0xf",
    "02 06 01 00 00 03 7f 02": "a global has mutability 0x02, neither 0 nor 1 at offset 0xf",
    "02 06 01 00 00 04 01 00": "a tag has attribute 0x01, which is not 0 at offset 0xe",
    "01 03 01 5f 00 02 05 01 00 00 00 00": "an import has type 0, which is no function type"
    " at offset 0x13",
    # Functions and code
    "03 02 01 00": "type 0 is out of range: there are 0 types at offset 0xa",
    "01 03 01 5f 00 03 02 01 00": "a function has type 0, which is no function type at offset 0xf",
    "01 04 01 60 00 00 03 02 01 00": "1 functions are declared, but 0 have code at offset 0x12",
    "0a 04 01 02 00 0b": "0 functions are declared, but 1 have code at offset 0xe",
    # Tables and memories
    "04 04 01 7f 00 00": "a table has type i32, which is no reference type at offset 0xb",
    "04 04 01 70 02 00": "a table has unknown limits flags 0x02 at offset 0xc",
    "04 06 01 40 01 70 00 00": "a table with an initial value has an unknown form at offset 0xb",
    "04 08 01 70 00 80 80 80 80 10": "a table of 4294967296 elements is over the 4294967295"
    " there can be at offset 0xb",
    "05 03 01 10 00": "a memory has unknown limits flags 0x10 at offset 0xb",
    "05 03 01 02 00": "a memory is shared but has no maximum at offset 0xb",
    "05 04 01 01 02 01": "a memory has minimum 2 above its maximum 1 at offset 0xb",
    "05 05 01 00 81 80 04": "a memory of 65537 pages is over the 65536 there can be at offset 0xb",
    "05 04 01 08 00 0c": "a memory has pages of 2**12 bytes, not 1 or 65536 at offset 0xb",
    "05 04 01 08 00 41": "a memory has pages of 2**65 bytes, not 1 or 65536 at offset 0xb",
    # Globals and their constants
    "06 06 01 7f 00 20 00 0b": "opcode 0x20 cannot stand in the constant of a global at offset 0xd",
    "06 05 01 7f 00 41 00": "the global section ends inside a global at offset 0xf",
    "06 0a 01 7f 00 41 80 80 80 80 70 0b": "a global does not fit in 32 bits at offset 0xe",
    "06 0f 01 7e 00 42 80 80 80 80 80 80 80 80 80 01 0b": "a global does not fit in 64 bits"
    " at offset 0xe",
    "06 06 01 7f 00 fd 0d 0b": "opcode 0xfd cannot stand in the constant of a global at offset 0xd",
    "06 06 01 7f 00 fb 02 0b": "opcode 0xfb 0x02 cannot stand in the constant of a global"
    " at offset 0xd",
    # Exports and start
    "07 04 01 00 05 00": "0x05 is no kind of export at offset 0xc",
    "07 05 01 01 66 00 00": '"f" exports function 0, which is out of range: there are 0'
    " at offset 0xe",
    "05 03 01 00 01 07 09 02 01 6d 02 00 01 6d 02 00": '"m" is exported twice at offset 0x14',
    "08 01 00": "start function 0 is out of range: there are 0 at offset 0xa",
    # Segments
    "09 02 01 08": "1 element segments cannot fit in the 1 bytes left of the element section"
    " at offset 0xa",
    "09 03 01 08 00": "an element segment has unknown flags 8 at offset 0xb",
    "09 04 01 01 01 00": "an element segment has the unknown kind 0x01 at offset 0xc",
    "09 04 01 05 7f 00": "an element segment has type i32, which is no reference type"
    " at offset 0xc",
    "0c 01 01": "1 data segments are declared, but there are 0 at offset 0xb",
    "0c 01 01 0b 05 02 01 00 01 00": "1 data segments are declared, but there are 2 at offset 0x12",
    "0b 03 01 03 00": "a data segment has unknown flags 3 at offset 0xb",
    "0b 06 01 00 41 00 0b 01": "the data section ends inside a data segment at offset 0x10",
    "0b 07 02 00 41 00 0b 00 00": "the data section ends inside a data segment at offset 0x11",
    "0b 0b 01 00 41 80 80 80 80 80 00 0b 00": "a data segment is encoded in more than 5 bytes"
    " at offset 0xd",
    "0b 0a 01 00 41 80 80 80 80 70 0b 00": "a data segment does not fit in 32 bits at offset 0xd",
    "0b 07 01 00 41 00 0b 00 00": "the data section is 1 bytes longer than what it holds"
    " at offset 0x10",
    # Custom sections
    "00 01 05": "the custom section ends inside the name of a custom section at offset 0xb",
    "00 02 01 ff": "the name of a custom section is not UTF-8 at offset 0xb",
}


@pytest.mark.parametrize("sections", MALFORMED)
def test_malformed_sections_are_refused(sections: str) -> None:
    assert refusal(bytes.fromhex(HEADER + sections)) == f"a.wasm: {MALFORMED[sections]}"


@pytest.mark.parametrize("sections", MALFORMED)
def test_wasmtime_refuses_them_too(sections: str) -> None:
    config = wasmtime.Config()
    config.wasm_gc = True
    config.wasm_function_references = True
    config.wasm_custom_page_sizes = True
    config.wasm_exceptions = True
    config.wasm_threads = True
    with pytest.raises(wasmtime.WasmtimeError):
        wasmtime.Module.validate(wasmtime.Engine(config), bytes.fromhex(HEADER + sections))


@pytest.mark.parametrize("section", [*range(1, 8), 9, 10, 11])
def test_a_list_longer_than_its_section_is_refused_before_it_is_built(section: int) -> None:
    payload = b"\xff\xff\xff\xff\x0f" + bytes(60)
    data = bytes.fromhex(HEADER) + bytes([section, len(payload)]) + payload
    tracemalloc.start()
    try:
        assert "4294967295" in refusal(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty, not a WebAssembly module"),
        (b"\0as", "is truncated: it ends after 3 bytes, inside the header of a module"),
        (b"\0asm\1\0\0", "is truncated: it ends after 7 bytes, inside the header of a module"),
        (
            b"Hello, world\nbye",
            'is not a WebAssembly module (it starts with "Hello, world")',
        ),
        (
            b"\xca\xfe\xba\xbe\0\0\0\x34",
            "is not a WebAssembly module (it starts with ca fe ba be 00 00 00 34)",
        ),
        (
            b"\x1f\x8b\x08\0\0\0\0\0\0\3",
            (
                "is not a WebAssembly module (it starts with 1f 8b 08 00 00 00 00 00):"
                " it is gzip data: decompress it first"
            ),
        ),
        (
            b"<!doctype html>\n<html>",
            (
                'is not a WebAssembly module (it starts with "<!doctype html>"):'
                " it is a web page: was the download refused?"
            ),
        ),
        (
            b"#!/bin/sh\necho",
            (
                'is not a WebAssembly module (it starts with "#!/bin/sh"):'
                " it is a script: run its interpreter on it"
            ),
        ),
        (b"\0asm\2\0\0\0", "is WebAssembly of version 2; only version 1 is known here"),
        (
            b"\0asm\x0d\0\1\0\7\1\0",
            "is a WebAssembly component; wasix runs core modules: extract or build the core module",
        ),
        (
            b"(module)",
            "is WebAssembly text, not a binary module: assemble it first (wat2wasm)",
        ),
        (
            b";; hello ;)\n(; a; (b) ;)\n  ( module $m (func))",
            "is WebAssembly text, not a binary module: assemble it first (wat2wasm)",
        ),
        (b"(modular)", 'is not a WebAssembly module (it starts with "(modular)")'),
    ],
)
def test_what_is_no_module_is_named_for_what_it_is(data: bytes, text: str) -> None:
    assert refusal(data, "hello.txt") == f"hello.txt {text}"


def test_a_truncated_file_says_where_it_ends() -> None:
    data = bytes(
        wasmtime.wat2wasm('(module (func (export "f")) (memory 1) (data (i32.const 0) "x"))')
    )
    # A cut between two sections makes another fault, or none.
    whole = {8} | {section.offset + len(section.payload) for section in decode(data).sections}
    for length in set(range(8, len(data))) - whole:
        text = refusal(data[:length], "cut.wasm")
        assert text.startswith("cut.wasm is truncated: the ")
        assert "section" in text
    assert refusal(data[:12], "cut.wasm") == (
        "cut.wasm is truncated: the type section at offset 0x8 takes 4 bytes,"
        " but the file ends after 2 of them"
    )
    assert refusal(data[:9], "cut.wasm") == (
        "cut.wasm is truncated: the file ends inside the size of the type section at offset 0x8"
    )


def test_names_in_messages_cannot_break_the_line() -> None:
    text = refusal(bytes.fromhex(HEADER + "07 06 01 02 0a 1b 00 00"), "a\n.wasm")
    assert text == (
        'a\\n.wasm: "\\n\\x1b" exports function 0, which is out of range: there are 0 at offset 0xf'
    )


def test_too_many_sections_are_refused() -> None:
    assert refusal(bytes.fromhex(HEADER) + b"\0\1\0" * 100_001) == (
        f"a.wasm: there are more than 100000 sections at offset 0x{8 + 300_000:x}"
    )


def test_many_small_element_segments_take_no_copies_of_each_other() -> None:
    # Each segment claims to be long, so each could make the reader look at all that follows.
    segments = 50_000
    payload = b"\xd0\x86\x03" + b"\1\0\1\0" * segments
    data = bytes.fromhex(HEADER) + b"\x09\xc3\x9a\x0c" + payload
    assert len(decode(data).sections) == 1
