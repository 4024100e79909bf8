"""From a path to an inode, and the operations that start there: open, mkdir, rename and the rest.

There is one walk for all filesystems, and it is what keeps a guest inside the directories it was
given. It starts at a base directory and never leaves it:

- an absolute path, or a `..` above the base, is `perm` (wasmtime's answer), also inside a link;
- an absolute link is followed only from the namespace's root, which is where it then restarts;
- `..` goes back to the base and down again by the names of the directories passed, so no
  filesystem's own `..` is ever used, and only one directory is held open at a time.

A process of WASIX has the whole namespace for a base (`Tree`), as on Linux: absolute paths and
links start at its root, and above that is only the root.

Otherwise results and errors are Linux's (path_resolution(7)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

from wasix.abi import E, Errno
from wasix.abi.types import Filestat, Filetype
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory, Inode, Symlink
from wasix.fs.mount import Namespace

MAX_PATH = 4095
"""Bytes of a path: Linux's PATH_MAX counts a NUL as well."""
MAX_NAME = 255
"""Bytes of one component."""
MAX_LINKS = 40
"""Symbolic links followed in one walk."""
MAX_LOOKUPS = 1 << 15
"""Names looked up in one walk. Only `..` in the depth, through many links, needs more (`loop`)."""

_DIRECTORY, _LINK = Filetype.DIRECTORY, Filetype.SYMBOLIC_LINK
_DOTS = ("", ".", "..")


class Tree(NamedTuple):
    """The namespace as the base of a walk, and where in it a relative path starts."""

    names: tuple[str, ...] = ()
    """The directory that relative paths start from, by the names from the root."""
    directory: Directory | None = None
    """The same directory, if it is at hand."""


Base = Directory | Tree


@dataclass(slots=True)
class Place:
    """Where a path leads: a name in a directory, and what has it (None: nothing yet).

    A path that ends in `.`, `..` or at the root has no name to create, remove or rename: `name` is
    then that ending (empty for the root), and `inode` the directory itself.
    """

    directory: Directory
    name: str
    inode: Inode | None
    slash: bool
    """Whether a `/` follows, so that only a directory will do."""

    @property
    def nameless(self) -> bool:
        return self.name in _DOTS


def _check(path: str) -> None:
    """Refuse what is no path on any filesystem."""
    if not path:
        raise Errno(E.NOENT)
    if "\0" in path:
        raise Errno(E.INVAL)
    if _size(path) > MAX_PATH:
        raise Errno(E.NAMETOOLONG)


def _size(text: str) -> int:
    """Bytes of `text` on a filesystem; `ilseq` for what is not text nor escaped bytes."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise Errno(E.ILSEQ) from None


def _components(path: str) -> list[str]:
    """The names to walk, last first. A `.` counts at the end only, where it has no name."""
    names = path.split("/")
    if "" in names or "." in names:
        names = [name for name in names if name and name != "."]
        last = path.rstrip("/")
        if last == "." or last.endswith("/."):
            names.append(".")
    names.reverse()
    return names


class _Walk:
    """A walk under way: the directories passed, by name, and the one it stands in."""

    __slots__ = ("above", "base", "here", "lookups", "names", "namespace")

    def __init__(self, namespace: Namespace, base: Base) -> None:
        self.namespace = namespace
        self.names: list[str] = []
        """Those of the directories passed, from the base on."""
        self.above: list[str] | None = None
        """Those from the root to the base, if the walk may leave it."""
        if not isinstance(base, Tree):
            self.base = base
        else:
            self.base = namespace.root if base.directory is None else base.directory
            self.above = [] if base.directory is None else list(base.names)
            if base.directory is None:
                self.names.extend(base.names)
        self.here: Directory | None = None if self.names else self.base
        """None after `..`, until the directory is needed: many in a row go back only once."""
        self.lookups = 0

    def restart(self) -> None:
        """An absolute path or link: back to the root, if that is the base or may be."""
        if self.above is None and self.base.key != self.namespace.root.key:
            raise Errno(E.PERM)
        if self.above:
            self._leave()
        self.names.clear()
        self.here = self.base

    def up(self) -> None:
        if not self.names:
            if self.above is None:
                raise Errno(E.PERM)
            if not self.above:
                return
            self._leave()
        self.names.pop()
        self.here = None

    def _leave(self) -> None:
        """Stand where the walk stands, as seen from the root."""
        assert self.above is not None
        self.names[:0] = self.above
        self.base, self.above = self.namespace.root, []

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the root to where the walk stands."""
        return (*(self.above or ()), *self.names)

    def lookup(self, directory: Directory, name: str) -> Inode | None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise Errno(E.LOOP)
        return self.namespace.lookup(directory, name)

    def directory(self) -> Directory:
        """Where the walk stands."""
        if self.here is None:
            self.here = self.base
            for name in self.names:
                self.here = _directory(self.lookup(self.here, name))
        return self.here

    def down(self, name: str, inode: Inode | None) -> None:
        self.here = _directory(inode)
        self.names.append(name)


