"""From a source to features: order, states, caching, interruptions, several runs at once."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embedding import LOCKED, Images, Means, small_images
from make import encoded
from rara.errors import (
    DamagedArchiveError,
    EmptySourceError,
    FeatureError,
    ImageError,
    ParameterError,
    UnwritableError,
)
from rara.extractors import get_extractor
from rara.features import vector_cache as pool
from rara.features.embed import embed
from rara.features.features import Features, Noted, Skipped
from rara.features.vector_cache import VectorCache
from rara.images.decode import content_digest, decode, decode_noted
from rara.images.phash import pixel_hash_of
from rara.sources import open_source
from rara.storage import atomic as durable


def vectors_of(payloads):
    """What the features must be: one image at a time, no pool, no threads."""
    extractor = Means()
    images = [Image.fromarray(payload) for payload in payloads.values()]
    return np.concatenate([extractor.extract(extractor.prepare(i)[None]) for i in images])


class Recorded:
    """A progress that remembers what it was told."""

    def __init__(self):
        self.calls = []

    def start(self, total, what):
        self.calls.append(("start", total, what))

    def advance(self, *, done, cached, skipped):
        self.calls.append((done, cached, skipped))

    def finish(self):
        self.calls.append("finish")

    @property
    def counts(self):
        return tuple(map(sum, zip(*self.calls[1:-1], strict=True)))


# -- what comes out ---------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("counts", [True, False])
def test_vectors_come_in_the_order_of_the_source(tmp_path, batch_size, counts):
    payloads = small_images(50)
    source = Images(payloads, counts=counts)
    features = embed(source, Means(batch_size=batch_size), cache=tmp_path)
    assert features.ids == list(payloads)
    assert features.vectors.tobytes() == vectors_of(payloads).tobytes()
    assert features.vectors.flags.c_contiguous
    assert features.location == "gen/"
    row = features.items.to_pylist()[7]
    seen = pixel_hash_of(decode(payloads["0007.png"]))
    assert row == {
        "id": "0007.png",
        "digest": content_digest(payloads["0007.png"]),
        "state": "done",
        "reason": None,
        "width": 5,
        "height": 6,
        "picture": seen.picture,
        "code": seen.code,
        "note": "",
        "metadata": '{"label": "0"}',
    }


def test_bad_images_are_listed_where_they_stand(tmp_path):
    payloads = small_images(4)
    payloads["0001.png"] = encoded(payloads["0001.png"])[:60]
    payloads["0003.png"] = ImageError("no right to read it")
    features = embed(Images(payloads), Means(), cache=tmp_path)
    assert features.items["state"].to_pylist() == ["done", "failed", "done", "failed"]
    assert features.skipped[1] == Skipped("0003.png", "no right to read it")
    assert "PNG" in features.skipped[0].reason
    assert len(features.vectors) == 2
    assert features.items["digest"].to_pylist()[3] is None


def test_images_with_little_to_see_are_noted_whether_fresh_or_known(tmp_path):
    payloads = small_images(3)
    payloads["black.png"] = encoded(np.zeros((6, 5, 3), np.uint8))
    payloads["clear.png"] = np.zeros((6, 5, 4), np.uint8)
    payloads["deep.png"] = payloads["0001.png"].astype(np.uint16) << 4
    payloads["black again.png"] = payloads["black.png"]
    told = "16-bit pixels read as 12-bit, as no value needs more"
    expected = [
        Noted("a single colour", 2, ["black.png", "black again.png"]),
        Noted("wholly transparent", 1, ["clear.png"]),
        Noted(told, 1, ["deep.png"]),
    ]
    for _ in range(2):
        features = embed(Images(payloads), Means(), cache=tmp_path)
        assert features.noted == expected
    deep, plain = (features.ids.index(name) for name in ("deep.png", "0001.png"))
    assert (features.vectors[deep] == features.vectors[plain]).all()


def test_a_vector_that_is_no_number_is_a_failure(tmp_path):
    class Odd(Means):
        def extract(self, batch):
            vectors = super().extract(batch)
            vectors[vectors[:, 0] > 128, 4] = np.nan
            return vectors

    payloads = small_images(40)
    means = vectors_of(payloads)[:, 0]
    features = embed(Images(payloads), Odd(batch_size=7), cache=tmp_path)
    bad = [name for name, mean in zip(payloads, means, strict=True) if mean > 128]
    assert 0 < len(bad) < 40
    assert [skipped.id for skipped in features.skipped] == bad
    assert np.isfinite(features.vectors).all()


def test_where_nothing_can_be_used_the_first_reasons_are_told(tmp_path):
    with pytest.raises(EmptySourceError, match=r"None of the 5 .* 'gen/' .*: '0000\.png': not an"):
        embed(Images(small_images(5, broken=1)), Means(), cache=tmp_path)
    with pytest.raises(EmptySourceError, match="No images in 'gen/'"):
        embed(Images({}), Means(), cache=tmp_path)


def test_options_are_checked(tmp_path):
    with pytest.raises(ParameterError, match="on_failed='again'"):
        embed(Images({}), Means(), cache=tmp_path, on_failed="again")
    with pytest.raises(ParameterError, match="threads = 0"):
        embed(Images({}), Means(), cache=tmp_path, threads=0)


def test_an_extractor_that_breaks_its_word_is_named(tmp_path):
    class Wrong(Means):
        def extract(self, batch):
            return super().extract(batch)[:, :5]

    with pytest.raises(FeatureError, match=r"'means' gave vectors of shape \(1, 5\) for 1 images"):
        embed(Images(small_images(3)), Wrong(), cache=tmp_path)


def test_vectors_of_another_precision_become_float32_once(tmp_path):
    class Double(Means):
        def extract(self, batch):
            return super().extract(batch).astype(np.float64) + 1e-9

    source = Images(small_images(5))
    first = embed(source, Double(), cache=str(tmp_path))
    extractor = Double()
    again = embed(source, extractor, cache=tmp_path)
    assert extractor.inferred == 0
    assert first.vectors.tobytes() == again.vectors.tobytes()


def test_progress_is_told_of_every_image_once(tmp_path):
    payloads = small_images(30, broken=10)
    first, again = Recorded(), Recorded()
    embed(Images(payloads), Means(batch_size=4), cache=tmp_path, progress=first)
    assert first.calls[0] == ("start", 30, "Reading gen/")
    assert first.calls[-1] == "finish"
    assert first.counts == (27, 0, 3)
    embed(Images(payloads, counts=False), Means(), cache=tmp_path, progress=again)
    assert again.calls[0] == ("start", None, "Reading gen/")
    assert again.counts == (0, 27, 3)


def test_the_window_is_bounded(tmp_path):
    """The source is read no further ahead of the extractor than a few images."""
    read = itertools.count()
    ahead = []

    class Watched(Images):
        def __iter__(self):
            for item in super().__iter__():
                next(read)
                yield item

    class Slow(Means):
        def extract(self, batch):
            seen = self.inferred
            ahead.append(next(read) - len(ahead) - seen)
            return super().extract(batch)

    embed(Watched(small_images(300)), Slow(lanes=1, seconds=0.0005), cache=tmp_path, threads=2)
    assert max(ahead) < 60


# -- the pool ---------------------------------------------------------------------------


def test_a_second_run_infers_and_decodes_nothing(tmp_path, monkeypatch):
    source = Images(small_images(30, broken=7))
    first = embed(source, Means(), cache=tmp_path)
    monkeypatch.setattr(
        "rara.features.embed.decode_noted", lambda *args, **options: pytest.fail("decoded")
    )
    extractor = Means()
    again = embed(source, extractor, cache=tmp_path)
    assert extractor.batches == []
    assert again.vectors.tobytes() == first.vectors.tobytes()
    assert again.items.equals(first.items)


def test_other_paths_cost_nothing_and_another_extractor_does(tmp_path):
    payloads = small_images(10)
    first = embed(Images(payloads), Means(), cache=tmp_path)
    moved = {f"elsewhere/{name}": payload for name, payload in reversed(payloads.items())}
    extractor, other = Means(), Means(weights="x")
    again = embed(Images(moved, location="b/"), extractor, cache=tmp_path)
    embed(Images(moved), other, cache=tmp_path)
    assert (extractor.inferred, other.inferred) == (0, 10)
    assert again.vectors.tobytes() == first.vectors[::-1].tobytes()


@pytest.mark.parametrize("batch_size", [1, 4])
def test_content_that_occurs_twice_is_inferred_once(tmp_path, batch_size):
    once = small_images(6)
    payloads = {f"{turn}-{name}": payload for turn in range(5) for name, payload in once.items()}
    payloads = dict(sorted(payloads.items(), key=lambda pair: pair[0][2:]))
    extractor = Means(batch_size=batch_size)
    told = Recorded()
    features = embed(Images(payloads), extractor, cache=tmp_path, progress=told)
    assert extractor.inferred == 6
    assert told.counts == (6, 24, 0)
    assert features.vectors.tobytes() == vectors_of(payloads).tobytes()


def test_only_new_images_are_inferred(tmp_path):
    payloads = small_images(30)
    some = dict(list(payloads.items())[::2])
    embed(Images(some), Means(), cache=tmp_path)
    extractor = Means()
    features = embed(Images(payloads), extractor, cache=tmp_path)
    assert extractor.inferred == 15
    assert features.vectors.tobytes() == vectors_of(payloads).tobytes()


@settings(max_examples=40, deadline=None)
@given(
    runs=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=20), min_size=1, max_size=4),
    batch_size=st.integers(1, 5),
    lanes=st.integers(1, 3),
)
def test_whatever_ran_before_features_are_the_same(tmp_path_factory, runs, batch_size, lanes):
    cache = tmp_path_factory.mktemp("cache")
    images = list(small_images(13).values())
    known = set()
    for run in runs:
        payloads = {f"{place}.png": images[i] for place, i in enumerate(run)}
        extractor = Means(batch_size=batch_size, lanes=lanes)
        features = embed(Images(payloads), extractor, cache=cache, threads=2)
        assert features.vectors.tobytes() == vectors_of(payloads).tobytes()
        assert features.ids == list(payloads)
        assert extractor.inferred == len(set(run) - known)
        known |= set(run)


def test_failures_are_tried_again_only_when_asked(tmp_path, monkeypatch):
    payloads = small_images(5, broken=2)
    tried = []

    def looked_at(payload, **options):
        tried.append(payload)
        return decode_noted(payload, **options)

    monkeypatch.setattr("rara.features.embed.decode_noted", looked_at)
    kept = embed(Images(payloads), Means(), cache=tmp_path)
    assert len(tried) == 5
    embed(Images(payloads), Means(), cache=tmp_path)
    assert len(tried) == 5
    retried = embed(Images(payloads), Means(), cache=tmp_path, on_failed="retry")
    assert len(tried) == 8
    assert retried.items.equals(kept.items)


def test_a_retry_that_succeeds_is_remembered(tmp_path, monkeypatch):
    payloads = small_images(3)

    def refuse(payload, **options):
        raise ImageError("not enough memory to decode it")

    with monkeypatch.context() as patch:
        patch.setattr("rara.features.embed.decode_noted", refuse)
        with pytest.raises(EmptySourceError):
            embed(Images(payloads), Means(), cache=tmp_path)
    with pytest.raises(EmptySourceError):
        embed(Images(payloads), Means(), cache=tmp_path)
    assert len(embed(Images(payloads), Means(), cache=tmp_path, on_failed="retry")) == 3
    assert len(embed(Images(payloads), Means(), cache=tmp_path)) == 3


def test_what_cannot_be_loaded_is_tried_again_next_time(tmp_path):
    payloads = small_images(2)
    broken = payloads | {"0001.png": ImageError("the share is offline")}
    assert len(embed(Images(broken), Means(), cache=tmp_path)) == 1
    assert len(embed(Images(payloads), Means(), cache=tmp_path)) == 2


def test_the_size_limit_is_no_fault_of_the_content(tmp_path):
    payloads = small_images(2) | {"large": np.zeros((20, 20, 3), dtype=np.uint8)}
    source = Images(payloads)
    limited = embed(source, Means(), cache=tmp_path, max_pixels=100)
    assert [skipped.id for skipped in limited.skipped] == ["large"]
    assert len(embed(source, Means(), cache=tmp_path)) == 3
    again = embed(source, Means(), cache=tmp_path, max_pixels=100)  # whatever the pool knows
    assert again.items.equals(limited.items)


# -- interruptions ----------------------------------------------------------------------


class Stops(Means):
    """Raises at the n-th image."""

    def __init__(self, error, at):
        super().__init__(lanes=1)
        self.error, self.at = error, at

    def extract(self, batch):
        if self.inferred == self.at:
            raise self.error
        return super().extract(batch)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("none left")])
def test_what_was_inferred_before_an_error_is_kept(tmp_path, error):
    payloads = small_images(40)
    told = Recorded()
    with pytest.raises(type(error)):
        embed(Images(payloads), Stops(error, 25), cache=tmp_path, progress=told)
    assert told.calls[-1] == "finish"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rara")]
    resumed = Means()
    features = embed(Images(payloads), resumed, cache=tmp_path)
    assert resumed.inferred == 15
    assert features.vectors.tobytes() == vectors_of(payloads).tobytes()


def test_a_source_that_breaks_off_is_kept_so_far(tmp_path):
    class Breaks(Images):
        def __iter__(self):
            yield from itertools.islice(super().__iter__(), 150)
            raise DamagedArchiveError("the archive ends early")

    payloads = small_images(200)
    with pytest.raises(DamagedArchiveError):
        embed(Breaks(payloads), Means(), cache=tmp_path, threads=2)
    resumed = Means()
    embed(Images(payloads), resumed, cache=tmp_path, threads=2)
    assert 50 <= resumed.inferred < 50 + 60  # what was under way is lost


def test_a_full_disk_ends_the_run_and_keeps_what_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_PACK_BYTES", 10 * 9 * 4)
    payloads = small_images(100)
    real, calls = os.fsync, itertools.count()

    def filling(descriptor):
        if next(calls) >= 6:
            raise OSError(28, os.strerror(28))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", filling)
        with pytest.raises(UnwritableError, match="what was written before is kept"):
            embed(Images(payloads), Means(), cache=tmp_path)
    resumed = Means()
    features = embed(Images(payloads), resumed, cache=tmp_path)
    assert resumed.inferred == 100 - 3 * 11
    assert features.vectors.tobytes() == vectors_of(payloads).tobytes()


def test_a_full_cache_serves_where_nothing_can_be_written(tmp_path, monkeypatch):
    payloads = small_images(20)
    embed(Images(payloads), Means(), cache=tmp_path)
    monkeypatch.setattr(durable, "write_aside", lambda *args: pytest.fail("written"))
    assert len(embed(Images(payloads), Means(), cache=tmp_path)) == 20


# -- kills, and runs beside each other --------------------------------------------------

SCRIPT = Path(__file__).parents[1] / "embedding.py"


def begin(cache, out, seconds=0.001):
    """A run of its own that has begun to embed."""
    command = [sys.executable, str(SCRIPT), str(cache), str(out), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def end(process):
    """Its exit code and how many images it inferred."""
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, LOCKED), err
    return process.returncode, int(out)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes that an uninterrupted run leaves."""
    folder = tmp_path_factory.mktemp("whole")
    source = Images(small_images(400, broken=10))
    embed(source, Means(), cache=folder / "cache").save(folder / "out")
    return contents(folder / "out")


