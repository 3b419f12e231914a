"""Set metrics by their formulas in float64, with nothing that the package uses."""

import numpy as np


def frechet(x, y):
    """By the eigenvalues of the product of the covariances, which is not symmetric."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    first, second = np.cov(x.T, ddof=1), np.cov(y.T, ddof=1)
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    values = np.linalg.eigvals(first @ second)
    gap = x.mean(0) - y.mean(0)
    root = np.sqrt(np.maximum(values.real, 0)).sum()
    return gap @ gap + np.trace(first) + np.trace(second) - 2 * root


def mmd(x, y, kernel, *, biased=False):
    """Over all pairs; `biased` counts an image with itself, as the V statistic does."""
    n, m = len(x), len(y)
    own, other = kernel(x, x), kernel(y, y)
    if biased:
        return own.mean() + other.mean() - 2 * kernel(x, y).mean()
    within = (own.sum() - np.trace(own)) / (n * (n - 1))
    within += (other.sum() - np.trace(other)) / (m * (m - 1))
    return within - 2 * kernel(x, y).mean()


def cubic(x, y):
    return (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3


def gaussian(sigma):
    def kernel(x, y):
        x, y = (one.astype(np.float64) for one in (x, y))
        x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
        return np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * sigma**2))

    return kernel


def wasserstein(x, y):
    """Squared 2-Wasserstein distance of two lists of numbers: each repeated to one length."""
    size = np.lcm(len(x), len(y))
    first, second = (np.repeat(np.sort(one), size // len(one)) for one in (x, y))
    return ((first.astype(np.float64) - second) ** 2).mean()


def cosine_distance(x, y):
    """(n, m) one minus the absolute cosine."""
    x, y = (one.astype(np.float64) for one in (x, y))
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
    return 1 - np.abs(x @ y.T)
