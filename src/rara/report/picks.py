"""Which samples are worth a look: the rows of each kind, the first ones as records.

table --picks--> Picks, for the cards, the summary and the JSON
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from rara.provenance.json_format import OMITTED
from rara.report.groups import strays
from rara.report.rarest import called, inside, numbers, order_of_rarity, ordered
from rara.report.records import Record, records
from rara.report.reference_quantiles import Spread
from rara.report.repeats import Repeats
from rara.report.siblings import OddOnes
from rara.report.two_sample import Difference
from rara.report.verdicts import ASTRAY, COPIED
from rara.verdict.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

Rows = NDArray[np.int64]
Some = tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """The samples worth a look, at most eight of each kind."""

    copies: Some
    """Called copy or near copy, the surest of both kinds first."""
    rarest: Some
    """Inside a ball, the rarest first; without copies and off-manifold samples."""
    typical: Some
    """The smallest distances to the k-th nearest reference image; without copies."""
    nearest: Some
    """The smallest distances to one reference image."""
    farthest: Some
    """Outside every ball or off-manifold, the farthest first."""
    two_sample_score: Some | None = field(default=None, metadata=OMITTED)
    """Those that differ most, where the two-sample test detects a difference."""
    strays: Some | None = field(default=None, metadata=OMITTED)
    """Too far out for their own group."""
    contested: Some | None = field(default=None, metadata=OMITTED)
    """Those whose verdict a second opinion contests."""
    decided: Some | None = field(default=None, metadata=OMITTED)
    """Those that people decided about, no copies first."""
    odd_ones: Some | None = field(default=None, metadata=OMITTED)
    """Those of `odd_ones.cases`."""
    repeats: Some | None = field(default=None, metadata=OMITTED)
    """Those of `repeated.cases`."""

    def of(self, section: str) -> Some:
        """Those of a section of the page; none where they were not examined."""
        picked: Some | None = getattr(self, section, None)
        return picked or ()


def picks(
    table: pa.Table,
    own: Mapping[str, Spread],
    *,
    cards: int,
    difference: Difference | None,
    odd_ones: OddOnes | None,
    repeats: Repeats | None,
) -> Picks:
    """At most `cards` samples of each kind; among equals the order of the table decides.

    `own`: the reference's own values, for the standing of each sample.
    """
    knn, nearest = numbers(table, "knn_distance"), numbers(table, "nearest_distance")
    copied, astray = called(table, COPIED), called(table, ASTRAY)
    outside = np.flatnonzero(~inside(table) | astray)
    everything = np.arange(table.num_rows)

    def some(rows: Rows) -> Some:
        return tuple(records(table, rows[:cards], own))

    def those(cases: OddOnes | Repeats | None) -> Some | None:
        return None if cases is None else some(_rows(table, [case.id for case in cases.cases]))

    scored, names = difference is not None and difference.detected, table.column_names
    return Picks(
        copies=some(copied_rows(table, cards)),
        rarest=some(order_of_rarity(table)),
        typical=some(ordered(np.flatnonzero(~copied), knn, nearest)),
        nearest=some(ordered(everything, nearest, knn)),
        farthest=some(ordered(outside, *far_out(table), -nearest, -knn)),
        two_sample_score=some(ordered(everything, -numbers(table, "two_sample_score")))
        if scored and "two_sample_score" in names
        else None,
        strays=some(strays(table)) if "group_off_manifold_q" in names else None,
        contested=some(contested(table)) if "contested" in names else None,
        decided=some(decided_rows(table)) if "decision" in names else None,
        odd_ones=those(odd_ones),
        repeats=those(repeats),
    )


def far_out(table: pa.Table) -> list[NDArray[np.float64]]:
    """Sort keys of how few real images are as far out; none in a table without these columns."""
    if "off_manifold_p" not in table.column_names or "ball_ratio" not in table.column_names:
        return []
    return [numbers(table, "off_manifold_p"), -numbers(table, "ball_ratio")]


def copying(table: pa.Table) -> list[NDArray[np.float64]]:
    """Sort keys of how surely a sample is a copy: many share the smallest possible p-value."""
    names = [name for name in ("copy_p", "copy_volume") if name in table.column_names]
    return [numbers(table, name) for name in names or ["nearest_distance"]]


def contested(table: pa.Table) -> Rows:
    """Rows whose verdict is contested, the verdicts in the order in which they are decided."""
    place = {verdict: at for at, verdict in enumerate(get_args(Verdict))}
    rows = np.flatnonzero(table["contested"].to_numpy(zero_copy_only=False))
    verdicts = table["verdict"].take(rows).to_pylist()
    order = np.array([place.get(one, len(place)) for one in verdicts], np.int64)
    sorted_rows: Rows = rows[np.argsort(order, kind="stable")]
    return sorted_rows


def decided_as(table: pa.Table, word: str) -> NDArray[np.bool_]:
    """The samples of which people decided that."""
    if "decision" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    return np.array([one == word for one in table["decision"].to_pylist()], np.bool_)


def decided_rows(table: pa.Table) -> Rows:
    """The samples of which people decided anything: no copies first, then the nearest."""
    no_copies, copies = decided_as(table, "not a copy"), decided_as(table, "copy")
    rows = np.flatnonzero(no_copies | copies)
    return ordered(rows, copies, numbers(table, "nearest_distance"))


def copied_rows(table: pa.Table, cards: int) -> Rows:
    """As many of both kinds as fit, so that exact copies do not crowd out the altered ones.

    Copies come before near copies; those that are copies in spite of a decision come last of
    their kind.
    """
    no_copies = decided_as(table, "not a copy")
    copies, near = (
        ordered(np.flatnonzero(called(table, {verdict})), no_copies, *copying(table))
        for verdict in COPIED
    )
    half = max(cards // 2, cards - len(near))
    return np.concatenate([copies[:half], near])[:cards]


def _rows(table: pa.Table, ids: Iterable[str]) -> Rows:
    place = {name: row for row, name in enumerate(table["id"].to_pylist())}
    return np.array([place[name] for name in ids], dtype=np.int64)
