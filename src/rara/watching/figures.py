"""The figures of a look, each with its interval.

    features, Scorer --rara.compare--> row, score table
    features, reference --rara.sets.coverage--> coverage; sizes of repeats --> their interval

Nothing is computed anew that a comparison computes: its row is taken as it is, so that `rara
compare` gives the same figures of the same samples, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rara.comparison.compare import compare
from rara.comparison.figures import FIGURES, levels_of, met_by, without_value
from rara.errors import ParameterError
from rara.features.features import Features
from rara.provenance.json_format import Json, JsonObject
from rara.reference.scorer import Scorer
from rara.run import Run
from rara.sets.collection import MetricCollection
from rara.table.score_table import ScoreTable
from rara.watching.alarm import Counted


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What one look found of its samples."""

    row: JsonObject
    """The row of `rara.compare`, and `coverage` and `repeats` with their intervals."""
    table: ScoreTable
    counted: Counted


class LookJudge:
    """Judges the samples of one look after another; the reference's own work is done once."""

    def __init__(self, scorer: Scorer, run: Run) -> None:
        if not scorer.calibrates_itself or scorer.options != scorer.options.for_verdicts:
            raise ParameterError(
                "A watcher takes a scorer's k, boundary and alpha, and calibrates with the "
                "reference: remove the other options and the calibration."
            )
        self.scorer, self.run = scorer, run
        self._coverage: MetricCollection | None = None

    def judge(self, name: str, features: Features) -> Figures:
        """The figures of one set of samples."""
        found = compare({name: features}, self.scorer, run=self.run)
        [row], table = found.table.to_pylist(), found.scores[name]
        row |= self._covered(features)
        return Figures(
            {key: _json(value) for key, value in row.items()}, table, self._counted(table)
        )

    def _covered(self, features: Features) -> JsonObject:
        """None of them where the reference has too few images for the metric."""
        if self._coverage is None:
            self._coverage = MetricCollection(self.scorer.geometry.features, ["coverage"])
        run = self.run
        try:
            found = self._coverage.scores(features, memory=run.memory, threads=run.threads)
        except ParameterError:
            return {"coverage": None} | _interval("coverage", math.nan, math.nan)
        score = found["coverage"]
        return {"coverage": score.value} | _interval("coverage", score.low, score.high)

    def _counted(self, table: ScoreTable) -> Counted:
        copies, calibration = None, table.provenance.calibration
        if "copies" not in without_value(table, self.scorer):
            copies = int(met_by(table, self.scorer)[FIGURES.index("copies")].sum())
        exact = int(np.count_nonzero(table["verdict"] == "copy"))
        real = 0 if calibration is None else calibration.real_images
        return Counted(len(table), copies, exact, levels_of(self.scorer).copies, real)


def _interval(name: str, low: float, high: float) -> JsonObject:
    return {f"{name}_low": low, f"{name}_high": high}


def _json(value: Json) -> Json:
    """A value as JSON has it: no number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
