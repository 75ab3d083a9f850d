"""`cnncalc convert`: a network in another form."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import sources
from ..errors import SpecError, shown
from ..frameworks import ENDINGS, TARGETS, writer
from ..input import FIRST, Inputs
from ..network import Network, no_input
from ..outputs import STDOUT, all_or_none, binary_output, text_output
from ..report import Report
from ..sizes import Shape, size_text
from ..sources.words import SpecWords, is_file, is_network, spec_words
from ._arrays import is_keras, keras_arrays, note_size, read_weights
from ._endings import check_ending, form
from ._network_options import NetworkOptions, network_options
from ._options import file_option, message_options, output_option, path_option, together
from ._terminal import note
from ._usage import Command, OneOf


@click.command("convert", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@together(
    click.option(
        "--to", "target", type=OneOf(TARGETS), help="Format to write; by default from the name of -o, or spec."
    ),
    file_option(
        "-w",
        "--weights-in",
        "w_path",
        metavar="W",
        help="Weights by name (.npz, .safetensors) to store in the ONNX file.",
    ),
    output_option("--weights-out", "npz", metavar="W.npz", help="Write the network's own weights to this file."),
    output_option("--weights", "old_npz", metavar="W.npz", hidden=True),  # the old name of --weights-out
    path_option(),
    message_options,
)
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    target: str | None,
    w_path: str | None,
    npz: str | None,
    old_npz: str | None,
    path: str | None,
) -> int:
    """Write a network in another form: a network of another framework as a spec, or a spec for another framework.

    A torch.nn.Module is named as package.module:factory, and needs -i.

    \b
      cnncalc convert net.onnx -o net.json --weights-out net.npz
      cnncalc convert torchvision.models:resnet50 -i 3x224x224 --weights-out resnet50.npz
      cnncalc convert resnet18 -o resnet18.onnx
      cnncalc convert resnet18 --to torch
    """
    if old_npz is not None:
        note("--weights is now called --weights-out")
        if npz is not None:
            raise SpecError("--weights and --weights-out are the same option", "leave --weights out")
        npz = old_npz
    check_ending(npz, (".npz",), "a set of weights", "--weights-out")
    if npz == STDOUT and path in (None, STDOUT):
        raise SpecError("the network and its weights would both go to standard output", "give -o FILE")
    target = form("--to", target, path, ENDINGS) or "spec"
    if w_path is not None and target != "onnx":
        raise SpecError("-w is only for writing ONNX files", "add --to onnx")
    words = spec_words(spec)
    _check_one(words)
    options = options.with_front(words)
    network = _read(words, options)
    options.note_report(network)
    network, options = options.taken(network)
    network = options.settle(network)
    if w_path is not None:
        from ..execute.weights import sourced

        network = sourced(network, keras_arrays(w_path, network) if is_keras(w_path) else read_weights(w_path))
    report = _announced(network, 3 if target == "onnx" else 1) if target == "onnx" or npz is not None else None
    written = writer(target)(network)
    with all_or_none():
        if npz is not None:
            _save_weights(report, npz)
        if isinstance(written, bytes):
            with binary_output(path) as file:
                file.write(written)
        else:
            with text_output(path, utf8=True) as stream:
                stream.write(written)
    return 0


def _announced(network: Network, times: int) -> Report | None:
    """Announce the memory needed to write a network's own weights: `times` times their bytes.

    Return the network's report; None if it has no weights. Raise SpecError if the machine has less memory.
    """
    if network.source is None or not network.source.weights:
        return None
    from ..execute.npy import has_memory
    from ..execute.weights import carried_bytes
    from ..trace import shape

    report = shape(network.inlined())
    size = carried_bytes(report)
    text = f"needs {size_text(times * size)} more memory to write weights of {size_text(size)}"
    has_memory(f"convert {text}", times * size, "use --until to take a part of the network")
    note_size(text, times * size)
    return report


def _check_one(words: SpecWords) -> None:
    """Raise SpecError if the last word is the file to write rather than part of the SPEC."""
    *before, last = words.rest
    if len(before) != 1 or not is_network(before[0]) or os.path.exists(last):
        return
    if last.lower() in TARGETS:
        raise SpecError(f"{shown(last)} is not a part of a SPEC", f"to write this format, give --to {last.lower()}")
    if any(last.lower().endswith(ending) for endings in ENDINGS.values() for ending in endings):
        raise SpecError(f"{shown(last)} is not a part of a SPEC", f"to write this file, give -o {last}")


def _read(words: SpecWords, options: NetworkOptions) -> Network:
    """Return the network of SPEC words, or of a torch.nn.Module."""
    from ..frameworks.torch.read.factory import is_factory
    from ..notation.words import is_layer_word

    (word, *more) = words.rest
    if more or is_layer_word(word) or not is_factory(word) or is_file(word):
        return sources.load_words(words)
    from ..frameworks.torch.read import read
    from ..frameworks.torch.read.factory import make

    if options.input is None:
        raise no_input()
    given: Any = as_read(options.input)
    return sources.imported(read(make(word), given, batch=options.batch), word)


def as_read(input: Shape | Inputs) -> Shape | dict[str, Shape]:
    """Return the inputs of a module in its reader's form: one shape, or several by name."""
    if not isinstance(input, Inputs):
        return input
    names = [name or (FIRST if not at else f"{FIRST}_{at + 1}") for at, (name, _) in enumerate(input)]
    return dict(zip(names, [shape for _, shape in input], strict=True))


def _save_weights(report: Report | None, path: str) -> None:
    """Write a network's own weights to a .npz."""
    from ..execute.sinks import save_all
    from ..execute.weights import Carried

    arrays = {} if report is None else Carried().of(report)
    if not arrays:
        raise SpecError("--weights-out writes a network's own weights, but this one has none", "leave it out")
    save_all(path, arrays)
