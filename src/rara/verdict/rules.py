"""The verdict: what a careful person may conclude of each sample, by error rates alone.

    columns --decide--> verdict --explain--> one sentence (rara.verdict.reasons)

The first rule that applies decides. A copy of a rare image is a copy, and what lies off the
manifold is never called rare. docs/explanation/verdict.md has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rara.arguments import number
from rara.errors import ParameterError
from rara.provenance.parts import CalibrationPart
from rara.stats.conformal import percentiles

ALPHA = 0.05
"""The error rate that is kept unless another one is asked for."""

Flags = NDArray[np.bool_]
Verdict = Literal[
    "copy",
    "near copy",
    "unknown to this reference",
    "off-manifold",
    "no verdict",
    "rare",
    "uncommon",
    "typical",
]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How often a verdict may be wrong, and which percentiles are rare.

    Of real images a share of at most `alpha` is called off-manifold (or unknown); of the near
    copies called, on average at most the same share is none. A share of at most `alpha` + `far`
    is called that, rare or uncommon; of those inside, at most 5 % are beyond the percentile `rare`.
    """

    alpha: float = ALPHA
    rare: float = 95.0
    uncommon: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < number(self.alpha, "alpha") < 1:
            raise ParameterError(f"alpha = {self.alpha:g}: give an error rate between 0 and 1.")

    @property
    def far(self) -> float:
        """The share of real images whose distance is that of an uncommon one, or a larger one."""
        return (1 - self.alpha) * (100 - self.uncommon) / 100


@dataclass(frozen=True, slots=True)
class VerdictEvidence:
    """What the verdicts rest on."""

    columns: Mapping[str, Any]
    """The scores and calibrated columns, by name."""
    twins: Mapping[int, str]
    """Row of a sample -> a reference image of the same content, for those that have one."""
    same: Flags
    """The same picture as a reference image, whatever its file."""
    copies: Flags
    """Copies as a matter of fact: the same content, picture or vector."""
    near: Flags
    """As near to a reference image as only a copy is, whatever p says."""
    together: Flags
    """Off the manifold, but among others like it (`rara.verdict.clusters`)."""
    calibration: CalibrationPart
    """What `Calibrator.describe` says."""
    shortfall: str | None
    """Why this reference cannot carry a verdict; None where it can."""


def off_manifold(columns: Mapping[str, Any], thresholds: Thresholds) -> Flags:
    """Samples that are farther out than all but a share of alpha of real images.

    By p and not by q: what is said of one image must not depend on what else is judged with
    it, and the share of real images that are called is what is promised. A copy is an
    accusation: there the share of false ones among those called counts, and that is q.
    """
    flags: Flags = columns["off_manifold_p"] <= thresholds.alpha
    return flags


def decide(evidence: VerdictEvidence, thresholds: Thresholds) -> NDArray[np.str_]:
    """The verdict on each sample."""
    of, together = evidence.columns, evidence.together
    off = off_manifold(of, thresholds)
    carried = evidence.shortfall is None
    rules: dict[Verdict, Flags] = {
        "copy": evidence.copies,
        "near copy": of["copy_q"] <= thresholds.alpha,
        "unknown to this reference": off & together,
        "off-manifold": off,
        "no verdict": too_near_to_tell(evidence, thresholds) if carried else np.ones_like(off),
    }
    return np.select(list(rules.values()), list(rules), default=standing(of, thresholds))


def standing(columns: Mapping[str, Any], thresholds: Thresholds) -> NDArray[np.str_]:
    """The verdict by where a sample stands, whatever it may be a copy of.

    How far out it is tells by itself what is uncommon. To be rare it must lie in no small ball,
    either: rarity alone is the radius of a single ball, and comes out otherwise with another
    reference of the same kind; the k-NN distance alone grows wherever a generator spreads too
    widely (docs/explanation/verdict.md).
    """
    far = columns["knn_p"] <= thresholds.far
    rules: dict[Verdict, Flags] = {
        "off-manifold": off_manifold(columns, thresholds),
        "rare": far & (columns["rarity_percentile"] >= thresholds.rare),
        "uncommon": far,
    }
    return np.select(list(rules.values()), list(rules), default="typical")


def too_near_to_tell(evidence: VerdictEvidence, thresholds: Thresholds) -> Flags:
    """As near as a copy, yet too many samples, or repeats among the real images, to call it one."""
    of, smallest = evidence.columns, evidence.calibration.smallest_p.copy
    flags: Flags = (evidence.near | (of["copy_p"] <= smallest)) & (of["copy_q"] > thresholds.alpha)
    return flags


def shortfall(calibration: CalibrationPart, thresholds: Thresholds) -> str | None:
    """Why these real images cannot carry a verdict, in one sentence; None where they can."""
    count, inside = calibration.real_images, calibration.real_images_inside
    smallest = max(calibration.smallest_p.off_manifold, calibration.smallest_p.copy)
    if smallest > thresholds.alpha:
        level = f"{thresholds.alpha:.2g} (p >= {smallest:.2g})"
        return f"Too few real images, or too alike, for a level of {level}."
    if percentiles(np.array(inside), inside) < thresholds.rare:
        return f"Only {inside:,} of {count:,} real images are inside: too few to call rare."
    return None
