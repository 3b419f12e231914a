"""`rara search`: the reference images that pictures come from.

options --checked--> places opened --search--> Matches --> blocks, table, page
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.extractions import ReferenceExtraction
from rara.cli.formulas import Cells
from rara.cli.opening import opened, saved_reference
from rara.cli.options import IMAGES, OUTPUT, REFERENCE, Json, Page, Place, Table, Working, whole
from rara.cli.output import check_page, check_table, last_line, list_all
from rara.cli.printing import say, say_json, tell
from rara.cli.stdin import from_stdin, refuse_options
from rara.errors import ParameterError
from rara.features.opening import is_features
from rara.image_search.match import TOP, By
from rara.image_search.search import search as search_images
from rara.report.formatting import counted
from rara.run import Run, step
from rara.sources import open_source


def search(
    *images: Annotated[Place, Parameter(group=IMAGES, allow_leading_hyphen=True)],
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    by: Annotated[By, Parameter(group=OUTPUT)] = "copy",
    top: Annotated[int, Parameter(group=OUTPUT, metavar="N", converter=whole)] = TOP,
    report: Page = None,
    output: Table = None,
    json: Json = False,
    index: Annotated[Path | None, Parameter(group=REFERENCE, metavar="FOLDER")] = None,
    no_split: Annotated[bool, Parameter(group=IMAGES, negative=(), show_default=False)] = False,
    reading: Reading | None = None,
    extraction: ReferenceExtraction | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Find the reference images that pictures come from, and what was done to them.

    Prints a short block for each picture; `--report` writes a page, `-o` a table of matches.

    Parameters
    ----------
    images
        The pictures: image files, folders, archives, or `-` for one from standard input.
    reference
        The images to search among: a folder, an archive, or a folder of `rara reference build`.
    by
        Rank by evidence of copying, by how pictures look, or by what they show.
    top
        Matches for each picture.
    index
        Keep the reference's local features there, to find more in a large reference.
    no_split
        Take a contact sheet as one picture. Else each of its panels is searched for.
    """
    if reference is None:
        raise ParameterError("Give the images to search among: --reference train/.")
    if not images:
        raise ParameterError(
            f"No pictures: give those to search for, as in `rara search a.png --reference "
            f"{reference}`, or - for standard input."
        )
    refuse_options(images, "search")
    if top < 1:
        raise ParameterError(f"--top {top}: give at least 1.")
    check_table(output)
    check_page(report)
    cells = cells or Cells()
    cells.check(output)
    *ours, real = (reading or Reading()).places([*images, reference])
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        theirs, samples = saved_reference(real) or opened(real, run), _opened(ours, run)
    network = (extraction or ReferenceExtraction()).make(run)
    matches = search_images(
        samples, theirs, by=by, top=top, index=index, split=not no_split,
        extractor=network, run=run,
    )  # fmt: skip
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(matches, matches.arrow, output)
    if report:
        with step(run.progress, "Writing the page"):
            matches.report(report)
    list_all(matches.provenance.samples, "sample")
    if skipped := matches.provenance.reference.skipped:
        tell(f"Skipped {counted(skipped, 'reference image')}.")
    if matches.provenance.index_problem:
        tell(matches.provenance.index_problem)
    if json:
        say_json(matches.to_dict())
        return
    last = last_line((report, output), "--report page.html, -o matches.csv")
    say(*matches.summary().splitlines(), "", last)


def _opened(places: list[str], run: Run) -> Any:
    """What one place holds, or all the images of several."""
    if (piped := from_stdin(places, "search")) is not None:
        return piped
    if len(places) == 1:
        return opened(places[0], run)
    if vectors := [place for place in places if is_features(place)]:
        raise ParameterError(f"'{vectors[0]}' holds vectors: give it alone.")
    return open_source(places, metadata=run.metadata)
