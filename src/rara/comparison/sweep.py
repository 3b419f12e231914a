"""Figures along a knob: trends, what fidelity costs, and which checkpoint to take.

{name: number}, Sampled of each --sweep_of--> trends, sentences
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rara.comparison.figures import FIGURES, Figure
from rara.comparison.halves import FEWEST
from rara.comparison.pairwise import Difference
from rara.comparison.sampling import Sampled, all_have
from rara.comparison.sentences import at_most
from rara.report.formatting import percent
from rara.stats.multiple import holm
from rara.stats.trend import trend_of_shares

UNORIGINAL: Mapping[Figure, int] = {"yield": -1, "over_typical": 1, "copies": 1}
"""What it looks like where originality falls: which figure, and whether it falls or rises."""

WORDS: Mapping[Figure, tuple[str, str]] = {
    "inside": ("more samples lie inside balls", "fewer samples lie inside balls"),
    "off_manifold": ("more samples lie off the manifold", "fewer samples lie off the manifold"),
    "yield": ("the yield rises", "the yield falls"),
    "over_typical": ("more samples crowd the dense core", "fewer samples crowd the dense core"),
    "copies": ("more samples are copies", "fewer samples are copies"),
}


@dataclass(frozen=True, slots=True)
class FigureTrend:
    """How a figure follows the knob."""

    figure: Figure
    tau: float
    p: float
    p_holm: float | None
    """Adjusted for all figures."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Which value of the knob to take. A name is None where none can be named: `why` says so."""

    last_before_copying: str | None
    first_copying: str | None
    best_yield: str | None
    as_good: tuple[str, ...]
    """Those whose yield is not surely lower than the best."""
    why: tuple[str, ...]


ABSTAINS = Checkpoints(
    None, None, None, (),
    (f"The reference has fewer than {FEWEST} different images. Nothing shows which differences are "
     "sure, so no checkpoint is named.",),
)  # fmt: skip
"""What is said where there are no intervals."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Generators in the order of their knob, and what may be concluded."""

    by: str
    knob: Mapping[str, float]
    trends: tuple[FigureTrend, ...]
    trade: str | None
    """The sentence where fidelity is bought with originality; None where that is not shown."""
    checkpoints: Checkpoints


def sweep_of(
    by: str,
    knob: Mapping[str, float],
    sampled: Mapping[str, Sampled],
    found: Sequence[Difference],
    *,
    exact: Mapping[str, int],
    halved: bool,
    level: float,
) -> Sweep:
    """The figures along the knob. `exact`: how many samples of each are exact copies."""
    order = sorted(sampled, key=lambda name: knob[name])
    trends = _trends(order, knob, sampled)
    return Sweep(
        by,
        {name: knob[name] for name in order},
        trends,
        _trade(by, order, sampled, trends, level),
        _checkpoints(order, sampled, found, level) if halved else _by_fact(order, exact),
    )


def _trends(
    order: Sequence[str], knob: Mapping[str, float], sampled: Mapping[str, Sampled]
) -> tuple[FigureTrend, ...]:
    values = np.array([knob[name] for name in order])
    counts = np.array([len(sampled[name]) for name in order], np.int64)
    found = []
    for number, figure in enumerate(FIGURES):
        if not all_have(figure, sampled.values()):
            continue
        hits = np.array([int(sampled[name].met[number].sum()) for name in order], np.int64)
        tau, p = trend_of_shares(values, hits, counts)
        found.append(FigureTrend(figure, tau, p, None))
    adjusted = holm([one.p for one in found])
    return tuple(replace(one, p_holm=p) for one, p in zip(found, adjusted, strict=True))


def _trade(
    by: str,
    order: Sequence[str],
    sampled: Mapping[str, Sampled],
    trends: Sequence[FigureTrend],
    level: float,
) -> str | None:
    """Where fidelity and originality follow the knob in opposite ways.

    Only where the most faithful end is surely less original than real images: a checkpoint whose
    dense core grows towards theirs loses nothing.
    """
    sure = {one.figure: one for one in trends if (one.p_holm or 0.0) <= 1 - level and one.tau}
    if "off_manifold" not in sure:
        return None
    way = -1 if sure["off_manifold"].tau > 0 else 1  # of the knob, towards more fidelity
    ends = (order[0], order[-1]) if way > 0 else (order[-1], order[0])
    costs: list[Figure] = [
        figure
        for figure, sign in UNORIGINAL.items()
        if figure in sure
        and np.sign(sure[figure].tau) * way == sign
        and _beyond(sampled[ends[1]], figure, level) == sign
    ]
    if not costs:
        return None
    parts = [_change(figure, ends, sampled) for figure in ("off_manifold", *costs)]
    lead = "higher" if way > 0 else "lower"
    return (
        f"With {lead} {by}, {parts[0]}, but {' and '.join(parts[1:])}: fidelity is bought with "
        "originality."
    )


