"""Hostile arguments of every public function: an error of rara that names them, never another."""

import inspect

import numpy as np
import pytest

import rara
from embedding import Means
from rara.errors import FeatureError, ParameterError, RaraError

VECTORS = np.random.default_rng(0).normal(size=(40, 4))
FEATURES = rara.Features.from_arrays(VECTORS, metadata={"label": ["a", "b"] * 20})
REFERENCE = rara.Reference.from_features(VECTORS)
TABLE = REFERENCE.score_features(VECTORS[:10] + 0.1)
NEW = rara.Features.from_arrays(
    np.random.default_rng(1).normal(size=(40, 4)), metadata={"label": ["a", "b"] * 20}
)
NEW_TABLE = REFERENCE.score_features(NEW)
DECISIONS = rara.Decisions()
PICTURES = np.random.default_rng(0).integers(0, 256, (6, 9, 9, 3), np.uint8)
PICTURE = PICTURES[0]
CARD = rara.card(PICTURE, PICTURES, extractor=Means())
SCORER = REFERENCE.scorer()


def draw(count):
    return np.random.default_rng(2).normal(size=(count, 4))


class Other:
    """No number, no text, no list."""

    def __repr__(self):
        return "other"  # the same in every process, as the names of tests must be


OTHER = Other()
NOT_WHOLE = [2.5, "3", True, -1, [3], b"3", OTHER, float("nan"), float("inf"), np.float64(2)]
NOT_A_NUMBER = ["3", True, [3], b"3", OTHER, float("nan"), -1]
NO_VECTORS = [
    None, "x", b"x", 3, True, OTHER, {1: 2}, [], [[]], [1, 2, 3], [[1, 2], [3]], [[None]],
    [["a", "b"]], [[1j] * 4], [[10**400] * 4], [[np.nan] * 4], VECTORS.astype(bool),
    np.zeros((3, 0)), np.zeros((0, 4)), np.zeros((2, 2, 2)),
    np.array([[1, 2], [3]], dtype=object), np.zeros((2, 4), "datetime64[s]"),
]  # fmt: skip
NO_PATH = [None, 3, 1.5, True, b"x", [], {}, OTHER, "\0", "\ud800", "x" * 10_000, "x/" * 4_000]
NO_LIST = [3, True, 1.5, OTHER]
NO_WORD = [3, True, b"x", OTHER, "other", "\0", "\ud800", [], {}]

