"""Metrics of a whole set of samples beside a reference, one file a metric.

    rara.sets.fid(samples, reference)  ->  SetScore: .value, .low, .high, float()

Vectors are (n, d) float32 arrays or `Features`: samples first, the reference second. Each metric
is also a state with `update`, `merge` and `compute`, so that it streams and shards. Each file reads
from top to bottom: formula, direction, options, caveats, code.

    base            the result, the check of vectors, and the state
    intervals       intervals from influences and from jackknifes
    neighbourhoods  k-NN balls, and what they become without a part
    ball_metric     what metrics of k-NN balls share
    precision       share of samples in a ball of the reference
    recall          share of reference images in a ball of the samples
    density         balls that hold a sample
    coverage        balls that a sample is in
    clipped_density  density without huge balls and crowded places
    clipped_coverage  coverage by k samples a ball
    coordinates     what single coordinates say: out of range, off the grid
    conformity      conformal p-values beside a set
    fidelity        share of samples that could be real images
    diversity       how much of the reference the samples reach
    checks          checks with known answers, for any metric
"""

from rara.sets.base import KeptVectors, SetMetric, SetScore
from rara.sets.checks.check_metric import Conformance, check_metric
from rara.sets.clipped_coverage import ClippedCoverage, clipped_coverage
from rara.sets.clipped_density import ClippedDensity, clipped_density
from rara.sets.coverage import Coverage, coverage
from rara.sets.density import Density, density
from rara.sets.diversity import Diversity, diversity
from rara.sets.fidelity import Fidelity, fidelity
from rara.sets.precision import Precision, precision
from rara.sets.recall import Recall, recall

__all__ = [
    "ClippedCoverage",
    "ClippedDensity",
    "Conformance",
    "Coverage",
    "Density",
    "Diversity",
    "Fidelity",
    "KeptVectors",
    "Precision",
    "Recall",
    "SetMetric",
    "SetScore",
    "check_metric",
    "clipped_coverage",
    "clipped_density",
    "coverage",
    "density",
    "diversity",
    "fidelity",
    "precision",
    "recall",
]
