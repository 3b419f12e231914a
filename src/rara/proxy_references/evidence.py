"""What each proxy says of each sample: facts, p-values, and the image that it names.

CopyTests of each proxy --evidence_of--> OfProxy --pairs_of--> Pairs
a called pair --named_image, kind_of--> the image, and why
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.pixel_hashes import SAME
from rara.provenance.parts import CalibrationPart
from rara.proxy_references.rule import Doubles, Flags, Pairs
from rara.reference.reference import Reference
from rara.reference.scorer import CopyTests
from rara.report.copied import accused_image
from rara.report.records import records
from rara.table.score_table import ScoreTable
from rara.verdict.conclude import same_content

NAMES: Final = {
    "pixels": "pixel_nearest",
    "copy network": "network_nearest",
    "evidence": "source",
}
"""The column that names the image by which a test speaks."""

Why = Literal["content", "picture", "features", "decided", "shown", "tests"]
"""What a finding rests on; `shown`: a region of the source in the sample."""


@dataclass(frozen=True, eq=False)
class OfProxy:
    """What one proxy says of the samples."""

    name: str
    reference: Reference
    table: ScoreTable
    """The samples judged by it alone."""
    tests: Doubles
    """(m,) p-values of the tests; 1 where people decided that the same vector is no copy."""
    pictures: Doubles
    """(m,) p-values of direct evidence; NaN where there is none."""
    content: Mapping[int, str]
    """By the row of a sample: the image of the same content."""
    picture: Flags
    """The same pixels as an image."""
    features: Flags
    """The same vector as an image, and no decision against it."""
    decided: Flags
    """Decided to be a copy."""

    @cached_property
    def facts(self) -> Flags:
        """What is a fact, beside the evidence of pictures."""
        flags = self.picture | self.features | self.decided
        flags[list(self.content)] = True
        return flags

    @property
    def calibration(self) -> CalibrationPart:
        """What its p-values rest on."""
        part = self.table.provenance.calibration
        assert part is not None
        return part

    @property
    def least_p(self) -> float:
        """The p-value of a copy of an image that is like no other: its source is as near to it."""
        return min(1.0, 2 / (self.calibration.real_images + 1))

    def why(self, row: int) -> Why:
        """What a finding rests on, the surest first."""
        if row in self.content:
            return "content"
        if self.picture[row]:
            return "picture"
        if self.decided[row]:
            return "decided"
        if self.features[row]:
            return "features"
        return "shown" if self.by_picture[row] else "tests"

    @cached_property
    def by_picture(self) -> NDArray[np.bool_]:
        """Samples whose p-value is that of direct evidence."""
        flags: NDArray[np.bool_] = self.table["copy_witness"] == "evidence"
        return flags

    @cached_property
    def own_p(self) -> Doubles:
        """(m,) the p-value of copying by this proxy alone."""
        return np.where(self.by_picture, self.table["copy_p"], self.tests)

    @cached_property
    def nearest(self) -> list[str]:
        """The image that each sample is nearest to, by the test that speaks most for a copy."""
        table = self.table
        names: list[str] = table["nearest"].tolist()
        for witness, column in NAMES.items():
            if column in table.columns:
                for row in np.flatnonzero(table["copy_witness"] == witness):
                    names[row] = table[column][row]
        if "decision" in table.columns:
            for row in np.flatnonzero(table["decision"] == "not a copy"):
                names[row] = named_image(self, int(row))
        return names


def evidence_of(name: str, reference: Reference, samples: Features, tests: CopyTests) -> OfProxy:
    """From the samples judged by one proxy."""
    table = tests.table
    zero, copy = table["nearest_distance"] == 0, table["verdict"] == "copy"
    decision = table["decision"] if "decision" in table.columns else np.full(len(table), None)
    pixels = table.arrow["pixel_distance"].fill_null(SAME + 1).to_numpy() == SAME
    return OfProxy(
        name=name,
        reference=reference,
        table=table,
        tests=np.where(zero & ~copy, 1.0, tests.tests_p),
        pictures=table["source_p"].astype(np.float64),
        content=same_content(samples, reference.features),
        picture=pixels,
        features=zero & copy,
        decided=decision == "copy",
    )


def pairs_of(proxies: Sequence[OfProxy]) -> Pairs:
    """All pairs of sample and proxy."""
    return Pairs(
        tests=np.stack([one.tests for one in proxies], axis=1),
        pictures=np.stack([one.pictures for one in proxies], axis=1),
        facts=np.stack([one.facts for one in proxies], axis=1),
        smallest=np.array([one.least_p for one in proxies]),
    )


def named_image(proxy: OfProxy, row: int) -> str:
    """The image of a proxy that a sample is called a copy of, or else is nearest to.

    After a decision that it is no copy of an image, that is another one.
    """
    if row in proxy.content:
        return proxy.content[row]
    record = records(proxy.table.arrow, np.array([row]), {})[0]
    if (accused := accused_image(record)) is not None:
        return accused
    past = record.decision_source if record.decision == "not a copy" else None
    if past is None:
        return proxy.nearest[row]
    names = (record.network_nearest, record.pixel_nearest, *(one.id for one in record.neighbors))
    return next((name for name in names if name not in {None, past}), record.nearest)
