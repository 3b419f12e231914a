"""One picture from standard input, written `-` where commands take pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rara.errors import ParameterError
from rara.features.opening import is_features
from rara.run import Run
from rara.sources import Source, open_source
from rara.sources.limits import IMAGE

STDIN = "-"
STDIN_NAME = "standard input"


def pictures_at(places: Sequence[str], run: Run, command: str) -> Source:
    """The pictures of one place or of several, or the one from standard input.

    Raises ParameterError for vectors, and where `-` is one of several places.
    """
    if (piped := from_stdin(places, command)) is not None:
        return open_source(piped)
    if vectors := [place for place in places if is_features(place)]:
        raise ParameterError(
            f"'{vectors[0]}' holds vectors, and `rara {command}` takes pictures: give the images."
        )
    return open_source(places[0] if len(places) == 1 else list(places), metadata=run.metadata)


def from_stdin(places: Sequence[str], command: str) -> dict[str, bytes] | None:
    """The picture from standard input under its name; None where it is not among the places."""
    if STDIN not in places:
        return None
    if len(places) > 1:
        raise ParameterError("- is one picture from standard input: give it alone.")
    return {STDIN_NAME: _read(command)}


def refuse_options(words: Sequence[object], command: str) -> None:
    """Raise ParameterError where a place begins like an option."""
    if unknown := [str(word) for word in words if str(word)[:1] == "-" and word != STDIN]:
        raise ParameterError(
            f"'{unknown[0]}' is no option of `rara {command}`; write ./{unknown[0]} if it is a "
            "file."
        )


def _read(command: str) -> bytes:
    """The bytes of one picture. Raises ParameterError where there are none, or too many."""
    data = sys.stdin.buffer.read(IMAGE.size + 1) if sys.stdin is not None else b""
    if not data:
        raise ParameterError(f"Standard input is empty: pipe one picture into `rara {command} -`.")
    if len(data) > IMAGE.size:
        raise ParameterError(f"Standard input is larger than the {IMAGE.size:,} bytes of an image.")
    return data
