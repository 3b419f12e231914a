"""Second opinions on verdicts: by halves of the reference, and by other extractors.

    table, reference, samples --by_halves--> two tables of the same samples   \\
                              --by_extractor--> one more                       --contested--> table

A verdict depends on choices that nobody made: which real images came into the reference, and
which network looks at them. `contested.py` marks the verdicts that others would not give.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.extractors.base import Metric
from rara.features.compatibility import features_like
from rara.features.features import Features
from rara.features.metric import usual_metric, with_metric
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.features.reembed import reembed
from rara.reference.reference import Reference, cleaned_as
from rara.robustness.contested import Halves, alpha_of, check_carried
from rara.run import Run, checked_run
from rara.table.score_table import ScoreTable

VERDICTS_ALONE = "an opinion is asked for verdicts alone"


def by_halves(
    table: ScoreTable,
    reference: Reference,
    images: Images,
    *,
    calibration: Images | None = None,
    extractor: str | os.PathLike[str] | Extractor | None = None,
    seed: int = 0,
    run: Run | None = None,
) -> Halves:
    """The samples of a table judged by each of two random halves of its reference.

    At the same k, error rate and rule of the balls; give the `calibration` of the table, if it had
    one, and its `extractor` where the reference's own cannot be found by its name. Images of the
    same content are in the same half. Of a leave-one-out table each image is judged by the half
    that does not hold it, and `images` plays no role.

    Costs less than reference and table did: the halves together have as many pairs with the
    samples, and half as many among their own images, whose neighbours are kept in the cache.
    """
    check_carried(table)
    run, spec = checked_run(run), reference.features.spec
    own = table.provenance.leave_one_out
    samples = reference.features if own else features_like(spec, images, extractor, run)[0]
    real_images = None
    if calibration is not None:
        real_images, _ = features_like(spec, calibration, extractor, run)
    parts = halves(reference, k=table.provenance.k, seed=seed, run=run)
    one, other = (_by_half(half, samples, table, real_images, run) for half in parts)
    return one, other


def halves(
    reference: Reference, *, k: int | None = None, seed: int = 0, run: Run | None = None
) -> tuple[Reference, Reference]:
    """Two random halves of a reference, disjoint in content as well, cleaned as it is.

    Never with replacement: images drawn twice would shrink the balls. What `deduplicate` left out
    stays out.
    """
    run, k = checked_run(run), reference.k if k is None else k
    check_halves(len(reference), k)
    parts = reference.features.split(0.5, seed=seed)
    # Almost every image loses a neighbour to the other half: searching anew, each pair once, is
    # cheaper than mending all those lists.
    place = f"{reference.features.location} (half {{}}, seed {seed})"
    one, other = (
        cleaned_as(reference, replace(part, location=place.format(i)), k, run)
        for i, part in enumerate(parts, start=1)
    )
    return one, other


def check_halves(images: int, k: int) -> None:
    """Raise ParameterError where a half of so many images would have too few for k."""
    if images < 2 * (k + 1):
        raise ParameterError(
            f"{images} reference images are too few for two halves with k = {k}: each "
            f"needs {k + 1}."
        )


def by_extractor(
    table: ScoreTable,
    reference: Reference,
    images: Images,
    *,
    extractor: str | os.PathLike[str] | Extractor,
    calibration: Images | None = None,
    run: Run | None = None,
) -> ScoreTable:
    """The samples of a table judged by the vectors of another extractor for the same images.

    At the same k, error rate and rule of the balls, and under the same metric where it was
    chosen rather than the usual one of its extractor. The images of the reference are read
    again where they were, and so are those of features. Raises ReferenceMismatchError where they
    cannot be, and ParameterError where it is the extractor that made the reference.
    """
    check_carried(table)
    run = checked_run(run)
    network = find_extractor(extractor, run)
    if replace(network.spec, metric=reference.features.spec.metric) == reference.features.spec:
        raise ParameterError(
            f"{network.spec.name} made this reference: a second opinion needs another extractor."
        )
    vectors = with_metric(reembed(reference.features, network, run), _metric_for(reference))
    other = cleaned_as(reference, vectors, table.provenance.k, run)
    own = table.provenance.leave_one_out
    samples = other.features if own else _anew(images, network, other, run)
    real_images = None if calibration is None else _anew(calibration, network, other, run)
    return _judged(other, samples, table, real_images, run, own=own)


def _metric_for(reference: Reference) -> Metric | None:
    """Under which metric another extractor's vectors are compared."""
    made_with = replace(reference.features.spec, metric="euclidean")
    return (
        None
        if reference.features.spec.metric == usual_metric(made_with)
        else reference.features.spec.metric
    )


def _anew(images: Images, network: Extractor, other: Reference, run: Run) -> Features:
    """The images as another one sees them, those behind features as well."""
    if is_features(images):
        reembedded = reembed(features_of(images, None, run)[0], network, run)
    else:
        reembedded, _ = features_of(images, network, run)
    return with_metric(reembedded, other.features.spec.metric)


def _by_half(
    half: Reference, samples: Features, table: ScoreTable, real_images: Features | None, run: Run
) -> ScoreTable:
    """Of the reference's own images a half judges those that it does not hold."""
    if table.provenance.leave_one_out:
        ours, theirs = (one.done["digest"].to_numpy() for one in (samples, half.features))
        samples = samples.take(np.flatnonzero(~np.isin(ours, theirs)), samples.location)
    return _judged(half, samples, table, real_images, run)


def _judged(
    reference: Reference,
    samples: Features,
    table: ScoreTable,
    real_images: Features | None,
    run: Run,
    *,
    own: bool = False,
) -> ScoreTable:
    """Verdicts by another reference with the options of the table; no classifier's test.

    `own`: the samples are that reference's own images, each judged without itself.
    """
    made = table.provenance
    scorer = reference.scorer(
        k=made.k, boundary="closed" if made.boundary == "closed" else "open",
        alpha=alpha_of(table), calibration=real_images, run=run,
    )  # fmt: skip
    return scorer.verdicts(samples, own=own, absent=VERDICTS_ALONE)
