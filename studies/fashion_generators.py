"""The demo's data: a reference from Fashion-MNIST, and two generators trained on it.

    pip install -e '.[torch]'
    apt-get install dataset-fashion-mnist
    python studies/fashion_generators.py --out examples/fashion

writes five archives of 28 x 28 PNGs:

    reference.zip   400 training images of each of the ten classes
    heldout.zip     1,000 images of the test set: fresh reals, the yardstick
    gan-1.0.zip     1,000 outputs of a conditional GAN trained on the reference
    gan-0.5.zip     the same GAN with its latent vectors scaled by one half (truncation)
    vae.zip         1,000 outputs of a variational autoencoder trained on the reference

Both generators see the 4,000 images of the reference and nothing else, so that an output can
only have been copied from there. Seeds and the number of threads are fixed: the same machine
and version of torch give the same bytes. About ten minutes on two cores.

The networks and how they are trained serve `generators.py` too, there for photos as well.
"""

from __future__ import annotations

import argparse
import gzip
import io
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

CLASSES = (
    *("t-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle-boot"),
)
LATENT = 64
BATCH = 64
GREY = (1, 28, 28)
"""Channels, rows and columns of the images of Fashion-MNIST."""
Images = NDArray[np.uint8]
Shape = tuple[int, int, int]
After = Callable[[int, nn.Module, dict[str, float]], None]
"""What follows a step of training: its number, the model, its losses."""


# -- data ------------------------------------------------------------------------------


def read_idx(path: Path) -> Images:
    """An array in the format of MNIST: two zero bytes, type, rank, sizes, data."""
    content = gzip.decompress(path.read_bytes())
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder: Path, part: str) -> tuple[Images, Images]:
    """Images and labels of `train` or `t10k`."""
    if not (folder / f"{part}-images-idx3-ubyte.gz").exists():
        raise SystemExit(f"No Fashion-MNIST in '{folder}': apt-get install dataset-fashion-mnist.")
    return tuple(  # type: ignore[return-value]
        read_idx(folder / f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")
    )


def choose(labels: Images, each: int, seed: int) -> NDArray[np.int64]:
    """Indices of so many images of every class, in ascending order."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.flatnonzero(labels == c), each, replace=False) for c in range(10)]
    return np.sort(np.concatenate(chosen))


def write_zip(path: Path, images: Images, names: list[str]) -> None:
    """Stored PNGs in a zip without time stamps, so that equal images give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, image in zip(names, images, strict=True):
            encoded = io.BytesIO()
            Image.fromarray(image).save(encoded, "PNG", optimize=True)
            entry = zipfile.ZipInfo(f"{name}.png")
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, encoded.getvalue())


def write_reals(path: Path, images: Images, labels: Images, chosen: NDArray[np.int64]) -> None:
    """Real images under their class and their index in the data set."""
    names = [f"{CLASSES[labels[i]]}/{i:05d}" for i in chosen]
    write_zip(path, images[chosen], names)


