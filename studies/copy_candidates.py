"""How often the source of an edited copy is among the candidates that vectors give.

    python studies/copy_candidates.py --photos FOLDER --work FOLDER [--network NAME] [--count 24]
        [--into docs/studies/copy-candidates.md]

The reference: sixteenths of photos, so that those of one photo look alike. Copies of some of them
by each edit of `hard_edits.py`; what they are pasted on comes from photos outside of the reference.
A copy is found if its source is among the first 1, 5 or 17 candidates. Vectors that were made
before are read from the working folder, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from evidence_pictures import Folders, detailed, photos
from hard_edits import HARD
from numpy.typing import NDArray
from PIL import Image

from pages import insert
from rara.extractors import Extractor, get_extractor
from rara.retrieval.crops import MORE_PARTS, PARTS, WHOLE, Box, tiles
from rara.retrieval.vector_candidates import MOST, VectorCandidates, part_vectors

Pixels = NDArray[np.uint8]

PIECES = 4
"""A photo is cut into so many rows and columns."""
GROUNDS = 4
"""Photos outside of the reference, to paste on."""
FIRST = (1, 5, MOST)
TIMED = 12
"""Samples whose CPU time is taken."""

VARIANTS: Mapping[str, tuple[Sequence[Box], Sequence[Box]]] = {
    "whole": ((WHOLE,), (WHOLE,)),
    "6 parts": (PARTS, (WHOLE,)),
    "15 parts": (MORE_PARTS, (WHOLE,)),
    "whole, 6 of the reference": ((WHOLE,), PARTS),
    "6 parts, 6 of the reference": (PARTS, PARTS),
    "15 parts, 15 of the reference": (MORE_PARTS, MORE_PARTS),
}
"""The parts of a sample and of a reference image."""


class Kept:
    """An extractor that looks up what it made before, in a folder."""

    def __init__(self, extractor: Extractor, folder: Path) -> None:
        self.extractor, self.folder = extractor, folder
        self.spec, self.batch_size, self.lanes = extractor.spec, extractor.batch_size, 1
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        self._fresh: list[bytes] = []
        self._keys: dict[tuple[bytes, tuple[int, int]], bytes] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as stored:
                self._vectors |= zip(map(bytes, stored["keys"]), stored["vectors"], strict=True)

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """The key of the picture's vector, which is made here where it is new."""
        picture = hashlib.sha256(image.tobytes()).digest(), image.size
        if picture not in self._keys:
            pixels = self.extractor.prepare(image)
            self._keys[picture] = self._made(pixels)
        return np.frombuffer(self._keys[picture], np.uint8)

    def extract(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        return np.stack([self._vectors[key.tobytes()] for key in batch])

    def _made(self, pixels: NDArray[Any]) -> bytes:
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in self._vectors:
            self._vectors[key] = self.extractor.extract(pixels[None])[0]
            self._fresh.append(key)
        if len(self._fresh) >= 1000:
            self.keep()
        return key

    def keep(self) -> None:
        if self._fresh:
            keys = np.array([list(key) for key in self._fresh], np.uint8)
            vectors = np.stack([self._vectors[key] for key in self._fresh])
            count = len(list(self.folder.glob("*.npz")))
            np.savez(self.folder / f"{count:04d}.npz", keys=keys, vectors=vectors)
            self._fresh = []


@dataclass(frozen=True, slots=True)
class Pictures:
    """The reference, and what copies are pasted on."""

    reference: list[Pixels]
    grounds: list[Pixels]
    sources: list[int]
    """Rows of the reference that are copied."""


def pictures(folder: Path, count: int) -> Pictures:
    none = Path()
    every = list(photos(Folders(none, none, none, folder), 1000, side=1600))
    grounds = [piece for photo in every[:GROUNDS] for piece in pieces(photo.pixels)]
    reference = [piece for photo in every[GROUNDS:] for piece in pieces(photo.pixels)]
    order = (int(row) for row in np.random.default_rng(0).permutation(len(reference)))
    able = (row for row in order if detailed(reference[row]))
    return Pictures(reference, grounds, list(islice(able, count)))


def pieces(pixels: Pixels) -> Iterator[Pixels]:
    """A photo's parts in rows, without those of one colour."""
    for box in tiles(PIECES):
        height, width = pixels.shape[:2]
        rows = slice(round(box.top * height), round(box.bottom * height))
        columns = slice(round(box.left * width), round(box.right * width))
        if pixels[rows, columns].std() >= 3:
            yield np.ascontiguousarray(pixels[rows, columns])


def copies(name: str, given: Pictures) -> list[Pixels]:
    rng = np.random.default_rng(0)
    made = []
    for row in given.sources:
        ground = given.grounds[int(rng.integers(len(given.grounds)))]
        edited = HARD[name](Image.fromarray(given.reference[row]), Image.fromarray(ground), rng)
        made.append(np.asarray(edited.picture))
    return made


Places = Mapping[str, Mapping[str, list[int]]]
"""For each variant and edit, the source's place among the candidates, from 0; or MOST."""


def places(network: Kept, given: Pictures) -> Places:
    samples = {name: copies(name, given) for name in HARD}
    return {variant: kept_places(variant, network, given, samples) for variant in VARIANTS}


def kept_places(
    variant: str, network: Kept, given: Pictures, samples: Mapping[str, list[Pixels]]
) -> Mapping[str, list[int]]:
    """As they were found before, or found now."""
    path = network.folder / f"{variant}, {len(given.sources)} copies.json"
    if not path.exists():
        ours, theirs = VARIANTS[variant]
        parts = part_vectors(given.reference, network, theirs)
        finder = VectorCandidates(parts, network, boxes=ours, threads=1)
        rows = finder.candidates([copy for each in samples.values() for copy in each]).rows
        hits = rows == np.tile(given.sources, len(samples))[:, None]
        place = np.where(hits.any(axis=1), hits.argmax(axis=1), MOST).reshape(len(samples), -1)
        network.keep()
        path.write_text(json.dumps(dict(zip(samples, place.tolist(), strict=True))))
    found: Mapping[str, list[int]] = json.loads(path.read_text())
    return found


def milliseconds(network: Kept, given: Pictures) -> dict[str, float]:
    """CPU time for a sample, on one thread, with nothing looked up."""
    samples = [given.reference[row] for row in given.sources[:TIMED]]
    taken = {}
    for variant, (ours, theirs) in VARIANTS.items():
        parts = part_vectors(given.reference, network, theirs)
        finder = VectorCandidates(parts, network.extractor, boxes=ours, threads=1)
        finder.candidates(samples[:1])
        started = time.process_time()
        finder.candidates(samples)
        taken[variant] = 1000 * (time.process_time() - started) / len(samples)
    return taken


def section(found: Places, taken: Mapping[str, float], given: Pictures) -> Iterator[str]:
    count = len(given.sources)
    yield (
        f"{len(given.reference):,} pictures in the reference, {count} copies for each edit. "
        "Percent whose source is among the first 1 / 5 / 17 candidates:"
    )
    yield ""
    yield f"| edit | {' | '.join(found)} |"
    yield "|---|" + "---|" * len(found)
    for name in HARD:
        yield f"| {name} | " + " | ".join(cell(each[name]) for each in found.values()) + " |"
    every = ([place for one in each.values() for place in one] for each in found.values())
    yield f"| **mean** | {' | '.join(map(cell, every))} |"
    yield f"| CPU ms a sample | {' | '.join(f'{taken[variant]:.0f}' for variant in found)} |"


def cell(found: Sequence[int]) -> str:
    return " / ".join(f"{100 * np.mean(np.array(found) < first):.0f}" for first in FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--network", action="append", help="an extractor; by default both")
    parser.add_argument("--weights", type=Path, help="of `--network sscd`")
    parser.add_argument("--count", type=int, default=24, help="copies for each edit")
    parser.add_argument("--into", type=Path, help="the page with the tables")
    options = parser.parse_args()
    given = pictures(options.photos, options.count)
    for name in options.network or ("efficientnet-lite0", "sscd-student"):
        weights = options.weights if name == "sscd" else None
        network = Kept(get_extractor(name, weights=weights, threads=1), options.work / name)
        found = places(network, given)
        lines = list(section(found, milliseconds(network, given), given))
        print(f"{name}\n\n" + "\n".join(lines))
        if options.into:
            insert(options.into, "\n".join([*lines, ""]), "copy_candidates", name)


if __name__ == "__main__":
    main()
