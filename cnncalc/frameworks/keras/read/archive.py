"""The reader of `.keras` files: zips of the model (`config.json`, from `to_json()`) and an HDF5 file of weights."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

from ....errors import SpecError, reason
from ....limits import LARGEST_METADATA, LARGEST_UNPACKED, LARGEST_UNPACKED_WEIGHTS, PACKED, PACKINGS
from ....sizes import size_text

WEIGHTS = "model.weights.h5"
_SAVE = "save the model with Keras, which does not compress it"


def is_keras(data: bytes) -> bool:
    """Return whether a zip is a Keras archive."""
    import zipfile

    with _unpacking(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        return WEIGHTS in archive.namelist()


def config(data: bytes) -> bytes:
    """Return the bytes of an archive's config.json. Raise SpecError if it cannot be read."""
    return _member(data, "config.json", max(LARGEST_UNPACKED, len(data)))


def version(data: bytes) -> str | None:
    """Return the version of Keras that wrote an archive, from its metadata.json; None if it is not stated."""
    try:
        value = json.loads(_member(data, "metadata.json", LARGEST_METADATA))
    except (SpecError, ValueError, RecursionError):
        return None
    found = value.get("keras_version") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def weights(data: bytes) -> bytes:
    """Return the bytes of an archive's HDF5 file. Raise SpecError if it cannot be read."""
    return _member(data, WEIGHTS, max(LARGEST_UNPACKED_WEIGHTS, PACKED * len(data)))


def _member(data: bytes, name: str, most: int) -> bytes:
    """Return a file of an archive. Raise SpecError if it is larger than `most` bytes."""
    import zipfile

    try:
        with _unpacking(), zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(name).compress_type not in PACKINGS:
                raise SpecError(f"its {name} uses a compression other than deflate", _SAVE)
            with archive.open(name) as file:
                content = file.read(most + 1)
    except KeyError:
        raise SpecError(f"an archive without {name}", "a .keras file has one") from None
    if len(content) > most:
        what = f"its {name} is more than {size_text(most)}, unpacked from {len(data):,} bytes"
        raise SpecError(what, _SAVE)
    return content


@contextmanager
def _unpacking() -> Iterator[None]:
    import zipfile
    import zlib

    try:
        yield
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SpecError(f"a broken archive: {reason(error)}") from None
