"""What the answers are, by brute force in float64: slow, obvious, and the judge of the engine.

Distances are summed in the order that `rara.geometry.distances` defines, so that
"equal" can mean equal in every bit.
"""

import numpy as np


def squared_distances(left, right):
    """All squared distances, (len(left), len(right)) float64."""
    return np.stack([_one_to_many(x, right) for x in left])


def _one_to_many(x, right):
    squares = (np.float64(x) - np.asarray(right, np.float64)) ** 2
    squares = np.pad(squares, ((0, 0), (0, -squares.shape[1] % 32)))
    lanes = np.zeros((len(right), 32))
    for start in range(0, squares.shape[1], 32):
        lanes = lanes + squares[:, start : start + 32]
    for half in (16, 8, 4, 2, 1):
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes[:, 0]


def neighbours(d2, k, own=None):
    """Indices and squared distances of the k nearest columns, ties by index; `own` is left out."""
    d2 = d2.copy()
    if own is not None:
        d2[np.arange(len(d2)), own] = np.inf
    order = np.argsort(d2, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(d2, order, axis=1)


def radii2(reference, k):
    """Squared distance of each reference image to its k-th nearest other one."""
    everyone = np.arange(len(reference))
    return neighbours(squared_distances(reference, reference), k, own=everyone)[1][:, -1]


def holds(d2, r2, rule="open"):
    """Which balls (columns) hold which samples (rows)."""
    if rule == "official":
        return d2 < r2
    return (d2 <= r2) if rule == "closed" else (d2 < r2) | (d2 == 0)


def rarity(d2, r2, rule="open"):
    """Squared radius of the smallest ball that holds each sample (NaN outside), and whose it is."""
    inside = holds(d2, r2, rule)
    radius = np.where(inside, r2, np.inf)
    witness = np.where(inside.any(axis=1), radius.argmin(axis=1), -1)
    return np.where(inside.any(axis=1), radius.min(axis=1), np.nan), witness


def realism2(d2, r2):
    """Squared realism over the balls not above the median radius; infinite on a centre."""
    kept = r2 <= np.sort(r2)[(len(r2) - 1) // 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(d2 == 0, np.inf, r2 / d2)
    return ratio[:, kept].max(axis=1)


def leave_one_out(reference, i, k, rule="open"):
    """Reference image i judged against all the others as if it had never been there."""
    others = np.delete(reference, i, axis=0)
    d2 = squared_distances(reference[i : i + 1], others)
    r2 = radii2(others, k)
    value, witness = rarity(d2, r2, rule)
    ball = witness[0] + (witness[0] >= i) if witness[0] >= 0 else -1
    count = int(holds(d2, r2, rule).sum())
    return {"rarity2": value[0], "witness": ball, "balls": count, "realism2": realism2(d2, r2)[0]}


# -- a sample joins a reference, by definition ------------------------------------------


def members_scores(members, k, depth, listed):
    """k-NN distance, copying and ball ratio of each member among all the others, squared.

    `depth` neighbours tell volumes, `listed` the ratio. docs/explanation/calibration.md.
    """
    count = len(members)
    own2 = squared_distances(members, members)
    np.fill_diagonal(own2, np.inf)
    ascending = np.sort(own2, axis=1)
    volume, spread = np.empty(count), np.zeros(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        for z in range(count):
            near = ascending[z, :depth]
            volume[z] = np.inf if near[0] == 0 else np.log(near[-1] / near[0]) / 2
            for j in range(2, depth):
                spread[z] += j * np.log(near[j] / near[j - 1]) / 2
        rate = _rate(spread[np.isfinite(spread)], depth)
        copying = np.where(np.isinf(volume), np.inf, volume / (rate + spread))
    ratio2 = np.array([_ratio2(own2, z, k, listed) for z in range(count)])
    return {"knn": ascending[:, k - 1], "copying": copying, "ratio": ratio2}


def _rate(spread, depth):
    """Of the gamma law of dimensions, by two moments, on a grid of 16 steps a factor of 2."""
    if not spread.any():
        return 1.0
    first = spread.mean() / (depth - 2)
    second = np.mean(spread**2) / ((depth - 2) * (depth - 1))
    rate = first * (1 + 1 / max(second / first**2 - 1, 1e-3))
    return 2 ** (round(16 * np.log2(rate)) / 16)


def _ratio2(own2, z, k, listed):
    """t^2 of member z beside the others, as they are without it."""
    rest = np.delete(np.arange(len(own2)), z)
    among = own2[np.ix_(rest, rest)]
    radii2 = np.sort(among, axis=1)[:, k - 1]
    near2 = own2[z, rest]
    if (near2 <= radii2).any():
        return 1.0
    mutual = (among <= radii2[:, None]) & (among <= radii2[None])
    counted = mutual.any(axis=1) & (near2 < np.sort(near2)[listed - 1])
    with np.errstate(divide="ignore"):
        ratio2 = near2[counted] / radii2[counted]
    return ratio2.min(initial=np.inf)


def rank_of_last(scores):
    """Members at least as extreme as the last one; higher is more extreme."""
    return int((scores >= scores[-1]).sum())


def joint_of_last(*witnesses):
    """Members whose smallest rank over the witnesses is at most that of the last one."""
    ranks = np.min([(one >= one[:, None]).sum(axis=1) for one in witnesses], axis=0)
    return int((ranks <= ranks[-1]).sum())
