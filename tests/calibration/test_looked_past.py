"""Evidence of copying without some reference images, against brute force."""

import numpy as np
import pytest

from make import as_folder, encoded, picture
from rara import Reference, Run
from rara.calibration.copies import compare_pixels
from rara.calibration.looked_past import OtherTests, look_past
from rara.features.opening import features_of
from rara.features.pixel_hashes import closest, pixel_hashes_of

RUN = Run(threads=1)
N = 40


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """A reference of pictures of which one has no structure, and samples like them."""
    place = tmp_path_factory.mktemp("past")
    flat = encoded(np.full((60, 60, 3), 90, np.uint8))
    train = {f"{i:02}.png": encoded(picture(i)) for i in range(N - 1)} | {"flat.png": flat}
    samples = {f"{i:02}.jpg": encoded(picture(i), "JPEG", quality=80) for i in range(10)}
    reference = Reference.fit(as_folder(place / "train", train), run=RUN)
    network = reference.scorer(run=RUN)
    made, _ = features_of(as_folder(place / "samples", samples | {"flat.png": flat}),
                          reference._extractor, RUN)  # fmt: skip
    return reference, made, network


def distances(samples, reference, own, skipped):
    """All squared distances in float64; infinite to what is skipped and to oneself."""
    d2 = ((samples[:, None].astype(float) - reference[None].astype(float)) ** 2).sum(axis=2)
    for row, some in enumerate(skipped):
        d2[row, some] = np.inf
        if own is not None:
            d2[row, own[row]] = np.inf
    return d2


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_next_nearest_images_are_those_of_brute_force(sides, own, seed):
    reference, samples, scorer = sides
    rng = np.random.default_rng(seed)
    table = scorer.score_leave_one_out() if own else scorer.score_features(samples)
    samples = reference.features if own else samples
    balls = reference.geometry.ball_geometry(own=own)
    known = reference.geometry.calibration(None, balls, RUN)
    pixels = compare_pixels(samples, balls, known, RUN)
    names = reference.ids
    columns = {
        name: table.arrow[name].combine_chunks() if name in ("nearest", "pixel_nearest")
        else table[name]
        for name in ("nearest", "pixel_nearest", "volume_p", "pixel_p", "copy_p")
    }  # fmt: skip
    skipped = []
    for row, nearest in enumerate(columns["nearest"].to_pylist()):
        others = rng.choice(N, rng.integers(0, 6), replace=False)
        mine = {names.index(nearest), *others.tolist()} - ({row} if own else set())
        skipped.append(np.array(sorted(mine), np.int32))
    past = look_past(
        columns, dict(enumerate(skipped)), samples, reference.features, balls, known,
        OtherTests(pixels), RUN,
    )  # fmt: skip
    assert sorted(past.rows) == list(range(len(samples)))
    itself = np.arange(N) if own else None
    d2 = distances(samples.vectors, reference.features.vectors, itself, skipped)[past.rows]
    found = [names.index(name) for name in past.columns["nearest"].to_pylist()]
    np.testing.assert_allclose(past.columns["nearest_distance"] ** 2, d2.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(d2[np.arange(len(d2)), found], d2.min(axis=1), rtol=1e-6)
    for name in ("volume_p", "pixel_p", "copy_p"):
        assert (past.columns[name] >= columns[name][past.rows]).all(), name
    hashes, theirs = pixel_hashes_of(samples), pixel_hashes_of(reference.features)
    compared = 0
    for place, row in enumerate(past.rows):
        gone = [*skipped[row], *([row] if own else [])]
        kept = np.setdiff1d(np.arange(N), gone)
        alone = closest(hashes.take(np.array([row])), theirs.take(kept), threads=1)
        bits, name = (
            past.columns[one][place].as_py() for one in ("pixel_distance", "pixel_nearest")
        )
        if alone.index[0] < 0 or alone.distance[0] < 0:  # without structure, or the same picture
            continue
        compared += 1
        assert (bits, name) == (alone.distance[0], names[kept[alone.index[0]]])
    assert compared >= 10


def test_nothing_is_looked_past_that_no_test_names(sides):
    reference, samples, scorer = sides
    table = scorer.score_features(samples)
    balls = reference.geometry.ball_geometry()
    known = reference.geometry.calibration(None, balls, RUN)
    columns = {name: table.arrow[name].combine_chunks() for name in ("nearest", "pixel_nearest")}
    near = {*columns["nearest"].to_pylist(), *columns["pixel_nearest"].to_pylist()}
    far = np.array([i for i, name in enumerate(reference.ids) if name not in near], np.int32)
    assert len(far)
    past = dict.fromkeys(range(len(samples)), far)
    asked = (samples, reference.features, balls, known)
    assert look_past(columns, past, *asked, OtherTests(), RUN) is None
    assert look_past(columns, {}, *asked, OtherTests(), RUN) is None
