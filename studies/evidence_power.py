"""How many edited copies direct evidence finds among 17 candidates, and how well it places them.

    python studies/evidence_power.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER --work FOLDER [--count 30] [--packed] [--page PAGE]

For each kind of picture and each edit of `hard_edits.py`: copies of some pictures, each compared
with its source and 16 others. A copy is found if the strongest evidence is with its source and has
a small p-value for 17 candidates. The regions are held against the true ones by intersection over
union. With --packed, the sources' features are those that an index keeps of them. What was compared
before is read from the working folder.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from evidence_pictures import Folders, Picture, cifar10, clipart, detailed, photos
from hard_edits import HARD, Edited
from PIL import Image

from pages import insert
from rara.retrieval.evidence import Evidence, evidence_between, pair_kind
from rara.retrieval.feature_codes import packed, unpacked
from rara.retrieval.local_features import PreparedImage, prepare
from rara.retrieval.polygons import overlap_ratio
from rara.retrieval.universal_null import PairKind, p_value

CANDIDATES = 17
LEVELS = (1e-6, 1e-3)


@dataclass(frozen=True, slots=True)
class Compared:
    """One copy and its candidates."""

    strength: float
    """Of the strongest evidence; 0 without any."""
    kind: PairKind
    right: bool
    """Whether that is with the source."""
    within: float
    """Intersection over union in the sample, with the best of its places."""
    of_source: float
    """The same in the source."""
    preparing: float
    """CPU milliseconds for the copy."""
    comparing: float
    """CPU milliseconds for a candidate, the right one among them."""


def pictures(kind: str, folders: Folders, count: int) -> list[Picture]:
    makers = {"photos": photos, "CIFAR-10": partial(cifar10, first=10_000), "clip art": clipart}
    made = (one for one in makers[kind](folders, 2 * count) if detailed(one.pixels))
    return list(islice(made, count))


def kept(
    kind: str, *, folders: Folders, count: int, work: Path, in_codes: bool
) -> dict[str, list[Compared]]:
    """As it was compared before, or compared now."""
    path = work / f"power {kind}{' packed' if in_codes else ''}.pickle"
    if not path.exists():
        cv2.setNumThreads(1)
        chosen = pictures(kind, folders, count)
        ready = [prepare(one.pixels) for one in chosen]
        if in_codes:
            ready = [replace(one, features=unpacked(packed(one.features))) for one in ready]
        path.write_bytes(pickle.dumps({name: compared(name, chosen, ready) for name in HARD}))
    made: dict[str, list[Compared]] = pickle.loads(path.read_bytes())
    return made


def compared(
    name: str, chosen: Sequence[Picture], ready: Sequence[PreparedImage]
) -> list[Compared]:
    rng = np.random.default_rng(0)
    made = []
    for row, one in enumerate(chosen):
        ground = (row + len(chosen) // 2) % len(chosen)
        copy = HARD[name](Image.fromarray(one.pixels), Image.fromarray(chosen[ground].pixels), rng)
        rest = [i for i in range(len(chosen)) if i not in (row, ground)]
        tried = [row, *rng.choice(rest, CANDIDATES - 1, replace=False)]
        made.append(one_copy(copy, [ready[i] for i in tried]))
    return made


def one_copy(copy: Edited, candidates: Sequence[PreparedImage]) -> Compared:
    """The source is the first candidate."""
    started = time.process_time()
    sample = prepare(np.asarray(copy.picture))
    prepared = time.process_time()
    evidence = [evidence_between(sample, one) for one in candidates]
    ended = time.process_time()
    best = int(np.argmax([one.strength if one else 0.0 for one in evidence]))
    strongest = evidence[best]
    return Compared(
        strongest.strength if strongest else 0.0,
        pair_kind(sample, candidates[best]),
        best == 0,
        *(placed(strongest, copy) if strongest else (0.0, 0.0)),
        preparing=1000 * (prepared - started),
        comparing=1000 * (ended - prepared) / len(candidates),
    )


def placed(evidence: Evidence, copy: Edited) -> tuple[float, float]:
    within = max(overlap_ratio(evidence.sample_region, region) for region in copy.sample)
    return within, overlap_ratio(evidence.source_region, copy.source)


def called(one: Compared, level: float) -> bool:
    return p_value(one.strength, kind=one.kind, candidates=CANDIDATES) <= level


def share(copies: Sequence[Compared], level: float) -> float:
    return float(np.mean([one.right and called(one, level) for one in copies]))


def section(measured: Mapping[str, Mapping[str, Sequence[Compared]]]) -> Iterator[str]:
    titles = [f"{kind} ({len(each['mirrored'])})" for kind, each in measured.items()]
    yield f"| edit | {' | '.join(titles)} |"
    yield "|---|" + "---|" * len(measured)
    for name in HARD:
        yield f"| {name} | " + " | ".join(cell(each[name]) for each in measured.values()) + " |"
    every = [[one for copies in each.values() for one in copies] for each in measured.values()]
    rows = {
        "**mean**": [cell(copies) for copies in every],
        "called with another picture": [others(copies) for copies in every],
        "to prepare a copy, CPU ms": [f"{np.mean([o.preparing for o in c]):.1f}" for c in every],
        "to compare a pair, CPU ms": [f"{np.mean([o.comparing for o in c]):.1f}" for c in every],
    }
    for name, cells in rows.items():
        yield f"| {name} | {' | '.join(cells)} |"


def others(copies: Sequence[Compared]) -> str:
    counts = (sum(not o.right and called(o, level) for o in copies) for level in LEVELS)
    return " / ".join(map(str, counts))


def cell(copies: Sequence[Compared]) -> str:
    shares = " / ".join(f"{100 * share(copies, level):.0f}" for level in LEVELS)
    found = [(o.within, o.of_source) for o in copies if o.right and called(o, LEVELS[1])]
    if not found:
        return shares
    within, of_source = np.median(found, axis=0)
    return f"{shares} ({within:.2f}, {of_source:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    Folders.ask(parser)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--count", type=int, default=30, help="pictures of each kind")
    parser.add_argument("--packed", action="store_true", help="features as an index keeps them")
    parser.add_argument("--page", type=Path, help="the page with the table")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    folders = Folders.of(options)
    kinds = ("photos", "clip art", "CIFAR-10")
    among = {"folders": folders, "count": options.count, "work": options.work}
    run = partial(kept, **among, in_codes=options.packed)
    with ProcessPoolExecutor(options.processes) as pool:
        measured = dict(zip(kinds, pool.map(run, kinds), strict=True))
    lines = list(section(measured))
    print("\n".join(lines))
    if options.page:
        insert(options.page, "\n".join([*lines, ""]), "evidence_power")


if __name__ == "__main__":
    main()
