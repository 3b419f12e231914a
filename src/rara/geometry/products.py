"""The products that the filter's bounds are made of: int8 where the machine is fast, or float32.

An integer product comes from onnxruntime's `MatMulInteger` (uint8 x int8 -> int32) with the
columns as a constant, which it packs once. It is exact, or it is not used: x86 without
VNNI may add pairs in 16 bits and saturate without a word, so the machine is asked to
prove itself on inputs that would (`proved`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.codes import MOST_DIMENSIONS, Arithmetic, Codes
from rara.geometry.compiled import compiled
from rara.machine import onnxruntime

WORTH_PREPARING = 2e9
"""Fewer multiplications than these cost less than preparing an integer product."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """Multiplies codes of rows with the columns that it was made for, into an array."""

    width: int
    run: Callable[[Codes, NDArray[Any]], None]

    def __call__(self, rows: Codes, out: NDArray[Any]) -> None:
        """Do it."""
        self.run(rows, out)


def multiplier(columns: Codes) -> Multiply:
    """The product with these columns."""
    make = _integers if columns.vectors.dtype == np.uint8 else _floats
    return Multiply(len(columns), make(columns.vectors))


def arithmetic_for(pairs: int, dimensions: int) -> Arithmetic:
    """The fastest product that is right on this machine, for so many pairs."""
    worth_it = pairs * dimensions > WORTH_PREPARING and dimensions <= MOST_DIMENSIONS
    return "int8" if worth_it and proved() and faster() else "float32"


@cache
def faster() -> bool:
    """Whether the integer product takes clearly less time than the float32 one here."""
    bytes_ = np.full((512, 1024), 129, np.uint8)
    floats = bytes_.astype(np.float32)
    ones = [np.ones(512, np.float32)] * 4
    times = []
    for codes, kind in ((Codes(bytes_, *ones), np.int32), (Codes(floats, *ones), np.float32)):
        out = np.empty((512, 512), kind)
        multiply = multiplier(codes)
        multiply(codes, out)
        begun = time.perf_counter()
        for _ in range(3):
            multiply(codes, out)
        times.append(time.perf_counter() - begun)
    return times[0] < 0.7 * times[1]


@cache
def proved() -> bool:
    """Whether the integer product is exact on this machine where 16-bit sums would saturate."""
    rng = np.random.default_rng(0)
    rows = np.concatenate(
        [np.full((4, 320), 255), np.full((4, 320), 1), rng.integers(1, 256, (24, 320))]
    ).astype(np.uint8)
    columns = np.concatenate(
        [np.full((4, 320), 255), np.full((4, 320), 1), rng.integers(1, 256, (56, 320))]
    ).astype(np.uint8)
    codes = Codes(rows, *(np.ones(len(rows), np.float32) for _ in range(4)))
    out = np.empty((len(rows), len(columns)), np.int32)
    _integers(columns)(codes, out)
    expected = (rows.astype(np.int64) - 128) @ (columns.astype(np.int64) - 128).T
    return bool((out == expected).all())


def _floats(columns: NDArray[np.float32]) -> Callable[[Codes, NDArray[Any]], None]:
    def multiply(rows: Codes, out: NDArray[Any]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            np.dot(rows.vectors, columns.T, out=out)

    return multiply


def _integers(columns: NDArray[np.uint8]) -> Callable[[Codes, NDArray[Any]], None]:
    package = onnxruntime()
    transposed = np.empty(columns.shape[::-1], np.int8)
    _transpose(columns, transposed)
    options = package.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    graph = _graph(transposed)
    session = package.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def multiply(rows: Codes, out: NDArray[Any]) -> None:
        binding = session.io_binding()
        binding.bind_cpu_input("rows", rows.vectors)
        binding.bind_output("product", "cpu", 0, np.int32, list(out.shape), out.ctypes.data)
        session.run_with_iobinding(binding)

    return multiply


def _graph(columns: NDArray[np.int8]) -> bytes:
    """A graph of one node: (rows - 128) times these columns."""
    from onnx import TensorProto, helper, numpy_helper

    dimensions, count = columns.shape
    given = helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", dimensions])
    result = helper.make_tensor_value_info("product", TensorProto.INT32, ["n", count])
    zero = helper.make_tensor("zero", TensorProto.UINT8, [], [128])
    constant = numpy_helper.from_array(columns, "columns")
    node = helper.make_node("MatMulInteger", ["rows", "columns", "zero"], ["product"])
    graph = helper.make_graph([node], "product", [given], [result], [zero, constant])
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()  # type: ignore[no-any-return]


@compiled
def _transpose(codes: NDArray[np.uint8], out: NDArray[np.int8]) -> None:
    """Columns of signed codes from rows of codes + 128, in squares that stay in the cache."""
    side = 64
    for top in range(0, codes.shape[0], side):
        for left in range(0, codes.shape[1], side):
            square = codes[top : top + side, left : left + side]
            turned = out[left : left + side, top : top + side]
            for c in range(turned.shape[0]):
                for i in range(turned.shape[1]):
                    turned[c, i] = np.int8(np.int32(square[i, c]) - np.int32(128))
