"""50,000 samples of a trained generator, for `set_sizes.py`: a second side as large as CIFAR-10.

    python studies/set_sizes_samples.py .study/generators --cifar10 .study/cifar10

`generators.py` trained the network. Beside CIFAR-10's own arrays this writes

    gan_images.npy    (50,000, 32, 32, 3) uint8, 5,000 of each class
    gan.npy           (50,000, 1280) float32 vectors by the default extractor

It needs torch, and six minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from cifar10 import vectors_of
from fashion_generators import LATENT
from generators import drawn, noise
from generators_training import Trainer

COUNT = 50_000
SEED = 6
"""Of latent vectors: not that of `generators.py`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder of studies/generators.py")
    parser.add_argument("--cifar10", type=Path, required=True, help="that of studies/cifar10.py")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = options.cifar10 / "gan_images.npy"
    if not images.exists():
        # What a Trainer asks besides; it trains nothing where weights are there.
        vars(options).update(only=(), again=False, steps_scale=1.0, precision="bfloat16")
        model = Trainer("cifar10", options).gan()
        np.save(images, drawn(model, noise(COUNT, LATENT, seed=SEED), torch.arange(COUNT) % 10))
    vectors = vectors_of(options.cifar10, "gan", threads=options.threads)
    print(f"{vectors.shape[0]:,} vectors of {vectors.shape[1]} numbers")


if __name__ == "__main__":
    main()
