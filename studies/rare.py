"""What to call rare: rules beside each other, by whether another reference would say the same.

    python studies/rare.py FOLDER --into docs/explanation/verdict.md

FOLDER is what studies/cifar10.py writes. Fresh photos are judged by each of two references that
share no photo, 25,000 of CIFAR-10's training photos each; Gaussian samples in 16 dimensions by
4,000 images, as they are and spread too widely. A minute on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from cifar10 import vectors_of
from numpy.typing import NDArray

from pages import insert
from rara import Reference, Run, ScoreTable
from rara.verdict.rules import Thresholds

RUN = Run(threads=1)
LEVELS = Thresholds()
SPREADS = (1.0, 1.2, 1.5)
Flags = NDArray[np.bool_]
Vectors = NDArray[np.float32]


def rules(table: ScoreTable) -> Mapping[str, tuple[Flags, Flags]]:
    """By each rule which samples are rare, and which are uncommon at least or off the manifold."""
    off = table["off_manifold_p"] <= LEVELS.alpha
    far = table["knn_p"] <= LEVELS.uncommon_p
    farther = table["knn_p"] <= 1 - (1 - LEVELS.alpha) * LEVELS.rare / 100
    rarity = np.nan_to_num(table["rarity_percentile"], nan=-1)
    return {
        "rarity alone": (~off & (rarity >= LEVELS.rare), off | (rarity >= LEVELS.uncommon)),
        "k-NN distance alone": (~off & farther, off | far),
        "both": (~off & far & (rarity >= LEVELS.rare), off | far),
    }


def again(train: Vectors, fresh: Vectors) -> dict[str, list[float]]:
    """Of those rare by one reference, the shares that are rare, and uncommon, by the other.

    And of those uncommon at least, the share that is so by the other.
    """
    halves = np.random.default_rng(0).permutation(len(train)).reshape(2, -1)
    both = [
        rules(
            Reference.from_features(train[rows], metric="hellinger", run=RUN).score_features(
                fresh, run=RUN
            )
        )
        for rows in halves
    ]
    shares = {}
    for name in both[0]:
        (rare, some), (rare_again, some_again) = (one[name] for one in both)
        shares[name] = [
            float(np.mean(flags[chosen]))
            for flags, chosen in ((rare_again, rare), (some_again, rare), (some_again, some))
        ]
    return shares


def spread() -> dict[str, list[float]]:
    """The share called rare of samples that spread more and more widely."""
    rng = np.random.default_rng(0)
    reference = Reference.from_features(rng.normal(size=(4000, 16)).astype(np.float32), run=RUN)
    fresh = rng.normal(size=(4000, 16)).astype(np.float32)
    tables = [reference.score_features(np.float32(by) * fresh, run=RUN) for by in SPREADS]
    found = [rules(table) for table in tables]
    return {name: [float(one[name][0].mean()) for one in found] for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    chosen = parser.parse_args()
    train, test = (np.asarray(vectors_of(chosen.folder, part)) for part in ("train", "test"))
    photos, gaussian = again(train, test), spread()
    heads = [f"rare, spread x {by:g}" for by in SPREADS]
    text = (
        "| rare by | rare again | uncommon at least again | of the uncommon, again | "
        + " | ".join(heads)
        + " |\n"
        + "|"
        + "---|" * (4 + len(heads))
        + "\n"
    )
    for name in photos:
        cells = [f"{share:.0%}" for share in photos[name]]
        cells += [f"{share:.1%}" for share in gaussian[name]]
        text += f"| {name} | {' | '.join(cells)} |\n"
    print(text)
    if chosen.into:
        insert(chosen.into, text, "rare")


if __name__ == "__main__":
    main()
