"""One reference, ready to answer: what all routes share.

reference, options --Serving--> judge, search, neighbours, pictures --> records as JSON
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np

from rara import __version__
from rara.errors import EmptySourceError, RaraError
from rara.extractors import Spec
from rara.image_search.match import By, Match, QueryMatches
from rara.image_search.search import search
from rara.image_search.sheets import split_sheets
from rara.provenance.json_format import JsonObject, encoded
from rara.service.judging import EDGE, Judge, in_order, noise_picture, upload
from rara.service.limits import Limits
from rara.service.metrics import Metrics, resident_bytes
from rara.service.problems import Problem
from rara.service.thumbnails import Thumbnails
from rara.service.uploads import UploadedImages
from rara.service.work import Crew

if TYPE_CHECKING:
    from collections.abc import Mapping

Status: TypeAlias = Literal["ok", "stopping"]

IMAGE: Final = r"[0-9]{1,9}|[0-9a-f]{64}"
"""How a reference image is named: by its row, or by the sha256 of its content. Never by a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the service takes work."""

    status: Status
    """`ok`: all that is made once is made, so the first request is as fast as the next. `stopping`
    once it was asked to stop; it answers what it has accepted."""
    rara: str
    """Its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutReference:
    """What every judgement is relative to."""

    name: str
    """The base name of its place."""
    count: int
    """Images."""
    fingerprint: str
    """sha256 over the extractor and the content of every image."""
    k: int
    """Neighbours: a ball reaches to the k-th nearest other image."""
    alpha: float
    """The error rate of the verdicts."""
    metric: str
    extractor: Spec
    rara: str
    """The version that judges."""
    limits: Limits
    """Of one request, and of all together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A reference image near another one."""

    row: int
    id: str
    distance: float
    radius: float
    """Of its ball."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """A reference image and the nearest others, the nearest first."""

    row: int
    id: str
    radius: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMatch(Match):
    """A reference image beside a sample, with its row."""

    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where to begin."""

    service: str
    rara: str
    reference: str
    """The base name of its place."""
    document: str
    """The path of the OpenAPI document."""


class Serving:
    """A reference, its judge, its pictures, and the queues before them."""

    def __init__(
        self,
        judge: Judge,
        name: str,
        *,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        token: bool = False,
    ) -> None:
        """`name`: what the reference is called. `token`: whether requests need one.

        Pictures are judged and searched for at once, so that no request waits for what is made
        once: modules that are loaded, and loops that are compiled.
        """
        self.judge, self.reference, self.name, self.token = judge, judge.reference, name, token
        self.limits, self.metrics = limits or Limits(), metrics or Metrics()
        self.crew, self.searchers = Crew(self.limits.waiting), Crew(self.limits.waiting)
        self.readers = Crew(4 * self.limits.waiting)
        judge.scorer.comparing = self.crew.aside
        self.thumbnails = Thumbnails(self.reference)
        self.stopping = False
        again = judge.warmed is not None
        self.columns: list[str] = judge.warm().columns
        """Of a record."""
        done = self.reference.features.done
        self.digests: list[str] = done["digest"].to_pylist()
        self._rows: Mapping[str, int] = {one: row for row, one in enumerate(self.digests)}
        self._measure()
        if not again:
            self._warm()

    def _warm(self) -> None:
        """Answer what else may be asked. What fails here says why once it is asked."""
        buffer = io.BytesIO()
        noise_picture().save(buffer, "PNG")
        new = upload("warm", buffer.getvalue())
        asked = [(new, by) for by in get_args(By)]
        if (own := self.thumbnails.get(0, EDGE)) is not None:
            asked.append((upload("warm", own), "copy"))
        for images, by in asked:
            with suppress(RaraError):
                self.search(images, by, 1, split=True)
        self.neighbours(0, 1)
        self.judge.records_of(self.judge.warm())
        self.metrics.text()

    def _measure(self) -> None:
        gauges = (
            ("rara_waiting_requests", "Requests that wait for their turn.",
             lambda: float(self.crew.waiting)),
            ("rara_waiting_searches", "Searches that wait for their turn.",
             lambda: float(self.searchers.waiting)),
            ("rara_comparing_requests", "Requests whose pictures are compared, or wait for it.",
             lambda: float(self.crew.aside_now)),
            ("rara_reference_images", "Images of the reference.",
             lambda: float(len(self.reference))),
            ("process_resident_memory_bytes", "Memory in use.", resident_bytes),
        )  # fmt: skip
        for name, says, now in gauges:
            self.metrics.gauge(name, says, now)

    def begin_to_stop(self) -> None:
        """Say so wherever somebody asks how the service is."""
        self.stopping = True

    def close(self) -> None:
        """Once nothing is under way any more."""
        self.crew.close()
        self.searchers.close()
        self.readers.close()

    # -- what it answers --

    @property
    def health(self) -> Health:
        """Whether it takes work."""
        return Health(status="stopping" if self.stopping else "ok", rara=__version__)

    @property
    def start(self) -> Start:
        """Where to begin."""
        return Start(
            service="rara serve", rara=__version__, reference=self.name, document="/openapi.json"
        )

    @property
    def about(self) -> AboutReference:
        """What judgements are relative to."""
        reference, options = self.reference, self.judge.scorer.options
        return AboutReference(
            name=self.name, count=len(reference), fingerprint=reference.geometry.fingerprint,
            k=reference.geometry.checked_k(options.k), alpha=options.thresholds.alpha,
            metric=reference.features.spec.metric, extractor=reference.features.spec,
            rara=__version__, limits=self.limits,
        )  # fmt: skip

    def row_of(self, image: str) -> int:
        """The row of an image that a client names. Raises Problem where there is none."""
        row = self._rows.get(image, -1) if len(image) == 64 else int(image)
        if not 0 <= row < len(self.reference):
            raise Problem("not-found", f"The reference has no image {image[:64]}.")
        return row

    @property
    def most_neighbours(self) -> int:
        """Of a reference image: so many are kept."""
        return int(self.reference.geometry.index.shape[1])

    def neighbours(self, row: int, count: int) -> Neighbours:
        """The nearest others of a reference image."""
        geometry, ids = self.reference.geometry, self.reference.ids
        pairs = zip(geometry.index[row, :count].tolist(), geometry.d2[row, :count], strict=True)
        return Neighbours(
            row=row, id=ids[row], radius=self.judge.radius(row),
            neighbours=tuple(
                Neighbour(
                    row=other, id=ids[other], distance=float(np.sqrt(d2)),
                    radius=self.judge.radius(other),
                )
                for other, d2 in pairs
            ),
        )  # fmt: skip

    def search(self, images: UploadedImages, by: By, top: int, *, split: bool) -> list[JsonObject]:
        """The matches of each image, in their order; or the reason why there are none."""
        judge = self.judge
        source = split_sheets(images, judge.run) if split else images
        names = [item.id for item in source]
        try:
            found = search(
                source, self.reference, by=by, top=top, split=False, extractor=judge.network,
                run=judge.run,
            )  # fmt: skip
        except EmptySourceError as error:
            return in_order(names, {}, error.skipped)
        matches = {one.id: self._matches(one) for one in found}
        return in_order(names, matches, found.provenance.samples.skipped)

    def _matches(self, query: QueryMatches) -> JsonObject:
        """The same as JSON, with the row of each reference image."""
        record: JsonObject = encoded(query)
        source = query.source
        record["source"] = None if source is None else source.source
        record["matches"] = [
            {"row": self.judge.row(one.source), **encoded(one)} for one in query
        ]  # fmt: skip
        return record
