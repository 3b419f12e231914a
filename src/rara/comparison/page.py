"""The page of a comparison: one HTML file that needs no other, no script and no network.

Findings, score tables --comparison_html--> the main finding, small multiples, pictures, tables
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rara.comparison.charts import curves, panels
from rara.comparison.findings import Findings
from rara.comparison.generator_row import Row
from rara.comparison.headline import Headline, headline_of
from rara.comparison.pairwise import Difference
from rara.comparison.pictures import Kind, Pair, kinds_of, new_album
from rara.comparison.summary import HEADS, cells, conclusions, real_cells, real_rows
from rara.comparison.sweep import Sweep
from rara.provenance.comparison import ComparisonProvenance
from rara.report.formatting import counted
from rara.report.multiples import Panel
from rara.report.score_page import rendered
from rara.report.thumbnails import Thumbnail
from rara.table.score_table import ScoreTable

FRONT = 4
"""Pictures beside the headline."""


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """What the template reads."""

    versions: dict[str, str]
    headline: Headline
    generators: tuple[Row, ...]
    judged: int
    sizes: str
    """How many samples a generator has, in words."""
    about: ComparisonProvenance
    panels: list[Panel]
    curves: list[Panel]
    """The same along a knob; where there are some, `panels` are not shown."""
    sweep: Sweep | None
    conclusions: list[str]
    kinds: list[Kind]
    front: tuple[Pair, ...]
    """What the headline is about."""
    front_of: str
    """The key of the section that has them."""
    heads: tuple[str, ...]
    lines: list[tuple[str, str | None, list[str]]]
    """Name, the reason where it has no figures, and the cells of each generator."""
    real: list[tuple[str, list[str]]]
    """Name and cells of real images: one row where one reference judged all."""
    differences: list[Difference]
    pictures: dict[str, Thumbnail]


def comparison_html(findings: Findings, scores: Mapping[str, ScoreTable]) -> str:
    """The whole page; every text in it is escaped."""
    about, judged = findings.provenance, findings.judged
    album, headline, levels = new_album(), headline_of(findings), about.levels
    along = curves(judged, levels.level) if findings.sweep is not None else []
    kinds = _in_order(kinds_of(judged, scores, levels.alpha, album), headline)
    front, front_of = _front(kinds, headline)
    return rendered("comparison.html.j2", ComparisonPage(
        versions={"rara": about.rara},
        headline=headline,
        generators=findings.rows,
        judged=len(judged),
        sizes=_sizes([row.samples for row in judged]),
        about=about,
        panels=[] if along else panels(judged, levels.level),
        curves=along,
        sweep=findings.sweep,
        conclusions=conclusions(findings),
        kinds=kinds,
        front=front,
        front_of=front_of,
        heads=HEADS,
        lines=[(row.generator, row.reason, cells(row)) for row in findings.rows],
        real=[(name, real_cells(some)) for name, some in real_rows(findings.rows)],
        differences=[one for one in findings.differences if one.value is not None],
        pictures=album.thumbnails,
    ))  # fmt: skip


def _in_order(kinds: list[Kind], headline: Headline) -> list[Kind]:
    """What the headline is about comes first."""
    return sorted(kinds, key=lambda kind: kind.key != headline.subject)


def _front(kinds: list[Kind], headline: Headline) -> tuple[tuple[Pair, ...], str]:
    """The first samples of the headline's generator that have pictures."""
    for kind in kinds:
        strips = sorted(kind.strips, key=lambda strip: strip.generator != headline.generator)
        for strip in strips:
            if shown := tuple(pair for pair in strip.pairs if pair.sample_key)[:FRONT]:
                return shown, kind.key
    return (), ""


def _sizes(counts: list[int]) -> str:
    """`1,000 samples`, or the smallest and the largest number."""
    if not counts:
        return "no sample"
    low, high = min(counts), max(counts)
    return counted(low, "sample") if low == high else f"{low:,} to {counted(high, 'sample')}"
