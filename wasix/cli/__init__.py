"""The command `wasix`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the command."""
    try:
        from wasix.cli.app import app
    except ImportError as error:
        sys.exit(f"wasix: the command line needs more packages: pip install 'wasix[cli]' ({error})")
    app()
