"""Every built-in network with open sizes, compared with the same network for every size from 1 to 600.

`python -m tests.fuzz.formulas [NAME…] [--upto 600] [--width W]`: in each layer, the formula must give the traced size.
The network must be rejected exactly where its conditions do not hold. The width is the height, or W.
"""

from __future__ import annotations

import argparse
import sys
import time

import cnncalc
from cnncalc.zoo import names
from tests.test_conditions import check_formula


def main() -> None:
    """Check networks, and print the conditions of each and for how many sizes they held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--upto", type=int, default=600)
    parser.add_argument("--width", type=int)
    given = parser.parse_args()
    for name in given.names or names():
        begin = time.perf_counter()
        channels = cnncalc.shape(name).sample[0]
        assert isinstance(channels, int)
        holds = cnncalc.shape(name, input=(channels, "H", "W")).holds
        sizes = [(n, given.width or n) for n in range(1, given.upto + 1)]
        held = check_formula(name, channels, sizes)
        sys.stdout.write(f"{name}: {held} of {len(sizes)}, {holds}, {time.perf_counter() - begin:.0f} s\n")


if __name__ == "__main__":
    main()
