"""What the tests for copies find behind reference images that are decided to be no originals.

    samples, rows to look past --look_past--> LookedPast: the next nearest images, and p-values

A sample whose nearest image was decided to be another picture is compared once more, as if that
image were not in the reference. The next nearest is farther, but its share of the local volume may
be smaller. So each p-value is that of all images, or the new one if that is larger: an image that
somebody chose by looking can take evidence away, and add none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.by_vectors import Calibrator
from rara.calibration.copies import NEAR_BITS, ComparedPixels
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry import Nearest, query
from rara.geometry.hamming import NONE, Counts, closest_codes
from rara.run import Run
from rara.scores import BallGeometry, Columns
from rara.scores.ball_ratio import list_length
from rara.stats.joint_rank import SampleScores, joint_counts

_PAIRS = 1 << 22
"""Neighbours that are listed at once."""


@dataclass(frozen=True, slots=True)
class LookedPast:
    """The evidence of copying that is left for some samples."""

    rows: NDArray[np.intp]
    """(r,) which samples."""
    columns: Columns
    """Their `nearest`, `nearest_distance`, `volume_p` and `copy_p`; where pixels are compared,
    `pixel_nearest`, `pixel_distance` and `pixel_p` too."""
    near: NDArray[np.bool_]
    """(r,) those that are as near to another image as only copies are."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """What is compared, and how it was compared before."""

    columns: Columns
    past: Mapping[int, NDArray[np.int32]]
    samples: Features
    reference: Features
    geometry: BallGeometry
    known: CalibrationSet
    pixels: PixelCopyTest | None
    run: Run


def look_past(
    columns: Columns,
    past: Mapping[int, NDArray[np.int32]],
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    pixels: ComparedPixels | None,
    run: Run,
) -> LookedPast | None:
    """The evidence without those images, for samples that a test compares with one of them.

    `past`: the reference rows to look past, by the row of the sample. None where no sample has its
    nearest image there.
    """
    rows, test = _rows(columns, past, geometry), None if pixels is None else pixels.test
    if not len(rows):
        return None
    sides = _Sides(columns, past, samples, reference, geometry, known, test, run)
    parts = [_past(block, sides) for block in _blocks(rows, past, list_length(geometry))]
    names = parts[0].columns
    return LookedPast(
        np.concatenate([part.rows for part in parts]),
        {name: _joined([part.columns[name] for part in parts]) for name in names},
        np.concatenate([part.near for part in parts]),
    )


def _rows(
    columns: Columns, past: Mapping[int, NDArray[np.int32]], geometry: BallGeometry
) -> NDArray[np.intp]:
    """The samples with a nearest image, by either test, that is to be looked past."""
    some = sorted(past)
    named = [columns[name].take(pa.array(some, pa.int64())).to_pylist()
             for name in ("nearest", "pixel_nearest")]  # fmt: skip
    names = {id(rows): {*geometry.name(rows).to_pylist()} for rows in past.values()}
    met = [
        row for row, nearest in zip(some, zip(*named, strict=True), strict=True)
        if {*nearest} & names[id(past[row])]
    ]  # fmt: skip
    return np.array(met, np.intp)


def _blocks(
    rows: NDArray[np.intp], past: Mapping[int, NDArray[np.int32]], depth: int
) -> list[NDArray[np.intp]]:
    """Samples that are looked at together: those with the fewest images to look past first."""
    rows = rows[np.argsort([len(past[int(row)]) for row in rows], kind="stable")]
    blocks, start = [], 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and (end + 1 - start) * (depth + len(past[int(rows[end])])) <= _PAIRS:
            end += 1
        blocks.append(rows[start:end])
        start = end
    return blocks


def _joined(parts: list[NDArray[Any] | pa.Array]) -> NDArray[Any] | pa.Array:
    arrow = isinstance(parts[0], (pa.Array, pa.ChunkedArray))
    return pa.concat_arrays(parts) if arrow else np.concatenate(parts)


def _past(rows: NDArray[np.intp], sides: _Sides) -> LookedPast:
    geometry, calibrator = sides.geometry, sides.known.calibrator
    own = None if geometry.own is None else geometry.own[rows]
    skipped = [sides.past[int(row)] for row in rows]
    nearest = _nearest(rows, skipped, own, sides)
    scores, near = _by_vectors(nearest, calibrator)
    behind: dict[str, NDArray[Any] | pa.Array] = {
        "nearest": geometry.name(nearest.index[:, 0]),
        "nearest_distance": np.sqrt(nearest.d2[:, 0]),
    }
    tests = {"volume_p": SampleScores.of(calibrator.rankings.copying, scores)}
    if sides.pixels is not None:
        distance, index = _closest(rows, skipped, own, sides, sides.pixels)
        near = near | (distance <= NEAR_BITS)
        behind["pixel_nearest"] = geometry.name(index)
        behind["pixel_distance"] = pa.array(distance, mask=distance == NONE)
        tests["pixel_p"] = SampleScores.of(sides.pixels.ranking, -distance.astype(np.float64))
    joins = calibrator.at_k.joins
    ranks = {name: one.ranks(joins=joins) for name, one in tests.items()}
    ranks["copy_p"] = joint_counts([*tests.values()], [*ranks.values()], joins=joins)
    for name, counts in ranks.items():
        before = np.asarray(sides.columns[name])[rows]
        behind[name] = np.maximum(before, counts / calibrator.at_k.members)
    return LookedPast(rows, behind, near)


def _by_vectors(
    nearest: Nearest, calibrator: Calibrator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of copying, and who is as near as only copies are; neither with too few images."""
    copying, complete = calibrator.statistics.copying, np.isfinite(nearest.d2).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = np.where(complete, copying.of(nearest), -np.inf)
        near = complete & copying.near(nearest, len(calibrator.images.knn2))
    return scores, near


