"""Set metrics of neighbours and entropies beside the packages that others use.

    python studies/set_peers_knn.py --into docs/studies/sets.md

Needs prdc, vendi-score and seqme (with torch). Gaussian sets of 700 and 900 images; the largest
difference over three pairs of sets. `--into` replaces the table in a page. A minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets

Vectors = NDArray[np.float32]
Pair = Callable[[Vectors, Vectors], tuple[float, float]]


def pairs() -> list[tuple[Vectors, Vectors]]:
    rng = np.random.default_rng(0)
    return [
        (
            (1.1 * rng.normal(size=(700, 6))).astype(np.float32),
            rng.normal(size=(900, 6)).astype(np.float32),
        )
        for _ in range(3)
    ]


def prdc(name: str) -> Pair:
    from prdc import compute_prdc

    def both(samples: Vectors, reference: Vectors) -> tuple[float, float]:
        ours = getattr(sets, name)(samples, reference, 5, boundary="official")
        return float(ours), float(compute_prdc(reference, samples, nearest_k=5)[name])

    return both


def seqme(name: str) -> Pair:
    from seqme.metrics import clipped_density_coverage as peer

    cls = {"clipped_density": peer.ClippedDensity, "clipped_coverage": peer.ClippedCoverage}[name]

    def both(samples: Vectors, reference: Vectors) -> tuple[float, float]:
        vectors = {"r": reference.astype(np.float64), "s": samples.astype(np.float64)}
        metric = cls(5, ["r"], lambda names: vectors[names[0]], strict=False)
        return float(getattr(sets, name)(samples, reference)), float(metric(["s"]).value)

    return both


def authenticity(samples: Vectors, reference: Vectors) -> tuple[float, float]:
    from seqme.metrics.authenticity import compute_authenticity

    return float(sets.authenticity(samples, reference)), float(
        compute_authenticity(reference, samples)
    )


def vendi(q: float, by: str) -> Pair:
    from vendi_score import vendi as peer

    def both(samples: Vectors, reference: Vectors) -> tuple[float, float]:
        unit = samples / np.linalg.norm(samples, axis=1, keepdims=True)
        unit = unit.astype(np.float64)
        theirs = peer.score_K(unit @ unit.T, q=q) if by == "score_K" else peer.score_X(unit, q=q)
        return float(sets.vendi(samples, q)), float(theirs)

    return both


PEERS: dict[tuple[str, str], Callable[[], Pair]] = {
    **{
        (name, "prdc 0.2"): lambda name=name: prdc(name)
        for name in ("precision", "recall", "density", "coverage")
    },
    ("clipped_density", "seqme"): lambda: seqme("clipped_density"),
    ("clipped_coverage", "seqme"): lambda: seqme("clipped_coverage"),
    ("authenticity", "seqme"): lambda: authenticity,
    **{
        (f"vendi q={q}", f"vendi-score 0.0.3, {by}"): lambda q=q, by=by: vendi(q, by)
        for by in ("score_K", "score_X")
        for q in (1, 2, 0.5)
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    chosen = parser.parse_args()
    table = "| metric | peer | rara | peer's value | largest difference |\n|---|---|---|---|---|\n"
    for (name, peer), make in PEERS.items():
        found = np.array([make()(*pair) for pair in pairs()])
        difference = np.abs(found[:, 0] - found[:, 1]).max()
        values = " | ".join(f"{value:.6g}" for value in found[0])
        table += f"| {name} | {peer} | {values} | {difference:.2g} |\n"
    print(table, end="")
    if chosen.into:
        insert(chosen.into, table, "set_peers_knn")


if __name__ == "__main__":
    main()
