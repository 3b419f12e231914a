"""The same images once more, at the place where they were, as another extractor sees them.

features --their location, their ids--> images --extractor--> features of the same images
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa

from rara.errors import ReferenceMismatchError, SourceError
from rara.extractors import Extractor
from rara.features.features import Features
from rara.features.item_table import ITEMS
from rara.features.opening import features_of
from rara.features.origin import places_in
from rara.run import Run
from rara.sources import Source, open_source


def reembed(
    features: Features, extractor: Extractor, run: Run, *, source: Source | None = None
) -> Features:
    """Vectors of the same images by another extractor, in the same order, with their metadata.

    `source`: where they are, if it is at hand. Images whose vectors were left out stay listed.
    Images of which it makes no vector are left out. Raises ReferenceMismatchError where the images
    are unavailable: vectors that were given, a place that is gone, other images there.
    """
    sources = [source] if source is not None else sources_of(features, extractor)
    fresh = reduce(Features.joined, (features_of(source, extractor, run)[0] for source in sources))
    again = fresh.take(_rows(features, fresh), features.location)
    return replace(again, items=_items(again, features))


def sources_of(features: Features, extractor: Extractor) -> list[Source]:
    """Where the images of features are, opened for an extractor; raises where they are not."""
    if features.spec.weights == "none":
        raise ReferenceMismatchError(
            f"The features from {features.location} have no images for "
            f"{extractor.spec.name}: give the images."
        )
    try:
        return [open_source(place, metadata="ignore") for place in places_in(features.location)]
    except SourceError as error:
        raise ReferenceMismatchError(
            f"{extractor.spec.name} needs the images that features were made of: {error}"
        ) from error


def _items(again: Features, before: Features) -> pa.Table:
    """The items that were seen again, with the metadata of before, and those left out before."""
    known = dict(zip(before.ids, before.done["metadata"].to_pylist(), strict=True))
    metadata = pa.array([known[name] for name in again.ids], pa.string())
    field = ITEMS.field("metadata")
    items = again.items.set_column(ITEMS.get_field_index(field.name), field, metadata)
    return pa.concat_tables([items, before.embedded.slice(len(before))])


def _rows(wanted: Features, fresh: Features) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of what was found, in the order of what is wanted; another content is another image."""
    pairs = zip(fresh.items["id"].to_pylist(), fresh.items["digest"].to_pylist(), strict=True)
    digest_of, row = dict(pairs), {name: row for row, name in enumerate(fresh.ids)}
    digests = zip(wanted.ids, wanted.done["digest"].to_pylist(), strict=True)
    gone = [name for name, digest in digests if digest_of.get(name) != digest]
    if gone:
        raise ReferenceMismatchError(
            f"{len(gone):,} of {len(wanted):,} images at '{wanted.location}' are missing or "
            f"changed, the first is '{gone[0]}': {fresh.spec.name} needs the same images."
        )
    return np.array([row[name] for name in wanted.ids if name in row], np.int64)