def _nearest(
    rows: NDArray[np.intp],
    skipped: list[NDArray[np.int32]],
    own: NDArray[np.int32] | None,
    sides: _Sides,
) -> Nearest:
    """The nearest images that are not skipped; infinitely far where there are too few."""
    vectors, reference = sides.samples.vectors[rows], sides.reference.vectors
    others = len(reference) - (own is not None)
    length, most = min(list_length(sides.geometry), others), max(map(len, skipped))
    listed = Nearest(len(vectors), min(length + most, others))
    quantized = sides.geometry.quantized
    query(vectors, reference, [listed], own=own, quantized=quantized, **sides.run.engine())
    d2 = np.full((len(vectors), length), np.inf)
    index = np.full((len(vectors), length), -1, np.int32)
    for row, some in enumerate(skipped):
        kept = np.flatnonzero(~np.isin(listed.index[row], some))[:length]
        d2[row, : len(kept)] = listed.d2[row, kept]
        index[row, : len(kept)] = listed.index[row, kept]
    return Nearest.of(d2, index)


def _closest(
    rows: NDArray[np.intp],
    skipped: list[NDArray[np.int32]],
    own: NDArray[np.int32] | None,
    sides: _Sides,
    test: PixelCopyTest,
) -> tuple[Counts, Counts]:
    """The nearest pictures that are not skipped: distances in bits, and rows; `NONE` and -1."""
    samples = pixel_hashes_of(sides.samples.take(rows, sides.samples.location))
    assert samples is not None  # they were compared before
    structured = np.flatnonzero(~test.hashes.flat).astype(np.int32)
    most = max(map(len, skipped)) + int(own is not None)
    listed = closest_codes(
        samples.codes, test.hashes.codes[structured],
        k=max(1, min(most + 1, len(structured))), threads=sides.run.threads,
    )  # fmt: skip
    distance = np.full(len(samples), NONE, np.int32)
    index = np.full(len(samples), -1, np.int32)
    names = np.append(structured, -1)[listed.index]
    for row, some in enumerate(skipped):
        itself = [] if own is None else [own[row]]
        kept = np.flatnonzero(~np.isin(names[row], [*some, *itself, -1]))
        if len(kept) and not samples.flat[row]:
            distance[row], index[row] = listed.distance[row, kept[0]], names[row, kept[0]]
    return distance, index
