"""What the benchmarks ask of rara, and of which vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.geometry import (
    Balls,
    Nearest,
    QuantizedReference,
    Ratio,
    SamplesPerBall,
    Transposed,
    WorkDone,
    neighbours,
    query,
)
from rara.geometry.quantization import Arithmetic

Vectors = NDArray[np.float32]

DEPTH = 11
"""Neighbours that a saved reference holds: radii for every k up to 10, and one to leave out."""
K = 3
NEAREST = 5


def clustered(count: int, dimensions: int, *, spread: float, seed: int) -> Vectors:
    """Clusters of low intrinsic dimension with a heavy tail, much as features of photos.

    A spread above 1 lays the vectors off the manifold.
    """
    shared = np.random.default_rng(0)
    centres = 1.5 * shared.normal(size=(50, dimensions))
    axes = shared.normal(size=(40, dimensions))
    rng = np.random.default_rng(seed)
    found = np.empty((count, dimensions), np.float32)
    for start in range(0, count, 4096):
        rows = min(4096, count - start)
        tail = 0.3 * np.exp(0.3 * rng.normal(size=(rows, 1)))
        inner = (tail * rng.normal(size=(rows, 40))) @ axes
        noise = 0.3 * spread * rng.normal(size=(rows, dimensions))
        found[start : start + rows] = centres[rng.integers(0, 50, rows)] + inner + noise
    return found


def reference_vectors(count: int, dimensions: int) -> Vectors:
    """The reference of every benchmark."""
    return clustered(count, dimensions, spread=1.0, seed=1)


def sample_vectors(count: int, dimensions: int, *, seed: int = 2) -> Vectors:
    """The samples of every benchmark, a little off the manifold; other seeds, other generators."""
    return clustered(count, dimensions, spread=1.1, seed=seed)


def product(left: Vectors, right: Vectors) -> None:
    """The plain float32 matrix product, in blocks so that memory stays bounded."""
    for start in range(0, len(left), 2048):
        left[start : start + 2048] @ right.T


def radii(
    reference: Vectors,
    *,
    memory: int | None = None,
    threads: int | None = None,
    arithmetic: Arithmetic | None = None,
) -> tuple[NDArray[np.float64], WorkDone]:
    """Squared radii, from as many neighbours as a saved reference holds."""
    nearest, statistics = neighbours(
        reference, DEPTH, memory=memory, threads=threads, arithmetic=arithmetic
    )
    return nearest.d2[:, K - 1], statistics


def ask(
    samples: Vectors,
    reference: Vectors,
    r2: NDArray[np.float64],
    *,
    memory: int | None = None,
    threads: int | None = None,
    arithmetic: Arithmetic | None = None,
    quantized: QuantizedReference | None = None,
) -> WorkDone:
    """Everything that a score table needs; `quantized`: codes of a saved reference."""
    typical = r2 <= np.median(r2)
    reducers = (
        Nearest(len(samples), NEAREST),
        Balls(len(samples), r2),
        Ratio(len(samples), np.where(typical, r2, np.nan)),
    )
    return query(
        samples, reference, reducers,
        quantized=quantized, memory=memory, threads=threads, arithmetic=arithmetic,
    )  # fmt: skip


def set_scores(
    samples: Vectors, reference: Vectors, *, threads: int | None = None
) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage: radii of both sides, and one scan for all four."""
    r2, own_r2 = radii(reference, threads=threads)[0], radii(samples, threads=threads)[0]
    balls, visits = Balls(len(samples), r2), SamplesPerBall(r2)
    around = Balls(len(reference), own_r2)
    query(samples, reference, (balls, visits, Transposed(around)), threads=threads)
    return (
        float((balls.count > 0).mean()),
        float((around.count > 0).mean()),
        float(balls.count.mean() / K),
        float((visits.count > 0).mean()),
    )


def warm_up() -> None:
    """Load the compiled loops and prove the products, which the first scans of a process do.

    One size for either arithmetic.
    """
    vectors = reference_vectors(1500, 2048)
    for count in (200, 1500):
        r2, _ = radii(vectors[:count])
        ask(vectors[:count], vectors[:count], r2)
        ask(vectors[:count], vectors[:count], r2, quantized=QuantizedReference.of(vectors[:count]))
    set_scores(vectors[:200], vectors)


def told(statistics: WorkDone, rows: int) -> str:
    """What the scan did, in a few words."""
    return f"{statistics.filter}, {statistics.verified / rows:.1f} verified a row"
