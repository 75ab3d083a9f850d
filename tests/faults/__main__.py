"""`python -m tests.faults`: random faults until the time is over; README.md has the details."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter

from . import FAULTS, attempt, commands


def main() -> int:
    """Draw faults until the time is over, print violations of the law, and return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=[*FAULTS], action="append", help="only this one; may be given again")
    parser.add_argument("--only", type=int, help="the number of one case")
    args = parser.parse_args()
    tried, found, skipped = Counter[str](), 0, dict[str, str]()
    end, case = time.monotonic() + args.seconds, args.only or 0
    while time.monotonic() < end:
        for fault in args.fault or FAULTS:
            if fault in skipped:
                continue
            try:
                attempt(fault, args.seed, case)
            except commands.Skip as reason:
                skipped[fault] = str(reason)
                continue
            except Exception:  # noqa: BLE001 - any exception is a finding, or a mistake in the fault itself
                found += 1
                sys.stdout.write(
                    f"--fault {fault!r} --seed {args.seed} --only {case}\n{traceback.format_exc(limit=-1)[-2000:]}\n"
                )
            tried[fault] += 1
        case += 1
        if args.only is not None:
            break
    for fault, count in tried.items():
        sys.stdout.write(f"{count:6} {fault}\n")
    sys.stdout.writelines(f"     - {fault}: {reason}\n" for fault, reason in skipped.items())
    sys.stdout.write(f"{sum(tried.values())} cases, {found} break the law\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
