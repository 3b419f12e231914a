"""Whole pictures as evidence: fresh pictures named at a level, and copies found.

    python studies/whole_pictures.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER [--copies 200] [--into PAGE]

`evidence_pictures.py` says where the pictures come from. From each kind a reference of several
sizes is drawn many times, with what is usual measured on each draw alone. Fresh pictures are
compared with unrelated ones only: photos of CIFAR-10 with those of other classes, since hundreds of
test photos repeat a training photo of their class, and drawings with those of other themes.
Candidates are found as `rara score` finds them: the six nearest pixel hashes within 80 bits. Copies
are made by `edits.py`, in 25 ways.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cifar10 import images_of, labels_of
from edits import EDITS
from evidence_pictures import Folders, clipart, clothes, emoji
from numpy.typing import NDArray
from PIL import Image

from pages import insert
from rara.geometry.hamming import closest_codes
from rara.images.phash import pixel_hash_of
from rara.retrieval.chance_agreement import PICTURES, ChanceAgreement
from rara.retrieval.finding import NEAR_BITS
from rara.retrieval.sources import best_as_whole
from rara.retrieval.whole_picture import WholePicture, whole_picture

LEVELS = (1e-2, 1e-4, 1e-6)
DRAWS = {20: 50, 300: 10, 5_000: 2, 50_000: 1}
"""How often a reference of each size is drawn."""
TRIED = {20: 400, 300: 1_000, 5_000: 5_000, 50_000: 10_000}
"""Fresh pictures for each draw, at most."""
CODES = 6
CLOTHES, DRAWINGS = 10_000, 3_000


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Pictures that can be drawn as a reference, and others that are fresh."""

    name: str
    reference: Sequence[Image.Image]
    groups: NDArray[np.str_]
    """Two of one group may have something in common."""
    fresh: Sequence[Image.Image]
    fresh_groups: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Pictures ready to be compared."""

    wholes: list[WholePicture]
    codes: NDArray[np.uint64]
    groups: NDArray[np.str_]
    places: NDArray[np.int64]
    """Where each picture stands among all of its kind."""

    @classmethod
    def of(cls, images: Sequence[Image.Image], groups: NDArray[np.str_]) -> Side:
        """Those with a pixel hash."""
        hashes = [pixel_hash_of(image).code for image in images]
        kept = [row for row, code in enumerate(hashes) if code]
        codes = np.frombuffer(b"".join(hashes[row] or b"" for row in kept), np.uint64)
        wholes = [whole_picture(images[row]) for row in kept]
        return cls(wholes, codes.reshape(-1, 4), groups[kept], np.array(kept))

    def take(self, rows: NDArray[np.int64]) -> Side:
        wholes = [self.wholes[row] for row in rows]
        return Side(wholes, self.codes[rows], self.groups[rows], self.places[rows])

    def __len__(self) -> int:
        return len(self.wholes)


def p_values(samples: Side, reference: Side, chance: ChanceAgreement | None) -> NDArray[np.float64]:
    """The p-value of each sample, by the candidates that have nothing in common with it."""
    p = np.ones(len(samples))
    for group in np.unique(samples.groups):
        rows = np.flatnonzero(samples.groups == group)
        others = np.flatnonzero(reference.groups != group)
        if not len(others):
            continue
        closest = closest_codes(
            samples.codes[rows], reference.codes[others], k=min(CODES, len(others))
        )
        for row, bits, found in zip(rows, closest.distance, closest.index, strict=True):
            near = [reference.wholes[others[one]] for one in found[bits <= NEAR_BITS]]
            best = best_as_whole(samples.wholes[row], near, chance, len(reference))
            p[row] = 1.0 if best is None else best.p
    return p


def kinds(folders: Folders) -> Iterator[Kind]:
    photos = [images_of(folders.cifar10, part) for part in ("train", "test")]
    labels = [labels_of(folders.cifar10, part).astype(str) for part in ("train", "test")]
    yield Kind("CIFAR-10", Pictures(photos[0]), labels[0], Pictures(photos[1]), labels[1])
    for name, make in (("clothes", clothes), ("emoji", emoji), ("clip art", clipart)):
        made = list(make(folders, CLOTHES if name == "clothes" else DRAWINGS))
        images = [Image.fromarray(one.pixels) for one in made]
        alone = np.array([one.group for one in made])
        half = len(made) // 2
        yield Kind(name, images[:half], alone[:half], images[half:], alone[half:])


class Pictures(Sequence[Image.Image]):
    """An array of photos as pictures."""

    def __init__(self, array: NDArray[np.uint8]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, row):  # type: ignore[no-untyped-def, override]
        return Image.fromarray(np.asarray(self.array[row]))


def measured(kind: Kind, copies: int) -> Iterator[str]:
    reference, fresh = (
        Side.of(kind.reference, kind.groups), Side.of(kind.fresh, kind.fresh_groups)
    )  # fmt: skip
    for size, draws in DRAWS.items():
        if size > len(reference):
            continue
        named, found, tried, hidden = np.zeros(len(LEVELS)), np.zeros(len(LEVELS)), 0, 0
        for draw in range(draws):
            rng = np.random.default_rng([size, draw])
            some = reference.take(rng.choice(len(reference), size, replace=False))
            usual = [some.wholes[row] for row in range(min(size, PICTURES))]
            chance = ChanceAgreement.among(usual)
            others = fresh.take(rng.choice(len(fresh), min(TRIED[size], len(fresh)), False))
            p = p_values(others, some, chance)
            named += [np.count_nonzero(p <= level) for level in LEVELS]
            tried += len(others)
            if draw == 0:
                p = copies_of(kind, some, chance, copies)
                found += [np.count_nonzero(p <= level) for level in LEVELS]
                hidden = len(p)
        shares = [f"{100 * one / tried:.3f}" for one in named]
        power = [f"{100 * one / hidden:.0f}" for one in found]
        cells = [kind.name, f"{size:,}", f"{tried:,}", *shares, *power]
        yield f"| {' | '.join(cells)} |\n"


def copies_of(
    kind: Kind, reference: Side, chance: ChanceAgreement | None, copies: int
) -> NDArray[np.float64]:
    """p-values of copies of reference pictures, each altered in one way; 1 for a wrong source."""
    rng = np.random.default_rng(0)
    names = [name for name in EDITS if name != "same pixels"]
    sources = rng.integers(len(reference), size=copies)
    others = rng.integers(len(kind.fresh), size=copies)
    made = [
        EDITS[names[i % len(names)]](
            kind.reference[int(reference.places[source])], kind.fresh[int(other)], rng
        )
        for i, (source, other) in enumerate(zip(sources, others, strict=True))
    ]
    altered = Side.of(made, np.array([""] * copies))
    p = np.ones(copies)
    closest = closest_codes(altered.codes, reference.codes, k=min(CODES, len(reference)))
    for row, place in enumerate(altered.places):
        near = closest.index[row][closest.distance[row] <= NEAR_BITS]
        pictures = [reference.wholes[one] for one in near]
        best = best_as_whole(altered.wholes[row], pictures, chance, len(reference))
        if best is not None and near[best.place] == sources[place]:
            p[place] = best.p
    return p


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    Folders.ask(parser)
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    chosen = parser.parse_args()
    folders = Folders.of(chosen)
    lines = [
        "| pictures | reference | fresh | named at 1e-2, % | 1e-4 | 1e-6 "
        "| copies found at 1e-2, % | 1e-4 | 1e-6 |\n",
        "|---|---|---|---|---|---|---|---|---|\n",
    ]
    for kind in kinds(folders):
        for line in measured(kind, chosen.copies):
            print(line, end="", flush=True)
            lines.append(line)
    if chosen.into:
        insert(chosen.into, "".join(lines), "whole_pictures")


if __name__ == "__main__":
    main()
