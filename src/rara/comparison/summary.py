"""A comparison in a terminal: a table of the figures, then one sentence for each finding.

Findings --summary_lines--> the table in as many columns as there are, sentences of any length
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rara.comparison.figures import Figure
from rara.comparison.findings import Findings
from rara.comparison.generator_row import FigureRow, Row
from rara.comparison.halves import FEWEST
from rara.comparison.sentences import points, ranking_sentence
from rara.report.formatting import counted, percent, shorten, width

NAME = 14
GAP = "  "
HEADS = ("inside", "off excess", "yield", "copy rate", "dense core", "AUC", "repeats")
"""Of the table: shares in percent, excesses in percentage points."""


def summary_lines(findings: Findings, columns: int | None = None) -> list[str]:
    """What was compared, the table, and the conclusions; the table is at most `columns` wide."""
    lines = [*_compared(findings), "", *_table(findings.rows, columns), ""]
    lines += [f"{shorten(row.generator, NAME)}: {row.sentence}" for row in findings.rows]
    lines += conclusions(findings)
    return lines


def conclusions(findings: Findings) -> list[str]:
    """Rankings, the sweep and remarks, each as one sentence."""
    lines = [line for line in map(ranking_sentence, findings.rankings) if line]
    if findings.sweep is not None:
        trade = findings.sweep.trade
        lines += [*([trade] if trade else []), *findings.sweep.checkpoints.why]
    return [*lines, *_limits(findings), *findings.provenance.remarks]


def _limits(findings: Findings) -> Iterator[str]:
    """What could not be compared, and why."""
    about = findings.provenance
    if findings.judged and about.halving is None:
        fewest = min(one.count for one in about.references)
        yield (
            f"The reference has {counted(fewest, 'image')}: too few for intervals, which need "
            f"{FEWEST} different ones. No difference is called sure."
        )
    for one in findings.differences:
        if one.units == 0 and one.figure == "yield":
            yield (f"{one.one} and {one.other} share no {about.paired}: they are not compared.")


def cells(row: Row) -> list[str]:
    """The figures of a generator as the tables show them; empty where it has none."""
    if row.reason is not None:
        return [""] * len(HEADS)
    figures = row.figures
    return [
        _share(figures.get("inside")),
        _with_arms(figures.get("off_manifold")),
        _share(figures.get("yield")),
        _with_arms(figures.get("copies")),
        _share(figures.get("over_typical")),
        "" if row.auc is None else f"{row.auc:.3f}",
        "" if row.repeats is None else percent(row.repeats),
    ]


def real_cells(rows: Sequence[Row]) -> list[str]:
    """The same of the real images that judge these generators.

    Repeats are of as many real images as there are samples: their range where these differ.
    """
    figures = rows[0].figures
    repeats = sorted({row.repeats_real for row in rows if row.repeats_real is not None})
    real = {figure: percent(found.real) for figure, found in figures.items()}
    excess: dict[Figure, str] = dict.fromkeys(figures, "0")
    return [
        real.get("inside", ""), excess.get("off_manifold", ""), real.get("yield", ""),
        excess.get("copies", ""), real.get("over_typical", ""), "0.500",
        " to ".join(percent(end) for end in dict.fromkeys([*repeats[:1], *repeats[-1:]])),
    ]  # fmt: skip


def real_rows(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """What real images give: one row where one reference judged all, else one a generator."""
    judged = [row for row in rows if row.reason is None]
    real = [[found.real for found in row.figures.values()] for row in judged]
    if all(one == real[0] for one in real):
        return [("real images", judged)] if judged else []
    return [(f"real, for {row.generator}", [row]) for row in judged]


def _share(found: FigureRow | None) -> str:
    return "" if found is None else percent(found.share)


def _with_arms(found: FigureRow | None) -> str:
    """An excess in percentage points, with the longer arm of its interval.

    Arms differ near 0 %. Half the width would be narrower than the interval on its longer side.
    """
    if found is None:
        return ""
    if found.excess_interval is None:
        return points(found.excess)
    low, high = found.excess_interval
    arm = max(high - found.excess, found.excess - low)
    return f"{points(found.excess)} ±{100 * arm:.1f}"


def _compared(findings: Findings) -> Iterator[str]:
    about = findings.provenance
    for number, reference in enumerate(about.references):
        judged = [one.name for one in about.generators if one.reference == number]
        alone = len(about.references) > 1 and len(judged) == 1
        many = shorten(judged[0], NAME) if alone else counted(len(findings.rows), "generator")
        by, place = counted(reference.count, "reference image"), shorten(reference.location, 36)
        yield f"{many} by {by} from {place} (k = {about.k})"


def _table(rows: Sequence[Row], columns: int | None) -> Iterator[str]:
    """Columns as wide as their widest cell, in several blocks where one would be too wide.

    Real images have a row of their own.
    """
    body = [[shorten(row.generator, NAME), *cells(row)] for row in rows]
    real = [[name, *real_cells(some)] for name, some in real_rows(rows)]
    lines = [["", *HEADS], *body, *real]
    widths = [max(width(line[i]) for line in lines) for i in range(len(lines[0]))]
    for number, block in enumerate(_blocks(widths, columns)):
        if number:
            yield ""
        for line in lines:
            padded = [line[0] + " " * (widths[0] - width(line[0]))]
            padded += [" " * (widths[i] - width(line[i])) + line[i] for i in block]
            yield GAP.join(padded).rstrip()


def _blocks(widths: Sequence[int], columns: int | None) -> list[list[int]]:
    """The columns beside the first, in groups that are at most so wide with it."""
    blocks: list[list[int]] = [[]]
    for i in range(1, len(widths)):
        wide = sum(widths[j] + len(GAP) for j in (*blocks[-1], i)) + widths[0]
        if columns is not None and blocks[-1] and wide > columns:
            blocks.append([])
        blocks[-1].append(i)
    return blocks
