"""Many metrics at once: the figures of the single functions, and every pair scanned once."""

import gc
import weakref

import numpy as np
import pytest

from make import features, gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import memorisation, mmd
from rara.sets.both_sides import BothSides
from rara.sets.collection import STATES

ALONE = ("vendi", "rke")
WITH_TEST = ("c_t", "fld_gap")
NEIGHBOURS = (
    "precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage",
    "fidelity", "diversity", "authenticity", *WITH_TEST,
)  # fmt: skip
KERNELS = ("kid", "cmmd")
OTHERS = tuple(name for name in STATES if name not in (*NEIGHBOURS, *KERNELS))


def sides(n=70, m=130, d=6):
    """Samples, reference and test images."""
    samples = np.float32(1.2) * gaussian(n, d) + np.float32(0.1)
    return samples, gaussian(m, d, seed=1), gaussian(60, d, seed=2)


def with_copies():
    samples, reference, test = sides()
    samples[10:14], reference[20:27] = samples[9], reference[19]
    samples[30] = reference[3]
    return samples, reference, test


def collapsed():
    samples, reference, test = sides()
    return samples[np.arange(70) % 3], reference, test


def offset():
    return tuple(np.maximum(side + np.float32(2), 0) for side in sides())


CASES = {
    "plain": sides,
    "copies": with_copies,
    "collapsed": collapsed,
    "offset": offset,
    "few": lambda: sides(n=24, m=21),
    "more dimensions than images": lambda: sides(n=40, m=50, d=80),
}


def alone(name, samples, reference, test, **options):
    metric = getattr(sets, name)
    if name in ALONE:
        return metric(samples, **options)
    return metric(samples, reference, *([test] if name in WITH_TEST else []), **options)


def figures(score):
    return score.value, score.low, score.high


@pytest.fixture(params=CASES)
def given(request):
    return CASES[request.param]()


def test_every_metric_of_vectors_is_there():
    collection = sets.MetricCollection(gaussian(5), list(STATES), test=gaussian(5))
    states = {type(state) for state in collection.states.values()}
    kept = {one for one in vars(sets).values() if isinstance(one, type) and hasattr(one, "compute")}
    assert states == kept - {sets.SetMetric, sets.SFID, sets.InceptionScore}


def test_neighbours_give_the_same_bits(given):
    samples, reference, test = given
    together = sets.MetricCollection(reference, NEIGHBOURS, test=test).scores(samples)
    assert list(together) == list(NEIGHBOURS)
    for name, score in together.items():
        np.testing.assert_equal(figures(score), figures(alone(name, *given)), err_msg=name)
        assert repr(score) == repr(alone(name, *given))


def test_the_others_differ_in_the_last_digits(given):
    samples, reference, _ = given
    together = sets.MetricCollection(reference, OTHERS).scores(samples)
    for name, score in together.items():
        expected = figures(alone(name, *given))
        assert figures(score) == pytest.approx(expected, rel=1e-6, abs=1e-8, nan_ok=True), name


def test_kernels_are_exact_unless_asked_otherwise(given):
    samples, reference, _ = given
    together = sets.MetricCollection(reference, KERNELS).scores(samples, arithmetic="int8")
    for name, score in together.items():
        assert figures(score) == figures(alone(name, *given)), name


def test_exact_kernels_share_their_products(monkeypatch):
    samples, reference, _ = sides()
    others = np.float32(0.7) * gaussian(50, 6, seed=5)
    metrics = {"kid": "kid", "cmmd": "cmmd", "narrow": sets.CMMD(sigma=0.5), "again": sets.CMMD()}
    calls = []
    for name in ("within", "between"):
        once = getattr(mmd, name)
        seen = lambda *sides, once=once: (calls.append(len(sides[0])), once(*sides))[1]  # noqa: E731
        monkeypatch.setattr(mmd, name, seen)
    collection = sets.MetricCollection(reference, metrics)
    first, second = collection.scores(samples), collection.scores(others)
    assert calls == [70, 130, 70, 50, 50]  # the reference's own pairs once for all
    for found, side in ((first, samples), (second, others)):
        assert figures(found["kid"]) == figures(sets.kid(side, reference))
        assert figures(found["cmmd"]) == figures(sets.cmmd(side, reference))
        assert figures(found["cmmd"]) == figures(found["again"])
        assert figures(found["narrow"]) == figures(sets.cmmd(side, reference, sigma=0.5))


def test_kernels_of_vectors_of_extreme_lengths(given):
    samples, reference, _ = given
    samples = np.float32(1e-12) * samples
    together = sets.MetricCollection(reference, KERNELS).scores(samples)
    for name, score in together.items():
        assert figures(score) == figures(alone(name, samples, reference, None)), name


