"""How often contact sheets are split exactly, and how often a single picture is split.

    python studies/contact_sheets.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER --work FOLDER [--count 135] [--single 40] [--half held-out] [--page PAGE]
        [--picture PNG]

Half of the photos were used to choose the thresholds of `rara.images.contact_sheet`, the other
half to measure; so were the seeds. `--half tuning` shows the first half. A sheet is split exactly
if every box lies within two pixels. `--picture` draws what is found on twelve sheets instead.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from contact_sheets_made import GRIDS, PAIRS, Layout, MadeSheet, Pixels, any_layout, draw
from contact_sheets_parts import IN_PARTS
from contact_sheets_single import DRAWN, Maker, maybe_jpeg
from evidence_pictures import Folders, cifar10, clipart, clothes, emoji, photos, stamps, textures
from PIL import Image, ImageDraw

from pages import insert
from rara.images.contact_sheet import Sheet, panels

SIDE = 1600
MADE: Mapping[str, Maker] = {**DRAWN, **IN_PARTS}
HALVES = ("tuning", "held-out")
FOUND: Mapping[str, int] = {
    "CIFAR-10, enlarged": 2000,
    "CIFAR-10, pixels of 8 x 8": 1000,
    "Fashion-MNIST, enlarged": 400,
    "emoji, enlarged": 800,
    "clip art": 2000,
    "stamps": 500,
    "textures": 200,
}
"""Pictures of others, and how many are read; half of them are measured."""


@cache
def photos_of(work: Path, half: str) -> list[Pixels]:
    every: list[Pixels] = pickle.loads((work / "photos.pickle").read_bytes())
    return every[HALVES.index(half) :: 2]


def crop(rng: np.random.Generator, width: int, height: int, *, work: Path, half: str) -> Pixels:
    """Any part of any photo, a third of its side or more, at this size."""
    pool = photos_of(work, half)
    photo = pool[rng.integers(len(pool))]
    scale = min(photo.shape[0] / height, photo.shape[1] / width) * rng.uniform(0.35, 1)
    w, h = max(1, int(width * scale)), max(1, int(height * scale))
    x, y = rng.integers(photo.shape[1] - w + 1), rng.integers(photo.shape[0] - h + 1)
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    resized = cv2.resize(photo[y : y + h, x : x + w], (width, height), interpolation=how)
    return np.asarray(resized, np.uint8)


# -- sheets ------------------------------------------------------------------------------


def sheet_of(seed: int, gutters: bool, work: Path, half: str) -> MadeSheet:
    rng = np.random.default_rng([seed, gutters, HALVES.index(half)])
    grids = GRIDS + PAIRS if gutters else GRIDS
    layout = any_layout(rng, gutters, grids[seed % len(grids)])
    return draw(layout, partial(crop, work=work, half=half), rng)


def outcome(made: MadeSheet, found: Sheet | None) -> str:
    if found is None:
        return "whole"
    grid = (found.rows, found.columns) == (made.layout.rows, made.layout.columns)
    if not grid or len(found.boxes) != len(made.boxes):
        return "wrong"
    off = np.abs(np.array(found.boxes) - made.boxes).max()
    return "exact" if off <= 2 else "near"


def judged(seed: int, gutters: bool, work: Path, half: str) -> tuple[Layout, str]:
    made = sheet_of(seed, gutters, work, half)
    return made.layout, outcome(made, panels(made.pixels))


GROUPS: Mapping[str, Callable[[Layout], str]] = {
    "panels": lambda layout: arrangement(layout),
    "grid": lambda layout: f"{layout.rows} x {layout.columns}",
    "gutter": lambda layout: width_of(layout.gutter, "pixels"),
    "around": lambda layout: around(layout),
    "side of a panel": lambda layout: width_of(min(layout.width, layout.height), "pixels"),
    "JPEG": lambda layout: f"quality {layout.jpeg}" if layout.jpeg else "none",
    "last row": lambda layout: "incomplete" if layout.missing else "complete",
    "gutters": lambda layout: "noisy" if layout.noise else "of one colour",
    "borders": lambda layout: "yes" if layout.border else "no",
    "scale": lambda layout: "resized" if layout.scale != 1 else "as made",
}


def width_of(pixels: int, unit: str) -> str:
    edges = (0, 1, 5, 11, 31, 65, 129, 257, 10**9)
    place = int(np.searchsorted(edges, pixels, "right"))
    if pixels == 0:
        return "none"
    last = edges[place] - 1
    return f"{edges[place - 1]} to {last} {unit}" if last < 10**8 else f"257 {unit} or more"


def arrangement(layout: Layout) -> str:
    if layout.rows > 1 and layout.columns > 1:
        return "several rows and columns"
    return "one row or column" if layout.rows * layout.columns > 2 else "two panels"


def around(layout: Layout) -> str:
    if layout.toolbar:
        return "app with a toolbar"
    if not any(layout.margins):
        return "nothing"
    return "margin" if len(set(layout.margins)) == 1 else "unequal margins"


def sheet_table(results: Sequence[tuple[Layout, str]]) -> str:
    lines = ["| sheets | | number | exact | inexact | not split | split wrongly |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines.append(f"| all | | {row(results)}")
    for name, group in GROUPS.items():
        kinds = sorted({group(layout) for layout, _ in results}, key=numbers)
        if len(kinds) > 1:
            for kind in kinds:
                part = [result for result in results if group(result[0]) == kind]
                lines.append(f"| {name} | {kind} | {row(part)}")
    return "\n".join(lines) + "\n"


def numbers(text: str) -> tuple[list[int], str]:
    return [int(word) for word in text.split() if word.isdigit()], text


def row(results: Sequence[tuple[Layout, str]]) -> str:
    shares = [np.mean([what == name for _, what in results]) for name in OUTCOMES]
    return f"{len(results)} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"


OUTCOMES = ("exact", "near", "whole", "wrong")


# -- single pictures ---------------------------------------------------------------------


def drawn_split(seed: int, kind: str, work: Path, half: str) -> bool:
    rng = np.random.default_rng([seed, list(MADE).index(kind), HALVES.index(half)])
    return panels(MADE[kind](rng, partial(crop, work=work, half=half))) is not None


def found_pictures(kind: str, folders: Folders) -> Iterator[Pixels]:
    count = FOUND[kind]
    makers = {
        "CIFAR-10, enlarged": cifar10,
        "CIFAR-10, pixels of 8 x 8": cifar10,
        "Fashion-MNIST, enlarged": clothes,
        "emoji, enlarged": emoji,
        "clip art": clipart,
        "stamps": stamps,
        "textures": textures,
    }
    how = cv2.INTER_NEAREST if "pixels" in kind else cv2.INTER_CUBIC
    rng = np.random.default_rng(0)
    for picture in makers[kind](folders, count):
        pixels = picture.pixels
        if max(pixels.shape) < 100:
            size = (256, 256)
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
        yield maybe_jpeg(pixels, rng)


def split(pixels: Pixels) -> bool:
    return panels(pixels) is not None


# -- a picture to look at ----------------------------------------------------------------


def twelve(path: Path, work: Path, half: str) -> None:
    """What is found on twelve sheets, in red on each."""
    whole = Image.new("RGB", (4 * 420, 3 * 420), (90, 90, 90))
    for place in range(12):
        made = sheet_of(40 + place, place % 3 != 2, work, half)
        found = panels(made.pixels)
        image = Image.fromarray(made.pixels)
        pen = ImageDraw.Draw(image)
        line = max(1, max(image.size) // 200)
        for box in found.boxes if found else ():
            pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=(255, 0, 0), width=line)
        image.thumbnail((400, 380))
        x, y = place % 4 * 420 + 10, place // 4 * 420 + 10
        whole.paste(image, (x, y))
        words = found.words if found else "one picture"
        ImageDraw.Draw(whole).text((x, y + 385), words, (255, 255, 255))
    whole.save(path)


# -- all of it ---------------------------------------------------------------------------


def milliseconds(work: Path, half: str) -> float:
    """Processor time for sheets and photos of 1,024 x 1,024, the median."""
    rng, taken = np.random.default_rng(0), []
    draw_one = partial(crop, work=work, half=half)
    for seed in range(20):
        layout = Layout(3, 3, 330, 330, gutter=17) if seed % 2 else Layout(1, 1, 1024, 1024)
        pixels = draw(layout, draw_one, rng).pixels
        begin = time.process_time()
        panels(pixels)
        taken.append(time.process_time() - begin)
    return 1000 * float(np.median(taken))


def single_table(splits: Mapping[str, Iterable[bool]]) -> str:
    lines = ["| single pictures | number | split |", "|---|---|---|"]
    for kind, values in splits.items():
        wrong = list(values)
        lines.append(f"| {kind} | {len(wrong)} | {sum(wrong)} ({np.mean(wrong):.2%}) |")
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    Folders.ask(parser)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=135, help="sheets with gutters, and without")
    parser.add_argument("--single", type=int, default=40, help="pictures drawn of each kind")
    parser.add_argument("--half", choices=HALVES, default="held-out")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    folders = Folders.of(options)
    work, half, count = options.work, options.half, options.count
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "photos.pickle").exists():
        every = [picture.pixels for picture in photos(folders, 100, SIDE)]
        (work / "photos.pickle").write_bytes(pickle.dumps(every))
    if options.picture:
        twelve(options.picture, work, half)
        return
    tables = {}
    with ProcessPoolExecutor() as pool:
        for gutters, section in ((True, "gutters"), (False, "seams")):
            job = partial(judged, gutters=gutters, work=work, half=half)
            tables[section] = sheet_table(list(pool.map(job, range(count), chunksize=4)))
            print(tables[section])
        splits: dict[str, Iterable[bool]] = {}
        for kind in MADE:
            times = 10 if kind == "photos" else 1
            job = partial(drawn_split, kind=kind, work=work, half=half)
            splits[kind] = pool.map(job, range(times * options.single), chunksize=8)
        for kind in FOUND:
            every = found_pictures(kind, folders)
            mine = (pixels for i, pixels in enumerate(every) if i % 2 == HALVES.index(half))
            splits[kind] = pool.map(split, mine, chunksize=32)
        tables["single"] = single_table(splits)
    tables["time"] = f"{milliseconds(work, half):.0f} ms of one core for 1,024 x 1,024 pixels.\n"
    print(tables["single"], tables["time"], sep="\n")
    if options.page:
        for section, table in tables.items():
            insert(options.page, table, "contact_sheets", section)


if __name__ == "__main__":
    main()
