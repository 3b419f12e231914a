"""Trained generators with known faults, for Fashion-MNIST and CIFAR-10: what a study compares.

    pip install -e '.[torch]'
    apt-get install dataset-fashion-mnist
    python studies/generators.py fashion --out .study/generators
    python studies/generators.py cifar10 --cifar10 .study/cifar10 --out .study/generators

trains five generators of each data set on the same 10,000 training images and writes, in a folder
of the data set, archives with `arr_0` (count, side, side) or (count, side, side, 3) of uint8 and
`labels`, the class of each image:

    reference       the 10,000 training images, 1,000 of each class: all that a generator saw
    heldout         5,000 images of the test set, 500 of each class
    autoencoder     a plain autoencoder; codes drawn from a Gaussian fitted to those of each class
    vae             a variational autoencoder
    gan-PSI         a conditional GAN, its latent vectors scaled by 1, .8, .6, .4 and .2
    gan-step-N      the same GAN early, midway and at the end of its training
    diffusion       a denoising diffusion model with guidance 2, sampled in 40 steps
    memoriser       a decoder fitted to 1,000 of the images until it repeats them, codes a
                    little moved; `rows` are those of the reference that it saw, `source` the one
                    among them that a sample is made from

and, with no further training,

    untrained       the GAN's weights before the first step
    early           the GAN's weights after a few hundred steps
    over-dispersed  the GAN's latent vectors scaled by 2
    mode-dropper    the GAN, asked for five of the ten classes
    one-mode        the GAN, asked for one class
    collapsed       the GAN, 20 latent vectors repeated with a small jitter
    blurred, noisy  the outputs of gan-1.0, blurred and with noise

2,000 samples of each. Sample i of every output of the GAN but mode-dropper, one-mode and collapsed
begins from the same latent vector and class, so that these pair image by image. `training.json`
holds steps, seconds, losses, numbers of parameters, seeds and versions, and how well the memoriser
repeats its images. What exists is not made again. --steps-scale .002 shows in two minutes that it
all runs.

Fashion-MNIST takes about a quarter of an hour of one core that has bfloat16, CIFAR-10 half an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fashion_generators import LATENT, Images, choose
from generators_networks import CodeDensity, denoise, signal_to_noise
from generators_training import MODELS, PLANS, Trainer, to_pixels, write
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

COUNT = 2_000
"""Samples of each generator."""
HELDOUT = 500
"""Images of each class of the test set."""
TRUNCATIONS = (1.0, 0.8, 0.6, 0.4, 0.2)
GUIDANCE = 2.0
CODE_NOISE = 0.1
"""What the memoriser's codes are moved by, in their standard deviations."""
BLUR = 1.0
"""Radius in pixels."""
NOISE = 20.0
"""Standard deviation in levels of 255."""
JITTER = 0.02
DISTINCT = 20
"""Latent vectors of `collapsed`."""
KEPT_CLASSES = (0, 2, 5, 7, 8)
"""Classes of `mode-dropper`."""
ONE_CLASS = 7

Output = tuple[Images, NDArray[Any], dict[str, NDArray[Any]]]
"""Images, their classes, and arrays to put beside them."""


# -- samples ---------------------------------------------------------------------------


