"""Candidates by vectors of parts: against a plain search, and where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from embedding import Images, Means, Small
from make import picture
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors import get_extractor
from rara.features.embed import embed
from rara.features.metric import with_metric
from rara.retrieval.crops import CENTRE, MORE_PARTS, PARTS, SHORTEST, WHOLE, cut, tiles
from rara.retrieval.vector_candidates import PartVectors, VectorCandidates, part_vectors


def pictures(count, first=0, size=(120, 90)):
    return [np.asarray(picture(seed, size)) for seed in range(first, first + count)]


# -- parts ------------------------------------------------------------------------------


def test_tiles_cover_a_picture_once():
    image = picture(0, (97, 61))
    parts = cut(image, tiles(3))
    rows = [np.hstack([np.asarray(part) for part in parts[at : at + 3]]) for at in (0, 3, 6)]
    np.testing.assert_array_equal(np.vstack(rows), image)


def test_the_centre_has_half_of_the_sides():
    (middle,) = cut(picture(0, (100, 60)), [CENTRE])
    np.testing.assert_array_equal(middle, picture(0, (100, 60)).crop((25, 15, 75, 45)))


def test_there_are_six_or_fifteen_parts_and_small_ones_are_left_out():
    assert len(PARTS) == len(set(PARTS)) == 6
    assert len(MORE_PARTS) == len(set(MORE_PARTS)) == 15
    assert len(cut(picture(0, (3 * SHORTEST, 3 * SHORTEST)), MORE_PARTS)) == 15
    assert len(cut(picture(0, (3 * SHORTEST, 3 * SHORTEST - 3)), MORE_PARTS)) == 6
    assert [part.size for part in cut(picture(0, (9, 5)), PARTS)] == [(9, 5)]


# -- against a plain search -------------------------------------------------------------


def plain(samples, reference, extractor, *, most, tiled):
    """(rows, distances) for each sample: every part with every part, in float64."""
    theirs = [vectors(one, extractor, PARTS if tiled else [WHOLE]) for one in reference]
    for sample in samples:
        best = {}
        for part in vectors(sample, extractor, PARTS):
            nearest = [float(np.min(np.sum((part - one) ** 2, axis=1)) / 2) for one in theirs]
            order = sorted(range(len(nearest)), key=lambda row: (nearest[row], row))
            for place, row in enumerate(order[:most]):
                best[row] = min(best.get(row, (place, np.inf)), (place, nearest[row]))
        first = sorted(best, key=lambda row: (best[row], row))[:most]
        yield first, [best[row][1] for row in first]


def vectors(pixels, extractor, boxes):
    made = [extractor.prepare(part) for part in cut(Image.fromarray(pixels), boxes)]
    found = extractor.extract(np.stack(made)).astype(float)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("most", [1, 5])
def test_a_plain_search_gives_the_same(most, tiled):
    extractor, reference = Small(), pictures(12) + pictures(1, 50, (40, 40)) * 2
    samples = [one[:60, :70] for one in pictures(4)] + pictures(2, 50, (40, 40)) + pictures(2, 90)
    boxes = PARTS if tiled else [WHOLE]
    finder = VectorCandidates(part_vectors(reference, extractor, boxes), extractor)
    found = finder.candidates(samples, most)
    for row, (rows, distances) in enumerate(
        plain(samples, reference, extractor, most=most, tiled=tiled)
    ):
        assert found.rows[row].tolist() == rows
        np.testing.assert_allclose(found.distances[row], distances, atol=1e-6)


def test_samples_do_not_depend_on_each_other_nor_on_the_engine(monkeypatch):
    extractor, reference, samples = Small(), pictures(30), pictures(6, 20)
    parts = part_vectors(reference, extractor)
    together = VectorCandidates(parts, extractor).candidates(samples, 7)
    monkeypatch.setattr("rara.retrieval.vector_candidates._TOGETHER", 4)
    few = VectorCandidates(parts, extractor).candidates(samples, 7)
    np.testing.assert_array_equal(few.rows, together.rows)
    np.testing.assert_array_equal(few.distances, together.distances)
    small = VectorCandidates(parts, extractor, threads=1, memory=1 << 20)
    for row, sample in enumerate(samples):
        alone = small.candidates([sample], 7)
        np.testing.assert_array_equal(alone.rows[0], together.rows[row])
        np.testing.assert_array_equal(alone.distances[0], together.distances[row])
    fewer = small.candidates(samples, 3)
    np.testing.assert_array_equal(fewer.rows[:, 0], together.rows[:, 0])


# -- where the answer is known ----------------------------------------------------------


def test_a_source_that_is_a_tile_of_the_sample_is_first():
    extractor, reference = Small(), pictures(40)
    sample = pictures(1, 99, (240, 180))[0].copy()
    sample[90:, :120] = reference[7]
    whole = part_vectors(reference, extractor, [WHOLE])
    by_parts = VectorCandidates(whole, extractor).candidates([sample], 17)
    assert by_parts.rows[0, 0] == 7
    assert by_parts.distances[0, 0] == 0
    alone = VectorCandidates(whole, extractor, boxes=[WHOLE]).candidates([sample], 17)
    assert alone.distances[0, 0] > 0


def test_a_sample_that_is_a_tile_of_its_source_needs_the_references_tiles():
    extractor, reference = Small(), pictures(40)
    sample = reference[7][45:, 60:]
    tiled = VectorCandidates(part_vectors(reference, extractor), extractor)
    found = tiled.candidates([sample])
    assert (found.rows[0, 0], found.distances[0, 0]) == (7, 0)


def test_a_part_without_detail_takes_no_more_places_than_others():
    """Half of the sample is grey, as many images are; the source is in the other half."""
    extractor = Small()
    grey = [np.full((90, 120, 3), 100 + i, np.uint8) for i in range(20)]
    source = picture(5, (96, 96))
    sample = np.full((96, 192, 3), 110, np.uint8)
    sample[:, 96:] = source
    finder = VectorCandidates(
        part_vectors([*grey, np.asarray(source.resize((192, 96)))], extractor, [WHOLE]), extractor
    )
    found = finder.candidates([sample], 5)
    assert 20 in found.rows[0]


# -- what is given ----------------------------------------------------------------------


def test_features_and_vectors_give_the_same(tmp_path):
    extractor, reference = Small(), pictures(9)
    source = Images({str(i): one for i, one in enumerate(reference)})
    features = embed(source, extractor, cache=tmp_path)
    samples = pictures(3, 5)
    found = [
        VectorCandidates(given, extractor).candidates(samples, 4)
        for given in (
            features,
            features.vectors,
            with_metric(features, "cosine"),
            part_vectors(reference, extractor, [WHOLE]),
        )
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other.rows, found[0].rows)
        np.testing.assert_array_equal(other.distances, found[0].distances)


def test_the_default_networks_vectors_are_compared_as_a_reference_does(tmp_path):
    extractor, reference = get_extractor(threads=1), pictures(4)
    source = Images({str(i): one for i, one in enumerate(reference)})
    features = embed(source, extractor, cache=tmp_path)
    boxes = [WHOLE]
    as_used = VectorCandidates(with_metric(features, None), extractor, boxes=boxes)
    found = as_used.candidates(reference[2:3], 2)
    raw = VectorCandidates(features.vectors, extractor, boxes=boxes).candidates(reference[2:3], 2)
    np.testing.assert_array_equal(found.rows, raw.rows)
    np.testing.assert_array_equal(found.distances, raw.distances)
    assert (found.rows[0, 0], found.distances[0, 0]) == (2, 0)
    roots = np.sqrt(features.vectors / features.vectors.sum(axis=1, keepdims=True), dtype=float)
    other = found.rows[0, 1]
    squared_hellinger = np.sum((roots[2] - roots[other]) ** 2) / 2
    np.testing.assert_allclose(found.distances[0, 1], squared_hellinger, rtol=1e-5)


def test_fewer_images_than_candidates_leave_places_empty():
    extractor = Small()
    found = VectorCandidates(part_vectors(pictures(2), extractor), extractor).candidates(
        pictures(1), 5
    )
    assert found.rows[0].tolist() == [0, 1, -1, -1, -1]
    assert np.isinf(found.distances[0, 2:]).all()
    empty = PartVectors(np.zeros((0, 27), np.float32), np.zeros(0, np.int32))
    assert VectorCandidates(empty, extractor).candidates(pictures(1), 2).rows.tolist() == [[-1, -1]]
    assert VectorCandidates(empty, extractor).candidates([], 2).rows.shape == (0, 2)


def test_pictures_without_a_direction_have_no_neighbours():
    """All features are 0: there is no cosine."""
    extractor, black = Small(), np.zeros((90, 120, 3), np.uint8)
    finder = VectorCandidates(part_vectors([black, *pictures(3)], extractor), extractor)
    found = finder.candidates([black, pictures(1)[0]], 4)
    assert found.rows[0].tolist() == [-1] * 4
    assert found.rows[1, 0] == 1
    assert 0 not in found.rows


def test_another_extractors_features_are_refused(tmp_path):
    extractor = Small()
    features = embed(Images({"a": pictures(1)[0]}), extractor, cache=tmp_path)
    other = replace(features, spec=replace(features.spec, weights="others"))
    with pytest.raises(ReferenceMismatchError, match="give the extractor that made them"):
        VectorCandidates(other, extractor)
    with pytest.raises(FeatureError, match="27 numbers"):
        VectorCandidates(part_vectors(pictures(1), Means()), extractor)
    with pytest.raises(FeatureError, match="finite"):
        VectorCandidates(np.full((2, 27), np.nan, np.float32), extractor)


def test_what_makes_no_sense_is_refused():
    extractor = Small()
    parts = part_vectors(pictures(1), extractor)
    with pytest.raises(ParameterError, match="WHOLE must be one"):
        VectorCandidates(parts, extractor, boxes=tiles(2))
    with pytest.raises(ParameterError, match="most = 0"):
        VectorCandidates(parts, extractor).candidates(pictures(1), 0)
    with pytest.raises(ParameterError, match="height x width x 3"):
        VectorCandidates(parts, extractor).candidates([np.zeros((5, 5), np.uint8)])
