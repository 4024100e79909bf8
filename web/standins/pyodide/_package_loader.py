"""Pyodide's installer of packages: there are none, so only where they would lie is asked for."""

from pyodide_js import loadedPackages  # noqa: F401 - memory snapshots count on it


class _Place:
    def __str__(self) -> str:
        return "/lib"


SITE_PACKAGES = DSO_DIR = _Place()


def init_loaded_packages() -> None:
    pass
