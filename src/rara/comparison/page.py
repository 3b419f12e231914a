"""The page of a comparison: one HTML file that needs no other, no script and no network.

Findings, score tables --comparison_html--> small multiples, the pictures of each generator, tables
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rara.comparison.charts import Panel, curves, panels
from rara.comparison.findings import Findings
from rara.comparison.generator_row import Row
from rara.comparison.pairwise import Difference
from rara.comparison.summary import HEADS, cells, conclusions, real_cells, real_rows
from rara.comparison.sweep import Sweep
from rara.provenance.comparison import ComparisonProvenance
from rara.report.formatting import number
from rara.report.gallery import MEDIUM
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, Side, Thumbnail
from rara.table.score_table import ScoreTable

SHOWN = 6
"""Pairs of pictures in a row."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A sample beside a reference image; the keys are those of the album, where it has them."""

    sample: str
    real: str
    note: str
    sample_key: str | None
    real_key: str | None


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of one generator."""

    name: str
    sentence: str
    rarest: tuple[Pair, ...]
    nearest: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """What the template reads."""

    versions: dict[str, str]
    generators: tuple[Row, ...]
    about: ComparisonProvenance
    heads: tuple[str, ...]
    lines: list[tuple[str, str | None, list[str]]]
    """Name, the reason where it has no figures, and the cells of each generator."""
    real: list[tuple[str, list[str]]]
    """Name and cells of real images: one row where one reference judged all."""
    panels: list[Panel]
    curves: list[Panel]
    sweep: Sweep | None
    conclusions: list[str]
    differences: list[Difference]
    galleries: list[Gallery]
    pictures: dict[str, Thumbnail]


def comparison_html(findings: Findings, scores: Mapping[str, ScoreTable]) -> str:
    """The whole page; every text in it is escaped."""
    album = Album()
    galleries = [
        _gallery(row, scores[row.generator], album)
        for row in findings.judged
        if row.generator in scores
    ]
    about, judged = findings.provenance, findings.judged
    return rendered("comparison.html.j2", ComparisonPage(
        versions={"rara": about.rara},
        generators=findings.rows,
        about=about,
        heads=HEADS,
        lines=[(row.generator, row.reason, cells(row)) for row in findings.rows],
        real=[(name, real_cells(some)) for name, some in real_rows(findings.rows)],
        panels=panels(judged),
        curves=curves(judged if findings.sweep is not None else []),
        sweep=findings.sweep,
        conclusions=conclusions(findings),
        differences=[one for one in findings.differences if one.value is not None],
        galleries=galleries,
        pictures=album.thumbnails,
    ))  # fmt: skip


def _gallery(row: Row, table: ScoreTable, album: Album) -> Gallery:
    """The rarest samples with their witnesses, and the nearest pairs."""
    rarest = table.rarest(SHOWN)
    order = np.lexsort([table["nearest_distance"], table["copy_p"]])[:SHOWN]
    mask = np.zeros(len(table), np.bool_)
    mask[order] = True
    nearest = table.filter(mask).sort("nearest_distance")
    sides = (
        ("rarity_witness", rarest, "rarity"),
        ("nearest", nearest, "nearest_distance"),
    )
    keys = _keys(table, [(one["id"], one[column]) for column, one, _ in sides], album)
    rows = [
        tuple(
            Pair(sample, real, number(value), keys["samples"].get(sample),
                 keys["reference"].get(real))
            for sample, real, value in zip(one["id"], one[column], one[what], strict=True)
        )
        for column, one, what in sides
    ]  # fmt: skip
    return Gallery(row.generator, row.sentence, *rows)


def _keys(
    table: ScoreTable, pairs: list[tuple[Any, Any]], album: Album
) -> dict[Side, dict[str, str]]:
    """The pictures of both sides, each embedded once."""
    samples = dict.fromkeys([name for ids, _ in pairs for name in ids], MEDIUM)
    real = dict.fromkeys([name for _, ids in pairs for name in ids], MEDIUM)
    return {
        "samples": album.add_all("samples", samples, table.pictures),
        "reference": album.add_all("reference", real, table.pictures),
    }