def known(cache):
    """Contents that the pool knows, and how often each is stored."""
    shared = VectorCache(cache, Means().spec)
    batches = [batch for path in shared._packs() for batch in pool._read(path, 9)]
    names = [name for batch in batches for name in batch.arrow.column("digest").to_pylist()]
    assert all(shared.get(name) is not None for name in names)
    return names


def hold_against_kills(folder, whole, delays):
    cache, out = folder / "cache", folder / "out"
    before = set()
    for delay in delays:
        process = begin(cache, out)
        time.sleep(delay)
        process.kill()
        process.communicate()
        now = known(cache)
        assert before <= set(now)
        before = set(now)
    code, inferred = end(begin(cache, out))
    assert code == 0
    assert inferred == 360 - len(before - broken_ones())
    assert contents(out) == whole
    assert len(known(cache)) == len(set(known(cache))) == 400


def broken_ones():
    payloads = small_images(400, broken=10).values()
    return {content_digest(payload) for payload in payloads if isinstance(payload, bytes)}


def test_killed_runs_lose_nothing_and_end_with_the_same_bytes(tmp_path, whole):
    hold_against_kills(tmp_path, whole, [0.02, 0.05, 0.08])


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(12))
def test_killed_runs_lose_nothing_and_end_with_the_same_bytes_many_times(tmp_path, whole, turn):
    dice = np.random.default_rng()
    hold_against_kills(tmp_path, whole, dice.uniform(0, 0.3, 8))


