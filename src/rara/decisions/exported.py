"""Decisions as a list in JSON, as other programs and pages export it.

    [{"sample": "5c1f…", "source": "90ab…", "decision": "not a copy"}, …]

bytes --decisions_of--> decisions, each pair once

The list may come from anywhere: its size, its kinds, its keys and its values are checked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

from rara.decisions.decision import WORDS, Decision, shown
from rara.errors import DecisionError

MOST_BYTES = 8 << 20
"""Of a file: some 40,000 decisions."""
NEEDED = ("sample", "source", "decision")
OPTIONAL = ("date", "sample_id", "source_id", "note")


def decisions_of(data: bytes, place: Path) -> list[Decision]:
    """The decisions in a file. Raises DecisionError for the first entry that is wrong."""
    decisions: dict[tuple[str, str], tuple[int, Decision]] = {}
    for number, entry in enumerate(_entries(data, place), start=1):
        try:
            decision = _decision(entry)
        except DecisionError as error:
            raise DecisionError(f"'{place}', entry {number:,}: {error}") from None
        first, earlier = decisions.setdefault(decision.pair, (number, decision))
        if earlier.copy != decision.copy:
            raise DecisionError(
                f"'{place}', entry {number:,}: '{decision.word}' contradicts entry {first:,}, "
                f"which says '{earlier.word}' of the same two pictures: remove one of them."
            )
    return [decision for _, decision in decisions.values()]


def _entries(data: bytes, place: Path) -> list[object]:
    try:
        value = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_refuse
        )
    except DecisionError as error:
        raise DecisionError(f"'{place}': {error}") from None
    except (ValueError, RecursionError) as error:
        raise DecisionError(f"'{place}' is no JSON ({str(error)[:80]}).") from None
    if not isinstance(value, list):
        raise DecisionError(f"'{place}' holds no list: give [{{…}}, …], one object a decision.")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        raise DecisionError("an object has a key twice.")
    return entry


def _refuse(name: str) -> NoReturn:
    raise DecisionError(f"{name} is no JSON.")


def _decision(entry: object) -> Decision:
    if not isinstance(entry, dict):
        raise DecisionError(f"it is no object: give one with {', '.join(NEEDED)}.")
    if missing := [key for key in NEEDED if key not in entry]:
        raise DecisionError(f"'{missing[0]}' is missing: {', '.join(NEEDED)} are needed.")
    texts: dict[str, str] = {}
    for key, value in entry.items():
        if key not in (*NEEDED, *OPTIONAL):
            raise DecisionError(f"the key {shown(key)} is none of {', '.join(NEEDED + OPTIONAL)}.")
        if not isinstance(value, str):
            raise DecisionError(f"'{key}' is no text.")
        texts[key] = value
    word = texts.pop("decision")
    if word not in WORDS:
        raise DecisionError(f"decision = {shown(word)}: give 'copy' or 'not a copy'.")
    return Decision(copy=word == "copy", **texts)
