"""`rara report`: a page, Markdown or JSON of a table that was saved before.

TABLE.parquet --ScoreTable, places of the images, compared_pictures--> PAGE.html, .md or .json
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.options import IMAGES, OUTPUT, Assets, Place, Working, whole
from rara.cli.output import check_report, last_line
from rara.cli.printing import say
from rara.explorer.saved_table import reference_again
from rara.report.facts import checked_cards
from rara.table.same_images import compared_pictures
from rara.table.score_table import ScoreTable


def report(
    table: Annotated[Path, Parameter(group=IMAGES, metavar="TABLE")],
    output: Annotated[Path, Parameter(alias="-o", group=OUTPUT, metavar="FILE")],
    *,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    cards: Annotated[
        int | None, Parameter(group=OUTPUT, metavar="N", converter=whole, show_default="8")
    ] = None,
    assets: Assets = None,
    working: Working | None = None,
) -> None:
    """Write the report of a saved table: a page to look at, Markdown or JSON.

    A table has no pictures: give the places of the images, or the page shows names. What is there
    must have the contents that were scored.

    Parameters
    ----------
    table
        What `rara score -o TABLE.parquet` wrote.
    output
        The file to write: .html, .md or .json.
    samples
        Where the judged images are, for their pictures.
    reference
        Where the real images are, for their pictures.
    cards
        Samples with pictures in each section of the page.
    """
    checked_cards(cards)
    check_report(output, assets)
    saved = ScoreTable.from_parquet(table)
    if samples is not None or reference is not None:
        run = (working or Working()).run()
        pictures = compared_pictures(
            saved.provenance, samples, reference, run,
            lambda place: reference_again(saved, place, None, run).features,
        )  # fmt: skip
        saved = ScoreTable(saved.arrow, saved.provenance, pictures)
    saved.report(output, cards, assets=assets)
    say(*saved.summary().splitlines(), last_line((output, assets), ""))
