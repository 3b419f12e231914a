"""The real images of a comparison: a reference with lists deep enough for halves of it.

images --reference_of: one scan of all pairs--> Reference --scorer_of--> Scorer
"""

from __future__ import annotations

import os

from rara.comparison.lists import depth_for
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.features.neighbours import whole_k
from rara.features.opening import Images
from rara.reference.cleaning import Cleaning
from rara.reference.fitting import fitted
from rara.reference.reference import Reference
from rara.reference.scorer import Scorer
from rara.run import Run


def scorer_of(
    reference: Images | Reference | Scorer,
    k: int | None,
    extractor: str | os.PathLike[str] | Extractor | None,
    run: Run,
) -> Scorer:
    """A warm scorer; raises ParameterError where one is given with a k or a calibration."""
    if isinstance(reference, Scorer):
        if k is not None:
            raise ParameterError(f"k = {k}: a scorer has its own k. Remove it.")
        if not reference.calibrates_itself:
            raise ParameterError(
                "A comparison calibrates with the reference's own images: give a scorer without "
                "calibration."
            )
        return reference
    if isinstance(reference, Reference):
        return reference.scorer(k=k, extractor=extractor, run=run)
    made = reference_of(reference, k=k, extractor=extractor, run=run)
    return made.scorer(extractor=extractor, run=run)


def reference_of(
    images: Images,
    *,
    k: int | None = None,
    metric: Metric | None = None,
    unit: str | None = None,
    extractor: str | os.PathLike[str] | Extractor | None = None,
    run: Run,
) -> Reference:
    """What `Reference.fit` gives; the longer lists of a comparison come from the same scan."""
    k = whole_k(3 if k is None else k)
    made = fitted(
        images, Cleaning(unit=unit), k=k, extractor=extractor or DEFAULT, metric=metric, run=run,
        depth=depth_for(k),
    )  # fmt: skip
    return Reference(made.geometry, source=made.source, extractor=made.extractor)
