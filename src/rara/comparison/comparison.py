"""The result: one row a generator, which differences are sure, and what that means.

rows, differences, sweep --Comparison--> summary, table in six formats, page
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rara.arguments import path_of
from rara.comparison.documents import latex, markdown
from rara.comparison.findings import Findings
from rara.comparison.page import comparison_html
from rara.comparison.pairwise import Band, Difference, Ranking
from rara.comparison.summary import conclusions, summary_lines
from rara.comparison.sweep import Sweep
from rara.errors import ParameterError
from rara.provenance.comparison import ComparisonProvenance
from rara.provenance.json_format import JsonObject, encoded
from rara.storage.atomic import write_text
from rara.table.csv_cells import Formulas
from rara.table.score_table import ScoreTable
from rara.table.writing import FORMATS, save, with_record
from rara.text import json_of

if TYPE_CHECKING:
    import pyarrow as pa

DOCUMENTS = (".md", ".tex")
"""Formats for papers, beside those of every table."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Generators beside one another and beside real images.

    `table` has one row a generator, in the order in which they were given or of their knob;
    docs/reference/columns.md names its columns. `scores` are the score tables of the generators.
    """

    table: pa.Table
    findings: Findings
    scores: Mapping[str, ScoreTable] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        names = ", ".join(self.table["generator"].to_pylist())
        return f"Comparison of {len(self)} generators: {names}"

    @property
    def provenance(self) -> ComparisonProvenance:
        """What the figures are relative to."""
        return self.findings.provenance

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Of every figure, of all pairs that one reference judged, with Holm's p-values."""
        return self.findings.differences

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """The order by each figure, as far as it is sure."""
        return self.findings.rankings

    @property
    def bands(self) -> tuple[Band, ...]:
        """How the distributions of the rarity percentile differ."""
        return self.findings.bands

    @property
    def sweep(self) -> Sweep | None:
        """The figures along the knob; None where there is none."""
        return self.findings.sweep

    def to_json(self) -> JsonObject:
        """Everything that was found, as JSON has it."""
        return {
            "provenance": self.provenance.to_json(),
            "rows": list(self.table.to_pylist()),
            "differences": encoded(self.differences),
            "rankings": encoded(self.rankings),
            "bands": encoded(self.bands),
            "sweep": encoded(self.sweep),
            "conclusions": conclusions(self.findings),
        }

    def summary(self, *, columns: int | None = None) -> str:
        """A table and a few sentences: what was found, for people who know no jargon.

        `columns`: the width of a terminal. The table is in several blocks where it is wider.
        """
        return "\n".join(summary_lines(self.findings, columns))

    def save(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write the table as the name's ending says: .parquet, .csv, .json, .md or .tex.

        JSON has everything that was found; Markdown and LaTeX have the figures that papers quote.
        `formulas` is for CSV, as in `ScoreTable.save`.
        """
        suffix = check_format(path)
        if suffix in DOCUMENTS:
            text = markdown(self.findings) if suffix == ".md" else latex(self.findings)
        elif suffix == ".json":
            text = json_of(self.to_json()) + "\n"
        else:
            save(self.table, self.provenance, path, formulas=formulas)
            return
        write_text(path_of(path), text)

    def to_arrow(self) -> pa.Table:
        """The Arrow table, with the provenance in its schema's metadata."""
        return with_record(self.table, self.provenance)

    def report(self, path: str | Path) -> None:
        """Write the page, one HTML file that needs nothing else."""
        page = comparison_html(self.findings, self.scores)
        write_text(path_of(path), page)

    def _repr_html_(self) -> str:
        from rara.comparison.notebook import compared_html

        return compared_html(self.findings, self.scores)


def check_format(path: str | Path) -> str:
    """The ending of a comparison's name; raises ParameterError where it is no format."""
    suffix = path_of(path).suffix.lower()
    if suffix not in (*FORMATS, *DOCUMENTS):
        raise ParameterError(
            f"The format of '{path}' is unknown: end it in {', '.join((*FORMATS, *DOCUMENTS))}."
        )
    return suffix
