"""What a browser asks, read strictly: numbers within their range, known words, plain JSON.

    path, query, body --> numbers and records | Problem

Everything is a number or one of a few words. Nothing of it is ever a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rara.decisions.decision import MOST_TEXT
from rara.errors import DecisionError
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.exports import FORMATS, MOST_PICTURES, Format
from rara.explorer.marks import Change, word_of
from rara.service.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

_WHOLE: Final = re.compile(r"[0-9]{1,10}")
_MOST_COLUMNS: Final = 1_000


def whole(text: str, what: str, low: int, high: int) -> int:
    """A whole number in its range. Raises Problem."""
    if _WHOLE.fullmatch(text) is None or not low <= int(text) <= high:
        raise Problem("bad-request", f"{what}: give a whole number from {low} to {high}.")
    return int(text)


def query_whole(request: Request, name: str, usual: int, low: int, high: int) -> int:
    """A number behind the `?`, given once or not at all."""
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise Problem("bad-request", f"{name} is given {len(given)} times.")
    return whole(given[0], name, low, high) if given else usual


def point_of(request: Request, explored: Explored) -> tuple[int, int]:
    """A side and a row that is there. Raises Problem."""
    side = whole(request.path_params["side"], "side", REFERENCE, SAMPLE)
    return side, row_of(request, explored, side)


def row_of(request: Request, explored: Explored, side: int = SAMPLE) -> int:
    """A row of a side. Raises Problem: 404 for a number that no row has."""
    text, count = request.path_params["row"], explored.count(side)
    row = whole(text, "row", 0, 9_999_999_999)
    if row >= count:
        raise Problem("not-found", f"There is no row {row}: rows are 0 to {count - 1}.")
    return row


def columns_of(request: Request, names: tuple[str, ...]) -> list[str] | None:
    """The columns in `?columns=a,b`; None where all are asked for. Raises Problem for others."""
    given = request.query_params.getlist("columns")
    if not given:
        return None
    asked = [name for one in given for name in one.split(",") if name]
    if len(asked) > _MOST_COLUMNS or (unknown := [name for name in asked if name not in names]):
        shown = "" if len(asked) > _MOST_COLUMNS else f" '{unknown[0][:40]}' is none."
        raise Problem("bad-request", f"Give columns of the table.{shown}")
    return asked


async def json_of(request: Request) -> Mapping[str, object]:
    """The object in a JSON body. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem("unsupported-media-type", "Send JSON, as `application/json`.")
    try:
        value = json.loads(await request.body(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Problem("bad-request", "The body is no JSON.") from None
    if not isinstance(value, dict):
        raise Problem("bad-request", "The body is no JSON object.")
    return value


def change_of(body: Mapping[str, object], explored: Explored) -> Change:
    """What is to change of a mark. Raises Problem."""
    only(body, ("sample", "reference", "decision", "note", "star"))
    reference, note, star = body.get("reference"), body.get("note"), body.get("star")
    if note is not None and (not isinstance(note, str) or len(note) > MOST_TEXT):
        raise Problem("bad-request", f"note: give text of at most {MOST_TEXT:,} characters.")
    if star is not None and not isinstance(star, bool):
        raise Problem("bad-request", "star: give true or false.")
    word = body.get("decision")
    try:
        decision = None if word is None else word_of(word)
    except DecisionError as error:
        raise Problem("bad-request", str(error)) from None
    return Change(
        sample=_row(body.get("sample"), "sample", explored.count(SAMPLE)),
        reference=None if reference is None
        else _row(reference, "reference", explored.count(REFERENCE)),
        decision=decision, remove="decision" in body and word is None, note=note, star=star,
    )  # fmt: skip


def export_of(body: Mapping[str, object], explored: Explored) -> tuple[list[int], Format]:
    """Rows, each once, and the format. Raises Problem."""
    only(body, ("rows", "format"))
    rows, form = body.get("rows"), body.get("format")
    chosen = next((one for one in FORMATS if one == form), None)
    if chosen is None:
        raise Problem("bad-request", f"format: give one of {', '.join(FORMATS)}.")
    count = explored.count(SAMPLE)
    if not isinstance(rows, list) or not 0 < len(rows) <= count:
        raise Problem("bad-request", f"rows: give a list of 1 to {count} rows.")
    if chosen == "folder" and len(rows) > MOST_PICTURES:
        raise Problem("too-large", f"A folder holds at most {MOST_PICTURES:,} pictures.")
    return list(dict.fromkeys(_row(one, "rows", count) for one in rows)), chosen


def only(body: Mapping[str, object], keys: tuple[str, ...]) -> None:
    """Refuse a key that means nothing here. Raises Problem."""
    if others := [key for key in body if key not in keys]:
        raise Problem("bad-request", f"'{others[0][:40]}' is none of {', '.join(keys)}.")


def _row(value: object, what: str, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise Problem("bad-request", f"{what}: give a row from 0 to {count - 1}.")
    return value


def _refuse(name: str) -> None:
    raise ValueError(name)
