"""Images or features? Decided once, for every command and every function that takes either.

place, images or features --features_of--> Features, and the source they came from
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from rara.arguments import path_of, short
from rara.errors import ParameterError, SourceNotFoundError
from rara.extractors import Extractor, Spec, get_extractor
from rara.features.embed import embed
from rara.features.features import Features
from rara.run import Run
from rara.sources import Source, open_source, refuse_mixed
from rara.sources.arrays.numpy_files import holds_vectors, vectors_in
from rara.sources.paths import split_key
from rara.sources.schemes import is_remote, local_path, shown_place
from rara.storage.folder import kind_of

Images: TypeAlias = "str | os.PathLike[str] | Source | Features | Iterable[Any]"
"""A place with images, images themselves, or features of images (also as a folder)."""


def find_extractor(extractor: str | os.PathLike[str] | Extractor, run: Run) -> Extractor:
    """An extractor by its name or path, or the one given."""
    if isinstance(extractor, (str, os.PathLike)):
        return get_extractor(extractor, threads=run.threads)
    if not isinstance(getattr(extractor, "spec", None), Spec):
        raise ParameterError(
            f"extractor = {short(extractor)}: give a name, the path of an ONNX file, "
            "or an extractor."
        )
    return extractor


def is_features(images: object) -> bool:
    """Whether these are vectors already: features, a folder that rara wrote, or a file of vectors.

    Such a file is an .npy or .npz with an array of floats of shape (n, d), and no images.
    """
    if not isinstance(images, (str, os.PathLike)):
        return isinstance(images, Features)
    place = stored_at(images) if is_remote(images) else images
    if place is None:
        return False
    folder, key = _placed(place)
    if kind_of(folder) is None:
        return holds_vectors(folder, key)
    refuse_mixed(folder)
    return True


def features_of(
    images: Images, extractor: Extractor | None, run: Run
) -> tuple[Features, Source | None]:
    """Vectors of images, and the source they came from; features are taken as they are."""
    if isinstance(images, Features):
        return images, None
    if extractor is None:
        return _stored_features(images), None  # type: ignore[arg-type]
    source = open_source(images, metadata=run.metadata)
    features = embed(
        source,
        extractor,
        cache=run.cache,
        vectors=run.vectors,
        on_failed=run.on_failed,
        max_pixels=run.max_pixels,
        threads=run.threads,
        memory=run.memory,
        progress=run.progress,
    )
    return features, source


def stored_at(place: str | os.PathLike[str]) -> str | None:
    """A local path with what rara stored at a place with a scheme; None where it stored nothing.

    It is a verified copy in the cache, or the path behind `file://`.
    """
    text = os.fspath(place)
    if (path := local_path(text)) is not None:
        return path
    from rara.sources.remote.copies import stored_copy  # it is for remote places alone

    return stored_copy(text)


def _placed(place: str | os.PathLike[str]) -> tuple[Path, str | None]:
    text, key = split_key(os.path.expanduser(place))  # noqa: PTH111 (the key is no path)
    return path_of(text), key


def _stored_features(place: str | os.PathLike[str]) -> Features:
    """The features in a folder that rara wrote, or the vectors in a file."""
    if is_remote(place):
        copy = stored_at(place)
        if copy is None:
            raise SourceNotFoundError(f"'{shown_place(os.fspath(place))}' holds no vectors.")
        features = _stored_features(copy)
        named = features.location == copy != local_path(os.fspath(place))  # by the copy itself
        return replace(features, location=shown_place(os.fspath(place))) if named else features
    path, key = _placed(place)
    if path.is_dir():
        return Features.load(path)
    stored = vectors_in(path, key)
    metadata = {"label": stored.labels} if stored.labels else None
    features = Features.from_arrays(stored.vectors, metadata=metadata, location=stored.location)
    return replace(features, remarks=tuple(stored.remarks))


def as_features(vectors: ArrayLike | Features, ids: Sequence[str] | None, what: str) -> Features:
    """Vectors that were computed elsewhere, as features."""
    if isinstance(vectors, Features):
        return vectors
    return Features.from_arrays(vectors, ids=ids, location=f"given vectors ({what})")
