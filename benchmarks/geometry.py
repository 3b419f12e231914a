"""The geometry against the matrix product it rests on, in one process, in CPU time.

    python benchmarks/geometry.py [--reference 20000] [--samples 4000] [--arithmetic float32]

Gives the cost of the reference's radii and of a query with every reducer, as multiples of the
float32 product of the same vectors on one core, for the product that rara chooses and for those
that it is told to use. Repeats are interleaved, so that a busy machine disturbs both sides alike.
Then the peak memory of each under a budget, in a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from measuring import apart, cost, parser, save, seconds
from rara.geometry.quantization import Arithmetic
from workload import ask, product, radii, reference_vectors, sample_vectors, told, warm_up

SIZES = {"reference": 20_000, "samples": 4_000, "dimensions": 1280, "repeats": 5, "budget": 256}


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument(
        "--arithmetic",
        nargs="*",
        choices=("float32", "int8"),
        default=["float32"],
        help="products to measure besides the one that rara chooses",
    )
    size = options.parse_args()
    speeds = [speed(size, arithmetic) for arithmetic in (None, *size.arithmetic)]
    save(size.results, "geometry", settings=size, speed=speeds, memory=memory(size))


def speed(size: argparse.Namespace, arithmetic: Arithmetic | None) -> dict[str, Any]:
    """Both ratios, of every repeat."""
    reference = reference_vectors(size.reference, size.dimensions)
    samples = sample_vectors(size.samples, size.dimensions)
    warm_up()
    r2, within = radii(reference, arithmetic=arithmetic)
    asked = ask(samples, reference, r2, arithmetic=arithmetic)
    ratios: dict[str, list[float]] = {"radii": [], "query": []}
    for _ in range(size.repeats):
        with threadpool_limits(1):
            square = seconds(lambda: product(reference, reference))
            flat = seconds(lambda: product(samples, reference))
        ratios["radii"].append(seconds(lambda: radii(reference, arithmetic=arithmetic)) / square)
        ratios["query"].append(
            seconds(lambda: ask(samples, reference, r2, arithmetic=arithmetic)) / flat
        )
    notes = {"radii": told(within, size.reference), "query": told(asked, size.samples)}
    report(arithmetic or "as chosen", ratios, notes)
    return {"arithmetic": arithmetic or "chosen", "ratios": ratios, "notes": notes}


def report(name: str, ratios: dict[str, list[float]], notes: dict[str, str]) -> None:
    for task, values in ratios.items():
        every = ", ".join(f"{value:.2f}" for value in values)
        middle = statistics.median(values)
        print(f"{name}, {task}: {middle:.2f} x the float32 product ({every}); {notes[task]}")


def memory(size: argparse.Namespace) -> list[dict[str, Any]]:
    """Peak resident sizes beyond the vectors, each step in a process of its own."""
    rows = []
    for step in ("radii", "query"):
        shape = (size.reference, size.samples, size.dimensions)
        peak = apart(peak_of, step, *shape, size.budget * 10**6)
        rows.append({"task": step, "n": size.reference, "budget": size.budget * 10**6,
                     "peak": peak})  # fmt: skip
        print(f"{step}: {peak / 1e6:.0f} MB beyond the vectors, budget {size.budget} MB")
    return rows


def peak_of(step: str, count: int, samples: int, dimensions: int, budget: int) -> int:
    """Bytes that a step adds at its peak to what the process holds before."""
    reference = reference_vectors(count, dimensions)
    asked = sample_vectors(samples, dimensions)
    warm_up()
    if step == "radii":
        return cost(lambda: radii(reference, memory=budget))[0].peak
    r2 = np.full(count, float(np.median(radii(reference[:500])[0])))
    return cost(lambda: ask(asked, reference, r2, memory=budget))[0].peak


if __name__ == "__main__":
    main()
