"""The visual words of the inverted index, made from pictures of many kinds.

    python studies/visual_words.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER --into src/rara/retrieval/visual_words.npz

Words are the middles of k-means of each half of the descriptors (Lloyd, 1982), rounded to whole
numbers after each step. Directions are rows of a Hadamard matrix with random signs. Medians are
those of each word's features. No picture that studies/index_candidates.py looks for is among them:
no photos, and of clip art and CIFAR-10 other ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from evidence_pictures import Folders, Picture, cifar10, clipart, emoji, stamps
from numpy.typing import NDArray

from rara.retrieval.local_features import prepare
from rara.retrieval.visual_words import WORDS

HALF, BITS = 64, 32
STEPS = 25
FEWEST = 20
"""Features of a word below which its middle takes the place of the medians."""

KINDS = {
    "stamps": (stamps, 300, 0, 40_000),
    "emoji": (emoji, 400, 0, 30_000),
    "clip art": (clipart, 3700, 3000, 40_000),
    "CIFAR-10": (partial(cifar10, first=40_000), 1000, 0, 40_000),
}
"""Of each kind: how many pictures, how many of them are passed over, and features at most."""


def descriptors(folders: Folders, rng: np.random.Generator) -> NDArray[np.uint8]:
    parts = []
    for make, count, skipped, most in KINDS.values():
        pictures: Iterator[Picture] = islice(make(folders, count), skipped, None)
        found = np.concatenate([prepare(one.pixels).features.descriptors for one in pictures])
        parts.append(found[rng.permutation(len(found))[:most]])
    return np.concatenate(parts)


def distances(x: NDArray[np.float32], middles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared, less each feature's own square."""
    return np.asarray(np.sum(middles**2, axis=1) - 2 * (x @ middles.T))


def k_means(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Whole numbers throughout; a word without features begins again at a far one."""
    squares = np.sum(x**2, axis=1)
    middles = x[rng.choice(len(x), WORDS, replace=False)].copy()
    for _ in range(STEPS):
        apart = distances(x, middles)
        nearest = np.argmin(apart, axis=1)
        counts = np.bincount(nearest, minlength=WORDS)
        sums = np.zeros((WORDS, HALF))
        np.add.at(sums, nearest, x)
        empty = np.flatnonzero(counts == 0)
        farthest = np.argsort(-(apart.min(axis=1) + squares), kind="stable")[: len(empty)]
        sums[empty], counts[empty] = x[farthest], 1
        middles = np.rint(sums / counts[:, None]).astype(np.float32)
    return middles


def hadamard(side: int) -> NDArray[np.int64]:
    made = np.ones((1, 1), np.int64)
    while len(made) < side:
        made = np.block([[made, made], [made, -made]])
    return made


def table(found: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    centroids, directions, medians = [], [], []
    for half in range(2):
        x = found[:, HALF * half : HALF * (half + 1)].astype(np.float32)
        middles = k_means(x, rng)
        ways = (hadamard(HALF) * rng.choice([-1, 1], HALF))[rng.permutation(HALF)[:BITS]]
        nearest, along = np.argmin(distances(x, middles), axis=1), x @ ways.T
        centre = middles @ ways.T
        for word in range(WORDS):
            if np.sum(nearest == word) >= FEWEST:
                centre[word] = np.median(along[nearest == word], axis=0)
        centroids.append(middles.astype(np.uint8))
        directions.append(ways.astype(np.int8))
        medians.append(np.rint(centre).astype(np.int16))
    made = {"centroids": centroids, "directions": directions, "medians": medians}
    return {name: np.array(arrays) for name, arrays in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    Folders.ask(parser)
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    folders = Folders.of(options)
    np.savez_compressed(options.into, **table(descriptors(folders, rng), rng))


if __name__ == "__main__":
    main()
