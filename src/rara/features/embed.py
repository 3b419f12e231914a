"""A source's images -> features: cached by content, resumable, on all cores.

The last step of the flow sources -> images -> extractors -> features. Items pass through
two crews of threads, in the order of the source and a bounded window at a time:

    look   load, digest, and for content that nobody knows yet decode and resize
    infer  the extractor, on one batch of unknown images

What comes out goes to the cache every few seconds, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.arguments import whole
from rara.errors import EmptySourceError, FeatureError, ImageError, OversizeError, ParameterError
from rara.extractors.base import Extractor, Spec
from rara.features.features import Features
from rara.features.item_table import ITEMS
from rara.features.vector_cache import ForgottenVectors, Record, VectorCache
from rara.features.work_ahead import crew_of, work_ahead
from rara.images.decode import Payload, content_digest, decode_noted
from rara.images.memory_budget import MemoryBudget, Share
from rara.images.phash import pixel_hash_of
from rara.machine import cores
from rara.run import DEFAULT_MAX_PIXELS, OnFailed, Progress, VectorUse
from rara.sources.base import Item, Source, items_within, remarks_of
from rara.storage.cache import cache_folder
from rara.text import encodable

_CHUNK = 8
"""Items that a thread looks at in one go: passing them singly costs more than a cached one."""

_GROUP = 64
"""Known images that pass on together while no batch fills."""

_ROWS_BYTES = 64 << 20
"""How far the vectors grow at a time where a source cannot tell its number of images."""

_TABLE_ROWS = 16_384
"""So many rows of the table of items are packed into columns at a time."""


class _Silent:
    def start(self, total: int | None, what: str) -> None:
        pass

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        pass

    def finish(self) -> None:
        pass


def embed(
    source: Source,
    extractor: Extractor,
    *,
    cache: str | os.PathLike[str] | None = None,
    vectors: VectorUse = "cache",
    on_failed: OnFailed = "keep",
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress | None = None,
) -> Features:
    """The vectors of all images in a source.

    Content whose vector is in `cache` (default: rara's cache folder) is not decoded
    again, and content that occurs twice is inferred once. An image that cannot be used is
    listed with its reason; a later run does not try it again unless `on_failed` is "retry".
    With `vectors="forget"` the cache is left alone.
    `threads` load and decode (default: one for each core) beside the extractor's own, fewer at
    a time where images are so large that they would take more than `memory` bytes together
    (default: a quarter of the machine's). An image that takes more than that is decoded alone.

    Whatever ends the run early, what was computed is kept. Raises EmptySourceError where no
    image could be used, UnwritableError where the cache cannot be written.
    """
    _check(on_failed, threads, memory)
    vector_cache = _kept(cache, vectors, extractor.spec)
    total = source.count()
    gathered = _Gathered(extractor.spec.dim, total)
    progress = progress or _Silent()
    budget = MemoryBudget(memory)
    look = partial(
        _look,
        vector_cache=vector_cache,
        extractor=extractor,
        on_failed=on_failed,
        limit=max_pixels,
        budget=budget,
    )
    items = items_within(source, max_pixels)
    progress.start(total, f"Reading {encodable(source.location)}")
    try:
        with closing(_embedded(items, look, extractor, threads or cores(), budget.ahead)) as images:
            for image in images:
                _learn(image, vector_cache, gathered, progress)
    finally:
        progress.finish()
        vector_cache.flush()
    vector_cache.merge()
    return gathered.features(extractor.spec, source)


def _kept(
    cache: str | os.PathLike[str] | None, vectors: VectorUse, spec: Spec
) -> VectorCache | ForgottenVectors:
    if vectors == "forget":
        return ForgottenVectors()
    return VectorCache(cache_folder() if cache is None else Path(cache), spec)


def _check(on_failed: OnFailed, threads: int | None, memory: int | None) -> None:
    if on_failed not in get_args(OnFailed):
        raise ParameterError(f"on_failed={on_failed!r}: give 'keep' or 'retry'.")
    for name, value in (("threads", threads), ("memory", memory)):
        if value is not None:
            whole(value, name)


# -- one image on its way ---------------------------------------------------------------


Origin = Literal["fresh", "failed", "passing", "cached", "repeat"]


@dataclass(frozen=True, slots=True)
class _Image:
    """One image on its way through the crews."""

    item: Item
    record: Record
    origin: Origin
    """`failed` is a fault of the content, `passing` one that another run may not meet, and a
    `repeat` waits for the vector of the same content before it."""
    pixels: NDArray[Any] | None = None
    """There while the extractor has not seen it."""


def _look(
    item: Item,
    *,
    vector_cache: VectorCache | ForgottenVectors,
    extractor: Extractor,
    on_failed: OnFailed,
    limit: int,
    budget: MemoryBudget,
) -> _Image:
    """Load an image; decode and resize it only where the cache has no vector of its content."""
    spent, digest = replace(item, load=_spent), ""
    try:
        with budget.share() as share:
            payload = item.load()
            digest = content_digest(payload, admit=share.take)
            cached = vector_cache.get(digest)
            if cached is not None and _serves(cached, on_failed, limit):
                return _Image(spent, cached, "cached")
            record, pixels = _decoded(payload, digest, extractor, limit, share)
            del payload  # before its share is given to another
            return _Image(spent, record, "fresh", pixels)
    except ImageError as error:
        passing = not digest or isinstance(error, OversizeError)
        record = Record(digest, reason=encodable(str(error)))
        return _Image(spent, record, "passing" if passing else "failed")


def _spent() -> Payload:
    """What `load` is once an image was looked at, so that its bytes do not wait with it."""
    raise ImageError("was read already")


def _decoded(
    payload: Payload, digest: str, extractor: Extractor, limit: int, share: Share
) -> tuple[Record, NDArray[Any]]:
    """What is known of an image without its vector, and its pixels as the extractor takes them."""
    decoded = decode_noted(payload, max_pixels=limit, admit=share.take)
    image, size = decoded.image, decoded.image.size
    try:
        record = Record(digest, None, None, *size, pixel_hash_of(image), decoded.note)
        return record, extractor.prepare(image)
    except MemoryError:
        raise OversizeError("not enough memory to resize it") from None


def _serves(record: Record, on_failed: OnFailed, limit: int) -> bool:
    if record.vector is None:
        return on_failed == "keep"
    return record.width * record.height <= limit  # or the result would depend on earlier limits


def _inferred(images: list[_Image], extractor: Extractor) -> list[_Image]:
    """The same images, those with pixels now with a vector."""
    pixels = [image.pixels for image in images if image.pixels is not None]
    if not pixels:
        return images
    vectors = np.asarray(extractor.extract(np.stack(pixels)), dtype=np.float32)
    if vectors.shape != (len(pixels), extractor.spec.dim):
        raise FeatureError(
            f"Extractor '{extractor.spec.name}' gave vectors of shape {vectors.shape} for "
            f"{len(pixels)} images: its spec says {extractor.spec.dim} numbers each."
        )
    rows = iter(vectors)
    return [image if image.pixels is None else _with_vector(image, next(rows)) for image in images]


def _with_vector(image: _Image, vector: NDArray[np.float32]) -> _Image:
    if np.isfinite(vector).all():
        return replace(image, record=replace(image.record, vector=vector), pixels=None)
    reason = "the extractor's vector is NaN or infinite"
    return _Image(image.item, Record(image.record.digest, reason=reason), "failed")


def _learn(
    image: _Image,
    vector_cache: VectorCache | ForgottenVectors,
    gathered: _Gathered,
    progress: Progress,
) -> None:
    """Keep what came out: in the cache where it is new, and in the features."""
    record = image.record
    if image.origin in ("fresh", "failed"):
        vector_cache.add(record)
    elif image.origin == "repeat":  # what it repeats came earlier and was learned
        record = vector_cache.get(record.digest) or replace(
            record, reason="its cached vector is damaged"
        )
    gathered.add(image.item, record)
    done = record.vector is not None
    from_cache = done and image.origin != "fresh"
    progress.advance(
        done=int(done and not from_cache), cached=int(from_cache), skipped=int(not done)
    )


# -- two crews --------------------------------------------------------------------------


def _embedded(
    source: Iterable[Item],
    look: Callable[[Item], _Image],
    extractor: Extractor,
    threads: int,
    room: int,
) -> Generator[_Image]:
    """The images of a source, in its order, each with a vector or a reason.

    Those that wait to be looked at have at most `room` encoded bytes, or are one chunk.
    """
    size, lanes = extractor.batch_size, extractor.lanes
    ended = Event()
    look_all = partial(_look_all, look=look, ended=ended)
    infer = partial(_inferred, extractor=extractor)
    far = threads + 2 + size // _CHUNK
    with crew_of(threads) as lookers, crew_of(lanes) as inferrers:
        window = partial(_how_far, far=far)
        tasks = _chunks(source, room // far)
        chunks = work_ahead(lookers, look_all, tasks, window=window, weight=_encoded, room=room)
        batches = _batches(chain.from_iterable(chunks), size)
        try:
            for images in work_ahead(inferrers, infer, batches, window=lambda _: lanes + 1):
                yield from images
        finally:
            ended.set()


def _how_far(images: list[_Image], *, far: int) -> int:
    """One chunk at a time while all is known: threads would only fight for the interpreter."""
    return far if any(image.origin != "cached" for image in images) else 1


def _look_all(items: list[Item], look: Callable[[Item], _Image], ended: Event) -> list[_Image]:
    return [look(item) for item in items if not ended.is_set()]


def _chunks(items: Iterable[Item], room: int) -> Iterator[list[Item]]:
    """A few items at a time, fewer where their encoded bytes fill `room`."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK or _encoded(chunk) >= room:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _encoded(items: list[Item]) -> int:
    """Encoded bytes, as far as they are known before the items are read."""
    return sum(item.size or 0 for item in items)


def _batches(images: Iterable[_Image], size: int) -> Iterator[list[_Image]]:
    """Lists with up to `size` images to infer, and those that came between them."""
    batch: list[_Image] = []
    fresh, met = 0, set[str]()
    for image in images:
        if image.origin == "fresh" and image.record.digest in met:
            batch.append(replace(image, origin="repeat", pixels=None))
        else:
            batch.append(image)
        if batch[-1].origin == "fresh":
            met.add(image.record.digest)
            fresh += 1
        if fresh == size or len(batch) >= size + _GROUP:
            yield batch
            batch, fresh = [], 0
    if batch:
        yield batch


# -- what comes out ---------------------------------------------------------------------


class _Gathered:
    """Vectors and items, growing in the order of the source."""

    def __init__(self, dim: int, expected: int | None) -> None:
        self._step = max(1, _ROWS_BYTES // (4 * dim))
        self._vectors = np.empty((expected or self._step, dim), dtype=np.float32)
        self._done = 0
        self._rows: list[tuple[Any, ...]] = []
        self._packed: list[pa.RecordBatch] = []

    def add(self, item: Item, record: Record) -> None:
        """Append one image."""
        done = record.vector is not None
        if done:
            self._make_room()
            self._vectors[self._done] = record.vector
            self._done += 1
        size = (record.width, record.height) if done else (None, None)
        hashes_and_note = (*astuple(record.pixel_hash), record.note if done else None)
        state = "done" if done else "failed"
        metadata = json.dumps(dict(item.metadata), ensure_ascii=False, default=str)
        about = (item.id, record.digest or None, state, record.reason)
        self._rows.append((*about, *size, *hashes_and_note, metadata))
        if len(self._rows) == _TABLE_ROWS:
            self._pack_rows()

    def _make_room(self) -> None:
        """Grow in place, a step or an eighth at a time: nothing is ever held twice."""
        rows, dim = self._vectors.shape
        if self._done == rows:
            self._vectors.resize((rows + max(self._step, rows // 8), dim), refcheck=False)

    def _pack_rows(self) -> None:
        """Rows take several times the memory that the same columns take."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(ITEMS)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, ITEMS, strict=True)]
        self._packed.append(pa.RecordBatch.from_arrays(arrays, schema=ITEMS))
        self._rows = []

    def features(self, spec: Spec, source: Source) -> Features:
        """All of it, once the source has ended."""
        self._vectors.resize((self._done, spec.dim), refcheck=False)
        self._pack_rows()
        items = pa.Table.from_batches(self._packed, ITEMS).combine_chunks()
        features = Features(
            self._vectors, items, spec, encodable(source.location), _remarks(source)
        )
        if not self._done:
            raise EmptySourceError(_nothing(features), features.skipped)
        return features


def _remarks(source: Source) -> tuple[str, ...]:
    return tuple(map(encodable, remarks_of(source)))


def _nothing(features: Features) -> str:
    skipped = features.skipped
    if not skipped:
        return f"No images in '{features.location}'."
    reasons = "; ".join(f"'{name}': {reason}" for name, reason in skipped[:3])
    return (
        f"None of the {len(skipped)} images in '{features.location}' could be used: {reasons}"
        f"{'; ...' if len(skipped) > 3 else ''}."
    )
