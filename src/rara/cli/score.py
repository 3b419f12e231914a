"""`rara score`: judge images against a reference.

options --checked--> Sides --Scorer--> ScoreTable --> summary, table, page
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.deciding import Deciding
from rara.cli.extractions import Extractions
from rara.cli.formulas import Cells
from rara.cli.groups import Grouping, encoded_groups, group_lines, warn_of_groups
from rara.cli.opening import Made, Opened, Sides
from rara.cli.opinions import Opinions, check_opinions, with_opinions
from rara.cli.options import (
    IMAGES,
    OUTPUT,
    SCORES,
    VERDICTS,
    Assets,
    Calibration,
    Json,
    Metrics,
    Neighbours,
    Page,
    Place,
    Table,
    Unit,
    Working,
    whole,
)
from rara.cli.output import check_assets, check_report, check_table, last_line, list_all
from rara.cli.printing import say, say_json, tell
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.features.opening import features_of
from rara.provenance.parts import CalibrationImages
from rara.reference.options import Options, ScoreOptions
from rara.reference.reference import Reference
from rara.report import facts
from rara.report.facts import checked_cards
from rara.report.formatting import counted
from rara.retrieval.finding import Looking
from rara.run import Run, step
from rara.scores import Family
from rara.table.score_table import ScoreTable
from rara.verdict.rules import ALPHA


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
    k: Neighbours = None,
    metric: Metrics = None,
    unit: Unit = None,
    alpha: Annotated[float, Parameter(group=VERDICTS, metavar="RATE")] = ALPHA,
    evidence: Annotated[Looking, Parameter(group=VERDICTS)] = "near",
    calibration: Calibration | None = None,
    deciding: Deciding | None = None,
    opinions: Opinions | None = None,
    grouping: Grouping | None = None,
    also: Annotated[list[Family] | None, Parameter(group=SCORES, negative=())] = None,
    boundary: Annotated[Literal["open", "closed"], Parameter(group=SCORES)] = "open",
    compat: Annotated[Literal["official"] | None, Parameter(group=SCORES)] = None,
    reading: Reading | None = None,
    extraction: Extractions | None = None,
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
    alpha
        How often verdicts may be wrong: the share of real images called off-manifold, and of false
        calls among near copies.
    evidence
        Which samples are compared with reference images picture by picture.
    also
        Add a column; repeat the option for both.
    boundary
        Whether a ball holds a point exactly on its surface.
    compat
        Give the numbers of the code published with the Rarity Score.
    """
    calibration, opinions = calibration or Calibration(), opinions or Opinions()
    grouping = grouping or Grouping()
    place = _check_options(samples, reference, leave_one_out, compat, calibration)
    _check_targets(output, report, cards, assets)
    cells = cells or Cells()
    cells.check(output)
    extraction = extraction or Extractions()
    options: Options = {
        "k": k, "boundary": boundary, "compat": compat, "alpha": alpha, "also": also or (),
        "group_by": grouping.group_by, "against_siblings": grouping.siblings, "evidence": evidence,
        "copy_network": extraction.copy_network,
    }  # fmt: skip
    score_options = ScoreOptions(**options)
    samples, place, calibration = _placed(samples, place, calibration, reading)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        sides = Sides.opened(
            place, Made(metric, unit), run, samples=samples, calibration=calibration.calibration
        )
    decisions = (deciding or Deciding()).read(sides)
    with step(run.progress, "Loading the network"):
        networks = extraction.make_all(run)
        options["copy_network"] = extraction.make_copy_network(run)
        network = sides.network(networks[0] if networks else None, run)
    check_opinions(sides, opinions, networks, compat=compat)
    _check(sides, score_options, opinions, own=leave_one_out)
    with step(run.progress, "Making the reference"):
        real, reals = sides.both(k, calibration, network, run)
        real.decisions = decisions
    _check(replace(sides, reference=real), score_options, opinions, own=leave_one_out)
    judged = sides.samples if sides.samples is not None and not leave_one_out else real.features
    if leave_one_out and sides.samples is not None:
        _check_own(real, sides.samples, network, run)
    with step(run.progress, "Judging the samples"):
        scorer = real.scorer(calibration=reals, extractor=network, run=run, **options)
        table = scorer.score_leave_one_out() if leave_one_out else scorer.score(judged)
        table = with_opinions(table, real, judged, opinions, networks, reals, run)
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


def _check(sides: Sides, score_options: ScoreOptions, opinions: Opinions, *, own: bool) -> None:
    """Refuse before the work what would fail after it, as far as it is known by now."""
    sides.check_k(score_options.k)
    sides.check_rule(score_options.rule)
    sides.check_keys(score_options.group_by, score_options.against_siblings, own=own)
    if opinions.halves:
        sides.check_halves(score_options.k)


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


def _check_options(
    samples: Place | None,
    reference: Place | None,
    leave_one_out: bool,
    compat: str | None,
    calibration: Calibration,
) -> Place:
    """The place of the reference; raises ParameterError where the options contradict each other."""
    if reference is None:
        raise ParameterError(_no_reference(samples))
    if samples is None and not leave_one_out:
        raise ParameterError(
            f"No samples: give the images to judge, as in `rara score samples/ --reference "
            f"{reference}`, or --leave-one-out to judge the reference's own."
        )
    if leave_one_out and compat:
        raise ParameterError(
            f"--leave-one-out with --compat {compat}: the authors' code cannot leave an image "
            "out. Give one of the two."
        )
    if leave_one_out and (calibration.calibration is not None or calibration.held_out is not None):
        raise ParameterError(
            "--leave-one-out calibrates the reference's own images with one another: remove "
            "--calibration and --held-out."
        )
    return reference


def _placed(
    samples: Place | None, reference: Place, calibration: Calibration, reading: Reading | None
) -> tuple[Place | None, Place, Calibration]:
    """The places, each with the array or column that is meant in it."""
    places = [place for place in (samples, calibration.calibration) if place is not None]
    real, *others = (reading or Reading()).places([reference, *places])
    named = dict(zip(places, others, strict=True))
    return (
        None if samples is None else named[samples],
        real,
        replace(calibration, calibration=named.get(calibration.calibration or "")),
    )


def _no_reference(samples: Place | None) -> str:
    taken = "" if samples is None else f" '{samples}' is read as the images to judge."
    return f"Give the real images: --reference train/.{taken}"


def _check_own(real: Reference, samples: Opened, network: Extractor | None, run: Run) -> None:
    """Raise ParameterError where samples given beside --leave-one-out are other images."""
    others = features_of(samples, network, run)[0]
    if not others.done["digest"].equals(real.features.done["digest"]):
        raise ParameterError(
            f"--leave-one-out judges the reference's own images, and '{samples.location}' holds "
            "others: remove the samples, or remove --leave-one-out to judge them."
        )


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
    check_assets(report, assets)


def _findings(table: ScoreTable) -> dict[str, object]:
    return {**facts(table.arrow, table.provenance).to_json(), **encoded_groups(table.provenance)}


def _lines(table: ScoreTable, output: Path | None, report: Path | None) -> list[str]:
    last = last_line((report, output), "--report page.html, -o all.parquet")
    return [*table.summary().splitlines(), *group_lines(table.provenance), last]
