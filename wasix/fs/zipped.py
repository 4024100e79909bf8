"""Zip archives as images. A compressed member is unpacked into memory when it is first read."""

from __future__ import annotations

import stat
import struct
import threading
import zipfile
import zlib
from calendar import timegm
from collections.abc import Iterator, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from wasix.abi import E, Errno
from wasix.fs.archive import ArchiveError, Builder, Source, Stored, reader
from wasix.fs.file import MAX_OFFSET
from wasix.fs.image import ImageFile, ImageSymlink
from wasix.fs.path import MAX_PATH

_CHUNK = 1 << 16
_KEPT = 16 << 20
"""Bytes that stay unpacked when no one has their members open any more."""
_MOST_DIRECTORY = 64 << 20
"""Bytes of a central directory: its members take twenty times as much in memory."""
_ENCRYPTED = 1
_UTF_8 = 1 << 11
_1601 = 116_444_736_000_000_000
"""From then to 1970, in units of 100 nanoseconds."""
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


def read_zip(source: Source, builder: Builder, limit: int) -> None:
    """Put all members into `builder`. At most `limit` bytes of open ones are unpacked at once."""
    _check_directory(source, builder)
    unpacked = _Unpacked(source, limit)
    with zipfile.ZipFile(reader(source)) as archive:
        for member in archive.infolist():
            _put(member, builder, unpacked)


def _check_directory(source: Source, builder: Builder) -> None:
    """Refuse an archive whose directory would not fit into memory."""
    tail = bytes(source.read(max(0, source.size - (1 << 17)), 1 << 17))
    for signature, at, form in ((b"PK\5\6", 12, "<L"), (b"PK\6\6", 40, "<Q")):
        place = tail.find(signature)
        while place >= 0:
            field = tail[place + at :][: struct.calcsize(form)]
            if len(field) == struct.calcsize(form):
                (size,) = struct.unpack(form, field)
                if _MOST_DIRECTORY < size != 0xFFFFFFFF:
                    raise ArchiveError(
                        f"{builder.name}: its directory is greater than {_MOST_DIRECTORY} bytes: "
                        "unpack it, and mount what it holds"
                    )
            place = tail.find(signature, place + 1)