def _directory(inode: Inode | None) -> Directory:
    if inode is None:
        raise Errno(E.NOENT)
    # Asked for every component: `isinstance` takes half of the walk's time with abstract classes.
    if inode.filetype != _DIRECTORY:
        raise Errno(E.NOTDIR)
    return cast(Directory, inode)


def resolve(
    namespace: Namespace,
    base: Base,
    path: str,
    *,
    follow: bool,
    create: bool = False,
    look: bool = True,
) -> Place:
    """Walk `path` from `base`. `follow` decides about a link at the very end.

    A link that is followed to a name nothing has gives that name's place, so that opening a
    dangling link creates its target. Whoever would `create` a file there is not led further by a
    name with a slash. Whoever does not `look` may get a place whose `inode` is None though
    something has the name, but no mount.
    """
    return _resolve(_Walk(namespace, base), path, follow, create, look)


def locate(namespace: Namespace, base: Base, path: str) -> tuple[str, ...]:
    """The names from the root to the directory that `path` leads to, with all links followed.

    `noent`, `notdir`. From a directory they are those from there.
    """
    walk = _Walk(namespace, base)
    place = _resolve(walk, path, True)
    _directory(_existing(place))
    return walk.path if place.nameless else (*walk.path, place.name)


def _resolve(
    walk: _Walk, path: str, follow: bool, create: bool = False, look: bool = True
) -> Place:
    _check(path)
    if path[0] == "/":
        if walk.above is None:
            raise Errno(E.PERM)
        walk.restart()
    slash = path[-1] == "/"
    rest = _components(path)
    links = 0
    while rest:
        name = rest.pop()
        if name == ".":
            # In the middle only as the last component of a link's target.
            if not rest:
                return Place(here := walk.directory(), name, here, True)
            continue
        if name == "..":
            walk.up()
            if not rest:
                return Place(here := walk.directory(), name, here, True)
            continue
        here = walk.here or walk.directory()
        # A character is at most four bytes, so most names need no counting.
        if len(name) > MAX_NAME // 4 and _size(name) > MAX_NAME:
            raise Errno(E.NAMETOOLONG)
        if not (rest or look or slash or walk.namespace.mounted(here, name)):
            return Place(here, name, None, False)
        inode = walk.lookup(here, name)
        if inode is not None and inode.filetype == _LINK and (rest or follow):
            links += 1
            if links > MAX_LINKS:
                raise Errno(E.LOOP)
            target = cast(Symlink, inode).target()
            _check(target)
            if target[0] == "/":
                walk.restart()
            if not rest:
                slash = slash or target[-1] == "/"
                follow = not (create and slash)
            rest += _components(target)
        elif rest:
            walk.down(name, inode)
        else:
            return Place(here, name, inode, slash)
    return Place(here := walk.directory(), "", here, True)


def _is_directory(inode: Inode | None) -> bool:
    return inode is not None and inode.filetype == _DIRECTORY


def _existing(place: Place) -> Inode:
    """What is at `place`; `noent`, or `notdir` for a file named with a `/` behind it."""
    inode = place.inode
    if inode is None:
        raise Errno(E.NOENT)
    if place.slash and not _is_directory(inode):
        raise Errno(E.NOTDIR)
    return inode


def _vacant(namespace: Namespace, base: Base, path: str, *, directory: bool = False) -> Place:
    """The place for a new name; `exist` if it is taken, also by a dangling link."""
    place = resolve(namespace, base, path, follow=False)
    if place.inode is not None:
        raise Errno(E.EXIST)
    if place.slash and not directory:
        raise Errno(E.NOENT)
    return place


def _find(namespace: Namespace, base: Base, path: str, follow: bool) -> Inode:
    # A `/` behind a link asks for the directory it leads to.
    return _existing(resolve(namespace, base, path, follow=follow or path.endswith("/")))


def stat(namespace: Namespace, base: Base, path: str, *, follow: bool) -> Filestat:
    return _find(namespace, base, path, follow).stat()


def set_times(
    namespace: Namespace,
    base: Base,
    path: str,
    atim: int | None,
    mtim: int | None,
    *,
    follow: bool,
) -> None:
    """Set times in nanoseconds since 1970; None leaves one as it is."""
    _find(namespace, base, path, follow).set_times(atim, mtim)


def readlink(namespace: Namespace, base: Base, path: str) -> str:
    """A symbolic link's target, as it was written; `inval` for anything else."""
    inode = _find(namespace, base, path, False)
    if not isinstance(inode, Symlink):
        raise Errno(E.INVAL)
    return inode.target()


