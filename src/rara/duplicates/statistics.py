"""Exact and near duplicates within a set of images, by their neighbour lists.

    digests, neighbour lists --equal_pairs, zero_pairs--> pairs --first_alike--> groups
    neighbour lists of different images --company--> Company --near_pairs--> pairs

Pure statistics on arrays. Near is what the neighbourhood does not explain. Where images lie
as if strewn at random in m dimensions, the steps of a list,

    j log(d_{j+1} / d_j),    j = 1, 2, …

are independent and exponential with rate m (Rényi's representation of the volumes of the
balls, which are uniform order statistics). A step of s from the first j neighbours to the
next one has then at most probability exp(-m s), whatever the scale and the density. What m is
here, the lists of the image's neighbours tell (Levina and Bickel, Maximum likelihood
estimation of intrinsic dimension, NIPS 2004), from the second step on, where a duplicate
leaves no trace, and from the smaller half of the steps alone, which groups of duplicates
cannot reach (Epstein and Sobel, Life testing, JASA 1953): with T = T(r of ν steps), the time
on test, which is Gamma(r) / m,

    P(step >= s) = (1 + s / T)^-r.

Several images may be each other's duplicates: then the step comes after the last of them, so
the widest of a list is taken. Its probability is 1 - Π_j (1 - exp(-j m s)), 1 % more than
exp(-m s) where that is 1 %: the later steps are rarer, by exp(-j m s), but all are held
against the same bound, for density on several scales makes them too. So do small classes far
from all others, and therefore company must also be nearer than the images behind it have their
own nearest (`close`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest
from rara.stats.conformal import q_values

LEVEL = 0.01
"""Level of Benjamini and Hochberg's step for one witness. It bounds the share of false calls
where images are independent; neighbours are not, so that the share is measured."""

USUAL = 0.05
"""At most this share of the images behind a company would have their nearest as near."""

_BLOCK = 16_384
"""Images whose neighbourhoods are looked at together."""

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Images that are alike: rows of one and the other, and their squared distance."""

    one: Integers
    other: Integers
    d2: Doubles

    def __len__(self) -> int:
        return len(self.one)

    def __add__(self, more: Pairs) -> Pairs:
        """These, then the others."""
        return Pairs(
            np.concatenate([self.one, more.one]),
            np.concatenate([self.other, more.other]),
            np.concatenate([self.d2, more.d2]),
        )


@dataclass(frozen=True, slots=True)
class Company:
    """The nearest few of each image that stand apart from all that come behind them."""

    size: Integers
    """How many they are: those before the widest step."""
    chance: Doubles
    """How likely so wide a step is among images strewn at random; 1 where nobody can tell."""
    dimension: Doubles
    """In how many dimensions the images around are strewn; NaN where nobody can tell."""


def equal_pairs(digests: NDArray[np.object_]) -> Pairs:
    """Images of the same content: each repeated one with the first."""
    _, first, content = np.unique(digests, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[content] != np.arange(len(digests)))
    return Pairs(first[content[repeated]], repeated, np.zeros(len(repeated)))


def zero_pairs(nearest: Nearest) -> Pairs:
    """Images with the same vector: each with those in its list."""
    row, rank = np.nonzero(nearest.d2 == 0)
    return Pairs(row, nearest.index[row, rank].astype(np.int64), np.zeros(len(row)))


def near_pairs(nearest: Nearest, near: Company) -> Pairs:
    """Images nearer to each other than their neighbourhoods explain; no two may be equal.

    Each must be in the other's company, and both be `close`. An image is as likely as the less
    likely side of its best pair, so that of whom is called the other side is called, too.
    """
    chance = _unusual(nearest, near, nearest)
    together = np.arange(nearest.k) < np.where(chance < 1, near.size, 0)[:, None]
    row, rank = np.nonzero(together)
    other = nearest.index[row, rank].astype(np.int64)
    mutual = np.isin(row * nearest.samples + other, other * nearest.samples + row)
    row, rank, other = row[mutual], rank[mutual], other[mutual]
    paired = np.ones(nearest.samples)
    np.minimum.at(paired, row, np.maximum(chance[row], chance[other]))
    called = q_values(paired) <= LEVEL
    kept = called[row] & called[other] & (row < other)
    return Pairs(row[kept], other[kept], nearest.d2[row, rank][kept])


