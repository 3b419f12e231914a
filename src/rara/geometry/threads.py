"""Threads that take tiles in turn.

Tiles are numpy products and compiled loops, and both release the interpreter lock. The matrix
library is limited to one thread, because each thread has its own tile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType
from typing import Self, TypeVar

from threadpoolctl import ThreadpoolController

from rara.machine import cores

Task = TypeVar("Task")


@cache
def _libraries() -> ThreadpoolController:
    """The matrix libraries that numpy loaded; to look for them takes longer than one sample."""
    return ThreadpoolController()


def one_core() -> AbstractContextManager[object]:
    """Limit the matrix library to one thread inside the context."""
    limits: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limits


class Crew:
    """Threads that share a list of tasks; a context manager."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="rara")
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._limits = _libraries().limit(limits=1, user_api="blas")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._limits.restore_original_limits()

    def each(self, work: Callable[[Task, int], None], tasks: Iterable[Task]) -> None:
        """Call `work(task, worker)` for every task; the first error stops all and is raised."""
        queue = iter(tasks)
        lock = threading.Lock()
        failed = threading.Event()

        def take(worker: int) -> None:
            while not (self._stop.is_set() or failed.is_set()):
                with lock:
                    task = next(queue, None)
                if task is None:
                    return
                try:
                    work(task, worker)
                except BaseException:
                    failed.set()
                    raise

        for future in [self._pool.submit(take, worker) for worker in range(self.threads)]:
            future.result()
