"""One plain sentence a sample: the verdict's evidence, in figures and ids.

Shares are rounded down and p-values up: no figure claims more than the evidence shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from rara.provenance.parts import SmallestP
from rara.retrieval.sources import CERTAIN
from rara.verdict.copy_witness import EVIDENCE, NETWORK, PIXELS, Witness, witness_of
from rara.verdict.rules import VerdictEvidence, images_named, rounded_up


@dataclass(frozen=True, slots=True)
class Common:
    """What the sentences of all samples have in common."""

    samples: int
    k: int
    alpha: float
    n: int
    """Real images that samples are compared with."""
    images: str
    """What these are called."""
    repeating: int
    """Real images that repeat others as closely as copies do."""
    smallest_p: SmallestP
    shortfall: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One sample: its evidence."""

    common: Common
    same_content: str | None
    """A reference image of the same content."""
    same_picture: bool
    nearest: str
    pixel_nearest: str | None
    pixel_distance: int | None
    pixel_p: float | None
    volume_p: float
    copy_p: float
    copy_q: float
    off_manifold_p: float
    knn_p: float
    ball_ratio: float
    ball_ratio_p: float
    rarity_percentile: float
    network_nearest: str | None
    """The nearest reference image by the copy network; None without one."""
    network_p: float | None
    source: str | None
    """The reference image that direct evidence names."""
    source_p: float
    source_edit: str | None

    @property
    def witness(self) -> Witness:
        """Which test is the strongest evidence of a copy."""
        return witness_of(
            self.volume_p, self.pixel_p, self.network_p, self.source_p, self.copy_p
        )  # fmt: skip

    @property
    def test(self) -> Witness:
        """The same among the tests alone, without direct evidence."""
        return witness_of(self.volume_p, self.pixel_p, self.network_p)


FIGURES = (
    *("nearest", "pixel_nearest", "pixel_distance", "pixel_p", "volume_p"),
    *("copy_p", "copy_q", "off_manifold_p", "knn_p", "ball_ratio", "ball_ratio_p"),
    *("rarity_percentile", "network_nearest", "network_p"),
    *("source", "source_p", "source_edit"),
)
SHOWN = 0.1
"""The smallest percentage that a sentence gives in figures."""
MIDDLE = 50.0
"""Percentage of real images at least as far out: above it, a sentence says how near a sample is,
else how far out."""


def explain(
    verdicts: Sequence[str], evidence: VerdictEvidence, *, k: int, alpha: float
) -> list[str]:
    """The sentence of each sample."""
    calibration = evidence.calibration
    common = Common(
        samples=len(verdicts),
        k=k,
        alpha=alpha,
        n=calibration.real_images,
        images=images_named(calibration),
        repeating=calibration.near_copy.repeating,
        smallest_p=calibration.smallest_p,
        shortfall=evidence.shortfall,
    )
    nothing = [None] * len(verdicts)
    columns = (
        evidence.columns[name].tolist() if name in evidence.columns else nothing
        for name in FIGURES
    )  # fmt: skip
    rows = zip(verdicts, evidence.same_picture, *columns, strict=True)
    return [
        SENTENCES[verdict](Case(common, evidence.same_content.get(i), same_picture, *figures))
        for i, (verdict, same_picture, *figures) in enumerate(rows)
    ]


def _copy(case: Case) -> str:
    if case.same_content is not None:
        return f"The same content as reference image {case.same_content}."
    if case.same_picture:
        return f"The same picture as reference image {case.pixel_nearest}, in another file."
    if case.source_p <= CERTAIN:
        return f"{_shows(case)} (p <= {_tiny(case.source_p)})."
    return f"Its features are exactly those of reference image {case.nearest}."


def _near_copy(case: Case) -> str:
    if case.witness == EVIDENCE:
        figures = f"p = {rounded_up(case.source_p)}, q = {rounded_up(case.copy_q)}"
        return f"{_shows(case)} ({figures})."
    figures = f"{_bits(case)}{_copy_p(case)}, q = {rounded_up(case.copy_q)}"
    return f"Nearer{_by_test(case)} to {_closest(case)} than expected by chance ({figures})."


def _unknown(case: Case) -> str:
    return (
        f"{_far_out(case)}; other samples are like it: a kind that the reference lacks, "
        "or a repeated fault."
    )


def _off_manifold(case: Case) -> str:
    return f"{_far_out(case)}: broken, or of a kind that the reference lacks."


def _no_verdict(case: Case) -> str:
    if case.common.shortfall is not None:
        return case.common.shortfall
    if case.witness == EVIDENCE:
        shown = f"{_shows(case)} (p = {rounded_up(case.source_p)})"
        return f"{shown}, but among {case.common.samples:,} samples that may be chance."
    near, common = f"As near{_by_test(case)} to {_closest(case)}", case.common
    if common.repeating > 1:
        return (
            f"{near} as a copy is ({_copy_p(case)}), but {common.repeating:,} "
            f"{common.images} repeat others as closely: too many to call it a copy among "
            f"{common.samples:,} samples."
        )
    return (
        f"{near} as the test can measure ({_copy_p(case)}), but among {common.samples:,} samples "
        f"that may be chance: too few {common.images}."
    )


