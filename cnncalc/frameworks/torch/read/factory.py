"""`package.module:factory`: a module from the user's own code, imported as Python would from the current folder."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from typing import Any

from ....errors import SpecError, nearest, shown

_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_factory(word: str) -> bool:
    """Whether a word has the form `package.module:name`."""
    return _FACTORY.fullmatch(word) is not None


def make(word: str) -> Any:
    """The module that `package.module:name` names, made where it is a function or a class.

    SpecError if it cannot be imported, has no such name, or what is called fails. What it prints goes to standard
    error: standard output is for the result.
    """
    from . import needs_torch

    needs_torch()
    from torch.nn import Module

    path, _, name = word.partition(":")
    with contextlib.redirect_stdout(sys.stderr):
        made = _named(_imported(path), path, name)
        if isinstance(made, Module) or not callable(made):
            return made
        try:
            return made()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is anybody's code
            raise _failed(f"{shown(word)} fails", error, "it is called without arguments") from None


def _imported(path: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is anybody's code
        help = "Python looks in the current folder, and where packages are installed"
        raise _failed(f"{shown(path)} cannot be imported", error, help) from None


def _named(value: Any, path: str, name: str) -> Any:
    for part in name.split("."):
        if not hasattr(value, part):
            public = [one for one in vars(value) if not one.startswith("_")] if hasattr(value, "__dict__") else []
            raise SpecError(f"{shown(path)} has no {shown(part)}", nearest(part, public))
        value = getattr(value, part)
    return value


def _failed(what: str, error: BaseException, help: str) -> SpecError:
    text = (str(error).splitlines() or [""])[0]
    return SpecError(f"{what}: {type(error).__name__}: {shown(text, 200)[1:-1]}", help)
