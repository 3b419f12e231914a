"""Training of the models of `generators.py`: their sizes, their data, their weights on disk.

A model is trained once: its weights lie in a folder `weights` beside the outputs, and what was
measured on the way in `training.json`. A file takes its name when it is whole.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fashion_generators import (
    GREY,
    Autoencoder,
    Generator,
    Images,
    Shape,
    choose,
    load,
    train_gan,
    train_vae,
)
from generators_networks import (
    Denoiser,
    Memoriser,
    train_autoencoder,
    train_diffusion,
    train_memoriser,
)
from numpy.typing import NDArray
from torch import Tensor, nn

SEED = 0
SWEEP = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
"""Parts of the GAN's training after which its weights are kept."""
EARLY = 300
"""Steps of training of `early`."""
EACH = 1_000
"""Images of each class that a generator sees."""
LEARNT = 100
"""Images of each class that the memoriser sees."""
MODELS = ("autoencoder", "vae", "gan", "memoriser", "diffusion")


@dataclass(frozen=True)
class Plan:
    """Sizes of the networks of a data set, and steps of training of each."""

    shape: Shape
    latent: int
    """Numbers of a code of the autoencoders."""
    learnt_latent: int
    """Numbers of a code of the memoriser."""
    width: int
    """Of the autoencoders, the memoriser and the GAN."""
    denoiser_width: int
    average: float
    """Share that the average of the GAN's weights keeps of itself."""
    gain: float
    """Of the GAN's discriminator."""
    seeking: float
    """Weight of the GAN's difference between images of a class; without it photos of a class
    are almost one image for a few thousand steps."""
    steps: Mapping[str, int]


PLANS = {
    "fashion": Plan(
        shape=GREY,
        latent=16,
        learnt_latent=64,
        width=32,
        denoiser_width=48,
        average=0.998,
        gain=1.0,
        seeking=0.0,
        steps={
            "autoencoder": 4000,
            "vae": 4000,
            "gan": 5000,
            "memoriser": 3000,
            "diffusion": 3000,
        },
    ),
    "cifar10": Plan(
        shape=(3, 32, 32),
        latent=64,
        learnt_latent=256,
        width=32,
        denoiser_width=48,
        average=0.999,
        gain=2.0,
        seeking=0.3,
        steps={
            "autoencoder": 2000,
            "vae": 2000,
            "gan": 4600,
            "memoriser": 3000,
            "diffusion": 3000,
        },
    ),
}


