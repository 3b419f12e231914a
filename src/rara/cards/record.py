"""The columns of a row that a card keeps, with digests where a table has the names of images.

    row, digests by id --card_record--> record --checked_record--> the same, believed

Columns about other samples, about metadata and of second opinions stay behind: a card is of one
picture alone. NaN becomes null, and infinity a word, since JSON has neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import isfinite, isnan
from typing import Any, Final

from rara.columns.score_tables import COLUMNS
from rara.errors import CardError
from rara.provenance.json_format import Json, JsonObject

IMAGES: Final = (
    *("rarity_witness", "nearest", "pixel_nearest", "network_nearest", "source"),
    "decision_source",
)
"""Columns that name a reference image."""
_AXES: Final = (
    *("verdict", "rarity", "typicality", "fidelity", "copying", "--copy-network"),
    *("--also rarity_clipped", "--also local_outlier_factor"),
)
KEPT: Final = tuple(
    name for name, column in COLUMNS.items() if column.axis in _AXES and name != "neighbors"
)
"""The columns of a card, in their order; the neighbours stand in a list of their own."""
INFINITE: Final = "infinity"
"""What stands for a number without a bound, such as the realism of a ball's very centre."""
SHORT: Final = 12
"""Digits of a digest in a sentence."""

_NAMED: Final = "reference image "
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_LISTS: Final = {"rarity_by_k": 1, "source_region": 3}
"""Columns of lists, and how deep numbers lie in them."""
_LONGEST: Final = 10_000
"""Of a text, and of a list."""


def is_digest(text: object) -> bool:
    """Whether that is a sha256 in hex."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def card_record(
    row: Mapping[str, object], digests: Mapping[str, str], same: Collection[str]
) -> JsonObject:
    """The columns of a row that a card keeps.

    `digests`: of the reference images, by id. `same`: ids of those with the picture's own content,
    which a reason may name too.
    """
    named = {str(row[name]) for name in IMAGES if row.get(name) is not None} | {*same}
    record: JsonObject = {}
    for name in KEPT:
        if name not in row:
            continue
        value: Any = row[name]
        if name in IMAGES and value is not None:
            value = digests[str(value)]
        elif name == "reason" and value is not None:
            value = _by_digest(str(value), {one: digests[one] for one in named})
        record[name] = _json(value)
    return record


def _by_digest(sentence: str, digests: Mapping[str, str]) -> str:
    """A sentence that names images by the beginnings of their digests."""
    first, *parts = sentence.split(_NAMED)
    made = [first]
    for part in parts:
        fitting = [name for name in digests if part.startswith(name)]
        name = max(fitting, key=len, default="")
        made.append(f"{digests[name][:SHORT]}{part[len(name) :]}" if name else part)
    return _NAMED.join(made)


def _json(value: Any) -> Json:
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else INFINITE
    return [_json(one) for one in value] if isinstance(value, (list, tuple)) else value


def checked_record(record: Mapping[str, object]) -> Mapping[str, object]:
    """A record from a file, once it holds nothing but what `card_record` makes.

    Raises CardError with the first column that does not fit.
    """
    for name, value in record.items():
        if name not in KEPT:
            raise CardError(f"it has a column '{name[:40]}' that this version does not know")
        if value is not None and not _fits(name, value):
            raise CardError(f"'{name}' holds what rara does not write")
    if not all(isinstance(record.get(name), str) for name in ("verdict", "reason")):
        raise CardError("it has no verdict")
    return record


def _fits(name: str, value: object) -> bool:
    kind, allowed = COLUMNS[name].type, COLUMNS[name].values
    if name in IMAGES:
        return is_digest(value)
    if name in _LISTS:
        return _is_list(value, _LISTS[name])
    if kind == "string":
        return isinstance(value, str) and len(value) <= _LONGEST and (
            not allowed or value in allowed
        )  # fmt: skip
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "double":
        return _is_number(value) or value == INFINITE
    return type(value) is int and abs(value) < 2**63


def _is_list(value: object, depth: int) -> bool:
    if not depth:
        return value is None or _is_number(value)
    return (
        isinstance(value, list)
        and len(value) <= _LONGEST
        and all(_is_list(one, depth - 1) for one in value)
    )


def _is_number(value: object) -> bool:
    return type(value) is float and isfinite(value)
