"""How well unrelated pictures of one reference agree as wholes, and the p-value of agreement.

Whole pictures agree by chance where all are made alike: faces cut out in one way, clothes on white.
So what is usual is measured on the reference itself, on pairs of its pictures drawn at random.
Beyond the strongest of these pairs the share is taken to fall exponentially, the slower the more
the strongest pairs differ. Two pictures of a pair drawn at random are hardly ever copies of one
another; where many are, the tail is heavier, and less is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.machine import cores
from rara.retrieval.aligned_picture import AlignablePicture, laid
from rara.retrieval.whole_picture import WholePicture, whole_agreement

PICTURES: Final = 300
"""Drawn from a larger reference: 44,850 pairs."""

PAIRS: Final = 4_000
"""Of these pictures, those laid over each other: a few seconds."""

FEWEST: Final = 10
"""With fewer pictures there are too few pairs to say what is usual."""

_STRONGEST: Final = 100
"""Pairs from which the tail is fitted; of few pairs one in ten."""

_LEVEL: Final = 0.99
"""Of the limits on the tail's share and its scale."""

_BLOCK: Final = 16


@dataclass(frozen=True, slots=True)
class ChanceAgreement:
    """The tail of the agreement of two unrelated pictures."""

    start: float
    """The agreement from which the tail is fitted."""
    share: float
    """Upper limit of the share of pairs that reach it."""
    scale: float
    """Upper limit of the tail's mean excess, in the unit of agreement."""

    @classmethod
    def among(cls, pictures: Sequence[WholePicture]) -> Self | None:
        """Measured on all pairs of these pictures; None where there are too few."""
        enough = [one for one in pictures if one.sufficient]
        if len(enough) < FEWEST:
            return None
        rows = [
            whole_agreement(enough[i : i + _BLOCK], enough)[0]
            for i in range(0, len(enough), _BLOCK)
        ]
        upper = np.triu_indices(len(enough), 1)
        return cls.of(np.concatenate(rows)[upper])

    @classmethod
    def among_aligned(
        cls, pictures: Sequence[AlignablePicture], *, threads: int | None = 1
    ) -> Self | None:
        """The same of pictures laid over each other; None where there are too few.

        Each is laid over those that follow it in their order, `PAIRS` pairs at most.
        """
        enough = [one for one in pictures if one.sufficient]
        count = len(enough)
        if count < FEWEST:
            return None
        each = max(1, min((count - 1) // 2, PAIRS // count))
        around = [*enough, *enough]

        def strengths(row: int) -> list[float]:
            return [one.strength for one in laid(enough[row], around[row + 1 : row + 1 + each])]

        with ThreadPoolExecutor(threads or cores()) as crew:
            return cls.of(np.concatenate(list(crew.map(strengths, range(count)))))

    @classmethod
    def of(cls, strengths: NDArray[np.float64]) -> Self:
        """From the agreement of pairs of unrelated pictures.

        The excess over the start is taken to be exponential; a sum of so many has a gamma
        distribution, which gives the limit of the scale. The share's is Clopper and Pearson's
        (Biometrika 1934).
        """
        from scipy.special import betaincinv, gammaincinv  # scipy.stats takes a second to import

        strongest = min(_STRONGEST, max(2, len(strengths) // 10))
        ordered = np.sort(strengths)[::-1]
        start = float(ordered[strongest])
        excess = float(np.sum(ordered[:strongest] - start))
        scale = excess / float(gammaincinv(strongest, 1 - _LEVEL))
        share = float(betaincinv(strongest + 1, len(strengths) - strongest, _LEVEL))
        return cls(start, share, max(scale, _LEAST_SCALE))

    def p_value(self, strength: float, candidates: int) -> float:
        """How often the best of so many unrelated pictures agrees as well, from 0 to 1.

        `candidates`: all pictures that the sample could have been found in, also those that were
        not looked at, since the others were chosen for being alike.
        """
        tried = whole(candidates, "candidates")
        if strength <= self.start:
            return 1.0
        one = self.share * np.exp(-(strength - self.start) / self.scale)
        return min(1.0, tried * float(one))


_LEAST_SCALE: Final = 0.8
"""That of photos in general (studies/whole_pictures.py); a few pairs could show a smaller one."""
