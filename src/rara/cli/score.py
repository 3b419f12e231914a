"""`rara score`: judge images against a reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from rara.agreement import network_for
from rara.cli.groups import Grouping, found_in_groups, group_lines, warn_of_groups
from rara.cli.opened import Made, open_both
from rara.cli.opinions import Opinions, check_opinions, with_opinions
from rara.cli.options import Calibration, Extraction, Working, whole
from rara.cli.output import check_page, check_target, list_all, list_unusual
from rara.cli.printing import say, say_json, tell
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.extractors.base import Metric
from rara.reference import Reference
from rara.report import facts
from rara.report.words import counted
from rara.results import ScoreTable, check_format
from rara.run import Run, features_of, is_features
from rara.scores import ALPHA, Families, Family, Levels


def score(
    samples: str | None = None,
    *,
    reference: Annotated[str | None, Parameter(alias="-r")] = None,
    leave_one_out: Annotated[bool, Parameter(negative=())] = False,
    k: Annotated[int | None, Parameter(name=["-k"], converter=whole)] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    report: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    boundary: Literal["open", "closed"] = "open",
    metric: Metric | None = None,
    unit: str | None = None,
    compat: Literal["official"] | None = None,
    calibration: Calibration | None = None,
    alpha: float = ALPHA,
    also: Annotated[list[Family] | None, Parameter(negative=())] = None,
    grouping: Grouping | None = None,
    opinions: Opinions | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Judge each image against a reference: how rare, how faithful, how near to whose image.

    Prints a short summary; `-o` writes the whole table, `--report` a page to look at.

    Parameters
    ----------
    samples
        The images to judge: a folder, a .zip, .tar, .npz or .parquet, or a folder of features.
    reference
        The images to judge them against, likewise, or a folder of `rara reference build`.
    leave_one_out
        Judge the reference's own images instead of samples, each without itself.
    k
        A ball reaches to the k-th nearest other reference image; 3, or what the reference says.
    output
        Where to write the table, one row an image: .parquet, .csv or .json.
    report
        Where to write the report, one HTML file.
    json
        Print the findings as JSON.
    boundary
        Whether a ball holds a point exactly on it.
    metric
        `euclidean`; `cosine`, for which only the directions of vectors count; or `hellinger`, for
        their shares of the sum: usual with the default extractor. A saved reference has one.
    unit
        Where the real images come in bursts, judge by one image of each: of the same value of a key
        such as `label`, of the same `folder`, or of bursts that are `found`.
    compat
        `official`: the numbers of the code published with the Rarity Score.
    alpha
        How often a verdict may be wrong: the share of real images called off the manifold, and the
        share of false ones among those called near copies.
    also
        One more column: `rarity_clipped`, rarity with the largest balls clipped, or
        `local_outlier_factor`, how sparse it is compared with its neighbours; can be repeated.
    """
    real_place = _check_asked(samples, reference, leave_one_out, compat, calibration)
    _check_targets(output, report)
    Levels(alpha)  # refused before the work
    Families(also or ())
    run = (working or Working()).run()
    networks = (extraction or Extraction()).make_all(run)
    network = networks[0] if networks else None
    made = Made(metric, unit)
    real, reals = open_both(
        real_place, calibration or Calibration(), made, k=k, extractor=network, run=run
    )
    grouping, opinions = grouping or Grouping(), opinions or Opinions()
    judged = real.features if samples is None or leave_one_out else samples
    check_opinions(real, judged, opinions, networks, k=k, compat=compat)
    options: dict[str, Any] = {
        "k": k, "boundary": boundary, "alpha": alpha, "group_by": grouping.group_by,
        "against_siblings": grouping.siblings, "also": also or (), "run": run,
    }  # fmt: skip
    if leave_one_out:
        if samples is not None:
            _check_own(real, samples, network, run)
        table = real.score_leave_one_out(**options)
    else:
        table = real.score(judged, compat=compat, calibration=reals, extractor=network, **options)
    table = with_opinions(table, real, judged, opinions, networks, reals, run)
    if output:
        table.save(output)
    if report:
        table.report(report)
    list_all(real.features, "reference image")
    if not leave_one_out:
        list_unusual(table.provenance["samples"], "sample")
    _list_unusable(table.provenance["calibration"])
    warn_of_groups(table.provenance)
    if json:
        say_json({**facts(table.arrow, table.provenance), **found_in_groups(table.provenance)})
    else:
        say(_text(table, output, report))


def _check_asked(
    samples: str | None,
    reference: str | None,
    leave_one_out: bool,
    compat: str | None,
    calibration: Calibration | None,
) -> str:
    """The place of the reference; raises ParameterError where the options contradict each other."""
    if reference is None:
        raise ParameterError("No reference: give the real images, such as --reference train/.")
    if samples is None and not leave_one_out:
        raise ParameterError(
            "No samples: give the images to judge, as in `rara score samples/ --reference "
            f"{reference}`, or --leave-one-out to judge the reference's own."
        )
    if leave_one_out and compat:
        raise ParameterError(
            f"--leave-one-out with --compat {compat}: the authors' code cannot leave an image "
            "out. Give one of the two."
        )
    given = calibration or Calibration()
    if leave_one_out and (given.calibration is not None or given.held_out is not None):
        raise ParameterError(
            "--leave-one-out calibrates the reference's own images with one another: remove "
            "--calibration and --held-out."
        )
    return reference


def _check_own(real: Reference, samples: str, extractor: Extractor | None, run: Run) -> None:
    """Raise ParameterError where samples given beside --leave-one-out are other images."""
    spec = real.features.spec
    network = None if is_features(samples) else network_for(spec, extractor, run)
    given = features_of(samples, network, run)[0]
    if not given.done["digest"].equals(real.features.done["digest"]):
        raise ParameterError(
            f"--leave-one-out judges the reference's own images, and '{samples}' holds others: "
            "remove the samples, or remove --leave-one-out to judge them."
        )


def _list_unusable(calibration: Mapping[str, Any]) -> None:
    list_unusual(calibration, "calibration image")
    if same := calibration.get("in_reference"):
        held = "it" if same == 1 else "them"
        many = counted(same, "calibration image")
        tell(f"Left out {many}: the reference holds {held} too.")


def _check_targets(output: Path | None, report: Path | None) -> None:
    """Refuse before the work what would fail after it."""
    if output:
        check_format(output)
        check_target(output)
    check_page(report)


def _text(table: ScoreTable, output: Path | None, report: Path | None) -> str:
    written = "  ".join(str(path) for path in (report, output) if path)
    label, rest = (
        ("Written", written) if written else ("More", "--report page.html, -o all.parquet")
    )
    lines = [table.summary(), *group_lines(table.provenance), f"{label:<10}{rest}"]
    return "\n".join(lines) + "\n"
