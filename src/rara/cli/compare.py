"""`rara compare`: generators beside one another and beside real images.

NAME=PLACE … --opened--> rara.compare --Comparison--> summary, table, page
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.extractions import ReferenceExtraction
from rara.cli.formulas import Cells
from rara.cli.opening import Made, saved_reference
from rara.cli.options import (
    IMAGES,
    OUTPUT,
    VERDICTS,
    Json,
    Metrics,
    Neighbours,
    Page,
    Place,
    Unit,
    Working,
)
from rara.cli.output import check_page, check_target, last_line, list_all, tell_first
from rara.cli.printing import results_columns, say, say_json, tell
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.features.opening import Images
from rara.reference.reference import Reference
from rara.run import Run, step
from rara.stats.intervals import LEVEL, checked_level
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    from rara.comparison.comparison import Comparison

NAMED = re.compile(r"([^=/\\]+)=(.+)", re.DOTALL)
"""A name before a place. A place that exists as it is typed has no name, whatever it holds."""


def compare(
    generators: Annotated[list[Place], Parameter(group=IMAGES, negative=())],
    /,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    report: Page = None,
    output: Annotated[
        Path | None,
        Parameter(
            alias="-o",
            group=OUTPUT,
            metavar="FILE",
            help="Write the table, one row a generator: .parquet, .csv, .json, .md or .tex.",
        ),
    ] = None,
    json: Json = False,
    sweep: Annotated[str | None, Parameter(group=VERDICTS, metavar="KEY")] = None,
    paired: Annotated[str | None, Parameter(group=VERDICTS, metavar="KEY")] = None,
    level: Annotated[float, Parameter(group=VERDICTS, metavar="SHARE")] = LEVEL,
    alpha: Annotated[
        float | None, Parameter(group=VERDICTS, metavar="RATE", show_default=f"{ALPHA:g}")
    ] = None,
    k: Neighbours = None,
    metric: Metrics = None,
    unit: Unit = None,
    reading: Reading | None = None,
    extraction: ReferenceExtraction | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Compare generators: each beside what real images give, with intervals.

    Prints a table and the conclusions; `--report` writes a page, `-o` a table for a paper.

    Parameters
    ----------
    generators
        The samples of each generator, as NAME=PLACE or as a place that is named after its folder.
    reference
        The real images. Without it, give two places: each is judged by the other.
    sweep
        Key of the number that each generator was made with, or a pattern such as `gan-{psi}`. The
        key is in the metadata or in the names, as in step-1000.
    paired
        Compare samples with the same value of this key, such as `prompt` or `seed`.
    level
        Confidence of the intervals.
    alpha
        Error rate of the verdicts that the figures count.
    """
    checked_level(level)
    check_page(report)
    if output is not None:
        from rara.comparison.comparison import check_format

        check_format(output)
        check_target(output)
    cells = cells or Cells()
    cells.check(output)
    places = named_places([str(place) for place in generators])
    places, reference = _read(reading or Reading(), places, reference)
    made = Made(metric, unit)
    run = (working or Working()).run()
    with step(run.progress, "Loading the network"):
        network = (extraction or ReferenceExtraction()).make(run)
    from rara.comparison.compare import compare as compare_generators

    if reference is None:
        for option, given in (("alpha", alpha), ("metric", metric), ("unit", unit)):
            if given is not None:
                raise ParameterError(f"--{option} {given} needs a reference: give --reference too.")
        found = compare_generators(
            places, paired=paired, sweep=sweep, level=level, k=k, extractor=network, run=run
        )
    else:
        real = _reference(str(reference), k, made, network, run)
        list_all(real.features, "reference image")
        scorer = real.scorer(
            k=k, alpha=ALPHA if alpha is None else alpha, extractor=network, run=run
        )
        found = compare_generators(
            places, scorer, paired=paired, sweep=sweep, level=level, extractor=network, run=run
        )
    _write(found, output, report, cells, run)
    _list_failed(found)
    if json:
        say_json(found.to_json())
    else:
        summary = found.summary(columns=results_columns())
        say(*summary.splitlines(), last_line((report, output), "--report page.html, -o t.md"))


def named_places(given: list[str]) -> dict[str, Images]:
    """Generators by name; raises ParameterError where two have one name.

    >>> named_places(["gan=runs/a", "runs/vae.zip"])
    {'gan': 'runs/a', 'vae': 'runs/vae.zip'}
    """
    from rara.comparison.names import named

    split = [None if Path(one).exists() else NAMED.fullmatch(one) for one in given]
    plain = named(
        [one for one, pair in zip(given, split, strict=True) if pair is None] or {"-": ""}
    )
    by_place = {place: name for name, place in plain.items()}
    found: dict[str, Images] = {}
    for one, pair in zip(given, split, strict=True):
        name, place = (pair[1], pair[2]) if pair else (by_place[one], one)
        if name in found:
            raise ParameterError(f"Two generators are named '{name}': give each another name.")
        found[name] = place
    return found


def _read(
    reading: Reading, places: dict[str, Images], reference: Place | None
) -> tuple[dict[str, Images], Place | None]:
    """The places, each with the array or column that is meant in it."""
    given = [str(place) for place in places.values()]
    found = reading.places([*given, *([] if reference is None else [reference])])
    judged: dict[str, Images] = dict(zip(places, found, strict=False))
    return judged, None if reference is None else found[-1]


def _reference(
    place: str, k: int | None, made: Made, network: Extractor | None, run: Run
) -> Reference:
    """A saved reference, or one made of the images."""
    if (saved := saved_reference(place, made)) is not None:
        return saved
    with step(run.progress, "Making the reference"):
        from rara.comparison.real_images import reference_of

        return reference_of(
            place, k=k, metric=made.metric, unit=made.unit, extractor=network, run=run
        )


def _write(
    found: Comparison, output: Path | None, report: Path | None, cells: Cells, run: Run
) -> None:
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(found, found.table, output)
    if report:
        with step(run.progress, "Writing the page"):
            found.report(report)


def _list_failed(found: Comparison) -> None:
    failed = [(row.generator, row.reason) for row in found.findings.rows if row.reason is not None]
    if failed:
        tell_first("Not judged:", failed)
    for name, table in found.scores.items():
        samples = table.provenance.samples
        if samples.remarks or samples.skipped or samples.noted:
            tell(f"Of {name}:")
            list_all(samples, "sample")
