"""Which neighbour lists of the reference a sample would be in, if it joined the reference.

    pairs --JoinEffect.update--> those within reach, up to a limit --JoinEffect.blocks--> Pairs

Full conformal p-values need these pairs besides each sample's own neighbours:
docs/explanation/calibration.md. Most samples would be in a few lists. A sample at the reference's
centre can be in all of them, so that the pairs of many such samples would fill the memory. Then
the pairs of the last samples are forgotten, and found by a further scan when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Need
from rara.scores.axis import Doubles, Integers

KEPT = 64
"""Bytes of each pair that is kept, while all are sorted."""
USED = 512
"""Bytes of each pair while p-values are computed, at most."""
AT_LEAST, A_SAMPLE = 2**21, 256
"""Pairs that are kept if the memory allows it: in all, or for each sample if that is more. More
memory than these take would save no scan of usual samples, which have about 10 pairs each."""
AT_ONCE = 2**18
"""Pairs that p-values are computed from at once, at most, if one sample has no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of sample and reference image, sorted by sample, then by image."""

    rows: Integers
    """The sample."""
    columns: Integers
    """The reference image."""
    d2: Doubles

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """The pairs that a mask chooses."""
        return Pairs(self.rows[chosen], self.columns[chosen], self.d2[chosen])

    def of(self, samples: slice) -> Pairs:
        """A copy of those of consecutive samples, which are numbered anew from 0."""
        first, last = np.searchsorted(self.rows, (samples.start, samples.stop))
        some = slice(int(first), int(last))
        rows = self.rows[some] - np.int32(samples.start)
        return Pairs(rows, self.columns[some].copy(), self.d2[some].copy())


@dataclass(slots=True)
class JoinEffect:
    """Pairs with a distance of at most that of the reference image's last listed neighbour."""

    reach2: Doubles
    """(n,) squared distance of each reference image to that neighbour."""
    samples: int
    most: float = np.inf
    """Pairs that are kept, at most, but always those of one sample."""
    at_once: int = AT_ONCE
    """Pairs of a block, at most, but always those of one sample."""
    rows: slice = field(init=False)
    """The samples whose pairs are kept."""
    portions: list[tuple[Integers, Integers, Doubles]] = field(default_factory=list)
    _kept: int = field(default=0, init=False)
    _scan: Callable[[slice], object] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.rows = slice(0, self.samples)

    def need(self) -> Need:
        """Pairs within that distance."""
        return Need(reach=self.reach2)

    def limit(self, memory: int, scan: Callable[[slice], object]) -> int:
        """Keep to a share of the memory; `scan` feeds the pairs of consecutive samples again.

        The share of the memory, in bytes, that is taken during a scan.
        """
        usual = max(AT_LEAST, A_SAMPLE * self.samples)
        self.most, self._scan = min(memory // 4 // KEPT, usual), scan
        self.at_once = min(memory // 4 // USED, AT_ONCE)
        return memory // 16

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep such pairs."""
        near = d2 <= self.reach2[columns]
        if self.rows.stop < self.samples:
            near &= rows < self.rows.stop
        self.portions.append((rows[near], columns[near], d2[near]))
        self._kept += len(self.portions[-1][0])
        self._forget()

    def merge(self, other: JoinEffect) -> None:
        """Take in another one, which saw other pairs of the same samples."""
        self.portions += other.portions
        self._kept += other._kept
        if self.rows.stop != other.rows.stop:
            self._keep(min(self.rows.stop, other.rows.stop))
        self._forget()

    def blocks(self) -> Iterator[tuple[slice, Pairs]]:
        """Consecutive samples and all their pairs, where they are numbered from 0. Only once."""
        while True:
            pairs = self._sorted()
            for some in self._cut(pairs):
                yield some, pairs.of(some)
            if self.rows.stop >= self.samples:
                return
            rate = len(pairs.rows) / (self.rows.stop - self.rows.start)
            del pairs
            self._next(max(1, int(0.75 * self.most / max(rate, 1.0))))

    def _forget(self) -> None:
        """Forget the last samples where too many pairs are kept; half as many are left."""
        if self._kept <= self.most or self.rows.stop - self.rows.start <= 1:
            return
        ends = np.cumsum(self._counts())
        self._keep(self.rows.start + max(1, int(np.searchsorted(ends, self.most // 2, "right"))))

    def _keep(self, stop: int) -> None:
        self.rows = slice(self.rows.start, stop)
        for i, (rows, columns, d2) in enumerate(self.portions):
            kept = rows < stop
            self.portions[i] = rows[kept], columns[kept], d2[kept]
        self._kept = sum(len(rows) for rows, _, _ in self.portions)

    def _counts(self) -> NDArray[np.int64]:
        """Pairs of each sample that is kept."""
        start, stop = self.rows.start, self.rows.stop
        counts = np.zeros(stop - start, np.int64)
        for rows, _, _ in self.portions:
            counts += np.bincount(rows - start, minlength=stop - start)
        return counts

    def _sorted(self) -> Pairs:
        """All that is kept, which is then kept no longer."""
        if not self.portions:
            nothing = np.zeros(0, np.int32)
            return Pairs(nothing, nothing, np.zeros(0))
        rows, columns, d2 = (np.concatenate(part) for part in zip(*self.portions, strict=True))
        self.portions, self._kept = [], 0
        order = np.lexsort((columns, rows))
        return Pairs(rows[order], columns[order], d2[order])

    def _cut(self, pairs: Pairs) -> Iterator[slice]:
        """The samples in blocks with few enough pairs; one block where there is no sample."""
        first, stop = self.rows.start, self.rows.stop
        ends = np.searchsorted(pairs.rows, np.arange(first, stop), side="right")
        while True:
            before = ends[first - self.rows.start - 1] if first > self.rows.start else 0
            last = int(np.searchsorted(ends, before + self.at_once, side="right"))
            last = min(max(self.rows.start + last, first + 1), stop)
            yield slice(first, last)
            if last >= stop:
                return
            first = last

    def _next(self, count: int) -> None:
        """Scan the samples that follow; fewer of them are kept where that is too many."""
        assert self._scan is not None
        start = self.rows.stop
        self.rows = slice(start, min(start + count, self.samples))
        self._scan(self.rows)