def _rare(case: Case) -> str:
    percent = rounded_down(case.rarity_percentile)
    rarity = f"Rarer than {percent} of {case.common.images} that are inside"
    return f"{rarity}; {_nearness(case)}."


def _by_distance(case: Case) -> str:
    return f"{_distance(case)}; {_nearness(case)}."


SENTENCES = {
    "copy": _copy,
    "near copy": _near_copy,
    "unknown to this reference": _unknown,
    "off-manifold": _off_manifold,
    "no verdict": _no_verdict,
    "rare": _rare,
    "uncommon": _by_distance,
    "typical": _by_distance,
}


def _nearness(case: Case) -> str:
    if case.copy_p > case.common.alpha:
        return f"nearest reference image {case.nearest} is not unusually close ({_copy_p(case)})"
    figures, share = f"{_bits(case)}{_copy_p(case)}", 100 * case.copy_p
    close = f"nearest {_closest(case)} is close{_by_test(case)} ({figures})"
    many = (
        f"{rounded_down(share)} of real images are"
        if share >= SHOWN
        else "hardly any real image is"
    )
    return f"{close}, as {many}"


def _closest(case: Case) -> str:
    by_test = {PIXELS: case.pixel_nearest, NETWORK: case.network_nearest}
    return f"reference image {by_test.get(case.test, case.nearest)}"


def _by_test(case: Case) -> str:
    return {PIXELS: " by its pixels", NETWORK: " by the copy network"}.get(case.test, "")


def _bits(case: Case) -> str:
    return f"{case.pixel_distance} of 256 bits differ, " if case.test == PIXELS else ""


def _far_out(case: Case) -> str:
    """By the distance, or by the balls where these are stronger evidence."""
    if case.ball_ratio_p < case.knn_p:
        return _outside(case)
    nearer, p = _nearer(case, case.knn_p), _off_manifold_p(case)
    return f"Farther from its {_neighbours(case)} than {nearer} are from theirs ({p})"


def _outside(case: Case) -> str:
    nearer, p = _nearer(case, case.ball_ratio_p), _off_manifold_p(case)
    if not isfinite(case.ball_ratio):
        return f"Nearest to images that are isolated themselves, unlike {nearer} ({p})"
    times = f"{_times(case.ball_ratio)} radii from the centre of the nearest"
    return f"Outside every ball, {times}, farther than {nearer} are ({p})"


def _nearer(case: Case, p: float) -> str:
    """The real images that are less far out, by a p-value."""
    images = case.common.images
    if not _farther(case, p):
        return f"all {images}"
    return f"{rounded_down(100 - _share_farther(case, p))} of {images}"


def _off_manifold_p(case: Case) -> str:
    return _at(case.off_manifold_p, case.common.smallest_p.off_manifold)


def _times(ratio: float) -> str:
    return f"{floor(100 * ratio) / 100:g}"


def _distance(case: Case) -> str:
    """How near or far a sample on the manifold is, compared with real images."""
    farther, images = _share_farther(case, case.knn_p), case.common.images
    if farther > MIDDLE:
        near = f"At least as near to its {_neighbours(case)} as {rounded_down(farther)}"
        return f"{near} of {images} are to theirs"
    return f"Farther from its {_neighbours(case)} than {rounded_down(100 - farther)} of {images}"


def _neighbours(case: Case) -> str:
    k = case.common.k
    return f"{k} nearest reference images" if k > 1 else "nearest reference image"


def _share_farther(case: Case, p: float) -> float:
    """The percentage of real images that are at least as far out, by a p-value."""
    return 100 * _farther(case, p) / case.common.n


def _farther(case: Case, p: float) -> int:
    """How many real images are at least as far out, by a p-value."""
    return round(p * (case.common.n + 1)) - 1


def _copy_p(case: Case) -> str:
    return _at(case.copy_p, case.common.smallest_p.copy)


def _at(p: float, smallest: float) -> str:
    """A p-value; "<=" where it is the smallest possible."""
    return f"p <= {rounded_up(p)}" if p <= smallest else f"p = {rounded_up(p)}"


def _shows(case: Case) -> str:
    edit = "" if case.source_edit == "unchanged" else f", {case.source_edit}"
    return f"Shows reference image {case.source}{edit}"


def _tiny(p: float) -> str:
    """A p-value of at most one in a million: the power of ten that it is below."""
    return f"{10.0 ** ceil(log10(max(p, 1e-15))):.0e}".replace("e-0", "e-")


def rounded_down(share: float) -> str:
    """Rounded down to a tenth of a percent; the tiny addend undoes errors of binary fractions."""
    return f"{floor(10 * share + 1e-9) / 10:g} %"
