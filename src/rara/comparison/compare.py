"""`rara.compare`: generators beside one another, each beside what real images give.

    {name: images} --opened--> features --Judge.judge--> Generator: one pass over all pairs
        --half_differences, Sampled--> figures with intervals --> rows, differences, sweep
        --Comparison--> table, summary, page

A generator that cannot be judged is listed with its reason; the others are judged all the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rara import __version__
from rara.comparison.comparison import Comparison
from rara.comparison.figures import CORE, RealImages, levels_of, met_by, without_value
from rara.comparison.findings import Findings
from rara.comparison.generator import Generator, Judge
from rara.comparison.generator_row import Row
from rara.comparison.halves import FREEDOM, GROUPS, SEED
from rara.comparison.knob import has_numbers, knob_name, knob_of, split
from rara.comparison.names import Generators, named
from rara.comparison.pairwise import BETTER, Band, band, differences, ranking
from rara.comparison.real_images import scorer_of
from rara.comparison.remarks import remarks_on, why_without_value
from rara.comparison.rows import arrow_of, failed_row, row_of
from rara.comparison.sampling import HalfDifferences, Sampled, all_have, half_differences
from rara.comparison.sweep import Sweep, sweep_of
from rara.errors import ParameterError, RaraError
from rara.extractors import Extractor
from rara.features.compatibility import features_like
from rara.features.features import Features
from rara.features.metadata_groups import check_key, groups_of
from rara.features.opening import Images
from rara.provenance.comparison import (
    ComparisonProvenance,
    GeneratorPart,
    HalvingPart,
    LevelsPart,
)
from rara.reference.reference import Reference
from rara.reference.scorer import Scorer
from rara.run import Run, checked_run, step
from rara.sources import Source
from rara.stats.intervals import LEVEL, checked_level
from rara.table.provenance import about_extractor

Opened = dict[str, "tuple[Features, Source | None] | str"]
"""The samples of each generator and their source, or the reason why there are none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a comparison beside its generators, checked."""

    paired: str | None
    sweep: str | None
    level: float

    def __post_init__(self) -> None:
        checked_level(self.level)


def compare(
    generators: Generators,
    reference: Images | Reference | Scorer | None = None,
    *,
    paired: str | None = None,
    sweep: str | None = None,
    level: float = LEVEL,
    k: int | None = None,
    extractor: str | os.PathLike[str] | Extractor | None = None,
    run: Run | None = None,
) -> Comparison:
    """Compare generators by what they make, each beside what real images give.

    `generators`: images or features by name, or places, which are named after their folder.
    `reference`: real images, a `Reference`, or a `Scorer` whose k, boundary and alpha are used.
    Without one there must be two generators: each is judged by the other, beside its own images.

    `paired`: a key of the samples' metadata, such as `prompt` or `seed`; samples with the same
    value are compared with one another. `sweep`: a key of the metadata or of the names, or a
    pattern such as `gan-{psi}`, for the number that each generator was made with. `level`: the
    confidence of the intervals, which cover both the samples and the reference.

    Every figure is a share of the samples at a level among real images, so that it does not depend
    on how many samples there are. Raises ParameterError where no generator can be judged.

    >>> rng = np.random.default_rng(0)
    >>> real, good, wide = (scale * rng.normal(size=(200, 4)) for scale in (1, 1, 2))
    >>> features = Features.from_arrays
    >>> found = compare({"good": features(good), "wide": features(wide)}, features(real))
    >>> found.table["off_manifold"].to_pylist()
    [0.03, 0.605]
    """
    run, asked = checked_run(run), Asked(paired, sweep, level)
    places = named(generators)
    if reference is None:
        return _each_by_the_other(places, asked, k, extractor, run)
    scorer = scorer_of(reference, k, extractor, run)
    opened = _opened(places, scorer, extractor, asked, run)
    part = _judged(scorer, opened, asked, run)
    return _comparison([part], asked)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Generators that one reference judged."""

    judge: Judge
    opened: Opened
    generators: dict[str, Generator]
    sampled: dict[str, Sampled]
    units: Mapping[str, Sequence[str | None]] | None
    knob: Mapping[str, float]
    most: int
    """Samples of each that the two-sample test took."""
    halved: bool


