"""The authors' own numbers: every decision equal, every value to 1e-9."""

from pathlib import Path

import numpy as np
import pytest

from rara.geometry import Balls, neighbours, query
from rara.scores import Fidelity, Rarity, ball_geometry_of, judge

FILES = sorted((Path(__file__).parent / "golden").glob("*.npz"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request):
    with np.load(request.param) as archive:
        return dict(archive)


def test_all_six_are_there():
    assert len(FILES) == 6


def test_rarity_of_the_authors(golden):
    k = int(golden["k"])
    nearest, _ = neighbours(golden["real"], k)
    balls = Balls(len(golden["fake"]), nearest.d2[:, k - 1], "official")
    query(golden["fake"], golden["real"], [balls])
    rarity = np.nan_to_num(np.sqrt(balls.radius2))
    np.testing.assert_array_equal(rarity > 0, golden["rarity_official"] > 0)
    np.testing.assert_allclose(rarity, golden["rarity_official"], rtol=1e-9)


def test_order_of_the_authors(golden):
    k = int(golden["k"])
    nearest, _ = neighbours(golden["real"], k)
    balls = Balls(len(golden["fake"]), nearest.d2[:, k - 1], "official")
    query(golden["fake"], golden["real"], [balls])
    theirs = golden["order_official"]
    ours = np.sqrt(balls.radius2)
    assert set(theirs) == set(np.flatnonzero(balls.count))
    # Ties may come in any order; the values along their order must descend.
    assert (np.diff(ours[theirs]) <= 1e-9 * ours[theirs][:-1]).all()


def test_radii(golden):
    k = int(golden["k"])
    nearest, _ = neighbours(golden["real"], k)
    np.testing.assert_allclose(np.sqrt(nearest.d2[:, k - 1]), golden["radii"], rtol=1e-9)


def test_precision_and_density_of_prdc(golden):
    k = int(golden["k"])
    nearest, _ = neighbours(golden["real"], k)
    balls = Balls(len(golden["fake"]), nearest.d2[:, k - 1], "official")
    query(golden["fake"], golden["real"], [balls])
    assert np.mean(balls.count > 0) == pytest.approx(float(golden["precision"]), rel=1e-12)
    assert np.mean(balls.count) / k == pytest.approx(float(golden["density"]), rel=1e-12)


def test_realism_of_the_authors(golden):
    geometry = ball_geometry_of(golden["real"], int(golden["k"]), "official")
    columns, _ = judge(golden["fake"], golden["real"], [Fidelity()], geometry)
    np.testing.assert_allclose(columns["realism"], golden["realism_unpruned"], rtol=1e-9)
    np.testing.assert_array_equal(columns["inside"], golden["rarity_official"] > 0)


def test_rarity_column_of_the_authors(golden):
    geometry = ball_geometry_of(golden["real"], int(golden["k"]), "official")
    columns, _ = judge(golden["fake"], golden["real"], [Rarity()], geometry)
    np.testing.assert_allclose(columns["rarity"], golden["rarity_official"], rtol=1e-9)
