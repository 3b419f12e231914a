"""Which neighbour lists of the reference a sample would be in, if it joined the reference.

Full conformal p-values need these pairs besides each sample's own neighbours:
docs/explanation/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Need
from rara.scores.axis import Doubles, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of sample and reference image, sorted by sample, then by image."""

    rows: Integers
    """The sample."""
    columns: Integers
    """The reference image."""
    d2: Doubles

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """The pairs that a mask chooses."""
        return Pairs(self.rows[chosen], self.columns[chosen], self.d2[chosen])


@dataclass(slots=True)
class JoinEffect:
    """Pairs with a distance of at most that of the reference image's last listed neighbour."""

    reach2: Doubles
    """(n,) squared distance of each reference image to that neighbour."""
    portions: list[tuple[Integers, Integers, Doubles]] = field(default_factory=list)

    def need(self) -> Need:
        """Pairs within that distance."""
        return Need(reach=self.reach2)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep such pairs."""
        near = d2 <= self.reach2[columns]
        self.portions.append((rows[near], columns[near], d2[near]))  # atomic: threads share it

    def merge(self, other: JoinEffect) -> None:
        """Take in another one, which saw other pairs."""
        self.portions += other.portions

    def pairs(self) -> Pairs:
        """All pairs, sorted."""
        if not self.portions:
            nothing = np.zeros(0, np.int32)
            return Pairs(nothing, nothing, np.zeros(0))
        rows, columns, d2 = (np.concatenate(part) for part in zip(*self.portions, strict=True))
        order = np.lexsort((columns, rows))
        return Pairs(rows[order], columns[order], d2[order])
