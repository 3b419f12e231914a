"""What a notebook shows of a table, a reference, an audit and siblings: rows and small pictures.

table, features or facts --table_html, reference_html, …--> a fragment of HTML

A fragment takes colours from the page around it, so it reads in light and dark. Its pictures are
data URIs of at most 64 pixels, a few KB each. It has no script: a table is sorted by style alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rara.extractors.base import Spec
from rara.provenance.provenance import Provenance
from rara.report.audit_facts import AuditFacts
from rara.report.audit_page import WORDINGS, Section, section_of
from rara.report.facts import facts
from rara.report.picks import copying, far_out
from rara.report.rarest import numbers, order_of_rarity, ordered
from rara.report.records import Record, records
from rara.report.score_page import rendered
from rara.report.siblings import OddOne
from rara.report.siblings_page import SiblingFacts, sibling_lines
from rara.report.summary import summary_lines
from rara.report.thumbnails import Album, PictureKeys, Pictures, Thumbnail

if TYPE_CHECKING:
    import pyarrow as pa

    from rara.features.features import Features

ROWS = 10
"""Rows of a table in one order."""
CASES = 3
"""Cases of a finding."""
IMAGES = 8
"""Images of a reference."""
EDGE = 64
"""Longest side of a picture, in pixels."""
REMARKS = 10
"""Remarks that are shown; the provenance has all."""


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort a table, and its first rows."""

    key: str
    label: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RankedRecord:
    """A row, and its place in each order that shows it, by the order's key."""

    record: Record
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFragment:
    """What is shown of a table; its fields are the names in the template."""

    id: str
    """Unlike that of any other fragment in the notebook."""
    summary: tuple[str, ...]
    remarks: tuple[str, ...]
    orders: tuple[Order, ...]
    """Ways to sort the rows; the first is shown until another is chosen."""
    rows: tuple[RankedRecord, ...]
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    judged: bool
    """Whether it has verdicts."""
    columns: tuple[str, ...]
    count: int
    """Rows of the whole table."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingFragment:
    """What is shown of samples among their siblings; its fields are the names in the template."""

    summary: tuple[str, ...]
    cases: tuple[OddOne, ...]
    more: int
    """Groups that are not shown."""
    keys: Mapping[str, str]
    """Of pictures, by the ids of samples."""
    pictures: Mapping[str, Thumbnail]


def table_html(table: pa.Table, provenance: Provenance, pictures: Pictures | None) -> str:
    """The summary, and the first rows of several orders: verdict, rarity, nearest reference image.

    Each order is of the whole table, so the rarest rows are the rarest of all.
    """
    all_facts, album, orders = facts(table, provenance), Album(), _orders(table)
    rows = np.array(list(dict.fromkeys(row for order in orders for row in order.rows)), np.int64)
    some = records(table, rows, {})
    keys = PictureKeys(
        samples=album.add_all("samples", {row.id: EDGE for row in some}, pictures),
        reference=album.add_all("reference", {row.nearest: EDGE for row in some}, pictures),
    )
    fragment = TableFragment(
        id=unlike_others(),
        summary=tuple(summary_lines(all_facts)),
        remarks=(*all_facts.samples.remarks, *all_facts.reference.remarks)[:REMARKS],
        orders=orders,
        rows=tuple(
            RankedRecord(one, {
                order.key: order.rows.index(row) for order in orders if row in order.rows
            })
            for row, one in zip(rows.tolist(), some, strict=True)
        ),
        keys=keys,
        pictures=album.thumbnails,
        judged="verdict" in table.column_names,
        columns=tuple(table.column_names),
        count=table.num_rows,
    )  # fmt: skip
    return rendered("notebook_table.html.j2", fragment)


def unlike_others() -> str:
    """An id for an element: a notebook may show the same result twice."""
    return f"rara-{secrets.token_hex(6)}"


def _orders(table: pa.Table) -> tuple[Order, ...]:
    """Ways to sort, without those that say the same as one before."""
    knn, nearest = numbers(table, "knn_distance"), numbers(table, "nearest_distance")
    everything = np.arange(table.num_rows)
    ways = {
        "given": ("as given", everything),
        "copied": ("most like copies", ordered(everything, *copying(table), nearest)),
        "rarest": ("rarest", order_of_rarity(table)),
        "farthest": ("farthest out", ordered(everything, *far_out(table), -nearest, -knn)),
        "typical": ("most typical", ordered(everything, knn, nearest)),
    }
    orders: dict[tuple[int, ...], Order] = {}
    for key, (label, rows) in ways.items():
        first = tuple(rows[:ROWS].tolist())
        if first or key == "given":
            orders.setdefault(first, Order(key, label, first))
    return tuple(orders.values())


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


def siblings_html(facts: SiblingFacts, pictures: Pictures | None) -> str:
    """The odd ones that are farthest from their siblings, each beside some of these."""
    album, cases = Album(), facts.odd_ones.cases[:ROWS]
    names = [name for case in cases for name in (case.id, *case.siblings)]
    fragment = SiblingFragment(
        summary=tuple(sibling_lines(facts)),
        cases=cases,
        more=len(facts.odd_ones.cases) - len(cases),
        keys=album.add_all("samples", dict.fromkeys(names, EDGE), pictures),
        pictures=album.thumbnails,
    )
    return rendered("notebook_siblings.html.j2", fragment)