# -- files -----------------------------------------------------------------------------


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` that takes its name once the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write(path: Path, images: Images, labels: NDArray[Any], **arrays: NDArray[Any]) -> None:
    """An archive in ADM's form, which rara reads, with the classes in a second array."""
    with replacing(path) as draft:
        np.savez(draft, arr_0=images, labels=labels.astype(np.uint8), **arrays)
    print(f"{path}: {len(images):,} images", flush=True)


def to_pixels(images: Tensor) -> Images:
    """Bytes, without the axis of channels where there is one."""
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def to_images(pixels: Images) -> Tensor:
    """The other way."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).float() / 127.5 - 1
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def split(name: str, options: argparse.Namespace) -> dict[str, tuple[Images, Images]]:
    """Images and labels of `train` and `test`."""
    if name == "fashion":
        return {"train": load(options.fashion, "train"), "test": load(options.fashion, "t10k")}
    from cifar10 import images_of

    folder = options.cifar10
    return {
        part: (images_of(folder, part), np.load(folder / f"{part}_labels.npy"))
        for part in ("train", "test")
    }


# -- training --------------------------------------------------------------------------


@dataclass
class History:
    """Losses along a training, and the weights at some of its steps."""

    steps: int
    kept: Sequence[int] = ()
    weights: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    losses: list[dict[str, float]] = field(default_factory=list)

    def __call__(self, step: int, model: nn.Module, losses: dict[str, float]) -> None:
        for name, loss in losses.items():
            self.sums[name] = self.sums.get(name, 0) + loss
        window = max(1, self.steps // 20)
        if (step + 1) % window == 0:
            means = {name: round(total / window, 5) for name, total in self.sums.items()}
            self.losses.append({"step": step + 1, **means})
            self.sums = {}
        if step + 1 in self.kept:
            self.weights[step + 1] = {k: v.clone() for k, v in model.state_dict().items()}


class Trainer:
    """Trains the models of one data set and writes their samples."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.plan, self.options = PLANS[name], options
        self.folder = options.out / name
        self.again = set(options.only) if options.again else set()
        self.data = split(name, options)
        pixels, labels = self.data["train"]
        self.rows = choose(labels, EACH, seed=SEED)
        self.images = to_images(pixels[self.rows])
        self.classes = torch.from_numpy(labels[self.rows].astype(np.int64))

    def steps(self, model: str) -> int:
        return max(20, round(self.plan.steps[model] * self.options.steps_scale))

    def sweep(self) -> list[int]:
        return [max(1, round(self.steps("gan") * part)) for part in SWEEP]

    def early(self) -> int:
        return max(1, round(EARLY * self.options.steps_scale))

    # -- one method a model: it trains, or takes the weights that are there

    def autoencoder(self) -> Autoencoder:
        model = fresh(Autoencoder, self.plan.latent, self.plan.width, self.plan.shape)
        return self.trained("autoencoder", model, partial(train_autoencoder, model=model))

    def vae(self) -> Autoencoder:
        model = fresh(Autoencoder, self.plan.latent, self.plan.width, self.plan.shape)
        return self.trained("vae", model, partial(train_vae, model=model))

    def gan(self, step: int | None = None) -> Generator:
        """Its averaged weights after a step, by default the last; 0 is before training."""
        model = fresh(Generator, self.plan.width, self.plan.shape)
        if step == 0:
            return model.eval()
        plan = self.plan
        train = partial(
            train_gan, width=plan.width, share=self.share, gain=plan.gain, seeking=plan.seeking
        )
        return self.trained("gan", model, train, kept=(self.early(), *self.sweep()), step=step)

    def memoriser(self) -> Memoriser:
        rows, plan = self.learnt(), self.plan
        model = fresh(Memoriser, len(rows), plan.learnt_latent, plan.width, plan.shape)
        return self.trained("memoriser", model, partial(train_memoriser, model=model), rows=rows)

    def diffusion(self) -> Denoiser:
        width = self.plan.denoiser_width
        model = fresh(Denoiser, width, self.plan.shape)
        return self.trained("diffusion", model, partial(train_diffusion, width=width))

    def learnt(self) -> NDArray[np.int64]:
        """Rows of the reference that the memoriser sees."""
        return choose(self.classes.numpy().astype(np.uint8), LEARNT, seed=2)

    def share(self, step: int) -> float:
        """What the average of the GAN's weights keeps of itself: less at first."""
        return min(self.plan.average, (step + 1) / (step + 10))

    # -- weights and notes

    def trained(
        self,
        name: str,
        model: nn.Module,
        train: Callable[..., nn.Module],
        kept: Sequence[int] = (),
        step: int | None = None,
        rows: NDArray[np.int64] | slice = slice(None),
    ) -> Any:
        """The model with its weights after a step, after training it if there are none."""
        path = self.folder / "weights" / f"{name}.pt"
        if name in self.again or not path.exists():
            self.again.discard(name)
            self.train(name, train, kept, rows)
        weights = torch.load(path, weights_only=True)
        step = max(weights) if step is None else step
        if step not in weights:
            raise SystemExit(f"'{path}' holds no weights of step {step}: train it with --again.")
        model.load_state_dict(weights[step])
        return model.eval()

    def train(
        self,
        name: str,
        train: Callable[..., nn.Module],
        kept: Sequence[int],
        rows: NDArray[np.int64] | slice,
    ) -> None:
        """Weights and notes of a training."""
        steps = self.steps(name)
        history = History(steps, kept=(*kept, steps))
        torch.manual_seed(SEED)
        began, began_cpu = time.time(), time.process_time()
        with self.arithmetic(), torch.enable_grad():
            model = train(self.images[rows], self.classes[rows], steps, after=history)
        with replacing(self.folder / "weights" / f"{name}.pt") as draft:
            torch.save(history.weights, draft)
        self.note(
            name,
            steps=steps,
            seconds=round(time.time() - began),
            cpu_seconds=round(time.process_time() - began_cpu),
            parameters=sum(part.numel() for part in model.parameters()),
            seed=SEED,
            precision=self.options.precision,
            versions={"torch": torch.__version__, "numpy": np.__version__},
            losses=history.losses,
        )

    def arithmetic(self) -> torch.autocast:
        """Convolutions in half precision where that is asked for; weights stay float32."""
        half = self.options.precision == "bfloat16"
        return torch.autocast("cpu", torch.bfloat16, enabled=half, cache_enabled=False)

    def note(self, name: str, **facts: Any) -> None:
        """Put facts about a model into training.json."""
        path = self.folder / "training.json"
        notes = json.loads(path.read_text()) if path.exists() else {}
        notes[name] = {**notes.get(name, {}), **facts}
        with replacing(path) as draft:
            draft.write_text(json.dumps(notes, indent=1) + "\n")


def fresh(make: Callable[..., Any], *sizes: Any) -> Any:
    """A network with the seed's weights."""
    torch.manual_seed(SEED)
    return make(*sizes)
