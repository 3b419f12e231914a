"""Scorer.reward of small batches against a large reference: CPU time beside plain products.

    python benchmarks/reward.py [--reference 50000] [--dimensions 1280] [--batch 64] [--into PAGE]

Every batch is another one, as in a training. The plain float32 product of a batch and the reference
is measured in turn with it: on a busy machine both take longer, and their ratio stays.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np

import rara
from measuring import cost
from workload import reference_vectors, sample_vectors

SIZES = {"reference": 50_000, "dimensions": 1280, "batch": 64, "calls": 20}
BEGIN, END = "<!-- benchmarks/reward.py -->", "<!-- end of benchmark -->"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, value in SIZES.items():
        options.add_argument(f"--{name}", type=int, default=value)
    options.add_argument("--into", type=Path, help="a page whose table is written")
    size = options.parse_args()
    vectors = reference_vectors(size.reference, size.dimensions)
    scorer = rara.Reference.from_features(vectors).scorer(run=rara.Run(threads=1))
    samples = sample_vectors(size.batch * size.calls, size.dimensions)
    batches = iter(np.split(samples, size.calls) * 4)
    works: dict[str, Callable[[], object]] = {
        "the reward": lambda: scorer.rewards.terms(next(batches)).reward,
        "the reward, by `Scorer.reward`": lambda: scorer.reward(next(batches)),
        "the float32 product alone": lambda: next(batches) @ vectors.T,
    }
    first = cost(works["the reward"])[0].cpu
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(size.calls):
        for name, work in works.items():
            took[name].append(cost(work)[0].cpu)
    text = "\n".join(table(size, first, took))
    print(text)
    if size.into is not None:
        before, _, after = size.into.read_text(encoding="utf-8").partition(BEGIN)
        rest = after.partition(END)[2]
        size.into.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest}", encoding="utf-8")


def table(size: argparse.Namespace, first: float, took: dict[str, list[float]]) -> list[str]:
    """In milliseconds of CPU time, on one core."""
    of = f"{size.batch} of {size.dimensions} dimensions, {size.reference:,} reference images"
    lines = [f"| {of} | ms of CPU, median | least |", "| --- | --- | --- |"]
    for name, values in took.items():
        middle, least = statistics.median(values) * 1e3, min(values) * 1e3
        lines.append(f"| {name} | {middle:.1f} | {least:.1f} |")
    return [*lines, f"| the first batch, which prepares what stays | {first * 1e3:,.0f} | |"]


if __name__ == "__main__":
    main()
