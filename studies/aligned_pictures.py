"""Pictures laid over each other as evidence: fresh pictures named at a level, and copies found.

    python studies/aligned_pictures.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER [--copies 1040] [--threads 1] [--into PAGE]

Kinds of pictures, references and copies are those of `whole_pictures.py`. What is usual is measured
on each draw of a reference alone. Fresh pictures are laid over the six unrelated pictures with the
nearest pixel hashes, however far these are, and photos over the six with the nearest vectors too.
Their p-values count all images of the reference. Copies are laid over their source: a table of what
this witness finds where the candidates have it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from cifar10 import vectors_of
from edits import EDITS
from evidence_pictures import Folders
from numpy.typing import NDArray
from PIL import Image
from whole_pictures import CODES, LEVELS, Kind, kinds

from pages import insert
from rara.geometry.hamming import closest_codes
from rara.images.phash import pixel_hash_of
from rara.retrieval.aligned_picture import AlignablePicture, alignable, laid
from rara.retrieval.chance_agreement import PICTURES, ChanceAgreement

DRAWS = {20: 5, 300: 1, 50_000: 1}
"""How often a reference of each size is drawn."""
TRIED = {20: 100, 300: 500, 50_000: 1_000}
"""Fresh pictures for each draw, at most."""
COUNTED = 50_000
"""Reference images of which the p-values of copies are."""


class Pairs:
    """Pictures of one kind, made ready when they are first needed."""

    def __init__(self, images: Sequence[Image.Image], vectors: NDArray[np.float32] | None) -> None:
        self.images, self.vectors = images, vectors
        self._ready: dict[int, AlignablePicture] = {}

    def __getitem__(self, row: int) -> AlignablePicture:
        if row not in self._ready:
            self._ready[row] = alignable(self.images[row])
        return self._ready[row]

    def codes(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Pixel hashes; zeros for a flat picture."""
        each = [pixel_hash_of(self.images[int(row)]).code or bytes(32) for row in rows]
        return np.frombuffer(b"".join(each), np.uint64).reshape(-1, 4)


def candidates(
    fresh: Pairs, rows: NDArray[np.int64], reference: Pairs, drawn: NDArray[np.int64], kind: Kind
) -> list[list[int]]:
    """For each fresh picture, the nearest of a drawn reference that have nothing in common."""
    found: list[list[int]] = [[] for _ in rows]
    ours, theirs = fresh.codes(rows), reference.codes(drawn)
    for group in np.unique(kind.fresh_groups[rows]):
        own = np.flatnonzero(kind.fresh_groups[rows] == group)
        others = np.flatnonzero(kind.groups[drawn] != group)
        k = min(CODES, len(others))
        near = closest_codes(ours[own], theirs[others], k=k).index
        nearest = [near]
        if fresh.vectors is not None and reference.vectors is not None:
            left, right = fresh.vectors[rows[own]], reference.vectors[drawn[others]]
            far = np.sum(right**2, axis=1) - 2 * (left @ right.T)
            nearest.append(np.argpartition(far, k - 1, axis=1)[:, :k])
        for row, some in zip(own, np.hstack(nearest), strict=True):
            found[row] = sorted({int(drawn[others[one]]) for one in some})
    return found


def usual(
    reference: Pairs, drawn: NDArray[np.int64], crew: ThreadPoolExecutor
) -> ChanceAgreement | None:
    ready = list(crew.map(reference.__getitem__, drawn[:PICTURES].tolist()))
    return ChanceAgreement.among_aligned(ready, threads=None)


def named(kind: Kind, reference: Pairs, fresh: Pairs, crew: ThreadPoolExecutor) -> Iterator[str]:
    """A row for each size of the reference."""
    for size, draws in DRAWS.items():
        if size > len(kind.reference):
            continue
        counts, tried, best = np.zeros(len(LEVELS), int), 0, 1.0
        for draw in range(draws):
            rng = np.random.default_rng([size, draw])
            drawn = rng.choice(len(kind.reference), size, replace=False)
            rows = rng.choice(len(kind.fresh), min(TRIED[size], len(kind.fresh)), False)
            chance = usual(reference, drawn, crew)
            near = candidates(fresh, rows, reference, drawn, kind)

            def strongest(row: int, some: list[int]) -> float:
                found = laid(fresh[row], [reference[one] for one in some])
                return max((one.strength for one in found), default=0.0)

            for strength in crew.map(strongest, rows.tolist(), near):
                p = 1.0 if chance is None else chance.p_value(strength, size)
                counts += [p <= level for level in LEVELS]
                best = min(best, p)
            tried += len(rows)
        shares = [f"{100 * one / tried:.3f}" for one in counts]
        yield f"| {kind.name} | {size:,} | {tried:,} | {' | '.join(shares)} | {best:.0e} |\n"


def copies(
    kind: Kind, reference: Pairs, count: int, crew: ThreadPoolExecutor
) -> dict[str, NDArray[np.float64]]:
    """By edit: p-values of copies laid over their source, as among so many images."""
    rng = np.random.default_rng(0)
    chance = usual(reference, rng.choice(len(kind.reference), PICTURES, replace=False), crew)
    p: dict[str, list[float]] = {name: [] for name in EDITS}
    sources = rng.integers(len(kind.reference), size=count)
    others = rng.integers(len(kind.fresh), size=count)
    for i, (source, other) in enumerate(zip(sources.tolist(), others.tolist(), strict=True)):
        name = [*EDITS][i % len(EDITS)]
        made = EDITS[name](kind.reference[source], kind.fresh[other], rng)
        found = laid(alignable(made), [reference[source]])[0]
        p[name].append(1.0 if chance is None else chance.p_value(found.strength, COUNTED))
    return {name: np.array(each) for name, each in p.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    Folders.ask(parser)
    parser.add_argument("--copies", type=int, default=26 * 40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    chosen = parser.parse_args()
    lines = [
        "| pictures | reference | fresh | named at 1e-2, % | 1e-4 | 1e-6 | smallest p |\n",
        "|---|---|---|---|---|---|---|\n",
    ]
    crew = ThreadPoolExecutor(chosen.threads)
    power: dict[str, dict[str, NDArray[np.float64]]] = {}
    for kind in kinds(Folders.of(chosen)):
        vectors: list[NDArray[np.float32] | None] = [None, None]
        if kind.name == "CIFAR-10":
            vectors = [vectors_of(chosen.cifar10, part) for part in ("train", "test")]
        reference, fresh = (
            Pairs(kind.reference, vectors[0]), Pairs(kind.fresh, vectors[1])
        )  # fmt: skip
        for line in named(kind, reference, fresh, crew):
            print(line, end="", flush=True)
            lines.append(line)
        power[kind.name] = copies(kind, reference, chosen.copies, crew)
    shown = [f"| edit | {' | '.join(power)} |\n", f"|---{'|---' * len(power)}|\n"]
    for edit in EDITS:
        each = [_percent(p[edit]) for p in power.values()]
        shown.append(f"| {edit} | {' | '.join(each)} |\n")
    every = [_percent(np.concatenate([*p.values()])) for p in power.values()]
    shown.append(f"| **mean** | {' | '.join(every)} |\n")
    print("".join(shown))
    if chosen.into:
        insert(chosen.into, "".join(lines), "aligned_pictures")
        insert(chosen.into, "".join(shown), "aligned_pictures", "copies")


def _percent(p: NDArray[np.float64]) -> str:
    """Found at 1e-6, then at 1e-4."""
    return " / ".join(f"{100 * np.mean(p <= level):.0f}" for level in (1e-6, 1e-4))


if __name__ == "__main__":
    main()
