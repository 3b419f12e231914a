"""One exact p-value from several statistics: the joint rank of a sample among real images.

    scores of real images and samples by each statistic --SampleScores--> ranks
    ranks of all statistics --joint_counts--> p

Let Z be the n real images and the sample y together. Each statistic w gives every member z of Z
a score that depends on z and on the set of the others; higher is more extreme. The rank of z is

    u_w(z) = #{ z' in Z : score_w(z') >= score_w(z) },

which counts z itself. A real image y is exchangeable with the others, and so are the smallest
ranks m(z) = min over w of u_w(z). Therefore

    p = #{ z in Z : m(z) <= m(y) } / (n + 1)

is at most alpha with probability at most alpha, at every n, however the statistics depend on
each other. It is never above Bonferroni's (number of statistics) x m(y) / (n + 1), and far below
it where the statistics agree on which real images are extreme. docs/explanation/calibration.md
has the proof, and says which scores change when a sample joins the real images (`Changes`).
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
"""Up to this p, members are counted one by one; above it, p is Bonferroni's bound."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """The scores of real images that change when a sample joins them, sample by sample."""

    starts: Counts
    """(m + 1,) the changes of sample s are those from starts[s] to starts[s + 1]."""
    index: Rows
    """Which real image changes."""
    scores: Doubles
    """Its score then."""

    @classmethod
    def of(cls, samples: int, rows: Rows, index: Rows, scores: Doubles) -> Changes:
        """From one row an entry, in any order; a sample may change an image only once."""
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(samples + 1))
        return cls(starts, index[order], scores[order])

    @classmethod
    def none(cls, samples: int) -> Changes:
        """No changes, for so many samples."""
        nothing = np.zeros(0, np.int32)
        return cls(np.zeros(samples + 1, np.int64), nothing, np.zeros(0))

    def part(self, samples: slice) -> Changes:
        """Those of consecutive samples."""
        starts = self.starts[samples.start : samples.stop + 1]
        some = slice(int(starts[0]), int(starts[-1]))
        return Changes(starts - starts[0], self.index[some], self.scores[some])


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The scores of the real images by one statistic, sorted once for many samples."""

    scores: Doubles
    """(n,) image by image; higher is more extreme."""
    ascending: Doubles
    """(n,) the same scores, sorted."""
    order: Rows
    """(n,) the images, the most extreme first."""

    @classmethod
    def of(cls, scores: Doubles) -> Ranking:
        """The ranking by these scores; none may be NaN."""
        order = np.argsort(-scores, kind="stable").astype(np.int32)
        return cls(scores, scores[order[::-1]], order)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class SampleScores:
    """The scores of samples by one statistic, and those of real images to compare them with."""

    rankings: Sequence[Ranking]
    """One, or several where the real images' scores depend on the sample."""
    which: Rows
    """(m,) the ranking that each sample is compared with."""
    scores: Doubles
    """(m,) score of each sample."""
    changes: Changes
    unlisted: Counts
    """(m,) further real images that are at or above the sample's score once it has joined, and not
    in `changes`. They count as extreme by this statistic alone: that can only make p larger."""

    @classmethod
    def of(cls, ranking: Ranking, scores: Doubles, changes: Changes | None = None) -> SampleScores:
        """Compared with one ranking; `changes` lists all changes, None stands for no change."""
        changes = Changes.none(len(scores)) if changes is None else changes
        which = np.zeros(len(scores), np.int32)
        return cls([ranking], which, scores, changes, np.zeros(len(scores), np.int64))

    def part(self, samples: slice) -> SampleScores:
        """Those of consecutive samples."""
        return SampleScores(
            self.rankings, self.which[samples], self.scores[samples],
            self.changes.part(samples), self.unlisted[samples],
        )  # fmt: skip

    def ranks(self, *, joins: bool) -> Counts:
        """(m,) members at least as extreme as each sample, itself included.

        `joins`: the sample is a further member; otherwise it is one of the real images.
        """
        ranks = np.empty(len(self.scores), np.int64)
        for i, ranking in enumerate(self.rankings):
            rows = np.flatnonzero(self.which == i)
            _rank(
                rows, ranking.ascending, ranking.scores, self.scores, self.changes.starts,
                self.changes.index, self.changes.scores, self.unlisted, joins, ranks,
            )  # fmt: skip
        return ranks


