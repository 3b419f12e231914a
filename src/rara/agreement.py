"""Whether distances between two sides mean anything: both must come from the same extractor."""

from __future__ import annotations

from rara.errors import ReferenceMismatchError
from rara.extractors import Spec


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
            "distances between them mean nothing. Make both with the same extractor."
        )


def _named(spec: Spec) -> str:
    return f"{spec.name} ({spec.preprocessing}, {spec.precision}, weights {spec.weights[:8]})"
