"""A comparison in a notebook: the table, the rarest samples of each generator, the conclusions.

Findings, score tables --compared_html--> a fragment of HTML
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rara.comparison.findings import Findings
from rara.comparison.generator_row import Row
from rara.comparison.summary import HEADS, cells, conclusions, real_cells, real_rows
from rara.provenance.comparison import ComparisonProvenance
from rara.report.notebook import EDGE
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, Thumbnail
from rara.table.score_table import ScoreTable

SHOWN = 5
"""Pictures of a generator."""


@dataclass(frozen=True, slots=True)
class Line:
    """A generator as the fragment shows it."""

    name: str
    reason: str | None
    """Why it has no figures; None where it has."""
    cells: Sequence[str]
    rarest: Mapping[str, str]
    """Keys of pictures by the ids of its rarest samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFragment:
    """What is shown of a comparison; its fields are the names in the template."""

    about: ComparisonProvenance
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    real: tuple[tuple[str, list[str]], ...]
    """What real images give."""
    conclusions: tuple[str, ...]
    pictures: Mapping[str, Thumbnail]


def compared_html(findings: Findings, scores: Mapping[str, ScoreTable]) -> str:
    """The fragment; every text in it is escaped."""
    album = Album()
    fragment = ComparisonFragment(
        about=findings.provenance,
        heads=HEADS,
        lines=tuple(
            Line(row.generator, row.reason, cells(row), _rarest(row, scores, album))
            for row in findings.rows
        ),
        real=tuple((name, real_cells(some)) for name, some in real_rows(findings.rows)),
        conclusions=tuple(conclusions(findings)),
        pictures=album.thumbnails,
    )
    return rendered("notebook_comparison.html.j2", fragment)


def _rarest(row: Row, scores: Mapping[str, ScoreTable], album: Album) -> dict[str, str]:
    table = scores.get(row.generator)
    if table is None or row.reason is not None:
        return {}
    names = dict.fromkeys(table.rarest(SHOWN)["id"], EDGE)
    return album.add_all("samples", names, table.pictures)
