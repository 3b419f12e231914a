"""All that a comparison found, before it becomes text, a table or a page."""

from __future__ import annotations

from dataclasses import dataclass

from rara.comparison.generator_row import Row
from rara.comparison.pairwise import Band, Difference, Ranking
from rara.comparison.sweep import Sweep
from rara.provenance.comparison import ComparisonProvenance


@dataclass(frozen=True, slots=True)
class Findings:
    """Rows, one a generator, and what they mean."""

    rows: tuple[Row, ...]
    provenance: ComparisonProvenance
    differences: tuple[Difference, ...] = ()
    """Of all pairs that one reference judged."""
    rankings: tuple[Ranking, ...] = ()
    bands: tuple[Band, ...] = ()
    sweep: Sweep | None = None

    @property
    def judged(self) -> list[Row]:
        """The rows that have figures."""
        return [row for row in self.rows if row.reason is None]
