"""Arrays in files, read without trusting them, and mapped where that can be.

Nothing is ever unpickled. What a header claims is held against what is there before anything is made of it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from ..errors import LONGEST_PATH, SpecError, shown
from ..files import opened
from ..sizes import show
from .task import Array, Dtype

if TYPE_CHECKING:
    from zipfile import ZipFile

LONGEST_HEADER = 1 << 16
MOST_ENTRIES = 1 << 16
MAGIC = b"\x93NUMPY"
ZIP = b"PK"
AT_ONCE = 1 << 24
LEAST_DROPPED = 64 << 20
"""Mapped pages are given back while the work goes on in arrays larger than this."""


class Head(NamedTuple):
    """What the header of a .npy says."""

    shape: tuple[int, ...]
    kind: Dtype
    order: str
    """C or F."""

    @property
    def bytes(self) -> int:
        """How many bytes the data take."""
        return prod(self.shape) * self.kind.itemsize


class Stored(NamedTuple):
    """An array in a file, not read yet."""

    shape: tuple[int, ...]
    dtype: Dtype
    read: Callable[[], Array]


Given = Mapping[str, "Array | Stored"]


def head(file: IO[bytes], name: str) -> Head:
    """The header of a .npy, at which the file stands. SpecError where it holds no plain numbers."""
    magic = file.read(len(MAGIC) + 2)
    if magic[: len(MAGIC)] != MAGIC:
        raise SpecError(f"{shown(name, LONGEST_PATH)} is {_other(magic)}, and no .npy", _help(magic))
    try:
        if tuple(magic[-2:]) == (1, 0):
            found = npy.read_array_header_1_0(_Bounded(file), LONGEST_HEADER)
        elif tuple(magic[-2:]) == (2, 0):
            found = npy.read_array_header_2_0(_Bounded(file), LONGEST_HEADER)
        else:
            version = ".".join(map(str, magic[-2:]))
            raise ValueError(f"version {version} of the format holds no plain numbers")
    except Exception as error:  # noqa: BLE001 - a header is a Python literal: whatever its reader makes of a hostile one
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"{shown(name, LONGEST_PATH)} has a broken header: {why[:120]}", _SAVE) from None
    shape, fortran, kind = found
    if any(type(n) is not int or n < 0 for n in shape):
        raise SpecError(f"{shown(name, LONGEST_PATH)} claims the shape {shown(shape)}", "sizes are whole numbers")
    if kind.hasobject:
        raise SpecError(f"{shown(name, LONGEST_PATH)} holds Python objects", "nothing is unpickled: save plain numbers")
    if kind.names is not None or kind.subdtype is not None or kind.itemsize == 0:
        raise SpecError(f"{shown(name, LONGEST_PATH)} is of dtype {kind}", "save one field of it, as plain numbers")
    return Head(shape, kind, "F" if fortran else "C")


_SAVE = "save it again with numpy.save"


class _Bounded:
    """A file of which a header may read so much and no more."""

    def __init__(self, file: IO[bytes]):
        self._file, self._left = file, LONGEST_HEADER + 16

    def read(self, size: int = LONGEST_HEADER + 17, /) -> bytes:
        """Some of its bytes."""
        if size > self._left:
            raise ValueError(f"it claims to be {size:,} bytes long")
        self._left -= size
        return self._file.read(size)


def _other(magic: bytes) -> str:
    if not magic:
        return "empty"
    kinds = {
        ZIP: "a zip archive (.npz)",
        b"\x80": "a pickle",
        b"\x89HDF": "an HDF5 file",
        b"{": "JSON",
        b"[": "JSON",
        b"\x89PNG": "a PNG picture",
        b"\xff\xd8\xff": "a JPEG picture",
    }
    return next((kind for start, kind in kinds.items() if magic.startswith(start)), "another kind of file")


def _help(magic: bytes) -> str:
    if magic.startswith((b"\x89PNG", b"\xff\xd8")):
        return "read the picture with another tool, and save its pixels with numpy.save"
    return _SAVE


def mapped(path: str) -> Array:
    """The array of a .npy, mapped into memory; a pipe or a device is read. SpecError for what is none."""
    with opened(path) as file:
        found = head(file, path)
        if not os.path.isfile(path):
            return _read(file, found, path)
        begin, size = file.tell(), os.fstat(file.fileno()).st_size
        if size - begin < found.bytes:
            raise _truncated(path, found, size - begin)
        if not found.bytes:
            return np.empty(found.shape, found.kind)
        return np.memmap(file, found.kind, "r", begin, found.shape, found.order)  # type: ignore[call-overload, no-any-return]


def _truncated(name: str, found: Head, have: int) -> SpecError:
    return SpecError(
        f"{shown(name, LONGEST_PATH)} is cut short: {show(found.shape)} of {found.kind} is {found.bytes:,} "
        f"bytes, and {have:,} are there",
        _SAVE,
    )


def piped(file: IO[bytes]) -> Array:
    """The array of a .npy on standard input."""
    return _read(file, head(file, "-"), "-")


def _read(file: IO[bytes], found: Head, name: str) -> Array:
    """The data behind a header, from what cannot be mapped: memory is taken as they arrive."""
    data = bytearray()
    while len(data) < found.bytes:
        some = file.read(min(AT_ONCE, found.bytes - len(data)))
        if not some:
            raise _truncated(name, found, len(data))
        data += some
    return np.frombuffer(data, found.kind, prod(found.shape)).reshape(found.shape, order=found.order)  # type: ignore[call-overload, no-any-return]


def weights(path: str) -> Given | Array:
    """The array of a .npy, or the named arrays of a .npz or a .safetensors file, none of the data read yet."""
    with opened(path) as file:
        magic = file.read(len(MAGIC))
    if magic == MAGIC:
        return mapped(path)
    if magic.startswith(ZIP):
        return archived(path)
    if path.endswith(".safetensors"):
        return tensors(path)
    raise SpecError(
        f"{shown(path, LONGEST_PATH)} is {_other(magic)}", "weights are a .npy, a .npz or a .safetensors file"
    )


def archived(path: str) -> Given:
    """The arrays of a .npz by name. SpecError for an archive that holds something else."""
    from zipfile import ZipFile

    with _unpacking(path):
        archive = ZipFile(path)
    names = archive.namelist()
    others = [name for name in names if not name.endswith(".npy")]
    if others or not names or len(names) > MOST_ENTRIES:
        what = f"holds {shown(others[0])}" if others else f"holds {len(names)} entries"
        pickled = any(name.endswith(".pkl") for name in others)
        help = (
            "nothing is unpickled: save the arrays with numpy.savez or safetensors" if pickled else "a .npz holds .npy"
        )
        raise SpecError(f"{shown(path, LONGEST_PATH)} {what}, and no .npy", help)
    if len(set(names)) < len(names):
        raise SpecError(f"{shown(path, LONGEST_PATH)} holds a name twice", "save it again with numpy.savez")
    return {name.removesuffix(".npy"): _entry(archive, name, f"{path}:{name}") for name in names}


def _entry(archive: ZipFile, entry: str, name: str) -> Stored:
    with _unpacking(name), archive.open(entry) as file:
        found = head(file, name)

    def read() -> Array:
        with _unpacking(name), archive.open(entry) as file:
            return _read(file, head(file, name), name)

    return Stored(found.shape, found.kind, read)


@contextlib.contextmanager
def _unpacking(name: str) -> Iterator[None]:
    import zlib
    from zipfile import BadZipFile

    try:
        yield
    except (BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError) as error:
        # an archive that is broken, encrypted, or packed in a way we do not know
        raise SpecError(f"{shown(name, LONGEST_PATH)} cannot be unpacked: {error}") from None


def tensors(path: str) -> Given:
    """The arrays of a .safetensors file by name."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise SpecError(
            "a .safetensors file needs the safetensors package", "pip install 'cnncalc[safetensors]'"
        ) from None
    try:
        file: Any = safe_open(path, "np")
        names = file.keys()
        slices = {name: file.get_slice(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: {error}") from None
    found = {}
    for name, piece in slices.items():
        kind = _SAFE.get(piece.get_dtype())
        if kind is None:
            raise SpecError(
                f"{shown(name)} is of dtype {piece.get_dtype()}", "save it as F32: NumPy has no such numbers"
            )
        found[name] = Stored(tuple(piece.get_shape()), np.dtype(kind), partial(file.get_tensor, name))
    return found


_SAFE = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_SAFE |= {"U16": "u2", "U32": "u4", "U64": "u8"}


def drop(array: Array, begin: int, end: int) -> None:
    """Give the mapped pages of the samples `begin` … `end` back, where the whole is large: they can be read again."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        if isinstance(base, np.memmap) and base.mode == "c":
            return  # what was written to it stands nowhere else
        base = base.base
    if not isinstance(base, mmap.mmap) or array.nbytes < LEAST_DROPPED or not hasattr(base, "madvise"):
        return
    if not array.flags.c_contiguous:
        return
    start = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    each = array.nbytes // len(array)
    first = -(-(start + begin * each) // mmap.PAGESIZE) * mmap.PAGESIZE if begin else 0
    last = (start + end * each) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        with contextlib.suppress(OSError, ValueError):
            base.madvise(mmap.MADV_DONTNEED, first, last - first)


def machine_memory() -> int | None:
    """Return how many bytes of memory this machine, or this container, has; None if it does not say."""
    if sys.platform == "win32":
        import ctypes

        kibibytes = ctypes.c_ulonglong()
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kibibytes))
        return kibibytes.value << 10 or None  # 0 if the call fails
    limits = []
    with contextlib.suppress(ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            limits.append(int(file.read()))
    return min(limits, default=None)
