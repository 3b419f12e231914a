"""How far a reference may be believed, on references whose answer is known."""

import numpy as np
import pytest

from make import fit, gaussian
from rara import Run, sets
from rara.reference import trust as of_vectors
from rara.report.trust import trust_sentence
from rara.sets.base import in_order

ONE = Run(threads=1)


def audited(vectors, k=3):
    return fit(np.asarray(vectors, np.float32), k=k).audit(run=ONE)


def sentence(audit):
    return trust_sentence(audit.facts)


@pytest.mark.parametrize("d", [1, 4, 30, 120])
def test_an_isotropic_gaussian_spreads_over_its_dimensions(d):
    """Within 5 %, also where a half has fewer images than dimensions or about as many."""
    for n in (200, 1000):
        rank = audited(gaussian(n, d)).trust.effective_rank
        assert rank == pytest.approx(d, rel=0.05)


def test_unequal_variances_count_by_their_participation_ratio():
    """Standard deviations 2, 1 and 1: (4 + 1 + 1)^2 / (16 + 1 + 1) = 2; 5 % is 4 deviations."""
    vectors = gaussian(4000, 3) * np.array([2, 1, 1])
    assert audited(vectors).trust.effective_rank == pytest.approx(2, rel=0.05)


def test_constant_coordinates_and_a_shift_add_no_dimension():
    vectors = gaussian(1000, 5)
    wide = np.hstack([vectors, np.full((1000, 20), 7)]) + 100
    found, plain = audited(wide).trust, audited(vectors).trust
    assert found.effective_rank == pytest.approx(plain.effective_rank, rel=0.05)


def test_halves_are_as_far_apart_as_the_metric_says():
    vectors = gaussian(501, 12)
    found = audited(vectors).trust
    ordered = in_order(vectors)
    assert found.half == 250
    assert found.fid_halves == pytest.approx(
        sets.fid(ordered[:250], ordered[250:500]).value, rel=1e-9
    )


def test_the_halves_do_not_depend_on_the_order_of_the_images():
    vectors = gaussian(300, 8)
    assert audited(vectors).trust == audited(vectors[::-1].copy()).trust


@pytest.mark.parametrize("n", [50, 400, 1500])
def test_fresh_images_are_as_far_apart_as_the_halves(n):
    """The floor is what two sets of real images give: within a quarter, on average of 20."""
    floor = audited(gaussian(2 * n, 20)).trust.fid_halves
    fresh = [
        sets.fid(gaussian(n, 20, 2 * seed + 100), gaussian(n, 20, 2 * seed + 101)).value
        for seed in range(20)
    ]
    assert floor == pytest.approx(np.mean(fresh), rel=0.25)


def test_exact_duplicates_stay_in_one_half():
    """In both halves they would make the floor 0."""
    vectors = gaussian(300, 8)
    single, double = audited(vectors).trust, audited(np.repeat(vectors, 2, axis=0)).trust
    assert double.half == 2 * single.half
    assert double.fid_halves == pytest.approx(single.fid_halves, rel=0.02)


def test_many_images_are_enough_and_the_figure_is_named():
    audit = audited(gaussian(4000, 8))
    assert sentence(audit) == (
        f"Two halves of this reference are FID {audit.trust.fid_halves:#.4g} apart by chance: "
        "smaller differences mean nothing without an interval. "
        "Its 4,000 images spread over 8 dimensions, enough for k-NN figures."
    )


def test_few_images_are_too_few_for_fid():
    audit = audited(gaussian(120, 60))
    assert audit.trust.fid_share > 0.1
    assert "120 images are too few for FID" in sentence(audit)
    assert "too few" not in sentence(audited(gaussian(4000, 60)))


def test_repeats_are_named():
    audit = audited(np.repeat(gaussian(500, 16), 4, axis=0))
    assert audit.trust.distinct == 0.25
    assert "read k-NN figures with care, since 75.0 % of them repeat others" in sentence(audit)
    assert "75.0 %" in " ".join(audit.summary().split())


def test_hubs_are_named():
    """Independent coordinates in many dimensions make hubs; few do not."""
    hubs, none = audited(gaussian(2000, 200)), audited(gaussian(2000, 3))
    assert hubs.trust.hubness > 2 > 1 > none.trust.hubness
    assert "a few of them are the neighbours of most" in sentence(hubs)
    assert "neighbours of most" not in sentence(none)


def test_hubness_is_the_skewness_of_how_often_an_image_is_a_neighbour():
    """On a line at 0, 1, 2.1, 3.3 and 4.6, each lists its left one; the first lists the second."""
    found = audited(np.array([[0], [1], [2.1], [3.3], [4.6]]), k=1).trust.hubness
    often = np.array([1, 2, 1, 1, 0])
    centred = often - often.mean()
    assert found == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)


def test_images_that_are_nobodys_neighbours_are_outside():
    """Six stars of a centre and 20 rays at k = 1: the centre and its nearest ray are inside."""
    rays = np.vstack([np.zeros(20), np.diag(1 + np.arange(20) / 100)])
    audit = audited(np.vstack([rays + 100 * star for star in range(6)]), k=1)
    assert audit.trust.inside == pytest.approx(2 / 21)
    assert "only 9.5 % are inside the balls of the others" in sentence(audit)


def test_few_images_are_named():
    assert "since they are few" in sentence(audited(gaussian(60, 2)))
    assert "There are too few images for FID." in sentence(audited(gaussian(3, 2), k=1))


def test_equal_vectors_say_nothing():
    audit = audited(np.ones((20, 4)))
    assert audit.trust.effective_rank is None
    assert audit.trust.fid_share is None
    assert sentence(audit).startswith("All vectors are equal: neither FID nor k-NN figures")


def test_many_images_are_thinned_to_those_with_the_smallest_keys(monkeypatch):
    vectors = gaussian(300, 6)
    monkeypatch.setattr(of_vectors, "MOST", 100)
    one, other = of_vectors._halves(vectors)
    assert np.array_equal(np.concatenate([one, other]), in_order(vectors)[:100])
    monkeypatch.setattr(of_vectors, "_NUMBERS", 6 * 20)
    assert [len(half) for half in of_vectors._halves(vectors)] == [10, 10]


def test_it_is_in_the_json_the_lines_and_the_page(tmp_path):
    audit = audited(gaussian(400, 4))
    assert audit.to_dict()["trust"]["fid_halves"] == audit.trust.fid_halves
    assert sentence(audit) in " ".join(audit.summary().split())
    audit.report(tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text("utf-8")
    assert "halves of this reference are FID" in page
    assert "enough for k" in page
