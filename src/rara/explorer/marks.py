"""What people mark: decisions, in the words and the file of `rara decide`; stars and notes.

    entry of the page --put--> Decisions and remarks, saved at once

A decision is on a pair of contents, so it needs a reference image: the page's, or the one that the
sample is compared with. A star is on a content: samples that are the same picture share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rara.decisions.decision import COPY, WORDS, Decision, Word
from rara.decisions.decisions import Decisions
from rara.decisions.remark import Remark
from rara.errors import DecisionError, RaraError
from rara.explorer.details import compared_with
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.report.records import records

MOST_MARKS: Final = 100_000
"""Pictures that may carry a star or a note at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What people say of one sample."""

    sample: int
    """Its row in the table."""
    reference: int | None = None
    """The row of the reference image that the decision is about."""
    decision: Word | None = None
    note: str = ""
    star: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a page sends; None stays as it is."""

    sample: int
    reference: int | None = None
    decision: Word | None = None
    remove: bool = False
    """Whether the decision is taken back."""
    note: str | None = None
    star: bool | None = None


@dataclass(slots=True)
class Marks:
    """All marks of a run. May be used from any thread."""

    explored: Explored
    decisions: Decisions
    _last: dict[int, int] = field(default_factory=dict)
    """The reference image of the pair last decided in this run, by the row of the sample."""
    _lock: RLock = field(default_factory=RLock)

    def all(self) -> list[Mark]:
        """Every sample with a mark, in the order of the table."""
        with self._lock:
            marks = {one.sample: one for one in self._decided()}
            for row, remark in self._remarked():
                mark = marks.get(row) or Mark(sample=row)
                marks[row] = replace(mark, star=remark.star, note=mark.note or remark.note)
            for row, reference in self._last.items():
                if row in marks and marks[row].decision:
                    marks[row] = replace(marks[row], reference=reference)
            return [marks[row] for row in sorted(marks)]

    def of(self, row: int) -> Mark | None:
        """The mark of one sample."""
        return next((one for one in self.all() if one.sample == row), None)

    def fresh(self) -> list[Mark]:
        """The same, with what others have saved into the file meanwhile, if it can be read."""
        with suppress(RaraError):
            self.decisions.refresh()
        return self.all()

    def same(self, row: int) -> list[int]:
        """The rows of the samples that are the same picture as one, which share its mark."""
        content = self.explored.digest_of(SAMPLE, row)
        return self._rows(SAMPLE, {content})[content]

    def put(self, change: Change) -> Mark:
        """Change a mark, and save it. Raises DecisionError, UnwritableError, LockedStoreError."""
        with self._lock, self.decisions.editing():
            before = self.of(change.sample) or Mark(sample=change.sample)
            note = before.note if change.note is None else change.note
            star = before.star if change.star is None else change.star
            word = None if change.remove else change.decision or before.decision
            about = change.reference if change.reference is not None else before.reference
            if word is not None and about is None:
                about = self._compared(change.sample)
            mark = Mark(sample=change.sample, reference=about if word else None, decision=word,
                        note=note, star=star)  # fmt: skip
            self._decide(before, mark)
            self._remark(mark)
        return mark

    def entry(self, mark: Mark) -> dict[str, str] | None:
        """A decision as `rara decide --from` takes it; None where nothing is decided."""
        if mark.decision is None or mark.reference is None:
            return None
        sample, source = self._pair(mark.sample, mark.reference)
        return {
            "sample": sample, "source": source, "decision": mark.decision, "note": mark.note,
            "sample_id": self.explored.id_of(SAMPLE, mark.sample),
            "source_id": self.explored.id_of(REFERENCE, mark.reference),
        }  # fmt: skip

    def _decide(self, before: Mark, mark: Mark) -> None:
        if mark.decision is None or mark.reference is None:
            if before.decision is not None and before.reference is not None:
                self.decisions.remove(*self._pair(before.sample, before.reference))
            return
        sample, source = self._pair(mark.sample, mark.reference)
        self.decisions.take([
            Decision(
                sample=sample, source=source, copy=mark.decision == COPY, note=mark.note,
                sample_id=self.explored.id_of(SAMPLE, mark.sample),
                source_id=self.explored.id_of(REFERENCE, mark.reference),
            )
        ])  # fmt: skip
        self._last[mark.sample] = mark.reference

    def _remark(self, mark: Mark) -> None:
        """The star; and the note, where no decision has it."""
        content = self.explored.digest_of(SAMPLE, mark.sample)
        note = "" if mark.decision else mark.note
        if not (mark.star or note):
            self.decisions.drop_remark(content)
            return
        remarks = self.decisions.remarks
        if len(remarks) >= MOST_MARKS and all(one.sample != content for one in remarks):
            raise DecisionError(f"{MOST_MARKS:,} pictures are marked: no more are kept.")
        name = self.explored.id_of(SAMPLE, mark.sample)
        self.decisions.take([Remark(sample=content, star=mark.star, note=note, sample_id=name)])

    def _pair(self, sample: int, reference: int) -> tuple[str, str]:
        return self.explored.digest_of(SAMPLE, sample), self.explored.digest_of(
            REFERENCE, reference
        )

    def _compared(self, sample: int) -> int:
        rows = np.array([sample], np.int64)
        [record] = records(self.explored.table.arrow, rows, {})
        found = self.explored.reference_row(compared_with(record))
        if found is None:
            raise DecisionError("Say which reference image the decision is about.")
        return found

    def _decided(self) -> Iterator[Mark]:
        """The decisions on pairs of these samples and this reference, the last of a sample."""
        held = list(self.decisions)
        contents = {content for one in held for content in one.pair}
        ours, theirs = (self._rows(side, contents) for side in (SAMPLE, REFERENCE))
        for one in held:
            for first, second in dict.fromkeys([one.pair, one.pair[::-1]]):
                if first in ours and second in theirs:
                    for row in ours[first]:
                        yield Mark(sample=row, reference=theirs[second][0], decision=one.word,
                                   note=one.note)  # fmt: skip

    def _remarked(self) -> Iterator[tuple[int, Remark]]:
        """The remarks on these samples, by row."""
        remarks = self.decisions.remarks
        rows = self._rows(SAMPLE, {one.sample for one in remarks})
        for one in remarks:
            for row in rows.get(one.sample, ()):
                yield row, one

    def _rows(self, side: int, contents: set[str]) -> dict[str, list[int]]:
        """The rows of the images with these contents."""
        wanted, digests = pa.array(contents, pa.string()), self.explored.items[side]["digest"]
        rows = np.flatnonzero(pc.is_in(digests, wanted).to_numpy(zero_copy_only=False))
        found: dict[str, list[int]] = {}
        for row, content in zip(rows.tolist(), digests.take(rows).to_pylist(), strict=True):
            found.setdefault(content, []).append(row)
        return found


def word_of(value: object) -> Word:
    """A word that decides. Raises DecisionError."""
    for word in WORDS:
        if value == word:
            return word
    raise DecisionError(f"decision: give {' or '.join(repr(word) for word in WORDS)}.")
