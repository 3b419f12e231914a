"""Votes of a sample's features for reference images, and those that agree on one movement.

    cells and signatures --scan--> matches --tally--> votes an image --agreeing--> votes that agree

The loops behind an inverted index. A feature's vote weighs log2(1 + images / postings it matched):
what is rare counts more. Cells with the most postings are left out where a sample would look at
more than `MOST_LOOKED_AT`: they say least, and cost most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.matches import GROWTH, SCALES, TOLERANCE, TURN
from rara.retrieval.postings import Postings, positions
from rara.retrieval.visual_words import Probes, differing
from rara.storage.compiled import compiled

FARTHEST: Final = 16
"""Bits of 64 by which signatures of a match may differ."""

MOST_LOOKED_AT: Final = 12_000_000
"""Postings that one sample looks at."""

SHORTLIST: Final = 400
"""Images, of either hand of the sample, whose votes are tested for agreement."""

_SEEDS: Final = 16
"""Matches of an image that propose movements, two at a time."""

_WEIGHT: Final = 16
"""Of a feature that as many postings match as there are images."""

_SQUARE: Final = 8.0
"""Working pixels of a place, at which matches count once."""

_SIDE: Final = 64

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of a sample's feature and a posting, in the order of the features."""

    features: NDArray[np.int32]
    postings: Indices
    bits: NDArray[np.uint8]
    """By which their signatures differ."""


def matches(sought: Probes, postings: Postings) -> Matches:
    """What the features find in the cells where they look."""
    populations = np.diff(postings.offsets)[sought.cells]
    order = np.argsort(populations, axis=None, kind="stable")
    looked_at = np.cumsum(populations.ravel()[order]) <= MOST_LOOKED_AT
    chosen = np.zeros(sought.cells.shape, np.bool_)
    chosen.ravel()[order[looked_at]] = True
    return Matches(
        *_scan(sought.cells, sought.signatures, chosen, postings.offsets, postings.signatures)
    )


def weights(found: Matches, features: int, images: int) -> NDArray[np.int64]:
    """(features,) of each feature's vote: the rarer, the more."""
    matched = np.bincount(found.features, minlength=features)
    rarity = np.log2(1 + images / np.maximum(matched, 1))
    return np.asarray(np.rint(_WEIGHT * rarity), np.int64)


def votes(
    found: Matches, rows: NDArray[np.int32], each: NDArray[np.int64], images: int
) -> NDArray[np.int64]:
    """(images, 2) the weights of the features that match, each once for an image, by hand."""
    return _tally(found.features, found.postings, rows, each, images)


def shortlist(tally: NDArray[np.int64]) -> Indices:
    """Places in the flat tally with the most votes; of equal ones the first."""
    flat = tally.ravel()
    some = np.flatnonzero(flat)
    if len(some) <= SHORTLIST:
        return some
    least = np.partition(flat[some], -SHORTLIST)[-SHORTLIST]
    more, equal = some[flat[some] > least], some[flat[some] == least]
    return np.sort(np.concatenate([more, equal[: SHORTLIST - len(more)]]))


