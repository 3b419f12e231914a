"""How many copies are found at how many false alarms, by what was done to them.

    pip install -e . scipy imagehash
    apt-get install openclipart-png
    python studies/copies.py --cifar10 FOLDER --clipart /usr/share/openclipart/png --work FOLDER

For each collection: a reference, fresh images that are not in it, and copies of some of its
images under each edit of `edits.py`. Thresholds are conformal over the fresh images, at 1 %
and 0.1 %, without those of which `duplicates.py` finds that the reference holds the same
photo. Writes each collection's section between its markers in docs/explanation/copies.md, and a
figure beside it. `--small` takes a few minutes on one core, the whole half an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from cifar10 import images_of
from edits import EDITS
from numpy.typing import NDArray
from phash import hashes, nearest
from PIL import Image, ImageOps

from duplicates import ALIKE, likeness, thumbnails
from rara import Features, Reference, Run, ScoreTable, get_extractor, open_source
from rara.errors import ImageError
from rara.features.embed import embed
from rara.geometry.hamming import NONE
from rara.images.decode import decode

Pictures = list[Image.Image]
Scores = Mapping[str, NDArray[np.float64]]
LEVELS = (0.01, 0.001)
VECTORS = {
    "distance": "nearest_distance",
    "ratio": "copy_ratio",
    "volume": "copy_volume",
}
METHODS = (*VECTORS, "pHash", "pixels", "either", "joint")
DOCS = Path(__file__).parents[1] / "docs" / "explanation"


@dataclass(frozen=True, slots=True)
class Collection:
    """Pictures of one kind."""

    name: str
    reference: Pictures
    fresh: Pictures
    grounds: Pictures
    """Others, to paste on and to blend with."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images of each sort."""

    reference: int
    fresh: int
    sources: int


# -- collections -----------------------------------------------------------------------


def photos(folder: Path, sizes: Sizes) -> Collection:
    images = images_of(folder, "train")
    picked = partial(_pictures, images)
    fresh = range(30_000, 30_000 + sizes.fresh)
    grounds = range(20_000, 20_000 + sizes.sources)
    return Collection("CIFAR-10", picked(range(sizes.reference)), picked(fresh), picked(grounds))


def _pictures(images: NDArray[np.uint8], rows: Sequence[int]) -> Pictures:
    return [Image.fromarray(np.array(images[row])) for row in rows]


def clipart(folder: Path, sizes: Sizes) -> Collection:
    """Distinct drawings, not too large to be read quickly, in random order."""
    paths = sorted({path.resolve() for path in folder.rglob("*.png")})
    order = np.random.default_rng(0).permutation(len(paths))
    distinct = {one.tobytes(): one for one in _drawings(paths[i] for i in order)}
    drawn = list(distinct.values())
    ends = np.cumsum([sizes.reference, sizes.fresh, sizes.sources])
    parts = np.split(np.arange(len(drawn)), ends)[:3]
    return Collection("Open Clip Art", *([drawn[i] for i in part] for part in parts))


def _drawings(paths: Iterator[Path], side: int = 192) -> Iterator[Image.Image]:
    for path in paths:
        try:
            drawing = decode(path.read_bytes(), max_pixels=2_000_000)
        except ImageError:
            continue
        if np.ptp(np.asarray(drawing)):  # else white on white, or one colour
            yield ImageOps.contain(drawing, (side, side))


# -- scores ----------------------------------------------------------------------------


class Judge:
    """A reference that says of pictures how near its nearest is, in every way."""

    def __init__(self, reference: Pictures, run: Run) -> None:
        self.run = run
        self.network = get_extractor(threads=run.threads)
        self.reference = Reference.from_features(self.features(reference), run=run)
        self.hashes = hashes(reference)

    def features(self, pictures: Pictures) -> Features:
        options = {"cache": self.run.cache, "threads": self.run.threads}
        return embed(open_source(pictures), self.network, **options)

    def scores(self, pictures: Pictures) -> tuple[Scores, NDArray[np.int64]]:
        """Lower is more like a copy; and the five nearest by the vectors."""
        table = self.reference.score_features(self.features(pictures), run=self.run)
        near = [[int(one["id"]) for one in row] for row in table["neighbors"]]
        return measured(table) | {"pHash": nearest(hashes(pictures), self.hashes)}, np.array(near)

    def own(self) -> Scores:
        """Of the reference's images, each without itself."""
        own = measured(self.reference.score_leave_one_out(run=self.run))
        return own | {"pHash": nearest(self.hashes, self.hashes, itself=True)}


