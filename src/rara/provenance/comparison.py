"""What a comparison of generators is relative to, as a record that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rara.extractors.base import Spec
from rara.provenance.parts import ReferencePart
from rara.provenance.provenance import SCHEMA, UNKNOWN, AsJson


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorPart:
    """One generator: which images were judged, or why none was."""

    name: str
    location: str
    count: int
    skipped: int = 0
    fingerprint: str | None = None
    reference: int | None = None
    """Which of the references it was judged by; None where it was not judged."""
    reason: str | None = None
    """Why it has no figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsPart:
    """The levels of the figures, and of the intervals."""

    level: float
    alpha: float
    copies: float
    core: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HalvingPart:
    """How the uncertainty by the reference was found."""

    cuts: int
    groups: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ComparisonProvenance(AsJson):
    """What the figures of a comparison are relative to."""

    schema: int = SCHEMA
    rara: str = UNKNOWN
    generators: tuple[GeneratorPart, ...]
    references: tuple[ReferencePart, ...]
    k: int
    levels: LevelsPart
    halving: HalvingPart | None
    """None where a reference has too few images to be halved: there are no intervals."""
    two_sample_images: int
    """Images of each generator that the two-sample test took: AUC grows with their number."""
    paired: str | None = None
    sweep: str | None = None
    extractor: Spec | None
    remarks: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
