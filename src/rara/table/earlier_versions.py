"""Tables that an earlier version wrote: read with what has kept its meaning, or refused.

provenance, columns of a file --brought_up--> Provenance as this version writes it

Keys that had another name are read by the names of today, with one note.

A key that came later has a default where its absence has a meaning: nobody looked, or there
was no such choice (`rara.provenance.parts`). Any other key or column that is missing is an error:
nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from rara.errors import ParameterError
from rara.provenance.provenance import Provenance

COLUMNS = (
    *("id", "rarity", "rarity_witness", "knn_distance", "inside", "balls", "realism"),
    *("nearest", "nearest_distance", "neighbors"),
)
CALIBRATED = (
    *("rarity_percentile", "typicality_percentile", "knn_p", "ball_ratio", "ball_ratio_p"),
    *("off_manifold_p", "off_manifold_q", "copy_p", "copy_q"),
)
BY_PART: Mapping[str, Sequence[str]] = {
    "calibration": CALIBRATED,
    "verdict": ("verdict", "reason"),
    "groups": (
        *("group", "group_rarity_percentile", "group_off_manifold_p"),
        "group_off_manifold_q",
    ),
    "siblings": ("sibling_distance", "sibling_p"),
    "repeats": ("repeats", "repeat_of", "repeat_kind"),
    "opinions": ("contested",),
}
"""Columns that a table has if its provenance has a part."""


def brought_up(place: str, provenance: object, columns: Collection[str]) -> Provenance:
    """The provenance with what later versions added; raises ParameterError where that is unknown.

    `place`: where the table is. `columns`: the names of its columns, some of which the provenance
    promises.
    """
    current = Provenance.from_json(provenance, place)
    lacking = next((name for name in _promised(current) if name not in columns), None)
    if lacking:
        raise ParameterError(
            f"'{place}' was written by rara {current.rara} and lacks the column '{lacking}', which "
            "this version needs: score the samples again."
        )
    return current


def _promised(provenance: Provenance) -> list[str]:
    """The columns that a table of this provenance has."""
    parts = (names for part, names in BY_PART.items() if getattr(provenance, part) is not None)
    opinions = provenance.opinions
    by_half = ["verdict_by_half"] if opinions and opinions.by_half else []
    by_extractor = ["verdict_by_extractor"] if opinions and opinions.by_extractor else []
    return [*COLUMNS, *chain.from_iterable(parts), *by_half, *by_extractor]
