"""The encoders write what the decoder reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.wasm import DecodeError, Limits, ReferenceType, binary
from engines.wasm.reader import Reader
from engines.wasm.readtypes import TypeReader
from engines.wasm.types import ValueType


def reading(data: bytes) -> Reader:
    return Reader(data, "a.wasm", 0, "the test")


@given(st.integers(0, (1 << 64) - 1))
def test_unsigned_integers_come_back(value: int) -> None:
    reader = reading(binary.unsigned_leb(value))
    assert reader.unsigned(64, "a number") == value
    reader.finish()


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_signed_integers_come_back(value: int) -> None:
    reader = reading(binary.signed_leb(value))
    assert reader.signed(64, "a number") == value
    reader.finish()


def test_a_negative_number_has_no_unsigned_encoding() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        binary.unsigned_leb(-1)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("7f", 127),
        ("8000", 0),
        ("e58e26", 624485),
        ("8080808000", 0),
        ("ffffffff0f", (1 << 32) - 1),
    ],
)
def test_unsigned_integers_may_be_longer_than_needed(encoded: str, value: int) -> None:
    assert reading(bytes.fromhex(encoded)).u32("a number") == value


@pytest.mark.parametrize(
    ("encoded", "fault"),
    [
        ("808080808000", "a number is encoded in more than 5 bytes at offset 0x0"),
        ("ffffffff1f", "a number does not fit in 32 bits at offset 0x0"),
        ("8080808010", "a number does not fit in 32 bits at offset 0x0"),
        ("8080", "the test ends inside a number at offset 0x2"),
        ("", "the test ends inside a number at offset 0x0"),
    ],
)
def test_unsigned_integers_out_of_range_are_refused(encoded: str, fault: str) -> None:
    with pytest.raises(DecodeError) as caught:
        reading(bytes.fromhex(encoded)).u32("a number")
    assert str(caught.value) == f"a.wasm: {fault}"


@pytest.mark.parametrize(
    ("encoded", "value"),
    [("7f", -1), ("ffffffff7f", -1), ("8080808078", -(1 << 31)), ("ffffffff07", (1 << 31) - 1)],
)
def test_signed_integers_extend_their_sign(encoded: str, value: int) -> None:
    assert reading(bytes.fromhex(encoded)).signed(32, "a number") == value


@pytest.mark.parametrize("encoded", ["ffffffff0f", "8080808070", "ffffffff4f", "ffffffffff7f"])
def test_signed_integers_with_other_bits_set_are_refused(encoded: str) -> None:
    with pytest.raises(DecodeError):
        reading(bytes.fromhex(encoded)).signed(32, "a number")


@given(st.text())
def test_names_come_back(text: str) -> None:
    reader = reading(binary.name(text))
    assert reader.name("a name") == text
    reader.finish()


VALUE_TYPES = [
    *map(ValueType, binary.NUMBER_CODES),
    *(ReferenceType(heap, nullable) for heap in binary.HEAP_CODES for nullable in (True, False)),
    ReferenceType(0),
    ReferenceType(199, nullable=False),
]


@pytest.mark.parametrize("value", VALUE_TYPES, ids=str)
def test_value_types_come_back(value: ValueType) -> None:
    reader = TypeReader(binary.value_type(value), "a.wasm", 0, "the test", known=200)
    assert reader.value_type("a value") == value
    reader.finish()


@pytest.mark.parametrize(
    "limits",
    [
        Limits(0),
        Limits(1, 65536),
        Limits(1, 2, shared=True),
        Limits(1 << 40, 1 << 41, is64=True),
        Limits(5, page_size_log2=0),
        Limits(5, 6, shared=True, is64=True, page_size_log2=0),
    ],
    ids=str,
)
def test_limits_come_back(limits: Limits) -> None:
    reader = TypeReader(binary.limits(limits), "a.wasm", 0, "the test", known=0)
    assert reader.limits("a memory", memory=True) == limits
    reader.finish()


@given(st.lists(st.integers(0, (1 << 32) - 1), max_size=30), st.binary(max_size=3))
def test_runs_of_integers_are_read_and_skipped_alike(values: list[int], rest: bytes) -> None:
    data = b"".join(map(binary.unsigned_leb, values)) + rest
    reading_all, skipping = reading(data), reading(data)
    assert reading_all.u32s(len(values), "numbers") == values
    skipping.skip_u32s(len(values), "numbers")
    assert reading_all.pos == skipping.pos == len(data) - len(rest)


@pytest.mark.parametrize(
    ("encoded", "count"),
    [("808080808000", 1), ("00 ffffffff1f", 2), ("ffffffffff0f", 1), ("00 80", 2), ("00", 2)],
)
def test_a_damaged_run_of_integers_is_refused_when_skipped(encoded: str, count: int) -> None:
    with pytest.raises(DecodeError):
        reading(bytes.fromhex(encoded)).skip_u32s(count, "numbers")
