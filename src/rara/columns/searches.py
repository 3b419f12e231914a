"""The columns of a search: one row a match of a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rara.columns.column import Column, Gap

_AXIS: Final = "matches of a search"
_NO_EVIDENCE: Final = Gap("where no evidence was found, or the pictures not compared", "null")

MATCHES: Final[Mapping[str, Column]] = {
    column.name: column
    for column in [
        Column("sample", "string", _AXIS, "text", "The sample's name in its source."),
        Column("rank", "int64", _AXIS, "count", "The place among the sample's matches.",
               "a worse match", low=1),
        Column("source", "string", _AXIS, "text", "Id of the reference image."),
        Column("same", "string", _AXIS, "text", "What both have in common as a whole.",
               gap=Gap("for other files with other pixels", "null"), values=("content", "picture")),
        Column("distance", "double", _AXIS, "distance", "Between the vectors of both images.",
               "less alike", low=0),
        Column("pixel_distance", "int32", _AXIS, "bits",
               "Bits of the pixel hashes that differ, at best over mirroring and turning.",
               "less alike", Gap("where one of them is flat or has no hash", "null"), 0, 256),
        Column("p", "double", _AXIS, "p-value",
               "How likely the best of all reference images agrees as well, if none is a source.",
               "less like a copy", _NO_EVIDENCE, 0, 1),
        Column("sample_region", "list<item: list<item: double>>", _AXIS, "share",
               "Corners of the common region in the sample, from 0 to 1 of width and height.",
               gap=_NO_EVIDENCE, low=0, high=1),
        Column("source_region", "list<item: list<item: double>>", _AXIS, "share",
               "Corners of the same region in the reference image.",
               gap=_NO_EVIDENCE, low=0, high=1),
        Column("edit", "string", _AXIS, "text", "What was done to the source, in words.",
               gap=_NO_EVIDENCE),
        Column("decision", "string", _AXIS, "text", "What people decided of the pair.",
               gap=Gap("where nothing was decided", "null"), values=("copy", "not a copy")),
        Column("looked", "bool", _AXIS, "yes or no",
               "Whether the two pictures were compared; they cannot be where one is gone."),
    ]
}  # fmt: skip
"""Every column by its name."""
