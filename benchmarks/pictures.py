"""The nearest pictures by their codes, in all eight ways to turn them, beside faiss.

    python benchmarks/pictures.py [--reference 50000] [--samples 10000]

Codes are drawn: a thousand kinds of picture, each image with a third of the bits of its kind
inverted, so that nearest ones are about as far as those of photos. faiss's flat binary index
is asked eight times, for each way to turn the samples, and rara once; the answers must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from measuring import Cost, Row, apart, cost, interleaved, parser, save
from rara.geometry import closest_codes, closest_other_codes
from rara.geometry.hamming import ClosestCodes, Words, transposed

SIZES = {"reference": 50_000, "samples": 10_000, "repeats": 3, "threads": 1}
PEER = "faiss IndexBinaryFlat, eight times"
KINDS, DIFFERENT = 1_000, 1 / 3
ODD_ROWS, ODD_COLUMNS = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    rows = apart(measured, size.reference, size.samples, size.repeats, size.threads)
    save(size.results, "pictures", settings=size, rows=rows)


def measured(reference: int, samples: int, repeats: int, threads: int) -> list[dict[str, object]]:
    """Both tasks by both."""
    theirs, ours = codes(reference, seed=0), codes(samples, seed=1)
    work = {
        "among themselves": (theirs, partial(closest_other_codes, theirs, threads=threads)),
        "samples": (ours, partial(closest_codes, ours, theirs, threads=threads)),
    }
    rows = []
    for task, (some, search) in work.items():
        answers: list[NDArray[np.int32]] = []
        peer = partial(by_faiss, some, theirs, int(some is theirs), threads)
        facts = {"task": task, "n": reference, "m": len(some)}
        mine = Row.of(partial(rara, search, answers), who="rara", **facts)
        other = Row.of(partial(faiss, peer, answers), who=PEER, **facts)
        if not find_spec("faiss"):
            other = Row.absent("not installed", who=PEER, **facts)
        search()  # compiled
        rows += interleaved([mine, other], repeats)
    return rows


def rara(search: Callable[[], ClosestCodes], answers: list[NDArray[np.int32]]) -> tuple[Cost, str]:
    """What it took; the distances join the answers."""
    spent, found = cost(search)
    answers.append(found.distance[:, 0])
    return spent, ""


def faiss(
    search: Callable[[], NDArray[np.int32]], answers: list[NDArray[np.int32]]
) -> tuple[Cost, str]:
    """What it took, and whether the distances are the same."""
    spent, found = cost(search)
    return spent, "" if np.array_equal(found, answers[-1]) else "answers differ"


def codes(count: int, seed: int) -> Words:
    """(count, 4) codes of pictures of some kinds."""
    kinds = np.random.default_rng(2).random((KINDS, 256)) < 0.5
    rng = np.random.default_rng(seed)
    signs = kinds[rng.integers(KINDS, size=count)] ^ (rng.random((count, 256)) < DIFFERENT)
    return np.packbits(signs, axis=1).view(np.uint64)


def by_faiss(some: Words, reference: Words, skip: int, threads: int) -> NDArray[np.int32]:
    """The least distance over the eight ways; among themselves each is its own first answer."""
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexBinaryFlat(256)
    index.add(reference.view(np.uint8))
    best = np.full(len(some), 257, np.int32)
    for view in eight_ways(some):
        found, rows = index.search(np.ascontiguousarray(view).view(np.uint8), 1 + skip)
        if skip:
            found = np.where(rows == np.arange(len(some))[:, None], 257, found)
        best = np.minimum(best, found.min(axis=1))
    return best


def eight_ways(some: Words) -> list[Words]:
    """Codes of the pictures turned and mirrored in all ways."""
    everything = np.uint64(2**64 - 1)
    flips = [(rows, columns) for rows in (0, 1) for columns in (0, 1)]
    masks = [everything * ((r & ODD_ROWS) ^ (c & ODD_COLUMNS)).astype(np.uint64) for r, c in flips]
    return [view ^ mask for view in (some, transposed(some)) for mask in masks]


if __name__ == "__main__":
    main()
