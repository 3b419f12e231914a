"""Sweeps: where the knob is read from, trends, what fidelity costs, and checkpoints."""

import numpy as np
import pytest

import rara
from make import features, gaussian
from rara import Features, Run
from rara.cli.compare import named_places
from rara.comparison.knob import knob_of, split
from rara.comparison.names import folder_name, named
from rara.errors import ParameterError
from rara.stats.trend import trend_of_shares

ALONE = Run(threads=1)
REAL = gaussian(600, 6)


@pytest.fixture(scope="module")
def scorer():
    return rara.Reference.from_features(features(REAL), run=ALONE).scorer(run=ALONE)


def shrunk(psi, seed, count=400):
    return features((psi * gaussian(count, 6, seed=seed)).astype(np.float32))


def copying(share, seed, count=300):
    vectors = gaussian(count, 6, seed=seed)
    some = int(share * count)
    vectors[:some] = REAL[:some] + 0.01 * gaussian(some, 6, seed=9)
    return features(vectors)


# -- the knob --


@pytest.mark.parametrize(("sweep", "names", "values"), [
    ("gan-psi-{psi}", ["gan-psi-0.5", "gan-psi-1"], [0.5, 1]),
    ("{}", ["1e3", "20"], [1000, 20]),
    ("step", ["step-1000", "step-500"], [1000, 500]),
    ("psi", ["x_PSI=0.7", "x_psi=0.9"], [0.7, 0.9]),
    ("epoch", ["checkpoint-10-v2", "checkpoint-20-v2"], [10, 20]),
    ("step", ["step-1e5", "step-1e6"], [1e5, 1e6]),
    ("epoch", ["checkpoint-1e5", "checkpoint-1e6"], [1e5, 1e6]),
    ("psi", ["psi=-0.5", "psi=0.5"], [-0.5, 0.5]),
    ("truncation", ["x=-0.5", "x=0.5"], [-0.5, 0.5]),
    ("n", ["gan-7-n-1", "gan-7-n-2"], [1, 2]),
    ("step", ["step-12e4f", "step-13e4f"], [12, 13]),
])  # fmt: skip
def test_the_knob_is_in_the_names(sweep, names, values):
    assert list(knob_of(sweep, dict.fromkeys(names)).values()) == values


@pytest.mark.parametrize(("sweep", "names"), [
    ("gan-{psi}", ["gan-0.5", "vae"]), ("psi", ["gan", "vae"]), ("psi", ["psi-1", "psi-1.0"]),
    ("a-{x}-{y}", ["a-1-2", "a-2-3"]), ("", ["a-1", "a-2"]), ("n", ["a-1-2", "b-2-3"]),
])  # fmt: skip
def test_a_knob_that_is_nowhere_is_refused(sweep, names):
    with pytest.raises(ParameterError, match="sweep"):
        knob_of(sweep, dict.fromkeys(names))


def test_the_knob_is_in_the_metadata():
    def one(value):
        return Features.from_arrays(gaussian(4, 2), metadata={"psi": [value] * 4})

    assert knob_of("psi", {"a": one("0.5"), "b": one(1)}) == {"a": 0.5, "b": 1.0}


def test_one_place_is_split_by_its_metadata(scorer):
    vectors = np.concatenate([0.6 * gaussian(200, 6, seed=1), gaussian(200, 6, seed=2)])
    given = Features.from_arrays(vectors, metadata={"psi": [0.6] * 200 + [1.0] * 200})
    assert [(name, len(some)) for name, some in split(given, "psi")] == [
        ("psi=0.6", 200), ("psi=1", 200),
    ]  # fmt: skip
    found = rara.compare({"gan": given}, scorer, sweep="psi", run=ALONE)
    assert found.table["generator"].to_pylist() == ["psi=0.6", "psi=1"]
    assert found.table["knob"].to_pylist() == [0.6, 1.0]


def test_samples_without_a_number_are_listed(scorer, tmp_path):
    steps = [1000001] * 60 + [1000002] * 60 + [None] * 3 + ["end"] * 2 + [float("nan")]
    given = Features.from_arrays(gaussian(126, 6, seed=1), metadata={"step": list(map(str, steps))})
    found = rara.compare({"gan": given}, scorer, sweep="step", run=ALONE)
    assert found.table["generator"].to_pylist() == ["step=1000001", "step=1000002", "step=?"]
    assert found.table["samples"].to_pylist() == [60, 60, 0]
    assert found.table["reason"].to_pylist()[2] == "6 samples without a number under 'step'."
    assert "6 samples without a number" in found.summary()
    found.report(tmp_path / "p.html")


def test_a_number_that_is_not_finite_is_none():
    def one(value):
        return Features.from_arrays(gaussian(4, 2), metadata={"psi": [value] * 4})

    for value in (float("nan"), float("inf"), "1e999"):
        with pytest.raises(ParameterError, match="no number for a, b"):
            knob_of("psi", {"a": one(value), "b": one(1.0)})


def test_one_that_fails_leaves_the_sweep(scorer, tmp_path):
    def one(psi):
        return Features.from_arrays(gaussian(60, 6), metadata={"psi": [psi] * 60})

    given = {"a": one(1.0), "gone": tmp_path / "gone", "b": one(0.5)}
    found = rara.compare(given, scorer, sweep="psi", run=ALONE)
    assert found.table["generator"].to_pylist() == ["b", "a", "gone"]
    assert found.table["knob"].to_pylist() == [0.5, 1.0, None]
    found.report(tmp_path / "p.html")


