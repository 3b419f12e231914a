"""The parts of a provenance: one record for each, with the keys that its JSON has.

What computes a result makes its record: the reference, the calibration, the verdict, a group.
A field with a default came later, or is kept for the record alone: None means not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rara.extractors.base import Spec
from rara.features.features import Noted, Skipped
from rara.provenance.json_format import INLINE, OMITTED

Method = Literal["full conformal", "leave-one-out", "held-out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesPart:
    """Which images were judged, and which could not be."""

    location: str
    count: int
    remarks: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...]
    noted: tuple[Noted, ...] | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedPart:
    """The reference images among which was searched."""

    location: str
    count: int
    skipped: int
    metric: str
    fingerprint: str
    unavailable: int
    """Candidates that could not be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSheet:
    """A contact sheet among the samples: its panels were searched for instead of it."""

    id: str
    """Of the sheet."""
    width: int
    """Pixels of the upright picture."""
    height: int
    """The same, from top to bottom."""
    rows: int
    """Rows of panels."""
    columns: int
    """Panels in a row; the last row may have fewer."""
    panels: tuple[str, ...]
    """Ids of the panels, in reading order."""
    boxes: tuple[tuple[int, ...], ...]
    """Left, top, right and bottom of each panel in pixels; right and bottom lie behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningPart:
    """How the reference was cleaned, and what came of it."""

    deduplicate: str | None = None
    unit: str | None = None
    clip_radii: float | None = None
    left_out: int | None = None
    largest_radius: float | None = None
    """Of the clipped balls; None where none is clipped."""
    clipped: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOutSummary:
    """The scores of the reference's own images, each judged without itself: quantiles, a share."""

    inside: float
    rarity: tuple[float, ...] = ()
    knn_distance: tuple[float, ...] = ()
    nearest_distance: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePart:
    """Which real images samples are judged against, how cleaned, and their own scores."""

    location: str
    count: int
    remarks: tuple[str, ...] = ()
    skipped: int
    noted: tuple[Noted, ...] | None = None
    fingerprint: str | None = None
    metric: str = "euclidean"
    cleaning: CleaningPart | None = None
    leave_one_out: LeaveOneOutSummary | None = None
    """None where too few neighbours are kept to leave one out."""


@dataclass(frozen=True, slots=True)
class SmallestP:
    """The smallest p-values that there can be."""

    off_manifold: float
    """Of being off the manifold."""
    copy: float
    """Of any exact copy."""


