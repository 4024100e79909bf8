"""Processes without an engine: how they begin, become other programs, end, and are waited for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.calls.conftest import Guest, make_guest
from tests.calls.programs import MAGIC, FakePrograms, FakeSuspended, with_programs
from wasix.abi import E, Errno, Unwind
from wasix.abi.memory import DirectMemory
from wasix.abi.wasix_types import ErrnoSignal, ProcessHandles, SpawnFdOp
from wasix.calls import HANDLERS
from wasix.proc.process import Process, Thread
from wasix.proc.signal import Signal
from wasix.proc.wait import Block, Suspend

Args = tuple[object, ...]
ANY = (0, None)
TOOL = {"tool": MAGIC, "other": MAGIC}
NO_OPS: list[SpawnFdOp] = []


@pytest.fixture
def programs(guest: Guest) -> FakePrograms:
    return with_programs(guest, TOOL)


def call(thread: Thread, name: str, *args: object) -> object:
    return HANDLERS[name](thread, *args)


def errno(thread: Thread, name: str, *args: object) -> E:
    with pytest.raises(Errno) as caught:
        call(thread, name, *args)
    return caught.value.code


def spawn(
    guest: Guest, name: str = "/bin/tool", *args: str, ops: Sequence[SpawnFdOp] = ()
) -> Process:
    lines = "\n".join((name, *args))
    pid = guest.call("proc_spawn2", name, lines, None, list(ops), [], 1, None)
    assert isinstance(pid, int)
    return guest.process.kernel.processes[pid]


def op(
    cmd: int, fd: int = 0, src: int = 0, path: tuple[int, int] = (0, 0), rights: int = 0
) -> SpawnFdOp:
    return SpawnFdOp(cmd, fd, src, *path, 0, 0, rights, 0, 0, 0)


CLOSE, DUP2, OPEN, CHDIR = range(4)


def test_a_child_has_what_its_parent_has(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest, "/bin/tool", "a b", "", "c")
    assert child.args == [b"/bin/tool", b"a b", b"", b"c"]
    assert child.environ == [b"A=1"]
    assert child.cwd == guest.process.cwd
    assert sorted(child.descriptors.entries) == sorted(guest.process.descriptors.entries)
    assert child.descriptors.file(1) is guest.process.descriptors.file(1)
    assert [process for process, _ in programs.started] == [child]
    assert guest.call("proc_parent", child.pid) == guest.process.pid
    assert guest.call("proc_parent", guest.process.pid) == 0


def test_an_environment_that_is_given_replaces_the_parents(
    guest: Guest, programs: FakePrograms
) -> None:
    args, envs = [b"tool"], [b"X=1", b"Y=a\nb"]
    pid = guest.call("proc_spawn3", "/bin/tool", args, envs, [], [], 0, None)
    assert guest.process.kernel.processes[pid].environ == envs  # type: ignore[index]


def test_no_arguments_are_the_programs_name(guest: Guest, programs: FakePrograms) -> None:
    pid = guest.call("proc_spawn3", "/bin/tool", [], None, [], [], 0, None)
    assert guest.process.kernel.processes[pid].args == [b"/bin/tool"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "search", "path", "found"),
    [
        ("tool", 1, None, True),
        ("tool", 1, "/nowhere:/bin", True),
        ("tool", 1, "/nowhere", False),
        ("tool", 0, None, False),
        ("bin/tool", 0, None, True),
        ("./bin/tool", 0, None, True),
        ("/bin/../bin/tool", 0, None, True),
        ("missing", 1, None, False),
        ("", 1, None, False),
    ],
)
def test_where_programs_are_looked_for(
    guest: Guest, programs: FakePrograms, name: str, search: int, path: str | None, found: bool
) -> None:
    args: Args = (name, name, None, NO_OPS, [], search, path)
    if found:
        assert guest.call("proc_spawn2", *args)
    else:
        assert errno(guest.process.main, "proc_spawn2", *args) == E.NOENT
        assert not programs.started


def test_what_is_no_program_is_noexec(guest: Guest) -> None:
    with_programs(guest, {"text": b"hello", "empty": b"", "script": b"#!\n", "folder": b""})
    for name in ("text", "empty", "script"):
        args: Args = (f"/bin/{name}", "", None, NO_OPS, [], 0, None)
        assert errno(guest.process.main, "proc_spawn2", *args) == E.NOEXEC
    args = ("/bin", "", None, NO_OPS, [], 0, None)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.ACCES


def test_a_script_is_run_by_what_its_first_line_names(guest: Guest) -> None:
    files = {"sh": MAGIC, "script": b"#! /bin/sh -e -u \necho", "outer": b"#!/bin/script\n"}
    programs = with_programs(guest, files)
    assert spawn(guest, "/bin/script", "x").args == [b"/bin/sh", b"-e -u", b"/bin/script", b"x"]
    assert programs.loadings[-1][0] == "/bin/sh"
    assert spawn(guest, "/bin/outer", "x").args == [
        *(b"/bin/sh", b"-e -u", b"/bin/script", b"/bin/outer", b"x")
    ]


def test_scripts_that_run_each_other_end(guest: Guest) -> None:
    with_programs(guest, {"a": b"#!/bin/b\n", "b": b"#!/bin/a\n"})
    args: Args = ("/bin/a", "", None, NO_OPS, [], 0, None)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.LOOP


def test_a_start_waits_until_the_program_is_there(guest: Guest, programs: FakePrograms) -> None:
    programs.at_once = False
    args: Args = ("/bin/tool", "", None, NO_OPS, [], 0, None)
    with pytest.raises(Block):
        guest.call("proc_spawn2", *args)
    with pytest.raises(Block):
        guest.call("proc_spawn2", *args)
    assert len(programs.loadings) == 1
    programs.finish()
    assert guest.call("proc_spawn2", *args)


def test_a_program_that_cannot_be_linked_is_told_of(guest: Guest, programs: FakePrograms) -> None:
    programs.at_once = False
    args: Args = ("/bin/tool", "", None, NO_OPS, [], 0, None)
    with pytest.raises(Block):
        guest.call("proc_spawn2", *args)
    programs.finish(E.NOEXEC)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.NOEXEC
    said = b"".join(map(bytes, guest.stdout.take(1000)))
    assert said == b"wasix: /bin/tool imports what nobody offers\n"


def test_file_operations_are_done_in_order(guest: Guest, programs: FakePrograms) -> None:
    memory = bytearray(b"/bin/other/bin")
    guest.process.main.memory = DirectMemory(memoryview(memory))
    stdin = guest.process.descriptors.file(0)
    child = spawn(
        guest,
        ops=[
            op(DUP2, fd=9, src=0),
            op(CLOSE, fd=0),
            op(OPEN, fd=0, path=(0, 10)),
            op(DUP2, fd=2, src=9),
            op(CHDIR, path=(10, 4)),
            op(CLOSE, fd=3),
        ],
    )
    files = {fd: entry.file for fd, entry in child.descriptors.entries.items()}
    assert files[9] is files[2] is stdin
    assert files[0].stat().size == len(MAGIC)
    assert 3 in files, "preopened directories stay"
    assert child.cwd == "/bin"
    assert guest.process.cwd == "/"
    assert guest.process.descriptors.file(0) is stdin


def test_an_operation_that_fails_leaves_no_process(guest: Guest, programs: FakePrograms) -> None:
    before = dict(guest.process.kernel.processes)
    references = guest.process.descriptors.file(0).references
    args: Args = ("/bin/tool", "", None, [op(CLOSE, fd=77)], [], 0, None)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.BADF
    assert guest.process.kernel.processes == before
    assert not guest.process.children
    assert guest.process.descriptors.file(0).references == references
    assert errno(guest.process.main, "proc_join", ANY, 0) == E.CHILD


def test_what_is_to_be_done_first_fails_first(guest: Guest, programs: FakePrograms) -> None:
    args: Args = ("missing", "", None, [op(DUP2, fd=65536, src=0)], [], 0, None)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.BADF


def test_a_program_is_looked_for_from_the_childs_directory(
    guest: Guest, programs: FakePrograms
) -> None:
    guest.process.main.memory = DirectMemory(memoryview(bytearray(b"/bin")))
    assert spawn(guest, "./tool", ops=[op(CHDIR, path=(0, 4))]).cwd == "/bin"


def test_a_parent_that_ends_meanwhile_leaves_nothing(guest: Guest, programs: FakePrograms) -> None:
    programs.at_once = False
    with pytest.raises(Block):
        guest.call("proc_spawn2", "/bin/tool", "", None, NO_OPS, [], 0, None)
    assert len(guest.process.kernel.processes) == 2
    stdin = guest.process.descriptors.file(0)
    guest.process.exit(0)
    assert not guest.process.kernel.processes
    assert stdin.references == 0


def test_what_closes_on_exec_is_not_inherited(guest: Guest, programs: FakePrograms) -> None:
    guest.process.descriptors.entries[0].close_on_exec = True
    guest.process.descriptors.entries[1].close_on_exec = True
    child = spawn(guest, ops=[op(DUP2, fd=1, src=1)])
    assert 0 not in child.descriptors.entries
    assert 1 in child.descriptors.entries, "duplicating onto itself keeps it, as posix_spawn does"
    assert 0 in guest.process.descriptors.entries


def test_piped_streams_lead_to_the_parent(guest: Guest, programs: FakePrograms) -> None:
    handles = guest.call("proc_spawn", "/bin/tool", 0, "tool", "", 0, 0, 2, ".")
    assert isinstance(handles, ProcessHandles)
    pid, (_, stdin), (_, stdout), stderr = handles
    child = guest.process.kernel.processes[pid]
    assert stderr == (0, None)
    guest.call("fd_write", stdin, [memoryview(b"to the child")])
    area = memoryview(bytearray(20))
    assert call(child.main, "fd_read", 0, [area]) == 12
    call(child.main, "fd_write", 1, [memoryview(b"back")])
    assert guest.call("fd_read", stdout, [area]) == 4
    child.exit(0)
    assert guest.call("fd_read", stdout, [area]) == 0


def test_there_are_only_so_many_processes(guest: Guest, programs: FakePrograms) -> None:
    guest.process.kernel.max_processes = 3
    spawn(guest)
    spawn(guest)
    args: Args = ("/bin/tool", "", None, NO_OPS, [], 0, None)
    assert errno(guest.process.main, "proc_spawn2", *args) == E.AGAIN
    guest.process.main.memory = DirectMemory(memoryview(bytearray(8)))
    assert errno(guest.process.main, "proc_fork", 1, 0) == E.AGAIN


# Waiting.


def test_a_child_that_has_ended_is_joined_once(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest)
    with pytest.raises(Block) as caught:
        guest.call("proc_join", (1, child.pid), 0)
    assert caught.value.queues == (guest.process.child_changed,)
    child.exit(7)
    assert guest.call("proc_join", (1, child.pid), 0) == ((1, child.pid), (1, 7))
    assert errno(guest.process.main, "proc_join", (1, child.pid), 0) == E.CHILD
    assert child.pid not in guest.process.kernel.processes


def test_any_child_will_do(guest: Guest, programs: FakePrograms) -> None:
    first, second = spawn(guest), spawn(guest)
    second.exit(2)
    assert guest.call("proc_join", ANY, 0) == ((1, second.pid), (1, 2))
    with pytest.raises(Block):
        guest.call("proc_join", ANY, 0)
    first.exit(1)
    assert guest.call("proc_join", ANY, 0) == ((1, first.pid), (1, 1))


def test_looking_without_waiting(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest)
    assert guest.call("proc_join", ANY, 1) == ((1, 0), (0, 0))
    child.deliver(Signal.TERM)
    expected = ((1, child.pid), (2, ErrnoSignal(143, 15)))
    assert guest.call("proc_join", ANY, 1) == expected


def test_a_stop_is_told_if_it_is_asked_for(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest)
    child.deliver(Signal.TSTP)
    with pytest.raises(Block):
        guest.call("proc_join", ANY, 0)
    assert guest.call("proc_join", ANY, 2) == ((1, child.pid), (3, 20))
    with pytest.raises(Block):
        guest.call("proc_join", ANY, 2)
    child.deliver(Signal.CONT)
    assert not child.paused


def test_only_own_children_are_joined(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest)
    assert errno(child.main, "proc_join", (1, guest.process.pid), 0) == E.CHILD
    assert errno(child.main, "proc_join", (1, child.pid), 0) == E.CHILD
    assert errno(child.main, "proc_join", ANY, 0) == E.CHILD


def test_children_that_are_left_behind_end_by_themselves(guest: Guest) -> None:
    with_programs(guest, TOOL)
    kernel = guest.process.kernel
    living, dead = spawn(guest), spawn(guest)
    dead.exit(0)
    guest.process.exit(0)
    assert set(kernel.processes) == {living.pid}
    assert call(living.main, "proc_parent", living.pid) == 0
    living.exit(0)
    assert not kernel.processes


def test_a_parent_hears_of_its_child(guest: Guest, programs: FakePrograms) -> None:
    guest.call("callback_signal", "__wasm_signal")
    spawn(guest).exit(0)
    assert list(guest.process.signals) == [Signal.CHLD]
    assert guest.process.main.attention


# Other programs.


def test_exec_replaces_the_program_when_all_have_unwound(
    guest: Guest, programs: FakePrograms
) -> None:
    process = guest.process
    guest.call("callback_signal", "__wasm_signal")
    process.descriptors.entries[0].close_on_exec = True
    with pytest.raises(Unwind):
        guest.call("proc_exec3", "other", "other\nx", "B=2", 1, None)
    assert process.replacement is not None
    process.execute(process.replacement)
    assert process.program is not None
    assert (process.name, process.args, process.environ) == (
        "/bin/other",
        [b"other", b"x"],
        [b"B=2"],
    )
    assert (process.callback, process.paused, process.status) == (None, False, None)
    assert 0 not in process.descriptors.entries


def test_exec_that_fails_changes_nothing(guest: Guest, programs: FakePrograms) -> None:
    for name, why in (("/bin/none", E.NOENT), ("/bin", E.ACCES), ("/bin/tool/x", E.NOTDIR)):
        assert errno(guest.process.main, "proc_exec3", name, "", None, 0, None) == why
    assert guest.process.replacement is None
    assert guest.process.args == [b"guest"]


@pytest.mark.parametrize(("name", "status"), [("/bin/none", 127), ("/bin/text", 126)])
def test_an_exec_that_cannot_return_ends_the_process(guest: Guest, name: str, status: int) -> None:
    with_programs(guest, {"text": b"text"})
    with pytest.raises(Unwind):
        guest.call("proc_exec", name, "x")
    assert guest.process.status == status


# Signals.


@pytest.mark.parametrize("pid", [0, -1, None], ids=["own-group", "all-others", "its-number"])
def test_signals_reach_others(guest: Guest, programs: FakePrograms, pid: int | None) -> None:
    child = spawn(guest)
    guest.call("callback_signal", "__wasm_signal")
    guest.call("proc_signal", (child.pid if pid is None else pid) % 2**32, "usr1")
    assert (child.status, child.signal) == (138, Signal.USR1)
    assert (Signal.USR1 in guest.process.signals) == (pid == 0)


def test_signalling_nobody(guest: Guest, programs: FakePrograms) -> None:
    assert errno(guest.process.main, "proc_signal", 999, "none") == E.SRCH
    guest.call("proc_signal", guest.process.pid, "none")
    child = spawn(guest)
    child.exit(0)
    guest.call("proc_signal", child.pid, "kill")  # it has ended, but is there until it is joined


def test_kill_and_stop_are_never_taken(guest: Guest, programs: FakePrograms) -> None:
    child = spawn(guest)
    call(child.main, "callback_signal", "__wasm_signal")
    child.deliver(Signal.STOP)
    assert child.paused
    child.deliver(Signal.KILL)
    assert child.status == 137


def test_what_is_ignored_stays_so_in_children(guest: Guest, programs: FakePrograms) -> None:
    given = [(int(Signal.INT), 1), (int(Signal.HUP), 1), (int(Signal.KILL), 1)]
    pid = guest.call("proc_spawn2", "/bin/tool", "tool", None, NO_OPS, given, 0, None)
    child = guest.process.kernel.processes[pid]  # type: ignore[index]
    assert call(child.main, "proc_signals_sizes_get") == 2
    area = bytearray(4)
    child.main.memory = DirectMemory(memoryview(area))
    call(child.main, "proc_signals_get", 0)
    assert area == bytes([1, 1, 2, 1])
    child.deliver(Signal.INT)
    assert child.status is None
    child.deliver(Signal.TERM)
    assert child.status == 143


def test_a_second_interrupt_ends_what_has_not_heard_of_the_first(
    guest: Guest, programs: FakePrograms
) -> None:
    guest.call("callback_signal", "__wasm_signal")
    child = spawn(guest)
    call(child.main, "callback_signal", "__wasm_signal")
    guest.process.group.interrupt()
    assert (guest.process.status, child.status) == (None, None)
    assert guest.process.main.take_signal() is Signal.INT
    guest.process.group.interrupt()
    assert (guest.process.status, child.status) == (None, 130)
    guest.process.group.interrupt()
    assert (guest.process.status, guest.process.signal) == (130, Signal.INT)


def test_a_callback_that_is_not_there_is_none(guest: Guest, programs: FakePrograms) -> None:
    guest.call("callback_signal", "missing")
    assert guest.process.callback is None


# fork.


def suspended(thread: Thread, name: str, *args: object) -> Suspend:
    with pytest.raises(Suspend) as caught:
        call(thread, name, *args)
    return caught.value


@pytest.fixture
def instance(guest: Guest) -> FakeSuspended:
    memory = memoryview(bytearray(4096))
    guest.process.main.memory = DirectMemory(memory)
    found = FakeSuspended(memory)
    found.unwind(b"where it forked!")
    return found


def test_fork_splits_memory_and_shares_files(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    instance.memory[100:104] = b"same"
    assert suspended(guest.process.main, "proc_fork", 1, 64).then(instance) == 0
    ((child, snapshot),) = programs.started
    assert snapshot is not None
    assert int.from_bytes(instance.memory[64:68], "little") == child.pid
    assert snapshot.memory.join()[64:68] == bytes(4)
    assert snapshot.memory.join()[100:104] == b"same"
    assert (snapshot.variables, snapshot.area, snapshot.answer) == ((4096, 7), 3072, 0)
    instance.memory[100:104] = b"else"
    assert snapshot.memory.join()[100:104] == b"same"
    assert child.descriptors.file(0) is guest.process.descriptors.file(0)
    assert child.parent is guest.process


def test_a_guest_that_cannot_be_unwound_does_not_fork(guest: Guest) -> None:
    from tests.calls.programs import FakeProgram

    with_programs(guest)
    guest.process.become(FakeProgram("plain", suspends=False))
    guest.process.main.memory = DirectMemory(memoryview(bytearray(64)))
    assert errno(guest.process.main, "proc_fork", 1, 0) == E.NOTSUP
    assert errno(guest.process.main, "stack_checkpoint", 0, 32) == E.NOTSUP


def test_the_child_of_vfork_has_its_parents_thread_until_it_executes(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    parent, thread = guest.process, guest.process.main
    assert suspended(thread, "proc_fork", 0, 64).then(instance) == 0
    child = thread.process
    assert (child.parent, bytes(instance.memory[64:68])) == (parent, bytes(4))
    call(thread, "fd_close", 1)
    assert 1 in parent.descriptors.entries
    assert errno(thread, "proc_exec3", "/bin/none", "", None, 0, None) == E.NOENT
    assert thread.process is child

    back = suspended(thread, "proc_exec3", "/bin/tool", "tool", None, 0, None)
    assert [process for process, _ in programs.started] == [child]
    assert thread.process is parent
    assert child.main is not thread
    instance.unwind(b"deeper in the child")
    instance.variables = (2048, 9)
    assert back.then(instance) == 0
    assert instance.stack == b"where it forked!"
    assert instance.variables == (4096, 9)
    assert int.from_bytes(instance.memory[64:68], "little") == child.pid


def test_the_child_of_vfork_gives_its_thread_back_when_it_ends(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    parent, thread = guest.process, guest.process.main
    suspended(thread, "proc_fork", 0, 64).then(instance)
    child = thread.process
    back = suspended(thread, "proc_exit2", 5)
    assert (thread.process, child.status, parent.status) == (parent, 5, None)
    back.then(instance)
    assert guest.call("proc_join", ANY, 0) == ((1, child.pid), (1, 5))


def test_signals_wait_until_a_vforks_child_is_on_its_own(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    thread = guest.process.main
    suspended(thread, "proc_fork", 0, 64).then(instance)
    child = thread.process
    child.deliver(Signal.KILL)
    assert child.status is None
    suspended(thread, "proc_exec3", "/bin/tool", "tool", None, 0, None)
    assert child.status == 137


def test_fork_without_unwinding(guest: Guest, programs: FakePrograms) -> None:
    """The guest finds its way back by itself: calls go to the child until it ends."""
    parent, thread = guest.process, guest.process.main
    pid = guest.call("proc_fork_env")
    child = thread.process
    assert (child.pid, child.parent) == (pid, parent)
    assert errno(thread, "proc_fork_env") == E.NOTSUP
    call(thread, "proc_exit2", 3)
    assert thread.process is parent
    assert parent.status is None
    assert call(thread, "proc_join", ANY, 0) == ((1, pid), (1, 3))

    pid = call(thread, "proc_fork_env")
    call(thread, "proc_exec3", "/bin/tool", "tool", None, 0, None)
    assert thread.process is parent
    assert [process.pid for process, _ in programs.started] == [pid]


# setjmp.


def test_going_back_restores_the_stack_and_its_pointer(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    thread = guest.process.main
    instance.unwind(b"the first place")
    assert suspended(thread, "stack_checkpoint", 200, 240).then(instance) == 0
    assert bytes(instance.memory[240:248]) == bytes(8)
    kept = snapshot_at(instance.memory, 200)
    instance.unwind(b"somewhere else, deeper")
    instance.variables = (1000, 8)
    assert suspended(thread, "stack_restore", kept, 0).then(instance) == 0
    assert instance.stack == b"the first place"
    assert instance.variables == (4096, 8)
    assert int.from_bytes(instance.memory[240:248], "little") == 1
    suspended(thread, "stack_restore", kept, 42).then(instance)
    assert int.from_bytes(instance.memory[240:248], "little") == 42


def snapshot_at(memory: memoryview, at: int) -> object:
    from wasix.abi.wasix_types import STACK_SNAPSHOT

    return STACK_SNAPSHOT.load(memory, at)


def test_places_of_functions_that_have_returned_are_forgotten(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    thread = guest.process.main
    for depth in range(100):
        instance.variables = (4000 - 8 * depth, 7)
        suspended(thread, "stack_checkpoint", 200 + 24 * depth, 240).then(instance)
    assert len(thread.checkpoints) == 100
    instance.variables = (4096, 7)
    for _ in range(100):
        suspended(thread, "stack_checkpoint", 200, 240).then(instance)
    assert len(thread.checkpoints) == 1


def test_a_place_that_is_not_there_ends_the_process(
    guest: Guest, programs: FakePrograms, instance: FakeSuspended
) -> None:
    with pytest.raises(Unwind):
        guest.call("stack_restore", snapshot_at(instance.memory, 0), 1)
    assert guest.process.status == 134
    assert guest.process.message
    assert "longjmp" in guest.process.message


def test_stacks_take_only_so_much(guest: Guest, programs: FakePrograms) -> None:
    memory = memoryview(bytearray(1 << 23))
    guest.process.main.memory = DirectMemory(memory)
    instance = FakeSuspended(memory)
    instance.unwind(bytes(1 << 22))
    for count in range(16):
        suspension = suspended(guest.process.main, "stack_checkpoint", 24 * count, 512)
        assert suspension.then(instance) == 0
    with pytest.raises(Errno) as caught:
        suspended(guest.process.main, "stack_checkpoint", 24 * 17, 512).then(instance)
    assert caught.value.code == E.NOMEM


def test_a_snapshot_on_storage_is_not_offered() -> None:
    assert errno(make_guest().process.main, "proc_snapshot") == E.NOTSUP