def test_names_of_places():
    assert folder_name("a/b.tar.gz") == "b"
    assert folder_name("run/step-1000/") == "step-1000"
    assert named(["x/samples", "y/samples"]) == {"x/samples": "x/samples", "y/samples": "y/samples"}


@pytest.mark.parametrize(("places", "names"), [
    (["a/x/s", "b/x/s", "c"], ["a/x/s", "b/x/s", "c"]),
    (["a/s", "b/s", "s"], ["a/s", "b/s", "s"]),
    (["x/s.zip", "x/s"], ["x/s.zip", "x/s"]),
    (["/r/a/1/s", "/r/b/1/s"], ["a/1/s", "b/1/s"]),
    (["a/b", "a/b/"], ["a/b", "a/b/"]),
])  # fmt: skip
def test_every_place_keeps_a_name_of_its_own(places, names):
    assert named(places) == dict(zip(names, places, strict=True))
    assert named_places(places) == named(places)


# -- trends --


def test_the_trend_test_keeps_its_level():
    rng = np.random.default_rng(0)
    knob, counts = np.array([1.0, 2, 3, 4]), np.full(4, 200)
    p = [
        trend_of_shares(knob, rng.binomial(200, 0.1, 4), counts, permutations=199).p
        for _ in range(400)
    ]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_truncation_buys_fidelity_with_originality(scorer):
    places = {f"gan-{psi}": shrunk(psi, i) for i, psi in enumerate((1.0, 0.6, 0.8), start=1)}
    found = rara.compare(places, scorer, sweep="psi", run=ALONE)
    assert found.table["knob"].to_pylist() == [0.6, 0.8, 1.0]
    trends = {one.figure: one for one in found.sweep.trends}
    assert trends["off_manifold"].tau > 0.8
    assert trends["over_typical"].tau == -1
    assert trends["over_typical"].p_holm < 0.01
    assert found.sweep.trade.startswith("With lower psi, fewer samples lie off the manifold")
    assert "more samples crowd the dense core" in found.sweep.trade
    assert found.sweep.trade in found.summary()


def test_a_dense_core_that_grows_to_that_of_real_images_costs_nothing(scorer):
    """As of checkpoints: few samples are in the dense core at first, as all are junk."""
    places = {f"step-{i}": shrunk(scale, i) for i, scale in enumerate((1.6, 1.3, 1.0), start=1)}
    found = rara.compare(places, scorer, sweep="step", run=ALONE)
    trends = {one.figure: one for one in found.sweep.trends}
    assert trends["off_manifold"].tau == -1
    assert trends["over_typical"].tau == 1
    assert max(trends[name].p_holm for name in ("off_manifold", "over_typical")) < 0.01
    assert found.sweep.trade is None


def test_without_a_trend_nothing_is_bought(scorer):
    places = {f"gan-{i}": shrunk(1.0, i, 200) for i in (1, 2, 3)}
    assert rara.compare(places, scorer, sweep="gan", run=ALONE).sweep.trade is None


# -- checkpoints --


def test_the_last_checkpoint_before_copying(scorer, tmp_path):
    places = {
        f"step-{step}": copying(share, step)
        for step, share in ((100, 0), (200, 0), (300, 0.1), (400, 0.4))
    }
    found = rara.compare(places, scorer, sweep="step", run=ALONE)
    chosen = found.sweep.checkpoints
    assert chosen.last_before_copying == "step-200"
    assert chosen.first_copying == "step-300"
    assert "step-200 is the last before it" in found.summary()
    found.report(tmp_path / "p.html")
    assert "Along step" in (tmp_path / "p.html").read_text()


def test_without_copies_no_checkpoint_is_named(scorer):
    places = {f"step-{i}": shrunk(1.0, i, 200) for i in (1, 2)}
    chosen = rara.compare(places, scorer, sweep="step", run=ALONE).sweep.checkpoints
    assert chosen.first_copying is None
    assert chosen.best_yield is None
    assert "may be copies all the same" in chosen.why[0]
    assert "too few samples" in chosen.why[1]


@pytest.mark.parametrize("images", [15, 60])
def test_a_small_reference_abstains_or_answers(images):
    few = features(REAL[:images])
    places = {"step-1": features(gaussian(200, 6, seed=1)), "step-2": features(
        np.tile(REAL[:images], (4, 1))[:200] + 0.001 * gaussian(min(200, 4 * images), 6, seed=2)
    )}  # fmt: skip
    found = rara.compare(places, few, sweep="step", run=ALONE)
    chosen = found.sweep.checkpoints
    if images < 40:
        assert chosen.first_copying is None
        assert "no checkpoint is named" in found.summary()
    else:
        assert chosen.first_copying == "step-2"
        assert chosen.last_before_copying == "step-1"


def test_exact_copies_are_a_fact_with_any_reference():
    few, fresh = features(REAL[:15]), gaussian(100, 6, seed=1)
    copying = fresh.copy()
    copying[:7] = REAL[:7]
    places = {"step-1": features(fresh), "step-2": features(copying), "step-3": features(copying)}
    found = rara.compare(places, few, sweep="step", run=ALONE)
    chosen = found.sweep.checkpoints
    assert (chosen.last_before_copying, chosen.first_copying) == ("step-1", "step-2")
    assert chosen.best_yield is None
    assert "Exact copies show from step-2 on." in found.summary()
