"""Threads as the kernel has them: beginning, ending, joining, signals; without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.calls.conftest import Guest, make_guest
from wasix.abi import THREADS, UNWIND, UPCALL, WASIX, E, Errno, Function, Unwind
from wasix.abi.instance import Signature, Snapshot, Upcall
from wasix.abi.memory import DirectMemory
from wasix.calls import HANDLERS
from wasix.fs.file import OpenFile
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.library import Library
from wasix.proc.process import MOST_THREADS, STATUS_TRAP, Process, Thread
from wasix.proc.program import Loading
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

FUNCTIONS = {function.name: function for function in (*WASIX.functions, *THREADS.functions)}


@dataclass
class Started:
    """A `Programs` that notes what is to be started."""

    threads: list[tuple[Thread, Thread, int]] = field(default_factory=list)
    error: Errno | None = None

    def load(self, name: str, file: OpenFile) -> Loading:
        raise NotImplementedError

    def load_library(self, process: Process, name: str, file: OpenFile) -> Loading:
        raise NotImplementedError

    def start(self, process: Process, snapshot: Snapshot | None = None) -> None:
        raise NotImplementedError

    def start_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        if self.error is not None:
            raise self.error
        self.threads.append((thread, starter, argument))


@dataclass(frozen=True)
class Program:
    name: str = "program"
    suspends: bool = False
    wasix: bool = True
    threaded: bool = True
    links: bool = False

    def closure(self, signature: Signature) -> object:
        return signature

    def library(self) -> Library:
        raise NotImplementedError

    def stubs(self, signatures: tuple[Signature | None, ...]) -> object:
        return signatures

    def exports(self, name: str) -> bool:
        return self.threaded and name == "wasi_thread_start"


@dataclass
class Threaded:
    guest: Guest
    programs: Started
    bytes: bytearray

    @property
    def process(self) -> Process:
        return self.guest.process

    def call(self, thread: Thread, name: str, *args: object) -> object:
        return HANDLERS[name](thread, *args)

    def spawn(self, argument: int = 0) -> Thread:
        tid = self.call(self.process.main, "thread_spawn", argument)
        assert isinstance(tid, int)
        return self.process.threads[tid]


@pytest.fixture
def threaded() -> Threaded:
    guest = make_guest()
    programs = Started()
    guest.process.kernel.programs = programs
    guest.process.program = Program()
    memory = bytearray(1024)
    guest.process.main.memory = DirectMemory(memoryview(memory))
    return Threaded(guest, programs, memory)


def test_the_main_threads_number_is_the_process_s(threaded: Threaded) -> None:
    assert threaded.call(threaded.process.main, "thread_id") == threaded.process.pid


def test_a_thread_is_started_with_its_argument(threaded: Threaded) -> None:
    main = threaded.process.main
    tid = threaded.call(main, "thread_spawn_v2", 64)
    [(thread, starter, argument)] = threaded.programs.threads
    assert (thread.tid, starter, argument) == (tid, main, 64)
    assert threaded.call(thread, "thread_id") == tid != threaded.process.pid


def test_numbers_are_shared_with_processes(threaded: Threaded) -> None:
    first, second = threaded.spawn(), threaded.spawn()
    other = threaded.process.kernel.process([b"other"], {}, [], {})
    assert len({threaded.process.pid, first.tid, second.tid, other.pid}) == 4


def test_the_start_structure_must_be_in_memory(threaded: Threaded) -> None:
    with pytest.raises(Errno) as raised:
        threaded.call(threaded.process.main, "thread_spawn_v2", 1024 - 63)
    assert raised.value.code == E.FAULT
    assert not threaded.programs.threads


def test_a_program_without_an_entry_has_no_threads(threaded: Threaded) -> None:
    threaded.process.program = Program(threaded=False)
    with pytest.raises(Errno) as raised:
        threaded.spawn()
    assert raised.value.code == E.NOTCAPABLE


def test_what_an_engine_cannot_start_is_no_thread(threaded: Threaded) -> None:
    threaded.programs.error = Errno(E.NOTSUP)
    with pytest.raises(Errno) as raised:
        threaded.spawn()
    assert raised.value.code == E.NOTSUP
    assert list(threaded.process.threads) == [threaded.process.pid]


def test_a_kernel_without_programs_starts_none(threaded: Threaded) -> None:
    threaded.process.kernel.programs = None
    with pytest.raises(Errno) as raised:
        threaded.spawn()
    assert raised.value.code == E.NOTSUP


def test_there_is_a_bound(threaded: Threaded) -> None:
    threads = [threaded.spawn() for _ in range(MOST_THREADS - 1)]
    with pytest.raises(Errno) as raised:
        threaded.spawn()
    assert raised.value.code == E.AGAIN
    with pytest.raises(Unwind):
        threaded.call(threads[0], "thread_exit", 0)
    threaded.spawn()


def test_errors_of_the_plain_call_are_negative(threaded: Threaded) -> None:
    threaded.programs.error = Errno(E.NOTSUP)
    entry = threaded.process.kernel.direct(FUNCTIONS["thread-spawn"], threaded.process.main)
    memory = memoryview(threaded.bytes)
    assert entry(memory, (0,)) == -E.NOTSUP
    threaded.programs.error = None
    assert entry(memory, (0,)) in threaded.process.threads


def test_the_process_goes_on_without_its_main_thread(threaded: Threaded) -> None:
    process, main = threaded.process, threaded.process.main
    other = threaded.spawn()
    with pytest.raises(Unwind):
        threaded.call(main, "thread_exit", 0)
    assert process.status is None
    process.deliver(Signal.CHLD)
    with pytest.raises(Unwind):
        threaded.call(other, "thread_exit", 5)
    assert process.status == 0


def test_the_last_threads_end_is_the_process_s(threaded: Threaded) -> None:
    with pytest.raises(Unwind):
        threaded.call(threaded.process.main, "thread_exit", 7)
    assert threaded.process.status == 0


def test_joining(threaded: Threaded) -> None:
    main, other = threaded.process.main, threaded.spawn()
    with pytest.raises(Block) as block:
        threaded.call(main, "thread_join", other.tid)
    assert block.value.queues == (other.ended,)
    with pytest.raises(Unwind):
        threaded.call(other, "thread_exit", 0)
    assert threaded.call(main, "thread_join", other.tid) is None
    assert threaded.call(main, "thread_join", 4711) is None


def test_the_main_thread_can_be_joined(threaded: Threaded) -> None:
    main, other = threaded.process.main, threaded.spawn()
    with pytest.raises(Block):
        threaded.call(other, "thread_join", main.tid)
    with pytest.raises(Unwind):
        threaded.call(main, "thread_exit", 0)
    assert threaded.call(other, "thread_join", main.tid) is None


def test_nobody_waits_for_itself(threaded: Threaded) -> None:
    main = threaded.process.main
    with pytest.raises(Errno) as raised:
        threaded.call(main, "thread_join", main.tid)
    assert raised.value.code == E.DEADLK


def test_parallelism_is_the_hosts(threaded: Threaded) -> None:
    assert threaded.call(threaded.process.main, "thread_parallelism") == 3


def test_a_signal_for_a_thread_is_taken_by_that_thread(threaded: Threaded) -> None:
    process, other = threaded.process, threaded.spawn()
    process.callback = "signal"
    threaded.call(process.main, "thread_signal", other.tid, "usr1")
    assert process.main.take_signal() is None
    assert other.attention
    assert other.take_signal() is Signal.USR1
    assert other.take_signal() is None


@pytest.mark.parametrize(
    ("name", "status"), [("term", 143), ("kill", 137), ("chld", None), ("none", None)]
)
def test_what_is_not_caught_is_done_to_the_process(
    threaded: Threaded, name: str, status: int | None
) -> None:
    process, other = threaded.process, threaded.spawn()
    process.callback = "signal" if name == "kill" else None
    if status is None:
        threaded.call(process.main, "thread_signal", other.tid, name)
    else:
        with pytest.raises(Unwind):
            threaded.call(process.main, "thread_signal", other.tid, name)
    assert process.status == status


def test_a_signal_to_a_thread_that_is_not_there(threaded: Threaded) -> None:
    for name in ("usr1", "none"):
        with pytest.raises(Errno) as raised:
            threaded.call(threaded.process.main, "thread_signal", 4711, name)
        assert raised.value.code == E.SRCH


def test_libcs_number_for_the_main_thread(threaded: Threaded) -> None:
    threaded.process.callback = "signal"
    threaded.call(threaded.spawn(), "thread_signal", 0x3FFFFFFF, "usr2")
    assert threaded.process.main.take_signal() is Signal.USR2


# With carriers, on OS threads.


class Runner:
    """An engine's thread that is in one system call."""

    def __init__(self, threaded: Threaded, thread: Thread, function: Function, *args: int) -> None:
        self.carrier = OsThreadCarrier(thread)
        entry = self.carrier.entry(function)
        memory = memoryview(threaded.bytes)
        self.answer: int | None = None

        def run() -> None:
            self.answer = entry(memory, args)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def end(self) -> int | None:
        self.thread.join(10)
        return self.answer


