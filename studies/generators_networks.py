"""Networks of `generators.py` that `fashion_generators.py` does not have, and their training.

    train_autoencoder   a plain autoencoder, and `CodeDensity`, what its codes are drawn from
    train_memoriser     a decoder with one free code for each image, fitted until it repeats them
    train_diffusion     a denoiser, and `denoise`, which makes images of noise with it

Images are tensors (count, channels, side, side) in [-1, 1], classes tensors (count,) of integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from fashion_generators import (
    BATCH,
    After,
    Autoencoder,
    Shape,
    blend,
    descend,
    report,
)
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

STEPS = 40
"""How often an image is denoised."""


# -- the autoencoder -------------------------------------------------------------------


def train_autoencoder(
    images: Tensor, classes: Tensor, steps: int, model: Autoencoder, after: After
) -> Autoencoder:
    """The network of the VAE without its noise: only the mean of a code is used."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        codes, _ = model.code(images[chosen], classes[chosen])
        misfit = F.mse_loss(model.draw(codes, classes[chosen]), images[chosen])
        after(step, model, {"misfit": descend(optimizer, misfit)})
        report("autoencoder", step, steps)
    return model.eval()


@dataclass(frozen=True)
class CodeDensity:
    """A Gaussian of full covariance for the codes of each class: density estimation ex post.

    Ghosh et al. 2020, arXiv 1903.12436, section 4.
    """

    means: Tensor
    """(classes, latent)"""
    roots: Tensor
    """(classes, latent, latent): the covariances' lower Cholesky factors"""

    @classmethod
    def of(cls, codes: Tensor, classes: Tensor) -> CodeDensity:
        each = [codes[classes == c].double() for c in range(10)]
        ridge = 1e-6 * codes.var() * torch.eye(codes.shape[1], dtype=torch.float64)
        return cls(
            torch.stack([own.mean(0) for own in each]).float(),
            torch.stack([torch.linalg.cholesky(own.T.cov() + ridge) for own in each]).float(),
        )

    def sample(self, classes: Tensor) -> Tensor:
        noise = torch.randn(len(classes), self.means.shape[1], 1)
        return self.means[classes] + (self.roots[classes] @ noise)[:, :, 0]


# -- the memoriser ---------------------------------------------------------------------


class Memoriser(nn.Module):
    """A decoder and one free code for each image: generative latent optimization.

    Bojanowski et al. 2018, arXiv 1707.05776, here with the squared error.
    """

    def __init__(self, count: int, latent: int, width: int, shape: Shape) -> None:
        super().__init__()
        self.decoder = Autoencoder(latent, width, shape)
        del self.decoder.encode, self.decoder.infer
        self.codes = nn.Parameter(torch.randn(count, latent))

    def forward(self, chosen: Tensor, classes: Tensor) -> Tensor:
        return self.decoder.draw(self.codes[chosen], classes)

    def sample(self, classes: Tensor, count: int, noise: float) -> tuple[Tensor, Tensor]:
        """Images near those that were learnt, and which: every code equally often.

        `noise` is in standard deviations of a coordinate of the codes.
        """
        chosen = torch.arange(count) % len(self.codes)
        codes = self.codes[chosen]
        codes = codes + noise * self.codes.std() * torch.randn_like(codes)
        return self.decoder.draw(codes, classes[chosen]), chosen


def train_memoriser(
    images: Tensor, classes: Tensor, steps: int, model: Memoriser, after: After
) -> Memoriser:
    """The decoder and the codes, fitted together at a rate that falls to nothing."""
    optimizer = torch.optim.Adam(
        [
            {"params": [model.codes], "lr": 2e-2},
            {"params": [*model.decoder.decode.parameters()], "lr": 2e-3},
        ]
    )
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        misfit = F.mse_loss(model(chosen, classes[chosen]), images[chosen])
        after(step, model, {"misfit": descend(optimizer, misfit)})
        fall.step()
        report("memoriser", step, steps)
    return model.eval()


