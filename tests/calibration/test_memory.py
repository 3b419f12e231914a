"""Samples at the reference's centre are in many neighbour lists: bounded memory, same bits."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from make import as_zip, encoded, features, fit, gaussian, picture
from rara import Features, Reference, Run, compare
from rara.extractors import Spec
from rara.scores import axis
from rara.scores.join_effect import JoinEffect

N = 150
MEMORY = [2_000, 30_000, 200_000]
"""Bytes: for about 7 pairs, for some hundreds, and for nearly all."""


def samples(kind):
    real, wide = gaussian(N), gaussian(N, seed=1)
    return {
        "usual": wide,
        "collapsed": 0.05 * wide,
        "equal": np.zeros((80, 16), np.float32),
        "copies": np.concatenate([real[:60], real[60:] + 0.01 * wide[60:]]),
        "mixed": np.concatenate([wide[:50] + 9, 2 * wide[50:90], 0.02 * wide[90:]]),
    }[kind]


KINDS = ["usual", "collapsed", "equal", "copies", "mixed"]


def bits(table):
    """Every column, so that NaN equals NaN."""
    arrow = table.to_arrow()
    return {name: repr(arrow[name].to_pylist()) for name in arrow.column_names}


@pytest.fixture(scope="module")
def reference():
    return fit(gaussian(N))


@pytest.fixture
def scans(monkeypatch):
    """The rows of each scan of samples and reference."""
    rows, query = [], axis.query

    def counted(given, *others, **options):
        rows.append(options.get("rows") or slice(0, len(given)))
        return query(given, *others, **options)

    monkeypatch.setattr(axis, "query", counted)
    return rows


def held(boundary):
    return {"calibration": features(gaussian(90, seed=5)), "boundary": boundary}


OPTIONS = {
    "full conformal": {},
    "closed, on request": {
        "also": ["rarity_clipped", "local_outlier_factor"],
        "boundary": "closed",
    },
    "official": {"compat": "official"},
    "held out": held("open"),
    "k = 1": {"k": 1},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_no_column_depends_on_the_memory(reference, kind, options):
    given, options = features(samples(kind)), OPTIONS[options]
    whole = bits(reference.score(given, run=Run(threads=1), **options))
    for memory in MEMORY:
        assert bits(reference.score(given, run=Run(threads=2, memory=memory), **options)) == whole


def test_leave_one_out_does_not_depend_on_the_memory(reference):
    whole = bits(reference.score_leave_one_out(run=Run(threads=1)))
    assert bits(reference.score_leave_one_out(run=Run(threads=1, memory=2_000))) == whole


def test_groups_and_siblings_do_not_depend_on_the_memory():
    def labelled(vectors):
        labels = [f"{i % 3}" for i in range(len(vectors))]
        return Features.from_arrays(vectors, metadata={"label": labels})

    reference, given = fit(labelled(gaussian(N))), labelled(samples("mixed"))
    asked = {"group_by": "label", "against_siblings": "label"}
    whole = bits(reference.score(given, run=Run(threads=1), **asked))
    for memory in MEMORY:
        assert bits(reference.score(given, run=Run(threads=1, memory=memory), **asked)) == whole


class Coarse:
    """Vectors of few values, so that many pictures are near to one another."""

    batch_size, lanes = 16, 1
    spec = Spec("coarse", "0" * 64, "none", 4)

    def prepare(self, image):
        return np.asarray(image.resize((2, 2), Image.Resampling.BOX))

    def extract(self, batch):
        return batch.mean(axis=3).reshape(len(batch), 4).astype(np.float32)


def test_copies_by_pixels_do_not_depend_on_the_memory(tmp_path, scans):
    run = Run(cache=tmp_path / "cache", threads=1)
    small = Run(cache=tmp_path / "cache", threads=1, memory=30_000)
    real = {f"{i}.png": picture(i) for i in range(80)}
    made = {f"{i}.png": picture(i % 100 + 60) for i in range(40)}
    made |= {f"grey {i}.png": Image.new("RGB", (60, 60), (i + 100,) * 3) for i in range(40)}
    places = [
        str(as_zip(tmp_path / name, {one: encoded(image) for one, image in images.items()}))
        for name, images in (("real", real), ("made", made))
    ]
    reference = Reference.fit(places[0], extractor=Coarse(), k=3, run=run)
    whole = bits(reference.score(places[1], extractor=Coarse(), run=run))
    assert len(scans) == 1
    assert bits(reference.score(places[1], extractor=Coarse(), run=small)) == whole
    assert len(scans) > 3
    assert whole["pixel_p"] != whole["copy_p"] != whole["volume_p"]


def test_comparisons_do_not_depend_on_the_memory(reference):
    places = {kind: features(samples(kind)) for kind in KINDS}
    whole = compare(places, reference, run=Run(threads=1))
    small = compare(places, reference, run=Run(threads=1, memory=30_000))
    assert repr(whole.table.to_pylist()) == repr(small.table.to_pylist())
    for kind in KINDS:
        assert bits(whole.scores[kind]) == bits(small.scores[kind])


@pytest.mark.parametrize("memory", [None, 2**28])
def test_usual_samples_take_one_scan(reference, scans, memory):
    for kind in KINDS:
        reference.score(features(samples(kind)), run=Run(threads=1, memory=memory))
    assert scans == [slice(0, len(samples(kind))) for kind in KINDS]


def test_each_further_scan_begins_where_the_pairs_end(reference, scans):
    given = features(samples("collapsed"))
    reference.score(given, run=Run(threads=1, memory=600_000))  # for 2,300 pairs: 15 samples
    starts = [rows.start for rows in scans]
    assert starts == sorted(starts)
    assert 10 < len(starts) < 25
    assert sum(rows.stop - rows.start for rows in scans[1:]) < 2 * len(given)


def test_memory_does_not_grow_with_the_pairs():
    vectors = 0.05 * gaussian(900, seed=1)
    reference, given = fit(gaussian(900)), features(vectors)
    reference.score(features(vectors[:50]), run=Run(threads=1))  # what is made once
    tracemalloc.start()
    reference.score(given, run=Run(threads=1, memory=2**23))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24  # 900 x 900 pairs would take 50 MB and more


# -- the reducer --


def portions_of(d2, rng, parts=7):
    """All pairs of a matrix in any order, in portions."""
    rows, columns = (part.ravel().astype(np.int32) for part in np.indices(d2.shape))
    for some in np.array_split(rng.permutation(d2.size), parts):
        yield rows[some], columns[some], d2.ravel()[some]


@pytest.mark.parametrize("most", [1, 20, 100, 10_000])
@pytest.mark.parametrize("at_once", [1, 33, 10_000])
def test_blocks_have_all_pairs_of_all_samples(most, at_once):
    rng = np.random.default_rng(most + at_once)
    d2, reach2 = rng.random((40, 30)), rng.random(30)
    d2[10:15] += 1  # in no list
    d2[20:22] = 0  # in all

    def again(rows):
        for i, j, values in portions_of(d2, rng):
            some = (i >= rows.start) & (i < rows.stop)
            effect.update(i[some], j[some], values[some])

    effect = JoinEffect(reach2, 40)
    effect.limit(0, again)
    effect.most, effect.at_once = most, at_once
    for portion in portions_of(d2, rng):
        effect.update(*portion)
    near, end = d2 <= reach2, 0
    for rows, pairs in effect.blocks():
        assert rows.start == end
        end = rows.stop
        expected = np.nonzero(near[rows])
        assert np.array_equal(pairs.rows, expected[0])
        assert np.array_equal(pairs.columns, expected[1])
        assert np.array_equal(pairs.d2, d2[rows][near[rows]])
        assert len(pairs.rows) <= at_once or rows.stop - rows.start == 1
        assert len(pairs.rows) <= most or rows.stop - rows.start == 1
    assert end == 40


def test_merged_effects_have_the_samples_that_both_kept():
    rng = np.random.default_rng(0)
    d2, reach2 = rng.random((40, 30)), np.full(30, 0.5)
    parts = [JoinEffect(reach2, 40, most=most) for most in (100, 400)]
    for i, portion in enumerate(portions_of(d2, rng)):
        parts[i % 2].update(*portion)
    parts[0].merge(parts[1])
    kept = parts[0].rows
    assert 0 < kept.stop < 40
    rows, pairs = next(parts[0].blocks())
    assert rows == kept
    assert np.array_equal(np.stack([pairs.rows, pairs.columns]), np.nonzero(d2[kept] <= 0.5))


def test_no_sample_has_one_block():
    [(rows, pairs)] = JoinEffect(np.ones(5), 0).blocks()
    assert rows == slice(0, 0)
    assert not len(pairs.rows)
