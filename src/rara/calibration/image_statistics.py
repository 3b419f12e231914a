"""The statistics by which images are compared: how far out an image is, and how like a copy.

reference --Statistics.around--> what they are made from
images    --StatisticsAxis: one pass--> ImageStatistics --Rankings--> ranked real images
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rara.calibration.copy_statistic import CopyStatistic, statistic_for
from rara.geometry import Balls, Nearest
from rara.scores.axis import BallGeometry, Doubles
from rara.scores.ball_ratio import BallRatio, list_length
from rara.stats.joint_rank import Ranking

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics by which images are compared, made from a reference's neighbour lists."""

    copying: CopyStatistic
    ball_ratio: BallRatio

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """Those of a reference."""
        return cls(statistic_for(geometry), BallRatio.around(geometry))


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """The statistics of some images, one entry an image."""

    knn2: Doubles
    ratio2: Doubles
    copying: Doubles
    near: Flags
    """As near to another image as only copies are."""

    @property
    def exact(self) -> Flags:
        """At distance 0 from another image."""
        return np.isinf(self.copying)

    def part(self, images: slice) -> ImageStatistics:
        """Those of consecutive images."""
        return ImageStatistics(
            self.knn2[images], self.ratio2[images], self.copying[images], self.near[images]
        )


@dataclass(frozen=True, slots=True)
class Rankings:
    """The real images, ranked by each statistic."""

    knn2: Ranking
    ratio2: Ranking
    copying: Ranking

    @classmethod
    def of(cls, images: ImageStatistics) -> Self:
        """By the statistics of the real images."""
        return cls(*map(Ranking.of, (images.knn2, images.ratio2, images.copying)))


@dataclass(frozen=True, slots=True)
class StatisticsAxis:
    """An axis for real images: their squared rarities, and their statistics."""

    statistics: Statistics
    n: int
    """Calibration images: the images themselves, or those that they are compared with."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Balls, Nearest, Balls]:
        """The smallest ball, the nearest few, and the closed balls of all images."""
        depth = list_length(geometry)
        others = len(geometry.names) - (geometry.own is not None)
        nearest = Nearest(samples, min(depth, others))
        return geometry.balls(samples), nearest, Balls(samples, geometry.knn2, "closed")

    def answer(
        self, geometry: BallGeometry, reducers: tuple[Balls, Nearest, Balls]
    ) -> tuple[Doubles, ImageStatistics]:
        """Squared rarities, NaN outside; and statistics, without the effect of joining."""
        balls, nearest, closed = reducers
        copying, ratio = self.statistics.copying, self.statistics.ball_ratio
        held = closed.count > 0
        return balls.radius2, ImageStatistics(
            knn2=nearest.d2[:, geometry.k - 1],
            ratio2=ratio.of(nearest, held) if geometry.own is None else ratio.own2[geometry.own],
            copying=copying.of(nearest),
            near=copying.near(nearest, self.n),
        )
