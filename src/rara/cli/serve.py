"""`rara serve`: one reference behind HTTP, until it is asked to stop.

options --checked--> Reference --Judge, Serving--> routes --running.serve--> answers
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.deciding import Deciding
from rara.cli.extractions import ReferenceExtraction
from rara.cli.listening import SERVING, Listening
from rara.cli.opening import Made, Sides
from rara.cli.options import (
    IMAGES,
    VERDICTS,
    Metrics,
    Neighbours,
    Place,
    ServingWork,
    Unit,
    positive,
    size,
)
from rara.cli.output import list_all
from rara.cli.printing import say, tell
from rara.geometry.threads import one_core
from rara.reference.options import ScoreOptions
from rara.report.formatting import counted
from rara.retrieval.finding import Looking
from rara.run import step
from rara.service.limits import Limits, binary_amount
from rara.service.packages import check_packages
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    import socket

    from rara.service.running import Stop
    from rara.service.security import Guard
    from rara.service.serving import Serving

COMMAND = "rara serve"
_USUAL = Limits()


@Parameter(name="*", group=SERVING)
@dataclass(frozen=True)
class Bounds:
    """How much requests may take."""

    max_images: Annotated[
        int, Parameter(converter=positive, metavar="N", help="Images of one request.")
    ] = _USUAL.images
    max_body: Annotated[
        int,
        Parameter(
            converter=size,
            metavar="SIZE",
            show_default=binary_amount(_USUAL.body_bytes),
            help="Bytes of one request.",
        ),
    ] = _USUAL.body_bytes
    max_waiting: Annotated[
        int,
        Parameter(converter=positive, metavar="N", help="Requests that wait; more are sent away."),
    ] = _USUAL.waiting

    def limits(self) -> Limits:
        """The same for the service."""
        return Limits(
            images=self.max_images,
            body_bytes=self.max_body,
            bytes_at_once=max(_USUAL.bytes_at_once, 4 * self.max_body),
            waiting=self.max_waiting,
        )


def serve(
    reference: Annotated[Place, Parameter(group=IMAGES)],
    *,
    listening: Listening | None = None,
    bounds: Bounds | None = None,
    k: Neighbours = None,
    metric: Metrics = None,
    unit: Unit = None,
    alpha: Annotated[float, Parameter(group=VERDICTS, metavar="RATE")] = ALPHA,
    evidence: Annotated[Looking, Parameter(group=VERDICTS)] = "near",
    deciding: Deciding | None = None,
    reading: Reading | None = None,
    extraction: ReferenceExtraction | None = None,
    working: ServingWork | None = None,
) -> None:
    """Judge images that programs send over HTTP, against one reference.

    Prints its address, and serves until Ctrl-C or SIGTERM. `/openapi.json` describes what it takes.

    Parameters
    ----------
    reference
        The real images, or a folder of `rara reference build`.
    alpha
        How often verdicts may be wrong: the share of real images called off-manifold, and of false
        calls among near copies.
    evidence
        Which samples are compared with reference images picture by picture.
    """
    check_packages(COMMAND)
    working, bounds = working or ServingWork(), bounds or Bounds()
    guard, limits = (listening or Listening()).guard(), working.limits(bounds.limits())
    options = ScoreOptions(k=k, alpha=alpha, evidence=evidence)
    (place,) = (reading or Reading()).places([reference])
    run = working.run()
    with step(run.progress, "Listing the images"):
        sides = Sides.opened(place, Made(metric, unit), run)
    decisions = (deciding or Deciding()).read(sides)
    with step(run.progress, "Loading the network"):
        network = sides.network((extraction or ReferenceExtraction()).make(run), run)
    sides.check_k(options.k)

    from rara.service.judging import Judge
    from rara.service.metrics import Metrics as Counts
    from rara.service.running import bound
    from rara.service.serving import Serving

    with bound(guard) as bound_socket:  # a port that is taken is said before the work
        with step(run.progress, "Making the reference"):
            real = sides.reference_of(k, network, run)
            real.decisions = decisions
        list_all(real.features, "reference image")
        counts = Counts()
        with step(run.progress, "Judging a first picture"):
            judge = Judge(
                real, run=run, max_pixels=limits.pixels, extractor=network, metrics=counts,
                k=k, alpha=alpha, evidence=evidence,
            )  # fmt: skip
            name = Path(str(reference)).name or str(reference)
            serving = Serving(
                judge, name, limits=limits, metrics=counts, token=guard.token is not None
            )  # fmt: skip
        _until_asked(serving, guard, bound_socket)


def _until_asked(serving: Serving, guard: Guard, listening: socket.socket) -> None:
    """Serve, and say where."""
    from rara.service.application import application
    from rara.service.routes import routes
    from rara.service.running import serve as serve_until_asked

    def ready(address: str, _: Stop) -> None:
        images = counted(len(serving.reference), "image")
        say(f"Serving '{serving.name}' ({images}) at {address}")

    app = application(
        routes(serving), guard, limits=serving.limits, metrics=serving.metrics,
        log=lambda text: tell(*text.splitlines()),
    )  # fmt: skip
    with one_core():  # one for all requests, so that none depends on who is served beside it
        orderly = serve_until_asked(
            app, guard, ready=ready, limits=serving.limits, draining=serving.begin_to_stop,
            listening=listening,
        )  # fmt: skip
    if not orderly:
        raise KeyboardInterrupt
    serving.close()
    tell("Stopped: every request that was accepted has its answer.")
