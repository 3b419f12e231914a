"""Edited copies that each witness finds with the right source, and fresh images that it calls.

    python studies/copies_found.py --cifar10 FOLDER --photos FOLDER --packages FOLDER --work FOLDER
        [--page PAGE]

For each collection: a reference, copies of some of its images under each edit of `edits.py` and
of `hard_edits.py`, and fresh images. A copy is found if the witness's p-value is at most the level,
and the image that it names is the source:

    vectors       volume_p, and the nearest image
    pixel hashes  pixel_p, and the image with the nearest hash
    whole         whole pictures, compared with the candidates
    regions       local features, compared with the candidates
    evidence      the better of these two
    copy_p        of `score(..., evidence="all")`; names the source, or else the nearest image of
                  the better test

Candidates of the third to the fifth are 17 of an index of local features, and those with the
nearest hashes. `copy_p` looks at fewer: three nearest by vectors, and three by hashes.

The photos are those of `evidence_pictures.py` and of `evidence_fresh.py`, in quarters. All quarters
of one are on the same side. Fresh photos of which the reference holds the same photo are left out:
of CIFAR-10 those that `duplicates.py` finds, of the others those that were seen by eye. It
calibrates with the reference's own images, as rara does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cifar10 import images_of
from edits import EDITS
from evidence_fresh import SAME_SCENE, Places, distinct
from evidence_fresh import photos as fresh_photos
from evidence_pictures import Folders, quarters
from hard_edits import HARD
from numpy.typing import NDArray
from PIL import Image

from duplicates import ALIKE, likeness, thumbnails
from pages import insert
from rara import Features, Reference, Run, ScoreTable, get_extractor, open_source
from rara.features.embed import embed
from rara.retrieval.chance_agreement import PICTURES, ChanceAgreement
from rara.retrieval.finding import candidates_by_hash
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import PreparedImage, prepare
from rara.retrieval.sources import best_as_whole, features_between
from rara.retrieval.whole_picture import WholePicture, whole_picture

Picture = Image.Image
LEVELS = (0.01, 0.001)
WITNESSES = ("vectors", "pixel hashes", "whole", "regions", "evidence", "copy_p")


@dataclass(frozen=True, slots=True)
class Collection:
    """Pictures of one kind."""

    name: str
    reference: Sequence[Picture]
    fresh: Sequence[Picture]
    copies: int
    """Of each edit."""
    repeated: NDArray[np.bool_] | None = None
    """Fresh images that show a scene of the reference; None where `duplicates.py` finds them."""


@dataclass(frozen=True, slots=True)
class Named:
    """What one witness says of each sample."""

    p: NDArray[np.float64]
    row: NDArray[np.int64]
    """Of the reference; -1 for none."""

    def found(self, sources: NDArray[np.int64], level: float) -> NDArray[np.bool_]:
        """Where the right source is named."""
        found: NDArray[np.bool_] = (self.p <= level) & (self.row == sources)
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all witnesses say of copies and of fresh images."""

    collection: Collection
    copies: Mapping[str, Named]
    edits: NDArray[np.str_]
    """Of each copy."""
    sources: NDArray[np.int64]
    fresh: Mapping[str, Named]
    repeated: NDArray[np.bool_]
    """Fresh images of which the reference holds the same photo."""


# -- pictures --------------------------------------------------------------------------


def cifar10(folder: Path) -> Collection:
    images = images_of(folder, "train")
    parts = (range(4000), range(30_000, 32_000))
    made = ([Image.fromarray(np.array(images[row])) for row in part] for part in parts)
    return Collection("CIFAR-10", *made, copies=20)


