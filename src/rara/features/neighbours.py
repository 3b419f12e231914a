"""The neighbourhood of each reference image: its nearest others, found once and kept.

    features --find--> Nearest        from the cache where the same were found before
    + more   --grow--> Nearest        new x all, not all x all
    - some   --shrink--> Nearest      those that lost a neighbour x all

Whichever way they came about, they are the same bit for bit.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.errors import ParameterError
from rara.features.features import Features
from rara.geometry import Nearest, neighbours, neighbours_left
from rara.run import Run, watching
from rara.storage.atomic import keep_arrays, kept_arrays
from rara.storage.cache import cache_folder
from rara.storage.folder import StoredFolder

LARGEST_K = 10
"""Radii are kept for every k up to this one, or up to the k asked for if that is larger."""


def whole_k(k: int) -> int:
    """k, if it is a whole number of at least 1."""
    return whole(k, "k")


def checked_k(k: int, images: int, kept: int) -> int:
    """k, if a reference of so many images that keeps so many neighbours can answer for it."""
    k = whole_k(k)
    if k >= images:
        raise ParameterError(
            f"k = {k} with {images} reference image{'s' * (images != 1)}: each needs k others, "
            f"so give at least {k + 1} images" + (f" or k <= {images - 1}." if images > 1 else ".")
        )
    if k > kept:
        raise ParameterError(
            f"k = {k}: this reference was made for k <= {kept}; make it again with this k."
        )
    return k


def depth_for(k: int, images: int) -> int:
    """How many neighbours to keep: one more than k, to leave one out."""
    return min(max(k, LARGEST_K) + 1, images - 1)


def find(features: Features, k: int, run: Run, *, depth: int = 0) -> Nearest:
    """Each image's nearest others, as many as scores with k need, from the cache if known.

    `depth`: at least so many of them, where there are. Those of given vectors are not cached:
    there is no image to save the work for.
    """
    few = depth_for(k, len(features))
    depth = max(few, min(depth, len(features) - 1))
    if features.spec.weights == "none":
        return _scan(features, depth, run)
    fingerprint = features.fingerprint
    cached = kept_arrays(kept_place(f"{fingerprint} {depth}", run))
    if cached and cached["d2"].shape == cached["index"].shape == (len(features), depth):
        return Nearest.of(cached["d2"], cached["index"])
    nearest = _scan(features, depth, run)
    for width in {few, depth}:
        lists = nearest.first(width)
        keep_arrays(kept_place(f"{fingerprint} {width}", run), d2=lists.d2, index=lists.index)
    return nearest


def lists_in(
    stored: StoredFolder, features: Features
) -> tuple[int, NDArray[np.float64], NDArray[np.int32]]:
    """k, and enough squared distances and rows of neighbours for it, from a reference folder.

    Raises DamagedStoreError where they are none of those images: rows that do not exist would
    be read outside of every array.
    """
    images = len(features)
    d2 = stored.array("radii.npy", np.float64, images, None)
    index = stored.array("neighbours.npy", np.int32, *d2.shape)
    k, depth = stored.facts.get("k"), d2.shape[1]
    if type(k) is not int or not 1 <= k <= depth < images:
        raise stored.wrong(f"k = {str(k)[:80]} with {depth} neighbours of {images} images")
    if not (np.isfinite(d2).all() and (d2[:, 0] >= 0).all() and (np.diff(d2) >= 0).all()):
        raise stored.wrong("squared distances that are not finite and ascending")
    if index.min() < 0 or index.max() >= images or (index == np.arange(images)[:, None]).any():
        raise stored.wrong("neighbours that are no other images")
    return k, d2, index


def kept_place(key: str, run: Run) -> Path:
    """Where the cache keeps what is known of images among themselves, by a key of their own."""
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return (run.cache or cache_folder()) / "neighbours" / f"{name}.npz"


def grow(features: Features, before: Nearest, k: int, run: Run) -> Nearest:
    """Those of all images, from those of the first ones among themselves."""
    if depth_for(k, len(features)) != before.k:
        return find(features, k, run)  # there were fewer images than neighbours to keep
    return _scan(features, before.k, run, before)


def shrink(features: Features, before: Nearest, kept: NDArray[np.bool_], run: Run) -> Nearest:
    """Those of the images that are left, from those of all before."""
    return neighbours_left(features.vectors, before, kept, **run.engine())


def _scan(features: Features, depth: int, run: Run, before: Nearest | None = None) -> Nearest:
    done = before.samples if before else 0
    pairs = (len(features) * (len(features) - 1) - done * (done - 1)) // 2
    with watching(run.progress, pairs, "Pairs within the reference") as advance:
        nearest, _ = neighbours(
            features.vectors, depth, earlier=before,
            **run.engine(advance),
        )  # fmt: skip
    return nearest