def open_path(
    namespace: Namespace,
    base: Base,
    path: str,
    *,
    follow: bool,
    create: bool,
    exclusive: bool,
    directory: bool,
    access: Access,
) -> OpenFile:
    """Open what `path` names; the flags are `O_CREAT`, `O_EXCL` and `O_DIRECTORY`.

    A directory opens for reading only (`isdir`).
    """
    if directory and (create or exclusive or access.truncate):
        raise Errno(E.INVAL)
    exclusive = exclusive and create
    slash = path.endswith("/")
    follow = (follow and not exclusive and not slash) if create else (follow or slash)
    place = resolve(namespace, base, path, follow=follow, create=create, look=not exclusive)
    inode = place.inode
    if create:
        if slash and not place.nameless:
            raise Errno(E.ISDIR)
        if exclusive and inode is not None:
            raise Errno(E.EXIST)
        if place.slash or _is_directory(inode):
            raise Errno(E.ISDIR)
        if inode is None:
            inode = _create(namespace, place, exclusive)
    else:
        inode = _existing(place)
    if directory and inode.filetype not in (_DIRECTORY, _LINK):
        raise Errno(E.NOTDIR)
    return namespace.open(inode, access)


def _create(namespace: Namespace, place: Place, exclusive: bool) -> Inode:
    try:
        return place.directory.create(place.name)
    except Errno as error:
        inode = namespace.lookup(place.directory, place.name)
        if exclusive:
            # Nobody has looked before, and a name that is taken matters more than any other reason.
            raise error if inode is None else Errno(E.EXIST) from None
        if error.code is not E.EXIST:
            raise
    # The host made it between our look and our attempt: open that one.
    if inode is None:
        raise Errno(E.NOENT)
    return inode


def make_directory(namespace: Namespace, base: Base, path: str) -> None:
    place = _vacant(namespace, base, path, directory=True)
    place.directory.make_directory(place.name)


def symlink(namespace: Namespace, target: str, base: Base, path: str) -> None:
    """Make a link that holds `target`; an absolute one only from the namespace's root (`perm`)."""
    _check(target)
    if target[0] == "/" and isinstance(base, Directory) and base.key != namespace.root.key:
        raise Errno(E.PERM)
    place = _vacant(namespace, base, path)
    place.directory.symlink(place.name, target)


def link(
    namespace: Namespace,
    base: Base,
    path: str,
    follow: bool,
    new_base: Base,
    new_path: str,
) -> None:
    """Give a file a further name; with `follow` the file a link leads to, else the link itself."""
    old = resolve(namespace, base, path, follow=follow or path.endswith("/"))
    inode = _existing(old)
    new = _vacant(namespace, new_base, new_path)
    if inode.key[0] != new.directory.key[0]:
        raise Errno(E.XDEV)
    if old.nameless:
        raise Errno(E.PERM)
    if namespace.mounted(old.directory, old.name):
        raise Errno(E.XDEV)
    new.directory.link(new.name, old.directory, old.name)


def unlink(namespace: Namespace, base: Base, path: str) -> None:
    place = resolve(namespace, base, path, follow=False, look=False)
    if place.nameless or _is_directory(place.inode):
        raise Errno(E.ISDIR)
    if place.slash:
        if _is_directory(_find(namespace, base, path, True)):
            raise Errno(E.ISDIR)
        _existing(place)
    if place.inode is not None and namespace.mounted(place.directory, place.name):
        raise Errno(E.BUSY)
    try:
        place.directory.unlink(place.name)
    except Errno as error:
        if error.code in (E.ROFS, E.PERM, E.ACCES):
            # Nobody has looked before, and what the name stands for is the better reason.
            inode = namespace.lookup(place.directory, place.name)
            if inode is None or _is_directory(inode):
                raise Errno(E.NOENT if inode is None else E.ISDIR) from None
        raise


def remove_directory(namespace: Namespace, base: Base, path: str) -> None:
    place = resolve(namespace, base, path, follow=False)
    if place.nameless:
        raise Errno({".": E.INVAL, "..": E.NOTEMPTY, "": E.BUSY}[place.name])
    inode = _directory(place.inode)
    if namespace.mounted(place.directory, place.name):
        raise Errno(E.BUSY)
    if namespace.mounts(inode):
        raise Errno(E.NOTEMPTY)
    place.directory.remove_directory(place.name)


def rename(namespace: Namespace, base: Base, path: str, new_base: Base, new_path: str) -> None:
    """Rename, replacing what has the new name: a file by a file, an empty directory by one."""
    old = resolve(namespace, base, path, follow=False)
    new = resolve(namespace, new_base, new_path, follow=False)
    if old.directory.key[0] != new.directory.key[0]:
        raise Errno(E.XDEV)
    if old.nameless or new.nameless:
        raise Errno(E.BUSY)
    inode = _existing(old)
    if new.slash and not _is_directory(inode):
        raise Errno(E.NOTDIR)
    if namespace.mounted(old.directory, old.name) or namespace.mounted(new.directory, new.name):
        raise Errno(E.BUSY)
    if isinstance(new.inode, Directory) and namespace.mounts(new.inode):
        raise Errno(E.NOTEMPTY)
    old.directory.rename(old.name, new.directory, new.name)