def photos(folder: Path, packages: Path) -> Collection:
    """All photos in random order; the quarters of the first ones are the reference."""
    unused = Path()
    table = Folders(cifar10=unused, emoji=unused, clipart=unused, photos=folder)
    of_each: dict[str, list[Picture]] = {}
    for one in quarters(table, 10_000):
        of_each.setdefault(f"table {one.group}", []).append(small(one.pixels))
    for fresh in distinct(fresh_photos(Places(packages, unused, unused))):
        of_each.setdefault(fresh.series, []).append(small(fresh.pixels))
    names = sorted(of_each)
    mixed = [names[i] for i in np.random.default_rng(0).permutation(len(names))]
    half = len(mixed) // 2
    sides = (
        [one for name in part for one in of_each[name]] for part in (mixed[:half], mixed[half:])
    )
    reference = set(mixed[:half])
    repeated = [
        any(frozenset((name, other)) in SAME_SCENE for other in reference)
        for name in mixed[half:]
        for _ in of_each[name]
    ]
    return Collection("photos", *sides, copies=8, repeated=np.array(repeated))


def small(pixels: NDArray[np.uint8], side: int = 512) -> Picture:
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


Edit = Callable[[Picture, Picture, np.random.Generator], Picture]


def all_edits() -> dict[str, Edit]:
    hard: dict[str, Edit] = {
        name: lambda image, other, rng, edit=edit: edit(image, other, rng).picture
        for name, edit in HARD.items()
        if name not in EDITS
    }
    return {**EDITS, **hard}


# -- witnesses -------------------------------------------------------------------------


class Judge:
    """A reference that says of pictures what each witness does."""

    def __init__(self, pictures: Sequence[Picture], run: Run) -> None:
        self.run = run
        self.network = get_extractor(threads=run.threads)
        self.pictures = {str(row): one for row, one in enumerate(pictures)}
        self.reference = Reference.fit(self.pictures, run=run)
        self.ready = [prepare(np.asarray(one)) for one in pictures]
        self.wholes = [whole_picture(one) for one in pictures]
        self.index = Index.build(one.features for one in self.ready)
        digests = self.reference.features.done["digest"].to_pylist()
        drawn = np.unique(digests, return_index=True)[1][:PICTURES]  # as rara draws them
        self.chance = ChanceAgreement.among([self.wholes[row] for row in sorted(drawn)])

    def named(self, pictures: Sequence[Picture]) -> tuple[dict[str, Named], ScoreTable]:
        named = {f"{row:05d}": one for row, one in enumerate(pictures)}
        table = self.reference.score(named, evidence="all", run=self.run)
        source = open_source(named)
        features = embed(source, self.network, cache=self.run.cache, threads=self.run.threads)
        whole, regions = self.looked(pictures, features)
        tests = {
            "vectors": Named(table["volume_p"], rows(table["nearest"])),
            "pixel hashes": Named(filled(table["pixel_p"]), rows(table["pixel_nearest"])),
        }
        return {
            **tests,
            "whole": whole,
            "regions": regions,
            "evidence": better(whole, regions),
            "copy_p": Named(
                table["copy_p"],
                np.where(
                    rows(table["source"]) >= 0, rows(table["source"]), better(*tests.values()).row
                ),
            ),
        }, table

    def looked(self, pictures: Sequence[Picture], features: Features) -> tuple[Named, Named]:
        by_hash = candidates_by_hash(features, self.reference.features, at_most=256)
        each = [
            self.compared(prepare(np.asarray(one)), whole_picture(one), by_hash.get(row, []))
            for row, one in enumerate(pictures)
        ]
        return tuple(
            Named(*map(np.array, zip(*some, strict=True))) for some in zip(*each, strict=True)
        )

    def compared(
        self, sample: PreparedImage, whole: WholePicture, by_hash: Sequence[int]
    ) -> tuple[tuple[float, int], tuple[float, int]]:
        """The p-value and the row that each of the two names."""
        tried = list(dict.fromkeys([*self.index.candidates(sample).rows.tolist(), *by_hash]))
        images = len(self.ready)
        of_whole = best_as_whole(whole, [self.wholes[row] for row in tried], self.chance, images)
        found = [features_between(sample, self.ready[row], images) for row in tried]
        p = [1.0 if one is None else one.p for one in found]
        best = int(np.argmin(p)) if p else -1
        return (
            (1.0, -1) if of_whole is None else (of_whole.p, tried[of_whole.place]),
            (p[best], tried[best]) if p and p[best] < 1 else (1.0, -1),
        )


