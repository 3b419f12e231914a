"""Whether the classifier two-sample test keeps its error rate, and what it sees.

    python studies/two_sample.py --into docs/explanation/trust.md

First many pairs of sets drawn alike: how often is p <= 5 % and <= 1 %, and how many samples have
a p-value of their own <= 5 %? Then the differences that k-NN balls cannot see, and the demo's
generators, whose vectors come from the default extractor. Last what the test costs.
`--into` replaces the tables in a page. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
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
| samples, reference, dimensions | law | repetitions | p <= 5 % | p <= 1 % | mean AUC \
| samples with p <= 5 % |
|---|---|---|---|---|---|---|
"""
PERMUTATIONS = 199
ALIKE = (
    (20, 20, 16, "normal", 500),
    (100, 300, 16, "normal", 300),
    (1000, 5000, 16, "normal", 100),
    (1000, 50000, 16, "normal", 60),
    (50, 500, 16, "heavy tails", 300),
    (100, 400, 1280, "heavy tails", 60),
    (500, 50, 16, "a tenth duplicated", 300),
    (100, 2000, 8, "30 % one vector", 300),
    (100, 2000, 8, "30 % ten vectors", 300),
    (100, 2000, 8, "30 % a hundred vectors", 300),
)
REPEATED = {"30 % one vector": 1, "30 % ten vectors": 10, "30 % a hundred vectors": 100}


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
    if law in REPEATED:
        repeated = rng.random(m + n) < 0.3
        special = normal(rng, REPEATED[law], d)
        drawn[repeated] = special[rng.integers(0, len(special), repeated.sum())]
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
        single = np.array([(one.two_sample_p <= 0.05).mean() for one in found])
        error = single.std() / math.sqrt(repetitions)
        yield (
            f"| {sizes} | {law} | {repetitions} | {cells[0]} | {cells[1]} | {auc:.3f} "
            f"| {100 * single.mean():.1f} ± {100 * error:.1f} % |\n"
        )


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


def small_shift(rng: Rng) -> tuple[Vectors, Vectors]:
    return normal(rng, 600, 16) + np.float32(0.3), normal(rng, 2_000, 16)


def repeated(
    rng: Rng, *, times: int, far: bool = False, nearly: bool = False
) -> tuple[Vectors, Vectors]:
    """One sample many times, in its usual place or far out, exactly or nearly."""
    samples = normal(rng, 600, 64)
    samples[:times] = 10 if far else samples[0]
    reference = normal(rng, 2_000, 64)
    if nearly:
        samples[:times] += np.float32(1e-4) * normal(rng, times, 64)
    return samples, reference


def alike(rng: Rng) -> tuple[Vectors, Vectors]:
    return normal(rng, 1_000, 16), normal(rng, 4_000, 16)


SCENES: dict[str, Callable[[Rng], tuple[Vectors, Vectors]]] = {
    "radius .3 inside the unit ball": inside_a_sphere,
    "6 sigma in one dimension of 1,000": one_dimension,
    "one of four modes is missing": missing_mode,
    "pairs of dimensions correlated by .5": correlated,
    "shift of .3 in every dimension": small_shift,
    "200 of 600 samples are one vector, far out": partial(repeated, times=200, far=True),
    "the same, each moved by 1e-4": partial(repeated, times=200, far=True, nearly=True),
    "20 of 600 samples are one vector in the usual place": partial(repeated, times=20),
    "the same 20, each moved by 1e-4": partial(repeated, times=20, nearly=True),
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


def cost(run: Run) -> str:
    """What the test adds to scoring: seconds of one thread, and memory beside the vectors."""
    rng = np.random.default_rng(0)
    samples, vectors = normal(rng, 4_000, 2048) + np.float32(0.05), normal(rng, 12_000, 2048)
    reference = Reference.from_features(vectors, run=run)
    reference.score_features(samples[:300], run=run)
    began = time.process_time()
    reference.score_features(samples, run=run)
    scored = time.process_time() - began
    began = time.process_time()
    found = two_sample(samples, vectors, threads=1)
    tested = time.process_time() - began
    tracemalloc.start()
    two_sample(samples, vectors, threads=1)
    memory = tracemalloc.get_traced_memory()[1] / (samples.nbytes + vectors.nbytes)
    return (
        f"4,000 samples against 12,000 reference images in 2,048 dimensions: scoring takes "
        f"{scored:.1f} s of one core, {tested:.1f} s of them for the test. The test takes "
        f"{found.samples:,} and {found.reference:,} of the images, and memory of {memory:.2f} "
        f"times the vectors.\n"
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
    tables = ""
    for part in chain((RATES,), rates(), ("\n", SEEN), seen(run), ("\n",), map(cost, (run,))):
        print(part, end="", flush=True)
        tables += part
    if options.into:
        insert(options.into, tables)


if __name__ == "__main__":
    main()
