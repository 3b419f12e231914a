"""One run: how to work, and the step from images to vectors.

Stands between the two halves of rara: `embed` above knows images, `geometry` knows
vectors, and a `Reference` asks for both here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from rara.arguments import path_of, short, whole
from rara.bundle import kind_of
from rara.embed import OnFailed, Progress, embed
from rara.errors import ParameterError
from rara.extractors import Extractor, Spec, get_extractor
from rara.images import DEFAULT_MAX_PIXELS
from rara.sources import MetadataUse, Source, open_source, refuse_mixed
from rara.sources.numpy_files import holds_vectors, vectors_in
from rara.sources.paths import split_key
from rara.store import Features

Images: TypeAlias = "str | os.PathLike[str] | Source | Features | Iterable[Any]"
"""A place with images, images themselves, or features of images (also as a folder)."""


@dataclass(frozen=True, slots=True)
class Run:
    """How to work. Nothing here changes a score."""

    threads: int | None = None
    """By default one for each core."""
    memory: int | None = None
    """Bytes for the geometry beside the features, and for images while they are decoded; by
    default a quarter of the machine's."""
    cache: Path | None = None
    """Where vectors and radii are kept between runs; by default rara's cache folder."""
    on_failed: OnFailed = "keep"
    """Whether images that failed in an earlier run are tried again."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Larger images are skipped."""
    metadata: MetadataUse = "read"
    """"ignore" reads images alone, and no tables or small files that describe them."""
    progress: Progress | None = None

    def __post_init__(self) -> None:
        for name in ("threads", "memory", "max_pixels"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole(value, name))
        if self.cache is not None:
            object.__setattr__(self, "cache", path_of(self.cache, "cache"))


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
    folder, key = _placed(images)
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
        on_failed=run.on_failed,
        max_pixels=run.max_pixels,
        threads=run.threads,
        memory=run.memory,
        progress=run.progress,
    )
    return features, source


def _placed(place: str | os.PathLike[str]) -> tuple[Path, str | None]:
    text, key = split_key(os.path.expanduser(place))  # noqa: PTH111 (the key is no path)
    return path_of(text), key


def _stored_features(place: str | os.PathLike[str]) -> Features:
    """The features in a folder that rara wrote, or the vectors in a file."""
    path, key = _placed(place)
    if path.is_dir():
        return Features.load(path)
    found = vectors_in(path, key)
    metadata = {"label": found.labels} if found.labels else None
    features = Features.from_arrays(found.vectors, metadata=metadata, location=found.location)
    return replace(features, remarks=tuple(found.remarks))


def given_features(vectors: ArrayLike | Features, ids: Sequence[str] | None, what: str) -> Features:
    """Vectors that were computed elsewhere, as features."""
    if isinstance(vectors, Features):
        return vectors
    return Features.from_arrays(vectors, ids=ids, location=f"given vectors ({what})")


@contextmanager
def step(progress: Progress | None, what: str) -> Iterator[None]:
    """A step that nothing can be counted of, such as writing a page; it is named all the same."""
    with watching(progress, None, what):
        yield


@contextmanager
def watching(
    progress: Progress | None, pairs: int | None, what: str
) -> Iterator[Callable[[int], None] | None]:
    """The engine's count of pairs as the progress of a step."""
    if progress is None:
        yield None
        return
    progress.start(pairs, what)
    try:
        yield lambda count: progress.advance(done=count, cached=0, skipped=0)
    finally:
        progress.finish()
