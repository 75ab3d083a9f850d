"""The settings that PyTorch's functions accept; other values are rejected when a function runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ....errors import ShapeError
from .shapes import as_code, listed
from .tensors import TensorValue

_SETTINGS = """
conv{}d stride=axes padding=padding dilation=axes groups=whole
conv_transpose{}d stride=axes padding=axes output_padding=axes groups=whole dilation=axes
max_pool{}d kernel_size=axes stride=axes? padding=axes dilation=axes ceil_mode=flag
avg_pool{}d kernel_size=axes stride=axes? padding=axes ceil_mode=flag count_include_pad=flag
lp_pool{}d norm_type=number kernel_size=each stride=axes? ceil_mode=flag
adaptive_avg_pool1d output_size=each
adaptive_max_pool1d output_size=each
adaptive_avg_pool2d output_size=open
adaptive_max_pool2d output_size=open
adaptive_avg_pool3d output_size=open
adaptive_max_pool3d output_size=open
unfold kernel_size=each dilation=each padding=each stride=each
fold output_size=each kernel_size=each dilation=each padding=each stride=each
pixel_shuffle upscale_factor=whole
pixel_unshuffle downscale_factor=whole
channel_shuffle groups=whole
interpolate size=sizes? scale_factor=factors? align_corners=flag?
pad pad=sides value=number?
batch_norm momentum=number? eps=number
instance_norm momentum=number? eps=number
group_norm num_groups=whole eps=number
layer_norm eps=number
rms_norm eps=number?
local_response_norm size=whole alpha=number beta=number k=number
lstm num_layers=whole bidirectional=flag
gru num_layers=whole bidirectional=flag
rnn_tanh num_layers=whole bidirectional=flag
rnn_relu num_layers=whole bidirectional=flag
gelu approximate=approximate
leaky_relu negative_slope=number
elu alpha=number
celu alpha=number
rrelu lower=number upper=number
threshold threshold=number value=number
hardtanh min_val=number max_val=number
softplus beta=number threshold=number
softshrink lambd=number
hardshrink lambd=number
dropout p=number
dropout{}d p=number
alpha_dropout p=number
feature_alpha_dropout p=number
cosine_similarity eps=number
pairwise_distance p=number eps=number keepdim=flag
"""
"""One function per line, `{}` in its name for 1 to 3 axes, with the form of each setting; `?` allows None.

Source: the signatures by which PyTorch 2.13 parses its arguments.
"""


class Form(NamedTuple):
    """A form of settings."""

    text: str
    takes: Callable[[Any], bool]
    """Whether a value, or each one in a list, has the form."""
    lists: str = ""
    """Which lists are allowed: `each` (one value per axis), `lone` (or a single value), `any`, or `only` (a list is
    required)."""


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


_AXES = "a whole number, or one for each axis"
FORMS = {
    "flag": Form("True or False", lambda value: isinstance(value, bool)),
    "whole": Form("a whole number", _is_whole),
    "number": Form("a number", _is_number),
    "approximate": Form("'none' or 'tanh'", lambda value: value in ("none", "tanh")),
    "axes": Form(_AXES, _is_whole, "lone"),
    "each": Form(_AXES, _is_whole, "each"),
    "open": Form(f"{_AXES}, or None in a list", lambda value: value is None or _is_whole(value), "each"),
    "padding": Form(
        f"{_AXES}, 'same' or 'valid'", lambda value: _is_whole(value) or value in ("same", "valid"), "lone"
    ),
    "sizes": Form(_AXES, _is_whole, "any"),
    "factors": Form("a number, or one for each axis", _is_number, "any"),
    "sides": Form("a list of whole numbers", _is_whole, "only"),
}


class Argument(NamedTuple):
    """The form of one setting of a function."""

    form: Form
    is_optional: bool
    nd: int
    """The number of the function's spatial axes."""

    def read(self, name: str, value: Any) -> Any:
        """Return a value, with bools as numbers. Raise ShapeError if the value is rejected."""
        form = self.form
        is_left_out = value is None or (form.lists != "" and value in ((), []))
        if isinstance(value, TensorValue) or (self.is_optional and is_left_out):
            return value
        fits, given = value is not None and form.lists != "only", [value]
        if form.lists and isinstance(value, (list, tuple)):
            count = self.nd if form.lists in ("each", "lone") else len(value)
            fits, given = True, listed(value, count, name, lone=form.lists == "lone")
        if not fits or not all(isinstance(one, TensorValue) or form.takes(one) for one in given):
            raise ShapeError(f"{name} is {as_code(value)}, not {form.text}")
        return int(value) if isinstance(value, bool) and form is FORMS["number"] else value


@cache
def settings() -> dict[str, dict[str, Argument]]:
    """Return the settings of each function by name."""
    found = {}
    for line in _SETTINGS.strip().splitlines():
        function, *texts = line.split()
        forms = [text.partition("=") for text in texts]
        own = int(function[-2]) if function[-2].isdigit() else 2
        for nd in (1, 2, 3) if "{}" in function else (own,):
            found[function.format(nd)] = {
                name: Argument(FORMS[form.rstrip("?")], form.endswith("?"), nd) for name, _, form in forms
            }
    return found


def checked(
    function: str, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments of a call as its function accepts them. Raise ShapeError for a rejected setting."""
    own = settings().get(function)
    if own is None:
        return args, kwargs
    read = [own[name].read(name, value) if name in own else value for name, value in zip(names, args, strict=False)]
    by_name = {name: own[name].read(name, value) if name in own else value for name, value in kwargs.items()}
    return [*read, *args[len(read) :]], by_name
