"""Inputs changed by atheris, which keeps those that reach new code: started by `tests.fuzz.hostile --guided`.

python -m tests.fuzz.guided FORMAT FOLDER SECONDS SEED
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

SLOWER = 10
"""How much slower code with coverage tracing is."""
WARM = 20
"""How many inputs are tried first, so that the modules they need are imported, and traced while they are."""
SECONDS = 50
"""The most seconds that an input may take."""


def main(format: str, folder: str, seconds: str, seed: str) -> None:
    """Try inputs of a format for some time; a fault is printed, and its input kept."""
    from . import commands, laws
    from .commands import Draw
    from .formats import FORMATS, made
    from .hostile import Finds, attempt

    laws.SLOWEST *= SLOWER
    commands.LONGEST *= SLOWER
    for number in range(WARM):
        attempt(format, made(format, Draw(f"{seed}/{number}")))
    commands.LONGEST = SECONDS
    finds, corpus = Finds(Path(folder)), Path(folder, f"corpus-{format}")
    corpus.mkdir(exist_ok=True)

    def test(data: bytes) -> None:
        fault = attempt(format, data)
        if fault is not None:
            finds.add(format, data, fault)

    def mutated(data: bytes, largest: int, number: int) -> bytes:
        draw = Draw(number)
        kind = draw.random()
        if kind < 0.2:
            changed = made(format, draw)
        elif kind < 0.8:
            changed = FORMATS[format].mutated(data, draw)
        else:
            changed = bytes(atheris.Mutate(data, largest))
        return changed[:largest]

    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        "-max_len=65536",
        f"-timeout={SECONDS + 10}",
        "-rss_limit_mb=4096",
    ]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1"]
    sys.stdout.flush()
    atheris.Setup([sys.argv[0], *options, str(corpus)], test, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    with atheris.instrument_imports(include=["cnncalc"]):  # until the end, as most modules are imported when needed
        main(*sys.argv[1:])
