"""The trace of a root, as it would be with infinitely many images."""

import numpy as np
import pytest

from make import gaussian
from rara import sets
from rara.sets import spectra
from rara.sets.spectra import trace_of_infinite

VALUES = np.random.default_rng(0).exponential(size=30) ** 2


def closed_form(values, n):
    """For n = m (Tiomoko and Couillet 2019, corollary for the root)."""
    roots = np.sqrt(values)
    moved = np.linalg.eigvalsh(np.diag(values) - np.outer(roots, roots) / n)
    return 2 * n * (roots.sum() - np.sqrt(np.maximum(moved, 0)).sum())


@pytest.mark.parametrize("n", [31, 50, 1_000])
def test_the_closed_form_at_equal_sizes(n):
    assert trace_of_infinite(VALUES, n, n) == pytest.approx(closed_form(VALUES, n), rel=1e-6)


def test_many_images_change_nothing():
    plain = np.sqrt(VALUES).sum()
    assert trace_of_infinite(VALUES, 10**12, 10**12) == pytest.approx(plain, rel=1e-6)
    assert trace_of_infinite(np.array([4.0]), 10**12, 10**12) == pytest.approx(2, rel=1e-6)
    assert trace_of_infinite(np.zeros(0), 10, 10) == 0


def test_sides_are_alike_and_fewer_images_raise_it():
    assert trace_of_infinite(VALUES, 40, 90) == pytest.approx(trace_of_infinite(VALUES, 90, 40))
    found = [trace_of_infinite(VALUES, n, m) for n, m in ((40, 40), (40, 90), (90, 90), (900, 90))]
    assert found == sorted(found, reverse=True)


def test_scales_change_it_by_their_root():
    assert trace_of_infinite(9e8 * VALUES, 40, 60) == pytest.approx(
        3e4 * trace_of_infinite(VALUES, 40, 60), rel=1e-6
    )


def test_steps_together_change_nothing(monkeypatch):
    whole = trace_of_infinite(VALUES, 40, 60)
    monkeypatch.setattr(spectra, "_TOGETHER", 7)
    assert trace_of_infinite(VALUES, 40, 60) == pytest.approx(whole, rel=1e-12)


def test_half_as_many_images_as_dimensions_on_one_side():
    """FID is far too large, and the figure at infinity too, but by half as much."""
    x, y = gaussian(60, 120), 1.2 * gaussian(2_000, 120, seed=1)
    true = 120 * 0.2**2
    plain, infinite = sets.fid(x, y).value, sets.fid_infinity(x, y).value
    assert true < infinite < 0.6 * plain


@pytest.mark.parametrize(("n", "m"), [(300, 300), (200, 1_000)])
def test_nearly_as_many_dimensions_as_images(n, m):
    """120 dimensions, FID of the laws 4.8; with all three steps of the correction."""
    found = []
    for seed in range(6):
        x, y = gaussian(n, 120, seed), 1.2 * gaussian(m, 120, seed=seed + 50)
        found.append(sets.fid_infinity(x, y.astype("f")).value)
        assert sets.fid(x, y).value > 25
    assert np.mean(found) == pytest.approx(4.8, abs=0.8)
