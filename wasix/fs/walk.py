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

from typing import NamedTuple, cast, final

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filestat, Filetype
from wasix.fs.file import OpenFile
from wasix.fs.inode import Directory, Inode, Symlink
from wasix.fs.mount import Namespace
from wasix.fs.opening import Opening
from wasix.fs.path import MAX_NAME, Path, parse, size

MAX_LINKS = 40
"""Symbolic links followed in one walk."""
MAX_LOOKUPS = 1 << 15
"""Names looked up in one walk. Only `..` in the depth, through many links, needs more (`loop`)."""

_DIRECTORY, _LINK = Filetype.DIRECTORY, Filetype.SYMBOLIC_LINK
_NAMELESS = ("", ".", "..")


@final
class Tree(NamedTuple):
    """The namespace as the base of a walk, and where in it a relative path starts."""

    names: tuple[str, ...] = ()
    """The directory that relative paths start from, by the names from the root."""
    directory: Directory | None = None
    """The same directory, if it is at hand."""

    def start(self, namespace: Namespace, absolute: bool) -> Directory:
        """The directory that an absolute path, or a relative one, starts from."""
        if absolute:
            return namespace.root
        if self.directory is not None:
            return self.directory
        here = namespace.root
        for name in self.names:
            here = _directory(namespace.lookup(here, name))
        return here


Base = Directory | Tree


Place = tuple[Directory, str, Inode | None, bool]
"""Where a path leads: a name in a directory, what has it (None: nothing yet), and whether a `/`
follows, so that only a directory will do.

A path that ends in `.`, `..` or at the root has no name to create, remove or rename: the name is
then that ending (empty for the root), and what has it the directory itself.
"""


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

    def begin(self, path: Path, passed: int = 0, here: Directory | None = None) -> list[str]:
        """Start `path`, of which the first `passed` names are known to lead to the directory
        `here`; the names that are left, last first."""
        if path.absolute:
            if self.above is None:
                raise Errno(E.PERM)
            self.restart()
        if here is not None:
            self.names.extend(path.names[:passed])
            self.here = here
            self.lookups = passed
        return list(reversed(path.names[passed:]))

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
    known = namespace.paths[path]
    if not known.ordinary or (known.absolute and type(base) is not Tree):
        walk = _Walk(namespace, base)
        return _resolve(walk, walk.begin(known), known.slash, follow, create, look)
    here = base if type(base) is not Tree else base.start(namespace, known.absolute)
    # Nearly all paths lead from directory to directory, which needs nothing remembered. Where this
    # one does not, the walk goes on from there.
    covered, passed = namespace.covered, 0
    for name in known.above:
        inode = namespace.lookup(here, name) if name in covered else here.lookup(name)
        if inode is None or inode.filetype != _DIRECTORY:
            break
        here = inode  # type: ignore[assignment]  # its type says so, and a cast is a call
        passed += 1
    else:
        name, slash = known.last, known.slash
        if not (look or slash or (name in covered and namespace.mounted(here, name))):
            return here, name, None, False
        inode = namespace.lookup(here, name) if name in covered else here.lookup(name)
        if inode is None or inode.filetype != _LINK or not follow:
            return here, name, inode, slash
    walk = _Walk(namespace, base)
    return _resolve(walk, walk.begin(known, passed, here), known.slash, follow, create, look)


def find(namespace: Namespace, base: Base, path: str, *, follow: bool) -> Inode | None:
    """What `path` leads to; None if nothing has the name at its end."""
    return resolve(namespace, base, path, follow=follow)[2]


def locate(namespace: Namespace, base: Base, path: str) -> tuple[str, ...]:
    """The names from the root to the directory that `path` leads to, with all links followed.

    `noent`, `notdir`. From a directory they are those from there.
    """
    walk, known = _Walk(namespace, base), namespace.paths[path]
    _, name, inode, _ = _resolve(walk, walk.begin(known), known.slash, True)
    _directory(inode)
    return walk.path if name in _NAMELESS else (*walk.path, name)


