"""A metric for torchmetrics: precision, recall, density, coverage and the Rarity Score of images.

    update(images, real=True | False) -> vectors, kept -> compute() -> five figures

Vectors are kept as one long row of numbers: ranks that saw different numbers of images, or
none, merge by being put end to end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.adapters.pixels import pixels_of
from rara.adapters.prdc import prdc_and_balls
from rara.arguments import whole
from rara.errors import MissingPackageError, ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.features.opening import find_extractor
from rara.run import Run

try:
    import torch
    from torch import Tensor
    from torchmetrics import Metric
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.torchmetrics takes torchmetrics: run `pip install torchmetrics`."
    ) from error


class RarityMetric(Metric):
    """Fidelity, diversity and rarity of generated images beside real ones.

    `update(images, real=...)` takes images of shape (n, 3, height, width), as uint8 or as floats
    from 0 to 1, or vectors of shape (n, d). `compute()` gives a dict of scalar tensors:

        precision, recall, density, coverage    as `rara.adapters.prdc.compute_prdc`
        rarity    the mean Rarity Score of the generated images that a ball holds; NaN for none

    `extractor` makes vectors of images: a name, the path of an ONNX file, or an extractor. `k` is
    the number of neighbours that a ball reaches to. With `reset_real_features=False` the real
    images outlive `reset`, so that they are seen once for many epochs.

    Raises ParameterError for images of another shape or range and, in `compute`, where there are
    k images or fewer of a kind.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False

    _opened: Extractor | None
    real: list[Tensor]
    fake: list[Tensor]
    dimension: Tensor

    def __init__(
        self,
        extractor: str | Extractor = DEFAULT,
        *,
        k: int = 3,
        reset_real_features: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.k, self.reset_real_features = whole(k, "k"), reset_real_features
        self.extractor, self._opened = extractor, None
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")
        self.add_state("dimension", torch.tensor(0), dist_reduce_fx="max")

    def update(self, images: Tensor, real: bool) -> None:
        """Take in images, or vectors, that are real or generated."""
        vectors = self._vectors(images)
        if self.dimension not in (0, vectors.shape[1]):
            raise ParameterError(
                f"These vectors have {vectors.shape[1]} dimensions, those before "
                f"{int(self.dimension)}."
            )
        self.dimension = torch.tensor(vectors.shape[1], device=self.device)
        (self.real if real else self.fake).append(vectors.reshape(-1))

    def compute(self) -> dict[str, Tensor]:
        """The five figures over all ranks."""
        real, fake = self._rows(self.real, "real"), self._rows(self.fake, "generated")
        figures, balls = prdc_and_balls(real, fake, self.k)
        rarity = np.sqrt(balls.radius2[balls.count > 0])
        figures["rarity"] = float(rarity.mean()) if len(rarity) else float("nan")
        return {name: torch.tensor(value, device=self.device) for name, value in figures.items()}

    def reset(self) -> None:
        """Forget the images; the real ones stay with `reset_real_features=False`."""
        if self.reset_real_features:
            super().reset()
            return
        real, dimension = [*self.real], self.dimension  # a copy: the list itself is emptied
        super().reset()
        self.real, self.dimension = real, dimension

    def __getstate__(self) -> dict[str, object]:
        """Without the network in memory: a copy opens its own."""
        return {**super().__getstate__(), "_opened": None}

    def _vectors(self, images: Tensor) -> Tensor:
        if images.ndim == 2:
            return images.detach().float().to(self.device)
        pixels = pixels_of(images)
        self._opened = extractor = self._opened or find_extractor(self.extractor, Run())
        prepared = [extractor.prepare(Image.fromarray(one)) for one in pixels]
        vectors = [extractor.extract(one[None]) for one in prepared]
        found = np.concatenate([np.empty((0, extractor.spec.dim), np.float32), *vectors])
        return torch.from_numpy(found).to(self.device)

    def _rows(self, parts: list[Tensor] | Tensor, what: str) -> NDArray[np.float32]:
        """All vectors of a kind; ranks were put end to end already if there are several."""
        if isinstance(parts, list):
            parts = torch.cat(parts) if parts else torch.empty(0)
        numbers: NDArray[np.float32] = parts.cpu().numpy().astype(np.float32)
        rows = numbers.reshape(-1, max(int(self.dimension), 1))
        if len(rows) <= self.k:
            raise ParameterError(f"{len(rows)} {what} images: k = {self.k} needs more.")
        return rows
