"""A callback for the Trainer of Hugging Face: the watcher of a training run.

optimiser steps --every so many--> sample(model, count) --> images --Watch--> its log, an alarm
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rara.adapters.evaluating import any_rank, evaluating
from rara.adapters.pixels import pixels_of
from rara.arguments import whole
from rara.errors import MissingPackageError
from rara.watching.watch import Watch

try:
    import torch
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.transformers takes transformers and torch: run `pip install transformers "
        "torch`."
    ) from error


class WatchCallback(TrainerCallback):
    """Judges images by a `rara.Watch` every `watch.every` optimiser steps, and stops if it asks to.

        Trainer(model, arguments, callbacks=[WatchCallback(watch, sample)]).train()

    `sample(model, count)` gives images of the model, (count, 3, height, width), in uint8 or in
    floats from 0 to 1: `images` of them, always from the same `seed`; the alarm allows that.
    Random numbers and modes of the training stay as they were.

    Over several ranks the first one alone makes images, from its own module: give the others None
    for `watch`. All stop together. What goes wrong while images are made and judged is in the log
    of the watch, and ends the training if its `on_error` says so.
    """

    def __init__(
        self,
        watch: Watch | None,
        sample: Callable[[Any, int], torch.Tensor],
        *,
        images: int = 1000,
        seed: int = 0,
    ) -> None:
        self.watch, self.sample = watch, sample
        self.images, self.seed = whole(images, "images"), whole(seed, "seed", least=0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Look, if the step is due."""
        model, watch = kwargs["model"], self.watch

        def sample() -> list[Any]:
            with evaluating(model, self.seed):
                return list(pixels_of(self.sample(model, self.images)))

        if watch is not None:
            watch(state.global_step, sample)
        if any_rank(watch is not None and watch.should_stop, model):
            control.should_training_stop = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Close the log."""
        if self.watch is not None:
            self.watch.close()
        return control
