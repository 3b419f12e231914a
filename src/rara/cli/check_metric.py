"""`rara check-metric`: whether a set metric is right where the answer is known."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from rara.arguments import short
from rara.cli.options import Json, whole
from rara.cli.printing import say, say_json, tell
from rara.errors import ParameterError

if TYPE_CHECKING:
    from rara.sets import Conformance

FAILED = 1
"""The exit code of a check that failed, where it was asked for."""


def check_metric(
    function: Annotated[str, Parameter(metavar="MODULE:FUNCTION")],
    /,
    *,
    kind: Annotated[
        tuple[str, ...], Parameter(metavar="KIND", negative=(), show_default="fidelity")
    ] = ("fidelity",),
    suite: Annotated[
        tuple[Literal["published", "known-answers"], ...],
        Parameter(negative=(), show_default="both"),
    ] = ("published", "known-answers"),
    grid: Literal["short", "published"] = "short",
    repeats: Annotated[int, Parameter(metavar="N", converter=whole)] = 3,
    seed: Annotated[int, Parameter(metavar="N", converter=whole)] = 0,
    strict: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    json: Json = False,
) -> int:
    """Check a set metric on data whose answer is known.

    The function takes two arrays of float32, samples (n, d) and reference (m, d), and returns a
    number, or several by name. It is looked up from this folder: `my_metrics:coverage`. The exit
    code is 0 whatever the checks find, unless `--strict` is given.

    Parameters
    ----------
    function
        Where the metric is: a module and a function in it.
    kind
        What it measures: fidelity, diversity, distance or copying; NAME=KIND for each of several.
    suite
        `published`: the fifteen checks of Räisä et al. 2025; `known-answers`: fifteen more.
    grid
        `short`, or `published` for all places of the paper: about five times as long.
    repeats
        How often data are drawn; the mean is checked. The paper has 10.
    seed
        What the random numbers begin with.
    strict
        Exit with code 1 where a check fails, or where none was made.
    """
    from rara import sets

    metric = _load(function)
    found = sets.check_metric(
        metric,
        _kinds(kind),  # type: ignore[arg-type]  # checked there
        name=function,
        suites=suite,
        grid=grid,
        repeats=repeats,
        seed=seed,
        progress=tell,
    )
    if json:
        totals, unchecked = _totals(found), list(found.unchecked)
        say_json({"metrics": totals, "checks": found.rows(), "unchecked": unchecked})
    else:
        say(*_lines(found))
    passed, checks = found.passed()
    return FAILED if strict and (passed < checks or not checks) else 0


def _kinds(given: Sequence[str]) -> str | dict[str, str]:
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    pairs = [one.partition("=") for one in given]
    if any(not (name and kind) for name, _, kind in pairs):
        raise ParameterError(
            f"--kind {short(' '.join(given))}: give one kind, or NAME=KIND for each number."
        )
    names = [name for name, _, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ParameterError(f"--kind {short(twice[0])} is given twice: give each number one kind.")
    return {name: kind for name, _, kind in pairs}


def _load(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    if not module or not name:
        raise ParameterError(f"{short(place)}: give MODULE:FUNCTION, such as my_metrics:coverage.")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # what the module raises is not known
        why = f"{type(error).__name__}: {error}"
        raise ParameterError(f"{short(module)} cannot be imported: {why}.") from None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ParameterError(f"{short(module)} has no function {short(name)}.")
    return found  # type: ignore[no-any-return]


def _totals(found: Conformance) -> dict[str, dict[str, int]]:
    totals = {}
    for metric in found.metrics:
        passed, checks = found.passed(metric)
        totals[metric] = {"passed": passed, "checks": checks}
    return totals


def _lines(found: Conformance) -> list[str]:
    from rara.sets.checks.check_metric import NO_KIND

    lines = []
    for metric in found.metrics:
        lines.append(f"{metric}: {' of '.join(map(str, found.passed(metric)))} checks passed")
        for one in (row for row in found.results if row.metric == metric):
            mark = "pass" if one.passed else "FAIL"
            lines.append(f"  {mark}  {one.suite}: {one.check}. {one.question}")
            lines += [f"        {why}" for why in one.failed]
    if not found.results:
        lines.append("No check was made: none of these suites has an answer for this kind.")
    return [*lines, *(f"{name}: {NO_KIND}" for name in found.unchecked)]
