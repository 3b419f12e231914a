"""The content of a picture that somebody names: by a path, by an id, or by its digest.

name --picture_of--> Picture: digest and id
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rara.arguments import short
from rara.decisions.decision import is_digest
from rara.errors import ParameterError
from rara.features.opening import features_of, is_features
from rara.images.decode import content_digest
from rara.run import Run
from rara.sources import open_source


class Picture(NamedTuple):
    """A picture of a pair."""

    digest: str
    """sha256 of its content."""
    id: str
    """What people call it."""


def picture_of(name: str | os.PathLike[str], ids: Mapping[str, str], side: str) -> Picture:
    """The image file at a path; or else one of these ids, each with its digest; or a digest.

    `side`: what the picture is called in an error. Raises ParameterError where it is none of these.
    """
    if not isinstance(name, (str, os.PathLike)):
        raise ParameterError(f"{side} = {short(name)}: give the path of an image.")
    text = os.fspath(name)
    if _is_file(text):
        return _in_file(Path(text), side)
    if text in ids:
        return Picture(ids[text], text)
    if is_digest(text):
        return Picture(text, "")
    raise ParameterError(
        f"{side} = {short(text)}: no image file is there, and no image in the reference is called "
        "so. Give the path of the image."
        if ids
        else f"{side} = {short(text)}: no image file is there. Give the path of the image."
    )


def id_in(place: str | os.PathLike[str], name: str) -> dict[str, str]:
    """The content of the image with this id in a place, by its id; nothing where there is none."""
    if is_features(place):
        images = features_of(place, None, Run())[0].embedded
        pairs = zip(images["id"].to_pylist(), images["digest"].to_pylist(), strict=True)
        return {one: digest for one, digest in pairs if one == name}
    items = open_source(place, metadata="ignore").select([name])
    return {item.id: content_digest(item.load()) for item in items}


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or a null character
        return False


def _in_file(path: Path, side: str) -> Picture:
    items = open_source(path, metadata="ignore")
    if items.count() != 1:
        raise ParameterError(f"{side} = '{path}' holds several images: give one image file.")
    [item] = items
    return Picture(content_digest(item.load()), str(path))
