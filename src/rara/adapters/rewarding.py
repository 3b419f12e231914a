"""Images as trainers hold them, rewarded: torch (N, C, H, W) from 0 to 1, or numpy (N, H, W, C).

images --rewards_of--> one reward each; what cannot be rewarded gets what the caller says
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.adapters.pixels import pixels_of
from rara.arguments import short
from rara.errors import ParameterError
from rara.reference.scorer import Scorer

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    Batch: TypeAlias = "torch.Tensor | NDArray[np.generic] | Sequence[Image]"


def checked_scorer(scorer: object) -> Scorer:
    """The scorer that an adapter was given. Raises ParameterError for anything else."""
    if not isinstance(scorer, Scorer):
        raise ParameterError(f"scorer = {short(scorer)}: give `Reference.scorer()`.")
    return scorer


def checked_failed(failed: object) -> float:
    """The reward of images that have none: a number, or NaN."""
    if not isinstance(failed, (int, float)) or isinstance(failed, bool) or isinf(failed):
        raise ParameterError(f"failed = {short(failed)}: give a finite number, or NaN.")
    return float(failed)


def rewards_of(images: Batch, scorer: Scorer, failed: float) -> NDArray[np.float64]:
    """(n,) rewards of a batch; `failed` for images with numbers that are not finite.

    Raises ParameterError for another shape, type or range, and for images that want gradients.
    """
    if getattr(images, "requires_grad", False):
        raise ParameterError(
            "These images want gradients, and rara's extractors have none: give "
            "`images.detach()`, or use `rara.selection.torch.Reward` with an `extractor`."
        )
    usable, pixels = _pixels(images)
    rewards = np.full(len(usable), failed)
    if usable.any():
        found = scorer.reward(pixels)
        rewards[usable] = np.where(np.isnan(found), failed, found)
    return rewards


def _pixels(images: Any) -> tuple[NDArray[np.bool_], list[object]]:
    """Which images are finite, and these as images that rara takes."""
    if isinstance(images, np.ndarray):
        if images.ndim != 4 or images.shape[3] not in (1, 3) or images.dtype != np.uint8:
            raise ParameterError(
                f"Images of {images.dtype} and shape {images.shape}: give numpy arrays of uint8 "
                "and shape (n, height, width, 3), or tensors of shape (n, 3, height, width)."
            )
        return np.ones(len(images), np.bool_), list(images)
    if hasattr(images, "is_floating_point"):  # a tensor; torch need not be installed for others
        if images.ndim != 4:
            raise ParameterError(f"Images of shape {tuple(images.shape)}: give four dimensions.")
        usable = np.ones(len(images), np.bool_)
        if images.is_floating_point():
            usable = images.isfinite().flatten(1).all(1).cpu().numpy()
            images = images[usable]
        return usable, list(pixels_of(images)) if usable.any() else []
    if isinstance(images, (str, bytes)) or not hasattr(images, "__len__"):
        raise ParameterError(f"images = {short(images)}: give a batch of images.")
    return np.ones(len(images), np.bool_), list(images)