def measured(table: ScoreTable) -> dict[str, NDArray[np.float64]]:
    bits = pc.fill_null(table.arrow["pixel_distance"], NONE).to_numpy().astype(float)
    return {name: table[column] for name, column in VECTORS.items()} | {"pixels": bits}


def p_values(scores: NDArray[np.float64], reals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal: one more than the reals at or below each score, over one more than there are."""
    return (1 + np.searchsorted(np.sort(reals), scores, side="right")) / (1 + len(reals))


def all_p_values(scores: Scores, reals: Scores) -> dict[str, NDArray[np.float64]]:
    """Of each method, and of volume and pixels together in two ways.

    `either`: twice the smaller of the two, valid however they depend on one another.
    `joint`: the better of the two ranks, ranked in its turn.
    """
    p = {name: p_values(scores[name], reals[name]) for name in scores}
    both = ("volume", "pixels")
    return {
        **p,
        "either": np.minimum(1, 2 * np.minimum(*(p[name] for name in both))),
        "joint": joint([scores[name] for name in both], [reals[name] for name in both]),
    }


def joint(
    scores: Sequence[NDArray[np.float64]], reals: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """p-values of the best rank among several scores, each image ranked with the reals.

    Every one of the images and reals is ranked among all of them, so that all are alike.
    """
    best = np.full(len(scores[0]), np.inf)
    others = np.full((len(scores[0]), len(reals[0])), np.inf, np.float32)
    for score, real in zip(scores, reals, strict=True):
        ascending = np.sort(real)
        best = np.minimum(best, 1 + np.searchsorted(ascending, score, side="right"))
        ranks = np.searchsorted(ascending, real, side="right")
        np.minimum(others, ranks + (score[:, None] <= real), out=others)
    return (1 + np.sum(others <= best[:, None], axis=1)) / (1 + others.shape[1])


# -- measuring -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """p-values of all copies and fresh images."""

    collection: Collection
    repeated: NDArray[np.bool_]
    """Fresh images of which the reference holds the same photo."""
    edited: Mapping[str, Mapping[str, NDArray[np.float64]]]
    """By edit and method."""
    among_own: Mapping[str, NDArray[np.float64]]
    """Of the fresh images, by method, calibrated with the reference's own."""
    raised: Mapping[str, float]
    """Mean share found at the first level where the repeated photos are left in."""

    def found(self, edit: str, method: str, level: float) -> float:
        return float(np.mean(self.edited[edit][method] <= level))

    def mean(self, method: str, level: float) -> float:
        return float(np.mean([self.found(edit, method, level) for edit in self.edited]))


def measure(collection: Collection, sources: int, run: Run) -> Outcome:
    judge = Judge(collection.reference, run)
    fresh, near = judge.scores(collection.fresh)
    repeated = repeats(collection, near)
    reals = {name: values[~repeated] for name, values in fresh.items()}
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(collection.reference), sources, replace=False)
    edited, raised = {}, dict.fromkeys(METHODS, 0.0)
    for name, edit in EDITS.items():
        pairs = zip(chosen, collection.grounds, strict=True)
        copies = [edit(collection.reference[i], ground, rng) for i, ground in pairs]
        scores, _ = judge.scores(copies)
        edited[name] = all_p_values(scores, reals)
        for method, p in all_p_values(scores, fresh).items():
            raised[method] += float(np.mean(p <= LEVELS[0])) / len(EDITS)
        print(collection.name, name, flush=True)
    return Outcome(collection, repeated, edited, all_p_values(fresh, judge.own()), raised)


def repeats(collection: Collection, near: NDArray[np.int64]) -> NDArray[np.bool_]:
    left, right = thumbnails(collection.fresh), thumbnails(collection.reference)
    alike = [likeness(left, right[column]) for column in near.T]
    return np.max(alike, axis=0) > ALIKE


# -- showing ---------------------------------------------------------------------------


