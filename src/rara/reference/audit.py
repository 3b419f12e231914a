"""What speaks against believing a reference, found before anything is judged against it.

    features, neighbour lists (and samples) --findings--> Audit: worst first

Each finding has its cases with the ids of the images; `rara.report.audit_page` puts it in words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.arguments import path_of
from rara.duplicates.bursts import units_of
from rara.duplicates.find import Alike, alike
from rara.duplicates.members import members
from rara.duplicates.statistics import Integers, Pairs, first_alike, several
from rara.features.features import Features
from rara.geometry import Nearest, squared_distance
from rara.geometry.hamming import Counts
from rara.geometry.reducers import Doubles
from rara.provenance.json_format import JsonObject
from rara.reference.trust import trust
from rara.report.audit_facts import AuditFacts, Case, Finding, Kind, Trust
from rara.run import Run
from rara.scores import BallGeometry
from rara.storage.atomic import write_text

if TYPE_CHECKING:
    from rara.report.thumbnails import Pictures

_LEVELS: Mapping[Kind, int] = {
    "constant vectors": 0,
    "small classes": 2,
    "skipped": 2,
    "constant features": 3,
}
"""0 breaks every score, 1 (all others) bends some, 2 and 3 are worth knowing."""

LARGE = 0.99
"""The quantile of the radii from which on a ball may be called huge."""

SPREAD = 1.5
"""Times the median radius that a huge ball has at least, where all others have about the same."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in a reference, worst first."""

    location: str
    images: int
    k: int
    dimension: float | None
    """In how many dimensions the images are strewn, in the middle; None where it is unknown."""
    samples: str | None
    """Where the samples are that were looked for in it, if any were."""
    findings: tuple[Finding, ...]
    trust: Trust
    """How far FID and k-NN figures may be believed on it."""
    pictures: Pictures | None = field(default=None, compare=False, repr=False)

    def __getitem__(self, kind: str) -> Finding | None:
        """The finding of a kind, or None where there is none."""
        return self.facts[kind]

    @property
    def facts(self) -> AuditFacts:
        """All of it as a typed record, without pictures."""
        return AuditFacts(
            location=self.location,
            images=self.images,
            k=self.k,
            dimension=self.dimension,
            samples=self.samples,
            trust=self.trust,
            findings=self.findings,
        )

    def to_dict(self) -> JsonObject:
        """All of it as JSON can hold it."""
        return self.facts.to_json()

    def summary(self) -> str:
        """What was found, in plain lines of at most 80 columns."""
        from rara.report.audit_page import audit_lines

        return "\n".join(audit_lines(self.facts))

    def report(self, path: str | Path) -> None:
        """Write a page with the pictures, one HTML file that needs no network."""
        from rara.report.audit_page import audit_html

        page = audit_html(self.facts, self.pictures)
        write_text(path_of(path), page)

    def _repr_html_(self) -> str:
        from rara.report.notebook import audited_html

        return audited_html(self.facts, self.pictures)


def audit(
    features: Features,
    geometry: BallGeometry,
    samples: Features | None,
    *,
    pictures: Pictures | None,
    run: Run,
) -> Audit:
    """All findings on a reference with this geometry, and on samples that may be in it."""
    nearest = Nearest.of(geometry.d2, geometry.index)
    same = alike(features, nearest, run)
    units = units_of(features, nearest, run)
    findings = [
        *_constant(features),
        *_duplicates(features, same, units),
        *_balls(features, geometry, same.dimension),
        *_small_classes(features, geometry.k),
        *_skipped(features),
        *(_members(features, same, samples, run) if samples is not None else ()),
    ]
    return Audit(
        features.location,
        len(features),
        geometry.k,
        None if math.isnan(same.dimension) else same.dimension,
        samples.location if samples else None,
        tuple(sorted(findings, key=lambda one: (_LEVELS.get(one.kind, 1), -one.share))),
        trust(features.vectors, geometry, tuple(findings)),
        pictures,
    )


# -- features --------------------------------------------------------------------------


def _constant(features: Features) -> Iterable[Finding]:
    """Features that tell nothing, for they are the same for all images."""
    low, high = features.vectors.min(axis=0), features.vectors.max(axis=0)
    constant = low == high
    count, dead = int(constant.sum()), int((constant & (low == 0)).sum())
    if count == len(constant):
        yield Finding("constant vectors", len(features), 1.0, ())
    elif count:
        numbers = tuple(Case(str(number)) for number in np.flatnonzero(constant))
        measures = {"features": len(constant), "zero": dead}
        yield Finding("constant features", count, count / len(constant), numbers, measures)


# -- images that are alike -------------------------------------------------------------


def _duplicates(features: Features, same: Alike, units: Integers) -> Iterable[Finding]:
    """Images that repeat an earlier one, beside the first of their group; near pairs; bursts.

    A burst whose images near pairs connect already is no second finding. Pairs within any
    other burst are in the case of the burst.
    """
    ids, count = features.ids, len(features)
    exact = first_alike(count, same.exact)
    gone = np.flatnonzero(exact != np.arange(count))
    if gone.size:
        pairs = Pairs(exact[gone], gone, np.zeros(len(gone)))
        measures = {"groups": len(np.unique(exact[gone]))}
        cases = _cases(ids, ids, pairs)
        yield Finding("exact duplicates", len(gone), len(gone) / count, cases, measures)
    reported = _bursts(units, first_alike(count, same.exact, same.near))
    inside = np.isin(units, [units[rows[0]] for rows in reported])
    one, other = same.near.one, same.near.other
    alone = ~(inside[one] & (units[one] == units[other]))
    near = Pairs(one[alone], other[alone], same.near.d2[alone])
    if len(near):
        groups = first_alike(count, same.exact, near)
        gone_near = len(np.unique(exact)) - len(np.unique(groups))
        measures = {"groups": len(np.unique(groups[near.one])), "pairs": len(near)}
        cases = _cases(ids, ids, near, same.bits[alone])
        yield Finding("near duplicates", gone_near, gone_near / count, cases, measures)
    if reported:
        cases = tuple(_burst(ids, features.vectors, rows) for rows in reported)
        images = sum(map(len, reported))
        measures = {"groups": len(reported), "largest": len(reported[0])}
        yield Finding("bursts", images, images / count, cases, measures)


