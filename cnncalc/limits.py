"""The budgets of what is read: files are not trusted, and each thing that a few bytes could make many of has a limit.

What is written out is bounded by its file alone. What is made of it is counted before it is made, and an error names
the limit. So a file of less than a megabyte takes at most 2 seconds and 256 MiB to be read, shaped, checked or
compared: `tests/test_limits.py` holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import SpecError

MOST_LAYERS = 100_000
"""Layers that `times` makes, blocks in blocks counted whole: their report takes a second, and 150 MiB as a table."""
MOST_CALLS = 10_000
"""Calls of layers that a Keras model makes by calling models in it again: a quarter of a millisecond each."""
MOST_LISTED = 1 << 16
"""Numbers of a list that a layer of a framework stands for by one number, as the classes of an encoding."""
MOST_NODES = 20_000
"""Nodes that the functions of an ONNX file make, those that they call counted whole, and modules of a print-out, those
of a repeated one counted each time: 50 microseconds each."""
MOST_READ = 4096
"""Numbers of a tensor whose values are read."""
MOST_COMPARED = 1 << 16
"""Numbers of a longer tensor that are compared, for whether all are the same."""
MOST_NUMBERS = 1 << 22
"""Numbers of constants that are worked out while an ONNX file is read, beyond one for each byte of the file."""
NUMBERS_A_NODE = 500
"""As how many numbers working out one node counts, whatever it holds: it takes as long."""
MOST_NUMBERS_LATER = 1 << 31
"""Numbers that are worked out for one constant when it is read, each as often as it is read on the way."""
MOST_MADE = 1 << 29
"""Numbers of a constant that is worked out."""
MEMORY_INFERRED = 128 << 20
"""Bytes that onnx's inference of shapes may take."""
MOST_AXES = 1 << 22
"""Sizes of shapes, of all values together, that onnx's inference may list: it takes 30 bytes for each."""
MOST_STEPS = 250_000
"""Expressions and statements of Python source that are evaluated; what works on many items takes more than one step."""
MOST_ITEMS = 50_000
"""Items of a list, and characters of a text, that are made while Python source is evaluated."""
MOST_BITS = 256
"""Bits of a whole number there."""
DEEPEST_CALLS = 60
"""Calls there that stand inside one another."""
MOST_CLASSES = 100
"""Classes there that one derives from."""
MOST_FUNCTIONS = 3000
"""Functions of tensors that one run of a network in Python source calls."""
LONGEST_SOURCE = 200_000
"""Characters of a Python source: its syntax tree takes 500 bytes for each."""
MOST_BRACES = 5_000
"""Braces of a Python source with f-strings: before 3.12, Python looks through the whole string for each part of it."""
LARGEST_STREAM = 256 << 20
"""Bytes of a pipe, which may have no end: a report of a million layers is 210 MB of JSON."""
LARGEST_DEVICE = 1 << 20
"""Bytes of a device or a terminal, which may have no end either, as /dev/zero: nobody types more."""
LARGEST_UNPACKED = 2 << 20
"""Bytes of a packed text if they are more than the archive's own: the largest models of Keras take 1.3 MB."""
LARGEST_UNPACKED_WEIGHTS = 64 << 20
"""Bytes of packed weights if they are more than four times the archive's own; Keras does not pack them."""


class Limit:
    """What is made of a thing while something is read, and how much of it may be."""

    __slots__ = ("error", "help", "made", "most", "what")

    def __init__(
        self, most: int, what: str, help: str | None = None, error: Callable[[str, str | None], Exception] = SpecError
    ):
        """`what` is the error's text: `times makes {made:,} layers, more than {most:,}`."""
        self.most, self.what, self.help, self.error = most, what, help, error
        self.made = 0

    def count(self, number: int) -> None:
        """Count what is going to be made. SpecError, or the error that was given, if that is more than the limit."""
        self.made += number
        if self.made > self.most:
            raise self.error(self.what.format(made=self.made, most=self.most), self.help)


@contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let foreign code take this many more bytes: MemoryError beyond, where the system can say so.

    The limit is one of the process, so there is none if it has other threads.
    """
    from threading import active_count

    if active_count() > 1:
        yield
        return
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # not on Linux
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = taken + more if soft == resource.RLIM_INFINITY else min(soft, taken + more)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
