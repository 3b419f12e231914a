"""The cache of vectors: what is known stays known, damage counts as unknown, runs share it."""

import hashlib
import os
import random
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from rara.errors import UnwritableError
from rara.extractors import Spec
from rara.features import vector_cache
from rara.features.vector_cache import Record, VectorCache
from rara.images.phash import PixelHash
from rara.storage import atomic as durable

SPEC = Spec("fake", "weights", "none", 8)
LARGE = Spec("fake", "weights", "none", 1_398_101)
"""A vector takes a third of 16 MiB."""


def digest(i):
    return hashlib.sha256(str(i).encode()).hexdigest()


def record(i, *, dim=SPEC.dim, failed=False):
    if failed:
        return Record(digest(i), reason=f"broken {i}")
    vector = np.random.default_rng(i).normal(size=dim).astype(np.float32)
    return Record(digest(i), vector, width=i, height=7)


def same(one, other):
    return one is not None and one.checksum == other.checksum and one.digest == other.digest


def fill(cache, records, *, packs=1, spec=SPEC):
    """Write records to the cache in so many packs."""
    shared = VectorCache(cache, spec)
    for number in range(packs):
        for one in records[number::packs]:
            shared.add(one)
        shared.flush()
    return shared


def packs(shared):
    return sorted(shared.folder.glob("*.arrow"))


def test_checksums_are_those_of_earlier_versions():
    """Or their caches would count as damaged, and every image be read again."""
    hashed = PixelHash("cd", b"12345678" * 4)
    vector = np.arange(3, dtype=np.float32)
    assert Record("ab", vector, None, 3, 2, hashed, "n").checksum == 2056635220
    assert Record("ab", reason="x").checksum == 2046373074


# -- keys -------------------------------------------------------------------------------


def test_known_at_once_and_known_later(tmp_path):
    shared = VectorCache(tmp_path, SPEC)
    records = [record(1), record(2, failed=True)]
    for one in records:
        assert shared.get(one.digest) is None
        shared.add(one)
        assert same(shared.get(one.digest), one)
    assert not shared.folder.exists()
    shared.flush()
    for reader in (shared, VectorCache(tmp_path, SPEC)):
        assert all(same(reader.get(one.digest), one) for one in records)
        assert reader.get(digest(3)) is None


@pytest.mark.parametrize("change", [{"weights": "x"}, {"preprocessing": "x"}, {"precision": "x"}])
def test_another_extractor_never_hits(tmp_path, change):
    fill(tmp_path, [record(1)])
    assert VectorCache(tmp_path, replace(SPEC)).get(digest(1)) is not None
    assert VectorCache(tmp_path, replace(SPEC, **change)).get(digest(1)) is None


def test_vectors_of_another_decoder_never_hit(tmp_path, monkeypatch):
    fill(tmp_path, [record(1)])
    assert VectorCache(tmp_path, SPEC).get(digest(1)).note == ""
    monkeypatch.setattr(vector_cache, "_NOTE", "note of decoder 0")
    assert VectorCache(tmp_path, SPEC).get(digest(1)) is None
    fill(tmp_path, [replace(record(1), note="nearly black")])
    assert VectorCache(tmp_path, SPEC).get(digest(1)).note == "nearly black"
    monkeypatch.undo()
    assert VectorCache(tmp_path, SPEC).get(digest(1)).note == ""


def test_packs_from_before_there_were_notes_count_as_unknown(tmp_path):
    shared = fill(tmp_path, [record(1)])
    [path] = packs(shared)
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    older = table.drop_columns([vector_cache._NOTE])
    with pa.ipc.new_file(path, older.schema) as sink:
        sink.write_table(older)
    assert VectorCache(tmp_path, SPEC).get(digest(1)) is None


def test_names_of_extractors_are_no_paths(tmp_path):
    shared = VectorCache(tmp_path, replace(SPEC, name="../../my net: 1"))
    assert shared.folder.parent == tmp_path / "features"
    assert shared.folder.resolve().parent == (tmp_path / "features").resolve()


def test_the_newer_wins_but_no_failure_over_a_vector(tmp_path):
    fill(tmp_path, [record(1, failed=True), record(2), record(3, failed=True)])
    fill(tmp_path, [record(1), record(2, failed=True), Record(digest(3), reason="newer")])
    for reader in (VectorCache(tmp_path, SPEC), merged(tmp_path)):
        assert same(reader.get(digest(1)), record(1))
        assert same(reader.get(digest(2)), record(2))
        assert reader.get(digest(3)).reason == "newer"


# -- packs ------------------------------------------------------------------------------


def test_packs_are_written_when_enough_waits(tmp_path):
    """The fourth of these vectors goes beyond 16 MiB."""
    shared = VectorCache(tmp_path, LARGE)
    for i in range(9):
        shared.add(record(i, dim=LARGE.dim))
    assert len(packs(shared)) == 2
    reader = VectorCache(tmp_path, LARGE)
    assert len([i for i in range(9) if reader.get(digest(i))]) == 8


