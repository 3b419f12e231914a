"""Repeated looks at a share: how many hits are too many, where any look may raise an alarm.

    a threshold set by real images --share_limit--> the largest share of hits without a cause
    hits among samples --hits_p--> p-value of a look
    its number --level_of_look--> the level that the look may spend

Looking 100 times at 5 % raises a false alarm almost surely. Here the levels of all looks add up
to `error`, so that one false alarm or more in a whole run has at most this probability, however
long the run is (Bonferroni's inequality, spent over looks).
"""

from __future__ import annotations

import math

_STEPS = 200
"""Halvings of an interval: more than a float has bits."""


def level_of_look(look: int, error: float) -> float:
    """The level of the look of this number, from 1; those of all looks add up to `error`.

        level = error / (j (j + 1)),    since 1 / (j (j + 1)) = 1 / j - 1 / (j + 1)

    >>> [round(level_of_look(j, 0.06), 4) for j in (1, 2, 3)]
    [0.03, 0.01, 0.005]
    """
    return error / (look * (look + 1))


def hits_p(hits: int, samples: int, share: float) -> float:
    """Probability of at least so many hits, where each sample is one with probability `share`.

    The binomial tail, summed from its own end so that small values are exact; 1 for no hits.
    It rises with `share`: a p-value at the largest share of a hypothesis holds for all of it.

    >>> round(hits_p(2, 3, 0.5), 3), hits_p(0, 3, 0.5)
    (0.5, 1.0)
    """
    if hits <= 0:
        return 1.0
    if hits > samples or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    if hits <= samples * share:
        return max(0.0, 1 - _tail(samples - hits + 1, samples, 1 - share))
    return min(1.0, _tail(hits, samples, share))


def _tail(hits: int, samples: int, share: float) -> float:
    """The same where `hits` is above the mean: the terms fall from the first on."""
    log = (
        math.lgamma(samples + 1) - math.lgamma(hits + 1) - math.lgamma(samples - hits + 1)
        + hits * math.log(share) + (samples - hits) * math.log1p(-share)
    )  # fmt: skip
    total = term = 1.0
    for j in range(hits, samples):
        term *= (samples - j) / (j + 1) * share / (1 - share)
        total += term
        if term < 1e-17 * total:
            break
    return math.exp(log + math.log(total))


def share_limit(level: float, images: int, error: float) -> float:
    """The share of fresh real images that pass a threshold at `level`, but for `error` of draws.

    The threshold is the k-th largest of `images` scores of real images, k = level (images + 1)
    rounded down. For one draw of them, the share of fresh real images above it is random: its law
    is Beta(k, images + 1 - k) for continuous scores, and ties make it smaller (Vovk, Conditional
    validity of inductive conformal predictors, 2012). This is its quantile at 1 - `error`. 0 where
    no score passes.

    >>> round(share_limit(0.01, 4000, 0.025), 4)
    0.0133
    """
    k = math.floor(level * (images + 1) + 1e-9)
    if k < 1:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):  # P(Beta(k, n + 1 - k) <= x) = P(Binomial(n, x) >= k)
        middle = (low + high) / 2
        if hits_p(k, images, middle) < 1 - error:
            low = middle
        else:
            high = middle
        if high - low < 1e-12:
            break
    return high