@dataclass(frozen=True, slots=True)
class NearCopy:
    """The p-value of any near copy, and how many real images repeat others as closely."""

    p: float
    repeating: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationImages:
    """Real images that were given for the calibration."""

    location: str
    fingerprint: str | None = None
    in_reference: int | None = None
    """How many were left out, for the reference holds them too."""
    remarks: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    noted: tuple[Noted, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPart:
    """What the p-values rest on."""

    method: Method
    rarity_method: Method
    copy_statistic: str
    real_images: int
    """Real images that each sample is compared with."""
    real_images_inside: int
    smallest_p: SmallestP
    near_copy: NearCopy
    images: CalibrationImages | None = field(default=None, metadata=INLINE)
    """None where the reference's own images calibrate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSamplePart:
    """What a test of all samples together found."""

    auc: float
    p: float
    view: str
    repeats: int
    samples: int
    reference: int
    permutations: int | None = None
    seed: int | None = None
    p_by_view: Mapping[str, float] | None = None
    folds: int | None = None


@dataclass(frozen=True, slots=True)
class NoTwoSample:
    """Why there is no such test."""

    absent: str


@dataclass(frozen=True, slots=True)
class OverK:
    """How far the ranking by rarity depends on k: Spearman's correlation with the k chosen."""

    tried: tuple[int, ...]
    rank_correlation: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPart:
    """The thresholds of the verdicts, and why there may be none."""

    alpha: float
    rare: float | None = None
    uncommon: float | None = None
    shortfall: str | None
    k: OverK | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsPart:
    """People's decisions on pairs of pictures, and how many bear on these samples."""

    held: int
    """All decisions, also those on other pictures."""
    fingerprint: str
    """sha256 of all of them."""
    copies: int
    """Samples that are copies by a decision."""
    not_copies: int
    """Samples whose nearest image was decided to be no original."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePart:
    """Which samples were compared with reference images by looking at the pictures."""

    looking: str
    """`near`: samples near to a reference image; `all`."""
    images: int
    """Reference images that each could have been found in; each p-value counts them all."""
    as_whole: int
    """Samples compared as whole pictures."""
    by_features: int
    """Samples searched for a region of a reference image."""
    named: int
    """Samples with a source."""
    certain: int
    """Samples that are copies by it."""
    unavailable: int
    """Images of both sides that could not be read again."""
    indexed: bool = False
    """Whether an index of the reference's local features named candidates."""
    index_problem: str | None = None
    """Why an index that is there was not used; a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyNetworkPart:
    """The network whose vectors are a further test for copies."""

    extractor: Spec
    copy_statistic: str
    tests: int
    """Tests that `copy_p` joins."""
    real_images: int
    """So many real images are enough to call one copy among these samples, if none of them repeat
    each other as closely: each test may rank others of them as high as the copy."""
    real_images_without: int
    """The same without the copy network: the price of this test is the difference."""
    without_vector: int
    """Samples of which the network has no vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePart:
    """What the scan of all pairs did."""

    filter: str
    """The product that the filter ended with."""
    pairs: int
    verified: int
    """Pairs whose float64 distance was taken."""
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatCounts:
    """How many images repeat one another, in how many groups, and the largest of these."""

    images: int
    """Images that were searched."""
    repeating: int
    """Images in groups."""
    groups: int
    """Groups of images that repeat one another."""
    largest: int
    """Images in the largest group."""


@dataclass(frozen=True, slots=True)
class RepeatGroup:
    """Samples that are one picture, by the id of the one that stands for them."""

    id: str
    size: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatsPart:
    """The counts on both sides, and the largest groups."""

    distance: float | None = None
    """The largest of near repeats."""
    samples: RepeatCounts | None = None
    reference: RepeatCounts
    groups: tuple[RepeatGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPart:
    """A group of samples, and the shares of it that stand out; None where it is not judged."""

    group: str
    reference: int
    samples: int
    off_manifold: float | None
    copies: float | None = None
    smallest_p: SmallestP | None


@dataclass(frozen=True, slots=True)
class Ungrouped:
    """How many images of either side belong to no group."""

    samples: int
    reference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsPart:
    """Samples judged within groups."""

    by: str
    least: int
    """Reference images that a group must have."""
    level: float
    groups: tuple[GroupPart, ...]
    ungrouped: Ungrouped | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingGroup:
    """The size of a group, its odd one out, and its most typical others."""

    group: str
    samples: int
    k: int | None
    """None where the group is too small to be compared."""
    odd: str | None
    typical: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingsPart:
    """Samples compared with their siblings."""

    by: str
    least: int
    groups: tuple[SiblingGroup, ...]
    ungrouped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReference:
    """The reference of a second opinion."""

    location: str
    count: int
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfPart:
    """Whose opinion it is, and why it may be none."""

    reference: OtherReference | None = None
    extractor: Spec | None = None
    shortfall: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHalf:
    """The opinions of halves of the reference."""

    halves: tuple[HalfPart, ...] = ()
    contested: int | None = None
    rank_correlation: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByExtractor:
    """The opinion of another extractor."""

    name: str
    reference: OtherReference | None = None
    extractor: Spec | None = None
    shortfall: str | None = None
    contested: int | None = None
    rank_correlation: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionsPart:
    """Second opinions, and how many verdicts they contest."""

    contested: int | None = None
    by_half: ByHalf | None = field(default=None, metadata=OMITTED)
    by_extractor: tuple[ByExtractor, ...] | None = field(default=None, metadata=OMITTED)


FamilyPart = Mapping[str, float | str]
"""The settings of one score made on request, and what follows from them, by name."""
FamiliesPart = Mapping[str, FamilyPart]
"""The part of each score made on request, by the name of its column."""
