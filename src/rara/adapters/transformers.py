"""A callback for the Trainer of Hugging Face: the watcher of a training run.

optimiser steps --every so many--> sample(model, count) --> images --Watch--> its log, an alarm
"""

from __future__ import annotations

from typing import Any

from rara.adapters.evaluating import Watching
from rara.errors import MissingPackageError

try:
    import torch  # noqa: F401
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.transformers takes transformers and torch: run `pip install transformers "
        "torch`."
    ) from error


class WatchCallback(Watching, TrainerCallback):
    """Judges images by a `rara.Watch` every `watch.every` optimiser steps, and stops if it asks to.

        Trainer(model, arguments, callbacks=[WatchCallback(watch, sample)]).train()

    `sample(model, count)` gives images of the model, (count, 3, height, width), in uint8 or in
    floats from 0 to 1: `images` of them, always from the same `seed`; the alarm allows that.
    Random numbers and modes of the training stay as they were.

    Over several ranks the first one alone makes images, from its own module: give the others None
    for `watch`. All stop together. What goes wrong while images are made and judged is in the log
    of the watch, and ends the training if its `on_error` says so.
    """

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Look, if the step is due."""
        if self.look(state.global_step, kwargs["model"]):
            control.should_training_stop = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Close the log."""
        self.end()
        return control