def _resolve(
    walk: _Walk,
    rest: list[str],
    slash: bool,
    follow: bool,
    create: bool = False,
    look: bool = True,
) -> Place:
    """Walk the names `rest`, last first; `slash` is whether a `/` follows them."""
    links = 0
    while rest:
        name = rest.pop()
        if name == ".":
            # In the middle only as the last component of a link's target.
            if not rest:
                return (here := walk.directory()), name, here, True
            continue
        if name == "..":
            walk.up()
            if not rest:
                return (here := walk.directory()), name, here, True
            continue
        here = walk.here or walk.directory()
        # A character is at most four bytes, so most names need no counting.
        if len(name) > MAX_NAME // 4 and size(name) > MAX_NAME:
            raise Errno(E.NAMETOOLONG)
        if not (rest or look or slash or walk.namespace.mounted(here, name)):
            return here, name, None, False
        inode = walk.lookup(here, name)
        if inode is not None and inode.filetype == _LINK and (rest or follow):
            links += 1
            if links > MAX_LINKS:
                raise Errno(E.LOOP)
            target = parse(cast(Symlink, inode).target())
            if target.absolute:
                walk.restart()
            if not rest:
                slash = slash or target.slash
                follow = not (create and slash)
            rest += reversed(target.names)
        elif rest:
            walk.down(name, inode)
        else:
            return here, name, inode, slash
    return (here := walk.directory()), "", here, True


def _is_directory(inode: Inode | None) -> bool:
    return inode is not None and inode.filetype == _DIRECTORY


def _existing(inode: Inode | None, slash: bool) -> Inode:
    """What is at a place; `noent`, or `notdir` for a file named with a `/` behind it."""
    if inode is None:
        raise Errno(E.NOENT)
    if slash and not _is_directory(inode):
        raise Errno(E.NOTDIR)
    return inode


def _vacant(
    namespace: Namespace, base: Base, path: str, *, slash: bool = False
) -> tuple[Directory, str]:
    """The place for a new name; `exist` if it is taken, also by a dangling link.

    slash: whether a `/` may follow, as for a directory.
    """
    directory, name, inode, slashed = resolve(namespace, base, path, follow=False)
    if inode is not None:
        raise Errno(E.EXIST)
    if slashed and not slash:
        raise Errno(E.NOENT)
    return directory, name


def _find(namespace: Namespace, base: Base, path: str, follow: bool) -> Inode:
    # A `/` behind a link asks for the directory it leads to.
    follow = follow or path[-1:] == "/"
    _, _, inode, slash = resolve(namespace, base, path, follow=follow)
    if inode is None or slash:
        return _existing(inode, slash)
    return inode


def attributes(namespace: Namespace, base: Base, path: str, *, follow: bool) -> Attributes:
    """Those of what `path` leads to, or with `follow` of what a link there leads to."""
    return _find(namespace, base, path, follow).attributes()


def stat(namespace: Namespace, base: Base, path: str, *, follow: bool) -> Filestat:
    """The same by name."""
    return Filestat(*attributes(namespace, base, path, follow=follow))


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
    how: Opening,
) -> OpenFile:
    """Open what `path` names. A directory opens for reading only (`isdir`)."""
    access = how.access
    if how.directory and (how.create or how.exclusive or access.truncate):
        raise Errno(E.INVAL)
    if how.create:
        inode = _create(namespace, base, path, how)
    else:
        # A `/` behind a link asks for the directory it leads to.
        inode = _find(namespace, base, path, how.follow)
    kind = inode.filetype
    if how.directory and kind not in (_DIRECTORY, _LINK):
        raise Errno(E.NOTDIR)
    # Mounts are of no concern to other files.
    return namespace.open(inode, access) if kind == _DIRECTORY else inode.open(access)