WHOLE = {
    "Reference.from_features k": lambda k: rara.Reference.from_features(VECTORS, k=k),
    "Reference.fit k": lambda k: rara.Reference.fit(FEATURES, k=k),
    "Reference.score k": lambda k: REFERENCE.score(FEATURES, k=k),
    "Reference.score_features k": lambda k: REFERENCE.score_features(VECTORS, k=k),
    "Reference.score_leave_one_out k": lambda k: REFERENCE.score_leave_one_out(k=k),
    "Reference.audit k": lambda k: REFERENCE.audit(k=k),
    "Reference.describe k": lambda k: REFERENCE.describe(k),
    "Scorer of Reference.scorer, k": lambda k: REFERENCE.scorer(k=k),
    "by_halves seed": lambda n: rara.by_halves(TABLE, REFERENCE, FEATURES, seed=n),
    "compare_siblings k": lambda k: rara.compare_siblings(FEATURES, by="label", k=k),
    "select count": lambda n: rara.select(NEW_TABLE, n, samples=NEW),
    "select quota": lambda n: rara.select(NEW_TABLE, 1, samples=NEW, group_by="label", quota=n),
    "search top": lambda n: rara.search(FEATURES, REFERENCE, top=n),
    "card k": lambda k: rara.card(PICTURE, PICTURES, extractor=Means(), k=k),
    "Run threads": lambda n: rara.Run(threads=n),
    "Run memory": lambda n: rara.Run(memory=n),
    "Run max_pixels": lambda n: rara.Run(max_pixels=n),
    "get_extractor threads": lambda n: rara.get_extractor(threads=n),
    "Features.split seed": lambda n: FEATURES.split(0.2, seed=n),
    "sample_original n": lambda n: rara.sample_original(draw, n, SCORER, 40),
    "sample_original budget": lambda n: rara.sample_original(draw, 1, SCORER, n),
    "sample_original best_of": lambda n: rara.sample_original(draw, 1, SCORER, 40, best_of=n),
    "sample_original batch": lambda n: rara.sample_original(draw, 1, SCORER, 40, batch=n),
    "ScoreTable.head": lambda n: TABLE.head(n),
    "Watch every": lambda n: rara.Watch(SCORER, "run", every=n),
    "Watch keep": lambda n: rara.Watch(SCORER, "run", keep=n),
}
NUMBERS = {
    "Features.split share": lambda x: FEATURES.split(x),
    "alpha": lambda x: REFERENCE.score_features(VECTORS, alpha=x),
    "clip_radii": lambda x: rara.Reference.from_features(VECTORS, clip_radii=x),
    "sample_original alpha": lambda x: rara.sample_original(draw, 1, SCORER, 40, alpha=x),
    "Watch alpha": lambda x: rara.Watch(SCORER, "run", alpha=x),
}
ARRAYS = {
    "Features.from_arrays": rara.Features.from_arrays,
    "Reference.from_features": rara.Reference.from_features,
    "Reference.score_features": lambda x: REFERENCE.score_features(x),
}
PATHS = {
    "Decisions.load": rara.Decisions.load,
    "Decisions.save": DECISIONS.save,
    "Decisions.add": lambda x: DECISIONS.add(x, "b" * 64),
    "Features.load": rara.Features.load,
    "Reference.load": rara.Reference.load,
    "ScoreTable.from_parquet": rara.ScoreTable.from_parquet,
    "ScoreTable.save": TABLE.save,
    "get_extractor": rara.get_extractor,
    "by_extractor": lambda x: rara.by_extractor(TABLE, REFERENCE, FEATURES, extractor=x),
    "open_source": rara.open_source,
    "Reference.fit": rara.Reference.fit,
    "Reference.score": REFERENCE.score,
    "Scorer.reward": SCORER.reward,
    "compare_siblings": lambda x: rara.compare_siblings(x, by="label"),
    "search": lambda x: rara.search(FEATURES, x),
    "card image": lambda x: rara.card(x, PICTURES, extractor=Means()),
    "card reference": lambda x: rara.card(PICTURE, x, extractor=Means()),
    "verify card": rara.verify,
    "Card.load": rara.Card.load,
    "Card.save": CARD.save,
    "Card.report": CARD.report,
    "Watch log": lambda x: rara.Watch(SCORER, x),
    "select": lambda x: rara.select(NEW_TABLE, 2, samples=x),
}
LISTS = {
    "ids": lambda x: rara.Features.from_arrays(VECTORS, ids=x),
    "metadata": lambda x: rara.Features.from_arrays(VECTORS, metadata={"a": x}),
    "also": lambda x: REFERENCE.score_features(VECTORS, also=x),
    "ScoreTable.filter": lambda x: TABLE.filter(x),
    "contested halves": lambda x: rara.contested(TABLE, halves=x),
    "contested extractors": lambda x: rara.contested(TABLE, extractors={"other": x}),
    "contested extractors by name": lambda x: rara.contested(TABLE, extractors=x),
    "Watch also": lambda x: rara.Watch(SCORER, "run", also=x),
    "contested halves in a list": lambda x: rara.contested(TABLE, halves=[TABLE, x]),
}
WORDS = {
    "metric": lambda x: rara.Reference.from_features(VECTORS, metric=x),
    "deduplicate": lambda x: rara.Reference.from_features(VECTORS, deduplicate=x),
    "unit": lambda x: rara.Reference.from_features(VECTORS, unit=x),
    "boundary": lambda x: REFERENCE.score_features(VECTORS, boundary=x),
    "compat": lambda x: REFERENCE.score_features(VECTORS, compat=x),
    "group_by": lambda x: REFERENCE.score_features(VECTORS, group_by=x),
    "evidence": lambda x: REFERENCE.score_features(VECTORS, evidence=x),
    "Run vectors": lambda x: rara.Run(vectors=x),
    "card evidence": lambda x: rara.card(PICTURE, PICTURES, extractor=Means(), evidence=x),
    "Card[]": lambda x: CARD[x],
    "sample_original accept": lambda x: rara.sample_original(draw, 1, SCORER, 40, accept=x),
    "select want": lambda x: rara.select(TABLE, 2, want=x),
    "select method": lambda x: rara.select(TABLE, 2, want="diverse", method=x),
    "select group_by": lambda x: rara.select(NEW_TABLE, 2, group_by=x, quota=2),
    "search by": lambda x: rara.search(FEATURES, REFERENCE, by=x),
    "ScoreTable.sort": lambda x: TABLE.sort(x),
    "Watch on_alarm": lambda x: rara.Watch(SCORER, "run", on_alarm=x),
    "Watch on_error": lambda x: rara.Watch(SCORER, "run", on_error=x),
    "ScoreTable[]": lambda x: TABLE[x],
}
FLAGS = {
    "search split": lambda x: rara.search(FEATURES, REFERENCE, split=x),
}
NO_FLAG = [None, 0, 1, 1.0, "yes", "False", b"", [], [True], OTHER]
NETWORKS = {"copy_network": lambda x: REFERENCE.score_features(VECTORS, copy_network=x)}
CASES = [
    (functions, name, value, error)
    for functions, values, error in (
        (WHOLE, NOT_WHOLE, ParameterError),
        (NUMBERS, NOT_A_NUMBER, ParameterError),
        (ARRAYS, NO_VECTORS, FeatureError),
        (PATHS, NO_PATH, RaraError),
        (LISTS, NO_LIST, ParameterError),
        (WORDS, NO_WORD, ParameterError),
        (FLAGS, NO_FLAG, ParameterError),
        (NETWORKS, [3, True, b"x", OTHER, "\0", [], {}], ParameterError),
    )
    for name in functions
    for value in values
]


