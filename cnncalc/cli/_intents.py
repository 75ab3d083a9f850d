"""Other names for options and their values: a word is looked up by meaning first, then by spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from ..errors import nearest

_OPTIONS = {
    "-i 3x224x224": "shape size input-size input-shape in image-size img-size img imgsz resolution dims",
    "--batch 8": "b n N bs batch-size batches",
    "--dialect torch": "framework backend lib library rules like",
    "--layout NHWC": "data-format channels-last channels-first nhwc nchw order",
    "--max-params 50k": "params macs flops memory",
    "--get params,macs": "summary short brief",
    "--format csv": "f fmt output-format",
    "--get params": "params parameters macs flops total totals count value print",
    "--until LAYER": "up-to upto stop stop-at end backbone",
    "--after LAYER": "from start start-at skip begin head",
    "--explain": "v verbose details why how",
    "--dtype float16": "precision bits half fp16 fp32 int8 memory mem bytes",
    "--sort macs": "sort-by order-by",
    "--top 10": "limit first n-rows",
    "--only conv": "filter type types ops",
    "--columns layer,out,params": "cols fields show",
    "--hints": "hint warn warnings W Wall lint advice tips",
    "--forbid all": "hints hint lint fail-on warnings W Wall Werror deny",
    "--stat": "summary short brief stats totals-only",
    "--expect out=1000": "assert assume require expected want",
    "--baseline FILE --update": "update-baseline write-baseline save-baseline record lock lockfile",
    "--of LAYER": "layer of-layer",
    "--to svg": "format target-format as into svg png html image",
    "--to onnx": "format target-format as into onnx keras torch pytorch",
    "--weights-out W.npz": "save-weights weights-file state-dict",
    "-w W.npz": "weight kernel weights-path filters",
    "-x X.npy": "i input data in image array-file",
    "-y Y.npy": "labels label target-file output-array",
    "--seed 0": "random rand init-random random-weights",
    "--lr 0.01": "learning-rate learningrate rate alpha eta step-size l",
    "--steps 100": "epochs epoch iterations iters iter n-steps n",
    "--json": "to-json as-json j",
    "-o FILE": "out out-file outfile output-file save write file export dest",
    "--color always": "colour colours colors",
    "-q": "silent no-notes s",
}
"""For each option, what people type for it, without dashes."""
_FORMATS = {
    "md": "markdown",
    "gfm": "markdown",
    "tex": "latex",
    "excel": "csv",
    "xlsx": "csv",
    "yaml": "json",
    "yml": "json",
    "xml": "junit",
    "txt": "table",
    "plain": "table",
    "rich": "table",
    "htm": "html",
    "jsonlines": "jsonl",
    "ndjson": "jsonl",
}
_TARGETS = {
    "json": "spec",
    "cnncalc": "spec",
    "pytorch": "torch",
    "py": "torch",
    "python": "torch",
    "tf": "keras",
    "tensorflow": "keras",
    "h5": "keras",
}


def option_meant(word: str, command: click.Command) -> str | None:
    """Return `did you mean -i 3x224x224?` for an unknown option of a command, by its meaning."""
    name = word.lstrip("-").replace("_", "-")
    if name == "version":
        return "write cnncalc --version"
    own = {spelling for param in command.params for spelling in param.opts}
    if f"--{name}" in own and f"--{name}" != word:
        return f"did you mean '--{name}'?"
    if f"-{name}" in own and len(name) == 1:
        return f"did you mean '-{name}'?"
    for written, names in _OPTIONS.items():
        option, _, value = written.partition(" ")
        choices = next((getattr(param.type, "choices", ()) for param in command.params if option in param.opts), ())
        takes = set(re.findall(r"(?<!\S)--?[a-z]\S*", written)) <= own and (not choices or value in choices)
        if name in names.split() and takes:
            return f"did you mean {written}?"
    form = next((param for param in command.params if "--format" in param.opts), None)
    choices = getattr(form and form.type, "choices", ())
    if (meant := _FORMATS.get(name, name)) in choices:
        return f"did you mean --format {meant}?"
    bounds = [spelling for spelling in own if spelling.startswith(word[:5]) and word[:5] in ("--max", "--min")]
    return nearest(word, bounds) if bounds else None


def option_of_others(word: str, context: click.Context) -> str | None:
    """Return `an option of cnncalc check` for an option that only a few other commands have; None for others."""
    root = context.find_root()
    group = root.command
    if not isinstance(group, click.Group) or context is root or not word.startswith("--"):
        return None
    commands = {name: group.get_command(root, name) for name in group.list_commands(root)}
    names = [name for name, one in commands.items() if one and any(word in param.opts for param in one.params)]
    return f"an option of cnncalc {' and '.join(names)}" if 0 < len(names) < 4 else None


def choice_meant(value: str, choices: Iterable[str]) -> str | None:
    """Return `did you mean 'markdown'?` for an unknown value, by its meaning or else its spelling."""
    words = list(choices)
    for table in (_FORMATS, _TARGETS):
        meant = table.get(value.lower())
        if meant in words:
            return f"did you mean '{meant}'?"
    return nearest(value, words)
