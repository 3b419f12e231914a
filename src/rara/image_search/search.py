"""The door of image search: which reference images pictures come from.

images, reference --features, candidates, evidence--> Matches
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, get_args

from PIL import Image

from rara import __version__
from rara.arguments import flag, path_of, short, whole
from rara.decisions.decision import Decision
from rara.errors import (
    ExtractorError,
    ParameterError,
    ReferenceMismatchError,
    UnwritableError,
)
from rara.extractors import DEFAULT, Extractor
from rara.features.compatibility import features_like, network_for
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.metric import with_metric
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.geometry.threads import one_core
from rara.image_search.candidates import (
    MOST,
    ByIndex,
    ByParts,
    ByPixels,
    ByVectors,
    CandidateSource,
    Query,
    candidates_of,
)
from rara.image_search.looking import Sides
from rara.image_search.match import TOP, By, QueryMatches
from rara.image_search.matches import Matches
from rara.image_search.sheets import SheetPictures, SplitSource, split_sheets
from rara.machine import cores
from rara.provenance.parts import SearchedPart
from rara.provenance.provenance import SearchProvenance
from rara.reference.reference import Reference, reference_in
from rara.retrieval.ready_pictures import KEPT, ReadyPictures
from rara.retrieval.reference_index import (
    FOLDER,
    ReferenceIndex,
    build_index_of,
    index_of,
    problem_of,
)
from rara.run import Run, checked_run, step, watching
from rara.sources import Source
from rara.sources.single import listed_images
from rara.storage.folder import kind_of
from rara.table.provenance import about_extractor, about_samples

Searched: TypeAlias = "Images | Image.Image | bytes"
"""Images as everywhere, or a single one."""

LEADING: Final[dict[By, tuple[str, ...]]] = {
    "copy": (),
    "look": (ByPixels.name, ByVectors.name),
    "meaning": (ByVectors.name,),
}
"""The sources of candidates that a ranking is of."""

_AT_ONCE: Final = 8
"""Samples whose candidates are in memory at once, or fewer."""


def search(
    images: Searched,
    reference: Reference | Images,
    *,
    by: By = "copy",
    top: int = TOP,
    index: str | os.PathLike[str] | None = None,
    split: bool = True,
    extractor: str | os.PathLike[str] | Extractor | None = None,
    run: Run | None = None,
) -> Matches:
    """The reference images that each image comes from, or is most like, the best first.

    `images`: a place, a PIL image, an array, encoded bytes, or any number of these. `reference`:
    the same, a saved reference, or a `Reference`. `by`: "copy" ranks by evidence of copying, "look"
    by pixels and vectors, "meaning" by vectors alone; all look for sources, and name the best one
    wherever it ranks. `top`: matches for each image. `index`: a
    folder with an index of the reference's local features, which finds more of what was cropped or
    pasted. It is made where there is none. A saved reference may have one; of up to 300 images one
    is made anyway, and kept in the cache. `split`: whether the panels of a contact sheet are
    searched for instead of the sheet, each as an image of its own, with `#1` and so on behind the
    sheet's id, in reading order.

    Pictures are read again from where they are. Where one is gone or has changed, evidence is not
    available, and the rest stands. Raises EmptySourceError where no image can be used, and
    ParameterError for a reference that has only vectors.
    """
    run, top, split = checked_run(run), whole(top, "top"), flag(split, "split")
    if by not in get_args(By):
        raise ParameterError(f"by = {short(by)}: give {', '.join(map(repr, get_args(By)))}.")
    reference = _opened(reference)
    real, source, network = _reference(reference, extractor, run)
    given = split_sheets(listed_images(images), run) if split else listed_images(images)
    samples, ours = features_like(real.spec, given, network, run)
    pictures = SourcePictures.of(samples, ours, real, source)
    theirs = ReadyPictures("reference", real, pictures, run)
    if index is None:
        saved = reference.index if isinstance(reference, Reference) else None
        local = index_of(theirs, saved, run)
    else:
        folder = path_of(index, "index")
        _spare_others(folder, reference, real)
        local = build_index_of(theirs, folder, run)
    with step(run.progress, "Pictures of the reference"):
        sides = Sides.of(samples, theirs, _decisions(reference), run)
    sources = _sources(samples, theirs, local, network, _most(top, theirs), run)
    own = ReadyPictures("samples", samples, pictures, run)
    queries = tuple(_searched(sides, own, sources, by, top, run))
    made = replace(_provenance(sides, by, top, sources), index_problem=local.problem)
    if not isinstance(ours, SplitSource):
        return Matches(queries, made, pictures)
    made = replace(made, sheets=tuple(ours.sheets.values()))
    return Matches(queries, made, SheetPictures(pictures, ours))


def _spare_others(index: Path, reference: Reference | Images, real: Features) -> None:
    """Refuses to replace the index that was saved with another reference."""
    if index.name != FOLDER or kind_of(index.parent) != "reference" or kind_of(index) is None:
        return
    own = reference.index if isinstance(reference, Reference) else None
    if (own is None or own.resolve() != index.resolve()) and problem_of(real, index) is not None:
        raise UnwritableError(
            f"'{index}' is the index of the reference '{index.parent}': give another folder."
        )


def _searched(
    sides: Sides,
    own: ReadyPictures,
    sources: list[CandidateSource],
    by: By,
    top: int,
    run: Run,
) -> Iterator[QueryMatches]:
    most = _most(top, sides.reference)
    at_once = max(1, min(_AT_ONCE, KEPT // most))
    with (
        watching(run.progress, len(own), "Samples among the reference") as advance,
        one_core(),
        ThreadPoolExecutor(run.threads or cores()) as crew,
    ):
        for start in range(0, len(own), at_once):
            rows = range(start, min(start + at_once, len(own)))
            ready = own(rows)
            queries = [Query(row, ready.get(row)) for row in rows]
            named = candidates_of(queries, sources, most, leading=LEADING[by], top=top)
            each = [sides.rows(query, some) for query, some in zip(queries, named, strict=True)]
            there = sides.reference({row for some in each for row in some})
            match = partial(sides.matches, there=there, by=by, top=top)
            for found in crew.map(match, queries, each):
                yield found
                if advance:
                    advance(1)


def _most(top: int, reference: ReadyPictures) -> int:
    """Candidates of a sample."""
    return min(max(MOST, top), len(reference))


def _reference(
    reference: Reference | Images, extractor: str | os.PathLike[str] | Extractor | None, run: Run
) -> tuple[Features, Source | None, str | os.PathLike[str] | Extractor | None]:
    """The reference's features, its images, and what makes the vectors of samples."""
    if isinstance(reference, Reference):
        real, source, given = reference.features, reference.source, extractor or reference.extractor
    elif is_features(reference):
        real, source, given = *features_of(reference, None, run), extractor
    else:
        given = find_extractor(extractor or DEFAULT, run)
        real, source = features_of(listed_images(reference), given, run)
    if real.spec.weights == "none":
        raise ParameterError(
            f"The reference {real.location} has vectors that were computed elsewhere and no "
            "images, so no picture can be compared with it: give its images."
        )
    return with_metric(real, None), source, given