def _put(member: zipfile.ZipInfo, builder: Builder, unpacked: _Unpacked) -> None:
    name, time = _name(member), _time(member)
    if member.flag_bits & _ENCRYPTED:
        raise builder.error(name, "is encrypted: unpack it, and mount the directory")
    if member.compress_type not in _METHODS:
        method = member.compress_type
        raise builder.error(name, f"is compressed by method {method}: pack it again with deflate")
    if not 0 <= member.file_size <= MAX_OFFSET:
        raise builder.error(name, "has a damaged header")
    kind = stat.S_IFMT(member.external_attr >> 16)
    content = Member(member, unpacked)
    if name.endswith("/") or kind == stat.S_IFDIR:
        builder.put_directory(name, time)
    elif kind == stat.S_IFLNK:
        if member.file_size > MAX_PATH:
            raise builder.error(name, "is a link longer than any path")
        builder.put(name, ImageSymlink(builder.image.tree, time, content))
    elif kind in (0, stat.S_IFREG):
        builder.put(name, ImageFile(builder.image.tree, time, content))


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name. Many write UTF-8 without saying so, which `zipfile` takes for CP437."""
    if member.flag_bits & _UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _time(member: zipfile.ZipInfo) -> int:
    """Nanoseconds since 1970: of an extra field if there is one, else to two seconds, as in UTC."""
    extra, place = member.extra, 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        field = extra[place + 4 : place + 4 + size]
        place += 4 + size
        if kind == 0x5455 and len(field) >= 5 and field[0] & 1:  # Info-ZIP's
            return int.from_bytes(field[1:5], "little", signed=True) * 10**9
        if kind == 0x000A and len(field) >= 16 and field[4:8] == b"\1\0\x18\0":  # NTFS's
            return (int.from_bytes(field[8:16], "little") - _1601) * 100
    try:
        return timegm((*member.date_time, 0, 0, 0)) * 10**9
    except ValueError:  # a month 0, where nothing was to be said
        return 0


class _Unpacked:
    """The unpacked members of an archive: how much they may take, and what is worth keeping.

    Several sandboxes, each with a lock of its own, may use one image at the same time: so `lock` is
    held wherever this or what is unpacked changes.
    """

    def __init__(self, source: Source, limit: int) -> None:
        self.source = source
        self.limit = limit
        self.lock = threading.Lock()
        self.used = 0
        self._kept = 0
        # Held weakly, because members hold this.
        self._closed: WeakKeyDictionary[Member, int] = WeakKeyDictionary()
        """Unpacked members that no one has open, with their sizes; oldest first."""

    def make_room(self, size: int) -> None:
        """Take `size` bytes; `nomem` if what is open leaves no room for them."""
        while self._closed and size > self.limit - self.used:
            self._drop_oldest()
        if size > self.limit - self.used:
            raise Errno(E.NOMEM)
        self.used += size

    def closed(self, member: Member) -> None:
        """No one has `member` open any more."""
        self._closed[member] = member.size
        self._kept += member.size
        while self._kept > _KEPT:
            self._drop_oldest()

    def opened(self, member: Member) -> None:
        self._kept -= self._closed.pop(member, 0)

    def _drop_oldest(self) -> None:
        member = next(iter(self._closed))
        size = self._closed.pop(member)
        self._kept -= size
        self.used -= size
        member.data = None


class Member:
    """The content of a member. See `wasix.fs.image.Content`."""

    __slots__ = (
        "__weakref__",
        "_crc",
        "_header",
        "_method",
        "_openings",
        "_packed",
        "_unpacked",
        "data",
        "size",
    )

    def __init__(self, member: zipfile.ZipInfo, unpacked: _Unpacked) -> None:
        self.size = member.file_size
        self.data: memoryview | Stored | None = None
        self._unpacked = unpacked
        self._openings = 0
        self._crc = member.CRC
        self._header = member.header_offset
        self._method = member.compress_type
        self._packed = member.compress_size

    def open(self) -> None:
        with self._unpacked.lock:
            self._openings += 1
            self._unpacked.opened(self)

    def close(self) -> None:
        with self._unpacked.lock:
            self._openings -= 1
            if not self._openings and isinstance(self.data, memoryview):
                self._unpacked.closed(self)

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        """Raises `io` for a damaged member, `nomem` for one that is too large to be unpacked."""
        data = self.data
        if data is None:
            try:
                data = self._load()
            except Errno:
                raise
            # Each decompressor has errors of its own.
            except Exception as error:
                raise Errno(E.IO) from error
        if isinstance(data, Stored):
            return data.read_at(buffers, offset)
        start = offset
        for buffer in buffers:
            piece = data[offset : offset + len(buffer)]
            buffer[: len(piece)] = piece
            offset += len(piece)
        return offset - start

    def extents(self) -> Iterator[tuple[int, int]]:
        yield 0, self.size

    def _load(self) -> memoryview | Stored:
        with self._unpacked.lock:
            if self.data is None:
                self.data = self._find()
            return self.data

    def _find(self) -> memoryview | Stored:
        header = bytes(self._unpacked.source.read(self._header, 30))
        if header[:4] != b"PK\3\4":
            raise Errno(E.IO)
        start = self._header + 30 + sum(struct.unpack_from("<HH", header, 26))
        if self._method == zipfile.ZIP_STORED:
            return Stored(self._unpacked.source, start, self.size)
        self._unpacked.make_room(self.size)
        try:
            data = self._unpack(start)
            if zlib.crc32(data) != self._crc:
                raise Errno(E.IO)
        except BaseException:
            self._unpacked.used -= self.size
            raise
        return memoryview(data)

    def _unpack(self, start: int) -> bytes:
        """Never more than was declared, whatever the data would unpack to."""
        end = start + self._packed
        if self._method == zipfile.ZIP_LZMA:
            start, decompressor = self._lzma(start)
        else:
            decompressor = _Deflate() if self._method == zipfile.ZIP_DEFLATED else _bzip2()
        parts, left = [], self.size + 1
        while left and not decompressor.eof:
            packed = b""
            if decompressor.needs_input:
                packed = bytes(self._unpacked.source.read(start, min(_CHUNK, end - start)))
                if not packed:
                    break
                start += len(packed)
            parts.append(decompressor.decompress(packed, left))
            left -= len(parts[-1])
        if left != 1:
            raise Errno(E.IO)
        return b"".join(parts)

    def _lzma(self, start: int) -> tuple[int, _Decompressor]:
        import lzma

        (length,) = struct.unpack("<H", self._unpacked.source.read(start + 2, 2))
        settings, dictionary = struct.unpack("<BL", self._unpacked.source.read(start + 4, 5))
        filters = {
            "id": lzma.FILTER_LZMA1,
            "lc": settings % 9,
            "lp": settings // 9 % 5,
            "pb": settings // 45,
            # A greater one than the content would be of no use, but is allocated.
            "dict_size": max(4096, min(dictionary, self.size)),
        }
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
        return start + 4 + length, decompressor


class _Decompressor(Protocol):
    """As in `bz2` and `lzma`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _bzip2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


class _Deflate:
    """`zlib` with the interface of its siblings."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(-15)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)
