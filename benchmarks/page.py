"""Write the tables of docs/studies/performance.md from results/*.json; the prose stays as it is.

    python benchmarks/page.py [--results benchmarks/results] [--page docs/studies/performance.md]

A table stands between `<!-- table: name -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from cells import Results, cores, held, number, processor, ratio, spent, table_of
from contestants import PRODUCT, RARA, RARA_KEPT
from measuring import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "studies" / "performance.md"
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTHING = "Not measured yet: `make bench` does it.\n"
FLOAT = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE, help="whose prose is taken")
    parser.add_argument("--output", type=Path, help="where to write; by default the page itself")
    options = parser.parse_args()
    text = filled(options.page.read_text(encoding="utf-8"), load(options.results))
    (options.output or options.page).write_text(text, encoding="utf-8")


def load(folder: Path) -> dict[str, Results]:
    """What was measured, by the benchmark's name."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def filled(text: str, results: dict[str, Results]) -> str:
    """The page with every table as the results give it."""

    def table(place: re.Match[str]) -> str:
        source, make = TABLES[place[2]]
        body = NOTHING if source not in results and source else make(results.get(source, results))
        if source in results:
            body = f"{processor(results[source])}\n\n{body}"
        return f"{place[1]}\n{body}\n{place[3]}"

    return PLACE.sub(table, text)


# -- the tables --


def peers(results: Results) -> str:
    """Who needs what for which task, and how that compares at the same size."""
    rows, d = results["rows"], results["settings"]["dimensions"]
    at = {(row["task"], row["n"], row["who"]): row for row in rows}
    lines = []
    for row in rows:
        same = {who: at[row["task"], row["n"], who] for who in (PRODUCT.name, RARA.name)}
        kept = at.get((row["task"], row["n"], RARA_KEPT.name))
        mine = kept or same[RARA.name]
        vectors = row["n"] if row["task"] == "radii" else row["n"] + row["m"]
        lines.append(
            [
                row["task"],
                row["who"],
                f"{row['n']:,}",
                "" if row["task"] == "radii" else f"{row['m']:,}",
                *spent(row),
                ratio(row["cpu"], same[PRODUCT.name]["cpu"]),
                "" if row["who"].startswith(RARA.name) else ratio(row["cpu"], mine["cpu"]),
                *held(row, vectors * d * FLOAT),
                row["note"],
            ]
        )
    heads = ["task", "who", "n", "m", "CPU s", "wall s", "× product", "rara is faster by", "MB",
             "× the features", ""]  # fmt: skip
    turns = results["settings"]["repeats"]
    return f"d = {d:,}, {cores(results)}, medians of {turns}.\n\n{table_of(heads, lines)}"


def growth(results: Results) -> str:
    """Time and memory at every size of the reference."""
    lines = []
    for row in results["growth"]:
        query = row["task"] == "query"
        pairs = row["n"] * row["m"] if query else row["n"] * (row["n"] - 1) // 2
        vectors = row["n"] + row["m"] if query else row["n"]
        each = median(row["cpu"]) / pairs * 1e9 if row["cpu"] else None
        lines.append(
            [row["task"], f"{row['n']:,}", *spent(row), "–" if each is None else number(each),
             *held(row, vectors * row["d"] * FLOAT), row["note"]]
        )  # fmt: skip
    size = results["settings"]
    heads = ["task", "n", "CPU s", "wall s", "CPU ns a pair", "MB", "× the features", ""]
    about = f"d = {size['dimensions']:,}, queries of {size['samples']:,} samples, {cores(results)}."
    return f"{about}\n\n{table_of(heads, lines)}"


def threads(results: Results) -> str:
    """What a second core is worth."""
    lines = []
    for task in ("radii", "query"):
        rows = [row for row in results["threads"] if row["task"] == task]
        for row in rows:
            gain = ratio(rows[0]["wall"], row["wall"])
            lines.append([task, str(row["threads"]), *spent(row), gain])
    one = results["threads"][0]
    heads = ["task", "threads", "CPU s", "wall s", "faster by the clock"]
    return f"n = {one['n']:,}, d = {one['d']:,}.\n\n{table_of(heads, lines)}"


def service(results: Results) -> str:
    """How long an answer takes, with one client and with several."""
    lines = []
    for row in results["rows"]:
        sorted_ms = sorted(1000 * one for one in row["seconds"])
        worst = sorted_ms[min(len(sorted_ms) - 1, math.ceil(0.99 * len(sorted_ms)) - 1)]
        rate = len(sorted_ms) / row["wall"]
        lines.append([
            row["what"], str(row["clients"]), f"{len(sorted_ms):,}", number(median(sorted_ms)),
            number(worst), number(rate),
        ])  # fmt: skip
    heads = ["what", "clients", "answers", "median ms", "99th percentile, ms", "answers a second"]
    return table_of(heads, lines)


