"""The index of a reference: the one that was saved with it, or of a few images one in the cache.

    ReadyPictures, folder --index_of--> StoredIndex, or why there is none

An index of images that are still embedded in a second or two takes ten, so it is kept in the cache
and found there by the contents of the images. A large one is made only where a user asks for it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from rara.errors import (
    DamagedStoreError,
    LockedStoreError,
    ReferenceMismatchError,
    SourceNotFoundError,
    UnwritableError,
)
from rara.features.features import Features
from rara.retrieval.index_folder import StoredIndex, build_index, index_in_memory, open_index
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import LocalFeatures, no_features
from rara.retrieval.ready_pictures import ReadyPictures
from rara.run import Run, step, watching
from rara.storage.cache import cache_folder
from rara.storage.folder import kind_of

FOLDER: Final = "index"
"""Of a saved reference: where its index is."""

FEW: Final = 300
"""Reference images of which an index is made without being asked for."""

_MAKING: Final = "Local features of the reference"


@dataclass(frozen=True, slots=True)
class ReferenceIndex:
    """An index of a reference's images, or the reason why there is none."""

    index: Index | None = None
    problem: str | None = None
    """Why an index that is there is not used; a sentence."""


def index_in(reference: Path) -> Path | None:
    """The folder of the index that was saved with a reference in this folder; None without one."""
    folder = reference / FOLDER
    return folder if kind_of(folder) is not None else None


def problem_of(reference: Features, folder: Path) -> str | None:
    """Why the index in this folder is not used for these images; None where it is."""
    return _opened(folder, reference)[1]


def has_index(reference: Features, folder: Path | None) -> bool:
    """Whether there is an index to look into, or one will be made."""
    return folder is not None or len(reference) <= FEW


def build_index_of(reference: ReadyPictures, folder: Path, run: Run) -> ReferenceIndex:
    """Makes the folder's index one of these images, where it is not yet, and uses it for them.

    Raises ReferenceMismatchError where one of them is missing or has changed, and UnwritableError
    or LockedStoreError where the folder cannot be written.
    """
    with watching(run.progress, len(reference), _MAKING) as advance:

        def features(rows: range) -> list[LocalFeatures]:
            found = reference.local_features(rows, advance)
            if missing := set(rows) - set(found):
                name = reference.features.done["id"][min(missing)].as_py()
                raise ReferenceMismatchError(
                    f"An index needs every reference image, and '{name}' at "
                    f"'{reference.features.location}' is missing or has changed."
                )
            return [found[row] for row in rows]

        made = build_index(folder, _digests(reference.features), features)
    reference.use(made)
    return ReferenceIndex(made.index)


def index_of(reference: ReadyPictures, folder: Path | None, run: Run) -> ReferenceIndex:
    """The index in this folder, or of at most `FEW` images one that is made now.

    An index that is damaged, of other images or of another version is not used. One that these
    pictures use already stays.
    """
    if reference.index is not None:
        return ReferenceIndex(reference.index.index)
    problem = None
    if folder is not None:
        with step(run.progress, "Reading the index of the reference"):
            found, problem = _opened(folder, reference.features)
        if found is not None:
            reference.use(found)
            return ReferenceIndex(found.index)
    if len(reference) > FEW:
        return ReferenceIndex(problem=problem)
    with reference.uncounted():
        made = _cached(reference, run)
    reference.use(made)
    return ReferenceIndex(made.index, problem)


def _cached(reference: ReadyPictures, run: Run) -> StoredIndex:
    """The index of few images that the cache has, or gets; else one in memory, of those there."""
    place = (run.cache or cache_folder()) / "indexes" / _key(reference.features)
    kept, _ = _opened(place, reference.features)
    if kept is not None:
        return kept
    digests, rows = _digests(reference.features), range(len(reference))
    with watching(run.progress, len(reference), _MAKING) as advance:
        found = reference.local_features(rows, advance)
        every = [found.get(row, no_features()) for row in rows]
        if len(found) == len(rows):  # else it is made in memory, and made again next time
            with suppress(UnwritableError, LockedStoreError, DamagedStoreError):
                return build_index(place, digests, lambda some: [every[row] for row in some])
        return index_in_memory(digests, every)


def _opened(folder: Path, features: Features) -> tuple[StoredIndex | None, str | None]:
    """The index in a folder, or the reason why it is not used."""
    try:
        stored = open_index(folder)
    except SourceNotFoundError:
        return None, f"The index in '{folder}' is gone: build it again."
    except DamagedStoreError as error:
        return None, str(error)
    wanted = np.frombuffer(bytes.fromhex("".join(_digests(features))), np.uint8)
    if not np.array_equal(stored.digests.ravel(), wanted):
        return None, f"The index in '{folder}' is of other images: build it again."
    return stored, None


def _digests(features: Features) -> list[str]:
    digests: list[str] = features.done["digest"].to_pylist()
    return digests


def _key(features: Features) -> str:
    return hashlib.sha256("".join(_digests(features)).encode()).hexdigest()[:32]
