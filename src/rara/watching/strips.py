"""The rarest samples and the nearest pairs of a look, as two small pictures.

    score table --rarest_of, nearest_of--> ids --strip--> one picture each, some ten kilobytes

In the picture of pairs each sample is above the reference image that is nearest to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from rara.comparison.figures import FIGURES, met_by
from rara.reference.scorer import Scorer
from rara.report.thumbnails import fitted
from rara.table.score_table import ScoreTable

if TYPE_CHECKING:
    from PIL import Image

    from rara.features.image_lookup import SourcePictures

SHOWN = 12
"""Pictures in a row."""
EDGE = 96
"""Their sides in pixels."""
GAP = 4
BACK = (128, 128, 128)
"""Where a picture is missing, or has another shape."""

Side = Literal["samples", "reference"]
Pair = tuple[str, str, float]
"""A sample, the reference image nearest to it by the test that says most, and its copy_p."""


def rarest_of(table: ScoreTable, scorer: Scorer) -> list[str]:
    """The ids of the rarest samples that are on the manifold and no copies, the rarest first."""
    met = dict(zip(FIGURES, met_by(table, scorer), strict=True))
    good = met["inside"] & ~met["off_manifold"] & ~met["copies"]
    rarity = np.where(good, table["rarity"], -np.inf)
    order = np.argsort(-rarity, kind="stable")[: min(SHOWN, int(good.sum()))]
    return [str(table["id"][row]) for row in order]


def nearest_of(table: ScoreTable) -> list[Pair]:
    """The pairs that are most like a copy: copies by fact first, then those of the lowest p."""
    p, distance = table["copy_p"], table["nearest_distance"]
    order = np.lexsort([distance, p, table["verdict"] != "copy"])[:SHOWN]
    ids, nearest = table["id"], table["nearest"]
    by_pixels = table["copy_witness"] == "pixels"
    nearest = np.where(by_pixels, table["pixel_nearest"], nearest)
    return [(str(ids[row]), str(nearest[row]), float(p[row])) for row in order]


def rarest_strip(ids: Sequence[str], pictures: SourcePictures) -> Image.Image | None:
    """A row of pictures; None where none can be read."""
    return _strip([[("samples", name) for name in ids]], pictures)


def nearest_strip(pairs: Sequence[Pair], pictures: SourcePictures) -> Image.Image | None:
    """Samples above their nearest reference images; None where no picture can be read."""
    rows: list[list[tuple[Side, str]]] = [
        [("samples", sample) for sample, _, _ in pairs],
        [("reference", nearest) for _, nearest, _ in pairs],
    ]
    return _strip(rows, pictures)


def encoded(strip: Image.Image) -> bytes:
    """The strip as a small file; WebP without loss below, for small pictures have few pixels."""
    file = BytesIO()
    strip.save(file, "WEBP", quality=80, method=4)
    return file.getvalue()


def _strip(
    rows: Sequence[Sequence[tuple[Side, str]]], pictures: SourcePictures
) -> Image.Image | None:
    from PIL import Image

    wanted: dict[Side, set[str]] = {"samples": set(), "reference": set()}
    for side, name in (one for row in rows for one in row):
        wanted[side].add(name)
    found = {
        (side, name): fitted(image, EDGE, pixelated=max(image.size) <= EDGE)
        for side, names in wanted.items()
        for name, image in pictures.each(side, names)
    }
    if not found:
        return None
    step = EDGE + GAP
    whole = Image.new("RGB", (step * max(map(len, rows)) - GAP, step * len(rows) - GAP), BACK)
    for y, row in enumerate(rows):
        for x, key in enumerate(row):
            if (image := found.get(key)) is not None:
                left, top = (EDGE - image.width) // 2, (EDGE - image.height) // 2
                whole.paste(image, (x * step + left, y * step + top))
    return whole
