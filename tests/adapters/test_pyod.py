"""PyOD's conventions: the scores, the threshold and the labels of a detector."""

import numpy as np
import pytest

from make import gaussian
from oracle import squared_distances
from rara.adapters.pyod import KnnDetector
from rara.errors import FeatureError, ParameterError


def test_scores_are_distances_to_the_kth_nearest():
    x, y = gaussian(60, 5, 0), gaussian(20, 5, 1)
    detector = KnnDetector(contamination=0.2, k=4)
    assert detector.fit(x, y="ignored") is detector
    own = np.sqrt(np.sort(squared_distances(x, x), axis=1)[:, 4])
    np.testing.assert_allclose(detector.decision_scores_, own, rtol=1e-6)
    scores = np.sqrt(np.sort(squared_distances(y, x), axis=1)[:, 3])
    np.testing.assert_allclose(detector.decision_function(y), scores, rtol=1e-6)
    assert detector.labels_.sum() == 12
    assert (detector.labels_ == (detector.decision_scores_ > detector.threshold_)).all()
    assert set(detector.predict(np.concatenate([y, 100 + y]))[20:]) == {1}


def test_it_gives_the_numbers_of_pyods_knn():
    knn = pytest.importorskip("pyod.models.knn", exc_type=ImportError)
    x, y = gaussian(300, 5, 0), 1.5 * gaussian(100, 5, 1)
    theirs = knn.KNN(contamination=0.07, n_neighbors=4, method="largest").fit(x)
    ours = KnnDetector(contamination=0.07, k=4).fit(x)
    np.testing.assert_allclose(ours.decision_scores_, theirs.decision_scores_, rtol=1e-5)
    np.testing.assert_allclose(ours.decision_function(y), theirs.decision_function(y), rtol=1e-5)
    assert ours.threshold_ == pytest.approx(theirs.threshold_, rel=1e-5)
    assert (ours.labels_ == theirs.labels_).all()
    assert (ours.predict(y) == theirs.predict(y)).all()


def test_what_makes_no_sense_is_refused():
    for contamination in (0, 0.6, "auto"):
        with pytest.raises(ParameterError, match="contamination"):
            KnnDetector(contamination=contamination)
    x = gaussian(4, 3)
    with pytest.raises(ParameterError, match="k = 4: give fewer than the 4 vectors"):
        KnnDetector(k=4).fit(x)
    with pytest.raises(FeatureError):
        KnnDetector(k=2).fit(x * np.inf)
    with pytest.raises(ParameterError, match="2 dimensions, the fitted vectors 3"):
        KnnDetector(k=2).fit(x).decision_function(x[:, :2])