def small(results: Results) -> str:
    """Milliseconds of work that nobody wants to wait for."""
    lines = []
    for row in (*results["calls"], *results["command"]):
        cpu, wall = (number(1000 * median(row[name])) for name in ("cpu", "wall"))
        many = f"{row['n']:,}"
        lines.append([row["what"], many, cpu, wall, number(1000 * max(row["wall"])), row["note"]])
    heads = ["work", "reference images", "CPU ms", "wall ms", "slowest, wall ms", ""]
    return table_of(heads, lines)


def pictures(results: Results) -> str:
    """The nearest pictures by their codes."""
    rows = results["rows"]
    mine = {row["task"]: row["cpu"] for row in rows if row["who"] == RARA.name}
    lines = [
        [row["task"], row["who"], f"{row['n']:,}", f"{row['m']:,}", *spent(row),
         "" if row["who"] == RARA.name else ratio(row["cpu"], mine[row["task"]]), row["note"]]
        for row in rows
    ]  # fmt: skip
    heads = ["task", "who", "n", "m", "CPU s", "wall s", "rara is faster by", ""]
    turns = results["settings"]["repeats"]
    return f"{cores(results)}, medians of {turns}.\n\n{table_of(heads, lines)}"


def index(results: Results) -> str:
    """What an index of local features adds to a saved reference, for each image."""
    lines = []
    for row in results["index"]:
        each = [number(1000 * row[name] / row["n"]) for name in ("cpu", "wall")]
        lines.append([row["what"], f"{row['n']:,}", *each, number(row["bytes"] / row["n"] / 1e3)])
    return table_of(["saved reference", "n", "CPU ms an image", "wall ms", "KB an image"], lines)


def searches(results: Results) -> str:
    """How long one picture is looked for, and how often its source is the first."""
    rows = results["searches"]
    mine = next(row["cpu"] for row in rows if row["who"].startswith("rara"))
    lines = [
        [row["who"], f"{row['n']:,}",
         *(number(1000 * median(row[name]) / row["m"]) for name in ("cpu", "wall")),
         "" if row["cpu"] is mine else ratio(row["cpu"], mine), row["note"]]
        for row in rows
    ]  # fmt: skip
    heads = ["who", "n", "CPU ms a picture", "wall ms", "rara is faster by", "named first"]
    return f"1 core, medians of {results['settings']['repeats']}.\n\n{table_of(heads, lines)}"


def evidence(results: Results) -> str:
    """What evidence adds to the whole command."""
    rows = results["scores"]
    lines = [
        [row["what"], f"{row['m']:,}", *spent(row), ratio(row["cpu"], rows[0]["cpu"])]
        for row in rows
    ]
    heads = ["`rara score`", "samples", "CPU s", "wall s", "× none, CPU"]
    turns = f"{cores(results)}, medians of {results['settings']['repeats']}."
    return f"{turns}\n\n{table_of(heads, lines)}"


def frechet(results: Results) -> str:
    """FID from vectors, by everybody."""
    rows = results["rows"]
    mine = {row["d"]: row["cpu"] for row in rows if row["who"] == "rara fid"}
    lines = [
        [f"{row['d']:,}", row["who"], *spent(row),
         "" if row["who"].startswith("rara") else ratio(row["cpu"], mine[row["d"]]), row["note"]]
        for row in rows
    ]  # fmt: skip
    heads = ["d", "who", "CPU s", "wall s", "rara fid is faster by", ""]
    size = results["settings"]
    about = f"n = {size['samples']:,}, m = {size['reference']:,}, {cores(results)}"
    return f"{about}, medians of {size['repeats']}.\n\n{table_of(heads, lines)}"


def sets(results: Results) -> str:
    """What every set metric takes, as multiples of one scan of the same pairs."""
    rows = results["rows"]
    lines = [
        [row["metric"], *spent(row), ratio(row["cpu"], row["scan"]),
         number(max(row["peak"]) / 1e6) if row["peak"] else "–", row["note"]]
        for row in rows
    ]  # fmt: skip
    heads = ["metric", "CPU s", "wall s", "× the scan, CPU", "MB at the peak", ""]
    size = results["settings"]
    about = "n = {reference:,}, m = {samples:,}, d = {dimensions:,}".format_map(size)
    return f"{about}, {cores(results)}, medians of {size['repeats']}.\n\n{table_of(heads, lines)}"


def arithmetic(results: Results) -> str:
    """What each product costs in CPU time, as multiples of the float32 product."""
    lines = [
        [row["arithmetic"], task, number(median(ratios)), number(min(ratios)),
         number(max(ratios)), row["notes"][task]]
        for row in results["speed"]
        for task, ratios in row["ratios"].items()
    ]  # fmt: skip
    size = results["settings"]
    about = "n = {reference:,}, m = {samples:,}, d = {dimensions:,}.".format_map(size)
    heads = ["product", "task", "× product", "least", "most", "ended with"]
    return f"{about}\n\n{table_of(heads, lines)}"


