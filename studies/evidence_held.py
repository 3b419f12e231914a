"""Whether unrelated pictures are called as seldom as p-values of direct evidence say: fresh pairs.

    python studies/evidence_held.py --packages FOLDER --cifar10 FOLDER
        --clipart /usr/share/openclipart/png --work FOLDER [--sheets] [--page PAGE]

`evidence_fresh.py` says where the pictures come from, and which pairs are held to be unrelated.
None of them had a part in the table that is verified. Of each kind, up to 100 pictures are
looked for among the others of that kind, and among those of each other kind. This is one search: an
index names 17 candidates, and the strongest evidence with any has a p-value that counts all images
of the reference. So a search among N unrelated images tests N pairs at once. Related images take no
place of the 17. Pairs of one series are counted apart, with 17 candidates of their own.

An index could hide what is not chosen. So pairs drawn at random are compared without one, too.

What was prepared and counted before is read from the working folder. `--sheets` draws the pairs
with p-values of at most 10⁻⁴ for one pair, for eyes to judge if they are unrelated after all; those
that were not are `SAME_SCENE` of `evidence_fresh.py`, and left out.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from evidence_fresh import FRESH, SAME_SCENE, Places, distinct
from PIL import Image, ImageDraw

from pages import insert
from rara.retrieval.evidence import evidence_between, pair_kind
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import PreparedImage, prepare
from rara.retrieval.universal_null import PairKind, p_value

T = TypeVar("T")
MOST = 900
"""Pictures of a kind."""
QUERIES = 6
"""Every so manyth picture is looked for; the others are the reference."""
AT_MOST = 100
"""Pictures of a kind that are looked for."""
CANDIDATES = 17
DRAWN = 200
"""Pairs of two kinds that are compared without an index."""
LEVELS = (1e-2, 1e-4, 1e-6)
TO_SHOW = 1e-4


@dataclass(frozen=True, slots=True)
class Ready:
    """One picture, ready to be compared."""

    name: str
    base: str
    series: str
    image: PreparedImage


@dataclass(frozen=True, slots=True)
class Kind:
    """The pictures of one kind."""

    queries: list[Ready]
    reference: list[Ready]
    insufficient: int
    """With too little detail to be compared; in neither list."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures with some evidence."""

    strength: float
    kind: PairKind
    query: Ready
    other: Ready

    @property
    def p(self) -> float:
        """For this pair alone."""
        return p_value(self.strength, kind=self.kind)

    @property
    def both(self) -> frozenset[str]:
        """The series of both."""
        return frozenset((self.query.series, self.other.series))


@dataclass(slots=True)
class Searches:
    """Searches of pictures of one kind among those of another."""

    unrelated: list[int] = field(default_factory=list)
    """Images of the reference that the p-value counts, for each search with any."""
    found: list[tuple[int, Pair]] = field(default_factory=list)
    """Each pair with some evidence, and which search it was found in."""

    def without(self, related: frozenset[frozenset[str]]) -> Searches:
        """The same, where some pairs do not count."""
        return Searches(self.unrelated, [row for row in self.found if row[1].both not in related])

    @property
    def p(self) -> list[float]:
        """The smallest of each search."""
        best = [1.0] * len(self.unrelated)
        for search, pair in self.found:
            count = self.unrelated[search]
            best[search] = min(
                best[search], p_value(pair.strength, kind=pair.kind, candidates=count)
            )
        return best


@dataclass(frozen=True, slots=True)
class Cell:
    """What pictures of one kind gave among those of another."""

    unrelated: Searches
    series: Searches
    """Of one series."""
    drawn: Searches
    """Pairs drawn at random, each a search among one image."""
    seconds: float


# -- counting --------------------------------------------------------------------------


def kept(path: Path, make: Callable[[], T]) -> T:
    """What lies at the path, or is made now."""
    if not path.exists():
        made = make()
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(made))
        part.rename(path)
    result: T = pickle.loads(path.read_bytes())
    return result


def ready(name: str, places: Places, work: Path) -> Kind:
    return kept(work / f"ready {name}.pickle", partial(prepared, name, places))


