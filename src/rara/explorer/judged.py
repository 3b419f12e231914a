"""Pictures that a browser sends, judged against the reference and put on the map.

    uploads --split_sheets, Scorer--> table --Detail--> records with neighbours and a place

Nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rara.explorer.details import detail_of
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.maps import Map
from rara.explorer.nearest import near_vector
from rara.explorer.placing import NEAREST, mean_places
from rara.features.image_lookup import SourcePictures
from rara.geometry import Nearest, query
from rara.image_search.sheets import SplitSource
from rara.provenance.json_format import JsonObject, encoded
from rara.reference.geometry import Once
from rara.service.judging import Judge
from rara.service.uploads import UploadedImages
from rara.service.work import Crew
from rara.table.score_table import ScoreTable

NEIGHBOURS = 12


@dataclass(frozen=True)
class OnMap:
    """A judge whose records stand on the map."""

    explored: Explored
    made: Map
    make: Callable[[], Judge]
    """Makes the judge once a picture is to be judged: until then nobody waits for it."""
    crew: Crew
    """Takes up the next request while pictures of one are compared."""

    _once: Once = field(default_factory=Once)

    @property
    def judge(self) -> Judge:
        """The judge, made by the thread that asks first."""
        return self._once("judge", self._made)

    def _made(self) -> Judge:
        judge = self.make()
        judge.scorer.comparing = self.crew.aside
        return judge

    def __call__(self, images: UploadedImages) -> list[JsonObject]:
        """One record for each picture, in their order; the panels of a sheet stand for it.

        A picture that cannot be used has an `error` instead.
        """
        judged = self.judge.scored(images, split=True)
        files = dict(_files(images, judged.source, judged.names))
        made = {str(record["id"]): record for record in self._records(judged.table)}
        reasons, boxes = dict(judged.skipped), _boxes(judged.source)
        return [
            {**made[name], "file": files[name], **boxes.get(name, {})}
            if name in made
            else self._unusable(name, files[name], reasons[name])
            for name in judged.names
        ]

    def _records(self, table: ScoreTable | None) -> Iterator[JsonObject]:
        if table is None:
            return
        assert isinstance(table.pictures, SourcePictures)
        vectors = table.pictures.scored["samples"].vectors
        for row, place in enumerate(self._places(vectors).tolist()):
            detail = detail_of(self.explored, row, table)
            owner = detail.owner.id if detail.owner else None
            vector = np.ascontiguousarray(vectors[row : row + 1])
            near = near_vector(self.explored, vector, NEIGHBOURS, self.judge.run, owner=owner)
            yield {
                **detail.to_json(), "name": detail.id, "neighbours": encoded(near),
                "x": place[0], "y": place[1],
            }  # fmt: skip

    def _places(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Beside the nearest points of both sides."""
        found, places, first = [], [], 0
        for side in (REFERENCE, SAMPLE):
            others = self.explored.vectors(side)
            nearest = Nearest(len(vectors), min(NEAREST, len(others)))
            query(vectors, others, [nearest], **self.judge.run.engine())
            found.append(nearest.d2)
            places.append(self.made.places[first + nearest.index].astype(np.float64))
            first += len(others)
        d2, at = np.concatenate(found, axis=1), np.concatenate(places, axis=1)
        order = np.argsort(d2, axis=1, kind="stable")[:, :NEAREST]
        rows = np.arange(len(vectors))[:, None]
        return mean_places(d2[rows, order], at[rows, order], self.made.spacing)

    @staticmethod
    def _unusable(name: str, file: int, reason: str) -> JsonObject:
        return {"id": name, "name": name, "file": file, "error": reason, "verdict": None,
                "sentence": f"This picture could not be used: {reason}.", "numbers": [],
                "source": None, "nearest": None, "owner": None, "neighbours": []}  # fmt: skip


def _files(
    images: UploadedImages, source: object, names: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Which file each picture comes from."""
    places = {item.id: number for number, item in enumerate(images)}
    for name in names:
        if name in places:
            yield name, places[name]
    if isinstance(source, SplitSource):
        for sheet in source.sheets.values():
            for panel in sheet.panels:
                yield panel, places[sheet.id]


def _boxes(source: object) -> dict[str, JsonObject]:
    """Of each panel: left, top, width and height as shares of its sheet."""
    boxes: dict[str, JsonObject] = {}
    if isinstance(source, SplitSource):
        for sheet in source.sheets.values():
            for panel, (left, top, right, bottom) in zip(sheet.panels, sheet.boxes, strict=True):
                boxes[panel] = {"box": [left / sheet.width, top / sheet.height,
                                        (right - left) / sheet.width,
                                        (bottom - top) / sheet.height]}  # fmt: skip
    return boxes
