"""What can be wanted of samples: each want as a number from 0 to 1.

    table, wants --values--> (n,) the sum of those that each sample has by itself

`rare` and `faithful` are calibrated among real images, so they mean the same for every generator.
`diverse` and `representative` are of all picks together: `rara.selection.terms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.arguments import listed, short
from rara.errors import ParameterError
from rara.report.rarest import numbers

Want = Literal["rare", "faithful", "diverse", "representative"]
WANTS: Final = get_args(Want)
USUAL: Final[tuple[Want, ...]] = ("rare", "faithful", "diverse")
ALONE: Final = ("rare", "faithful")
"""Wants that each sample has by itself; the others are of all picks together."""
MEANING: Final = {
    "rare": "How rare they are: 0.5 where a tenth of real images is at least as rare.",
    "faithful": "How real they look: 2/3 where a tenth of real images looks no more real.",
    "diverse": "How unlike one another they are: 1 where no two have anything in common.",
    "representative": "How similar an eligible sample is to the pick that is most like it.",
}
"""Each want in a sentence, for people."""
_NEEDED: Final = {"rare": ("knn_p", "rarity_percentile"), "faithful": ("ball_ratio_p",)}
_RAREST: Final = 0.01
"""The share of real images at least as rare, from which a sample is as rare as counts."""
_LEAST: Final = 0.001
"""The share of real images that look no more real, from which a sample is as bad as counts."""

Doubles = NDArray[np.float64]


def checked_wants(want: object) -> tuple[Want, ...]:
    """Each want once, in the order of the register. Raises ParameterError for any other word."""
    words = [want] if isinstance(want, str) else listed(want, "want")  # type: ignore[arg-type]
    for word in words:
        if not isinstance(word, str) or word not in WANTS:
            raise ParameterError(f"want = {short(word)}: give some of {', '.join(WANTS)}.")
    if not words:
        raise ParameterError(f"want = {short(want)}: give at least one of {', '.join(WANTS)}.")
    return tuple(word for word in WANTS if word in words)


def check_columns(table: pa.Table, wants: Iterable[str]) -> None:
    """Raise ParameterError where the table lacks a column that a want needs."""
    for want in wants:
        missing = [name for name in _NEEDED.get(want, ()) if name not in table.column_names]
        if missing:
            raise ParameterError(
                f"The table has no column '{missing[0]}', which want = '{want}' needs: score the "
                f"samples again, or leave '{want}' out."
            )


def rare(table: pa.Table) -> Doubles:
    """0 for the commonest real image, 1 where at most one real image in a hundred is as rare.

    By the larger of two shares of real images: those at least as far from their k-th nearest, and
    those in no smaller ball. A tenth of them gives 0.5. Outside every ball it is 0: a sample there
    has no rarity.
    """
    shares = rarer_shares(table)
    worth: Doubles = np.log(np.maximum(shares, _RAREST)) / np.log(_RAREST)
    return np.nan_to_num(np.clip(worth, 0, 1), nan=0.0)


def rarer_shares(table: pa.Table) -> Doubles:
    """The share of real images that are at least as rare; NaN outside every ball."""
    by_ball = 1 - numbers(table, "rarity_percentile") / 100
    shares: Doubles = np.maximum(numbers(table, "knn_p"), by_ball)  # NaN stays
    return shares


def faithful(table: pa.Table) -> Doubles:
    """1 for what looks as real as the realest image, 0 where one real image in 1,000 looks less so.

    By the smaller of two p-values: how far it is outside the balls, and how surely a classifier
    takes it for a sample, where that test was made. A tenth gives 2/3, a hundredth 1/3.
    """
    lacks: Doubles = np.log(np.maximum(faithful_p(table), _LEAST)) / np.log(_LEAST)
    return np.clip(1 - lacks, 0, 1)


def faithful_p(table: pa.Table) -> Doubles:
    """The smaller of both p-values."""
    p = np.nan_to_num(numbers(table, "ball_ratio_p"), nan=0.0)
    if "two_sample_p" in table.column_names:
        p = np.fmin(p, numbers(table, "two_sample_p"))
    return p


def values_of(table: pa.Table, wants: Sequence[Want]) -> dict[str, Doubles]:
    """(n,) of each want that samples have by themselves."""
    made = {"rare": rare, "faithful": faithful}
    return {want: made[want](table) for want in wants if want in ALONE}