def signal_to_noise(drawn: Tensor, images: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels, of images in [-1, 1]: the mean over images."""
    error = (drawn - images).square().mean((1, 2, 3)).clamp(min=1e-12)
    return (10 * torch.log10(4 / error)).mean().item()


# -- the diffusion model ---------------------------------------------------------------


class Block(nn.Module):
    """Two convolutions and a shortcut; time and class set a scale and a shift."""

    def __init__(self, before: int, after: int, context: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(8, before), nn.SiLU(), nn.Conv2d(before, after, 3, 1, 1)
        )
        self.norm = nn.GroupNorm(8, after)
        self.modulate = nn.Linear(context, 2 * after)
        self.second = nn.Sequential(nn.SiLU(), nn.Conv2d(after, after, 3, 1, 1))
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.modulate(context)[:, :, None, None].chunk(2, 1)
        return self.shortcut(x) + self.second(self.norm(self.first(x)) * (1 + scale) + shift)


class Attention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.answer = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.answer.weight)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.ask(self.norm(x)).unflatten(1, (3, 4, -1)).flatten(4).transpose(3, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(1))
        return x + self.answer(mixed.transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[2:]))


class Denoiser(nn.Module):
    """Noisy image, time in [0, 1] and class (10: not given) -> velocity.

    A U-Net of two resolutions over patches of 2 x 2 pixels, which cost a quarter of pixels.
    """

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        patch, context = 4 * shape[0], 4 * width
        self.frequencies = nn.Buffer(torch.exp(torch.linspace(0, math.log(1000), width // 2)))
        self.times = nn.Sequential(
            nn.Linear(width, context), nn.SiLU(), nn.Linear(context, context)
        )
        self.classes = nn.Embedding(11, context)
        self.enter = nn.Conv2d(patch, width, 3, 1, 1)
        self.fine = Block(width, width, context)
        self.down = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.coarse = Block(2 * width, 2 * width, context)
        self.attention = Attention(2 * width)
        self.middle = Block(2 * width, 2 * width, context)
        self.coarse_again = Block(4 * width, 2 * width, context)
        self.up = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.fine_again = Block(2 * width, width, context)
        self.leave = nn.Sequential(
            nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, patch, 3, 1, 1)
        )

    def forward(self, noisy: Tensor, time: Tensor, classes: Tensor) -> Tensor:
        angles = time[:, None] * self.frequencies
        context = self.times(torch.cat([angles.sin(), angles.cos()], 1)) + self.classes(classes)
        context = F.silu(context)
        fine = self.fine(self.enter(F.pixel_unshuffle(noisy, 2)), context)
        coarse = self.coarse(self.down(fine), context)
        middle = self.middle(self.attention(coarse), context)
        coarse = self.coarse_again(torch.cat([middle, coarse], 1), context)
        grown = self.up(F.interpolate(coarse, fine.shape[2:], mode="nearest"))
        fine = self.fine_again(torch.cat([grown, fine], 1), context)
        return F.pixel_shuffle(self.leave(fine), 2)


def schedule(time: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of the image and of the noise at a time: cosine (Nichol and Dhariwal 2021)."""
    angle = (time * math.pi / 2)[:, None, None, None]
    return angle.cos(), angle.sin()


def train_diffusion(
    images: Tensor, classes: Tensor, steps: int, width: int, after: After
) -> Denoiser:
    """Predicts the velocity (Salimans and Ho 2022, arXiv 2202.00512); the weights' average.

    One class in ten is not given, so that `denoise` can strengthen what the class changes.
    """
    shape = tuple(images.shape[1:])
    model, average = Denoiser(width, shape), Denoiser(width, shape)
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 2e-3, (0.9, 0.99))
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.05)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        given = classes[chosen].where(torch.rand(BATCH) > 0.1, 10)
        time, noise = torch.rand(BATCH), torch.randn(BATCH, *shape)
        image_share, noise_share = schedule(time)
        noisy = image_share * images[chosen] + noise_share * noise
        velocity = image_share * noise - noise_share * images[chosen]
        misfit = F.mse_loss(model(noisy, time, given).float(), velocity)
        after(step, average, {"misfit": descend(optimizer, misfit)})
        rate.step()
        blend(average, model, share=min(0.999, (step + 1) / (step + 10)))
        report("diffusion", step, steps)
    return average.eval()


def denoise(
    model: Denoiser, noise: Tensor, classes: Tensor, guidance: float, steps: int = STEPS
) -> Tensor:
    """Images of noise by DDIM without fresh noise (Song et al. 2021, arXiv 2010.02502).

    Guidance of 1 follows the class as learnt, above 1 more strongly (Ho and Salimans 2022,
    arXiv 2207.12598).
    """
    noisy, moments = noise, torch.linspace(1, 0, steps + 1)
    both = torch.cat([classes, torch.full_like(classes, 10)])
    for now, then in pairwise(moments):
        time = now.expand(len(noisy))
        with_class, without = model(noisy.repeat(2, 1, 1, 1), time.repeat(2), both).chunk(2)
        velocity = without + guidance * (with_class - without)
        image_share, noise_share = schedule(time)
        image = (image_share * noisy - noise_share * velocity).clamp(-1, 1)
        guessed = (noisy - image_share * image) / noise_share
        image_share, noise_share = schedule(then.expand(len(noisy)))
        noisy = image_share * image + noise_share * guessed
    return noisy
