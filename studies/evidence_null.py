"""How strong evidence is between pictures that have nothing in common: the universal null.

    apt-get install openclipart-png dataset-fashion-mnist
    python studies/evidence_null.py --cifar10 FOLDER --emoji FOLDER --clipart FOLDER
        --photos FOLDER --work FOLDER [--pairs 60000] [--sheets] [--into TABLE] [--page PAGE]

`evidence_pictures.py` says where the pictures come from. Every picture is prepared once. Then pairs
of different groups are drawn at random, within each kind and between kinds. A pair costs the
matching and, for one in hundreds, a map and its pixels. Kinds that were counted before are read
from the working folder. `--sheets` draws the strongest pairs of each kind, for eyes to judge if
they are unrelated after all; those that were not are listed below and left out. `--into` writes the
table of the wing, `--page` a table for people.

The bound of each kind: Clopper-Pearson's upper limit of the share of pairs at or above a strength,
as far as pairs were seen. Beyond, an exponential tail. It starts at the limit of the share of the
50th strongest pair, and its scale is the upper limit of the scale of the 50 (where there are fewer
than 20: the largest of all kinds). Kinds with fewer than 2,000 pairs in a table count to the pairs
of two kinds. Each limit is at 99 %. The table takes the largest bound, of
pairs with a small picture, of those with one that repeats itself, and of the others.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from evidence_pictures import KINDS, Folders, Picture
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.stats import beta, chi2, genpareto

from pages import insert
from rara.geometry.threads import one_core
from rara.retrieval.evidence import evidence_between, pair_kind
from rara.retrieval.local_features import PreparedImage, prepare
from rara.retrieval.universal_null import PairKind

Ready = tuple[Picture, PreparedImage]
MIXED = "two kinds"
TABLES: Sequence[PairKind] = ("small", "enlarged", "repeating", "large")
NOT_IN_TABLE = "prose"
"""Pages that share phrases: the evidence is right, though it means little."""
NOT_MIXED = (NOT_IN_TABLE, "clothes, enlarged")
"""Kinds that are not paired with others."""
LEVEL = 0.99
STRONGEST = 120
"""Pairs that are kept as pictures."""
EXCEEDING = 50
"""Pairs above the strength from which the tail is fitted."""
LOWEST = -9.0
"""Log of the smallest bound in the table: what is beyond is too far from what was counted."""
FEW = 2_000
"""Pairs of a kind in a table, below which its limits would say how few there are."""
STEP = 0.25

RELATED: Mapping[str, frozenset[frozenset[str]]] = {
    "emoji": frozenset({frozenset({"star", "dizzy"})}),  # the same star
    "clip art": frozenset(
        {frozenset({"creation_day_7_number_ge_04.png", "stylized_yoga_person_ger_02.png"})}
    ),  # both lack a linked image, and show the same sign for it
}
"""Pairs of names, by kind, that sheets showed to have a region in common after all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Strengths of pairs of one kind."""

    name: str
    table: PairKind
    """To which its pairs count."""
    pairs: int
    insufficient: int
    """Pairs of which one picture has too little detail; not among `pairs`."""
    strengths: NDArray[np.float64]
    """Of those above 0, descending."""
    partners: list[tuple[Picture, Picture]]
    """Of the strongest."""
    seconds: float


# -- counting --------------------------------------------------------------------------


def prepared(name: str, folders: Folders, at_most: int = 10_000) -> list[Ready]:
    make, count = KINDS[name]
    count = min(count, at_most)
    started = time.process_time()
    ready = [(picture, prepare(picture.pixels)) for picture in make(folders, count)]
    spent = 1000 * (time.process_time() - started) / len(ready)
    counts = [len(one.features) for _, one in ready]
    print(f"{name}: {len(ready)} pictures, {spent:.0f} ms each, features "
          f"{np.percentile(counts, (0, 25, 50, 75, 100)).tolist()}", flush=True)  # fmt: skip
    return ready


def counted(name: str, ready: Sequence[Ready], pairs: int) -> list[Kind]:
    """Of each table that pairs count to."""
    made: dict[PairKind, _Counts] = {}
    for places in drawn(len(ready), np.random.default_rng(0)):
        (one, left), (other, right) = (ready[i] for i in places)
        if one.group == other.group:
            continue
        table = pair_kind(left, right)
        counts = made.setdefault(table, _Counts())
        if not (left.sufficient and right.sufficient):
            counts.insufficient += 1
            continue
        started = time.process_time()
        evidence = evidence_between(left, right)
        counts.seconds += time.process_time() - started
        counts.pairs += 1
        if evidence is not None and evidence.strength > 0:
            counts.found.append((evidence.strength, one, other))
        if sum(each.pairs for each in made.values()) == pairs:
            break
    return [
        counts.kind(name if table == "large" else f"{name} ({table})", table)
        for table, counts in sorted(made.items())
    ]


@dataclass(slots=True)
class _Counts:
    pairs: int = 0
    insufficient: int = 0
    seconds: float = 0.0
    found: list[tuple[float, Picture, Picture]] = field(default_factory=list)

    def kind(self, name: str, table: PairKind) -> Kind:
        ranked = sorted(self.found, key=lambda row: -row[0])
        strengths, partners = np.array([row[0] for row in ranked]), [row[1:] for row in ranked]
        return Kind(
            name, table, self.pairs, self.insufficient, strengths, partners[:STRONGEST],
            self.seconds,
        )  # fmt: skip


def kept(name: str, *, folders: Folders, pairs: int, work: Path) -> list[Kind]:
    """As they were counted before, or counted now; without pairs that are related after all."""
    path = work / f"{name}.pickle"
    if not path.exists():
        path.write_bytes(pickle.dumps(measured(name, folders=folders, pairs=pairs)))
    return [
        unrelated(kind, RELATED.get(name, frozenset())) for kind in pickle.loads(path.read_bytes())
    ]


def unrelated(kind: Kind, related: frozenset[frozenset[str]]) -> Kind:
    kept = [frozenset(one.name for one in pair) not in related for pair in kind.partners]
    rest = kind.strengths[len(kept) :]
    return replace(
        kind,
        pairs=kind.pairs - kept.count(False),
        strengths=np.concatenate([kind.strengths[: len(kept)][kept], rest]),
        partners=[pair for pair, one in zip(kind.partners, kept, strict=True) if one],
    )


def measured(name: str, *, folders: Folders, pairs: int) -> list[Kind]:
    """Of one kind, or of pairs between the kinds."""
    cv2.setNumThreads(1)
    with one_core():
        return _measured(name, folders, pairs)


def _measured(name: str, folders: Folders, pairs: int) -> list[Kind]:
    if name != MIXED:
        return counted(name, prepared(name, folders), pairs)
    mixed = [
        (Picture(f"{kind} {one.name}", kind, one.pixels), image)
        for kind in KINDS
        if kind not in NOT_MIXED
        for one, image in prepared(kind, folders, at_most=60)
    ]
    return counted(name, mixed, pairs)


def drawn(count: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """All pairs of different places, each once, in random order."""
    for code in rng.permutation(count * (count - 1) // 2).tolist():
        high = (1 + math.isqrt(1 + 8 * code)) // 2
        pair = high, code - high * (high - 1) // 2
        yield pair if code % 2 else pair[::-1]


# -- bounds ----------------------------------------------------------------------------


def limits(counts: NDArray[np.int64], pairs: int) -> NDArray[np.float64]:
    """Upper limits of shares of which so many of `pairs` were seen."""
    return np.asarray(beta.ppf(LEVEL, counts + 1, np.maximum(pairs - counts, 1e-9)))


def bound(kind: Kind, strengths: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Upper bounds on the share of pairs at or above each strength."""
    reached = np.array([np.sum(kind.strengths >= one) for one in strengths])
    start = float(kind.strengths[:EXCEEDING][-1]) if len(kind.strengths) else 0.0
    first = limits(np.array([min(EXCEEDING, len(kind.strengths))]), kind.pairs)
    fitted = first * np.exp(-np.maximum(strengths - start, 0) / scale)
    return np.where(reached > 0, np.maximum(limits(reached, kind.pairs), fitted), fitted)


