"""The budgets of what is read: files are not trusted, and each thing that a few bytes could make many of has a limit.

What is written out is bounded by its file alone. What is made of it is counted before it is made, and an error names
the limit. So a file of less than a megabyte takes at most 2 seconds and 256 MiB to be read, shaped, checked or
compared: `tests/test_limits.py` holds that. Each line of JSON Lines is such a file: the whole may have no end.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import SpecError

MOST_LAYERS = 100_000
"""Layers of a network with `times`, blocks in blocks counted whole: their report takes a second, and 150 MiB as a
table."""
LONGEST_WORDS = 200_000
"""Characters of the layer words of a network."""
DEEPEST_BLOCKS = 100
"""Blocks of a spec, and modules of a print-out, that stand in one another."""
MOST_OPEN = 10_000
"""Letters and floors in the open sizes of a network's maps, as of 5,000 maps of two sizes: 150 microseconds each."""
MOST_NEEDED = 30_000
"""Conditions on open sizes that the layers of a network need: 30 to 60 microseconds each."""
MOST_PHASES_IN_ALL = 400_000
"""Phases of the receptive fields of a network's layers on all axes, as a transposed convolution makes them, counted
for each path that meets there: 2 microseconds each."""
MOST_PHASES_FOLLOWED = 1 << 20
"""Phases of what the units of each layer read of the layer before, where `rf` follows them: a microsecond each."""
MOST_RESIZED = 10_000
"""Copies of layers by `times` whose output has another shape than what they read: 4 KiB, and 100 microseconds, each,
and 300 where `rf` follows them."""
MOST_PRODUCTS = 6_000
"""Layers of a network that multiply their inputs by each other, as attention does: 120 microseconds each."""
MOST_CONTRASTED = 50_000
"""Layers under several dialects, each counted under each: 2 KiB, and 40 microseconds, each, as `check` traces them
again."""
OPEN_AS = 4
"""As how many layers one of open sizes counts there."""
MOST_DIFFED = 30_000
"""Layers of two networks whose difference is looked for, those of both together: 6 KiB, and up to 60 microseconds,
each."""
MOST_UNITS_FOLLOWED = 1 << 32
"""Units on the axes of all maps through which `rf` follows a unit or a pixel: up to 0.3 nanoseconds each."""
MOST_WITH_FIELDS = 10_000
"""Layers whose receptive fields are looked at by `rf`, each counted for each that it reads: 8 KiB, and 100 to 200
microseconds, each."""
MOST_WITH_INFLUENCE = 4_000
"""Layers through which `rf --effective` follows the influence of pixels: 300 microseconds each."""
MOST_OPENED = 4_000
"""Layers of a network that `rf` traces again with open sizes, for the input from which on each adds something: 200
microseconds each."""
MOST_PAIRS = 500_000
"""Pairs of what one layer reads, of all layers together, where `rf` follows each through the layer: 2 microseconds."""
MOST_RUN = 16_000
"""Layers of a network that is run, or whose matrix is made: 5 KiB, and 60 to 120 microseconds, each, before anything
is computed."""
MOST_MULTIPLIED = 1 << 32
"""Multiplications and values of all layers for all columns of a matrix that is made: 0.05 to 1 nanosecond each."""
MOST_CONVERTED = 10_000
"""Layers of a network that is written for another framework: 20 KiB, and 100 microseconds, each for ONNX; some layers
are ten there."""
MOST_WRITTEN = 60_000
"""Nodes of an ONNX file that is written, where a layer may be dozens: 20 microseconds each."""
MOST_EXPLAINED = 10_000
"""Rows whose arithmetic is shown, in a kilobyte and 70 microseconds each, and twice that with open sizes."""
MOST_MEASURED = 20_000
"""Layers of a network that `shape` shows with hints, bytes or the MACs of a tool: up to 40 microseconds each for each
of these."""
MOST_TABULATED = 200_000
"""Layers that `--at` traces, those of a network counted for each row: 1 KiB, and 10 microseconds, each."""
MOST_FINDINGS = 1_000
"""Findings of a file that are listed, and lines of a .jsonl file that cannot be read."""
MOST_MISSPELT = 20
"""Names of layers that are not there for which the nearest are looked for: up to 40 milliseconds each."""
MOST_DRAWN = 10_000
"""Rows of a picture, where equal layers may be one: the place of each is looked for among those of others."""
MOST_STEPPED = 150_000
"""Cells and products of the steps of a window that are drawn: 7 to 16 microseconds each."""
MOST_CALLS = 12_000
"""Calls of layers that a Keras model makes, those of a model in it each time that it is called: 70 to 150 microseconds
each. An archive of a few kilobytes may hold twice as many."""
MOST_PARTS = 15_000
"""Layers that those calls are here, as an attention is several."""
DEEPEST_CONFIG = 32
"""Models of Keras that stand in one another, and lists in an argument of a layer."""
MOST_RESULTS = 4096
"""Tensors that one call of a Keras layer gives."""
MOST_LISTED = 1 << 16
"""Numbers of a list that a layer of a framework stands for by one number, as the classes of an encoding,
or the places of repeated units."""
MOST_LISTED_IN_ALL = 1 << 20
"""Numbers that the layers of one Keras model list in their keys, each result of a call with several counted as
`NUMBERS_A_LAYER`: up to a microsecond each."""
MOST_NODES = 12_000
"""Nodes of an ONNX file, layers that they make, and constants, where `BYTES_A_NODE` does not allow more; modules of a
print-out, those of a repeated one counted each time: up to 100 microseconds, and 3 KiB, each."""
BYTES_A_NODE = 80
"""Bytes of an ONNX file for each node, each layer that it makes, and each constant: exporters write a hundred."""
NUMBERS_A_LAYER = 100
"""How many numbers in the keys of a layer count as one more layer: they take as long."""
ENDS_A_NODE = 4
"""Inputs and outputs of an ONNX file's nodes, for each node that it may have: 10 microseconds each."""
MOST_READ = 4096
"""Numbers of a tensor whose values are read."""
MOST_COMPARED = 1 << 16
"""Numbers of a longer tensor that are compared, for whether all are the same."""
MOST_NUMBERS = 1 << 22
"""Numbers of constants that are worked out while an ONNX file is read, beyond one for each byte of the file."""
NUMBERS_A_NODE = 1000
"""As how many numbers working out one node counts, whatever it holds: it takes as long."""
MOST_NUMBERS_LATER = 1 << 24
"""Numbers that are worked out for one constant when it is read, each as often as it is read on the way, beyond
`MADE_OF_ONE` for each of the trained arrays that it is made of."""
MADE_OF_ONE = 16
MOST_MADE = 1 << 29
"""Numbers of a constant that is worked out."""
SECONDS_APART = 0.3
"""Seconds of the processor that foreign code may take in a process of its own, and as many for each MiB of the file:
onnx's inference of shapes, its inliner, and h5py's look through the groups, which may not end in a broken file. 10,000
nodes, or a thousand arrays, take a tenth of one."""
MEMORY_INFERRED = 128 << 20
"""Bytes that onnx's inference of shapes, or its inliner, may take beyond twice those of the file."""
MOST_HELD = 10_000
"""Groups and arrays of an HDF5 file that are looked at for layers of classes that are not known, and where groups of
a class lack: 50 microseconds each."""
MEMORY_WALKED = 64 << 20
"""Bytes that h5py may take beyond twice those of the file to look through its groups, and not through its arrays: a
list of names may hold one long name any number of times."""
MOST_NAMED = 1 << 20
"""Characters of the names that an HDF5 file lists, each name `BYTES_A_NAME` more, where it has not as many bytes."""
BYTES_A_NAME = 16
"""Bytes that say in an HDF5 file where a name stands."""
MOST_STEPS = 250_000
"""Expressions and statements of Python source that are evaluated; what works on many items takes more than one step."""
MOST_ITEMS = 50_000
"""Items of a list, and characters of a text, that are made while Python source is evaluated."""
MOST_BITS = 256
"""Bits of a whole number there."""
DEEPEST_CALLS = 60
"""Calls there that stand inside one another."""
MOST_CLASSES = 50
"""Classes there that one derives from: an attribute is looked for in each."""
LONGEST_UNKNOWN = 1000
"""Characters of what a value there that is not known is called, as `package.part.function(…).attribute`."""
MOST_AXES = 32
"""Axes of an array, and of a tensor in Python source: NumPy's arrays have no more in all of its versions."""
MOST_FUNCTIONS = 3000
"""Functions of tensors that one run of a network in Python source calls, one of several results counted for each."""
LONGEST_SOURCE = 200_000
"""Characters of a Python source: its syntax tree takes 500 bytes for each."""
MOST_BRACES = 5_000
"""Braces of a Python source with f-strings: before 3.12, Python looks through the whole string for each part of it."""
LARGEST_STREAM = 256 << 20
"""Bytes of a pipe, which may have no end: a report of a million layers is 210 MB of JSON."""
LARGEST_TABLE = 16 << 20
"""Bytes of a table or a list of numbers from a pipe: each number takes a microsecond, and up to 150 bytes."""
LARGEST_DEVICE = 1 << 20
"""Bytes of a device or a terminal, which may have no end either, as /dev/zero: nobody types more."""
LARGEST_UNPACKED = 3 << 19
"""Bytes of a packed text if they are more than the archive's own: the largest models of Keras take 1.3 MB."""
LARGEST_UNPACKED_WEIGHTS = 64 << 20
"""Bytes of packed weights if they are more than `PACKED` times those that hold them; Keras does not pack them."""
LARGEST_METADATA = 1 << 16
"""Bytes of the metadata in a Keras archive."""
LONGEST_HEADER = 1 << 16
"""Bytes of the header of a .npy file, which is a Python literal."""
MOST_ENTRIES = 1 << 16
"""Arrays of a .npz file."""
PACKED = 4
"""How many times larger than its own bytes what is packed may be, whatever its size."""
PACKINGS = (0, 8)
"""How the files of a zip may be packed: not at all, or deflated. Others unpack a whole block for the first byte."""


class Limit:
    """What is made of a thing while something is read, and how much of it may be."""

    __slots__ = ("error", "help", "made", "most", "what")

    def __init__(
        self, most: int, what: str, help: str | None = None, error: Callable[[str, str | None], Exception] = SpecError
    ):
        """`what` is the error's text: `the graph has {made:,} nodes, more than {most:,}`."""
        self.most, self.what, self.help, self.error = most, what, help, error
        self.made = 0

    def count(self, number: int) -> None:
        """Count what is going to be made. SpecError, or the error that was given, if that is more than the limit."""
        self.made += number
        if self.made > self.most:
            raise self.error(self.what.format(made=self.made, most=self.most), self.help)


FEWER_LAYERS = "use --until and --after to take a part of the network"
"""What helps against too many layers, where a command takes these options."""


def within(most: int, number: int, what: str, help: str | None = None) -> None:
    """SpecError if a number of things is more than a limit; `what` is as in `Limit`."""
    Limit(most, what, help).count(number)


def most_nodes(size: int) -> int:
    """Return how many nodes, and constants, an ONNX file of so many bytes may have, those of its functions counted."""
    return max(MOST_NODES, size // BYTES_A_NODE)
