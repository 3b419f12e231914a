"""Twelve hard copies, whose sources are among a few hundred pictures: found, outlined, shown.

    python studies/found_sources.py --clipart FOLDER --photos FOLDER [--images 320]
        [--report PAGE] [--picture PICTURE] [--page PAGE]

Five photos and seven drawings are each changed in another way, and searched for with `rara.search`.
The table says of each whether the right source is named, how well the outlined regions cover the
true ones, what was done in rara's words, and p. All pictures may be shown: the drawings are of
Debian's openclipart-png (public domain), the photos of scikit-image 0.26 (CC0 by Stefan van der
Walt, Rachel Michetti and Lav Varshney; public domain by NASA and SpaceX). --clipart is
/usr/share/openclipart/png, --photos a folder with scikit-image's wheel unzipped in it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap

import cv2
import numpy as np
from edits import EDITS, jpeg
from evidence_pictures import drawings
from hard_edits import HARD, Edited, Hard, Picture, box, part, pasted, rotated
from PIL import Image, ImageDraw, ImageFont

import rara
from pages import insert
from rara.image_search.match import Match
from rara.report.formatting import p_in_words
from rara.retrieval.polygons import overlap_ratio

SIDE = 512
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "camera.png")
PHOTO_PLACES = "**/skimage/data"
DRAWN = (
    "unsorted/Anatra.png",
    "transportation/vehicles/trattore_architetto_fran_01.png",
    "unsorted/landscape_near_the_river_01.png",
    "education/books/stack_of_books_01.png",
    "signs_and_symbols/flags/europe/france/france_st_pierre_and_miquelon.png",
    "people/busy_mom_with_child_and_01.png",
    "office/slim_cell_phone_israel_c_01.png",
)
CELL, GAP, LINE = 150, 12, 15
"""Pixels of a picture, between pairs, and of a line of text in the picture of all."""
WORDS = 50
"""Letters of such a line."""


@dataclass(frozen=True, slots=True)
class Case:
    """A copy, and where it comes from."""

    name: str
    source: str
    made: Edited


def mirrored_part(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """38 % of the area, mirrored."""
    crop = part(image, other, rng, area=0.38)
    return Edited(crop.picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), source=crop.source)


def collage(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """One of four in a sheet: the others are turned pictures of the other one."""
    width, height = image.size
    sheet = Image.new("RGB", (2 * width, 2 * height))
    for turn, place in enumerate(((0, 0), (width, 0), (0, height))):
        sheet.paste(other.rotate(90 * turn, expand=True).resize(image.size), place)
    sheet.paste(image, (width, height))
    return Edited(sheet, (box(0.5, 0.5, 0.5, 0.5),))


def recoloured(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """Turned by 90°, in other colours, and compressed."""
    colours = EDITS["hue 40°"](image.transpose(Image.Transpose.ROTATE_90), other, rng)
    return Edited(jpeg(colours, other, rng, quality=30))


def captioned(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """Half of it under a caption."""
    crop = part(image, other, rng, area=0.5)
    return Edited(EDITS["caption"](crop.picture, other, rng), source=crop.source)


COPIES: Mapping[str, Hard] = {
    "half of it pasted at 50 %": partial(pasted, side=0.5, area=0.5),
    "mirrored, cropped to 38 %": mirrored_part,
    "half of it, captioned": captioned,
    "one of four in a collage": collage,
    "perspective": HARD["perspective"],
    "rotated": rotated,
    "JPEG 10": HARD["JPEG 10"],
    "blended 50:50": HARD["blended 50:50"],
    "half, mirrored, paler, pasted at 60 %, JPEG 40": HARD["several at once"],
    "cropped to 10 %": HARD["crop to 10 %"],
    "pasted at 30 %": HARD["pasted at 30 %"],
    "turned, other colours, JPEG 30": recoloured,
}


def reference(clipart: Path, photos: Path, images: int) -> dict[str, Picture]:
    """The sources first, then other drawings."""
    paths = {name: next(photos.glob(f"{PHOTO_PLACES}/{name}")) for name in PHOTOS}
    paths |= {name: clipart / name for name in DRAWN}
    made = {name: opened(path) for name, path in paths.items()}
    others = sorted({path.resolve() for path in clipart.rglob("*.png")})
    names = [str(path.relative_to(clipart.resolve())) for path in others]
    for one in drawings(others, names, images, SIDE):
        if len(made) < images:
            made.setdefault(one.group, Image.fromarray(one.pixels))
    return made


def opened(path: Path) -> Picture:
    image = Image.open(path)
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    small = white.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small


def copies(real: Mapping[str, Picture]) -> Iterator[Case]:
    """One of each kind; what it is put on is not in the reference."""
    for number, (source, (name, edit)) in enumerate(
        zip(PHOTOS + DRAWN, COPIES.items(), strict=True)
    ):
        rng = np.random.default_rng(number)
        yield Case(name, source, edit(real[source], ground(rng), rng))


def ground(rng: np.random.Generator) -> Picture:
    """Soft stripes and discs of random colours: a picture that is in no reference."""
    image = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((SIDE, 384))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, size = rng.integers(0, [SIDE, 384, 60])
        draw.ellipse((x, y, x + size, y + size), fill=tuple(map(int, rng.integers(0, 256, 3))))
    return image


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the search says of a copy."""

    case: Case
    match: Match | None

    @property
    def right(self) -> bool:
        return self.match is not None and self.match.source == self.case.source

    @property
    def covers(self) -> tuple[float, float]:
        """Overlap of the outlined with the true region, over their union: sample, source."""
        match = self.match
        if not self.right or match is None or not (match.sample_region and match.source_region):
            return 0.0, 0.0
        ours = max(
            overlap_ratio(np.array(match.sample_region), one) for one in self.case.made.sample
        )
        return ours, overlap_ratio(np.array(match.source_region), self.case.made.source)


