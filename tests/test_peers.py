"""Faults that published packages had or have, each held against rara.

What other files show already is not shown twice: NaN vectors (test_reference, test_embed),
authenticity (test_copying), offsets and the authors' own numbers (test_golden), cache keys
(test_vector_cache, test_extractors).
"""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import oracle
from embedding import Means
from make import encoded, gaussian
from rara import Reference, Run
from rara.features.opening import features_of, find_extractor
from rara.report import facts

ONE = Run(threads=1)


# -- outside: scored 0, like the least rare; or, with cosine distances, as the rarest --


def directions(n, spread, seed):
    """Vectors of many lengths, round one direction of 16."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 16)) * spread
    vectors[:, 0] += 1
    return (vectors * rng.uniform(0.1, 10, size=(n, 1))).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_outside_ranks_neither_first_nor_last(metric):
    reference = Reference.from_features(directions(1_000, 0.1, 0), metric=metric, run=ONE)
    away = -directions(20, 0.1, 1)  # the opposite direction: as far as cosine distances go
    away *= 20 / np.linalg.norm(away, axis=1, keepdims=True)
    samples = np.concatenate([away, directions(200, 0.1, 2)])
    table = reference.score_features(samples, run=ONE)
    outside = ~table["inside"]
    assert outside[:20].all()
    assert not outside[20:].all()
    for column in ("rarity", "rarity_percentile"):
        assert np.isnan(table[column][outside]).all()
        assert (table[column][~outside] >= 0).all()
        for descending in (True, False):
            ranked = table.sort(column, descending=descending)["inside"]
            assert ranked[: (~outside).sum()].all()
    picks = facts(table.arrow, table.provenance).picks
    assert all(record.inside for record in picks.rarest)
    assert {record.id for record in picks.farthest} <= {str(i) for i in range(20)}
    assert set(table["verdict"][:20]) <= {"off-manifold", "unknown to this reference"}


# -- a copy of an image with k + 1 duplicates: outside every ball --


def test_a_copy_of_an_image_with_many_duplicates_is_inside_and_a_copy():
    vectors = gaussian(500)
    reference = Reference.from_features(np.concatenate([vectors, vectors[[7] * 4]]), k=3, run=ONE)
    table = reference.score_features(vectors[7:8], run=ONE)
    assert reference.radii[7] == 0
    assert (table["inside"][0], table["rarity"][0]) == (True, 0)
    assert table["verdict"][0] == "copy"
    assert reference.score_leave_one_out(run=ONE)["verdict"][7] == "copy"


# -- arrays are resized and normalised in another way than files --


def painting():
    """Stripes finer than the extractor's pixels, and neither square nor of its size."""
    y, x, c = np.mgrid[0:300, 0:410, 0:3]
    return ((x * (c + 2) + y * (3 - c)) * 9 % 256).astype(np.uint8)


def as_file(folder, pixels):
    (folder / "files").mkdir()
    (folder / "files" / "painting.png").write_bytes(encoded(pixels))
    return folder / "files"


def as_stack(folder, pixels):
    np.savez(folder / "stack.npz", images=pixels[None])
    return folder / "stack.npz"


WAYS = {
    "file": as_file,
    "stack": as_stack,
    "bytes": lambda folder, pixels: [encoded(pixels)],
    "picture": lambda folder, pixels: [Image.fromarray(pixels)],
    "array": lambda folder, pixels: [pixels],
    "floats": lambda folder, pixels: [pixels.astype(np.float64) / 255],
    "turned": lambda folder, pixels: [np.asfortranarray(pixels)],
}


@pytest.fixture(scope="module")
def painted():
    """The vector of the picture's pixels, without a source, a cache or a batch."""
    extractor = find_extractor("efficientnet-lite0", ONE)
    return extractor, extractor.extract(extractor.prepare(Image.fromarray(painting()))[None])


