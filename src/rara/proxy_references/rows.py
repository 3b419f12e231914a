"""The table: one row a sample, and the facts of those that are called.

Judged --arrow_of--> Arrow table; Judged --found_in--> FoundCopy of each finding
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rara.proxy_references.evidence import named_image
from rara.proxy_references.facts import FoundCopy
from rara.proxy_references.judged import Finding, Judged
from rara.proxy_references.sentences import reason_of, verdict_of
from rara.report.rows import Row, rows_of
from rara.table.provenance import table_of

BY_PROXY = pa.list_(
    pa.field(
        "element",
        pa.struct([
            ("proxy", pa.string()), ("called", pa.bool_()), ("copy_p", pa.float64()),
            ("joint_p", pa.float64()), ("nearest", pa.string()), ("decision", pa.string()),
        ]),
    )
)  # fmt: skip
NAMES = pa.list_(pa.field("element", pa.string()))


def findings_of(judged: Judged) -> list[Finding | None]:
    """What is found of each sample; None where no copy is."""
    return [judged.finding(row) if called else None for row, called in enumerate(judged.called)]


def arrow_of(judged: Judged, findings: list[Finding | None]) -> pa.Table:
    """The columns of docs/reference/columns.md, and the metadata of the samples."""
    names, dropped = np.array(judged.names, object), judged.dropped
    proxies = [None if one is None else names[one.proxy] for one in findings]
    return table_of(judged.samples, {
        "verdict": pa.array([verdict_of(judged, one) for one in findings], pa.string()),
        "reason": pa.array(
            [reason_of(judged, row, one) for row, one in enumerate(findings)], pa.string()
        ),
        "proxy": pa.array(proxies, pa.string()),
        "source": pa.array([None if one is None else one.source for one in findings], pa.string()),
        "proxies": pa.array([names[row].tolist() for row in judged.joined.called], NAMES),
        "copy_p": judged.joined.p,
        "copy_q": judged.joined.q,
        "rests_on": pa.array([names[row].tolist() for row in dropped.lost], NAMES),
        "found_without": pa.array([names[row].tolist() for row in dropped.gained], NAMES),
        "by_proxy": pa.array(_by_proxy(judged), BY_PROXY),
    })  # fmt: skip


def _by_proxy(judged: Judged) -> list[list[dict[str, object]]]:
    """What each proxy says of each sample."""
    columns = []
    for number, proxy in enumerate(judged.proxies):
        table = proxy.table
        decision = table["decision"] if "decision" in table.columns else [None] * len(table)
        called = judged.joined.called[:, number]
        columns.append([
            {
                "proxy": proxy.name,
                "called": bool(called[row]),
                "copy_p": float(proxy.own_p[row]),
                "joint_p": float(judged.joined.pair_p[row, number]),
                "nearest": named_image(proxy, row) if called[row] else proxy.nearest[row],
                "decision": decision[row],
            }
            for row in range(len(table))
        ])  # fmt: skip
    return [list(pairs) for pairs in zip(*columns, strict=True)]


def found_in(judged: Judged, table: pa.Table) -> tuple[FoundCopy, ...]:
    """The samples that are called: certain copies first, then by their p-values."""
    rows = np.flatnonzero(judged.called)
    order = rows[np.lexsort((rows, judged.joined.p[rows], ~judged.copies[rows]))]
    return tuple(_found(row) for row in rows_of(table, order))


def _found(row: Row) -> FoundCopy:
    texts = {name: row.text(name) or "" for name in ("id", "verdict", "proxy", "source", "reason")}
    return FoundCopy(
        **texts, copy_p=row.number("copy_p"), copy_q=row.number("copy_q"),
        proxies=tuple(filter(None, row.texts("proxies"))),
        rests_on=tuple(filter(None, row.texts("rests_on"))),
    )  # fmt: skip
