"""`rara siblings`: the odd ones among the outputs of each prompt, without a reference."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.extractions import Extraction
from rara.cli.formulas import Cells
from rara.cli.opening import opened
from rara.cli.options import GROUPS, IMAGES, Json, Page, Place, Table, Working, whole
from rara.cli.output import check_page, check_table, last_line, list_all
from rara.cli.printing import say, say_json
from rara.extractors import DEFAULT
from rara.features.metadata_groups import check_key
from rara.features.neighbours import checked_k
from rara.groups.compare_siblings import compare_siblings
from rara.run import step


def siblings(
    samples: Annotated[Place, Parameter(group=IMAGES)],
    *,
    report: Page = None,
    output: Table = None,
    json: Json = False,
    by: Annotated[str, Parameter(group=GROUPS, metavar="KEY")] = "prompt",
    k: Annotated[int, Parameter(name=["-k"], group=GROUPS, metavar="K", converter=whole)] = 3,
    reading: Reading | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Find the odd ones among the outputs of each prompt; no reference is needed.

    Prints a short summary; `--report` writes a page to look at, `-o` the whole table.

    Parameters
    ----------
    samples
        The images to compare: a folder, .zip, .tar, .npz, .parquet, or a folder of vectors.
    by
        What siblings share: `prompt`, `label` (the first folder), or another key.
    k
        How far apart an image is: the distance to its k-th nearest sibling.
    """
    check_table(output)
    check_page(report)
    cells = cells or Cells()
    cells.check(output)
    checked_k(k, k + 1, k)
    samples = (reading or Reading()).place(samples)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        images = opened(samples, run)
    network = (extraction or Extraction()).make(run) or DEFAULT
    check_key(by, samples=images)
    with step(run.progress, "Comparing siblings"):
        compared = compare_siblings(images, by=by, k=k, extractor=network, run=run)
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(compared, compared.arrow, output)
    if report:
        with step(run.progress, "Writing the page"):
            compared.report(report)
    list_all(compared.provenance.samples, "sample")
    if json:
        say_json(compared.to_dict())
        return
    last = last_line((report, output), "--report page.html, -o all.csv")
    say(*compared.summary().splitlines(), last)
