"""Both suites of checks on any function of two sets, and the table of what it passed.

function(samples, reference) -> a number, a `SetScore`, or several by name
check_metric(function, kind) -> Conformance: one row a check, with what was expected and found
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from rara.arguments import short, whole
from rara.errors import ParameterError
from rara.sets.base import Vectors, seed_of
from rara.sets.checks.check import Case, Check, Grid, Kind, agree
from rara.sets.checks.criteria import Criterion, Values
from rara.sets.checks.known_answers import KNOWN_ANSWERS
from rara.sets.checks.published import PUBLISHED

Suite = Literal["published", "known-answers"]
Metric = Callable[[Vectors, Vectors], Any]
SUITES: dict[Suite, tuple[Check, ...]] = {
    "published": PUBLISHED,
    "known-answers": KNOWN_ANSWERS,
}
KINDS: tuple[Kind, ...] = get_args(Kind)
FAR = 3.0
"""Shift of every coordinate that a distance is compared with."""


NO_KIND = "not checked: no kind given"
"""What is said of a number without a kind."""


class _UnusableError(Exception):
    """The metric returned something else than numbers, or ended the program."""


@dataclass(frozen=True, slots=True)
class _Metrics:
    """A function to check: what it measures by which name, and how it is tried."""

    function: Metric
    kinds: Mapping[str, Kind]
    grid: Grid
    repeats: int
    seed: int
    unchecked: dict[str, None] = field(default_factory=dict)
    """Names without a kind that it has returned, in their order."""

    def measured(self, samples: Vectors, reference: Vectors) -> dict[str, float]:
        """Its numbers for two sets; a distance as a share of that of a set far away."""
        values = self._numbers(samples, reference)
        if "distance" in self.kinds.values():
            scale = np.float32(FAR) * reference.std(dtype=np.float32)
            far = self._numbers(reference[: len(samples)] + scale, reference)
            for name, kind in self.kinds.items():
                if kind == "distance":
                    values[name] = 1 - values[name] / far[name] if far[name] else float("nan")
        return values

    def _numbers(self, samples: Vectors, reference: Vectors) -> dict[str, float]:
        try:
            found = self.function(samples, reference)
        except SystemExit as error:
            raise _UnusableError(
                f"The metric ends the program with SystemExit({short(error.code)}): let it return "
                "a number, or raise an Exception where it has none."
            ) from None
        try:
            if isinstance(found, Mapping):
                self.unchecked.update({str(one): None for one in found if one not in self.kinds})
                return {name: float(found[name]) for name in self.kinds}
            (name,) = self.kinds
            return {name: float(found)}
        except (KeyError, TypeError, ValueError):
            raise _UnusableError(
                f"The metric returned {short(found)}: a number is needed for "
                f"{', '.join(self.kinds)}."
            ) from None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one metric."""

    metric: str
    kind: Kind
    suite: Suite
    check: str
    question: str
    passed: bool
    failed: tuple[str, ...]
    """What did not hold: the case, what was expected, what was found."""


