"""Places whose images are compared with what a table records, before any picture is shown.

table, places that the user names --compared_pictures--> SourcePictures, or a refusal

The contents alone are read: their fingerprint is that of the vectors, so no network is needed.
Where images were left out of a reference, it is made again, from the cache as far as it has them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow as pa

from rara.errors import ParameterError, RaraError, ReferenceMismatchError, SourceError
from rara.explorer.saved_table import allowed_word, reference_again, refuse_others
from rara.extractors.base import Metric
from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.features.item_table import ITEMS
from rara.features.opening import features_of, is_features
from rara.features.origin import HELD_OUT, fingerprint_of, places_in
from rara.images.decode import content_digest
from rara.run import Run, step
from rara.sources import open_source
from rara.table.score_table import ScoreTable

Place = str | os.PathLike[str]
_SPLIT = re.compile(re.escape(HELD_OUT) + r"([0-9.e-]{1,24}), seed ([0-9]{1,20})\)$")


def compared_pictures(
    table: ScoreTable, samples: Place | None, reference: Place | None, run: Run
) -> SourcePictures:
    """The pictures at these places, each of them of the content that was scored.

    Raises SourceError where nothing is at a place, and ParameterError where other images are there.
    """
    found: dict[Side, Features] = {}
    if samples is not None:
        found["samples"] = _compared(table, "samples", os.fspath(samples), run)
    if reference is not None:
        found["reference"] = _compared(table, "reference", os.fspath(reference), run)
    ours, theirs = (found[side].location if side in found else None for side in _SIDES)
    return SourcePictures(samples=ours, reference=theirs, scored=found)


_SIDES: tuple[Side, Side] = ("samples", "reference")


def _compared(table: ScoreTable, side: Side, place: str, run: Run) -> Features:
    """What is at a place, as far as it was scored."""
    part = table.provenance.samples if side == "samples" else table.provenance.reference
    skipped = {one.id for one in table.provenance.samples.skipped} if side == "samples" else ()
    with step(run.progress, f"Comparing the {side} with the table"):
        try:
            found = (
                features_of(place, None, run)[0] if is_features(place) else _read(place, skipped)
            )
        except SourceError as error:
            raise type(error)(f"--{side}: {error}") from error
    if _fingerprint(table, found) == part.fingerprint:
        return found
    if side == "reference" or table.provenance.leave_one_out:
        rest = _rest(table, found)
        if rest is not None and _fingerprint(table, rest) == part.fingerprint:
            return rest
        if _incomplete(table) and not is_features(place):
            return _made_again(table, side, place, run)
    raise refuse_others(side, place)


def _fingerprint(table: ScoreTable, found: Features) -> str | None:
    spec = table.provenance.extractor or found.spec
    metric = allowed_word(table.provenance.reference.metric, get_args(Metric))
    spec = replace(spec, metric=metric)
    return fingerprint_of(spec, found.done["digest"].to_pylist())


def _read(place: str, skipped: Collection[str]) -> Features:
    """The contents of all images that can be read, but for those that the table skipped."""
    ids, digests = [], []
    for part in places_in(place):
        for item in open_source(part, metadata="ignore"):
            if item.id in skipped:
                continue
            try:
                digest = content_digest(item.load())
            except (RaraError, OSError):
                continue  # where it was scored, its content is missing from the fingerprint
            ids.append(item.id)
            digests.append(digest)
    listed = Features.from_arrays(np.zeros((len(ids), 1), np.float32), ids=ids, location=place)
    at = ITEMS.get_field_index("digest")
    items = listed.items.set_column(at, ITEMS.field(at), pa.array(digests, pa.string()))
    return replace(listed, items=items)


def _rest(table: ScoreTable, found: Features) -> Features | None:
    """What stays where the table says that a share was held out to calibrate."""
    calibration = table.provenance.calibration
    images = None if calibration is None else calibration.images
    split = None if images is None else _SPLIT.search(images.location)
    if split is None:
        return None
    try:
        return found.split(float(split[1]), seed=int(split[2]))[0]
    except (RaraError, ValueError):
        return None


def _incomplete(table: ScoreTable) -> bool:
    """Whether the reference lacks images of its place, which the table does not name."""
    part = table.provenance.reference
    cleaned = part.cleaning is not None and bool(part.cleaning.left_out)
    return bool(part.skipped) or cleaned


def _made_again(table: ScoreTable, side: Side, place: str, run: Run) -> Features:
    try:
        return reference_again(table, place, None, run).features
    except ReferenceMismatchError as error:
        raise ParameterError(
            f"'{place}' cannot be compared with the {side} of the table: leave --{side} out, and "
            f"the page shows names. {error}"
        ) from error
