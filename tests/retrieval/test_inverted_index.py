"""The inverted index beside voting by hand, and what it finds."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageOps
from PIL.Image import fromarray

from rara.errors import ParameterError
from rara.retrieval import voting
from rara.retrieval.inverted_index import PROBES, Index
from rara.retrieval.local_features import LocalFeatures, PreparedImage, prepare
from rara.retrieval.matches import GROWTH, SCALES, TOLERANCE, TURN
from rara.retrieval.postings import merged, posted
from rara.retrieval.visual_words import CELLS, coded, probes, visual_words
from rara.retrieval.voting import FARTHEST
from scenes import pasted, resized, scene

FLAT = np.full((80, 80, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def images():
    return [prepare(scene(seed)) for seed in range(12)] + [prepare(FLAT)]


@pytest.fixture(scope="module")
def index(images):
    return Index.build(image.features for image in images)


def copies():
    part = scene(3)[30:190, 80:290]
    mirror = np.asarray(ImageOps.mirror(fromarray(scene(7))))
    return [
        ("crop", scene(2)[60:160, 100:220], 2),
        ("paste", pasted(resized(part, 130, 100), scene(40), 20, 90), 3),
        ("mirrored", mirror, 7),
        ("turned", np.ascontiguousarray(np.rot90(scene(9))), 9),
    ]


@pytest.mark.parametrize(("pixels", "row"), [c[1:] for c in copies()], ids=[c[0] for c in copies()])
def test_the_source_comes_first(index, pixels, row):
    found = index.candidates(prepare(pixels))
    assert found.rows[0] == row
    assert found.votes[0] > 2 * found.votes[1]


# -- the same in plain numpy -------------------------------------------------------------


def bits_of(descriptors, cells):
    """(n, 64) on which side of the medians of these cells."""
    table = visual_words()
    halves = descriptors.astype(int).reshape(-1, 2, 64)
    words = np.stack([cells // 256, cells % 256], axis=1)
    sides = [
        halves[:, half] @ table.directions[half].astype(int).T > table.medians[half][words[:, half]]
        for half in range(2)
    ]
    return np.concatenate(sides, axis=1)


def distances_of(descriptors):
    """(n, 65,536) squared distances to the middles of all cells."""
    halves = descriptors.astype(int).reshape(-1, 2, 64)
    first, second = (
        np.sum((halves[:, half, None] - visual_words().centroids[half].astype(int)) ** 2, axis=2)
        for half in range(2)
    )
    return (first[:, :, None] + second[:, None]).reshape(len(descriptors), CELLS)


def steps_of(features):
    places = np.rint(np.column_stack([features.points / 2, 16 * np.log2(features.sizes)])) * [
        2,
        2,
        np.log(2) / 16,
    ]
    return np.column_stack([places, np.rint(features.angles * 128 / np.pi) * np.pi / 128])


def agrees(ours, theirs, change, allowed):
    a, b, x, y = change
    u = a * ours[0] - b * ours[1] + x - theirs[0]
    v = b * ours[0] + a * ours[1] + y - theirs[1]
    return np.hypot(u, v) <= allowed and same_change(ours, theirs, np.hypot(a, b), np.arctan2(b, a))


def same_change(ours, theirs, scale, turned):
    turn = (theirs[3] - ours[3] - turned + np.pi) % (2 * np.pi) - np.pi
    return abs(theirs[2] - ours[2] - np.log(scale)) <= GROWTH and abs(turn) <= TURN


def square(place):
    return tuple(np.clip(place[:2], 0, 511).astype(int) // 8)


def best_sum(pairs):
    """Of (source, sample, weight, bits), in the order of the features."""
    best = max(weight for _, _, weight, _ in pairs)
    seeds = sorted(pairs, key=lambda pair: (pair[3], -pair[2]))[:16]
    for i, (p, q, *_) in enumerate(seeds):
        for s, t, *_ in seeds[i + 1 :]:
            before, after = complex(*(s - p)[:2]), complex(*(t - q)[:2])
            if min(abs(before), abs(after)) < 8:
                continue
            ratio = after / before
            if not 1 / SCALES[1] <= abs(ratio) <= SCALES[1]:
                continue
            turned = abs(ratio), np.angle(ratio)
            if not (same_change(p, q, *turned) and same_change(s, t, *turned)):
                continue
            shift = complex(*q[:2]) - ratio * complex(*p[:2])
            change = ratio.real, ratio.imag, shift.real, shift.imag
            taken, total = (set(), set()), 0
            for ours, theirs, weight, _ in pairs:
                here, there = square(ours), square(theirs)
                fits = agrees(ours, theirs, change, TOLERANCE * max(1, abs(ratio)))
                if fits and here not in taken[0] and there not in taken[1]:
                    taken[0].add(here)
                    taken[1].add(there)
                    total += weight
            best = max(best, total)
    return best


def by_hand(images, sample, most):
    """Every feature of the sample, in either hand, beside every feature of the reference."""
    rows = np.repeat(np.arange(len(images)), [len(one) for one in images])
    descriptors = np.concatenate([one.descriptors for one in images])
    places = np.concatenate([steps_of(one) for one in images])
    cells = np.concatenate([distances_of(one.descriptors).argmin(axis=1) for one in images])
    bits = bits_of(descriptors, cells)
    pairs = defaultdict(list)
    for hand, features in enumerate((sample.features, sample.mirrored.features)):
        near = np.argsort(distances_of(features.descriptors), axis=1, kind="stable")[:, :PROBES]
        where = np.column_stack([features.points, np.log(features.sizes), features.angles])
        for feature, descriptor in enumerate(features.descriptors):
            matched = []
            for cell in near[feature]:
                inside = np.flatnonzero(cells == cell)
                apart = np.sum(bits[inside] != bits_of(descriptor[None], cell[None]), axis=1)
                matched += [(p, n) for p, n in zip(inside, apart, strict=True) if n <= FARTHEST]
            weight = round(16 * np.log2(1 + len(images) / max(len(matched), 1)))
            for p, n in matched:
                pairs[rows[p], hand].append((places[p], where[feature], weight, n))
    sums = defaultdict(int)
    for (row, _), some in pairs.items():
        sums[row] = max(sums[row], best_sum(some))
    ranked = sorted(sums, key=lambda row: (-sums[row], row))[:most]
    return ranked, [sums[row] for row in ranked]


def fewer(image, count=70):
    features = image.features
    return replace(
        image,
        features=LocalFeatures(*(getattr(features, n)[:count] for n in features.__slots__)),
    )


def same_array(left, right):
    return left.dtype == right.dtype and np.array_equal(left, right)


def assert_same(left, right):
    assert len(left) == len(right)
    for name in ("offsets", "signatures", "rows", "frames"):
        assert same_array(getattr(left.postings, name), getattr(right.postings, name)), name


@pytest.mark.parametrize(("pixels", "row"), [c[1:] for c in copies()], ids=[c[0] for c in copies()])
def test_the_candidates_are_those_of_voting_by_hand(images, pixels, row):
    few = [fewer(image) for image in images]
    sample = fewer(prepare(pixels), 90)
    found = Index.build(image.features for image in few).candidates(sample, 12)
    rows, votes = by_hand([image.features for image in few], sample, 12)
    assert found.rows.tolist() == rows
    assert found.votes.tolist() == votes
    assert rows[0] == row


def test_cells_are_the_nearest_ones():
    descriptors = prepare(scene(1)).features.descriptors[:40]
    order = np.argsort(distances_of(descriptors), axis=1, kind="stable")
    for count in (1, 3, 16, 256):
        assert np.array_equal(probes(descriptors, count).cells, order[:, :count])
    assert np.array_equal(coded(descriptors).cells, order[:, 0])


def test_signatures_are_sides_of_the_medians():
    descriptors = prepare(scene(1)).features.descriptors[:40]
    sought = probes(descriptors, 3)
    for probe in range(3):
        bits = bits_of(descriptors, sought.cells[:, probe])
        packed = np.packbits(bits, axis=1, bitorder="little").view("<u8")[:, 0]
        assert np.array_equal(sought.signatures[:, probe], packed)
    assert np.array_equal(coded(descriptors).signatures, sought.signatures[:, 0])


# -- what holds of every index -------------------------------------------------------------


def test_postings_are_in_the_order_of_cells_and_rows(index, images):
    postings = index.postings
    assert len(postings) == sum(len(image.features) for image in images)
    assert postings.offsets[0] == 0
    assert postings.offsets[-1] == len(postings)
    for cell in np.unique(coded(images[0].features.descriptors).cells):
        inside = postings.rows[postings.offsets[cell] : postings.offsets[cell + 1]]
        assert 0 in inside
        assert np.all(np.diff(inside) >= 0)


@pytest.mark.parametrize("first", [0, 1, 5, 13])
def test_an_extended_index_is_that_of_all(index, images, first):
    features = [image.features for image in images]
    assert_same(Index.build(features[:first]).extended(features[first:]), index)


def test_parts_of_any_size_give_the_same(index, images):
    parts = [posted([image.features]) for image in images]
    assert_same(Index(merged(parts)), index)


def test_images_without_features_count_as_rows(images):
    flat, copy = images[-1].features, images[4].features
    found = Index.build([flat, flat, copy, flat]).candidates(prepare(scene(4)))
    assert found.rows.tolist() == [2]


def test_a_sample_without_features_has_no_candidates(index):
    found = index.candidates(prepare(FLAT))
    assert len(found.rows) == len(found.votes) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_the_smallest_references(images, count):
    index = Index.build(image.features for image in images[:count])
    assert len(index) == count
    assert index.candidates(images[0]).rows.tolist() == list(range(count))


def test_equal_images_come_in_the_order_of_their_rows(images):
    index = Index.build([images[1].features] * 5 + [images[0].features] * 5)
    found = index.candidates(images[0])
    assert found.rows[:5].tolist() == [5, 6, 7, 8, 9]
    assert len(set(found.votes[:5])) == 1


def test_at_most_so_many_candidates(index, images):
    everything = index.candidates(images[5], 100)
    assert len(everything.rows) == len(set(everything.rows)) <= len(images)
    assert np.all(np.diff(everything.votes) <= 0)
    for most in (1, 3):
        some = index.candidates(images[5], most)
        assert np.array_equal(some.rows, everything.rows[:most])
        assert np.array_equal(some.votes, everything.votes[:most])
    with pytest.raises(ParameterError, match="most"):
        index.candidates(images[5], 0)


def test_full_cells_are_left_out_first(images, monkeypatch):
    """A sample looks at so many postings at most, in the emptiest cells first."""
    postings = posted([image.features for image in images])
    sought = probes(images[0].features.descriptors, PROBES)
    everything = voting.matches(sought, postings)
    populations = np.diff(postings.offsets)[sought.cells]
    monkeypatch.setattr(voting, "MOST_LOOKED_AT", int(populations.sum()) // 3)
    some = voting.matches(sought, postings)
    assert 0 < len(some.features) < len(everything.features)
    in_cell = np.repeat(np.arange(CELLS), np.diff(postings.offsets))
    left_out = set(zip(everything.features, everything.postings, strict=True)) - set(
        zip(some.features, some.postings, strict=True)
    )
    sizes = np.diff(postings.offsets)
    assert max(sizes[in_cell[some.postings]]) <= min(sizes[in_cell[p]] for _, p in left_out)


def test_the_shortlist_is_the_first_of_the_most_votes(monkeypatch):
    monkeypatch.setattr(voting, "SHORTLIST", 3)
    tally = np.array([[0, 5], [2, 2], [9, 0], [2, 2]])
    assert voting.shortlist(tally).tolist() == [1, 2, 4]
    assert voting.shortlist(tally[:1]).tolist() == [1]


def test_many_postings_in_one_cell():
    """More matches than the first room for them."""
    features = prepare(scene(1)).features
    few = LocalFeatures(*(getattr(features, n)[:1] for n in features.__slots__))
    index = Index(merged([posted([few] * 1000)] * 70))
    sample = PreparedImage(scene(1), few, 1.0)
    assert index.candidates(sample).rows.tolist() == list(range(17))
