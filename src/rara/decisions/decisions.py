"""Decisions on pairs of pictures: added to, saved into a file, and read again.

    reference.decisions.add("gan/0017.png", "train/4242.png", copy=False, note="the same logo")
    reference.decisions.save()

Saving changes only the lines that were added or removed here. So two processes that save into one
file lose nothing of each other. The file may hold remarks on single pictures as well: stars and
notes, which the explorer keeps there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Self

from rara.arguments import path_of
from rara.decisions.csv_file import MOST_BYTES, Line, lines_in, text_of
from rara.decisions.decision import Decision
from rara.decisions.pictures import Picture, picture_of
from rara.decisions.remark import Remark
from rara.errors import ParameterError, SourceNotFoundError
from rara.storage.shared_file import changing, read_shared

FILE = "decisions.csv"
"""The file's name in the folder of a saved reference, outside of what its manifest seals."""
_REMEDY = "give another file with --decisions, or `save` into one"

Pair = tuple[str, str]
Ids = Callable[[], Mapping[str, str]]


def _no_ids() -> Mapping[str, str]:
    return {}


@dataclass(slots=True)
class _Kept:
    """Decisions and remarks by pair, and those that the file does not have yet."""

    path: Path | None
    lock: RLock = field(default_factory=RLock)
    read: dict[Pair, Line] | None = None
    changes: dict[Pair, Line | None] = field(default_factory=dict)
    """What was added, or None for what was removed."""

    def now(self) -> dict[Pair, Line]:
        """All of them; the file is read when they are first needed."""
        with self.lock:
            if self.read is None:
                self.read = _by_pair(self.saved())
            return self.read

    def saved(self) -> list[Line]:
        """What the file has now; nothing without a file."""
        data = None if self.path is None else read_shared(self.path, most=MOST_BYTES)
        return [] if data is None or self.path is None else lines_in(data, self.path)

    def decision(self, pair: Pair) -> Decision | None:
        """The decision on a pair."""
        line = self.now().get(pair)
        return line if isinstance(line, Decision) else None

    def change(self, pair: Pair, line: Line | None) -> None:
        """Take one in, or out."""
        with self.lock:
            _changed(self.now(), {pair: line})
            self.changes[pair] = line


