"""Operators in small graphs: their values are those of onnx's reference, or of NumPy for operators of onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnncalc
from cnncalc.frameworks.onnx.read import read
from cnncalc.sizes import NOTHING_KNOWN, UNKNOWN, Open
from cnncalc.sources import read_bytes
from tests.frameworks.onnx.test_read import F32, I64, NEW_ONNX, check_values, drawn, layers_of, model, out_of

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
Row = tuple[str, list[str], str, dict[str, Any]]
Arrays = dict[str, Any]


def value_of(name: str) -> Any:
    """Return the description of a value of any shape."""
    return helper.make_tensor_value_info(name, FLOAT, None)


def whole(*numbers: int) -> Any:
    return np.array(numbers, I64)


MATRIX, BACK, BIAS = drawn(5, 4), drawn(4, 5), drawn(4)
TRUTH: list[Row] = [
    ("Greater", ["x", "zero"], "g", {}),
    ("Less", ["x", "half"], "l", {}),
]
TURNED: list[Row] = [("Transpose", ["x"], "t", {"perm": [1, 0, 2]}), ("Reshape", ["t", "flat"], "u", {})]
BOTH_WAYS: list[Row] = [*TURNED, ("Tanh", ["u"], "v", {}), ("Reshape", ["x", "flat"], "w", {})]
"""Rows in which the batch comes after another axis, and as many rows in which it comes before one."""
ALONG_ROWS: Row = ("Softmax", ["u"], "y", {"axis": 0})
APART: list[Row] = [("Reshape", ["x", "apart"], "a", {})]
STATES: Arrays = {"w": drawn(1, 16, 6), "r": drawn(1, 16, 4), "h": drawn(1, 2, 4), "c": drawn(1, 2, 4)}
NUMBER = helper.make_graph([helper.make_node("Identity", ["half"], ["p"])], "g", [], [value_of("p")])
TANH = helper.make_graph([helper.make_node("Tanh", ["x"], ["q"])], "g", [], [value_of("q")])
GRAPHS: dict[str, tuple[list[Row], tuple[int, ...], Arrays]] = {
    "a number of more axes than x": ([("Sub", ["c", "x"], "y", {})], (2, 3, 5), {"c": np.full((1, 1, 1, 1), 3, F32)}),
    "a factor of each row after folded samples": (
        [("Reshape", ["x", "flat"], "r", {}), ("Mul", ["r", "m"], "y", {})],
        (2, 3, 7, 5),
        {"flat": whole(6, 7, 5), "m": drawn(7, 1)},
    ),
    "a sequence that begins with given states": (
        [("LSTM", ["x", "w", "r", "", "", "h", "c"], "y", {"hidden_size": 4})],
        (5, 2, 6),
        STATES,
    ),
    "a branch that gives a constant": (
        [
            ("Greater", ["half", "zero"], "c", {}),
            ("If", ["c"], "k", {"then_branch": NUMBER, "else_branch": TANH}),
            ("Add", ["x", "k"], "y", {}),
        ],
        (2, 3),
        {},
    ),
    "no units of a table": (
        [("ConstantOfShape", ["n"], "c", {}), ("Concat", ["x", "c"], "y", {"axis": 1})],
        (2, 3),
        {"n": whole(2, 0)},
    ),
    # matrix products
    "gemm of two values": (
        [
            ("Tanh", ["x"], "t", {}),
            ("Gemm", ["x", "t", "c"], "y", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ],
        (3, 5),
        {"c": drawn(3)},
    ),
    "gemm of two values and a third": (
        [
            ("Tanh", ["x"], "t", {}),
            ("Sin", ["x"], "s", {}),
            ("Gemm", ["x", "t", "s"], "y", {"transA": 1, "beta": -3.0}),
        ],
        (4, 4),
        {},
    ),
    "gemm times a number": (
        [("Gemm", ["x", "m", "b"], "y", {"alpha": 0.5, "beta": 3.0})],
        (3, 5),
        {"m": MATRIX, "b": BIAS},
    ),
    "gemm with one number added": ([("Gemm", ["x", "m", "b"], "y", {})], (3, 5), {"m": MATRIX, "b": drawn(1)}),
    "gemm with a row added": ([("Gemm", ["x", "m", "b"], "y", {})], (3, 5), {"m": MATRIX, "b": drawn(1, 4)}),
    "gemm with a number for each sample": (
        [("Gemm", ["x", "m", "b"], "y", {})],
        (3, 5),
        {"m": MATRIX, "b": drawn(3, 1)},
    ),
    "gemm without its bias": ([("Gemm", ["x", "m", "b"], "y", {"beta": 0.0})], (3, 5), {"m": MATRIX, "b": BIAS}),
    "gemm with a value added": (
        [("Gemm", ["x", "m"], "g", {}), ("Tanh", ["g"], "t", {}), ("Gemm", ["x", "m", "t"], "y", {})],
        (3, 5),
        {"m": MATRIX},
    ),
    "a matrix before the value": ([("MatMul", ["m", "x"], "y", {})], (2, 4, 6), {"m": MATRIX}),
    "a stack of matrices": ([("MatMul", ["x", "m"], "y", {})], (2, 3, 4, 5), {"m": drawn(3, 5, 7)}),
    "a product with a vector": ([("MatMul", ["x", "m"], "y", {})], (2, 3, 5), {"m": drawn(5)}),
    "a product with itself": (
        [("Transpose", ["x"], "t", {"perm": [0, 2, 1]}), ("MatMul", ["x", "t"], "y", {})],
        (2, 3, 5),
        {},
    ),
    "a row times a matrix that is computed": (
        [
            ("ReduceMean", ["x", "two"], "r", {"keepdims": 0}),
            ("Unsqueeze", ["r", "one"], "u", {}),
            ("MatMul", ["u", "x"], "y", {}),
        ],
        (2, 3, 5),
        {"one": whole(1), "two": whole(2)},
    ),
    "a sum of products": ([("Einsum", ["x", "m"], "y", {"equation": "bij, jk -> bik"})], (2, 3, 5), {"m": MATRIX}),
    "a sum over the batch": ([("Einsum", ["x"], "y", {"equation": "bij->ij"})], (2, 3, 5), {}),
    "an outer product": ([("Einsum", ["x", "x"], "y", {"equation": "bi,bj->bij"})], (2, 5), {}),
    "products of all samples": ([("Einsum", ["x", "x"], "y", {"equation": "bi,ci->bc"})], (2, 5), {}),
    "a product for each sample with a row for all": (
        [("Einsum", ["x", "m"], "y", {"equation": "bij,bj->bi"})],
        (2, 3, 5),
        {"m": drawn(1, 5).repeat(2, 0)},
    ),
    # the order of axes
    "one value joined": ([("Concat", ["x"], "y", {"axis": 1})], (2, 3, 5), {}),
    "joined with nothing": ([("Concat", ["x", "e"], "y", {"axis": 1})], (2, 3, 5), {"e": np.zeros((2, 0, 5), F32)}),
    "joined with no unit of itself, as a roll by 0 is exported": (
        [
            ("Slice", ["x", "none", "none", "one"], "n", {}),
            ("Concat", ["x", "n"], "y", {"axis": 1}),
        ],
        (2, 3, 5),
        {"none": whole(0), "one": whole(1)},
    ),
    "joined along the batch": ([("Relu", ["x"], "r", {}), ("Concat", ["x", "r"], "y", {"axis": 0})], (2, 3, 5), {}),
    "joined along a batch of one": (
        [("Relu", ["x"], "r", {}), ("Concat", ["x", "r"], "y", {"axis": 0})],
        (1, 3, 5),
        {},
    ),
    "joined with a constant for all": ([("Concat", ["x", "c"], "y", {"axis": 1})], (1, 3, 5), {"c": drawn(1, 2, 5)}),
    "joined with a constant for each": ([("Concat", ["x", "c"], "y", {"axis": 2})], (2, 3, 5), {"c": drawn(2, 3, 2)}),
    "joined with another order": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2]}), ("Concat", ["x", "t"], "y", {"axis": 2})],
        (3, 3, 5),
        {},
    ),
    "joined heads": (
        [
            ("Reshape", ["x", "apart"], "a", {}),
            ("Reshape", ["a", "flat"], "f", {}),
            ("Relu", ["x"], "r", {}),
            ("Reshape", ["r", "flat"], "g", {}),
            ("Concat", ["f", "g"], "y", {"axis": 1}),
        ],
        (2, 6, 5),
        {"apart": whole(2, 2, 3, 5), "flat": whole(2, 30)},
    ),
    "tiled once": ([("Tile", ["x", "t"], "y", {})], (2, 3, 5), {"t": whole(1, 1, 1)}),
    "tiled along the batch": ([("Tile", ["x", "t"], "y", {})], (2, 3, 5), {"t": whole(2, 1, 3)}),
    "expanded": ([("Expand", ["x", "s"], "y", {})], (2, 1, 5), {"s": whole(2, 4, 5)}),
    "expanded by a new axis": ([("Expand", ["x", "s"], "y", {})], (2, 1, 5), {"s": whole(3, 2, 1, 5)}),
    "as many as there are": (
        [
            ("Size", ["x"], "n", {}),
            ("Cast", ["n"], "f", {"to": FLOAT}),
            ("Div", ["x", "f"], "y", {}),
        ],
        (2, 3, 5),
        {},
    ),
    "filled with the sizes of a value": (
        [("Shape", ["x"], "s", {}), ("ConstantOfShape", ["s"], "c", {}), ("Add", ["x", "c"], "y", {})],
        (2, 3, 5),
        {},
    ),
    "some of the sizes": (
        [
            ("Shape", ["x"], "s", {"start": 1, "end": 3}),
            ("Concat", ["all", "s"], "t", {"axis": 0}),
            ("Reshape", ["x", "t"], "y", {}),
        ],
        (2, 3, 5, 7),
        {"all": whole(-1)},
    ),
    # truth values and choices
    "compared with a number": (
        [("GreaterOrEqual", ["x", "zero"], "g", {}), ("Cast", ["g"], "y", {"to": FLOAT})],
        (2, 3, 5),
        {},
    ),
    "a number compared": ([("Less", ["zero", "x"], "g", {}), ("Cast", ["g"], "y", {"to": FLOAT})], (2, 3, 5), {}),
    "both": ([*TRUTH, ("And", ["g", "l"], "b", {}), ("Cast", ["b"], "y", {"to": FLOAT})], (2, 3, 5), {}),
    "either": ([*TRUTH, ("Or", ["g", "l"], "b", {}), ("Cast", ["b"], "y", {"to": FLOAT})], (2, 3, 5), {}),
    "one of two": ([*TRUTH, ("Xor", ["g", "l"], "b", {}), ("Cast", ["b"], "y", {"to": FLOAT})], (2, 3, 5), {}),
    "chosen": ([*TRUTH, ("Tanh", ["x"], "t", {}), ("Where", ["g", "t", "x"], "y", {})], (2, 3, 5), {}),
    "what is not zero": (
        [("Relu", ["x"], "r", {}), ("Cast", ["r"], "b", {"to": BOOL}), ("Cast", ["b"], "y", {"to": FLOAT})],
        (2, 3, 5),
        {},
    ),
    # elementwise operations
    "one over": ([("Div", ["one", "x"], "y", {})], (2, 3, 5), {"one": F32(1)}),
    "five over": ([("Div", ["five", "x"], "y", {})], (2, 3, 5), {"five": F32(5)}),
    "a mean of three": (
        [("Tanh", ["x"], "t", {}), ("Sin", ["x"], "s", {}), ("Mean", ["x", "t", "s"], "y", {})],
        (2, 3, 5),
        {},
    ),
    "a least of three": (
        [("Tanh", ["x"], "t", {}), ("Sin", ["x"], "s", {}), ("Min", ["x", "t", "s"], "y", {})],
        (2, 3, 5),
        {},
    ),
    "a steep hard sigmoid": ([("HardSigmoid", ["x"], "y", {"alpha": 0.7, "beta": 0.3})], (2, 3, 5), {}),
    "clipped by nothing": ([("Clip", ["x"], "y", {})], (2, 3, 5), {}),
    "clipped to less than the least": ([("Clip", ["x", "l", "m"], "y", {})], (2, 3, 5), {"l": F32(1), "m": F32(-0.5)}),
    "a shrinkage from below 0": ([("Shrink", ["x"], "y", {"lambd": -0.5, "bias": -0.5})], (2, 3, 5), {}),
    "a number with more axes": ([("Mul", ["x", "k"], "y", {})], (3, 5), {"k": np.full((1, 1, 1, 1), 2, F32)}),
    "a slope for each sample's row": ([("PRelu", ["x", "k"], "y", {})], (2, 3, 5), {"k": drawn(3, 1)}),
    "rounded and cast": ([("Cast", ["x"], "w", {"to": INT64}), ("Cast", ["w"], "y", {"to": FLOAT})], (2, 3, 5), {}),
    # parts
    "a part that is all": (
        [("Slice", ["x", "b", "e", "a"], "y", {})],
        (2, 3, 5),
        {"b": whole(0), "e": whole(9), "a": whole(1)},
    ),
    "split in unequal parts": (
        [("Split", ["x", "p"], "a y", {"axis": 1}), ("Neg", ["a"], "n", {})],
        (2, 5, 3),
        {"p": whole(2, 3)},
    ),
    "a unit of an axis": ([("Gather", ["x", "i"], "y", {"axis": 1})], (2, 3, 5), {"i": I64(1)}),
    "places of an axis, as PyTorch writes them": (
        [
            ("Transpose", ["x"], "t", {"perm": [2, 0, 1]}),
            ("GatherND", ["t", "i"], "g", {}),
            ("Transpose", ["g"], "y", {"perm": [2, 3, 0, 1]}),
        ],
        (2, 3, 5),
        {"i": np.array([[[4], [0]], [[-2], [1]]])},
    ),
    "places of two axes": (
        [("Transpose", ["x"], "t", {"perm": [1, 2, 0]}), ("GatherND", ["t", "i"], "y", {})],
        (2, 3, 5),
        {"i": np.array([[2, 4], [0, -1], [1, 3], [-3, 0]])},
    ),
    "the sample of a batch of one": ([("Gather", ["x", "i"], "y", {"axis": 0})], (1, 3, 5), {"i": I64(0)}),
    "units in a table of places": (
        [("Gather", ["x", "i"], "y", {"axis": 2})],
        (2, 3, 5),
        {"i": np.array([[0, 4], [2, 2]], I64)},
    ),
    # padding and resizing
    "padded by nothing": ([("Pad", ["x", "p"], "y", {})], (2, 3, 5), {"p": whole(0, 0, 0, 0, 0, 0)}),
    "padded on some axes": ([("Pad", ["x", "p", "", "a"], "y", {})], (2, 3, 5), {"p": whole(1, 2), "a": whole(-1)}),
    "resized to its own size": ([("Resize", ["x", "", "s"], "y", {})], (2, 3, 4, 5), {"s": np.ones(4, F32)}),
    "twice as large": ([("Resize", ["x", "", "s"], "y", {})], (2, 3, 4, 5), {"s": np.array([1, 1, 2, 2], F32)}),
    # computed constants
    "a list of a constant": (
        [("Constant", [], "k", {"value_floats": [0.5, -2, 3]}), ("Mul", ["x", "k"], "y", {})],
        (2, 5, 3),
        {},
    ),
    "whole numbers of a constant": (
        [("Constant", [], "k", {"value_ints": [2, 15]}), ("Reshape", ["x", "k"], "y", {})],
        (2, 3, 5),
        {},
    ),
    "a quotient cut off": (
        [
            ("Shape", ["x"], "s", {}),
            ("Gather", ["s", "two"], "n", {}),
            ("Div", ["n", "minus"], "q", {}),
            ("Neg", ["q"], "h", {}),
            ("Concat", ["keep", "h", "rest"], "t", {"axis": 0}),
            ("Reshape", ["x", "t"], "y", {}),
        ],
        (2, 3, 9),
        {"two": whole(2), "minus": whole(-3), "keep": whole(0), "rest": whole(-1)},
    ),
    "a matrix of constants": (
        [("MatMul", ["a", "b"], "m", {}), ("MatMul", ["x", "m"], "y", {})],
        (3, 5),
        {"a": MATRIX, "b": BACK},
    ),
    "a range": (
        [("Range", ["from", "to", "by"], "r", {}), ("Add", ["x", "r"], "y", {})],
        (2, 3, 5),
        {"from": F32(2), "to": F32(-3), "by": F32(-1)},
    ),
    # pools, norms and reductions over all spatial axes
    "a sum of squares": ([("ReduceSumSquare", ["x", "axes"], "y", {})], (2, 3, 4), {"axes": whole(-1)}),
    "a logarithm of a sum": (
        [("Exp", ["x"], "e", {}), ("ReduceLogSum", ["e", "axes"], "y", {"keepdims": 0})],
        (2, 3, 4),
        {"axes": whole(1)},
    ),
    "no axes": ([("ReduceSum", ["x", "axes"], "y", {"noop_with_empty_axes": 1})], (2, 3, 4), {"axes": whole()}),
    "every axis": ([("ReduceMean", ["x"], "y", {})], (2, 3, 4), {}),
    "groups that share a weight": (
        [("GroupNormalization", ["x", "g", "b"], "y", {"num_groups": 2})],
        (2, 4, 3, 5),
        {"g": drawn(2), "b": drawn(2, seed=5)},
    ),
    # kernels that are read twice, or computed
    "a kernel for two convolutions": (
        [("Conv", ["x", "k"], "c", {}), ("Relu", ["c"], "r", {}), ("Conv", ["r", "k", "b"], "y", {})],
        (2, 3, 5, 6),
        {"k": drawn(3, 3, 2, 2), "b": drawn(3)},
    ),
    "a matrix for two products": (
        [("Gemm", ["x", "m", "b"], "g", {}), ("Gemm", ["g", "m", "b"], "y", {})],
        (3, 4),
        {"m": drawn(4, 4), "b": BIAS},
    ),
    "a kernel times a number": (
        [("Mul", ["k", "half"], "h", {}), ("Conv", ["x", "h"], "y", {})],
        (2, 3, 5, 6),
        {"k": drawn(4, 3, 2, 2)},
    ),
    # batches that are ordinary axes
    "samples before the last axes": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2]}), ("MatMul", ["t", "m"], "y", {})],
        (2, 3, 5),
        {"m": MATRIX},
    ),
    "rows that are samples": ([("MatMul", ["x", "t"], "y", {})], (6, 5), {"t": drawn(3, 5, 4)}),
    "a product of samples": (
        [("Transpose", ["x"], "t", {"perm": [1, 0]}), ("MatMul", ["x", "t"], "y", {})],
        (6, 5),
        {},
    ),
    "samples that meet an axis": (
        [("Transpose", ["x"], "t", {"perm": [1, 0]}), ("Add", ["x", "t"], "y", {})],
        (5, 5),
        {},
    ),
    "an axis of the sample is the batch of what follows": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2, 3]}), ("Conv", ["t", "k"], "y", {})],
        (3, 2, 5, 6),
        {"k": drawn(4, 3, 2, 2)},
    ),
    "a norm of each sample": (
        [("ReduceL2", ["x", "axes"], "n", {}), ("Div", ["x", "n"], "y", {})],
        (2, 3, 4),
        {"axes": whole(1, 2)},
    ),
    "a mean over the batch": (
        [("ReduceMean", ["x", "axes"], "n", {}), ("Sub", ["x", "n"], "y", {})],
        (2, 3, 4),
        {"axes": whole(0)},
    ),
    "one number of all": ([("ReduceMax", ["x"], "n", {"keepdims": 0}), ("Div", ["x", "n"], "y", {})], (2, 3, 4), {}),
    "one number for the first": (
        [("Gather", ["x", "i"], "r", {"axis": 0}), ("Mul", ["x", "r"], "y", {})],
        (2, 3, 4),
        {"i": I64(0)},
    ),
    "values from a diagonal on": ([("Trilu", ["x"], "y", {})], (2, 3, 4), {}),
    "values up to a diagonal": ([("Trilu", ["x", "k"], "y", {"upper": 0})], (2, 3, 4, 3), {"k": I64(-1)}),
    # constants computed by onnx itself
    "a triangle": ([("Trilu", ["m"], "t", {}), ("MatMul", ["x", "t"], "y", {})], (3, 5), {"m": MATRIX}),
    "a product of two matrices by their letters": (
        [("Einsum", ["a", "b"], "m", {"equation": "ij,jk->ik"}), ("MatMul", ["x", "m"], "y", {})],
        (3, 5),
        {"a": MATRIX, "b": BACK},
    ),
    "a reshaped kernel": (
        [("Reshape", ["k", "s"], "r", {}), ("Conv", ["x", "r"], "y", {})],
        (2, 3, 5, 6),
        {"k": drawn(4, 12), "s": whole(4, 3, -1, 2)},
    ),
    "a squeezed bias": (
        [("Squeeze", ["b", "axes"], "c", {}), ("Add", ["x", "c"], "y", {})],
        (3, 4),
        {"b": drawn(1, 4), "axes": whole(0)},
    ),
    "a split constant": (
        [("Split", ["m", "p"], "a b", {"axis": 0}), ("MatMul", ["x", "a"], "y", {})],
        (3, 2),
        {"m": MATRIX, "p": whole(2, 3)},
    ),
    "a joined constant": (
        [("Concat", ["m", "m"], "k", {"axis": 1}), ("MatMul", ["x", "k"], "y", {})],
        (3, 5),
        {"m": MATRIX},
    ),
    "numbers again and again": (
        [("Tile", ["b", "t"], "k", {}), ("Add", ["x", "k"], "y", {})],
        (3, 8),
        {"b": BIAS, "t": whole(2)},
    ),
    "a constant cast": (
        [("Cast", ["k"], "f", {"to": FLOAT}), ("Mul", ["x", "f"], "y", {})],
        (2, 3, 5),
        {"k": whole(1, -2, 3, 0, 5)},
    ),
    # the batch merged with other axes, or absent
    "an axis with the batch between two others": (
        [*TURNED, ("Softmax", ["u"], "y", {"axis": 0})],
        (2, 2, 3),
        {"flat": whole(-1)},
    ),
    "an axis with a batch of one between two others": (
        [*TURNED, ("Softmax", ["u"], "y", {"axis": 0})],
        (1, 2, 3),
        {"flat": whole(-1)},
    ),
    "a function along a batch of one": ([("Softmax", ["x"], "y", {"axis": 0})], (1, 3, 4), {}),
    "a map whose only channel is the batch": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2, 3]}), ("Conv", ["t", "k"], "y", {})],
        (1, 1, 4, 5),
        {"k": drawn(2, 1, 2, 2)},
    ),
    "a number for each sample": ([("Squeeze", ["x", "a"], "y", {})], (2, 1, 1), {"a": whole(1, 2)}),
    "a number": ([("Relu", ["x"], "r", {}), ("Squeeze", ["r"], "y", {})], (1, 1, 1), {}),
    "other rows than samples": (
        [("Reshape", ["x", "s"], "r", {}), ("Relu", ["r"], "y", {})],
        (4, 6),
        {"s": whole(3, 8)},
    ),
    **{
        f"{op} of samples before rows and after them": (
            [*BOTH_WAYS, (op, ["v", "w"], "y", attributes)],
            (2, 3, 4),
            {"flat": whole(-1, 4)},
        )
        for op, attributes in (("Add", {}), ("Max", {}), ("Concat", {"axis": 1}), ("Concat", {"axis": 0}))
    },
    "products of samples before rows and after them": (
        [*BOTH_WAYS, ("Einsum", ["v", "w"], "y", {"equation": "bi,bj->bij"})],
        (2, 3, 4),
        {"flat": whole(-1, 4)},
    ),
    "a choice of samples before rows and after them": (
        [*BOTH_WAYS, ("Greater", ["v", "zero"], "g", {}), ("Where", ["g", "v", "w"], "y", {})],
        (2, 3, 4),
        {"flat": whole(-1, 4)},
    ),
    "joined along an axis before the batch": (
        [("Unsqueeze", ["x", "first"], "u", {}), ("Concat", ["u", "u"], "y", {"axis": 0})],
        (2, 3),
        {"first": whole(0)},
    ),
    "joined along a new axis": (
        [("Unsqueeze", ["x", "second"], "u", {}), ("Concat", ["u", "u"], "y", {"axis": 1})],
        (2, 3),
        {"second": whole(1)},
    ),
    "an axis of one before the batch": ([("Expand", ["x", "s"], "y", {})], (2, 3, 5), {"s": whole(1, 2, 3, 5)}),
    "expanded to what it is": ([("Expand", ["x", "s"], "y", {})], (2, 3, 5), {"s": whole(1, 1)}),
    "a number expanded": (
        [("ReduceSum", ["x"], "r", {"keepdims": 0}), ("Expand", ["r", "s"], "y", {})],
        (2, 3, 5),
        {"s": whole(4, 3)},
    ),
    "a number and a row": (
        [("ReduceSum", ["x"], "r", {"keepdims": 0}), ("Mul", ["r", "k"], "y", {})],
        (2, 3),
        {"k": drawn(1, 1, 4)},
    ),
    "sums over the batch as rows of samples": (
        [("ReduceSum", ["x", "first"], "r", {"keepdims": 0}), ("Add", ["r", "x"], "y", {})],
        (4, 4, 5),
        {"first": whole(0)},
    ),
    "a row of a product with a matrix for each sample": (
        [("Einsum", ["x", "m"], "y", {"equation": "bij,bj->bi"})],
        (2, 3, 5),
        {"m": drawn(1, 5)},
    ),
    "a row without a batch": ([("Einsum", ["x", "m"], "y", {"equation": "i,ij->j"})], (5,), {"m": MATRIX}),
    "padded along the batch": ([("Pad", ["x", "p"], "y", {})], (2, 3, 4), {"p": whole(1, 0, 1, 0, 0, 0)}),
    # constants used in several sizes, and several constants for one operand
    "a matrix with two rows": (
        [("Gemm", ["x", "m", "b"], "g", {}), ("Gemm", ["x", "m", "c"], "h", {}), ("Add", ["g", "h"], "y", {})],
        (3, 5),
        {"m": MATRIX, "b": BIAS, "c": drawn(4, seed=9)},
    ),
    "a row for each sample, also twice of it": (
        [
            ("Gemm", ["x", "m", "b"], "g", {"beta": 2.0}),
            ("Gemm", ["x", "m", "b"], "h", {}),
            ("Add", ["g", "h"], "i", {}),
            ("Add", ["i", "b"], "y", {}),
        ],
        (3, 5),
        {"m": MATRIX, "b": drawn(3, 4)},
    ),
    "a kernel with two biases": (
        [("Conv", ["x", "k", "b"], "g", {}), ("Conv", ["x", "k", "c"], "h", {}), ("Add", ["g", "h"], "y", {})],
        (2, 3, 4, 5),
        {"k": drawn(4, 3, 2, 2), "b": BIAS, "c": drawn(4, seed=9)},
    ),
    "numbers of a Constant": (
        [
            ("Constant", [], "i", {"value_int": 3}),
            ("Constant", [], "f", {"value_float": 0.5}),
            ("Cast", ["i"], "c", {"to": FLOAT}),
            ("Mul", ["x", "c"], "m", {}),
            ("Add", ["m", "f"], "y", {}),
        ],
        (2, 3),
        {},
    ),
    "a product of constants that is large": (
        [("MatMul", ["a", "b"], "m", {}), ("MatMul", ["x", "m"], "y", {})],
        (2, 70),
        {"a": drawn(70, 5), "b": drawn(5, 80)},
    ),
    # several nodes that look like one layer, but are not
    "blocks whose space is turned": (
        [*APART, ("Transpose", ["a"], "t", {"perm": [0, 2, 1, 3, 4]}), ("Reshape", ["t", "turned"], "y", {})],
        (2, 6, 4, 5),
        {"apart": whole(2, 2, 3, 4, 5), "turned": whole(2, 6, 5, 4)},
    ),
    "blocks that are not shuffled": (
        [*APART, ("Transpose", ["a"], "t", {"perm": [0, 3, 2, 1, 4]}), ("Reshape", ["t", "whole"], "y", {})],
        (2, 6, 4, 5),
        {"apart": whole(2, 2, 3, 4, 5), "whole": whole(2, 6, 4, 5)},
    ),
    "shuffled samples": (
        [*APART, ("Transpose", ["a"], "t", {"perm": [1, 0, 2]}), ("Reshape", ["t", "whole"], "y", {})],
        (6, 4),
        {"apart": whole(2, 3, 4), "whole": whole(6, 4)},
    ),
    "a norm with weights between two reshapes": (
        [*APART, ("InstanceNormalization", ["a", "s", "b"], "t", {}), ("Reshape", ["t", "whole"], "y", {})],
        (2, 6, 4, 5),
        {"apart": whole(2, 2, -1), "whole": whole(2, 6, 4, 5), "s": drawn(2), "b": drawn(2, seed=5)},
    ),
    "a norm whose axis is not the last": (
        [*TURNED, ("Softmax", ["x"], "s", {"axis": 0}), ("MatMul", ["u", "m"], "y", {})],
        (2, 3, 4),
        {"flat": whole(3, 8), "m": drawn(8, 5)},
    ),
    "maps resized along channels and height": (
        [("Resize", ["x", "", "", "s"], "y", {})],
        (1, 2, 4, 5),
        {"s": whole(1, 4, 8, 5)},
    ),
    "parts of unequal sizes": (
        [("Split", ["x"], "a b", {"axis": 2, "num_outputs": 2}), ("Concat", ["b", "a"], "y", {"axis": 2})],
        (2, 3, 5),
        {},
    ),
}
"""Nodes, the shape of x, and constants; all graphs have zero and half."""
NUMBERS = {"zero": F32(0), "half": F32(0.5)}


Graph = tuple[list[Row], tuple[int, ...], Arrays]


def nodes(rows: list[Row], **more: Any) -> list[Any]:
    """Return the nodes of rows; the outputs of one are separated by spaces."""
    return [helper.make_node(op, reads, out.split(), name=out, **keys, **more) for op, reads, out, keys in rows]


def written(graph: Graph, opset: int = 18) -> bytes:
    """Return the file of a graph."""
    rows, shape, arrays = graph
    asked = {name for _, reads, _, _ in rows for name in reads}
    return model(nodes(rows), list(shape), {k: a for k, a in (NUMBERS | arrays).items() if k in asked}, opset)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_computes_what_the_reference_does(name: str) -> None:
    data = written(GRAPHS[name])
    assert "opaque" not in [layer["op"] for layer in layers_of(data)]
    check_values(data, drawn(*GRAPHS[name][1], seed=3))


FIRST: list[Row] = [("Shape", ["x"], "s", {"end": 1})]
LAST: list[Row] = [("Shape", ["x"], "s", {"start": 2})]
SIZED: list[Row] = [
    ("Concat", ["front", "t"], "c", {"axis": 0}),
    ("Resize", ["x", "", "", "c"], "y", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
]
OPENED: dict[str, tuple[list[Row], list[int | str | None], tuple[int, ...], Arrays]] = {
    **{
        f"a size after {op}": (
            [*LAST, (op, ["s", "k"], "t", {}), *SIZED],
            [2, 3, "H"],
            (2, 3, 8),
            {"k": whole(3), "front": whole(2, 3)},
        )
        for op in ("Add", "Sub", "Mul", "Div", "Min", "Max")
    },
    "values by a size that is divided as a real number": (
        [
            *LAST,
            ("Cast", ["s"], "f", {"to": FLOAT}),
            ("Div", ["f", "k"], "d", {}),
            ("Mul", ["x", "d"], "y", {}),
        ],
        [2, 3, "H"],
        (2, 3, 8),
        {"k": np.array([2.5], F32)},
    ),
    "sizes divided, open ones and others": (
        [
            ("Shape", ["x"], "s", {}),
            ("Div", ["s", "k"], "t", {}),
            (
                "Resize",
                ["x", "", "", "t"],
                "y",
                {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            ),
        ],
        [2, 3, 6, "H"],
        (2, 3, 6, 8),
        {"k": whole(1, 1, 2, 2)},
    ),
    "the sizes that x has": (
        [("Shape", ["x"], "s", {}), ("Resize", ["x", "", "", "s"], "y", {})],
        [2, 3, "H"],
        (2, 3, 8),
        {},
    ),
    "a slice that takes all": (
        [("Slice", ["x", "b", "e", "a"], "y", {})],
        [2, 3, "H", 5],
        (2, 3, 8, 5),
        {"b": whole(0, 0), "e": whole(2**62, 5), "a": whole(2, 3)},
    ),
    "the smaller of a size and a number": (
        [*LAST, ("Less", ["s", "k"], "l", {}), ("Where", ["l", "s", "k"], "t", {}), *SIZED],
        [2, 3, "H"],
        (2, 3, 8),
        {"k": whole(5), "front": whole(2, 3)},
    ),
    "filled with the sizes of a value": (
        [("Shape", ["x"], "s", {}), ("ConstantOfShape", ["s"], "c", {}), ("Add", ["x", "c"], "y", {})],
        ["N", 3, 5],
        (2, 3, 5),
        {},
    ),
    "filled with open sizes": (
        [
            ("Shape", ["x"], "s", {}),
            ("ConstantOfShape", ["s"], "c", {"value": numpy_helper.from_array(np.array([2], F32))}),
            ("Add", ["x", "c"], "y", {}),
        ],
        ["N", 3, "H"],
        (2, 3, 5),
        {},
    ),
    "a constant in an open size": (
        [*LAST, ("Reshape", ["k", "s"], "c", {}), ("Add", ["x", "c"], "y", {})],
        ["N", 3, "H"],
        (2, 3, 5),
        {"k": drawn(5)},
    ),
    "expanded as PyTorch writes it": (
        [
            *FIRST,
            ("Concat", ["s", "minus"], "t", {"axis": 0}),
            ("Equal", ["t", "minus_one"], "e", {}),
            ("Where", ["e", "ones", "t"], "w", {}),
            ("Expand", ["token", "w"], "z", {}),
            ("Concat", ["z", "x"], "y", {"axis": 1}),
        ],
        ["N", 3, 4],
        (2, 3, 4),
        {"minus": whole(-1, -1), "minus_one": whole(-1), "ones": whole(1, 1, 1), "token": drawn(1, 1, 4)},
    ),
    "expanded after the batch": (
        [
            *FIRST,
            ("Mul", ["s", "four"], "n", {}),
            ("Concat", ["n", "three"], "t", {"axis": 0}),
            ("Expand", ["k", "t"], "e", {}),
            ("MatMul", ["e", "m"], "f", {}),
            ("Reshape", ["f", "back"], "r", {}),
            ("Add", ["x", "r"], "y", {}),
        ],
        ["N", 4, 3],
        (2, 4, 3),
        {"four": whole(4), "three": whole(3), "k": drawn(1, 3), "m": drawn(3, 3), "back": whole(-1, 4, 3)},
    ),
    "reshaped as it was exported for one": (
        [("Reshape", ["x", "t"], "r", {}), ("Relu", ["r"], "y", {})],
        ["N", 3, 4],
        (1, 3, 4),
        {"t": whole(1, 12)},
    ),
    "reshaped otherwise for one": (
        [("Reshape", ["x", "t"], "r", {}), ("Relu", ["r"], "y", {})],
        ["N", 3, 4],
        (1, 3, 4),
        {"t": whole(2, 6)},
    ),
    "an axis more after two open ones": (
        [("Shape", ["x"], "s", {}), ("Concat", ["s", "one"], "t", {"axis": 0}), ("Reshape", ["x", "t"], "y", {})],
        ["N", "C", "H", 5],
        (2, 3, 4, 5),
        {"one": whole(1)},
    ),
    "a row for each sample, as of attention with a key of its own": (
        [
            *FIRST,
            ("Concat", ["one", "s", "one"], "t", {"axis": 0}),
            ("Tile", ["b", "t"], "k", {}),
            ("Transpose", ["x"], "u", {"perm": [1, 0, 2]}),
            ("Concat", ["u", "k"], "v", {"axis": 0}),
            ("Transpose", ["v"], "y", {"perm": [1, 0, 2]}),
        ],
        ["N", 3, 5],
        (2, 3, 5),
        {"one": whole(1), "b": drawn(1, 1, 5)},
    ),
    "all rows of open sizes": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2, 3]}), ("Reshape", ["t", "flat"], "u", {}), ALONG_ROWS],
        ["N", "C", "H", 5],
        (2, 3, 4, 5),
        {"flat": whole(-1, 5)},
    ),
    "a mean by the number of values": (
        [
            ("Size", ["x"], "n", {}),
            ("Cast", ["n"], "f", {"to": FLOAT}),
            ("ReduceSum", ["x"], "r", {}),
            ("Div", ["r", "f"], "y", {}),
        ],
        ["N", 3, "H"],
        (2, 3, 5),
        {},
    ),
    **{
        f"a part of an open axis by {step}": (
            [("Slice", ["x", "b", "e", "a", "t"], "y", {})],
            [2, 3, "H"],
            (2, 3, 5),
            {"b": whole(begin), "e": whole(end), "a": whole(2), "t": whole(step)},
        )
        for begin, end, step in ((0, 2**62, 1), (1, -1, 1), (-1, -(2**62), -1), (0, 2**62, 2))
    },
    **{
        f"units {units} of an open axis": (
            [("Gather", ["x", "i"], "y", {"axis": 2})],
            [2, 3, "H"],
            (2, 3, 5),
            {"i": np.array(units, I64)},
        )
        for units in ([0, 3], -1, [-1, 0])
    },
    "open sizes that keep their ratio": (
        [("Resize", ["x", "", "", "t"], "y", {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"})],
        [1, 2, "H", "W"],
        (1, 2, 4, 5),
        {"t": whole(8, 10)},
    ),
    **{
        f"an open size {by} times as large": (
            [("Resize", ["x", "", "t"], "y", {})],
            [1, 2, "H", 5],
            (1, 2, 4, 5),
            {"t": np.array([1, 1, by, 2], F32)},
        )
        for by in (2, 1.5)
    },
    "up to a size": (
        [*LAST, ("Slice", ["x", "b", "s", "a"], "y", {})],
        [2, 3, "H"],
        (2, 3, 5),
        {"b": whole(0), "a": whole(2)},
    ),
}
"""Nodes, the shape of x in the file, that of an array, and constants."""


@pytest.mark.parametrize("name", OPENED)
def test_a_graph_of_open_sizes_computes_what_the_reference_does(name: str) -> None:
    rows, dims, shape, arrays = OPENED[name]
    asked = {name for _, reads, _, _ in rows for name in reads}
    data = model(nodes(rows), dims, {key: array for key, array in arrays.items() if key in asked}, 18)
    x = drawn(*shape, seed=3)
    check_values(data, x)
    out, expected = cnncalc.shape(read(data).spec).out, cnncalc.run(read_bytes(data, "net.onnx"), x).shape
    given = {dim: size for dim, size in zip(dims, shape, strict=True) if isinstance(dim, str)}
    sizes = [n.at(given) if isinstance(n, Open) else n for n in out]
    known = zip(sizes, expected[len(expected) - len(sizes) :], strict=True)
    assert out is NOTHING_KNOWN or all(n in (m, UNKNOWN) for n, m in known)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_a_global_pool_of_powers(p: int) -> None:
    """The sum of |x|^p over space, to the power of 1/p (onnx/defs/nn/defs.cc); the reference lacks it."""
    x = drawn(2, 3, 4, 5)
    data = written(([("GlobalLpPool", ["x"], "y", {"p": p})], x.shape, {}))
    expected = (abs(x) ** p).sum((2, 3), keepdims=True) ** (1 / p)
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), x), expected, rtol=1e-5)


QUANTIZED: Arrays = {
    "s": F32(0.02),
    "z": np.uint8(120),
    "t": F32(0.05),
    "u": np.uint8(100),
    "w": np.random.default_rng(4).integers(-90, 90, (4, 3, 2, 2)).astype(np.int8),
    "ws": np.array([0.01, 0.02, 0.03, 0.04], F32),
    "wz": np.array([1, -2, 3, 0], np.int8),
    "m": np.random.default_rng(5).integers(0, 255, (5, 4)).astype(np.uint8),
    "ms": F32(0.01),
    "mz": np.uint8(99),
    "stack": np.random.default_rng(6).integers(0, 255, (1, 2, 5, 4)).astype(np.uint8),
}
QUANTIZE: Row = ("QuantizeLinear", ["x", "s", "z"], "q", {})
REAL: Row = ("DequantizeLinear", ["r", "t", "u"], "y", {})
WHOLE: dict[str, Graph] = {
    "whole numbers as real ones": ([QUANTIZE, ("Cast", ["q"], "y", {"to": FLOAT})], (2, 3, 5), QUANTIZED),
    "a convolution without a bias": (
        [QUANTIZE, ("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "t", "u"], "r", {}), REAL],
        (2, 3, 4, 5),
        QUANTIZED,
    ),
    "another scale": (
        [QUANTIZE, ("DequantizeLinear", ["q", "t", "u"], "y", {})],
        (2, 3, 5),
        QUANTIZED,
    ),
    "a product of two values": (
        [
            QUANTIZE,
            ("Transpose", ["q"], "p", {"perm": [0, 2, 1]}),
            ("QLinearMatMul", ["q", "s", "z", "p", "s", "z", "t", "u"], "r", {}),
            ("DequantizeLinear", ["r", "t", "u"], "y", {}),
        ],
        (2, 3, 5),
        QUANTIZED,
    ),
    "a product of whole numbers": (
        [QUANTIZE, ("MatMulInteger", ["q", "m", "z", "mz"], "r", {}), ("Cast", ["r"], "y", {"to": FLOAT})],
        (2, 3, 5),
        QUANTIZED,
    ),
    "a product of whole numbers without a zero": (
        [QUANTIZE, ("MatMulInteger", ["q", "m"], "r", {}), ("Cast", ["r"], "y", {"to": FLOAT})],
        (2, 3, 5),
        QUANTIZED,
    ),
    "a convolution of whole numbers": (
        [QUANTIZE, ("ConvInteger", ["q", "w", "z"], "r", {}), ("Cast", ["r"], "y", {"to": FLOAT})],
        (2, 3, 4, 5),
        QUANTIZED,
    ),
    "a product with a stack of matrices": (
        [
            QUANTIZE,
            ("QLinearMatMul", ["q", "s", "z", "stack", "ms", "mz", "t", "u"], "r", {}),
            ("DequantizeLinear", ["r", "t", "u"], "y", {}),
        ],
        (1, 2, 3, 5),
        QUANTIZED,
    ),
    "a product with a stack on a scale of its own": (
        [
            ("DynamicQuantizeLinear", ["x"], "q ds dz", {}),
            ("MatMulInteger", ["q", "stack", "dz"], "i", {}),
            ("Cast", ["i"], "f", {"to": FLOAT}),
            ("Mul", ["f", "ds"], "y", {}),
        ],
        (1, 2, 3, 5),
        QUANTIZED,
    ),
    "a product on scales for each column": (
        [
            ("DynamicQuantizeLinear", ["x"], "q ds dz", {}),
            ("MatMulInteger", ["q", "m", "dz", "mz"], "i", {}),
            ("Cast", ["i"], "f", {"to": FLOAT}),
            ("Mul", ["ds", "ws"], "scales", {}),
            ("Mul", ["f", "scales"], "y", {}),
        ],
        (1, 3, 5),
        QUANTIZED,
    ),
    "a product times the scale of another": (
        [
            ("DynamicQuantizeLinear", ["x"], "q ds dz", {}),
            ("Relu", ["x"], "positive", {}),
            ("DynamicQuantizeLinear", ["positive"], "q2 ds2 dz2", {}),
            ("MatMulInteger", ["q", "m", "dz", "mz"], "i", {}),
            ("Cast", ["i"], "f", {"to": FLOAT}),
            ("Mul", ["f", "ds2"], "y", {}),
        ],
        (1, 3, 5),
        QUANTIZED,
    ),
    "a value times a scale": (
        [("DynamicQuantizeLinear", ["x"], "q ds dz", {}), ("Mul", ["x", "ds"], "y", {})],
        (1, 3, 5),
        QUANTIZED,
    ),
    "a scale for each channel": (
        [("QuantizeLinear", ["x", "ws", "wz"], "q", {}), ("DequantizeLinear", ["q", "ws", "wz"], "y", {})],
        (2, 4, 3),
        QUANTIZED,
    ),
    "a convolution on a scale of its own": (
        [
            ("DynamicQuantizeLinear", ["x"], "q ds dz", {}),
            ("ConvInteger", ["q", "w", "dz"], "i", {}),
            ("Cast", ["i"], "f", {"to": FLOAT}),
            ("Mul", ["f", "ds"], "y", {}),
        ],
        (1, 3, 4, 5),
        QUANTIZED,
    ),
}


WHOLE |= {
    f"whole numbers of a scale of their own, {word}": (
        [("DynamicQuantizeLinear", ["x"], "q ds dz", {}), *rows, ("Cast", ["g"], "y", {"to": FLOAT})],
        (1, 3, 5),
        QUANTIZED,
    )
    for word, rows in (
        ("as they are", [("Identity", ["q"], "g", {})]),
        ("turned", [("Transpose", ["q"], "g", {"perm": [0, 2, 1]})]),
        ("in a product", [("MatMulInteger", ["q", "m", "dz", "mz"], "g", {})]),
    )
}


@NEW_ONNX
@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_are_what_the_reference_makes_of_them(name: str) -> None:
    data = written(WHOLE[name], 19)
    assert "opaque" not in [layer["op"] for layer in layers_of(data)]
    check_values(data, drawn(*WHOLE[name][1], seed=3))


# operators of onnxruntime, whose documentation (docs/ContribOperators.md) says what they compute


def gelu(x: Any) -> Any:
    return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def normed(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)


def in_steps(x: Any, scale: str, zero: str) -> Any:
    """Return real numbers rounded to integers of a scale, and converted back."""
    steps = np.clip(np.round(x / QUANTIZED[scale]) + int(QUANTIZED[zero]), 0, 255)
    return (steps - int(QUANTIZED[zero])) * QUANTIZED[scale]


def quantized(x: Any) -> Any:
    return in_steps(x, "s", "z")


def convolved(x: Any) -> Any:
    """Convolve with the 2x2 kernel of RUNTIME."""
    k, (height, width) = KERNEL, x.shape[2:]
    parts = [
        np.einsum("nchw,oc->nohw", x[:, :, i : height - 1 + i, j : width - 1 + j], k[:, :, i, j])
        for i in range(2)
        for j in range(2)
    ]
    return sum(parts)


def after_convolution(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that applies another function to the convolution's result."""
    return lambda x: function(convolved(x))


