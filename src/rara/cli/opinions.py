"""`--halves` and `--extractor` repeated: who else is asked for a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.again import sources_of
from rara.contested import contested
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.opinions import by_extractor, by_halves, check_halves
from rara.reference import Reference
from rara.results import ScoreTable
from rara.run import Run, is_features
from rara.store import Features


@Parameter(name="*")
@dataclass(frozen=True)
class Opinions:
    """Who else is asked, beside further extractors."""

    halves: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Judge by each of two random halves of the reference as well, and mark the "
            "verdicts that either contests.",
        ),
    ] = False


def check_opinions(
    reference: Reference,
    samples: str | Features,
    asked: Opinions,
    extractors: Sequence[Extractor],
    *,
    k: int | None,
    compat: str | None,
) -> None:
    """Refuse before the work what would fail after it."""
    others = extractors[1:]
    if asked.halves:
        check_halves(reference, reference.k if k is None else k)
    if compat and (others or asked.halves):
        raise ParameterError(
            f"--compat {compat}: its numbers carry no verdict that others could contest."
        )
    for one in others:
        sources_of(reference.features, one)
        if isinstance(samples, str) and is_features(samples):
            sources_of(Features.load(Path(samples).expanduser()), one)


def with_opinions(
    table: ScoreTable,
    reference: Reference,
    samples: str | Features,
    asked: Opinions,
    extractors: Sequence[Extractor],
    reals: str | Features | None,
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
