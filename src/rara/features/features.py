"""Features: vectors with the items that they belong to, in memory or in a folder.

Fourth step of the flow: sources -> images -> extractors -> features. Everything after it
asks for vectors and ids, and never for an image.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from json.encoder import encode_basestring
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from rara.arguments import array_of, listed, number, path_of, short, whole
from rara.errors import FeatureError, ParameterError
from rara.extractors.base import Spec
from rara.features.item_table import ITEMS, Metadata, items_in, records_of
from rara.features.made_once import made_once
from rara.features.origin import AND, HELD_OUT, fingerprint_of, origin_in
from rara.images.decode import AND_NOTED
from rara.images.phash import VERSION
from rara.storage.folder import Parts, StoredFolder, array_part, claim, read_folder, table_part
from rara.text import encodable

_BLOCK_NUMBERS = 1 << 20
NAMED = 3
"""Ids that an error names."""
NOTED = 20
"""Ids that are kept beside a note."""
GIVEN = "given vectors"
"""Name of the extractor where the vectors were computed elsewhere."""


class Skipped(NamedTuple):
    """An item without a vector."""

    id: str
    """Id of the item."""
    reason: str
    """Why it has none."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What to say of some items that have a vector."""

    note: str
    """What there is to say."""
    count: int
    """Of how many items."""
    ids: list[str]
    """Ids of the first of them."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Features:
    """The vectors of a source's images, with every item listed, the failed ones too.

    Row i of `vectors` belongs to the i-th item whose state is done.
    """

    vectors: NDArray[np.float32]
    """(n, dim), C-contiguous; memory-mapped where loaded from a folder."""
    items: pa.Table
    """All items in the order of their source, with the columns of `ITEMS`."""
    spec: Spec
    location: str
    """Where the images are, as their source names it."""
    remarks: tuple[str, ...] = ()
    """How the source was read, where that may surprise, such as files that were passed over."""

    def __post_init__(self) -> None:
        shape = (pc.sum(pc.equal(self.items["state"], "done")).as_py() or 0, self.spec.dim)
        if self.vectors.shape != shape or self.vectors.dtype != np.float32:
            raise FeatureError(
                f"{self.vectors.dtype} vectors of shape {self.vectors.shape}: the items and the "
                f"extractor ask for float32 of shape {shape}."
            )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def done(self) -> pa.Table:
        """The items that have a vector, row for row."""
        if len(self) == len(self.items):
            return self.items
        return self.items.filter(pc.equal(self.items["state"], "done"))

    @property
    def ids(self) -> list[str]:
        """Ids of the items that have a vector, row for row."""
        return list(made_once(self, "ids", self.done["id"].to_pylist))

    @property
    def records(self) -> list[Metadata]:
        """Metadata of the items that have a vector, row for row."""
        return records_of(self.done)

    @property
    def skipped(self) -> list[Skipped]:
        """The items that have none, and why."""
        return self._reasons("failed")

    @property
    def noted(self) -> list[Noted] | None:
        """What to say of items that have a vector, the most frequent first; None where it is not
        known of any."""
        done = self.done
        if done["note"].null_count == len(done):
            return None
        remarked = done.filter(pc.not_equal(done["note"], ""))
        ids: defaultdict[str, list[str]] = defaultdict(list)
        pairs = zip(remarked["id"].to_pylist(), remarked["note"].to_pylist(), strict=True)
        for name, notes in pairs:
            for note in notes.split(AND_NOTED):
                ids[note].append(name)
        noted = [Noted(note, len(names), names[:NOTED]) for note, names in ids.items()]
        return sorted(noted, key=lambda remark: -remark.count)

    @property
    def embedded(self) -> pa.Table:
        """The items that have a vector, and behind them those whose vectors were left out."""
        if len(self) == len(self.items):
            return self.items
        left = self.items.filter(pc.equal(self.items["state"], "left out"))
        return pa.concat_tables([self.done, left])

    @property
    def left_out(self) -> list[Skipped]:
        """The items whose vectors were left out, and why."""
        return self._reasons("left out")

    def _reasons(self, state: str) -> list[Skipped]:
        rows = self.items.filter(pc.equal(self.items["state"], state))
        pairs = zip(rows["id"].to_pylist(), rows["reason"].to_pylist(), strict=True)
        return [Skipped(*pair) for pair in pairs]

    @property
    def fingerprint(self) -> str:
        """sha256 over the extractor and the content of each vector's image, in order."""
        return fingerprint_of(self.spec, self.done["digest"].to_pylist())

    @classmethod
    def from_arrays(
        cls,
        vectors: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        location: str = "array",
    ) -> Self:
        """Features that were computed elsewhere; ids are row numbers where none are given.

        `metadata`: what else is known of the images, one value for each under every key, such
        as `label`; None where it is not known. Raises FeatureError where the vectors are no finite
        numbers of shape (n, dim), and ParameterError where the ids are not n different ones, or a
        key has not n values.

        >>> Features.from_arrays([[0.0, 1.0], [2.0, 3.0]]).ids
        ['0', '1']
        """
        if not isinstance(location, str):
            raise ParameterError(f"location = {short(location)}: give text.")
        rows = finite_rows(vectors)
        ids_or_rows = range(len(rows)) if ids is None else listed(ids, "ids", vectors=len(rows))
        names = [encodable(str(name)) for name in ids_or_rows]
        _check_ids(names)
        digests = [hashlib.sha256(row.data).hexdigest() for row in rows]
        spec = Spec(name=GIVEN, weights="none", preprocessing="none", dim=rows.shape[1])
        return cls(
            rows,
            _items_of_vectors(
                names, digests, _records({} if metadata is None else metadata, len(rows))
            ),
            spec,
            location,
        )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a feature folder, or the features in a reference folder; every byte is verified.

        Raises SourceNotFoundError where there is no folder, and DamagedStoreError where it is
        half-written, was altered or was not written by rara.
        """
        return cls.from_stored(read_folder(path_of(folder, "folder")))

    @classmethod
    def from_stored(cls, stored: StoredFolder) -> Self:
        """The features in a folder that was already read."""
        spec, location, remarks = origin_in(stored)
        items = items_in(stored)
        return cls(_trusted(stored, items, spec), items, spec, location, remarks)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a feature folder, or replace an existing one in one step.

        Raises UnwritableError where something else is there, or no right or room, and
        LockedStoreError where another run writes there.
        """
        with claim(path_of(folder, "folder")) as place:
            place.write(self.parts())

    def joined(self, other: Features) -> Features:
        """These images and then the others'; ids must differ, and the extractor be the same."""
        _refuse_taken(self, other)
        items = pa.concat_tables([self.items, other.items])
        _check_ids(items["id"].to_pylist())
        vectors = np.concatenate([self.vectors, other.vectors])
        remarks = tuple(dict.fromkeys([*self.remarks, *other.remarks]))
        location = f"{self.location}{AND}{other.location}"
        return Features(vectors, items, self.spec, location, remarks)

    def take(self, rows: NDArray[np.integer], location: str) -> Features:
        """Some of the images that have a vector, by row; none of those that have none."""
        return Features(self.vectors[rows], self.done.take(rows), self.spec, location)

    def leave_out(self, reasons: Mapping[int, str]) -> Features:
        """Without the vectors of some images, by row; they stay listed, each with its reason."""
        rows = np.flatnonzero(pc.equal(self.items["state"], "done"))
        columns = {name: self.items[name].to_pylist() for name in ("state", "reason")}
        for row, reason in reasons.items():
            columns["state"][rows[row]], columns["reason"][rows[row]] = "left out", reason
        items = self.items
        for name, values in columns.items():
            at = items.schema.get_field_index(name)
            items = items.set_column(at, ITEMS.field(name), pa.array(values, pa.string()))
        return replace(self, vectors=np.delete(self.vectors, list(reasons), axis=0), items=items)

    def split(self, share: float, *, seed: int = 0) -> tuple[Features, Features]:
        """Set a random share of the images aside: those that stay, and those held out.

        Both in their old order; items without a vector stay. Images with the same content stay
        together, so that nothing held out is also in the rest. What is held out is for
        `Reference.score(…, calibration=held_out)`.

        >>> rest, held_out = Features.from_arrays([[0.0], [1.0], [2.0], [3.0]]).split(0.25)
        >>> len(rest), len(held_out)
        (3, 1)
        """
        contents, content = np.unique(self.done["digest"].to_numpy(), return_inverse=True)
        share, seed = number(share, "share"), whole(seed, "seed", least=0)
        aside = round(share * len(contents)) if 0 < share < 1 else 0
        if not 0 < aside < len(contents):
            raise ParameterError(
                f"A share of {share:g} held out of {len(contents)} different images: give one "
                "between 0 and 1 that leaves some on both sides."
            )
        chosen = np.random.default_rng(seed).permutation(len(contents))[:aside]
        held = np.isin(content, chosen)
        stay = np.ones(len(self.items), dtype=np.bool_)
        stay[np.flatnonzero(pc.equal(self.items["state"], "done"))[held]] = False
        rest = self.items.filter(pa.array(stay))
        name = f"{self.location}{HELD_OUT}{share:g}, seed {seed})"
        return (
            replace(self, vectors=self.vectors[~held], items=rest),
            self.take(np.flatnonzero(held), name),
        )

    def parts(self) -> Parts:
        """What a feature folder consists of; a reference adds its own to it."""
        facts = {
            "extractor": asdict(self.spec),
            "location": self.location,
            "remarks": list(self.remarks),
            "prints": VERSION,
            "counts": {"done": len(self), "failed": len(self.skipped)},
            "fingerprint": self.fingerprint,
        }
        files = {"vectors.npy": array_part(self.vectors), "items.parquet": table_part(self.items)}
        return Parts("features", facts, files)


