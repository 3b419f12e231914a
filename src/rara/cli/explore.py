"""`rara explore`: samples and reference as a map in the browser, until it is asked to stop.

a saved table --opened_again--> Explored --Serving--> routes --running.serve--> the page
samples, options --Scoring-----^
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.deciding import Deciding
from rara.cli.extractions import Extractions
from rara.cli.groups import Grouping
from rara.cli.listening import SERVING, Listening
from rara.cli.opening import Made
from rara.cli.opinions import Opinions
from rara.cli.options import (
    IMAGES,
    SCORES,
    VERDICTS,
    Calibration,
    Metrics,
    Neighbours,
    Place,
    ServingWork,
    Unit,
)
from rara.cli.output import list_all
from rara.cli.printing import say, tell
from rara.cli.scoring import Scoring, check_options, placed
from rara.decisions.decisions import Decisions
from rara.errors import ParameterError, RaraError
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.projection import check_library
from rara.explorer.saved_table import Places, opened_again, options_of
from rara.extractors import Extractor
from rara.features.compatibility import network_for
from rara.features.image_lookup import SourcePictures
from rara.reference.options import Options
from rara.report.formatting import counted
from rara.retrieval.finding import Looking
from rara.run import Run
from rara.scores import Family
from rara.service.limits import Limits
from rara.service.packages import check_packages
from rara.table.score_table import ScoreTable
from rara.table.writing import RECORD
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    from socket import socket

    from rara.service.judging import Judge
    from rara.service.running import Stop
    from rara.service.security import Guard

COMMAND = "rara explore"


def explore(
    place: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    leave_one_out: Annotated[
        bool, Parameter(group=IMAGES, negative=(), show_default=False)
    ] = False,
    no_open: Annotated[bool, Parameter(group=SERVING, negative=(), show_default=False)] = False,
    listening: Listening | None = None,
    k: Neighbours = None,
    metric: Metrics = None,
    unit: Unit = None,
    alpha: Annotated[float, Parameter(group=VERDICTS, metavar="RATE")] = ALPHA,
    evidence: Annotated[Looking, Parameter(group=VERDICTS)] = "near",
    calibration: Calibration | None = None,
    decisions: Annotated[Path | None, Parameter(group=VERDICTS, metavar="FILE")] = None,
    opinions: Opinions | None = None,
    grouping: Grouping | None = None,
    also: Annotated[list[Family] | None, Parameter(group=SCORES, negative=())] = None,
    boundary: Annotated[Literal["open", "closed"], Parameter(group=SCORES)] = "open",
    compat: Annotated[Literal["official"] | None, Parameter(group=SCORES)] = None,
    reading: Reading | None = None,
    extraction: Extractions | None = None,
    working: ServingWork | None = None,
) -> None:
    """Explore samples and reference as a map in the browser: filter, compare, decide, export.

    Opens a table that `rara score -o TABLE.parquet` wrote, or judges samples first. Serves this
    machine alone until Ctrl-C.

    Parameters
    ----------
    place
        A table of `rara score`, or the images to judge.
    reference
        The real images; of a table, where they are now.
    samples
        Where the images of a table are now.
    leave_one_out
        Judge the reference's own images instead of samples.
    no_open
        Print the address, and open no browser.
    alpha
        How often verdicts may be wrong: the share of real images called off-manifold, and of false
        calls among near copies.
    evidence
        Which samples are compared with reference images picture by picture.
    decisions
        The file that holds what people decide of pairs; made when it is first needed.
    also
        Add a column; repeat the option for both.
    boundary
        Whether a ball holds a point exactly on its surface.
    compat
        Give the numbers of the code published with the Rarity Score.
    """
    check_packages(COMMAND)
    check_library()
    guard = (listening or Listening()).guard()
    from rara.service.running import bound

    with bound(guard) as port:  # one that is taken is said before the work
        working, extraction = working or ServingWork(), extraction or Extractions()
        run = working.run()
        held = None if decisions is None else Decisions(decisions)
        if held is not None:
            len(held)  # reads the file: a mistake in it is found now
        if place is not None and is_table(place):
            refuse_beside_table({
                "-k": k, "--metric": metric, "--unit": unit, "--also": also, "--compat": compat,
                "--leave-one-out": leave_one_out, "--alpha": alpha != ALPHA,
                "--evidence": evidence != "near", "--boundary": boundary != "open",
                "--calibration or --held-out": calibration, "--halves": opinions,
                "--group-by or --against-siblings": grouping, "--array or --image-column": reading,
            })  # fmt: skip
            seen = _saved(ScoreTable.from_parquet(place), samples, reference, extraction, run)
        else:
            if samples is not None:
                raise ParameterError(
                    f"--samples {samples} says where the images of a table are, and '{place}' is "
                    "no table of `rara score`: give the samples first, without --samples."
                )
            calibration, grouping = calibration or Calibration(), grouping or Grouping()
            real = check_options(place, reference, leave_one_out, compat, calibration)
            options: Options = {
                "k": k, "boundary": boundary, "compat": compat, "alpha": alpha, "also": also or (),
                "group_by": grouping.group_by, "against_siblings": grouping.siblings,
                "evidence": evidence, "copy_network": extraction.copy_network,
            }  # fmt: skip
            place, real, calibration = placed(place, real, calibration, reading)
            there = decisions is not None and decisions.exists()
            seen = _scored(Scoring(
                samples=place, reference=real, options=options, made=Made(metric, unit),
                calibration=calibration, opinions=opinions or Opinions(), extraction=extraction,
                deciding=Deciding(decisions if there else None), leave_one_out=leave_one_out,
            ), run)  # fmt: skip
        _serve(seen, held, run, working.limits(), guard, port, opens=not no_open)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is explored, and what makes vectors of further pictures."""

    explored: Explored
    network: Extractor | None


