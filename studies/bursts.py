"""How many bursts the audit's search finds, and how many where there are none.

python studies/bursts.py [--into docs/explanation/trust.md]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from laws import found_share, scenes
from rara import Run
from rara.duplicates.bursts import bursts

Law = Callable[[np.random.Generator, int, int], NDArray[np.float64]]


def found() -> Iterator[str]:
    """Rows on 100 scenes, alone and with 500 single images."""
    yield "| frames a scene | found, alone | found, among 500 single images |"
    yield "|---|---|---|"
    for name in ("2", "4", "10", "20", "50", "4 to 20"):
        shares = []
        for single in (0, 500):
            rng = np.random.default_rng(0)
            sizes = rng.integers(4, 21, 100) if " " in name else np.full(100, int(name))
            vectors, scene = scenes(rng, np.concatenate([sizes, np.ones(single, int)]))
            shares.append(f"{found_share(bursts(vectors, Run()), scene):.0%}".replace("%", " %"))
        yield f"| {name} | {' | '.join(shares)} |"


def modes(count: int) -> Law:
    """A mixture of normal laws whose widths are lognormal: 2 in 3 within a factor e of 1."""

    def law(rng: np.random.Generator, n: int, d: int) -> NDArray[np.float64]:
        centres, widths = 4 * rng.normal(size=(count, d)), np.exp(rng.normal(size=count))
        mode = rng.integers(0, count, n)
        return centres[mode] + widths[mode, None] * rng.normal(size=(n, d))

    return law


LAWS: dict[str, Law] = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "uniform": lambda rng, n, d: rng.random((n, d)),
    **{f"{count} modes of very different widths": modes(count) for count in (5, 20, 150)},
}
RUNS = {60: 200, 300: 200, 5_000: 20}


def false() -> Iterator[str]:
    """Rows on laws without bursts: in how many runs any image is called."""
    yield (
        "| law without bursts | dimensions | "
        + " | ".join(f"runs of {n:,} images with a call" for n in RUNS)
        + " |"
    )
    yield "|---|---|" + "---|" * len(RUNS)
    for law in LAWS:
        for d in (2, 8, 16, 64):
            cells = [f"{called(law, n, d)} of {runs}" for n, runs in RUNS.items()]
            yield f"| {law} | {d} | {' | '.join(cells)} |"


def called(law: str, n: int, d: int) -> int:
    """In how many runs any image is in a burst."""
    sets = (LAWS[law](np.random.default_rng(seed), n, d) for seed in range(RUNS[n]))
    return sum(
        bool((bursts(vectors.astype(np.float32), Run()) != np.arange(n)).any()) for vectors in sets
    )


def main() -> None:
    table = "\n".join([*found(), "", *false()])
    print(table)
    if sys.argv[1:2] == ["--into"]:
        insert(Path(sys.argv[2]), f"{table}\n", "bursts")


if __name__ == "__main__":
    main()
