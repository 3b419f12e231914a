"""One exact p-value of several witnesses: the joint rank of a sample among real images.

    scores of real images and samples, one pair a witness --Compared--> ranks --joint_counts--> p

Let Z be the n real images and the sample y together, and let every witness w give each member z
of Z a score that depends on z and on the set of the others, higher where it is more extreme. Its
rank is

    u_w(z) = #{ z' in Z : score_w(z') >= score_w(z) },

which counts z itself. A real image y is exchangeable with the others, and so are the smallest
ranks m(z) = min over w of u_w(z). Therefore

    p = #{ z in Z : m(z) <= m(y) } / (n + 1)

is at most alpha with probability at most alpha, at every n, however the witnesses depend on
each other. It is never above (number of witnesses) x m(y) / (n + 1), which is Bonferroni's, and
far below where the witnesses agree on which real images are extreme. The proof, and which scores
change when a sample joins the real images (`Changes`): docs/explanation/calibration.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.int32]

LISTED = 0.5
"""Up to this bound, p is counted image by image; above it, Bonferroni's bound is good enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What the scores of real images become once a sample has joined them, sample by sample."""

    starts: Counts
    """(m + 1,) the changes of sample s are those from starts[s] to starts[s + 1]."""
    index: Rows
    """Which real image changes."""
    scores: Doubles
    """Its score then."""

    @classmethod
    def of(cls, samples: int, rows: Rows, index: Rows, scores: Doubles) -> Changes:
        """From one entry a change, in any order; no sample may change an image twice."""
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(samples + 1))
        return cls(starts, index[order], scores[order])

    @classmethod
    def none(cls, samples: int) -> Changes:
        """Of scores that no sample changes."""
        nothing = np.zeros(0, np.int32)
        return cls(np.zeros(samples + 1, np.int64), nothing, np.zeros(0))


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The scores of one witness over the real images, in order; made once for many samples."""

    scores: Doubles
    """(n,) image by image; higher is more extreme."""
    ascending: Doubles
    order: Rows
    """(n,) the images, the most extreme first."""

    @classmethod
    def of(cls, scores: Doubles) -> Ranking:
        """Of these scores; none may be NaN."""
        order = np.argsort(-scores, kind="stable").astype(np.int32)
        return cls(scores, scores[order[::-1]], order)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Samples beside real images by the score of one witness."""

    rankings: Sequence[Ranking]
    """One, or several where the real images' scores depend on the sample."""
    which: Rows
    """(m,) by which of them each sample is judged."""
    samples: Doubles
    """(m,) score of each sample."""
    changes: Changes
    more: Counts
    """(m,) real images at or above the sample's score once it has joined that are not named by
    `changes`; they count as extreme by this witness alone, which can only make p larger."""

    @classmethod
    def of(cls, reals: Ranking, samples: Doubles, changes: Changes | None = None) -> Compared:
        """By one ranking, with all changes named, or none."""
        changes = Changes.none(len(samples)) if changes is None else changes
        which = np.zeros(len(samples), np.int32)
        return cls([reals], which, samples, changes, np.zeros(len(samples), np.int64))

    def ranks(self, *, joins: bool) -> Counts:
        """(m,) members at least as extreme as each sample, itself included.

        `joins`: the sample is one more member; otherwise it is one of the real images.
        """
        ranks = np.empty(len(self.samples), np.int64)
        for i, ranking in enumerate(self.rankings):
            rows = np.flatnonzero(self.which == i)
            _rank(
                rows, ranking.ascending, ranking.scores, self.samples, self.changes.starts,
                self.changes.index, self.changes.scores, self.more, joins, ranks,
            )  # fmt: skip
        return ranks


