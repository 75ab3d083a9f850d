"""Writing outputs: standard output, and files that are written whole or not at all.

Text, bytes and arrays are all written in one way: to a new file beside the target, which is synced and gets the
target's owner, group and mode before it gets its name. A symbolic link is followed, so that it stays a link; a hard
link keeps the old contents. A pipe or a device is written directly. The files of one command get their names together.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import IO, Any

from .errors import LONGEST_PATH, SpecError, shown
from .files import check_mapped
from .signals import NEW_FOLDERS, UNFINISHED, remove_empty, unbroken

STDOUT = "-"
_RESERVED = {"CON", "PRN", "AUX", "NUL", *[f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10)]}
"""The names of devices in every folder of Windows, whatever their ending."""


def is_special(path: str) -> bool:
    """Return whether a path is a pipe, a device or a file this program has open, which is written directly."""
    is_other = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    return is_other or _descriptor(path) is not None


def _descriptor(path: str) -> int | None:
    """Return the file descriptor that a path such as /dev/stdout names; None for other paths.

    Such a file is written at its current position: reopening it would lose what others have written.
    """
    for _ in range(_MOST_LINKS):
        folder, _, name = os.path.normpath(path).rpartition("/")
        if folder in _DESCRIPTORS and name.isascii() and name.isdecimal() and len(name) < _DIGITS:
            return int(name)
        if not os.path.islink(path):
            break
        path = os.path.join(folder, os.readlink(path))
    return None


_DESCRIPTORS = ("/dev/fd", "/proc/self/fd", "/proc/thread-self/fd")
"""The folders that list this program's open files by descriptor."""
_DIGITS = 10
"""The number of digits that no file descriptor reaches."""
_MOST_LINKS = 40
"""The number of links that Linux follows."""


def output_path(path: str) -> str:
    """Return the path of an output as given, or `-` for another name of standard output, such as /dev/stdout."""
    return STDOUT if _descriptor(path) == 1 else path


def allow_open(count: int) -> None:
    """Raise the limit on open files to `count` beside the command's own, as far as the system allows."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = count + _OWN_FILES if hard == resource.RLIM_INFINITY else min(count + _OWN_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


_OWN_FILES = 64
"""The most files that are open beside those written: streams, inputs, modules being imported."""


def safe_name(name: str, windows: bool = os.name == "nt") -> str:
    """Return a name as a valid file name: shortened, and with `_` for characters that the system does not accept."""
    unsafe = '/\0\\:*?"<>|' + "".join(map(chr, range(32))) if windows else "/\0"
    name = name.translate(str.maketrans(unsafe, "_" * len(unsafe)))
    name = f"_{name}" if windows and name.partition(".")[0].strip().upper() in _RESERVED else name
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore")


_LONGEST_NAME = 250
"""The most bytes of a file's name before its ending: systems accept 255 in all."""


def folded(name: str) -> str:
    """Return a name as disks that ignore case compare it; some of them also equate the two encodings of `é`."""
    from unicodedata import normalize

    return normalize("NFC", name).casefold()


@contextlib.contextmanager
def folder(path: str) -> Iterator[None]:
    """Make a folder to write in, and its parents. New folders that are empty at the end are removed."""
    new, missing = [], path
    while missing and not os.path.exists(missing):
        new.append(missing)
        missing = os.path.dirname(missing)
    NEW_FOLDERS[:] = reversed(new)  # before they exist: a signal may come right after
    try:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be created: {error.strerror}") from None
        yield
    finally:
        remove_empty(NEW_FOLDERS)
        NEW_FOLDERS.clear()


_GROUPS: list[dict[object, Target | None]] = []
"""The files of each running `all_or_none`, by their identity; None for a pipe, which already has its name."""


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """Give all files that are written within their names at the end, or none if the end is not reached."""
    targets: dict[object, Target | None] = {}
    _GROUPS.append(targets)
    try:
        yield
        check_mapped()
        unbroken(lambda: _name_all([target for target in targets.values() if target is not None and target.is_whole]))
    finally:
        _GROUPS.pop()
        for target in filter(None, targets.values()):
            target.discard()