def section(outcome: Outcome) -> Iterator[str]:
    """Markdown of one collection."""
    made = outcome.collection
    own = {name: p[~outcome.repeated] for name, p in outcome.among_own.items()}
    sources = len(next(iter(outcome.edited.values()))["pixels"])
    yield (
        f"### {made.name}\n\n{len(made.reference):,} images in the reference, {len(made.fresh):,} "
        f"fresh ones, of which {outcome.repeated.sum():,} repeat a picture of the reference; "
        f"{sources} copies of each kind. Percent found at 1 % / at 0.1 % false alarms:\n"
    )
    yield "| edit | " + " | ".join(METHODS) + " |"
    yield "|---|" + "---|" * len(METHODS)
    for edit in outcome.edited:
        yield row(edit, lambda method, level, edit=edit: outcome.found(edit, method, level))
    yield row("**mean**", outcome.mean)
    values = " | ".join(f"{100 * outcome.raised[method]:.0f}" for method in METHODS)
    yield f"| mean, with the repeated pictures counted as false alarms | {values} |"
    yield row(
        "fresh images called, if calibrated with the reference's own",
        lambda method, level: float(np.mean(own[method] <= level)),
        digits=2,
    )
    yield f"\n![Share found by false alarms, for each edit]({slug(made)}.svg)\n"


def row(name: str, share: Callable[[str, float], float], digits: int = 0) -> str:
    cells = (
        " / ".join(f"{100 * share(method, level):.{digits}f}" for level in LEVELS)
        for method in METHODS
    )
    return f"| {name} | " + " | ".join(cells) + " |"


WIDTH, HEIGHT, COLUMNS = 150, 110, 6
COLOURS = {
    "distance": "#9a9a9a",
    "ratio": "#d39b2a",
    "volume": "#1f6fb4",
    "pHash": "#e0a0a8",
    "pixels": "#b23a48",
    "either": "#222222",
    "joint": "#3c8d40",
}


def figure(outcome: Outcome) -> str:
    """A panel an edit: false alarms from 0.1 % to 10 % across, share found upwards."""
    panels = [panel(outcome, edit, i) for i, edit in enumerate(outcome.edited)]
    rows = -(-len(panels) // COLUMNS)
    legend = "".join(
        f'<text x="{10 + 70 * i}" y="16" fill="{COLOURS[name]}">— {name}</text>'
        for i, name in enumerate(METHODS)
    )
    scale = "across: false alarms from 0.1 % to 10 %, dashed 1 %; upwards: share found"
    legend += f'<text x="{10 + 70 * len(METHODS)}" y="16" fill="#666">{scale}</text>'
    size = f"{WIDTH * COLUMNS} {HEIGHT * rows + 30}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{legend}{"".join(panels)}</svg>\n'
    )


def panel(outcome: Outcome, edit: str, place: int) -> str:
    left, top = place % COLUMNS * WIDTH + 10, place // COLUMNS * HEIGHT + 42
    width, height = WIDTH - 22, HEIGHT - 34
    levels = np.geomspace(0.001, 0.1, 25)
    lines = []
    for method in METHODS:
        found = [outcome.found(edit, method, level) for level in levels]
        across = left + width * np.linspace(0, 1, len(levels))
        points = " ".join(
            f"{x:.1f},{top + height * (1 - share):.1f}"
            for x, share in zip(across, found, strict=True)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[method]}"/>')
    one_percent = left + width / 2
    return (
        f'<text x="{left}" y="{top - 4}">{edit}</text>'
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#ccc"/>'
        f'<path d="M{one_percent} {top}v{height}" stroke="#ccc" stroke-dasharray="2"/>'
        + "".join(lines)
    )


def write(outcome: Outcome) -> None:
    """Put the collection's section between its markers on the page, and its figure beside it."""
    page = DOCS / "copies.md"
    begin, end = (f"<!-- {outcome.collection.name}: {word} -->" for word in ("begin", "end"))
    head, rest = page.read_text(encoding="utf-8").split(begin)
    text = "\n".join(section(outcome))
    page.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
    drawn = DOCS / f"{slug(outcome.collection)}.svg"
    drawn.write_text(figure(outcome), encoding="utf-8")


def slug(collection: Collection) -> str:
    return f"copies-{collection.name.lower().replace(' ', '-')}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cifar10", type=Path)
    parser.add_argument("--clipart", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="vectors are kept there")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    run = Run(threads=options.threads, cache=options.work)
    if options.cifar10:
        sizes = Sizes(2000, 1500, 60) if options.small else Sizes(8000, 5000, 400)
        write(measure(photos(options.cifar10, sizes), sizes.sources, run))
    if options.clipart:
        sizes = Sizes(1500, 1500, 60) if options.small else Sizes(4000, 2500, 200)
        write(measure(clipart(options.clipart, sizes), sizes.sources, run))


if __name__ == "__main__":
    main()
