"""The result: one row a sample, one card a proxy.

Arrow table, ProxyFacts, score table of each proxy --ProxyTable--> summary, files, page
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rara.arguments import path_of, short
from rara.errors import ParameterError
from rara.provenance.json_format import JsonObject
from rara.provenance.proxies import ProxiesProvenance
from rara.proxy_references.facts import ProxyCard, ProxyFacts
from rara.proxy_references.page import proxies_html
from rara.proxy_references.summary import summary_lines
from rara.report.formatting import counted
from rara.storage.atomic import write_text
from rara.table.csv_cells import Formulas
from rara.table.score_table import ScoreTable
from rara.table.writing import save, with_record

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, repr=False)
class ProxyTable:
    """Which samples are copies of which proxy, in the order of the samples.

    `table["verdict"]` is a numpy array; docs/reference/columns.md names the columns. `scores` has
    the score table of each proxy: what it says there of rarity is relative to that proxy alone.
    """

    arrow: pa.Table
    facts: ProxyFacts
    """All that was found, as records."""
    provenance: ProxiesProvenance
    scores: Mapping[str, ScoreTable] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __repr__(self) -> str:
        samples, count = self.facts.samples, len(self.facts.proxies)
        found = samples.copies + samples.near_copies
        return f"{counted(len(self), 'sample')} by {count} proxies: {found:,} copied from one"

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise ParameterError(f"No column {short(column)}; there are {', '.join(self.columns)}.")
        values: NDArray[Any] = self.arrow.column(column).to_numpy()
        return values

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.arrow.column_names)

    @property
    def cards(self) -> tuple[ProxyCard, ...]:
        """One card a proxy."""
        return self.facts.proxies

    def to_dict(self) -> JsonObject:
        """The same as `rara proxies --json` prints it."""
        return self.facts.to_json()

    def to_arrow(self) -> pa.Table:
        """The Arrow table, with the provenance in its schema's metadata."""
        return with_record(self.arrow, self.provenance)

    def save(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a Parquet, CSV or JSON file, as the name's ending says."""
        save(self.arrow, self.provenance, path, formulas=formulas)

    def summary(self) -> str:
        """What was found, in plain lines."""
        return "\n".join(summary_lines(self.facts))

    def report(self, path: str | Path) -> None:
        """Write the page, one HTML file that needs nothing else."""
        page = proxies_html(self.facts, self.scores)
        write_text(path_of(path), page)