def _opened(
    places: Mapping[str, Images],
    scorer: Scorer,
    extractor: str | os.PathLike[str] | Extractor | None,
    asked: Asked,
    run: Run,
) -> Opened:
    """Features of every generator, or why there are none. Raises where all fail."""
    opened: Opened = {}
    errors: list[RaraError] = []
    for name, images in places.items():
        try:
            features, source = features_like(scorer.geometry.features.spec, images, extractor, run)
            opened[name] = (features, source) if len(features) else "no image could be read"
        except RaraError as error:
            errors.append(error)
            opened[name] = str(error)
    if all(isinstance(one, str) for one in opened.values()):
        raise errors[0] if errors else ParameterError("No image of any generator could be read.")
    return _by_value(opened, asked.sweep)


def _by_value(opened: Opened, sweep: str | None) -> Opened:
    """One place that holds samples of several values of a knob becomes one generator a value."""
    [*alone] = opened.values()
    if sweep is None or "{" in sweep or len(alone) > 1 or isinstance(alone[0], str):
        return opened
    features, source = alone[0]
    if not has_numbers(features, sweep):
        return opened
    return {
        name: some if isinstance(some, str) else (some, source)
        for name, some in split(features, sweep)
    }


def _knob(sweep: str, opened: Opened) -> dict[str, float]:
    """The number of each generator; those that failed have one only where their names have."""
    sides = {name: None if isinstance(one, str) else one[0] for name, one in opened.items()}
    there = {name: features for name, features in sides.items() if features is not None}
    try:
        return knob_of(sweep, sides)
    except ParameterError:
        return knob_of(sweep, there)


def _judged(scorer: Scorer, opened: Opened, asked: Asked, run: Run) -> Judged:
    there = {name: one for name, one in opened.items() if not isinstance(one, str)}
    knob: Mapping[str, float] = {}
    if asked.sweep is not None:
        knob = _knob(asked.sweep, opened)
    units = None if asked.paired is None else _units(asked.paired, there)
    judge = Judge.of(scorer, run)
    most = min(len(features) for features, _ in there.values())
    generators = {
        name: judge.judge(name, features, source, most)
        for name, (features, source) in there.items()
    }
    with step(run.progress, "Intervals"):
        sampled = _sampled(judge, generators, units)
    return Judged(judge, opened, generators, sampled, units, knob, most, judge.parts.halved)


def _units(
    key: str, there: Mapping[str, tuple[Features, Source | None]]
) -> dict[str, list[str | None]]:
    """The value of the key of each sample; raises ParameterError where no generator has it."""
    units = {name: groups_of(key, features).names for name, (features, _) in there.items()}
    if all(value is None for names in units.values() for value in names):
        check_key(key, samples=next(iter(there.values()))[0])
    return units


def _sampled(
    judge: Judge,
    generators: Mapping[str, Generator],
    units: Mapping[str, Sequence[str | None]] | None,
) -> dict[str, Sampled]:
    """Which samples meet each condition, by the tables; and the halves of the reference."""
    levels = levels_of(judge.scorer)
    real = RealImages.around(judge.balls).own.met(levels).mean(axis=1)
    apart: list[HalfDifferences] | list[None] = [None] * len(generators)
    if judge.parts.halved:
        lists = [one.lists for one in generators.values()]
        apart = half_differences(judge.deep, judge.parts, lists, levels)
    return {
        name: Sampled(
            met_by(one.table, judge.scorer), real, half,
            None if units is None else _numbers(units[name]),
            without_value(one.table, judge.scorer),
        )
        for (name, one), half in zip(generators.items(), apart, strict=True)
    }  # fmt: skip


def _numbers(names: Sequence[str | None]) -> np.ndarray:
    """The number of each sample's unit; a sample without one is a unit of its own."""
    known = {name: i for i, name in enumerate(sorted({one for one in names if one is not None}))}
    own = iter(range(len(known), len(known) + len(names)))
    return np.array([next(own) if name is None else known[name] for name in names], np.int64)


def _each_by_the_other(
    places: Mapping[str, Images],
    asked: Asked,
    k: int | None,
    extractor: str | os.PathLike[str] | Extractor | None,
    run: Run,
) -> Comparison:
    """Two sets of real images of one concept: each is the reference of the other."""
    if len(places) != 2:
        raise ParameterError(
            f"{len(places)} generator{'s' * (len(places) != 1)} and no reference: give the real "
            "images as reference, or two places that are judged by each other."
        )
    if asked.paired is not None or asked.sweep is not None:
        raise ParameterError("paired and sweep compare generators by one reference: give it too.")
    parts = []
    for name, other in (tuple(places), tuple(places)[::-1]):
        scorer = scorer_of(places[other], k, extractor, run)
        opened = _opened({name: places[name]}, scorer, extractor, asked, run)
        parts.append(_judged(scorer, opened, asked, run))
    return _comparison(parts, asked)


