"""How near a picture must be to be a copy, by the pixels: exact p-values among real images.

    pixel hashes of reference and samples --PixelCopyTest--> ranks of the distances

Of real images each is as likely as any other to have the nearest one, and so a sample's p-value
is exact, as for the vectors: docs/explanation/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rara.features.pixel_hashes import Closest, PixelHashes, closest
from rara.geometry.hamming import Counts
from rara.provenance.parts import Method
from rara.stats.conformal import Doubles
from rara.stats.joint_rank import Changes, Compared, Ranking


@dataclass(frozen=True, slots=True, eq=False)
class PixelCopyTest:
    """What a reference's pixels say of samples, calibrated with real images."""

    hashes: PixelHashes
    others: Counts
    """(n,) how near each reference picture has its nearest other one."""
    reals: Counts
    """How near each real picture has its nearest in the reference."""
    method: Method
    order: Ranking = field(init=False)
    """The real pictures by how near they are."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", Ranking.of(-self.reals.astype(float)))

    def compare(
        self, samples: PixelHashes, *, own: Counts | None, threads: int | None
    ) -> tuple[Closest, Compared]:
        """The nearest picture of each sample, and how near it is beside real images.

        A reference picture that has the sample nearer than any other one scores by the sample's
        distance once that has joined; it matters only where the two distances are equal.
        """
        joins = self.method == "full conformal"
        others = self.others if joins else None
        found = closest(samples, self.hashes, own=own, others=others, threads=threads)
        if not joins:
            return found, Compared.of(self.order, _scores(found))
        named = (found.index >= 0) & (self.others[found.index] > found.distance)
        rows = np.flatnonzero(named).astype(np.int32)
        scores = _scores(found)
        changes = Changes.of(len(named), rows, found.index[rows], scores[rows])
        which, more = np.zeros(len(named), np.int32), found.joined.astype(np.int64) - named
        return found, Compared([self.order], which, scores, changes, more)


def _scores(found: Closest) -> Doubles:
    """Higher is nearer."""
    return -found.distance.astype(np.float64)