def _trusted(stored: StoredFolder, items: pa.Table, spec: Spec) -> NDArray[np.float32]:
    """The vectors in a folder, one for each item that is done, all of them finite."""
    done = pc.sum(pc.equal(items["state"], "done")).as_py() or 0
    vectors = stored.array("vectors.npy", np.float32, done, spec.dim)
    rows = max(1, _BLOCK_NUMBERS // max(1, spec.dim))
    for start in range(0, done, rows):
        if not np.isfinite(vectors[start : start + rows]).all():
            raise stored.wrong("vectors that are NaN or infinite")
    counts = stored.facts.get("counts", {"done": done})
    if not isinstance(counts, Mapping) or counts.get("done") != done:
        raise stored.wrong(f"{done:,} vectors, and other counts")
    return vectors


def noted_in(features: Features) -> tuple[Noted, ...] | None:
    """What to say of images that were used, with a count and the first ids; None: not known."""
    noted = features.noted
    return None if noted is None else tuple(noted)


def finite_rows(vectors: ArrayLike) -> NDArray[np.float32]:
    """(n, dim) float32; FeatureError where the vectors are no finite numbers of that shape."""
    array = array_of(vectors)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiu":
        raise FeatureError(
            f"{array.dtype} vectors of shape {array.shape}: numbers of shape (n, dim) are needed."
        )
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(array, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise FeatureError(
            f"{bad.size} of {len(rows)} vectors are NaN or infinite in float32, the first in row "
            f"{bad[0]}: remove them."
        )
    return rows


def _check_ids(ids: list[str]) -> None:
    name, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise ParameterError(f"The id '{name}' is given {times} times: ids must differ.")


def _refuse_taken(features: Features, more: Features) -> None:
    """Raise ParameterError where ids are taken, with what helps against it."""
    present, coming = _contents(features), _contents(more)
    taken = [name for name in coming if name in present]
    if not taken:
        return
    same = sum(coming[name] is not None and coming[name] == present[name] for name in taken)
    named = ", ".join(f"'{name}'" for name in taken[:NAMED])
    others = f" and {len(taken) - NAMED:,} more" if len(taken) > NAMED else ""
    raise ParameterError(
        f"{len(taken):,} of {len(coming):,} images in '{more.location}' have ids that images in "
        f"'{features.location}' have ({named}{others}). {_what_helps(same, len(taken))}"
    )


def _contents(features: Features) -> dict[str, str | None]:
    """The digest of each image, by id."""
    items = features.items
    return dict(zip(items["id"].to_pylist(), items["digest"].to_pylist(), strict=True))


def _what_helps(same: int, taken: int) -> str:
    if same == taken:
        return "They are the same images: leave them out."
    first = f"{same:,} of them are the same images: leave these out. " if same else ""
    return (
        f"{first}Ids must differ: rename the files, or put them into a subfolder and give the "
        "folder that it is in; vectors take other ids."
    )


def _records(metadata: Mapping[str, Sequence[Any]], rows: int) -> list[str]:
    """Columns as one JSON object a row."""
    if not isinstance(metadata, Mapping):
        raise ParameterError(f"metadata = {short(metadata)}: give a list of values under each key.")
    if not metadata:
        return ["{}"] * rows
    columns = {key: listed(metadata[key], f"values of '{key}'", vectors=rows) for key in metadata}
    members = [_members(key, values) for key, values in columns.items()]
    return [f"{{{', '.join(filter(None, record))}}}" for record in zip(*members, strict=True)]


def _members(key: Any, values: Sequence[Any]) -> list[str]:
    """One key of every row's JSON object, as `json.dumps` writes it; '' where it is not known.

    A call of `json.dumps` a row takes longer than all else that is done with a row.
    """
    name = _dumps({encodable(str(key)): 0})[1:-2]
    return ["" if value is None else name + _value(value) for value in values]


def _value(value: Any) -> str:
    return encode_basestring(encodable(value)) if isinstance(value, str) else _dumps(value)


def _dumps(value: Any) -> str:
    return _ENCODER.encode(value)


def _scalar(value: Any) -> Any:
    """numpy's numbers as Python's; anything unusual in words."""
    return value.item() if isinstance(value, np.generic) else str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_scalar)


def _items_of_vectors(ids: list[str], digests: list[str], records: list[str]) -> pa.Table:
    unknown = [None] * len(ids)
    columns = [ids, digests, ["done"] * len(ids), *[unknown] * 6, records]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, ITEMS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=ITEMS)
