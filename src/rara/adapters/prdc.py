"""Precision, recall, density and coverage with the signature and the dict of the package prdc.

A drop-in replacement: the same numbers, in memory that does not grow with the number of pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.errors import ParameterError
from rara.features.opening import as_features
from rara.geometry import Balls, SamplesPerBall, Transposed, neighbours, query


def compute_prdc(
    real_features: ArrayLike, fake_features: ArrayLike, nearest_k: int
) -> dict[str, float]:
    """Precision, recall, density and coverage of fake features, (m, d), beside real ones, (n, d).

    The balls of a set reach from each vector to its `nearest_k`-th nearest other one; their
    surface does not belong to them.

        precision    the share of fake vectors in any real ball, 0 to 1
        recall       the share of real vectors in any fake ball, 0 to 1
        density      the mean number of real balls round a fake vector, over nearest_k; from 0
        coverage     the share of real balls that hold any fake vector, 0 to 1

    Higher is better for each. Vectors are taken as float32. Raises FeatureError where they are
    not two arrays of finite numbers with as many columns, and ParameterError where a set has
    `nearest_k` vectors or fewer.

    Naeem et al., ICML 2020, arXiv 2002.09797, eq. 3 to 6.

    >>> import numpy as np
    >>> real, fake = (np.random.default_rng(seed).normal(size=(500, 4)) for seed in (0, 1))
    >>> {name: round(value, 2) for name, value in compute_prdc(real, fake, nearest_k=5).items()}
    {'precision': 0.98, 'recall': 0.98, 'density': 1.01, 'coverage': 0.97}
    """
    real, fake = (
        np.ascontiguousarray(as_features(vectors, None, what).vectors)
        for vectors, what in ((real_features, "real_features"), (fake_features, "fake_features"))
    )
    if real.shape[1] != fake.shape[1]:
        raise ParameterError(
            f"real_features have {real.shape[1]} dimensions, fake_features {fake.shape[1]}."
        )
    for vectors, what in ((real, "real_features"), (fake, "fake_features")):
        if not 1 <= nearest_k < len(vectors):
            raise ParameterError(
                f"nearest_k = {nearest_k}: give 1 to {len(vectors) - 1}, since there are "
                f"{len(vectors)} {what}."
            )
    figures, _ = prdc_and_balls(real, fake, nearest_k)
    return figures


def prdc_and_balls(
    real: NDArray[np.float32], fake: NDArray[np.float32], k: int
) -> tuple[dict[str, float], Balls]:
    """The four figures of checked vectors, and the real balls that hold each fake one.

    All pairs of a real and a fake vector are looked at once. Of the balls, unlike of the figures,
    the centre is held by its own one, as in rara's scores.
    """
    real2, fake2 = (neighbours(x, k)[0].d2[:, k - 1] for x in (real, fake))
    in_real, in_fake = Balls(len(fake), real2, "official"), Balls(len(real), fake2, "official")
    around_real, balls = SamplesPerBall(real2, "official"), Balls(len(fake), real2)
    query(fake, real, [in_real, Transposed(in_fake), around_real, balls])
    figures = {
        "precision": float(np.mean(in_real.count > 0)),
        "recall": float(np.mean(in_fake.count > 0)),
        "density": float(np.mean(in_real.count) / k),
        "coverage": float(np.mean(around_real.count > 0)),
    }
    return figures, balls
