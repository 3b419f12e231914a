"""A small network with gradients that stands for the default one: the guide's eyes.

    images --default network--> vectors --principal components--> 64 numbers --learnt by--> student

The default network runs without gradients, and is large for pictures of 28 x 28. So a small one
learns its vectors, compared as rara compares them, of the guide's half of the real images and of
samples (distillation). It saw none of the images that judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from generators_training import to_images
from guidance_worlds import BATCH, LEARNT_SEED, World
from numpy.typing import NDArray
from paper_data import Images, Work
from torch import Tensor, nn

from rara.features.metric import with_metric

DIM = 64
SAMPLES = 3_000
STEPS = 1_500
MINI = 128


def network(channels: int, side: int) -> nn.Sequential:
    """Convolutions that halve the side until it is 4 or less."""
    width = 32 if side <= 32 else 16
    layers: list[nn.Module] = []
    before = channels
    while side > 4:
        layers += [nn.Conv2d(before, width, 4, 2, 1), nn.BatchNorm2d(width), nn.SiLU()]
        before, width, side = width, 2 * width, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side**2, DIM))


@dataclass(frozen=True)
class Student:
    """What the guide sees of images: (n, 64) numbers, with a gradient."""

    model: nn.Module

    def __call__(self, images: Tensor) -> Tensor:
        return self.model(images)

    @torch.no_grad()
    def of(self, pixels: Images) -> NDArray[np.float32]:
        return torch.cat([self.model(part) for part in to_images(pixels).split(BATCH)]).numpy()


def vectors(images: Images, work: Work) -> NDArray[np.float32]:
    """By the default network, as rara compares them."""
    return with_metric(work.features(images), None).vectors


def student_of(world: World, work: Work, place: Path) -> Student:
    """Trained once; its weights lie in the folder."""
    channels, side = to_images(world.guide[:1]).shape[1:3]
    torch.manual_seed(0)
    model = network(channels, side)
    path = place / f"student-{world.data}.pt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        learn(model, world, work)
        torch.save(model.state_dict(), path)
    model.load_state_dict(torch.load(path, weights_only=True))
    model.eval().requires_grad_(requires_grad=False)
    return Student(model)


@dataclass(frozen=True)
class Components:
    """The first principal components of the guide's vectors."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def of(cls, world: World, work: Work) -> Components:
        real = vectors(world.guide, work)
        mean = real.mean(0)
        _, _, axes = np.linalg.svd(real - mean, full_matrices=False)
        return cls(mean, axes[:DIM])

    def __call__(self, of: NDArray[np.float32]) -> NDArray[np.float32]:
        return (of - self.mean) @ self.axes.T


def learn(model: nn.Module, world: World, work: Work) -> None:
    """The components of the guide's half, and of samples of several truncations."""
    latents = world.latents(SAMPLES, LEARNT_SEED)
    spread = torch.linspace(0.7, 1.5, SAMPLES).reshape(-1, *[1] * (latents.ndim - 1))
    images = np.concatenate([world.guide, world.images(spread * latents)])
    targets = torch.from_numpy(Components.of(world, work)(vectors(images, work)))
    train(model, to_images(images), targets / targets.std())


def explained(student: Student, world: World, work: Work) -> float:
    """The share of the variance of vectors of the half that judges which the student predicts.

    Of all numbers of the vectors, not of its components alone.
    """
    components, real = Components.of(world, work), vectors(world.judge, work)
    true, found = components(real), student.of(world.judge)
    scaled = found * (true * found).sum() / (found**2).sum()
    lost = ((scaled - true) ** 2).sum() - ((true - true.mean(0)) ** 2).sum()
    return float(-lost / ((real - real.mean(0)) ** 2).sum())


def train(model: nn.Module, images: Tensor, targets: Tensor) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, STEPS)
    model.train()
    for step in range(STEPS):
        chosen = torch.randint(len(images), (MINI,))
        loss = (model(moved(images[chosen])) - targets[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if (step + 1) % 500 == 0:
            print(f"student: step {step + 1} of {STEPS}, {loss.item():.3f}", flush=True)
    model.eval()


def moved(images: Tensor) -> Tensor:
    """With a little noise, so that the student is smooth."""
    return images + 0.03 * torch.randn_like(images)