@pytest.mark.parametrize("arithmetic", ["int8", "float32"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_within_what_is_promised(given, name, arithmetic):
    samples, reference, _ = given
    collection = sets.MetricCollection(reference, [name], approximate=True)
    score = collection.scores(samples, arithmetic=arithmetic)[name]
    expected = alone(name, *given)
    half = (expected.high - expected.low) / 2
    allowed = (0.05 if arithmetic == "int8" else 1e-3) * half
    assert figures(score) == pytest.approx(figures(expected), abs=allowed)


def test_bytes_leave_little_where_images_are_many():
    samples, reference, _ = sides(n=900, m=1500, d=64)
    together = sets.MetricCollection(reference, KERNELS, approximate=True).scores(
        samples, arithmetic="int8"
    )
    for name, score in together.items():
        expected = alone(name, samples, reference, None)
        assert score.value != expected.value  # it is by bytes
        assert abs(score.value - expected.value) < 0.005 * (expected.high - expected.low), name


def test_kernels_that_bytes_cannot_give_are_computed_alone(monkeypatch):
    samples, reference, _ = sides()
    narrow = sets.CMMD(sigma=0.5)
    together = sets.MetricCollection(reference, [narrow], approximate=True).scores(samples)["cmmd"]
    assert figures(together) == figures(sets.cmmd(samples, reference, sigma=0.5))
    monkeypatch.setattr(mmd, "TOLERANCE", 0)
    together = sets.MetricCollection(reference, KERNELS, approximate=True).scores(
        samples, arithmetic="int8"
    )
    for name in KERNELS:
        assert figures(together[name]) == figures(alone(name, samples, reference, None))


def test_other_options_side_by_side():
    samples, reference, _ = with_copies()
    options = {
        f"{metric.__name__} {k} {boundary}": (metric, {"k": k, "boundary": boundary})
        for metric in (sets.Precision, sets.Recall, sets.Density, sets.Coverage)
        for k in (1, 4)
        for boundary in ("open", "closed", "official")
    }
    options |= {f"fidelity {k}": (sets.Fidelity, {"k": k}) for k in (2, 7)}
    options |= {f"diversity {k}": (sets.Diversity, {"k": k}) for k in (2, 7)}
    options |= {f"clipped {k}": (sets.ClippedDensity, {"k": k}) for k in (2, 6)}
    states = {name: metric(**how) for name, (metric, how) in options.items()}
    together = sets.MetricCollection(reference, states).scores(samples)
    for name, (metric, how) in options.items():
        state = metric(**how)
        state.update(samples=samples, reference=reference)
        assert figures(together[name]) == figures(state.compute()), name
    assert len({score.value for score in together.values()}) > 10


@pytest.mark.parametrize("memory", [1, 2**16, None])
def test_memory_changes_no_figure(memory):
    samples, reference, test = sides()
    collection = sets.MetricCollection(reference, NEIGHBOURS, test=test)
    together = collection.scores(samples, memory=memory, threads=1)
    for name, score in together.items():
        assert figures(score) == figures(alone(name, samples, reference, test)), name


def test_a_second_generator_gets_figures_of_its_own():
    samples, reference, test = sides()
    others = np.float32(0.7) * gaussian(50, 6, seed=5)
    collection = sets.MetricCollection(features(reference), test=test)
    first = collection.scores(samples)
    second = collection.scores(others, level=0.8)
    assert set(first) == set(STATES)
    again = sets.MetricCollection(reference, test=test).scores(others, level=0.8)
    for name in first:
        assert figures(second[name]) == pytest.approx(figures(again[name]), rel=1e-9), name
        assert second[name].value != first[name].value, name
        assert second[name].level == 0.8


def test_nothing_of_a_generator_stays_in_memory(monkeypatch):
    scanned = []
    once = BothSides.__init__
    seen = lambda self, *sides: (scanned.append(weakref.ref(self)), once(self, *sides))[1]  # noqa: E731
    samples, reference, test = sides()
    collection = sets.MetricCollection(reference, test=test)
    collection.scores(samples)
    monkeypatch.setattr(BothSides, "__init__", seen)
    gc.disable()
    try:
        collection.scores(samples)
        assert [one() for one in scanned] == [None]
    finally:
        gc.enable()


def test_every_pair_is_scanned_once(monkeypatch):
    """And no other product of all pairs is made."""

    def refuse(*_):
        raise AssertionError

    for module, name in ((mmd, "within"), (mmd, "between"), (memorisation, "nearest_by_part")):
        monkeypatch.setattr(module, name, refuse)
    n, m, t = 70, 130, 60
    samples, reference, test = sides(n, m)
    names = [name for name in STATES if name != "fld_gap"]  # it scales vectors of its own
    collection = sets.MetricCollection(reference, names, test=test, approximate=True)
    pairs = []
    collection.scores(samples, progress=pairs.append)
    of_reference, of_samples = m * (m - 1) // 2, n * (n - 1) // 2
    assert sum(pairs) == of_reference + of_samples + n * m + t * m
    pairs.clear()
    collection.scores(gaussian(n, 6, seed=7), progress=pairs.append)
    assert sum(pairs) == of_samples + n * m


def test_what_is_refused():
    reference = gaussian(30)
    for metrics, message in (
        (["fid", "fid"], "occurs twice"),
        ([sets.Precision(k=1), "precision"], "occurs twice"),
        (["inception_score"], "none of fid"),
        ([sets.SFID()], "none of fid"),
        (["c_t"], "give `test`"),
        ("fld_gap", "give `test`"),
    ):
        with pytest.raises(ParameterError, match=message):
            sets.MetricCollection(reference, metrics)
    state = sets.Recall()
    state.update(samples=gaussian(9))
    with pytest.raises(ParameterError, match="took in vectors already"):
        sets.MetricCollection(reference, [state])
    with pytest.raises(ReferenceMismatchError):
        sets.MetricCollection(reference, "fid").scores(gaussian(9, 3))
    with pytest.raises(ReferenceMismatchError):
        sets.MetricCollection(reference, test=gaussian(9, 3))
    with pytest.raises(ParameterError, match="density with k = 30 needs at least 31"):
        sets.MetricCollection(reference, [sets.Density(30)]).scores(gaussian(9))
    for name in ("cmmd", "mifid"):
        with pytest.raises(FeatureError, match="have no direction"):
            sets.MetricCollection(reference, name).scores(np.zeros((9, 16)))
