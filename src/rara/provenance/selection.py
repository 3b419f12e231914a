"""The part of a provenance on samples that were picked among many: `rara.select` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEligible:
    """How many samples cannot be picked for one reason."""

    reason: str
    """Their verdict, `repeat`, `repeat of another` that cannot be picked, or `no group` with a
    quota."""
    count: int
    """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaPart:
    """At most so many picks of one group."""

    group: str
    """The value of the key."""
    most: int
    """So many may be picked of it."""
    eligible: int
    """Samples of it that could be picked."""
    picked: int
    """Samples of it that were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionPart:
    """What samples were picked by, and how good the picks are."""

    count: int
    """Samples that were picked."""
    want: tuple[str, ...]
    """What was wanted of them."""
    method: str
    """`greedy` or `farthest-first`."""
    objective: float
    """The weighted mean of the terms; for `farthest-first` the smallest distance between two picks,
    over the usual one."""
    weights: Mapping[str, float]
    """What each want counts: the sum is 1."""
    terms: Mapping[str, float]
    """How much of each want the picks have, from 0 to 1."""
    at_random: Mapping[str, float]
    """The same of as many eligible samples drawn at random, on average."""
    upper: float | None
    """No other picks reach more than this; null where no bound is computed."""
    guarantee: float | None
    """The share of the largest objective that the method always reaches; null where none holds."""
    eligible: int
    """Samples that could be picked."""
    not_eligible: tuple[NotEligible, ...]
    """All others, by reason."""
    usual_distance: float | None
    """Root mean square distance of two eligible samples; null where no vectors were needed."""
    smallest_distance: float | None
    """Between two picks; null where there are no vectors, or one pick."""
    by: str | None = None
    """The key of the groups; null without quotas."""
    quotas: tuple[QuotaPart, ...] = ()
    """The quota of each group; empty without."""