def _beyond(one: Sampled, figure: Figure, level: float) -> int:
    """1 or -1 where a figure is surely above or below that of real images, else 0."""
    number = FIGURES.index(figure)
    p = one.excess_p(number)
    if p is None or p > 1 - level:
        return 0
    return 1 if one.shares[number] > one.real[number] else -1


def _change(figure: Figure, ends: tuple[str, str], sampled: Mapping[str, Sampled]) -> str:
    before, after = (float(sampled[name].shares[FIGURES.index(figure)]) for name in ends)
    return f"{WORDS[figure][after < before]} ({percent(before)} to {percent(after)})"


def _checkpoints(
    order: Sequence[str], sampled: Mapping[str, Sampled], found: Sequence[Difference], level: float
) -> Checkpoints:
    before, first, onset = _onset(order, sampled, level)
    best, rivals, choice = _best(order, sampled, found, level)
    return Checkpoints(before, first, best, rivals, (onset, choice))


def _by_fact(order: Sequence[str], exact: Mapping[str, int]) -> Checkpoints:
    """What exact copies alone say, where there are no intervals."""
    place = next((i for i, name in enumerate(order) if exact[name]), None)
    if place is None:
        return ABSTAINS
    before, first = (order[place - 1] if place else None), order[place]
    last = "" if before is None else f" {before} is the last before it without any."
    return replace(
        ABSTAINS, last_before_copying=before, first_copying=first,
        why=(f"Exact copies show from {first} on.{last} With fewer than {FEWEST} different "
             "reference images, near copies and the best yield cannot be named.",),
    )  # fmt: skip


def _onset(
    order: Sequence[str], sampled: Mapping[str, Sampled], level: float
) -> tuple[str | None, str | None, str]:
    """The last generator before copying shows, the first that surely copies, and one sentence."""
    if not all_have("copies", sampled.values()):
        return None, None, "No p-value can show where copying starts."
    number = FIGURES.index("copies")
    adjusted = holm([_more(sampled[name], number) for name in order])
    copying = [n for n, p in zip(order, adjusted, strict=True) if p is not None and p <= 1 - level]
    if not copying:
        most = max(sampled[name].share(number, level).high for name in order)
        return None, None, (
            "No generator of the sweep surely copies; up to "
            f"{at_most(most)} of the samples of one may be copies all the same."
        )  # fmt: skip
    first = copying[0]
    place = order.index(first)
    if place == 0:
        return None, first, f"Copying shows from the first on: {first}."
    before = order[place - 1]
    hidden = sampled[before].share(number, level).high
    return before, first, (
        f"Copying shows from {first} on; {before} is the last before it, where up to "
        f"{at_most(hidden)} of the samples may be copies."
    )  # fmt: skip


def _more(one: Sampled, figure: int) -> float | None:
    """One-sided p-value of an excess above 0."""
    p = one.excess_p(figure)
    return None if p is None else p / 2 if one.shares[figure] > one.real[figure] else 1 - p / 2


def _best(
    order: Sequence[str],
    sampled: Mapping[str, Sampled],
    found: Sequence[Difference],
    level: float,
) -> tuple[str | None, tuple[str, ...], str]:
    """The generator with the highest yield, its rivals, and one sentence."""
    if not all_have("yield", sampled.values()):
        return None, (), "No yield can be named the best."
    number = FIGURES.index("yield")
    best = max(order, key=lambda name: sampled[name].shares[number])
    unsure = {
        name
        for one in found
        if one.figure == "yield" and best in (one.one, one.other)
        and not (one.p_holm is not None and one.p_holm <= 1 - level)
        for name in (one.one, one.other)
    } - {best}  # fmt: skip
    rivals = tuple(name for name in order if name in unsure)
    share = percent(float(sampled[best].shares[number]))
    if not rivals:
        return best, (), f"The best yield has {best} ({share}), surely above all others."
    if len(rivals) == len(order) - 1:
        return None, rivals, (
            f"The yield is highest for {best} ({share}), but too few samples to tell it from any."
        )  # fmt: skip
    return best, rivals, (
        f"The best yield has {best} ({share}); too few samples to tell it from {', '.join(rivals)}."
    )  # fmt: skip