def cycled(classes: tuple[int, ...]) -> Tensor:
    """A class for each sample, in turn."""
    return torch.tensor(classes).repeat(-(-COUNT // len(classes)))[:COUNT]


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def drawn(draw: Callable[..., Tensor], *inputs: Tensor, batch: int = 250) -> Images:
    """Pixels of what is drawn, so many at a time."""
    parts = zip(*(one.split(batch) for one in inputs), strict=True)
    return to_pixels(torch.cat([draw(*part).float() for part in parts]))


class Outputs:
    """The outputs of one data set, by name."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.classes = cycled(tuple(range(10)))
        latents = noise(COUNT, LATENT)
        others = noise(COUNT, LATENT, seed=3)
        few = cycled(KEPT_CLASSES)
        same = torch.full_like(self.classes, ONE_CLASS)
        gan = self.gan
        self.makers: dict[str, dict[str, Callable[[], Output]]] = {
            "data": {"reference": self.reference, "heldout": self.heldout},
            "autoencoder": {"autoencoder": self.autoencoder},
            "vae": {"vae": self.vae},
            "gan": {
                **{f"gan-{psi}": partial(gan, psi * latents) for psi in TRUNCATIONS},
                **{f"gan-step-{n}": partial(gan, latents, step=n) for n in trainer.sweep()},
                "untrained": partial(gan, latents, step=0),
                "early": partial(gan, latents, step=trainer.early()),
                "over-dispersed": partial(gan, 2 * latents),
                "mode-dropper": partial(gan, others, few),
                "one-mode": partial(gan, others, same),
                "collapsed": partial(self.collapsed, latents),
                "blurred": partial(self.altered, blurred),
                "noisy": partial(self.altered, noisy),
            },
            "memoriser": {"memoriser": self.memoriser},
            "diffusion": {"diffusion": self.diffusion},
        }

    def make(self, model: str, again: bool) -> None:
        """Write the outputs of a model that are not there."""
        for name, maker in self.makers[model].items():
            path = self.trainer.folder / f"{name}.npz"
            if again or not path.exists():
                images, labels, arrays = maker()
                write(path, images, labels, **arrays)

    def reference(self) -> Output:
        rows = self.trainer.rows
        pixels, labels = self.trainer.data["train"]
        return np.asarray(pixels[rows]), labels[rows], {}

    def heldout(self) -> Output:
        pixels, labels = self.trainer.data["test"]
        rows = choose(labels, HELDOUT, seed=1)
        return np.asarray(pixels[rows]), labels[rows], {}

    @torch.no_grad()
    def autoencoder(self) -> Output:
        model, trainer = self.trainer.autoencoder(), self.trainer
        pairs = zip(trainer.images.split(250), trainer.classes.split(250), strict=True)
        codes = torch.cat([model.code(*pair)[0] for pair in pairs])
        torch.manual_seed(1)
        sampled = CodeDensity.of(codes, trainer.classes).sample(self.classes)
        return drawn(model.draw, sampled, self.classes), self.classes.numpy(), {}

    def vae(self) -> Output:
        model = self.trainer.vae()
        latents = noise(COUNT, model.latent)
        return drawn(model.draw, latents, self.classes), self.classes.numpy(), {}

    def gan(
        self, latents: Tensor, classes: Tensor | None = None, step: int | None = None
    ) -> Output:
        classes = self.classes if classes is None else classes
        return drawn(self.trainer.gan(step), latents, classes), classes.numpy(), {}

    def collapsed(self, latents: Tensor) -> Output:
        """Two latent vectors of each class, over and over."""
        which = torch.arange(COUNT) % DISTINCT
        moved = latents[which] + JITTER * noise(COUNT, LATENT, seed=4)
        return self.gan(moved, self.classes[which])

    def altered(self, alter: Callable[[Images], Images]) -> Output:
        with np.load(self.trainer.folder / "gan-1.0.npz") as stored:
            return alter(stored["arr_0"]), stored["labels"], {}

    @torch.no_grad()
    def memoriser(self) -> Output:
        model, rows = self.trainer.memoriser(), self.trainer.learnt()
        images, classes = self.trainer.images[rows], self.trainer.classes[rows]
        repeated = model(torch.arange(len(rows)), classes)
        torch.manual_seed(1)
        samples, source = model.sample(classes, COUNT, CODE_NOISE)
        decibels = {
            "psnr": signal_to_noise(repeated, images),
            "psnr_of_samples": signal_to_noise(samples, images[source]),
        }
        self.trainer.note("memoriser", **decibels)
        arrays = {"rows": rows, "source": rows[source.numpy()]}
        return to_pixels(samples), classes[source].numpy(), arrays

    def diffusion(self) -> Output:
        model = self.trainer.diffusion()
        start = noise(COUNT, *self.trainer.plan.shape)
        with self.trainer.arithmetic():
            images = drawn(partial(denoise, model, guidance=GUIDANCE), start, self.classes)
        return images, self.classes.numpy(), {}


def blurred(pixels: Images) -> Images:
    blur = ImageFilter.GaussianBlur(BLUR)
    return np.stack([np.asarray(Image.fromarray(one).filter(blur)) for one in pixels])


def noisy(pixels: Images) -> Images:
    rng = np.random.default_rng(5)
    moved = pixels + NOISE * rng.standard_normal(pixels.shape)
    return moved.round().clip(0, 255).astype(np.uint8)


# -- all together ----------------------------------------------------------------------


def sheet(folder: Path, name: str, rows: int = 10) -> Image.Image:
    """The first samples of an output, two of each class in a row."""
    with np.load(folder / f"{name}.npz") as stored:
        shown = stored["arr_0"][: 20 * rows]
    grid = shown.reshape(rows, 20, *shown.shape[1:])
    return Image.fromarray(np.concatenate(np.concatenate(grid, 1), 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=PLANS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--cifar10", type=Path, default=Path(".study/cifar10"))
    parser.add_argument("--only", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL")
    parser.add_argument("--again", action="store_true", help="make what exists once more")
    parser.add_argument("--steps-scale", type=float, default=1.0, help="shorter training: .01")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of samples to look at")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trainer = Trainer(options.name, options)
    outputs = Outputs(trainer)
    for model in ("data", *options.only):
        outputs.make(model, options.again)
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
        for path in sorted(trainer.folder.glob("*.npz")):
            sheet(trainer.folder, path.stem).save(
                options.sheets / f"{options.name}-{path.stem}.png"
            )


if __name__ == "__main__":
    main()
