"""Copies of photos called with 300 reference photos, the size of a fine-tune, and fresh ones.

    python studies/few_photos.py whole|parts --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER [--packages FOLDER] [--draws 10] [--page docs/explanation/evidence.md]

In each draw, pictures are dealt to a reference of 300 and to fresh samples. They are at most 512
pixels wide. *whole*: all photos of `evidence_pictures.py` and of `evidence_fresh.py`, with those of
one scene on the same side. *parts*: ninths of the former, without those of too little detail, such
as a piece of sky; the nine of a photo are on the same side.

Some of the reference are altered: mirrored, saved as a small JPEG, cropped to 80 % and to 25 % of
the area, the latter in one of eight orientations. Each way is scored as a user would, with
`--evidence near` and `all`; the columns are the shares that get the verdict *copy*, and those that
get it or *near copy*.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from evidence_fresh import SAME_SCENE, Places, whole_photos
from evidence_pictures import Folders, Picture, detailed, parts, photos
from PIL import Image, ImageOps

import rara
from pages import insert

IMAGES = 300
MOST = 400
"""Photos that are read."""
COPIES = 20
"""Of each kind, in each draw."""
FRESH = 40
SIDE = 512
Draw = np.random.Generator


def mirrored(image: Image.Image, _: Draw) -> Image.Image:
    return ImageOps.mirror(image)


def as_jpeg(image: Image.Image, _: Draw) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file)


def cropped(image: Image.Image, share: float, rng: Draw) -> Image.Image:
    width, height = (round(side * share**0.5) for side in image.size)
    left, top = (
        int(rng.integers(whole - part + 1))
        for whole, part in zip(image.size, (width, height), strict=True)
    )
    return image.crop((left, top, left + width, top + height))


def most(image: Image.Image, rng: Draw) -> Image.Image:
    return cropped(image, 0.8, rng)


def quarter(image: Image.Image, rng: Draw) -> Image.Image:
    ways = [None, *Image.Transpose]
    part, way = cropped(image, 0.25, rng), ways[int(rng.integers(len(ways)))]
    return part if way is None else part.transpose(way)


EDITS = {
    "mirrored": mirrored,
    "JPEG 40": as_jpeg,
    "cropped to 80 %": most,
    "cropped to 25 %, in 8 orientations": quarter,
}


@dataclass(frozen=True, slots=True)
class Called:
    """What became of samples of one kind."""

    copies: int
    near: int
    """Near copies."""
    right: int
    """With the right source."""
    count: int


def whole(folders: Folders, packages: Path) -> list[Picture]:
    """Every photo; the group is its scene."""
    scenes = {max(pair): min(pair) for pair in SAME_SCENE}
    places = Places(packages, folders.cifar10, folders.clipart)
    fresh = [
        Picture(one.name, scenes.get(one.name, one.name), one.pixels)
        for one in whole_photos(places)
    ]
    return [*photos(folders, MOST, side=2560), *fresh]


def ninths(folders: Folders) -> list[Picture]:
    made = parts(folders, MOST, 3, side=2560)
    return [one for one in made if detailed(np.asarray(small(one)))]


def dealt(pictures: Sequence[Picture], seed: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """The reference, and fresh samples of other photos."""
    rng = np.random.default_rng(seed)
    groups = sorted({one.group for one in pictures})
    order = {group: place for place, group in enumerate(rng.permutation(groups))}
    ranked = sorted(pictures, key=lambda one: order[one.group])
    last = ranked[IMAGES - 1].group
    others = [one for one in ranked[IMAGES:] if one.group != last]
    fresh = [others[i] for i in rng.permutation(len(others))[:FRESH]]
    return [small(one) for one in ranked[:IMAGES]], [small(one) for one in fresh]


def small(one: Picture) -> Image.Image:
    image = Image.fromarray(one.pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image


def one_draw(pictures: Sequence[Picture], seed: int) -> dict[tuple[str, str], Called]:
    """By what is looked at, and by the edit."""
    real, fresh = dealt(pictures, seed)
    reference = rara.Reference.fit({str(i): one for i, one in enumerate(real)})
    rng = np.random.default_rng(seed + 1_000)
    samples = {f"fresh|{i}": one for i, one in enumerate(fresh)}
    for name, edit in EDITS.items():
        for row in rng.choice(IMAGES, COPIES, replace=False):
            samples[f"{name}|{row}"] = edit(real[row], rng)
    return {
        (looking, name): called
        for looking in ("near", "all")
        for name, called in judged(reference.score(samples, evidence=looking)).items()
    }


def judged(table: rara.ScoreTable) -> dict[str, Called]:
    rows = table.arrow.select(["id", "verdict", "source"]).to_pylist()
    found = {}
    for name in (*EDITS, "fresh"):
        some = [row for row in rows if row["id"].split("|")[0] == name]
        found[name] = Called(
            sum(row["verdict"] == "copy" for row in some),
            sum(row["verdict"] == "near copy" for row in some),
            sum(row["source"] == row["id"].split("|")[1] for row in some),
            len(some),
        )
    return found


def section(draws: Sequence[Mapping[tuple[str, str], Called]]) -> Iterator[str]:
    yield (
        f"| {len(draws)} draws of {IMAGES} | `near`: copy | copy or near copy "
        "| right source | `all`: copy | copy or near copy | right source |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name in (*EDITS, "fresh"):
        cells = []
        for looking in ("near", "all"):
            some = [draw[looking, name] for draw in draws]
            count = sum(one.count for one in some)
            copies, near = sum(one.copies for one in some), sum(one.near for one in some)
            right = f"{100 * sum(one.right for one in some) / count:.0f} %"
            cells += [f"{100 * copies / count:.1f} %", f"{100 * (copies + near) / count:.1f} %"]
            cells.append("–" if name == "fresh" else right)
        yield f"| {name} ({count}) | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["whole", "parts"])
    Folders.ask(parser)
    parser.add_argument("--packages", type=Path, help="of evidence_fresh.py; for whole photos")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--page", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    folders = Folders.of(args)
    if args.which == "whole" and args.packages is None:
        parser.error("whole photos need --packages.")
    pictures = whole(folders, args.packages) if args.which == "whole" else ninths(folders)
    draws = [one_draw(pictures, seed) for seed in range(args.draws)]
    table = "\n".join(section(draws))
    if args.page is None:
        print(table)
    else:
        insert(args.page, table, "few_photos", args.which)


if __name__ == "__main__":
    main()
