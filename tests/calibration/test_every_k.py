"""Scores at every k in one pass: those of a pass for each k, and what depends on k."""

import numpy as np
import pytest

from make import gaussian
from rara import Reference
from rara.stats.correlation import rank_correlations
from rara.verdict.rules import Thresholds, verdict_by_distance

COPIED = ("copy", "near copy")


def by_distance(table):
    """By k-NN distance and rarity alone."""
    columns = {name: table[name] for name in ("rarity_percentile", "knn_p")}
    return verdict_by_distance({**columns, "off_manifold_p": table["knn_p"]}, Thresholds())


SAMPLES = np.concatenate([1.2 * gaussian(250, 6, seed=1), gaussian(1, 6, seed=2)])
CALIBRATIONS = {"own": None, "held out": gaussian(200, 6, seed=3)}


@pytest.mark.parametrize("clip", [None, 0.6])
@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_every_k_is_what_that_k_alone_gives(calibration, clip):
    reference = Reference.from_features(gaussian(600, 6), k=3, clip_radii=clip)
    tables = [reference.score_features(SAMPLES, k=k, calibration=calibration) for k in range(1, 11)]
    chosen = tables[2]
    for k, table in enumerate(tables):
        rarity = [np.nan if one[k] is None else one[k] for one in chosen["rarity_by_k"]]
        np.testing.assert_array_equal(rarity, table["rarity"])
    same = np.mean([by_distance(table) == by_distance(chosen) for table in tables], axis=0)
    plain = ~np.isin(chosen["verdict"], [*COPIED, "no verdict"])
    assert plain.sum() > 240
    np.testing.assert_array_equal(chosen["stability"][plain], same[plain])
    assert 0.1 <= chosen["stability"][plain].min() < 1


def test_the_references_own_images_are_left_out_at_every_k():
    reference = Reference.from_features(gaussian(300, 6), k=3)
    own = reference.score_leave_one_out()
    for k in (1, 2, 10):
        rarity = [np.nan if one[k - 1] is None else one[k - 1] for one in own["rarity_by_k"]]
        np.testing.assert_array_equal(rarity, reference.score_leave_one_out(k=k)["rarity"])


def test_a_copy_is_one_at_every_k_and_no_verdict_is_none():
    reference = Reference.from_features(gaussian(300, 6), k=3)
    copies = reference.score_features(reference.features.vectors[:5])
    assert copies["stability"].tolist() == [1.0] * 5
    official = reference.score_features(gaussian(5, 6, seed=1), compat="official")
    assert np.isnan(official["stability"]).all()
    small = Reference.from_features(gaussian(12, 6), k=3).score_features(gaussian(5, 6, seed=1))
    assert np.isnan(small["stability"]).all()


@pytest.mark.parametrize(("count", "k", "tried"), [(300, 15, [*range(1, 11), 15]), (4, 1, [1, 2])])
def test_the_k_that_are_tried(count, k, tried):
    table = Reference.from_features(gaussian(count, 6), k=k).score_features(gaussian(20, 6, seed=1))
    assert table.provenance["verdict"]["k"]["tried"] == tried
    assert {len(one) for one in table["rarity_by_k"]} == {len(tried)}


def test_where_no_image_can_be_left_out_no_k_is_compared():
    table = Reference.from_features(gaussian(5, 6), k=4).score_features(gaussian(3, 6, seed=1))
    assert table.provenance["verdict"]["k"] is None
    assert np.isnan(table["stability"]).all()


def test_no_samples_have_no_ranking():
    table = Reference.from_features(gaussian(50, 6)).score_features(gaussian(1, 6, seed=1)[:1] + 99)
    assert table.provenance["verdict"]["k"]["rank_correlation"] == [None] * 10


def test_rank_correlations_follow_their_definition():
    chosen = np.array([1.0, 2.0, 2.0, 5.0, np.nan])
    columns = [chosen, -chosen, [1.0, 2.0, 3.0, 4.0, 5.0], np.full(5, 7.0)]
    found = rank_correlations(np.column_stack(columns), 0)
    ranks, other = [1, 2.5, 2.5, 4], [1, 2, 3, 4]
    assert found == [1, -1, round(np.corrcoef(ranks, other)[0, 1], 6), None]


def test_the_ranking_depends_on_k_less_where_k_is_near():
    table = Reference.from_features(gaussian(1000, 6), k=3).score_features(gaussian(500, 6, seed=1))
    found = table.provenance["verdict"]["k"]["rank_correlation"]
    assert found[2] == 1
    assert found[0] < found[1] < 1
    assert found[3] > found[6] > found[9] > 0.5
