"""Whether the classifier two-sample test keeps its error rate, and what it sees.

    python studies/two_sample.py --into docs/trust.md

First many pairs of sets drawn alike: how often is p <= 5 % and <= 1 %? Then the differences that
k-NN balls cannot see, and the demo's generators, whose vectors come from the default extractor.
`--into` replaces the tables in a page. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rara import Reference, Run
from rara.two_sample import two_sample

DEMO = Path(__file__).parents[1] / "examples" / "fashion"
Vectors = NDArray[np.float32]
Rng = np.random.Generator

# -- error rates -----------------------------------------------------------------------

RATES = """\
| samples, reference, dimensions | law | repetitions | p <= 5 % | p <= 1 % | mean AUC |
|---|---|---|---|---|---|
"""
PERMUTATIONS = 199
ALIKE = (
    (50, 50, 2, "normal", 500),
    (50, 500, 16, "heavy tails", 500),
    (500, 50, 16, "a tenth duplicated", 500),
    (50, 50, 1280, "normal", 300),
    (100, 400, 1280, "heavy tails", 200),
    (1000, 1000, 64, "normal", 200),
    (5000, 5000, 16, "normal", 100),
)


def normal(rng: Rng, count: int, dimensions: int) -> Vectors:
    return rng.normal(size=(count, dimensions)).astype(np.float32)


def heavy(rng: Rng, count: int, dimensions: int) -> Vectors:
    return rng.standard_t(3, size=(count, dimensions)).astype(np.float32)


def both(rng: Rng, m: int, n: int, d: int, law: str) -> tuple[Vectors, Vectors]:
    """Samples and reference, exchangeable."""
    drawn = (heavy if law == "heavy tails" else normal)(rng, m + n, d)
    if law == "a tenth duplicated":
        drawn[: (m + n) // 10] = drawn[-((m + n) // 10) :]
        drawn = rng.permutation(drawn)
    return drawn[:m], drawn[m:]


def rates() -> Iterator[str]:
    for m, n, d, law, repetitions in ALIKE:
        rng = np.random.default_rng(0)
        found = [
            two_sample(*both(rng, m, n, d, law), seed=i, permutations=PERMUTATIONS, threads=1)
            for i in range(repetitions)
        ]
        p = np.array([one.p for one in found])
        auc = np.mean([one.auc for one in found])
        cells = [share(p <= level, level) for level in (0.05, 0.01)]
        sizes = f"{m:,}, {n:,}, {d:,}"
        yield f"| {sizes} | {law} | {repetitions} | {cells[0]} | {cells[1]} | {auc:.3f} |\n"


def share(called: NDArray[np.bool_], level: float) -> str:
    error = math.sqrt(level * (1 - level) / len(called))
    return f"{100 * called.mean():.1f} ± {100 * error:.1f} %"


# -- what it sees ----------------------------------------------------------------------

SEEN = """\
| difference | samples, reference, dimensions | outside: samples, reference \
| median rarity: samples, reference | AUC | p | by |
|---|---|---|---|---|---|---|
"""


def sphere(rng: Rng, count: int, radius: float) -> Vectors:
    drawn = normal(rng, count, 16)
    return radius * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def inside_a_sphere(rng: Rng) -> tuple[Vectors, Vectors]:
    filled = sphere(rng, 4_000, 1) * rng.random((4_000, 1)) ** (1 / 16)
    return sphere(rng, 1_000, 0.3), filled.astype(np.float32)


def one_dimension(rng: Rng) -> tuple[Vectors, Vectors]:
    samples = normal(rng, 1_000, 1_000)
    samples[:, 7] += 6
    return samples, normal(rng, 4_000, 1_000)


def missing_mode(rng: Rng) -> tuple[Vectors, Vectors]:
    centres = 4 * normal(rng, 4, 16)
    samples, reference = (rng.integers(0, modes, count) for modes, count in ((3, 1000), (4, 4000)))
    return centres[samples] + normal(rng, 1000, 16), centres[reference] + normal(rng, 4000, 16)


def correlated(rng: Rng) -> tuple[Vectors, Vectors]:
    samples = normal(rng, 1_000, 32)
    samples[:, 1::2] = 0.5 * samples[:, ::2] + math.sqrt(0.75) * samples[:, 1::2]
    return samples, normal(rng, 4_000, 32)


def alike(rng: Rng) -> tuple[Vectors, Vectors]:
    return normal(rng, 1_000, 16), normal(rng, 4_000, 16)


SCENES: dict[str, Callable[[Rng], tuple[Vectors, Vectors]]] = {
    "radius .3 inside the unit ball": inside_a_sphere,
    "6 sigma in one dimension of 1,000": one_dimension,
    "one of four modes is missing": missing_mode,
    "pairs of dimensions correlated by .5": correlated,
    "none": alike,
}


def seen(run: Run) -> Iterator[str]:
    for name, make in SCENES.items():
        samples, vectors = make(np.random.default_rng(0))
        yield line(name, Reference.from_features(vectors, run=run), samples, run)
    reference = Reference.fit(DEMO / "reference.zip", run=run)
    for name in ("heldout", "gan-1.0", "gan-0.5", "vae"):
        yield line(f"`{name}.zip` of the demo", reference, DEMO / f"{name}.zip", run)


def line(name: str, reference: Reference, samples: Vectors | Path, run: Run) -> str:
    score = reference.score if isinstance(samples, Path) else reference.score_features
    table = score(samples, run=run)  # type: ignore[operator]
    own, told = reference.describe()["leave_one_out"], table.provenance["two_sample"]
    outside = 100 * (1 - np.array([table["inside"].mean(), own["inside"]]))
    rarity = np.nanmedian(table["rarity"]), np.median(own["rarity"])
    return (
        f"| {name} | {len(table):,}, {len(reference):,}, {reference.features.spec.dim:,} "
        f"| {outside[0]:.0f} %, {outside[1]:.0f} % | {rarity[0]:.3g}, {rarity[1]:.3g} "
        f"| {told['auc']:.4f} | {told['p']:.3f} | {told['view']} |\n"
    )


def cost() -> str:
    """Seconds of the whole test where it is dearest, on one thread."""
    rng = np.random.default_rng(0)
    samples, reference = normal(rng, 10_000, 1280), normal(rng, 50_000, 1280)
    began = time.process_time()
    found = two_sample(samples, reference, threads=1)
    return (
        f"10,000 samples against 50,000 reference images in 1,280 dimensions: "
        f"{time.process_time() - began:.1f} s of one core, {found.samples:,} and "
        f"{found.reference:,} of them taken for the test.\n"
    )


# -- where it goes ---------------------------------------------------------------------

BEGIN, END = "<!-- studies/two_sample.py -->\n", "<!-- end of studies/two_sample.py -->\n"


def insert(page: Path, tables: str) -> None:
    """Replace what stands between the two marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"'{page}' has no {BEGIN.strip()} and {END.strip()}.")
    page.write_text(f"{before}{begin}{tables}{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    run = Run(threads=1)
    parts = (RATES, *rates(), "\n", SEEN, *seen(run), "\n", cost())
    tables = "".join(parts)
    print(tables, end="")
    if options.into:
        insert(options.into, tables)


if __name__ == "__main__":
    main()
