"""rara.select: the samples that are the most original, faithful and different of many.

table --judged, values_of, vectors_of--> candidates --greedy | farthest_first--> picks
    --reasons_of--> columns and provenance --> ScoreTable, picks first
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import e
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.arguments import short, whole
from rara.duplicates.repeats import repeats_of
from rara.errors import ParameterError
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.opening import Images
from rara.geometry.quantization import Floats
from rara.geometry.similarities import mean_square
from rara.geometry.threads import Crew
from rara.machine import quarter_of_memory
from rara.provenance.parts import RepeatsPart
from rara.provenance.selection import QuotaPart, SelectionPart
from rara.run import Run, checked_run, step
from rara.selection.eligible import Judged, check_enough, judged, order_by_id
from rara.selection.farthest_first import farthest_first
from rara.selection.greedy import Doubles, Picked, greedy
from rara.selection.quotas import Quota, Quotas, one_group, quotas_of
from rara.selection.reasons import Apart, Shown, apart, reasons_of
from rara.selection.vectors import vectors_of
from rara.selection.wants import (
    USUAL,
    Want,
    check_columns,
    checked_wants,
    faithful_p,
    rarer_shares,
    values_of,
)
from rara.selection.world import Best, World
from rara.table.score_table import ScoreTable, free_name

Method = Literal["greedy", "farthest-first"]
ADDED: Final = ("pick", "pick_reason", "pick_gain", "not_eligible")
NARROWEST: Final = 0.05
"""Of the range of a want: it must not count for ever where all samples are alike in it."""

Rows = NDArray[np.int64]


def select(
    table: ScoreTable,
    count: int,
    *,
    want: Want | Iterable[Want] = USUAL,
    method: Method = "greedy",
    samples: Images | None = None,
    group_by: str | None = None,
    quota: Quota | None = None,
    run: Run | None = None,
) -> ScoreTable:
    """Pick `count` samples of a table: rare, faithful, no copies, and different from one another.

    Copies, near copies, samples off the manifold, without a verdict, and repeats are never picked:
    the column `not_eligible` says so of each. Of the others, picks maximise the weighted mean of
    what is wanted, each from 0 to 1. Each want has the same say: its weight is the inverse of how
    far the best picks are above random ones.

    - `rare`: mean over picks, all called rare or uncommon; 0.5 where a tenth of real images is at
      least as rare, 1 where a hundredth is.
    - `faithful`: mean over picks; 2/3 where a tenth of real images looks no more real, 1/3 where a
      hundredth does.
    - `diverse`: log2 det(I + S) / count, with similarities S = exp(-d2 / usual d2) of the picks.
    - `representative`: mean over all eligible samples of the largest similarity to a pick.

    `method`: `greedy` is lazy greedy (Minoux 1978), which reaches at least 1 - 1/e of the largest
    objective (Nemhauser, Wolsey and Fisher 1978), and half of it under quotas. `farthest-first`
    (Gonzalez 1985) is for `want="diverse"` alone: the smallest distance between two picks is at
    least half of the largest possible one.

    `samples`: the images or vectors that were scored, where the table was read from a file.
    `group_by` and `quota`: at most so many picks of each value of a key of the metadata, one number
    for all or a mapping; groups that it does not name get none.

    Gives the table, picks first, with the columns `pick` (1 to count), `pick_reason`, `pick_gain`
    and `not_eligible`, and `provenance.selection`. The order of the rows plays no role; among
    equals the first id is picked. Raises ParameterError where fewer can be picked, with what stands
    in the way.
    """
    if not isinstance(table, ScoreTable):
        raise ParameterError(f"table = {short(table)}: give a score table, as `score` returns.")
    count, run, wants = whole(count, "count"), checked_run(run), checked_wants(want)
    check_method(method, wants)
    if count > len(table):
        raise ParameterError(f"count = {count:,}: the table has {len(table):,} samples.")
    table = _without_picks(table)
    check_columns(table.arrow, wants)
    quotas = quotas_of(table.arrow, group_by, quota)
    opened = _Opened(table, samples, run)
    found = judged(table.arrow, opened.firsts, wants)
    if quotas is not None:
        found = found.without(quotas.without_quota())
    ids = table.arrow["id"].to_pylist()
    while True:
        check_enough(found, count)
        if quotas is not None:
            quotas.check(found.rows, count)
        rows = order_by_id(ids, found.rows)
        choice = _Choice(table.arrow.take(rows), count, wants, method, quotas, rows)
        vectors = opened.some(rows) if choice.needs_vectors or samples is not None else None
        with step(run.progress, "Choosing among the samples"), Crew(run.threads) as crew:
            made = choice.made(vectors, run, crew)
        pair = _repeat(made, table.provenance.repeats)
        if pair is None:
            return _table_of(table, opened.pictures, choice, found, made)
        later, first = rows[made.picked.rows[list(pair)]].tolist()
        found = found.repeating(later, ids[first])


def _repeat(made: _Made, repeats: RepeatsPart | None) -> tuple[int, int] | None:
    """A pick that repeats an earlier one, and that one; the table should have said so before."""
    if made.apart is None or repeats is None or repeats.distance is None:
        return None
    turns = np.flatnonzero(made.apart.distance <= repeats.distance)
    return (int(turns[0]), int(made.apart.nearest[turns[0]])) if len(turns) else None


def check_method(method: object, wants: tuple[Want, ...]) -> None:
    """Raise ParameterError for an unknown method, or one that cannot do what is wanted."""
    if not isinstance(method, str) or method not in get_args(Method):
        raise ParameterError(
            f"method = {short(method)}: give one of {', '.join(get_args(Method))}."
        )
    if method == "farthest-first" and wants != ("diverse",):
        raise ParameterError(
            "Farthest-first compares distances alone: give want = 'diverse' with it, or leave the "
            "method out."
        )


class _Opened:
    """The vectors behind a table, opened when they are first needed."""

    def __init__(self, table: ScoreTable, samples: Images | None, run: Run) -> None:
        self._table, self._samples, self._run = table, samples, run
        self._features: Features | None = None
        self.pictures: SourcePictures | None = None

    def features(self) -> Features:
        """Row for row those of the table."""
        if self._features is None:
            self._features, self.pictures = vectors_of(self._table, self._samples, self._run)
        return self._features

    def some(self, rows: Rows) -> Floats:
        """The vectors of some rows."""
        return np.ascontiguousarray(self.features().vectors[rows])

    def firsts(self) -> list[str]:
        """Repeats found anew among the rows: those that stood for others may be gone."""
        part = self._table.provenance.repeats
        if part is None or part.distance is None:
            raise ParameterError(
                "The table lacks samples that others repeat, and how near repeats are: score the "
                "samples again."
            )
        features = self.features()
        repeats = repeats_of(features, part.distance, replace(self._run, progress=None))
        ids = features.ids
        return [ids[row] for row in repeats.first]


@dataclass(frozen=True, slots=True)
class _Made:
    """Picks, and what there is to say of them."""

    picked: Picked
    weights: Mapping[str, float]
    terms: Mapping[str, float]
    at_random: Mapping[str, float]
    covered: Doubles | None
    apart: Apart | None


@dataclass(frozen=True, slots=True)
class _Choice:
    """Candidates in the order of their ids, and what is wanted of them."""

    table: pa.Table
    count: int
    wants: tuple[Want, ...]
    method: Method
    quotas: Quotas | None
    rows: Rows
    """Their rows in the whole table."""

    @property
    def needs_vectors(self) -> bool:
        """Whether samples are compared with one another."""
        return bool({"diverse", "representative"} & set(self.wants))

    def made(self, vectors: Floats | None, run: Run, crew: Crew) -> _Made:
        """The picks, and the terms of the objective for them and for draws at random."""
        size = len(self.rows)
        room = one_group(size, self.count) if self.quotas is None else self.quotas.room(self.rows)
        scale = 1.0 if vectors is None else mean_square(vectors)
        if self.method == "farthest-first":
            assert vectors is not None
            picked = farthest_first(vectors, room, self.count, crew)
            far = apart(vectors[picked.rows], float(np.sqrt(scale)), crew)
            return _Made(picked, {}, {}, {}, None, far)
        alone = values_of(self.table, self.wants)
        world = None
        if vectors is not None:
            memory = run.memory or quarter_of_memory()
            world = World.of(vectors, scale, self.wants, self.count, memory, crew)
        usual = {want: float(one.mean()) for want, one in alone.items()}
        usual |= {} if world is None else world.drawn()
        best = self._best(alone, world)
        weights = self._weights(best, usual)
        values = np.zeros(size)
        for want, one in alone.items():
            values += weights[want] * one / self.count
        together = {} if world is None else world.terms(weights)
        picked = greedy(values, list(together.values()), room, self.count)
        reached = {want: float(one[picked.rows].mean()) for want, one in alone.items()}
        reached |= {want: term.value for want, term in together.items()}
        distances = covered = None
        if vectors is not None:
            distances = apart(vectors[picked.rows], float(np.sqrt(scale)), crew)
        if world is not None and "representative" in together:
            covered = world.covered(picked.rows)
        tops = [weights[want] * best[want].upper if want in best else 1.0 for want in self.wants]
        picked = replace(picked, upper=min(picked.upper, sum(tops)))
        return _Made(picked, weights, _ordered(reached), _ordered(usual), covered, distances)

    def _best(self, alone: Mapping[str, Doubles], world: World | None) -> dict[str, Best]:
        """What picks have of each want if nothing else is wanted."""
        tops = {want: float(np.sort(one)[-self.count :].mean()) for want, one in alone.items()}
        best = {want: Best(top, top) for want, top in tops.items()}
        if len(self.wants) > 1 and world is not None:
            best |= world.best()
        return best

    def _weights(self, best: Mapping[str, Best], usual: Mapping[str, float]) -> dict[str, float]:
        """How much each want counts: the less, the farther the best picks are above random ones.

        So each want decides as much as any other, however far its values lie apart here.
        """
        if len(self.wants) == 1:
            return {self.wants[0]: 1.0}
        ranges = {want: max(best[want].reached - usual[want], NARROWEST) for want in self.wants}
        whole_ = sum(1 / one for one in ranges.values())
        return {want: 1 / one / whole_ for want, one in ranges.items()}

    def part(self, found: Judged, made: _Made) -> SelectionPart:
        """What the provenance says of it."""
        usual = None if made.apart is None else made.apart.usual
        smallest = None if made.apart is None else made.apart.smallest
        upper: float | None = None
        guarantee: float | None
        if self.method == "greedy":
            reached = sum(made.weights[want] * value for want, value in made.terms.items())
            guarantee = (1 - 1 / e) if self.quotas is None else 0.5
            upper = max(made.picked.upper, reached)
        else:
            reached = (smallest or 0.0) / (usual or 1.0)
            guarantee = 0.5 if self.quotas is None else None
        return SelectionPart(
            count=self.count, want=self.wants, method=self.method, objective=reached,
            weights=made.weights, terms=made.terms, at_random=made.at_random,
            upper=upper, guarantee=guarantee, eligible=len(self.rows), not_eligible=found.counts,
            usual_distance=usual, smallest_distance=smallest,
            by=None if self.quotas is None else self.quotas.by, quotas=self._quotas(made),
        )  # fmt: skip

    def _quotas(self, made: _Made) -> tuple[QuotaPart, ...]:
        if self.quotas is None:
            return ()
        room = self.quotas.room(self.rows)
        groups = len(room.most)
        there = np.bincount(room.group, minlength=groups)
        picked = np.bincount(room.group[made.picked.rows], minlength=groups)
        return tuple(
            QuotaPart(group=group, most=most, eligible=int(there[at]), picked=int(picked[at]))
            for at, (group, most) in enumerate(self.quotas.most.items())
        )

    def shown(self, made: _Made) -> Shown:
        """What sentences on the picks are made of."""
        picks = self.table.take(made.picked.rows)
        return Shown(
            rarer=rarer_shares(picks) if "rare" in self.wants else None,
            faithful=faithful_p(picks) if "faithful" in self.wants else None,
            covered=made.covered,
            apart=made.apart if "diverse" in self.wants else None,
        )


def _ordered(terms: Mapping[str, float]) -> dict[str, float]:
    return {want: terms[want] for want in get_args(Want) if want in terms}


def _without_picks(table: ScoreTable) -> ScoreTable:
    """Without the columns of an earlier selection; metadata of such names stays."""
    arrow = table.arrow
    if table.provenance.selection is not None:
        arrow = arrow.drop_columns([name for name in ADDED if name in arrow.column_names])
    return ScoreTable(arrow, table.provenance, table.pictures)


def _table_of(
    table: ScoreTable, pictures: SourcePictures | None, choice: _Choice, found: Judged, made: _Made
) -> ScoreTable:
    """The whole table, picks first, with what was found."""
    picks = choice.rows[made.picked.rows]
    size = len(table)
    sentences = reasons_of(choice.count, choice.shown(made))
    numbers: list[int | None] = [None] * size
    why: list[str | None] = [None] * size
    gains: list[float | None] = [None] * size
    for turn, row in enumerate(picks.tolist()):
        numbers[row], why[row] = turn + 1, sentences[turn]
        gains[row] = float(made.picked.gains[turn])
    columns = {
        "pick": pa.array(numbers, pa.int64()),
        "pick_reason": pa.array(why, pa.string()),
        "pick_gain": pa.array(gains, pa.float64()),
        "not_eligible": pa.array(found.reasons, pa.string()),
    }
    arrow = table.arrow
    taken = {*columns, *arrow.column_names}
    arrow = arrow.rename_columns(
        [free_name(name, taken) if name in columns else name for name in arrow.column_names]
    )
    for place, (name, values) in enumerate(columns.items(), start=1):
        arrow = arrow.add_column(place, name, values)
    others = np.setdiff1d(np.arange(size), picks)
    arrow = arrow.take(pa.array(np.concatenate([picks, others])))
    provenance = replace(table.provenance, selection=choice.part(found, made))
    return ScoreTable(arrow, provenance, _seen(table.pictures, pictures))


def _seen(known: object, opened: SourcePictures | None) -> SourcePictures | None:
    """The pictures of the table, and those of samples that were opened."""
    if not isinstance(known, SourcePictures):
        return opened
    if opened is None:
        return known
    return replace(
        known, samples=opened.samples, scored={**known.scored, **opened.scored}, _opened={}
    )


def picked(table: ScoreTable) -> ScoreTable:
    """The picks alone, in their order."""
    arrow = table.arrow
    return ScoreTable(
        arrow.filter(pc.is_valid(arrow["pick"])).sort_by("pick"), table.provenance, table.pictures
    )
