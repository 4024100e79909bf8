"""dash, compiled for WASIX, beside Debian's own: the same scripts and tools, the same results."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import wasix
from tests.api.test_processes import descriptors, settled
from tests.conformance.wasmer import is_installed, wasmer
from tests.guests.build import ROOT, compile_native, compile_wasix
from tests.programs import dash

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or dash.reason_to_skip() is not None,
    reason=dash.reason_to_skip() or "the shell to compare with is Debian's",
)

TOOLS = (
    *("cat", "cksum", "data", "echo", "env", "false", "grep", "head", "kill", "ls"),
    *("seq", "sleep", "sort", "tee", "true", "wc", "yes"),
)

SCRIPTS = {
    "words": "echo one  two 'three  four' \"five $((2+3))\"; printf '%s|' a 'b c'; echo",
    "variables": 'a=1; b="$a 2"; echo $b "${c:-none}" ${#b} "${b%2}x"; unset a; echo "[$a]"',
    "arithmetic": "i=0; while [ $i -lt 5 ]; do i=$((i * 2 + 1)); echo $i; done",
    "status": "true; echo $?; false; echo $?; (exit 7); echo $?; cat /missing 2>/dev/null; echo $?",
    "status of the last": "echo out; exit 42",
    "negation": "! true; echo $?; ! false; echo $?; true && echo and; false || echo or",
    "not found": "nosuch; echo $?; ./nosuch; echo $?",
    "not to be executed": "mkdir() { :; }; /usr; echo $?; . ./missing; echo never",
    "tools": "seq 3; echo a b c | wc; printf 'b\\na\\n' | sort; seq 20 | grep 1 | head -n 3",
    "pipe": "seq 100 | grep 7 | wc -l",
    "pipe of five": "seq 1000 | cat | cat | cat | cksum",
    "pipe status": "false | true; echo $?; true | false; echo $?",
    "pipe into a loop": 'seq 3 | while read x; do echo "<$x>"; done; echo "[$x]"',
    "pipe that is left early": "yes | head -n 2; echo $?",
    "pipe of a loop": "for i in 1 2 3; do echo $i; done | sort | tee copy; cat copy",
    "redirections": "echo a > f; echo b >> f; cat < f; cat f 2>&1; cat /missing > g 2>&1; cat g",
    "redirections of a group": "{ echo a; echo b; } > f; ( echo c; echo d ) >> f; cat f; wc -l < f",
    "redirections by number": "exec 8> f; echo a >&8; exec 8>&-; exec 9< f; read x <&9; echo $x",
    "redirection refused": "echo a > /missing/f; echo $?; set -C; echo b > f; echo c > f; cat f",
    "here-document": "x=1; cat <<END\n$x $(echo 2) \\$x\nEND\ncat <<'END' | wc -l\n$x\n$x\nEND\n",
    "here-document, indented": "cat <<-END | sort\n\tb\n\ta\n\tEND\n",
    "here-document, long": "cat <<END | cksum\n$(seq 3000)\nEND\n",
    "subshell": "x=1; (x=2; cd /; echo $x); echo $x; (exit 3) || echo $?",
    "subshells": "( ( ( echo deep; exit 5 ); echo $?; exit 6 ); echo $? )",
    "command substitution": 'x=$(echo a; echo b); echo "$x"; echo $(echo $(echo $(echo deep)))',
    "command substitution, status": (
        "x=$(exit 9); echo $?; y=$(cat /missing 2>/dev/null) || echo no"
    ),
    "command substitution, much": "x=$(seq 20000); echo ${#x}",
    "background": "sleep 0.01 & wait; echo $?; (exit 4) & wait $!; echo $?",
    "background, several": (
        "for i in 1 2 3; do (exit $i) & p=$!; wait $p; echo $?; done; wait; echo $?"
    ),
    "background, read by another": "seq 5 | cat > f & wait; cat f & wait; echo done",
    "background pipeline": "seq 10 | wc -l > f & wait $!; cat f",
    "background input": "cat & wait; echo none",
    "background and killed": (
        "exec 2>&-; sleep 30 & kill $!; wait $!; echo $?; sleep 30 & kill -9 $!; wait $!; echo $?"
    ),
    "wait for no child": "wait 99999; echo $?; wait; echo $?",
    "trap exit": "trap 'echo bye $?' EXIT; echo hi; exit 3",
    "trap exit of a subshell": "trap 'echo outer' EXIT; (trap 'echo inner' EXIT; exit 2); echo $?",
    "trap term": "trap 'echo got TERM' TERM; kill $$; echo after; trap - TERM; kill $$; echo never",
    "trap int": "trap 'echo got INT' INT; kill -2 $$; echo after",
    "trap ignored": "trap '' TERM; kill $$; (kill $$; echo survived); echo here",
    "trap of a child's signal": (
        "(trap 'exit 5' TERM; kill -15 $$; sleep 0) ; echo $?; trap 'echo u' USR1"
    ),
    "trap while it waits": (
        "trap 'echo got' USR1; (sleep 0.05; kill -10 $$; sleep 0.5) & wait $!; echo $?; "
        "wait; echo $?"
    ),
    "killed by a signal": "sh -c 'kill -9 $$'; echo $?; sh -c 'kill -15 $$'; echo $?; kill -1 $$",
    "functions": (
        'f() { echo "$1 $#"; return 4; }; f a b; echo $?; g() { local x=1; f $x; }; g; echo "[$x]"'
    ),
    "recursion": "f() { [ $1 -gt 0 ] && { echo $1; f $(($1 - 1)); }; }; f 20 | wc -l; f 3",
    "case": (
        'for x in abc a1 "" "*"; do case $x in a?c) echo 1;; a[0-9]) echo 2;; '
        '"") echo 3;; *) echo 4;; esac; done'
    ),
    "until, break, continue": (
        "i=0; until [ $i = 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; "
        "[ $i = 4 ] && break; echo $i; done"
    ),
    "cd": "mkdir() { :; }; cd /; pwd; cd - > /dev/null; cd nosuch; echo $?; (cd /tmp && pwd)",
    "patterns": "> b1; > a1; > c; echo *1; echo [ab]*; echo x*; ls",
    "exec": "exec echo replaced; echo never",
    "exec in a subshell": "(exec echo replaced; echo never); echo here",
    "exec of nothing": "exec nosuch; echo never",
    "exec with redirection": "exec > f; echo a; exec 1>&2; cat f",
    "environment": "X=1; export X; Y=2 env | grep -v P | grep = | sort; sh -c 'echo $X $Y'",
    "environment with newlines": "X='a\nb' sh -c 'echo \"$X\"'; sh -c 'echo \"$1\"' sh 'c\nd'",
    "read": (
        "printf 'a b c\\nd\\n' | { read x y; echo \"$y $x\"; read z; echo $z; read e; echo $?; }"
    ),
    "sourced": "echo 'x=5; return 3' > s; . ./s; echo $? $x; eval 'echo $x; (exit 2)'; echo $?",
    "positional": 'set -- a \'b c\' d; echo $# "$2"; shift; echo "$*"; for x; do echo "<$x>"; done',
    "errexit": "set -e; false || echo kept; (false; echo never); echo never",
    "nounset": "set -u; echo ${x-unset}; echo $x; echo never",
    "syntax": "echo before; eval 'if'; echo $?",
    "read-only": "readonly x=1; echo $x; x=2; echo never",
    "getopts": "set -- -a -b v rest; while getopts ab: o; do echo $o $OPTARG; done; echo $OPTIND",
    "test": (
        "[ -d . ]; echo $?; [ -f nosuch ]; echo $?; > f; [ -f f -a ! -s f ]; echo $?; "
        "[ 2 -gt 10 ]; echo $?"
    ),
    "umask": "umask; umask 077; umask",
    "times and type": (
        "type echo cd; command -v seq | grep seq > /dev/null; echo $?; times > /dev/null"
    ),
    "script": "echo 'echo $0 $1; exit 6' > s; sh s arg; echo $?",
}


@dataclass(frozen=True)
class Shells:
    """The shell and its tools, for this machine and for WASIX, in a directory of each."""

    native: Path
    guest: Path


@pytest.fixture(scope="session")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Shells:
    made = Shells(tmp_path_factory.mktemp("native"), tmp_path_factory.mktemp("guest"))
    for folder, tools, shell in (
        (made.native, compile_native("tools"), dash.NATIVE),
        (made.guest, compile_wasix("tools"), dash.shell()),
    ):
        for name in TOOLS:
            shutil.copy(tools, folder / name)
        shutil.copy(shell, folder / "sh")
    return made


def natively(shells: Shells, script: str, work: Path) -> CompletedProcess[str]:
    work.mkdir()
    done = subprocess.run(
        [str(shells.native / "sh"), "-c", script, "sh"],
        env={"PATH": str(shells.native)},
        cwd=work,
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode < 0:
        done.returncode = 128 - done.returncode
    return done


def as_guest(shells: Shells, script: str, engine: str) -> CompletedProcess[str]:
    return wasix.run(
        [str(shells.guest / "sh"), "-c", script, "sh"],
        engine=engine,
        volumes={
            "/usr/bin": wasix.HostVolume(shells.guest, read_only=True),
            "/work": wasix.memory(),
        },
        cwd="/work",
        env={"PATH": "/usr/bin"},
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_script(script: str, engine: str, shells: Shells, tmp_path: Path) -> None:
    theirs = natively(shells, script, tmp_path / "work")
    ours = as_guest(shells, script, engine)
    assert (ours.stdout, ours.stderr, ours.returncode) == (
        theirs.stdout,
        theirs.stderr,
        theirs.returncode,
    )


def test_pipeline_with_a_slow_reader(engine: str, shells: Shells, tmp_path: Path) -> None:
    script = f"data {64 << 20} | cat | cksum -s 5"
    theirs = natively(shells, script, tmp_path / "work")
    ours = as_guest(shells, script, engine)
    assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, "", 0)


def test_500_programs_one_after_the_other(engine: str, shells: Shells) -> None:
    before = descriptors()
    script = "i=0; while [ $i -lt 500 ]; do cat /dev/null || exit; i=$((i+1)); done; echo $i"
    ours = as_guest(shells, script, engine)
    assert (ours.stdout, ours.stderr, ours.returncode) == ("500\n", "", 0)
    assert settled(descriptors, before + 8)  # what is kept for the next guest


def test_64_programs_at_once(engine: str, shells: Shells) -> None:
    script = (
        "i=0; while [ $i -lt 64 ]; do { sleep 0.2; echo $i; } & i=$((i+1)); done; wait; echo all"
    )
    ours = as_guest(shells, script, engine)
    assert sorted(ours.stdout.split()) == sorted([*map(str, range(64)), "all"])
    assert (ours.stderr, ours.returncode) == ("", 0)


@pytest.mark.parametrize("trap", ["trap 'echo got it; exit 3' INT; ", ""], ids=["trapped", "not"])
def test_interrupt_from_outside(trap: str, engine: str, shells: Shells) -> None:
    script = f"{trap}echo ready; while :; do sleep 0.05; done"
    native = subprocess.Popen(
        [shells.native / "sh", "-c", script],
        env={"PATH": str(shells.native)},
        stdout=subprocess.PIPE,
        text=True,
    )
    guest = wasix.Popen(
        [shells.guest / "sh", "-c", script],
        engine=engine,
        volumes={"/usr/bin": wasix.HostVolume(shells.guest, read_only=True)},
        env={"PATH": "/usr/bin"},
        stdout=wasix.PIPE,
        text=True,
    )
    for process in (native, guest):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
    theirs, _ = native.communicate(timeout=60)
    ours, _ = guest.communicate(timeout=60)
    status = native.returncode if native.returncode >= 0 else 128 - native.returncode
    assert (ours, guest.returncode) == (theirs, status)


class Seat:
    """Someone at a terminal with a command in it, in a session of its own."""

    def __init__(self, command: Sequence[str], env: dict[str, str]) -> None:
        self._terminal, own = pty.openpty()
        self._process = subprocess.Popen(
            command,
            stdin=own,
            stdout=own,
            stderr=own,
            env=env,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(own)
        self.screen = b""

    def see(self, end: bytes) -> None:
        """Wait until more is on the screen, and ends so."""
        before = len(self.screen)
        while len(self.screen) == before or not self.screen.endswith(end):
            assert select.select([self._terminal], [], [], 60)[0], self.screen
            self.screen += os.read(self._terminal, 4096)

    def type(self, keys: bytes, end: bytes = b"\r\n$ ") -> None:
        os.write(self._terminal, keys)
        self.see(end)

    def leave(self, keys: bytes) -> int:
        """Type what ends the command; its status."""
        os.write(self._terminal, keys)
        return self._process.wait(60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


def session(seat: Seat) -> tuple[bytes, int]:
    """What is on the screen, and the status, when someone has used a shell for a while."""
    with closing(seat):
        return used(seat)


def used(seat: Seat) -> tuple[bytes, int]:
    seat.see(b"$ ")
    seat.type(b"echo $((6*7)) | cat\r")
    seat.type(b"sh -c 'exit 5'; echo $?\r")
    # Once it waits, or nearly: signals come between two calls.
    seat.type(b"echo begun; read x\r", b"\r\nbegun\r\n")
    seat.type(b"\x03")
    # Once cat answers: before that a key may come between two programs, or a fork and its exec.
    seat.type(b"sh -c 'echo begun; cat'\r", b"begun\r\n")
    seat.type(b"x\r", b"x\r\nx\r\n")
    seat.type(b"\x03")
    seat.type(b"cat; echo read\r", b"echo read\r\n")
    seat.type(b"a line\r", b"a line\r\na line\r\n")
    seat.type(b"\x04", b"read\r\n$ ")
    seat.type(b"sleep 0.1 & wait; echo waited\r")
    return seat.screen, seat.leave(b"exit 3\r")


def test_someone_at_a_terminal(engine: str, shells: Shells) -> None:
    shell = [str(shells.native / "sh"), "-i", "+m"]
    theirs = session(Seat(shell, {"PATH": str(shells.native), "PS1": "$ "}))
    command = [
        *(sys.executable, "-m", "wasix", "run", "--engine", engine),
        *("--volume", f"{shells.guest}:/usr/bin:ro", "--env", "PS1=$ "),
        *("--env", "PATH=/usr/bin", str(shells.guest / "sh"), "-i"),
    ]
    ours = session(Seat(command, {**os.environ}))
    assert ours == theirs


ON_WASMER = ("words", "pipe of five", "redirections", "command substitution", "background")


@pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not for this machine")
def test_scripts_on_wasmer(shells: Shells, tmp_path: Path) -> None:
    """So the shell and its libc are right about the calls: they were not made for our kernel."""
    script = "\n".join(f"({SCRIPTS[name]})" for name in ON_WASMER)
    theirs = natively(shells, script, tmp_path / "work")
    shell = dash.shell(shared=True)
    commands = dict.fromkeys(TOOLS, compile_wasix("tools", shared=True))
    done = wasmer(shell, ["-c", script, "sh"], commands=commands)
    assert (done.stdout, done.returncode) == (theirs.stdout, theirs.returncode)
