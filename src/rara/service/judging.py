"""Images judged against a warm reference: what `rara score` gives for the same images.

    UploadedImages --Judge.judge--> ScoreTable --records--> one JSON object an image, in order

A request is one set of samples, as a folder is for `rara score`: some p-values and calls count all
samples that are judged together. With `together=False` each image is a set of its own, and its
record does not depend on the others. Images of different requests never meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from PIL import Image

from rara.errors import EmptySourceError
from rara.extractors import Extractor
from rara.features.compatibility import network_for
from rara.features.image_lookup import SourcePictures
from rara.image_search.sheets import split_sheets
from rara.provenance.json_format import JsonObject, encoded
from rara.reference.options import Options
from rara.reference.reference import Reference
from rara.reference.scorer import Scorer
from rara.run import Run
from rara.service.metrics import Metrics
from rara.service.uploads import Upload, UploadedImages
from rara.sources.base import Source
from rara.table.score_table import ScoreTable
from rara.table.writing import json_rows

EDGE = 96
"""In pixels, of the pictures that are judged and searched for before the first request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearImage:
    """A reference image near a sample."""

    row: int
    id: str
    distance: float
    radius: float
    """Of its ball; the sample lies inside where the distance is smaller."""
    owner: bool
    """Whether it is `rarity_witness`: its ball is the smallest that holds the sample."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Images that were judged together."""

    source: Source
    """The images, or the panels that stand in their places."""
    names: Sequence[str]
    """Their ids, in order."""
    table: ScoreTable | None
    """None where none of them could be used."""
    skipped: Sequence[tuple[str, str]]
    """Those that could not be used, with the reason."""


class Judge:
    """A reference with its network and options bound, ready to judge at once; from any thread."""

    def __init__(
        self,
        reference: Reference,
        *,
        run: Run,
        max_pixels: int | None = None,
        extractor: Extractor | None = None,
        metrics: Metrics | None = None,
        **options: Unpack[Options],
    ) -> None:
        """`run`: its vectors are forgotten, for a service keeps nothing of what it is sent.

        `max_pixels`: of a sent image, where it is fewer than those of the reference may have.
        """
        pixels = run.max_pixels if max_pixels is None else max_pixels
        run = replace(run, vectors="forget", progress=None, max_pixels=pixels)
        self.reference, self.run = reference, run
        self.network = extractor or reference.extractor
        if self.network is None:
            self.network = network_for(reference.features.spec, None, self.run)
        self.scorer: Scorer = reference.scorer(extractor=self.network, run=self.run, **options)
        self._metrics = metrics or Metrics()
        self._rows = {name: row for row, name in enumerate(reference.ids)}
        self.warmed: ScoreTable | None = None
        """What `warm` judged first; None before it."""
        self._radii = np.sqrt(reference.geometry.ball_geometry(self.scorer.options.k).radii2)

    def warm(self) -> ScoreTable:
        """Judge pictures, so that the first request finds all that is made once.

        All but the first are copies, which are compared with their source, and with others. One is
        no picture at all: to find that out, every decoder is loaded.
        """
        if self.warmed is not None:
            return self.warmed
        self.scorer.warm()
        table = self.scorer.score({"warm": noise_picture()})
        own = self.reference.features
        pictures = SourcePictures.of(own, None, own, self.reference.source)
        for copy in pictures("reference", self.reference.ids[:1]).values():
            small = copy.resize((max(16, copy.width * 3 // 4), max(16, copy.height * 3 // 4)))
            cut = copy.crop((copy.width // 4, copy.height // 4, copy.width, copy.height))
            for image in (copy, small, cut):
                self.scorer.score({"copy": image})
        self.scored(upload("none", b"no picture"), split=True)
        self.warmed = table
        return table

    def row(self, name: str) -> int:
        """The row of a reference image."""
        return self._rows[name]

    def radius(self, row: int) -> float:
        """Of the ball of a reference image."""
        return float(self._radii[row])

    def judge(
        self, images: UploadedImages, *, together: bool = True, split: bool = False
    ) -> list[JsonObject]:
        """One record for each image, in their order.

        Of an image that could be used: the columns of its row, and `neighbours`. Of another: its
        `id` and the `error`. `split`: the panels of a contact sheet stand in its place.
        """
        sets: list[Source] = list(images.each()) if not together else [images]
        records = [record for some in sets for record in self._records(some, split=split)]
        for record in records:
            self._count(record)
        return records

    def _records(self, images: Source, *, split: bool) -> list[JsonObject]:
        judged = self.scored(images, split=split)
        records = {} if judged.table is None else self.records_of(judged.table)
        return in_order(judged.names, records, judged.skipped)

    def scored(self, images: Source, *, split: bool) -> Judged:
        """The images as one set. `split`: the panels of a contact sheet stand in its place."""
        source = split_sheets(images, self.run) if split else images
        names = [item.id for item in source]
        try:
            table = self.scorer.score(source)
        except EmptySourceError as error:
            return Judged(source, names, None, error.skipped)
        return Judged(source, names, table, table.provenance.samples.skipped)

    def records_of(self, table: ScoreTable) -> dict[str, JsonObject]:
        """The records of a table's rows, by id."""
        return {str(row["id"]): self._with_neighbours(row) for row in json_rows(table.arrow)}

    def _with_neighbours(self, row: JsonObject) -> JsonObject:
        """The nearest reference images as `neighbors` has them, with their rows and balls."""
        nearest: Any = row["neighbors"]
        return {**row, "neighbours": [self._neighbour(row, one) for one in nearest]}

    def _neighbour(self, row: JsonObject, one: Any) -> JsonObject:
        place = self._rows[one["id"]]
        near: JsonObject = encoded(
            NearImage(
                row=place, id=one["id"], distance=one["distance"], radius=self.radius(place),
                owner=one["id"] == row.get("rarity_witness"),
            )
        )  # fmt: skip
        return near

    def _count(self, record: JsonObject) -> None:
        verdict = str(record.get("verdict") or ("none" if "error" in record else "no verdict"))
        self._metrics.count(
            "rara_images_total", "Images that were judged, by verdict; none: unusable.",
            verdict=verdict,
        )  # fmt: skip


def noise_picture() -> Image.Image:
    """A picture that no reference holds."""
    noise = np.random.default_rng(0).integers(0, 256, (EDGE, EDGE, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def upload(name: str, content: bytes) -> UploadedImages:
    """One image as a request has it."""
    return UploadedImages([Upload(name, content)])


def in_order(
    names: Iterable[str], records: Mapping[str, JsonObject], skipped: Iterable[tuple[str, str]]
) -> list[JsonObject]:
    """One record for each id: what was found of it, or why there is nothing."""
    reasons = dict(skipped)
    return [
        records[name] if name in records else {"id": name, "error": reasons[name]} for name in names
    ]
