"""rara.sample_original: draws of a generator, until enough of them are original.

generate --drawn--> draws --verdicts, rewards--> candidates --no repeat--> picks
picks --Scorer.score, with the pictures--> score table; what is a copy after all is drawn anew
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.arguments import number, short, whole
from rara.duplicates.repeats import near_distance
from rara.errors import GeneratorError, ParameterError
from rara.features.features import Features
from rara.geometry import squared_distance
from rara.provenance.sampling import ExpectedDraws, SamplingPart
from rara.provenance.selection import NotEligible
from rara.reference.scorer import Scorer
from rara.report.verdicts import COPIED
from rara.selection.drawing import Draws, Generate, drawn
from rara.stats.intervals import share_interval
from rara.table.score_table import ScoreTable

Accept = Literal["typical", "uncommon", "rare"]
ACCEPTED: dict[Accept, tuple[str, ...]] = {
    "typical": ("typical", "uncommon", "rare"),
    "uncommon": ("uncommon", "rare"),
    "rare": ("rare",),
}
ABSENT = "samples are drawn until enough are original"
COPY_AT_ALPHA, REPEAT, NOT_BEST, UNREADABLE, LEFT_OVER = (
    *("copy at alpha", "repeat", "not the best", "unreadable", "left over"),
)


def sample_original(
    generate: Generate,
    n: int,
    scorer: Scorer,
    budget: int,
    *,
    accept: Accept = "uncommon",
    best_of: int = 1,
    alpha: float | None = None,
    batch: int = 64,
    expect: Callable[[ExpectedDraws], object] | None = None,
) -> ScoreTable:
    """Draw from a generator until `n` samples are original, or the budget is spent.

    `generate(count)` returns `count` new images, as arrays, Pillow images or encoded files, or
    vectors of shape (count, d). A draw is picked if its verdict is one of `accept` or a more
    original one (`typical`, `uncommon`, `rare`), if its `copy_p` is above `alpha` (by default that
    of the scorer), and if it repeats no earlier pick. So no pick is called a copy at this level,
    whatever is judged together with it. Picks are in the order of their draws: with `best_of=1`
    they are what the generator makes, given that it is accepted (rejection sampling).

    `best_of`: of so many draws in turn, the accepted one with the highest `Scorer.reward` is taken
    (best of N). `batch`: draws of one call. `expect` is called once after the first batch, with the
    expected number of draws and its interval; what it raises ends the sampling.

    Gives the picks, at most `n`, scored together and with their pictures, with the columns `pick`
    and `pick_reason`. `provenance.sampling` says what was asked, drawn, refused and why. There are
    fewer than `n` where the budget is spent, and none where nothing was accepted. Raises
    GeneratorError where `generate` fails, with the picks so far as its `table`; ParameterError for
    options out of range.
    """
    if not callable(generate):
        raise ParameterError(f"generate = {short(generate)}: give a function of a count.")
    if not isinstance(scorer, Scorer):
        raise ParameterError(f"scorer = {short(scorer)}: give `Reference.scorer()`.")
    if not isinstance(accept, str) or accept not in get_args(Accept):
        raise ParameterError(f"accept = {short(accept)}: give {' or '.join(get_args(Accept))}.")
    if expect is not None and not callable(expect):
        raise ParameterError(f"expect = {short(expect)}: give a function, or None.")
    level = scorer.options.thresholds.alpha if alpha is None else number(alpha, "alpha")
    if not 0 < level < 1:
        raise ParameterError(f"alpha = {level:g}: give a level between 0 and 1.")
    asked = Asked(
        whole(n, "n"), whole(budget, "budget"), accept, whole(best_of, "best_of"), level,
        whole(batch, "batch"),
    )  # fmt: skip
    if asked.budget < asked.n * asked.best_of:
        raise ParameterError(
            f"budget = {asked.budget:,}: {asked.n:,} picks take at least "
            f"{asked.n * asked.best_of:,} draws."
        )
    sampling = Sampling(generate, scorer, asked)
    try:
        return sampling.run(expect)
    except GeneratorError as error:
        error.table = sampling.table("generator")
        raise


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a generator."""

    n: int
    budget: int
    accept: Accept
    best_of: int
    alpha: float
    batch: int


