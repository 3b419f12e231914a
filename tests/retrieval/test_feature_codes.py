"""Features packed to bytes and back."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

from rara.errors import DamagedStoreError
from rara.retrieval.evidence import evidence_between
from rara.retrieval.feature_codes import STEP, VERSION, packed, unpacked
from rara.retrieval.local_features import MOST, LocalFeatures, prepare
from scenes import pasted, resized, scene


def close(kept, features):
    assert np.abs(kept.points - features.points).max(initial=0) <= 1 / 8
    assert np.abs(np.log2(kept.sizes / features.sizes)).max(initial=0) <= 1 / 32 + 1e-9
    turn = (kept.angles - features.angles + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turn).max(initial=0) <= np.pi / 256 + 1e-9
    apart = kept.descriptors.astype(int) - features.descriptors
    assert np.abs(apart).max(initial=0) <= STEP / 2


def test_features_come_back_within_half_a_step():
    features = prepare(scene(1)).features
    kept = unpacked(packed(features))
    assert len(kept) == len(features) > 200
    close(kept, features)


def test_packing_again_changes_nothing():
    once = unpacked(packed(prepare(scene(2)).features))
    twice = unpacked(packed(once))
    for name in ("points", "sizes", "angles", "descriptors"):
        assert np.array_equal(getattr(once, name), getattr(twice, name))


def test_at_most_as_many_as_a_picture_has():
    rng = np.random.default_rng(0)
    many = MOST + 5
    features = LocalFeatures(
        rng.uniform(0, 511, (many, 2)),
        rng.uniform(2, 60, many),
        rng.uniform(-9, 9, many),
        rng.integers(0, 256, (many, 128), dtype=np.uint8),
    )
    kept = unpacked(packed(features))
    assert len(kept) == MOST
    close(kept, LocalFeatures(*(getattr(features, n)[:MOST] for n in features.__slots__)))


def test_a_picture_without_features():
    flat = prepare(np.full((60, 60, 3), 90, np.uint8)).features
    kept = unpacked(packed(flat))
    assert len(kept) == 0
    assert kept.points.shape == (0, 2)
    assert kept.descriptors.shape == (0, 128)


def test_a_full_picture_takes_about_20_kilobytes():
    features = prepare(resized(scene(3, 512, 512), 512, 512)).features
    assert len(features) == MOST
    assert len(packed(features)) < 21_000


def test_evidence_with_an_unpacked_source_is_about_as_strong():
    source = prepare(scene(4))
    part = resized(scene(4)[40:200, 60:260], 150, 120)
    sample = prepare(pasted(part, scene(5), 100, 60))
    whole = evidence_between(sample, source)
    kept = evidence_between(sample, replace(source, features=unpacked(packed(source.features))))
    assert kept.strength == pytest.approx(whole.strength, rel=0.15)
    assert kept.source_region == pytest.approx(whole.source_region, abs=0.03)


DATA = packed(prepare(scene(6)).features)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DATA[:2],
        DATA[:500],
        DATA[:-1],
        DATA + b"x",
        bytes([VERSION + 1]) + DATA[1:],
        bytes([VERSION, 255, 255]) + DATA[3:],
        bytes([VERSION, 1, 0]) + bytes(5) + b"\xff" * 40,
        bytes([VERSION, 1, 0]) + bytes(5) + zlib.compress(bytes([99]) * 128, wbits=-15),
        bytes([VERSION, 1, 0]) + bytes(5) + zlib.compress(bytes(10_000_000), wbits=-15),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_other_bytes_are_refused(data):
    with pytest.raises(DamagedStoreError, match="damaged"):
        unpacked(data)


def test_damaged_bytes_are_refused_or_give_features():
    rng = np.random.default_rng(7)
    for _ in range(200):
        data = bytearray(DATA)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            kept = unpacked(bytes(data))
        except DamagedStoreError:
            continue
        assert np.isfinite(kept.points).all()
        assert (kept.sizes >= 1).all()
        assert kept.descriptors.shape == (len(kept), 128)
