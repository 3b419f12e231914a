"""From a picture to its card: judged alone, with nothing of other pictures.

    places, options --CardMaker--> each picture by itself --Scorer--> one row --> Card

The vector is made anew each time: a card rests on the picture, and not on what a cache holds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, Unpack

import numpy as np
from PIL import Image

from rara.cards.card import Card
from rara.cards.content import (
    CardCalibration,
    CardCleaning,
    CardContent,
    CardEvidence,
    CardImage,
    CardOptions,
    CardReference,
    CardThresholds,
    Neighbour,
    Shown,
)
from rara.cards.record import IMAGES, card_record
from rara.errors import EmptySourceError, ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.features.compatibility import network_for
from rara.features.features import Features, Skipped
from rara.features.image_lookup import SourcePictures
from rara.features.made_once import made_once
from rara.features.opening import Images, is_features
from rara.provenance.json_format import JsonObject
from rara.provenance.parts import CleaningPart
from rara.provenance.provenance import Provenance
from rara.reference.options import Options, ScoreOptions
from rara.reference.reference import Reference, reference_in
from rara.run import Run, checked_run
from rara.sources import Source, open_source
from rara.sources.single import OneItem, listed_images
from rara.table.score_table import ScoreTable

Named: TypeAlias = "str | os.PathLike[str] | Extractor | None"
"""An extractor, by name or path or itself; None finds the reference's own."""
Picture: TypeAlias = "Images | Image.Image | bytes"
"""Images as everywhere, or a single one."""

_PACKAGES = ("python", "numpy", "onnxruntime", "pillow")
"""Those that numbers could depend on."""


def card(
    image: Picture,
    reference: Reference | Images,
    *,
    extractor: Named = None,
    run: Run | None = None,
    **options: Unpack[Options],
) -> Card:
    """The judgement of one picture, judged alone, as a record that `verify` makes again.

    `image`: a path, a PIL image, an array, encoded bytes, or any place with exactly one image.
    `reference`: a `Reference`, a saved one, or a place with images. The options are those of
    `Reference.score`, without groups and siblings: a card is of one picture.

    Raises EmptySourceError where the picture cannot be used, ParameterError where there are
    several, and ReferenceMismatchError where the reference has vectors of an unknown extractor.
    """
    run = checked_run(run)
    maker = CardMaker(reference_of(reference, extractor, options.get("k"), run), extractor, run,
                      **options)  # fmt: skip
    source = pictures_of(image)
    items = list(zip(source, range(2), strict=False))
    if len(items) > 1:
        raise ParameterError(
            f"'{source.location}' holds several images, and a card is of one: give one of them."
        )
    made = next(maker.cards(source), None)
    if made is None:
        raise EmptySourceError(f"'{source.location}' holds no image.")
    if isinstance(made, Skipped):
        raise EmptySourceError(
            f"No card of '{made.id}': it cannot be used ({made.reason}).", [(made.id, made.reason)]
        )
    return made


def pictures_of(images: Picture) -> Source:
    """The pictures of a place, or given as they are. Raises ParameterError for vectors."""
    if is_features(images):
        raise ParameterError("A card is of a picture, and these are vectors: give the image.")
    return open_source(listed_images(images), metadata="ignore")


def reference_of(
    reference: Reference | Images, extractor: Named, k: int | None, run: Run
) -> Reference:
    """The reference itself, the one saved in a folder, or one made of the images there."""
    if isinstance(reference, Reference):
        return reference
    if (saved := reference_in(reference, "reference")) is not None:
        return saved
    images = reference if is_features(reference) else listed_images(reference)
    return Reference.fit(images, k=3 if k is None else k, extractor=extractor or DEFAULT, run=run)