@dataclass(slots=True)
class Pick:
    """A draw that is accepted."""

    name: str
    vector: NDArray[np.float32]
    content: tuple[str, str | None]
    """Digests of the file and of the pixels."""
    given: Any
    """The image by its name, or its features."""
    reward: float | None


@dataclass(slots=True)
class Sampling:
    """Draws of a generator, and what became of them."""

    generate: Generate
    scorer: Scorer
    asked: Asked
    drawn: int = 0
    picks: list[Pick] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    expected: ExpectedDraws | None = None
    scored: ScoreTable | None = None
    """The picks, with their pictures, once there are enough."""
    _first: ScoreTable | None = None
    _near: float = field(init=False)

    def __post_init__(self) -> None:
        self._near = near_distance(self.scorer.geometry.d2[:, 0])

    def run(self, expect: Callable[[ExpectedDraws], object] | None) -> ScoreTable:
        """Draw until there are enough, or no more may be drawn."""
        asked = self.asked
        while True:
            turns = (min(asked.batch, asked.budget - self.drawn) // asked.best_of) or (
                asked.budget - self.drawn >= asked.best_of
            )
            if not turns:
                return self._finished("budget")
            self._take(drawn(self.generate, turns * asked.best_of, self.drawn, self.scorer))
            if self.expected is None:
                self.expected = self._expected()
                if expect is not None:
                    expect(self.expected)
            if len(self.picks) >= asked.n:
                self._confirm()
            if len(self.picks) >= asked.n:
                return self._finished("complete")

    def _finished(self, stopped: str) -> ScoreTable:
        table = self.table(stopped)
        if table is None:
            raise GeneratorError(
                f"None of {self.drawn:,} draws can be read as an image: let `generate` return "
                "arrays, Pillow images or encoded files."
            )
        return table

    def table(self, stopped: str) -> ScoreTable | None:
        """The picks, and what became of all draws; None where nothing was ever drawn."""
        if self.picks and (self.scored is None or len(self.scored) != len(self.picks)):
            self._confirm()
        whole_ = self.scored if self.picks else self._first
        if whole_ is None:
            return None
        return self._with_picks(whole_, stopped)

    # -- one batch --

    def _take(self, draws: Draws) -> None:
        """Judge a batch; keep what is accepted, and count what is not, with the reason."""
        self.drawn += len(draws.names)
        features = draws.features
        if features is None:
            self.refused[UNREADABLE] += len(draws.names)
            return
        table = self.scorer.verdicts(features, absent=ABSENT)
        if self._first is None:
            self._first = table
        rewards = None
        if self.asked.best_of > 1:  # each by itself: repeats are refused, not weighed
            terms = self.scorer.reward_terms(features)
            rewards = terms["reward"] + terms["repeat"]
        reasons = self._reasons(table)
        rows = {name: row for row, name in enumerate(features.ids)}
        for start in range(0, len(draws.names), self.asked.best_of):
            self._turn(
                draws, draws.names[start : start + self.asked.best_of], rows, reasons, rewards
            )

    def _turn(
        self,
        draws: Draws,
        names: list[str],
        rows: dict[str, int],
        reasons: list[str | None],
        rewards: NDArray[np.float64] | None,
    ) -> None:
        """Of the draws of one turn, at most one is taken."""
        features = draws.features
        assert features is not None
        able: list[Pick] = []
        for name in names:
            row = rows.get(name)
            reason = UNREADABLE if row is None else reasons[row]
            if reason is not None or row is None:
                self.refused[reason or UNREADABLE] += 1
                continue
            pick = self._pick(draws, name, row, None if rewards is None else float(rewards[row]))
            if self._repeats(pick):
                self.refused[REPEAT] += 1
            else:
                able.append(pick)
        if not able:
            return
        best = max(able, key=lambda one: -np.inf if one.reward is None else one.reward)
        self.refused[NOT_BEST] += len(able) - 1
        if len(self.picks) < self.asked.n:
            self.picks.append(best)
        else:
            self.refused[LEFT_OVER] += 1

    def _reasons(self, table: ScoreTable) -> list[str | None]:
        """For each row None, or why it is refused."""
        allowed, alpha = ACCEPTED[self.asked.accept], self.asked.alpha
        return [
            COPY_AT_ALPHA if p <= alpha and verdict not in COPIED
            else None if verdict in allowed else str(verdict)
            for verdict, p in zip(table["verdict"], table["copy_p"], strict=True)
        ]  # fmt: skip

    def _pick(self, draws: Draws, name: str, row: int, reward: float | None) -> Pick:
        features = draws.features
        assert features is not None
        item = features.done.slice(row, 1)
        content = item["digest"][0].as_py(), item["picture"][0].as_py()
        return Pick(name, features.vectors[row], content, draws.some([name]), reward)

    def _repeats(self, pick: Pick) -> bool:
        """Whether it shows the picture of an earlier pick."""
        return any(
            pick.content[0] == other.content[0]
            or (pick.content[1] is not None and pick.content[1] == other.content[1])
            or squared_distance(pick.vector, other.vector) <= self._near**2
            for other in self.picks
        )

    # -- at the end --

    def _expected(self) -> ExpectedDraws:
        """From the first batch: picks in n turns are a share, with Wilson's interval."""
        asked, picked = self.asked, len(self.picks) + self.refused[LEFT_OVER]
        turns = self.drawn // asked.best_of
        low, high = share_interval(picked / turns, turns)
        draws = asked.n * asked.best_of
        return ExpectedDraws(
            after=self.drawn, picked=picked,
            draws=draws * turns / picked if picked else None,
            fewest=draws / high, most=draws / low if picked else None,
        )  # fmt: skip

    def _confirm(self) -> None:
        """Score the picks together, with their pictures; drop what is a copy or repeat after
        all."""
        table = self.scorer.score(_together([pick.given for pick in self.picks]))
        reasons = {
            name: reason
            for name, reason in zip(table["id"], self._confirmed(table), strict=True)
            if reason is not None
        }
        self.refused.update(reasons.values())
        self.picks = [pick for pick in self.picks if pick.name not in reasons]
        keep = np.array([name not in reasons for name in table["id"]])
        self.scored = table.filter(keep)

    def _confirmed(self, table: ScoreTable) -> list[str | None]:
        repeated = table["repeat_of"]
        return [
            reason if reason is not None
            else REPEAT if first is not None and first != name else None
            for name, first, reason in zip(
                table["id"], repeated, self._reasons(table), strict=True
            )
        ]  # fmt: skip

    def _with_picks(self, table: ScoreTable, stopped: str) -> ScoreTable:
        arrow = table.arrow if self.picks else table.arrow.slice(0, 0)
        rewards = {pick.name: pick.reward for pick in self.picks}
        reasons = [
            _sentence(name, verdict, self.asked.best_of, rewards[name])
            for name, verdict in zip(
                arrow["id"].to_pylist(), arrow["verdict"].to_pylist(), strict=True
            )
        ]
        numbers = pa.array(range(1, len(reasons) + 1), pa.int64())
        arrow = arrow.add_column(1, "pick", numbers)
        arrow = arrow.add_column(2, "pick_reason", pa.array(reasons, pa.string()))
        asked = self.asked
        counts = sorted(self.refused.items(), key=lambda pair: (-pair[1], pair[0]))
        part = SamplingPart(
            asked=asked.n, picked=len(self.picks), budget=asked.budget, drawn=self.drawn,
            accept=asked.accept, alpha=asked.alpha, best_of=asked.best_of, stopped=stopped,
            expected=self.expected,
            refused=tuple(NotEligible(reason=why, count=count) for why, count in counts if count),
        )  # fmt: skip
        return ScoreTable(arrow, replace(table.provenance, sampling=part), table.pictures)


def _together(given: list[Any]) -> Any:
    """All images by name, or the features of all."""
    if not isinstance(given[0], Features):
        return {name: image for one in given for name, image in one.items()}
    vectors = np.concatenate([one.vectors for one in given])
    return Features(vectors, pa.concat_tables([one.items for one in given]), given[0].spec, "draws")


def _sentence(name: str, verdict: str, best_of: int, reward: float | None) -> str:
    draw = int(name.removeprefix("draw-"))
    by = f", the best of {best_of} by its reward of {reward:.2f}" if reward is not None else ""
    return f"Draw {draw:,}: {verdict}{by}."
