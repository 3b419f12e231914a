"""What is said of a column: its meaning, unit, range and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Unit = Literal[
    "text",
    "yes or no",
    "distance",
    "p-value",
    "share",
    "percent",
    "count",
    "bits",
    "ratio",
    "score",
]
"""`distance` is between vectors of one extractor: it compares only between results with the same
reference, k and extractor. `score` has no unit."""


class Gap(NamedTuple):
    """When a column has no value, and what stands there then."""

    when: str
    stands: Literal["NaN", "null", "no column"]


@dataclass(frozen=True, slots=True)
class Column:
    """What one column says of each sample."""

    name: str
    type: str
    """Its Arrow type, as pyarrow prints it."""
    axis: str
    """What makes it: an axis, or the option that asks for it."""
    unit: Unit
    meaning: str
    higher: str = ""
    """What a larger value means; empty where values have no order."""
    gap: Gap | None = None
    """None where there always is a value."""
    low: float | None = None
    """The smallest value that is possible; None where there is no bound."""
    high: float | None = None
    values: tuple[str, ...] = ()
    """All values that a column of text can have, where they are few."""
    source: str = ""
    """Where the number was published."""
