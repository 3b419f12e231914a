"""Decisions as the lines of a CSV file, which people read and edit.

    sample,source,decision,date,sample_id,source_id,note
    5c1f…,90ab…,not a copy,2026-11-30,gan/0017.png,train/4242.png,only the same logo
    77e0…,,star,2026-11-30,gan/0020.png,,odd hands

bytes --lines_in--> decisions and remarks, in the order of their lines --text_of--> bytes

A remark is on one picture, so its cell for the source is empty; its word is `star` or `note`.

The file may come from elsewhere. Its first mistake becomes one sentence with the number of its
line. No cell that is written begins a formula: an apostrophe stands before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from rara.decisions.decision import WORDS, Decision, shown
from rara.decisions.remark import NOTE, STAR, Remark
from rara.errors import DecisionError
from rara.text import begins_formula

COLUMNS = ("sample", "source", "decision", "date", "sample_id", "source_id", "note")
HEADER = ",".join(COLUMNS)
MOST_BYTES = 32 << 20
"""Of a file: some 150,000 decisions."""
_MOST_LINE = 10_000
"""Characters of a line."""

Line = Decision | Remark


def lines_in(data: bytes, place: Path) -> list[Line]:
    """The decisions and remarks in a file, each pair and each picture once.

    Raises DecisionError for the first line that is wrong, and where two lines contradict each
    other: which of them is meant cannot be known.
    """
    found: list[Line] = []
    lines: dict[tuple[str, str], tuple[int, Line]] = {}
    for number, text in _lines(data, place):
        try:
            line = _line(text)
        except DecisionError as error:
            raise _wrong(place, number, str(error)) from None
        first, earlier = lines.setdefault(line.pair, (number, line))
        if what := _contradiction(line, earlier, first):
            raise _wrong(place, number, f"{what}: remove one of the lines.")
        if first == number:
            found.append(line)
    return found


def _contradiction(line: Line, earlier: Line, number: int) -> str:
    """What a line says beside an earlier one that it cannot stand beside; else nothing."""
    if isinstance(line, Remark) and isinstance(earlier, Remark):
        same = (line.star, line.note) == (earlier.star, earlier.note)
        return "" if same else f"it says something else of the same picture than line {number}"
    if line.word == earlier.word:
        return ""
    return (
        f"'{line.word}' contradicts line {number}, which says '{earlier.word}' of the same two "
        "pictures"
    )


def text_of(lines: Iterable[Line]) -> bytes:
    """The whole file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in lines:
        source, source_id = ("", "") if isinstance(one, Remark) else (one.source, one.source_id)
        texts = (_cell(text) for text in (one.sample_id, source_id, one.note))
        writer.writerow([one.sample, source, one.word, one.date, *texts])
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


def _line(line: str) -> Line:
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
    remark = not source and word in (STAR, NOTE)
    if word not in WORDS and not remark:
        raise DecisionError(f"decision = {shown(word)}: give 'copy' or 'not a copy'.")
    if not date:
        raise DecisionError("it has no date: give a day such as 2026-11-30.")
    sample_id, source_id, note = (_text(cell) for cell in (*cells[4:], "")[:3])
    if remark:
        return Remark(
            sample=sample.lower(), star=word == STAR, note=note, date=date, sample_id=sample_id
        )
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
