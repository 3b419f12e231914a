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

from rara.calibration.by_copy_network import NetworkScores
from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.copies import NEAR_BITS, ComparedPixels
from rara.calibration.copy_statistic import CopyStatistic
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry import Nearest, query
from rara.geometry.hamming import NONE, Counts, closest_codes
from rara.run import Run
from rara.scores import BallGeometry, Columns
from rara.scores.ball_ratio import list_length
from rara.stats.joint_rank import SampleScores, joint_counts

NAMING = ("nearest", "pixel_nearest", "network_nearest")
"""Columns that name the image by which a test speaks."""

_PAIRS = 1 << 22
"""Neighbours that are listed at once."""


@dataclass(frozen=True, slots=True)
class LookedPast:
    """The evidence of copying that is left for some samples."""

    rows: NDArray[np.intp]
    """(r,) which samples."""
    columns: Columns
    """Their `nearest`, `nearest_distance`, `volume_p` and `copy_p`; where pixels are compared,
    `pixel_nearest`, `pixel_distance` and `pixel_p` too; with a copy network `network_nearest`,
    `network_distance` and `network_p`."""
    near: NDArray[np.bool_]
    """(r,) those that are as near to another image as only copies are."""


@dataclass(frozen=True, slots=True, eq=False)
class OtherTests:
    """What samples were compared by beside their vectors; None where they were not."""

    pixels: ComparedPixels | None = None
    network: NetworkScores | None = None


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
    network: NetworkScores | None
    run: Run


def look_past(
    columns: Columns,
    past: Mapping[int, NDArray[np.int32]],
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    others: OtherTests,
    run: Run,
) -> LookedPast | None:
    """The evidence without those images, for samples that a test compares with one of them.

    `past`: the reference rows to look past, by the row of the sample. None where no sample has its
    nearest image there.
    """
    rows = _rows(columns, past, geometry)
    if not len(rows):
        return None
    sides = _Sides(
        columns, past, samples, reference, geometry, known,
        None if others.pixels is None else others.pixels.test, others.network, run,
    )  # fmt: skip
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
    """The samples with a nearest image, by any test, that is to be looked past."""
    some = sorted(past)
    named = [columns[name].take(pa.array(some, pa.int64())).to_pylist()
             for name in NAMING if name in columns]  # fmt: skip
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
    ours, theirs = sides.samples.vectors[rows], sides.reference.vectors
    nearest = _nearest(ours, theirs, skipped, own, geometry, sides.run)
    statistic, images = calibrator.statistics.copying, len(calibrator.images.knn2)
    scores, near = _by_statistic(nearest, statistic, images)
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
    if sides.network is not None:
        further, tests["network_p"] = _by_network(rows, skipped, own, sides.network, sides)
        index = further.index[:, 0]
        behind["network_nearest"] = geometry.name(index)
        behind["network_distance"] = np.where(index < 0, np.nan, np.sqrt(further.d2[:, 0]))
        test = sides.network.test
        near = near | _by_statistic(further, test.statistic, len(test.ranking))[1]
    joins = calibrator.at_k.joins
    ranks = {name: one.ranks(joins=joins) for name, one in tests.items()}
    ranks["copy_p"] = joint_counts([*tests.values()], [*ranks.values()], joins=joins)
    for name, counts in ranks.items():
        before = np.asarray(sides.columns[name])[rows]
        behind[name] = np.maximum(before, counts / calibrator.at_k.members)  # NaN stays NaN
    return LookedPast(rows, behind, near)


def _by_statistic(
    nearest: Nearest, copying: CopyStatistic, images: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of copying, and who is as near as only copies are; neither with too few images."""
    complete = np.isfinite(nearest.d2).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = np.where(complete, copying.of(nearest), -np.inf)
        near = complete & copying.near(nearest, images)
    return scores, near


def _by_network(
    rows: NDArray[np.intp],
    skipped: list[NDArray[np.int32]],
    own: NDArray[np.int32] | None,
    network: NetworkScores,
    sides: _Sides,
) -> tuple[Nearest, SampleScores]:
    """The same by the copy network; a sample without a vector there has no nearest image."""
    test, samples = network.test, network.samples
    place = np.minimum(np.searchsorted(samples.rows, rows), max(0, len(samples.rows) - 1))
    there = np.flatnonzero(samples.rows[place] == rows) if len(samples.rows) else rows[:0]
    found = _nearest(
        samples.vectors[place[there]], test.reference, [skipped[i] for i in there],
        None if own is None else own[there], test.geometry, sides.run,
    )  # fmt: skip
    d2 = np.full((len(rows), found.k), np.inf)
    index = np.full((len(rows), found.k), -1, np.int32)
    d2[there], index[there] = found.d2, found.index
    nearest = Nearest.of(d2, index)
    scores, _ = _by_statistic(nearest, test.statistic, len(test.ranking))
    return nearest, SampleScores.of(test.ranking, scores)


def _nearest(
    vectors: NDArray[np.float32],
    reference: NDArray[np.float32],
    skipped: list[NDArray[np.int32]],
    own: NDArray[np.int32] | None,
    geometry: BallGeometry,
    run: Run,
) -> Nearest:
    """The nearest images that are not skipped; infinitely far where there are too few."""
    others = len(reference) - (own is not None)
    length, most = min(list_length(geometry), others), max(map(len, skipped), default=0)
    listed = Nearest(len(vectors), min(length + most, others))
    quantized = geometry.quantized
    query(vectors, reference, [listed], own=own, quantized=quantized, **run.engine())
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
