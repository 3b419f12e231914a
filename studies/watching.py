"""Watching a training: does the alarm come in time, how often is it false, and is the step right?

python studies/watching.py --work .study/watching [--into docs/studies/watching.md]

Runs of 20 checkpoints that are made, not trained, so that every image's origin is known. The pool
is the 5,000 real images of examples/fashion, each with noise, and one of four mirrored as well. For
each run 3,000 of the originals are the reference. An image of the pool whose original is in the
reference is a copy; the others are new. At first all samples are outputs of a variational
autoencoder; their share falls to none over ten checkpoints, and new images take their place. In
runs that memorise, copies take the place of new images from some checkpoint on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import Features, Reference, Run, open_source
from rara.comparison.figures import FIGURES, RealImages, levels_of, met_by
from rara.comparison.generator import Judge
from rara.comparison.pairwise import differences
from rara.comparison.sampling import HalfDifferences, Sampled, half_differences
from rara.comparison.sweep import Checkpoints, sweep_of
from rara.extractors import get_extractor
from rara.features.embed import embed
from rara.images.decode import decode
from rara.stats.intervals import LEVEL, share_interval
from rara.stats.looks import hits_p, level_of_look, share_limit
from rara.watching.alarm import Counted, tested

EXAMPLES = Path(__file__).parents[1] / "examples" / "fashion"
NOISE = 8.0
"""Deviation in grey levels, of 256."""
CHECKPOINTS, IMAGES, REAL = 20, 1000, 3000
ALPHA = 0.05
Rows = NDArray[np.int64]
Kind = TypeVar("Kind")


# -- images and vectors ----------------------------------------------------------------


def pixels_in(name: str) -> NDArray[np.uint8]:
    """The pictures of an archive, in the order of their ids."""
    items = sorted(open_source(EXAMPLES / name), key=lambda item: item.id)
    return np.stack([np.asarray(decode(item.load())) for item in items])


def altered(real: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each with noise, the same in all channels; every fourth one mirrored."""
    rng = np.random.default_rng(0)
    found = real.astype(np.float64)
    found[::4] = found[::4, :, ::-1]
    found += rng.normal(scale=NOISE, size=(*real.shape[:3], 1))
    return found.round().clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Pool:
    """Features of the originals; of their altered versions and the poor images behind these."""

    real: Features
    sampled: Features

    @property
    def poor(self) -> int:
        """How many outputs of the autoencoder there are."""
        return len(self.sampled) - len(self.real)


def pool_of(work: Path) -> Pool:
    """From the images, or as an earlier run kept it."""
    places = [work / "real", work / "sampled"]
    if not all(place.exists() for place in places):
        network = get_extractor()
        real = np.concatenate([pixels_in("reference.zip"), pixels_in("heldout.zip")])
        sampled = np.concatenate([altered(real), pixels_in("vae.zip")])
        for place, pixels in zip(places, (real, sampled), strict=True):
            embed(open_source(list(pixels)), network, cache=work / "cache").save(place)
            print(f"{place.name}: {len(pixels):,} images", flush=True)
    return Pool(*map(Features.load, places))


# -- runs ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """One run: what each checkpoint samples, by row of the altered images and then of the poor."""

    reference: Rows
    samples: list[Rows]
    share: list[float]
    """Of copies that the model makes at each checkpoint."""
    copies: list[int]
    """Those among the samples."""


