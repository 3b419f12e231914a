"""Fills the tables of docs/studies/viewers.md from benchmarks/results/viewers.json.

python benchmarks/viewers_page.py [--results benchmarks/results] [--output PAGE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cells import Results, number, processor, table_of
from measuring import RESULTS
from page import NOTHING, PLACE, load

PAGE = Path(__file__).parents[1] / "docs" / "studies" / "viewers.md"
NONE = "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE, help="whose prose is taken")
    parser.add_argument("--output", type=Path, help="where to write; by default the page itself")
    options = parser.parse_args()
    text = filled(options.page.read_text(encoding="utf-8"), load(options.results).get("viewers"))
    (options.output or options.page).write_text(text, encoding="utf-8")


def filled(text: str, results: Results | None) -> str:
    """The page with every table as the results give it."""

    def table(place: Any) -> str:
        body = TABLES[place[2]](results) if results else NOTHING
        return f"{place[1]}\n{body}\n{place[3]}"

    return PLACE.sub(table, text)


# -- the tables --


def install(results: Results) -> str:
    """What each brings along."""
    lines = [
        [row["who"], part.get("version", NONE), *cells(part, "packages", "mb", "seconds"),
         part.get("note", "")]
        for row in results["rows"]
        if (part := row.get("install"))
    ]  # fmt: skip
    heads = ["viewer", "version", "packages", "MB", "seconds", ""]
    return f"{load_of(results, 'install')}\n\n{table_of(heads, lines)}"


def images(results: Results) -> str:
    """From a command to the images."""
    if not any("page" in row.get("first", {}) for row in results["rows"]):
        return NOTHING
    lines = []
    for row in results["rows"]:
        for name, what in (("first", "first time"), ("again", "again")):
            part = row.get(name, {})
            if name == "again" and "page" not in part:
                continue
            figures = cells(part, "command", "page", "command_cpu", "page_cpu")
            sizes = cells(part, "bytes", "memory", by=1e6)
            asked = ", ".join(part.get("elsewhere", [])) or ("none" if "page" in part else NONE)
            note = part.get("note", row["shows"])
            lines.append([row["who"], what, *figures, *sizes, asked, note])
    heads = ["viewer", "", "command, s", "page, s", "command, CPU s", "page, CPU s",
             "MB to the page", "MB of memory", "other hosts asked", ""]  # fmt: skip
    count = results["settings"]["images"]
    about = f"{count:,} images of 28 × 28 pixels, a fifth of them samples."
    return f"{about} {load_of(results, 'first', 'again')}\n\n{table_of(heads, lines)}"


def points(results: Results) -> str:
    """A map of many points whose places are given."""
    if not any("page" in row.get("points", {}) for row in results["rows"]):
        return NOTHING
    lines = []
    for row in results["rows"]:
        part = row.get("points", {})
        frames = part.get("frames", {})
        pace = [
            number(frames[name]["rate"]) if name in frames else NONE
            for name in ("panning", "zooming")
        ]  # fmt: skip
        cpu = number(1000 * frames["panning"]["cpu"]) if frames else NONE
        figures = [*cells(part, "page", "page_cpu"), *cells(part, "bytes", by=1e6)]
        lines.append([row["who"], *figures, *pace, cpu, said(part)])
    heads = ["viewer", "page, s", "page, CPU s", "MB to the page", "frames a second, panning",
             "zooming", "CPU ms a frame", ""]  # fmt: skip
    about = f"{results['settings']['points']:,} points."
    return f"{about} {load_of(results, 'points')}\n\n{table_of(heads, lines)}"


def pages(results: Results) -> str:
    """What can be sent to somebody else."""
    if not any("mb" in row.get("page", {}) for row in results["rows"]):
        return NOTHING
    lines = []
    for row in results["rows"]:
        part = row.get("page", {})
        lines.append([row["who"], *cells(part, "mb", "files", "seconds", "cpu"), said(part)])
    heads = ["viewer", "MB", "files", "seconds", "CPU s", ""]
    return table_of(heads, lines)


def load_of(results: Results, *names: str) -> str:
    """How busy the machine was, which seconds depend on."""
    loads = [row[name]["load"] for row in results["rows"] for name in names
             if "load" in row.get(name, {})]  # fmt: skip
    cores = results["machine"]["cores"]
    if not loads:
        return ""
    least, most = number(min(loads)), number(max(loads))
    return f"{processor(results)} {cores} cores, which {least} to {most} processes wanted."


def said(part: dict[str, Any]) -> str:
    """Why there are no figures, where there are none."""
    return str(part.get("note", "" if part else "not measured"))


def cells(part: dict[str, Any], *names: str, by: float = 1) -> Sequence[str]:
    """Figures, or dashes."""
    found = [part.get(name) for name in names]
    return [NONE if one is None else _figure(one if by == 1 else one / by) for one in found]


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


TABLES: dict[str, Callable[[Results], str]] = {
    "install": install, "images": images, "points": points, "pages": pages,
}  # fmt: skip
"""By the name in the page."""

if __name__ == "__main__":
    main()
