"""dash, the shell of Debian, for WASIX: from its source package, with the shim of `tests/guests`.

`python -m tests.programs.dash` fetches the source through apt, which checks Debian's signatures,
into `build/dash/`; the system's own set-up is not changed. What the build prints is kept there.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.guests.build import OPTIONS, ROOT, WARNINGS, compile_with_shim

PLACE = ROOT / "build" / "dash"
SOURCE = PLACE / "source"
CONFIG = Path(__file__).with_name("dash_config.h")
NATIVE = Path("/bin/dash")

_GENERATORS = ("mkinit", "mksyntax", "mknodes", "mksignames")
_GENERATED = ("builtins.c", "init.c", "nodes.c", "signames.c", "syntax.c")
_SHELL = ("-DBSD=1", "-DSHELL")
_MEANT = {
    # `longjmp` brings back the locals of the function that called `setjmp`, volatile ones, too.
    "main.c": ("volatile int state;", "static volatile int state;"),
    # A function is called by its type.
    "bltin/times.c": ("int timescmd()", "int timescmd(int argc, char **argv)"),
}


def reason_to_skip() -> str | None:
    """Why the shell cannot be built or compared here, if it cannot."""
    if not SOURCE.is_dir():
        return "the source of dash is fetched through apt"
    if not NATIVE.exists():
        return f"there is no {NATIVE} to compare with"
    if not shutil.which("gcc"):
        return "dash's build needs gcc for programs that run on this machine"
    return None


def fetch() -> None:
    """Gets and unpacks the source, if this system has apt."""
    if SOURCE.is_dir() or not shutil.which("apt-get"):
        return
    PLACE.mkdir(parents=True, exist_ok=True)
    targets = _output("apt-get", "indextargets", "--format", "$(CREATED_BY) $(REPO_URI) $(RELEASE)")
    places = {
        line.split(" ", 1)[1] for line in targets.splitlines() if line.startswith("Packages ")
    }
    with tempfile.TemporaryDirectory(dir=PLACE) as directory:
        state = Path(directory)
        state.chmod(0o755)
        for folder in ("lists/partial", "cache/archives/partial"):
            (state / folder).mkdir(parents=True)
        sources = state / "sources.list"
        sources.write_text("".join(f"deb-src {place} main\n" for place in sorted(places)))
        apt = [
            "apt-get",
            *("-o", f"Dir::Etc::SourceList={sources}"),
            *("-o", "Dir::Etc::SourceParts=/dev/null"),
            *("-o", f"Dir::State::Lists={state / 'lists'}"),
            *("-o", f"Dir::Cache={state / 'cache'}"),
            *("-o", "APT::Sandbox::User=root"),
        ]
        if not shutil.which("dpkg-source") and os.getuid() == 0:
            packages = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "dpkg-dev"]
            environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(packages, check=False, env=environ, stdout=sys.stderr)
        subprocess.run([*apt, "update", "-qq"], check=False, stdout=sys.stderr)
        get = [*apt, "source", "-qq", "dash"]
        done = subprocess.run(get, check=False, cwd=state, stdout=sys.stderr)
        unpacked = [path for path in state.glob("dash-*") if path.is_dir()]
        if done.returncode == 0 and unpacked:
            os.replace(unpacked[0], SOURCE)


def _output(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    with (PLACE / "log").open("a") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr}")
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    return done.stdout


def _generate(folder: Path) -> list[Path]:
    """Makes the parts of the source that programs of this machine write; gives all of it."""
    listed = re.search(r"dash_CFILES = \\\n((?:.*\\\n)*.*\n)", (folder / "Makefile.am").read_text())
    assert listed is not None
    files = listed.group(1).replace("\\", "").split()
    shutil.copy(CONFIG, folder / "config.h")
    _output("sh", "mktokens", cwd=folder)
    preprocess = ["gcc", "-E", "-x", "c", "-include", "config.h", *_SHELL]
    _output(*preprocess, "-o", "builtins.def", "builtins.def.in", cwd=folder)
    _output("sh", "mkbuiltins", "builtins.def", cwd=folder)
    for generator in _GENERATORS:
        _output("gcc", "-w", *_SHELL, "-o", generator, f"{generator}.c", cwd=folder)
    _output("./mkinit", *files, cwd=folder)
    _output("./mksyntax", cwd=folder)
    _output("./mknodes", "nodetypes", "nodes.c.pat", cwd=folder)
    _output("./mksignames", cwd=folder)
    for name, (written, meant) in _MEANT.items():
        text = (folder / name).read_text()
        assert written in text
        (folder / name).write_text(text.replace(written, meant))
    return [folder / name for name in (*files, *_GENERATED)]


@functools.cache
def shell(*, shared: bool = False) -> Path:
    """The compiled shell."""
    with tempfile.TemporaryDirectory(dir=PLACE) as directory:
        folder = Path(directory) / "src"
        shutil.copytree(SOURCE / "src", folder)
        sources = _generate(folder)
        quiet = [option for option in OPTIONS if option not in WARNINGS]
        return compile_with_shim(
            "dash",
            sources,
            headers=sorted(folder.glob("*.h")),
            options=(*quiet, "-w", "-include", "config.h", *_SHELL),
            includes=(folder,),
            shared=shared,
        )


if __name__ == "__main__":
    fetch()
