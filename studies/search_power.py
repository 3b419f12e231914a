"""How often image search ranks the right source first among photos, and what a sample costs.

    python studies/search_power.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER [--packages FOLDER] [--images 600] [--copies 8] [--network sscd-student]
        [--page PAGE]

The reference is quarters of photos, 512 pixels wide at most and with enough detail to be found, and
drawings beside them. For each edit of `hard_edits.py`, some photos are edited and searched for,
once with an index and once without. Quarters of other photos, and with `--packages` the photos of
`evidence_fresh.py`, are searched for too: they have no source, and count as called wherever one is
named. `--network` searches once more, with vectors of another network and an index; `sscd-student`
needs the extra `copies`. CPU time is the process's, of all samples, without what is made once of
the reference.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from evidence_fresh import Places, whole_photos
from evidence_pictures import Folders, Pixels, detailed, quarters, stamps
from hard_edits import HARD
from PIL import Image

import rara
from pages import insert
from rara.image_search.match import QueryMatches

SIDE = 512
MOST = 500
"""Photos that are read."""
FRESH = 40
"""Samples that come from no reference image."""


@dataclass(frozen=True, slots=True)
class Searched:
    """One way to search."""

    matches: rara.Matches
    seconds: float
    """CPU seconds a sample."""
    once: float
    """CPU seconds for the reference and one sample."""


def pictures(folders: Folders) -> tuple[list[Image.Image], list[Image.Image]]:
    """Quarters of photos, as many as there are with enough detail, and those of other photos, which
    are not in the reference. Without a meadow whose quarters show the same blades of grass."""
    every = [
        (one.group, image)
        for one in quarters(folders, 4 * MOST)
        if "grass.png" not in one.name and detailed(np.asarray(image := small(one.pixels)))
    ]
    others = {group for group, _ in every[-FRESH:]}
    return (
        [image for group, image in every if group not in others],
        [image for _, image in every[-FRESH:]],
    )


def small(pixels: Pixels) -> Image.Image:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image


def copies_of(
    photos: Sequence[Image.Image], grounds: Sequence[Image.Image], count: int
) -> dict[str, Image.Image]:
    """By the edit, its number and the row of the source."""
    made = {}
    for number, (name, edit) in enumerate(HARD.items()):
        rng = np.random.default_rng(number)
        for row in rng.choice(len(photos), count, replace=False):
            ground = grounds[int(rng.integers(len(grounds)))]
            made[f"{name}|{row}"] = edit(photos[row], ground, rng).picture.convert("RGB")
    return made


def searched(
    samples: Mapping[str, Image.Image], reference: rara.Reference, index: Path | None
) -> Searched:
    run = rara.Run(threads=1)
    first = dict([next(iter(samples.items()))])
    rara.search(
        first, reference, index=index, split=False, run=run
    )  # compiles, and makes the index
    started = time.process_time()
    rara.search(first, reference, index=index, split=False, run=run)
    alone = time.process_time()
    matches = rara.search(samples, reference, index=index, split=False, run=run)
    ended = time.process_time()
    many = (ended - alone - (alone - started)) / (len(samples) - 1)
    return Searched(matches, many, alone - started)


def named(query: QueryMatches, level: float = 0.05) -> str | None:
    """The source that is named up to this p-value."""
    source = query.source
    return None if source is None or (source.p or 0) > level else source.source


def right(query: QueryMatches, level: float = 0.05) -> bool:
    return named(query, level) == query.id.split("|")[1]


def wrong(query: QueryMatches) -> bool:
    return named(query) is not None and not right(query)


def section(ways: Mapping[str, Searched], images: int, count: int) -> Iterator[str]:
    yield f"| edit ({count} copies of each, {images} images) | {' | '.join(ways)} |"
    yield "|---|" + "---|" * len(ways)
    for name in HARD:
        shares = [share(one, name) for one in ways.values()]
        yield f"| {name} | {' | '.join(shares)} |"
    every = [[q for q in one.matches if q.id.split("|")[0] in HARD] for one in ways.values()]
    fresh = [[q for q in one.matches if q.id.startswith("fresh|")] for one in ways.values()]
    rows = {
        "**mean**": [percent(list(map(right, some))) for some in every],
        "mean, named up to p = 0.01": [percent([right(q, 0.01) for q in some]) for some in every],
        "called with another picture": [f"{sum(map(wrong, some))}" for some in every],
        f"{len(fresh[0])} samples without a source, called": [
            f"{sum(q.source is not None for q in some)}" for some in fresh
        ],
        "the same up to p = 0.01": [
            f"{sum(named(q, 0.01) is not None for q in some)}" for some in fresh
        ],
        "a sample, CPU s": [f"{one.seconds:.2f}" for one in ways.values()],
        "the reference and one sample, CPU s": [f"{one.once:.1f}" for one in ways.values()],
    }
    for name, cells in rows.items():
        yield f"| {name} | {' | '.join(cells)} |"


def share(one: Searched, name: str) -> str:
    return percent([right(query) for query in one.matches if query.id.split("|")[0] == name])


def percent(some: Sequence[bool]) -> str:
    return f"{100 * np.mean(some):.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    Folders.ask(parser)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--network", help="another extractor to search with, too")
    parser.add_argument("--packages", type=Path, help="of more photos without a source")
    parser.add_argument("--page", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    folders = Folders.of(args)
    photos, fresh = pictures(folders)
    if args.packages:
        places = Places(args.packages, args.cifar10, args.clipart)
        fresh += [small(one.pixels) for one in whole_photos(places)]
    samples = copies_of(photos, fresh[:FRESH], args.copies)
    real = photos + [small(one.pixels) for one in stamps(folders, args.images - len(photos))]
    samples |= {f"fresh|{i}": one for i, one in enumerate(fresh)}
    images = {str(i): one for i, one in enumerate(real)}
    with tempfile.TemporaryDirectory() as work:
        reference, index = rara.Reference.fit(images), Path(work) / "index"
        ways = {
            "with an index": searched(samples, reference, index),
            "without": searched(samples, reference, None),
        }
        if args.network:
            other = rara.Reference.fit(images, extractor=args.network)
            ways[f"with an index, {args.network}"] = searched(samples, other, index)
    table = "\n".join(section(ways, len(real), args.copies))
    if args.page is None:
        print(table)
    else:
        insert(args.page, table, "search_power")


if __name__ == "__main__":
    main()