KERNEL = drawn(4, 3, 2, 2, seed=6)
RUNTIME: dict[str, tuple[list[Row], tuple[int, ...], Arrays, Callable[[Any], Any]]] = {
    **{
        f"a convolution and {word}": (
            [("FusedConv", ["x", "k"], "y", {"activation": word, **params})],
            (2, 3, 4, 5),
            {"k": KERNEL},
            after_convolution(f),
        )
        for word, params, f in (
            ("LeakyRelu", {"activation_params": [0.3]}, lambda a: np.where(a < 0, 0.3 * a, a)),
            ("Clip", {"activation_params": [-0.5, 0.75]}, lambda a: np.clip(a, -0.5, 0.75)),
            ("HardSigmoid", {"activation_params": [0.3, 0.5]}, lambda a: np.clip(0.3 * a + 0.5, 0, 1)),
            ("Tanh", {}, np.tanh),
        )
    },
    "a convolution and a sum": (
        [("FusedConv", ["x", "k"], "c", {}), ("FusedConv", ["x", "k", "", "c"], "y", {"activation": "Relu"})],
        (2, 3, 4, 5),
        {"k": KERNEL},
        lambda x: np.maximum(2 * convolved(x), 0),
    ),
    "a quick gelu": (
        [("QuickGelu", ["x"], "y", {"alpha": 1.702})],
        (2, 3, 5),
        {},
        lambda x: x / (1 + np.exp(-1.702 * x)),
    ),
    "a quick gelu that is silu": (
        [("QuickGelu", ["x"], "y", {"alpha": 1.0})],
        (2, 3, 5),
        {},
        lambda x: x / (1 + np.exp(-x)),
    ),
    "a quick gelu that is a half": ([("QuickGelu", ["x"], "y", {"alpha": 0.0})], (2, 3, 5), {}, lambda x: x / 2),
    "gelu": ([("Gelu", ["x"], "y", {})], (2, 3, 5), {}, gelu),
    "gelu of a sum": ([("BiasGelu", ["x", "b"], "y", {})], (2, 3, 4), {"b": BIAS}, lambda x: gelu(x + BIAS)),
    "a fast gelu": (
        [("FastGelu", ["x"], "y", {})],
        (2, 3, 4),
        {},
        lambda x: x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    "a norm of a sum": (
        [("SkipLayerNormalization", ["x", "x", "g", "b", "c"], "y", {})],
        (2, 3, 4),
        {"g": drawn(4, seed=7), "b": BIAS, "c": drawn(4, seed=8)},
        lambda x: normed(2 * x + drawn(4, seed=8)) * drawn(4, seed=7) + BIAS,
    ),
    "the sum of a norm": (
        [("SkipLayerNormalization", ["x", "x", "g"], "n m v y", {})],
        (2, 3, 4),
        {"g": drawn(4, seed=7)},
        lambda x: 2 * x,
    ),
    "a product times a number": (
        [("FusedMatMul", ["x", "m"], "y", {"alpha": 0.25, "transB": 1})],
        (2, 3, 4),
        {"m": MATRIX},
        lambda x: 0.25 * x @ MATRIX.T,
    ),
    "a product of turned values": (
        [("FusedMatMul", ["x", "x"], "y", {"transA": 1})],
        (2, 3, 4),
        {},
        lambda x: x.swapaxes(1, 2) @ x,
    ),
    "a product with a turned value": (
        [("FusedMatMul", ["x", "x"], "y", {"transB": 1})],
        (2, 3, 4),
        {},
        lambda x: x @ x.swapaxes(1, 2),
    ),
    "a product, a sum and a function": (
        [("FusedGemm", ["x", "m", "b"], "y", {"activation": "Relu"})],
        (3, 5),
        {"m": MATRIX, "b": BIAS},
        lambda x: np.maximum(x @ MATRIX + BIAS, 0),
    ),
    "a product, a part of a sum and a function": (
        [("FusedGemm", ["x", "m", "b"], "y", {"activation": "Relu", "alpha": 2.0, "beta": 0.5})],
        (3, 5),
        {"m": MATRIX, "b": BIAS},
        lambda x: np.maximum(2 * (x @ MATRIX) + BIAS / 2, 0),
    ),
    "a sum of whole numbers": (
        [
            ("QLinearAdd", ["x8", "s", "z", "x8", "s", "z", "t", "u"], "r", {}),
        ],
        (2, 3, 4),
        QUANTIZED,
        lambda x: in_steps(2 * quantized(x), "t", "u"),
    ),
    "a product of whole numbers and constants": (
        [("QLinearMul", ["x8", "s", "z", "c", "ms", "mz", "t", "u"], "r", {})],
        (2, 3, 4),
        QUANTIZED | {"c": np.array([3, 90, 120, 250], np.uint8)},
        lambda x: in_steps(quantized(x) * (np.array([3, 90, 120, 250]) - 99) * 0.01, "t", "u"),
    ),
    "a sigmoid of whole numbers": (
        [("QLinearSigmoid", ["x8", "s", "z", "s", "z"], "r", {})],
        (2, 3, 4),
        QUANTIZED,
        lambda x: quantized(1 / (1 + np.exp(-quantized(x)))),
    ),
    "a leaky function of whole numbers": (
        [("QLinearLeakyRelu", ["x8", "s", "z", "s", "z"], "r", {"alpha": 0.2})],
        (2, 3, 4),
        QUANTIZED,
        lambda x: quantized(np.where(quantized(x) < 0, 0.2, 1) * quantized(x)),
    ),
    "a global average of whole numbers": (
        [("QLinearGlobalAveragePool", ["x8", "s", "z", "s", "z"], "r", {})],
        (2, 3, 4, 5),
        QUANTIZED,
        lambda x: quantized(quantized(x).mean((2, 3), keepdims=True)),
    ),
    "a global average of whole numbers, channels last": (
        [("QLinearGlobalAveragePool", ["x8", "s", "z", "s", "z"], "r", {"channels_last": 1})],
        (2, 4, 5, 3),
        QUANTIZED,
        lambda x: quantized(quantized(x).mean((1, 2), keepdims=True)),
    ),
    "a maximum of whole numbers, channels last": (
        [("NhwcMaxPool", ["x8"], "r", {"kernel_shape": [4, 5]})],
        (2, 4, 5, 3),
        QUANTIZED,
        lambda x: quantized(x).max((1, 2), keepdims=True),
    ),
}


def of_onnxruntime(name: str) -> bytes:
    """Return the file of an operator of onnxruntime."""
    rows, shape, arrays, _ = RUNTIME[name]
    made = nodes(rows, domain="com.microsoft")
    if "x8" in rows[0][1]:  # integers in and out
        made.insert(0, helper.make_node("QuantizeLinear", ["x", "s", "z"], ["x8"], name="x8"))
        scale = ["t", "u"] if "t" in rows[0][1] else ["s", "z"]
        made.append(helper.make_node("DequantizeLinear", ["r", *scale], ["y"], name="y"))
    asked = {name for one in made for name in one.input}
    return model(made, list(shape), {key: array for key, array in arrays.items() if key in asked})


@pytest.mark.parametrize("name", RUNTIME)
def test_an_operator_of_onnxruntime_computes_what_it_is_said_to(name: str) -> None:
    data, (_, shape, _, function) = of_onnxruntime(name), RUNTIME[name]
    assert "opaque" not in [layer["op"] for layer in layers_of(data)]
    x = drawn(*shape, seed=3)
    found = cnncalc.run(read_bytes(data, "net.onnx"), x)
    np.testing.assert_allclose(found, function(x.astype(float)), rtol=1e-4, atol=1e-5)


# operators that are not computed: the shape is the one that onnx infers

SHAPES: dict[str, Graph] = {
    "the largest of a number": (
        [("ReduceSum", ["x"], "s", {"keepdims": 0}), ("ReduceMax", ["s"], "y", {})],
        (2, 3),
        {},
    ),
    "a place": ([("ArgMax", ["x"], "y", {"axis": 1, "keepdims": 0})], (2, 3, 5), {}),
    "a place whose axis is kept": ([("ArgMin", ["x"], "y", {"axis": -1})], (2, 3, 5), {}),
    "the largest": ([("TopK", ["x", "k"], "y i", {"axis": 1})], (2, 5, 3), {"k": whole(2)}),
    "elements at places": (
        [("GatherElements", ["x", "p"], "y", {"axis": 1})],
        (2, 5, 3),
        {"p": np.zeros((2, 4, 3), I64)},
    ),
    "values at the places of a grid": (
        [("GridSample", ["x", "g"], "y", {})],
        (2, 3, 5, 7),
        {"g": drawn(2, 4, 6, 2)},
    ),
    "maps of regions": (
        [("RoiAlign", ["x", "r", "of"], "y", {"output_height": 5, "output_width": 6})],
        (2, 3, 8, 7),
        {"r": drawn(4, 4), "of": whole(0, 1, 1, 0)},
    ),
    "the largest of regions": (
        [("MaxRoiPool", ["x", "r"], "y", {"pooled_shape": [5, 6]})],
        (2, 3, 8, 7),
        {"r": drawn(4, 5)},
    ),
    "places of the largest": (
        [("TopK", ["x", "k"], "v i", {"axis": 2}), ("Cast", ["i"], "y", {"to": 1})],
        (2, 5, 3),
        {"k": whole(2)},
    ),
    "remainders of real numbers": ([("Mod", ["x", "half"], "y", {"fmod": 1})], (2, 5, 3), {}),
    "a random choice": ([("Dropout", ["x", "half", "yes"], "y", {})], (2, 5, 3), {"yes": np.array(True)}),
    "a fold along the batch's rows": (
        [("Col2Im", ["x", "size", "window"], "y", {})],
        (2, 12, 8),
        {"size": whole(4, 5), "window": whole(3, 2)},
    ),
    "values of a table that is turned": (
        [("Cast", ["x"], "w", {"to": INT64}), ("Gather", ["m", "w"], "y", {"axis": 1})],
        (2, 3),
        {"m": MATRIX},
    ),
    "slopes of a value": ([("Sin", ["x"], "s", {}), ("PRelu", ["x", "s"], "y", {})], (2, 5, 3), {}),
    "a clip by a value": (
        [("ReduceMin", ["x"], "l", {"keepdims": 0}), ("Clip", ["x", "l"], "y", {})],
        (2, 5, 3),
        {},
    ),
    "an accumulated sum along a value": ([("CumSum", ["x", "k"], "y", {})], (2, 5, 3), {"k": np.array(1, np.int32)}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_the_one_that_onnx_infers(name: str) -> None:
    data = written(SHAPES[name])
    proto = onnx.load_from_string(data)
    if name.startswith("a place"):
        proto.graph.output[0].type.tensor_type.elem_type = INT64
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True, strict_mode=True)
    assert list(out_of(data)) == [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim]


def test_moving_values_takes_no_macs() -> None:
    for name in ("elements at places", "values at the places of a grid", "maps of regions", "the largest of regions"):
        assert cnncalc.shape(read(written(SHAPES[name])).spec).macs == 0


def test_places_of_values_have_a_number_for_each_axis() -> None:
    rows: list[Row] = [("NonZero", ["x"], "n", {}), ("Cast", ["n"], "y", {"to": 1})]
    assert out_of(written((rows, (1, 5, 4), {}))) == (3, UNKNOWN)


@pytest.mark.parametrize("opset", [13, 17])
def test_a_kernel_that_is_standardized_by_a_batch_norm_is_computed(opset: int) -> None:
    """PyTorch's exporter writes the weights of a norm in training mode like this; in old sets it has five outputs."""
    more = {"training_mode": 1} if opset > 13 else {}
    rows: list[Row] = [
        ("ReduceMean", ["k"], "mean", {"axes": [0, 2], "keepdims": 0}),
        ("ReduceMean", ["k"], "means", {"axes": [0, 2], "keepdims": 1}),
        ("Sub", ["k", "means"], "d", {}),
        ("Mul", ["d", "d"], "d2", {}),
        ("ReduceMean", ["d2"], "var", {"axes": [0, 2], "keepdims": 0}),
        ("BatchNormalization", ["k", "g", "zeros", "mean", "var"], "n m v" if more else "n m v sm sv", more),
        ("Reshape", ["n", "kernel"], "w", {}),
        ("Conv", ["x", "w"], "y", {}),
    ]
    arrays = {"k": drawn(1, 70, 960), "g": drawn(70), "zeros": np.zeros(70, F32), "kernel": whole(70, 320, 1, 3)}
    data = written((rows, (2, 320, 2, 4), arrays), opset)
    assert [layer["op"] for layer in layers_of(data)] == ["conv"]
    k = arrays["k"][0].astype(float)
    normed = (k - k.mean(1)[:, None]) / np.sqrt(k.var(1)[:, None] + 1e-5) * arrays["g"][:, None]
    x = drawn(2, 320, 2, 4, seed=3)
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, 3)
    expected = np.einsum("nchwk,ock->nohw", windows, normed.reshape(70, 320, 3))
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), x), expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("more", [{}, {"keepdims": 0}, {"noop_with_empty_axes": 1}])
def test_a_reduction_of_a_large_array_has_its_axes_removed(more: dict[str, int]) -> None:
    rows: list[Row] = [("ReduceSum", ["k"], "s", more), ("Mul", ["x", "s"], "y", {})]
    check_values(written((rows, (240, 300), {"k": drawn(240, 300)}), 17), drawn(240, 300))


