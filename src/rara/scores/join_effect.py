"""Which samples would be among the nearest few of a reference image, had they joined it.

What full conformal p-values need to know of the pairs beside each sample's own neighbours:
docs/explanation/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rara.geometry import Need
from rara.scores.axis import Doubles, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of sample and reference image, by sample and then by image."""

    rows: Integers
    """The sample."""
    columns: Integers
    """The reference image."""
    d2: Doubles

    def where(self, chosen: np.ndarray) -> Pairs:
        """Some of them."""
        return Pairs(self.rows[chosen], self.columns[chosen], self.d2[chosen])


@dataclass(slots=True)
class JoinEffect:
    """Pairs at most as far apart as the reference image's last listed neighbour is from it."""

    reach2: Doubles
    pairs: list[tuple[Integers, Integers, Doubles]] = field(default_factory=list)

    def need(self) -> Need:
        """Pairs within that distance."""
        return Need(reach=self.reach2)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep such pairs."""
        near = d2 <= self.reach2[columns]
        self.pairs.append((rows[near], columns[near], d2[near]))  # at once: threads share the list

    def merge(self, other: JoinEffect) -> None:
        """Take in what another one saw."""
        self.pairs += other.pairs

    def found(self) -> Pairs:
        """All of them, in order."""
        if not self.pairs:
            nothing = np.zeros(0, np.int32)
            return Pairs(nothing, nothing, np.zeros(0))
        rows, columns, d2 = (np.concatenate(part) for part in zip(*self.pairs, strict=True))
        order = np.lexsort((columns, rows))
        return Pairs(rows[order], columns[order], d2[order])
