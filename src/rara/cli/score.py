"""`rara score`: judge images against a reference.

options --checked--> Sides --Scorer--> ScoreTable --> summary, table, page
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.formulas import Cells
from rara.cli.groups import encoded_groups, group_lines, warn_of_groups
from rara.cli.options import (
    IMAGES,
    OUTPUT,
    Assets,
    Json,
    Page,
    Place,
    Table,
    Working,
    whole,
)
from rara.cli.output import check_report, check_table, last_line, list_all
from rara.cli.printing import say, say_json, tell
from rara.cli.scoring import Judging
from rara.errors import ParameterError
from rara.provenance.parts import CalibrationImages
from rara.report import facts
from rara.report.facts import checked_cards
from rara.report.formatting import counted
from rara.run import Run, step
from rara.table.score_table import ScoreTable


def score(
    samples: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    leave_one_out: Annotated[
        bool, Parameter(group=IMAGES, negative=(), show_default=False)
    ] = False,
    report: Page = None,
    output: Table = None,
    cards: Annotated[
        int | None,
        Parameter(group=OUTPUT, metavar="N", converter=whole, show_default="8"),
    ] = None,
    assets: Assets = None,
    json: Json = False,
    judging: Judging | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Judge each image against real ones: how rare, how faithful, how close to a copy.

    Prints a short summary; `--report` writes a page to look at, `-o` the whole table.

    Parameters
    ----------
    samples
        The images to judge: a folder, .zip, .tar, .npz, .parquet, or a folder of vectors.
    reference
        The real images, in any of these forms, or a folder of `rara reference build`.
    cards
        Samples with pictures in each section of the page.
    leave_one_out
        Judge the reference's own images instead of samples.
    """
    asked = (judging or Judging()).asked(samples, reference, leave_one_out=leave_one_out)
    _check_targets(output, report, cards, assets)
    cells = cells or Cells()
    cells.check(output)
    run = (working or Working()).run()
    scored = asked.scored(run)
    table, real = scored.table, scored.reference
    _write(table, output, (report, cards, assets), cells, run)
    list_all(real.features, "reference image")
    if not leave_one_out:
        list_all(table.provenance.samples, "sample")
    if table.provenance.calibration and table.provenance.calibration.images:
        _list_unusable(table.provenance.calibration.images)
    warn_of_groups(table.provenance)
    if json:
        say_json(_findings(table))
    else:
        say(*_lines(table, output, report))


def _write(
    table: ScoreTable,
    output: Path | None,
    page: tuple[Path | None, int | None, Path | None],
    cells: Cells,
    run: Run,
) -> None:
    """`page`: the report, its cards, and the folder beside it."""
    report, cards, assets = page
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(table, table.arrow, output)
    if report:
        with step(run.progress, "Writing the page"):
            table.report(report, cards=cards, assets=assets)


def _list_unusable(images: CalibrationImages) -> None:
    list_all(images, "calibration image")
    if same := images.in_reference:
        held = "it" if same == 1 else "them"
        many = counted(same, "calibration image")
        tell(f"Left out {many}: the reference holds {held} too.")


def _check_targets(
    output: Path | None, report: Path | None, cards: int | None, assets: Path | None
) -> None:
    """Refuse before the work what would fail after it."""
    checked_cards(cards)
    if cards is not None and report is None:
        raise ParameterError(f"--cards {cards} is for the page: give --report page.html too.")
    check_table(output)
    check_report(report, assets)


def _findings(table: ScoreTable) -> dict[str, object]:
    return {**facts(table.arrow, table.provenance).to_json(), **encoded_groups(table.provenance)}


def _lines(table: ScoreTable, output: Path | None, report: Path | None) -> list[str]:
    last = last_line((report, output), "--report page.html, -o all.parquet")
    return [*table.summary().splitlines(), *group_lines(table.provenance), last]
