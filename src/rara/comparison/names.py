"""Generators by name, as they are given: a mapping, or places that are named after their folder.

places --named--> {name: images}
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from rara.arguments import listed, short
from rara.errors import ParameterError
from rara.features.features import Features
from rara.features.opening import Images
from rara.sources.schemes import is_remote, shown_place

Generators: TypeAlias = "Mapping[str, Images] | Iterable[str | os.PathLike[str]]"
"""Images or features by name, or places."""

_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".npz", ".npy", ".parquet", ".arrow")
_LIKELY = 64
"""Letters of a name, at most, so that tables stay readable."""


def named(generators: Generators) -> dict[str, Images]:
    """At least one generator, each under a name of its own. Raises ParameterError otherwise."""
    if isinstance(generators, Mapping):
        found = {_checked(name): images for name, images in generators.items()}
    elif isinstance(generators, (str, os.PathLike, Features)):
        raise ParameterError(
            f"generators = {short(generators)}: give a mapping of names to images, or a list of "
            "places."
        )
    else:
        found = dict(_by_folder([_place(one) for one in listed(generators, "generators")]))
    if not found:
        raise ParameterError("There are no generators: give at least one.")
    return found


def folder_name(place: str) -> str:
    """What a place is called: its last part, without the ending of an archive or a table.

    >>> folder_name("runs/gan-psi-0.5.zip"), folder_name("run/step-1000/")
    ('gan-psi-0.5', 'step-1000')
    """
    name = Path(place).name or place
    while (ending := Path(name).suffix.lower()) in _ENDINGS:
        name = name[: -len(ending)]
    return name or place


def _by_folder(places: list[str]) -> Iterable[tuple[str, Images]]:
    """Places whose folders have the same name are told apart by the folders above."""
    shown = [shown_place(place) if is_remote(place) else place for place in places]
    names = [folder_name(place) for place in shown]
    for i, place in enumerate(shown):
        if place in shown[:i]:
            raise ParameterError(f"'{place}' is given twice: name each generator once.")
        alike = [one for one, name in zip(shown, names, strict=True) if name == names[i]]
        yield _apart(place, alike), places[i]


def _apart(place: str, alike: list[str]) -> str:
    """Its name with as few folders above as tell it from others; itself where none do."""
    for above in range(max(len(Path(one).parts) for one in alike)):
        names = [_below(one, above) for one in alike]
        if len(set(names)) == len(names):
            return _below(place, above)
    return place


def _below(place: str, above: int) -> str:
    folders = Path(place).parent.parts
    return Path(*folders[len(folders) - min(above, len(folders)) :], folder_name(place)).as_posix()


def _place(given: object) -> str:
    if not isinstance(given, (str, os.PathLike)):
        raise ParameterError(
            f"{short(given)} has no name: give a mapping of names to images, such as "
            "{'gan': images}."
        )
    return os.fspath(given)


def _checked(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ParameterError(f"{short(name)} is no name of a generator: give text.")
    if len(name) > _LIKELY:
        raise ParameterError(f"{short(name)}: give a name of at most {_LIKELY} letters.")
    return name
