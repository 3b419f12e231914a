"""Options together: what one of them changes holds under every other one.

Each option is tested alone where it belongs. Here a reference of one group, or samples that are
compared with all of themselves, must give the same numbers under every treatment and metric.
"""

import itertools

import numpy as np
import pytest

from rara import Features, Reference
from rara.robustness.second_opinions import by_halves
from rara.scores.families import FAMILIES

GROUPED = ("rarity", "rarity_percentile", "off_manifold_p", "copy_p")
TREATMENTS = {
    "as it is": {},
    "clipped": {"clip_radii": 0.7},
    "all of one size": {"clip_radii": 1e-9},
    "clipped at the largest": {"clip_radii": 1.0},
    "without repeats": {"deduplicate": "exact"},
    "clipped without repeats": {"clip_radii": 0.7, "deduplicate": "near"},
}
METRICS = ("euclidean", "cosine")
WAYS = list(itertools.product(TREATMENTS, METRICS, (False, True)))


def images(n, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 5)) * rng.gamma(1.5, size=(n, 1)) + 1.0
    vectors[-2:] = vectors[:2]
    return Features.from_arrays(vectors, metadata={"label": ["all"] * n})


def reference(treatment, metric, seed=0):
    return Reference.from_features(images(90, seed), k=3, metric=metric, **TREATMENTS[treatment])


def scored(fitted, own, **options):
    if own:
        return fitted.score_leave_one_out(**options)
    return fitted.score_features(images(40, 1), **options)


@pytest.mark.parametrize(("treatment", "metric", "own"), WAYS)
@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("k", [1, 3])
def test_one_group_that_is_the_whole_reference_gives_its_numbers(
    treatment, metric, own, boundary, k
):
    fitted = reference(treatment, metric)
    options = {"k": k, "boundary": boundary}
    plain = scored(fitted, own, **options)
    table = scored(
        fitted, own, group_by="label", against_siblings="label", also=tuple(FAMILIES), **options
    )
    for column in GROUPED:
        np.testing.assert_array_equal(table[f"group_{column}"], table[column], err_msg=column)
    for column in plain.columns:
        assert repr(table.arrow[column].to_pylist()) == repr(plain.arrow[column].to_pylist())


@pytest.mark.parametrize("metric", METRICS)
def test_clipping_changes_what_lies_in_balls_and_nothing_else(metric):
    plain = scored(reference("as it is", metric), own=False)
    clipped = scored(reference("clipped", metric), own=False)
    largest = scored(reference("clipped at the largest", metric), own=False)
    assert (clipped["balls"] < plain["balls"]).any()
    for column in ("nearest_distance", "knn_distance", "off_manifold_p", "copy_p"):
        np.testing.assert_array_equal(clipped[column], plain[column])
    for column in ("rarity", "balls", "inside"):
        np.testing.assert_array_equal(largest[column], plain[column])


@pytest.mark.parametrize(("treatment", "metric"), list(itertools.product(TREATMENTS, METRICS)))
def test_halves_are_treated_as_the_whole(treatment, metric):
    """Left out of one half, an image is judged as by a reference of that half alone."""
    fitted = reference(treatment, metric)
    table = scored(fitted, own=True, group_by="label", against_siblings="label")
    clip = TREATMENTS[treatment].get("clip_radii")
    for half in by_halves(table, fitted, fitted.features):
        left_out = np.isin(fitted.ids, half["id"])
        held, judged = (
            fitted.features.take(np.flatnonzero(rows), fitted.features.location)
            for rows in (~left_out, left_out)
        )
        alone = Reference.from_features(held, k=3, metric=metric, clip_radii=clip)
        expected = alone.score_features(judged)
        for column in ("rarity", "balls", "off_manifold_p"):
            np.testing.assert_array_equal(half[column], expected[column])