def drawn(pool: Pool, seed: int, *, memorises: bool) -> Drawn:
    """A run. Its onset, and how fast copies take over, are drawn as well."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pool.real))
    reference, new = np.sort(order[:REAL]), order[REAL:]
    onset, growth = int(rng.integers(5, 14)), float(rng.uniform(0.01, 0.04))
    samples, shares, copies = [], [], []
    for t in range(CHECKPOINTS):
        share = min(0.6, growth * max(0, t - onset + 1)) if memorises else 0.0
        copied = int(rng.binomial(IMAGES, share))
        poor = int(rng.binomial(IMAGES - copied, max(0.0, 1 - t / 10)))
        samples.append(np.concatenate([
            rng.choice(reference, copied, replace=False),
            rng.choice(new, IMAGES - copied - poor, replace=False),
            len(pool.real) + rng.choice(pool.poor, poor, replace=False),
        ]))  # fmt: skip
        shares.append(share)
        copies.append(copied)
    return Drawn(reference, samples, shares, copies)


@dataclass(frozen=True)
class Judged:
    """All images that a run may sample, judged once: what holds of one does not hang on others."""

    met: NDArray[np.bool_]
    real: NDArray[np.float64]
    halves: HalfDifferences
    level: float

    def sampled(self, rows: Rows) -> Sampled:
        """What `rara.compare` has of a checkpoint."""
        halves = HalfDifferences(self.halves.samples[:, :, rows], self.halves.real)
        return Sampled(self.met[:, rows], self.real, halves)


def judged(pool: Pool, run: Drawn) -> Judged:
    work = Run(threads=1)
    real = pool.real.take(run.reference, "reference")
    scorer = Reference.from_features(real, run=work).scorer(run=work)
    judge, levels = Judge.of(scorer, work), levels_of(scorer)
    found = judge.judge("pool", pool.sampled, None, 10)
    own = RealImages.around(judge.balls).own.met(levels).mean(axis=1)
    [halves] = half_differences(judge.deep, judge.parts, [found.lists], levels)
    return Judged(met_by(found.table, scorer), own, halves, levels.copies)


def alarms(run: Drawn, copies: NDArray[np.bool_], level: float) -> list[bool]:
    """Whether each look of a run is alarmed, as `rara.Watch` is."""
    return [
        tested(Counted(len(rows), int(copies[rows].sum()), 0, level, REAL), look, ALPHA).raised
        for look, rows in enumerate(run.samples, start=1)
    ]


def chosen(run: Drawn, found: Judged) -> Checkpoints:
    """What the picker says."""
    names = [f"step-{t}" for t in range(CHECKPOINTS)]
    sampled = dict(zip(names, map(found.sampled, run.samples), strict=True))
    sweep = sweep_of(
        "step", {name: float(t) for t, name in enumerate(names)}, sampled,
        differences(sampled, LEVEL, None), exact=dict.fromkeys(names, 0), halved=True, level=LEVEL,
    )  # fmt: skip
    return sweep.checkpoints


# -- what is asked of runs -------------------------------------------------------------


@dataclass(frozen=True)
class Memorising:
    """One run that memorises, and what the watcher made of it."""

    share: list[float]
    alarmed: int | None
    """The first checkpoint with an alarm."""
    before: int | None
    """The last checkpoint before copying, by the picker."""
    best: int | None
    """The checkpoint with the best yield, by the picker."""
    counted: float
    """The share of copies that count as copies, of all that the run can make."""

    @property
    def oracle(self) -> int:
        """The last checkpoint that makes no copy."""
        return max(t for t, share in enumerate(self.share) if share == 0)

    @property
    def five(self) -> int:
        """The first checkpoint of which 5 % or more are copies."""
        return next(t for t, share in enumerate(self.share) if share >= 0.05)


def memorising(pool: Pool, seed: int) -> Memorising:
    run = drawn(pool, seed, memorises=True)
    found = judged(pool, run)
    copies = found.met[FIGURES.index("copies")]
    raised, picked = alarms(run, copies, found.level), chosen(run, found)
    return Memorising(
        run.share, raised.index(True) if any(raised) else None,
        _number(picked.last_before_copying), _number(picked.best_yield),
        float(copies[run.reference].mean()),
    )  # fmt: skip


def _number(name: str | None) -> int | None:
    return None if name is None else int(name.removeprefix("step-"))


@dataclass(frozen=True)
class Fresh:
    """One run that does not memorise."""

    alarmed: bool
    each: bool
    """Whether a test of each look at the whole error rate would have alarmed."""
    rate: float
    """The share of new images that count as copies, of all that the run can make."""
    limit: float


def fresh(pool: Pool, seed: int) -> Fresh:
    """Its new images are real ones as they are: the law that the alarm's limit is made for."""
    run = drawn(pool, seed, memorises=False)
    work, count = Run(threads=1), len(pool.real)
    real = pool.real.take(run.reference, "reference")
    scorer = Reference.from_features(real, run=work).scorer(run=work)
    new, poor = np.setdiff1d(np.arange(count), run.reference), np.arange(count, len(pool.sampled))
    copies = np.zeros(len(pool.sampled), np.bool_)
    for side, rows in ((pool.real, new), (pool.sampled, poor)):
        table = scorer.verdicts(side.take(rows, "samples"), absent="not asked for")
        copies[rows] = met_by(table, scorer)[FIGURES.index("copies")]
    level = levels_of(scorer).copies
    p = [
        tested(Counted(len(rows), int(copies[rows].sum()), 0, level, REAL), 1, ALPHA).p or 0.0
        for rows in run.samples
    ]
    return Fresh(
        any(alarms(run, copies, level)), min(p) <= ALPHA, float(copies[new].mean()),
        share_limit(level, REAL, ALPHA / 2),
    )  # fmt: skip


# -- tables ----------------------------------------------------------------------------


def shown(hits: int, runs: int) -> str:
    low, high = share_interval(hits / runs, runs)
    return f"{hits} of {runs} ({100 * low:.0f} to {100 * high:.0f} %)"


