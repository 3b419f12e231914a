"""Metrics of a whole set of samples beside a reference, one file a metric.

    rara.sets.fid(samples, reference)  ->  SetScore: .value, .low, .high, float()

Vectors are (n, d) float32 arrays or `Features`: samples first, the reference second. Each metric
is also a state with `update`, `merge` and `compute`, so that it streams and shards. Each file reads
from top to bottom: formula, direction, options, caveats, code.

    base            the result, the check of vectors, and the state
"""

from rara.sets.base import KeptVectors, SetMetric, SetScore

__all__ = ["KeptVectors", "SetMetric", "SetScore"]
