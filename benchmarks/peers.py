"""rara against its peers and against the matrix product that all of them rest on.

    python benchmarks/peers.py [--reference 60000] [--samples 8000] [--memory 12] [--repeats 3]
    python benchmarks/peers.py --vectors FOLDER

Three tasks: the radii of a reference (its 11 nearest others), a query (of each sample the 5
nearest, the balls round it, the largest ratio of radius to distance), and what set scores such
as precision and recall are made of (radii of both sides, and a query). A peer that holds every
pair is given as much of the reference as fits the memory, and rara and the product are measured
at that size as well. Every measurement is a fresh process, warmed up on a few vectors; the
repeats are interleaved.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from threadpoolctl import threadpool_limits

from contestants import EVERYBODY, PEERS, PRODUCT, RARA, RARA_KEPT, Case, Contestant, Task
from measuring import Cost, Row, apart, cost, interleaved, parser, save
from rara.geometry import QuantizedReference
from rara.machine import cores, quarter_of_memory
from workload import Vectors, radii, reference_vectors, sample_vectors, warm_up

SIZES = {"reference": 60_000, "samples": 8_000, "dimensions": 2048, "repeats": 3}
TASKS: tuple[Task, ...] = get_args(Task)


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--threads", type=int, default=cores(), help="every core by default")
    options.add_argument(
        "--memory",
        type=float,
        default=2 * quarter_of_memory() / 2**30,
        help="GiB that a peer may take beside the features, half of the machine's by default",
    )
    options.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    options.add_argument(
        "--vectors", type=Path, help="photos in place of drawn vectors: a folder of studies/cifar10"
    )
    size = options.parse_args()
    if size.vectors:
        size.reference, size.dimensions = photos(size, "train").shape
        size.samples = len(photos(size, "test"))
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(lineup(size, Path(scratch)))
        apart(prepare, Path(scratch), size, sorted({row.facts["n"] for row in rows}))
        name = "photos" if size.vectors else "peers"
        save(size.results, name, settings=size, rows=interleaved(rows, size.repeats))


def lineup(size: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """Who does what at which size: everybody at the full one, and below what a peer can hold."""
    for task in size.tasks:
        peers = [peer for peer in PEERS if task in peer.works]
        held = {
            peer.name: peer.holdable(task, size.reference, size.samples, room(size))
            for peer in peers
        }
        for n in sorted({size.reference, *held.values()}, reverse=True):
            for one in (PRODUCT, RARA, RARA_KEPT, *(p for p in peers if held[p.name] == n)):
                if task in one.works:
                    yield row_of(one, task, n, size, scratch)


def room(size: argparse.Namespace) -> int:
    """Bytes for pairs: peers may copy the features twice, as torch.cdist does."""
    features = 4 * size.dimensions * (size.reference + size.samples)
    return max(int(size.memory * 2**30) - 2 * features, 0)


def row_of(one: Contestant, task: Task, n: int, size: argparse.Namespace, scratch: Path) -> Row:
    """One contestant at one task and size."""
    m = min(size.samples, n)
    facts = {"task": task, "who": one.name, "n": n, "m": m}
    if not one.installed:
        return Row.absent(f"`{one.package}` is not installed", **facts)
    return Row.of(partial(apart, measure, one.name, task, scratch, n, m, size.threads), **facts)


def prepare(scratch: Path, size: argparse.Namespace, counts: list[int]) -> None:
    """Write what every process reads: the vectors, and the radii at each size."""
    if size.vectors:
        reference, samples = photos(size, "train"), photos(size, "test")
    else:
        reference = reference_vectors(size.reference, size.dimensions)
        samples = sample_vectors(size.samples, size.dimensions)
    np.save(scratch / "reference.npy", reference)
    np.save(scratch / "samples.npy", samples)
    for n in counts:
        np.save(scratch / f"r2-{n}.npy", radii(reference[:n])[0])
        quantized = QuantizedReference.of(reference[:n])
        for part, array in quantized.arrays().items() if quantized else ():
            np.save(scratch / f"{part}-{n}.npy", array)


def photos(size: argparse.Namespace, part: str) -> Vectors:
    """Vectors of the training photos, or of the test photos."""
    return np.load(size.vectors / f"{part}.npy", mmap_mode="r")


def measure(name: str, task: Task, scratch: Path, n: int, m: int, threads: int) -> tuple[Cost, str]:
    """Cost of one call, in a process that has done the like with a few vectors before."""
    case = Case(
        first(scratch / "reference.npy", n),
        first(scratch / "samples.npy", m),
        np.load(scratch / f"r2-{n}.npy"),
        threads,
        kept(scratch, n) if name == RARA_KEPT.name else None,
    )
    work = EVERYBODY[name].works[task]
    work(case[:200])
    if name in {RARA.name, RARA_KEPT.name}:
        warm_up()
    with threadpool_limits(threads):
        spent, said = cost(lambda: work(case))
    return spent, said or ""


def kept(scratch: Path, n: int) -> QuantizedReference:
    """The codes of a reference, mapped as from its folder."""
    parts = ("codes", "terms", "frame")
    return QuantizedReference.from_arrays(
        {part: np.load(scratch / f"{part}-{n}.npy", mmap_mode="r") for part in parts}
    )


def first(file: Path, count: int) -> Vectors:
    """The first rows of an array, in memory of their own."""
    return np.array(np.load(file, mmap_mode="r")[:count])


if __name__ == "__main__":
    main()
