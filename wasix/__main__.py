"""`python -m wasix` is the command `wasix`."""

from wasix.cli import main

main()
