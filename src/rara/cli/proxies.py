"""`rara proxies`: copies of any of several references, where the training data are undisclosed.

NAME=PLACE … --checked--> judge_by_proxies --ProxyTable--> summary, table, page
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.compare import NAMED
from rara.cli.extractions import ReferenceAndCopyNetwork
from rara.cli.formulas import Cells
from rara.cli.opening import Made as Asked
from rara.cli.opening import saved_reference
from rara.cli.options import IMAGES, VERDICTS, Json, Page, Place, Table, Working
from rara.cli.output import check_page, check_table, last_line, list_all
from rara.cli.printing import say, say_json, tell
from rara.cli.scoring import BasicJudging
from rara.comparison.names import folder_name
from rara.decisions.decisions import Decisions
from rara.errors import ParameterError
from rara.features.neighbours import whole_k
from rara.features.opening import Images
from rara.proxy_references.judge import judge_by_proxies
from rara.proxy_references.names import checked_name, scopes_of
from rara.proxy_references.opening import Made, naming
from rara.reference.options import Options, ScoreOptions
from rara.reference.reference import Reference
from rara.report.formatting import counted
from rara.run import step


def proxies(
    samples: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    *,
    proxy: Annotated[
        list[Place] | None, Parameter(group=IMAGES, negative=(), metavar="NAME=PLACE")
    ] = None,
    scope: Annotated[
        list[str] | None, Parameter(group=IMAGES, negative=(), metavar="NAME=TEXT")
    ] = None,
    report: Page = None,
    output: Table = None,
    json: Json = False,
    judging: BasicJudging | None = None,
    decisions: Annotated[
        Path | None,
        Parameter(
            group=VERDICTS, metavar="FILE", show_default="decisions.csv of each saved reference"
        ),
    ] = None,
    reading: Reading | None = None,
    extraction: ReferenceAndCopyNetwork | None = None,
    working: Working | None = None,
    cells: Cells | None = None,
) -> None:
    """Judge samples by several references, where the training data are not known.

    A sample is a copy of one of them, or no copy was found. That never proves it original.

    Parameters
    ----------
    samples
        The images to judge.
    proxy
        A reference by name, as `web=photos/`; repeat the option. Each place is what `--reference`
        of `rara score` takes.
    scope
        What a reference covers, as `web="photos of the web 2023"`.
    decisions
        What people decided of pairs of pictures, for all references.
    """
    if not proxy:
        raise ParameterError(
            "No references: give each by name, as in `rara proxies samples/ --proxy web=photos/ "
            "--proxy ours=catalogue/`."
        )
    if samples is None:
        raise ParameterError("No samples: give the images to judge, as in `rara proxies samples/`.")
    places = named_proxies([str(place) for place in proxy])
    scopes = scopes_of(_scopes(scope or []), places)
    check_table(output)
    check_page(report)
    cells, judging = cells or Cells(), judging or BasicJudging()
    cells.check(output)
    judged, *real = (reading or Reading()).places([str(samples), *map(str, places.values())])
    extraction, run = extraction or ReferenceAndCopyNetwork(), (working or Working()).run()
    options: Options = {
        "k": judging.k, "alpha": judging.alpha, "evidence": judging.evidence,
        "copy_network": extraction.copy_network,
    }  # fmt: skip
    ScoreOptions(**options)
    if judging.k is not None:
        whole_k(judging.k)
    held = None if decisions is None else Decisions.load(decisions)
    asked = Asked(judging.metric, judging.unit)
    with step(run.progress, "Opening the references"):
        references = {
            name: _saved(name, place, asked) for name, place in zip(places, real, strict=True)
        }
    with step(run.progress, "Loading the network"):
        made = Made(judging.k, judging.metric, judging.unit, extraction.make(run))
        options["copy_network"] = extraction.make_copy_network(run)
    found = judge_by_proxies(judged, references, scopes, made, options, run, held)
    if output:
        with step(run.progress, "Writing the table"):
            cells.save(found, found.arrow, output)
    if report:
        with step(run.progress, "Writing the page"):
            found.report(report)
    list_all(found.provenance.samples, "sample")
    for part in found.provenance.proxies:
        if part.reference.skipped:
            tell(f"Skipped {counted(part.reference.skipped, 'image')} of {part.name}.")
    if json:
        say_json(found.to_dict())
    else:
        say(
            *found.summary().splitlines(),
            last_line((report, output), "--report page.html, -o t.csv"),
        )


def _saved(name: str, place: str, asked: Asked) -> Images | Reference:
    """A saved reference, or the place; raises ParameterError where it was made in another way."""
    with naming(name):
        return saved_reference(place, asked) or place


def named_proxies(given: Sequence[str]) -> dict[str, Images]:
    """Places by name; raises ParameterError where two have one name.

    >>> named_proxies(["web=photos", "runs/ours.zip"])
    {'web': 'photos', 'ours': 'runs/ours.zip'}
    """
    found: dict[str, Images] = {}
    for one in given:
        pair = None if Path(one).exists() else NAMED.fullmatch(one)
        name, place = (pair[1], pair[2]) if pair else (folder_name(one), one)
        name = checked_name(name)
        if name in found:
            raise ParameterError(f"Two proxies are named '{name}': give each another name.")
        found[name] = place
    return found


def _scopes(given: Sequence[str]) -> dict[str, str]:
    scopes: dict[str, str] = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign:
            raise ParameterError(f'--scope {one}: give NAME=TEXT, as web="photos of the web".')
        if (name := checked_name(name)) in scopes:
            raise ParameterError(f"--scope {one}: '{name}' has a scope already.")
        scopes[name] = text
    return scopes