def _comparison(parts: Sequence[Judged], asked: Asked) -> Comparison:
    rows = _rows(parts, asked)
    scores = {name: one.table for part in parts for name, one in part.generators.items()}
    return Comparison(arrow_of(rows), _findings(parts, rows, asked), scores)


def _findings(parts: Sequence[Judged], rows: Sequence[Row], asked: Asked) -> Findings:
    provenance = _provenance(parts, asked)
    if len(parts) > 1:
        return Findings(tuple(rows), provenance)
    [part] = parts
    found = differences(part.sampled, asked.level, part.units)
    ranked = (
        ()
        if len(part.sampled) < 2
        else tuple(
            ranking(figure, part.sampled, found, asked.level)
            for figure in BETTER
            if all_have(figure, part.sampled.values())
        )
    )
    swept: Sweep | None = None
    if asked.sweep is not None and len(part.sampled) > 1:
        swept = sweep_of(
            knob_name(asked.sweep), part.knob, part.sampled, found,
            exact={row.generator: row.exact_copies or 0 for row in rows},
            halved=part.halved, level=asked.level,
        )  # fmt: skip
    return Findings(tuple(rows), provenance, tuple(found), ranked, _bands(part, asked), swept)


def _bands(part: Judged, asked: Asked) -> tuple[Band, ...]:
    tables = {name: one.table for name, one in part.generators.items()}
    inside = {name: t["rarity_percentile"][t["inside"].astype(bool)] for name, t in tables.items()}
    inside = {name: values[~np.isnan(values)] for name, values in inside.items()}
    found = [
        band(pair, [inside[name] for name in pair], asked.level) for pair in combinations(inside, 2)
    ]
    return tuple(one for one in found if one is not None)


def _rows(parts: Sequence[Judged], asked: Asked) -> list[Row]:
    """In the order in which generators were given, or in that of the knob, those without last."""
    rows = [
        failed_row(name, "", one, part.knob.get(name)) if isinstance(one, str)
        else row_of(part.generators[name], part.sampled[name], part.judge.reference,
                    asked.level, part.knob.get(name))
        for part in parts for name, one in part.opened.items()
    ]  # fmt: skip
    if asked.sweep is None:
        return rows
    return sorted(rows, key=lambda row: math.inf if row.knob is None else row.knob)


def _provenance(parts: Sequence[Judged], asked: Asked) -> ComparisonProvenance:
    first = parts[0].judge
    levels, limits = levels_of(first.scorer), first.scorer.options.thresholds
    table = next(iter(parts[0].generators.values())).table.provenance
    described = [part.judge.scorer.geometry.describe(part.judge.balls.k) for part in parts]
    return ComparisonProvenance(
        rara=__version__,
        generators=tuple(_parts(parts)),
        references=tuple(described),
        k=first.balls.k,
        levels=LevelsPart(level=asked.level, alpha=limits.alpha, copies=levels.copies, core=CORE),
        halving=HalvingPart(cuts=FREEDOM, groups=GROUPS, seed=SEED)
        if all(part.halved for part in parts)
        else None,
        two_sample_images=min(part.most for part in parts),
        paired=asked.paired,
        sweep=asked.sweep,
        extractor=about_extractor(first.reference),
        remarks=tuple(
            line
            for part in parts
            for line in (
                *why_without_value(part.generators, part.judge.scorer),
                *remarks_on(part.generators, part.judge.reference, asked.paired, part.units),
            )
        ),
        versions=table.versions,
    )


def _parts(parts: Sequence[Judged]) -> list[GeneratorPart]:
    found = []
    for number, part in enumerate(parts):
        for name, one in part.opened.items():
            if isinstance(one, str):
                found.append(GeneratorPart(name=name, location="", count=0, reason=one))
                continue
            features, _ = one
            found.append(GeneratorPart(
                name=name, location=features.location, count=len(features),
                skipped=len(features.skipped), fingerprint=features.fingerprint,
                reference=number,
            ))  # fmt: skip
    return found
