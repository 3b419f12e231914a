"""What was learned of each image's content: its vector, or why there is none.

Lies in the cache, one folder for each extractor's spec, and is keyed by the digest of the
content: the same images under other paths cost nothing, and a changed extractor never hits.

A folder holds packs, Arrow files that never change once they have their name. A run writes
packs of its own every few seconds, so any number of runs share a folder without waiting,
and a kill costs the seconds since the last pack. Each record carries a checksum that is
verified when it is used: what is damaged counts as unknown, and is computed again.
"""

from __future__ import annotations

import os
import re
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import filelock
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.extractors.base import Spec
from rara.images.decode import DECODER
from rara.images.phash import CODE_BYTES, NO_PIXEL_HASH, VERSION, PixelHash
from rara.storage.atomic import TEMPORARY, write_file
from rara.storage.plain_files import open_plain

_CODE = f"code {VERSION}"
"""Packs with pixel hashes of another version are of another schema, and count as unknown."""

_NOTE = f"note of decoder {DECODER}"
"""The same for packs with vectors of images that another version decoded, maybe differently."""

_PACK_SECONDS = 5.0
_PACK_BYTES = 16 << 20
"""A pack is written when so much time has passed or so many bytes of vectors are waiting."""

_SMALL_BYTES = 8 << 20
_MERGED_AT_ONCE = 32
"""Packs below this size are merged when a run ends, so many into one."""

_STALE_SECONDS = 24 * 3600
"""Unfinished files that nobody has touched for so long are what a kill left."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one content: its vector, pixel hash and size, or the reason it failed."""

    digest: str
    vector: NDArray[np.float32] | None = None
    reason: str | None = None
    width: int = 0
    height: int = 0
    pixel_hash: PixelHash = NO_PIXEL_HASH
    note: str = ""
    """What to say of the decoded image."""

    @property
    def checksum(self) -> int:
        """CRC-32 of everything."""
        fields = (self.digest, self.width, self.height, self.reason, self._hash_text(), self.note)
        start = zlib.crc32(" ".join(map(str, fields)).encode())
        return start if self.vector is None else zlib.crc32(self.vector.tobytes(), start)

    def _hash_text(self) -> str:
        """The pixel hash as the checksums of all versions have it."""
        return f"Print(picture={self.pixel_hash.picture!r}, code={self.pixel_hash.code!r})"


class VectorCache:
    """The records of one extractor; any number of processes may have it open.

    `get` may be called from any thread, everything else from one.
    """

    def __init__(self, cache: Path, spec: Spec) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", spec.name)
        self.folder = cache / "features" / f"{name}-{spec.fingerprint[:16]}"
        self._dim = spec.dim
        self._waiting: dict[str, Record] = {}
        self._since = time.monotonic()
        self._index: _Index = {}
        self._load()

    def get(self, digest: str) -> Record | None:
        """What is known of a content; None where that is nothing, or is damaged."""
        waiting = self._waiting.get(digest)
        if waiting is not None:
            return waiting
        place = self._index.get(digest)
        return place.batch.record(place.row) if place else None

    def add(self, record: Record) -> None:
        """Remember a record; it is on disk after a few seconds, or the next `flush`."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting[record.digest] = record
        waited = time.monotonic() - self._since
        if waited > _PACK_SECONDS or len(self._waiting) * self._dim * 4 > _PACK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as a pack. Raises UnwritableError where that cannot be done."""
        if not self._waiting:
            return
        path = self._write([_to_arrow(list(self._waiting.values()), self._dim)])
        for batch in _read(path, self._dim):
            _enter(self._index, batch)
        self._waiting = {}  # last: a reader on another thread finds a record here or in the index

    def merge(self) -> None:
        """Make few packs of the many small ones, unless another run is at it or the disk refuses.

        Only tidies up, hence silent. Runs that have the small packs open keep them until
        they end, as removed files stay readable where they are open.
        """
        if len(self._small()) < 2:
            return
        lock = filelock.FileLock(self.folder / "merge.lock", timeout=0)
        with suppress(OSError), lock:  # filelock's Timeout is an OSError too
            while len(small := self._small()[:_MERGED_AT_ONCE]) > 1:
                self._write(_united(_read(path, self._dim) for path in small))
                for path in small:
                    path.unlink(missing_ok=True)
            self._sweep()

    def _load(self) -> None:
        """Read all packs; again while there are new ones, for a merge may be under way."""
        loaded: set[Path] = set()
        while fresh := set(self._packs()) - loaded:
            for path in sorted(fresh):
                for batch in _read(path, self._dim):
                    _enter(self._index, batch)
            loaded |= fresh

    def _write(self, batches: Iterable[pa.RecordBatch]) -> Path:
        def write(file: BinaryIO) -> None:
            with pa.ipc.new_file(file, _schema(self._dim)) as sink:
                for batch in batches:
                    sink.write_batch(batch)

        # Names sort by age, so that of two records of one content the newer is met last.
        path = self.folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.arrow"
        remedy = "set RARA_CACHE to a folder with room; what was written before is kept"
        write_file(path, write, remedy=remedy)
        return path

    def _packs(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))

    def _small(self) -> list[Path]:
        return [path for path in self._packs() if _bytes(path) < _SMALL_BYTES]

    def _sweep(self) -> None:
        for path in self.folder.glob(f"{TEMPORARY}*"):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink(missing_ok=True)


