"""The pictures of a comparison: the same kinds of samples of each generator, under one another.

score tables --kinds_of--> Kind, a row of pairs for each generator, within the room of a page
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.comparison.generator_row import Row
from rara.comparison.headline import Subject
from rara.report.formatting import number
from rara.report.gallery import MEDIUM, MOST_BYTES
from rara.report.picks import copying, far_out
from rara.report.rarest import called, numbers, ordered
from rara.report.thumbnails import Album, PictureKeys, Side
from rara.table.score_table import ScoreTable

MOST, LEAST, ALL = 6, 2, 48
"""Pairs of a generator: at most, at least, and of all generators together about so many."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A sample beside a reference image; the keys are those of the album, where it has them."""

    sample: str
    real: str
    note: str
    sample_key: str | None = None
    real_key: str | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """Pairs of one generator."""

    generator: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """Samples of one kind, of all generators that have any."""

    key: Subject
    title: str
    lede: str
    strips: tuple[Strip, ...]
    without: int
    """Generators for whose pictures there is no room."""


TEXTS: Mapping[Subject, tuple[str, str]] = {
    "nearest": (
        "The nearest pairs",
        "The samples that are most like copies, each beside its nearest reference image. Only your "
        "eyes can judge likeness.",
    ),
    "farthest": (
        "The farthest from the reference",
        "Samples that are farther out than nearly all real images, each beside its nearest "
        "reference image.",
    ),
    "rarest": (
        "The rarest",
        "Samples where real images are sparse, each beside its witness: the reference image with "
        "the smallest ball that holds it.",
    ),
}


def kinds_of(
    rows: Sequence[Row], scores: Mapping[str, ScoreTable], alpha: float, album: Album
) -> list[Kind]:
    """All kinds that some generator has; pictures are put into the album until it is full."""
    shown = max(LEAST, min(MOST, ALL // max(1, len(rows))))
    tables = {row.generator: scores[row.generator] for row in rows if row.generator in scores}
    picks: Mapping[Subject, Callable[[ScoreTable], Sequence[Pair]]] = {
        "nearest": lambda table: _nearest(table, shown),
        "farthest": lambda table: _farthest(table, alpha, shown),
        "rarest": lambda table: _rarest(table, shown),
    }
    picked = {
        name: {key: pick(table) for key, pick in picks.items()} for name, table in tables.items()
    }
    strips: dict[Subject, list[Strip]] = {key: [] for key in picks}
    left: dict[Subject, int] = dict.fromkeys(picks, 0)
    for name, kinds in picked.items():
        keys = None if album.full else _keys(tables[name], kinds.values(), album)
        for key, pairs in kinds.items():
            if pairs and keys is not None:
                strips[key].append(Strip(name, tuple(_with_keys(pairs, keys))))
            elif pairs:
                left[key] += 1
    return [
        Kind(key, *TEXTS[key], tuple(strips[key]), left[key])
        for key in picks
        if strips[key] or left[key]
    ]


def new_album() -> Album:
    """One that keeps the page below 20 MB."""
    return Album(MOST_BYTES)


def _nearest(table: ScoreTable, shown: int) -> list[Pair]:
    """Exact copies come first: they need no p-value."""
    arrow = table.arrow
    keys = [~called(arrow, {"copy"}), *copying(arrow), numbers(arrow, "nearest_distance")]
    order = ordered(np.arange(len(table)), *keys)[:shown]
    return _pairs(table, order, "nearest", "nearest_distance", "distance")


def _farthest(table: ScoreTable, alpha: float, shown: int) -> list[Pair]:
    arrow = table.arrow
    far = np.flatnonzero(numbers(arrow, "off_manifold_p") <= alpha)
    order = ordered(far, *far_out(arrow), -numbers(arrow, "nearest_distance"))[:shown]
    return _pairs(table, order, "nearest", "nearest_distance", "distance")


def _rarest(table: ScoreTable, shown: int) -> list[Pair]:
    some = table.rarest(shown)
    return _pairs(some, np.arange(len(some)), "rarity_witness", "rarity", "rarity")


def _pairs(
    table: ScoreTable, rows: NDArray[np.int64], partner: str, measure: str, word: str
) -> list[Pair]:
    some = table.arrow.take(rows)
    columns = (some[name].to_pylist() for name in ("id", partner, measure))
    return [
        Pair(name, real, f"{word} {number(value)}")
        for name, real, value in zip(*columns, strict=True)
        if real is not None
    ]


def _keys(table: ScoreTable, kinds: Iterable[Sequence[Pair]], album: Album) -> PictureKeys:
    """The pictures of both sides, each embedded once."""
    pairs = [pair for some in kinds for pair in some]
    names: dict[Side, dict[str, int]] = {
        "samples": dict.fromkeys([pair.sample for pair in pairs], MEDIUM),
        "reference": dict.fromkeys([pair.real for pair in pairs], MEDIUM),
    }
    keys = {side: album.add_all(side, edges, table.pictures) for side, edges in names.items()}
    return PictureKeys(samples=keys["samples"], reference=keys["reference"])


def _with_keys(pairs: Sequence[Pair], keys: PictureKeys) -> Iterator[Pair]:
    for pair in pairs:
        yield Pair(
            pair.sample, pair.real, pair.note,
            keys.of("samples", pair.sample), keys.of("reference", pair.real),
        )  # fmt: skip
