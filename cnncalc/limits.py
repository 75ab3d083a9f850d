"""The budgets of what is read: files are not trusted, so whatever a few bytes could multiply has a limit.

What is written out is bounded by its file alone. What it expands to is counted before it is made, and an error names
the limit. So a file of less than a megabyte takes at most 2 seconds and 256 MiB to be read, shaped, checked or
compared; `tests/test_limits.py` tests that. Each line of JSON Lines counts as such a file; the stream may be endless.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import SpecError

MOST_LAYERS = 100_000
"""Layers of a network, with `times` and nested blocks expanded: their report takes a second, and 150 MiB as a
table."""
LONGEST_WORDS = 200_000
"""Characters of the layer words of a network."""
DEEPEST_BLOCKS = 100
"""Nested blocks of a spec, and nested modules of a print-out."""
MOST_OPEN = 8_000
"""Letters and floors in the open sizes of a network's maps, as of 4,000 maps of two sizes: 200 microseconds each."""
MOST_NEEDED = 30_000
"""Conditions on open sizes that a network's layers make: 30 to 60 microseconds each."""
MOST_PHASES_IN_ALL = 400_000
"""Phases of the receptive fields of all layers on all axes, as transposed convolutions make them, counted for each
path that meets there: 2 microseconds each."""
MOST_PHASES_FOLLOWED = 1 << 20
"""Phases of the units that each layer reads from the layer before, where `rf` follows them: a microsecond each."""
MOST_RESIZED = 10_000
"""Copies of layers by `times` whose output shape differs from their input: 4 KiB and 100 microseconds each, or 300
microseconds where `rf` follows them."""
MOST_PRODUCTS = 6_000
"""Layers of a network that multiply their inputs by each other, as attention does: 120 microseconds each."""
MOST_CONTRASTED = 50_000
"""Layers under several dialects, each layer counted once per dialect: 2 KiB and 40 microseconds each, as `check`
traces them again."""
OPEN_AS = 4
"""The number of layers that one layer of open sizes counts as under several dialects."""
MOST_DIFFED = 10_000
"""Layers of two compared networks together: 8 KiB and 60 to 180 microseconds each."""
MOST_UNITS_FOLLOWED = 1 << 32
"""Units on the axes of all maps through which `rf` follows a unit or a pixel: up to 0.3 nanoseconds each."""
MOST_WITH_FIELDS = 7_000
"""Layers whose receptive fields `rf` shows, each counted once per layer that it reads: 8 KiB and 100 to 250
microseconds each."""
MOST_SETTLED = 100_000
"""Layers through which `rf` follows the units without a place whose fields have no closed form, each counted once per
such layer after it: 10 microseconds each. The fields of the layers after that stay bounds, or unknown."""
MOST_PARTS_FOLLOWED = 8_000_000
"""Units on the axes of maps, each counted once per part of the region that `rf --unit` follows through them: 0.2
microseconds each. With more, a region of several parts is taken for the box that encloses it, which is a bound."""
MOST_WITH_INFLUENCE = 4_000
"""Layers through which `rf --effective` follows the influence of pixels: 300 microseconds each."""
MOST_OPENED = 4_000
"""Layers of a network, including those of blocks, that `rf` traces again with open sizes, to find the input size from
which each layer contributes: 200 microseconds each."""
MOST_PAIRS = 500_000
"""Pairs of what one layer reads, of all layers together, where `rf` follows each through the layer: 2 microseconds."""
MOST_RUN = 16_000
"""Layers of a network that is run or turned into a matrix: 5 KiB and 60 to 120 microseconds each, before anything is
computed."""
MOST_MULTIPLIED = 1 << 32
"""Multiplications and values of all layers for all columns of a layer's matrix: 0.05 to 1 nanosecond each."""
MOST_CONVERTED = 6_000
"""Layers of a network written for another framework: 20 KiB and 200 microseconds each for ONNX, where one layer may
become ten."""
MOST_WRITTEN = 60_000
"""Nodes of a written ONNX file, where one layer may become dozens: 20 microseconds each."""
MOST_EXPLAINED = 10_000
"""Rows whose arithmetic is shown: a kilobyte and 70 microseconds each, twice that with open sizes."""
MOST_MEASURED = 16_000
"""Layers of a network that `shape` shows with hints, bytes or the MACs of a tool: up to 50 microseconds each for each
of these."""
MOST_IN_ROWS = 20_000
"""Layers, not counting copies by `times`, of a network that `shape` shows as rows: up to 80 microseconds each."""
MOST_TABULATED = 200_000
"""Layers that `--at` traces, counted once per row: 1 KiB and 10 microseconds each."""
MOST_FINDINGS = 1_000
"""Findings of a file that are listed, and lines of a .jsonl file that cannot be read."""
MOST_MISSPELT = 20
"""Unknown layer names for which the nearest known ones are looked up: up to 40 milliseconds each."""
MOST_DRAWN = 10_000
"""Rows of a picture, in which equal layers may share a row: the place of each is searched among the others'."""
MOST_STEPPED = 150_000
"""Cells and products of the drawn steps of a window: 7 to 16 microseconds each."""
MOST_CALLS = 12_000
"""Calls of layers in a Keras model, those of a nested model counted each time it is called: 70 to 150 microseconds
each. An archive of a few kilobytes may hold twice as many."""
MOST_PARTS = 15_000
"""Layers that those calls become here, as one attention layer becomes several."""
DEEPEST_CONFIG = 32
"""Nested Keras models, and nested lists in an argument of a layer."""
MOST_RESULTS = 4096
"""Tensors that one call of a Keras layer returns."""
MOST_LISTED = 1 << 16
"""Numbers of a list that a framework's layer states as one number, such as the classes of an encoding or the places of
repeated units."""
MOST_LISTED_IN_ALL = 1 << 20
"""Numbers that the layers of one Keras model list in their keys, up to a microsecond each. Each result of a call with
several results counts as `NUMBERS_A_LAYER`."""
MOST_NODES = 12_000
"""Nodes of an ONNX file, the layers they become, and constants, unless `BYTES_A_NODE` allows more; also modules of a
print-out, repeated ones counted each time: up to 100 microseconds and 3 KiB each."""
BYTES_A_NODE = 80
"""Bytes of an ONNX file per node, per layer it becomes, and per constant: exporters write a hundred."""
NUMBERS_A_LAYER = 100
"""The number of numbers in a layer's keys that count as one more layer: they take as long."""
ENDS_A_NODE = 4
"""Inputs and outputs of an ONNX file's nodes, per node that it may have: 10 microseconds each."""
MOST_READ = 4096
"""Numbers of a tensor whose values are read."""
MOST_COMPARED = 1 << 16
"""Numbers of a longer tensor that are compared to see whether all are equal."""
MOST_NUMBERS = 1 << 22
"""Numbers of constants that are computed while an ONNX file is read, beyond one for each byte of the file."""
NUMBERS_A_NODE = 1000
"""The number of numbers that computing one node counts as, whatever its size: it takes as long."""
MOST_NUMBERS_LATER = 1 << 24
"""Numbers that are computed when one constant is read, each counted as often as it is used on the way, beyond
`MADE_OF_ONE` for each trained array that the constant is made of."""
MADE_OF_ONE = 16
MOST_MADE = 1 << 29
"""Numbers of a computed constant."""
SECONDS_APART = 0.3
"""Processor seconds that foreign code may take in a separate process, and again for each MiB of the file. This is for
onnx's shape inference, its inliner, and h5py's walk through the groups, which may never end in a broken file. 10,000
nodes or a thousand arrays take a tenth of a second."""
SECONDS_LOADED = 20.0
"""Seconds of processor time for the trial import of native code; PyTorch takes two."""
MEMORY_SPARED = 32 << 20
"""Bytes of memory that an import of native code must leave free, as the code needs more when it is used."""
MEMORY_INFERRED = 128 << 20
"""Bytes that onnx's shape inference or its inliner may take beyond twice those of the file."""
MOST_HELD = 10_000
"""Groups and arrays of an HDF5 file that are searched for layers of unknown classes, or if a class's groups are
missing: 50 microseconds each."""
MEMORY_WALKED = 64 << 20
"""Bytes that h5py may take beyond twice those of the file to walk through its groups, but not its arrays: a list of
names may hold one long name any number of times."""
MOST_NAMED = 1 << 20
"""Characters of the names that an HDF5 file lists, plus `BYTES_A_NAME` per name, unless the file has as many bytes."""
BYTES_A_NAME = 16
"""Bytes that an HDF5 file needs to point to a name."""
MOST_STEPS = 250_000
"""Evaluated expressions and statements of Python source; an operation on many items counts as more than one step."""
MOST_ITEMS = 50_000
"""Items of lists and characters of text that are made while Python source is evaluated."""
MOST_BITS = 256
"""Bits of an integer in Python source."""
DEEPEST_CALLS = 60
"""Nested calls in Python source."""
MOST_CLASSES = 50
"""Base classes of a class in Python source: an attribute is looked up in each."""
LONGEST_UNKNOWN = 1000
"""Characters in the name of an unknown value in Python source, such as `package.part.function(…).attribute`."""
MOST_AXES = 32
"""Axes of an array, or of a tensor in Python source: some versions of NumPy allow no more."""
MOST_FUNCTIONS = 3000
"""Tensor functions that one run of a network in Python source calls, counted once per result."""
LONGEST_SOURCE = 200_000
"""Characters of a Python source: its syntax tree takes 500 bytes per character."""
MOST_BRACES = 5_000
"""Braces of a Python source with f-strings: before 3.12, Python scans the whole string for each of its parts."""
LARGEST_STREAM = 256 << 20
"""Bytes of a pipe (which may be endless), a text file or a line; a report of a million layers is 210 MB of JSON."""
LARGEST_TABLE = 16 << 20
"""Bytes of a table or a list of numbers from a pipe: each number takes a microsecond, and up to 150 bytes."""
LARGEST_DEVICE = 1 << 20
"""Bytes of a device, which may be endless as /dev/zero is, or of a terminal, where nobody types more."""
LARGEST_UNPACKED = 3 << 19
"""Bytes of an unpacked text, if larger than the archive: the largest Keras models take 1.3 MB."""
LARGEST_UNPACKED_WEIGHTS = 64 << 20
"""Bytes of unpacked weights, if more than `PACKED` times their packed size; Keras does not pack them."""
LARGEST_METADATA = 1 << 16
"""Bytes of the metadata in a Keras archive."""
LONGEST_HEADER = 1 << 16
"""Bytes of the header of a .npy file, which is a Python literal."""
MOST_ENTRIES = 1 << 16
"""Arrays of a .npz file."""
PACKED = 4
"""The factor by which unpacked data may exceed its packed size, whatever that is."""
PACKINGS = (0, 8)
"""The accepted compression methods of a zip: none and deflate. Others unpack a whole block for the first byte."""


class Limit:
    """A counter of things made while something is read, with the most that may be made."""

    __slots__ = ("error", "help", "made", "most", "what")

    def __init__(
        self, most: int, what: str, help: str | None = None, error: Callable[[str, str | None], Exception] = SpecError
    ):
        """`what` is the error's text: `the graph has {made:,} nodes, more than {most:,}`."""
        self.most, self.what, self.help, self.error = most, what, help, error
        self.made = 0

    def count(self, number: int) -> None:
        """Count things that are about to be made.

        Raise SpecError, or the given error, if the total exceeds the limit.
        """
        self.made += number
        if self.made > self.most:
            raise self.error(self.what.format(made=self.made, most=self.most), self.help)


FEWER_LAYERS = "use --until and --after to take a part of the network"
"""The help for too many layers in commands that take these options."""


def check_limit(most: int, number: int, what: str, help: str | None = None) -> None:
    """Raise SpecError if a number of things exceeds a limit; `what` is as in `Limit`."""
    Limit(most, what, help).count(number)


def most_nodes(size: int) -> int:
    """Return how many nodes and constants an ONNX file of `size` bytes may have, those of its functions included."""
    return max(MOST_NODES, size // BYTES_A_NODE)
