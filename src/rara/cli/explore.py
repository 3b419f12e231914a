"""`rara explore`: samples and reference as a map in the browser, until it is asked to stop.

a saved table --opened_again--> Explored --Serving--> routes --running.serve--> the page
samples, options --Scoring-----^
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rara.cli.deciding import MadeDeciding
from rara.cli.extractions import Extractions
from rara.cli.listening import SERVING, Listening
from rara.cli.options import (
    IMAGES,
    Place,
    ServingWork,
)
from rara.cli.output import list_all
from rara.cli.printing import say, tell
from rara.cli.scoring import (
    DecidingJudging,
    Scoring,
    refuse_places_of_table,
    refused_beside_table,
)
from rara.decisions.decisions import Decisions
from rara.errors import RaraError
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.projection import check_library
from rara.explorer.saved_table import Places, opened_again, options_of
from rara.extractors import Extractor
from rara.features.compatibility import network_for
from rara.features.image_lookup import SourcePictures
from rara.report.formatting import counted
from rara.run import Run
from rara.service.limits import Limits
from rara.service.packages import check_packages
from rara.table.score_table import ScoreTable
from rara.table.writing import RECORD

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
    judging: DecidingJudging | None = None,
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
    """
    check_packages(COMMAND)
    check_library()
    guard = (listening or Listening()).guard()
    from rara.service.running import bound

    with bound(guard) as port:  # one that is taken is said before the work
        working, judging = working or ServingWork(), judging or DecidingJudging()
        run, held = working.run(), (judging.deciding or MadeDeciding()).opened()
        if place is not None and is_table(place):
            judging.refuse()
            if leave_one_out:
                raise refused_beside_table("--leave-one-out")
            extraction = judging.extraction or Extractions()
            seen = _saved(ScoreTable.from_parquet(place), samples, reference, extraction, run)
        else:
            refuse_places_of_table(samples, place)
            asked = judging.asked(place, reference, leave_one_out=leave_one_out)
            seen = _scored(asked, run)
        _serve(seen, held, run, working.limits(), guard, port, opens=not no_open)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is explored, and what makes vectors of further pictures."""

    explored: Explored
    network: Extractor | None


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
    for note in serving.keeping.notes:
        tell(note)
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