MYSTERY: Row = ("Mystery", ["x"], "m", {})


def test_what_mixes_samples_has_no_batch() -> None:
    """It reads an unknown value of each sample, and a sum over all samples."""
    rows: list[Row] = [
        MYSTERY,
        ("ReduceSum", ["x", "zero axis"], "r", {"keepdims": 0}),
        ("GatherElements", ["m", "r"], "g", {}),
        ("Softmax", ["g"], "y", {"axis": 0}),
    ]
    assert out_of(written((rows, (3, 3, 5), {"zero axis": whole(0)}))) == (3, 5)


@pytest.mark.parametrize(("step", "size"), [(1, "H"), (2, "?")])
def test_a_range_up_to_an_open_size_has_no_batch(step: int, size: str) -> None:
    rows: list[Row] = [
        ("Shape", ["x"], "s", {"start": 2}),
        ("Squeeze", ["s"], "h", {}),
        ("Range", ["from", "h", "by"], "r", {}),
        ("Cast", ["r"], "c", {"to": 1}),
        ("Softmax", ["c"], "y", {"axis": 0}),
    ]
    arrays = {"from": np.array(0, I64), "by": np.array(step, I64)}
    assert out_of(model(nodes(rows), ["N", 3, "H"], arrays, 18)) == ((Open("H"),) if size == "H" else (UNKNOWN,))


