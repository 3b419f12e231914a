"""Every product that the filter can be made of, by itself and in the radii of a reference.

    python benchmarks/kernels.py [--reference 10000] [--repeats 7]

CPU time of one core as a multiple of one float32 product of the same shape in the same repeat; for
radii that is the product of all rows with all columns. Products that are not exact on this
machine are said to be so, and not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from measuring import parser, save, seconds
from rara.geometry import exactness, neighbours, sixteen_bits
from rara.geometry import matmul as products
from rara.geometry.matmul import Make
from rara.geometry.quantization import LEVELS, Arithmetic
from workload import K, Vectors, reference_vectors

SIZES = {"reference": 10_000, "rows": 1024, "columns": 2048, "repeats": 7}
DIMENSIONS = (512, 1280, 2048)
EVERY: dict[str, tuple[Arithmetic, Make]] = {
    "float32, numpy": ("float32", products._floats),
    "int8, onnxruntime": ("int8", products._many),
    "int7, onnxruntime": ("int7", products._many),
    "int7, sums of 16 bits": ("int7", sixteen_bits.product_in_16_bits),
}
"""By name: the arithmetic and the product."""


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--dimensions", type=int, nargs="*", default=DIMENSIONS)
    size = options.parse_args()
    usable = {name: one for name, one in EVERY.items() if right(*one)}
    rows = [row for d in size.dimensions for row in measured(usable, d, size)]
    rows += [
        {"product": name, "d": None, "alone": [], "radii": []}
        for name in EVERY
        if name not in usable
    ]
    save(size.results, "kernels", settings=size, rows=rows)


def right(arithmetic: Arithmetic, make: Make) -> bool:
    """Whether a product is exact here, or within its bound."""
    if arithmetic == "float32":
        return exactness.within_bound(make)
    if make is sixteen_bits.product_in_16_bits and not sixteen_bits.available():
        return False
    return exactness.exact(make, LEVELS[arithmetic])


def measured(usable: dict[str, tuple[Arithmetic, Make]], d: int, size: Any) -> list[dict[str, Any]]:
    """All ratios at one number of dimensions, in turn."""
    rows = {name: {"product": name, "d": d, "alone": [], "radii": []} for name in usable}
    vectors = reference_vectors(size.reference, d)
    tiles = {name: tile(*one, d, size) for name, one in usable.items()}
    part = vectors[: min(4096, len(vectors))]
    for repeat in range(size.repeats + 1):
        with threadpool_limits(1):
            took = {name: seconds(work) for name, work in tiles.items()}
            square = seconds(lambda: vectors @ part.T) * len(vectors) / len(part)
        for name, (arithmetic, make) in usable.items():
            whole = seconds(radii(vectors, arithmetic, make))
            if repeat:  # the first one loads code
                rows[name]["alone"].append(took[name] / took["float32, numpy"])
                rows[name]["radii"].append(whole / square)
    print(d, {name: round(float(np.median(row["radii"])), 3) for name, row in rows.items()})
    return list(rows.values())


def tile(arithmetic: Arithmetic, make: Make, d: int, size: Any) -> Callable[[], None]:
    """One product of codes of the largest tile."""
    rng, levels = np.random.default_rng(0), LEVELS.get(arithmetic, 127)
    kind, result = (np.float32, np.float32) if arithmetic == "float32" else (np.uint8, np.int32)
    left, right = (
        (128 + rng.integers(-levels, levels + 1, (count, d))).astype(kind)
        for count in (size.rows, size.columns)
    )
    multiply, out = make(right), np.empty((size.rows, size.columns), result)
    return lambda: multiply(left, out)


def radii(vectors: Vectors, arithmetic: Arithmetic, make: Make) -> Callable[[], object]:
    """The radii on one core, with this product alone."""

    def work() -> object:
        chosen, products.best = products.best, lambda _: make  # type: ignore[assignment]
        try:
            return neighbours(vectors, K, arithmetic=arithmetic, threads=1)
        finally:
            products.best = chosen

    return work


if __name__ == "__main__":
    main()
