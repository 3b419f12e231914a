"""What a comparison of the pictures found in a sample: the source, the region, what was done.

a row of a table --picture_evidence--> PictureEvidence --overlap--> words
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from rara.report.rows import Row
from rara.retrieval.polygons import area

Region = tuple[tuple[float, ...], ...]
_LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureEvidence:
    """What a comparison of the pictures found."""

    source: str
    """Id of the reference image."""
    p: float
    """How often the best of all reference images would agree as well by chance."""
    edit: str
    """What was done to the source, in words."""
    sample_region: Region | None
    """Corners of the common region in the sample, from 0 to 1 of width and height."""
    source_region: Region | None
    """Corners of the same region in the source."""


def picture_evidence(row: Row) -> PictureEvidence | None:
    """What the columns of a row say; None where no source was found."""
    source, p = row.text("source"), row.finite("source_p")
    if source is None or p is None:
        return None
    regions = [_region(one) for one in row.values("source_region")]
    both = regions if len(regions) == len(("sample", "source")) and None not in regions else None
    sample_region, source_region = both or (None, None)
    return PictureEvidence(
        source=source, p=p, edit=row.text("source_edit") or "",
        sample_region=sample_region, source_region=source_region,
    )  # fmt: skip


def overlap(sample: Region | None, source: Region | None) -> str:
    """`38 % of the source is 20 % of the sample`; empty where there is no region."""
    if sample is None or source is None:
        return ""
    return f"{_share(source)} of the source is {_share(sample)} of the sample"


def _region(corners: object) -> Region | None:
    """A polygon; None for what is none: a table may come from somebody else."""
    if not isinstance(corners, Sequence) or len(corners) < _LEAST_CORNERS:
        return None
    if not all(map(_is_corner, corners)):
        return None
    return tuple(tuple(min(max(float(one), 0.0), 1.0) for one in corner) for corner in corners)


def _is_corner(corner: object) -> bool:
    return (
        isinstance(corner, Sequence)
        and len(corner) == len("xy")
        and all(isinstance(one, (int, float)) and isfinite(one) for one in corner)
    )


def _share(region: Region) -> str:
    """Of the picture's area."""
    share = area(np.array(region, np.float64))
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"
