"""One p-value for copies of any of several references, and what each finding rests on.

    p-values and facts of every pair of sample and proxy --joined--> which pairs are called
    the same without one proxy --dropped--> what that proxy changes

The pair of sample i and proxy r has a p-value by the calibrated tests, T_ir, one by the pictures,
S_ir (1 where nothing was found), and may be a fact. R proxies are given. K of them *count* for the
tests: those whose number of images allows a p-value of alpha / K at all. Then

    P_ir = min( K T_ir if r counts,  c R S_ir ),    c = 100, or 1 where R S_ir <= 10^-6
    P_i  = min { P_ir : r }

A pair is *certain* if it is a fact (the same content, picture or features, or decided so), or if
R S_ir <= 10^-6. Samples with a certain pair are copies. The m others are tested together: with C
the largest number such that C of them have P_i <= alpha C / m (Benjamini and Hochberg 1995), a
pair is called if P_ir <= alpha C / m.

What is promised. Call a pair *unrelated* if the sample is like one further image of the proxy:
exchangeable with its images, and unrelated to each. Then P(T_ir <= t) <= t by calibration, and
P(S_ir <= t) <= t by the null of the pictures, which counts all images of that proxy.

1. One sample. The probability that any unrelated pair has P_ir <= t is at most

       sum over K of t / K  +  sum over R of max(t / (100 R), 10^-6 / R)  <=  1.01 t    (t >= 10^-4)

   This is a union bound. It holds however the proxies overlap, and whatever the other pairs are:
   a sample that is a copy of one proxy is falsely named a copy of another no more often. K follows
   from the numbers of images and alpha alone, and not from what was found. Facts are no matter of
   chance: an unrelated real image that has the same pixels as another is counted as a copy.
2. Many samples. Of the pairs that are called, let V be unrelated. As there are at least C of them,
   the share that is false has a mean of at most

       E[ V / C ]  <=  sum over i and unrelated r of E[ 1{ P_ir <= alpha C / m } / C ]

   Where the p-values of different samples are independent or positively dependent (PRDS), each
   term is at most 1.01 alpha / (m K) for r that counts, by the argument of Benjamini and Yekutieli
   (2001), so that the sum is at most 1.01 alpha. Samples that share a reference are not
   independent, and PRDS is proven for one score only (Bates et al., Annals of Statistics 2023):
   here the rate is measured (studies/proxies.py). It is proven under any dependence with alpha
   divided by 1 + 1/2 + … + 1/m. Leaving certain copies out of the m costs at most a factor of
   1 / (1 - e), for a share e of unrelated images that are facts by chance.

So the false share counts the *named* proxies, and not just samples: a sample that is called for
the wrong reference is false too. A joint p-value that is sharper than Bonferroni, as Simes' or a
mean of p-values, promises nothing of the proxy that is named. Each proxy has the same say, however
many images it has: shares by number of images would make a small catalogue pay for a large crawl.

What is not promised: an image of a kind that a proxy has none of is not exchangeable with its
images. It is as a rule farther from them, and then called less often; nothing proves that.

Without a proxy all of this is done again with the others: R and K, facts by pictures, m and C. So
a finding may be lost for lack of that proxy, and another be made because the others pay less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.sources import CERTAIN, WEIGHT
from rara.stats.conformal import q_values

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What is known of every pair of one of m samples and one of R proxies."""

    tests: Doubles
    """(m, R) p-values by the calibrated tests; lower is more like a copy."""
    pictures: Doubles
    """(m, R) p-values by direct evidence, over all images of the proxy; NaN where none was found.
    """
    facts: Flags
    """(m, R) pairs with the same content, picture or features, or decided to be copies."""
    smallest: Doubles
    """(R,) the p-value by the tests that an image like no other has if it is copied."""

    def without(self, proxy: int) -> Pairs:
        """The pairs of the other proxies."""
        return Pairs(
            tests=np.delete(self.tests, proxy, axis=1),
            pictures=np.delete(self.pictures, proxy, axis=1),
            facts=np.delete(self.facts, proxy, axis=1),
            smallest=np.delete(self.smallest, proxy),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """What is called of all proxies together."""

    pair_p: Doubles
    """(m, R) P_ir; 0 for facts."""
    p: Doubles
    """(m,) P_i; 0 where there is a fact."""
    q: Doubles
    """(m,) Benjamini–Hochberg over the samples without a certain pair; 0 for those with one."""
    certain: Flags
    """(m, R) pairs that are copies for certain."""
    called: Flags
    """(m, R) pairs that are called, the certain ones included."""
    counted: Flags
    """(R,) proxies that count for the tests."""


def any_of(pairs: Flags) -> Flags:
    """(m,) whether any pair of each sample is flagged."""
    flags: Flags = np.any(pairs, axis=1)
    return flags


def counting(smallest: Sequence[float] | Doubles, alpha: float) -> Flags:
    """Which proxies count for the tests: the most of them with K smallest_r <= alpha for each.

    >>> counting([0.1, 0.01, 0.03], 0.05).tolist()
    [False, True, False]
    """
    values = np.asarray(smallest, np.float64)
    order = np.argsort(values, kind="stable")
    sizes = np.arange(1, len(values) + 1)
    fitting = np.flatnonzero(sizes * values[order] <= alpha)
    counted = np.zeros(len(values), np.bool_)
    if len(fitting):
        counted[order[: fitting[-1] + 1]] = True
    return counted


def joined(pairs: Pairs, alpha: float) -> Joined:
    """Which pairs are called. With no proxy, nothing is."""
    samples, proxies = pairs.tests.shape
    if not proxies:
        nothing = np.zeros((samples, 0), np.bool_)
        one = np.ones(samples)
        return Joined(np.ones((samples, 0)), one, one, nothing, nothing, np.zeros(0, np.bool_))
    counted = counting(pairs.smallest, alpha)
    shown = proxies * np.where(np.isnan(pairs.pictures), 1.0, pairs.pictures)
    sure = shown <= CERTAIN
    by_pictures = np.where(sure, shown, np.minimum(WEIGHT * shown, 1.0))
    by_tests = np.where(counted, np.minimum(np.count_nonzero(counted) * pairs.tests, 1.0), 1.0)
    pair_p = np.where(pairs.facts, 0.0, np.minimum(by_tests, by_pictures))
    certain = pairs.facts | sure
    copies = any_of(certain)
    p = pair_p.min(axis=1)
    q = np.where(copies, 0.0, q_values(np.where(copies, np.nan, p)))
    called = certain | (~copies[:, None] & _below_limit(pair_p, q, copies, alpha))
    return Joined(pair_p, p, q, certain, called, counted)


def _below_limit(pair_p: Doubles, q: Doubles, copies: Flags, alpha: float) -> Flags:
    """Pairs with P_ir <= alpha C / m, compared as `q_values` compares samples."""
    tested, discoveries = np.count_nonzero(~copies), np.count_nonzero(~copies & (q <= alpha))
    if not discoveries:
        return np.zeros(pair_p.shape, np.bool_)
    below: Flags = pair_p * tested / discoveries <= alpha
    return below


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """What each proxy changes, by leaving it out."""

    lost: Flags
    """(m, R) samples that are called, and are not without that proxy."""
    gained: Flags
    """(m, R) samples that are not called, and are without that proxy."""


def dropped(pairs: Pairs, whole: Joined, alpha: float) -> Dropped:
    """Every proxy left out in turn; the rest is judged as if it had never been given."""
    called = any_of(whole.called)
    without = [
        any_of(joined(pairs.without(proxy), alpha).called) for proxy in range(len(pairs.smallest))
    ]
    still = np.stack(without, axis=1)
    return Dropped(called[:, None] & ~still, ~called[:, None] & still)
