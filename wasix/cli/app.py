"""The commands. Each command's work is in a module of its own, loaded when it is used."""

from __future__ import annotations

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
    metavar="HOST:GUEST[:ro]",
    help="Give the guest a host directory or file. May be repeated.",
)
@click.option(
    "--env", "environ", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME copies it."
)
@click.option("--cwd", default="/", metavar="DIR", help="Guest directory to start in.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS")
@click.option("--memory", metavar="SIZE", help="Bound for linear memory, such as 256MiB.")
@click.option("--abi", default="latest", metavar="NAME", help="Revision a guest may import from.")
@click.option("--strace", is_flag=True, help="Show every system call on standard error.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is chosen, and why it ended.")
@click.argument("program")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(**options: object) -> None:
    """Run PROGRAM, a .wasm file or a name from the catalogue, with ARGS.

    The exit status is the program's own: 128+n for a signal, 134 for a trap, 124 after --timeout,
    126 if it cannot be run, 127 if there is none, 125 if wasix itself failed.
    """
    from wasix.cli.run import run as run_program

    run_program(**options)  # type: ignore[arg-type]  # click passes what is declared above


@app.command()
def programs() -> None:
    """List the catalogue's programs."""
    from wasix.catalogue import PROGRAMS

    for program in PROGRAMS.values():
        source = f"{program.package}@{program.version}"
        click.echo(f"{program.name:10} {program.title:28} {program.size / 1e6:5.1f} MB  {source}")