def table_of(outcomes: list[Outcome], images: int) -> Iterator[str]:
    heads = ("right source", "region in the copy", "region in the source", "in words", "p")
    yield row(f"a copy, hidden among {images} images", *heads)
    yield "|---" * (len(heads) + 1) + "|"
    for one in outcomes:
        words = (one.match.edit or "", figure(one.match.p)) if one.match else ("", "")
        covers = (f"{ratio:.2f}" for ratio in one.covers)
        yield row(one.case.name, "yes" if one.right else "no", *covers, *words)
    medians = np.median([one.covers for one in outcomes], axis=0)
    right = f"{sum(one.right for one in outcomes)} of {len(outcomes)}"
    yield row(
        "**right, and the median overlap**", right, *(f"{one:.2f}" for one in medians), "", ""
    )


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def figure(p: float | None) -> str:
    """A p-value as the page has it, without its name."""
    return "" if p is None else p_in_words(p).removeprefix("p ").removeprefix("= ")


def picture_of(outcomes: list[Outcome], real: Mapping[str, Picture]) -> Picture:
    """All copies, each beside the source that was named, both outlined: three pairs a line."""
    width, height = 2 * CELL + GAP, CELL + 3 * LINE + GAP
    sheet = Image.new("RGB", (3 * width + 2 * GAP, -(-len(outcomes) // 3) * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, one in enumerate(outcomes):
        left, top = number % 3 * (width + GAP), number // 3 * height
        if one.match is None:
            continue
        pairs = [(one.case.made.picture, one.match.sample_region),
                 (real[one.match.source], one.match.source_region)]  # fmt: skip
        for place, (image, region) in enumerate(pairs):
            sheet.paste(outlined(image, region), (left + place * (CELL + 2), top))
        draw.text((left, top + CELL + 2), one.case.name, "black", font)
        for line, words in enumerate(wrap(one.match.edit or "", WORDS)[:2]):
            draw.text((left, top + CELL + (line + 1) * LINE), words, "#555555", font)
    return sheet


def outlined(image: Picture, region: object) -> Picture:
    """A small square with the picture in its middle, and its region drawn."""
    small = image.convert("RGB")
    small.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    if region is not None:
        corners = [tuple(corner) for corner in np.array(region) * (np.array(small.size) - 1)]
        draw = ImageDraw.Draw(small)
        for colour, thick in (("black", 5), ("#ffd84a", 3)):
            draw.line([*corners, *corners[:2]], colour, thick, joint="curve")
    square = Image.new("RGB", (CELL, CELL), "#f2efe9")
    square.paste(small, ((CELL - small.width) // 2, (CELL - small.height) // 2))
    return square


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clipart", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--images", type=int, default=320)
    for name in ("report", "picture", "page"):
        parser.add_argument(f"--{name}", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    real = reference(args.clipart, args.photos, args.images)
    cases = list(copies(real))
    with tempfile.TemporaryDirectory() as work:
        samples = {case.name: case.made.picture.convert("RGB") for case in cases}
        matches = rara.search(
            samples, real, index=Path(work) / "index", split=False, run=rara.Run(threads=1)
        )
        outcomes = [Outcome(case, matches[case.name].source) for case in cases]
        if args.report:
            matches.report(args.report)
    table = "\n".join(table_of(outcomes, len(real)))
    if args.picture:
        picture_of(outcomes, real).save(args.picture, quality=80, method=6)
    if args.page:
        insert(args.page, table, "found_sources")
    else:
        print(table)


if __name__ == "__main__":
    main()
