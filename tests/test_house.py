"""Which module may import which, and what a command may load."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnncalc.cli import COMMANDS
from cnncalc.render import FORMATS
from tests.program import ROOT, environment

FLOORS = [
    "errors",
    "limits",
    "registry",
    "display",
    "signals",
    "files",
    "isolation",
    "outputs",
    "floors",
    "sizes",
    "conditions",
    "window",
    "field",
    "axes",
    "dialects",
    "layers",
    "readings",
    "network",
    "wiring",
    "measures",
    "report",
    "input",
    "trace",
    "parts",
    "memory",
    "counters",
    "comparisons",
    "tabulation",
    "explain",
    "steps",
    "fields",
    "hints",
    "zoo",
    "help",
    "notation",
    "frameworks",
    "sources",
    "contrasts",
    "checks",
    "diffs",
    "solutions",
    "execute",
    "render",
    "api",
    "testing",
    "cli",
]
"""The floors of modules: each may import itself and what is above it in this list."""
ONLY = {
    "click": {"cli"},
    "rich": {"render"},
    "numpy": {"execute", "frameworks"},
    "safetensors": {"execute"},
    "onnx": {"frameworks"},
    "h5py": {"frameworks"},
    "torch": {"frameworks"},
}
PACKAGE = ROOT / "cnncalc"
LIBRARY = {"json", "csv", "io", "os", "sys", "gc", "math", "re", "difflib", "contextlib", "errno"}


def _floor(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere in it, as absolute names."""
    package = ["cnncalc", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            names = [node.module] if node.module else [name.name for name in node.names]
            yield from (".".join([*base, name]) for name in names)


MODULES = sorted(PACKAGE.rglob("*.py"))


def _strays(path: Path) -> Iterator[str]:
    """Yield what a module must not import: modules on later floors, or packages reserved for other floors."""
    here = _floor(path)
    for module in _imports(path):
        top, _, rest = module.partition(".")
        there = rest.partition(".")[0]
        if top == "cnncalc" and there in FLOORS and FLOORS.index(there) > FLOORS.index(here):
            yield f"{path} imports {there}"
        if top in ONLY and here not in ONLY[top]:
            yield f"{path} imports {top}"


def test_imports_run_one_way() -> None:
    modules = [path for path in MODULES if _floor(path) not in ("__init__", "__main__")]
    assert len(modules) > 300
    assert [stray for path in modules for stray in _strays(path)] == []


def test_every_module_has_its_floor() -> None:
    assert {_floor(path) for path in MODULES} - {"__init__", "__main__"} <= set(FLOORS)


def test_a_module_of_the_command_line_is_a_command_or_private() -> None:
    modules = {path.stem for path in (PACKAGE / "cli").glob("*.py")}
    assert {name for name in modules if not name.startswith("_")} == set(COMMANDS)


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES:
        if path.parent.name == "vision" and path.name != "__init__.py":  # source of libraries, with their names
            continue
        for name in re.findall(r"^ *class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            places.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_the_formula_is_written_once() -> None:
    """The division of the floor formula is in one function of window.py; everything else calls it."""
    divisions = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if "//" in (text := path.read_text(encoding="utf-8")) and "stride" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and {a.arg for a in node.args.args} >= {"n", "stride"}
        and any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.FloorDiv) for n in ast.walk(node))
    ]
    assert divisions == ["window.py"]


POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
"""Modules that Windows does not have."""


@pytest.mark.parametrize("folder", ["cnncalc", "tests"])
def test_no_module_needs_what_only_posix_has(folder: str) -> None:
    """The package anywhere, tests when they are collected."""
    alone = {"tests/shells/terminal.py", "tests/bench/gate.py"}  # after an `importorskip`, and not collected
    alone |= {"cnncalc/isolation.py", "cnncalc/outputs.py"}  # modules that work without them
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not re.search(rf"\b({'|'.join(POSIX)})\b", text):
            continue
        tree = ast.parse(text)
        nodes = ast.walk(tree) if folder == "cnncalc" else tree.body
        names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
        assert not names & POSIX or path.relative_to(ROOT).as_posix() in alone, path


def _loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("format", FORMATS)
def test_shape_loads_neither_numpy_nor_rich(format: str) -> None:
    loaded = _loaded(f"from cnncalc.cli import call\nassert call(['shape', 'vgg16', '--format', '{format}']) == 0")
    assert "click" in loaded
    assert not loaded & {"numpy", "rich", "difflib", "dataclasses"}


@pytest.mark.parametrize("words", ["conv:k7,s2 -i 224 --out 112", "unet --least", "--rf 9 conv:k3"])
def test_solve_loads_neither_numpy_nor_rich(words: str) -> None:
    for form in ("table", "json", "csv"):
        line = ["solve", *words.split(), "--format", form]
        assert not _loaded(f"from cnncalc.cli import call\nassert call({line!r}) == 0") & {"numpy", "rich"}


def test_shape_of_an_onnx_file_loads_neither_numpy_nor_the_package() -> None:
    path = str(ROOT / "tests" / "data" / "onnx" / "alexnet.onnx")
    loaded = _loaded(f"from cnncalc.cli import call\nassert call(['shape', {path!r}]) == 0")
    assert "google.protobuf" in loaded
    assert not loaded & {"numpy", "onnx"}


def test_the_package_loads_nothing() -> None:
    loaded = _loaded("import cnncalc")
    assert not loaded & {"numpy", "rich", "click"}
    loaded = _loaded("import cnncalc; cnncalc.shape('vgg16')")
    assert not loaded & {"numpy", "rich", "click"}
