"""What a notebook shows of a table, a reference and an audit: a few rows, small pictures, no style.

table, features or findings --table_html, reference_html, audited_html--> a fragment of HTML

A fragment takes colours from the page around it, so it reads in light and dark. It holds at most
`ROWS` rows; its pictures are data URIs of at most 64 pixels, a few KB each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rara.provenance.provenance import Provenance
from rara.report.audit_page import WORDINGS, hung
from rara.report.facts import facts
from rara.report.score_page import rendered
from rara.report.summary import summary_lines
from rara.report.thumbnails import Album, Pictures

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


def table_html(table: pa.Table, provenance: Provenance, pictures: Pictures | None) -> str:
    """The summary, and the first rows with verdict, rarity and nearest reference image."""
    found, shown, album = facts(table, provenance), table.slice(0, ROWS).to_pylist(), Album()
    samples, nearest = (dict.fromkeys((row[of] for row in shown), EDGE) for of in ("id", "nearest"))
    return rendered(
        "notebook_table.html.j2",
        {
            "summary": summary_lines(found),
            "remarks": [*found["samples"]["remarks"], *found["reference"]["remarks"]][:REMARKS],
            "rows": shown,
            "keys": {
                "samples": album.add_all("samples", samples, pictures),
                "reference": album.add_all("reference", nearest, pictures),
            },
            "pictures": album.thumbnails,
            "judged": "verdict" in table.column_names,
            "columns": table.column_names,
            "more": table.num_rows - len(shown),
        },
    )


def reference_html(features: Features, k: int, pictures: Pictures | None) -> str:
    """What a reference is made of, with a few of its images."""
    album, done = Album(), features.done["id"]
    at = np.unique(np.linspace(0, len(done) - 1, IMAGES).astype(np.int64))
    ids = done.take(at).to_pylist()
    keys = album.add_all("reference", dict.fromkeys(ids, EDGE), pictures)
    return rendered(
        "notebook_reference.html.j2",
        {
            "location": features.location,
            "count": len(features),
            "k": k,
            "spec": features.spec,
            "skipped": len(features.skipped),
            "left_out": len(features.left_out),
            "remarks": features.remarks[:REMARKS],
            "keys": keys,
            "pictures": album.thumbnails,
        },
    )


def audited_html(found: Mapping[str, Any], pictures: Pictures | None) -> str:
    """The findings of an audit, worst first, each with its first cases."""
    album = Album()
    sections = [hung(one, pictures, album, most=CASES, edge=EDGE) for one in found["findings"]]
    looked_for = [wording.title.lower() for wording in WORDINGS.values()]
    return rendered(
        "notebook_audit.html.j2",
        {**found, "sections": sections, "looked_for": looked_for, "pictures": album.thumbnails},
    )
