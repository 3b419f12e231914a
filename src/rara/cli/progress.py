"""Progress on stderr: a line that moves in a terminal, a line now and then in a log.

    step: total, what --started, advanced--> "1,020 / 4,000 · 77/s · 40 s left"

A step may begin within another one, which goes on when the inner one has ended.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Event, Thread

from rich.console import Console, Group, RenderableType
from rich.progress import Progress as Bars
from rich.progress import ProgressColumn, Task
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rara.cli.printing import notes_console, tell
from rara.report.formatting import shorten
from rara.run import Progress
from rara.text import plain

EVERY = 10.0
"""Seconds from line to line in a log."""

WINDOW = 20.0
"""Seconds over which a rate is taken."""

LARGEST_COUNT = 10**7
"""More things are shown in percent."""

BAR = (10, 40)
"""Columns of a bar: with less room there is none."""

WORTH_A_LINE = 1.0
"""Seconds after which the end of a step gets a line, even where it counted nothing."""


def progress_on() -> Progress:
    """A moving line where somebody looks, else lines for a log."""
    console = notes_console()
    moves = console.is_terminal and not console.is_dumb_terminal
    return _Bar(console) if moves else _Lines()


@dataclass(slots=True)
class Step:
    """How far one step is, and the same in words."""

    what: str
    total: int | None
    begun: float = field(default_factory=lambda: time.monotonic())
    done: int = 0
    cached: int = 0
    skipped: int = 0
    outer: bool = False
    """Whether other steps began within it: each of them gets a last line, and it gets none."""
    _recent: deque[tuple[float, int]] = field(default_factory=deque)
    """Counts of late, for the rate."""

    def __post_init__(self) -> None:
        self._recent.append((self.begun, 0))

    @property
    def count(self) -> int:
        """Things that are finished, one way or another."""
        return self.done + self.cached + self.skipped

    @property
    def seconds(self) -> float:
        """How long it has taken by now."""
        return time.monotonic() - self.begun

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        """So many more."""
        self.done, self.cached = self.done + done, self.cached + cached
        self.skipped += skipped
        now = time.monotonic()
        if now - self._recent[-1][0] > WINDOW / 40:
            self._recent.append((now, self.count))
            while now - self._recent[0][0] > WINDOW:  # never the one just added
                self._recent.popleft()

    def rate(self) -> float | None:
        """Things a second of late; None before there are counts."""
        since, before = self._recent[0]
        seconds = time.monotonic() - since
        return (self.count - before) / seconds if seconds > 0 and self.count > before else None

    def now(self, columns: int | None = None) -> str:
        """Where it stands; what does not fit into so many columns is left out from the end."""
        parts = [self._counted(), *self._pace(), *self._unusual()]
        while columns is not None and len(parts) > 1 and len(" · ".join(parts)) > columns:
            parts.pop()
        return " · ".join(parts)

    def end(self) -> str:
        """What it came to."""
        counted = f"{self.count:,} in " if self.count else ""
        return ", ".join([f"{self.what}: {counted}{_seconds(self.seconds)}", *self._unusual()])

    def _counted(self) -> str:
        if self.total is None:
            return f"{self.count:,}" if self.count else f"{self.seconds:.0f} s"
        if self.total >= LARGEST_COUNT:
            return f"{self.count / self.total:.0%}".replace("%", " %")
        return f"{self.count:,} / {self.total:,}"

    def _pace(self) -> list[str]:
        rate = self.rate()
        if rate is None:
            return []
        left = [] if self.total is None else [f"{_time((self.total - self.count) / rate)} left"]
        return [f"{_short(rate)}/s", *left]

    def _unusual(self) -> list[str]:
        named = ((self.cached, "known"), (self.skipped, "skipped"))
        return [f"{count:,} {word}" for count, word in named if count]


class _Bar:
    """The name of a step, and below it one line that moves; both go when it has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[Step] = []
        self._shown: Bars | None = None

    def start(self, total: int | None, what: str) -> None:
        for outer in self._steps[-1:]:
            outer.outer = True
        self._steps.append(Step(plain(what), total))
        self._show()

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        self._steps[-1].advance(done=done, cached=cached, skipped=skipped)

    def finish(self) -> None:
        step = self._steps.pop()
        self._clear()
        if step.seconds >= WORTH_A_LINE and not step.outer:
            tell(shorten(step.end(), self._console.width - 1))
        self._show()

    def _show(self) -> None:
        """Show the innermost step, with bars of its own: rich's cannot be begun again."""
        self._clear()
        if self._steps:
            self._shown = Bars(
                _Line(self._steps[-1], self._console),
                console=self._console,
                transient=True,
                redirect_stdout=False,  # the console writes to what would be redirected to it
                redirect_stderr=False,
            )
            self._shown.add_task("")
            self._shown.start()

    def _clear(self) -> None:
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


class _Line(ProgressColumn):
    """A step as two lines that fit: its name, then how far it is and a bar if there is room."""

    def __init__(self, step: Step, console: Console) -> None:
        super().__init__()
        self._step, self._console = step, console
        self._spinner = Spinner("dots", style="progress.spinner")

    def render(self, task: Task) -> RenderableType:
        columns = self._console.width - 1
        now = self._step.now(columns - 2)
        line = Table.grid(padding=(0, 1))
        line.add_row(self._spinner, Text(now, no_wrap=True), *self._bar(columns - len(now) - 3))
        return Group(Text(shorten(self._step.what, columns), no_wrap=True), line)

    def _bar(self, room: int) -> list[RenderableType]:
        least, most = BAR
        if self._step.total is None or room < least:
            return []
        width = min(room, most)
        return [ProgressBar(total=self._step.total, completed=self._step.count, width=width)]


class _Lines:
    """A line every ten seconds and one when a step ends, for logs."""

    def __init__(self) -> None:
        self._steps: list[tuple[Step, _Pulse]] = []

    def start(self, total: int | None, what: str) -> None:
        for outer, pulse in self._steps[-1:]:
            outer.outer = True
            pulse.stop()
        step = Step(what, total)
        self._steps.append((step, _Pulse(step)))

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        self._steps[-1][0].advance(done=done, cached=cached, skipped=skipped)

    def finish(self) -> None:
        step, pulse = self._steps.pop()
        pulse.stop()
        if not step.outer and (step.count or step.seconds >= WORTH_A_LINE):
            tell(step.end())
        if self._steps:
            outer = self._steps[-1][0]
            self._steps[-1] = outer, _Pulse(outer)


class _Pulse:
    """Writes where a step stands every ten seconds, also while nothing advances."""

    def __init__(self, step: Step) -> None:
        self._ended = Event()
        self._thread = Thread(target=self._beat, args=(step,), name="rara log", daemon=True)
        self._thread.start()

    def _beat(self, step: Step) -> None:
        while not self._ended.wait(EVERY):
            tell(f"{step.what}: {step.now()}")

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else _time(seconds)


def _time(seconds: float) -> str:
    """`40 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _short(value: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