def memorising_table(runs: Sequence[Memorising]) -> Iterator[str]:
    count = len(runs)
    yield "| runs that memorise | runs (95 % interval) |"
    yield "|---|---|"
    rows = {
        "last before copying: within one step of the oracle":
            sum(one.before is not None and abs(one.before - one.oracle) <= 1 for one in runs),
        "last before copying: within two steps":
            sum(one.before is not None and abs(one.before - one.oracle) <= 2 for one in runs),
        "no step named": sum(one.before is None for one in runs),
        "best yield: a step is named": sum(one.best is not None for one in runs),
        "alarm at a step with less than 5 % copies":
            sum(one.alarmed is not None and one.alarmed < one.five for one in runs),
        "alarm no later than at the first step with 5 % or more":
            sum(one.alarmed is not None and one.alarmed <= one.five for one in runs),
        "alarm before there was any copy":
            sum(one.alarmed is not None and one.share[one.alarmed] == 0 for one in runs),
    }  # fmt: skip
    for what, hits in rows.items():
        yield f"| {what} | {shown(hits, count)} |"
    at = 100 * np.array([one.share[one.alarmed] for one in runs if one.alarmed is not None])
    what = "copies at the step of the alarm, median and largest"
    yield f"| {what} | {np.median(at):.1f} %, {at.max():.1f} % |"
    seen = np.mean([one.counted for one in runs])
    yield f"| copies that count as copies | {100 * seen:.0f} % |"


def fresh_table(runs: Sequence[Fresh]) -> Iterator[str]:
    count = len(runs)
    yield "| runs without copies | runs (95 % interval) |"
    yield "|---|---|"
    for what, hits in {
        f"false alarm, at an error rate of {100 * ALPHA:g} % a run": sum(r.alarmed for r in runs),
        f"false alarm, if each look were tested at {100 * ALPHA:g} %": sum(r.each for r in runs),
        "share of copies among new images above the limit": sum(r.rate > r.limit for r in runs),
    }.items():
        yield f"| {what} | {shown(hits, count)} |"
    rate, limit = 100 * np.array([one.rate for one in runs]), 100 * runs[0].limit
    what = "new images that count as copies: mean, largest, limit"
    yield f"| {what} | {rate.mean():.2f} %, {rate.max():.2f} %, {limit:.2f} % |"


def limit_table(runs: int) -> Iterator[str]:
    """Runs whose every sample counts as a copy with a probability of exactly the limit."""
    rng, share = np.random.default_rng(0), share_limit(0.01, REAL, ALPHA / 2)
    p = np.array([hits_p(hits, IMAGES, share) for hits in range(IMAGES + 1)])
    yield "| looks in a run | false alarm | if each were tested at 5 % | copies the last needs |"
    yield "|---|---|---|---|"
    for looks in (20, 100, 1000):
        found = p[rng.binomial(IMAGES, share, (runs, looks))]
        levels = np.array([level_of_look(j, ALPHA / 2) for j in range(1, looks + 1)])
        ours, each = ((found <= one).any(axis=1).mean() for one in (levels, ALPHA))
        least = 100 * int(np.argmax(p <= levels[-1])) / IMAGES
        yield f"| {looks:,} | {100 * ours:.1f} % of {runs:,} | {100 * each:.1f} % | {least:.1f} % |"


def kept_runs(
    place: Path, kind: Callable[..., Kind], count: int, make: Callable[[int], Kind]
) -> list[Kind]:
    """The runs of a kind; those that an earlier call made are read."""
    lines = place.read_text().splitlines() if place.exists() else []
    found = [kind(**json.loads(line)) for line in lines[:count]]
    with place.open("a") as file:
        for seed in range(len(found), count):
            found.append(make(seed))
            file.write(json.dumps(vars(found[-1])) + "\n")
            file.flush()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--runs", type=int, default=20, help="those that memorise")
    parser.add_argument("--fresh", type=int, default=100, help="those that do not")
    parser.add_argument(
        "--sections", nargs="+", default=["memorising", "vectors", "fresh", "limit"]
    )
    asked = parser.parse_args()
    work, runs, pool = asked.work, asked.runs, pool_of(asked.work)
    alone = Pool(*(Features.from_arrays(side.vectors) for side in (pool.real, pool.sampled)))

    def copying(name: str, by: Pool) -> Iterator[str]:
        place = work / f"{name}.jsonl"
        return memorising_table(
            kept_runs(place, Memorising, runs, lambda seed: memorising(by, seed))
        )

    def new() -> Iterator[str]:
        place = work / "fresh.jsonl"
        return fresh_table(
            kept_runs(place, Fresh, asked.fresh, lambda seed: fresh(pool, 1000 + seed))
        )

    tables: dict[str, Callable[[], Iterator[str]]] = {
        "memorising": lambda: copying("memorising", pool),
        "vectors": lambda: copying("vectors", alone),
        "fresh": new,
        "limit": lambda: limit_table(2000),
    }
    for name in asked.sections:
        table = "\n".join(tables[name]())
        print(table, flush=True)
        if asked.into:
            insert(asked.into, f"{table}\n", "watching", name)


if __name__ == "__main__":
    main()