def scale_limit(kind: Kind) -> float:
    """The upper limit of the scale of an exponential tail; NaN of fewer than 20 strengths."""
    excess = kind.strengths[:EXCEEDING]
    if len(excess) < 20:
        return np.nan
    total = float(np.sum(excess - excess[-1]))
    return 2 * total / float(chi2.ppf(1 - LEVEL, 2 * (len(excess) - 1)))


def scales(kinds: Sequence[Kind]) -> list[float]:
    """Each kind's own, or the largest in the table of its size."""
    own = [scale_limit(kind) for kind in kinds]
    found = {name: [scale_limit(kind) for kind in counting(kinds, name)] for name in TABLES}
    largest = {
        name: max((one for one in each if one > 0), default=1.0) for name, each in found.items()
    }
    return [one if one > 0 else largest[kind.table] for one, kind in zip(own, kinds, strict=True)]


def shape(kind: Kind) -> float:
    """Of a generalised Pareto tail: 0 is exponential, above it is heavier, below it ends."""
    excess = kind.strengths[:EXCEEDING]
    return float(genpareto.fit(excess[:-1] - excess[-1], floc=0)[0]) if len(excess) > 9 else np.nan


def tables(kinds: Sequence[Kind]) -> dict[str, object]:
    return {name: table(counting(kinds, name)) for name in TABLES}


