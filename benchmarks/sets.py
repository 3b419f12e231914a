"""Every set metric from vectors, beside one scan of the same pairs: CPU time and peak memory.

    python benchmarks/sets.py [--samples 10000] [--reference 50000] [--dimensions 1280] [--only fid]

The scan is what a score table needs: the neighbours of every reference image, and all pairs of a
sample and a reference image. `inception_score` and `sfid` are left out: they take no such vectors.
CPU time is what counts, since other work on the machine changes the clock more. `together` is a
`MetricCollection` of all of them, beside one generator and beside four in turn; `approximate`
takes the scan's products for KID and CMMD.

`--add` keeps the rows of earlier results for what is not measured now. Each row has the scan of its
own run beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from measuring import Cost, Row, cost, interleaved, machine, parser, save
from rara import sets
from workload import Vectors, ask, clustered, radii, reference_vectors, sample_vectors, warm_up

SIZES = {"samples": 10_000, "reference": 50_000, "dimensions": 1280, "repeats": 1}
SCAN = "one scan"
TOGETHER = "together"
APPROXIMATE = " (approximate)"
FOUR = ", four generators"
BOTH = (
    "fid", "fid_infinity", "mifid", "kid", "cmmd", "sliced_wasserstein", "precision", "recall",
    "density", "coverage", "clipped_density", "clipped_coverage", "fidelity", "diversity",
    "authenticity", "ken",
)  # fmt: skip
ALONE = ("vendi", "rke")
WITH_TEST = ("c_t", "fld_gap")


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--only", nargs="*", help="these metrics; all by default")
    options.add_argument("--add", action="store_true", help="keep earlier rows of other metrics")
    size = options.parse_args()
    samples = sample_vectors(size.samples, size.dimensions)
    reference = reference_vectors(size.reference, size.dimensions)
    test = clustered(size.samples, size.dimensions, spread=1.0, seed=3)
    warm_up()
    named = works(samples, reference, test)
    others = [sample_vectors(size.samples, size.dimensions, seed=4 + place) for place in range(3)]
    for count, which in ((1, ""), (4, FOUR)):
        generators = [samples, *others][:count]
        named[SCAN + which] = partial(scan, reference, *generators)
        for how in ("", APPROXIMATE):
            work = partial(together, reference, test, *generators, approximate=bool(how))
            named[TOGETHER + how + which] = work
    asked = size.only or [name for name in named if not name.startswith(SCAN)]
    scans = dict.fromkeys([SCAN, *(SCAN + FOUR for name in asked if name.endswith(FOUR))])
    chosen = [*scans, *asked]
    rows = [Row.of(partial(measured, named[name]), metric=name) for name in chosen]
    add = size.add
    del size.only, size.add
    found = interleaved(rows, size.repeats)
    for row in found:
        row["scan"] = scan_of(row["metric"], found)
    if add:
        found = joined(earlier(size.results / "sets.json", vars(size)), found, named)
    save(size.results, "sets", settings=size, rows=found)


def scan_of(metric: str, rows: list[dict[str, Any]]) -> list[float]:
    """CPU time of the scan of as many generators: a metric's name says how many."""
    _, comma, generators = metric.partition(",")
    return next(row["cpu"] for row in rows if row["metric"] == SCAN + comma + generators)


def earlier(path: Path, size: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of results, if they are of the same machine and size."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["machine"] != machine() or any(
        size[key] != one for key, one in found["settings"].items()
    ):
        raise SystemExit(f"'{path}' is of another machine or size: measure without --add.")
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def joined(
    old: list[dict[str, Any]], new: list[dict[str, Any]], order: Iterable[str]
) -> list[dict[str, Any]]:
    """The new rows, and the old ones of other metrics, in one order."""
    rows = {row["metric"]: row for row in (*old, *new)}
    names = sorted(order, key=lambda name: not name.startswith(SCAN))
    return [rows[name] for name in names if name in rows]


def works(samples: Vectors, reference: Vectors, test: Vectors) -> dict[str, Callable[[], object]]:
    """Every metric alone, by name."""
    found: dict[str, Callable[[], object]] = {}
    for name in BOTH:
        found[name] = partial(getattr(sets, name), samples, reference)
    for name in ALONE:
        found[name] = partial(getattr(sets, name), samples)
    for name in WITH_TEST:
        found[name] = partial(getattr(sets, name), samples, reference, test)
    return found


def scan(reference: Vectors, *generators: Vectors) -> None:
    """All pairs of reference images, and all pairs of a sample and one of them."""
    radii2, _ = radii(reference)
    for samples in generators:
        ask(samples, reference, radii2)


def together(reference: Vectors, test: Vectors, *generators: Vectors, approximate: bool) -> float:
    """Every metric of every generator: the sum of all figures."""
    names = [*BOTH, *ALONE, *WITH_TEST]
    collection = sets.MetricCollection(reference, names, test=test, approximate=approximate)
    scores = [collection.scores(samples) for samples in generators]
    return sum(float(score) for one in scores for score in one.values())


def measured(work: Callable[[], object]) -> tuple[Cost, str]:
    """What it took, and whether the figure is a number."""
    spent, found = cost(work)
    return spent, "" if found is None or np.isfinite(float(found)) else "not a number"


if __name__ == "__main__":
    main()
