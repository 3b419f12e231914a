"""Tables for papers: Markdown and LaTeX, with every name escaped.

Findings --markdown, latex--> text
"""

from __future__ import annotations

from collections.abc import Sequence

from rara.comparison.figures import Figure
from rara.comparison.findings import Findings
from rara.comparison.generator_row import FigureRow, Interval, Row
from rara.comparison.summary import real_rows
from rara.report.formatting import counted, printable

HEADS = (
    "generator", "samples", "inside", "off-manifold excess", "yield", "copy rate", "dense core",
    "AUC",
)  # fmt: skip
"""Shares in percent; excess and copy rate are in percentage points beside real images."""

_SHARES: tuple[Figure, ...] = ("inside", "yield", "over_typical")
"""The figures that are quoted as shares, in the order of the table."""
_EXCESSES: tuple[Figure, ...] = ("off_manifold", "copies")
"""Those that are quoted beside real images."""
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def markdown(findings: Findings) -> str:
    """A table with the figures that papers quote, and under it what they are relative to."""
    lines = [
        f"| {' | '.join(HEADS)} |",
        f"|---|{'---:|' * (len(HEADS) - 1)}",
        *(f"| {' | '.join(map(_markdown, cells))} |" for cells in _cells(findings.rows)),
        "",
        _caption(findings),
    ]
    lines += [f"\n{_markdown(row.generator)}: {_markdown(row.reason or '')}"
              for row in _failed(findings)]  # fmt: skip
    return "\n".join(lines) + "\n"


def latex(findings: Findings) -> str:
    """The same as a tabular with the rules of booktabs; caption and reasons are comments."""
    rows = [f"{' & '.join(map(_latex, cells))} \\\\" for cells in _cells(findings.rows)]
    return "\n".join([
        f"% {printable(_caption(findings))}",
        *(f"% {printable(row.generator)}: {printable(row.reason or '')}"
          for row in _failed(findings)),
        "% \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * (len(HEADS) - 1)}}}",
        "\\toprule",
        f"{' & '.join(map(_latex, HEADS))} \\\\",
        "\\midrule",
        *rows,
        "\\bottomrule",
        "\\end{tabular}",
        "",
    ])  # fmt: skip


def _failed(findings: Findings) -> list[Row]:
    return [row for row in findings.rows if row.reason is not None]


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    return [*map(_row, rows), *(_real(name, some[0]) for name, some in real_rows(rows))]


def _row(row: Row) -> list[str]:
    if row.reason is not None:
        return [row.generator, "0", *["–"] * (len(HEADS) - 2)]
    figures = row.figures
    return [
        row.generator,
        f"{row.samples}",
        _share(figures.get("inside")),
        _excess(figures.get("off_manifold")),
        _share(figures.get("yield")),
        _excess(figures.get("copies")),
        _share(figures.get("over_typical")),
        "–" if row.auc is None else f"{row.auc:.3f}",
    ]


def _real(name: str, row: Row) -> list[str]:
    figures = row.figures
    shares = [f"{100 * figures[one].real:.1f}" if one in figures else "–" for one in _SHARES]
    off, copies = ("0" if one in figures else "–" for one in _EXCESSES)
    return [name, "–", shares[0], off, shares[1], copies, shares[2], "0.500"]


def _share(found: FigureRow | None) -> str:
    return "–" if found is None else _with_limits(found.share, found.interval, "")


def _excess(found: FigureRow | None) -> str:
    return "–" if found is None else _with_limits(found.excess, found.excess_interval, "+")


def _with_limits(value: float, limits: Interval | None, sign: str) -> str:
    text = f"{100 * value:{sign}.1f}"
    if limits is None:
        return text
    return f"{text} [{100 * limits[0]:{sign}.1f}, {100 * limits[1]:{sign}.1f}]"


def _caption(findings: Findings) -> str:
    about = findings.provenance
    places = " and ".join(
        f"{counted(one.count, 'reference image')} from {one.location}" for one in about.references
    )
    limits = f", {100 * about.levels.level:g} % intervals over samples and reference"
    return (
        f"Percent, judged by {places}; k = {about.k}, alpha = {about.levels.alpha:g}"
        f"{limits if about.halving else ''}. Excess and copy rate: percentage points above real "
        "images."
    )


def _markdown(text: str) -> str:
    shown = printable(text)
    for sign in "\\`*_[]<>|#":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in printable(text)).replace("–", "--")