def agreeing_votes(
    found: Matches, listed: Indices, sample: Floats, postings: Postings, each: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each of the list, the weights of the matches that agree with the best movement.

    `sample`: (features, 4) positions, the first half of them those of the sample, the second half
    those of the mirrored one.
    """
    slots = np.full(2 * postings.images, -1, np.int32)
    slots[listed] = np.arange(len(listed))
    arrays = found.features, found.postings, postings.rows
    starts, order = _by_slot(*arrays, slots, len(listed), len(sample) // 2)
    features, bits = found.features[order], found.bits[order]
    source = positions(postings.frames[found.postings[order]])
    return _agreeing(starts, source, sample[features], bits, each[features])


@compiled
def _scan(
    cells: Indices,
    sought: NDArray[np.uint64],
    chosen: NDArray[np.bool_],
    offsets: Indices,
    signatures: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], Indices, NDArray[np.uint8]]:
    """Pairs of features and postings of the chosen cells with nearly the same signatures."""
    longest = 0
    for row in range(cells.shape[0]):
        for probe in range(cells.shape[1]):
            longest = max(longest, offsets[cells[row, probe] + 1] - offsets[cells[row, probe]])
    near, differ = np.empty(longest, np.int64), np.empty(longest, np.uint8)
    room = 1 << 16
    features, postings = np.empty(room, np.int32), np.empty(room, np.int64)
    bits = np.empty(room, np.uint8)
    n = 0
    for row in range(cells.shape[0]):
        for probe in range(cells.shape[1]):
            if not chosen[row, probe]:
                continue
            first, last = offsets[cells[row, probe]], offsets[cells[row, probe] + 1]
            count = _near(sought[row, probe], signatures[first:last], near, differ)
            while n + count > room:
                features = np.concatenate((features, np.empty(room, np.int32)))
                postings = np.concatenate((postings, np.empty(room, np.int64)))
                bits = np.concatenate((bits, np.empty(room, np.uint8)))
                room *= 2
            for k in range(count):
                features[n + k] = row
                postings[n + k], bits[n + k] = first + near[k], differ[k]
            n += count
    return features[:n], postings[:n], bits[:n]


@compiled
def _near(
    sought: np.uint64, signatures: NDArray[np.uint64], near: Indices, differ: NDArray[np.uint8]
) -> int:
    """Writes where the signatures that differ little are, and by how many bits; how many.

    Each place is written to until one is near, for a branch would cost more.
    """
    count = 0
    for place in range(len(signatures)):
        bits = differing(sought, signatures[place])
        near[count], differ[count] = place, bits
        count += 1 if bits <= FARTHEST else 0
    return count


@compiled
def _tally(
    features: NDArray[np.int32],
    postings: Indices,
    rows: NDArray[np.int32],
    each: NDArray[np.int64],
    images: int,
) -> NDArray[np.int64]:
    sums, last = np.zeros((images, 2), np.int64), np.full(images, -1, np.int32)
    for match in range(len(features)):
        feature, row = features[match], rows[postings[match]]
        if last[row] != feature:
            last[row] = feature
            sums[row, 1 if 2 * feature >= len(each) else 0] += each[feature]
    return sums


@compiled
def _by_slot(
    features: NDArray[np.int32],
    postings: Indices,
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
    count: int,
    half: int,
) -> tuple[Indices, Indices]:
    """Where each slot's matches begin in an order by slots, and that order."""
    starts = np.zeros(count + 1, np.int64)
    for match in range(len(features)):
        slot = slots[2 * rows[postings[match]] + (1 if features[match] >= half else 0)]
        if slot >= 0:
            starts[slot + 1] += 1
    starts = np.cumsum(starts)
    following, order = starts.copy(), np.empty(starts[-1], np.int64)
    for match in range(len(features)):
        slot = slots[2 * rows[postings[match]] + (1 if features[match] >= half else 0)]
        if slot >= 0:
            order[following[slot]] = match
            following[slot] += 1
    return starts, order


@compiled
def _agreeing(
    starts: Indices,
    source: Floats,
    sample: Floats,
    bits: NDArray[np.uint8],
    each: NDArray[np.int64],
) -> NDArray[np.int64]:
    """For the matches from one start to the next, the largest sum of weights that agree."""
    sums = np.zeros(len(starts) - 1, np.int64)
    taken, stamp = np.full(2 * _SIDE * _SIDE, -1, np.int64), 0
    seeds = np.empty(_SEEDS, np.int64)
    for slot in range(len(sums)):
        part = slice(starts[slot], starts[slot + 1])
        chosen = seeds[: _first(bits[part], each[part], seeds)]
        ends = source[part], sample[part]
        sums[slot], stamp = _most_agreeing(*ends, each[part], chosen, taken, stamp)
    return sums


@compiled
def _first(bits: NDArray[np.uint8], each: NDArray[np.int64], seeds: Indices) -> int:
    """Writes the matches with the fewest bits, then the largest weights; how many."""
    filled = 0
    for match in range(len(bits)):
        place = filled
        while place > 0:
            before = seeds[place - 1]
            if bits[before] < bits[match]:
                break
            if bits[before] == bits[match] and each[before] >= each[match]:
                break
            if place < len(seeds):
                seeds[place] = before
            place -= 1
        if place < len(seeds):
            seeds[place] = match
            filled = min(filled + 1, len(seeds))
    return filled


@compiled
def _most_agreeing(
    source: Floats,
    sample: Floats,
    each: NDArray[np.int64],
    seeds: Indices,
    taken: Indices,
    stamp: int,
) -> tuple[int, int]:
    """The largest sum for a movement that two of the seeds propose, and the next free stamp.

    One match alone, or several that agree on nothing, have the largest weight.
    """
    most = np.int64(0)
    for match in range(len(each)):
        most = max(most, each[match])
    for first in range(len(seeds)):
        for second in range(first + 1, len(seeds)):
            i, j = seeds[first], seeds[second]
            px, py = source[j, 0] - source[i, 0], source[j, 1] - source[i, 1]
            qx, qy = sample[j, 0] - sample[i, 0], sample[j, 1] - sample[i, 1]
            before, after = px * px + py * py, qx * qx + qy * qy
            if before < _SQUARE * _SQUARE or after < _SQUARE * _SQUARE:
                continue
            a, b = (px * qx + py * qy) / before, (px * qy - py * qx) / before
            change = 0.5 * np.log(after / before), np.arctan2(b, a)
            if abs(change[0]) > np.log(SCALES[1]):
                continue
            if not (
                _same_change(source[i], sample[i], change)
                and _same_change(source[j], sample[j], change)
            ):
                continue
            x = sample[i, 0] - a * source[i, 0] + b * source[i, 1]
            y = sample[i, 1] - b * source[i, 0] - a * source[i, 1]
            allowed = TOLERANCE * max(1.0, np.exp(change[0]))
            total = np.int64(0)
            for k in range(len(each)):
                dx = a * source[k, 0] - b * source[k, 1] + x - sample[k, 0]
                dy = b * source[k, 0] + a * source[k, 1] + y - sample[k, 1]
                if dx * dx + dy * dy > allowed * allowed:
                    continue
                if not _same_change(source[k], sample[k], change):
                    continue
                ours, theirs = _place(source[k]), _SIDE * _SIDE + _place(sample[k])
                if taken[ours] != stamp and taken[theirs] != stamp:
                    taken[ours] = taken[theirs] = stamp
                    total += each[k]
            most, stamp = max(most, total), stamp + 1
    return int(most), stamp


@compiled
def _same_change(source: Floats, sample: Floats, change: tuple[float, float]) -> bool:
    """Whether the log of the size and the direction change as the movement says."""
    if abs(sample[2] - source[2] - change[0]) > GROWTH:
        return False
    turn = sample[3] - source[3] - change[1]
    return bool(abs(turn - 2 * np.pi * np.rint(turn / (2 * np.pi))) <= TURN)


@compiled
def _place(position: Floats) -> int:
    column = int(min(max(position[0], 0.0), _SIDE * _SQUARE - 1) / _SQUARE)
    row = int(min(max(position[1], 0.0), _SIDE * _SQUARE - 1) / _SQUARE)
    return row * _SIDE + column
