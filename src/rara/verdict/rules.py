"""The verdict: what can be concluded about each sample with guaranteed error rates.

    columns --decide--> verdict --explain--> one sentence (rara.verdict.reasons)

The first rule that applies decides. A copy of a rare image is a copy, and a sample that lies off
the manifold is never called rare. docs/explanation/verdict.md has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rara.arguments import number
from rara.errors import ParameterError
from rara.provenance.parts import CalibrationPart, Method
from rara.scores import Columns
from rara.stats.conformal import percentiles

ALPHA = 0.05
"""The default error rate."""

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

    A share of at most `alpha` of real images is called off-manifold or unknown. Of the samples
    called near copies, a share of at most `alpha` is none, on average. A share of at most `alpha`
    + `uncommon_p` of real images is called off-manifold, unknown, rare or uncommon. Of those
    inside, at most 5 % are beyond the percentile `rare`.
    """

    alpha: float = ALPHA
    rare: float = 95.0
    uncommon: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < number(self.alpha, "alpha") < 1:
            raise ParameterError(f"alpha = {self.alpha:g}: give an error rate between 0 and 1.")

    @property
    def uncommon_p(self) -> float:
        """The largest p-value, by the k-NN distance, that is uncommon."""
        return (1 - self.alpha) * (100 - self.uncommon) / 100


@dataclass(frozen=True, slots=True)
class VerdictEvidence:
    """The evidence of all samples. Flags are (m,)."""

    columns: Columns
    """The scores and calibrated columns."""
    same_content: Mapping[int, str]
    """Row of a sample -> a reference image of the same content, for those that have one."""
    same_picture: Flags
    """The same picture as a reference image, whatever its file."""
    copies: Flags
    """Certain copies: the same content, picture or vector."""
    near: Flags
    """As near to a reference image as only copies are, whatever p is."""
    clustered: Flags
    """Off the manifold, but among others like it (`rara.verdict.clusters`)."""
    calibration: CalibrationPart
    shortfall: str | None
    """Why no verdict is possible; None where verdicts are."""


def off_manifold(columns: Columns, thresholds: Thresholds) -> Flags:
    """Samples that are farther out than all but a share of alpha of real images.

    By p and not by q. The verdict on one image must not depend on which others are judged with
    it, and the promise is about the share of real images that are called. A near copy is an
    accusation: there the share of false calls among all calls counts, and that is q.
    """
    flags: Flags = columns["off_manifold_p"] <= thresholds.alpha
    return flags


def decide(evidence: VerdictEvidence, thresholds: Thresholds) -> NDArray[np.str_]:
    """The verdict on each sample."""
    columns = evidence.columns
    off = off_manifold(columns, thresholds)
    possible = evidence.shortfall is None
    rules: dict[Verdict, Flags] = {
        "copy": evidence.copies,
        "near copy": columns["copy_q"] <= thresholds.alpha,
        "unknown to this reference": off & evidence.clustered,
        "off-manifold": off,
        "no verdict": undecided_copies(evidence, thresholds) if possible else np.ones_like(off),
    }
    verdicts = verdict_by_distance(columns, thresholds)
    return np.select(list(rules.values()), list(rules), default=verdicts)


def verdict_by_distance(columns: Columns, thresholds: Thresholds) -> NDArray[np.str_]:
    """The verdict by k-NN distance and rarity alone, whether a sample is a copy or not.

    The distance alone decides what is uncommon. A rare sample must also lie in no small ball.
    Rarity alone is the radius of a single ball, and changes with another reference of the same
    kind. The distance alone grows wherever a generator spreads too widely
    (docs/explanation/verdict.md).
    """
    uncommon = columns["knn_p"] <= thresholds.uncommon_p
    rules: dict[Verdict, Flags] = {
        "off-manifold": off_manifold(columns, thresholds),
        "rare": uncommon & (columns["rarity_percentile"] >= thresholds.rare),
        "uncommon": uncommon,
    }
    return np.select(list(rules.values()), list(rules), default="typical")


def undecided_copies(evidence: VerdictEvidence, thresholds: Thresholds) -> Flags:
    """As near as copies are, but not called: too many samples, or too many repeated real images."""
    columns, smallest = evidence.columns, evidence.calibration.smallest_p.copy
    near: Flags = evidence.near | (columns["copy_p"] <= smallest)
    return near & (columns["copy_q"] > thresholds.alpha)


def shortfall(calibration: CalibrationPart, thresholds: Thresholds) -> str | None:
    """Why these real images allow no verdict, and what to do; None where they allow it."""
    smallest = max(calibration.smallest_p.off_manifold, calibration.smallest_p.copy)
    if smallest > thresholds.alpha:
        return _no_small_p(calibration, smallest, thresholds.alpha)
    inside = calibration.real_images_inside
    if percentiles(np.array(inside), inside) < thresholds.rare:
        needed = ceil(thresholds.rare / (100 - thresholds.rare))
        images = f"Only {inside:,} of {calibration.real_images:,} {images_named(calibration)}"
        return f"{images} are inside; rarity needs {needed:,}: use more."
    return None


def _no_small_p(calibration: CalibrationPart, smallest: float, alpha: float) -> str:
    """The smallest p is c / (n + 1): the sample and c - 1 real images are as near as any copy."""
    counted, images = round(smallest * (calibration.real_images + 1)), images_named(calibration)
    option = f"--alpha {rounded_up(smallest)}" if smallest < _LARGEST_ALPHA else None
    if counted > _COUNTED_WITHOUT_REPEATS[calibration.method]:
        raised = f", or use {option}" if option else ""
        return f"Too many {images} repeat: remove repeats{raised}."
    enough = ceil(counted / alpha) - 1 + int(calibration.method == "leave-one-out")
    raised = f", or {option}" if option else ""
    return f"Too few {images}: use at least {enough:,}{raised}."


def rounded_up(p: float) -> str:
    """Up to two digits: 0.41, 0.0005, 1."""
    places = 1 - floor(log10(p))
    return f"{ceil(round(p * 10**places, 6)) / 10**places:.{places}f}".rstrip("0").rstrip(".")


_LARGEST_ALPHA = 0.5
"""Larger error rates are not proposed."""
_COUNTED_WITHOUT_REPEATS: Mapping[Method, int] = {
    "full conformal": 2,
    "leave-one-out": 2,
    "held-out": 1,
}


def images_named(calibration: CalibrationPart) -> str:
    """What to call the real images that samples are compared with."""
    held_out = calibration.method == "held-out"
    return "held-out real images" if held_out else "reference images"
