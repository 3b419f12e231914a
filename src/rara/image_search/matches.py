"""The result of a search: matches for each sample, iterable and written anywhere.

QueryMatches, provenance, pictures --Matches--> table, JSON, page, summary
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rara.arguments import path_of, short
from rara.columns.searches import MATCHES
from rara.errors import ParameterError
from rara.image_search.match import (
    QueryMatches,
    SearchedReference,
    SearchedSamples,
    SearchFacts,
)
from rara.image_search.page import search_html
from rara.image_search.wording import search_lines
from rara.provenance.json_format import JsonObject
from rara.provenance.provenance import SearchProvenance
from rara.report.formatting import counted
from rara.report.thumbnails import Pictures
from rara.storage.atomic import write_text
from rara.table.csv_cells import Formulas
from rara.table.writing import save, write_csv, write_json, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, repr=False)
class Matches:
    """The ranked matches of every sample; a sequence of `QueryMatches`.

    By position or by id: `matches[0]`, `matches["a.png"].source`.
    """

    queries: tuple[QueryMatches, ...]
    provenance: SearchProvenance
    pictures: Pictures | None = field(default=None, compare=False)
    """Gives the images by id, for the page; None where there are none."""

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[QueryMatches]:
        return iter(self.queries)

    def __getitem__(self, which: int | str) -> QueryMatches:
        if isinstance(which, str):
            for query in self.queries:
                if query.id == which:
                    return query
            raise ParameterError(f"No sample {short(which)} in {self!r}.")
        return self.queries[which]

    def __repr__(self) -> str:
        reference = self.provenance.reference
        found = sum(query.source is not None for query in self.queries)
        return (
            f"Matches of {counted(len(self), 'sample')} among "
            f"{counted(reference.count, 'reference image')}: a source of {found:,}"
        )

    @property
    def facts(self) -> SearchFacts:
        """All of it as one record."""
        made = self.provenance
        return SearchFacts(
            by=made.by,
            samples=SearchedSamples(
                location=made.samples.location,
                count=made.samples.count,
                found=sum(query.source is not None for query in self.queries),
                skipped=made.samples.skipped,
            ),
            reference=SearchedReference(
                location=made.reference.location,
                count=made.reference.count,
                skipped=made.reference.skipped,
                unavailable=made.reference.unavailable,
            ),
            candidates=made.candidates,
            extractor=made.extractor,
            versions={"rara": made.rara},
            queries=self.queries,
            sheets=made.sheets,
        )

    @property
    def arrow(self) -> pa.Table:
        """One row a match: docs/reference/columns.md lists the columns."""
        import pyarrow as pa

        rows = [(query, match) for query in self.queries for match in query]
        columns: dict[str, list[object]] = {"sample": [query.id for query, _ in rows]}
        for name in list(MATCHES)[1:]:
            columns[name] = [getattr(match, name) for _, match in rows]
        region = pa.list_(pa.list_(pa.float64()))
        types = {
            "rank": pa.int64(), "distance": pa.float64(), "pixel_distance": pa.int32(),
            "p": pa.float64(), "sample_region": region, "source_region": region,
            "looked": pa.bool_(),
        }  # fmt: skip
        return pa.table(
            {name: pa.array(some, types.get(name, pa.string())) for name, some in columns.items()}
        )

    def to_dict(self) -> JsonObject:
        """The same as `rara search --json` prints it."""
        return self.facts.to_json()

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file, one row a match, the provenance in it."""
        write_parquet(self.arrow, self.provenance, path)

    def to_csv(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a CSV file; regions are JSON in their cells."""
        write_csv(self.arrow, path, formulas=formulas)

    def to_json(self, path: str | Path) -> None:
        """Write `{"provenance": …, "rows": […]}`, one row a match."""
        write_json(self.arrow, self.provenance, path)

    def save(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a Parquet, CSV or JSON file, as the name's ending says."""
        save(self.arrow, self.provenance, path, formulas=formulas)

    def summary(self) -> str:
        """What was found, in plain lines: a short block for each of the first samples."""
        return "\n".join(search_lines(self.facts))

    def report(self, path: str | Path) -> None:
        """Write the page, one HTML file that needs nothing else."""
        page = search_html(self.facts, self.pictures)
        write_text(path_of(path), page)

    def _repr_html_(self) -> str:
        from rara.image_search.notebook import found_html

        return found_html(self.facts, self.pictures)
