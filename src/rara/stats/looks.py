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


def level_of_look(look: int, error: float) -> float:
    """The level of the look of this number, from 1; those of all looks add up to `error`.

        level = error / (j (j + 1)),    since 1 / (j (j + 1)) = 1 / j - 1 / (j + 1)

    >>> [round(level_of_look(j, 0.06), 4) for j in (1, 2, 3)]
    [0.03, 0.01, 0.005]
    """
    return error / (look * (look + 1))


def hits_p(hits: int, samples: int, share: float) -> float:
    """Probability of at least so many hits, where each sample is one with probability `share`.

    The binomial tail, which is an incomplete beta function; 1 for no hits. It rises with `share`:
    a p-value at the largest share of a hypothesis holds for all of it.

    >>> round(hits_p(2, 3, 0.5), 3), hits_p(0, 3, 0.5)
    (0.5, 1.0)
    """
    from scipy.special import betainc  # scipy.stats takes a second to import

    if hits <= 0:
        return 1.0
    if hits > samples:
        return 0.0
    return float(betainc(hits, samples - hits + 1, min(max(share, 0.0), 1.0)))


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
    from scipy.special import betaincinv

    k = math.floor(level * (images + 1) + 1e-9)
    return float(betaincinv(k, images + 1 - k, 1 - error)) if k >= 1 else 0.0
