"""A whole `rara score` from vectors that are there, by part: CPU time, wall time, peak memory.

    python benchmarks/parts.py [--reference 16000] [--samples 4000] [--dimensions 1280]

Every run is a fresh process, with nothing loaded before: so a part has the code that it loads and
the products that it proves. Compiled code lies in the cache, from a first run that is not
counted. A part that calls another one is not charged with it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

from measuring import Cost, apart, parser, resident, save

SIZES = {"reference": 16_000, "samples": 4_000, "dimensions": 1280, "repeats": 3}
START, REST, WHOLE = "imports", "everything else", "whole"
PARTS = (
    START, "read", "fingerprint", "geometry: radii", "geometry: samples", "calibration",
    "two-sample test", "verdict", "report", REST, WHOLE,
)  # fmt: skip


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        apart(write, folder, size.reference, size.samples, size.dimensions)
        apart(run, folder)
        runs = [apart(run, folder) for _ in range(size.repeats)]
    save(size.results, "parts", settings=size, rows=rows(runs))


def write(folder: Path, count: int, samples: int, dimensions: int) -> None:
    """Both sides as folders of features."""
    from rara.features.features import Features
    from workload import reference_vectors, sample_vectors

    sides = {
        "reference": reference_vectors(count, dimensions),
        "samples": sample_vectors(samples, dimensions),
    }
    for name, vectors in sides.items():
        Features.from_arrays(vectors).save(folder / name)


def rows(runs: list[dict[str, Cost]]) -> list[dict[str, Any]]:
    """What every run took, by part."""
    return [
        {
            "part": part,
            **{name: [getattr(one[part], name) for one in runs] for name in Cost._fields},
        }
        for part in PARTS
    ]


# -- one run --


@dataclass(slots=True)
class Parts:
    """What is charged to which part; the innermost one that is at work pays."""

    spent: dict[str, list[float]] = field(default_factory=lambda: {p: [0.0, 0.0] for p in PARTS})
    peaks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    at_work: list[str] = field(default_factory=lambda: [REST])
    since: tuple[float, float] = (0.0, 0.0)
    before: int = 0

    def turn(self) -> None:
        """Charge what was spent since the last turn."""
        now = time.process_time(), time.perf_counter()
        for place, (begun, ended) in enumerate(zip(self.since, now, strict=True)):
            self.spent[self.at_work[-1]][place] += ended - begun
        self.since = now
        self.look()

    def look(self) -> None:
        """Take in the resident size."""
        part = self.at_work[-1]
        self.peaks[part] = max(self.peaks[part], resident() - self.before)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charge a part with what is done meanwhile."""
        self.turn()
        self.at_work.append(name)
        try:
            yield
        finally:
            self.turn()
            self.at_work.pop()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """All of it, with the resident size every few milliseconds."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.005):
                self.look()

        thread = threading.Thread(target=look)
        self.before, self.since = resident(), (time.process_time(), time.perf_counter())
        thread.start()
        try:
            yield
            self.turn()
        finally:
            over.set()
            thread.join()

    def costs(self) -> dict[str, Cost]:
        """By part, and of the whole."""
        cpu, wall = (sum(column) for column in zip(*self.spent.values(), strict=True))
        found = {part: Cost(*self.spent[part], self.peaks[part]) for part in PARTS}
        return found | {WHOLE: Cost(cpu, wall, max(self.peaks.values()))}


def run(folder: Path) -> dict[str, Cost]:
    """The command in this process, which has loaded nothing of rara before."""
    parts = Parts()
    with parts.watched(), tempfile.TemporaryDirectory() as out:
        with parts.part(START):
            from rara.cli.app import run as command

            charge(parts)
        arguments = ["score", str(folder / "samples"), "--reference", str(folder / "reference")]
        with redirect_stdout(StringIO()):
            code = command([*arguments, "--report", f"{out}/a.html", "-o", f"{out}/a.parquet"])
    if code:
        raise RuntimeError(f"rara score ended with {code}")
    costs = parts.costs()
    print(", ".join(f"{part} {cost.cpu:.2f} s" for part, cost in costs.items()), file=sys.stderr)
    return costs


def charge(parts: Parts) -> None:
    """Make the functions that a part consists of tell when they are at work."""
    from rara.features import neighbours as neighbourhood
    from rara.features.code_cache import CodeCache
    from rara.features.features import Features
    from rara.reference import geometry as reference_geometry
    from rara.reference import judging as judgement
    from rara.reference import scorer as reference_scorer
    from rara.scores import OnePass
    from rara.table.score_table import ScoreTable

    def told(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def during(*arguments: Any, **options: Any) -> Any:
            with parts.part(name):
                return work(*arguments, **options)

        return during

    functions = [
        ("read", Features, "load"),
        ("geometry: radii", neighbourhood, "find"),
        ("geometry: samples", CodeCache, "for_query"),
        ("geometry: samples", OnePass, "run"),
        ("calibration", reference_geometry, "calibration_set"),
        ("calibration", reference_geometry, "leave_one_out_summary"),
        ("two-sample test", reference_scorer, "two_sample_test"),
        ("verdict", judgement, "conclude"),
        ("report", ScoreTable, "save"),
        ("report", ScoreTable, "report"),
        ("report", ScoreTable, "summary"),
    ]
    for name, owner, attribute in functions:
        setattr(owner, attribute, told(name, getattr(owner, attribute)))
    fingerprint = Features.fingerprint.fget  # type: ignore[attr-defined]
    Features.fingerprint = property(told("fingerprint", fingerprint))  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    main()
