"""How many samples were compared with reference images picture by picture, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rara.provenance.provenance import Provenance
from rara.report.formatting import counted
from rara.retrieval.sources import CERTAIN

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """Samples that were compared with reference images by looking at the pictures."""

    looking: str
    """`near`: those near to a reference image; `all`."""
    as_whole: int
    """Samples compared as whole pictures."""
    by_features: int
    """Samples searched for a region of a reference image."""
    named: int
    """Samples in the table with a source."""
    certain: int
    """Samples in the table that are copies by it."""
    unavailable: int
    """Images of both sides that could not be read again."""
    images: int
    """Reference images that each could have been found in."""
    indexed: bool
    """Whether an index of the reference's local features was asked."""
    index_problem: str | None
    """Why an index that is there was not used; a sentence."""


def looked_at(table: pa.Table, provenance: Provenance) -> LookedAt | None:
    """The counts; None where no picture was looked at."""
    part = provenance.evidence
    if part is None or not {"source", "source_p"} <= {*table.column_names}:
        return None
    p = table["source_p"].to_numpy()
    return LookedAt(
        looking=part.looking, as_whole=part.as_whole, by_features=part.by_features,
        named=len(p) - table["source"].null_count, certain=int((p <= CERTAIN).sum()),
        unavailable=part.unavailable, images=part.images,
        indexed=part.indexed, index_problem=part.index_problem,
    )  # fmt: skip


def looked_lines(looked: LookedAt) -> list[str]:
    """`72 samples show a reference image, by their pictures`, and what could not be looked at."""
    lines = []
    if looked.certain:
        verb = "shows" if looked.certain == 1 else "show"
        lines.append(f"{counted(looked.certain, 'sample')} {verb} a reference image, by the pixels")
    if looked.unavailable:
        images = counted(looked.unavailable, "image")
        lines.append(f"{images} could not be read again: no evidence there")
    if looked.index_problem:
        lines.append(looked.index_problem)
    return lines
