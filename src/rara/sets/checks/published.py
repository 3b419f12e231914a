"""The fifteen checks of fidelity and diversity that all published metrics fail some of.

Räisä, van Breugel and van der Schaar, Position: All Current Generative Fidelity and Diversity
Metrics are Flawed, ICML 2025, arXiv 2505.22450. Laws, sizes, knobs and limits are those of the
paper. A check passes if all of its criteria hold in all of its cases, on the mean of several
repeats (ten in the paper). The short grid has fewer places of each knob, and at most 4,000 images
for a hypercube.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from rara.sets.base import Doubles
from rara.sets.checks.check import Case, Check, Draw, Grid, Kind, thinned
from rara.sets.checks.criteria import (
    Criterion,
    at,
    bell,
    constant,
    either,
    falls,
    falls_by,
    first,
    last,
    rises,
    settles,
    zero_or_one,
)
from rara.sets.checks.laws import Rng, ball, mixture, normal, pareto, sphere, torus

COUNT = 1000
SIZES = np.logspace(2, 4, 20).astype(int)
SETTLED = float(np.quantile(SIZES, 0.5))
OVERLAP = 0.2
SHIFTS = {1: 6.0, 8: 3.0, 64: 1.0}
"""By dimensions, the largest shift of every coordinate."""
SPREADS = {1: 3.0, 8: 1.0, 64: 0.5}
"""By dimensions, the largest power of ten by which samples are wider or narrower."""
MODES = {1: 1 / 6, 8: 1 / 3, 64: 1.0}
"""By dimensions, the scale of each of ten modes at 0 to 10 on the diagonal."""
SCATTERED = np.array(
    [
        *([5.47, -4.08], [4.87, -13.65], [-16.39, 9.10], [-2.15, 12.46], [11.56, -4.96]),
        *([-24.61, 14.18], [16.84, -3.19], [-5.48, -6.77], [9.47, 1.06], [-5.40, -17.29]),
    ]
)
"""The means of ten modes; the first five are real."""
_Criteria = Mapping[Kind, Sequence[Criterion]]


def _same(*criteria: Criterion) -> _Criteria:
    return {"fidelity": criteria, "diversity": criteria}


# -- normal laws -----------------------------------------------------------------------


def _shifted(d: int, outlier: str | None, rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference = normal(rng, COUNT, d)
    far = np.full((1, d), SHIFTS[d])
    judged = np.concatenate([reference, far]) if outlier == "reference" else reference
    for shift in thinned(np.linspace(-SHIFTS[d], SHIFTS[d], 51), grid):
        samples = normal(rng, COUNT, d, shift)
        if outlier == "samples":
            samples = np.concatenate([samples, far])
        yield Draw(shift, samples, judged)


def _spread(d: int, rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference = normal(rng, COUNT, d)
    for scale in thinned(np.logspace(-SPREADS[d], SPREADS[d], 51), grid):
        yield Draw(scale, normal(rng, COUNT, d, scale=scale), reference)


def _scaled_axis(rng: Rng, grid: Grid) -> Iterator[Draw]:
    for scale in thinned(np.logspace(-3, 3, 20), grid):
        axes = np.array([1, scale])
        reference = normal(rng, COUNT, 2) * axes
        yield Draw(scale, (normal(rng, COUNT, 2) + np.array([6, 0])) * axes, reference)


def _heavy_tail(rng: Rng, grid: Grid) -> Iterator[Draw]:
    def drawn(mean: float) -> Doubles:
        return np.hstack([normal(rng, COUNT, 1, mean), pareto(rng, COUNT, 1.01)])

    reference = drawn(0)
    for shift in thinned(np.linspace(-6, 6, 51), grid):
        yield Draw(shift, drawn(shift), reference)


def _one_wrong_axis(rng: Rng, grid: Grid) -> Iterator[Draw]:
    for others in thinned(np.logspace(0, 3, 20).astype(int), grid, 6).astype(int):
        reference, samples = normal(rng, COUNT, others + 1), normal(rng, COUNT, others + 1)
        samples[:, 0] += 6
        yield Draw(others, samples, reference)


def _whole_numbers(reference_is_whole: bool, rng: Rng, grid: Grid) -> Iterator[Draw]:
    for scale in thinned(np.logspace(0, 3, 20), grid):
        reference, samples = normal(rng, COUNT, 1, scale=scale), normal(rng, COUNT, 1, scale=scale)
        if reference_is_whole:
            yield Draw(scale, samples, np.round(reference))
        else:
            yield Draw(scale, np.round(samples), reference)


SHIFT = _same(at("for one law", 0, 1), first("shifted down", 0), last("shifted up", 0), bell(0))
SPREAD: _Criteria = {
    "fidelity": (at("for one law", 1, 1), first("if narrow", 1), last("if wide", 0), falls()),
    "diversity": (
        at("for one law", 1, 1),
        first("if narrow", 0),
        zero_or_one("if wide", -1),
        either(bell(1), rises()),
    ),
}
APART_ALL_ALONG = _same(constant(), first("at first", 0), last("at last", 0))
WHOLE: _Criteria = {
    "fidelity": (constant(), first("if coarse", 0), last("if fine", 0)),
    "diversity": (constant(), zero_or_one("if coarse", 0), zero_or_one("if fine", -1)),
}
SMOOTH: _Criteria = {
    "fidelity": (constant(), first("if coarse", 1), last("if fine", 1)),
    "diversity": (constant(), first("if coarse", 0), last("if fine", 0)),
}


# -- modes -----------------------------------------------------------------------------


def _all_modes(d: int) -> Doubles:
    return np.tile(np.linspace(0, 10, 10), (d, 1)).T


def _thinned_modes(d: int, rng: Rng, grid: Grid) -> Iterator[Draw]:
    means, shares = _all_modes(d), np.ones(10)
    reference = mixture(rng, COUNT, means, MODES[d], shares)
    for dropped in np.append(
        thinned(np.linspace(0, 1, 50)[:-3], grid, 8), np.linspace(0, 1, 50)[-3:]
    ):
        left = np.append(1, np.full(9, 1 - dropped))
        yield Draw(dropped, mixture(rng, COUNT, means, MODES[d], left), reference)


def _fewer_modes(d: int, rng: Rng, grid: Grid) -> Iterator[Draw]:
    means = _all_modes(d)
    reference = mixture(rng, COUNT, means, MODES[d], np.ones(10))
    for dropped in range(10):
        left = (np.arange(10) < 10 - dropped).astype(np.float64)
        yield Draw(dropped, mixture(rng, COUNT, means, MODES[d], left), reference)


def _invented_modes(rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference = mixture(rng, COUNT, SCATTERED[:5], 0.25, np.ones(5))
    for modes in range(1, 11):
        samples = mixture(rng, COUNT, SCATTERED[:modes], 0.25, np.ones(modes))
        yield Draw(modes, samples, reference)


def _merged_modes(d: int, rng: Rng, grid: Grid) -> Iterator[Draw]:
    for apart in thinned(np.linspace(0, 5, 20), grid):
        means = np.tile([-apart / 2, apart / 2], (d, 1)).T
        reference = mixture(rng, COUNT, means, 1, np.ones(2))
        yield Draw(apart, normal(rng, COUNT, d, scale=np.sqrt(1 + apart**2)), reference)


def _dropping(early: float) -> _Criteria:
    return {
        "fidelity": (first("with all modes", 1), last("with one mode", 1), constant()),
        "diversity": (first("with all modes", 1), falls_by(early)),
    }


INVENTION: _Criteria = {
    "fidelity": (at("with the real modes", 5, 1), first("with one mode", 1), falls()),
    "diversity": (at("with the real modes", 5, 1), last("with all and more", 1), rises()),
}
COLLAPSE: _Criteria = {
    "fidelity": (first("for one law", 1), falls()),
    "diversity": (first("for one law", 1), either(falls(), constant())),
}


# -- spheres, cubes and tori -----------------------------------------------------------


def _radii(d: int, rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference = sphere(rng, COUNT, d, 1)
    for radius in thinned(np.linspace(0.1, 1.9, 51), grid):
        yield Draw(radius, sphere(rng, COUNT, d, radius), reference)


def _sizes(grid: Grid) -> list[int]:
    return [int(n) for n in (SIZES if grid == "published" else SIZES[[0, 10, 12, 15]])]


def _cubes(d: int, fixed: bool, rng: Rng, grid: Grid) -> Iterator[Draw]:
    start = 1 - OVERLAP ** (1 / d)
    reference = rng.uniform(size=(COUNT, d))
    for count in _sizes(grid):
        if not fixed:
            reference = rng.uniform(size=(count, d))
        yield Draw(count, rng.uniform(start, 1 + start, (count, d)), reference)


def _ball_and_torus(reference_is_torus: bool, rng: Rng, grid: Grid) -> Iterator[Draw]:
    sides = [partial(ball, dimensions=3, radius=0.8), partial(torus, radius=1, tube=0.1)]
    drawn, real = sides[:: 1 if reference_is_torus else -1]
    reference = real(rng, COUNT)
    for count in _sizes(grid):
        yield Draw(count, drawn(rng, count), reference)


SURFACE = _same(
    at("on the sphere", 1, 1), first("well inside", 0), last("well outside", 0), bell(1)
)
CUBE = _same(settles(SETTLED), last("at the largest size", OVERLAP))
DISJOINT = _same(settles(SETTLED), last("at the largest size", 0))


def _by_dimensions(
    draws: Callable[[int, Rng, Grid], Iterator[Draw]],
    criteria: _Criteria,
    dimensions: Sequence[int] = (1, 8, 64),
) -> tuple[Case, ...]:
    return tuple(Case(f"d = {d}", partial(draws, d), criteria) for d in dimensions)


PUBLISHED = (
    Check(
        "mean",
        "Normal laws whose means differ",
        _by_dimensions(lambda d, rng, grid: _shifted(d, None, rng, grid), SHIFT),
    ),
    Check(
        "mean and outlier",
        "The same with one outlier among the reference or the samples",
        tuple(
            Case(f"d = {d}, {side}", partial(_shifted, d, side), SHIFT)
            for d in SHIFTS
            for side in ("reference", "samples")
        ),
    ),
    Check("deviation", "Normal laws whose deviations differ", _by_dimensions(_spread, SPREAD)),
    Check(
        "modes thinned",
        "Nine of ten modes lose images, all at once",
        _by_dimensions(_thinned_modes, _dropping(47 / 49)),
    ),
    Check(
        "modes dropped",
        "One mode after another is lost",
        _by_dimensions(_fewer_modes, _dropping(4)),
    ),
    Check(
        "modes invented",
        "Of five real modes one to all, and up to five invented ones",
        (Case("d = 2", _invented_modes, INVENTION),),
    ),
    Check(
        "sphere", "Spheres of other radii", _by_dimensions(_radii, SURFACE, dimensions=(2, 16, 128))
    ),
    Check(
        "cubes",
        "Two cubes that share a fifth, with more and more images",
        _by_dimensions(lambda d, rng, grid: _cubes(d, False, rng, grid), CUBE),
    ),
    Check(
        "cubes, more samples",
        "The same with 1,000 reference images",
        _by_dimensions(lambda d, rng, grid: _cubes(d, True, rng, grid), CUBE),
    ),
    Check(
        "ball and torus",
        "A ball within a torus, and a torus about a ball",
        tuple(
            Case(label, partial(_ball_and_torus, is_torus), DISJOINT)
            for label, is_torus in (("real ball", False), ("real torus", True))
        ),
    ),
    Check(
        "modes merged",
        "A wide normal law over two modes that move apart",
        _by_dimensions(_merged_modes, COLLAPSE),
    ),
    Check(
        "one axis scaled",
        "Laws that differ in one axis, while the other one is scaled",
        (Case("d = 2", _scaled_axis, APART_ALL_ALONG),),
    ),
    Check(
        "mean and heavy tail",
        "Normal laws whose means differ, and an axis with a heavy tail",
        (Case("d = 2", _heavy_tail, SHIFT),),
    ),
    Check(
        "one wrong axis",
        "Laws that differ in one axis, with up to 1,000 equal ones",
        (Case("to d = 1,001", _one_wrong_axis, APART_ALL_ALONG),),
    ),
    Check(
        "whole numbers",
        "Whole numbers beside all numbers",
        (
            Case("real whole", partial(_whole_numbers, True), WHOLE),
            Case("real all", partial(_whole_numbers, False), SMOOTH),
        ),
    ),
)