def prepared(name: str, places: Places) -> Kind:
    cv2.setNumThreads(1)
    started = time.process_time()
    made = [
        Ready(one.name, one.base, one.series, prepare(one.pixels))
        for one in islice(distinct(FRESH[name](places)), MOST)
    ]
    able = [one for one in made if one.image.sufficient]
    spent = 1000 * (time.process_time() - started) / len(made)
    print(f"{name}: {len(able)} of {len(made)} pictures, {spent:.0f} ms each", flush=True)
    mixed = [able[i] for i in np.random.default_rng(0).permutation(len(able))]
    others = [one for place, one in enumerate(mixed) if place % QUERIES]
    return Kind(mixed[::QUERIES], others, len(made) - len(able))


def cell_path(work: Path, name: str, among: str) -> Path:
    return work / f"{name} among {among}.pickle"


def counted(among: str, *, places: Places, work: Path) -> None:
    """Pictures of each kind, looked for among those of this one; kept in the folder."""
    cv2.setNumThreads(1)
    paths = {name: cell_path(work, name, among) for name in FRESH}
    if all(path.exists() for path in paths.values()):
        return
    reference = ready(among, places, work).reference
    index = Index.build(one.image.features for one in reference)
    for name, path in paths.items():
        if not path.exists():
            queries = ready(name, places, work).queries[:AT_MOST]
            cell = kept(path, partial(searched, queries, reference, index))
            print(f"{name} among {among}: {cell.seconds:.0f} s", flush=True)


def searched(queries: Sequence[Ready], reference: Sequence[Ready], index: Index) -> Cell:
    started = time.process_time()
    cell = Cell(Searches(), Searches(), Searches(), 0.0)
    for query in queries:
        relations = np.array([relation(query, one) for one in reference])
        rows = index.candidates(query.image, len(reference)).rows
        for name, searches in (("unrelated", cell.unrelated), ("series", cell.series)):
            count = int(np.sum(relations == name))
            some = rows[relations[rows] == name][:CANDIDATES]
            compare(query, [reference[row] for row in some], count, searches)
    rng = np.random.default_rng(0)
    for _ in range(DRAWN):
        query, other = (some[rng.integers(len(some))] for some in (queries, reference))
        if relation(query, other) == "unrelated":
            compare(query, [other], 1, cell.drawn)
    spent = time.process_time() - started
    return Cell(cell.unrelated, cell.series, cell.drawn, spent)


def relation(one: Ready, other: Ready) -> str:
    """By the rules of `evidence_fresh.py`."""
    if one.base and one.base == other.base:
        return "related"
    return "series" if one.series == other.series else "unrelated"


def compare(query: Ready, candidates: Iterable[Ready], count: int, searches: Searches) -> None:
    """One search, where there is anything to search in."""
    if not count:
        return
    for other in candidates:
        evidence = evidence_between(query.image, other.image)
        if evidence is not None and evidence.strength > 0:
            kind = pair_kind(query.image, other.image)
            pair = Pair(evidence.strength, kind, query, other)
            searches.found.append((len(searches.unrelated), pair))
    searches.unrelated.append(count)


# -- showing ---------------------------------------------------------------------------

HEAD = (
    "| {} | searches | pairs | called at 1e-2: at most, seen | 1e-4 | 1e-6 "
    "| strongest, small | enlarged | repeating | large | p of one pair |\n|" + 11 * "---|"
)


def section(cells: Mapping[tuple[str, str], Cell]) -> Iterator[str]:
    """Tables: by what was looked for, by where, by pairs of kinds with calls, and of series."""
    apart = {key: cell.unrelated for key, cell in cells.items()}
    for title, place in (("looked for", 0), ("among", 1)):
        yield HEAD.format(title)
        for name in FRESH:
            yield line(name, [one for key, one in apart.items() if key[place] == name])
        yield line("**all**", list(apart.values())) + "\n"
    yield HEAD.format("two kinds with calls at 1e-2")
    for (name, among), one in apart.items():
        if min(one.p, default=1) <= LEVELS[0]:
            yield line(f"{name} among {among}", [one])
    yield "\n" + HEAD.format("drawn at random, without an index")
    for name in FRESH:
        yield line(name, [cell.drawn for key, cell in cells.items() if key[0] == name])
    yield line("**all**", [cell.drawn for cell in cells.values()]) + "\n"
    yield HEAD.format("of one series")
    for (name, among), cell in cells.items():
        if cell.series.unrelated:
            yield line(name if name == among else f"{name} among {among}", [cell.series])