class CardMaker:
    """A reference with options bound: it makes the cards of any number of pictures.

    Each picture is judged by itself, so its card does not depend on the others.
    """

    def __init__(
        self, reference: Reference, extractor: Named, run: Run, **options: Unpack[Options]
    ) -> None:
        """Raises what `Reference.scorer` raises, before any picture is read."""
        if options.get("group_by") is not None or options.get("against_siblings") is not None:
            raise ParameterError(
                "A card is of one picture alone: remove group_by and against_siblings."
            )
        self.options = ScoreOptions(**options)
        self.reference, self.run = reference, replace(run, vectors="forget", progress=None)
        network = extractor or reference.extractor
        self.network = network_for(reference.features.spec, network, run)
        self._scorer = reference.scorer(extractor=self.network, run=self.run, **options)

    def cards(self, source: Source) -> Iterator[Card | Skipped]:
        """One for each picture of a place, in order; of one that cannot be used, the reason."""
        for item in source:
            try:
                table = self._scorer.score(OneItem(item, source.location))
            except EmptySourceError as error:
                yield Skipped(*error.skipped[0])
                continue
            yield self._card(table)

    def _card(self, table: ScoreTable) -> Card:
        assert isinstance(table.pictures, SourcePictures)
        ours, made, own = table.pictures.scored["samples"], table.provenance, self.reference
        [row] = table.arrow.to_pylist()
        digests = _digests(own.features)
        [sha256] = ours.done["digest"].to_pylist()
        same = _same(own.features).get(sha256, [])
        record = card_record(row, digests, same)
        content = CardContent(
            rara=made.rara,
            image=_image(ours, sha256),
            record=record,
            neighbours=self._neighbours(row["neighbors"], digests),
            reference=CardReference(
                fingerprint=own.geometry.fingerprint, count=len(own),
                metric=own.features.spec.metric, cleaning=_cleaning(made),
            ),
            extractor=own.features.spec,
            options=self._options(made),
            thresholds=_thresholds(made),
            calibration=_calibration(made),
            evidence=_evidence(made),
            versions={name: made.versions[name] for name in _PACKAGES if name in made.versions},
        )  # fmt: skip
        names = {digests[one]: one for one in reversed(_named(row, same))}
        return Card(content, Shown(row["id"], names, table.pictures))

    def _neighbours(self, near: Any, digests: Mapping[str, str]) -> tuple[Neighbour, ...]:
        own = self.reference
        balls = own.geometry.ball_geometry(self.options.k, self.options.rule)
        rows = made_once(own.features, "rows by id",
                         lambda: {name: row for row, name in enumerate(own.ids)})  # fmt: skip
        return tuple(
            Neighbour(
                sha256=digests[one["id"]], distance=one["distance"],
                radius=float(np.sqrt(balls.radii2[rows[one["id"]]])),
            )
            for one in near
        )  # fmt: skip

    def _options(self, made: Provenance) -> CardOptions:
        options, network = self.options, made.copy_network
        return CardOptions(
            k=made.k, alpha=options.alpha, boundary=options.boundary, compat=options.compat,
            also=tuple(options.also), evidence=options.evidence,
            copy_network=None if network is None else network.extractor,
        )  # fmt: skip


def _image(features: Features, sha256: str) -> CardImage:
    [width], [height] = (features.done[name].to_pylist() for name in ("width", "height"))
    vector = np.ascontiguousarray(features.vectors[0], "<f4")
    return CardImage(
        sha256=sha256, width=width, height=height, vector=hashlib.sha256(vector.data).hexdigest()
    )


def _thresholds(made: Provenance) -> CardThresholds | None:
    part = made.verdict
    if part is None:
        return None
    return CardThresholds(rare=part.rare, uncommon=part.uncommon, shortfall=part.shortfall)


def _cleaning(made: Provenance) -> CardCleaning:
    part = made.reference.cleaning or CleaningPart()
    return CardCleaning(
        deduplicate=part.deduplicate, unit=part.unit, clip_radii=part.clip_radii,
        left_out=part.left_out or 0,
    )  # fmt: skip


def _calibration(made: Provenance) -> CardCalibration | None:
    part = made.calibration
    if part is None:
        return None
    return CardCalibration(
        method=part.method, rarity_method=part.rarity_method, copy_statistic=part.copy_statistic,
        real_images=part.real_images, real_images_inside=part.real_images_inside,
        smallest_off_manifold_p=part.smallest_p.off_manifold, smallest_copy_p=part.smallest_p.copy,
        near_copy_p=part.near_copy.p, repeating=part.near_copy.repeating,
    )  # fmt: skip


def _evidence(made: Provenance) -> CardEvidence | None:
    part = made.evidence
    if part is None:
        return None
    return CardEvidence(images=part.images, unavailable=part.unavailable, indexed=part.indexed)


def _digests(features: Features) -> dict[str, str]:
    """The content of each reference image, by id."""

    def make() -> dict[str, str]:
        return dict(zip(features.ids, features.done["digest"].to_pylist(), strict=True))

    return made_once(features, "digests by id", make)


def _same(features: Features) -> dict[str, list[str]]:
    """The ids of the reference images of each content."""

    def make() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, digest in _digests(features).items():
            found.setdefault(digest, []).append(name)
        return found

    return made_once(features, "ids by digest", make)


def _named(row: JsonObject, same: list[str]) -> list[str]:
    """The reference images that a row names, in its order."""
    near: Any = row["neighbors"]
    named = [row.get(name) for name in IMAGES]
    return [*(str(one) for one in named if one is not None), *(one["id"] for one in near), *same]
