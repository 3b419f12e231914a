"""What one look found, as the log keeps it.

row of figures, CopyTest --Look--> record --journal--> Look again, in a later run
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rara.provenance.json_format import JsonObject

FIGURES = (
    *("yield", "copies", "copies_excess", "off_manifold", "off_manifold_excess"),
    *("coverage", "repeats", "inside"),
)
"""What loggers get, each with its interval where it has one."""


@dataclass(frozen=True, slots=True)
class Look:
    """The figures of a generator at one step of its training.

    `look["yield"]` gives a figure by the name of its column, and None where it has no value:
    docs/how-to/watch-a-training-run.md names them.
    """

    step: int
    number: int
    """Of the look, from 1."""
    figures: JsonObject = field(repr=False)
    """The row of `rara compare`, and what the watcher adds."""
    alarm: bool
    """Whether this look shows copying."""
    why: str | None
    """One sentence where it does."""

    def __getitem__(self, name: str) -> object:
        return self.figures[name]

    @classmethod
    def of_record(cls, record: JsonObject) -> Look | None:
        """From a line of the log; None where it holds no look."""
        step, number, why = record.get("step"), record.get("look"), record.get("alarm_why")
        if record.get("event") != "look" or not (_whole(step) and _whole(number)):
            return None
        assert isinstance(step, int)
        assert isinstance(number, int)
        raised = record.get("alarm") is True
        record = {name: value for name, value in record.items() if name not in ("event", "time")}
        return cls(step, number, record, raised, why if isinstance(why, str) else None)

    def scalars(self) -> dict[str, float]:
        """What loggers get: `rara/yield`, `rara/yield_low` and so on, and `rara/alarm`."""
        found: dict[str, float] = {"rara/alarm": float(self.alarm)}
        for figure in FIGURES:
            for name in (figure, f"{figure}_low", f"{figure}_high"):
                value = self.figures.get(name)
                if isinstance(value, (int, float)):
                    found[f"rara/{name}"] = float(value)
        return found


def after(looks: list[Look], new: Look) -> list[Look]:
    """The looks of a run with one more: where training went back, what lay ahead is gone."""
    return [*(one for one in looks if one.step < new.step), new]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
