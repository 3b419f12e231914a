"""Progress on stderr: a bar in a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from rara.cli.printing import notes_console, tell
from rara.embed import Progress
from rara.text import plain


def progress_on() -> Progress:
    """A bar where somebody looks, else lines."""
    console = notes_console()
    return _Bar(console) if console.is_terminal else _Lines()


class _Rate(ProgressColumn):
    """Things a second, in the unit of the step."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{_short(speed)}/s", style="progress.data.speed")


class _Bar:
    """A moving bar with rate, time left and skipped images."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self, total: int | None, what: str) -> None:
        self._skipped = self._cached = 0
        few = total is None or total < 10**7
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *([MofNCompleteColumn()] if few else [TextColumn("{task.percentage:>3.0f} %")]),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._bars.add_task(plain(what), total=total, note="")
        self._bars.start()

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        self._skipped += skipped
        self._cached += cached
        self._bars.update(
            self._task,
            advance=done + cached + skipped,
            note=_note(self._cached, self._skipped),
        )

    def finish(self) -> None:
        self._bars.stop()


class _Lines:
    """One line when a step ends, for logs."""

    def start(self, total: int | None, what: str) -> None:
        self._what, self._begun = what, time.monotonic()
        self._done = self._cached = self._skipped = 0

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        self._done += done
        self._cached += cached
        self._skipped += skipped

    def finish(self) -> None:
        total = self._done + self._cached + self._skipped
        note = _note(self._cached, self._skipped)
        seconds = time.monotonic() - self._begun
        tell(f"{self._what}: {total:,} in {seconds:.1f} s{note and f', {note}'}")


def _note(cached: int, skipped: int) -> str:
    parts = [f"{cached:,} known" * bool(cached), f"{skipped:,} skipped" * bool(skipped)]
    return ", ".join(filter(None, parts))


def _short(value: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
