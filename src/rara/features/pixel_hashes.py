"""Pictures compared by their pixels: the second witness of copying, beside the vectors.

    hashes of reference and samples --closest--> Closest --PixelCopyTest--> pixel_p, copy_p

How near two pictures are is the number of bits in which their codes differ, at best over the
ways to turn one; the same picture is nearer than any other. Of real images each is as likely as
any other to have the nearest, and so a sample's p-value is exact, as for the vectors:
docs/explanation/calibration.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.made_once import made_once
from rara.geometry import Nearest
from rara.geometry.hamming import (
    NONE,
    ClosestCodes,
    Counts,
    Words,
    closest_codes,
    closest_other_codes,
)
from rara.images.phash import CODE_BYTES
from rara.stats.conformal import Doubles

SAME = -1
"""The distance of a picture to itself in another file, which no distance of codes can tell."""


@dataclass(frozen=True, slots=True, eq=False)
class PixelHashes:
    """The pixel hashes of some images, row for row."""

    pictures: pa.Array
    codes: Words
    """(n, 4); zeros where a picture is flat."""
    flat: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, rows: NDArray[np.integer]) -> PixelHashes:
        """Those of some images, by row."""
        return PixelHashes(self.pictures.take(pa.array(rows)), self.codes[rows], self.flat[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Closest:
    """The nearest reference picture of each sample."""

    distance: Counts
    """`SAME`, or how many bits differ, or `NONE` where one of the two has no structure."""
    index: Counts
    """Which one, the first of several; -1 where there is none."""
    joined: Counts
    """To how many reference pictures the sample is nearer than these are to each other."""


def pixel_hashes_of(features: Features) -> PixelHashes | None:
    """The pixel hashes of all images; None where rara has not seen the pixels of each."""
    return made_once(features, "pixel hashes", lambda: _hashes(features))


def _hashes(features: Features) -> PixelHashes | None:
    done = features.done
    pictures, codes = done["picture"].combine_chunks(), done["code"].combine_chunks()
    if pictures.null_count:
        return None
    flat = codes.is_null().to_numpy(zero_copy_only=False)
    words = b"".join(code or bytes(CODE_BYTES) for code in codes.to_pylist())
    return PixelHashes(pictures, np.frombuffer(words, np.uint64).reshape(len(flat), -1), flat)


def closest(
    samples: PixelHashes,
    reference: PixelHashes,
    *,
    own: Counts | None = None,
    others: Counts | None = None,
    threads: int | None = None,
) -> Closest:
    """The nearest reference picture of each sample.

    `own`: which reference image each sample is, and must not be compared with. `others`: (n,)
    how near each reference picture has its nearest other one.
    """
    sample_rows, reference_rows = np.flatnonzero(~samples.flat), np.flatnonzero(~reference.flat)
    place = np.full(len(reference) + 1, -1, np.int32)
    place[reference_rows] = np.arange(len(reference_rows))
    nearest = closest_codes(
        samples.codes[sample_rows],
        reference.codes[reference_rows],
        own=None if own is None else place[own[sample_rows]],
        others=None if others is None else others[reference_rows],
        threads=threads,
    )
    return _placed(nearest, sample_rows, reference_rows, samples, reference, own, others)


def closest_others(
    reference: PixelHashes,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Closest:
    """The nearest other picture of each picture of a reference."""
    rows, every = np.flatnonzero(~reference.flat), np.arange(len(reference), dtype=np.int32)
    nearest = closest_other_codes(reference.codes[rows], threads=threads, progress=progress)
    return _placed(nearest, rows, rows, reference, reference, every, None)


def _placed(
    nearest: ClosestCodes,
    sample_rows: NDArray[np.intp],
    reference_rows: NDArray[np.intp],
    samples: PixelHashes,
    reference: PixelHashes,
    own: Counts | None,
    others: Counts | None,
) -> Closest:
    """Among all images, where codes were compared of some; the same picture before all codes."""
    nobody = np.full(len(samples), -1, np.int32)
    answer = Closest(np.full(len(samples), NONE, np.int32), nobody, np.zeros_like(nobody))
    answer.distance[sample_rows] = nearest.distance[:, 0]
    answer.index[sample_rows] = np.append(reference_rows, -1)[nearest.index[:, 0]]
    answer.joined[sample_rows] = nearest.partners
    same = first_equal(samples.pictures, reference.pictures, own)
    rows = np.flatnonzero(same >= 0)
    answer.distance[rows], answer.index[rows] = SAME, same[rows]
    if others is not None:
        answer.joined[rows] = others[same[rows]] > SAME
    return answer


def lists(
    samples: PixelHashes, reference: PixelHashes, k: int, threads: int | None = None
) -> Nearest:
    """The k nearest reference pictures of each sample, none of which may be flat.

    In place of squared distances stand the bits that differ, ties spread evenly over one bit:
    so distances that grow from neighbour to neighbour have no jumps where there is only a grid.
    """
    return _listed(closest_codes(samples.codes, reference.codes, k=k, threads=threads))


def lists_of_others(reference: PixelHashes, k: int, threads: int | None = None) -> Nearest:
    """`lists` of the reference's own pictures, each without itself."""
    return _listed(closest_other_codes(reference.codes, k=k, threads=threads))


def _listed(closest: ClosestCodes) -> Nearest:
    return Nearest.of(_spread(closest.distance), closest.index)


def _spread(ascending: Counts) -> Doubles:
    """The t-th of T equal numbers gains (t - 1/2) / T."""
    place = np.zeros(ascending.shape)
    for column in range(1, ascending.shape[1]):
        tied = ascending[:, column] == ascending[:, column - 1]
        place[:, column] = np.where(tied, place[:, column - 1] + 1, 0)
    last = place.copy()
    for column in range(ascending.shape[1] - 2, -1, -1):
        tied = ascending[:, column] == ascending[:, column + 1]
        last[:, column] = np.where(tied, last[:, column + 1], place[:, column])
    spread: Doubles = ascending + (place + 0.5) / (last + 1)
    return spread


def first_equal(
    samples: pa.Array, reference: pa.Array, own: Counts | None = None
) -> NDArray[np.int64]:
    """The first row of the reference that equals each sample, itself excepted; or -1."""
    first = _first(samples, reference)
    if own is None:
        return first
    last = len(reference) - 1 - _first(samples, reference[::-1])
    return np.where(first == own, np.where(last == own, -1, last), first)


def _first(samples: pa.Array, reference: pa.Array) -> NDArray[np.int64]:
    shared = np.flatnonzero(pc.is_in(reference, value_set=samples).to_numpy(zero_copy_only=False))
    matches = pc.index_in(samples, value_set=reference.take(pa.array(shared)))
    place = matches.fill_null(-1).to_numpy().astype(np.int64)
    places: NDArray[np.int64] = np.append(shared, -1)[place]
    return places
