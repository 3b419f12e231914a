"""Bursts: found at every size, also where all images are in one, and not where none is."""

import numpy as np
import pytest

from laws import LAWS, found_share, scenes
from rara import Reference, Run
from rara.duplicates.bursts import bursts, candidates
from rara.geometry import neighbours

ONE = Run(threads=1)


@pytest.mark.parametrize("size", [2, 4, 10, 20, 50])
def test_bursts_are_found_where_every_image_is_in_one(size):
    vectors, scene = scenes(np.random.default_rng(0), [size] * 100)
    assert found_share(bursts(vectors, ONE), scene) >= 0.95


def test_bursts_of_mixed_sizes_are_found_among_single_images():
    rng = np.random.default_rng(1)
    sizes = np.concatenate([rng.integers(4, 21, 100), np.ones(500, int)])
    vectors, scene = scenes(rng, sizes)
    assert found_share(bursts(vectors, ONE), scene) >= 0.95


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [300, 5_000])
def test_no_burst_is_found_where_none_is(law, n):
    vectors = LAWS[law](np.random.default_rng(2), n).astype(np.float32)
    assert (bursts(vectors, ONE) != np.arange(n)).sum() == 0


@pytest.mark.parametrize("size", [2, 4, 8])
def test_small_classes_far_away_are_no_bursts(size):
    """As wide as the large one, and outliers if each were one image."""
    rng = np.random.default_rng(21)
    small = np.repeat(40 * rng.normal(size=(20, 16)), size, axis=0)
    vectors = np.concatenate([np.zeros((2_000, 16)), small])
    vectors = (vectors + rng.normal(size=vectors.shape)).astype(np.float32)
    assert (bursts(vectors, ONE) == np.arange(len(vectors))).all()


def test_of_nested_candidates_the_one_with_the_widest_step_is_kept():
    """Pairs 1 apart, 10 beside each other, 1,000 from the next four."""
    line = np.array([0, 1, 11, 12, 1_012, 1_013, 1_023, 1_024], float)[:, None]
    found, _ = neighbours(line.astype(np.float32), 7, threads=1)
    seen = candidates(found)
    assert seen.group.tolist() in ([0] * 4 + [1] * 4, [1] * 4 + [0] * 4)
    assert seen.size.tolist() == [4, 4]
    assert np.sqrt(seen.width2).tolist() == [12, 12]
    assert np.sqrt(seen.next2).tolist() == [1_000, 1_000]


def test_classes_that_overlap_in_size_are_no_bursts():
    rng = np.random.default_rng(3)
    sizes = rng.integers(30, 500, 10)
    vectors, _ = scenes(rng, sizes, noise=0.5)
    assert (bursts(vectors, ONE) == np.arange(len(vectors))).all()


@pytest.mark.parametrize("seed", range(4))
def test_order_changes_no_burst(seed):
    rng = np.random.default_rng(seed)
    vectors, _ = scenes(rng, rng.integers(1, 12, 60), d=8)
    order = rng.permutation(len(vectors))
    plain, moved = bursts(vectors, ONE), bursts(vectors[order], ONE)
    together = plain[:, None] == plain
    assert (plain != np.arange(len(plain))).sum() > 100
    assert ((moved[:, None] == moved) == together[np.ix_(order, order)]).all()


def test_the_audit_tells_of_bursts_and_of_no_pair_twice():
    vectors, scene = scenes(np.random.default_rng(5), [20] * 100)
    audit = Reference.from_features(vectors, run=ONE).audit(run=ONE)
    found = audit["bursts"]
    assert (found.count, found.measures) == (2_000, {"groups": 100, "largest": 20})
    assert "2,000 images (100 %) in 100 bursts, of up to 20" in audit.summary()
    for case in found.cases:
        assert scene[int(case.id)] == scene[int(case.other)]
    assert audit["near duplicates"] is None


def test_the_audit_says_what_helps_against_bursts():
    rng = np.random.default_rng(0)
    scenes = np.repeat(rng.normal(size=(60, 16)), 12, axis=0)
    frames = scenes + 0.05 * rng.normal(size=scenes.shape)
    audit = Reference.from_features(frames).audit()
    assert audit["bursts"].count == 720
    assert "rara reference build --unit found" in audit.summary()
    assert len(Reference.from_features(frames, unit="found")) == 60
