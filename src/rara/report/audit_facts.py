"""Facts of an audit: what was found in a reference, as typed records without pictures.

Audit --facts--> AuditFacts --to_json--> `rara reference audit --json`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rara.provenance.json_format import JsonObject, encoded

Kind = Literal[
    "constant vectors",
    "exact duplicates",
    "near duplicates",
    "bursts",
    "radius 0",
    "huge balls",
    "members",
    "near members",
    "small classes",
    "skipped",
    "constant features",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a finding: an image, label, feature or reason."""

    id: str
    """Id of the image; or the label, or the number of the feature."""
    other: str | None = None
    """Id of the image that it is compared with; null where there is none."""
    distance: float | None = None
    """The distance between them; null where there is none."""
    note: str = ""
    """What else there is to say, in a few words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem that was found."""

    kind: Kind
    """What it is: `exact duplicates`, `huge balls`, …"""
    count: int
    """How many images it concerns; samples, labels or features where the kind says so."""
    share: float
    """Their share of all; for huge balls, their share in the volume of all balls."""
    cases: tuple[Case, ...]
    """All cases, the worst first."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further numbers by name, such as `groups` and `largest`; which, depends on the kind."""

    def measure(self, name: str) -> int:
        """A further number that counts."""
        return int(self.measures[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the reference's own images give, beside which FID and k-NN figures are read."""

    half: int
    """Images in each of two halves of the reference; at most 10,000, 0 where there are too few."""
    fid_halves: float | None
    """FID of these halves: both are real, so it is bias and noise; null where there are too few
    images."""
    fid_share: float | None
    """The same as a share of the total variance of the vectors; null where there is none."""
    effective_rank: float | None
    """Over how many dimensions all images spread: the participation ratio of their covariance;
    null where there is no variance."""
    distinct: float
    """Share of images that are left without exact and near duplicates, 0 to 1."""
    inside: float | None
    """Share of images in a ball of the others, 0 to 1; null where k is too large to tell."""
    hubness: float | None
    """Skewness of how often an image is among the k nearest of the others; null where all are
    equally often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """What was found in a reference."""

    location: str
    """Where the reference is from."""
    images: int
    """Reference images."""
    k: int
    """Each ball reaches to the k-th nearest other image."""
    dimension: float | None
    """In how many dimensions the images lie around a typical one; null where it is unknown."""
    samples: str | None
    """Where the samples are from that were searched in the reference; null without samples."""
    trust: Trust
    """How far FID and k-NN figures may be believed on it."""
    findings: tuple[Finding, ...]
    """The problems, worst first."""

    def __getitem__(self, kind: str) -> Finding | None:
        """The finding of a kind, or None where there is none."""
        return next((one for one in self.findings if one.kind == kind), None)

    def to_json(self) -> JsonObject:
        """The same as `json.dumps` takes it: docs/reference/json.md lists the keys."""
        keys: JsonObject = encoded(self)
        return keys
