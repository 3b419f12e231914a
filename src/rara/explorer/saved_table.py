"""A saved table with its images opened again, and checked to be those that were scored.

    table.parquet --places in its provenance, or others--> features, reference --> Explored

The table may come from somebody else, so its places are only names: what is found there must have
the contents that the provenance records, or nothing is shown.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self, get_args

from rara.errors import SourceNotFoundError
from rara.explorer.explored import Explored
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.features.compatibility import features_like, network_for
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.opening import is_features
from rara.features.origin import places_in
from rara.provenance.parts import CleaningPart
from rara.reference.cleaning import Duplicates
from rara.reference.options import Compat, Options
from rara.reference.reference import Reference, reference_in
from rara.retrieval.finding import Looking
from rara.run import Run, step
from rara.table.same_images import allowed_word, refuse_others
from rara.table.score_table import ScoreTable

_Place = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the images of a table are."""

    samples: str
    reference: str

    @classmethod
    def of(cls, table: ScoreTable, samples: _Place | None, reference: _Place | None) -> Self:
        """Those that are given, or else those that the table names."""
        named = table.provenance.samples.location, table.provenance.reference.location
        given = (samples, reference)
        return cls(*(one if given is None else os.fspath(given)
                     for one, given in zip(named, given, strict=True)))  # fmt: skip


def opened_again(
    table: ScoreTable,
    places: Places,
    run: Run,
    extractor: Extractor | None = None,
) -> Explored:
    """The table beside the vectors it was made of: from the cache, as far as it has them.

    Raises SourceError where a place is gone, and ParameterError where other images are there.
    """
    reference = reference_again(table, places.reference, extractor, run)
    if table.provenance.leave_one_out:
        features, source = reference.features, None
    else:
        with step(run.progress, "Opening the samples"):
            features, source = features_like(
                reference.features.spec, existing(places.samples, "samples"), extractor, run
            )
        _check(features, table.provenance.samples.fingerprint, "samples", places.samples)
    pictures = SourcePictures.of(features, source, reference.features, None)
    whole = ScoreTable(table.arrow, table.provenance, pictures)
    return Explored.of(whole, reference, features)


def reference_again(
    table: ScoreTable, place: str, extractor: Extractor | None, run: Run
) -> Reference:
    """The reference of a folder that rara wrote, or made again as the table records it."""
    part = table.provenance.reference
    place = existing(place, "reference")
    reference = reference_in(place)
    if reference is None:
        cleaning = part.cleaning or CleaningPart()
        with step(run.progress, "Making the reference"):
            reference = Reference.fit(
                place, k=table.provenance.k, extractor=_network(table, place, extractor, run),
                metric=allowed_word(part.metric, get_args(Metric)),
                deduplicate=allowed_word(cleaning.deduplicate, get_args(Duplicates)),
                clip_radii=cleaning.clip_radii, unit=cleaning.unit, run=run,
            )  # fmt: skip
    _check(reference.features, part.fingerprint, "reference", place)
    return reference


def _network(
    table: ScoreTable, place: str, extractor: Extractor | None, run: Run
) -> Extractor | str:
    spec = table.provenance.extractor
    if extractor is not None or spec is None or is_features(place):
        return extractor or DEFAULT
    return network_for(spec, None, run)


def options_of(table: ScoreTable) -> Options:
    """How the table was judged, so that further pictures are judged alike, each by itself."""
    made = table.provenance
    options: Options = {
        "k": made.k,
        "boundary": allowed_word(made.boundary, ("open", "closed")),
        "compat": allowed_word(made.compat, get_args(Compat)),
        "evidence": allowed_word(made.evidence.looking if made.evidence else "none",
                                 get_args(Looking)),
    }  # fmt: skip
    if made.verdict is not None:
        options["alpha"] = made.verdict.alpha
    return options


def existing(place: str, side: str) -> str:
    """A place that is there. Raises SourceNotFoundError, with the option that names another."""
    found = [Path(one.partition("#")[0]).expanduser() for one in places_in(place)]
    if len(found) != 1 or not os.path.lexists(found[0]):
        raise SourceNotFoundError(
            f"The table's {side.removesuffix('s')} images are not at '{place}': say where they are "
            f"with --{side}."
        )
    return places_in(place)[0]


def _check(features: Features, recorded: str | None, side: str, place: str) -> None:
    """Refuse other contents than were scored."""
    if recorded is None or features.fingerprint != recorded:
        raise refuse_others(side, place)
