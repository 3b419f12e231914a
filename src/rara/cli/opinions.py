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
    opinions: Opinions,
    extractors: Sequence[Extractor],
    *,
    compat: str | None,
) -> None:
    """Refuse before the work what would fail after it."""
    others = extractors[1:]
    if compat and (others or opinions.halves):
        raise ParameterError(
            f"--compat {compat}: its numbers carry no verdict that others could contest."
        )
    for extractor in others:
        for side in (sides.real, *sides.others):
            if isinstance(side, Features):
                sources_of(side, extractor)


def with_opinions(
    table: ScoreTable,
    reference: Reference,
    samples: Opened,
    opinions: Opinions,
    extractors: Sequence[Extractor],
    reals: Opened | None,
    run: Run,
) -> ScoreTable:
    """The table with the opinions that were asked for; the first extractor gave its verdicts."""
    first, others = next(iter(extractors), None), extractors[1:]
    if not others and not opinions.halves:
        return table
    halves = (
        by_halves(table, reference, samples, calibration=reals, extractor=first, run=run)
        if opinions.halves
        else None
    )
    named = {
        other.spec.name: by_extractor(
            table, reference, samples, extractor=other, calibration=reals, run=run
        )
        for other in others
    }
    return contested(table, halves=halves, extractors=named)
