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


@Parameter(name="*", group=VERDICTS)
@dataclass(frozen=True)
class MadeDeciding(Deciding):
    """The same where the command decides, too: a file that is not there yet is made."""

    decisions: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="The file that holds what people decide of pairs; made when it is first needed.",
        ),
    ] = None

    def opened(self) -> Decisions | None:
        """What is in the file, read now; None where none is given."""
        held = None if self.decisions is None else Decisions(self.decisions)
        if held is not None:
            len(held)  # reads the file: a mistake in it is found now
        return held

    def read(self, sides: Sides) -> Decisions:
        """The decisions that hold; those of the reference where the file is not made yet."""
        there = self.decisions is not None and self.decisions.exists()
        return Deciding(self.decisions if there else None).read(sides)
