"""Which reference images a sample may hold a part of, by vectors of its parts.

    samples --cut--> parts --extractor--> vectors --exact k-NN--> a list for each part
                                              --the best places of all lists--> candidates

Any extractor serves: the default network; or SSCD, which was trained for copies, and for which the
whole picture is enough (docs/studies/copy-candidates.md). Candidates are no verdict: direct
evidence (`evidence`) compares a sample with each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, Unpack

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.arguments import whole
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors.base import Extractor, Metric
from rara.features.features import Features
from rara.features.metric import usual_metric
from rara.geometry import EngineOptions, Nearest, query, root_vectors, unit_vectors
from rara.retrieval.crops import PARTS, WHOLE, Box, cut

Vectors: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int32]
Pixels: TypeAlias = NDArray[np.uint8]

MOST: Final = 17
"""Candidates of a sample unless another number is asked for."""

_TOGETHER: Final = 256
"""Samples that are embedded and searched at a time, to bound the memory."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The reference images that are among the nearest to a part of each of n samples."""

    rows: Rows
    """(n, most) rows of the reference, each once, the best first; -1 beyond the last image."""
    distances: NDArray[np.float64]
    """(n, most) between the two parts by which an image is a candidate; lower is nearer. 1 - cos,
    or the squared Hellinger distance; infinite beyond the last image."""


@dataclass(frozen=True, slots=True)
class PartVectors:
    """Vectors of parts of pictures."""

    vectors: Vectors
    """(m, dim), as the extractor gives them."""
    owners: Rows
    """(m,) the row of the picture that each is a part of."""


def part_vectors(
    pictures: Sequence[Pixels], extractor: Extractor, boxes: Sequence[Box] = PARTS
) -> PartVectors:
    """The vectors of parts of each picture, as many pictures at a time as the extractor has lanes.

    `pictures`: (height, width, 3) uint8 each. Raises ParameterError for another shape or type.
    """
    with ThreadPoolExecutor(extractor.lanes) as crew:
        each = list(crew.map(lambda pixels: _vectors_of(pixels, extractor, boxes), pictures))
    empty = np.zeros((0, extractor.spec.dim), np.float32)
    counts = [len(vectors) for vectors in each]
    owners = np.repeat(np.arange(len(each), dtype=np.int32), counts)
    return PartVectors(np.concatenate([empty, *each]), owners)


def _vectors_of(pixels: Pixels, extractor: Extractor, boxes: Sequence[Box]) -> Vectors:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ParameterError(
            f"array of {pixels.dtype} and shape {pixels.shape}: give uint8, height x width x 3."
        )
    parts = cut(Image.fromarray(pixels), boxes)
    prepared: list[NDArray[Any]] = [extractor.prepare(part) for part in parts]
    return np.asarray(extractor.extract(np.stack(prepared)), np.float32)


class VectorCandidates:
    """Finds the reference images nearest to parts of samples; ready for any number of calls.

    `reference`: features of its images; or vectors as the extractor gives them, a row for each
    image; or those of `part_vectors`, where an image is as near as its nearest part. `boxes`: the
    parts of a sample. Features are compared by the metric that they were made for, others by the
    extractor's: Hellinger for the default network, else cosine. `engine`: memory and threads of the
    search; no option changes an answer.

    Raises ReferenceMismatchError where the features are another extractor's, FeatureError where
    vectors are not finite or have another length, and ParameterError where `boxes` lack the whole.
    """

    def __init__(
        self,
        reference: Features | PartVectors | Vectors,
        extractor: Extractor,
        *,
        boxes: Sequence[Box] = PARTS,
        **engine: Unpack[EngineOptions],
    ) -> None:
        if WHOLE not in boxes:
            raise ParameterError("boxes: WHOLE must be one, since a small picture has no other.")
        self.extractor, self.boxes, self._engine = extractor, tuple(boxes), engine
        self._metric: Metric = _metric_of(
            reference, extractor.spec.metric, usual_metric(extractor.spec)
        )
        given = _given(reference, extractor)
        made = isinstance(reference, Features) and reference.spec.metric == self._metric
        scaled = given.vectors if made else _scaled(given.vectors, self._metric)
        usable = np.isfinite(scaled[:, 0])
        self._layers = _layers(PartVectors(scaled[usable], given.owners[usable]))

    def candidates(self, pictures: Sequence[Pixels], most: int = MOST) -> Candidates:
        """At most `most` images for each sample: by their best place in the lists of its parts.

        Each part has a list of its nearest images. First come those that are first in a list, the
        nearest of them first, then those that are second, and so on: so a part without detail,
        near to many images, takes no more places than others. Ties are in the order of the
        reference. A part whose features are all 0 has no list.

        `pictures`: (height, width, 3) uint8 each.
        """
        most = whole(most, "most")
        rows = np.full((len(pictures), most), -1, np.int32)
        distances = np.full((len(pictures), most), np.inf)
        for start in range(0, len(pictures), _TOGETHER):
            best = self._best(pictures[start : start + _TOGETHER], most)
            rows[start + best.left, best.place] = best.image
            distances[start + best.left, best.place] = best.distance
        return Candidates(rows, distances)

    def _best(self, pictures: Sequence[Pixels], most: int) -> _Pairs:
        parts = part_vectors(pictures, self.extractor, self.boxes)
        scaled = _scaled(parts.vectors, self._metric)
        usable = np.isfinite(scaled[:, 0])
        samples, owners = scaled[usable], parts.owners[usable]
        found = _joined([self._nearest(samples, layer, most) for layer in self._layers])
        lists = _lists(found, most)
        return _lists(replace(lists, left=owners[lists.left]), most)

    def _nearest(self, samples: Vectors, layer: PartVectors, most: int) -> _Pairs:
        nearest = Nearest(len(samples), min(most, len(layer.vectors)))
        if len(samples):
            query(samples, layer.vectors, [nearest], **self._engine)
        left = np.repeat(np.arange(len(samples), dtype=np.int32), nearest.k)
        images = layer.owners[nearest.index.ravel()]
        return _Pairs(left, images, nearest.d2.ravel() / 2, np.zeros(len(left), np.int32))


