"""How often the intervals of set metrics cover the true figure.

    python studies/set_intervals.py --into docs/studies/sets.md

Normal laws in 16 dimensions, 500 pairs of sets each. True figures are closed forms for
`fid_infinity`, `kid` and `sliced_wasserstein`. For `fid`, whose interval covers the mean FID of
sets of one size, and for `cmmd` and `inception_score` they are the mean over the pairs, which is
within a twentieth of a deviation of the true one. Half an hour on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets

DIMENSIONS = 16
SIZES = (300, 1_000)
PAIRS = 500


class Law(NamedTuple):
    """Samples are N(shift, scale^2); reference images are N(0, 1)."""

    shift: float
    scale: float


LAWS = {
    "equal": Law(0.0, 1.0),
    "a little apart": Law(0.08, 1.0),
    "shifted": Law(0.25, 1.0),
    "wider": Law(0.0, 1.2),
    "both": Law(0.25, 1.2),
}
METRICS = {
    "fid": sets.fid,
    "fid_infinity": sets.fid_infinity,
    "kid": sets.kid,
    "cmmd": sets.cmmd,
    "sliced_wasserstein": sets.sliced_wasserstein,
}


def true_figures(law: Law) -> dict[str, float]:
    """Those that have a closed form."""
    along = law.shift**2 + (law.scale - 1) ** 2
    kernels = _cubic(law, law), _cubic(Law(0, 1), Law(0, 1)), _cubic(law, Law(0, 1))
    return {
        "fid_infinity": DIMENSIONS * along,
        "sliced_wasserstein": along,
        "kid": kernels[0] + kernels[1] - 2 * kernels[2],
    }


def _cubic(one: Law, other: Law) -> float:
    """Mean of (x'y / d + 1)^3 for independent x and y, by the moments of x'y."""
    d, (a, s), (b, t) = DIMENSIONS, one, other
    first = d * a * b
    variance = d * (b * b * s * s + a * a * t * t + s * s * t * t)
    # Given x, x'y is N(a', v) with a' = b sum x, v = t^2 |x|^2: its third moment is a'^3 + 3 a' v.
    cube = first**3 + 3 * first * d * b * b * s * s
    product = first * t * t * d * (a * a + s * s) + 2 * d * b * a * s * s * t * t
    third = cube + 3 * product
    return 1 + 3 * first / d + 3 * (variance + first**2) / d**2 + third / d**3


def pairs(law: Law, size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """So many pairs of sets."""
    rng = np.random.default_rng([size, round(1000 * law.shift), round(1000 * law.scale)])
    for _ in range(PAIRS):
        first, second = rng.normal(size=(2, size, DIMENSIONS))
        samples = law.scale * first + law.shift
        yield samples.astype(np.float32), second.astype(np.float32)


def share(name: str, scores: list[sets.SetScore], true: float | None) -> str:
    """In percent, how often the intervals cover, with the standard error of that."""
    values = np.array([float(score) for score in scores])
    if true is None:
        true = float(np.exp(np.log(values).mean()) if name == "inception_score" else values.mean())
    covered = float(np.mean([score.low <= true <= score.high for score in scores]))
    error = math.sqrt(covered * (1 - covered) / len(scores))
    return f"{100 * covered:.1f} ± {100 * error:.1f}"


def table(processes: int) -> Iterator[str]:
    """One line for each law and size."""
    yield f"| laws | images a side | {' | '.join(f'`{name}`' for name in METRICS)} |\n"
    yield f"|---|--:|{'--:|' * len(METRICS)}\n"
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(line, *zip(*product(LAWS, SIZES), strict=True))
    yield f"\n`inception_score`, 10 classes, 300 samples: {of_logits()} %.\n"


def line(title: str, size: int) -> str:
    law = LAWS[title]
    true = true_figures(law)
    drawn = [[metric(*pair) for metric in METRICS.values()] for pair in pairs(law, size)]
    scores = zip(METRICS, zip(*drawn, strict=True), strict=True)
    cells = [share(name, list(some), true.get(name)) for name, some in scores]
    return f"| {title} | {size:,} | {' | '.join(cells)} |\n"


def of_logits() -> str:
    rng = np.random.default_rng(0)
    drawn = [sets.inception_score(3 * rng.normal(size=(300, 10))) for _ in range(PAIRS)]
    return share("inception_score", drawn, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    lines = []
    for one in table(chosen.processes):
        print(one, end="", flush=True)
        lines.append(one)
    if chosen.into:
        insert(chosen.into, "".join(lines), "set_intervals")


if __name__ == "__main__":
    main()
