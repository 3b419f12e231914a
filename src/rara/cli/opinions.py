"""`--halves` and `--extractor` repeated: who else is asked for a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from rara.cli.opening import Opened, Sides
from rara.cli.options import VERDICTS
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.features.features import Features
from rara.features.reembed import sources_of
from rara.reference.reference import Reference
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_extractor, by_halves
from rara.run import Run
from rara.table.score_table import ScoreTable


@Parameter(name="*", group=VERDICTS)
@dataclass(frozen=True)
class Opinions:
    """Who else is asked, beside further extractors."""

    halves: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Mark the verdicts that would change with half of the reference.",
        ),
    ] = False


def check_opinions(
    sides: Sides,
    asked: Opinions,
    extractors: Sequence[Extractor],
    *,
    compat: str | None,
) -> None:
    """Refuse before the work what would fail after it."""
    others = extractors[1:]
    if compat and (others or asked.halves):
        raise ParameterError(
            f"--compat {compat}: its numbers carry no verdict that others could contest."
        )
    for one in others:
        for given in (sides.real, *sides.others):
            if isinstance(given, Features):
                sources_of(given, one)


def with_opinions(
    table: ScoreTable,
    reference: Reference,
    samples: Opened,
    asked: Opinions,
    extractors: Sequence[Extractor],
    reals: Opened | None,
    run: Run,
) -> ScoreTable:
    """The table with the opinions that were asked for; the first extractor gave its verdicts."""
    first, others = next(iter(extractors), None), extractors[1:]
    if not others and not asked.halves:
        return table
    halves = (
        by_halves(table, reference, samples, calibration=reals, extractor=first, run=run)
        if asked.halves
        else None
    )
    named = {
        one.spec.name: by_extractor(
            table, reference, samples, extractor=one, calibration=reals, run=run
        )
        for one in others
    }
    return contested(table, halves=halves, extractors=named)
