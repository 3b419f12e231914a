"""`rara select`: the most original, faithful and different samples of many.

a saved table, or samples --Scoring--> ScoreTable --rara.select--> table, sheet, folder, page
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.arguments import whole as whole_number
from rara.cli.array_options import Reading
from rara.cli.deciding import Deciding
from rara.cli.explore import is_table
from rara.cli.extractions import Extractions
from rara.cli.formulas import Cells
from rara.cli.opening import Made
from rara.cli.opinions import Opinions
from rara.cli.options import (
    IMAGES,
    OUTPUT,
    SELECTION,
    Calibration,
    Json,
    Page,
    Place,
    Table,
    Working,
    whole,
)
from rara.cli.output import check_page, check_table, check_target, last_line, list_all
from rara.cli.printing import say, say_json
from rara.cli.scoring import (
    BasicJudging,
    Scoring,
    check_options,
    placed,
    refuse_beside_table,
    refuse_places_of_table,
)
from rara.errors import ParameterError
from rara.explorer.saved_table import Places, existing, reference_again
from rara.features.compatibility import features_like
from rara.features.features import Features
from rara.features.opening import is_features
from rara.reference.options import Options
from rara.run import Run, step
from rara.selection.facts import SelectionFacts, facts_of, selection_lines
from rara.selection.folder import check_folder, check_links, copy_to, link_in
from rara.selection.page import save_page
from rara.selection.select import Method, check_method
from rara.selection.select import select as select_samples
from rara.selection.sheet import check_sheet, save_sheet
from rara.selection.wants import USUAL, Want, checked_wants
from rara.table.same_images import compared_pictures
from rara.table.score_table import ScoreTable

COUNT = 50


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class Pictured:
    """Where the pictures of the picks go."""

    sheet: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Write a contact sheet: .png, .jpg or .webp."),
    ] = None
    copies: Annotated[
        Path | None,
        Parameter(
            name=["--copy-to"],
            metavar="FOLDER",
            help="Copy the picks into a new folder, named by rank.",
        ),
    ] = None
    links: Annotated[
        Path | None,
        Parameter(metavar="FOLDER", help="The same with links, for images that are files."),
    ] = None

    def check(self, count: int) -> None:
        """Refuse before the work what could not be written after it."""
        if self.sheet is not None:
            check_sheet(self.sheet, count)
            check_target(self.sheet)
        for folder in filter(None, (self.copies, self.links)):
            check_folder(folder)
            check_target(folder / "picks.json")
        if self.copies is not None and self.copies == self.links:
            raise ParameterError(
                f"--copy-to and --links are both '{self.links}': give two folders."
            )

    def check_place(self, samples: Place | None) -> None:
        """Refuse links where samples are no files of their own."""
        if self.links is not None and samples is not None:
            check_links(samples)

    def write(self, facts: SelectionFacts, table: ScoreTable, run: Run) -> None:
        """Write what is asked for."""
        if self.sheet is not None:
            with step(run.progress, "Writing the sheet"):
                save_sheet(facts, table.pictures, self.sheet)
        if self.copies is not None:
            with step(run.progress, "Copying the picks"):
                copy_to(self.copies, facts, table.pictures)
        if self.links is not None:
            link_in(self.links, facts, table.pictures)


def select(
    place: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    count: Annotated[
        int, Parameter(name=["-n", "--count"], group=SELECTION, metavar="N", converter=whole)
    ] = COUNT,
    want: Annotated[
        list[Want] | None,
        Parameter(
            group=SELECTION, negative=(), consume_multiple=True, show_default=" ".join(USUAL)
        ),
    ] = None,
    group_by: Annotated[str | None, Parameter(group=SELECTION, metavar="KEY")] = None,
    quota: Annotated[
        list[str] | None, Parameter(group=SELECTION, negative=(), metavar="N | GROUP=N")
    ] = None,
    method: Annotated[Method, Parameter(group=SELECTION)] = "greedy",
    report: Page = None,
    output: Table = None,
    pictured: Pictured | None = None,
    json: Json = False,
    judging: BasicJudging | None = None,
    calibration: Calibration | None = None,
    deciding: Deciding | None = None,
    reading: Reading | None = None,
    extraction: Extractions | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Pick the most original samples of many: rare, faithful, no copies, unlike one another.

    Takes a table of `rara score -o TABLE.parquet`, or judges samples first. Copies, repeats and
    samples off the manifold are never picked; the table names each with its reason.

    Parameters
    ----------
    place
        A table of `rara score`, or the images to judge.
    reference
        The real images; of a table, where they are now, for the page.
    samples
        Where the images of a table are now.
    count
        How many to pick.
    want
        What to look for; each counts the same. `rare`: far from common real images. `faithful`: no
        classifier takes it for generated. `diverse`: unlike the other picks. `representative`: the
        picks stand for all others.
    group_by
        A key such as `label` or `prompt`, for `--quota`.
    quota
        At most so many of each group; or, repeated, of the named groups alone.
    method
        `farthest-first` is faster for millions of samples, and knows `--want diverse` alone.
    """
    wants = checked_wants(USUAL if want is None else want)
    count = whole_number(count, "--count")
    check_method(method, wants)
    shares = _quota(quota)
    _check_pair(group_by, quota)
    check_table(output)
    check_page(report)
    pictured, cells, judging = pictured or Pictured(), cells or Cells(), judging or BasicJudging()
    pictured.check(count)
    cells.check(output)
    run, extraction = (working or Working()).run(), extraction or Extractions()
    if place is not None and is_table(place):
        refuse_beside_table({
            **judging.given(), "--calibration or --held-out": calibration,
            "--decisions": deciding, "--array or --image-column": reading,
        })  # fmt: skip
        table = ScoreTable.from_parquet(place)
        pictured.check_place(Places.of(table, samples, reference).samples)
        given = _vectors_again(table, samples, reference, extraction, run)
        table = _with_reference(table, reference, run)
    else:
        refuse_places_of_table(samples, place)
        calibration = calibration or Calibration()
        real = check_options(place, reference, False, None, calibration)
        options: Options = {
            "k": judging.k, "alpha": judging.alpha, "evidence": judging.evidence,
            "copy_network": extraction.copy_network,
        }  # fmt: skip
        place, real, calibration = placed(place, real, calibration, reading)
        pictured.check_place(place)
        table = Scoring(
            samples=place, reference=real, options=options, made=Made(judging.metric, judging.unit),
            calibration=calibration, opinions=Opinions(), extraction=extraction,
            deciding=deciding or Deciding(), quota_by=group_by,
        ).scored(run).table  # fmt: skip
        given = None
        list_all(table.provenance.samples, "sample")
    picked = select_samples(
        table, count, want=wants, method=method, samples=given, group_by=group_by, quota=shares,
        run=run,
    )  # fmt: skip
    facts = facts_of(picked)
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(picked, picked.arrow, output)
    if report:
        with step(run.progress, "Writing the page"):
            save_page(picked, report)
    pictured.write(facts, picked, run)
    if json:
        say_json(facts.to_json())
        return
    written = (report, pictured.sheet, pictured.copies, pictured.links, output)
    say(*selection_lines(facts), last_line(written, "--sheet picks.png, --report picks.html"))


