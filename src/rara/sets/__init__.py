"""Metrics of a whole set of samples beside a reference, one file a metric.

    rara.sets.fid(samples, reference)  ->  SetScore: .value, .low, .high, float()

Vectors are (n, d) float32 arrays or `Features`: samples first, the reference second. Each metric
is also a state with `update`, `merge` and `compute`, so that it streams and shards. Each file reads
from top to bottom: formula, direction, options, caveats, code.

    base                the result, the check of vectors, and the state
    intervals           variances and intervals
    moments             means and scatters in bounded memory
    bures               covariances compared: the trace of a root, and its gradients
    spectra             covariances of infinitely many images
    frechet             FID, and for infinitely many images
    spatial             sFID: FID of feature maps
    memorisation        MiFID: FID, raised by copies
    mmd                 maximum mean discrepancy over all pairs
    kernel_inception    KID: a cubic kernel
    clip_kernel         CMMD: a Gaussian kernel of unit vectors
    wasserstein         sliced Wasserstein, its bias removed
    logits              Inception Score
"""

from rara.sets.base import KeptVectors, SetMetric, SetScore
from rara.sets.clip_kernel import CMMD, cmmd
from rara.sets.frechet import FID, FIDInfinity, fid, fid_infinity
from rara.sets.kernel_inception import KID, kid
from rara.sets.logits import InceptionScore, inception_score
from rara.sets.memorisation import MiFID, mifid
from rara.sets.spatial import SFID, sfid
from rara.sets.wasserstein import SlicedWasserstein, sliced_wasserstein

__all__ = [
    "CMMD",
    "FID",
    "KID",
    "SFID",
    "FIDInfinity",
    "InceptionScore",
    "KeptVectors",
    "MiFID",
    "SetMetric",
    "SetScore",
    "SlicedWasserstein",
    "cmmd",
    "fid",
    "fid_infinity",
    "inception_score",
    "kid",
    "mifid",
    "sfid",
    "sliced_wasserstein",
]
