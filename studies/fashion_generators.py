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
"""

from __future__ import annotations

import argparse
import gzip
import io
import zipfile
from collections.abc import Callable
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
Images = NDArray[np.uint8]


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


class Generator(nn.Module):
    """Latent vector and class -> image in [-1, 1]."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, LATENT)
        self.net = nn.Sequential(
            nn.Linear(2 * LATENT, 4 * width * 49, bias=False),
            nn.Unflatten(1, (4 * width, 7, 7)),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, 1, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, latent: Tensor, classes: Tensor) -> Tensor:
        return self.net(torch.cat([latent, self.embed(classes)], 1))


class Discriminator(nn.Module):
    """Image and class -> how real (a projection discriminator, Miyato and Koyama 2018)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.features = nn.Sequential(
            spectral_norm(nn.Conv2d(1, width, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            spectral_norm(nn.Linear(2 * width * 49, 128)),
            nn.LeakyReLU(0.2),
        )
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
    count = len(images)
    rows = torch.randint(0, 2 * most + 1, (count, 1)) + torch.arange(28)
    columns = torch.randint(0, 2 * most + 1, (count, 1)) + torch.arange(28)
    each = torch.arange(count)[:, None, None]
    return padded[each, 0, rows[:, :, None], columns[:, None, :]][:, None]


def train_gan(images: Tensor, classes: Tensor, steps: int) -> Generator:
    """The generator's weights, averaged over the last few hundred steps."""
    generator, discriminator, average = Generator(), Discriminator(), Generator()
    average.load_state_dict(generator.state_dict())
    tune = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    judge = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        labels = classes[chosen]
        fakes = generator(torch.randn(BATCH, LATENT), labels)
        both = shift(torch.cat([images[chosen], fakes.detach()]))
        real, fake = discriminator(both, labels.repeat(2)).chunk(2)
        descend(judge, F.softplus(-real).mean() + F.softplus(fake).mean())
        descend(tune, F.softplus(-discriminator(shift(fakes), labels)).mean())
        blend(average, generator, share=0.998)
        report("GAN", step, steps)
    return average.eval()


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step downhill."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


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
    """Image -> mean and log variance of 8 latent numbers -> image; the class is given to both."""

    def __init__(self, latent: int = 8, width: int = 32) -> None:
        super().__init__()
        self.latent = latent
        self.encode = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.infer = nn.Linear(2 * width * 49 + 10, 2 * latent)
        self.decode = nn.Sequential(
            nn.Linear(latent + 10, 2 * width * 49),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inferred = self.infer(torch.cat([self.encode(images), one_hot(classes)], 1))
        mean, log_variance = inferred.chunk(2, 1)
        latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.draw(latent, classes), mean, log_variance

    def draw(self, latent: Tensor, classes: Tensor) -> Tensor:
        """Images of latent vectors."""
        return self.decode(torch.cat([latent, one_hot(classes)], 1))

    def sample(self, classes: Tensor) -> Tensor:
        """Images from the prior."""
        torch.manual_seed(1)
        return self.draw(torch.randn(len(classes), self.latent), classes)


def one_hot(classes: Tensor) -> Tensor:
    return F.one_hot(classes, 10).float()


def train_vae(images: Tensor, classes: Tensor, steps: int) -> Autoencoder:
    """Kingma and Welling 2014, arXiv 1312.6114, with a Gaussian likelihood."""
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        drawn, mean, log_variance = model(images[chosen], classes[chosen])
        misfit = (drawn - images[chosen]).square().sum((1, 2, 3)).mean()
        surprise = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        descend(optimizer, misfit + surprise)
        report("VAE", step, steps)
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
