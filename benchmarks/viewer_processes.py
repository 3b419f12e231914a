"""The processes of a viewer: started in a home of their own, counted, and ended.

A viewer may start a database and more; a mark in the environment tells which processes are its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from viewer_jobs import READY

MARK = "RARA_VIEWER_MARK"
QUIETLY = {
    "FIFTYONE_DO_NOT_TRACK": "1", "WANDB_MODE": "offline", "WANDB_SILENT": "true",
    "DO_NOT_TRACK": "1",
}  # fmt: skip


class FailedError(RuntimeError):
    """A viewer did not do what it was asked; says why."""


def marked(process: psutil.Process, mark: str = "") -> bool:
    """Whether a process belongs to a viewer: to that of this mark, or to any."""
    try:
        found = process.environ().get(MARK)
    except psutil.Error:
        return False
    return found == mark if mark else found is not None


class Meter:
    """CPU seconds of processes that come and go; looks at them twice a second."""

    def __init__(self, own: Callable[[], Iterable[psutil.Process]]) -> None:
        self._own, self._spent, self._over = (
            own,
            dict[tuple[int, float], float](),
            threading.Event(),
        )
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.cpu()

    def cpu(self) -> float:
        """Until now."""
        for one in self._own():
            with contextlib.suppress(psutil.Error):
                times = one.cpu_times()
                self._spent[one.pid, one.create_time()] = times.user + times.system
        return sum(self._spent.values())

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()


class Server:
    """A viewer that runs."""

    def __init__(self, mark: str, begun: float) -> None:
        self.mark, self.begun, self.seconds = mark, begun, 0.0
        self._meter = Meter(self.processes)
        self.cpu = self._meter.cpu

    def processes(self) -> list[psutil.Process]:
        """All that carry the mark."""
        return [one for one in psutil.process_iter() if marked(one, self.mark)]

    def memory(self) -> int:
        """Bytes of all of them now; what they share is counted once."""
        total = 0
        for one in self.processes():
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss
        return total

    def end(self) -> None:
        """End them, children that were left behind too."""
        self._meter.end()
        for kill in (psutil.Process.terminate, psutil.Process.kill):
            running = self.processes()
            for one in running:
                with contextlib.suppress(psutil.Error):
                    kill(one)
            psutil.wait_procs(running, timeout=10)


def free_port() -> int:
    """Of this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def served(
    words: Sequence[Any], address: str, place: Path, limit: float, *, waits: bool
) -> Iterator[Server]:
    """A viewer whose address answers; its processes end with the block."""
    with started(words, place) as (process, server):
        log = place / "output.txt"
        while not (answers(address) and (not waits or READY in log.read_text("utf-8", "replace"))):
            if process.poll() is not None:
                raise FailedError(last_line(log))
            if time.monotonic() > server.begun + limit:
                raise FailedError(f"no answer within {limit:.0f} s")
            time.sleep(0.1)
        server.seconds = time.monotonic() - server.begun
        yield server


def finished(words: Sequence[Any], place: Path, limit: float) -> tuple[float, float]:
    """Seconds and CPU seconds of a command that ends by itself."""
    with started(words, place) as (process, server):
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise FailedError(f"not done within {limit:.0f} s") from None
        if code:
            raise FailedError(last_line(place / "output.txt"))
        return time.monotonic() - server.begun, server.cpu()


@contextmanager
def started(words: Sequence[Any], place: Path) -> Iterator[tuple[subprocess.Popen[bytes], Server]]:
    """A command in a home of its own; all its processes end with the block."""
    mark, home = secrets.token_hex(8), place / "home"
    system = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), MARK: mark}
    with (place / "output.txt").open("wb") as log:
        process = subprocess.Popen(
            [str(one) for one in words], cwd=place, stdout=log, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, **QUIETLY, **system},
        )  # fmt: skip
        server = Server(mark, time.monotonic())
        try:
            yield process, server
        finally:
            server.end()
            process.wait(10)


def answers(address: str) -> bool:
    """Whether the viewer sends its page."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def last_line(log: Path) -> str:
    """Of what a command said."""
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else "it ended without a word"
