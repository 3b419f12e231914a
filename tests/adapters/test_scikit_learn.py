"""The scikit-learn estimator: that library's own conformance suite, and what the scores mean."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from make import gaussian
from oracle import squared_distances
from rara import Reference, Run
from rara.adapters.scikit_learn import RarityDetector


@parametrize_with_checks([RarityDetector(), RarityDetector(k=5, alpha=0.2, n_jobs=2)])
def test_it_conforms_to_scikit_learn(estimator, check):
    check(estimator)


def test_scores_are_minus_the_distance_to_the_kth_nearest():
    x, y = gaussian(60, 5, 0), gaussian(20, 5, 1)
    detector = RarityDetector(k=4).fit(x)
    expected = -np.sqrt(np.sort(squared_distances(y, x), axis=1)[:, 3])
    np.testing.assert_allclose(detector.score_samples(y), expected, rtol=1e-6)


def test_rarity_is_that_of_a_reference():
    x, y = gaussian(300, 4, 0), gaussian(100, 4, 1)
    table = Reference.from_features(x, k=5, run=Run(threads=1)).score_features(y)
    found = RarityDetector(k=5).fit(x).rarity(y)
    assert 0 < np.isnan(found).sum() < 100
    np.testing.assert_allclose(found, table["rarity"], rtol=1e-6)


def test_new_real_vectors_are_called_at_the_level():
    called = []
    for seed in range(40):
        x = gaussian(299, 4, seed)
        called.append(RarityDetector(alpha=0.1).fit(x).predict(gaussian(500, 4, seed + 1000)) < 0)
    assert np.mean(called) == pytest.approx(0.1, abs=0.012)  # 3 deviations of the mean of 40
    assert np.mean(called) <= 0.11


@pytest.mark.parametrize(("n", "able"), [(18, False), (19, True)])
def test_too_few_vectors_call_nothing_an_outlier(n, able):
    detector = RarityDetector(alpha=0.05).fit(gaussian(n, 3))
    assert np.isfinite(detector.offset_) == able
    assert detector.predict([[1e6] * 3]) == [-1 if able else 1]


def test_it_works_in_a_pipeline_and_a_search():
    x = gaussian(200, 4, 0) * [1, 10, 100, 1000]
    pipeline = make_pipeline(StandardScaler(), RarityDetector()).fit(x)
    assert (pipeline.predict(x) == 1).mean() > 0.9

    def typical(estimator, x, y=None):
        return estimator.score_samples(x).mean()

    search = GridSearchCV(RarityDetector(), {"k": [2, 8]}, scoring=typical, cv=3).fit(x)
    assert search.best_params_ == {"k": 2}  # the second nearest is nearer than the eighth


def test_it_is_pickled_with_what_it_fitted():
    x, y = gaussian(60, 5, 0), gaussian(20, 5, 1)
    detector = RarityDetector().fit(x)
    copy = pickle.loads(pickle.dumps(detector))
    assert copy.decision_function(y).tobytes() == detector.decision_function(y).tobytes()
