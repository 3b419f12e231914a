"""An index of a reference's images in a folder: made once, continued after a kill, verified.

    folder/
      manifest.json, offsets, signatures, rows, frames    the postings
      codes, code_offsets, digests                        features and content of each image
      shards/KEY/                                         while it is being made

Images are taken in shards of 1,000. Each is a folder of its own, named after the contents of its
images, so that a run that was killed continues with the shard that it was making. Where the
folder has an index of the first images already, only those after them are taken.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.errors import (
    DamagedStoreError,
    ParameterError,
    SourceNotFoundError,
    UnwritableError,
)
from rara.retrieval import feature_codes, local_features, visual_words
from rara.retrieval.feature_codes import packed, unpacked
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import LocalFeatures
from rara.retrieval.postings import Postings, merged, posted
from rara.retrieval.visual_words import CELLS
from rara.storage.atomic import Writer
from rara.storage.folder import (
    Claim,
    Parts,
    StoredFolder,
    array_part,
    claim,
    kind_of,
    read_folder,
)

KIND: Final = "feature index"

SHARD: Final = 1000
"""Images whose features are kept together until all are there."""

FeaturesOf: TypeAlias = Callable[[range], Iterable[LocalFeatures]]
"""The local features of some images, in their order."""

_SHARDS: Final = "shards"
_UNFINISHED: Final = "unfinished feature index"
_VERSION: Final = f"{local_features.VERSION}.{visual_words.VERSION}.{feature_codes.VERSION}"


@dataclass(frozen=True, slots=True, eq=False)
class StoredIndex:
    """An index that was read and found undamaged, memory-mapped."""

    index: Index
    digests: NDArray[np.uint8]
    """(images, 32) sha256 of each image's content."""
    _codes: NDArray[np.uint8]
    _code_offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def features(self, row: int) -> LocalFeatures:
        """An image's features, rounded as they are stored.

        Raises DamagedStoreError where they are damaged, and IndexError for a row beyond the last.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        return unpacked(
            self._codes[self._code_offsets[row] : self._code_offsets[row + 1]].tobytes()
        )


def build_index(folder: Path, digests: Sequence[str], features: FeaturesOf) -> StoredIndex:
    """Makes the folder's index one of these images, and opens it.

    `digests`: the sha256 of each image's content, in hexadecimal. `features`: those of so
    many images, a shard at a time; asked for only where neither the folder nor a shard of an
    earlier run has them. The result is the same in any number of runs. Raises ParameterError for
    other digests, and UnwritableError or LockedStoreError where the folder cannot be written.
    """
    wanted = _as_rows(digests)
    _refuse_others(folder)
    with claim(folder) as place:
        stored = _at_hand(folder, wanted)
        if stored is None or len(stored) < len(wanted):
            if kind_of(folder) != KIND:
                place.write(Parts(_UNFINISHED, {}, {}))
            _complete(place, stored, wanted, features)
        with suppress(OSError):
            shutil.rmtree(folder / _SHARDS)
    return open_index(folder)


def index_in_memory(digests: Sequence[str], features: Sequence[LocalFeatures]) -> StoredIndex:
    """The same index in no folder, of at least one image. Raises ParameterError as above."""
    return _made(_as_rows(digests), features)


def open_index(folder: Path) -> StoredIndex:
    """The index in a folder. Raises DamagedStoreError where it is damaged, unfinished, of another
    version or none, and SourceNotFoundError where nothing is there."""
    return _opened(read_folder(folder))


def _as_rows(digests: Sequence[str]) -> NDArray[np.uint8]:
    try:
        rows = [np.frombuffer(bytes.fromhex(digest), np.uint8) for digest in digests]
        return np.stack([np.zeros(32, np.uint8), *rows])[1:]
    except (ValueError, TypeError):
        raise ParameterError("digests: give the sha256 of each image in hexadecimal.") from None


def _refuse_others(folder: Path) -> None:
    """Features, or a reference, are not replaced by an index."""
    kind = kind_of(folder)
    if kind not in (None, KIND, _UNFINISHED, "unfinished", "damaged"):
        raise UnwritableError(f"'{folder}' holds {kind}, no {KIND}: give a new or empty folder.")


def _at_hand(folder: Path, wanted: NDArray[np.uint8]) -> StoredIndex | None:
    """What the folder has, where that is an index of the first images."""
    with suppress(DamagedStoreError, SourceNotFoundError):
        stored = open_index(folder)
        if np.array_equal(stored.digests, wanted[: len(stored)]):
            return stored
    return None


def _complete(
    place: Claim,
    stored: StoredIndex | None,
    wanted: NDArray[np.uint8],
    features: FeaturesOf,
) -> None:
    """Makes the shards that are missing, and one index of all."""
    parts = [] if stored is None else [stored]
    for first in range(len(stored or ()), len(wanted), SHARD):
        rows = range(first, min(first + SHARD, len(wanted)))
        parts.append(_shard(place.folder / _SHARDS, wanted[rows.start : rows.stop], rows, features))
    place.write(_joined(parts))


def _shard(
    folder: Path,
    wanted: NDArray[np.uint8],
    rows: range,
    features: FeaturesOf,
) -> StoredIndex:
    """The shard of these images, made where it is not there yet, or damaged."""
    key = hashlib.sha256(_VERSION.encode() + wanted.tobytes()).hexdigest()[:32]
    stored = _at_hand(folder / key, wanted)
    if stored is not None and len(stored) == len(wanted):
        return stored
    shard = _made(wanted, list(features(rows)))
    with claim(folder / key) as place:
        place.write(_joined([shard]))
    return open_index(folder / key)


def _made(wanted: NDArray[np.uint8], found: Sequence[LocalFeatures]) -> StoredIndex:
    codes = [np.frombuffer(packed(one), np.uint8) for one in found]
    ends = np.cumsum([0, *map(len, codes)], dtype=np.int64)
    return StoredIndex(Index(posted(found)), wanted, np.concatenate(codes), ends)


def _joined(parts: Sequence[StoredIndex]) -> Parts:
    """The files of one index of all images."""
    postings = merged([part.index.postings for part in parts])
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(p._code_offsets) for p in parts)])
    files: dict[str, Writer] = {
        "offsets.npy": array_part(postings.offsets),
        "signatures.npy": array_part(postings.signatures),
        "rows.npy": array_part(postings.rows),
        "frames.npy": array_part(postings.frames),
        "codes.npy": partial(_write_bytes, [part._codes for part in parts]),
        "code_offsets.npy": array_part(np.cumsum(sizes)),
        "digests.npy": array_part(
            np.concatenate([np.zeros((0, 32), np.uint8), *(p.digests for p in parts)])
        ),
    }
    return Parts(KIND, {"version": _VERSION, "images": postings.images}, files)


def _write_bytes(arrays: Sequence[NDArray[np.uint8]], file: BinaryIO) -> None:
    """One .npy of all, never more than a part in memory."""
    length = sum(map(len, arrays))
    header = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)
    for array in arrays:
        file.write(array.data)


def _opened(stored: StoredFolder) -> StoredIndex:
    """The arrays, each held against the others, so that no loop leaves one of them."""
    if stored.kind == _UNFINISHED:
        raise DamagedStoreError(f"The index in '{stored.folder}' is unfinished: build it again.")
    if stored.kind != KIND:
        raise DamagedStoreError(f"'{stored.folder}' holds {stored.kind}, not a {KIND}.")
    if stored.facts.get("version") != _VERSION:
        raise DamagedStoreError(
            f"The index in '{stored.folder}' is of version {stored.facts.get('version')!r}, not "
            f"{_VERSION}: build it again."
        )
    digests = stored.array("digests.npy", np.uint8, None, 32)
    images, rows = len(digests), stored.array("rows.npy", np.int32, None)
    offsets = stored.array("offsets.npy", np.int64, CELLS + 1)
    signatures = stored.array("signatures.npy", np.uint64, len(rows))
    frames = stored.array("frames.npy", np.uint8, len(rows), 4)
    codes = stored.array("codes.npy", np.uint8, None)
    code_offsets = stored.array("code_offsets.npy", np.int64, images + 1)
    if stored.facts.get("images") != images:
        raise stored.wrong(f"images are {stored.facts.get('images')!r}, digests {images:,}")
    for name, cut, length in (
        ("offsets", offsets, len(rows)),
        ("code_offsets", code_offsets, len(codes)),
    ):
        if cut[0] != 0 or cut[-1] != length or np.any(cut[1:] < cut[:-1]):
            raise stored.wrong(f"{name}.npy do not ascend from 0 to {length:,}")
    if len(rows) and (rows.min() < 0 or rows.max() >= images):
        raise stored.wrong(f"rows.npy has rows beyond {images:,} images")
    arrays = (np.asarray(array) for array in (offsets, signatures, rows, frames))
    postings = Postings(images, *arrays)
    return StoredIndex(Index(postings), digests, codes, code_offsets)
