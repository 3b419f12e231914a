"""Facts: what a score table says, as typed records without pictures.

    table + provenance --facts--> Facts --to_json--> `rara score --json`

The lines in the terminal, the page and the JSON all come from these. Nothing here is NaN or
infinite: what has no value is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.arguments import short
from rara.errors import ParameterError
from rara.extractors.base import Spec
from rara.features.features import Noted, Skipped
from rara.provenance.json_format import JsonObject, encoded
from rara.provenance.parts import ReferencePart, SamplesPart
from rara.provenance.provenance import Provenance
from rara.report.calibration import Calibration, calibration
from rara.report.conclusion import Conclusion, Findings, conclude
from rara.report.decisions import Decided, decided
from rara.report.disagreement import Disagreement, disagreement
from rara.report.groups import Groups, groups
from rara.report.looked import LookedAt, looked_at
from rara.report.picks import Picks, picks
from rara.report.rarest import inside, numbers
from rara.report.reference_quantiles import Spread, own_spreads
from rara.report.repeats import Repeats, repeats
from rara.report.siblings import OddOnes, odd_ones
from rara.report.two_sample import Difference, difference
from rara.report.verdicts import Verdicts, verdicts

if TYPE_CHECKING:
    import pyarrow as pa

CARDS = 8
"""Cards that a section of the page shows, unless asked for more."""
MOST_CARDS = 200
"""So many keep the page's size bounded: the lists under the cards hold the others."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFacts:
    """The samples in the table."""

    location: str
    """Where they are from."""
    fingerprint: str | None
    """Digest of all that were scored."""
    count: int
    """Samples in the table."""
    scored: int
    """Samples that were scored: more than `count` if the table is filtered."""
    remarks: tuple[str, ...]
    """How the images were read, in sentences."""
    skipped: tuple[Skipped, ...]
    """Images that could not be used."""
    noted: tuple[Noted, ...] | None
    """Notes on images that were used."""
    outside: int
    """Samples outside every ball."""
    share_outside: float | None
    """The share of them; null without samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFacts:
    """The reference."""

    location: str
    """Where it is from."""
    fingerprint: str | None
    """Digest of its images."""
    metric: str
    """How vectors are compared: `euclidean`, `cosine` or `hellinger`."""
    count: int
    """Reference images."""
    remarks: tuple[str, ...]
    """How the images were read, in sentences."""
    skipped: int
    """Images that could not be used."""
    noted: tuple[Noted, ...] | None
    """Notes on images that were used."""
    share_outside: float | None
    """The share outside every ball, leave-one-out; null where it is not computed."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Quantiles of one number at 5, 25, 50, 75 and 95 %; null where there are no values."""

    samples: tuple[float, ...] | None
    """Of the samples."""
    reference: tuple[float, ...] | None
    """Of the reference's own images, leave-one-out."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of three columns on both sides."""

    rarity: Levels
    """Of images inside a ball."""
    knn_distance: Levels
    """Of all images."""
    nearest_distance: Levels
    """Of all images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a table says; see `facts`."""

    samples: SampleFacts
    """The samples in the table."""
    reference: ReferenceFacts
    """The reference that they were judged against."""
    k: int
    """Each ball reaches to the k-th nearest other reference image."""
    boundary: str
    """`open` if an image on a ball's boundary is outside it, else `closed`."""
    compat: str | None
    """The program whose numbers are reproduced, if any."""
    leave_one_out: bool
    """Whether the samples are the reference's own images, leave-one-out."""
    calibration: Calibration | None
    """Samples called by p-values; null in a table without them."""
    two_sample: Difference | None
    """The test of all samples together; null without one."""
    verdicts: Verdicts | None
    """Samples by verdict; null in a table without verdicts."""
    decided: Decided | None
    """Samples that people decided on; null where nothing was decided."""
    looked: LookedAt | None
    """Samples compared picture by picture; null where none was."""
    dissent: Disagreement | None
    """Contested verdicts; null without second opinions."""
    grouped: Groups | None
    """Samples judged within groups; null if they were not."""
    odd_ones: OddOnes | None
    """Samples compared with their siblings; null if they were not."""
    repeated: Repeats | None
    """Samples that repeat one another; null if they were not searched."""
    extractor: Spec | None
    """What made the vectors; null if they were computed elsewhere."""
    versions: Mapping[str, str]
    """Versions of rara and of the libraries, by name."""
    quantiles: Quantiles
    """How values are distributed on both sides."""
    picks: Picks
    """The samples worth a look."""
    conclusion: Conclusion
    """The main finding in words, and the counts behind it."""

    def to_json(self) -> JsonObject:
        """The same as `json.dumps` takes it: docs/reference/json.md lists the keys."""
        keys: JsonObject = encoded(self)
        return keys


