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
    halves              intervals from halves of both sides
    both_sides          questions about pairs, answered by one scan
    memorisation        MiFID: FID, raised by copies
    mmd                 maximum mean discrepancy over all pairs
    kernel_inception    KID: a cubic kernel
    clip_kernel         CMMD: a Gaussian kernel of unit vectors
    wasserstein         sliced Wasserstein, its bias removed
    logits              Inception Score
    neighbourhoods      k-NN balls, also of half of a side
    ball_metric         what metrics of k-NN balls share
    precision           share of samples in a ball of the reference
    recall              share of reference images in a ball of the samples
    density             balls that hold a sample
    coverage            balls that a sample is in
    clipped_density     density without huge balls and crowded places
    clipped_coverage    coverage by k samples a ball
    coordinates         what single coordinates say: out of range, off the grid
    conformity          conformal p-values beside a set
    fidelity            share of samples that could be real images
    diversity           how much of the reference the samples reach
    kernels             the Gaussian kernel, and its bandwidth
    vendi               effective number of different images
    rke                 effective number of modes
    ken                 modes that the reference lacks
    authenticity        share of samples no nearer to the training set than it is to itself
    three_sides         a state of samples, training and test images
    c_t                 whether samples are nearer to the training set than test images
    fld_gap             how much likelier the training set is than a test set
    collection          many metrics of the same sides at once
    checks              checks with known answers, for any metric
"""

from rara.sets.authenticity import Authenticity, authenticity
from rara.sets.base import KeptVectors, SetMetric, SetScore
from rara.sets.c_t import CT, c_t
from rara.sets.checks.check_metric import Conformance, check_metric
from rara.sets.clip_kernel import CMMD, cmmd
from rara.sets.clipped_coverage import ClippedCoverage, clipped_coverage
from rara.sets.clipped_density import ClippedDensity, clipped_density
from rara.sets.collection import MetricCollection
from rara.sets.coverage import Coverage, coverage
from rara.sets.density import Density, density
from rara.sets.diversity import Diversity, diversity
from rara.sets.fidelity import Fidelity, fidelity
from rara.sets.fld_gap import FLDGap, fld_gap
from rara.sets.frechet import FID, FIDInfinity, fid, fid_infinity
from rara.sets.ken import KEN, NovelMode, Novelty, ken
from rara.sets.kernel_inception import KID, kid
from rara.sets.logits import InceptionScore, inception_score
from rara.sets.memorisation import MiFID, mifid
from rara.sets.precision import Precision, precision
from rara.sets.recall import Recall, recall
from rara.sets.rke import RKE, rke
from rara.sets.spatial import SFID, sfid
from rara.sets.vendi import Vendi, vendi
from rara.sets.wasserstein import SlicedWasserstein, sliced_wasserstein

__all__ = [
    "CMMD",
    "CT",
    "FID",
    "KEN",
    "KID",
    "RKE",
    "SFID",
    "Authenticity",
    "ClippedCoverage",
    "ClippedDensity",
    "Conformance",
    "Coverage",
    "Density",
    "Diversity",
    "FIDInfinity",
    "FLDGap",
    "Fidelity",
    "InceptionScore",
    "KeptVectors",
    "MetricCollection",
    "MiFID",
    "NovelMode",
    "Novelty",
    "Precision",
    "Recall",
    "SetMetric",
    "SetScore",
    "SlicedWasserstein",
    "Vendi",
    "authenticity",
    "c_t",
    "check_metric",
    "clipped_coverage",
    "clipped_density",
    "cmmd",
    "coverage",
    "density",
    "diversity",
    "fid",
    "fid_infinity",
    "fidelity",
    "fld_gap",
    "inception_score",
    "ken",
    "kid",
    "mifid",
    "precision",
    "recall",
    "rke",
    "sfid",
    "sliced_wasserstein",
    "vendi",
]
