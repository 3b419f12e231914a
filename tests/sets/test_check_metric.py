"""The checks themselves: data, criteria, and what metrics with known flaws fail."""

import numpy as np
import pytest

from rara import sets
from rara.errors import ParameterError
from rara.sets.checks import criteria, laws
from rara.sets.checks.check import agree, thinned
from rara.sets.checks.check_metric import SUITES, CheckResult, Conformance
from rara.sets.checks.criteria import Values

KNOB = np.arange(5.0)


def holds(criterion, *value):
    return criterion.holds(Values(np.arange(float(len(value))), np.array(value, dtype=float)))


# -- criteria: each at its limits --


@pytest.mark.parametrize(
    ("criterion", "good", "bad"),
    [
        (criteria.first("", 1), (0.951, 0), (0.949, 1)),
        (criteria.last("", 0), (1, 0.049), (0, 0.051)),
        (criteria.at("", 1, 0.2), (0, 0.2, 0), (0.2, 0, 0.2)),
        (criteria.bell(1), (0, 1, 0.1), (0.9, 1, 0.9)),
        (criteria.bell(1), (0, 0.5, 0.1, 0.59, 0.1), (0, 0.5, 0.61, 0.1)),
        (criteria.bell(2), (0.1, 0, 1, 0, 0.5), (0.3, 0, 1, 0, 0.3)),
        (criteria.falls(), (1, 1.09, 0.7, 0.79), (1, 0.81)),
        (criteria.falls(), (1, 0.1, 0.19), (1, 0.1, 0.21)),
        (criteria.rises(), (0, 1), (0, 0.1)),
        (criteria.falls_by(1), (1, 0.89, 0), (1, 0.91, 0)),
        (criteria.constant(), (1, 0.96), (1, 0.94)),
        (criteria.settles(1), (0, 1, 0.96), (1, 1, 0.9)),
        (criteria.never_rises(), (1, 1.04, 0.7), (1, 1.06, 0.7)),
        (criteria.never_rises(0.05), (1, 0.949), (1, 0.951)),
        (criteria.never_falls(), (0.5, 0.46, 1), (0.5, 0.44, 1)),
    ],
)
def test_criterion(criterion, good, bad):
    assert holds(criterion, *good)
    assert not holds(criterion, *bad)
    assert not holds(criterion, *np.full(len(good), np.nan))


def test_low_and_high_must_agree():
    wide = criteria.zero_or_one("", -1)
    assert [holds(wide, 0.5, value) for value in (0.04, 0.96, 0.5)] == ["low", "high", False]
    shape = criteria.either(criteria.bell(1), criteria.rises())
    assert [holds(shape, *v) for v in ((0, 1, 0), (0, 0.5, 1), (1, 0.5, 0))] == [
        "low",
        "high",
        False,
    ]
    assert agree([True, "low", "low"])
    assert agree([True, "high"])
    assert not agree(["low", "high"])
    assert not agree([True, False])


def test_thinned_knobs_keep_ends_and_middle():
    knob = np.linspace(-1, 1, 51)
    assert thinned(knob, "published") is not None
    assert len(thinned(knob, "published")) == 51
    few = thinned(knob, "short")
    assert len(few) == 11
    assert {-1, 1} <= set(few)
    assert np.abs(few).min() < 1e-12


# -- data --


def test_laws():
    rng = np.random.default_rng(0)
    assert np.linalg.norm(laws.sphere(rng, 100, 5, 2), axis=1) == pytest.approx(2)
    radius = np.linalg.norm(laws.ball(rng, 20_000, 3, 0.8), axis=1)
    assert radius.max() < 0.8
    assert (radius < 0.4).mean() == pytest.approx(1 / 8, abs=0.01)
    ring = laws.torus(rng, 1000, 1, 0.1)
    tube = np.hypot(np.hypot(ring[:, 0], ring[:, 1]) - 1, ring[:, 2])
    assert tube.max() < 0.1
    tail = laws.pareto(rng, 20_000, 2)
    assert tail.min() >= 1
    assert (tail > 4).mean() == pytest.approx(1 / 16, abs=0.01)
    modes = laws.mixture(rng, 1000, np.array([[0.0], [9.0]]), 0.1, np.array([1, 3]))
    assert (modes > 4).mean() == pytest.approx(0.75, abs=0.05)


def test_there_are_fifteen_checks_a_suite_and_all_can_be_drawn():
    for checks in SUITES.values():
        assert len(checks) == len({check.name for check in checks}) == 15
        for check in checks:
            assert check.kinds()
            for case in check.cases:
                draw = next(case.draws(np.random.default_rng(0), "short"))
                assert draw.samples.shape[1] == draw.reference.shape[1]


