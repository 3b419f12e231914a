"""What a judgement by several proxies is relative to, as a record that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rara.extractors.base import Spec
from rara.provenance.parts import (
    CalibrationPart,
    CopyNetworkPart,
    DecisionsPart,
    EvidencePart,
    ReferencePart,
    SamplesPart,
)
from rara.provenance.provenance import SCHEMA, UNKNOWN, AsJson


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPart:
    """One proxy: what it covers, which images it holds, and what its p-values rest on."""

    name: str
    scope: str = ""
    """What it covers, in the words of whoever gave it."""
    counts: bool
    """Whether it has enough images for the tests."""
    reference: ReferencePart
    calibration: CalibrationPart
    extractor: Spec | None
    evidence: EvidencePart | None = None
    decisions: DecisionsPart | None = None
    copy_network: CopyNetworkPart | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ProxiesProvenance(AsJson):
    """What the findings are relative to."""

    schema: int = SCHEMA
    rara: str = UNKNOWN
    samples: SamplesPart
    proxies: tuple[ProxyPart, ...]
    alpha: float
    versions: Mapping[str, str] = field(default_factory=dict)
