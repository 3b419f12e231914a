"""The nearest pixel hash of a sample as evidence: pictures that were blurred or damaged as wholes.

    pixel hashes of both sides --nearest_by_pixels--> NearestByPixels --joined--> one p-value

Direct evidence needs detail, and a blurred picture has little. Its pixel hash may still be nearer
to a reference image's than reference images are to one another. The p-value of that is exact
where the sample is a picture as they are (`rara.calibration.by_pixels`), and never below
2 / (n + 1). It is joined with that of direct evidence as twice the smaller one, which holds
however both depend on each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_pixels import PixelCopyTest
from rara.features.features import Features
from rara.features.made_once import made_once
from rara.features.pixel_cache import PixelCache
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry.hamming import Counts
from rara.retrieval.ready_pictures import Ready
from rara.retrieval.sources import WORTH_SHOWING, FoundSource, whole_at_p
from rara.run import Run

TESTS: Final = 2
"""Direct evidence and pixel hashes: by which the smaller p-value is multiplied."""


@dataclass(frozen=True, slots=True, eq=False)
class NearestByPixels:
    """The reference image with the nearest pixel hash, for each sample."""

    rows: Counts
    """(m,) -1 where there is none to compare with."""
    p: NDArray[np.float64]
    """(m,) how often a picture as those of the reference has one as near."""

    def joined(
        self,
        row: int,
        found: Mapping[int, FoundSource],
        sample: Ready,
        looked: Mapping[int, Ready],
        past: Collection[int],
    ) -> dict[int, FoundSource]:
        """What both tests say of a sample, by row of the reference, as far as it is worth showing.

        `found`: by direct evidence. `looked`: the candidates' pictures. `past`: rows that people
        decided are no sources.
        """
        joined = {other: replace(one, p=TESTS * one.p) for other, one in found.items()}
        nearest, p = int(self.rows[row]), TESTS * float(self.p[row])
        if nearest in looked and nearest not in past and p <= WORTH_SHOWING:
            known = joined.get(nearest)
            if known is None:
                joined[nearest] = whole_at_p(sample, looked[nearest], p)
            elif p < known.p:
                joined[nearest] = replace(known, p=p)
        return {other: one for other, one in joined.items() if one.p <= WORTH_SHOWING}


def nearest_by_pixels(samples: Features, reference: Features, run: Run) -> NearestByPixels | None:
    """None where rara has not seen the pixels of both sides."""
    ours = pixel_hashes_of(samples)
    theirs = made_once(
        reference, "nearest pixel hashes", lambda: PixelCache(reference).with_nearest(run)
    )
    if ours is None or theirs is None:
        return None
    hashes, others = theirs
    test = PixelCopyTest(hashes, others, others, "full conformal")
    nearest, scores = test.compare(ours, own=None, threads=run.threads)
    return NearestByPixels(nearest.index, scores.ranks(joins=True) / (len(reference) + 1))
