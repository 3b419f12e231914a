"""Decisions as the lines of a CSV file, which people read and edit.

    sample,source,decision,date,sample_id,source_id,note
    5c1f…,90ab…,not a copy,2026-11-30,gan/0017.png,train/4242.png,only the same logo

bytes --decisions_in--> decisions, in the order of their lines --text_of--> bytes

The file may come from elsewhere. Its first mistake becomes one sentence with the number of its
line. No cell that is written begins a formula: an apostrophe stands before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from rara.decisions.decision import WORDS, Decision, shown
from rara.errors import DecisionError
from rara.text import begins_formula

COLUMNS = ("sample", "source", "decision", "date", "sample_id", "source_id", "note")
HEADER = ",".join(COLUMNS)
MOST_BYTES = 32 << 20
"""Of a file: some 150,000 decisions."""
_MOST_LINE = 10_000
"""Characters of a line."""


def decisions_in(data: bytes, place: Path) -> list[Decision]:
    """The decisions in a file, each pair once.

    Raises DecisionError for the first line that is wrong, and where two lines contradict each
    other: which of them is meant cannot be known.
    """
    decisions: list[Decision] = []
    lines: dict[tuple[str, str], tuple[int, Decision]] = {}
    for number, line in _lines(data, place):
        try:
            decision = _decision(line)
        except DecisionError as error:
            raise _wrong(place, number, str(error)) from None
        first, earlier = lines.setdefault(decision.pair, (number, decision))
        if earlier.copy != decision.copy:
            raise _wrong(
                place, number,
                f"'{decision.word}' contradicts line {first}, which says '{earlier.word}' of the "
                "same two pictures: remove one of the lines.",
            )  # fmt: skip
        if first == number:
            decisions.append(decision)
    return decisions


def text_of(decisions: Iterable[Decision]) -> bytes:
    """The whole file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in decisions:
        texts = (_cell(text) for text in (one.sample_id, one.source_id, one.note))
        writer.writerow([one.sample, one.source, one.word, one.date, *texts])
    return buffer.getvalue().encode()


def _lines(data: bytes, place: Path) -> Iterator[tuple[int, str]]:
    """The lines behind the first, with their numbers; blank ones are passed over."""
    for at, what in ((data.find(b"\0"), "holds a NUL byte"), _no_text(data)):
        if at >= 0:
            number = data.count(b"\n", 0, at) + 1
            raise _wrong(place, number, f"it {what}: save the file as plain UTF-8 text.")
    lines = io.StringIO(data.decode("utf-8-sig"), newline="\n")
    first = lines.readline().strip()
    if first != HEADER:
        if first.replace(";", ",").replace("\t", ",") == HEADER:
            raise _wrong(place, 1, "its cells are not separated by commas: save it with commas.")
        raise _wrong(place, 1, f"it is {shown(first)}: it must be `{HEADER}`.")
    for number, line in enumerate(lines, start=2):
        text = line.rstrip("\r\n")
        if text.strip(" ,"):
            yield number, text


def _no_text(data: bytes) -> tuple[int, str]:
    """Where the bytes stop being UTF-8; -1 if they do not."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start, "is no UTF-8 text"
    return -1, ""


def _decision(line: str) -> Decision:
    if len(line) > _MOST_LINE:
        raise DecisionError(f"it has {len(line):,} characters: at most {_MOST_LINE:,}.")
    try:
        [cells] = csv.reader([line], strict=True)
    except (csv.Error, ValueError) as error:
        raise DecisionError(f"its quotes are wrong ({error}).") from None
    if len(cells) not in (len(COLUMNS) - 1, len(COLUMNS)):
        raise DecisionError(
            f"it has {len(cells)} cells: give {len(COLUMNS)}, and quotes around text with commas."
        )
    sample, source, word, date = (cell.strip() for cell in cells[:4])
    if word not in WORDS:
        raise DecisionError(f"decision = {shown(word)}: give 'copy' or 'not a copy'.")
    if not date:
        raise DecisionError("it has no date: give a day such as 2026-11-30.")
    sample_id, source_id, note = (_text(cell) for cell in (*cells[4:], "")[:3])
    return Decision(
        sample=sample.lower(), source=source.lower(), copy=word == "copy", date=date,
        sample_id=sample_id, source_id=source_id, note=note,
    )  # fmt: skip


def _cell(text: str) -> str:
    return f"'{text}" if begins_formula(text) else text


def _text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and begins_formula(cell) else cell


def _wrong(place: Path, number: int, what: str) -> DecisionError:
    return DecisionError(f"'{place}', line {number:,}: {what}")