class ForgottenVectors:
    """What stands for a cache where none is wanted: the records of one run, and then nothing."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def get(self, digest: str) -> Record | None:
        """What this run has learned of a content."""
        return self._records.get(digest)

    def add(self, record: Record) -> None:
        """Remember a record until the run ends."""
        self._records[record.digest] = record

    def flush(self) -> None:
        """Nothing is written."""

    def merge(self) -> None:
        """Nothing is tidied up."""


# -- packs ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Records in a file that is mapped, not read: looking one up touches its pages only."""

    arrow: pa.RecordBatch
    vectors: NDArray[np.float32]

    def record(self, row: int) -> Record | None:
        """The record in a row; None where its checksum tells that it was damaged."""
        names = ("digest", "reason", "width", "height", "picture", _CODE, _NOTE, "checksum")
        digest, reason, width, height, picture, code, note, checksum = (
            self.arrow.column(name)[row].as_py() for name in names
        )
        vector = self.vectors[row].copy() if reason is None else None
        record = Record(digest, vector, reason, width, height, PixelHash(picture, code), note)
        return record if record.checksum == checksum else None


@dataclass(frozen=True, slots=True)
class _Place:
    batch: _Batch
    row: int
    done: bool


_Index = dict[str, _Place]


def _enter(index: _Index, batch: _Batch) -> None:
    """Add a batch to an index: later batches win, but no failure replaces a vector."""
    digests = batch.arrow.column("digest").to_pylist()
    done = batch.arrow.column("reason").is_null().to_pylist()
    for row, (digest, good) in enumerate(zip(digests, done, strict=True)):
        if good or digest not in index or not index[digest].done:
            index[digest] = _Place(batch, row, good)


def _united(packs: Iterable[list[_Batch]]) -> Iterator[pa.RecordBatch]:
    """The undamaged records of several packs, each content once."""
    batches = [batch for pack in packs for batch in pack]
    index: _Index = {}
    for batch in batches:
        _enter(index, batch)
    kept: dict[_Batch, list[int]] = {batch: [] for batch in batches}
    for place in index.values():
        if place.batch.record(place.row) is not None:
            kept[place.batch].append(place.row)
    for batch, rows in kept.items():
        yield batch.arrow.take(pa.array(rows, pa.int64()))


def _schema(dim: int) -> pa.Schema:
    return pa.schema(
        [
            ("digest", pa.string()),
            ("reason", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("picture", pa.string()),
            (_CODE, pa.binary(CODE_BYTES)),
            (_NOTE, pa.string()),
            ("checksum", pa.uint32()),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def _to_arrow(records: list[Record], dim: int) -> pa.RecordBatch:
    vectors = np.zeros((len(records), dim), dtype=np.float32)  # a failure's stays zero
    for row, record in enumerate(records):
        if record.vector is not None:
            vectors[row] = record.vector
    hashes = [record.pixel_hash for record in records]
    return pa.record_batch(
        [
            pa.array([record.digest for record in records]),
            pa.array([record.reason for record in records], pa.string()),
            pa.array([record.width for record in records], pa.int32()),
            pa.array([record.height for record in records], pa.int32()),
            pa.array([hashed.picture for hashed in hashes], pa.string()),
            pa.array([hashed.code for hashed in hashes], pa.binary(CODE_BYTES)),
            pa.array([record.note for record in records], pa.string()),
            pa.array([record.checksum for record in records], pa.uint32()),
            pa.FixedSizeListArray.from_arrays(vectors.ravel(), dim),
        ],
        schema=_schema(dim),
    )


def _read(path: Path, dim: int) -> list[_Batch]:
    """The batches of a pack; none where it is damaged or was merged into another."""
    try:
        open_plain(path).close()
        reader = pa.ipc.open_file(pa.memory_map(os.fsencode(path)))
        if reader.schema != _schema(dim):
            return []
        return [_mapped(reader.get_batch(i), dim) for i in range(reader.num_record_batches)]
    except (pa.ArrowException, OSError, ValueError):
        return []


def _mapped(batch: pa.RecordBatch, dim: int) -> _Batch:
    batch.validate(full=True)
    return _Batch(batch, batch.column("vector").values.to_numpy().reshape(-1, dim))


def _bytes(path: Path) -> int:
    with suppress(OSError):  # merged into another, or no file
        return path.lstat().st_size
    return 0
