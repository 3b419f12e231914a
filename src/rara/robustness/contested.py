"""Second opinions beside a table's verdicts, and which of those they contest.

    table, tables of the same samples judged otherwise --contested--> table, three columns more

`second_opinions.py` makes such tables by halves of the reference and by other extractors. Any
other tables of the same samples will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.arguments import short
from rara.errors import ParameterError
from rara.provenance.parts import (
    ByExtractor,
    ByHalf,
    HalfPart,
    OpinionsPart,
    OtherReference,
)
from rara.stats.correlation import rank_correlations
from rara.table.score_table import ScoreTable, free_name
from rara.verdict.copy_witness import EVIDENCE, FIGURES, NETWORK, witnesses
from rara.verdict.disagreement import contradicts, halves_against

RANKED = ("rarity", "knn_distance")
"""Columns whose rankings are compared."""
BY_HALF = pa.list_(pa.string())
BY_EXTRACTOR = pa.list_(pa.struct([("extractor", pa.string()), ("verdict", pa.string())]))

About = TypeVar("About")
Halves = tuple[ScoreTable, ScoreTable]


def contested(
    table: ScoreTable,
    *,
    halves: Halves | None = None,
    extractors: Mapping[str, ScoreTable] | None = None,
) -> ScoreTable:
    """The table with the opinions of others, and whether any of them contests the verdict.

    Columns behind the reason: `contested`; `verdict_by_half`, a list of two; and
    `verdict_by_extractor`, a list with names. Null where there is no opinion on a sample. The
    provenance has how many verdicts are contested by whom, and Spearman's correlation of the
    rankings.

    Raises ParameterError where an opinion is no answer to the same question: other samples,
    another k or error rate, or numbers that carry no verdict.
    """
    _check(table, _tables(table, halves, extractors))
    one = _by_half(table, halves) if halves else None
    other = _by_extractor(table, extractors) if extractors else None
    flags = np.logical_or.reduce([weighed.contested for weighed in (one, other) if weighed])
    columns = {"contested": pa.array(flags)}
    if one:
        columns["verdict_by_half"] = one.column
    if other:
        columns["verdict_by_extractor"] = other.column
    about = OpinionsPart(
        contested=int(flags.sum()),
        by_half=one.about if one else None,
        by_extractor=other.about if other else None,
    )
    provenance = replace(table.provenance, opinions=about)
    return ScoreTable(_behind_reason(table.arrow, columns), provenance, table.pictures)


def _tables(table: object, halves: object, extractors: object) -> list[ScoreTable]:
    """All opinions. Raises ParameterError where they are not two tables, or no tables by name."""
    two = () if halves is None else halves
    named = {} if extractors is None else extractors
    if not isinstance(two, (tuple, list)) or len(two) not in {0, 2}:
        raise ParameterError(f"halves = {short(halves)}: give two score tables.")
    if not isinstance(named, Mapping) or not all(isinstance(name, str) for name in named):
        raise ParameterError(f"extractors = {short(extractors)}: give score tables by their names.")
    tables = []
    for one in (table, *two, *named.values()):
        if not isinstance(one, ScoreTable):
            raise ParameterError(f"{short(one)} is no score table: give what `score` returns.")
        tables.append(one)
    return tables[1:]


@dataclass(frozen=True, slots=True)
class _Weighed(Generic[About]):
    """Opinions of one kind."""

    contested: NDArray[np.bool_]
    column: pa.Array
    about: About
    """For the provenance."""


def _shown(table: ScoreTable) -> NDArray[np.bool_]:
    """Samples that are copies because the pictures or a copy network show it, which no half and no
    other network can deny: opinions are by vectors and pixel hashes alone."""
    if "copy_p" not in table.columns:
        return np.zeros(len(table), np.bool_)
    witness = np.array(witnesses({name: table[name] for name in FIGURES if name in table.columns}))
    called = np.isin(table["verdict"], ("copy", "near copy"))
    shown: NDArray[np.bool_] = (witness == EVIDENCE) | called & (witness == NETWORK)
    return shown


def _by_half(table: ScoreTable, halves: Halves) -> _Weighed[ByHalf]:
    opinions = list(zip(*(_verdicts_of(half, table) for half in halves), strict=True))
    pairs = zip(table["verdict"], opinions, strict=True)
    flags = np.array([halves_against(*pair) for pair in pairs], np.bool_) & ~_shown(table)
    about = ByHalf(
        halves=tuple(_about(half) for half in halves),
        contested=int(flags.sum()),
        rank_correlation=_rank_correlation(*halves),
    )
    return _Weighed(flags, pa.array(opinions, BY_HALF), about)


def _by_extractor(
    table: ScoreTable, extractors: Mapping[str, ScoreTable]
) -> _Weighed[tuple[ByExtractor, ...]]:
    opinions = {name: _verdicts_of(one, table) for name, one in extractors.items()}
    against = {name: _contradicted(table, one) & ~_shown(table) for name, one in opinions.items()}
    rows = [
        [{"extractor": name, "verdict": one} for name, one in zip(opinions, row, strict=True)]
        for row in zip(*opinions.values(), strict=True)
    ]
    about = tuple(
        ByExtractor(
            name=name,
            reference=whose.reference,
            extractor=whose.extractor,
            shortfall=whose.shortfall,
            contested=int(against[name].sum()),
            rank_correlation=_rank_correlation(table, extractors[name]),
        )
        for name, whose in ((name, _about(one)) for name, one in extractors.items())
    )
    flags = np.logical_or.reduce(list(against.values()))
    return _Weighed(flags, pa.array(rows, BY_EXTRACTOR), about)


def _verdicts_of(other: ScoreTable, table: ScoreTable) -> list[str | None]:
    """The other's verdict on each sample of the table."""
    verdicts = dict(zip(other["id"], other["verdict"], strict=True))
    return [verdicts.get(name) for name in table["id"]]