def line(title: str, each: Sequence[Searches]) -> str:
    p = np.array([value for one in each for value in one.p])
    pairs = sum(sum(one.unrelated) for one in each)
    calls = (f"{level * len(p):.3g}, {np.sum(p <= level)}" for level in LEVELS)
    found = [pair for one in each for _, pair in one.found]
    strongest = (
        max((pair.strength for pair in found if pair.kind == kind), default=0)
        for kind in ("small", "enlarged", "repeating", "large")
    )
    least = min((pair.p for pair in found), default=1)
    return (
        f"| {title} | {len(p):,} | {pairs:,} | {' | '.join(calls)} "
        f"| {' | '.join(f'{one:.1f}' for one in strongest)} | {least:.1g} |"
    )


def sheets(cells: Mapping[tuple[str, str], Cell], work: Path) -> None:
    """The pairs to judge by eye, the surest first, and the surest ones of series."""
    for name in ("unrelated", "series"):
        found = {
            (pair.query.name, pair.other.name): pair
            for cell in cells.values()
            for searches in (getattr(cell, name), *([cell.drawn] if name == "unrelated" else []))
            for _, pair in searches.found
            if pair.p <= TO_SHOW
        }
        ordered = sorted(found.values(), key=lambda pair: pair.p)
        print(f"{name}: {len(ordered)} pairs to judge", flush=True)
        for start in range(0, min(len(ordered), 600), 60):
            sheet(ordered[start : start + 60], work / f"sheet {name} {start:03d}.png")


def sheet(pairs: Sequence[Pair], path: Path, side: int = 120, columns: int = 6) -> None:
    rows = -(-len(pairs) // columns)
    page = Image.new("RGB", (columns * (2 * side + 8), rows * (side + 26)), "white")
    draw = ImageDraw.Draw(page)
    for i, pair in enumerate(pairs):
        x, y = i % columns * (2 * side + 8), i // columns * (side + 26)
        for place, one in enumerate((pair.query, pair.other)):
            image = Image.fromarray(one.image.pixels)
            image.thumbnail((side, side))
            page.paste(image, (x + place * side, y + 25))
            draw.text(
                (x, y + 12 * place), f"{pair.strength:.1f} {pair.p:.0e} {one.name}"[:40], "red"
            )
    page.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("packages", "cifar10", "clipart", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sheets", action="store_true", help="draw the strongest pairs")
    parser.add_argument("--page", type=Path, help="the page with the tables")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    places = Places(options.packages, options.cifar10, options.clipart)
    with ProcessPoolExecutor(options.processes, max_tasks_per_child=1) as pool:
        for work in (warmed, counted):
            for _ in pool.map(partial(work, places=places, work=options.work), FRESH):
                pass
    cells = {
        (name, among): cleaned(pickle.loads(cell_path(options.work, name, among).read_bytes()))
        for among in FRESH
        for name in FRESH
    }
    lines = list(section(cells))
    print("\n".join(lines))
    if options.sheets:
        sheets(cells, options.work)
    if options.page:
        insert(options.page, "\n".join([*lines, ""]), "evidence_held")


def warmed(name: str, *, places: Places, work: Path) -> None:
    """Prepare the pictures of a kind; they stay in the folder."""
    if not (work / f"ready {name}.pickle").exists():
        ready(name, places, work)


def cleaned(cell: Cell) -> Cell:
    """Without the pairs that are related after all."""
    each = (one.without(SAME_SCENE) for one in (cell.unrelated, cell.series, cell.drawn))
    return Cell(*each, cell.seconds)


if __name__ == "__main__":
    main()