def test_packs_are_written_when_time_has_passed(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(vector_cache.time, "monotonic", lambda: now[0])
    shared = VectorCache(tmp_path, SPEC)
    shared.add(record(1))
    now[0] += vector_cache._PACK_SECONDS - 1
    shared.add(record(2))
    assert not packs(shared)
    now[0] += 2
    shared.add(record(3))
    assert len(packs(shared)) == 1
    now[0] += vector_cache._PACK_SECONDS + 1
    shared.add(record(4))  # the time counts from the first that waits
    assert len(packs(shared)) == 1


def merged(cache, spec=SPEC):
    VectorCache(cache, spec).merge()
    return VectorCache(cache, spec)


def test_small_packs_are_merged_each_content_once(tmp_path):
    records = [record(i, failed=i % 5 == 0) for i in range(40)]
    writer = fill(tmp_path, records, packs=13)
    fill(tmp_path, records[:20])
    assert len(packs(writer)) == 14
    reader = merged(tmp_path)
    assert len(packs(reader)) == 1
    (batches,) = [vector_cache._read(path, SPEC.dim) for path in packs(reader)]
    found = [name for batch in batches for name in batch.arrow.column("digest").to_pylist()]
    assert sorted(found) == sorted(one.digest for one in records)
    for shared in (reader, writer):  # what was opened before stays readable
        assert all(same(shared.get(one.digest), one) for one in records)


def test_many_small_packs_are_merged_in_turns(tmp_path):
    """Of 32 packs at most."""
    records = [record(i) for i in range(70)]
    fill(tmp_path, records, packs=70)
    reader = merged(tmp_path)
    assert len(packs(reader)) == 1
    assert all(same(reader.get(one.digest), one) for one in records)


def test_large_packs_stay_as_they_are(tmp_path):
    """Two of these vectors are more than 8 MiB, one is less."""
    shared = fill(tmp_path, [record(i, dim=LARGE.dim) for i in range(2)], spec=LARGE)
    (large,) = packs(shared)
    for i in (2, 3):
        fill(tmp_path, [record(i, dim=LARGE.dim)], spec=LARGE)
    reader = merged(tmp_path, LARGE)
    assert len(packs(reader)) == 2
    assert large in packs(reader)


def test_merging_gives_way_to_another_run(tmp_path):
    shared = fill(tmp_path, [record(1), record(2)], packs=2)
    with vector_cache.filelock.FileLock(shared.folder / "merge.lock"):
        shared.merge()
        assert len(packs(shared)) == 2
    shared.merge()
    assert len(packs(shared)) == 1


def test_a_pack_merged_away_while_packs_are_listed_is_found_in_the_other(tmp_path, monkeypatch):
    records = [record(i) for i in range(6)]
    fill(tmp_path, records, packs=3)
    read = vector_cache._read

    def merged_meanwhile(path, dim):
        monkeypatch.undo()
        merged(tmp_path)
        return read(path, dim)

    monkeypatch.setattr(vector_cache, "_read", merged_meanwhile)
    shared = VectorCache(tmp_path, SPEC)
    assert all(same(shared.get(one.digest), one) for one in records)


def test_what_kills_have_left_is_swept_once_it_is_old(tmp_path):
    shared = fill(tmp_path, [record(1), record(2)], packs=2)
    fresh, old = shared.folder / ".writing-fresh", shared.folder / ".writing-old"
    fresh.write_text("another run is at it")
    old.write_text("left by a kill")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    shared.merge()
    assert fresh.exists()
    assert not old.exists()


# -- damage -----------------------------------------------------------------------------


def test_damage_counts_as_unknown_and_never_as_something_else(tmp_path):
    records = [record(i, failed=i % 5 == 0) for i in range(30)]
    shared = fill(tmp_path, records)
    (path,) = packs(shared)
    good = path.read_bytes()
    dice = random.Random(5)
    lost = 0
    for _ in range(150):
        bad = bytearray(good)
        if dice.random() < 0.2:
            bad = bad[: dice.randrange(len(bad))]
        else:
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        path.unlink()  # what is mapped must not change
        path.write_bytes(bad)
        reader = VectorCache(tmp_path, SPEC)
        found = [(reader.get(one.digest), one) for one in records]
        assert all(got is None or same(got, one) for got, one in found)
        lost += sum(got is None for got, _ in found)
    assert lost > 0


def test_what_was_damaged_can_be_learned_again_and_is_left_out_when_merged(tmp_path):
    shared = fill(tmp_path, [record(1), record(2)])
    (path,) = packs(shared)
    bad = path.read_bytes().replace(record(1).vector.tobytes(), bytes(32))
    path.unlink()
    path.write_bytes(bad)
    again = VectorCache(tmp_path, SPEC)
    assert again.get(digest(1)) is None
    assert same(again.get(digest(2)), record(2))
    again.add(record(1))
    again.flush()
    for reader in (again, VectorCache(tmp_path, SPEC), merged(tmp_path)):
        assert same(reader.get(digest(1)), record(1))
        assert same(reader.get(digest(2)), record(2))


# -- disks that refuse ------------------------------------------------------------------


def test_a_full_disk_keeps_what_was_written(tmp_path, monkeypatch):
    shared = fill(tmp_path, [record(0), record(1)], packs=2)
    shared.add(record(2))

    def full(descriptor):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        with pytest.raises(UnwritableError, match=r"No room left .*, or set RARA_CACHE"):
            shared.flush()
        shared.merge()  # only tidies up, so it says nothing
    assert len(packs(shared)) == 2
    assert not list(shared.folder.glob(".writing-*"))
    assert same(shared.get(digest(2)), record(2))
    shared.flush()
    assert same(VectorCache(tmp_path, SPEC).get(digest(2)), record(2))


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    shared = VectorCache(tmp_path / "file", SPEC)
    shared.add(record(1))
    with pytest.raises(UnwritableError, match=r"\(not a directory\): set RARA_CACHE"):
        shared.flush()