@pytest.mark.parametrize("way", WAYS)
def test_one_picture_has_one_vector_however_it_is_given(way, painted, tmp_path):
    extractor, expected = painted
    run = replace(ONE, cache=tmp_path / "cache")
    features, _ = features_of(WAYS[way](tmp_path, painting()), extractor, run)
    np.testing.assert_array_equal(features.vectors, expected)


# -- memory that grows with pairs: 12 to 48 bytes for each --

LARGEST = """
import resource, sys
import numpy as np
from rara import Reference, Run

def largest(n):
    real, samples = np.random.default_rng(0).normal(size=(2, n, 16)).astype(np.float32)
    run = Run(threads=1, memory=32 << 20)
    Reference.from_features(real, run=run).score_features(samples, run=run)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = largest(1_000)
sys.stdout.write(str(largest(12_000) - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="tells its largest size in other units")
def test_memory_does_not_grow_with_pairs():
    """Not even by one byte for each of 12,000 x 12,000."""
    done = subprocess.run(
        [sys.executable, "-c", LARGEST], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 12_000**2


# -- realism: squared distances, no pruning, division by zero --


def test_realism_of_a_copy_is_infinite_and_of_nothing_else():
    """Warnings are errors here: nothing is divided by zero on the way."""
    real, samples = gaussian(200, 4), gaussian(50, 4, seed=1)
    radii2 = oracle.radii2(real, 3)
    centre = real[[radii2.argmin()]]
    table = Reference.from_features(real, run=ONE).score_features(
        np.concatenate([centre, samples]), run=ONE
    )
    assert table["realism"][0] == np.inf
    assert np.isfinite(table["realism"][1:]).all()
    d2 = oracle.squared_distances(samples, real)
    unpruned = np.sqrt((radii2 / d2).max(axis=1))
    assert (table["realism"][1:] <= unpruned).all()
    assert (table["realism"][1:] < unpruned).any()
    squared = oracle.realism2(d2, radii2)
    np.testing.assert_array_equal(table["realism"][1:], np.sqrt(squared))
    assert not np.allclose(table["realism"][1:], squared)


# -- copies of few images get no penalty, for the minimum is taken over the wrong axis --


@pytest.mark.parametrize(("noise", "verdict"), [(0.0, "copy"), (0.02, "near copy")])
def test_many_copies_of_few_images_are_all_called(noise, verdict):
    real = gaussian(2_000)
    copies = np.repeat(real[:20], 25, axis=0) + np.float32(noise) * gaussian(500, seed=1)
    table = Reference.from_features(real, run=ONE).score_features(copies, run=ONE)
    assert Counter(table["verdict"]) == {verdict: 500}
    assert table["nearest"].tolist() == [str(i // 25) for i in range(500)]
    # Most reference images have no copy: seen from them there is nothing to find.
    exchanged = Reference.from_features(copies, run=ONE).score_features(real[20:], run=ONE)
    assert (exchanged["copy_q"] > 0.05).all()


# -- shares with another meaning: authenticity less 50, precision for recall --


def test_authentic_is_a_share_and_higher_is_farther_from_copies():
    reference = Reference.from_features(gaussian(2_000), run=ONE)
    half = np.concatenate([gaussian(500, seed=1), reference.features.vectors[:500]])
    authentic = reference.score_features(half, run=ONE)["authentic"]
    assert authentic.dtype == bool
    assert not authentic[500:].any()
    assert 0.5 < authentic[:500].mean() < 0.9


def test_inside_is_the_samples_share_and_not_the_references():
    """Samples of one of two modes are all faithful, and show half of what there is."""
    away = np.float32(50)
    real = np.concatenate([gaussian(1_000, 4), gaussian(1_000, 4, seed=1) + away])
    samples = gaussian(1_000, 4, seed=2)
    inside = Reference.from_features(real, run=ONE).score_features(samples, run=ONE)["inside"]
    covered = Reference.from_features(samples, run=ONE).score_features(real, run=ONE)["inside"]
    assert inside.mean() > 0.9
    assert covered[:1_000].mean() > 0.9
    assert not covered[1_000:].any()


# -- caches that take one thing for another --


class Cropped(Means):
    """The same network behind another resize."""

    def __init__(self):
        super().__init__()
        self.spec = replace(self.spec, preprocessing="crop")

    def prepare(self, image):
        return super().prepare(image.crop((0, 0, 3, 3)))


class Halved(Means):
    """The same network in half precision."""

    def __init__(self):
        super().__init__()
        self.spec = replace(self.spec, precision="float16")

    def extract(self, batch):
        return super().extract(batch).astype(np.float16).astype(np.float32)


def images_in(folder, seed, count=12):
    folder.mkdir(parents=True)
    for i, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (count, 9, 7, 3))):
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def test_folders_of_the_same_name_are_not_taken_for_each_other(tmp_path):
    folders = [images_in(tmp_path / name / "samples", seed) for seed, name in enumerate("ab")]

    def fitted(folder, cache):
        run = replace(ONE, cache=tmp_path / cache)
        return Reference.fit(folder, k=2, extractor=Means(), run=run)

    alone = [fitted(folder, f"alone {i}") for i, folder in enumerate(folders)]
    for _ in range(2):  # the second time everything comes from the cache
        for folder, expected in zip(folders, alone, strict=True):
            found = fitted(folder, "shared")
            np.testing.assert_array_equal(found.features.vectors, expected.features.vectors)
            np.testing.assert_array_equal(found.geometry.d2, expected.geometry.d2)
            assert found.geometry.fingerprint == expected.geometry.fingerprint
    assert alone[0].ids == alone[1].ids
    assert alone[0].geometry.fingerprint != alone[1].geometry.fingerprint


@pytest.mark.parametrize("other", [Cropped, Halved])
def test_a_cache_knows_resize_and_precision(other, tmp_path):
    folder = images_in(tmp_path / "samples", 0)

    def vectors(extractor, cache):
        return features_of(folder, extractor, replace(ONE, cache=tmp_path / cache))[0].vectors

    plain, expected = vectors(Means(), "shared"), vectors(other(), "alone")
    assert (plain != expected).any()
    np.testing.assert_array_equal(vectors(other(), "shared"), expected)
    np.testing.assert_array_equal(vectors(Means(), "shared"), plain)


def test_an_image_that_changed_under_its_name_is_read_again(tmp_path):
    folder, run = images_in(tmp_path / "samples", 0), replace(ONE, cache=tmp_path / "cache")
    before, _ = features_of(folder, Means(), run)
    (folder / "3.png").write_bytes(encoded(painting()))
    after, _ = features_of(folder, Means(), run)
    assert np.flatnonzero((before.vectors != after.vectors).any(axis=1)).tolist() == [3]


# -- constant features: all zeros --


def test_constant_features_change_nothing():
    real, samples = gaussian(300, 8), gaussian(100, 8, seed=1)
    columns = np.full((1, 3), [[0, 1, -7]], np.float32)
    padded = [np.hstack([v, np.repeat(columns, len(v), axis=0)]) for v in (real, samples)]
    plain = Reference.from_features(real, run=ONE).score_features(samples, run=ONE)
    table = Reference.from_features(padded[0], run=ONE).score_features(padded[1], run=ONE)
    for column in ("rarity", "inside", "balls", "realism", "knn_distance", "copy_p", "verdict"):
        np.testing.assert_array_equal(table[column], plain[column])


def test_constant_vectors_hold_their_copies_and_carry_no_verdict_else():
    table = Reference.from_features(np.ones((40, 5)), run=ONE).score_features(
        np.concatenate([np.ones((3, 5)), 2 * np.ones((1, 5))]), run=ONE
    )
    assert table["inside"].tolist() == [True] * 3 + [False]
    assert table["balls"].tolist() == [40] * 3 + [0]
    assert table["verdict"].tolist()[:3] == ["copy"] * 3
    assert table["verdict"][3] in {"off-manifold", "no verdict"}
