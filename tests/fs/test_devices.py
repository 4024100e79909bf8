"""Devices and a process's own descriptors under `/dev`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fs.systems import Ours
from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.fs.devices import Devices
from wasix.fs.file import READ, WRITE, OpenFile
from wasix.fs.inode import Access, Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace


class Machine:
    """A namespace with devices, and the descriptors of the one process on it."""

    def __init__(self, terminal: OpenFile | None = None) -> None:
        self.descriptors: dict[int, OpenFile] = {}
        self.files = MemoryFilesystem(lambda: 1)
        namespace = Namespace(self.files.root)
        devices = Devices(self.entropy, lambda: self.descriptors, lambda: terminal, lambda: 7)
        namespace.mount("/dev", devices.root())
        self.system = Ours(namespace)
        self.asked: list[int] = []

    def entropy(self, count: int) -> bytes:
        self.asked.append(count)
        return b"\xa5" * count

    def open(self, name: str) -> OpenFile:
        return self.system.open(f"dev/{name}", "", Access(write=True))


@pytest.fixture
def machine() -> Machine:
    return Machine()


def fill(file: OpenFile, *sizes: int) -> tuple[int, list[bytes]]:
    buffers = [bytearray(b"?" * size) for size in sizes]
    count = file.read([memoryview(buffer) for buffer in buffers])
    return count, [bytes(buffer) for buffer in buffers]


def test_null_is_at_its_end_and_takes_everything(machine: Machine) -> None:
    null = machine.open("null")
    assert fill(null, 5) == (0, [b"?????"])
    assert null.write([memoryview(b"abc"), memoryview(b"de")]) == 5


def test_zero_and_full_read_as_zeros(machine: Machine) -> None:
    for name in ("zero", "full"):
        assert fill(machine.open(name), 3, 0, 200_000) == (
            200_003,
            [b"\0" * 3, b"", bytes(200_000)],
        )
    assert machine.open("zero").write([memoryview(b"abc")]) == 3


def test_full_has_no_room(machine: Machine) -> None:
    full = machine.open("full")
    assert full.write([memoryview(b"")]) == 0
    with pytest.raises(Errno) as caught:
        full.write([memoryview(b"x")])
    assert caught.value.code is E.NOSPC


@pytest.mark.parametrize("name", ["random", "urandom"])
def test_random_comes_from_the_hosts_entropy(machine: Machine, name: str) -> None:
    random = machine.open(name)
    assert fill(random, 3, 100_000) == (100_003, [b"\xa5" * 3, b"\xa5" * 100_000])
    assert sum(machine.asked) == 100_003
    assert random.write([memoryview(b"ignored")]) == 7


def test_one_read_of_random_data_is_bounded(machine: Machine) -> None:
    count, (first, second) = fill(machine.open("random"), 1 << 25, 10)
    assert count == (1 << 25) - 1
    assert (first[-2:], second) == (b"\xa5?", b"?" * 10)


@pytest.mark.parametrize("name", ["null", "zero", "full", "random"])
def test_seeking_succeeds_and_stays_as_on_linux(machine: Machine, name: str) -> None:
    file = machine.open(name)
    assert [file.seek(5, whence) for whence in ("set", "cur", "end")] == [0, 0, 0]
    buffer = memoryview(bytearray(2))
    assert file.pread([buffer], 99) == (0 if name == "null" else 2)
    assert file.stat().filetype == Filetype.CHARACTER_DEVICE
    for event in (READ, WRITE):
        assert file.ready(event) is not None
    with pytest.raises(Errno):
        file.set_size(0)


def test_the_terminal(machine: Machine) -> None:
    with pytest.raises(Errno) as caught:
        machine.open("tty")
    assert caught.value.code is E.NXIO
    terminal = OpenFile()
    assert Machine(terminal).open("tty") is terminal


def test_standard_streams_open_what_the_process_has(machine: Machine) -> None:
    files = [OpenFile() for _ in range(3)]
    machine.descriptors.update(enumerate(files))
    for name, file in zip(("stdin", "stdout", "stderr"), files, strict=True):
        assert machine.open(name) is file
        assert machine.system.lstat(f"dev/{name}") == ("link", 1, 0)
    del machine.descriptors[0]
    assert machine.system.read("dev/stdin") == "noent"
    with pytest.raises(Errno) as caught:
        machine.system.open("dev/stdout", "N")
    assert caught.value.code is E.LOOP


def test_fd_lists_and_opens_the_numbers(machine: Machine) -> None:
    regular = machine.system.open("f", "C", Access(write=True))
    regular.write([memoryview(b"hello")])
    machine.descriptors |= {0: OpenFile(), 12: regular, 3: OpenFile()}
    file = machine.system.open("dev/fd", directory=True)
    entries = list(file.entries(0) or ())
    assert [entry.name for entry in entries] == [".", "..", "0", "3", "12"]
    assert entries[-1].filetype == Filetype.REGULAR_FILE
    assert machine.open("fd/12") is regular
    assert machine.system.stat("dev/fd/12") == ("file", 1, 5)
    del machine.descriptors[3]
    assert [entry.name for entry in file.entries(entries[2].next) or ()] == ["12"]


@pytest.mark.parametrize(
    "name", ["1", "00", "+0", " 0", "0x0", "-0", "\u0660", "", "9" * 200, "\u00b2"]
)
def test_only_the_number_itself_names_a_descriptor(machine: Machine, name: str) -> None:
    machine.descriptors[0] = OpenFile()
    assert machine.system.stat(f"dev/fd/{name}") == ("noent" if name else ("directory", 1, 0))


def test_a_directory_among_the_descriptors_can_be_entered(machine: Machine) -> None:
    machine.files.add_file("d/f", b"inside")
    machine.descriptors[5] = machine.system.open("d", directory=True)
    assert machine.system.read("dev/fd/5/f") == b"inside"
    assert machine.system.list("dev/fd/5/../5") == machine.system.list("d")


CHANGES: dict[str, Callable[[Ours], object]] = {
    "create": lambda system: system.write("dev/new", b"", "C"),
    "mkdir": lambda system: system.mkdir("dev/new"),
    "symlink": lambda system: system.symlink("x", "dev/new"),
    "link": lambda system: system.link("dev/null", "dev/new"),
    "unlink": lambda system: system.unlink("dev/null"),
    "rename": lambda system: system.rename("dev/null", "dev/zero"),
    "rmdir": lambda system: system.rmdir("dev/fd"),
    "create in fd": lambda system: system.write("dev/fd/7", b"", "C"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_there_can_be_changed(machine: Machine, name: str) -> None:
    before = machine.system.list("dev")
    assert CHANGES[name](machine.system) == "rofs"
    assert machine.system.list("dev") == before
    directory = machine.system.namespace.lookup(machine.files.root, "dev")
    assert isinstance(directory, Directory)
    with pytest.raises(Errno) as caught:
        directory.set_times(1, 1)
    assert caught.value.code is E.ROFS


def test_directories_open_for_reading_only(machine: Machine) -> None:
    for path in ("dev", "dev/fd"):
        assert machine.system.write(path, b"", "") == "isdir"


def test_cookies_of_the_listing_continue_it(machine: Machine) -> None:
    file = machine.system.open("dev", directory=True)
    entries = list(file.entries(0) or ())
    streams = ["stdin", "stdout", "stderr"]
    names = [".", "..", "null", "zero", "full", "random", "urandom", "tty", *streams, "fd"]
    assert sorted(entry.name for entry in entries) == sorted(names)
    for place, entry in enumerate(entries, 1):
        assert list(file.entries(entry.next) or ()) == entries[place:]