def _name_all(targets: list[Target]) -> None:
    """Give files their names. Raise SpecError for the first that cannot be named, listing those that were."""
    for at, target in enumerate(targets):
        try:
            target.rename()
        except SpecError as error:
            done = ", ".join(shown(one.path, LONGEST_PATH) for one in targets[:at])
            error.help = "\n".join(filter(None, [error.help, f"already written: {done}" * bool(done)]))
            raise


class Target:
    """A file to write, which appears under its name at `commit`; SpecError is raised if it cannot be written.

    `discard` removes an unfinished file; after `commit` it removes nothing.
    """

    def __init__(self, path: str):
        if not path:
            raise SpecError("'' is not a file name", "give a file, or - for standard output")
        self.path = path
        self.is_whole = False
        """Whether the file is complete, and has its name or waits for it."""
        with self.errors():
            self._old = _status(path)
            self.is_special = is_special(path)
            if self.is_special:
                if self._old is not None and not stat.S_ISCHR(self._old.st_mode):  # outputs may share a device
                    self._join((self._old.st_dev, self._old.st_ino))
                descriptor = _descriptor(path)
                raw = _Onward(path if descriptor is None else os.dup(descriptor), "wb")
                self.file: IO[bytes] = io.BufferedWriter(raw)
                return
            if os.path.isdir(path):
                raise IsADirectoryError(None, "it is a directory")
            if self._old is not None and not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self.name = os.path.realpath(path) if os.path.islink(path) else path
            folder, name = os.path.split(self.name)
            self._part = os.path.join(folder, f"{name[:20]}.{os.urandom(8).hex()}.part")
            UNFINISHED.add(self._part)  # before it exists: a signal may come right after `open`
            try:
                self.file = open(self._part, "x+b", opener=None if self._old is None else _private)  # noqa: SIM115
            except OSError:
                UNFINISHED.discard(self._part)
                raise
            try:
                self._join(self._place())
            except BaseException:
                self.discard()
                raise

    def _join(self, one: object) -> None:
        """Join the current group of files. Raise SpecError if the group already has this file."""
        if not _GROUPS:
            return
        if one in _GROUPS[-1]:
            what = f"two outputs would be the same file: {shown(self.path, LONGEST_PATH)}"
            raise SpecError(what, "rename one of them")
        _GROUPS[-1][one] = None if self.is_special else self

    def _place(self) -> object:
        """Return what identifies the target: its folder, by device and inode, and its name as the disk compares it."""
        folder, name = os.path.split(self.name)
        found = os.stat(folder or os.curdir)
        folds_case = os.path.exists(f"{self._part.removesuffix('part')}PART")
        return found.st_dev, found.st_ino, folded(name) if folds_case else name

    def commit(self) -> None:
        """Give the complete file its name, or leave that to `all_or_none`.

        Raise SpecError if an input has changed meanwhile.
        """
        check_mapped()
        with self.errors():
            self.file.flush()
            if self.is_special:
                self.file.close()
                return
            old = _status(self.name) or self._old
            if old is not None and hasattr(os, "fchown"):  # Windows has neither owner nor mode
                _keep_rights(self.file.fileno(), self.name, old)
            os.fsync(self.file.fileno())
            self.file.close()
        self.is_whole = True
        if not _GROUPS:
            self.rename()

    def rename(self) -> None:
        """Give the file its name."""
        with self.errors():
            os.replace(self._part, self.name)
        UNFINISHED.discard(self._part)

    def discard(self) -> None:
        """Remove the unfinished file, unless it is complete and waits for its name."""
        if self.is_whole and _GROUPS:
            return
        with contextlib.suppress(OSError):
            self.file.close()
        if not self.is_special:
            with contextlib.suppress(OSError):
                os.unlink(self._part)
            UNFINISHED.discard(self._part)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn errors of the system while the file is written into a SpecError with its name.

        A closed pipe stays an OSError, so that the command can end quietly.
        """
        try:
            yield
        except OSError as error:
            if is_closed_pipe(error):
                raise
            what = f"{shown(self.path, LONGEST_PATH)} cannot be written: {error.strerror or error}"
            raise SpecError(what, _HELP.get(error.errno)) from None


class _Onward(io.FileIO):
    """A file that is only written forwards: a device claims to seek and does not, and appended data must stay."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


_HELP: dict[int | None, str] = {
    errno.EMFILE: "write fewer files at once, or raise the limit that `ulimit -n` shows",
    errno.EBUSY: "if the file is a mount, mount its folder instead: a file is replaced by a new one",
}
"""The help for errors of the system, by errno."""