def _decisions(reference: Reference | Images) -> tuple[Decision, ...]:
    """What people decided of pairs, as it is held with a reference."""
    return tuple(reference.decisions) if isinstance(reference, Reference) else ()


def _opened(reference: Reference | Images) -> Reference | Images:
    """A saved reference as such, with its index and with what people decided."""
    saved = reference_in(reference)
    return reference if saved is None else saved


def _sources(
    samples: Features,
    reference: ReadyPictures,
    local: ReferenceIndex,
    named: str | os.PathLike[str] | Extractor | None,
    most: int,
    run: Run,
) -> list[CandidateSource]:
    """What names candidates, those that are surest first."""
    real = reference.features
    network = _network(real, named, run)
    return [
        *([] if local.index is None else [ByIndex(local.index, most)]),
        ByPixels(samples, real, run),
        ByVectors(samples, real, most, run),
        *([] if network is None else [ByParts(real, network, most, run)]),
    ]


def _network(
    real: Features, named: str | os.PathLike[str] | Extractor | None, run: Run
) -> Extractor | None:
    """What makes vectors of parts; None where it is not installed, and vectors are all there is."""
    try:
        network = network_for(real.spec, named, run)
    except (ExtractorError, ReferenceMismatchError):
        return None
    same = replace(network.spec, metric=real.spec.metric) == real.spec
    return network if same else None


def _provenance(sides: Sides, by: By, top: int, sources: list[CandidateSource]) -> SearchProvenance:
    real = sides.reference.features
    return SearchProvenance(
        rara=__version__,
        samples=about_samples(sides.samples),
        reference=SearchedPart(
            location=real.location, count=len(real), skipped=len(real.skipped),
            metric=real.spec.metric, fingerprint=real.fingerprint,
            unavailable=len(sides.reference.unavailable),
        ),
        by=by,
        top=top,
        candidates=tuple(source.name for source in sources),
        extractor=about_extractor(real),
    )  # fmt: skip