def write_samples(path: Path, sample: Callable[[Tensor], Tensor], count: int = 1000) -> None:
    """Outputs of a generator, equally many of every class."""
    classes = torch.arange(10).repeat(count // 10)
    with torch.no_grad():
        pixels = ((sample(classes) + 1) * 127.5).round().clamp(0, 255).byte().numpy()[:, 0]
    names = [f"{CLASSES[c]}/{i:05d}" for i, c in enumerate(classes.tolist())]
    write_zip(path, pixels, names)


# -- the GAN ---------------------------------------------------------------------------


def halvings(side: int) -> tuple[int, int]:
    """How often a side is halved until it is 7 or less, and what is left of it."""
    times = 0
    while side > 7:
        side, times = side // 2, times + 1
    return times, side


class Generator(nn.Module):
    """Latent vector and class -> image in [-1, 1]."""

    def __init__(self, width: int = 32, shape: Shape = GREY) -> None:
        super().__init__()
        times, side = halvings(shape[1])
        widths = [width << i for i in range(times, 0, -1)]
        self.embed = nn.Embedding(10, LATENT)
        self.net = nn.Sequential(
            nn.Linear(2 * LATENT, widths[0] * side**2, bias=False),
            nn.Unflatten(1, (widths[0], side, side)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        for before, after in pairwise(widths):
            self.net.append(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False))
            self.net.append(nn.BatchNorm2d(after))
            self.net.append(nn.ReLU())
        self.net.append(nn.ConvTranspose2d(widths[-1], shape[0], 4, 2, 1))
        self.net.append(nn.Tanh())

    def forward(self, latent: Tensor, classes: Tensor) -> Tensor:
        return self.net(torch.cat([latent, self.embed(classes)], 1))


class Leaky(nn.Module):
    """A leaky ReLU that strengthens what spectral normalization weakens."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * F.leaky_relu(x, 0.2)


class Discriminator(nn.Module):
    """Image and class -> how real (a projection discriminator, Miyato and Koyama 2018)."""

    def __init__(self, width: int = 32, shape: Shape = GREY, gain: float = 1.0) -> None:
        super().__init__()
        times, side = halvings(shape[1])
        widths = [shape[0], *(width << i for i in range(times))]
        self.features = nn.Sequential()
        for before, after in pairwise(widths):
            self.features.append(spectral_norm(nn.Conv2d(before, after, 4, 2, 1)))
            self.features.append(Leaky(gain))
        self.features.append(nn.Flatten())
        self.features.append(spectral_norm(nn.Linear(widths[-1] * side**2, 128)))
        self.features.append(Leaky(gain))
        self.real = spectral_norm(nn.Linear(128, 1))
        self.classes = spectral_norm(nn.Embedding(10, 128))

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        features = self.features(images)
        return self.real(features)[:, 0] + (self.classes(classes) * features).sum(1)


def shift(images: Tensor, most: int = 3) -> Tensor:
    """Every image moved a little: what keeps a GAN on few images from learning them by heart.

    Differentiable augmentation, Zhao et al. 2020, arXiv 2006.10738.
    """
    padded = F.pad(images, (most,) * 4, value=-1)
    count, channels, side, _ = images.shape
    rows = torch.randint(0, 2 * most + 1, (count, 1, 1, 1)) + torch.arange(side)[:, None]
    columns = torch.randint(0, 2 * most + 1, (count, 1, 1, 1)) + torch.arange(side)
    each = torch.arange(count)[:, None, None, None]
    return padded[each, torch.arange(channels)[:, None, None], rows, columns]


def train_gan(
    images: Tensor,
    classes: Tensor,
    steps: int,
    width: int = 32,
    share: Callable[[int], float] = lambda _: 0.998,
    gain: float = 1.0,
    seeking: float = 0.0,
    after: After | None = None,
) -> Generator:
    """The generator's weights, averaged over the last few hundred steps.

    `share` is what the average keeps of itself at a step, `gain` the discriminator's, `seeking`
    the weight of `sameness`.
    """
    shape = tuple(images.shape[1:])
    generator, discriminator = Generator(width, shape), Discriminator(width, shape, gain)
    average = Generator(width, shape)
    average.load_state_dict(generator.state_dict())
    tune = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    judge = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        labels = classes[chosen]
        asked = labels[: BATCH // 2].repeat(2) if seeking else labels
        latents = torch.randn(BATCH, LATENT)
        fakes = generator(latents, asked)
        both = shift(torch.cat([images[chosen], fakes.detach()]))
        real, fake = discriminator(both, torch.cat([labels, asked])).chunk(2)
        judged = descend(judge, F.softplus(-real).mean() + F.softplus(fake).mean())
        loss = F.softplus(-discriminator(shift(fakes), asked)).mean()
        tuned = descend(tune, loss + seeking * sameness(fakes, latents) if seeking else loss)
        blend(average, generator, share=share(step))
        report("GAN", step, steps)
        if after:
            after(step, average, {"discriminator": judged, "generator": tuned})
    return average.eval()


def sameness(images: Tensor, latents: Tensor) -> Tensor:
    """How little images of a class differ for how far apart their latent vectors are.

    The first half is compared with the second. Mode seeking, Mao et al. 2019, arXiv 1903.05628.
    """
    near, far = ((one[: BATCH // 2] - one[BATCH // 2 :]).abs() for one in (images, latents))
    return 1 / ((near.float().mean((1, 2, 3)) / far.mean(1)).mean() + 1e-5)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> float:
    """One step downhill, and the loss before it."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def blend(average: nn.Module, latest: nn.Module, *, share: float) -> None:
    """Move the average's weights a little towards the latest."""
    for old, new in zip(average.state_dict().values(), latest.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - share)
        else:
            old.copy_(new)


def sample_gan(generator: Generator, truncation: float) -> Callable[[Tensor], Tensor]:
    """Samples with latent vectors scaled by the truncation."""

    def sample(classes: Tensor) -> Tensor:
        torch.manual_seed(1)
        return generator(truncation * torch.randn(len(classes), LATENT), classes)

    return sample


# -- the VAE ---------------------------------------------------------------------------


class Autoencoder(nn.Module):
    """Image -> mean and log variance of latent numbers -> image; the class is given to both."""

    def __init__(self, latent: int = 8, width: int = 32, shape: Shape = GREY) -> None:
        super().__init__()
        self.latent = latent
        times, side = halvings(shape[1])
        widths = [shape[0], *(width << i for i in range(times))]
        self.encode = nn.Sequential()
        for before, after in pairwise(widths):
            self.encode.append(nn.Conv2d(before, after, 4, 2, 1))
            self.encode.append(nn.ReLU())
        self.encode.append(nn.Flatten())
        self.infer = nn.Linear(widths[-1] * side**2 + 10, 2 * latent)
        self.decode = nn.Sequential(
            nn.Linear(latent + 10, widths[-1] * side**2),
            nn.ReLU(),
            nn.Unflatten(1, (widths[-1], side, side)),
        )
        for before, after in pairwise(reversed(widths)):
            self.decode.append(nn.ConvTranspose2d(before, after, 4, 2, 1))
            self.decode.append(nn.ReLU())
        self.decode[-1] = nn.Tanh()

    def forward(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.code(images, classes)
        latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.draw(latent, classes), mean, log_variance

    def code(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent vectors of images."""
        inferred = self.infer(torch.cat([self.encode(images), one_hot(classes)], 1))
        mean, log_variance = inferred.chunk(2, 1)
        return mean, log_variance

    def draw(self, latent: Tensor, classes: Tensor) -> Tensor:
        """Images of latent vectors."""
        return self.decode(torch.cat([latent, one_hot(classes)], 1))

    def sample(self, classes: Tensor) -> Tensor:
        """Images from the prior."""
        torch.manual_seed(1)
        return self.draw(torch.randn(len(classes), self.latent), classes)


def one_hot(classes: Tensor) -> Tensor:
    return F.one_hot(classes, 10).float()


def train_vae(
    images: Tensor,
    classes: Tensor,
    steps: int,
    model: Autoencoder | None = None,
    after: After | None = None,
) -> Autoencoder:
    """Kingma and Welling 2014, arXiv 1312.6114, with a Gaussian likelihood."""
    model = model or Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        drawn, mean, log_variance = model(images[chosen], classes[chosen])
        misfit = (drawn - images[chosen]).square().sum((1, 2, 3)).mean()
        surprise = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        loss = descend(optimizer, misfit + surprise)
        report("VAE", step, steps)
        if after:
            after(step, model, {"loss": loss, "divergence": surprise.item()})
    return model.eval()


def report(name: str, step: int, steps: int) -> None:
    if (step + 1) % 500 == 0:
        print(f"{name}: step {step + 1} of {steps}", flush=True)


# -- all together ----------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=Path("examples/fashion"))
    parser.add_argument("--gan-steps", type=int, default=5000)
    parser.add_argument("--vae-steps", type=int, default=4000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)

    pixels, labels = load(options.data, "train")
    chosen = choose(labels, 400, seed=0)
    write_reals(options.out / "reference.zip", pixels, labels, chosen)
    fresh, fresh_labels = load(options.data, "t10k")
    write_reals(options.out / "heldout.zip", fresh, fresh_labels, choose(fresh_labels, 100, seed=1))

    images = torch.from_numpy(pixels[chosen]).float()[:, None] / 127.5 - 1
    classes = torch.from_numpy(labels[chosen].astype(np.int64))
    torch.manual_seed(0)
    gan = train_gan(images, classes, options.gan_steps)
    for truncation in (1.0, 0.5):
        write_samples(options.out / f"gan-{truncation}.zip", sample_gan(gan, truncation))
    torch.manual_seed(0)
    write_samples(options.out / "vae.zip", train_vae(images, classes, options.vae_steps).sample)


if __name__ == "__main__":
    main()
