"""Reads over element and data segments, checking their form (§5.5.12, §5.5.14).

Nothing of them is kept: what they hold is for the engine.
"""

from engines.wasm.constexpr import END, I32_CONST, skip_expression
from engines.wasm.readtypes import TypeReader
from engines.wasm.types import Feature

# Bits of the flags that an element segment starts with.
NOT_ACTIVE = 1
EXPLICIT = 2
EXPRESSIONS = 4

# Flags of a data segment.
DATA_PASSIVE = 1
DATA_EXPLICIT = 2


def skip_elements(reader: TypeReader, features: set[Feature]) -> None:
    """Read over the element section, adding the proposals it shows to `features`."""
    for _ in range(reader.count("element segments", smallest=2)):
        start = reader.pos
        flags = reader.u32("an element segment")
        if flags > NOT_ACTIVE | EXPLICIT | EXPRESSIONS:
            raise reader.fault(f"an element segment has unknown flags {flags}", start)
        if flags & NOT_ACTIVE:
            # Passive segments came with bulk memory operations, declared ones with references.
            features.add("reference-types" if flags & EXPLICIT else "bulk-memory")
        else:
            if flags & EXPLICIT:
                reader.u32("the table of an element segment")
            skip_expression(reader, "an element segment", features)
        typed = flags & (NOT_ACTIVE | EXPLICIT)
        if flags & EXPRESSIONS:
            features.add("reference-types")
            if typed:
                reader.reference_type("an element segment")
            for _ in range(reader.count("elements")):
                skip_expression(reader, "an element", features)
            continue
        if typed:
            start = reader.pos
            kind = reader.byte("an element segment")
            if kind:
                raise reader.fault(f"an element segment has the unknown kind 0x{kind:02x}", start)
        reader.skip_u32s(reader.count("elements"), "an element")


def skip_data(reader: TypeReader, features: set[Feature], count: int) -> None:
    """Read over the `count` segments of the data section, as `skip_elements` does."""
    left = count
    while left:
        left -= _skip_plain_data(reader, left)
        if not left:
            return
        left -= 1
        start = reader.pos
        flags = reader.u32("a data segment")
        if flags > DATA_EXPLICIT:
            raise reader.fault(f"a data segment has unknown flags {flags}", start)
        if flags == DATA_PASSIVE:
            features.add("bulk-memory")
        else:
            if flags == DATA_EXPLICIT:
                reader.u32("the memory of a data segment")
            skip_expression(reader, "a data segment", features)
        reader.take(reader.u32("the length of a data segment"), "a data segment")


def _skip_plain_data(reader: TypeReader, most: int) -> int:
    """Read over up to `most` segments of the usual kind, and say how many there were.

    Usual is: active, in memory 0, at a constant of up to four bytes, shorter than 2 MiB. Programs
    whose memory was laid out before they were packed have 60,000 of them, and this loop takes a
    fifth of the time of the plain one; whatever it does not understand, it leaves to that.
    """
    data = reader.data
    end = reader.end
    pos = reader.pos
    done = 0
    try:
        while done < most:
            if data[pos] or data[pos + 1] != I32_CONST:
                break
            at = pos + 2
            while data[at] > 0x7F:
                at += 1
            if at - pos > 5 or data[at + 1] != END:
                break
            length = data[at + 2]
            at += 3
            if length > 0x7F:
                byte = data[at]
                at += 1
                length += (byte << 7) - 0x80
                if byte > 0x7F:
                    byte = data[at]
                    at += 1
                    length += (byte << 14) - 0x4000
                    if byte > 0x7F:
                        break
            at += length
            if at > end:
                break
            pos = at
            done += 1
    except IndexError:
        pass
    reader.pos = pos
    return done
