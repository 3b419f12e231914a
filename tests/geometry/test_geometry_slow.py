"""The engine against the oracle, every decision of a thousand million pairs, bit for bit."""

import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import oracle
import oracle_blocked
from hostile_vectors import ARITHMETICS, HOSTILE, NASTY, samples_for
from rara.extractors import get_extractor
from rara.features.embed import embed
from rara.geometry import (
    Balls,
    Nearest,
    QuantizedReference,
    Ratio,
    SamplesPerBall,
    Tiling,
    Transposed,
    neighbours,
    query,
)
from rara.sources import open_source

K = 3
RULES = ("open", "closed", "official")
FASHION = Path(__file__).parents[2] / "examples" / "fashion"
PAIRS = 10**9


@dataclass
class Expected:
    """All that the oracle says of two sets; a pair is counted once."""

    reference: np.ndarray
    samples: np.ndarray
    own: list = field(default_factory=list)
    """Nearest others within the reference, and within the samples: (index, d2)."""

    def __post_init__(self):
        self.own = [nearest_others(side, K) for side in (self.reference, self.samples)]
        self.r2, self.own_r2 = (d2[:, -1] for _, d2 in self.own)
        n, m = len(self.samples), len(self.reference)
        self.index, self.d2 = np.empty((n, 5), np.int64), np.empty((n, 5))
        self.balls = {rule: (np.empty(n), np.empty(n, int), np.empty(n, int)) for rule in RULES}
        self.visits = {rule: np.zeros(m, np.int64) for rule in RULES}
        self.columns = {rule: oracle_blocked.Columns(m, K) for rule in RULES}
        self.realism2 = np.empty(n)
        for rows, d2 in oracle_blocked.blocks(self.samples, self.reference):
            self._judge(rows, d2)

    def _judge(self, rows, d2):
        self.index[rows], self.d2[rows] = oracle_blocked.neighbours(d2, 5)
        self.realism2[rows] = oracle.realism2(d2, self.r2)
        self.columns["open"].take_nearest(rows, d2)
        for rule in RULES:
            held = oracle.holds(d2, self.r2, rule)
            value, witness, count = self.balls[rule]
            value[rows], witness[rows] = oracle.rarity(d2, self.r2, rule)
            count[rows] = held.sum(axis=1)
            self.visits[rule] += held.sum(axis=0)
            self.columns[rule].take_balls(rows, d2, self.own_r2, rule)

    @property
    def pairs(self):
        n, m = len(self.samples), len(self.reference)
        return n * m + (n * (n - 1) + m * (m - 1)) // 2


def nearest_others(vectors, k):
    found = [
        oracle_blocked.neighbours(d2, k)
        for _, d2 in oracle_blocked.blocks(vectors, vectors, own=True)
    ]
    return tuple(np.concatenate(side) for side in zip(*found, strict=True))


def same(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)


def assert_decisions(expected, rng, arithmetic):
    """Everything the engine can be asked of two sets, cut anyhow."""
    reference, samples = expected.reference, expected.samples
    engine = {"arithmetic": arithmetic, "threads": int(rng.integers(1, 3))}
    for vectors, (index, d2) in zip((reference, samples), expected.own, strict=True):
        ours, _ = neighbours(vectors, K, tiling=any_tiling(rng), **engine)
        same(ours.d2, d2)
        same(ours.index, index)
    r2, own_r2 = expected.r2, expected.own_r2
    n, m = len(samples), len(reference)
    nearest, back = Nearest(n, 5), Nearest(m, K)
    balls, round_samples = (
        [Balls(count, radii, rule) for rule in RULES] for count, radii in ((n, r2), (m, own_r2))
    )
    visits = [SamplesPerBall(r2, rule) for rule in RULES]
    ratio = Ratio(n, np.where(r2 <= np.sort(r2)[(m - 1) // 2], r2, np.nan))
    asked = [nearest, *balls, *visits, ratio, Transposed(back), *map(Transposed, round_samples)]
    quantized = QuantizedReference.of(reference) if arithmetic == "int8" else None
    query(samples, reference, asked, quantized=quantized, tiling=any_tiling(rng), **engine)
    same(nearest.index, expected.index)
    same(nearest.d2, expected.d2)
    same(ratio.largest, expected.realism2)
    same(back.index, expected.columns["open"].index)
    same(back.d2, expected.columns["open"].d2)
    for rule, ball, visit, exchanged in zip(RULES, balls, visits, round_samples, strict=True):
        columns = expected.columns[rule]
        same(visit.count, expected.visits[rule])
        for one, theirs in (
            (ball, expected.balls[rule]),
            (exchanged, (columns.radius2, columns.witness, columns.count)),
        ):
            for ours, value in zip((one.radius2, one.witness, one.count), theirs, strict=True):
                same(ours, value)


def any_tiling(rng):
    return Tiling(
        block=int(rng.integers(300, 10_000)),
        rows=int(rng.integers(50, 1100)),
        columns=int(rng.integers(200, 2100)),
        pending=int(rng.choice([0, 10_000, 2**20])),
    )


def pixels(archive):
    """Raw pixels of a stored archive of grey images."""
    with zipfile.ZipFile(FASHION / archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".png"))
        return np.stack(
            [np.asarray(Image.open(files.open(name)), np.float32).ravel() for name in names]
        )


def features(archive):
    """The default extractor's vectors."""
    return embed(open_source(FASHION / archive), get_extractor(threads=2)).vectors


def fashion():
    """Real images: their pixels, and what the default extractor says of them."""
    others = [pixels(f"{name}.zip") for name in ("heldout", "gan-1.0", "vae")]
    yield "pixels", pixels("reference.zip"), np.concatenate(others)
    yield "features", features("heldout.zip"), features("gan-1.0.zip")


def hostile(rng):
    """Many vectors of few dimensions; samples of the same kind, with members and extremes.

    Where all are equal no pair can be ruled out, and a few must do.
    """
    for kind, make in {**HOSTILE, **NASTY}.items():
        d = int(rng.integers(2, 33))
        n, m = (1_500, 750) if kind in ("constant", "zero") else (7_000, 3_500)
        everything = make(rng, n + m, d).astype(np.float32)
        reference, samples = everything[:n], everything[n:]
        samples[:500] = reference[rng.integers(0, n, 500)]
        extremes = samples_for(reference)
        samples[500 : 500 + len(extremes)] = extremes
        yield f"{kind}, {d} dimensions", reference, samples


@pytest.mark.slow
def test_every_decision_of_a_thousand_million_pairs(capsys):
    rng = np.random.default_rng(0)
    pairs, begun = 0, time.monotonic()
    for source in (hostile(rng), fashion()):
        for name, reference, samples in source:
            expected = Expected(reference, samples)
            for arithmetic in ARITHMETICS:
                assert_decisions(expected, rng, arithmetic)
            pairs += expected.pairs
            with capsys.disabled():
                print(f"{time.monotonic() - begun:5.0f} s {pairs:14,d} pairs: {name}")  # noqa: T201
    assert pairs >= PAIRS
