"""Sheets of thumbnails: made in the background one by one, kept in the cache, asked for by number.

    points of a sheet --pictures--> cells --WebP--> cache     what was asked for last is made first

Of very many sheets, only those that are asked for are made. One sheet is in memory at a time. A
picture that is gone leaves its cell transparent and is counted.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from PIL import Image

from rara.errors import RaraError, UnwritableError
from rara.explorer.about import AtlasAbout
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.point_pictures import PointPictures
from rara.run import Run
from rara.storage.atomic import write_file
from rara.storage.cache import cache_folder
from rara.storage.plain_files import open_plain, read_plain

CELL: Final = 48
SIDE: Final = 2048
"""The longest side of a sheet in pixels."""
EAGER: Final = 48
"""Where there are more sheets, none is made before it is asked for."""
_VERSION: Final = 1
_MOST_BYTES: Final = 64 << 20
_HEAD: Final = 100


@dataclass(slots=True)
class _State:
    """What is done and what is to do, behind one lock."""

    todo: list[int]
    gaps: dict[int, int] = field(default_factory=dict)
    """Missing pictures of each sheet that is ready."""
    making: int | None = None
    failed: set[int] = field(default_factory=set)
    """Sheets that could not be kept."""
    stopped: bool = False


class Atlases:
    """The sheets of a run. `sheet` may be called from any thread."""

    def __init__(self, explored: Explored, pictures: PointPictures, run: Run) -> None:
        self._explored, self._pictures, self._run = explored, pictures, run
        self.across = min(SIDE // CELL, max(1, math.ceil(math.sqrt(len(explored)))))
        self.cells = self.across**2
        self.sheets = math.ceil(len(explored) / self.cells)
        self._state, self._changed = _State(self._eager()), Condition()
        self._thread: Thread | None = None

    def _eager(self) -> list[int]:
        return list(range(self.sheets)) if self.sheets <= EAGER else []

    @property
    def about(self) -> AtlasAbout:
        """How thumbnails lie on the sheets."""
        return AtlasAbout(cell=CELL, across=self.across, sheet=self.cells, sheets=self.sheets)

    @property
    def progress(self) -> tuple[int, int]:
        """How many sheets are ready, and how many of their pictures are gone."""
        with self._changed:
            return len(self._state.gaps), sum(self._state.gaps.values())

    @property
    def kept(self) -> bool:
        """Whether the cache has the first sheet, though the pictures may be gone."""
        return self._gone(0) is not None

    def start(self) -> None:
        """Make what the cache lacks in a thread of its own."""
        self._thread = Thread(target=self._go_on, name="rara atlases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no further sheet, and wait for the one at work."""
        with self._changed:
            self._state.stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def sheet(self, number: int, *, wait: float = 0) -> bytes | None:
        """A sheet as WebP; None where it is not ready after so many seconds: it comes next."""
        with self._changed:
            state = self._state
            if number in state.todo:
                state.todo.remove(number)
            if number not in (*state.gaps, *state.failed, state.making):
                state.todo.insert(0, number)
                self._changed.notify_all()
            self._changed.wait_for(
                lambda: number in state.gaps or number in state.failed or state.stopped, wait
            )
            ready, failed = number in state.gaps, number in state.failed
        kept = self._kept(number) if ready else None
        return self.make(number)[0] if failed or (ready and kept is None) else kept

    def make(self, number: int) -> tuple[bytes, int]:
        """One sheet, and how many of its pictures are gone."""
        first = number * self.cells
        points = range(first, min(first + self.cells, len(self._explored)))
        sheet = Image.new("RGBA", (self.across * CELL, self.across * CELL))
        there, boundary = 0, self._explored.count(REFERENCE)
        for side, rows in (
            (REFERENCE, [point for point in points if point < boundary]),
            (SAMPLE, [point - boundary for point in points if point >= boundary]),
        ):
            for row, image in self._pictures.each(side, rows):
                cell = row + boundary * side - first
                thumbnail = fitted(image)
                left = cell % self.across * CELL + (CELL - thumbnail.width) // 2
                top = cell // self.across * CELL + (CELL - thumbnail.height) // 2
                sheet.paste(thumbnail, (left, top))
                there += 1
                if self._state.stopped:
                    break  # what is half done is not kept
        buffer = io.BytesIO()
        sheet.save(buffer, "WEBP", quality=80, method=2)
        return buffer.getvalue(), len(points) - there

    def _go_on(self) -> None:
        """Everything at first, then what is asked for, until the end."""
        self.work()
        while self._waits():
            self._make_all()

    def work(self) -> None:
        """Make every sheet that the cache lacks, then those again that lack pictures."""
        looked = {number: self._gone(number) for number in range(self.sheets)}
        gaps = {number: gone for number, gone in looked.items() if gone is not None}
        for number, gone in gaps.items():
            self._done(number, gone)
        self._make_all()
        for number in [one for one, gone in gaps.items() if gone]:  # they may be back by now
            data, gone = self.make(number)
            if self._state.stopped:
                return
            if gone < gaps[number]:
                self._keep(number, data, gone)
            self._make_all()

    def _make_all(self) -> None:
        while (number := self._next()) is not None:
            data, gone = self.make(number)
            if not self._state.stopped:
                self._keep(number, data, gone)

    def _next(self) -> int | None:
        with self._changed:
            state = self._state
            state.making = state.todo.pop(0) if state.todo and not state.stopped else None
            return state.making

    def _waits(self) -> bool:
        """Whether there is more to do, once there is; false at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.todo or self._state.stopped)
            return not self._state.stopped

    def _done(self, number: int, gone: int) -> None:
        with self._changed:
            self._state.gaps[number] = gone
            if number in self._state.todo:
                self._state.todo.remove(number)
            self._changed.notify_all()

    def _keep(self, number: int, data: bytes, gone: int) -> None:
        """With the count of what is gone in front, so that both are whole or not there."""
        head = json.dumps({"gone": gone}).encode() + b"\n"
        try:
            write_file(self._place(number), lambda file: file.write(head + data))
        except UnwritableError:
            with self._changed:
                self._state.failed.add(number)
                self._changed.notify_all()
            return
        self._done(number, gone)

    def _kept(self, number: int) -> bytes | None:
        with suppress(OSError, RaraError):
            _, _, data = read_plain(self._place(number), most=_MOST_BYTES).partition(b"\n")
            return data if data[:4] == b"RIFF" else None
        return None

    def _gone(self, number: int) -> int | None:
        """How many pictures a sheet in the cache lacks; None where the cache has no such sheet."""
        with suppress(OSError, RaraError, ValueError, KeyError, TypeError):
            with open_plain(self._place(number)) as file:
                head, magic = file.readline(_HEAD), file.read(4)
            return int(json.loads(head)["gone"]) if magic == b"RIFF" else None
        return None

    def _place(self, number: int) -> Path:
        folder = (self._run.cache or cache_folder()) / "atlases"
        return folder / f"{self._name(number)}.sheet"

    def _name(self, number: int) -> str:
        """By the contents of its pictures, in order."""
        first, boundary = number * self.cells, self._explored.count(REFERENCE)
        last = min(first + self.cells, len(self._explored))
        theirs, ours = (items["digest"] for items in self._explored.items)
        theirs = theirs.slice(first, max(0, min(last, boundary) - first))
        start = max(0, first - boundary)
        ours = ours.slice(start, max(0, last - boundary - start))
        key = [str(_VERSION), str(CELL), str(self.across), *theirs.to_pylist(), "|",
               *ours.to_pylist()]  # fmt: skip
        return hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]


def fitted(image: Image.Image) -> Image.Image:
    """A picture as large as fits a cell."""
    scale = CELL / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if scale >= 2:
        return image.convert("RGB").resize(size, Image.Resampling.NEAREST)
    return image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
