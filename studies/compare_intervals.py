"""How often the intervals of a comparison cover the truth, on laws whose truth is known.

python studies/compare_intervals.py [--into docs/studies/compare.md] [--sections NAME …] [--runs N]

Every run draws a fresh reference and fresh samples. The truth of a figure is its mean over all
runs and three times as many that find no interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import rara.comparison.figures as figures
from pages import insert
from rara import Features, Reference, Run
from rara.comparison.figures import FIGURES, Levels, RealImages
from rara.comparison.halves import GROUPS, halves_of
from rara.comparison.lists import DeepLists, DeepReference, Parts
from rara.comparison.sampling import Sampled, difference, half_differences
from rara.scores import judge
from rara.verdict.rules import Thresholds

Vectors = NDArray[np.float64]
Rng = np.random.Generator
Law = Callable[[Rng, int, int], Vectors]
RUN = Run(threads=1)
LEVEL = 0.95
TRUTH = 3
"""Runs without intervals for each one with them."""


def normal(rng: Rng, n: int, d: int) -> Vectors:
    return rng.normal(size=(n, d))


def mixture(rng: Rng, n: int, d: int) -> Vectors:
    """Five modes of different widths, one of them with half of the images."""
    mode = rng.choice(5, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    found = rng.normal(size=(n, d)) * np.array([1, 0.5, 1.5, 0.7, 2])[mode, None]
    found[:, 0] += 6 * mode
    return found


def generators(rng: Rng, law: Law, real: Vectors, m: int) -> dict[str, Vectors]:
    """Samples of five kinds: perfect, truncated by .9, too wide by 1.2, and 5 % near copies."""
    d = real.shape[1]
    copies = real[rng.integers(0, len(real), m)] + 0.1 * rng.normal(size=(m, d))
    copier = np.where(rng.random(m)[:, None] < 0.05, copies, law(rng, m, d))
    return {
        "perfect": law(rng, m, d),
        "truncated": 0.9 * law(rng, m, d),
        "wide": 1.2 * law(rng, m, d),
        "copier": copier,
    }


def sampled(real: Vectors, samples: Sequence[Vectors], *, halved: bool) -> list[Sampled]:
    """What `rara.compare` has of generators, without their tables."""
    features = Features.from_arrays(real)
    geometry = Reference.from_features(features, run=RUN).geometry.ball_geometry()
    deep, levels = DeepReference.of(features, geometry, RUN), Levels.of(Thresholds(), len(real))
    parts = Parts.of(deep, halves_of(features)[: None if halved else 0])
    axes = [DeepLists(deep, parts) for _ in samples]
    for axis, one in zip(axes, samples, strict=True):
        judge(np.ascontiguousarray(one, np.float32), features.vectors, [axis], geometry, threads=1)
    lists = [axis.lists for axis in axes if axis.lists is not None]
    whole = RealImages.around(geometry)
    own = whole.own.met(levels).mean(axis=1)
    halves = half_differences(deep, parts, lists, levels) if halved else [None] * len(lists)
    return [
        Sampled(whole.of(one.part(0, deep.d2.shape[1])).met(levels), own, half)
        for one, half in zip(lists, halves, strict=True)
    ]


def estimates(found: Sequence[Sampled]) -> list[list[tuple[float, float, float]]]:
    """By question, then figure: the excess of each generator, then differences to the first."""
    count = range(len(FIGURES))
    rows = [[tuple(one.excess(f, LEVEL)) for f in count] for one in found]
    rows += [[tuple(difference(one, found[0], f, LEVEL)[0]) for f in count] for one in found[1:]]
    return rows  # type: ignore[return-value]


def coverage(law: Law, d: int, n: int, m: int, runs: int) -> Iterator[str]:
    """A table of how often intervals cover, figure by figure."""
    rng = np.random.default_rng(0)
    found, values = [], []
    for run in range((1 + TRUTH) * runs):
        real = law(rng, n, d).astype(np.float32).astype(float)
        drawn = generators(rng, law, real, m)
        rows = np.array(estimates(sampled(real, list(drawn.values()), halved=run < runs)))
        values.append(rows[..., 0])
        if run < runs:
            found.append(rows)
    truth, all_found = np.mean(values, axis=0), np.array(found)
    covered = ((all_found[..., 1] <= truth) & (truth <= all_found[..., 2])).mean(axis=0)
    names = [*drawn, *(f"{name} less perfect" for name in list(drawn)[1:])]
    yield "| excess of, difference | " + " | ".join(f.replace("_", " ") for f in FIGURES) + " |"
    yield "|---|" + "---|" * len(FIGURES)
    for name, shares, true in zip(names, covered, truth, strict=True):
        cells = [f"{100 * s:.1f} % ({100 * t:+.1f})" for s, t in zip(shares, true, strict=True)]
        yield f"| {name} | {' | '.join(cells)} |"


def resampling(runs: int) -> Iterator[str]:
    """The deviation that halves give, and leaving out one group after the other, beside the true
    one."""
    rng, d, n, m = np.random.default_rng(0), 8, 600, 600
    values, by_halves, by_groups = [], [], []
    for _ in range(runs):
        real = normal(rng, n, d).astype(np.float32).astype(float)
        samples = normal(rng, m, d)
        (one,) = sampled(real, [samples], halved=True)
        values.append(one.shares - one.real)
        within = np.array([one.samples_variance(f) for f in range(len(FIGURES))])
        reference = [one.reference_variance(f, 1.0) for f in range(len(FIGURES))]
        by_halves.append(within + np.array(reference))
        by_groups.append(within + _jackknife(real, samples))
    true = np.std(values, axis=0)
    yield "| deviation of the excess | " + " | ".join(f.replace("_", " ") for f in FIGURES) + " |"
    yield "|---|" + "---|" * len(FIGURES)
    for name, row in (
        ("true", true),
        ("by disjoint halves", np.sqrt(np.mean(by_halves, axis=0))),
        ("by leaving out groups", np.sqrt(np.mean(by_groups, axis=0))),
    ):
        yield f"| {name} | " + " | ".join(f"{100 * value:.2f}" for value in row) + " |"


def _jackknife(real: Vectors, samples: Vectors) -> NDArray[np.float64]:
    """The variance by leaving out each of 20 groups of reference images."""
    group = np.arange(len(real)) % GROUPS
    rows = []
    for left in range(GROUPS):
        (one,) = sampled(real[group != left], [samples], halved=False)
        rows.append(one.shares - one.real)
    spread = np.array(rows) - np.mean(rows, axis=0)
    variance: NDArray[np.float64] = (GROUPS - 1) / GROUPS * (spread**2).sum(axis=0)
    return variance


def core(runs: int) -> Iterator[str]:
    """Power and size of the test for over-typical samples, by the level of the dense core."""
    number, n, m, d = FIGURES.index("over_typical"), 1000, 1000, 8
    scales = {"1 (size)": 1.0, ".95": 0.95, ".9": 0.9}
    yield "| dense core | " + " | ".join(f"truncation {name}" for name in scales) + " |"
    yield "|---|" + "---|" * len(scales)
    usual = figures.CORE
    for level in (0.05, 0.1, 0.25, 0.5):
        figures.CORE = level
        rng = np.random.default_rng(0)
        called = np.zeros(len(scales))
        for _ in range(runs):
            samples = [scale * normal(rng, m, d) for scale in scales.values()]
            found = sampled(normal(rng, n, d), samples, halved=True)
            p = np.array([one.excess_p(number) for one in found])
            more = np.array([one.shares[number] > one.real[number] for one in found])
            called += more & (p / 2 <= 0.05)
        cells = [f"{share:.3f}" for share in called / runs]
        yield f"| nearest {100 * level:.0f} % | {' | '.join(cells)} |"
    figures.CORE = usual


SECTIONS: dict[str, Callable[[int], Iterator[str]]] = {
    "normal-1000": lambda runs: coverage(normal, 8, 1000, 1000, runs),
    "normal-300": lambda runs: coverage(normal, 16, 300, 500, runs),
    "mixture-600": lambda runs: coverage(mixture, 6, 600, 400, runs),
    "small-60": lambda runs: coverage(normal, 6, 60, 200, runs),
    "resampling": lambda runs: resampling(max(1, runs // 5)),
    "core": lambda runs: core(max(1, runs * 2 // 5)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--runs", type=int, default=500)
    asked = parser.parse_args()
    for name in asked.sections:
        table = "\n".join(SECTIONS[name](asked.runs))
        print(table, flush=True)
        if asked.into:
            insert(asked.into, f"{table}\n", "compare_intervals", name)


if __name__ == "__main__":
    main()
