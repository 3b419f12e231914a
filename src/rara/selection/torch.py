"""The reward with gradients, as a module of PyTorch: to train or to guide a generator by.

    vectors --Reward--> neighbours, exact (float32) --> distances to them, in float64 --> reward

Which reference images are near is found as for `Scorer.reward`. The distances to them are computed
again by PyTorch, from the vectors as they are, so that gradients flow to the vectors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rara.arguments import short
from rara.errors import MissingPackageError, ParameterError
from rara.extractors.base import Metric
from rara.reference.scorer import Scorer
from rara.reward.rewards import Batch, columns
from rara.reward.scale import Terms

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingPackageError(
        "rara.selection.torch takes PyTorch: run `pip install torch`."
    ) from error


class Reward(torch.nn.Module):
    """`Scorer.reward` of vectors, with gradients.

        reward = Reward(reference.scorer())
        loss = -reward(features).nanmean()

    Higher is better: 0 is a typical real image, 1 the 99th percentile of real images. A row that is
    not finite, or that the reference's metric cannot take (zeros alone, or negative numbers for
    `hellinger`), has the reward NaN and no gradient; the others are rewarded without it. The
    gradient is that of the neighbours as they are; the reward is continuous where neighbours
    change.

    `scorer`: `Reference.scorer()`. `extractor`: a module or function of PyTorch that makes the
    vectors of images, (n, ...) -> (n, d), the same that made the reference's; gradients flow
    through it. rara's own extractors have no gradients.

    `forward` takes vectors (n, d) of floats as they were extracted: they are brought under the
    reference's metric here. It gives (n,) float64 on their device. Raises ParameterError for
    another shape, for images without an `extractor`, and for a reference of fewer than 20 images.
    That the vectors are by the reference's extractor cannot be checked.
    """

    def __init__(
        self, scorer: Scorer, *, extractor: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        if not isinstance(scorer, Scorer):
            raise ParameterError(f"scorer = {short(scorer)}: give `Reference.scorer()`.")
        if extractor is not None and not callable(extractor):
            raise ParameterError(f"extractor = {short(extractor)}: give a module or a function.")
        self.scorer, self.extractor = scorer, extractor
        scorer.rewards  # noqa: B018 (made, or refused, before any training)

    def forward(self, features: Tensor) -> Tensor:
        """(n,) the rewards."""
        return self.terms(features)["reward"]

    def terms(self, features: Tensor) -> dict[str, Tensor]:
        """The terms of the reward by name, as `Scorer.reward_terms` names them."""
        vectors = self._vectors(features)
        metric = self.scorer.geometry.features.spec.metric
        usable = _usable(vectors.detach(), metric)
        found = {
            name: torch.full((len(vectors),), torch.nan, dtype=torch.float64)
            for name in (*Terms._fields, "reward")
        }
        if bool(usable.any()):
            terms = columns(self._terms(_UNDER[metric](vectors[usable])))
            for name, values in terms.items():
                found[name] = found[name].masked_scatter(usable, values)
        return {name: values.to(features.device) for name, values in found.items()}

    def _vectors(self, features: Tensor) -> Tensor:
        """float64 vectors on the CPU."""
        if not isinstance(features, Tensor):
            raise ParameterError(f"features = {short(features)}: give a tensor of shape (n, d).")
        if self.extractor is not None:
            features = self.extractor(features)
        spec = self.scorer.geometry.features.spec
        if features.ndim == 4 and self.extractor is None:
            raise ParameterError(
                f"Images of shape {tuple(features.shape)}: rara's extractors have no gradients. "
                "Give vectors, or `Reward(scorer, extractor=...)` with a module of PyTorch that "
                "makes them. For rewards without gradients give images to `Scorer.reward`."
            )
        if features.ndim != 2 or features.shape[1] != spec.dim or not features.is_floating_point():
            raise ParameterError(
                f"features of {features.dtype} and shape {tuple(features.shape)}: give floats of "
                f"shape (n, {spec.dim})."
            )
        return features.to("cpu", torch.float64)

    def _terms(self, vectors: Tensor) -> Terms:
        """Of finite vectors."""
        rewards = self.scorer.rewards
        given = np.ascontiguousarray(vectors.detach().numpy().astype(np.float32))
        batch = rewards.neighbours(given)
        d2, index = self._nearest(vectors, batch)
        measured = rewards.scale.measure(d2, index, torch.from_numpy)
        return rewards.scale.terms(measured, _others(vectors, batch))

    def _nearest(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, NDArray[np.int32]]:
        """Squared distances to the nearest reference images, ascending also in float64."""
        index = batch.nearest.index
        images = torch.from_numpy(self.scorer.rewards.vectors[index])
        d2, order = _squared(vectors[:, None] - images).sort(dim=1, stable=True)
        return d2, np.take_along_axis(index, order.numpy(), axis=1)


def _others(vectors: Tensor, batch: Batch) -> Tensor | None:
    """(n,) squared distances to the nearest other vector of the batch."""
    if batch.others is None:
        return None
    return _squared(vectors - vectors[torch.from_numpy(batch.others.index[:, 0]).long()])


def _squared(differences: Tensor) -> Tensor:
    return (differences * differences).sum(-1)


def _usable(vectors: Tensor, metric: Metric) -> Tensor:
    """(n,) which vectors the metric can take: finite, not 0, for `hellinger` without negatives."""
    usable = torch.isfinite(vectors).all(dim=1)
    if metric != "euclidean":
        usable = usable & (vectors != 0).any(dim=1)
    return usable & (vectors >= 0).all(dim=1) if metric == "hellinger" else usable


def _units(vectors: Tensor) -> Tensor:
    return vectors / _squared(vectors).sqrt()[:, None]


def _roots(vectors: Tensor) -> Tensor:
    """Square roots of shares; a number that is 0 gets no gradient, because the root has none
    there."""
    shares = vectors / vectors.sum(dim=1, keepdim=True)
    above = shares > 0
    return torch.where(above, torch.where(above, shares, 1.0).sqrt(), 0.0)


_UNDER: dict[Metric, Callable[[Tensor], Tensor]] = {
    "euclidean": lambda vectors: vectors,
    "cosine": _units,
    "hellinger": _roots,
}
"""How usable vectors are brought under each metric."""