def test_ctrl_c_leaves_what_was_inferred(tmp_path, whole):
    process = begin(tmp_path / "cache", tmp_path / "out", seconds=0.01)
    while not list(tmp_path.glob("cache/features/*/*.arrow")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    kept = set(known(tmp_path / "cache"))
    assert kept
    _, inferred = end(begin(tmp_path / "cache", tmp_path / "out"))
    assert inferred == 360 - len(kept - broken_ones())
    assert contents(tmp_path / "out") == whole


def test_two_runs_share_a_cache(tmp_path, whole):
    runs = [begin(tmp_path / "cache", tmp_path / name) for name in "ab"]
    assert [end(run)[0] for run in runs] == [0, 0]
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == whole
    _, inferred = end(begin(tmp_path / "cache", tmp_path / "c"))
    assert inferred == 0
    assert len(known(tmp_path / "cache")) == 400


def test_two_runs_on_one_folder_leave_it_whole(tmp_path, whole):
    runs = [begin(tmp_path / name, tmp_path / "out") for name in "ab"]
    codes = [end(run)[0] for run in runs]
    assert 0 in codes
    assert contents(tmp_path / "out") == whole
    assert len(Features.load(tmp_path / "out")) == 360


# -- with the real thing ----------------------------------------------------------------


def test_the_default_extractor_from_files_to_features(tmp_path):
    flat = np.full((28, 28), 200, dtype=np.uint8)
    stripes = np.tile(np.repeat(np.array([0, 255], dtype=np.uint8), 4), (64, 8))
    payloads = {"flat": encoded(flat), "stripes": encoded(stripes), "turned": encoded(stripes.T)}
    features = embed(Images(payloads), get_extractor(threads=2), cache=tmp_path)
    flat, stripes, turned = features.vectors.astype(np.float64)
    assert features.vectors.shape == (3, 1280)
    assert np.linalg.norm(stripes - turned) < np.linalg.norm(stripes - flat)


def test_forgotten_vectors_are_the_same_and_leave_the_cache_alone(tmp_path, draw):
    source = open_source(str(draw(tmp_path / "pictures", 5, seed=3)))
    kept = embed(source, Means(), cache=tmp_path / "cache")
    forgotten = embed(source, Means(), cache=tmp_path / "other", vectors="forget")
    assert np.array_equal(kept.vectors, forgotten.vectors)
    assert kept.items.equals(forgotten.items)
    assert not (tmp_path / "other").exists()


def test_of_a_place_without_a_usable_image_every_reason_is_given():
    images = open_source({f"{i}.png": b"\x89PNG no" for i in range(5)})
    with pytest.raises(EmptySourceError) as refused:
        embed(images, Means(), vectors="forget")
    assert [name for name, _ in refused.value.skipped] == [f"{i}.png" for i in range(5)]
    assert all("PNG" in reason for _, reason in refused.value.skipped)
