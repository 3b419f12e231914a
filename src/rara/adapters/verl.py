"""The reward in the signature of verl: compute_score(data_source, solution_str, ...).

    a rollout's image or images --score_function--> a float, or one for each

verl's managers call it with keywords. Those for diffusion give the image as `solution_str`: one,
(3, height, width), or a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from rara.adapters.rewarding import checked_failed, checked_scorer, rewards_of
from rara.arguments import short
from rara.errors import ParameterError
from rara.reference.scorer import Scorer

if TYPE_CHECKING:
    from PIL.Image import Image

    from rara.adapters.rewarding import Batch


def score_function(scorer: Scorer, *, failed: float = nan) -> Callable[..., float | list[float]]:
    """A `compute_score` of verl, for `custom_reward_function.path` and `.name`.

        compute_score(data_source, solution_str, ground_truth, extra_info=None)

    `solution_str` is what was generated: one image as a tensor (3, height, width), an array
    (height, width, 3) of uint8 or a Pillow image, which gives a float; or a batch of them, which
    gives a list. The other arguments play no role. A single image cannot repeat another one: only a
    batch has that penalty. `failed` is the reward of an image that has none. Raises ParameterError
    for text, and for images of another shape or range.
    """
    scorer, failed = checked_scorer(scorer), checked_failed(failed)
    scorer.rewards  # noqa: B018 (made, or refused, before any training)

    def compute_score(
        data_source: object = None,
        solution_str: Batch | Image | str | None = None,
        ground_truth: object = None,
        extra_info: object = None,
        **others: object,
    ) -> float | list[float]:
        """The reward of an image, or a list of rewards of a batch."""
        if solution_str is None or isinstance(solution_str, (str, bytes)):
            raise ParameterError(
                f"solution_str = {short(solution_str)}: give the image that was generated. rara "
                "rewards images, and no text."
            )
        given: Any = solution_str
        single = getattr(given, "ndim", None) == 3 or hasattr(given, "convert")
        if single:
            given = [given] if hasattr(given, "convert") else given[None]
        rewards = rewards_of(given, scorer, failed)
        return float(rewards[0]) if single else np.asarray(rewards).tolist()

    return compute_score
