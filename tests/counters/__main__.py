"""Record what the tools themselves print: `python -m tests.counters` rewrites tests/data/counters.jsonl.

It needs PyTorch, torchvision and the tools (torchinfo, fvcore, thop, ptflops, calflops). Each count is made in a
separate process, as a tool that fails leaves PyTorch's functions patched.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import types
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import calflops
import ptflops
import thop
import torch
import torchinfo
import torchvision
from fvcore.nn import FlopCountAnalysis

import cnncalc
from cnncalc import zoo
from tests import DATA
from tests.cases import ROWS

Shape = tuple[int, ...]


def _ptflops(backend: str) -> Callable[[Any, Shape], Any]:
    settings = {"as_strings": False, "print_per_layer_stat": False, "verbose": False, "backend": backend}
    return lambda module, shape: ptflops.get_model_complexity_info(module, shape[1:], **settings)[0]


def _calflops(module: Any, shape: Shape) -> Any:
    return calflops.calculate_flops(module, input_shape=shape, output_as_string=False, print_results=False)[1]


COUNTS: dict[str, Callable[[Any, Shape], Any]] = {
    "torchinfo": lambda module, shape: torchinfo.summary(module, input_size=shape, verbose=0).total_mult_adds,
    "fvcore": lambda module, shape: FlopCountAnalysis(module, torch.zeros(shape)).total(),
    "thop": lambda module, shape: thop.profile(module, inputs=(torch.zeros(shape),), verbose=False)[0],
    "ptflops-pytorch": _ptflops("pytorch"),
    "ptflops-aten": _ptflops("aten"),
    "calflops": _calflops,
}


class Whole(torch.nn.Module):  # type: ignore[misc]
    """A module with a parameter that no tool counts: some tools fail without one."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module, self.p = module, torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: Any) -> Any:
        return self.module(x)


def counts(make: Callable[[], Any], shape: Shape) -> dict[str, int | str]:
    """Return what each tool counts, or the type of its error."""
    return {tool: _apart(lambda count=count: count(Whole(make()).eval(), shape)) for tool, count in COUNTS.items()}  # type: ignore[misc]


def _apart(count: Callable[[], Any]) -> int | str:
    """Return a count made in a separate process."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), torch.no_grad():
                number = count()
            result = f"not {number}" if number is None or number != int(number) else int(number)
        except Exception as error:  # noqa: BLE001  whatever a tool raises, it has no count
            result = type(error).__name__
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found: int | str = json.loads(pipe.read())
    os.waitpid(child, 0)
    return found


def converted(source: Any) -> Callable[[], Any]:
    """Return the class of a network as `cnncalc convert --to torch` writes it."""
    module = types.ModuleType("converted")
    exec(cnncalc.to_torch(source), module.__dict__)
    classes = [
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, torch.nn.Module)
    ]
    return classes[-1]


def torchvisions(name: str) -> Callable[[], Any]:
    """Return a function that makes a network of torchvision, without its weights."""
    settings = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return lambda: getattr(torchvision.models, name)(weights=None, **settings)


def _sizes(source: Any) -> list[int]:
    return [int(str(size)) for size in cnncalc.shape(source).sample]


def lines() -> Iterator[dict[str, Any]]:
    """Yield the versions, then a line for each network and each way to write it, then one for each row of an op."""
    yield {
        name: version(name) for name in ("torch", "torchvision", "torchinfo", "fvcore", "thop", "ptflops", "calflops")
    }
    for name in zoo.names():
        shape = (1, *_sizes(name))
        if hasattr(torchvision.models, name):
            yield {"network": name, "code": "torchvision", **counts(torchvisions(name), shape)}
        yield {"network": name, "code": "converted", **counts(converted(name), shape)}
    yield from sources()
    for row in ROWS:
        document = {"input": list(row.input), "dialect": row.dialect, "layers": row.layers}
        if row.layout == "NHWC" or row.dialect == "keras":
            continue
        try:
            made = converted(document)
        except cnncalc.CnncalcError:
            continue
        yield document | counts(made, (1, *_sizes(document)))


def sources() -> Iterator[dict[str, Any]]:
    """Yield a line for each network written in Python in tests/data/code."""
    cases = json.loads((DATA / "code" / "cases.json").read_text(encoding="utf-8"))
    for name in ("lenet_class.py", "resnet_small.py", "unet_small.py", "vgg_blocks.py"):
        case, module = cases[name], types.ModuleType("source")
        exec((DATA / "code" / name).read_text(encoding="utf-8"), module.__dict__)
        made = getattr(module, case["object"])
        yield {"source": f"{name}:{case['object']}", "input": case["input"]} | counts(
            lambda made=made: made() if callable(made) and not isinstance(made, torch.nn.Module) else made,  # type: ignore[misc]
            (1, *case["input"]),
        )


def main() -> None:
    """Rewrite the file."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with (DATA / "counters.jsonl").open("w", encoding="utf-8") as file:
        for line in lines():
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
