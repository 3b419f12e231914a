"""Copies by their pixels: digests for the same file or picture, hashes for an altered one.

The images' side of copy detection, beside the vectors of an extractor:

    source --take_prints--> Prints --closest--> how near each image's nearest is, and which

An extractor looks at what a picture shows, and can miss that it was only compressed,
blurred, noised or made grey; a hash looks at where light and dark lie, and can miss that
it was cropped. Each finds copies that the other does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.errors import ImageError
from rara.images import DEFAULT_MAX_PIXELS, content_digest, decode
from rara.machine import cores
from rara.sources import Item, Source

BITS = 256
"""Of a code: the signs of the 16 x 16 lowest frequencies."""

_SIDE = 64
"""Pixels of the picture from which the frequencies are taken."""

_FLAT = 2.0
"""Pictures whose grey values deviate less have no light and dark to compare."""

_BLOCK = 1 << 22
"""Pairs of codes that are compared at a time."""

_CHUNK = 256
"""Images under way at a time."""

_T = Image.Transpose
_VIEWS = (
    *(None, _T.FLIP_LEFT_RIGHT, _T.ROTATE_90, _T.ROTATE_180),
    *(_T.ROTATE_270, _T.FLIP_TOP_BOTTOM, _T.TRANSPOSE, _T.TRANSVERSE),
)

Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """What is known of some images' pixels, row for row."""

    ids: Sequence[str]
    files: Sequence[str]
    """sha256 of what was decoded."""
    pictures: Sequence[str]
    """sha256 of the size and the pixels after decoding."""
    codes: Codes
    """(n, 8, 4): 256 bits for the picture as it is, mirrored, and turned in all ways."""
    flat: NDArray[np.bool_]
    """Pictures without structure: their codes say nothing."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Closest:
    """The reference image whose pixels are nearest to each sample's."""

    distance: NDArray[np.int32]
    """-2 the same file, -1 the same picture, else bits that differ, at best over the ways to
    turn the sample; 257 where either side is flat. Lower is more like a copy."""
    index: NDArray[np.int32]
    """Which one; the first of several; -1 where there is none to compare with."""


class _Print(NamedTuple):
    id: str
    file: str
    picture: str
    codes: Codes
    flat: bool


def take_prints(
    source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> Prints:
    """The prints of all images of a source that can be read, in its order."""
    take = partial(_take, max_pixels=max_pixels)
    items = iter(source)
    with ThreadPoolExecutor(threads or cores(), thread_name_prefix="rara") as crew:
        chunks = iter(lambda: list(crew.map(take, islice(items, _CHUNK))), [])
        taken = [one for one in chain.from_iterable(chunks) if one is not None]
    ids, files, pictures, codes, flat = zip(*taken, strict=True) if taken else ((),) * 5
    stacked = np.array(codes, np.uint64).reshape(len(ids), len(_VIEWS), BITS // 64)
    return Prints(ids, files, pictures, stacked, np.array(flat, bool))


def closest(samples: Prints, reference: Prints) -> Closest:
    """The nearest reference image of each sample."""
    return _closest(samples, reference, itself=False)


def closest_others(reference: Prints) -> Closest:
    """The nearest other image of each image of a reference: what `closest` is calibrated with."""
    return _closest(reference, reference, itself=True)


# -- one image -------------------------------------------------------------------------


def _take(item: Item, *, max_pixels: int) -> _Print | None:
    try:
        payload = item.load()
        image = decode(payload, max_pixels=max_pixels)
        return _Print(item.id, content_digest(payload), _picture(image), *_codes(image))
    except ImageError:
        return None


def _picture(image: Image.Image) -> str:
    return hashlib.sha256(f"{image.size}\n".encode() + image.tobytes()).hexdigest()


def _codes(image: Image.Image) -> tuple[Codes, bool]:
    """The codes of all views of a picture, and whether it is flat."""
    from imagehash import phash

    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    views = [small if way is None else small.transpose(way) for way in _VIEWS]
    signs = np.stack([phash(view, hash_size=16, highfreq_factor=4).hash.ravel() for view in views])
    return np.packbits(signs, axis=1).view(np.uint64), bool(np.asarray(small).std() < _FLAT)


# -- many images -----------------------------------------------------------------------


def _closest(samples: Prints, reference: Prints, *, itself: bool) -> Closest:
    distance = np.full(len(samples), BITS + 1, np.int32)
    index = np.full(len(samples), -1, np.int32)
    if len(reference) > itself:
        against = _signs(reference.codes[:, 0])
        for rows in _blocks(len(samples), _BLOCK // (len(reference) * len(_VIEWS)) + 1):
            bits = _differing(samples.codes[rows], against)
            bits[samples.flat[rows]] = BITS + 1
            bits[:, reference.flat] = BITS + 1
            if itself:
                np.fill_diagonal(bits[:, rows.start :], BITS + 1)
            distance[rows] = bits.min(axis=1)
            index[rows] = np.where(distance[rows] > BITS, -1, bits.argmin(axis=1))
    for value, mine, theirs in (
        (-1, samples.pictures, reference.pictures),
        (-2, samples.files, reference.files),
    ):
        first = _same(mine, theirs, itself=itself)
        index = np.where(first >= 0, first, index)
        distance[first >= 0] = value
    return Closest(distance, index)


def _blocks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


def _signs(codes: Codes) -> NDArray[np.float32]:
    """Bits as -1 and 1, the last axis of words now one of bits."""
    bits = np.unpackbits(codes.view(np.uint8), axis=-1)
    return np.where(bits, np.float32(1), np.float32(-1))


def _differing(views: Codes, theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bits in which samples and reference differ, at best over the samples' views.

    One product of matrices, whose entries are bits that agree less bits that differ: small
    whole numbers, and so exact, at several times the speed of counting bits word by word.
    """
    agreement = _signs(views).reshape(-1, BITS) @ theirs.T
    best: NDArray[np.float32] = agreement.reshape(len(views), -1, len(theirs)).max(axis=1)
    return (np.float32(BITS) - best) / np.float32(2)


def _same(mine: Sequence[str], theirs: Sequence[str], *, itself: bool) -> NDArray[np.int32]:
    """The first row, other than itself, with the same digest; -1 where there is none."""
    places: dict[str, list[int]] = {}
    for row, digest in enumerate(theirs):
        places.setdefault(digest, []).append(row)
    found = [
        next((place for place in places.get(digest, []) if not (itself and place == row)), -1)
        for row, digest in enumerate(mine)
    ]
    return np.array(found, np.int32)
