"""Callbacks for Lightning: how many rare images and copies a generator makes as it trains.

training steps --average--> averaged weights, swapped in --sample--> images
images --Scorer--> score table --log--> rara/yield, rara/copy_rate, rara/off_manifold
images --Watch--> its log, and an alarm that ends the training
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from rara.adapters.evaluating import Watching, evaluating
from rara.adapters.pixels import pixels_of
from rara.arguments import number, whole
from rara.comparison.figures import Figure, shares_of
from rara.errors import MissingPackageError, ParameterError
from rara.reference.scorer import Scorer

try:
    import torch
    from lightning.pytorch import Callback
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.lightning takes Lightning: run `pip install lightning`."
    ) from error

LOGGED: Mapping[str, Figure] = {
    "rara/yield": "yield",
    "rara/copy_rate": "copies",
    "rara/off_manifold": "off_manifold",
}
"""What is logged: figures of `rara.compare`, by the same definitions."""


class Checkpoint(TypedDict):
    """What a checkpoint holds of the callback."""

    average: dict[str, torch.Tensor]


class OriginalityCallback(Callback):
    """Samples images at the end of epochs, scores them, and logs three shares.

        rara/yield           rare, on the manifold and no copy: higher is better
        rara/copy_rate       as near to a reference image as few real images are: lower is better
        rara/off_manifold    off the manifold of the reference: lower is better

    They are the shares `yield`, `copies` and `off_manifold` of `rara.compare`. Real images have
    shares above 0 as well: at most alpha are off the manifold, and 1 % count as copies (alpha with
    fewer than 400 reference images). The "copy rate" of `rara compare` is the excess over those.
    A share is NaN where too few real images allow no p-value that is small enough.

    `scorer` judges the images: `Reference.fit("train/").scorer()`. `sample(module, count)` gives
    images of the module, (count, 3, height, width), in uint8 or in floats from 0 to 1. Every
    `every` epochs, `images` of them are made, always from the same `seed`; training's random
    numbers stay as they were.

    With `decay`, such as 0.999, an exponential moving average of the weights is kept, updated
    after each optimiser step, and swapped in while images are made. It is part of checkpoints.
    Buffers, such as the statistics of batch normalisation, are not averaged.

    Over several ranks the first one alone makes images, from its own module; so modules that are
    sharded over ranks cannot be used. Raises ParameterError for options out of range and for
    images of another shape or range.
    """

    def __init__(
        self,
        scorer: Scorer,
        sample: Callable[[Any, int], torch.Tensor],
        *,
        images: int = 1000,
        every: int = 1,
        decay: float | None = None,
        seed: int = 0,
    ) -> None:
        if decay is not None and not 0 <= number(decay, "decay") < 1:
            raise ParameterError(f"decay = {decay:g}: give 0 or more and less than 1.")
        self.scorer, self.sample, self.decay = scorer, sample, decay
        self.images, self.every = whole(images, "images"), whole(every, "every")
        self.seed = whole(seed, "seed", least=0)
        self._average: dict[str, torch.Tensor] = {}
        self._step = 0

    # -- the average of the weights --------------------------------------------------------

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the average with the weights as they are, unless a checkpoint brought one."""
        self._step = trainer.global_step
        if self.decay is not None and not self._average:
            self._average = {
                name: value.detach().clone() for name, value in pl_module.named_parameters()
            }

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the average towards the weights, once for each optimiser step."""
        if self.decay is None or trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        with torch.no_grad():
            for name, value in pl_module.named_parameters():
                mean = self._average[name] = self._average[name].to(value.device)
                mean.lerp_(value, 1 - self.decay)

    def state_dict(self) -> Checkpoint:
        """The average, for a checkpoint."""
        return {"average": self._average}

    def load_state_dict(self, state_dict: Checkpoint) -> None:
        """The average of a checkpoint."""
        self._average = dict(state_dict["average"])

    # -- images --------------------------------------------------------------------------

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Sample, score and log, every `every` epochs."""
        if (trainer.current_epoch + 1) % self.every or not trainer.is_global_zero:
            return
        with self._swapped_in(pl_module), evaluating(pl_module, self.seed):
            images = self.sample(pl_module, self.images)
        shares = shares_of(self.scorer.score(list(pixels_of(images))), self.scorer)
        for name, figure in LOGGED.items():
            pl_module.log(name, shares[figure], rank_zero_only=True)

    @contextmanager
    def _swapped_in(self, module: Any) -> Iterator[None]:
        """The averaged weights in the module, and its own again whatever happens."""
        own = {name: value.data for name, value in module.named_parameters() if self._average}
        try:
            for name, value in module.named_parameters():
                if own:
                    value.data = self._average[name].to(value.device)
            yield
        finally:
            for name, value in module.named_parameters():
                if own:
                    value.data = own[name]


class WatchCallback(Watching, Callback):
    """Judges images by a `rara.Watch` every `watch.every` optimiser steps, and stops if it asks to.

    `sample(module, count)` gives images of the module, (count, 3, height, width), in uint8 or in
    floats from 0 to 1: `images` of them, always from the same `seed`; the alarm allows that.
    Training's random numbers, modes and weights stay as they were.

    Over several ranks the first one alone makes images, from its own module: give the others None
    for `watch`. All stop together. What goes wrong while images are made and judged is in the log
    of the watch, and ends the training if its `on_error` says so.
    """

    _step = -1

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to count optimiser steps."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look, once for each optimiser step that is due."""
        step = trainer.global_step
        if step == self._step:
            return
        self._step = step
        if self.look(step, pl_module):
            trainer.should_stop = True

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Close the log."""
        self.end()