def _status(path: str) -> os.stat_result | None:
    """Return a file's status; None if there is no such file. Raise OSError for an invalid name."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except ValueError as error:  # a NUL, or a character outside the system's encoding
        raise OSError(errno.EINVAL, str(error)) from None


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read, as the file that it replaces may have been private."""
    return os.open(path, flags, 0o600)


def _keep_rights(file: int, path: str, old: os.stat_result) -> None:
    """Give a file the owner, group, mode and attributes of the file at `path`, as far as is allowed.

    If the group cannot be kept, it gets no more rights than others have; without the access control list, only the
    owner gets any.
    """
    for owner in (old.st_uid, -1):
        with contextlib.suppress(OSError):
            os.fchown(file, owner, old.st_gid)
            break
    new, mode = os.fstat(file), old.st_mode & 0o7777
    has_group = new.st_gid == old.st_gid
    if not has_group or new.st_uid != old.st_uid:
        mode &= 0o777
    if not has_group:
        mode = mode & ~0o070 | (mode & 0o007) << 3
    names = _attributes(path)
    if _RIGHTS not in names and _RIGHTS in _attributes(file):  # inherited from the folder's default list
        os.removexattr(file, _RIGHTS)
    for name in names:
        try:
            if name == _RIGHTS and not has_group:
                raise PermissionError
            os.setxattr(file, name, os.getxattr(path, name))
        except OSError:
            if name == _RIGHTS:
                mode &= 0o700
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(file, mode)


_RIGHTS = "system.posix_acl_access"
"""The attribute of the access control list, whose mask replaces the group bits of the mode."""


def _attributes(file: str | int) -> list[str]:
    """Return the names of a file's extended attributes that its replacement gets, too."""
    try:
        names = os.listxattr(file)
    except (AttributeError, OSError):  # not on Linux; not on this disk
        return []
    return [name for name in names if name.startswith("user.") or name in (_RIGHTS, "security.selinux")]


@contextlib.contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file to write, which appears complete at the end, or not at all if the end is not reached."""
    target = Target(path)
    try:
        with target.errors():
            yield target.file
        target.commit()
    finally:
        target.discard()


@contextlib.contextmanager
def text_output(path: str | None, utf8: bool = False) -> Iterator[IO[str]]:
    """Open standard output (None or `-`) or a file for text; `utf8` overrides the locale's encoding.

    If the reader of standard output closes it, the body ends there and the code after it goes on.
    """
    if path is None or path == STDOUT:
        stream = standard_output()
        if utf8 and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        with while_read():
            yield stream
        _finish(stream)
        return
    with while_read(), whole(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n")
        try:
            yield text
        finally:
            text.detach()


@contextlib.contextmanager
def binary_output(path: str | None, kind: str = "a binary file") -> Iterator[IO[bytes]]:
    """Open standard output (None or `-`) or a file for bytes. Raise SpecError for a terminal; `kind` names the data."""
    if path is not None and path != STDOUT:
        with whole(path) as file:
            yield file
        return
    file = binary_stdout(kind)
    yield file
    _finish(file)


@contextlib.contextmanager
def while_read() -> Iterator[None]:
    """End the body quietly if the reader closes the pipe; the command then goes on and ends as usual."""
    try:
        yield
    except OSError as error:
        if not is_closed_pipe(error):
            raise


def is_closed_pipe(error: OSError) -> bool:
    """Return whether the error is a pipe closed by its reader; on Windows that is EINVAL."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def _finish(stream: IO[Any]) -> None:
    """Flush standard output. Raise SpecError if an input has changed."""
    with while_read():
        stream.flush()
    check_mapped()


def binary_stdout(kind: str = "a binary file") -> IO[bytes]:
    """Return standard output for bytes. Raise SpecError if it is closed, or a terminal."""
    stream = standard_output()
    if stream.isatty():
        raise SpecError(f"standard output is a terminal, and this is {kind}", "pipe it, or give -o FILE")
    return stream.buffer  # type: ignore[attr-defined, no-any-return]


def standard_output() -> IO[str]:
    """Return standard output. Raise SpecError if it is closed."""
    if sys.stdout is None or not sys.stdout.writable():
        raise SpecError("standard output is closed", "give -o FILE")
    return sys.stdout
