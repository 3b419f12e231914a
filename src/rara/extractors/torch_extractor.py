"""A PyTorch network as an extractor: prepared pixels -> the network -> one vector an image.

Images go through the network one at a time, each on one core. So a vector depends on its own
image alone, and not on a batch or a number of threads. The networks are in `inception`, `vgg16`
and `timm_models`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import ThreadpoolController

from rara.arguments import whole
from rara.errors import MissingPackageError
from rara.extractors.base import Spec
from rara.machine import cores

if TYPE_CHECKING:
    import torch

Colour = tuple[float, float, float]

IMAGENET_MEAN: Colour = (0.485, 0.456, 0.406)
IMAGENET_STD: Colour = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class TorchExtractor:
    """A network in PyTorch, with the preprocessing that it was trained with."""

    spec: Spec
    lanes: int
    _resize: Callable[[Image.Image], NDArray[Any]] = field(repr=False)
    _network: Callable[[torch.Tensor], torch.Tensor] = field(repr=False)
    """A batch of one image with its channels first -> a batch of one vector."""
    batch_size: int = 4
    """Worked on one by one all the same."""

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Resize one RGB image to the network's input, (height, width, 3)."""
        return self._resize(image)

    def extract(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of prepared images, (n, height, width, 3) -> (n, dim), one image at a time."""
        import torch

        vectors = np.empty((len(batch), self.spec.dim), dtype=np.float32)
        torch.get_num_threads()  # sets up this thread, or its first operation would undo the limit
        with torch.inference_mode(), _openmp().limit(limits=1, user_api="openmp"):
            for row, pixels in enumerate(batch):
                channels_first = np.ascontiguousarray(pixels.transpose(2, 0, 1))
                vectors[row] = self._network(torch.from_numpy(channels_first)[None])[0].numpy()
        return vectors


@cache
def _openmp() -> ThreadpoolController:
    """The library that shares PyTorch's work among threads; its limit is each thread's own."""
    return ThreadpoolController()


def lanes_of(threads: int | None) -> int:
    """How many images are worked on at once."""
    return cores() if threads is None else whole(threads, "threads")


def need(network: str, *modules: str) -> None:
    """Raise MissingPackageError where a network's library is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"Extractor '{network}' takes {', '.join(missing)}, which is not installed: run "
            "`pip install torch torchvision timm torch-fidelity`."
        )


def normalised(pixels: torch.Tensor, mean: Colour, std: Colour) -> torch.Tensor:
    """`(pixel / 255 - mean) / std` of uint8 pixels with their channels first."""
    import torch

    centre, scale = (torch.tensor(colour).view(3, 1, 1) for colour in (mean, std))
    return (pixels.float() / 255 - centre) / scale


def in_words(mean: Colour, std: Colour) -> str:
    """The same for a spec."""
    return f"(x/255-{list(mean)})/{list(std)}"
