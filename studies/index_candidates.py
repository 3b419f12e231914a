"""How often the inverted index has the source of an edited copy among its first candidates.

    python studies/index_candidates.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER --work FOLDER [--count 30] [--page docs/studies/copy-candidates.md]

For each kind of picture: copies by each edit of `hard_edits.py` of some pictures, looked for among
references of several sizes. A reference holds the sources and others: first of the same kind, then
of all kinds. What was prepared before is read from the working folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from evidence_pictures import Folders, cifar10, clipart, photos, stamps
from evidence_power import pictures
from hard_edits import HARD
from PIL import Image

from pages import insert
from rara.retrieval.feature_codes import packed
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import LocalFeatures, PreparedImage, prepare

T = TypeVar("T")
FIRST = (1, 5, 17)
SIZES = (300, 3000, 11_000)
FAINT = ("blur 2 %", "blur 4 %")
"""Edits that leave too few features."""

OTHERS = {
    "photos": (photos, 60, 400),
    "stamps": (stamps, 0, 300),
    "clip art": (clipart, 60, 1500),
    "CIFAR-10": (cifar10, 0, 10_000),
}
"""Pictures that are no sources: of each kind from here to there; the first ones are sources."""

POSTING = 16
"""Bytes of a feature in the index."""


@dataclass(frozen=True, slots=True)
class Sought:
    """The sources of a kind, and their copies by edit."""

    sources: list[LocalFeatures]
    copies: Mapping[str, list[PreparedImage]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one index gave."""

    size: int
    ranks: Mapping[str, list[int]]
    """Of the source, from 0, by edit; a large number where it is not among the candidates."""
    building: float
    """CPU milliseconds an image, beside its features."""
    asking: float
    """CPU milliseconds a copy."""
    postings: float
    """Bytes an image."""
    codes: float
    """Bytes an image, of the first thousand."""


def kept(path: Path, make: Callable[[], T]) -> T:
    """What lies at the path, or is made now."""
    if not path.exists():
        path.write_bytes(pickle.dumps(make(), protocol=5))
    made: T = pickle.loads(path.read_bytes())
    return made


def others(kind: str, folders: Folders) -> list[LocalFeatures]:
    make, first, last = OTHERS[kind]
    return [prepare(one.pixels).features for one in islice(make(folders, last), first, None)]


def sought(kind: str, folders: Folders, count: int) -> Sought:
    """As studies/evidence_power.py chooses and edits them."""
    chosen = pictures(kind, folders, count)
    copies = {}
    for name, edit in HARD.items():
        rng = np.random.default_rng(0)
        copies[name] = []
        for row, one in enumerate(chosen):
            ground = chosen[(row + len(chosen) // 2) % len(chosen)]
            copy = edit(Image.fromarray(one.pixels), Image.fromarray(ground.pixels), rng)
            copies[name].append(prepare(np.asarray(copy.picture)))
    return Sought([prepare(one.pixels).features for one in chosen], copies)


def measured(kind: str, *, folders: Folders, count: int, work: Path) -> list[Found]:
    cv2.setNumThreads(1)
    seek = kept(work / f"sought {kind} {count}.pickle", lambda: sought(kind, folders, count))
    rest = {
        name: kept(work / f"others {name}.pickle", partial(others, name, folders))
        for name in OTHERS
    }
    own = rest.pop(kind)
    mixed = [one for each in rest.values() for one in each]
    order = np.random.default_rng(0).permutation(len(mixed))
    reference = [*seek.sources, *own, *(mixed[i] for i in order)]
    return [found(seek, reference[:size]) for size in SIZES]


def found(seek: Sought, reference: Sequence[LocalFeatures]) -> Found:
    Index.build(reference[:2]).candidates(seek.copies["mirrored"][0])  # compiles
    started = time.process_time()
    index = Index.build(reference)
    built = time.process_time()
    ranks = {
        name: [rank(index, copy, row) for row, copy in enumerate(copies)]
        for name, copies in seek.copies.items()
    }
    ended = time.process_time()
    return Found(
        len(index),
        ranks,
        1000 * (built - started) / len(index),
        1000 * (ended - built) / sum(map(len, ranks.values())),
        POSTING * len(index.postings) / len(index),
        float(np.mean([len(packed(one)) for one in reference[:1000]])),
    )


def rank(index: Index, copy: PreparedImage, source: int) -> int:
    rows = index.candidates(copy, max(FIRST)).rows
    return int(np.flatnonzero(rows == source)[0]) if source in rows else max(FIRST)


def section(every: Mapping[str, Sequence[Found]]) -> Iterator[str]:
    columns = [(kind, one) for kind, each in every.items() for one in each]
    yield f"| edit | {' | '.join(f'{kind}, {one.size:,}' for kind, one in columns)} |"
    yield "|---|" + "---|" * len(columns)
    for name in HARD:
        yield f"| {name} | " + " | ".join(cell(one.ranks[name]) for _, one in columns) + " |"
    clear = [
        [rank for name, ranks in one.ranks.items() if name not in FAINT for rank in ranks]
        for _, one in columns
    ]
    rows = {
        "**mean, blur apart**": [cell(ranks) for ranks in clear],
        "CPU ms to index an image": [f"{one.building:.1f}" for _, one in columns],
        "CPU ms to ask": [f"{one.asking:.0f}" for _, one in columns],
        "bytes an image, postings": [f"{one.postings:,.0f}" for _, one in columns],
        "bytes an image, features": [f"{one.codes:,.0f}" for _, one in columns],
    }
    for name, cells in rows.items():
        yield f"| {name} | {' | '.join(cells)} |"


def cell(ranks: Sequence[int]) -> str:
    return " / ".join(f"{100 * np.mean(np.array(ranks) < first):.0f}" for first in FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    Folders.ask(parser)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=30, help="sources of each kind")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", type=Path, help="the page with the table")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    folders = Folders.of(options)
    for name in OTHERS:
        kept(options.work / f"others {name}.pickle", partial(others, name, folders))
    kinds = ("photos", "clip art", "CIFAR-10")
    run = partial(measured, folders=folders, count=options.count, work=options.work)
    spawn = multiprocessing.get_context("spawn")  # a fork of threads that OpenCV began may hang
    with ProcessPoolExecutor(options.processes, mp_context=spawn) as pool:
        every = dict(zip(kinds, pool.map(run, kinds), strict=True))
    lines = list(section(every))
    print("\n".join(lines))
    if options.page:
        insert(options.page, "\n".join([*lines, ""]), "index_candidates")


if __name__ == "__main__":
    main()
