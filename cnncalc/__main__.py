"""`cnncalc`, and `python -m cnncalc`."""

import _signal  # type: ignore[import-not-found]  # built in

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # quiet also while `heed` is imported

import gc

from .signals import heed


def main() -> None:
    """Run the command line, which is imported only now, and end the process with its exit code."""
    heed()
    gc.disable()  # neither imports nor a report, which is a tree without cycles, leave anything to be found
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