def _quota(given: Sequence[str] | None) -> int | dict[str, int] | None:
    """One number for all groups, or one for each that is named."""
    if given is None:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return _number(given[0], given[0])
    shares: dict[str, int] = {}
    for one in given:
        group, sign, many = one.rpartition("=")
        if not sign:
            raise ParameterError(f"--quota {one}: give one number, or GROUP=N for each group.")
        if group in shares:
            raise ParameterError(f"--quota {one}: '{group}' has a quota already.")
        shares[group] = _number(many, one)
    return shares


def _number(text: str, whole_text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise ParameterError(f"--quota {whole_text}: give a whole number of at least 0.")
    return value


def _check_pair(group_by: str | None, quota: Sequence[str] | None) -> None:
    if (group_by is None) != (quota is None):
        have, need = (
            ("--quota", "--group-by KEY") if group_by is None else ("--group-by", "--quota N")
        )
        raise ParameterError(f"{have} needs {need}: how many picks of which groups.")


def _vectors_again(
    table: ScoreTable, samples: Place | None, reference: Place | None, extraction: Extractions,
    run: Run,
) -> Features | str:  # fmt: skip
    """The vectors of a table's samples, in the place that is given or that it names."""
    networks = extraction.make_all(run)
    network = networks[0] if networks else None
    places = Places.of(table, samples, reference)
    if table.provenance.leave_one_out:
        return reference_again(table, places.reference, network, run).features
    place, spec = existing(places.samples, "samples"), table.provenance.extractor
    if spec is None or is_features(place):
        return place
    with step(run.progress, "Opening the samples"):
        metric = table.provenance.reference.metric
        return features_like(replace(spec, metric=metric), place, network, run)[0]  # type: ignore[arg-type]


def _with_reference(table: ScoreTable, reference: Place | None, run: Run) -> ScoreTable:
    """The table with the pictures of its real images, where these are named."""
    if reference is None:
        return table
    pictures = compared_pictures(
        table.provenance, None, reference, run,
        lambda place: reference_again(table, place, None, run).features,
    )  # fmt: skip
    return ScoreTable(table.arrow, table.provenance, pictures)
