"""What an extractor is: a named, fingerprinted map from images to vectors.

    image --prepare--> uint8 (height, width, 3) --extract (a batch)--> float32 (n, dim)

Third step of the flow: sources -> images -> extractors -> features. `prepare` runs on
decoding threads; `extract` on as many threads as the extractor has lanes. One image's
vector must not depend on the images that happen to share its batch, or a run that was
resumed would end with other bytes than one that was not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Metric: TypeAlias = Literal["euclidean", "cosine", "hellinger"]
"""How vectors are compared: as they are, by their directions, or as shares of their sums."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything that decides an extractor's numbers; equal specs give comparable vectors."""

    name: str
    """Name of the network, or path of its file."""
    weights: str
    """sha256 of the weights."""
    preprocessing: str
    """Resize, fit, size and normalisation in words, e.g. `bicubic stretch 224x224 (x-127)/128`."""
    dim: int
    """Numbers in a vector."""
    precision: str = "float32"
    """In which the network computes."""
    metric: Metric = "euclidean"
    """Another one if the vectors are scaled to length 1 for it."""

    @property
    def fingerprint(self) -> str:
        """sha256 over all fields, in hex; the metric counts where it is not the usual one."""
        fields = asdict(self)
        if self.metric == "euclidean":
            del fields["metric"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


class Extractor(Protocol):
    """Image -> vector."""

    @property
    def spec(self) -> Spec:
        """What decides the numbers."""

    @property
    def batch_size(self) -> int:
        """How many images a call of `extract` takes at best; any other number works too."""

    @property
    def lanes(self) -> int:
        """How many calls of `extract` pay off at the same time, each from a thread of its own."""

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Resize one RGB image to what `extract` takes: uint8, or float32 if a resize needs it."""

    def extract(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of a batch of prepared images, shape (n, height, width, 3) -> (n, dim)."""
