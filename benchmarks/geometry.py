"""The geometry against the matrix product it rests on, in one process, in CPU time.

    python benchmarks/geometry.py [--reference 20000] [--samples 4000] [--arithmetic float32]

Prints the cost of the reference's radii and of a query with every reducer, as multiples of the
float32 product of the same vectors; medians of interleaved repeats, so that a busy machine
disturbs both sides alike. Then the peak memory of each, in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rara.geometry import Balls, Nearest, Ratio, Statistics, neighbours, query
from rara.geometry.codes import Arithmetic

Vectors = NDArray[np.float32]


def clustered(count: int, dimensions: int, *, spread: float, seed: int) -> Vectors:
    """Clusters of low intrinsic dimension with a heavy tail, much as features of photos."""
    shared = np.random.default_rng(0)
    centres = 1.5 * shared.normal(size=(50, dimensions))
    axes = shared.normal(size=(40, dimensions))
    rng = np.random.default_rng(seed)
    tail = 0.3 * np.exp(0.3 * rng.normal(size=(count, 1)))
    inner = (tail * rng.normal(size=(count, 40))) @ axes
    noise = 0.3 * spread * rng.normal(size=(count, dimensions))
    return np.float32(centres[rng.integers(0, 50, count)] + inner + noise)


def product(left: Vectors, right: Vectors) -> None:
    """The plain float32 matrix product, in blocks so that memory stays bounded."""
    with threadpool_limits(1):
        for start in range(0, len(left), 2048):
            left[start : start + 2048] @ right.T


def radii(
    reference: Vectors, memory: int | None, arithmetic: Arithmetic | None = None
) -> NDArray[np.float64]:
    """Squared radii for k = 3, as a saved reference holds them for every k up to 10."""
    nearest, _ = neighbours(reference, 11, memory=memory, arithmetic=arithmetic)
    return nearest.d2[:, 2]


def ask(
    samples: Vectors,
    reference: Vectors,
    r2: NDArray[np.float64],
    memory: int | None,
    arithmetic: Arithmetic | None = None,
) -> Statistics:
    """Everything that a score table needs."""
    typical = r2 <= np.median(r2)
    reducers = (
        Nearest(len(samples), 5),
        Balls(len(samples), r2),
        Ratio(len(samples), np.where(typical, r2, np.nan)),
    )
    return query(samples, reference, reducers, memory=memory, arithmetic=arithmetic)


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, all threads."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def speed(size: argparse.Namespace) -> None:
    """Print both ratios."""
    reference = clustered(size.reference, size.dimensions, spread=1.0, seed=1)
    samples = clustered(size.samples, size.dimensions, spread=1.1, seed=2)
    r2 = radii(reference[:500], None)
    ask(samples[:50], reference[:500], r2, None)  # compiles
    r2 = radii(reference, None)
    ratios: dict[str, list[float]] = {"radii": [], "query": []}
    for _ in range(size.repeats):
        square = seconds(lambda: product(reference, reference))
        ratios["radii"].append(seconds(lambda: radii(reference, None, size.arithmetic)) / square)
        flat = seconds(lambda: product(samples, reference))
        ratios["query"].append(
            seconds(lambda: ask(samples, reference, r2, None, size.arithmetic)) / flat
        )
    used = ask(samples, reference, r2, None, size.arithmetic)
    print(f"n = {size.reference}, m = {size.samples}, d = {size.dimensions}, CPU time")
    print(f"filter: {used.filter}, {used.verified / size.samples:.1f} pairs verified a sample")
    for name, values in ratios.items():
        every = ", ".join(f"{value:.2f}" for value in values)
        print(f"{name}: {statistics.median(values):.2f} x the float32 product ({every})")


def memory(size: argparse.Namespace, budget: int) -> None:
    """Print peak resident sizes beyond the vectors, each step in a process of its own."""
    for count in (size.reference // 4, size.reference):
        for step in ("radii", "query"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                peak = pool.apply(peak_of, (step, count, size.samples, size.dimensions, budget))
            print(f"{step}, n = {count}: {peak / 2**20:.0f} MB beyond the vectors, "
                  f"budget {budget / 2**20:.0f} MB")  # fmt: skip


def peak_of(step: str, count: int, samples: int, dimensions: int, budget: int) -> int:
    """Bytes that a step adds at its peak to what the process holds before."""
    reference = clustered(count, dimensions, spread=1.0, seed=1)
    asked = clustered(samples, dimensions, spread=1.1, seed=2)
    r2 = radii(reference[:500], budget)
    ask(asked[:50], reference[:500], r2, budget)
    everywhere = np.full(count, float(np.median(r2)))
    with Watch() as watch:
        if step == "radii":
            radii(reference, budget)
        else:
            ask(asked, reference, everywhere, budget)
    return watch.peak - watch.before


class Watch:
    """Samples the resident size every few milliseconds."""

    def __enter__(self) -> Watch:
        self.before = self.peak = resident()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def look(self) -> None:
        while not self.over.wait(0.002):
            self.peak = max(self.peak, resident())


def resident() -> int:
    """Resident size in bytes."""
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=4_000)
    parser.add_argument("--dimensions", type=int, default=1280)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--arithmetic", choices=("float32", "int8"), help="chosen by default")
    size = parser.parse_args()
    speed(size)
    memory(size, 256 * 2**20)


if __name__ == "__main__":
    main()