@dataclass(frozen=True, slots=True)
class Conformance:
    """What metrics passed of the checks that have an answer for their kind."""

    results: tuple[CheckResult, ...]
    unchecked: tuple[str, ...] = ()
    """Names of numbers that the function returned and that have no kind."""

    def passed(self, metric: str | None = None, suite: Suite | None = None) -> tuple[int, int]:
        """How many checks passed, and of how many."""
        chosen = [
            one.passed
            for one in self.results
            if metric in (None, one.metric) and suite in (None, one.suite)
        ]
        return sum(chosen), len(chosen)

    @property
    def metrics(self) -> list[str]:
        """Their names, in the order given."""
        return list(dict.fromkeys(one.metric for one in self.results))

    def rows(self) -> list[dict[str, object]]:
        """One mapping a result, for JSON and tables."""
        return [
            {name: getattr(one, name) for name in CheckResult.__slots__} for one in self.results
        ]

    def to_markdown(self) -> str:
        """One table a suite: checks down, metrics across, then how many each passed."""
        tables = [self._table(suite) for suite in SUITES if self.passed(suite=suite)[1]]
        return "\n".join([*tables, *(f"{name}: {NO_KIND}.\n" for name in self.unchecked)])

    def _table(self, suite: Suite) -> str:
        cells = {
            (one.check, one.metric): "pass" if one.passed else "**fail**"
            for one in self.results
            if one.suite == suite
        }
        checks = list(dict.fromkeys(check for check, _ in cells))
        metrics = [name for name in self.metrics if self.passed(name, suite)[1]]
        lines = [f"| {suite} | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
        for check in checks:
            row = [cells.get((check, metric), "") for metric in metrics]
            lines.append(f"| {check} | " + " | ".join(row) + " |")
        totals = [" of ".join(map(str, self.passed(metric, suite))) for metric in metrics]
        return "\n".join([*lines, "| passed | " + " | ".join(totals) + " |", ""])


def check_metric(
    function: Metric,
    kind: Kind | Mapping[str, Kind] = "fidelity",
    *,
    name: str | None = None,
    suites: Sequence[Suite] = ("published", "known-answers"),
    grid: Grid = "short",
    repeats: int = 3,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Conformance:
    """Both suites on a function of (n, d) and (m, d) float32 arrays, samples first.

    `kind` tells what it measures: "fidelity" or "diversity" (1 is best and 0 worst), "distance"
    (lower is closer) or "copying" (higher is more original); by name, where the function returns
    several numbers by name. The mean of the repeats is checked. The grid "published" has all
    places of the paper's knobs, and takes about five times as long; with 10 repeats it is the
    paper's experiment. `progress` is called with the name of each check.

    Where the function raises an error, the check fails and says so. Numbers that it returns by
    a name without a kind are listed as `unchecked`. Raises ParameterError where an option is none
    of those, and where the function returns something else than numbers or ends the program.
    """
    whole(repeats, "repeats")
    seed_of(seed)
    kinds = _kinds(kind, name or str(getattr(function, "__name__", "metric")))
    _one_of(grid, get_args(Grid), "grid")
    metrics = _Metrics(function, kinds, grid, repeats, seed)
    results: list[CheckResult] = []
    for suite in suites:
        _one_of(suite, tuple(SUITES), "suite")
        for check in SUITES[suite]:
            if check.kinds() & set(kinds.values()):
                if progress:
                    progress(f"{suite}: {check.name}")
                results += _results(metrics, suite, check)
    return Conformance(tuple(results), tuple(metrics.unchecked))


def _kinds(kind: Kind | Mapping[str, Kind], name: str) -> dict[str, Kind]:
    kinds = dict(kind) if isinstance(kind, Mapping) else {name: kind}
    for one in kinds.values():
        _one_of(one, KINDS, "kind")
    return kinds


def _one_of(value: object, allowed: Sequence[str], name: str) -> None:
    if value not in allowed:
        raise ParameterError(f"{name} = {short(value)}: give one of {', '.join(allowed)}.")


def _results(metrics: _Metrics, suite: Suite, check: Check) -> list[CheckResult]:
    values = [_values(metrics, case) for case in check.cases]
    found = []
    for metric, kind in metrics.kinds.items():
        outcomes, failed = [], []
        for case, by_metric in zip(check.cases, values, strict=True):
            for criterion in case.criteria.get(kind, ()):
                outcome = criterion.holds(by_metric[metric])
                outcomes.append(outcome)
                if not outcome:
                    failed.append(_failure(case, criterion, by_metric[metric]))
        if outcomes:
            passed = agree(outcomes)
            if not passed and not failed:
                failed.append("low in some cases and high in others")
            row = metric, kind, suite, check.name, check.question, passed, tuple(failed)
            found.append(CheckResult(*row))
    return found


def _failure(case: Case, criterion: Criterion, values: Values) -> str:
    found = f"raised {values.raised}" if values.raised else f"found {criterion.found(values)}"
    return f"{case.label}: {criterion.expected}; {found}"


def _values(metrics: _Metrics, case: Case) -> dict[str, Values]:
    """For each metric its mean values along the knob."""
    found: dict[str, list[list[float]]] = {name: [] for name in metrics.kinds}
    knob: list[float] = []
    raised = None
    for repeat in range(metrics.repeats):
        rng = np.random.default_rng([metrics.seed, repeat])
        rows: dict[str, list[float]] = {name: [] for name in metrics.kinds}
        knob = []
        for draw in case.draws(rng, metrics.grid):
            knob.append(draw.knob)
            sides = draw.samples.astype(np.float32), draw.reference.astype(np.float32)
            try:
                values = metrics.measured(*sides)
            except _UnusableError as error:
                raise ParameterError(str(error)) from None
            except Exception as error:  # noqa: BLE001  # the metric's own: the check fails
                raised = f"{type(error).__name__}: {error}"
                values = dict.fromkeys(metrics.kinds, np.nan)
            for name, value in values.items():
                rows[name].append(value)
        for name, row in rows.items():
            found[name].append(row)
    return {
        name: Values(np.array(knob), np.mean(rows, axis=0), raised) for name, rows in found.items()
    }