def close(nearest: Nearest, near: Company, around: Nearest) -> NDArray[np.bool_]:
    """Whose company is not by chance, and nearer than the images behind it have theirs.

    By Benjamini and Hochberg at `LEVEL`, over all images: those whose company is no nearer
    count with chance 1. Were they dropped afterwards, they would raise the level for the rest.
    """
    return q_values(_unusual(nearest, near, around)) <= LEVEL


def _unusual(nearest: Nearest, near: Company, around: Nearest) -> Doubles:
    """The chance of each company; 1 where those behind have their nearest as near.

    With M the median distance of those behind to their own nearest, one in 20 of them at most
    would have it as near as w, the company's farthest: P(nearest <= w) = 1 - 2^-(w / M)^m.
    """
    answer = np.ones(nearest.samples)
    rows = np.flatnonzero(near.chance <= LEVEL)  # no other can be called
    if rows.size:
        size = near.size[rows]
        behind = np.arange(nearest.k) >= size[:, None]
        nearest2 = np.where(behind, around.d2[nearest.index[rows], 0], np.nan)
        ratio2 = nearest.d2[rows, size - 1] / np.nanmedian(nearest2, axis=1)
        with np.errstate(over="ignore"):
            usual = 1 - 2 ** -(ratio2 ** (near.dimension[rows] / 2))
        answer[rows] = np.where(usual <= USUAL, near.chance[rows], 1.0)
    return answer


def first_alike(count: int, *several: Pairs) -> Integers:
    """(count,) the first image of the group that each belongs to, linked by pairs; or itself."""
    one = np.concatenate([pairs.one for pairs in several])
    other = np.concatenate([pairs.other for pairs in several])
    first = np.arange(count)
    while True:
        lower = first.copy()
        np.minimum.at(lower, one, first[other])
        np.minimum.at(lower, other, first[one])
        lower = lower[lower]
        if (lower == first).all():
            return first
        first = lower


def several(group: Integers) -> list[Integers]:
    """The rows of each group of two or more."""
    order = np.argsort(group, kind="stable")
    _, starts = np.unique(group[order], return_index=True)
    return [rows for rows in np.split(order, starts[1:]) if len(rows) > 1]


def company(nearest: Nearest, around: Nearest) -> Company:
    """The company of images among those of a set, whose own neighbour lists are `around`."""
    unknown = np.full(nearest.samples, np.nan)
    if around.k < 3 or nearest.k < 2:
        return Company(np.zeros(nearest.samples, np.int64), np.ones(nearest.samples), unknown)
    steps = _steps(nearest.d2)
    size = steps.argmax(axis=1) + 1
    total, counted = _time_on_test(nearest, around)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = (1 + steps.max(axis=1) / total) ** -float(counted)
        dimension = counted / total
    defined = total > 0
    return Company(size, np.where(defined, chance, 1.0), np.where(defined, dimension, np.nan))


def _steps(d2: Doubles) -> Doubles:
    with np.errstate(divide="ignore"):
        logarithms: Doubles = np.log(d2) / 2
    return np.diff(logarithms, axis=1)


def _time_on_test(nearest: Nearest, around: Nearest) -> tuple[Doubles, int]:
    """(n,) Epstein and Sobel's T of the steps around each image, and how many it counts."""
    steps = (_steps(around.d2) * np.arange(1, around.k))[:, 1:]
    width = nearest.k * steps.shape[1]
    counted = width // 2
    total = np.empty(nearest.samples)
    for start in range(0, nearest.samples, _BLOCK):
        rows = slice(start, start + _BLOCK)
        pool = np.partition(steps[nearest.index[rows]].reshape(-1, width), counted - 1, axis=1)
        smaller = pool[:, :counted].sum(axis=1)
        total[rows] = smaller + (width - counted) * pool[:, counted - 1]
    return total, counted
