"""The map: the same on every run, the rest of the points beside their nearest, strange vectors."""

import numpy as np
import pytest

from exploring import of_vectors
from make import gaussian
from rara import Run
from rara.explorer import maps
from rara.explorer.maps import chosen_points, map_of
from rara.explorer.placing import Placed, mean_places, offsets, spacing_of
from rara.explorer.projection import principal_places, projected

RUN = Run(threads=1)


@pytest.fixture(scope="module")
def seen():
    reference = np.concatenate([gaussian(60, 8, 1), gaussian(60, 8, 2) + 12])
    samples = np.concatenate([gaussian(20, 8, 3), gaussian(20, 8, 4) + 12])
    return of_vectors(samples, reference, RUN)


def test_is_the_same_on_every_run_and_comes_from_the_cache(seen, tmp_path, monkeypatch):
    run = Run(threads=1, cache=tmp_path)
    first = map_of(seen, run)
    [kept] = (tmp_path / "maps").iterdir()
    kept.unlink()
    assert np.array_equal(first.places, map_of(seen, run).places)
    monkeypatch.setattr(maps, "projected", None)  # calling it would fail
    assert np.array_equal(first.places, map_of(seen, run).places)
    kept.write_bytes(b"damaged")
    with pytest.raises(TypeError):
        map_of(seen, run)


def test_another_seed_of_the_vectors_is_another_map(seen, tmp_path):
    run = Run(threads=1, cache=tmp_path)
    map_of(seen, run)
    map_of(of_vectors(gaussian(40, 8, 9), gaussian(120, 8, 1), RUN), run)
    assert len(list((tmp_path / "maps").iterdir())) == 2


@pytest.mark.parametrize("most", [10_000, 80])
def test_groups_that_are_apart_are_apart_on_the_map(seen, tmp_path, most):
    made = map_of(seen, Run(threads=1, cache=tmp_path), most=most)
    assert made.places.shape == (160, 2)
    assert made.places.dtype == np.float32
    assert np.abs(made.places).max() == 1
    group = np.r_[np.zeros(60), np.ones(60), np.zeros(20), np.ones(20)]
    centres = [made.places[group == g].mean(axis=0) for g in (0, 1)]
    nearer = np.linalg.norm(made.places[:, None] - np.array(centres), axis=2).argmin(axis=1)
    assert (nearer == group).mean() > 0.98


def test_both_sides_are_projected():
    for reference, samples in ((1_000, 10), (10, 1_000), (500, 500)):
        chosen = chosen_points(reference, samples, 100)
        assert len(chosen) == len(set(chosen)) == 100
        assert (np.diff(chosen) > 0).all()
        assert chosen.max() < reference + samples
        assert (chosen < reference).sum() >= min(reference, 25)
        assert (chosen >= reference).sum() >= min(samples, 25)
    assert chosen_points(3, 4, 100).tolist() == list(range(7))


def test_a_vector_that_is_placed_already_lies_there():
    vectors, places = gaussian(50, 4), np.random.default_rng(0).uniform(-1, 1, (50, 2))
    placed = Placed.of(vectors, places)
    numbers = np.arange(50)
    beside = placed.beside(vectors, numbers, RUN) - offsets(numbers, placed.spacing)
    assert np.allclose(beside, places, atol=1e-12)


def test_no_point_lies_between_two_groups():
    """Of two nearest ones far from each other on the map, the nearer one counts alone."""
    d2 = np.array([[1.0, 1.01]])
    places = np.array([[[-1.0, 0.0], [1.0, 0.0]]])
    assert mean_places(d2, places, 0.01).tolist() == [[-1.0, 0.0]]
    near = np.array([[[0.0, 0.0], [0.02, 0.0]]])
    assert 0 < mean_places(d2, near, 0.01)[0, 0] < 0.02


def test_offsets_are_small_and_differ():
    made = offsets(np.arange(10_000), 0.5)
    assert (np.linalg.norm(made, axis=1) < 0.5).all()
    assert len(np.unique(made.round(9), axis=0)) == 10_000


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((30, 4), np.float32),
        np.repeat(gaussian(2, 4), 20, axis=0),
        gaussian(1, 4),
        gaussian(2, 1),
        gaussian(13, 1),
        gaussian(14, 3_000),
        gaussian(40, 3) * np.float32(1e30),
        np.arange(40, dtype=np.float32)[:, None],
    ],
    ids=["zero", "two", "one", "two of one", "few", "long", "huge", "a line"],
)
def test_strange_vectors_have_places(vectors):
    places = projected(vectors, RUN)
    assert places.shape == (len(vectors), 2)
    assert np.isfinite(places).all()


def test_principal_axes_are_those_of_the_largest_variance():
    vectors = gaussian(200, 6) * np.array([1, 9, 1, 1, 4, 1], np.float32)
    places = principal_places(vectors)
    assert abs(np.corrcoef(places[:, 0], vectors[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(places[:, 1], vectors[:, 4])[0, 1]) > 0.97


def test_spacing_is_never_zero():
    assert spacing_of(np.zeros((5, 2))) > 0
    assert spacing_of(np.zeros((1, 2))) > 0
