"""The test for copies by pixels: exact p-values among real images.

    pixel hashes of reference and samples --PixelCopyTest--> distances, and their SampleScores

Each real image is equally likely to have the nearest reference picture. So a sample's p-value is
exact, as for the vectors: docs/explanation/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rara.features.pixel_hashes import Closest, PixelHashes, closest
from rara.geometry.hamming import Counts
from rara.provenance.parts import Method
from rara.stats.joint_rank import Changes, Ranking, SampleScores


@dataclass(frozen=True, slots=True, eq=False)
class PixelCopyTest:
    """The test of samples by a reference's pixels, calibrated with real images."""

    hashes: PixelHashes
    """Those of the reference."""
    others: Counts
    """(n,) distance of each reference picture to its nearest other one."""
    calibration: Counts
    """Distance of each calibration picture to its nearest reference picture."""
    method: Method
    ranking: Ranking = field(init=False)
    """The calibration pictures, the nearest first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranking", Ranking.of(-self.calibration.astype(float)))

    def compare(
        self, samples: PixelHashes, *, own: Counts | None, threads: int | None
    ) -> tuple[Closest, SampleScores]:
        """The nearest reference picture of each sample, and the samples' scores.

        Where a sample that joins becomes the nearest other one of a reference picture, that scores
        by the distance between the two. It matters only where this is also the sample's distance.
        """
        joins = self.method == "full conformal"
        others = self.others if joins else None
        nearest = closest(samples, self.hashes, own=own, others=others, threads=threads)
        scores = -nearest.distance.astype(np.float64)
        if not joins:
            return nearest, SampleScores.of(self.ranking, scores)
        listed = (nearest.index >= 0) & (self.others[nearest.index] > nearest.distance)
        rows = np.flatnonzero(listed).astype(np.int32)
        changes = Changes.of(len(listed), rows, nearest.index[rows], scores[rows])
        which, unlisted = np.zeros(len(listed), np.int32), nearest.joined.astype(np.int64) - listed
        return nearest, SampleScores([self.ranking], which, scores, changes, unlisted)