def parked(threaded: Threaded, condition: Callable[[], bool]) -> None:
    """Wait for other threads to have got somewhere, without a look at a clock."""
    lock = threaded.process.kernel.lock
    while True:
        with lock:
            if condition():
                return


WAITS: dict[str, tuple[int, ...]] = {
    "futex_wait": (64, 0, 128, 192),
    "thread_join": (-1,),
    "fd_read": (0, 256, 1, 264),
}
"""Calls that wait, with arguments; -1 stands for the number of the main thread."""


def arguments(threaded: Threaded, name: str) -> tuple[int, ...]:
    return tuple(threaded.process.pid if value == -1 else value for value in WAITS[name])


@pytest.mark.parametrize("name", WAITS)
def test_the_end_of_the_process_frees_every_waiter(threaded: Threaded, name: str) -> None:
    threaded.bytes[256:264] = (512).to_bytes(4, "little") + (8).to_bytes(4, "little")
    threads = [threaded.spawn() for _ in range(3)]
    runners = [
        Runner(threaded, thread, FUNCTIONS[name], *arguments(threaded, name)) for thread in threads
    ]
    for thread in threads:
        parked(threaded, lambda thread=thread: not _idle(threaded, thread, name))  # type: ignore[misc]
    with threaded.process.kernel.lock:
        threaded.process.exit(STATUS_TRAP, "trap")
    assert [runner.end() for runner in runners] == [UNWIND] * 3


