"""Which set metrics are right where the answer is known: the checks of `rara check-metric`.

    python studies/check_metric.py --into docs/studies/check-metric.md

Every metric of `rara.sets` that takes samples and a reference, variants of them, and plain
baselines, on the fifteen checks of Räisä et al. 2025 and on fifteen more. With
`--grid published --repeats 10` the first are the paper's experiment. `--only NAME …` takes some.
`--into` replaces the tables in a page. An hour on one core with the short grid and 2 repeats.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets
from rara.geometry import Nearest, neighbours, query
from rara.sets import halves

Vectors = NDArray[np.float32]


def knn_p(judged: Vectors, base: Vectors) -> NDArray[np.float64]:
    """One-sided conformal p-values of the k-NN distance, k = 5."""
    within, _ = neighbours(base, 5)
    nearest = Nearest(len(judged), 5)
    query(judged, base, [nearest])
    own = np.sort(within.d2[:, 4])
    at_least = len(own) - np.searchsorted(own, nearest.d2[:, 4], side="left")
    return (1 + at_least) / (1 + len(own))


def two_sided(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2 * np.minimum(p, 1 - p)


def frechet_diagonal(samples: Vectors, reference: Vectors) -> float:
    """Fréchet distance of normal laws with independent coordinates."""
    a, b = samples.astype(float), reference.astype(float)
    return float(((a.mean(0) - b.mean(0)) ** 2 + (a.std(0) - b.std(0)) ** 2).sum())


METRICS: dict[str, tuple[str, Callable[[Vectors, Vectors], Any]]] = {
    "fidelity": ("fidelity", sets.fidelity),
    "precision": ("fidelity", sets.precision),
    "precision, closed": ("fidelity", lambda s, r: sets.precision(s, r, boundary="closed")),
    "precision, k = 10": ("fidelity", lambda s, r: sets.precision(s, r, 10)),
    "density": ("fidelity", sets.density),
    "clipped density": ("fidelity", sets.clipped_density),
    "k-NN p > .05": ("fidelity", lambda s, r: float((knn_p(s, r) > 0.05).mean() / 0.95)),
    "two-sided p > .05": (
        "fidelity",
        lambda s, r: float((two_sided(knn_p(s, r)) > 0.05).mean() / 0.95),
    ),
    "diversity": ("diversity", sets.diversity),
    "recall": ("diversity", sets.recall),
    "recall, k = 10": ("diversity", lambda s, r: sets.recall(s, r, 10)),
    "coverage": ("diversity", sets.coverage),
    "clipped coverage": ("diversity", sets.clipped_coverage),
    "twice the mean p": ("diversity", lambda s, r: min(1.0, float(2 * knn_p(r, s).mean()))),
}
OTHERS = {
    "fid": "distance",
    "fid_infinity": "distance",
    "kid": "distance",
    "cmmd": "distance",
    "sliced_wasserstein": "distance",
    "mifid": "distance",
    "authenticity": "copying",
}
"""Metrics of the wing by name, where it has them."""


def metrics() -> dict[str, tuple[str, Callable[[Vectors, Vectors], Any]]]:
    """All, with their kinds."""
    found = dict(METRICS)
    for name, kind in OTHERS.items():
        if hasattr(sets, name):
            found[name] = kind, getattr(sets, name)
    found["diagonal Fréchet"] = "distance", frechet_diagonal
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--grid", choices=("short", "published"), default="short")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="names of metrics")
    chosen = parser.parse_args()
    halves.DRAWS = 1  # values are checked, and no intervals
    every = metrics()
    results, seconds, page = [], {}, ""
    for name in chosen.only or every:
        kind, function = every[name]
        began = time.monotonic()
        found = sets.check_metric(
            function, {name: kind}, name=name, grid=chosen.grid, repeats=chosen.repeats
        )
        seconds[name] = time.monotonic() - began
        results += found.results
        print(name, *found.passed(name), f"{seconds[name]:.0f} s", flush=True)
        page = tables(sets.Conformance(tuple(results)), chosen.grid, chosen.repeats)
        if chosen.into:  # after each metric: what is done is kept
            insert(chosen.into, page, "check_metric")
    print(page, end="")


def tables(found: sets.Conformance, grid: str, repeats: int) -> str:
    """How many checks each metric passed, and for each kind of metric which ones."""
    lines = [f"Grid: {grid}, {repeats} repeats.", ""]
    lines += [
        "| metric | measures | published checks passed | known answers passed |",
        "|---" * 4 + "|",
    ]
    for metric in found.metrics:
        kind = next(one.kind for one in found.results if one.metric == metric)
        cells = []
        for suite in ("published", "known-answers"):
            passed, count = found.passed(metric, suite)
            cells.append(f"{passed} of {count}" if count else "")
        lines.append(f"| {metric} | {kind} | {' | '.join(cells)} |")
    for kind in dict.fromkeys(one.kind for one in found.results):
        some = tuple(one for one in found.results if one.kind == kind)
        lines += ["", f"Metrics of {kind}:", "", sets.Conformance(some).to_markdown()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
