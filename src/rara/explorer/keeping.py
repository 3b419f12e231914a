"""Where marks are kept: the file that is given, that of the reference, or one in the cache folder.

    decisions given | a saved reference | the contents of the samples --kept_marks--> Keeping

The file in the cache is found again by the samples' contents, whatever they are judged by. One that
is damaged is put aside under another name. No verdict ever reads it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rara.decisions.decisions import Decisions
from rara.errors import DamagedStoreError, DecisionError, LockedStoreError, UnwritableError
from rara.explorer.explored import SAMPLE, Explored
from rara.storage.cache import cache_folder

FOLDER: Final = "marks"
"""In the cache folder."""
ASIDE: Final = ".damaged"
"""How the name of a file ends that could not be read."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Decisions and remarks, and where they are."""

    decisions: Decisions
    sentence: str
    """For the page: where marks are kept, without a path."""
    notes: tuple[str, ...] = ()
    """For the terminal."""


def kept_marks(explored: Explored, given: Decisions | None, cache: Path | None) -> Keeping:
    """The marks of before, and where those of now go.

    `cache`: the cache folder, where it is not the usual one. Where that folder cannot be written,
    marks last as long as the run, and the sentence says so.
    """
    held = explored.reference.decisions if given is None else given
    if held.path is not None:
        return Keeping(held, f"Kept in {held.path.name}.")
    if given is not None or len(held):
        return Keeping(held, "Kept while the server runs.")
    path = (cache or cache_folder()) / FOLDER / f"{_name(explored)}.csv"
    try:
        made, notes = _opened(path)
        with made.editing():  # the folder can be written to
            pass
    except (UnwritableError, LockedStoreError) as error:
        return Keeping(held, "Kept while the server runs: the cache folder cannot be written.",
                       (f"Marks are not kept. {error}",))  # fmt: skip
    says = f"Kept in the cache folder, in {FOLDER}/{path.name[:12]}….csv."
    return Keeping(made, says, (*notes, f"Marks are kept in '{path}'."))


def _opened(path: Path) -> tuple[Decisions, tuple[str, ...]]:
    """A file of marks; a damaged one is put aside."""
    made = Decisions(path)
    try:
        len(made)
    except (DecisionError, DamagedStoreError) as error:
        aside = _put_aside(path)
        return Decisions(path), (f"{error} It is now '{aside}', and its marks are not used.",)
    return made, ()


def _put_aside(path: Path) -> Path:
    """Rename what is at a path; an earlier one that was put aside stays."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}{ASIDE}-{number}")):
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnwritableError(f"'{path}' is damaged, and cannot be renamed: {reason}.") from None
    return aside


def _name(explored: Explored) -> str:
    """By what the samples hold, in no order."""
    contents = sorted(explored.items[SAMPLE]["digest"].unique().to_pylist())
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()
