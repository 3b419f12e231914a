"""`rara reference audit`: the problems of a reference."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.extractions import ReferenceExtraction
from rara.cli.opening import Made, Sides
from rara.cli.options import IMAGES, Json, Metrics, Neighbours, Page, Place, Working
from rara.cli.output import check_page, last_line, list_all
from rara.cli.printing import say, say_json
from rara.report.audit_page import LABEL
from rara.run import step


def audit(
    reference: Annotated[Place, Parameter(group=IMAGES)],
    *,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    report: Page = None,
    json: Json = False,
    k: Neighbours = None,
    metric: Metrics = None,
    reading: Reading | None = None,
    extraction: ReferenceExtraction | None = None,
    working: Working | None = None,
) -> None:
    """Find the problems of a reference before you use it, worst first.

    Exact and near duplicates, images with huge balls, balls of radius 0, constant features,
    classes too small for k, images that were skipped, and samples that are in the reference.

    Parameters
    ----------
    reference
        The real images, or a folder of vectors or of `rara reference build`.
    samples
        Images to look for in the reference.
    """
    check_page(report)
    reference, *others = (reading or Reading()).places([reference, *([samples] if samples else [])])
    samples = next(iter(others), None)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        sides = Sides.opened(reference, Made(metric), run, samples=samples)
    with step(run.progress, "Loading the network"):
        network = sides.network((extraction or ReferenceExtraction()).make(run), run)
    sides.check_k(k)
    with step(run.progress, "Making the reference"):
        real = sides.reference_of(k, network, run)
    with step(run.progress, "Looking for faults"):
        findings = real.audit(sides.samples, k=k, extractor=network, run=run)
    if report:
        with step(run.progress, "Writing the page"):
            findings.report(report)
    list_all(real.features, "reference image")
    if json:
        say_json(findings.to_dict())
        return
    last = last_line([report], "--report page.html, --json", label=LABEL)
    say(*findings.summary().splitlines(), last)
