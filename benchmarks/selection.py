"""rara.select against libraries that choose among vectors: what it takes, and what picks are worth.

    python benchmarks/selection.py [--samples 10000] [--peers 3000] [--into PAGE]

    drawn vectors --rara.select, libraries in environments of their own--> picks --> one yardstick

Each library gets the same candidates, and where it takes them, the same similarities. Its picks are
worth what the formulas of docs/explanation/selection.md say, computed here by numpy alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rara
from measuring import cost
from rara.machine import cores
from rara.selection.select import picked

Floats = NDArray[np.float32]
SIZES = {"samples": 10_000, "peers": 3_000, "reference": 2_000, "dimensions": 1280, "count": 50}
VENVS = Path(__file__).parents[1] / ".bench" / "selection"

LOAD = """
import json, sys, time
import numpy as np
vectors, similar = np.load(sys.argv[1]), np.load(sys.argv[2])
count, n = int(sys.argv[3]), len(vectors)
begun = time.perf_counter()
"""
SAVE = """
print(json.dumps([[int(row) for row in rows], time.perf_counter() - begun]))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A library, what it maximises, and how it is called."""

    name: str
    package: str
    needs: tuple[str, ...]
    term: str
    code: str


PEERS = [
    Peer("apricot-select 0.6.1, facility location, lazy", "apricot-select", ("scikit-learn",),
         "representative", """
from apricot import FacilityLocationSelection
made = FacilityLocationSelection(count, metric="precomputed", optimizer="lazy")
rows = made.fit(similar.astype(np.float64)).ranking
"""),
    Peer("submodlib-py 0.0.3, facility location, lazy", "submodlib-py", (), "representative", """
from submodlib import FacilityLocationFunction
made = FacilityLocationFunction(n=n, mode="dense", sijs=similar, separate_rep=False)
rows = [row for row, _ in made.maximize(budget=count, optimizer="LazyGreedy", show_progress=False)]
"""),
    Peer("divsel 0.1.0, facility location, GIST", "divsel", (), "representative", """
import divsel
rows = divsel.gist_select(vectors, k=count, lam=0.0, metric="euclidean",
                          utility="facility_location")
"""),
    Peer("submodlib-py 0.0.3, log-determinant, lazy", "submodlib-py", (), "diverse", """
from submodlib import LogDeterminantFunction
made = LogDeterminantFunction(n=n, mode="dense", lambdaVal=1, sijs=similar)
rows = [row for row, _ in made.maximize(budget=count, optimizer="LazyGreedy", show_progress=False)]
"""),
    Peer("submodlib-py 0.0.3, smallest distance", "submodlib-py", (), "farthest-first", """
from submodlib import DisparityMinFunction
made = DisparityMinFunction(n=n, mode="dense", sijs=similar)
rows = [row for row, _ in made.maximize(budget=count, optimizer="NaiveGreedy",
                                        show_progress=False)]
"""),
    Peer("divsel 0.1.0, smallest distance, GIST", "divsel", (), "farthest-first", """
import divsel
rows = divsel.gist_select(vectors, k=count, lam=1e-6, eps=0.02, metric="euclidean")
"""),
]  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, size in SIZES.items():
        options.add_argument(f"--{name}", type=int, default=size)
    options.add_argument("--into", type=Path, help="a page whose tables are written")
    options.add_argument("--venvs", type=Path, default=VENVS, help="where libraries are installed")
    options.add_argument("--offline", action="store_true", help="install no library")
    size = options.parse_args()
    vectors = drawn(size.samples, size.dimensions, 1)
    table, features = judged(vectors, size)
    speed = speeds(table, features, size.count)
    rows = worths(*some(table, features, size.peers), size)
    text = page(size, speed, rows)
    if size.into is None:
        print(text)
    else:
        before, _, after = size.into.read_text(encoding="utf-8").partition(BEGIN)
        rest = after.partition(END)[2]
        size.into.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest}", encoding="utf-8")


def drawn(count: int, dimensions: int, seed: int) -> Floats:
    """Points round 40 centres that are near to each other in groups, as features of images are."""
    centres = np.random.default_rng(0).normal(size=(40, dimensions)) * 0.8
    rng = np.random.default_rng([seed, 1])
    spread = rng.gamma(4.0, 0.25, size=(count, 1))
    found = centres[rng.integers(0, 40, count)] + rng.normal(size=(count, dimensions)) * spread
    return found.astype(np.float32)


def judged(vectors: Floats, size: argparse.Namespace) -> tuple[rara.ScoreTable, rara.Features]:
    """The samples' table and features."""
    reference = rara.Reference.from_features(drawn(size.reference, size.dimensions, 2))
    names = [f"{row:06}" for row in range(len(vectors))]
    features = rara.Features.from_arrays(vectors, ids=names)
    return reference.score_features(features), features


WANTS: list[tuple[str, dict[str, Any]]] = [
    ("rare, faithful, diverse", {}),
    ("diverse", {"want": "diverse"}),
    ("representative", {"want": "representative"}),
    ("farthest-first", {"want": "diverse", "method": "farthest-first"}),
]


