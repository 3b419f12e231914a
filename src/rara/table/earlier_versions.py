"""Tables that an earlier version wrote: read with what has kept its meaning, or refused.

provenance, columns of a file --brought_up--> provenance as this version writes it

A key that came later has a default where its absence has a meaning: nobody looked, or there
was no such choice. Any other key that is missing is an error: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from rara.errors import ParameterError

NEEDED = object()
"""The value of a key without a default."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a mapping of the provenance has: its keys with their defaults, and what is in them.

    `within`: the shape of the mapping under a key, or of each mapping in the list there.
    """

    keys: Mapping[str, Any]
    within: Mapping[str, Shape] = field(default_factory=dict)


def needed(*names: str) -> dict[str, Any]:
    """Keys without defaults."""
    return dict.fromkeys(names, NEEDED)


UNKNOWN: Mapping[str, Any] = {"noted": None, "fingerprint": None}
"""None: nobody recorded it."""
CALIBRATION = Shape(
    needed("method", "reals", "smallest_p", "near_copy"),
    {
        "smallest_p": Shape(needed("off_manifold", "copy")),
        "near_copy": Shape(needed("p", "repeating")),
    },
)
GROUP = Shape(
    needed("group", "samples", "reference", "smallest_p", "off_manifold"),
    {"smallest_p": Shape(needed("off_manifold"))},
)
SIBLINGS = Shape(
    needed("by", "least", "groups", "ungrouped"),
    {"groups": Shape({**needed("group", "samples", "k", "odd"), "typical": []})},
)
REPEATS = Shape(
    needed("groups", "reference"),
    {
        "groups": Shape(needed("id")),
        "reference": Shape(needed("images", "repeating", "groups", "largest")),
    },
)
PROVENANCE = Shape(
    {
        **needed("samples", "reference", "k", "boundary", "extractor"),
        **{"rara": "an unknown version", "compat": None, "leave_one_out": False, "versions": {}},
        **dict.fromkeys(("calibration", "two_sample", "verdict")),
    },
    {
        "samples": Shape({**needed("location", "count", "skipped"), "remarks": [], **UNKNOWN}),
        "reference": Shape(
            {
                **needed("location", "count", "skipped"),
                **{"remarks": [], "metric": "euclidean", "leave_one_out": None, **UNKNOWN},
            },
            {"leave_one_out": Shape(needed("inside"))},
        ),
        "extractor": Shape(needed("name", "dim", "precision", "preprocessing", "weights")),
        "calibration": CALIBRATION,
        "two_sample": Shape(needed("auc", "p", "view", "repeats", "samples", "reference")),
        "verdict": Shape(needed("alpha", "shortfall")),
        "groups": Shape(needed("by", "least", "level", "groups"), {"groups": GROUP}),
        "siblings": SIBLINGS,
        "repeats": REPEATS,
        "opinions": Shape({}, {"by_extractor": Shape(needed("name"))}),
    },
)

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


def brought_up(
    place: str, provenance: Mapping[str, Any], columns: Collection[str]
) -> dict[str, Any]:
    """The provenance with what later versions added; raises ParameterError where that is unknown.

    `place`: where the table is. `columns`: the names of its columns, some of which the provenance
    promises.
    """
    lacking: list[str] = []
    filled: dict[str, Any] = _filled(PROVENANCE, provenance, "", lacking)
    promised = _promised(filled)
    lacking += [f"the column '{name}'" for name in promised if name not in columns]
    if lacking:
        raise ParameterError(
            f"'{place}' was written by rara {filled['rara']} and lacks {lacking[0]}, which this "
            "version needs: score the samples again."
        )
    return filled


def _promised(provenance: Mapping[str, Any]) -> list[str]:
    """The columns that a table of this provenance has."""
    parts = (names for part, names in BY_PART.items() if provenance.get(part))
    asked = provenance.get("opinions") or {}
    opinions = [f"verdict_{whom}" for whom in ("by_half", "by_extractor") if asked.get(whom)]
    return [*COLUMNS, *chain.from_iterable(parts), *opinions]


def _filled(shape: Shape, value: Any, place: str, lacking: list[str]) -> Any:
    """The value with defaults; what lacks none of its keys comes back equal."""
    if isinstance(value, list):
        return [_filled(shape, one, place, lacking) for one in value]
    if not isinstance(value, Mapping) or "absent" in value:
        return value
    defaults = {name: default for name, default in shape.keys.items() if name not in value}
    lacking += [f"'{place}{name}'" for name, one in defaults.items() if one is NEEDED]
    filled = {**value, **defaults}
    for name, inner in shape.within.items():
        if name in filled:
            filled[name] = _filled(inner, filled[name], f"{place}{name}.", lacking)
    return filled
