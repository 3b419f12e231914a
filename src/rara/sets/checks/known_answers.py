"""Fifteen checks on normal data: what a metric must see, and must not be fooled by.

Held-out images, other sizes and units, copies, truncation, over-dispersion, an outlier,
duplicates, lost modes, and three blind spots of k-NN geometry. Distances have no scale of their
own: each is read as 1 - distance / distance of samples shifted by 3 in every coordinate, in the
same repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from rara.sets.base import Doubles
from rara.sets.checks.check import Case, Check, Draw, Grid, Kind
from rara.sets.checks.criteria import (
    Criterion,
    constant,
    first,
    last,
    never_falls,
    never_rises,
)
from rara.sets.checks.laws import Rng, normal, sphere

SAMPLES, REFERENCE, DIMENSIONS = 1000, 2000, 16
FAR = 12.0
"""Between modes, in one coordinate."""


def _one(samples: Doubles, reference: Doubles, knob: float = 0) -> Draw:
    return Draw(knob, samples, reference)


def _sides(rng: Rng, factor: float = 1) -> tuple[Doubles, Doubles]:
    return normal(rng, SAMPLES, DIMENSIONS, scale=factor), normal(rng, REFERENCE, DIMENSIONS)


def _held_out(rng: Rng, grid: Grid) -> Iterator[Draw]:
    yield _one(*_sides(rng))


def _sizes(factor: float, rng: Rng, grid: Grid) -> Iterator[Draw]:
    for count in (500, 1000, 2000, 4000):
        samples, reference = normal(rng, count, DIMENSIONS), normal(rng, count, DIMENSIONS)
        yield Draw(count, factor * samples, reference)


def _units(rng: Rng, grid: Grid) -> Iterator[Draw]:
    samples, reference = _sides(rng, 1.2)
    for unit in (1.0, 4.0, 1 / 64):
        yield Draw(unit, unit * samples, unit * reference)


def _copies(noise: float, rng: Rng, grid: Grid) -> Iterator[Draw]:
    """Held-out samples, and then 0 to all of them replaced by copies."""
    samples, reference = _sides(rng)
    for share in (0.0, 0.25, 0.5, 1.0):
        copied = int(share * SAMPLES)
        mixed = samples.copy()
        mixed[:copied] = reference[:copied] + noise * normal(rng, copied, DIMENSIONS)
        yield Draw(share, mixed, reference)


def _rare_copies(rng: Rng, grid: Grid) -> Iterator[Draw]:
    """The same with copies of the images farthest from the mean."""
    samples, reference = _sides(rng)
    rarest = np.argsort(-np.linalg.norm(reference, axis=1))
    for copied in (0, SAMPLES // 4, SAMPLES // 2, SAMPLES):
        mixed = samples.copy()
        mixed[:copied] = reference[rarest[:copied]]
        yield Draw(copied, mixed, reference)


def _scales(scales: Sequence[float], rng: Rng, grid: Grid) -> Iterator[Draw]:
    """Truncation where scales fall from 1, over-dispersion where they rise."""
    reference = normal(rng, REFERENCE, DIMENSIONS)
    for scale in scales:
        samples = normal(rng, SAMPLES, DIMENSIONS, scale=scale)
        yield Draw(abs(scale - 1), samples, reference)


def _junk_round_an_outlier(rng: Rng, grid: Grid) -> Iterator[Draw]:
    """Uniform junk between the data and one outlier."""
    reference = normal(rng, REFERENCE, DIMENSIONS)
    reference[0] = 10
    yield _one(rng.uniform(5, 15, (SAMPLES, DIMENSIONS)), reference)


def _duplicates(rng: Rng, grid: Grid) -> Iterator[Draw]:
    samples, reference = _sides(rng)
    for times in (1, 2, 4):
        yield Draw(times, samples, np.repeat(reference, times, axis=0))


def _drawn_again(rng: Rng, grid: Grid) -> Iterator[Draw]:
    samples, reference = _sides(rng)
    yield Draw(0, samples, reference)
    yield Draw(1, samples, reference[rng.integers(0, REFERENCE, REFERENCE)])


def _modes(lost_by: str, rng: Rng, grid: Grid) -> Iterator[Draw]:
    """Two modes; then one side loses the second."""
    samples, reference = _sides(rng)
    both = [samples.copy(), reference.copy()]
    for side in both:
        side[::2, 0] += FAR
    yield Draw(0, *both)
    yield Draw(1, samples, both[1]) if lost_by == "samples" else Draw(1, both[0], reference)


def _hole(rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference = sphere(rng, REFERENCE, DIMENSIONS, 1)
    for radius in (1.0, 0.3):
        yield Draw(1 - radius, sphere(rng, SAMPLES, DIMENSIONS, radius), reference)


def _one_wrong_axis(rng: Rng, grid: Grid) -> Iterator[Draw]:
    reference, samples = normal(rng, REFERENCE, 1000), normal(rng, SAMPLES, 1000)
    yield Draw(0, samples.copy(), reference)
    samples[:, 500] += 6
    yield Draw(6, samples, reference)


_Criteria = Mapping[Kind, Sequence[Criterion]]
ONE = {kind: (first("for held-out images", 1),) for kind in ("fidelity", "diversity", "distance")}


def _seen() -> tuple[Criterion, ...]:
    return (never_rises(0.05),)


def _check(
    name: str, question: str, draws: Callable[[Rng, Grid], Iterator[Draw]], criteria: _Criteria
) -> Check:
    return Check(name, question, (Case("d = 16", draws, criteria),))


def _for_all(*criteria: Criterion) -> _Criteria:
    return {"fidelity": criteria, "diversity": criteria, "distance": criteria}


KNOWN_ANSWERS = (
    _check("held out", "Held-out real images", _held_out, _for_all(first("for them", 1))),
    Check(
        "numbers",
        "500 to 4,000 images of both sides, of one law and over-dispersed",
        tuple(
            Case(f"× {factor:g}", partial(_sizes, factor), _for_all(constant()))
            for factor in (1.0, 1.2)
        ),
    ),
    _check("units", "The space scaled by 4 and by 1 / 64", _units, _for_all(constant())),
    _check("copies", "Exact copies among the samples", partial(_copies, 0), {"copying": _seen()}),
    _check("near copies", "Copies with noise", partial(_copies, 0.2), {"copying": _seen()}),
    _check("rare copies", "Copies of the rarest images", _rare_copies, {"copying": _seen()}),
    _check(
        "truncation",
        "Samples nearer and nearer to the mean",
        partial(_scales, (1, 0.8, 0.6, 0.4, 0.2)),
        {
            "fidelity": (never_falls(),),
            "diversity": (never_rises(),),
            "distance": (never_rises(0.05),),
        },
    ),
    _check(
        "over-dispersion",
        "Samples farther and farther from the mean",
        partial(_scales, (1, 1.2, 1.5, 2)),
        {"fidelity": (never_rises(), last("at × 2", 0)), "distance": (never_rises(0.05),)},
    ),
    _check(
        "outlier",
        "Junk around one outlier of the reference",
        _junk_round_an_outlier,
        {"fidelity": (first("for junk", 0),), "diversity": (first("for junk", 0),)},
    ),
    _check(
        "duplicates",
        "Each reference image twice, and four times",
        _duplicates,
        _for_all(constant()),
    ),
    _check(
        "drawn again",
        "The reference drawn again with replacement",
        _drawn_again,
        _for_all(constant()),
    ),
    _check(
        "mode lost",
        "Samples without one of two modes",
        partial(_modes, "samples"),
        {
            "fidelity": (constant(), last("without it", 1)),
            "diversity": (last("without it", 0.5),),
            "distance": _seen(),
        },
    ),
    _check(
        "mode unknown",
        "A reference without one of two modes",
        partial(_modes, "reference"),
        {
            "fidelity": (last("without it", 0.5),),
            "diversity": (last("without it", 1),),
            "distance": _seen(),
        },
    ),
    _check(
        "hole",
        "Samples inside a sphere of real images",
        _hole,
        {"fidelity": (last("inside", 0),), "diversity": (last("inside", 0),), "distance": _seen()},
    ),
    Check(
        "one wrong axis",
        "A shift of 6 in one of 1,000 axes",
        (
            Case(
                "d = 1000",
                _one_wrong_axis,
                {
                    "fidelity": (last("shifted", 0),),
                    "diversity": (last("shifted", 0),),
                    "distance": _seen(),
                },
            ),
        ),
    ),
)