class Decisions:
    """Which pairs of pictures are copies, and which are not, as people decided.

    Iterates over `Decision` records, in the order of the file. `Reference.decisions` has those of a
    saved reference. May be used from any thread.

    >>> decisions = Decisions()
    >>> decisions.add("a" * 64, "b" * 64, note="the same logo")
    >>> [(one.word, one.note) for one in decisions]
    [('not a copy', 'the same logo')]
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Those in a file, which is read when they are first needed; or none without a file."""
        self._kept = _Kept(None if path is None else path_of(path))
        self._ids: Ids = _no_ids

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Those in a file, read now.

        Raises SourceNotFoundError where there is none, DecisionError with the number of the first
        line that is wrong, and DamagedStoreError for anything but a plain file.
        """
        decisions = cls(path)
        if not os.path.lexists(path_of(path)):
            raise SourceNotFoundError(
                f"Nothing is at '{path}': `rara decide` makes a file of decisions."
            )
        len(decisions)
        return decisions

    def named_by(self, ids: Ids) -> Decisions:
        """The same decisions; sources may be named by these ids of a reference, too."""
        other = Decisions()
        other._kept, other._ids = self._kept, ids
        return other

    @property
    def path(self) -> Path | None:
        """The file that they are saved into; None where there is none."""
        return self._kept.path

    def __len__(self) -> int:
        return sum(isinstance(one, Decision) for one in self._kept.now().values())

    def __iter__(self) -> Iterator[Decision]:
        with self._kept.lock:
            return iter([one for one in self._kept.now().values() if isinstance(one, Decision)])

    @property
    def remarks(self) -> list[Remark]:
        """The stars and notes on single pictures, in the order of the file."""
        with self._kept.lock:
            return [one for one in self._kept.now().values() if isinstance(one, Remark)]

    def __repr__(self) -> str:
        place = "in memory" if self.path is None else f"in '{self.path}'"
        return f"Decisions {place}"

    def add(
        self,
        sample: str | os.PathLike[str],
        source: str | os.PathLike[str],
        *,
        copy: bool = False,
        note: str = "",
    ) -> None:
        """Decide whether a sample is a copy of a reference image; replaces an earlier decision.

        Each is the path of an image file, or the sha256 of its content in hex. The source may also
        be an id of the reference that these are decisions of. Raises ParameterError, and
        DecisionError for a note that is too long.
        """
        first, second = self._pictures(sample, source)
        self.take([
            Decision(
                sample=first.digest, source=second.digest, copy=copy,
                sample_id=first.id, source_id=second.id, note=note,
            )
        ])  # fmt: skip

    def take(self, decisions: Iterable[Line]) -> None:
        """Add decisions, such as those of another file; each replaces an earlier one. A remark
        replaces that on the same picture."""
        for decision in decisions:
            self._kept.change(decision.pair, decision)

    def drop_remark(self, content: str) -> None:
        """Forget the star and the note of a picture, named by the sha256 of its content."""
        key = content, ""
        if key in self._kept.now():
            self._kept.change(key, None)

    def remove(self, sample: str | os.PathLike[str], source: str | os.PathLike[str]) -> None:
        """Forget the decision on a pair. Raises ParameterError where there is none."""
        pair = self.pair_of(sample, source)
        if pair not in self._kept.now():
            raise ParameterError(f"Nothing is decided of '{sample}' and '{source}'.")
        self._kept.change(pair, None)

    def of(self, sample: str | os.PathLike[str], source: str | os.PathLike[str]) -> Decision | None:
        """The decision on a pair, in either order; None where there is none."""
        return self._kept.decision(self.pair_of(sample, source))

    def get(self, pair: Pair) -> Decision | None:
        """The decision on a pair of contents, as `Decision.pair` has them; or None."""
        return self._kept.decision(pair)

    def pair_of(self, sample: str | os.PathLike[str], source: str | os.PathLike[str]) -> Pair:
        """The contents of both, in the order of `Decision.pair`."""
        one, other = (picture.digest for picture in self._pictures(sample, source))
        return min(one, other), max(one, other)

    def save(self, path: str | os.PathLike[str] | None = None) -> None:
        """Write what was added and removed into the file, or all of them into another one.

        What others have written there meanwhile stays. Raises ParameterError without a file,
        UnwritableError, LockedStoreError, and as `load` does where the file is wrong.
        """
        kept = self._kept
        target = kept.path if path is None else path_of(path)
        if target is None:
            raise ParameterError("These decisions have no file yet: give save a path.")
        with kept.lock:
            now = kept.now()
            if kept.path is None or target.absolute() != kept.path.absolute():
                with _changing(target) as lines:
                    _changed(lines, now)
            elif kept.changes:
                with self.editing():
                    pass

    def refresh(self) -> None:
        """Read what others have saved meanwhile; what was changed here stays. Raises as `load`."""
        kept = self._kept
        with kept.lock:
            lines = _by_pair(kept.saved())
            _changed(lines, kept.changes)
            kept.read = lines

    @contextmanager
    def editing(self) -> Iterator[None]:
        """Change several, and save them at the end: nobody else changes the file meanwhile.

        What others have saved is read first. Where anything is raised, all stays as it was. Without
        a file nothing is saved. Raises as `save` does.
        """
        kept = self._kept
        with kept.lock:
            before, pending = kept.now(), dict(kept.changes)
            try:
                if kept.path is None:
                    kept.read = dict(before)
                    yield
                    return
                with _changing(kept.path) as lines:
                    _changed(lines, kept.changes)
                    kept.read = lines
                    yield
                kept.changes = {}
            except BaseException:
                kept.read, kept.changes = before, pending
                raise

    def save_beside(self, path: Path) -> None:
        """Into the file of a folder that was just written; no file is made without a decision."""
        same = self.path is not None and self.path.absolute() == path.absolute()
        if same and self._kept.read is None:
            return  # not even looked at
        if same or self._kept.now():
            self.save(path)

    def _pictures(
        self, sample: str | os.PathLike[str], source: str | os.PathLike[str]
    ) -> tuple[Picture, Picture]:
        return picture_of(sample, {}, "sample"), picture_of(source, self._ids(), "source")


@contextmanager
def _changing(path: Path) -> Iterator[dict[Pair, Line]]:
    """What a file holds, to be changed in place; it is written at the end."""
    with changing(path, most=MOST_BYTES, remedy=_REMEDY) as (data, replace):
        lines = {} if data is None else _by_pair(lines_in(data, path))
        yield lines
        content = text_of(lines.values())
        if len(content) > MOST_BYTES:
            raise ParameterError(
                f"'{path}' would have more than {MOST_BYTES:,} bytes, which rara does not read: "
                "remove decisions that you no longer need."
            )
        if content != data:
            replace(content)


def _changed(held: dict[Pair, Line], changes: Mapping[Pair, Line | None]) -> None:
    for pair, line in changes.items():
        if line is None:
            held.pop(pair, None)
        else:
            held[pair] = line


def _by_pair(lines: Iterable[Line]) -> dict[Pair, Line]:
    return {line.pair: line for line in lines}
