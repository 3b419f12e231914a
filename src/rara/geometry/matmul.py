"""The products that the filter's bounds are made of: int8 where the machine is fast, or float32.

There are two integer products. One is onnxruntime's `MatMulInteger` (uint8 x int8 -> int32) with
the columns as a constant, which it packs once. The other, for bytes within ±63, is rara's own
(`sixteen_bits`). The faster of those that are exact is used. x86 without VNNI may add pairs in
16 bits and saturate silently, so each is tested on inputs where that happens (`exactness`). A
compiled loop over the codes takes the place of both for a few rows, where packing costs more
than it saves, and where neither is exact.

The float32 product is the matrix library's, if it is within its error bound (`trusted`): some
libraries are set to compute with fewer bits. Else a loop sums in float64.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rara.geometry.exactness import exact, within_bound
from rara.geometry.quantization import LEVELS, Arithmetic, Codes
from rara.geometry.sixteen_bits import available, product_in_16_bits
from rara.geometry.threads import one_core
from rara.machine import onnxruntime
from rara.storage.compiled import compiled, compiled_freely

Run = Callable[[NDArray[Any], NDArray[Any]], None]
Make = Callable[[NDArray[Any]], Run]
"""Takes the codes of the columns; the result takes those of rows, and an array for products."""
Name = TypeVar("Name", bound=Hashable)

FEW = 12
"""Up to so many rows, the loop is faster than packing the columns."""
WORTH_PREPARING = 2e9
"""Fewer multiplications cost less in float32 than quantizing both sides to bytes."""
WORTH: dict[Arithmetic, float] = {"float32": 1.0, "int8": 0.7, "int7": 0.6}
"""A product is taken if it needs no more than this share of the float32 product's time."""
QUICK = 0.35
"""If int8 needs at most this share of that time, coarser bytes are not tried."""
_TURNS = 8


@dataclass(frozen=True, slots=True)
class Multiply:
    """Multiplies codes of rows with the columns that it was made for, and writes to an array."""

    width: int
    run: Run

    def __call__(self, rows: Codes, out: NDArray[Any]) -> None:
        """Multiply; `out` is int32 for bytes and float32 for float32."""
        self.run(rows.vectors, out)


@dataclass(frozen=True, slots=True)
class TileProduct:
    """The product of some rows and columns of a scan, with their codes."""

    rows: slice
    columns: slice
    left: Codes
    right: Codes
    product: NDArray[Any]
    """(rows, columns) int32 or float32; the scan overwrites it with the next tile."""
    arithmetic: Arithmetic


def multiplier(columns: Codes, rows: int, arithmetic: Arithmetic) -> Multiply:
    """The product with these columns, for so many rows in all."""
    if arithmetic == "float32":
        make = _of_floats()
    else:
        make = _few if rows <= FEW else best(arithmetic) or _few
    return Multiply(len(columns), make(columns.vectors))


def arithmetic_for(rows: int, columns: int, dimensions: int, *, ready: bool) -> Arithmetic:
    """The fastest product for this size; `ready`: the columns are quantized already."""
    if ready and rows <= FEW:
        return "int8"
    small = rows * columns * dimensions <= WORTH_PREPARING and not (ready and rows > 4 * FEW)
    return "float32" if small else fastest()


@cache
def fastest() -> Arithmetic:
    """The exact integer product, if it is clearly faster than float32 here; else float32.

    Coarser bytes are tried where int8 is not much faster than float32. They exclude fewer pairs,
    and a saved reference does not have them, so they must be even faster.
    """
    makes = {"float32": _of_floats(), **_exact("int8")}
    took = race(makes)
    if took.get("int8", math.inf) > QUICK * took["float32"]:
        took = race(makes | _exact("int7"))
    return min(took, key=lambda one: took[one] / WORTH[one])


def _exact(arithmetic: Arithmetic) -> dict[Arithmetic, Make]:
    make = best(arithmetic)
    return {arithmetic: make} if make else {}


def _of_floats() -> Make:
    return _floats if trusted() else _doubles


@cache
def best(arithmetic: Arithmetic) -> Make | None:
    """The fastest of the products of these bytes that are exact on this machine."""
    exact_ones = [make for make in _products(arithmetic) if exact(make, LEVELS[arithmetic])]
    if len(exact_ones) < 2:
        return exact_ones[0] if exact_ones else None
    took = race({make: make for make in exact_ones})
    return min(exact_ones, key=took.__getitem__)


def _products(arithmetic: Arithmetic) -> list[Make]:
    """The products that may be exact for these bytes and can be compiled on this machine."""
    return [_many, *([product_in_16_bits] if arithmetic == "int7" and available() else [])]


@cache
def trusted() -> bool:
    """Whether this machine's float32 product is within the error bound that the filter assumes."""
    return within_bound(_floats)


def race(makes: Mapping[Name, Make]) -> dict[Name, float]:
    """CPU seconds of each for a product of medium size: the smallest of several turns."""
    took = dict.fromkeys(makes, math.inf)
    with one_core():
        runs = {name: _trial(make) for name, make in makes.items()}
        for _ in range(_TURNS):
            for name, run in runs.items():
                begun = time.thread_time()
                run()
                took[name] = min(took[name], time.thread_time() - begun)
    return took


def _trial(make: Make) -> Callable[[], None]:
    """A product that was called once before."""
    kind, result = (np.float32, np.float32) if make in (_floats, _doubles) else (np.uint8, np.int32)
    # Not one array twice: of that the matrix library computes only half the product.
    rows, columns = np.full((512, 1024), 129, kind), np.full((512, 1024), 129, kind)
    multiply, out = make(columns), np.empty((512, 512), result)
    multiply(rows, out)
    return lambda: multiply(rows, out)


def note(arithmetic: Arithmetic) -> str | None:
    """A note for the result on its products; None where they are accurate."""
    if arithmetic != "float32" or trusted():
        return None
    return (
        "The matrix library's float32 products are less accurate than IEEE float32: float64 sums "
        "take their place. Results are exact, but take longer."
    )


def _floats(columns: NDArray[np.float32]) -> Run:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            np.dot(rows, columns.T, out=out)

    return multiply


def _doubles(columns: NDArray[np.float32]) -> Run:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        _multiply_in_float64(rows, columns, out)

    return multiply


def _few(columns: NDArray[np.uint8]) -> Run:
    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        _multiply_few((rows ^ np.uint8(128)).view(np.int8), columns, out)

    return multiply


def _many(columns: NDArray[np.uint8]) -> Run:
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
    """A graph of one node: (rows - 128) times columns, which are an external constant."""
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
    """float64 sums, rounded once: in any order they are more accurate than float32 needs."""
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
