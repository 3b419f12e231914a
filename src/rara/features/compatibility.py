"""Whether distances between two sides mean anything: both must come from the same extractor,
which is found again for images that are to be compared with what it made before."""

from __future__ import annotations

import os
from dataclasses import replace

from rara.errors import ReferenceMismatchError
from rara.extractors import FROM_FILE, Extractor, Spec, available, is_name
from rara.features.features import Features
from rara.features.metric import with_metric
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.run import Run
from rara.sources import Source, open_source


def features_like(
    reference: Spec,
    images: Images,
    extractor: str | os.PathLike[str] | Extractor | None,
    run: Run,
) -> tuple[Features, Source | None]:
    """Images as the extractor of a reference sees them, under its metric, and their source.

    Features are taken as they are. Raises ReferenceMismatchError where the two cannot be compared.
    """
    if isinstance(images, (str, os.PathLike)) and not is_features(images):
        images = open_source(images, metadata=run.metadata)  # what is not there is found first
    network = None if is_features(images) else network_for(reference, extractor, run)
    if network is not None:
        check_same(reference, replace(network.spec, metric=reference.metric))
    features, source = features_of(images, network, run)
    return comparable(features, reference), source


def comparable(features: Features, reference: Spec) -> Features:
    """The same under a reference's metric; refused where another extractor made them."""
    check_same(reference, replace(features.spec, metric=reference.metric))
    return with_metric(features, reference.metric)


def network_for(
    reference: Spec, extractor: str | os.PathLike[str] | Extractor | None, run: Run
) -> Extractor:
    """The extractor named, or else the one that the reference was made with, by its name.

    Raises ReferenceMismatchError where a name is not enough to find it.
    """
    if extractor is None and reference.weights == "none":
        raise ReferenceMismatchError(
            "This reference was made of given vectors, so images cannot be compared with it. "
            "Score vectors with `score_features`, or name the extractor that made them."
        )
    if extractor is None and reference.name.startswith(FROM_FILE):
        raise ReferenceMismatchError(
            f"This reference was made with an ONNX file ({reference.name}): name that file as the "
            "extractor, with the preprocessing that was given then."
        )
    if extractor is None and not is_name(reference.name):
        raise ReferenceMismatchError(
            f"This reference was made with the extractor '{reference.name[:80]}', which is not "
            f"installed ({', '.join(available())} are): install it, or name the extractor, with "
            "its weights if these are a file of yours. "
            "rara opens no network that a folder names."
        )
    return find_extractor(extractor or reference.name, run)


def check_same(reference: Spec, samples: Spec) -> None:
    """Raise ReferenceMismatchError, with both named, unless they are comparable."""
    if reference.dim != samples.dim:
        raise ReferenceMismatchError(
            f"The reference has {reference.dim} dimensions ({reference.name}), the samples have "
            f"{samples.dim} ({samples.name}): make both with the same extractor."
        )
    if reference.fingerprint != samples.fingerprint:
        raise ReferenceMismatchError(
            f"The reference was made with {_named(reference)}, the samples with {_named(samples)}: "
            "their distances have no meaning. Make both with the same extractor."
        )


def _named(spec: Spec) -> str:
    return f"{spec.name} ({spec.preprocessing}, {spec.precision}, weights {spec.weights[:8]})"
