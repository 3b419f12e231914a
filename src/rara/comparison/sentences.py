"""One plain sentence a generator, and one a ranking: what the intervals allow to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from rara.comparison.figures import Figure
from rara.comparison.pairwise import Ranking
from rara.report.formatting import percent

Row = Mapping[str, Any]

WORDS: Mapping[Figure, str] = {
    "yield": "yield", "off_manifold": "samples off the manifold", "copies": "copies",
}  # fmt: skip
"""What sentences call the figures that generators are ranked by, the most useful first."""

NAMED = 3


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(0.0314), points(-0.2)
    ('+3.1', '-20.0')
    """
    return f"{100 * share:+.1f}"


def at_most(share: float) -> str:
    """An upper limit in percent, rounded up to one decimal.

    >>> at_most(0.0123), at_most(0.0)
    ('1.3 %', '0.1 %')
    """
    return f"{max(1, ceil(1000 * share - 1e-9)) / 10:.1f} %"


def interval(low: float | None, high: float | None) -> str:
    """The limits of a difference in percentage points; empty where there are none."""
    return "" if low is None or high is None else f" ({points(low)} to {points(high)})"


def generator_sentence(row: Row, level: float) -> str:
    """What is most notable of a generator: copies first, then what it lacks, then its yield."""
    if row["reason"] is not None:
        return f"Not judged: {row['reason']}"
    parts = [_yield(row), _off(row, level), _core(row, level), _copies(row, level)]
    return "; ".join(part for part in parts if part) + "."


def _sure(row: Row, figure: Figure, level: float) -> int:
    """1 or -1 where a figure is surely above or below that of real images, else 0."""
    p, excess = row[f"{figure}_excess_p"], row[f"{figure}_excess"]
    return 0 if p is None or p > 1 - level else 1 if excess > 0 else -1


def _yield(row: Row) -> str:
    limits = ""
    if row["yield_low"] is not None:
        limits = f" ({percent(row['yield_low'])} to {percent(row['yield_high'])})"
    return f"Yield {percent(row['yield'])}{limits}, real images {percent(row['yield_real'])}"


def _off(row: Row, level: float) -> str:
    off, real = percent(row["off_manifold"]), percent(row["off_manifold_real"])
    sign = _sure(row, "off_manifold", level)
    end = {1: "more than", -1: "fewer than", 0: "not surely unlike"}[sign]
    return f"{off} off the manifold, {end} the {real} of real images"


def _core(row: Row, level: float) -> str:
    sign = _sure(row, "over_typical", level)
    if not sign:
        return ""
    word = "over-typical" if sign > 0 else "fewer typical images than real ones"
    return (
        f"{word} ({percent(row['over_typical'])} in the dense core of real images, where "
        f"{percent(row['over_typical_real'])} are expected)"
    )


def _copies(row: Row, level: float) -> str:
    limits = interval(row["copies_excess_low"], row["copies_excess_high"])
    if row["exact_copies"]:
        found = (
            f"{row['exact_copies']:,} exact copies" if row["exact_copies"] > 1 else "1 exact copy"
        )
        return f"{found}, copy rate {points(row['copies_excess'])} points{limits}"
    if _sure(row, "copies", level) > 0:
        return f"copy rate {points(row['copies_excess'])} points{limits}"
    if row["copies_high"] is None:
        return "no exact copy"
    return f"no sign of copying (at most {at_most(row['copies_high'])})"


def ranking_sentence(ranked: Ranking) -> str:
    """Who is surely before whom, and whom the data do not tell apart; empty without pairs."""
    what = WORDS[ranked.figure]
    if not ranked.sure and not ranked.unsure:
        return ""
    if not ranked.sure:
        return f"By {what}: too few samples to tell any two generators apart."
    parts = [_pairs(ranked.sure, "before")]
    if ranked.unsure:
        parts.append(f"too few samples to tell {_pairs(ranked.unsure, 'from')}")
    return f"By {what}: {'; '.join(parts)}."


def _pairs(pairs: Sequence[tuple[str, str]], word: str) -> str:
    named = ", ".join(f"{first} {word} {second}" for first, second in pairs[:NAMED])
    more = len(pairs) - NAMED
    return f"{named} and {more:,} more" if more > 0 else named
