"""Figures as the cells of tables, for the pages that benchmarks fill, and what measured them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

BYTES = {"avx2": "AVX2", "avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX512-VNNI", "amx_int8": "AMX",
         "asimddp": "dot products", "i8mm": "I8MM"}  # fmt: skip
"""What multiplies bytes, by the names of `measuring.INSTRUCTIONS`; a later one is faster."""

Results = dict[str, Any]


def spent(row: Results) -> list[str]:
    """Medians of CPU time and wall time."""
    return [number(median(row[name])) if row[name] else "–" for name in ("cpu", "wall")]


def held(row: Results, features: int) -> list[str]:
    """Most memory of any repeat, in MB and as a multiple of the features' bytes."""
    if not row["peak"]:
        return ["–", "–"]
    return [number(max(row["peak"]) / 1e6), number(max(row["peak"]) / features)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Median of the ratios within each repeat."""
    if not ours or not theirs:
        return "–"
    return number(median(a / b for a, b in zip(ours, theirs, strict=True)))


def number(value: float) -> str:
    """Two significant digits below ten, three above, and no fractions from a hundred on."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.95 else f"{value:#.2g}"


def processor(results: Results) -> str:
    """On which processor, and the best that it has for products of bytes."""
    machine = results["machine"]
    known = [name for name in BYTES if name in machine["instructions"]]
    best = f" with {BYTES[known[-1]]}" if known else ""
    return f"Measured on: {machine['processor']}{best}."


def cores(results: Results) -> str:
    """The cores that were used."""
    count = results["settings"].get("threads") or results["machine"]["cores"]
    return f"{count} core{'s' * (count != 1)}"


def table_of(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; numbers stand to the right."""
    body = [list(map(_safe, line)) for line in lines]
    right = [all(re.fullmatch(r"[\d.,e+-]+|–|", line[i]) for line in body)
             and any(line[i] for line in body) for i in range(len(heads))]  # fmt: skip
    rule = ["--:" if one else "---" for one in right]
    return "".join(f"| {' | '.join(line)} |\n" for line in (list(heads), rule, *body))


def _safe(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