def _idle(threaded: Threaded, thread: Thread, name: str) -> bool:
    if name == "futex_wait":
        return "waiter" not in thread.call
    if name == "thread_join":
        return len(threaded.process.main.ended) < 3
    return False


def test_a_wake_reaches_another_os_thread(threaded: Threaded) -> None:
    main, other = threaded.process.main, threaded.spawn()
    runner = Runner(threaded, other, FUNCTIONS["futex_wait"], 64, 0, 128, 192)
    parked(threaded, lambda: len(main.futexes) == 1)
    with threaded.process.kernel.lock:
        assert threaded.call(main, "futex_wake", 64) is True
    assert runner.end() == 0
    assert threaded.bytes[192] == 1


def test_a_signal_comes_while_a_thread_waits_at_a_futex_and_the_wait_goes_on(
    threaded: Threaded,
) -> None:
    process, main, other = threaded.process, threaded.process.main, threaded.spawn()
    process.callback = "signal"
    runner = Runner(threaded, other, FUNCTIONS["futex_wait"], 64, 0, 128, 192)
    parked(threaded, lambda: len(main.futexes) == 1)
    with process.kernel.lock:
        threaded.call(main, "thread_signal", other.tid, "usr1")
    assert runner.end() == UPCALL
    assert runner.carrier.upcall() == Upcall("signal", (int(Signal.USR1),))
    # Woken meanwhile, it does not wait again when the signal's function has returned.
    with process.kernel.lock:
        assert threaded.call(main, "futex_wake", 64) is True
    assert runner.carrier.proceed(memoryview(threaded.bytes)) == 0
    assert threaded.bytes[192] == 1
