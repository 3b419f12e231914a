"""The part of a provenance on samples that were drawn until enough were original.

`rara.sample_original` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rara.provenance.selection import NotEligible


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDraws:
    """How many draws are expected in all, from the first batch."""

    after: int
    """Draws of the first batch."""
    picked: int
    """Picks among them."""
    draws: float | None
    """Expected for all picks; null where the first batch has none."""
    fewest: float
    """The lower end of a 95 % interval of it."""
    most: float | None
    """The upper end; null where the first batch has no pick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPart:
    """What was asked of a generator, and what became of its samples."""

    asked: int
    """Picks that were asked for."""
    picked: int
    """Picks that were found."""
    budget: int
    """Draws that were allowed."""
    drawn: int
    """Draws that were made."""
    accept: str
    """The least original verdict that is accepted."""
    alpha: float
    """No pick has a `copy_p` up to it."""
    best_of: int
    """Of so many draws the one with the highest reward is taken; 1 takes each that is accepted."""
    stopped: str
    """`complete`, `budget`, or `generator` where it failed."""
    expected: ExpectedDraws | None
    """What the first batch let expect."""
    refused: tuple[NotEligible, ...]
    """The other draws, by reason: a verdict, `copy at alpha`, `repeat`, `not the best`,
    `unreadable`, or `left over` once there were enough."""
