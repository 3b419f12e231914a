"""`rara reference audit`: what speaks against believing a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.opened import Made, open_reference
from rara.cli.options import Extraction, Working, whole
from rara.cli.output import check_page, list_all
from rara.cli.printing import say, say_json
from rara.extractors.base import Metric


def audit(
    reference: str,
    *,
    samples: str | None = None,
    k: Annotated[int | None, Parameter(name=["-k"], converter=whole)] = None,
    report: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    metric: Metric | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Say what speaks against believing a reference, worst first, before it is used.

    Exact and near duplicates, images with huge balls, balls of radius 0, constant features,
    classes too small for k, images that were skipped, and samples that are in the reference.

    Parameters
    ----------
    reference
        The real images, or a folder of features or of `rara reference build`.
    samples
        Images to look for in the reference.
    k
        A ball reaches to the k-th nearest other reference image; 3, or what the reference says.
    report
        Where to write a page with the pictures, one HTML file.
    json
        Print everything that was found as JSON.
    metric
        `euclidean`; `cosine`, for which only the directions of vectors count; or `hellinger`, for
        their shares of the sum: usual with the default extractor. A saved reference has one.
    """
    check_page(report)
    run = (working or Working()).run()
    network = (extraction or Extraction()).make(run)
    real = open_reference(reference, Made(metric), k=k, extractor=network, run=run)
    found = real.audit(samples, k=k, extractor=network, run=run)
    if report:
        found.report(report)
    list_all(real.features, "reference image")
    written = f"{'Written':<20}{report}" if report else f"{'More':<20}--report page.html, --json"
    lines = f"{found.summary()}\n{written}\n"
    if json:
        say_json(found.to_dict())
    else:
        say(lines)