LARGEST_AT: list[Row] = [
    ("ReduceMax", ["x"], "l", {"keepdims": 0}),
    ("Cast", ["l"], "i", {"to": INT64}),
    ("Unsqueeze", ["i", "first"], "at", {}),
]
HEADS: dict[str, Any] = {"q_num_heads": 2, "kv_num_heads": 2}
KEY: Row = ("Sin", ["x"], "k", {})
UNREAD: dict[str, tuple[list[Row], tuple[int, ...], Arrays, int, list[int | None] | None, int | None]] = {
    # of an unknown value
    "a sum with what is not known": ([MYSTERY, ("Add", ["x", "m"], "y", {})], (2, 3), {}, 18, None, 0),
    "a bias for what is not known": ([MYSTERY, ("Add", ["m", "k"], "y", {})], (2, 3), {"k": BIAS}, 18, None, 4),
    "a product with what is not known": ([MYSTERY, ("MatMul", ["x", "m"], "y", {})], (2, 3), {}, 18, None, 0),
    "a Gemm of what is not known": (
        [MYSTERY, ("Gemm", ["x", "m"], "y", {"transB": 1})],
        (2, 3),
        {},
        18,
        None,
        0,
    ),
    "an Einsum of what is not known": (
        [MYSTERY, ("Einsum", ["x", "m"], "y", {"equation": "bi,bi->b"})],
        (2, 3),
        {},
        18,
        None,
        0,
    ),
    # sizes that do not match
    "a sum that does not fit": ([("Add", ["x", "k"], "y", {})], (2, 3), {"k": BIAS}, 18, None, 4),
    "a sum of values that do not fit": (
        [("Transpose", ["x"], "t", {"perm": [0, 2, 1]}), ("Add", ["x", "t"], "y", {})],
        (2, 3, 4),
        {},
        18,
        None,
        0,
    ),
    "an expansion that does not fit": ([("Expand", ["x", "s"], "y", {})], (2, 3), {"s": whole(2, 2)}, 18, None, 0),
    "an expansion to nothing": (
        [("Expand", ["x", "s"], "y", {})],
        (2, 1, 5),
        {"s": whole(2, 0, 5)},
        18,
        [2, None, 5],
        0,
    ),
    "more zeros than axes": ([("Reshape", ["x", "s"], "y", {})], (2, 3), {"s": whole(0, 0, 0)}, 18, None, 0),
    "a reshape to nothing": (
        [("Reshape", ["x", "s"], "y", {"allowzero": 1})],
        (2, 3),
        {"s": whole(0, 6)},
        18,
        None,
        0,
    ),
    "repeats for other axes": ([("Tile", ["x", "s"], "y", {})], (2, 3, 5), {"s": whole(2, 2)}, 18, None, 0),
    "no part at all": (
        [("Slice", ["x", "b", "e", "a"], "y", {})],
        (2, 3, 5),
        {"b": whole(3), "e": whole(2), "a": whole(1)},
        18,
        [2, None, 5],
        0,
    ),
    "more parts than units": (
        [("Split", ["x"], "a b c y", {"axis": 1, "num_outputs": 4})],
        (2, 2, 5),
        {},
        18,
        [2, None, 5],
        0,
    ),
    "a matrix of three axes": ([("Gemm", ["x", "k"], "y", {"transA": 1})], (2, 3, 4), {"k": drawn(3, 4)}, 18, None, 12),
    "filled a negative number of times": (
        [("ConstantOfShape", ["k"], "c", {}), ("Add", ["x", "c"], "y", {})],
        (2, 3),
        {"k": whole(-1, 3)},
        18,
        None,
        0,
    ),
    "a shape that is not a number": (
        [("Cast", ["k"], "c", {"to": INT64}), ("Reshape", ["x", "c"], "y", {})],
        (2, 3),
        {"k": np.array([np.inf, 2], F32)},
        18,
        None,
        None,
    ),
    "a range of no steps": (
        [("Range", ["zero", "half", "zero"], "r", {}), ("Reshape", ["x", "r"], "y", {})],
        (2, 3),
        {},
        18,
        None,
        0,
    ),
    # results that depend on values
    "a part up to the largest value": (
        [*LARGEST_AT, ("Slice", ["x", "b", "at", "a"], "y", {})],
        (2, 3, 5),
        {"b": whole(0), "a": whole(2), "first": whole(0)},
        18,
        [None, None, None],
        0,
    ),
    "a part of an axis that is computed": (
        [*LARGEST_AT, ("Slice", ["x", "b", "e", "at"], "y", {})],
        (2, 3, 5),
        {"b": whole(0), "e": whole(2), "first": whole(0)},
        18,
        [None, None, None],
        0,
    ),
    "places that are computed": (
        [("Cast", ["x"], "i", {"to": INT64}), ("Gather", ["x", "i"], "y", {"axis": 1})],
        (2, 3),
        {},
        18,
        [2, 2, 3],
        0,
    ),
    "places of several axes": (
        [("Cast", ["x"], "i", {"to": INT64}), ("GatherND", ["x", "i"], "y", {})],
        (4, 3, 2),
        {},
        18,
        [4, 3, 2],
        0,
    ),
    "sums along an axis that is computed": (
        [*LARGEST_AT, ("CumSum", ["x", "i"], "y", {})],
        (2, 3),
        {"first": whole(0)},
        18,
        [2, 3],
        0,
    ),
    "padded with a value": (
        [("ReduceMax", ["x"], "l", {"keepdims": 0}), ("Pad", ["x", "p", "l"], "y", {})],
        (2, 3, 4),
        {"p": whole(0, 0, 1, 0, 0, 1)},
        18,
        [2, 3, 6],
        0,
    ),
    "bits of whole numbers": (
        [("Cast", ["x"], "w", {"to": INT64}), ("BitwiseAnd", ["w", "w"], "y", {})],
        (2, 3, 5),
        {},
        18,
        [2, 3, 5],
        0,
    ),
    "a scale that is computed": (
        [("ReduceMax", ["x"], "l", {"keepdims": 0}), ("QuantizeLinear", ["x", "l", "z"], "y", {})],
        (2, 3, 5),
        {"z": np.uint8(3)},
        19,
        [2, 3, 5],
        0,
    ),
    # operations that no layer computes
    "a convolution over four axes": (
        [("Conv", ["x", "k"], "y", {})],
        (1, 2, 3, 3, 3, 3),
        {"k": drawn(4, 2, 1, 1, 1, 1)},
        18,
        [1, 4, 3, 3, 3, 3],
        8,
    ),
    "a pool over four axes": (
        [("MaxPool", ["x"], "y", {"kernel_shape": [1] * 4})],
        (1, 2, 3, 3, 3, 3),
        {},
        18,
        [1, 2, 3, 3, 3, 3],
        0,
    ),
    "a norm with a weight for all": (
        [("LayerNormalization", ["x", "k"], "y", {})],
        (2, 3, 4),
        {"k": drawn(1)},
        18,
        [2, 3, 4],
        1,
    ),
    "groups that weights do not divide": (
        [("GroupNormalization", ["x", "k", "k"], "y", {"num_groups": 2})],
        (2, 4, 3, 5),
        {"k": drawn(3)},
        18,
        [2, 4, 3, 5],
        6,
    ),
    "slopes that do not fit": ([("PRelu", ["x", "k"], "y", {})], (2, 3, 5), {"k": drawn(7, 1)}, 18, [2, 3, 5], 7),
    "a part of a map that is resized": (
        [("Resize", ["x", "", "", "s"], "y", {"coordinate_transformation_mode": "tf_crop_and_resize"})],
        (1, 2, 4, 5),
        {"s": whole(1, 2, 6, 7)},
        18,
        [1, 2, 6, 7],
        0,
    ),
    "scales and sizes": (
        [("Resize", ["x", "", "s", "t"], "y", {})],
        (1, 2, 4, 5),
        {"s": np.ones(4, F32), "t": whole(1, 2, 4, 5)},
        18,
        None,
        0,
    ),
    "channels, height and width resized": (
        [("Resize", ["x", "", "", "t"], "y", {})],
        (1, 2, 4, 5),
        {"t": whole(1, 4, 8, 10)},
        18,
        [1, 4, 8, 10],
        0,
    ),
    "columns of four axes": (
        [("Col2Im", ["x", "size", "window"], "y", {})],
        (2, 3, 12, 8),
        {"size": whole(4, 5), "window": whole(3, 2)},
        18,
        None,
        0,
    ),
    "a scale for each column": (
        [("QuantizeLinear", ["x", "k"], "y", {"axis": 2})],
        (2, 3, 4),
        {"k": np.full(4, 0.5, F32)},
        19,
        [2, 3, 4],
        0,
    ),
    "a scale of each column back": (
        [("Cast", ["x"], "w", {"to": TensorProto.INT8}), ("DequantizeLinear", ["w", "k"], "y", {"axis": 2})],
        (2, 3, 4),
        {"k": np.full(4, 0.5, F32)},
        19,
        [2, 3, 4],
        0,
    ),
    "rounded to 32 bits": (
        [("QuantizeLinear", ["x", "half", "z"], "y", {})],
        (2, 3, 4),
        {"z": np.int32(3)},
        19,
        [2, 3, 4],
        0,
    ),
    "a negative scale": ([("QuantizeLinear", ["x", "k"], "y", {})], (2, 3, 4), {"k": F32(-1)}, 19, [2, 3, 4], 0),
    "a scale of all samples": (
        [("DynamicQuantizeLinear", ["x"], "y s z", {})],
        (2, 3, 4),
        {},
        19,
        [2, 3, 4],
        0,
    ),
    "a global pool of the power 0": ([("GlobalLpPool", ["x"], "y", {"p": 0})], (2, 3, 4, 5), {}, 18, [2, 3, 1, 1], 0),
    "another zero than its own": (
        [("DynamicQuantizeLinear", ["x"], "q s z", {}), ("MatMulInteger", ["q", "k", "other"], "y", {})],
        (1, 3, 4),
        {"k": np.ones((4, 2), np.uint8), "other": np.uint8(7)},
        19,
        [1, 3, 2],
        8,
    ),
    "a product of several samples on a scale of them all": (
        [("DynamicQuantizeLinear", ["x"], "q s z", {}), ("MatMulInteger", ["q", "k", "z"], "y", {})],
        (2, 3, 4),
        {"k": np.arange(24, dtype=np.uint8).reshape(4, 6)},
        19,
        [2, 3, 6],
        24,
    ),
    "an attention whose mask has three axes": (
        [KEY, ("MatMul", ["x", "w"], "m", {}), ("Attention", ["x", "k", "k", "m"], "y", HEADS)],
        (2, 6, 8),
        {"w": drawn(8, 6)},
        23,
        [2, 6, 8],
        48,
    ),
    "an attention whose mask is a constant for each sample": (
        [KEY, ("Attention", ["x", "k", "k", "m"], "y", HEADS)],
        (2, 6, 8),
        {"m": drawn(2, 2, 6, 6)},
        23,
        [2, 6, 8],
        144,
    ),
    "an attention whose mask is of truth values": (
        [KEY, ("Attention", ["x", "k", "k", "m"], "y", HEADS)],
        (2, 6, 8),
        {"m": np.ones((6, 6), bool)},
        23,
        [2, 6, 8],
        0,
    ),
    "an attention whose scores are capped": (
        [KEY, ("Attention", ["x", "k", "k"], "y", {**HEADS, "softcap": 2.0})],
        (2, 6, 8),
        {},
        23,
        [2, 6, 8],
        0,
    ),
    "an attention of fewer keys": (
        [("Slice", ["x", "zero_", "two", "one"], "k", {}), ("Attention", ["x", "k", "k"], "y", {})],
        (2, 4, 6, 8),
        {"zero_": whole(0), "two": whole(2), "one": whole(1)},
        23,
        [2, 4, 6, 8],
        0,
    ),
}
"""Nodes, the shape of x, constants, the operator set, what is known of y's shape, and its parameters."""


