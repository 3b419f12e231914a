"""What two shortcuts that the geometry does not take would be worth, on photos.

    python studies/shortcuts.py --vectors FOLDER

Prints the share of the reference that a sample meets before its first ball, in the order of
the radii; and what a byte a coordinate leaves out of a vector, for smaller steps and with
the rotation. FOLDER is what studies/cifar10.py writes. For docs/studies/performance.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rara.geometry import neighbours
from rara.geometry.rotation import rotate, segments, signs

Vectors = NDArray[np.float32]


def first_cover(reference: Vectors, samples: Vectors, k: int) -> NDArray[np.float64]:
    """Share of the reference met until the first ball that holds each sample; 1 where none does."""
    r2 = neighbours(reference, k)[0].d2[:, k - 1]
    order = np.argsort(r2)
    reference, r2 = reference[order], r2[order]
    lengths = np.einsum("ij,ij->i", reference, reference)
    shares = []
    for start in range(0, len(samples), 500):
        some = samples[start : start + 500]
        d2 = np.einsum("ij,ij->i", some, some)[:, None] + lengths - 2 * some @ reference.T
        held = d2 < r2
        shares.append(np.where(held.any(axis=1), held.argmax(axis=1) / len(reference), 1.0))
    return np.concatenate(shares)


def left_out(vectors: NDArray[np.float64], step: float) -> float:
    """Mean share of a vector's length that bytes leave out, for a step of so much of the usual."""
    size = step * np.abs(vectors).max(axis=1, keepdims=True) / 127
    codes = np.clip(np.rint(vectors / size), -127, 127)
    rest = np.linalg.norm(vectors - size * codes, axis=1)
    return float(np.mean(rest / np.linalg.norm(vectors, axis=1)))


def rotated(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """As the geometry rotates them before they become bytes."""
    turned = np.ascontiguousarray(vectors * signs(vectors.shape[1]))
    for row in turned:
        rotate(row, segments(vectors.shape[1]))
    return turned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--reference", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=3_000)
    options = parser.parse_args()
    reference = np.load(options.vectors / "train.npy")[: options.reference]
    samples = np.load(options.vectors / "test.npy")[: options.samples]
    for k in (3, 10):
        share = first_cover(reference, samples, k)
        print(f"k = {k}: {share.mean():.2f} of the reference met on average, "
              f"{np.mean(share < 1):.0%} of the samples inside")  # fmt: skip
    some = np.float64(reference[:4000]) - reference.mean(axis=0)
    for step in (1.0, 0.8, 0.64):
        print(f"step {step}: {left_out(some, step):.4f} of the length left out")
    print(f"rotated: {left_out(rotated(some), 1.0):.4f}")


if __name__ == "__main__":
    main()
