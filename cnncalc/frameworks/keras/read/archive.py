"""A `.keras` file: a zip in which `config.json` is the model as `to_json()` writes it."""

from __future__ import annotations

import io

from ....errors import SpecError

LARGEST_CONFIG = 64 << 20
"""The most bytes of a config.json that are read, whatever the archive says of its size."""


def config(data: bytes) -> bytes:
    """Return the bytes of an archive's config.json. SpecError if it cannot be read."""
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("config.json") as file:
            content = file.read(LARGEST_CONFIG + 1)
    except KeyError:
        raise SpecError("an archive without config.json", "a .keras file has one") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SpecError(f"a broken archive: {error}") from None
    if len(content) > LARGEST_CONFIG:
        raise SpecError(f"an archive with a config.json of more than {LARGEST_CONFIG >> 20} MiB")
    return content
