"""A reference with options bound once: the same numbers as every other way, from any thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import rara
from rara.calibration import real_images
from rara.errors import ParameterError

LABELS = {"label": ["a", "b"]}


def features(n, seed, d=8):
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    return rara.Features.from_arrays(vectors, metadata={"label": LABELS["label"] * (n // 2)})


def rows(table):
    """All of a table as text, in which NaN equals NaN."""
    return str(table.arrow.to_pydict())


@pytest.fixture
def reference():
    return rara.Reference.from_features(features(240, 0))


OPTIONS = [
    {},
    {"k": 5, "alpha": 0.1, "boundary": "closed"},
    {"compat": "official"},
    {"group_by": "label", "against_siblings": "label", "also": ["rarity_clipped"]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_scorer_gives_what_the_reference_gives(reference, options):
    scorer, samples = reference.scorer(**options), features(60, 1)
    expected = reference.score(samples, **options)
    for table in (scorer.score(samples), scorer.score_features(samples), scorer.score(samples)):
        assert rows(table) == rows(expected)
        assert table.provenance["verdict"] == expected.provenance["verdict"]
    if "compat" not in options:
        own = reference.score_leave_one_out(**options)
        assert rows(scorer.score_leave_one_out()) == rows(own)


def test_a_scorer_may_be_used_from_any_thread(reference):
    scorer = reference.scorer()
    parts = [features(20, seed) for seed in range(2, 14)]
    with ThreadPoolExecutor(6) as crew:
        tables = list(crew.map(scorer.score, parts))
    for part, table in zip(parts, tables, strict=True):
        fresh = rara.Reference.from_features(features(240, 0)).score(part)
        assert rows(table) == rows(fresh)


@pytest.mark.parametrize("given", [None, 50])
def test_a_scorer_calibrates_once(reference, monkeypatch, given):
    """Its own images or others: a second call and another thread find it done."""
    from rara.reference import geometry

    made = []

    def watched(*arguments):
        made.append(1)
        return real_images.calibration_set(*arguments)

    monkeypatch.setattr(geometry, "calibration_set", watched)
    scorer = reference.scorer(calibration=None if given is None else features(given, 50))
    with ThreadPoolExecutor(4) as crew:
        list(crew.map(scorer.score, [features(10, seed) for seed in range(4)]))
    assert made == [1]


def test_options_are_refused_before_the_work(reference):
    for options in (
        {"k": 0},
        {"k": 400},
        {"alpha": 2},
        {"compat": "official", "boundary": "closed"},
    ):
        with pytest.raises(ParameterError):
            reference.scorer(**options)


def test_leave_one_out_takes_no_other_calibration(reference):
    with pytest.raises(ParameterError, match="remove the calibration"):
        reference.scorer(calibration=features(50, 9)).score_leave_one_out()


def test_one_image_after_the_other_is_what_all_are_together(reference):
    """But for what all samples say together: q-values, repeats, and the two-sample test."""
    scorer, samples = reference.scorer(), features(6, 3)
    together = scorer.score(samples)
    for row in range(6):
        alone = scorer.score(samples.take(np.array([row]), samples.location))
        for name in ("rarity", "knn_p", "copy_p", "off_manifold_p", "nearest"):
            assert str(alone[name][0]) == str(together[name][row])
