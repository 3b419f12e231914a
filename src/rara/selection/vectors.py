"""The vectors behind a table: those that it was scored with, or those of a place.

    table, place --vectors_of--> Features whose rows are those of the table

What is found at a place must have the contents that the table records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow.compute as pc

from rara.errors import ParameterError
from rara.extractors import Spec
from rara.extractors.base import Metric
from rara.features.compatibility import features_like
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.metric import with_metric
from rara.features.opening import Images, as_features, features_of, is_features
from rara.report.formatting import counted
from rara.run import Run, step
from rara.sources import Source
from rara.table.same_images import allowed_word
from rara.table.score_table import ScoreTable


def vectors_of(
    table: ScoreTable, samples: Images | None, run: Run
) -> tuple[Features, SourcePictures | None]:
    """The samples' vectors, row for row, and their pictures where they are known now.

    Raises ParameterError where there are none, and where others are there than were scored.
    """
    if samples is None:
        return _of_rows(table, _scored_with(table)), None
    with step(run.progress, "Opening the samples"):
        features, source = _opened(table, samples, run)
    recorded = table.provenance.samples.fingerprint
    if recorded is None or features.fingerprint != recorded:
        raise ParameterError(
            f"'{features.location}' holds other images than the samples of the table, or other "
            "vectors of them: give the samples that were scored, or score them again."
        )
    pictures = SourcePictures(
        samples=source or features.location, reference=None, scored={"samples": features}
    )
    return _of_rows(table, features), pictures


def _scored_with(table: ScoreTable) -> Features:
    pictures = table.pictures
    if isinstance(pictures, SourcePictures) and "samples" in pictures.scored:
        return pictures.scored["samples"]
    raise ParameterError(
        "The table has no vectors of its samples, and to compare picks they are needed: give the "
        "images or the vectors that were scored as `samples`."
    )


def _opened(table: ScoreTable, samples: Images, run: Run) -> tuple[Features, Source | None]:
    made = table.provenance
    metric: Metric = allowed_word(made.reference.metric, get_args(Metric))
    if isinstance(samples, np.ndarray) and samples.ndim == 2 and samples.dtype.kind == "f":
        samples = as_features(samples, None, "samples")
    if made.extractor is None or is_features(samples):
        if not is_features(samples):
            raise ParameterError(
                "The table was made of vectors that were computed elsewhere: give them as "
                "`samples`, and no images."
            )
        return with_metric(features_of(samples, None, run)[0], metric), None
    spec: Spec = replace(made.extractor, metric=metric)
    return features_like(spec, samples, None, run)


def _of_rows(table: ScoreTable, features: Features) -> Features:
    """The vectors of the table's rows, in their order."""
    rows = pc.index_in(table.arrow["id"].combine_chunks(), features.done["id"].combine_chunks())
    if rows.null_count:
        raise ParameterError(
            f"{counted(rows.null_count, 'row')} of the table's {len(table):,} are not among the "
            f"images of '{features.location}': give the samples that were scored."
        )
    order = rows.to_numpy().astype(np.int64)
    if len(order) == len(features) and (order == np.arange(len(order))).all():
        return features
    return features.take(order, features.location)