def better(one: Named, other: Named) -> Named:
    """The smaller p-value of two, and what it names."""
    first = one.p <= other.p
    return Named(np.fmin(one.p, other.p), np.where(first, one.row, other.row))


def rows(names: NDArray[np.object_]) -> NDArray[np.int64]:
    return np.array([-1 if name is None else int(name) for name in names], np.int64)


def filled(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(p), 1.0, p)


# -- measuring -------------------------------------------------------------------------


def measure(collection: Collection, run: Run) -> Outcome:
    judge = Judge(collection.reference, run)
    rng = np.random.default_rng(0)
    copies, edits, sources = [], [], []
    for name, edit in all_edits().items():
        for row in rng.choice(len(collection.reference), collection.copies, replace=False):
            ground = collection.fresh[int(rng.integers(len(collection.fresh)))]
            copies.append(edit(collection.reference[row], ground, rng).convert("RGB"))
            edits.append(name)
            sources.append(row)
    named, _ = judge.named(copies)
    print(f"{collection.name}: {len(copies)} copies", flush=True)
    fresh, table = judge.named(collection.fresh)
    repeated = collection.repeated
    if repeated is None:
        repeated = repeats(collection, table)
    return Outcome(collection, named, np.array(edits), np.array(sources), fresh, repeated)


def repeats(collection: Collection, table: ScoreTable) -> NDArray[np.bool_]:
    near = np.array([[int(one["id"]) for one in row[:5]] for row in table["neighbors"]])
    left, right = thumbnails(list(collection.fresh)), thumbnails(list(collection.reference))
    return np.max([likeness(left, right[column]) for column in near.T], axis=0) > ALIKE


def section(outcome: Outcome) -> Iterator[str]:
    made, real = outcome.collection, ~outcome.repeated
    yield (
        f"### {made.name}\n\n{len(made.reference):,} images in the reference, {real.sum():,} fresh "
        f"ones, {made.copies} copies of each edit. Percent found with the right source at a "
        "p-value of at most 1 % / 0.1 %:\n"
    )
    yield f"| edit | {' | '.join(WITNESSES)} |"
    yield "|---|" + "---|" * len(WITNESSES)
    groups = {
        "**easy edits**": list(EDITS),
        "**hard edits**": [one for one in HARD if one not in EDITS],
    }
    for title, edits in groups.items():
        for edit in edits:
            yield found(edit, outcome, outcome.edits == edit)
        yield found(title, outcome, np.isin(outcome.edits, edits))
    wrong = [
        " / ".join(f"{np.sum((one.p <= level) & (one.row != outcome.sources))}" for level in LEVELS)
        for one in (outcome.copies[name] for name in WITNESSES)
    ]
    yield f"| copies called with another image, of {len(outcome.edits):,} | {' | '.join(wrong)} |"
    called = [
        " / ".join(f"{100 * np.mean(outcome.fresh[name].p[real] <= level):.2f}" for level in LEVELS)
        for name in WITNESSES
    ]
    yield f"| fresh images called, % | {' | '.join(called)} |\n"


def found(title: str, outcome: Outcome, some: NDArray[np.bool_]) -> str:
    cells = (
        " / ".join(
            f"{100 * np.mean(outcome.copies[name].found(outcome.sources, level)[some]):.0f}"
            for level in LEVELS
        )
        for name in WITNESSES
    )
    return f"| {title} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("cifar10", "photos", "packages"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="vectors are kept there")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    run = Run(threads=1, cache=options.work)
    for collection in collections(options):
        table = "\n".join(section(measure(collection, run)))
        print(table, flush=True)
        if options.page:
            insert(options.page, table, "copies_found", collection.name)


def collections(options: argparse.Namespace) -> Iterator[Collection]:
    if options.cifar10:
        yield cifar10(options.cifar10)
    if options.photos and options.packages:
        yield photos(options.photos, options.packages)


if __name__ == "__main__":
    main()
