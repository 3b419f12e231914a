"""A card in words: the verdict first, then what it rests on.

CardContent, names of images --card_lines--> lines for a terminal; --figures_of--> rows of a page
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from rara.cards.content import CardContent, Neighbour
from rara.cards.record import INFINITE, SHORT
from rara.report.formatting import (
    counted,
    in_sentence,
    number,
    p_in_words,
    printable,
    shorten,
    width,
    wrapped,
)
from rara.report.rows import Row
from rara.text import plain

COLUMNS: Final = 80
LABEL: Final = 11
NAME: Final = 34
AWAY: Final = 22
"""Columns of a distance behind a name."""
NARROWEST: Final = 40
"""In a narrower terminal lines are broken again."""

Names = Mapping[str, str]
"""What images are called here, by digest; a card has no names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of a card, in words."""

    label: str
    text: str
    place: float | None = None
    """The share of real images that are less far out; None where it is not known."""
    limit: float | None = None
    """From which share on a picture is called so."""


def short_digest(digest: str) -> str:
    """The beginning of a digest: `3fa9c1d2e4b5`."""
    return digest[:SHORT]


def image_name(digest: str, names: Names) -> str:
    """What an image is called here, or else the beginning of its digest."""
    return printable(names.get(digest, "")) or f"sha256 {short_digest(digest)}"


def verdict_of(content: CardContent) -> str:
    """The verdict."""
    return str(content.record["verdict"])


def reason_of(content: CardContent, names: Names) -> str:
    """The reason, with the names that images have here in place of digests."""
    reason = str(content.record["reason"])
    for digest, name in names.items():
        named = f"reference image {short_digest(digest)}"
        reason = reason.replace(named, f"reference image {in_sentence(name)}")
    return plain(reason)


def card_lines(
    content: CardContent, names: Names, sample: str, columns: int = COLUMNS
) -> list[str]:
    """The card as lines of at most so many columns."""
    entries = [
        ("Picture", f"{in_sentence(sample)}, {size_of(content)}" if sample else size_of(content)),
        ("Verdict", verdict_of(content)),
        ("", reason_of(content, names)),
        *((one.label, one.text) for one in figures_of(content, names)),
        *_nearest(content, names, min(NAME, columns - LABEL - AWAY)),
        ("Judged by", reference_of(content)),
        ("", options_of(content)),
    ]
    return labelled(entries, columns)


def labelled(entries: Iterable[tuple[str, str]], columns: int = COLUMNS) -> list[str]:
    """Labels and texts as lines of at most so many columns, the text under the text."""
    lines = []
    for label, text in entries:
        first, *rest = wrapped(text, max(columns, NARROWEST) - LABEL)
        lines += [f"{label:<{LABEL}}{first}", *(" " * LABEL + part.lstrip(" ") for part in rest)]
    return lines


def size_of(content: CardContent) -> str:
    """`28 × 28 pixels, sha256 3fa9c1d2e4b5`."""
    image = content.image
    size = f"{image.width:,} × {image.height:,} pixels"
    return f"{size}, sha256 {short_digest(image.sha256)}"


def figures_of(content: CardContent, names: Names) -> list[Figure]:
    """What the verdict rests on: rarity, the manifold, copying, and a source if there is one."""
    row, usual = Row(content.record), 1 - content.options.alpha
    percent = row.finite("rarity_percentile")
    rare = None if content.thresholds is None else content.thresholds.rare
    off, near = row.finite("off_manifold_p"), row.finite("copy_p")
    return [
        Figure(
            label="Rarity", text=_rarity(row),
            place=None if percent is None else _share(percent / 100),
            limit=None if rare is None else _share(rare / 100),
        ),
        Figure(
            label="Manifold", text=_manifold(row), limit=usual,
            place=None if off is None else _share(1 - off),
        ),
        Figure(
            label="Copying", text=_copying(row), place=None if near is None else _share(1 - near)
        ),
        *_source(row, names),
    ]  # fmt: skip


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _rarity(row: Row) -> str:
    value, percent = row.finite("rarity"), row.finite("rarity_percentile")
    if value is None:
        return "none: it lies outside every ball"
    rarer = "" if percent is None else f", rarer than {_floor(percent)} % of real images inside"
    return f"{number(value)}{rarer}"


def _manifold(row: Row) -> str:
    balls, p = row.count("balls"), row.finite("off_manifold_p")
    inside = f"inside {counted(balls, 'ball')}" if balls else "outside every ball"
    far = "" if p is None else f"; {p_in_words(p)} that a real image lies as far off"
    return f"{inside}{far}"


def _copying(row: Row) -> str:
    p, by = row.finite("copy_p"), row.text("copy_witness")
    if p is None:
        return "not tested"
    named = {"evidence": ", by direct evidence", None: ""}.get(by, f", by the {by}")
    return f"{p_in_words(p)} that a real image is as near{named}"


def _source(row: Row, names: Names) -> Iterator[Figure]:
    source, p = row.text("source"), row.finite("source_p")
    if source is not None and p is not None:
        edit = row.text("source_edit")
        done = f", {in_sentence(edit)}" if edit else ""
        name = in_sentence(image_name(source, names))
        yield Figure(label="Source", text=f"{name}{done}; {p_in_words(p)}")


def _nearest(content: CardContent, names: Names, most: int) -> Iterator[tuple[str, str]]:
    """The nearest images, their names cut to so many columns."""
    most = max(most, LABEL)
    for place, one in enumerate(content.neighbours):
        name = shorten(plain(image_name(one.sha256, names)), most)
        gap = " " * (most - width(name))
        away = nearness(one).removeprefix("distance ")
        yield "" if place else "Nearest", f"{name}{gap}  {away}"


def nearness(one: Neighbour) -> str:
    """`distance 0.5028, in its ball`."""
    inside = ", in its ball" if one.distance < one.radius else ""
    return f"distance {number(one.distance)}{inside}"


def reference_of(content: CardContent) -> str:
    """The reference: how many images, and its fingerprint."""
    many = counted(content.reference.count, "reference image")
    return f"{many}, fingerprint {short_digest(content.reference.fingerprint)}"


def options_of(content: CardContent) -> str:
    """The network, the metric, and the options."""
    options = content.options
    named = [
        in_sentence(content.extractor.name), content.reference.metric, f"k = {options.k}",
        f"alpha = {options.alpha:g}", f"evidence: {options.evidence}",
        *([f"balls {options.boundary}"] if options.boundary != "open" else []),
        *([f"compat {options.compat}"] if options.compat else []),
        *([f"copy network {in_sentence(options.copy_network.name)}"]
          if options.copy_network else []),
    ]  # fmt: skip
    return ", ".join(plain(one) for one in named)


def value_in_words(value: object) -> str:
    """One value of a card as a sentence can hold it, with all of its digits."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and isfinite(value):
        return repr(value)
    return INFINITE if value == INFINITE else shorten(plain(str(value)), 60)


def _floor(percent: float) -> str:
    """Rounded down to a tenth; the tiny addend undoes errors of binary fractions."""
    return f"{int(10 * percent + 1e-9) / 10:g}"
