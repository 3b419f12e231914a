"""A reference made of images: vectors, cleaned, and the neighbours of each.

    images --embed--> features --metric, cleaning--> those kept --one scan--> ReferenceGeometry

A comparison needs longer lists of neighbours than scores do. It asks for them here, so that one
scan of the reference serves both: shorter lists are the beginning of longer ones.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from rara.extractors import Extractor
from rara.extractors.base import Metric
from rara.features import neighbours as neighbourhood
from rara.features.metric import with_metric
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.reference.cleaning import Cleaning
from rara.reference.geometry import ReferenceGeometry
from rara.run import Run, checked_run
from rara.sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a `Reference` is made of."""

    geometry: ReferenceGeometry
    source: Source | None
    extractor: Extractor | None
    """None where features were given."""


def fitted(
    images: Images,
    cleaning: Cleaning,
    *,
    k: int,
    extractor: str | os.PathLike[str] | Extractor,
    metric: Metric | None,
    run: Run | None,
    depth: int = 0,
) -> Fitted:
    """From images; vectors and neighbours come from the cache where it has them.

    `depth`: neighbours that are listed beside those of the geometry, as `ReferenceGeometry.deep`.
    """
    run, k = checked_run(run), neighbourhood.whole_k(k)  # before long work
    network = None if is_features(images) else find_extractor(extractor, run)
    features, source = features_of(images, network, run)
    neighbourhood.checked_k(k, len(features), k)
    features = with_metric(features, metric)
    features, deep = cleaning.neighbourhood(features, k, run, depth)
    lists = deep.first(neighbourhood.depth_for(k, len(features)))
    geometry = ReferenceGeometry(features, lists.d2, lists.index, k=k, cleaning=cleaning, deep=deep)
    return Fitted(geometry, source, network)
