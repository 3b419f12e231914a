"""Samples of the looks, one feature folder each, on bounded disk.

    features of a look --keep--> run/step-000100/
    more than so many --> every second one is removed; the first and the last stay

`rara compare run/*/ --sweep step` reads them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rara.comparison.compare import compare
from rara.comparison.sweep import Checkpoints
from rara.errors import ParameterError
from rara.features.features import Features
from rara.reference.scorer import Scorer
from rara.run import Run
from rara.storage.folder import kind_of


def step_name(step: int) -> str:
    """What the samples of a step are called, so that names sort as steps do.

    >>> step_name(100)
    'step-000100'
    """
    return f"step-{step:06d}"


def thinned(steps: list[int], most: int) -> list[int]:
    """The steps that go where there are more than `most`: every second one, but not the ends.

    So the later ones are close together, and the earlier ones farther apart.

    >>> thinned([1, 2, 3, 4, 5, 6], most=5)
    [2, 4]
    """
    return sorted(steps)[1:-1:2] if len(steps) > most else []


class Kept:
    """The folders with the samples of the looks, below the folder of the log."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most

    def place(self, step: int) -> Path:
        """Where the samples of a step are."""
        return self.folder / step_name(step)

    def there(self, steps: list[int]) -> list[int]:
        """Those of these steps whose samples are there, in their order."""
        return [step for step in sorted(set(steps)) if kind_of(self.place(step)) == "features"]

    def keep(self, step: int, features: Features, steps: list[int]) -> None:
        """Write the samples of a step; `steps` are those of all looks that the log has."""
        if not self.most:
            return
        features.save(self.place(step))
        for old in thinned(self.there([*steps, step]), self.most):
            shutil.rmtree(self.place(old), ignore_errors=True)

    def checkpoints(self, steps: list[int], scorer: Scorer, run: Run) -> Checkpoints:
        """Which step to take, as `rara compare --sweep step` says of what was kept."""
        there = self.there(steps)
        if len(there) < 2:
            raise ParameterError(
                f"'{self.folder}' has the samples of {len(there)} steps: a choice takes 2 or more."
            )
        places = {step_name(step): str(self.place(step)) for step in there}
        sweep = compare(places, scorer, sweep="step", run=run).sweep
        if sweep is None:
            raise ParameterError(f"The samples in '{self.folder}' cannot be judged.")
        return sweep.checkpoints


def remove_thinned(steps: list[int], most: int, place: Callable[[int], Path]) -> None:
    """Remove a file of every second of these steps where there are more than `most`."""
    there = [step for step in sorted(set(steps)) if place(step).is_file()]
    for old in thinned(there, most):
        place(old).unlink(missing_ok=True)