def budget(results: Results) -> str:
    """What a budget holds the memory to."""
    lines = [
        [row["task"], f"{row['n']:,}", number(row["budget"] / 1e6), number(row["peak"] / 1e6)]
        for row in results["memory"]
    ]
    return table_of(["task", "n", "budget, MB", "peak, MB"], lines)


def extraction(results: Results) -> str:
    """Images a second."""
    lines = []
    for name, rates in results["rates"].items():
        clock, core = (number(median(column)) for column in zip(*rates, strict=True))
        lines.append([name, clock, core])
    return table_of(["what", "images a second", "images a core-second"], lines)


def kernels(results: Results) -> str:
    """Every product by itself, and in radii."""
    lines = []
    for row in results["rows"]:
        cells = [[number(f(row[name])) for f in (median, min, max)] if row[name] else ["–"] * 3
                 for name in ("alone", "radii")]  # fmt: skip
        note = "" if row["d"] else "not exact on this machine"
        d = f"{row['d']:,}" if row["d"] else ""
        lines.append([row["product"], d, *cells[0], *cells[1], note])
    heads = ["product", "d", "alone", "least", "most", "radii", "least", "most", ""]
    size = results["settings"]
    about = "Alone: {rows:,} x {columns:,}; radii: n = {reference:,}, k = 3".format_map(size)
    return f"{about}; 1 core, medians of {size['repeats']}.\n\n{table_of(heads, lines)}"


def parts(results: Results) -> str:
    """What the parts of one command take."""
    name, rows = results["machine"]["processor"], results["rows"]
    whole = next(row for row in rows if row["part"] == "whole")
    lines = [
        [row["part"], *spent(row), ratio(row["cpu"], whole["cpu"]),
         number(max(row["peak"]) / 1e6), name]
        for row in rows
    ]  # fmt: skip
    size = results["settings"]
    about = "n = {reference:,}, m = {samples:,}, d = {dimensions:,}".format_map(size)
    heads = ["part", "CPU s", "wall s", "share of CPU", "MB at the peak", "processor"]
    turns = f"{cores(results)}, medians of {size['repeats']}."
    return f"{about}, {turns}\n\n{table_of(heads, lines)}"


def explorer(results: Results) -> str:
    """What the explorer's server takes."""
    lines = [[row["what"], *spent(row), row["note"]] for row in results["rows"]]
    return f"{_many(results)}\n\n{table_of(['what', 'CPU s', 'wall s', ''], lines)}"


def frames(results: Results) -> str:
    """What a person waits for in the explorer."""
    rows = results["rows"]
    lines = [[row["what"], number(row["value"]), row["unit"], row["note"]] for row in rows]
    return f"{_many(results)}\n\n{table_of(['what', 'figure', '', ''], lines)}"


def _many(results: Results) -> str:
    busy = f"{cores(results)}, which {number(results['load'])} processes wanted"
    return f"{results['settings']['points']:,} points; {busy}."


def machines(results: dict[str, Results]) -> str:
    """On what each benchmark ran, and with which packages."""
    names: dict[str, list[str]] = {}
    for name, result in results.items():
        names.setdefault(json.dumps(result["machine"]), []).append(name)
    lines = []
    for text, benchmarks in names.items():
        one = json.loads(text)
        packages = ", ".join(f"{package} {found}" for package, found in one["packages"].items())
        lines.append(
            [", ".join(benchmarks), one["processor"], str(one["cores"]),
             ", ".join(one["instructions"]), f"{one['memory'] / 1e9:.0f} GB",
             f"{one['system']}, Python {one['python']}, {packages}"]
        )  # fmt: skip
    heads = ["benchmark", "processor", "cores", "instructions", "memory", "with"]
    return table_of(heads, lines) if lines else NOTHING


TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "peers": ("peers", peers),
    "photos": ("photos", peers),
    "growth": ("growth", growth),
    "threads": ("growth", threads),
    "small": ("small", small),
    "service": ("service", service),
    "pictures": ("pictures", pictures),
    "index": ("search", index),
    "searches": ("search", searches),
    "evidence": ("search", evidence),
    "frechet": ("frechet", frechet),
    "sets": ("sets", sets),
    "arithmetic": ("geometry", arithmetic),
    "budget": ("geometry", budget),
    "extraction": ("extraction", extraction),
    "parts": ("parts", parts),
    "kernels": ("kernels", kernels),
    "explorer": ("explorer_data", explorer),
    "frames": ("frame_rate", frames),
    "machines": ("", machines),
}
"""By the name in the page: the results that a table is made of ('' for all), and how."""


if __name__ == "__main__":
    main()
