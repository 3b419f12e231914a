"""One plain sentence a generator, and one a ranking: what the intervals allow to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from rara.comparison.figures import Figure
from rara.comparison.generator_row import FigureRow, Interval, Row
from rara.comparison.pairwise import Ranking
from rara.report.formatting import percent

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


def interval(limits: Interval | None) -> str:
    """The limits of a difference in percentage points; empty where there are none."""
    return "" if limits is None else f" ({points(limits[0])} to {points(limits[1])})"


def generator_sentence(row: Row, level: float) -> str:
    """What is most notable of a generator: copies first, then what it lacks, then its yield."""
    if row.reason is not None:
        return f"Not judged: {row.reason}"
    figures = row.figures
    parts = [
        _yield(figures.get("yield")), _off(figures.get("off_manifold"), level),
        _core(figures.get("over_typical"), level),
        _copies(figures.get("copies"), row.exact_copies or 0, level),
        _repeats(row),
    ]  # fmt: skip
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."


def _yield(found: FigureRow | None) -> str:
    if found is None:
        return ""
    limits = ""
    if found.interval is not None:
        limits = f" ({percent(found.interval[0])} to {percent(found.interval[1])})"
    return f"Yield {percent(found.share)}{limits}, real images {percent(found.real)}"


def _off(found: FigureRow | None, level: float) -> str:
    if found is None:
        return ""
    end = {1: "more than", -1: "fewer than", 0: "not surely unlike"}[found.sign(level)]
    return (
        f"{percent(found.share)} off the manifold, {end} the {percent(found.real)} of real images"
    )


def _core(found: FigureRow | None, level: float) -> str:
    sign = 0 if found is None else found.sign(level)
    if found is None or not sign:
        return ""
    word = "over-typical" if sign > 0 else "fewer typical images than real ones"
    return (
        f"{word} ({percent(found.share)} in the dense core of real images, where "
        f"{percent(found.real)} are expected)"
    )


def _copies(found: FigureRow | None, exact: int, level: float) -> str:
    certain = f"{exact:,} exact {'copy' if exact == 1 else 'copies'}" if exact else "no exact copy"
    if found is None:
        return certain
    rate = f"copy rate {points(found.excess)} points{interval(found.excess_interval)}"
    if exact:
        return f"{certain}, {rate}"
    if found.interval is None:
        return certain
    if found.sign(level) > 0:
        return rate
    return f"no sign of copying (at most {at_most(found.interval[1])})"


def _repeats(row: Row) -> str:
    """How many samples repeat others, where more do than as many real images."""
    if row.repeats is None or row.repeats <= (row.repeats_real or 0.0):
        return ""
    return f"{percent(row.repeats)} repeat another sample"


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
