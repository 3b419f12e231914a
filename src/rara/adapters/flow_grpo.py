"""The reward in the signature of Flow-GRPO and of ddpo-pytorch: fn(images, prompts, metadata).

images --reward_function--> (rewards, {})
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.adapters.rewarding import checked_failed, checked_scorer, rewards_of
from rara.reference.scorer import Scorer

if TYPE_CHECKING:
    from rara.adapters.rewarding import Batch

Scores = tuple[NDArray[np.float64], dict[str, object]]


def reward_function(
    scorer: Scorer, *, failed: float = nan
) -> Callable[[Batch, object, object], Scores]:
    """A reward of Flow-GRPO: `fn(images, prompts, metadata)` gives (n,) rewards and an empty dict.

    Images are tensors (n, 3, height, width) of floats from 0 to 1 or uint8, numpy arrays
    (n, height, width, 3) of uint8, or a list of Pillow images. Prompts and metadata play no role.
    Higher is better: `Scorer.reward`. `failed` is the reward of an image that has none, such as one
    with NaN pixels. Raises ParameterError for another shape or range, and for images that want
    gradients.
    """
    scorer, failed = checked_scorer(scorer), checked_failed(failed)
    scorer.rewards  # noqa: B018 (made, or refused, before any training)

    def reward(images: Batch, prompts: object = None, metadata: object = None) -> Scores:
        """(n,) rewards of a batch, and nothing besides."""
        return rewards_of(images, scorer, failed), {}

    return reward