def joint_counts(compared: Sequence[Compared], ranks: Sequence[Counts], *, joins: bool) -> Counts:
    """(m,) members whose smallest rank is at most that of each sample, itself included.

    `ranks` are those of each witness. Exact up to a share `LISTED` of the members; above it, the
    number of witnesses times the smallest rank.
    """
    smallest = np.min(ranks, axis=0)
    members = len(compared[0].rankings[0]) + int(joins)
    counts: Counts = np.minimum(members, len(compared) * smallest)
    listed = np.flatnonzero(counts <= LISTED * members)
    if len(compared) == 1 or not len(listed):
        return counts
    changes = [one.changes for one in compared]
    ends = np.cumsum([0] + [len(one.index) for one in changes])
    starts = np.array([one.starts + end for one, end in zip(changes, ends[:-1], strict=True)])
    which = np.array([one.which[listed] for one in compared])
    for kind in np.unique(which, axis=1).T:
        used = [one.rankings[i] for one, i in zip(compared, kind, strict=True)]
        _unite(
            listed[(which == kind[:, None]).all(axis=0)],
            smallest,
            np.array([one.ascending for one in used]),
            np.array([one.scores for one in used]),
            np.array([one.order for one in used]),
            np.array([one.samples for one in compared]),
            starts,
            np.concatenate([one.index for one in changes]),
            np.concatenate([one.scores for one in changes]),
            np.array([one.more for one in compared]),
            joins,
            counts,
        )
    return counts


class _Members(NamedTuple):
    """The scores of one witness over the real images and a sample that may have joined them."""

    ascending: Doubles
    scores: Doubles
    sample: float
    images: Rows
    """Those whose scores change."""
    after: Doubles
    more: int
    joins: bool


@compiled
def _at_or_above(score: float, of: _Members) -> int:
    """Members whose score is at or above a score."""
    count = len(of.ascending) - int(np.searchsorted(of.ascending, score))
    for c in range(len(of.images)):
        count += int(of.after[c] >= score) - int(of.scores[of.images[c]] >= score)
    if of.sample >= score:
        count += of.more + int(of.joins)
    return count


@compiled
def _rank(
    rows: Counts,
    ascending: Doubles,
    scores: Doubles,
    samples: Doubles,
    starts: Counts,
    index: Rows,
    after: Doubles,
    more: Counts,
    joins: bool,
    ranks: Counts,
) -> None:
    for s in rows:
        some = slice(starts[s], starts[s + 1])
        of = _Members(ascending, scores, samples[s], index[some], after[some], more[s], joins)
        ranks[s] = _at_or_above(samples[s], of)


@compiled
def _limit(rank: int, of: _Members) -> float:
    """The smallest score whose members at or above it are no more than `rank`; NaN if none.

    Only scores that members have can be it: plain ones, by bisection, those after a change, and
    the sample's own. That a plain one has been changed since does no harm.
    """
    best = np.nan
    low, high = 0, len(of.ascending)
    while low < high:
        middle = (low + high) // 2
        if _at_or_above(of.ascending[middle], of) <= rank:
            high = middle
        else:
            low = middle + 1
    if low < len(of.ascending):
        best = of.ascending[low]
    for c in range(len(of.images) + 1):
        score = of.after[c] if c < len(of.images) else of.sample
        if not score >= best and _at_or_above(score, of) <= rank:
            best = score
    return best


@compiled
def _unite(
    listed: Counts,
    smallest: Counts,
    ascending: Doubles,
    scores: Doubles,
    order: Rows,
    samples: Doubles,
    starts: Counts,
    index: Rows,
    after: Doubles,
    more: Counts,
    joins: bool,
    counts: Counts,
) -> None:
    """Count the members of the union; arrays have one row a witness."""
    witnesses, images = scores.shape
    counted = np.full(images, -1, np.int64)
    changed = np.full(images, -1, np.int64)
    for s in listed:
        count = int(joins)
        for w in range(witnesses):
            some = slice(starts[w, s], starts[w, s + 1])
            of = _Members(
                ascending[w], scores[w], samples[w, s], index[some], after[some], more[w, s], joins
            )
            limit = _limit(smallest[s], of)
            for c in range(len(of.images)):
                i = of.images[c]
                changed[i] = s * witnesses + w
                if of.after[c] >= limit and counted[i] != s:
                    counted[i] = s
                    count += 1
            for i in order[w]:
                if not of.scores[i] >= limit:
                    break
                if changed[i] != s * witnesses + w and counted[i] != s:
                    counted[i] = s
                    count += 1
            if of.sample >= limit:
                count += of.more
        counts[s] = min(count, counts[s])