def test_cubes_share_a_fifth_of_their_volume():
    (check,) = (one for one in SUITES["published"] if one.name == "cubes")
    for case in check.cases:
        *_, draw = case.draws(np.random.default_rng(0), "short")
        assert (draw.samples < 1).all(axis=1).mean() == pytest.approx(0.2, abs=0.03)


# -- metrics --


def suite(function, kind, **options):
    return sets.check_metric(function, kind, suites=("known-answers",), repeats=1, **options)


def outcome(found):
    return {one.check: one.passed for one in found.results}


def test_a_constant_passes_only_what_asks_for_it():
    found = outcome(suite(lambda samples, reference: 1.0, "fidelity"))
    assert found["held out"]
    assert found["duplicates"]
    assert not found["over-dispersion"]
    assert not found["hole"]
    assert "copies" not in found


def test_the_distance_of_means_sees_neither_a_hole_nor_the_width():
    def distance(samples, reference):
        return np.linalg.norm(samples.mean(axis=0) - reference.mean(axis=0))

    found = outcome(suite(distance, "distance"))
    assert found["units"]
    assert found["mode lost"]
    assert not found["hole"]
    assert not found["over-dispersion"]


def test_several_numbers_at_once_and_the_table():
    def both(samples, reference):
        return {"near": float(len(samples) > 0), "none": 0.0, "unused": None}

    found = suite(both, {"near": "fidelity", "none": "diversity"})
    assert found.metrics == ["near", "none"]
    passed, count = found.passed("none")
    assert passed < count
    table = found.to_markdown()
    assert "| held out | pass | **fail** |" in table
    assert f"| {found.passed('near')[0]} of {found.passed('near')[1]} |" in table
    row = next(one for one in found.rows() if (one["metric"], one["check"]) == ("none", "held out"))
    assert row["failed"] == ("d = 16: 1 for them; found 0.00",)


def test_a_metric_of_copies():
    def share_of_fresh(samples, reference):
        nearest = np.abs(samples[:, None, 0] - reference[None, :, 0]).min(axis=1)
        return (nearest > 0).mean()

    assert outcome(suite(share_of_fresh, "copying")) == {
        "copies": True,
        "near copies": False,
        "rare copies": True,
    }


def test_contradicting_shapes_say_so():
    row = CheckResult("m", "diversity", "published", "c", "q", False, ("why",))
    assert Conformance((row,)).passed() == (0, 1)


def test_progress_names_each_check():
    seen = []
    suite(lambda samples, reference: 0.0, "copying", progress=seen.append)
    assert seen == [f"known-answers: {name}" for name in ("copies", "near copies", "rare copies")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "beauty"}, "kind = 'beauty': give one of fidelity, diversity"),
        ({"grid": "fine"}, "grid = 'fine'"),
        ({"suites": ("mine",)}, "suite = 'mine'"),
        ({"repeats": 0}, "repeats = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ParameterError, match=words):
        sets.check_metric(lambda samples, reference: 0.0, **options)


def test_no_number_is_refused():
    for wrong in ("much", None, {"other": 1}):
        with pytest.raises(ParameterError, match="a number is needed for fidel"):
            sets.check_metric(lambda s, r, wrong=wrong: wrong, {"fidel": "fidelity"})


def test_an_error_of_the_metric_fails_the_check_alone():
    def fragile(samples, reference):
        if samples.shape[1] > 100:
            raise MemoryError("too wide")
        return 1.0

    found = suite(fragile, "fidelity")
    assert outcome(found)["held out"]
    (row,) = (one for one in found.results if one.check == "one wrong axis")
    assert row.failed == ("d = 1000: 0 shifted; raised MemoryError: too wide",)


def test_numbers_without_a_kind_are_unchecked():
    def several(samples, reference):
        return {"b": 1.0, "near": 1.0, "a": 0.0}

    found = sets.check_metric(several, {"near": "fidelity"}, suites=["published"], repeats=1)
    assert found.unchecked == ("b", "a")
    assert found.metrics == ["near"]
    assert "a: not checked: no kind given." in found.to_markdown()
    alone = sets.check_metric(lambda one, two: 1.0, suites=["published"], repeats=1)
    assert alone.unchecked == ()
    assert "not checked" not in alone.to_markdown()


def test_a_metric_that_ends_the_program_is_refused():
    def leaves(samples, reference):
        raise SystemExit(3)

    with pytest.raises(ParameterError, match=r"ends the program with SystemExit\(3\)"):
        sets.check_metric(leaves, repeats=1)