@NEW_ONNX
@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_computed_keeps_what_is_known_of_it(name: str) -> None:
    rows, shape, arrays, opset, out, params = UNREAD[name]
    data = written((rows, shape, arrays), opset)
    last = next(layer for layer in layers_of(data)[::-1] if layer["op"] == "opaque")
    assert last["name"] in (rows[-1][2], *rows[-1][2].split())
    report = cnncalc.shape(read(data).spec)
    if out is None:
        assert report.out is NOTHING_KNOWN
    else:
        assert [None if n == UNKNOWN else n for n in report.out] == out
    assert params is None or report.params == params
    with pytest.raises(cnncalc.SpecError, match="what it computes is unknown"):
        cnncalc.run(read_bytes(data, "net.onnx"), drawn(*shape))


WRONG: dict[str, tuple[Graph, str]] = {
    "a place outside of two axes": (
        ([("GatherND", ["x", "i"], "y", {})], (2, 3, 5), {"i": np.array([[0, 1], [1, 3]])}),
        "the place [1, 3] of 2x3",
    ),
    "an axis": (([("Concat", ["x", "x"], "y", {"axis": 3})], (2, 3, 5), {}), "axis 3 of 3"),
    "an order": (
        ([("Transpose", ["x"], "y", {"perm": [0, 2, 2]})], (2, 3, 5), {}),
        "perm is [0, 2, 2], but the input has 3 axes",
    ),
    "constants that do not meet": (
        (
            [("MatMul", ["a", "b"], "c", {}), ("Add", ["x", "c"], "y", {})],
            (2, 3),
            {"a": drawn(1, 2), "b": drawn(3, 4)},
        ),
        "matmul of 1x2 and 3x4: the first has 2 columns, but the second 3 rows",
    ),
    "too few inputs": (([("Conv", ["x"], "y", {})], (2, 3, 5), {}), "1 input, but its operator takes at least 2"),
    "too many inputs": (([("Relu", ["x", "x"], "y", {})], (2, 3), {}), "2 inputs, but its operator takes 1"),
    "many inputs": (([("Clip", ["x"] * 4, "y", {})], (2, 3), {}), "4 inputs, but its operator takes at most 3"),
    "no kernel": (([("Conv", ["x", ""], "y", {})], (2, 3, 5), {}), "input 1 is left out"),
    "no first input": (([("Relu", [""], "y", {})], (2, 3), {}), "input 0 is left out"),
    "one operand": (([("Max", [""], "y", {})], (2, 3), {}), "has no input"),
    "ranks": (([("Concat", ["x", "m"], "y", {"axis": 1})], (2, 3, 5), {"m": MATRIX}), "its inputs have 2 and 3 axes"),
    "pads": (([("Pad", ["x", "p"], "y", {})], (2, 3, 5), {"p": whole(1, 2)}), "2 pads for 3 axes"),
    "scales": (
        ([("Resize", ["x", "", "s"], "y", {})], (2, 3, 4, 5), {"s": np.ones(2, F32)}),
        "2 scales or sizes for 4 axes",
    ),
    "blocks": (([("DepthToSpace", ["x"], "y", {"blocksize": 0})], (2, 4, 3, 5), {}), "blocksize 0 of 4 axes"),
    "a step": (
        (
            [("Slice", ["x", "b", "e", "a", "s"], "y", {})],
            (2, 3),
            {"b": whole(0), "e": whole(9), "a": whole(1), "s": whole(0)},
        ),
        "axis 1 of 2, step 0",
    ),
    "a reduction": (([("ReduceMax", ["x", "a"], "y", {})], (2, 3), {"a": whole(7)}), "axes [7] of 2"),
    "axes": (([("Unsqueeze", ["x", "a"], "y", {})], (2, 3), {"a": whole(1, 1)}), "axes [1, 1] of 4"),
    "lengths": (
        ([("Slice", ["x", "b", "e"], "y", {})], (2, 3), {"b": whole(0), "e": whole(1, 2)}),
        "starts, ends, axes and steps have different lengths",
    ),
    "a kernel": (([("Conv", ["x", "m"], "y", {})], (2, 3, 5), {"m": MATRIX}), "its kernel has the shape [5, 4]"),
    "a window": (([("MaxPool", ["x"], "y", {})], (2, 3, 5), {}), "has no kernel_shape"),
    "the second operand": (([("Add", ["x", ""], "y", {})], (2, 3), {}), "input 1 is left out"),
    "the second matrix": (([("MatMul", ["x", ""], "y", {})], (2, 3), {}), "input 1 is left out"),
    "axes of a norm": (([("MeanVarianceNormalization", ["x"], "y", {"axes": [5]})], (2, 3), {}), "axes [5] of 2"),
    "the axes of a sequence": (
        ([("RNN", ["x", "w", "w"], "y", {"hidden_size": 4})], (2, 3), {"w": drawn(1, 4, 4)}),
        "works on 3 axes, but gets 2",
    ),
    "the kernels of a sequence": (
        ([("RNN", ["x", "w", "r"], "y", {"hidden_size": 4})], (2, 3, 5), {"w": drawn(1, 3, 5), "r": drawn(1, 4, 4)}),
        "its kernels have the shapes [1, 3, 5] and [1, 4, 4]",
    ),
    "the directions of a sequence": (
        (
            [("RNN", ["x", "w", "r"], "y", {"hidden_size": 4, "direction": "bidirectional"})],
            (2, 3, 5),
            {"w": drawn(1, 4, 5), "r": drawn(1, 4, 4)},
        ),
        "1 directions, but it is bidirectional",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_operator_cannot_have_is_said(name: str) -> None:
    graph, message = WRONG[name]
    with pytest.raises(cnncalc.CnncalcError) as raised:
        cnncalc.shape(read_bytes(written(graph), "net.onnx"))
    assert message in str(raised.value)


STEPS, WIDTH, STATE = 7, 4, 5
BEGUN: list[Row] = [("Transpose", ["x"], "t", {"perm": [1, 0, 2]})]


@NEW_ONNX
@pytest.mark.parametrize("reads", ["s", "h", "c", "s h", "h c", "s h c"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_what_a_sequence_gives(direction: str, reads: str) -> None:
    """All steps, the last state and the last cell state, each alone and together, from given initial states."""
    both = 1 + (direction == "bidirectional")
    arrays = {"w": drawn(both, 4 * STATE, WIDTH), "r": drawn(both, 4 * STATE, STATE), "b": drawn(both, 8 * STATE)}
    ends = [name if name in reads.split() else "" for name in ("s", "h", "c")]
    ends = [*ends[: max(at for at, name in enumerate(ends) if name) + 1]]
    lstm = helper.make_node(
        "LSTM", ["t", "w", "r", "b", "", "i", "j"], ends, name="n", direction=direction, hidden_size=STATE
    )
    flat = [
        helper.make_node("ReduceSum", [name, f"{name}_axes"], [f"{name}1"], name=name, keepdims=0)
        for name in reads.split()
    ]
    rows = [
        *BEGUN,
        ("Slice", ["t", "none", "both"], "first", {}),
        ("Slice", ["first", "none", "one", "two"], "column", {}),
        ("Expand", ["column", "state"], "i", {}),
        ("Sin", ["i"], "j", {}),
    ]
    joined: list[Row] = [("Concat", [f"{name}1" for name in reads.split()], "y", {"axis": 1})]
    arrays |= {"none": whole(0), "both": whole(both), "one": whole(1), "two": whole(2), "state": whole(both, 3, STATE)}
    arrays |= {"s_axes": whole(0, 1), "h_axes": whole(0), "c_axes": whole(0)}
    asked = {"s_axes": "s", "h_axes": "h", "c_axes": "c"}
    used = {key: array for key, array in arrays.items() if key not in asked or asked[key] in reads.split()}
    data = model([*nodes(rows), lstm, *flat, *nodes(joined)], [3, STEPS, WIDTH], used, 18)
    assert "opaque" not in [layer["op"] for layer in layers_of(data)]
    check_values(data, drawn(3, STEPS, WIDTH, seed=9))


@NEW_ONNX
@pytest.mark.parametrize(
    ("functions", "more", "ours"),
    [
        (["Sigmoid", "Relu", "Relu"], {}, {"activation": "relu"}),
        (["Relu", "Tanh", "Tanh"], {}, {"gate": "relu"}),
        (["Sigmoid", "Tanh", "Relu"], {}, None),
        (["Sigmoid", "Softsign", "Softsign"], {}, None),
        (["Sigmoid", "Tanh", "Tanh"], {"clip": 3.0}, None),
        (["Sigmoid", "Tanh", "Tanh"], {"input_forget": 1}, None),
    ],
)
def test_the_functions_of_a_sequence(functions: list[str], more: dict[str, Any], ours: dict[str, str] | None) -> None:
    """Without an equivalent layer, the shape, the parameters and the multiply-accumulates are kept."""
    arrays = {"w": drawn(1, 4 * STATE, WIDTH), "r": drawn(1, 4 * STATE, STATE)}
    lstm: Row = ("LSTM", ["t", "w", "r"], "s", {"hidden_size": STATE, "activations": functions, **more})
    data = written(([*BEGUN, lstm, ("Transpose", ["s"], "y", {"perm": [2, 0, 1, 3]})], (3, STEPS, WIDTH), arrays))
    report = cnncalc.shape(read(data).spec)
    assert report.out == (3, STEPS, 1, STATE)
    assert report.params == 4 * STATE * (WIDTH + STATE)
    assert report.macs == 3 * STEPS * 4 * STATE * (WIDTH + STATE)
    (layer,) = [layer for layer in layers_of(data) if layer["op"] in ("lstm", "opaque")]
    assert layer["op"] == ("opaque" if ours is None else "lstm")
    assert ours is None or {key: layer.get(key) for key in ours} == ours


@NEW_ONNX
@pytest.mark.parametrize("mask", [None, (6, 6), (1, 2, 6, 6)])
@pytest.mark.parametrize("more", [{}, {"is_causal": 1}, {"scale": 0.3}])
@pytest.mark.parametrize("apart", [False, True])
def test_an_attention_of_several_heads(apart: bool, more: dict[str, Any], mask: tuple[int, ...] | None) -> None:
    """Heads within an axis, or as a separate axis."""
    arrays = {} if mask is None else {"mask": drawn(*mask)}
    heads = {} if apart else {"q_num_heads": 2, "kv_num_heads": 2}
    rows: list[Row] = [
        ("Tanh", ["x"], "k", {}),
        ("Sin", ["x"], "v", {}),
        ("Attention", ["x", "k", "v", *arrays], "y", {**heads, **more}),
    ]
    shape = (3, 2, 6, 4) if apart else (3, 6, 8)
    data = written((rows, shape, arrays), 23)
    assert "attention" in [layer["op"] for layer in layers_of(data)]
    check_values(data, drawn(*shape, seed=9))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("Concat", [], "y", {"axis": 0}), "0 inputs, but its operator takes at least 1"),
        (("Gather", ["x"], "y", {}), "1 input, but its operator takes 2"),
        (("Equal", ["", ""], "y", {}), "input 0 is left out"),
    ],
)
def test_an_operator_set_that_is_none_has_the_bounds_of_the_newest(row: Row, message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as raised:
        cnncalc.shape(read_bytes(written(([row], (2, 3), {}), 0), "net.onnx"))
    assert message in str(raised.value)