def _create(namespace: Namespace, base: Base, path: str, how: Opening) -> Inode:
    """The file that `path` names, made if there is none yet."""
    exclusive, slash = how.exclusive, path[-1:] == "/"
    follow = how.follow and not exclusive and not slash
    directory, name, inode, slashed = resolve(
        namespace, base, path, follow=follow, create=True, look=not exclusive
    )
    if slash and name not in _NAMELESS:
        raise Errno(E.ISDIR)
    if inode is not None:
        if exclusive:
            raise Errno(E.EXIST)
        if slashed or inode.filetype == _DIRECTORY:
            raise Errno(E.ISDIR)
        return inode
    if slashed:
        raise Errno(E.ISDIR)
    try:
        return directory.create(name)
    except Errno as error:
        inode = namespace.lookup(directory, name)
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
    directory, name = _vacant(namespace, base, path, slash=True)
    directory.make_directory(name)


def symlink(namespace: Namespace, target: str, base: Base, path: str) -> None:
    """Make a link that holds `target`; an absolute one only from the namespace's root (`perm`)."""
    if parse(target).absolute and isinstance(base, Directory) and base.key != namespace.root.key:
        raise Errno(E.PERM)
    directory, name = _vacant(namespace, base, path)
    directory.symlink(name, target)


def link(
    namespace: Namespace,
    base: Base,
    path: str,
    follow: bool,
    new_base: Base,
    new_path: str,
) -> None:
    """Give a file a further name; with `follow` the file a link leads to, else the link itself."""
    follow = follow or path[-1:] == "/"
    directory, name, found, slash = resolve(namespace, base, path, follow=follow)
    inode = _existing(found, slash)
    new_directory, new_name = _vacant(namespace, new_base, new_path)
    if inode.key[0] != new_directory.key[0]:
        raise Errno(E.XDEV)
    if name in _NAMELESS:
        raise Errno(E.PERM)
    if namespace.mounted(directory, name):
        raise Errno(E.XDEV)
    new_directory.link(new_name, directory, name)


def unlink(namespace: Namespace, base: Base, path: str) -> None:
    directory, name, inode, slash = resolve(namespace, base, path, follow=False, look=False)
    if name in _NAMELESS or (inode is not None and inode.filetype == _DIRECTORY):
        raise Errno(E.ISDIR)
    if slash:
        if _is_directory(_find(namespace, base, path, True)):
            raise Errno(E.ISDIR)
        _existing(inode, slash)
    if inode is not None and namespace.mounted(directory, name):
        raise Errno(E.BUSY)
    try:
        directory.unlink(name)
    except Errno as error:
        if error.code in (E.ROFS, E.PERM, E.ACCES):
            # Nobody has looked before, and what the name stands for is the better reason.
            inode = namespace.lookup(directory, name)
            if inode is None or _is_directory(inode):
                raise Errno(E.NOENT if inode is None else E.ISDIR) from None
        raise


def remove_directory(namespace: Namespace, base: Base, path: str) -> None:
    above, name, inode, _ = resolve(namespace, base, path, follow=False)
    if name in _NAMELESS:
        raise Errno({".": E.INVAL, "..": E.NOTEMPTY, "": E.BUSY}[name])
    directory = _directory(inode)
    if namespace.mounted(above, name):
        raise Errno(E.BUSY)
    if namespace.mounts(directory):
        raise Errno(E.NOTEMPTY)
    above.remove_directory(name)


def rename(namespace: Namespace, base: Base, path: str, new_base: Base, new_path: str) -> None:
    """Rename, replacing what has the new name: a file by a file, an empty directory by one."""
    old, name, found, slash = resolve(namespace, base, path, follow=False)
    new, new_name, replaced, new_slash = resolve(namespace, new_base, new_path, follow=False)
    if old.key[0] != new.key[0]:
        raise Errno(E.XDEV)
    if name in _NAMELESS or new_name in _NAMELESS:
        raise Errno(E.BUSY)
    inode = _existing(found, slash)
    if new_slash and not _is_directory(inode):
        raise Errno(E.NOTDIR)
    if namespace.mounted(old, name) or namespace.mounted(new, new_name):
        raise Errno(E.BUSY)
    if isinstance(replaced, Directory) and namespace.mounts(replaced):
        raise Errno(E.NOTEMPTY)
    old.rename(name, new, new_name)
