"""The generators that `guidance.py` leads, and the real images that lead and judge them.

    fashion    the conditional GAN of `generators.py` on Fashion-MNIST
    diffusion  the diffusion model of `generators.py` on the same images
    cifar10    the conditional GAN of `generators.py` on CIFAR-10
    faces      the DCGAN of `paper_faces.py`, whose training images can't be had: outputs of its
               own, from a fixed seed, stand for real images

The training images are cut in two. Guidance sees the first half alone, the second judges; so do
fresh images of the test set, which neither the generator nor guidance saw.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from fashion_generators import LATENT, Images, choose
from generators_networks import Denoiser, schedule
from generators_training import Trainer, to_pixels
from torch import Tensor, nn

HALF, FRESH = 5_000, 2_000
"""Images of each half of the reference, and real images that nobody saw."""
BATCH = 250
SAMPLES_SEED, LEARNT_SEED = 11, 12
"""Of the latent vectors that are judged, and of those that the guide's network learns from."""


@dataclass(frozen=True)
class World:
    """A generator, and real images."""

    name: str
    guide: Images
    """The half of the reference that guidance sees."""
    judge: Images
    """The half that judges."""
    fresh: Images
    """Real images that nobody saw."""
    latent: tuple[int, ...]
    network: nn.Module
    draw: Callable[[Tensor, Tensor], Tensor]
    """Latent vectors and classes -> images in [-1, 1], with a gradient."""

    def latents(self, count: int, seed: int = SAMPLES_SEED) -> Tensor:
        return torch.randn(count, *self.latent, generator=torch.Generator().manual_seed(seed))

    @property
    def data(self) -> str:
        """What the generator was trained on: worlds of one data set share a student."""
        return "fashion" if self.name == "diffusion" else self.name

    @torch.no_grad()
    def images(self, latents: Tensor) -> Images:
        """Pixels; row i is of class i modulo 10."""
        classes = classes_of(len(latents))
        parts = zip(latents.split(BATCH), classes.split(BATCH), strict=True)
        return to_pixels(torch.cat([self.draw(*part).float() for part in parts]))


def classes_of(count: int) -> Tensor:
    """A class for each sample, in turn."""
    return torch.arange(count) % 10


def cut(images: Images, seed: int = 0) -> tuple[Images, Images]:
    """Two halves of HALF images each, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(images))
    return images[np.sort(order[:HALF])], images[np.sort(order[HALF : 2 * HALF])]


def trained(name: str, options: argparse.Namespace) -> World:
    """The GAN, or the diffusion model, of a data set."""
    data = "cifar10" if name == "cifar10" else "fashion"
    trainer = Trainer(data, options)
    pixels, _ = trainer.data["train"]
    guide, judge = cut(np.asarray(pixels[trainer.rows]))
    tests, labels = trainer.data["test"]
    fresh = np.asarray(tests[choose(labels, FRESH // 10, seed=1)])
    if name == "diffusion":
        model = trainer.diffusion()
        draw = partial(denoised, model)
        return World(name, guide, judge, fresh, trainer.plan.shape, model, draw)
    gan = trainer.gan()
    return World(name, guide, judge, fresh, (LATENT,), gan, gan)


def faces(options: argparse.Namespace) -> World:
    from paper_faces import WIDTHS, _generator, _weights

    network = _generator(_weights(options.work / "faces"))
    random = torch.Generator().manual_seed(0)

    def draw(latents: Tensor, classes: Tensor) -> Tensor:
        return network(latents[:, :, None, None])

    with torch.no_grad():
        parts = [
            to_pixels(draw(torch.randn(BATCH, WIDTHS[0], generator=random), torch.empty(0)))
            for _ in range((2 * HALF + FRESH) // BATCH)
        ]
    guide, judge, fresh = np.split(np.concatenate(parts), [HALF, 2 * HALF])
    return World("faces", guide, judge, fresh, (WIDTHS[0],), network, draw)


def world_of(name: str, options: argparse.Namespace) -> World:
    world = faces(options) if name == "faces" else trained(name, options)
    world.network.eval().requires_grad_(requires_grad=False)
    return world


# -- the diffusion model, a step at a time ---------------------------------------------

STEPS = 20
GUIDANCE = 2.0
"""How strongly the class is followed."""
Lead = Callable[[Tensor, Callable[[Tensor], Tensor], Tensor], Tensor]
"""Noisy images, what estimates the clean ones, the share of noise of each -> the estimates."""


def estimate(model: Denoiser, noisy: Tensor, time: Tensor, classes: Tensor) -> Tensor:
    """The clean images that the model expects, as `generators_networks.denoise` has them."""
    both = torch.cat([classes, torch.full_like(classes, 10)])
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        velocities = model(noisy.repeat(2, 1, 1, 1), time.repeat(2), both)
    with_class, without = velocities.float().chunk(2)
    image_share, noise_share = schedule(time)
    velocity = without + GUIDANCE * (with_class - without)
    return image_share * noisy - noise_share * velocity


def denoised(model: Denoiser, noise: Tensor, classes: Tensor, lead: Lead | None = None) -> Tensor:
    """Images of noise by DDIM; `lead` may move the estimate of each step."""
    noisy, moments = noise, torch.linspace(1, 0, STEPS + 1)
    for now, then in pairwise(moments):
        time = now.expand(len(noisy))
        image_share, noise_share = schedule(time)

        def expected(at: Tensor, time: Tensor = time) -> Tensor:
            return estimate(model, at, time, classes)

        found = expected(noisy) if lead is None else lead(noisy, expected, noise_share.flatten())
        image = found.clamp(-1, 1)
        guessed = (noisy - image_share * image) / noise_share
        image_share, noise_share = schedule(then.expand(len(noisy)))
        noisy = image_share * image + noise_share * guessed
    return noisy