def _contradicted(table: ScoreTable, opinions: list[str | None]) -> NDArray[np.bool_]:
    pairs = zip(table["verdict"], opinions, strict=True)
    return np.array([contradicts(*pair) for pair in pairs], np.bool_)


def _about(opinion: ScoreTable) -> HalfPart:
    """Whose opinion it is, and why it may be none."""
    whose = opinion.provenance
    reference = OtherReference(
        location=whose.reference.location,
        count=whose.reference.count,
        fingerprint=whose.reference.fingerprint,
    )
    missing = whose.verdict.shortfall if whose.verdict else None
    return HalfPart(reference=reference, extractor=whose.extractor, shortfall=missing)


def _rank_correlation(one: ScoreTable, other: ScoreTable) -> dict[str, float | None]:
    """Spearman's, over the samples that both have a value of."""
    place = {name: row for row, name in enumerate(other["id"])}
    rows = [place.get(name) for name in one["id"]]
    return {name: _correlation(one[name], [*other[name], np.nan], rows) for name in RANKED}


def _correlation(
    ours: NDArray[np.float64], theirs: list[float], rows: list[int | None]
) -> float | None:
    matched = [theirs[-1 if row is None else row] for row in rows]
    return rank_correlations(np.column_stack([ours, matched]), 0)[1]


def _behind_reason(arrow: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The columns behind the reason; metadata under the same name gets another one."""
    earlier = arrow.column_names
    taken = {*columns, *earlier}
    names = [free_name(name, taken) if name in columns else name for name in earlier]
    arrow, at = arrow.rename_columns(names), names.index("reason") + 1
    for place, (name, values) in enumerate(columns.items(), start=at):
        arrow = arrow.add_column(place, name, values)
    return arrow


def _check(table: ScoreTable, others: list[ScoreTable]) -> None:
    if not others:
        raise ParameterError("No second opinion: give halves, extractors, or both.")
    if table.provenance.opinions is not None:
        raise ParameterError("This table has second opinions already: give all of them at once.")
    for one in (table, *others):
        check_carried(one)
    for other in others:
        if _question(table) != _question(other):
            raise ParameterError(
                f"A second opinion at {_question(other)} on verdicts at {_question(table)}: "
                "judge both alike."
            )
        if set(table["id"]).isdisjoint(other["id"]):
            raise ParameterError(
                "A second opinion on other samples: none of its ids is in the table. Judge the "
                "same samples."
            )


def check_carried(table: ScoreTable) -> None:
    """Raise ParameterError where a table's numbers carry no verdicts."""
    if table.provenance.compat:
        raise ParameterError(
            "The numbers of the Rarity Score's own code carry no verdict that could be contested: "
            "remove compat."
        )


def _question(table: ScoreTable) -> str:
    about = table.provenance
    level = alpha_of(table)
    return f"k = {about.k}, alpha = {level:g}, {about.boundary} balls"


def alpha_of(table: ScoreTable) -> float:
    """The error rate of a table's verdicts; raises ParameterError where it has none."""
    if table.provenance.verdict is None:
        raise ParameterError("This table carries no verdicts: score the samples again.")
    return table.provenance.verdict.alpha
