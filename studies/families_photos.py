"""Scores of how unusual an image is, on photos: which one tells what from fresh photos.

    python studies/families_photos.py FOLDER --into docs/explanation/trust.md

FOLDER is what studies/cifar10.py writes. The first 10,000 training photos of CIFAR-10 are the
reference. Test photos are set against others that something was done to, against images that are
no photos (noise, and Fashion-MNIST from the demo), and against photos of a class that was left out
of the reference, each class in turn. Needs scikit-learn. Five minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edits import EDITS
from families import FAMILIES, Judges, areas, cells
from numpy.typing import NDArray
from PIL import Image

from pages import insert
from rara import Features, Run, get_extractor, open_source
from rara.features.embed import embed

FASHION = Path(__file__).parents[1] / "examples" / "fashion" / "heldout.zip"
REFERENCE, FRESH, CHANGED = 10_000, 2_000, 1_000
CHOSEN = ("JPEG 30", "noise 20", "blur 4 %", "half size and back", "grey", "turned 90°")
HEAD = f"""\
| samples | {" | ".join(FAMILIES)} |
|---|{"---|" * len(FAMILIES)}
"""

NO_PHOTO = ["none of the classes"] * CHANGED

Vectors = NDArray[np.float32]


def labelled(vectors: Vectors, labels: Sequence[object]) -> Features:
    return Features.from_arrays(vectors, metadata={"label": [str(label) for label in labels]})


def vectors_of(images: Any, threads: int) -> Vectors:
    found: Vectors = embed(
        open_source(images), get_extractor(threads=threads), threads=threads
    ).vectors
    return found


def edited(images: NDArray[np.uint8], edit: str) -> Mapping[str, Image.Image]:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(image) for image in images]
    return {f"{i:05d}": EDITS[edit](one, pictures[i - 1], rng) for i, one in enumerate(pictures)}


def noise() -> Mapping[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (CHANGED, 32, 32, 3), dtype=np.uint8)
    return {f"{i:05d}": one for i, one in enumerate(pixels)}


class Photos:
    """CIFAR-10 as vectors with labels."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.threads = threads
        self.pixels = np.load(folder / "test_images.npy", mmap_mode="r")
        self.labels = np.load(folder / "test_labels.npy")
        self.test = np.load(folder / "test.npy", mmap_mode="r")
        self.known = np.load(folder / "train_labels.npy")[:REFERENCE]
        self.reference = np.load(folder / "train.npy", mmap_mode="r")[:REFERENCE]

    def test_photos(self, rows: NDArray[np.int64]) -> Features:
        return labelled(np.ascontiguousarray(self.test[rows]), self.labels[rows].tolist())

    def reference_of(self, rows: NDArray[np.int64]) -> Features:
        return labelled(np.ascontiguousarray(self.reference[rows]), self.known[rows].tolist())

    def samples(self) -> Iterator[tuple[str, Features]]:
        """What is told from fresh photos; others than those."""
        rows = np.arange(FRESH, FRESH + CHANGED)
        labels = self.labels[rows].tolist()
        yield "other fresh photos", self.test_photos(rows)
        for edit in CHOSEN:
            vectors = vectors_of(edited(self.pixels[rows], edit), self.threads)
            yield f"photos, {edit}", labelled(vectors, labels)
        yield "Fashion-MNIST", labelled(vectors_of(FASHION, self.threads), NO_PHOTO)
        yield "noise in every pixel", labelled(vectors_of(noise(), self.threads), NO_PHOTO)


def changed_lines(photos: Photos, run: Run) -> Iterator[str]:
    judge = Judges(photos.reference_of(np.arange(REFERENCE)), run, by="label")
    fresh = judge(photos.test_photos(np.arange(FRESH)))
    for name, samples in photos.samples():
        yield f"| {name} | {cells(areas(judge(samples), fresh))} |\n"
        sys.stderr.write(f"{name} judged\n")


def lacking_line(photos: Photos, run: Run) -> str:
    """Fresh photos of a class that the reference lacks against those of the others."""
    found = []
    for label in range(10):
        judge = Judges(photos.reference_of(np.flatnonzero(photos.known != label)), run, by="label")
        lacking = photos.labels[:FRESH] == label
        scores = [judge(photos.test_photos(np.flatnonzero(rows))) for rows in (lacking, ~lacking)]
        found.append(areas(*scores))
    return f"| photos of a class that the reference lacks | {cells(np.mean(found, axis=0))} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run, photos = Run(threads=chosen.threads), Photos(chosen.folder, chosen.threads)
    table = "".join([HEAD, *changed_lines(photos, run), lacking_line(photos, run)])
    print(table, end="")
    if chosen.into:
        insert(chosen.into, table, "families_photos")


if __name__ == "__main__":
    main()
