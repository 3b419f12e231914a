"""What a notebook shows of a table, a reference and an audit: a few rows, small pictures, no style.

table, features or facts --table_html, reference_html, audited_html--> a fragment of HTML

A fragment takes colours from the page around it, so it reads in light and dark. It holds at most
`ROWS` rows; its pictures are data URIs of at most 64 pixels, a few KB each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rara.extractors.base import Spec
from rara.provenance.provenance import Provenance
from rara.report.audit_facts import AuditFacts
from rara.report.audit_page import WORDINGS, Section, section_of
from rara.report.facts import facts
from rara.report.records import Record, records
from rara.report.score_page import rendered
from rara.report.summary import summary_lines
from rara.report.thumbnails import Album, PictureKeys, Pictures, Thumbnail

if TYPE_CHECKING:
    import pyarrow as pa

    from rara.features.features import Features

ROWS = 10
"""Rows of a table."""
CASES = 3
"""Cases of a finding."""
IMAGES = 8
"""Images of a reference."""
EDGE = 64
"""Longest side of a picture, in pixels."""
REMARKS = 10
"""Remarks that are shown; the provenance has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFragment:
    """What is shown of a table; its fields are the names in the template."""

    summary: tuple[str, ...]
    remarks: tuple[str, ...]
    rows: tuple[Record, ...]
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    judged: bool
    """Whether it has verdicts."""
    columns: tuple[str, ...]
    more: int
    """Rows that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFragment:
    """What is shown of a reference; its fields are the names in the template."""

    location: str
    count: int
    k: int
    spec: Spec
    skipped: int
    left_out: int
    remarks: tuple[str, ...]
    keys: Mapping[str, str]
    """Of pictures, by the ids of images."""
    pictures: Mapping[str, Thumbnail]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFragment:
    """What is shown of an audit; its fields are the names in the template."""

    facts: AuditFacts
    sections: tuple[Section, ...]
    kinds: tuple[str, ...]
    """Everything that was searched."""
    pictures: Mapping[str, Thumbnail]


def table_html(table: pa.Table, provenance: Provenance, pictures: Pictures | None) -> str:
    """The summary, and the first rows with verdict, rarity and nearest reference image."""
    all_facts, album = facts(table, provenance), Album()
    rows = records(table, np.arange(min(ROWS, table.num_rows)), {})
    keys = PictureKeys(
        samples=album.add_all("samples", {row.id: EDGE for row in rows}, pictures),
        reference=album.add_all("reference", {row.nearest: EDGE for row in rows}, pictures),
    )
    fragment = TableFragment(
        summary=tuple(summary_lines(all_facts)),
        remarks=(*all_facts.samples.remarks, *all_facts.reference.remarks)[:REMARKS],
        rows=tuple(rows),
        keys=keys,
        pictures=album.thumbnails,
        judged="verdict" in table.column_names,
        columns=tuple(table.column_names),
        more=table.num_rows - len(rows),
    )
    return rendered("notebook_table.html.j2", fragment)


def reference_html(features: Features, k: int, pictures: Pictures | None) -> str:
    """What a reference is made of, with a few of its images."""
    album, done = Album(), features.done["id"]
    at = np.unique(np.linspace(0, len(done) - 1, IMAGES).astype(np.int64))
    ids = done.take(at).to_pylist()
    fragment = ReferenceFragment(
        location=features.location,
        count=len(features),
        k=k,
        spec=features.spec,
        skipped=len(features.skipped),
        left_out=len(features.left_out),
        remarks=tuple(features.remarks[:REMARKS]),
        keys=album.add_all("reference", dict.fromkeys(ids, EDGE), pictures),
        pictures=album.thumbnails,
    )
    return rendered("notebook_reference.html.j2", fragment)


def audited_html(facts: AuditFacts, pictures: Pictures | None) -> str:
    """The findings of an audit, worst first, each with its first cases."""
    album = Album()
    fragment = AuditFragment(
        facts=facts,
        sections=tuple(
            section_of(finding, pictures, album, most=CASES, edge=EDGE)
            for finding in facts.findings
        ),
        kinds=tuple(wording.title.lower() for wording in WORDINGS.values()),
        pictures=album.thumbnails,
    )
    return rendered("notebook_audit.html.j2", fragment)
