"""Read arrays from .npy, .npz and .safetensors files, which are not trusted; a .npy file is mapped if possible.

Nothing is unpickled. A header's claims are compared with the file's size before memory is allocated.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.lib import format as npy

from .. import files
from ..errors import LONGEST_PATH, SpecError, reason, shown
from ..limits import LARGEST_TABLE, LONGEST_HEADER, MOST_AXES, MOST_ENTRIES, PACKINGS
from ..sizes import show, size_text
from .task import Array, Dtype
from .texts import ENDINGS as TEXTS
from .texts import read_text

if TYPE_CHECKING:
    from zipfile import ZipFile

T = TypeVar("T")
MAGIC = b"\x93NUMPY"
ZIP = b"PK"
AT_ONCE = 1 << 24
AT_LEAST = len(MAGIC) + 2
"""The number of bytes that identify a file's format."""
LEAST_DROPPED = 64 << 20
"""The size from which mapped pages of an array are given back during the work."""


class Head(NamedTuple):
    """The header of a .npy."""

    shape: tuple[int, ...]
    kind: Dtype
    order: str
    """C or F."""

    @property
    def bytes(self) -> int:
        """The bytes of the data."""
        return prod(self.shape) * self.kind.itemsize


class Stored(NamedTuple):
    """An array in a file that `read` reads."""

    shape: tuple[int, ...]
    dtype: Dtype
    read: Callable[[], Array]


NamedArrays = Mapping[str, "Array | Stored"]
"""Arrays by name, some of which are still in a file."""


def head(file: IO[bytes], name: str, magic: bytes | None = None) -> Head:
    """Read the header of a .npy. Raise SpecError if the file is not one, or does not hold plain numbers.

    `magic` are the first bytes, if they have been read.
    """
    magic = file.read(AT_LEAST) if magic is None else magic
    shown_name = shown(name, LONGEST_PATH)
    if magic[: len(MAGIC)] != MAGIC:
        kind = _kind(magic)
        what = f"{shown_name} is not a .npy file" if kind is None else f"{shown_name} is {kind}, not a .npy file"
        raise SpecError(what, _picture_help(name) if kind is not None and kind.endswith("picture") else _SAVE)
    try:
        version = ".".join(map(str, magic[-2:]))
        if version not in _READERS:
            raise ValueError(f"version {version} of the format does not hold plain numbers")
        width, read = _READERS[version]
        length = file.read(width)
        size = int.from_bytes(length, "little")
        if size > LONGEST_HEADER:
            raise ValueError(f"it claims to be {size:,} bytes long")
        shape, fortran, kind = read(io.BytesIO(length + file.read(size)), LONGEST_HEADER)
    except Exception as error:  # noqa: BLE001 - a header is a Python literal: whatever its reader makes of a hostile one
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"{shown_name} has a broken header: {why[:120]}", _SAVE) from None
    if any(type(n) is not int or n < 0 for n in shape):
        raise SpecError(f"{shown_name} claims the shape {shown(shape)}", "sizes are whole numbers")
    if len(shape) > MOST_AXES:
        raise SpecError(f"{shown_name} claims a shape of {len(shape):,} sizes", f"an array has at most {MOST_AXES}")
    if kind.hasobject:
        raise SpecError(f"{shown_name} holds Python objects", "for safety nothing is unpickled: save plain numbers")
    if kind.names is not None or kind.subdtype is not None or kind.itemsize == 0:
        raise SpecError(f"{shown_name} is of dtype {kind}", "save a single field of it as plain numbers")
    if prod(filter(None, shape)) * kind.itemsize > sys.maxsize:  # NumPy counts like this even if a size is 0
        raise SpecError(f"{shown_name} claims the shape {shown(shape)}", "no array can be that large")
    return Head(shape, kind, "F" if fortran else "C")


