"""The row of a generator: its figures beside those of real images, or why it has none.

Generator, Sampled --rows.row_of--> Row --> sentences, summary, documents, charts, table
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rara.comparison.figures import Figure

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure of a generator. Intervals cover the samples and the reference."""

    share: float
    """The share of samples."""
    interval: Interval | None
    """That of the share; None where the reference is too small for intervals."""
    real: float
    """The share of real images, each without itself."""
    excess: float
    """The share less that of real images."""
    excess_interval: Interval | None
    """That of the excess; None where the reference is too small for intervals."""
    excess_p: float | None
    """Two-sided p-value of the excess; None where the reference is too small for intervals."""

    def sign(self, level: float) -> int:
        """1 or -1 where the share is surely above or below that of real images, else 0."""
        if self.excess_p is None or self.excess_p > 1 - level:
            return 0
        return 1 if self.excess > 0 else -1


@dataclass(frozen=True, slots=True)
class Row:
    """A generator. Without figures, and with a reason, where it could not be judged."""

    generator: str
    location: str
    samples: int
    knob: float | None
    reason: str | None = None
    """Why there are no figures; None where there are."""
    sentence: str = ""
    """What is most notable."""
    reference: str | None = None
    """Where the images come from that judge it."""
    figures: Mapping[Figure, FigureRow] = field(default_factory=dict)
    """Without those that no p-value can be small enough for."""
    rarity_percentiles: tuple[float, ...] | None = None
    """Quantiles among the samples inside; None where none is."""
    typicality_percentiles: tuple[float, ...] | None = None
    exact_copies: int | None = None
    auc: float | None = None
    auc_p: float | None = None
    repeats: float | None = None
    """The share of samples that repeat another one."""
    repeats_low: float | None = None
    repeats_high: float | None = None
    """The interval of that share, over samples alone."""
    repeats_real: float | None = None
    """The same of as many real images."""
    repeats_more: bool | None = None
    """Whether the interval is above that of real images."""
    pair_repeats: float | None = None
    """The share of pairs of samples that show one picture."""
