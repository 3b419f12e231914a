"""Variances and quantiles of intervals."""

import numpy as np
import pytest

from rara.errors import ParameterError
from rara.sets.intervals import half_width, jackknife, linear, parts_of, score_of


@pytest.mark.parametrize(
    ("freedom", "level", "quantile"),
    [(19, 0.95, 2.0930), (10, 0.95, 2.2281), (19, 0.99, 2.8609), (np.inf, 0.95, 1.9600)],
)
def test_quantiles_of_student(freedom, level, quantile):
    assert half_width(4.0, level, freedom) == pytest.approx(2 * quantile, abs=2e-3)


def test_both_variances_of_a_mean():
    values = np.random.default_rng(0).normal(size=200)
    expected = values.var(ddof=1) / 200
    assert linear(values, 200) == pytest.approx(expected)
    without = [np.delete(values, i).mean() for i in range(200)]
    assert jackknife(without) == pytest.approx(expected)


def test_parts_are_even_and_whole():
    for count, parts in ((100, 20), (47, 20), (3, 3)):
        found = parts_of(count)
        sizes = [part.stop - part.start for part in found]
        assert len(found) == parts
        assert sum(sizes) == count
        assert max(sizes) - min(sizes) <= 1


def test_nothing_lies_below_the_least():
    score = score_of("x", -2.0, 3.0, (1, 2), "lower is closer", least=0.0)
    assert (score.value, score.low, score.high) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("level", [0, 1, -0.5, float("nan"), "0.9"])
def test_levels_lie_between_0_and_1(level):
    with pytest.raises(ParameterError, match="level = "):
        half_width(1.0, level)