def checked_cards(cards: int | None) -> int:
    """How many cards a section shows; raises ParameterError where it could not."""
    if cards is None:
        return CARDS
    if not isinstance(cards, Integral) or not 1 <= cards <= MOST_CARDS:
        raise ParameterError(
            f"cards = {short(cards)}: give a number from 1 to {MOST_CARDS}. The page lists further "
            "samples by name."
        )
    return int(cards)


def facts(table: pa.Table, provenance: Provenance, *, cards: int = CARDS) -> Facts:
    """What was judged against what, how much of it lies outside, and the samples to look at.

    `cards`: how many samples each of the picks holds at most.
    """
    own = own_spreads(provenance.reference)
    samples, reference = _samples(table, provenance.samples), _reference(provenance.reference)
    filtered = samples.count < samples.scored  # the test is of all that were scored
    result = difference(
        provenance, None if filtered else samples.share_outside, reference.share_outside
    )
    compared = odd_ones(table, provenance, most=cards)
    repeated = repeats(table, provenance, most=cards)
    counts, calls = verdicts(table, provenance), calibration(table, provenance)
    found = Findings(
        count=samples.count, whole=not filtered, outside=samples.outside,
        own_outside=reference.share_outside, verdicts=counts, calibration=calls, repeats=repeated,
        difference=result,
    )  # fmt: skip
    return Facts(
        samples=samples,
        reference=reference,
        k=provenance.k,
        boundary=provenance.boundary,
        compat=provenance.compat,
        leave_one_out=provenance.leave_one_out,
        calibration=calls,
        two_sample=result,
        verdicts=counts,
        decided=decided(table, provenance),
        looked=looked_at(table, provenance),
        dissent=disagreement(table, provenance),
        grouped=groups(table, provenance),
        odd_ones=compared,
        repeated=repeated,
        extractor=provenance.extractor,
        versions={"rara": provenance.rara, **provenance.versions},
        quantiles=Quantiles(
            rarity=_levels(rarities(table), own.get("rarity")),
            knn_distance=_levels(numbers(table, "knn_distance"), own.get("knn_distance")),
            nearest_distance=_levels(
                numbers(table, "nearest_distance"), own.get("nearest_distance")
            ),
        ),
        picks=picks(
            table, own, cards=cards, difference=result, odd_ones=compared, repeats=repeated
        ),
        conclusion=conclude(found, provenance),
    )


def rarities(table: pa.Table) -> NDArray[np.float64]:
    """Rarity of the samples that are inside, in the order of the table."""
    return numbers(table, "rarity")[inside(table)]


def _samples(table: pa.Table, part: SamplesPart) -> SampleFacts:
    outside = int(np.count_nonzero(~inside(table)))
    return SampleFacts(
        location=part.location,
        fingerprint=part.fingerprint,
        count=table.num_rows,
        scored=part.count,
        remarks=part.remarks,
        skipped=part.skipped,
        noted=part.noted,
        outside=outside,
        share_outside=outside / table.num_rows if table.num_rows else None,
    )


def _reference(part: ReferencePart) -> ReferenceFacts:
    own = part.leave_one_out
    return ReferenceFacts(
        location=part.location,
        fingerprint=part.fingerprint,
        metric=part.metric,
        count=part.count,
        remarks=part.remarks,
        skipped=part.skipped,
        noted=part.noted,
        share_outside=None if own is None else 1 - own.inside,
    )


def _levels(values: NDArray[np.float64], own: Spread | None) -> Levels:
    return Levels(
        samples=tuple(np.quantile(values, LEVELS).tolist()) if len(values) else None,
        reference=None if own is None else tuple(own.at(level) for level in LEVELS),
    )
