"""Why each sample was picked, in one sentence.

picks, their shares and distances --reasons_of--> sentences
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Doubles, Floats
from rara.geometry.similarities import near_to
from rara.geometry.threads import Crew


@dataclass(frozen=True, slots=True)
class Apart:
    """How far each pick is from those before it."""

    distance: Doubles
    """(n,) to the nearest pick before; NaN for the first."""
    nearest: NDArray[np.int64]
    """(n,) which that is, counted from 0; -1 for the first."""
    usual: float
    """Root mean square distance of two candidates."""

    @property
    def smallest(self) -> float | None:
        """Between two picks; None where there is one pick."""
        return float(np.nanmin(self.distance)) if len(self.distance) > 1 else None


def apart(picks: Floats, usual: float, crew: Crew) -> Apart:
    """The distances between picks, given in their order."""
    distance, nearest = np.full(len(picks), np.nan), np.full(len(picks), -1, np.int64)
    for turn in range(1, len(picks)):
        d2 = near_to(picks[: turn + 1], turn, crew)[:turn]
        nearest[turn] = np.argmin(d2)
        distance[turn] = np.sqrt(d2[nearest[turn]])
    return Apart(distance, nearest, usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What sentences are made of, one value a pick; None where it was not wanted."""

    rarer: Doubles | None
    """Share of real images at least as rare."""
    faithful: Doubles | None
    """Share of real images that are no more faithful."""
    covered: Doubles | None
    """By how much what the picks stand for grew."""
    apart: Apart | None


def reasons_of(count: int, shown: Shown) -> list[str]:
    """A sentence a pick."""
    return [_sentence(list(_parts(turn, shown))) for turn in range(count)]


def _parts(turn: int, shown: Shown) -> Iterator[str]:
    if shown.rarer is not None:
        share = float(shown.rarer[turn])
        yield (
            "outside every ball, so without a rarity"
            if isnan(share)
            else (f"rarer than {_percent(1 - share)} of real images")
        )
    if shown.faithful is not None:
        real = _percent(float(shown.faithful[turn]))
        yield f"as real as {real} of {'real images' if shown.rarer is None else 'them'}"
    if shown.covered is not None:
        yield f"raises what the picks stand for by {100 * float(shown.covered[turn]):.2g} points"
    if shown.apart is not None:
        yield _apart(turn, shown.apart)


def _apart(turn: int, found: Apart) -> str:
    if turn == 0:
        return "picked first"
    share = float(found.distance[turn]) / found.usual
    return f"{share:.2f} of the usual distance from pick {int(found.nearest[turn]) + 1}"


def _percent(share: float) -> str:
    percent = min(100 * share, 99.9) if share < 1 else 100.0
    return f"{percent:.1f} %" if percent > 99 or percent < 1 else f"{percent:.0f} %"


def _sentence(parts: Sequence[str]) -> str:
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, {parts[-1]}"
    return f"{text[:1].upper()}{text[1:]}."