def joint_counts(
    by_statistic: Sequence[SampleScores], ranks: Sequence[Counts], *, joins: bool
) -> Counts:
    """(m,) members whose smallest rank is at most that of each sample, itself included.

    `ranks` are those by each statistic. Exact up to a share `LISTED` of the members; above it, the
    number of statistics times the smallest rank.
    """
    smallest = np.min(ranks, axis=0)
    members = len(by_statistic[0].rankings[0]) + int(joins)
    counts: Counts = np.minimum(members, len(by_statistic) * smallest)
    listed = np.flatnonzero(counts <= LISTED * members)
    if len(by_statistic) == 1 or not len(listed):
        return counts
    changes = [one.changes for one in by_statistic]
    ends = np.cumsum([0] + [len(one.index) for one in changes])
    starts = np.array([one.starts + end for one, end in zip(changes, ends[:-1], strict=True)])
    which = np.array([one.which[listed] for one in by_statistic])
    for combination in np.unique(which, axis=1).T:
        rankings = [one.rankings[i] for one, i in zip(by_statistic, combination, strict=True)]
        _unite(
            listed[(which == combination[:, None]).all(axis=0)],
            smallest,
            np.array([one.ascending for one in rankings]),
            np.array([one.scores for one in rankings]),
            np.array([one.order for one in rankings]),
            np.array([one.scores for one in by_statistic]),
            starts,
            np.concatenate([one.index for one in changes]),
            np.concatenate([one.scores for one in changes]),
            np.array([one.unlisted for one in by_statistic]),
            joins,
            counts,
        )
    return counts


class _Members(NamedTuple):
    """The scores of real images and one sample, which may have joined them, by one statistic."""

    ascending: Doubles
    scores: Doubles
    sample: float
    images: Rows
    """Real images whose scores change."""
    after: Doubles
    """Their scores then."""
    unlisted: int
    joins: bool


@compiled
def _at_or_above(score: float, of: _Members) -> int:
    """Members whose score is at or above a score."""
    count = len(of.ascending) - int(np.searchsorted(of.ascending, score))
    for c in range(len(of.images)):
        count += int(of.after[c] >= score) - int(of.scores[of.images[c]] >= score)
    if of.sample >= score:
        count += of.unlisted + int(of.joins)
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
    unlisted: Counts,
    joins: bool,
    ranks: Counts,
) -> None:
    for s in rows:
        some = slice(starts[s], starts[s + 1])
        of = _Members(ascending, scores, samples[s], index[some], after[some], unlisted[s], joins)
        ranks[s] = _at_or_above(samples[s], of)


@compiled
def _limit(rank: int, of: _Members) -> float:
    """The smallest score whose members at or above it are no more than `rank`; NaN if none.

    It is the score of a member. The scores before all changes are searched by bisection, those
    after a change and the sample's one by one. A score that has since changed does no harm.
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
    unlisted: Counts,
    joins: bool,
    counts: Counts,
) -> None:
    """Count the members that are extreme by any statistic; arrays have one row a statistic."""
    statistics, images = scores.shape
    counted = np.full(images, -1, np.int64)
    changed = np.full(images, -1, np.int64)
    for s in listed:
        count = int(joins)
        for w in range(statistics):
            some = slice(starts[w, s], starts[w, s + 1])
            of = _Members(
                ascending[w],
                scores[w],
                samples[w, s],
                index[some],
                after[some],
                unlisted[w, s],
                joins,
            )
            limit = _limit(smallest[s], of)
            for c in range(len(of.images)):
                i = of.images[c]
                changed[i] = s * statistics + w
                if of.after[c] >= limit and counted[i] != s:
                    counted[i] = s
                    count += 1
            for i in order[w]:
                if not of.scores[i] >= limit:
                    break
                if changed[i] != s * statistics + w and counted[i] != s:
                    counted[i] = s
                    count += 1
            if of.sample >= limit:
                count += of.unlisted
        counts[s] = min(count, counts[s])