def counting(kinds: Sequence[Kind], name: PairKind) -> list[Kind]:
    """Those that a table is made of; kinds with few pairs in it count to those of two kinds."""
    own = [one for one in kinds if one.table == name and not one.name.startswith(NOT_IN_TABLE)]
    few = [one for one in own if one.pairs < FEW or one.name.startswith(MIXED)]
    return [one for one in own if all(one is not other for other in few)] + (
        [joined(few)] if few else []
    )


def joined(kinds: Sequence[Kind]) -> Kind:
    """Their pairs as of one kind."""
    strengths = np.sort(np.concatenate([one.strengths for one in kinds]))[::-1]
    return replace(kinds[0], pairs=sum(one.pairs for one in kinds), strengths=strengths)


def table(kinds: Sequence[Kind]) -> dict[str, object]:
    strengths = np.arange(STEP, 60, STEP)
    each = zip(kinds, scales(kinds), strict=True)
    worst = np.max([bound(kind, strengths, scale) for kind, scale in each if kind.pairs], axis=0)
    logs = np.ceil(1000 * np.log10(np.minimum(worst, 1))) / 1000
    last = int(np.argmax(logs <= LOWEST)) if np.any(logs <= LOWEST) else len(logs) - 1
    logs = np.maximum(logs[: last + 1], LOWEST)
    return {
        "pairs": {kind.name: kind.pairs for kind in kinds},
        "strength": strengths[: last + 1].tolist(),
        "log10_bound": logs.tolist(),
    }


# -- showing ---------------------------------------------------------------------------


def section(kinds: Sequence[Kind]) -> Iterator[str]:
    names = ("kind", "pairs", "too little detail", "with any evidence", "strongest", "tail's scale")
    yield f"| {' | '.join(names)} | its shape | bound 1e-6 at | ms a pair |"
    yield "|---|---|---|---|---|---|---|---|---|"
    strengths = np.arange(STEP, 60, STEP)
    for kind, scale in zip(kinds, scales(kinds), strict=True):
        if not kind.pairs:
            yield f"| {kind.name} | 0 | {kind.insufficient:,} | | | | | | |"
            continue
        bounds = bound(kind, strengths, scale)
        at = f"{strengths[np.argmax(bounds <= 1e-6)]:.1f}" if np.any(bounds <= 1e-6) else "—"
        bend = f"{shape(kind):.2f}" if len(kind.strengths) > 9 else "—"
        strongest = f"{kind.strengths[0]:.1f}" if len(kind.strengths) else "none"
        yield (
            f"| {kind.name} | {kind.pairs:,} | {kind.insufficient:,} | {len(kind.strengths):,} "
            f"| {strongest} | {scale:.2f} | {bend} | {at} "
            f"| {1000 * kind.seconds / kind.pairs:.2f} |"
        )


def sheet(kind: Kind, path: Path, side: int = 100, columns: int = 8, most: int = 64) -> None:
    """The strongest pairs, side by side."""
    shown = list(zip(kind.strengths, kind.partners, strict=False))[:most]
    if not shown:
        return
    rows = -(-len(shown) // columns)
    page = Image.new("RGB", (columns * (2 * side + 8), rows * (side + 14)), "white")
    draw = ImageDraw.Draw(page)
    for i, (strength, pair) in enumerate(shown):
        x, y = i % columns * (2 * side + 8), i // columns * (side + 14)
        for place, one in enumerate(pair):
            small = Image.fromarray(one.pixels)
            small = small.resize((side, side)) if max(small.size) < side else small
            small.thumbnail((side, side))
            page.paste(small, (x + place * side, y + 13))
        draw.text((x, y), f"{strength:.1f} {pair[0].name[:14]} {pair[1].name[:14]}", "red")
    page.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    Folders.ask(parser)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=60_000, help="of each kind")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sheets", action="store_true", help="draw the strongest pairs")
    parser.add_argument("--into", type=Path, help="the table of the wing")
    parser.add_argument("--page", type=Path, help="the page with the table for people")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    folders = Folders.of(options)
    with ProcessPoolExecutor(options.processes) as pool:
        names = [*KINDS, MIXED]
        count = partial(kept, folders=folders, pairs=options.pairs, work=options.work)
        kinds = [kind for some in pool.map(count, names) for kind in some]
    lines = list(section(kinds))
    print("\n".join(lines))
    if options.sheets:
        for kind in kinds:
            sheet(kind, options.work / f"{kind.name.replace(' ', '-')}.png")
    if options.into:
        options.into.write_text(json.dumps(tables(kinds)) + "\n", encoding="utf-8")
    if options.page:
        insert(options.page, "\n".join([*lines, ""]), "evidence_null")


if __name__ == "__main__":
    main()