def speeds(
    table: rara.ScoreTable, features: rara.Features, count: int
) -> list[tuple[str, float, float, float, int]]:
    """What each choice takes, compiled loops ready: CPU seconds, seconds, MB, eligible samples."""
    few = table.head(400)
    rows = []
    for name, options in WANTS:
        small = {**options, "samples": features}
        rara.select(few, 5, **{**small, "want": options.get("want", ("faithful", "diverse"))})
        spent, chosen = cost(lambda options=options: rara.select(  # type: ignore[misc]
            table, count, samples=features, **options
        ))  # fmt: skip
        part = chosen.provenance.selection
        assert part is not None
        rows.append((name, spent.cpu, spent.wall, spent.peak / 2**20, part.eligible))
    return rows


def some(
    table: rara.ScoreTable, features: rara.Features, count: int
) -> tuple[rara.ScoreTable, rara.Features]:
    """Some samples that can be picked, by the same rules for all."""
    chosen = rara.select(table, 1, want="diverse", samples=features)
    free = {name for name, why in zip(chosen["id"], chosen["not_eligible"], strict=True) if not why}
    rows = [row for row, name in enumerate(features.ids) if name in free][:count]
    kept = {features.ids[row] for row in rows}
    part = table.filter(np.array([name in kept for name in table["id"]]))
    return part, features


def worths(
    table: rara.ScoreTable, features: rara.Features, size: argparse.Namespace
) -> list[tuple[str, str, float | None, float | None, str]]:
    """Term, who, worth, seconds and a note: rara first, then each library."""
    place = {name: row for row, name in enumerate(features.ids)}
    vectors = features.vectors[[place[name] for name in table["id"]]]
    similar = similarities(vectors)
    where = {name: row for row, name in enumerate(table["id"])}
    found: list[tuple[str, str, float | None, float | None, str]] = []
    folder = size.venvs
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "similar.npy", similar.astype(np.float32))
    for term in ("representative", "diverse", "farthest-first"):
        options: dict[str, Any] = {"want": term}
        if term == "farthest-first":
            options = {"want": "diverse", "method": term}
        begun = time.perf_counter()
        chosen = picked(rara.select(table, size.count, samples=features, **options))
        took = time.perf_counter() - begun
        rows = [where[name] for name in chosen["id"]]
        found.append(
            (term, "rara", worth(term, rows, similar, vectors), took, "all pairs included")
        )
        for peer in (one for one in PEERS if one.term == term):
            got = called(peer, folder, size)
            if isinstance(got, str):
                found.append((term, peer.name, None, None, got))
                continue
            rows, took = got
            note = "" if len(set(rows)) == size.count else f"{len(set(rows))} picks"
            found.append((term, peer.name, worth(term, rows, similar, vectors), took, note))
    return found


def similarities(vectors: Floats) -> NDArray[np.float64]:
    """exp(-d2 / mean d2), by numpy in float64."""
    wide = vectors.astype(np.float64)
    square = (wide**2).sum(axis=1)
    d2 = np.maximum(square[:, None] + square - 2 * wide @ wide.T, 0)
    np.fill_diagonal(d2, 0)
    n = len(wide)
    return np.exp(-d2 / (d2.sum() / (n * (n - 1))))


def worth(term: str, rows: list[int], similar: NDArray[np.float64], vectors: Floats) -> float:
    """What picks are worth by one term."""
    if term == "representative":
        return float(similar[:, rows].max(axis=1).mean())
    part = similar[np.ix_(rows, rows)]
    if term == "diverse":
        return float(np.linalg.slogdet(np.eye(len(rows)) + part)[1] / np.log(2) / len(rows))
    wide = vectors[rows].astype(np.float64)
    d2 = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    return float(np.sqrt(d2[np.triu_indices(len(rows), 1)].min()))


def called(peer: Peer, folder: Path, size: argparse.Namespace) -> tuple[list[int], float] | str:
    """The picks of a library and its seconds, or why there are none."""
    home = folder / peer.package
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        if size.offline:
            return "not installed"
        venv.create(home, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", peer.package, *peer.needs]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            return f"does not install: {made.stderr.strip().splitlines()[-1][:80]}"
    command = [python, "-c", LOAD + peer.code + SAVE, folder / "vectors.npy",
               folder / "similar.npy", str(size.count)]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        return f"fails: {(made.stderr.strip().splitlines() or ['?'])[-1][:80]}"
    rows, took = json.loads(made.stdout.strip().splitlines()[-1])
    return rows, took


BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"


def page(size: argparse.Namespace, speed: list[Any], rows: list[Any]) -> str:
    """Both tables in Markdown."""
    lines = [
        f"{size.count} of {size.samples:,} samples of {size.dimensions:,} dimensions, on "
        f"{cores()} cores, all distances included:",
        "",
        "| wanted | eligible | seconds | CPU seconds | memory |",
        "|---|---|---|---|---|",
        *(f"| {name} | {count:,} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} MB |"
          for name, cpu, wall, peak, count in speed),
        "",
        f"{size.count} of {size.peers:,} candidates, libraries beside rara. Those that take "
        "similarities had them for nothing:",
        "",
        "| term | by | of the picks | seconds | |",
        "|---|---|---|---|---|",
        *(f"| {term} | {who} | {'-' if value is None else f'{value:.5f}'} | "
          f"{'-' if took is None else f'{took:.2f}'} | {note} |"
          for term, who, value, took, note in rows),
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