_SAVE = "save it again with numpy.save"
_READERS: dict[str, tuple[int, Callable[[IO[bytes], int], Any]]] = {
    "1.0": (2, npy.read_array_header_1_0),
    "2.0": (4, npy.read_array_header_2_0),
}
"""For each version of the format, the bytes of the header's length and the function that reads the header."""
_KINDS = {ZIP: "a zip archive (.npz)", b"\x80": "a pickle", b"\x89HDF": "an HDF5 file"}
_KINDS |= {b"{": "JSON", b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture", b"GIF8": "a GIF picture"}
_KINDS |= {b"BM": "a BMP picture", b"II*\0": "a TIFF picture", b"MM\0*": "a TIFF picture", b"P5": "a PGM picture"}
_KINDS |= {b"P6": "a PPM picture"}
"""Other kinds of files, by their first bytes."""


def _picture_help(name: str) -> str:
    """Return the line of Python that saves a picture's pixels as an array (3, H, W) of numbers from 0 to 1."""
    saved = os.path.splitext(os.path.basename(name))[0] + ".npy"
    pixels = f"np.asarray(Image.open({name!r}).convert('RGB'), np.float32)"
    line = f"import numpy as np; from PIL import Image; np.save({saved!r}, {pixels}.transpose(2, 0, 1) / 255)"
    return f"to save its pixels as an array: python -c {_quoted(line)}"


def _quoted(line: str) -> str:
    """Return a line in double quotes, for POSIX shells and Windows, or in single quotes if shells would expand it."""
    if "$" in line or "`" in line:
        return shlex.quote(line)
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _kind(magic: bytes) -> str | None:
    """Return the kind of file that begins with these bytes; None if unknown."""
    if not magic:
        return "empty"
    return next((kind for start, kind in _KINDS.items() if magic.startswith(start)), None)


def mapped(path: str) -> Array:
    """Return the array of a .npy, mapped into memory; pipes, devices and texts are read.

    Raise SpecError if it is neither a .npy nor a text of numbers.
    """
    with files.opened(path) as file:
        if not os.path.isfile(path):
            return read(file, path)
        if is_text(file.peek(AT_LEAST)[:AT_LEAST], path):  # type: ignore[attr-defined]
            return read_text(file.read(), path)
        header = head(file, path)
        begin = file.tell()
        if not header.bytes:
            return np.empty(header.shape, header.kind)
        data = files.mapped(file, path)
        if len(data) - begin < header.bytes:
            raise _truncated(path, header, len(data) - begin)
        return np.ndarray(header.shape, header.kind, data, begin, order=header.order)  # type: ignore[arg-type]


def _truncated(name: str, header: Head, have: int) -> SpecError:
    needs = f"{show(header.shape)} of {header.kind} is {header.bytes:,} bytes"
    return SpecError(f"{shown(name, LONGEST_PATH)} is truncated: {needs}, but only {have:,} are there", _SAVE)


def is_text(begin: bytes, name: str) -> bool:
    """Return whether a file is a table or a list of numbers, by its ending or its first number or row."""
    if begin.startswith(MAGIC) or _kind(begin[:AT_LEAST]) not in (None, "empty"):
        return False
    first = begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    is_row = begin.isascii() and b"," in begin
    return is_row or name.lower().endswith(TEXTS) or (first != b"" and first in b"[-+.0123456789")


def read(file: IO[bytes], name: str, magic: bytes | None = None) -> Array:
    """Read the array of a .npy that cannot be mapped, or of a text. Memory is allocated as the data are read.

    `magic` are the first bytes, if they have been read.
    """
    magic = file.read(AT_LEAST) if magic is None else magic
    if is_text(magic, name):
        return read_text(magic + files.read_whole(file, name, LARGEST_TABLE), name)
    header, data = head(file, name, magic), bytearray()
    what = f"{shown(name, LONGEST_PATH)} is {size_text(header.bytes)} of numbers"
    has_memory(what, header.bytes, "give a .npy file, of which only the needed part is read")
    while len(data) < header.bytes:
        some = file.read(min(AT_ONCE, header.bytes - len(data)))
        if not some:
            raise _truncated(name, header, len(data))
        data += some
    return np.frombuffer(data, header.kind, prod(header.shape)).reshape(header.shape, order=header.order)  # type: ignore[call-overload, no-any-return]


def weights(path: str) -> NamedArrays | Array:
    """Return the array of a .npy, or the named arrays of a .npz or .safetensors file without reading them yet."""
    with files.opened(path) as file:
        if not os.path.isfile(path):
            return received(file, path)
        magic = file.read(len(MAGIC))
    if magic == MAGIC:
        return mapped(path)
    if magic.startswith(ZIP):
        return archived(path)
    if path.endswith(".safetensors"):
        return tensors(path)
    if is_text(magic, path):
        return mapped(path)
    if magic[:1] == b"\x80":
        raise _checkpoint(path)
    what = f"{shown(path, LONGEST_PATH)} is {_kind(magic) or 'not a file of arrays'}"
    raise SpecError(what, "weights come in a .npy, a .npz or a .safetensors file")


def received(file: IO[bytes], name: str) -> NamedArrays | Array:
    """Return the array of a .npy or a text, or the named arrays of a .npz, from a stream, which is read once."""
    magic = file.read(AT_LEAST)
    if magic.startswith(ZIP):
        return archived(name, io.BytesIO(magic + files.read_whole(file, name)))
    if magic and not magic.startswith(MAGIC) and not is_text(magic, name):
        what = f"{shown(name, LONGEST_PATH)} is not a .npy file, a .npz file or a table of numbers"
        raise SpecError(
            what, ("give weights in another format, such as .safetensors, as a file: only these can come from a pipe")
        )
    return read(file, name, magic)


def _checkpoint(path: str) -> SpecError:
    """Return the error for a pickle, such as PyTorch's weights, with the line of Python that saves its arrays."""
    saved = os.path.splitext(os.path.basename(path))[0] + ".npz"
    read = f"w = torch.load({path!r}, 'cpu', weights_only=True); w = w.get('state_dict', w)"
    line = f"import numpy, torch; {read}; numpy.savez({saved!r}, **{{k: v.numpy() for k, v in w.items()}})"
    what = f"{shown(path, LONGEST_PATH)} is a pickle, as saved by PyTorch, and for safety nothing is unpickled"
    return SpecError(what, f"to save its arrays as a .npz file: python -c {_quoted(line)}")


def archived(path: str, data: IO[bytes] | None = None) -> NamedArrays:
    """Return the arrays of a .npz by name, from its path or its data.

    Raise SpecError for an archive of something else.
    """
    from zipfile import ZipFile

    with _unpacking(path):
        archive = ZipFile(data or path)
    names = archive.namelist()
    others = [name for name in names if not name.endswith(".npy")]
    if others or not names or len(names) > MOST_ENTRIES:
        what = shown(others[0]) if others else f"{len(names)} entries"
        help = "a .npz file holds .npy files"
        if any(name.endswith(".pkl") for name in others):
            raise _checkpoint(path)
        raise SpecError(f"{shown(path, LONGEST_PATH)} holds {what}, but no .npy file", help)
    if len(set(names)) < len(names):
        raise SpecError(f"{shown(path, LONGEST_PATH)} holds the same name twice", "save it again with numpy.savez")
    return {name.removesuffix(".npy"): _entry(archive, name, f"{path}:{name}") for name in names}


def _entry(archive: ZipFile, entry: str, name: str) -> Stored:
    if archive.getinfo(entry).compress_type not in PACKINGS:
        what = f"{shown(name, LONGEST_PATH)} uses a compression other than deflate"
        raise SpecError(what, "save it again with numpy.savez")

    def unpack(reader: Callable[[IO[bytes], str], T]) -> T:
        with _unpacking(name), archive.open(entry) as file:
            return reader(file, name)

    header = unpack(head)
    return Stored(header.shape, header.kind, lambda: unpack(read))


@contextlib.contextmanager
def _unpacking(name: str) -> Iterator[None]:
    import zlib
    from zipfile import BadZipFile

    try:
        yield
    except (BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError) as error:
        # an archive that is broken, encrypted, or compressed by an unknown method
        raise SpecError(f"{shown(name, LONGEST_PATH)} cannot be unpacked: {reason(error)}") from None


def tensors(path: str) -> NamedArrays:
    """Return the arrays of a .safetensors file by name.

    Raise SpecError if it is unreadable or has unsupported dtypes.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        what = "a .safetensors file needs the safetensors package"
        raise SpecError(what, "pip install 'cnncalc[safetensors]'") from None
    try:
        file: Any = safe_open(path, "np")
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is not a dict
    except (SafetensorError, OSError) as error:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: {reason(error)}") from None
    files.guard()  # the library maps the file
    arrays = {}
    for name, piece in slices.items():
        kind = piece.get_dtype()
        if kind not in _SAFE:
            raise SpecError(f"{shown(name)} is of dtype {kind}", "save it as F32: NumPy does not have this type")
        arrays[name] = Stored(tuple(piece.get_shape()), np.dtype(_SAFE[kind]), partial(file.get_tensor, name))
    return arrays


_SIZES = {"F": (2, 4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}
_SAFE = {f"{kind}{8 * size}": f"{kind.lower()}{size}" for kind, sizes in _SIZES.items() for size in sizes}
_SAFE |= {"BOOL": "?"}
"""NumPy's names of the dtypes of .safetensors files."""


def drop(array: Array, begin: int, end: int) -> None:
    """Give back the mapped pages of samples `begin` … `end` if the array is large; they can be read again."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        if isinstance(base, np.memmap) and base.mode == "c":
            return  # its changes exist nowhere else
        base = base.base
    if not isinstance(base, mmap.mmap) or array.nbytes < LEAST_DROPPED or not array.flags.c_contiguous:
        return
    if not hasattr(base, "madvise"):  # Windows
        return
    start = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    each = array.nbytes // len(array)
    first = -(-(start + begin * each) // mmap.PAGESIZE) * mmap.PAGESIZE if begin else 0
    last = (start + end * each) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        with contextlib.suppress(OSError, ValueError):
            base.madvise(mmap.MADV_DONTNEED, first, last - first)


def has_memory(text: str, size: int, help: str) -> None:
    """Raise SpecError if the machine has less memory than `size` bytes; `text` says what needs that much."""
    have = machine_memory()
    if have is not None and size > have:
        raise SpecError(f"{text}, but the machine has {size_text(have)}", help)


def machine_memory() -> int | None:
    """Return the bytes of memory of this machine or container; None if unknown."""
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
