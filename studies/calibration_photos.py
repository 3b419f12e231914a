"""How well calibrated columns keep their word on photos, by both witnesses.

    python studies/calibration_photos.py FOLDER --into docs/explanation/trust.md

FOLDER is what studies/cifar10.py writes. References are disjoint parts of CIFAR-10's training
photos, all of its test photos are fresh; each photo is judged as in `calibration.py`. Ten
minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from cifar10 import images_of, vectors_of, with_prints

from calibration import METHODS, RATES, Scorer, rates_of
from pages import insert
from rara import Run

SIZES = ((500, 20), (5_000, 10), (50_000, 1))
"""Photos in the reference, and how many references there are."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    train, test = (
        with_prints(vectors_of(chosen.folder, part), images_of(chosen.folder, part))
        for part in ("train", "test")
    )
    order = np.random.default_rng(0).permutation(len(train))
    table = RATES
    for size, count in SIZES:
        parts = [train.take(rows, "train") for rows in order[: size * count].reshape(count, size)]
        for method in METHODS:
            found = rates_of([Scorer(part, method, run)(test) for part in parts])
            table += f"| {size:,} | {method} {found}"
            print(table.splitlines()[-1], flush=True)
    if chosen.into:
        insert(chosen.into, table, "calibration_photos")


if __name__ == "__main__":
    main()