def _bursts(units: Integers, connected: Integers) -> list[Integers]:
    """The images of each burst that pairs do not connect, the largest burst first."""
    groups = [rows for rows in several(units) if len(np.unique(connected[rows])) > 1]
    return sorted(groups, key=lambda rows: (-len(rows), rows[0]))


def _burst(ids: list[str], vectors: NDArray[np.float32], rows: Integers) -> Case:
    d2 = [squared_distance(vectors[rows[0]], vectors[row]) for row in rows]
    far = int(np.argmax(d2))
    return Case(ids[rows[0]], ids[rows[far]], math.sqrt(d2[far]), f"{len(rows):,} images")


def _members(features: Features, same: Alike, samples: Features, run: Run) -> Iterable[Finding]:
    """Samples that are images of the reference, and those nearer to one than by chance."""
    held = members(features, same, samples, run)
    chosen: dict[Kind, NDArray[np.bool_]] = {"members": held.exact, "near members": held.near}
    for kind, these in chosen.items():
        rows = np.flatnonzero(these)
        if rows.size:
            pairs = Pairs(rows, held.image[rows], held.d2[rows])
            cases = _cases(samples.ids, features.ids, pairs, held.bits[rows])
            yield Finding(kind, len(rows), len(rows) / len(samples), cases)


def _cases(
    ones: list[str], others: list[str], pairs: Pairs, bits: Counts | None = None
) -> tuple[Case, ...]:
    """The nearest first: by vectors, and then those by the pixels alone."""
    distances = np.sqrt(pairs.d2)
    differing = np.full(len(pairs), -1) if bits is None else bits
    return tuple(
        Case(
            ones[pairs.one[i]],
            others[pairs.other[i]],
            float(distances[i]),
            f"{differing[i]} of 256 bits differ" if differing[i] >= 0 else "",
        )
        for i in np.lexsort((distances, differing))
    )


# -- balls -----------------------------------------------------------------------------


def _balls(features: Features, geometry: BallGeometry, dimension: float) -> Iterable[Finding]:
    """Balls that hold nothing but their centre, and balls that hold whatever is there."""
    radii = np.sqrt(geometry.radii2)
    ids, empty = features.ids, np.flatnonzero(radii == 0)
    if empty.size:
        cases = tuple(Case(ids[row]) for row in empty)
        yield Finding("radius 0", len(empty), len(empty) / len(ids), cases)
    huge = huge_balls(radii)
    if huge.size:
        usual = float(np.median(radii[radii > 0]))
        cases = tuple(_huge(ids, geometry, radii, row, usual) for row in huge)
        share = _share_of_volume(radii, huge, dimension)
        measures = {"usual": usual, "largest": float(radii[huge[0]])}
        yield Finding("huge balls", len(huge), share, cases, measures)


def huge_balls(radii: Doubles) -> Integers:
    """Rows of the balls that stick out, the largest first.

    As far above the 99th percentile of the radii as that is above the median, in ratio: were
    their logarithms normal, one ball in 600,000 would be. And at least `SPREAD` times the
    median. Radii of 0 are none.
    """
    positive = radii[radii > 0]
    if not positive.size:
        return np.empty(0, np.int64)
    middle, large = np.quantile(positive, (0.5, LARGE))
    huge = np.flatnonzero(radii > max(large * (large / middle), SPREAD * middle))
    return huge[np.argsort(-radii[huge], kind="stable")]


def _huge(ids: list[str], geometry: BallGeometry, radii: Doubles, row: int, usual: float) -> Case:
    return Case(
        ids[row],
        ids[geometry.index[row, 0]],
        float(np.sqrt(geometry.d2[row, 0])),
        f"radius {radii[row]:.4g}, {radii[row] / usual:.1f} times the middle one",
    )


def _share_of_volume(radii: Doubles, rows: Integers, dimension: float) -> float:
    """Of the volume of all balls, overlaps counted as often as they are covered."""
    volume = (radii / radii.max()) ** (1.0 if math.isnan(dimension) else dimension)
    return float(volume[rows].sum() / volume.sum())


# -- items -----------------------------------------------------------------------------


def _small_classes(features: Features, k: int) -> Iterable[Finding]:
    """Labels with too few images for balls of their own."""
    labels = (record.get("label") for record in features.records)
    sizes = Counter(label for label in labels if label is not None)
    small = sorted((size, str(label)) for label, size in sizes.items() if size <= k)
    if small:
        cases = tuple(Case(label, note=f"{size:,}") for size, label in small)
        share = sum(size for size, _ in small) / len(features)
        yield Finding("small classes", len(small), share, cases, {"labels": len(sizes)})


def _skipped(features: Features) -> Iterable[Finding]:
    """Images that are not in the reference, by reason."""
    skipped = features.skipped
    if skipped:
        first = {one.reason: one.id for one in reversed(skipped)}
        reasons = Counter(one.reason for one in skipped).most_common()
        cases = tuple(
            Case(first[reason], note=reason if n == 1 else f"and {n - 1:,} more: {reason}")
            for reason, n in reasons
        )
        count = len(skipped)
        yield Finding("skipped", count, count / (count + len(features)), cases)
