"""How time and memory grow with the reference, and what a second core is worth.

    python benchmarks/growth.py [--counts 5000 10000 ... 200000] [--dimensions 512]

Every measurement is a fresh process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from measuring import Cost, Row, apart, cost, interleaved, parser, save
from rara.machine import cores
from workload import ask, radii, reference_vectors, sample_vectors, told, warm_up

COUNTS = [5_000, 10_000, 20_000, 50_000, 100_000, 200_000]
SIZES = {"samples": 8_000, "dimensions": 512, "repeats": 1, "turns": 3, "shared": 50_000}


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="reference sizes")
    size = options.parse_args()
    shape = (size.samples, size.dimensions)
    growth = rows(size.counts, [cores()], *shape)
    threads = rows([size.shared], sorted({1, cores()}), *shape)
    save(
        size.results,
        "growth",
        settings=size,
        growth=interleaved(list(growth), size.repeats),
        threads=interleaved(list(threads), size.turns),
    )


def rows(
    counts: Iterable[int], threads: Iterable[int], samples: int, dimensions: int
) -> Iterator[Row]:
    """Both tasks at every size and number of threads."""
    for n in counts:
        for task, m in (("radii", n), ("query", samples)):
            for several in threads:
                work = partial(apart, measure, task, n, m, dimensions, several)
                yield Row.of(work, task=task, n=n, m=m, d=dimensions, threads=several)


def measure(task: str, n: int, m: int, dimensions: int, threads: int) -> tuple[Cost, str]:
    """Cost of one task. The radii that a query asks with are alike, to save finding them."""
    warm_up()
    reference = reference_vectors(n, dimensions)
    if task == "radii":
        spent, (_, statistics) = cost(lambda: radii(reference, threads=threads))
        return spent, told(statistics, n)
    samples = sample_vectors(m, dimensions)
    r2 = np.full(n, float(np.median(radii(reference[:2000])[0])))
    spent, statistics = cost(lambda: ask(samples, reference, r2, threads=threads))
    return spent, told(statistics, m)


if __name__ == "__main__":
    main()
