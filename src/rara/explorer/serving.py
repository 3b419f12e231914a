"""One run, ready to be explored: what all routes share.

Explored --Serving.of--> Map, streams, sheets, marks, and a judge where there is one
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Thread

from rara.decisions.decisions import Decisions
from rara.errors import RaraError
from rara.explorer.about import Abilities, About, about_of
from rara.explorer.atlases import Atlases
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.judged import OnMap
from rara.explorer.keeping import Keeping, kept_marks
from rara.explorer.maps import Map, map_of
from rara.explorer.marks import Marks
from rara.explorer.nearest import neighbours_of
from rara.explorer.point_pictures import PointPictures
from rara.explorer.streams import StreamedTable, reference_table
from rara.reference.geometry import Once
from rara.run import Run
from rara.service.judging import Judge
from rara.service.limits import Limits
from rara.service.work import Crew


@dataclass(frozen=True)
class Serving:
    """A run behind HTTP. May be used from any thread."""

    explored: Explored
    made: Map
    pictures: PointPictures
    atlases: Atlases | None
    """None where no side has pictures."""
    marks: Marks
    keeping: Keeping
    judge: OnMap | None
    """None where pictures cannot be judged, as by a reference of given vectors."""
    crew: Crew
    """Judges one request after the other; those that compare pictures let others go first."""
    limits: Limits
    run: Run
    _once: Once = field(default_factory=Once)

    @classmethod
    def of(
        cls,
        explored: Explored,
        *,
        run: Run,
        decisions: Decisions | None = None,
        judge: Callable[[], Judge] | None = None,
        limits: Limits | None = None,
    ) -> Serving:
        """Makes the map first, then everything else when it is asked for. `judge` makes one.

        `decisions`: where marks go; else into those of a saved reference, or into the cache folder.
        """
        keeping = kept_marks(explored, decisions, run.cache)
        made = map_of(explored, run)
        quiet, pictures = replace(run, progress=None), PointPictures(explored)
        atlases = Atlases(explored, pictures, quiet)
        some = pictures.can(REFERENCE) or pictures.can(SAMPLE) or atlases.kept
        limits = limits or Limits()
        crew = Crew(limits.waiting)
        return cls(
            explored, made, pictures,
            atlases if some else None,
            Marks(explored, keeping.decisions), keeping,
            None if judge is None else OnMap(explored, made, judge, crew),
            crew, limits, quiet,
        )  # fmt: skip

    @cached_property
    def table(self) -> StreamedTable:
        """The table as it travels."""
        return StreamedTable(self.explored.table.arrow)

    @property
    def reference(self) -> StreamedTable:
        """What is kept of the reference images, as it travels; made by the thread that asks first.

        It takes a second at a million, and several threads ask at once.
        """
        return self._once("reference", lambda: StreamedTable(reference_table(self.explored)))

    @cached_property
    def _about(self) -> About:
        can = Abilities(judge=self.judge is not None, decide=True, search=False)
        atlas = None if self.atlases is None else self.atlases.about
        return about_of(self.explored, self.made, atlas, can, {})

    @property
    def about(self) -> About:
        """The document of the page, with how far the sheets are."""
        ready, gone = (0, 0) if self.atlases is None else self.atlases.progress
        more = {
            "kept": self.keeping.sentence,
            "pictures": {
                "samples": self.pictures.can(SAMPLE), "reference": self.pictures.can(REFERENCE),
                "sheets_ready": ready, "gone": gone,
            },
        }  # fmt: skip
        return replace(self._about, more=more)

    def start(self) -> None:
        """Begin what is made in the background."""
        if self.atlases is not None:
            self.atlases.start()
        Thread(target=self._warm, name="rara warm", daemon=True).start()

    def _warm(self) -> None:
        """What the first answer would wait for otherwise.

        An error of the reference comes again when somebody asks. At the end no thread starts.
        """
        with suppress(RaraError, RuntimeError):
            _ = self._about
            neighbours_of(self.explored, SAMPLE, 0, 1, self.run)
            if self.judge is not None:
                self.judge.judge.warm()

    def close(self) -> None:
        """Wait for what is under way, and begin nothing new."""
        if self.atlases is not None:
            self.atlases.stop()
        self.crew.close()
