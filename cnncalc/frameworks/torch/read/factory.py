"""A module made by the user's own code, `package.module:factory`, imported as if from the current folder."""

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
    """Return whether a word has the form `package.module:name`."""
    return _FACTORY.fullmatch(word) is not None


def make(word: str) -> Any:
    """Return the module that `package.module:name` names; a function or a class of this name is called.

    Raise SpecError if it cannot be imported, has no such name, or the call fails. Its prints go to standard error, as
    standard output is for the result.
    """
    from . import needs_torch

    needs_torch()
    from torch.nn import Module

    path, _, names = word.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            made = importlib.import_module(path)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is anybody's code
            help = "Python searches the current folder and the installed packages"
            raise failed(f"{shown(path)} cannot be imported:", error, help) from None
        for name in names.split("."):
            if not hasattr(made, name):
                public = [one for one in getattr(made, "__dict__", {}) if not one.startswith("_")]
                raise SpecError(f"{shown(path)} has no {shown(name)}", nearest(name, public))
            made = getattr(made, name)
        if isinstance(made, Module) or not callable(made):
            return made
        try:
            return made()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is anybody's code
            raise failed(f"{shown(word)} fails:", error, "the factory is called without arguments") from None


def failed(what: str, error: BaseException, help: str) -> SpecError:
    """Return the error for user code that failed: what failed, and the first line of the original error."""
    text = (str(error).splitlines() or [""])[0]
    return SpecError(f"{what} {type(error).__name__}: {shown(text, 200)[1:-1]}", help)
