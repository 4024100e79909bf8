"""The commands. Each command's work is in a module of its own, loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import wasix


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(wasix.__version__, prog_name="wasix")
def app() -> None:
    """Run WebAssembly programs with files, arguments, standard streams and limits."""


@app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False})
@click.option("--engine", default="auto", metavar="NAME", help="Engine to run on.")
@click.option("--v8", "engine", flag_value="v8", help="The same as --engine v8.")
@click.option(
    "--volume",
    "volumes",
    multiple=True,
    metavar="HOST:GUEST[:ro|:cow]",
    help="Give the guest a host directory or file, or what an archive (.zip, .tar, .tar.gz, ...) "
    "holds: :ro to read only, :cow to keep changes in memory. May be repeated.",
)
@click.option(
    "--env", "environ", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME copies it."
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    metavar="[NAME=]PROGRAM",
    help="A program that PROGRAM finds in /bin, from the catalogue or a .wasm file. May be "
    "repeated.",
)
@click.option("--cwd", default="/", metavar="DIR", help="Guest directory to start in.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS")
@click.option("--memory", metavar="SIZE", help="Bound for linear memory, such as 256MiB.")
@click.option("--fuel", type=click.IntRange(1), metavar="N", help="Instructions it may execute.")
@click.option("--output-limit", metavar="SIZE", help="Bound for what it writes as output.")
@click.option("--abi", default="latest", metavar="NAME", help="Revision a guest may import from.")
@click.option("--strace", is_flag=True, help="Show every system call, on standard error.")
@click.option(
    "--strace-output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the system calls to FILE instead.",
)
@click.option(
    "--strace-format",
    type=click.Choice(["text", "json"]),
    help="Show them as lines of text (the default) or as a JSON object a line.",
)
@click.option(
    "--strace-summary",
    is_flag=True,
    help="Count calls, errors and time by system call; with --strace show the calls too.",
)
@click.option(
    "--profile",
    metavar="FILE",
    help="Write where it spent its time to FILE, for https://www.speedscope.app.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say what is chosen, and why it ended.")
@click.argument("program")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(**options: object) -> None:
    """Run PROGRAM, a .wasm or .wat file or a name from the catalogue, with ARGS.

    PROGRAM may be a .cwasm file too (see wasix compile): its native code is executed as it is.

    The exit status is the program's own: 128+n for a signal, 134 for a trap, 124 after --timeout,
    152 and 153 when --fuel and --output-limit are used up, 126 if it cannot be run, 127 if there
    is none, 125 if wasix itself failed.
    """
    from wasix.cli.run import run as run_program

    run_program(**options)  # type: ignore[arg-type]  # click passes what is declared above


@app.command("compile")
@click.option("--engine", default="cranelift", show_default=True, metavar="NAME")
@click.option(
    "-o", "--output", metavar="FILE", help="Where to; by default PROGRAM.cwasm, in this directory."
)
@click.option("--memory", metavar="SIZE", help="For runs with this --memory.")
@click.option("--fuel", is_flag=True, help="For runs with --fuel, of any amount.")
@click.option("--abi", default="latest", metavar="NAME", help="Revision it may import from.")
@click.argument("program")
def compile_(
    program: str, output: str | None, engine: str, memory: str | None, fuel: bool, abi: str
) -> None:
    """Compile PROGRAM ahead of time to a .cwasm file, which wasix run takes.

    The file fits this version of the engine on processors like this one; elsewhere it is refused.

    Run only .cwasm files that you made: their native code is executed outside of any sandbox. What
    is checked on loading finds damage, not malice.
    """
    with _told():
        from wasix.cli.compile import compile_to_file

        compile_to_file(program, output, engine, memory, fuel, abi)


@app.command()
def programs() -> None:
    """List the catalogue's programs."""
    from wasix.catalogue import PROGRAMS

    for program in PROGRAMS.values():
        source = f"{program.package}@{program.version}"
        click.echo(f"{program.name:10} {program.title:28} {program.size / 1e6:5.1f} MB  {source}")


@app.command("engines")
def engines_() -> None:
    """List the engines: which can be used here, and what each can do."""
    from wasix.cli import engines

    engines.show()


@app.group("cache")
def cache_() -> None:
    """What is kept to be found again: programs, and native code."""


@cache_.command()
def ls() -> None:
    """List it, with sizes and the time of the last use, and what is being compiled."""
    with _told():
        from wasix.cli import cache

        cache.ls()


@cache_.command()
def clean() -> None:
    """Remove it all."""
    with _told():
        from wasix.cli import cache

        cache.clean()


@cache_.command()
def path() -> None:
    """Print the folder. WASIX_CACHE moves it, WASIX_CACHE_SIZE bounds the native code in it."""
    from wasix import cache

    click.echo(cache.directory())


@app.group()
def web() -> None:
    """Programs in a web page."""


_DIRECTORY = click.Path(file_okay=False, path_type=Path)


_PROGRAMS = click.option(
    "--program",
    "programs",
    multiple=True,
    metavar="NAME",
    help="A program to put in, from the catalogue or a .wasm file; the first is the page's own. "
    "May be repeated.",
)
_PAGES = click.option(
    "--pages",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Put pages of your own in, made from FOLDER's templates NAME.html.j2 and scripts NAME.js: "
    "see web/README.md.",
)
_DEFAULT_PROGRAMS = ("python", "sqlite3", "cowsay")


@web.command()
@click.argument("directory", type=_DIRECTORY)
@_PROGRAMS
@click.option(
    "--compress",
    is_flag=True,
    help="Write FILE.br and FILE.gz beside each FILE, for hosts that hand these out, and tell all "
    "sizes. Takes some minutes the first time.",
)
@_PAGES
def build(directory: Path, programs: tuple[str, ...], compress: bool, pages: Path | None) -> None:
    """Write a static site to DIRECTORY, for any file host."""
    with _told():
        from wasix.web.build import build as build_site
        from wasix.web.pages import templates
        from wasix.web.sizes import report

        build_site(
            directory,
            programs or _DEFAULT_PROGRAMS,
            templates(pages.absolute()) if pages else (),
            brotli=11 if compress else None,
        )
    if compress:
        click.echo("\n".join(report(directory)))
    click.echo(f"{directory} is ready: wasix web serve {directory}")


@web.command()
@click.argument("directory", type=_DIRECTORY)
@_PROGRAMS
@_PAGES
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option(
    "--isolated",
    is_flag=True,
    help="Send the headers that let workers share memory: threads of programs run at once.",
)
def serve(
    directory: Path,
    programs: tuple[str, ...],
    pages: Path | None,
    host: str,
    port: int,
    isolated: bool,
) -> None:
    """Serve a site made by `wasix web build`; open pages load again when it has changed.

    With programs or pages, DIRECTORY is made from them first, and again whenever one of their files
    changes.
    """
    with _told():
        from wasix.web.build import build as build_site
        from wasix.web.live import Bundle
        from wasix.web.live import serve as serve_bundle
        from wasix.web.pages import templates

        def make() -> None:
            own = templates(pages.absolute()) if pages else ()
            build_site(directory, programs or _DEFAULT_PROGRAMS, own)

        sources = [path for name in programs if (path := Path(name)).is_file()]
        if pages:
            sources.append(pages)
        bundle = Bundle(directory, sources, make, click.echo)
        if programs or pages:
            make()
        serve_bundle(bundle, host, port, isolated=isolated)


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error in a line and exit with its status."""
    from wasix.api.errors import WasixError

    try:
        yield
    except WasixError as error:
        click.echo(f"wasix: {error}", err=True)
        sys.exit(error.status)
