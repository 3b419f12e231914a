"""Places whose images are compared with what a table records, before any picture is shown.

provenance, places that the user names --compared_pictures--> SourcePictures, or a refusal

The contents alone are read: their fingerprint is that of the vectors, so no network is needed.
Where images were left out of a reference, it has to be made again, which the caller may offer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from rara.errors import ParameterError, RaraError, ReferenceMismatchError, SourceError
from rara.extractors.base import Metric
from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.features.item_table import ITEMS
from rara.features.opening import features_of, is_features
from rara.features.origin import HELD_OUT, fingerprint_of, places_in
from rara.images.decode import content_digest
from rara.provenance.provenance import Provenance
from rara.run import Run, step
from rara.sources import open_source

Place: TypeAlias = str | os.PathLike[str]
Again: TypeAlias = Callable[[str], Features]
"""Makes the reference at a place again, as the table records it."""
_SPLIT = re.compile(re.escape(HELD_OUT) + r"([0-9.e-]{1,24}), seed ([0-9]{1,20})\)$")


def compared_pictures(
    provenance: Provenance,
    samples: Place | None,
    reference: Place | None,
    run: Run,
    again: Again | None = None,
) -> SourcePictures:
    """The pictures at these places, each of them of the content that was scored.

    Raises SourceError where nothing is at a place, and ParameterError where other images are there,
    or where images were left out of the reference and nothing makes it `again`.
    """
    found: dict[Side, Features] = {}
    if samples is not None:
        found["samples"] = _compared(provenance, "samples", os.fspath(samples), run, again)
    if reference is not None:
        found["reference"] = _compared(provenance, "reference", os.fspath(reference), run, again)
    ours, theirs = (found[side].location if side in found else None for side in _SIDES)
    return SourcePictures(samples=ours, reference=theirs, scored=found)


_SIDES: tuple[Side, Side] = ("samples", "reference")


def _compared(
    provenance: Provenance, side: Side, place: str, run: Run, again: Again | None
) -> Features:
    """What is at a place, as far as it was scored."""
    part = provenance.samples if side == "samples" else provenance.reference
    skipped = {one.id for one in provenance.samples.skipped} if side == "samples" else ()
    with step(run.progress, f"Comparing the {side} with the table"):
        try:
            found = (
                features_of(place, None, run)[0] if is_features(place) else _read(place, skipped)
            )
        except SourceError as error:
            raise type(error)(f"{side}: {error}") from error
    if _fingerprint(provenance, found) == part.fingerprint:
        return found
    if side == "reference" or provenance.leave_one_out:
        rest = _rest(provenance, found)
        if rest is not None and _fingerprint(provenance, rest) == part.fingerprint:
            return rest
        if _incomplete(provenance) and not is_features(place):
            return _made_again(side, place, again)
    raise refuse_others(side, place)


def refuse_others(side: str, place: str) -> ParameterError:
    """The error where other images are at a place."""
    return ParameterError(
        f"'{place}' holds other images than the {side} of the table, or other vectors of them: "
        "give the place that was scored, or score it again."
    )


def allowed_word(value: str | None, allowed: tuple[Any, ...]) -> Any:
    """One of a few words; a table may come from somebody else."""
    if value is not None and value not in allowed:
        raise ParameterError(f"The table says '{value[:40]}', which rara does not write.")
    return value


def _fingerprint(provenance: Provenance, found: Features) -> str | None:
    spec = provenance.extractor or found.spec
    metric = allowed_word(provenance.reference.metric, get_args(Metric))
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


def _rest(provenance: Provenance, found: Features) -> Features | None:
    """What stays where the table says that a share was held out to calibrate."""
    calibration = provenance.calibration
    images = None if calibration is None else calibration.images
    split = None if images is None else _SPLIT.search(images.location)
    if split is None:
        return None
    try:
        return found.split(float(split[1]), seed=int(split[2]))[0]
    except (RaraError, ValueError):
        return None


def _incomplete(provenance: Provenance) -> bool:
    """Whether the reference lacks images of its place, which the table does not name."""
    part = provenance.reference
    cleaned = part.cleaning is not None and bool(part.cleaning.left_out)
    return bool(part.skipped) or cleaned


def _made_again(side: str, place: str, again: Again | None) -> Features:
    if again is None:
        raise ParameterError(
            f"'{place}' cannot be compared with the {side} of the table: images were left out of "
            f"it. `rara report TABLE -o PAGE.html --{side} {place}` makes it again; or leave "
            f"{side} out, and names are shown."
        )
    try:
        return again(place)
    except ReferenceMismatchError as error:
        raise ParameterError(
            f"'{place}' cannot be compared with the {side} of the table: leave --{side} out, and "
            f"the page shows names. {error}"
        ) from error