# -- the reference's vectors ------------------------------------------------------------


def _metric_of(reference: object, own: Metric, usual: Metric) -> Metric:
    made = reference.spec.metric if isinstance(reference, Features) else own
    if made != "euclidean":
        return made
    return "cosine" if usual == "euclidean" else usual


def _given(reference: Features | PartVectors | Vectors, extractor: Extractor) -> PartVectors:
    """The vectors and whose they are, checked."""
    spec = extractor.spec
    if isinstance(reference, PartVectors):
        vectors, owners = reference.vectors, reference.owners
    else:
        vectors = reference.vectors if isinstance(reference, Features) else reference
        owners = np.arange(len(vectors), dtype=np.int32)
    if isinstance(reference, Features):
        theirs = replace(reference.spec, metric=spec.metric)
        if theirs != spec:
            raise ReferenceMismatchError(
                f"The vectors of {reference.location} are those of '{theirs.name}', and not of "
                f"'{spec.name}' as it is: give the extractor that made them."
            )
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != spec.dim or not np.isfinite(vectors).all():
        raise FeatureError(
            f"vectors of shape {vectors.shape}: give finite ones of {spec.dim} numbers, as "
            f"'{spec.name}' does."
        )
    return PartVectors(vectors, owners)


def _scaled(vectors: Vectors, metric: Metric) -> Vectors:
    """As they are compared; NaN where a vector has no direction."""
    return root_vectors(vectors) if metric == "hellinger" else unit_vectors(vectors)


def _layers(parts: PartVectors) -> list[PartVectors]:
    """The first vector of each image, the second of each, and so on.

    In a layer each image is there once, so its k nearest vectors are k images.
    """
    order = np.argsort(parts.owners, kind="stable")
    place = _places(parts.owners[order])
    each = (order[place == at] for at in range(int(place.max(initial=-1)) + 1))
    return [PartVectors(np.ascontiguousarray(parts.vectors[r]), parts.owners[r]) for r in each]


# -- lists ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Images near to parts, or to samples."""

    left: Rows
    """The part or the sample."""
    image: Rows
    distance: NDArray[np.float64]
    place: Rows
    """In the list that the pair comes from, from 0."""

    def taken(self, rows: NDArray[Any]) -> _Pairs:
        return _Pairs(self.left[rows], self.image[rows], self.distance[rows], self.place[rows])


def _joined(pairs: Sequence[_Pairs]) -> _Pairs:
    if not pairs:
        none = np.zeros(0, np.int32)
        return _Pairs(none, none, np.zeros(0), none)
    columns = ([getattr(one, name) for one in pairs] for name in _Pairs.__slots__)
    return _Pairs(*(np.concatenate(column) for column in columns))


def _lists(pairs: _Pairs, most: int) -> _Pairs:
    """The first images of each part or sample, by place, then distance; each image once.

    An image among the first by all pairs is among the first of the list that it is best in.
    """
    pairs = pairs.taken(np.lexsort((pairs.distance, pairs.place, pairs.image, pairs.left)))
    again = (pairs.left[1:] == pairs.left[:-1]) & (pairs.image[1:] == pairs.image[:-1])
    pairs = pairs.taken(np.flatnonzero(np.append(True, ~again)[: len(pairs.left)]))
    pairs = pairs.taken(np.lexsort((pairs.image, pairs.distance, pairs.place, pairs.left)))
    pairs = replace(pairs, place=_places(pairs.left))
    return pairs.taken(pairs.place < most)


def _places(ordered: Rows) -> Rows:
    """The place of each in its run of equal numbers, from 0."""
    return (np.arange(len(ordered)) - np.searchsorted(ordered, ordered)).astype(np.int32)
