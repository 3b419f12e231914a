"""Extractors by name. A new one is one file and one line here, or another package's entry point.

A package adds its own with an entry point in the group `rara.extractors`, whose name is
the extractor's and whose object is a factory:

    [project.entry-points."rara.extractors"]
    my-network = "my_package.rara:load"
"""

from __future__ import annotations

import difflib
import os
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from rara.arguments import path_of
from rara.errors import ParameterError, UnknownExtractorError
from rara.extractors.base import Extractor
from rara.extractors.onnx import load_onnx
from rara.extractors.preprocessing import Preprocessing

DEFAULT = "efficientnet-lite0"
"""The extractor that is meant where none is named."""

GROUP = "rara.extractors"
"""The group of entry points in which other packages name theirs."""

_BUILT_IN = {
    "efficientnet-lite0": "rara.extractors.efficientnet_lite0:load",
}


class Factory(Protocol):
    """Makes an extractor ready to run; imports what is heavy only when called."""

    def __call__(self, *, threads: int | None = None) -> Extractor:
        """An extractor that works on `threads` images at once; None means one for each core."""


def available() -> list[str]:
    """Names of all extractors that can be asked for, other packages' included."""
    return sorted(_entries())


def get_extractor(
    name: str | os.PathLike[str] = DEFAULT,
    *,
    preprocessing: Preprocessing | None = None,
    threads: int | None = None,
) -> Extractor:
    """The extractor of that name, or the one in the ONNX file at that path.

    `preprocessing` tells what an ONNX file expects; a named extractor brings its own.
    `threads` images are worked on at once, by default one for each core.

    >>> get_extractor("efficientnet-lite1")
    Traceback (most recent call last):
    rara.errors.UnknownExtractorError: No extractor 'efficientnet-lite1'. Did you mean ...
    """
    path_of(name, "extractor")
    if is_path(name):
        return load_onnx(name, preprocessing=preprocessing, threads=threads)
    entry = _entries().get(str(name))
    if entry is None:
        raise UnknownExtractorError(_unknown(str(name)))
    if preprocessing is not None:
        raise ParameterError(
            f"Extractor '{name}' brings the preprocessing that it was trained with: "
            "give one only with the path of an ONNX file."
        )
    return cast(Factory, entry.load())(threads=threads)


def is_path(name: str | os.PathLike[str]) -> bool:
    """Whether it is the path of an ONNX file that is meant, and not a name."""
    return not isinstance(name, str) or name.lower().endswith(".onnx") or os.sep in name


def _entries() -> dict[str, EntryPoint]:
    """All factories by name; rara's own names cannot be taken over."""
    own = {name: EntryPoint(name, where, GROUP) for name, where in _BUILT_IN.items()}
    return {entry.name: entry for entry in entry_points(group=GROUP)} | own


def _unknown(name: str) -> str:
    names = available()
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"No extractor '{name}'.{hint} Give {', '.join(names)} or the path of an .onnx file."
