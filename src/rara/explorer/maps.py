"""The map of all points: computed on a sample of both sides, the rest placed beside it.

    Explored --chosen--> projection --placing--> Map     in the cache, and identical on rerun

It shows what lies together, and decides nothing: every verdict comes from the vectors themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.placing import NEAREST, Placed, spacing_of
from rara.explorer.projection import (
    APART,
    EPOCHS,
    FEWEST,
    NEIGHBOURS,
    SEED,
    START,
    library,
    projected,
)
from rara.geometry import QuantizedReference
from rara.run import Run, watching
from rara.storage.atomic import keep_arrays, kept_arrays
from rara.storage.cache import cache_folder

MOST: Final = 20_000
"""Points that the projection itself places."""
_LEAST_SHARE: Final = 0.25
"""Of the projected points, for the smaller side, if it has so many."""
_BLOCK_NUMBERS: Final = 1 << 25
"""Numbers of a block of vectors that is placed at once."""
_VERSION: Final = 1


@dataclass(frozen=True)
class Map:
    """Where each point lies."""

    places: NDArray[np.float32]
    """(points, 2), within -1 and 1; width and height have the same scale."""
    chosen: NDArray[np.int64]
    """The points that the projection itself placed, ascending."""
    sentence: str
    """How it was made."""

    @cached_property
    def spacing(self) -> float:
        """The median distance from a projected point to the nearest other one."""
        return spacing_of(self.places[self.chosen])


def map_of(explored: Explored, run: Run, *, most: int = MOST) -> Map:
    """The map, from the cache if it was made before. `most`: points that are projected.

    Raises MissingPackageError where the library of the projection is not installed.
    """
    chosen = chosen_points(explored.count(REFERENCE), explored.count(SAMPLE), most)
    made_by = library() if len(chosen) >= FEWEST else "principal axes"
    place = _kept_at(explored, made_by, most, run)
    kept = kept_arrays(place) or {}
    places = kept.get("places")
    if places is None or places.shape != (len(explored), 2) or not np.isfinite(places).all():
        places = _made(explored, chosen, run)
        keep_arrays(place, places=places)
    return Map(places, chosen, _sentence(len(chosen), len(explored), made_by))


def chosen_points(reference: int, samples: int, most: int) -> NDArray[np.int64]:
    """Which points are projected, ascending: all where they are few, else a random share of each
    side."""
    if reference + samples <= most:
        return np.arange(reference + samples)
    least = round(_LEAST_SHARE * most)
    ours = round(most * samples / (reference + samples))
    ours = max(min(ours, most - min(reference, least)), min(samples, least))
    rng = np.random.default_rng(SEED)
    theirs = rng.choice(reference, most - ours, replace=False)
    rest = rng.choice(samples, ours, replace=False)
    return np.sort(np.concatenate([theirs, reference + rest]))


def _made(explored: Explored, chosen: NDArray[np.int64], run: Run) -> NDArray[np.float32]:
    reference = explored.count(REFERENCE)
    parts = [chosen[chosen < reference], chosen[chosen >= reference] - reference]
    vectors = np.concatenate([explored.vectors(side)[rows] for side, rows in enumerate(parts)])
    start = projected(vectors, run)
    places = np.empty((len(explored), 2))
    places[chosen] = start
    if len(chosen) < len(explored):
        codes = QuantizedReference.of(vectors, threads=run.threads)
        placed = Placed.of(vectors, start, codes)
        for side, first in ((REFERENCE, 0), (SAMPLE, reference)):
            rest = np.setdiff1d(np.arange(explored.count(side)), parts[side])
            places[first + rest] = _beside(placed, explored.vectors(side), rest, first, run)
    return _within(places)


def _beside(
    placed: Placed, vectors: NDArray[np.float32], rest: NDArray[np.int64], first: int, run: Run
) -> NDArray[np.float64]:
    """Block by block, so that no second copy of all vectors is made."""
    size = max(1, _BLOCK_NUMBERS // vectors.shape[1])
    made = [np.empty((0, 2))]
    with watching(run.progress, len(rest) * len(placed.vectors), "Placing the others") as advance:
        for at in range(0, len(rest), size):
            rows = rest[at : at + size]
            made.append(placed.beside(vectors[rows], first + rows, run, advance))
    return np.concatenate(made)


def _within(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Centred, and as large as fits -1 to 1."""
    low, high = places.min(axis=0), places.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    within: NDArray[np.float64] = np.clip((places - (low + high) / 2) / half, -1, 1)
    return within.astype(np.float32)


def _kept_at(explored: Explored, made_by: str, most: int, run: Run) -> Path:
    key = [
        explored.reference.geometry.fingerprint, explored.samples.fingerprint, made_by,
        *map(str, (_VERSION, most, _LEAST_SHARE, SEED, NEIGHBOURS, EPOCHS, APART, START, NEAREST)),
    ]  # fmt: skip
    name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]
    return (run.cache or cache_folder()) / "maps" / f"{name}.npz"


def _sentence(chosen: int, points: int, made_by: str) -> str:
    if chosen < FEWEST:
        return "The first two principal axes of the vectors."
    whole = f"{points:,} images" if chosen == points else f"{chosen:,} of {points:,} images"
    rest = "" if chosen == points else ", the rest beside their nearest of these"
    return f"{made_by} of {whole}{rest}; seed {SEED}. Near means alike; far means little."
