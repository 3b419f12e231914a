"""The products that the filter's bounds are made of: int8 where the machine is fast, or float32.

An integer product comes from onnxruntime's `MatMulInteger` (uint8 x int8 -> int32) with the
columns as a constant, which it packs once. It is exact, or it is not used: x86 without
VNNI may add pairs in 16 bits and saturate without a word, so the machine is asked to
prove itself on inputs that would (`proved`). Where it does, bytes within ±63 cannot. For a
few rows packing is not worth its time: a compiled loop reads the codes once.

The float32 product is the matrix library's, which has to prove that it keeps to its bound
(`trusted`): some are told to take fewer bits. Where it does not, a loop sums in float64.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.codes import LEVELS, Arithmetic, Codes, Terms
from rara.geometry.compiled import compiled, compiled_freely
from rara.geometry.proofs import exact, within_bound
from rara.machine import onnxruntime

FEW = 12
"""Up to so many rows the loop is faster than packing the columns."""
WORTH_PREPARING = 2e9
"""Fewer multiplications than these cost less in float32 than coding both sides as bytes."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """Multiplies codes of rows with the columns that it was made for, into an array."""

    width: int
    run: Callable[[NDArray[Any], NDArray[Any]], None]

    def __call__(self, rows: Codes, out: NDArray[Any]) -> None:
        """Do it; `out` is int32 for bytes and float32 for float32."""
        self.run(rows.vectors, out)


def multiplier(columns: Codes, rows: int) -> Multiply:
    """The product with these columns, for so many rows in all."""
    if columns.vectors.dtype == np.float32:
        of_floats = _floats if trusted() else _doubles
        return Multiply(len(columns), of_floats(columns.vectors))
    make = _few if rows <= FEW else _many
    return Multiply(len(columns), make(columns.vectors))


def arithmetic_for(rows: int, columns: int, dimensions: int, *, ready: bool) -> Arithmetic:
    """The fastest product that is right on this machine; `ready` if the columns are coded."""
    if ready and rows <= FEW:
        return "int8"
    small = rows * columns * dimensions <= WORTH_PREPARING and not (ready and rows > 4 * FEW)
    return "float32" if small else fastest()


@cache
def fastest() -> Arithmetic:
    """The integer product that is exact here and clearly faster than float32, or float32."""
    bytes_: tuple[Arithmetic, ...] = ("int8", "int7")
    right = [one for one in bytes_ if proved(one)]
    if right and _seconds(np.uint8) < 0.7 * _seconds(np.float32):
        return right[0]
    return "float32"


def _seconds(kind: type[np.uint8 | np.float32]) -> float:
    """How long a product of medium size takes with codes of a kind."""
    vectors = np.full((512, 1024), 129, kind)
    codes = Codes(vectors, Terms(*[np.ones(512, np.float32)] * 4))
    out = np.empty((512, 512), np.int32 if kind is np.uint8 else np.float32)
    multiply = multiplier(codes, len(codes))
    multiply(codes, out)
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        multiply(codes, out)
        times.append(time.perf_counter() - begun)
    return min(times)


@cache
def proved(arithmetic: Arithmetic) -> bool:
    """Whether the integer product is exact on this machine, whatever the shape and the bytes."""
    return exact(_many, LEVELS[arithmetic])


@cache
def trusted() -> bool:
    """Whether this machine's float32 product keeps to the bound that the filter assumes."""
    return within_bound(_floats)


def note(arithmetic: Arithmetic) -> str | None:
    """What a result says of its products; None where they are as good as they should be."""
    if arithmetic != "float32" or trusted():
        return None
    return (
        "The matrix library's float32 products are less accurate than IEEE float32: float64 sums "
        "take their place. Results are exact, but take longer."
    )


def _floats(columns: NDArray[np.float32]) -> Callable[[NDArray[Any], NDArray[Any]], None]:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            np.dot(rows, columns.T, out=out)

    return multiply


def _doubles(columns: NDArray[np.float32]) -> Callable[[NDArray[Any], NDArray[Any]], None]:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        _multiply_in_float64(rows, columns, out)

    return multiply


def _few(columns: NDArray[np.uint8]) -> Callable[[NDArray[Any], NDArray[Any]], None]:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        _multiply_few((rows ^ np.uint8(128)).view(np.int8), columns, out)

    return multiply


def _many(columns: NDArray[np.uint8]) -> Callable[[NDArray[Any], NDArray[Any]], None]:
    package = onnxruntime()
    transposed = np.empty(columns.shape[::-1], np.int8)
    _transpose(columns, transposed)
    options = package.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    # A constant of the graph is copied thrice before it is packed; an external one is not.
    constant = package.OrtValue.ortvalue_from_numpy(transposed)
    options.add_external_initializers(["columns"], [constant])
    graph = _graph(*transposed.shape)
    session = package.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def multiply(rows: NDArray[Any], out: NDArray[Any], constant: Any = constant) -> None:
        binding = session.io_binding()
        binding.bind_cpu_input("rows", rows)
        binding.bind_output("product", "cpu", 0, np.int32, list(out.shape), out.ctypes.data)
        session.run_with_iobinding(binding)

    return multiply


@cache
def _graph(dimensions: int, count: int) -> bytes:
    """A graph of one node: (rows - 128) times columns that are given from outside."""
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", dimensions])
    result = helper.make_tensor_value_info("product", TensorProto.INT32, ["n", count])
    zero = helper.make_tensor("zero", TensorProto.UINT8, [], [128])
    columns = TensorProto(
        name="columns",
        data_type=TensorProto.INT8,
        dims=[dimensions, count],
        data_location=TensorProto.EXTERNAL,
    )
    columns.external_data.add(key="location", value="columns")
    node = helper.make_node("MatMulInteger", ["rows", "columns", "zero"], ["product"])
    graph = helper.make_graph([node], "product", [given], [result], [zero, columns])
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


@compiled_freely
def _in_float64(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    total = 0.0
    for c in range(x.size):
        total += np.float64(x[c]) * np.float64(y[c])
    return total


@compiled
def _multiply_in_float64(
    rows: NDArray[np.float32], columns: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Rounded once: whatever the order of the sums, they are nearer than float32 needs."""
    for i in range(rows.shape[0]):
        for j in range(columns.shape[0]):
            out[i, j] = np.float32(_in_float64(rows[i], columns[j]))


@compiled
def _multiply_few(
    rows: NDArray[np.int8], columns: NDArray[np.uint8], out: NDArray[np.int32]
) -> None:
    """Products of signed codes of rows with columns of codes + 128."""
    for j in range(columns.shape[0]):
        column = columns[j]
        for i in range(rows.shape[0]):
            row = rows[i]
            total = np.int32(0)
            for c in range(column.size):
                total += np.int32(row[c]) * (np.int32(column[c]) - np.int32(128))
            out[i, j] = total
