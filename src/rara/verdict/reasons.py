"""One plain sentence a sample: the verdict's evidence, in figures and ids.

Shares are rounded down and p-values up, so that no figure claims more than was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from rara.provenance.parts import SmallestP
from rara.verdict.rules import VerdictEvidence


@dataclass(frozen=True, slots=True)
class Common:
    """What the sentences of all samples share."""

    samples: int
    k: int
    alpha: float
    reals: int
    noun: str
    """What the real images are called."""
    repeating: int
    """Real images that repeat others as closely as copies do."""
    smallest_p: SmallestP
    shortfall: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One sample."""

    common: Common
    twin: str | None
    same: bool
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

    @property
    def by_pixels(self) -> bool:
        """Whether the pixels speak of a copy rather than the vectors."""
        return speaks_by_pixels(self.pixel_p, self.volume_p)


def speaks_by_pixels(pixel_p: float | None, volume_p: float | None) -> bool:
    """Whether the pixels speak of a copy rather than the vectors; None where they are unknown."""
    return pixel_p is not None and volume_p is not None and pixel_p < volume_p


FIGURES = (
    *("nearest", "pixel_nearest", "pixel_distance", "pixel_p", "volume_p"),
    *("copy_p", "copy_q", "off_manifold_p", "knn_p", "ball_ratio", "ball_ratio_p"),
    "rarity_percentile",
)
MIDDLE = 50.0
"""Of samples that fewer are beyond it is said how far out they are, of the others how near."""


def explain(
    verdicts: Sequence[str], evidence: VerdictEvidence, *, k: int, alpha: float
) -> list[str]:
    """The sentence of each sample."""
    known = evidence.calibration
    noun = "held-out real images" if known.method == "held-out" else "reference images"
    common = Common(
        samples=len(verdicts),
        k=k,
        alpha=alpha,
        reals=known.real_images,
        noun=noun,
        repeating=known.near_copy.repeating,
        smallest_p=known.smallest_p,
        shortfall=evidence.shortfall,
    )
    rows = zip(*(evidence.columns[name].tolist() for name in FIGURES), strict=True)
    return [
        SENTENCES[verdict](Case(common, evidence.twins.get(i), same, *row))
        for i, (verdict, same, row) in enumerate(zip(verdicts, evidence.same, rows, strict=True))
    ]


def _copy(case: Case) -> str:
    if case.twin is not None:
        return f"The same content as reference image {case.twin}."
    if case.same:
        return f"The same picture as reference image {case.pixel_nearest}, in another file."
    return f"Its features are exactly those of reference image {case.nearest}."


def _near_copy(case: Case) -> str:
    figures = f"{_bits(case)}{_copy_p(case)}, q = {_rounded(case.copy_q)}"
    return f"Nearer{_way(case)} to {_closest(case)} than expected by chance ({figures})."


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
    near, common = f"As near{_way(case)} to {_closest(case)}", case.common
    if common.repeating > 1:
        return (
            f"{near} as a copy is ({_copy_p(case)}), but {common.repeating:,} {common.noun} repeat "
            f"others as closely: too many to call it a copy among {common.samples:,} samples."
        )
    return (
        f"{near} as the test can measure ({_copy_p(case)}), but among {common.samples:,} samples "
        f"that may be chance: too few {common.noun}."
    )


def _rare(case: Case) -> str:
    percent = _percent(case.rarity_percentile)
    rarity = f"Rarer than {percent} of {case.common.noun} that are inside"
    return f"{rarity}; {_nearness(case)}."


def _standing(case: Case) -> str:
    return f"{_place(case)}; {_nearness(case)}."


SENTENCES = {
    "copy": _copy,
    "near copy": _near_copy,
    "unknown to this reference": _unknown,
    "off-manifold": _off_manifold,
    "no verdict": _no_verdict,
    "rare": _rare,
    "uncommon": _standing,
    "typical": _standing,
}


def _nearness(case: Case) -> str:
    if case.copy_p > case.common.alpha:
        return f"nearest reference image {case.nearest} is not unusually close ({_copy_p(case)})"
    beside = f"as {_percent(100 * case.copy_p)} of real images are"
    return f"nearest {_closest(case)} is close{_way(case)} ({_bits(case)}{_copy_p(case)}), {beside}"


def _closest(case: Case) -> str:
    return f"reference image {case.pixel_nearest if case.by_pixels else case.nearest}"


def _way(case: Case) -> str:
    return " by its pixels" if case.by_pixels else ""


def _bits(case: Case) -> str:
    return f"{case.pixel_distance} of 256 bits differ, " if case.by_pixels else ""


def _far_out(case: Case) -> str:
    """By the distance, or by the balls where these say more."""
    if case.ball_ratio_p < case.knn_p:
        return _outside(case)
    passed = _passed(case, case.knn_p)
    return f"Farther from its {_neighbours(case)} than {passed} are from theirs ({_off_p(case)})"


def _outside(case: Case) -> str:
    passed, p = _passed(case, case.ball_ratio_p), _off_p(case)
    if not isfinite(case.ball_ratio):
        return f"Nearest to images that are isolated themselves, unlike {passed} ({p})"
    times = f"{_times(case.ball_ratio)} radii from the centre of the nearest"
    return f"Outside every ball, {times}, farther than {passed} are ({p})"


def _passed(case: Case, p: float) -> str:
    """The real images that are less far out, by one p-value."""
    noun = case.common.noun
    if not _farther(case, p):
        return f"all {noun}"
    return f"{_percent(100 - _share_beyond(case, p))} of {noun}"


def _off_p(case: Case) -> str:
    return _at(case.off_manifold_p, case.common.smallest_p.off_manifold)


def _times(ratio: float) -> str:
    return f"{floor(100 * ratio) / 100:g}"


def _place(case: Case) -> str:
    """Where among real images a sample stands that is on the manifold."""
    beyond, noun = _share_beyond(case, case.knn_p), case.common.noun
    if beyond > MIDDLE:
        near = f"At least as near to its {_neighbours(case)} as {_percent(beyond)}"
        return f"{near} of {noun} are to theirs"
    return f"Farther from its {_neighbours(case)} than {_percent(100 - beyond)} of {noun}"


def _neighbours(case: Case) -> str:
    k = case.common.k
    return f"{k} nearest reference images" if k > 1 else "nearest reference image"


def _share_beyond(case: Case, p: float) -> float:
    """The percentage of real images that are at least as far out, by a p-value."""
    return 100 * _farther(case, p) / case.common.reals


def _farther(case: Case, p: float) -> int:
    """How many real images are at least as far out, by a p-value."""
    return round(p * (case.common.reals + 1)) - 1


def _copy_p(case: Case) -> str:
    return _at(case.copy_p, case.common.smallest_p.copy)


def _at(p: float, smallest: float) -> str:
    """A p-value, and whether it could not have been smaller."""
    return f"p <= {_rounded(p)}" if p <= smallest else f"p = {_rounded(p)}"


def _rounded(p: float) -> str:
    """Up to two digits: 0.41, 0.0005, 1."""
    places = 1 - floor(log10(p))
    return f"{ceil(round(p * 10**places, 6)) / 10**places:.{places}f}".rstrip("0").rstrip(".")


def _percent(share: float) -> str:
    """Down to a tenth of a percent; the tiny addend undoes what binary fractions lose."""
    return f"{floor(10 * share + 1e-9) / 10:g} %"
