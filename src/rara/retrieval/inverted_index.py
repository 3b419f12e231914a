"""An inverted index of local features: which reference images a sample may hold a part of.

    images --build--> Index --candidates(sample)--> the rows to compare, by votes

Each feature of the sample, and of the mirrored sample, looks into the nearest cells for features
with nearly the same signature (visual words and Hamming embedding). A feature that few features
of the reference resemble counts more, and counts once for each image. Of the images with the most
votes, matches propose movements, and only the votes that agree with the best one count: what weak
geometric consistency (Jégou, Douze and Schmid, ECCV 2008) approximates. Whole numbers throughout,
on one thread, so that the same sample gives the same candidates everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.retrieval.local_features import LocalFeatures, PreparedImage
from rara.retrieval.postings import Postings, exact_positions, merged, posted
from rara.retrieval.visual_words import probes
from rara.retrieval.voting import agreeing_votes, matches, shortlist, votes, weights

PROBES: Final = 8
"""Cells in which each feature looks."""

_AT_ONCE: Final = 1000
"""Images whose postings are made together."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Reference images that a sample may hold a part of, the likeliest first.

    Evidence with one of them is judged by `p_value(…, candidates=N)` with N the images of the
    *whole* index, not those that were compared: the index chooses by the same features that the
    evidence counts, so the strongest of a few chosen ones is about as strong as that of all.
    """

    rows: NDArray[np.int64]
    """(c,) distinct rows; fewer than were asked for where no more have any vote."""
    votes: NDArray[np.int64]
    """(c,) descending; of equal ones the smaller row comes first."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The features of reference images, in the order in which a sample looks for them."""

    postings: Postings

    @classmethod
    def build(cls, images: Iterable[LocalFeatures]) -> Index:
        """The index of all images, in their order. An image without features counts as a row."""
        return cls(merged([posted(some) for some in _batches(images)]))

    def extended(self, more: Iterable[LocalFeatures]) -> Index:
        """The same as built of the images so far and these after them, to the last bit."""
        return Index(merged([self.postings, *(posted(some) for some in _batches(more))]))

    def __len__(self) -> int:
        """How many images there are."""
        return self.postings.images

    def candidates(self, sample: PreparedImage, most: int = 17) -> Candidates:
        """The rows with the most votes that agree, at most `most`.

        Raises ParameterError for less than one.
        """
        wanted = whole(most, "most")
        hands = [sample.features, sample.mirrored.features]
        sought = probes(np.concatenate([hand.descriptors for hand in hands]), PROBES)
        found = matches(sought, self.postings)
        each = weights(found, len(sought.cells), len(self))
        listed = shortlist(votes(found, self.postings.rows, each, len(self)))
        where = np.concatenate([exact_positions(hand) for hand in hands])
        sums = agreeing_votes(found, listed, where, self.postings, each)
        return _ranked(listed // 2, sums, wanted)


def _ranked(rows: NDArray[np.int64], sums: NDArray[np.int64], most: int) -> Candidates:
    """The best hand of each row, by votes and then by row."""
    order = np.lexsort((rows, -sums))
    _, first = np.unique(rows[order], return_index=True)
    chosen = order[np.sort(first)[:most]]
    return Candidates(rows[chosen], sums[chosen])


def _batches(images: Iterable[LocalFeatures]) -> Iterator[list[LocalFeatures]]:
    remaining = iter(images)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some