def refuse_beside_table(given: Mapping[str, object]) -> None:
    """Raise ParameterError for an option of scoring: a table was scored already."""
    if names := [name for name, value in given.items() if value]:
        raise ParameterError(
            f"{names[0]}: the table was judged already, so this would change nothing. Remove it, "
            "or give the samples instead of the table."
        )


def is_table(place: Place) -> bool:
    """Whether a place is a table that `rara score` wrote, and no table of images."""
    path = Path(place).expanduser()
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    with suppress(pa.ArrowException, OSError, ValueError), path.open("rb") as file:
        return RECORD in (pq.read_schema(file).metadata or {})
    return False


def _saved(
    table: ScoreTable, samples: Place | None, reference: Place | None, extraction: Extractions,
    run: Run,
) -> _Seen:  # fmt: skip
    """The images of a table, in the places that are given or that it names."""
    places = Places.of(table, samples, reference)
    tell(f"Reference: '{places.reference}'. Samples: '{places.samples}'.")
    networks = extraction.make_all(run)
    explored = opened_again(table, places, run, networks[0] if networks else None)
    return _Seen(explored, networks[0] if networks else None)


def _scored(asked: Scoring, run: Run) -> _Seen:
    """The samples, judged now as `rara score` judges them."""
    scored = asked.scored(run)
    list_all(scored.reference.features, "reference image")
    if not asked.leave_one_out:
        list_all(scored.table.provenance.samples, "sample")
    assert isinstance(scored.table.pictures, SourcePictures)
    explored = Explored.of(scored.table, scored.reference, scored.table.pictures.scored["samples"])
    return _Seen(explored, scored.network)


def _judge(seen: _Seen, run: Run, limits: Limits) -> Callable[[], Judge] | None:
    """What judges further pictures; None where nothing can make vectors of them."""
    reference = seen.explored.reference
    try:
        network = (
            seen.network or reference.extractor or network_for(reference.features.spec, None, run)
        )
    except RaraError:
        return None

    def judge() -> Judge:
        from rara.service.judging import Judge

        return Judge(
            reference, run=run, max_pixels=limits.pixels, extractor=network,
            **options_of(seen.explored.table),
        )  # fmt: skip

    return judge


def _serve(
    seen: _Seen, decisions: Decisions | None, run: Run, limits: Limits, guard: Guard,
    port: socket, *, opens: bool,
) -> None:  # fmt: skip
    """Serve the page, say where, and open it, until somebody asks for the end."""
    from rara.explorer.routes import routes
    from rara.explorer.serving import Serving
    from rara.service.application import application
    from rara.service.running import serve as serve_until_asked

    judge = _judge(seen, run, limits)
    serving = Serving.of(seen.explored, run=run, decisions=decisions, judge=judge, limits=limits)
    explored = seen.explored
    hints = ["Ctrl-C ends it."]
    if guard.token is not None:
        hints.insert(0, "The first time, open it with ?token= and your token behind the address.")

    def ready(address: str, _: Stop) -> None:
        samples = counted(explored.count(SAMPLE), "sample")
        images = counted(explored.count(REFERENCE), "reference image")
        say(f"Exploring {samples} and {images} at {address}", *hints)
        if opens and guard.token is None:
            import webbrowser

            webbrowser.open(address)

    serving.start()
    try:
        app = application(routes(serving), guard, limits=serving.limits, log=tell)
        if not serve_until_asked(app, guard, ready=ready, limits=serving.limits, listening=port):
            raise KeyboardInterrupt
    finally:
        serving.close()