@pytest.mark.parametrize(
    ("functions", "name", "value", "error"),
    [pytest.param(*case, id=f"{case[1]} {ascii(case[2])[:30]}") for case in CASES],
)
def test_an_argument_of_another_kind_is_refused(
    functions, name, value, error, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as found:
        functions[name](value)
    assert len(str(found.value)) < 1_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("k", [np.int8(2), np.uint64(2), np.int64(2)])
def test_whole_numbers_of_numpy_are_whole_numbers(k):
    expected = rara.Reference.from_features(VECTORS, k=2)
    given = rara.Reference.from_features(VECTORS, k=k)
    assert given.geometry.fingerprint == expected.geometry.fingerprint
    assert type(given.k) is int
    assert REFERENCE.score_features(VECTORS[:3], k=k).provenance["k"] == 2
    assert rara.Run(threads=k).threads == 2


def test_every_public_name_with_arguments_is_met():
    named = " ".join([*WHOLE, *NUMBERS, *ARRAYS, *PATHS, *LISTS, *WORDS, *FLAGS])
    passive = {
        *("Comparison", "RaraError", "Preprocessing", "Siblings", "Matches", "Verification"),
        *("__version__", "sets"),
    }
    assert [name for name in rara.__all__ if name not in named and name not in passive] == []


# -- how to work --

OTHERS = rara.Features.from_arrays(VECTORS + 1, ids=[f"other {i}" for i in range(40)])
NO_RUN = [3, True, "x", {}, rara.Run, OTHER]
WITH_RUN = {
    "compare": lambda run: rara.compare({"others": OTHERS}, REFERENCE, run=run),
    "Reference.audit": lambda run: REFERENCE.audit(run=run),
    "Reference.extend": lambda run: REFERENCE.extend(OTHERS, run=run),
    "Reference.fit": lambda run: rara.Reference.fit(FEATURES, run=run),
    "Reference.from_features": lambda run: rara.Reference.from_features(VECTORS, run=run),
    "Reference.save": lambda run: REFERENCE.save("reference", run=run),
    "Reference.score": lambda run: REFERENCE.score(FEATURES, run=run),
    "Reference.score_features": lambda run: REFERENCE.score_features(VECTORS, run=run),
    "Reference.score_leave_one_out": lambda run: REFERENCE.score_leave_one_out(run=run),
    "Reference.scorer": lambda run: REFERENCE.scorer(run=run),
    "Reference.without": lambda run: REFERENCE.without(REFERENCE.ids[:1], run=run),
    "Scorer": lambda run: rara.Scorer(REFERENCE.geometry, REFERENCE.scorer().options, run=run),
    "Scorer.features": lambda run: SCORER.features(FEATURES, run=run),
    "by_extractor": lambda run: rara.by_extractor(
        TABLE, REFERENCE, FEATURES, extractor="x.onnx", run=run
    ),
    "by_halves": lambda run: rara.by_halves(TABLE, REFERENCE, FEATURES, run=run),
    "compare_siblings": lambda run: rara.compare_siblings(FEATURES, by="label", run=run),
    "card": lambda run: rara.card(PICTURE, PICTURES, extractor=Means(), run=run),
    "select": lambda run: rara.select(NEW_TABLE, 2, want="diverse", samples=NEW, run=run),
    "search": lambda run: rara.search(FEATURES, REFERENCE, run=run),
    "verify": lambda run: rara.verify(CARD, run=run),
}


def taking(parameter):
    """Every public function, class and method that has a parameter of that name."""
    doors = {name: getattr(rara, name) for name in rara.__all__ if name != "RaraError"}
    for name, door in list(doors.items()):
        if inspect.isclass(door):
            methods = [one for one in vars(door) if not one.startswith("_")]
            doors |= {f"{name}.{one}": getattr(door, one) for one in methods}
    callables = {name: door for name, door in doors.items() if callable(door)}
    return sorted(
        name for name, one in callables.items() if parameter in inspect.signature(one).parameters
    )


def test_every_public_function_that_takes_a_run_is_met():
    assert taking("run") == sorted(WITH_RUN)
    assert taking("progress") == ["Run", "Run.engine"]  # the latter takes a count of pairs


@pytest.mark.parametrize("value", NO_RUN, ids=ascii)
@pytest.mark.parametrize("name", WITH_RUN)
def test_what_is_no_run_is_refused_in_one_sentence(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError) as refused:
        WITH_RUN[name](value)
    assert str(refused.value) == f"run = {value!r}: give a rara.Run, or None."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WITH_RUN)
def test_a_run_is_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    later = {"by_extractor": r"x\.onnx", "search": "no images"}
    for run in (None, rara.Run(threads=1, cache=tmp_path / "cache")):
        if name in later:
            with pytest.raises(RaraError, match=later[name]):
                WITH_RUN[name](run)
        else:
            WITH_RUN[name](run)


class Half:
    """Some of the methods of a `Progress`."""

    finish = 3

    def start(self, total, what):
        """Begin."""

    def advance(self, *, done, cached, skipped):
        """Count."""


@pytest.mark.parametrize("value", [3, True, "x", print, OTHER, Half()], ids=lambda x: str(x)[:9])
def test_what_cannot_be_told_of_progress_is_refused_in_one_sentence(value):
    with pytest.raises(ParameterError) as refused:
        rara.Run(progress=value)
    assert str(refused.value).startswith("progress = ")
    assert str(refused.value).endswith(
        ": give an object with the methods start, advance and finish, or None."
    )
