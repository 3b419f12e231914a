"""`--decisions`: which file holds what people decided of pairs of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.opening import Sides
from rara.cli.options import VERDICTS
from rara.decisions.decisions import Decisions
from rara.reference.reference import Reference


@Parameter(name="*", group=VERDICTS)
@dataclass(frozen=True)
class Deciding:
    """Where decisions are kept."""

    decisions: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            show_default="decisions.csv of a saved reference",
            help="What people decided of pairs of pictures, as `rara decide` writes it.",
        ),
    ] = None

    def read(self, sides: Sides) -> Decisions:
        """The decisions that hold, read before the work."""
        if self.decisions is not None:
            return Decisions.load(self.decisions)
        saved = sides.reference
        held = saved.decisions if isinstance(saved, Reference) else Decisions()
        len(held)  # reads the file: a mistake in it is found now
        return held
